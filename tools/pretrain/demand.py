"""Counts and demand: whole numbers, rare sales, nights and weekends at exactly zero."""

import numpy as np

from gruforecast.arrays import Array
from tools.pretrain.draws import Ask, filtered
from tools.pretrain.levels import levels
from tools.pretrain.noise import white
from tools.pretrain.shapes import drifting, profiles, seasons, weekdays_off
from tools.pretrain.structural import paths


def rates(ask: Ask, n: int) -> Array:
    """Return rates (n, rows) with mean 1, level and season: what counts are drawn from."""
    size = ask.log_uniform(0.1, 1, n)
    rate = np.exp(np.clip(size * (levels(ask, n) + seasons(ask, n)), -8, 8))
    return rate / rate.mean(axis=1, keepdims=True)


def counts(ask: Ask, n: int) -> Array:
    """Return whole numbers (n, rows): Poisson, a third of them with a larger variance (negative binomial)."""
    rate = rates(ask, n) * ask.log_uniform(0.2, 200, n)
    wide = ask.some(n, 0.35)
    shape = ask.log_uniform(0.5, 20, int(wide.sum()))
    rate[wide] *= ask.rng.standard_gamma(np.broadcast_to(shape, rate[wide].shape)).astype(np.float32) / shape
    return ask.rng.poisson(np.minimum(rate, 1e5)).astype(np.float32)


def intermittent(ask: Ask, n: int) -> Array:
    """Return rare demand (n, rows): mostly zero, with season, trend, sizes in lots, or dying out."""
    chance = np.minimum(rates(ask, n) * ask.log_uniform(0.03, 0.7, n), 1)
    dying = ask.some(n, 0.1)
    k = int(dying.sum())
    chance[dying] *= np.exp(-np.maximum(ask.time - ask.times(k), 0) * ask.log_uniform(2, 40, k) / ask.rows)
    sale = ask.rng.random((n, ask.rows), np.float32) < chance
    size = np.ceil(ask.rng.standard_exponential((n, ask.rows), np.float32) * ask.log_uniform(0.3, 20, n))
    lot = np.where(ask.some(n, 0.25), ask.rng.integers(2, 25, n), 1)[:, None]
    return (sale * size * lot).astype(np.float32)


def day_factors(ask: Ask, n: int) -> Array:
    """Return the factor of each season (n, rows): slow changes, and weather from one day to the next."""
    count = -(-ask.rows // ask.season)
    slow = np.cumsum(ask.normal(n, count) * ask.log_uniform(0.005, 0.3, n), axis=1)
    weather = filtered(ask.normal(n, count), ask.uniform(0, 0.8, n)) * ask.mostly(ask.log_uniform(0.02, 0.6, n), 0.8)
    factors = np.exp(np.clip(slow, -1.5, 1.5) + np.clip(weather, -3, 1))
    return np.repeat(factors, ask.season, axis=1)[:, : ask.rows]


def nights(ask: Ask, n: int) -> Array:
    """Return days with nights at exactly zero (n, rows): daylight, shops, a plant's traffic."""
    profile = np.maximum(profiles(ask, n, ask.season) - ask.uniform(-0.6, 0.8, n), 0)
    curve = profile[:, np.arange(ask.rows) % ask.season]
    noise = np.exp(np.clip(ask.mostly(ask.log_uniform(0.01, 0.4, n), 0.85) * white(ask, n), -3, 2))
    series = curve * day_factors(ask, n) * noise
    closed = ask.some(n, 0.3)
    k = int(closed.sum())
    day = np.arange(ask.rows) // ask.season % 7
    series[closed] *= np.where(weekdays_off(ask, k)[:, day], ask.mostly(ask.uniform(0, 0.7, k), 0.5), 1)
    return series


def closed(ask: Ask, n: int) -> Array:
    """Return series that are zero at a few phases of each season (n, rows): weekends, shut months."""
    phase = np.arange(ask.rows) % ask.season
    some = ask.rng.random((n, ask.season)) < ask.uniform(0.05, 0.5, n)
    off = weekdays_off(ask, n) if ask.season == 7 else some
    series = np.exp(np.clip(paths(ask, n) * ask.log_uniform(0.05, 0.8, n), -8, 8))
    return np.where(off[:, phase], 0, series)


def light(ask: Ask, n: int) -> Array:
    """Return series that are mostly near zero with a season of bursts (n, rows): rain, heating, ice-cream."""
    latent = drifting(ask, profiles(ask, n, ask.season)) * ask.uniform(0.2, 2, n)
    latent = latent + filtered(ask.normal(n, ask.rows), ask.uniform(0, 0.9, n))
    return np.maximum(latent - ask.uniform(-0.5, 1, n), 0) ** ask.uniform(0.7, 2, n)

"""Machines, markets and nature: series that are not level, season and noise."""

import numpy as np

from tools.pretrain.draws import Ask, Floats, filtered, standardised
from tools.pretrain.noise import white
from tools.pretrain.shapes import drifting, profiles
from tools.pretrain.structural import paths


def prices(ask: Ask, n: int) -> Floats:
    """Return random walks in the logarithm (n, rows): prices, rates; some return to a mean, some calm and wild."""
    root = np.where(ask.some(n, 0.6)[:, None], 1, ask.uniform(0.9, 1, n)).astype(np.float32)
    drift = ask.mostly(ask.normal(n, 1) * np.float32(0.1), 0.5)
    return np.exp(np.clip(filtered((white(ask, n) + drift) * ask.log_uniform(2e-3, 0.1, n), root), -10, 10))


def cycles(ask: Ask, n: int) -> Floats:
    """Return waves whose length and height change (n, rows), steeper up than down or the reverse: sunspots, lynx."""
    own = ask.log_uniform(6, 14 if ask.season == 1 else 60, n)
    pace = np.exp(
        filtered(ask.normal(n, ask.rows) * np.float32(0.03), np.full((n, 1), 0.97, np.float32)) * ask.uniform(0, 1.5, n)
    )
    turn = (np.cumsum(pace / own, axis=1) + ask.uniform(0, 1, n)).astype(np.float32)
    rise = ask.uniform(0.2, 0.7, n)
    phase = turn % 1
    half = np.where(phase < rise, phase / (2 * rise), 0.5 + (phase - rise) / (2 - 2 * rise))
    wave = ((1 - np.cos(2 * np.pi * half)) / 2) ** ask.log_uniform(0.6, 3, n)
    heights = np.exp(np.clip(ask.uniform(0, 0.6, n) * ask.normal(n, int(turn.max(initial=0)) + 2), -2, 2))
    series = wave * np.take_along_axis(heights, turn.astype(np.int64), axis=1)
    noise = ask.log_uniform(0.01, 0.3, n) * (0.3 + wave) * white(ask, n)
    return np.maximum(series + noise, 0) + ask.mostly(ask.log_uniform(0.01, 2, n), 0.7)


def tanks(ask: Ask, n: int) -> Floats:
    """Return levels that fill slowly and empty at once, or the reverse (n, rows)."""
    length = ask.log_uniform(8, max(ask.rows / 2, 9), n)
    inflow = np.exp(ask.uniform(0, 0.6, n) * ask.normal(n, ask.rows)) / length
    level = np.cumsum(inflow, axis=1).astype(np.float32) % 1
    level = np.where(ask.some(n, 0.4)[:, None], 1 - level, level)
    return level + ask.log_uniform(1e-3, 0.1, n) * ask.normal(n, ask.rows) + ask.uniform(0.05, 1, n)


def machines(ask: Ask, n: int) -> Floats:
    """Return two states with noise (n, rows): on and off, by chance, by season, or both."""
    latent = ask.log_uniform(0.05, 1.5, n) * filtered(ask.normal(n, ask.rows), ask.uniform(0.3, 0.99, n))
    latent += ask.mostly(ask.uniform(0.5, 3, n), 0.6) * drifting(ask, profiles(ask, n, ask.season))
    on = latent > ask.uniform(-1, 1, n) * latent.std(axis=1, keepdims=True)
    busy = 1 + ask.log_uniform(1e-3, 0.3, n) * white(ask, n)
    idle = ask.mostly(ask.uniform(0, 0.5, n), 0.5) * (1 + ask.log_uniform(1e-3, 0.1, n) * ask.normal(n, ask.rows))
    return np.where(on, busy, idle)


def saturating(ask: Ask, n: int) -> Floats:
    """Return series cut at a ceiling, a floor or both (n, rows): full car parks, sensors at their limit."""
    series = standardised(paths(ask, n))
    ceiling = np.where(ask.some(n, 0.7)[:, None], ask.uniform(0, 1.8, n), 99)
    floor = np.where(ask.some(n, 0.5)[:, None], -ask.uniform(0.2, 1.8, n), -99)
    return np.clip(series, floor, ceiling) + 2 * ask.mostly(ask.uniform(0.5, 3, n), 0.8)


def temperatures(ask: Ask, n: int) -> Floats:
    """Return a smooth wave a season under weather that changes over days (n, rows): clear days swing more."""
    day = ask.season
    phase = 2 * np.pi * ask.time / day + ask.uniform(0, 6.28, n)
    wave = np.cos(phase) + ask.uniform(0, 0.4, n) * np.cos(2 * phase + ask.uniform(0, 6.28, n))
    root = np.exp(-1 / (day * ask.log_uniform(0.3, 8, n)))
    weather = filtered(ask.normal(n, ask.rows), root) * np.sqrt(1 - root**2)
    cloud = filtered(ask.normal(n, ask.rows), root) * np.sqrt(1 - root**2)
    swing = np.exp(np.clip(ask.uniform(0, 0.7, n) * cloud, -2, 1))
    sea = ask.mostly(ask.log_uniform(0.3, 5, n), 0.5) * np.sin(ask.time / (58 * day) + ask.uniform(0, 6.28, n))
    noise = ask.log_uniform(5e-3, 0.3, n) * ask.normal(n, ask.rows)
    return swing * wave + ask.log_uniform(0.2, 4, n) * weather + sea + noise + ask.uniform(-10, 10, n)


def bursts(ask: Ask, n: int) -> Floats:
    """Return rare bursts that fade over a quiet level (n, rows): clicks, storms, epidemics."""
    rate = ask.log_uniform(0.005, 0.2, n)
    hit = ask.rng.random((n, ask.rows), np.float32) < rate
    shots = np.where(hit, np.exp(ask.uniform(0.2, 1.2, n) * ask.normal(n, ask.rows)), np.float32(0))
    waves = filtered(filtered(shots, ask.uniform(0, 0.97, n)), ask.mostly(ask.uniform(0, 0.9, n), 0.4))
    level = np.exp(ask.uniform(0, 0.5, n) * paths(ask, n).clip(-6, 6))
    return waves * ask.log_uniform(0.3, 100, n) + level * ask.some(n, 0.75)[:, None]


def steps(ask: Ask, n: int) -> Floats:
    """Return levels that stay the same for a while (n, rows): tariffs, key rates, staff; some never move."""
    change = ask.rng.random((n, ask.rows), np.float32) < ask.log_uniform(1e-3, 0.2, n)
    moves = change * (ask.normal(n, ask.rows) + ask.normal(n, 1)) * ask.log_uniform(0.01, 0.4, n)
    noise = ask.mostly(ask.log_uniform(1e-6, 0.02, n), 0.4) * ask.normal(n, ask.rows)
    return np.exp(np.clip(np.cumsum(moves, axis=1), -8, 8)) + noise

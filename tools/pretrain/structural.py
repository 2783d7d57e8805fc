"""The home ground: level, season, calendar and noise, multiplied or added, in units of any size."""

import numpy as np

from tools.pretrain.draws import Ask, Floats, filtered, standardised
from tools.pretrain.levels import breaks, levels, walk
from tools.pretrain.months import calendar
from tools.pretrain.noise import remainder, white
from tools.pretrain.shapes import drifting, profiles, seasons, smooth_days, weekly


def paths(ask: Ask, n: int) -> Floats:
    """Return series without a unit (n, rows): level, season, calendar and noise added."""
    series = levels(ask, n) + seasons(ask, n) + remainder(ask, n)
    if ask.season in {4, 12}:
        who = ask.some(n, 0.3)
        series[who] += ask.log_uniform(0.01, 0.15, int(who.sum())) * calendar(ask, int(who.sum()))
    return series


def multiplied(ask: Ask, n: int) -> Floats:
    """Return positive series whose parts multiply (n, rows): sales, visitors, demand."""
    return exponential(ask, paths(ask, n))


def exponential(ask: Ask, series: Floats) -> Floats:
    """Return positive series whose logarithm is that of `series` (n, rows), times a spread."""
    return np.exp(np.clip(series * ask.log_uniform(0.03, 1, len(series)), -12, 12))


def above_zero(ask: Ask, n: int) -> Floats:
    """Return positive series whose parts add (n, rows): the lowest row lies near zero or far above."""
    series = paths(ask, n)
    return series - series.min(axis=1, keepdims=True) + ask.log_uniform(0.05, 20, n)


def any_sign(ask: Ask, n: int) -> Floats:
    """Return series of any sign (n, rows): balances, temperatures, changes."""
    return paths(ask, n) + 10 * ask.mostly(ask.normal(n, 1), 0.7)


def thriving(ask: Ask, n: int) -> Floats:
    """Return strong, growing seasons on a growing level (n, rows): visitors, travel, young markets."""
    profile = profiles(ask, n, ask.season)
    peaks = ask.uniform(-0.3, 1.1, n)  # a few high months rather than a few low ones
    season = drifting(ask, standardised(np.exp(np.clip(profile * peaks, -3, 3)) * np.sign(peaks)))
    slope = ask.log_uniform(0.02, 0.25, n) * np.where(ask.some(n, 0.92), 1, -0.5)[:, None] / max(ask.season, 4)
    slope = np.cumsum(slope * np.exp(ask.uniform(0, 1, n) * (0.5 - ask.time / ask.rows)), axis=1, dtype=np.float32)
    level = slope + ask.log_uniform(0.05, 0.4, n) * (walk(ask, n) * np.float32(0.3) + breaks(ask, n))
    noise = ask.log_uniform(0.02, 0.25, n) * white(ask, n)
    if ask.season in {4, 12}:
        noise += ask.mostly(ask.log_uniform(0.01, 0.1, n), 0.5) * calendar(ask, n)
    return np.exp(np.clip(level + ask.log_uniform(0.1, 0.9, n) * season + noise, -12, 12))


def growing(ask: Ask, n: int) -> Floats:
    """Return series that are mostly trend (n, rows): output, prices, staff, with little season and little noise."""
    span = ask.span(n)
    slope = ask.log_uniform(0.02, 0.4, n) * np.where(ask.some(n, 0.87), 1, -1)[:, None] / span
    damping = np.where(ask.some(n, 0.6)[:, None], 1, ask.uniform(0.7, 1, n) ** (1 / span)).astype(np.float32)
    turns = ask.mostly(ask.log_uniform(0.003, 0.2, n), 0.7) * ask.normal(n, ask.rows) / span**1.5
    turns[:, :1] += slope
    level = np.cumsum(filtered(turns, damping), axis=1) + ask.log_uniform(0.05, 0.4, n) * breaks(ask, n)
    level += np.cumsum(ask.log_uniform(0.005, 0.15, n) / np.sqrt(span) * ask.normal(n, ask.rows), axis=1)
    season = ask.mostly(ask.log_uniform(0.005, 0.25, n), 0.5) * drifting(ask, profiles(ask, n, ask.season))
    noise = ask.mostly(ask.log_uniform(3e-3, 0.1, n), 0.7) * white(ask, n)
    series = level + season + noise
    added = ask.some(n, 0.4)
    out = np.exp(np.clip(series, -12, 12))
    part = series[added]
    out[added] = part - part.min(axis=1, keepdims=True) + ask.log_uniform(0.05, 3, len(part))
    return out


def loads(ask: Ask, n: int) -> Floats:
    """Return smooth curves of days and weeks under weather that lasts (n, rows): electricity, traffic, networks.

    The noise of such series is smooth, too: a warm day is warm for hours, and busy hours vary most. Some are calm:
    the same day again and again on a slow drift.
    """
    size = ask.log_uniform(0.06, 0.8, n)
    calm = ask.some(n, 0.25)
    curves = smooth_days(ask, n)[:, np.arange(ask.rows) % ask.season]
    wander = ~calm & ask.some(n, 0.4)
    curves[wander] = drifting(ask, smooth_days(ask, int(wander.sum())))
    busy = ~calm & ask.some(n, 0.8)
    if ask.season % 7 or ask.season == 28:
        curves[busy] = weekly(ask, curves[busy], np.ones((int(busy.sum()), 1), np.float32), smooth_days)
    amount = np.where(calm[:, None], ask.log_uniform(3e-4, 0.02, n), ask.log_uniform(0.01, 0.8, n)).astype(np.float32)
    noise = amount * weather(ask, n)
    moved = ask.some(n, 0.5)
    curves[moved] *= np.exp(np.clip(amount[moved] * weather(ask, int(moved.sum())), -2, 1))
    noise += ask.mostly(ask.log_uniform(1e-3, 0.1, n), 0.5) * np.minimum(amount * 8, 1) * white(ask, n)
    trend = ask.mostly(ask.normal(n, 1) * np.float32(0.12), 0.7) * ask.time / (7 * ask.season)
    series = size * (curves + noise + trend)
    added = ask.some(n, 0.4)
    out = np.exp(np.clip(series, -9, 9))
    part = series[added]
    out[added] = part - part.min(axis=1, keepdims=True) + size[added] * ask.log_uniform(0.1, 10, len(part))
    return out


def weather(ask: Ask, n: int) -> Floats:
    """Return smooth noise that lasts for a part of a season up to several (n, rows), standardised."""
    lasting = np.exp(-1 / (ask.season * ask.log_uniform(0.1, 4, n)))
    quick = np.exp(-1 / (ask.season * ask.log_uniform(0.02, 0.3, n)))
    return standardised(filtered(filtered(ask.normal(n, ask.rows), lasting), quick))

"""Seasons: profiles of many shapes, and how they drift, grow, fade and break from season to season."""

from collections.abc import Callable

import numpy as np

from tools.pretrain.draws import Ask, Bools, Floats, pick, standardised


def harmonics(ask: Ask, n: int, length: int, most: int = 6) -> Floats:
    """Return smooth profiles (n, length): a few sines whose amplitudes fall."""
    k = np.arange(1, min(most, max(1, length // 2)) + 1, dtype=np.float32)
    angles = 2 * np.pi * k[:, None] * np.arange(length, dtype=np.float32) / length  # (k, length)
    waves = np.concatenate([np.cos(angles), np.sin(angles)]).astype(np.float32)  # (2k, length)
    fall = ask.uniform(0.1, 1, n) ** (k - 1)
    return (ask.normal(n, 2 * len(k)) * np.hstack([fall, fall])) @ waves


def rough(ask: Ask, n: int, length: int) -> Floats:
    """Return profiles (n, length) between smooth ones and random numbers."""
    return standardised(harmonics(ask, n, length)) + ask.log_uniform(0.2, 5, n) * ask.normal(n, length)


def spikes(ask: Ask, n: int, length: int) -> Floats:
    """Return profiles (n, length) of one or two high or low phases, such as December or August."""
    profiles = np.float32(0.3) * ask.uniform(0, 1, n) * ask.normal(n, length)
    for _ in range(2):
        profiles[np.arange(n), ask.rng.integers(0, length, n)] += 3 * ask.normal(n)
    return profiles


def boxes(ask: Ask, n: int, length: int) -> Floats:
    """Return profiles (n, length) that are high for a part of the season and low for the rest."""
    phase = np.arange(length, dtype=np.float32) / length
    high = (phase - ask.uniform(0, 1, n)) % 1 < ask.uniform(0.1, 0.9, n)
    return np.where(high, 1, -1).astype(np.float32) + ask.uniform(0, 0.5, n) * harmonics(ask, n, length)


def ramps(ask: Ask, n: int, length: int) -> Floats:
    """Return profiles (n, length) that rise for a part of the season and fall for the rest, in straight lines."""
    phase = (np.arange(length, dtype=np.float32) / length - ask.uniform(0, 1, n)) % 1
    top = ask.uniform(0.05, 0.95, n)
    return np.where(phase < top, phase / top, (1 - phase) / (1 - top)).astype(np.float32)


def day_curves(ask: Ask, n: int, length: int) -> Floats:
    """Return curves of a day (n, length): low at night, one to three humps of different width by day."""
    phase = np.arange(length, dtype=np.float32) / length
    curves = np.zeros((n, length), np.float32)
    start = ask.uniform(0, 1, n)
    for hump in (0.35, 0.55, 0.8):
        centre = start + hump + 0.05 * ask.normal(n, 1)
        width = ask.log_uniform(0.8, 15, n)
        height = np.maximum(ask.normal(n, 1) + 1, 0)
        curves += height * np.exp(width * (np.cos(2 * np.pi * (phase - centre)) - 1))
    return curves


def plateaus(ask: Ask, n: int, length: int) -> Floats:
    """Return curves of a day (n, length) with one broad, flat top and one flat bottom, steeper on one side."""
    turn = 2 * np.pi * (np.arange(length, dtype=np.float32) / length + ask.uniform(0, 1, n))
    turn = turn + ask.uniform(-0.7, 0.7, n) * np.sin(turn + ask.uniform(0, 6.28, n))
    flat = ask.log_uniform(0.4, 4, n)
    top = np.tanh(flat * (np.cos(turn) + ask.uniform(-0.6, 0.6, n)))
    return standardised(top) + ask.mostly(ask.uniform(0, 0.5, n), 0.7) * standardised(harmonics(ask, n, length, 4))


def smooth_days(ask: Ask, n: int) -> Floats:
    """Return smooth curves of a day (n, season), standardised: plateaus, humps, or a few sines."""
    which = pick(ask.rng, n, (5.0, 3.0, 2.0))
    curves = np.empty((n, ask.season), np.float32)
    for number, shape in enumerate((plateaus, day_curves, harmonics)):
        who = which == number
        curves[who] = shape(ask, int(who.sum()), ask.season)
    return standardised(curves)


def profiles(ask: Ask, n: int, length: int) -> Floats:
    """Return profiles of every shape (n, length) with mean 0 and standard deviation 1; zeros for length 1."""
    if length == 1:
        return np.zeros((n, 1), np.float32)
    shapes = [
        (3.0, harmonics),
        (2.0, rough),
        (1.5, spikes),
        (1.0, boxes),
        (0.5, ramps),
        (6.0 if length >= 20 else 0.0, day_curves),
        (6.0 if length >= 20 else 1.0, plateaus),
        (4.0 if length % 7 == 0 and length >= 28 else 0.0, weeks),
    ]
    which = pick(ask.rng, n, tuple(weight for weight, _ in shapes))
    out = np.empty((n, length), np.float32)
    for number, (_, shape) in enumerate(shapes):
        who = which == number
        if who.any():
            out[who] = shape(ask, int(who.sum()), length)
    return standardised(out)


def whole_profiles(ask: Ask, n: int) -> Floats:
    """Return profiles of the season that is asked for (n, season)."""
    return profiles(ask, n, ask.season)


def weeks(ask: Ask, n: int, length: int) -> Floats:
    """Return profiles of a week (n, length): the curve of a day, weekdays of their own weight, another weekend."""
    day = length // 7
    curves, weekend = standardised(day_curves(ask, n, day)), standardised(day_curves(ask, n, day))
    curves = curves - ask.uniform(0, 1, n) * curves.min(axis=1, keepdims=True)
    mix = ask.uniform(0, 1, n)
    weekend = mix * curves + (1 - mix) * weekend
    factors = 1 + 0.1 * ask.normal(n, 7)
    off = weekdays_off(ask, n)
    factors = factors * np.where(off, ask.uniform(0.3, 1.1, n), 1)
    days = np.where(off[:, :, None], weekend[:, None, :], curves[:, None, :])
    return (days * factors[:, :, None]).reshape(n, 7 * day).astype(np.float32)


def weekdays_off(ask: Ask, n: int) -> Bools:
    """Return which days of a week are its weekend (n, 7): two neighbours, sometimes one day."""
    day = (np.arange(7) - ask.rng.integers(0, 7, (n, 1))) % 7
    return day < np.where(ask.some(n, 0.8), 2, 1)[:, None]


def drifting(ask: Ask, profile: Floats) -> Floats:
    """Return seasons (n, rows) of profiles (n, length) that change from one season to the next.

    Most drift a little towards other profiles, some change every phase by itself, a few break from one shape to
    another; amplitudes grow or shrink.
    """
    n, length = profile.shape
    count = -(-ask.rows // length)
    number = np.arange(ask.rows) // length
    phase = np.arange(ask.rows) % length
    drift = ask.mostly(ask.log_uniform(0.01, 0.4, n), 0.6)
    weight = drift * np.cumsum(ask.normal(n, count), axis=1) * np.float32(0.7)
    broken = ask.some(n, 0.06)
    weight[broken] += np.arange(count) >= ask.rng.integers(0, count + 1, (int(broken.sum()), 1))
    keep = np.where(broken[:, None], 1 - np.clip(weight, 0, 1), 1)
    other = profiles(ask, n, length)
    seasons = keep[:, number] * profile[:, phase] + weight[:, number] * other[:, phase]
    own = ask.some(n, 0.4)
    k = int(own.sum())
    if k and length > 1:
        steps = ask.log_uniform(0.02, 0.3, k)[:, :, None] * ask.normal(k, count, length)
        seasons[own] += np.cumsum(steps, axis=1).reshape(k, -1)[:, : ask.rows]
    grow = ask.mostly(ask.normal(n, 1) * np.float32(0.06), 0.3) * np.arange(count)
    return seasons / np.sqrt(1 + weight[:, number] ** 2) * np.exp(np.clip(grow, -2, 2)).astype(np.float32)[:, number]


def weekly(ask: Ask, season: Floats, amplitude: Floats, day_of: Callable[[Ask, int], Floats]) -> Floats:
    """Return seasons (n, rows) of days with a week over them: factors on the day, or a level of each weekday.

    Args:
        season: the days (n, rows).
        amplitude: their size (n, 1).
        day_of: makes the days of a weekend that looks different (n, season).
    """
    n = len(season)
    day = np.arange(ask.rows) // ask.season + ask.rng.integers(0, 7)
    days = profiles(ask, n, 7)
    factors = 1 + np.clip(days * ask.uniform(0, 0.5, n), -0.9, 2)
    added = amplitude * ask.mostly(ask.uniform(0, 1, n), 0.5) * days
    out = season * factors[:, day % 7] + added[:, day % 7]
    who = ask.some(n, 0.3)  # a weekend with a day of another shape
    k = int(who.sum())
    off = weekdays_off(ask, k)[:, day % 7]
    mix = ask.uniform(0, 1, k)
    other = day_of(ask, k)[:, np.arange(ask.rows) % ask.season]
    other = mix * season[who] + (1 - mix) * amplitude[who] * other + added[who][:, day % 7]
    out[who] = np.where(off, other, out[who])
    return out


def slow(ask: Ask, n: int, length: int) -> Floats:
    """Return a second, smooth season (n, rows) of any length, even longer than the rows: a year over weeks or days."""
    narrow = Ask(ask.rng, length, ask.rows)
    start = ask.rng.integers(0, length, (n, 1))
    profile = standardised(harmonics(narrow, n, length, 3 if length > 60 else 6))
    return profile[np.arange(n)[:, None], (np.arange(ask.rows) + start) % length]


def seasons(ask: Ask, n: int) -> Floats:
    """Return seasons of every kind (n, rows), the second one included; a share of the series has none."""
    amplitude = ask.mostly(ask.log_uniform(0.02, 2 if ask.daily else 1.5, n), 0.9 if ask.daily else 0.72)
    paths: Floats = np.zeros((n, ask.rows), np.float32)
    if ask.season > 1:
        paths = amplitude * drifting(ask, profiles(ask, n, ask.season))
    second = ask.second
    share = 0.85 if second else 0.5
    if second is None and ask.season > 1 and (ask.daily or ask.season == 7) and ask.season % 7:
        second = 7 * ask.season  # real hours have a week whether it is asked for or not
    if second is None and ask.season == 7:
        second, share = 365, 0.3
    if second is None:
        return paths
    who = ask.some(n, share)
    k = int(who.sum())
    if second == 7 * ask.season and ask.daily:
        paths[who] = weekly(ask, paths[who], amplitude[who], whole_profiles)
    else:
        size = np.where(ask.some(k, 0.5)[:, None], amplitude[who], ask.log_uniform(0.05, 1.5, k))
        paths[who] += size * slow(ask, k, second)
    return paths

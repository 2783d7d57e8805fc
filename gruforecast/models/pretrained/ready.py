"""Ready forecasts of a window: simple forecasts that the pretrained network weighs at each step ahead.

All windows of a batch have one season length, and their last row is the last of a season: the phase of the row i of
N is (i - N) mod season, that of the step h (from 0) is h mod season. Values are scaled, zero where none is seen.
Exponential smoothing is a sum with fixed weights, so that there is no loop over rows.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Array, Bools, Single

RATES = (0.05, 0.15, 0.3, 0.5, 0.75, 1.0)  # of exponential smoothing
SLOW_RATE, FAST_RATE = RATES.index(0.15), RATES.index(0.5)
HOLT = ((0.5, 0.1, 0.9), (0.2, 0.05, 0.97))  # rate of the level, of the trend, damping
NEWEST = 128  # rows that smoothing looks at
FORGET = 0.75  # weight of a season in the profile, relative to the next one
READY = (
    "last season",
    "season before",
    "newest three seasons",
    "last season with drift",
    "second season ago",
    "second season ago, moved",
    "second profile",
    "newest value and profile",
    "fast smoothing and profile",
    "slow smoothing and profile",
    "level and profile",
    "theta",
    "fast damped trend",
    "slow damped trend",
    "newest line",
    "line",
    "mean and profile",
    "level",
    "newest value",
)


def masked_mean(values: Array, weights: Array, axis: int = 1) -> Array:
    """Return the weighted mean along `axis`, zero where no weight is."""
    total = weights.sum(axis)
    return (values * weights).sum(axis) / np.where(total > 0, total, 1.0)


def lagged(x: Array, seen: Array, lag: int) -> tuple[Array, Array]:
    """Return differences to `lag` rows before (n, N), zero where one of both is not seen, and where both are."""
    both, difference = np.zeros_like(seen), np.zeros_like(x)
    if lag < x.shape[1]:
        both[:, lag:] = seen[:, lag:] * seen[:, :-lag]
        difference[:, lag:] = (x[:, lag:] - x[:, :-lag]) * both[:, lag:]
    return difference, both


@dataclass(frozen=True)
class Profile:
    """The mean shape of a season.

    Attributes:
        shape, spread, counts: (n, season) mean of each phase as a distance from its season's mean, spread about it,
            and number of values.
        means, seen: (n, seasons) mean of each season without its shape, and share of its rows that were seen.
    """

    shape: Single
    spread: Single
    counts: Single
    means: Single
    seen: Single

    @classmethod
    def of(cls, x: Single, seen: Single, season: int) -> Profile:
        """Return the profile of scaled values (n, N); newer seasons count more, the trend within a season is removed.

        Seasons of which rows are missing count from the second pass on, in which their mean is taken without shape.
        """
        n, rows = x.shape
        seasons = rows // season
        values = x[:, rows - seasons * season :].reshape(n, seasons, season)
        mask = seen[:, rows - seasons * season :].reshape(values.shape)
        counts = mask.sum(2)
        if season == 1:
            zeros = np.zeros((n, 1), np.float32)
            return cls(zeros, zeros, counts.sum(1, keepdims=True), values[:, :, 0], counts)
        whole = counts >= 0.99 * season
        first = np.where(whole.any(1, keepdims=True), whole, counts > 0)
        weights = (FORGET ** np.arange(seasons)).astype(np.float32)[::-1, None] * mask
        shape = spread = np.zeros((n, season), np.float32)
        middle = np.arange(season, dtype=np.float32) - np.float32((season - 1) / 2)
        means = np.zeros((n, seasons), np.float32)
        for use in (weights * first[:, :, None], weights):
            means = masked_mean(values - shape[:, None], mask, 2)
            tilt = _tilt(means, counts > 0) / season
            apart = values - means[:, :, None] - tilt[:, :, None] * middle
            shape = masked_mean(apart, use)
            shape = (shape - masked_mean(shape, mask.max(1))[:, None]) * mask.max(1)
            spread = np.sqrt(masked_mean((apart - shape[:, None]) ** 2, use))
        return cls(shape, spread, mask.sum(1), means, counts / season)


def _tilt(means: Single, seen: Bools) -> Single:
    """Return by how much the means (n, seasons) change in each season: the mean of the changes before and after it."""
    there = (seen[:, 1:] & seen[:, :-1]).astype(np.float32)
    change = np.diff(means, axis=1) * there
    pad = ((0, 0), (1, 1))
    change, there = np.pad(change, pad), np.pad(there, pad)
    return (change[:, 1:] + change[:, :-1]) / np.maximum(there[:, 1:] + there[:, :-1], 1.0)


def by_phase(x: Single, seen: Single, season: int, rank: int) -> tuple[Single, Single]:
    """Return sum and number (n, season) of the newest `rank` values of each phase."""
    n, rows = x.shape
    seasons = rows // season
    values = x[:, rows - seasons * season :].reshape(n, seasons, season)[:, ::-1]
    mask = seen[:, rows - seasons * season :].reshape(n, seasons, season)[:, ::-1]
    if mask[:, :rank].all():  # the usual case needs no search
        return values[:, :rank].sum(1), mask[:, :rank].sum(1)
    newest = mask * (np.cumsum(mask, axis=1) <= rank)
    return (values * newest).sum(1), newest.sum(1)


@functools.cache
def _holt(rows: int, rate: float, trend_rate: float, damping: float) -> Single:
    """Return what each of `rows` values weighs in the level and the trend (2, rows) after them, by Holt's method."""
    values = np.eye(rows)
    level, trend = values[0], np.zeros(rows)
    for value in values[1:]:
        before, ahead = level, level + damping * trend
        level = ahead + rate * (value - ahead)
        trend = damping * trend + trend_rate * (level - before - damping * trend)
    return np.stack([level, trend]).astype(np.float32)


def smoothed(x: Single, seen: Single) -> tuple[Single, Single]:
    """Return levels (n, rates) after the last row, and mean absolute errors one step ahead (n, rates), by `RATES`.

    Row by row, not as a product of matrices, whose sums have another order for other n: a window has the same features
    whatever others are there.
    """
    x, seen = x[:, -NEWEST:].T, seen[:, -NEWEST:].T  # (rows, n)
    kept = 1 - np.array(RATES, np.float32)
    sums = np.zeros((len(x) + 1, 2, x.shape[1], len(RATES)), np.float32)  # of values and of weights before each row
    for t, row in enumerate(np.stack([x, seen], axis=1)[:, :, :, None]):
        sums[t + 1] = sums[t] * kept + row
    total = sums[:, 1]
    known = total > 1e-12
    level: Array = sums[:, 0] / np.where(known, total, 1.0)  # (rows + 1, n, rates)
    error = np.abs(x[:, :, None] - level[:-1])
    return level[-1], masked_mean(error, seen[:, :, None] * known[:-1], 0)


def line(x: Single, seen: Single, rows: int) -> tuple[Single, Single]:
    """Return value at the last row and slope per row (n,) of the line of least squares through the newest `rows`."""
    x, seen = x[:, -rows:], seen[:, -rows:]
    count = np.maximum(seen.sum(1), 1.0)
    t = np.arange(1 - x.shape[1], 1, dtype=np.float32)
    middle = (seen * t).sum(1) / count
    apart = (t - middle[:, None]) * seen
    square = (apart**2).sum(1)
    slope = np.where(square > 0, (apart * x).sum(1) / np.where(square > 0, square, 1.0), 0.0)
    return (x * seen).sum(1) / count - slope * middle, slope


def filled(x: Single, seen: Single) -> Single:
    """Return values (n, N) with each gap filled by the value before it, the start by the first one."""
    rows = x.shape[1]
    at = np.maximum.accumulate(np.where(seen > 0, np.arange(rows), -1), axis=1)
    first = np.argmax(seen > 0, axis=1)
    return np.take_along_axis(x, np.where(at < 0, first[:, None], at), axis=1)


@dataclass(frozen=True)
class Ready:
    """The ready forecasts of a batch, and what was found on the way.

    Attributes:
        forecasts: (n, horizon, ready), in the order of `READY`.
        profile: of the season.
        flat: (n, N) values without their season.
        errors: (n, rates) of smoothing, one step ahead.
        slopes: (n, 3) per row: line through the newest rows, line through all, drift from season to season.
        again, spread: (n, horizon) value of the second season ago, spread of its profile.
    """

    forecasts: Single
    profile: Profile
    flat: Single
    errors: Single
    slopes: Single
    again: Single
    spread: Single

    @classmethod
    def of(cls, x: Single, seen: Single, season: int, horizon: int, second: int | None) -> Ready:
        """Return the ready forecasts of scaled values (n, N), zero where not `seen`."""
        n, rows = x.shape
        span = max(season, 2)
        phase = np.arange(horizon) % season
        profile = Profile.of(x, seen, season)
        flat = (x - profile.shape[:, np.arange(-rows, 0) % season]) * seen
        shape = profile.shape[:, phase]
        some = seen[:, -span:].sum(1, keepdims=True) > 0
        level = np.where(some, masked_mean(flat[:, -span:], seen[:, -span:])[:, None], masked_mean(flat, seen)[:, None])
        last, before, three = (one[:, phase] for one in _recent(x, seen, season, level + profile.shape))
        change, pairs = lagged(x, seen, season)
        drift = masked_mean(change[:, -4 * span :], pairs[:, -4 * span :])[:, None]  # per season
        levels, errors = smoothed(flat, seen)
        best = masked_mean(levels, ((errors.min(1, keepdims=True) + 1e-6) / (errors + 1e-6)) ** 6)[:, None]
        new_end, new_slope = line(flat, seen, max(3 * season, 8))
        end, slope = line(flat, seen, rows)
        h = np.arange(1, horizon + 1, dtype=np.float32)
        again, moved, third, spread = _second(x, seen, second, horizon, season, last)
        parts = [
            last,
            before,
            three,
            last + drift * np.ceil(h / season),
            again,
            moved,
            third if third is not None else level + shape,
            levels[:, -1:] + shape,
            levels[:, FAST_RATE, None] + shape,
            levels[:, SLOW_RATE, None] + shape,
            level + shape,
            best + slope[:, None] / 2 * h + shape,
            *(trend + shape for trend in _trends(filled(flat, seen), h)),
            new_end[:, None] + new_slope[:, None] * h + shape,
            end[:, None] + slope[:, None] * h + shape,
            masked_mean(flat, seen)[:, None] + shape,
            np.broadcast_to(level, (n, horizon)),
            np.broadcast_to(filled(x, seen)[:, -1:], (n, horizon)),
        ]
        slopes = np.stack([new_slope, slope, drift[:, 0] / season], axis=1)
        return cls(np.stack(parts, axis=2), profile, flat, errors, slopes, again, spread)


def _recent(x: Single, seen: Single, season: int, otherwise: Single) -> tuple[Single, Single, Single]:
    """Return of each phase (n, season) the newest value, the one before it, and the mean of the newest three.

    Args:
        otherwise: (n, season) what takes the place of the newest value where a phase was never seen.
    """
    value, there = by_phase(x, seen, season, 1)
    last = np.where(there > 0, value, otherwise)
    two, both = by_phase(x, seen, season, 2)
    three, number = by_phase(x, seen, season, 3)
    before = np.where(both > 1, two - value, last)
    return last, before, np.where(number > 0, three / np.maximum(number, 1.0), last)


def _trends(flat: Single, h: Single) -> list[Single]:
    """Return forecasts (n, horizon) with a damped trend, for each of `HOLT`."""
    newest = flat[:, -NEWEST:]
    found = []
    for rate, trend_rate, damping in HOLT:
        state = (newest[:, None] * _holt(newest.shape[1], rate, trend_rate, damping)).sum(2)
        found.append(state[:, :1] + state[:, 1:] * (damping * (1 - damping**h) / (1 - damping)))
    return found


def _second(
    x: Single, seen: Single, second: int | None, horizon: int, season: int, last: Single
) -> tuple[Single, Single, Single | None, Single]:
    """Return what a longer season says (n, horizon) of each step ahead; without one, the last season.

    Returns:
        Values one second season ago, the same moved by how much the newest season differs from its own counterpart,
        mean profile (None without a second season) about the newest season, spread about it.
    """
    n, rows = x.shape
    if second is None or second + season >= rows:
        return last, last, None, np.zeros((n, horizon), np.float32)
    phase = np.arange(horizon) % second
    value = x[:, rows - second + phase]
    there = seen[:, rows - second + phase] > 0
    again = np.where(there, value, last)
    change, pairs = lagged(x, seen, second)
    moved = np.where(there, value + masked_mean(change[:, -season:], pairs[:, -season:])[:, None], last)
    longer = Profile.of(x, seen, second)
    near = slice(second - max(season, 2), second)  # the newest season's place in the longer one
    newest = masked_mean(x[:, -max(season, 2) :] - longer.shape[:, near], seen[:, -max(season, 2) :])[:, None]
    known = longer.counts[:, phase] > 0
    return again, moved, np.where(known, newest + longer.shape[:, phase], last), longer.spread[:, phase]

"""The units of errors: how far a series differs, on average, from one season to the next before a window.

Where the seasons repeat exactly, MASE and RMSSE are not defined. Errors are then measured in changes from row to row.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gruforecast.arrays import ArrayModule, Floats
from gruforecast.data.windows import History, Windows

ROUNDING = 1e-13  # of the mean size of a series: seasons that differ by less repeat exactly
LAST_DIGIT = 1e-15  # and rows


def mase_scale(history: History, windows: Windows, season_length: int) -> Floats:
    """Return the mean absolute seasonal difference of all rows before each window, (n,); NaN where no pair was seen."""
    return _above_rounding(_seasonal_difference(history, windows, season_length, np.abs), history, windows)


def error_unit(history: History, windows: Windows, season_length: int) -> Floats:
    """Return what errors are measured in before models are chosen, and interval widths, (n,).

    The `mase_scale`; where that is zero, the mean absolute difference from row to row; zero for constants alone.
    """
    scale = mase_scale(history, windows, season_length)
    if not (scale == 0).any():
        return scale
    steps = _above_rounding(_mean_difference(history, windows, 1, np.abs), history, windows, LAST_DIGIT)
    return np.where(scale == 0, steps, scale)


def error_unit_of(y: Floats, season_length: int, xp: ArrayModule = np) -> Floats:
    """Return the `error_unit` of series (n, time) with NaN for what is missing or comes before their first value."""
    seen = xp.logical_not(xp.isnan(y))
    values = xp.where(seen, y, xp.zeros_like(y))
    mask = xp.where(seen, xp.ones_like(y), xp.zeros_like(y))
    rows = xp.sum(xp.minimum(xp.cumsum(mask, axis=1), 1.0), axis=1)  # from the first value on
    size = xp.sum(xp.abs(values), axis=1) / xp.maximum(rows, 1.0)

    def difference(lag: int) -> Floats:
        pairs = mask[:, lag:] * mask[:, :-lag]
        total = xp.sum(xp.abs(values[:, lag:] - values[:, :-lag]) * pairs, axis=1)
        return total / xp.where(xp.sum(pairs, axis=1) > 0, xp.sum(pairs, axis=1), float("nan"))

    steps = difference(1)
    scale = xp.where(rows > season_length, difference(season_length), steps)
    scale = xp.where(scale <= ROUNDING * size, steps, scale)
    return xp.where(scale <= LAST_DIGIT * size, xp.zeros_like(scale), scale)


def rmsse_scale(history: History, windows: Windows, season_length: int) -> Floats:
    """Return the root mean squared seasonal difference of all rows before each window, (n,); NaN without a pair."""
    with np.errstate(over="ignore"):
        scale = np.sqrt(_seasonal_difference(history, windows, season_length, np.square))
    scale = np.where(np.isinf(scale), np.nan, scale)  # a square that no float holds is not known, not infinite
    return _above_rounding(scale, history, windows)


def _above_rounding(scale: Floats, history: History, windows: Windows, share: float = ROUNDING) -> Floats:
    """Return the scales (n,), zero where they are what rounding leaves of a pattern that repeats exactly."""
    size = np.append(np.abs(np.nan_to_num(history.values)), 0.0)
    ranges = np.stack([windows.start, windows.end], axis=1).ravel()
    mean = np.add.reduceat(size, ranges)[::2] / np.maximum(windows.end - windows.start, 1)
    return np.where(scale <= share * mean, 0.0, scale)


def _seasonal_difference(
    history: History, windows: Windows, season_length: int, size: Callable[[Floats], Floats]
) -> Floats:
    """Return the mean size of differences at a season's lag, (n,), at lag 1 for windows not longer than a season."""
    long = windows.end - windows.start > season_length
    scale = _mean_difference(history, windows, season_length, size)
    return scale if long.all() else np.where(long, scale, _mean_difference(history, windows, 1, size))


def _mean_difference(history: History, windows: Windows, lag: int, size: Callable[[Floats], Floats]) -> Floats:
    """Return the same at any lag, summed window by window: running sums would lose small series behind large ones."""
    difference = np.full(len(history.values) + 1, np.nan)
    difference[lag:-1] = size(history.values[lag:] - history.values[: max(len(history.values) - lag, 0)])
    first = np.minimum(windows.start + lag, windows.end)
    ranges = np.stack([first, windows.end], axis=1).ravel()
    seen = ~np.isnan(difference)
    pairs = np.where(first < windows.end, np.add.reduceat(seen.astype(np.int64), ranges)[::2], 0)
    return np.add.reduceat(np.where(seen, difference, 0.0), ranges)[::2] / np.where(pairs > 0, pairs, np.nan)

"""Forecast errors, each per window; averaging is somewhere else.

Conventions: sMAPE is 0 to 200 (M4's own code); the MASE scale is the mean absolute seasonal difference of all rows
before the window (lag 1 for series not longer than a season); a scale of zero gives NaN, which averages leave out.
Missing actual values do not count.
"""

from __future__ import annotations

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.windows import History, Windows


def mae(actual: Floats, forecast: Floats) -> Floats:
    """Mean absolute error of each window (n,), in the user's unit, from (n, horizon) arrays."""
    return _mean(np.abs(forecast - actual))


def rmse(actual: Floats, forecast: Floats) -> Floats:
    """Root mean squared error of each window (n,), in the user's unit."""
    return np.sqrt(_mean((forecast - actual) ** 2))


def smape(actual: Floats, forecast: Floats) -> Floats:
    """Symmetric mean absolute percentage error of each window (n,), 0 to 200; two zeros are no error."""
    size = np.abs(actual) + np.abs(forecast)
    with np.errstate(invalid="ignore"):
        return _mean(np.where(size == 0, 0.0, 200 * np.abs(forecast - actual) / np.where(size == 0, 1.0, size)))


def mase(actual: Floats, forecast: Floats, scale: Floats) -> Floats:
    """Mean absolute scaled error of each window (n,) (Hyndman and Koehler 2006); NaN where `scale` is zero."""
    return mae(actual, forecast) / np.where(scale > 0, scale, np.nan)


def covered(actual: Floats, lower: Floats, upper: Floats) -> Floats:
    """Share of the actual values inside the interval, per window (n,), 0 to 1; NaN where there is no interval."""
    inside = ((actual >= lower) & (actual <= upper)).astype(float)
    return _mean(np.where(np.isnan(actual) | np.isnan(lower) | np.isnan(upper), np.nan, inside))


def mase_scale(history: History, windows: Windows, season_length: int) -> Floats:
    """Mean absolute seasonal difference of all rows before each window, (n,); NaN where no pair was seen."""
    long = windows.end - windows.start > season_length
    scale = _mean_difference(history, windows, season_length)
    return scale if long.all() else np.where(long, scale, _mean_difference(history, windows, 1))


def _mean_difference(history: History, windows: Windows, lag: int) -> Floats:
    """Summed window by window: a difference of running sums would lose small series behind large ones."""
    difference = np.full(len(history.values) + 1, np.nan)
    difference[lag:-1] = np.abs(history.values[lag:] - history.values[: max(len(history.values) - lag, 0)])
    first = np.minimum(windows.start + lag, windows.end)
    ranges = np.stack([first, windows.end], axis=1).ravel()
    seen = ~np.isnan(difference)
    total = np.add.reduceat(np.where(seen, difference, 0.0), ranges)[::2]
    pairs = np.where(first < windows.end, np.add.reduceat(seen.astype(np.int64), ranges)[::2], 0)
    return total / np.where(pairs > 0, pairs, np.nan)


def _mean(errors: Floats) -> Floats:
    """Mean over the horizon (n,), missing ones left out; NaN where all are missing."""
    seen = ~np.isnan(errors)
    count = seen.sum(axis=1)
    return np.where(seen, errors, 0.0).sum(axis=1) / np.where(count > 0, count, np.nan)

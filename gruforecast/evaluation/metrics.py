"""Forecast errors, each per window; averaging is somewhere else.

Arrays are (n, horizon), what comes back is (n,). Conventions, because libraries disagree:

- An error is forecast - actual, so a positive bias is a forecast that was too high.
- sMAPE is 0 to 200 (M4's own code). WAPE and WQL are shares of the actual values' size: 0.1 is 10 %.
- The MASE scale is the mean absolute seasonal difference of all rows before the window, the RMSSE scale the root of
  the mean squared one (lag 1 for series not longer than a season). A scale of zero gives NaN, and so do actual values
  that are all zero for WAPE and WQL; averages leave it out.
- The level of an interval is in percent (80), the level of a quantile is a share (0.9).
- Missing actual values do not count, nor do steps without bounds for what is said of an interval.
"""

from __future__ import annotations

import numpy as np

from gruforecast.arrays import Floats


def mae(actual: Floats, forecast: Floats) -> Floats:
    """Return the mean absolute error of each window (n,), in the user's unit, from (n, horizon) arrays."""
    return _mean(np.abs(forecast - actual))


def rmse(actual: Floats, forecast: Floats) -> Floats:
    """Return the root mean squared error of each window (n,), in the user's unit."""
    return np.sqrt(_mean((forecast - actual) ** 2))


def bias(actual: Floats, forecast: Floats) -> Floats:
    """Return the mean error of each window (n,), in the user's unit; above zero where the forecast was too high."""
    return _mean(forecast - actual)


def wape(actual: Floats, forecast: Floats) -> Floats:
    """Return the sum of absolute errors over that of absolute values of each window (n,); NaN where that is zero."""
    return mae(actual, forecast) / _positive(_mean(np.abs(actual)))


def smape(actual: Floats, forecast: Floats) -> Floats:
    """Return the symmetric mean absolute percentage error of each window (n,), 0 to 200; two zeros are no error."""
    size = np.abs(actual) + np.abs(forecast)
    with np.errstate(invalid="ignore"):
        return _mean(np.where(size == 0, 0.0, 200 * np.abs(forecast - actual) / np.where(size == 0, 1.0, size)))


def mase(actual: Floats, forecast: Floats, scale: Floats) -> Floats:
    """Return the mean absolute scaled error of each window (n,) (Hyndman and Koehler 2006); NaN where `scale` is 0."""
    return mae(actual, forecast) / _positive(scale)


def rmsse(actual: Floats, forecast: Floats, scale: Floats) -> Floats:
    """Return the root mean squared scaled error of each window (n,) (Makridakis et al. 2022), `scale` for RMSSE."""
    return rmse(actual, forecast) / _positive(scale)


def pinball(actual: Floats, quantile: Floats, level: float) -> Floats:
    """Return the mean pinball loss of a forecast of the `level` quantile (Koenker and Bassett 1978), per window (n,).

    At 0.5 it is half the absolute error.
    """
    above = actual - quantile
    return _mean(np.maximum(level * above, (level - 1) * above))


def wql(actual: Floats, quantiles: Floats, levels: tuple[float, ...]) -> Floats:
    """Return the weighted quantile loss (n,): twice the summed pinball loss over the summed size, mean of levels.

    At one level it is the rho-risk of Salinas et al. 2020 (DeepAR). It depends on the levels: compare at the same ones.

    Args:
        quantiles: (n, horizon, n_levels); steps at which one of them is missing do not count at any level.
        levels: between 0 and 1.
    """
    seen = np.where(np.isnan(quantiles).any(axis=2), np.nan, actual)  # (n, horizon)
    size = _positive(_mean(np.abs(seen)))
    return np.mean([2 * pinball(seen, quantiles[:, :, k], level) / size for k, level in enumerate(levels)], axis=0)


def covered(actual: Floats, lower: Floats, upper: Floats) -> Floats:
    """Return the share of actual values inside the interval, per window (n,), 0 to 1; NaN where there is none."""
    inside = ((actual >= lower) & (actual <= upper)).astype(float)
    return _mean(np.where(np.isnan(actual) | np.isnan(lower) | np.isnan(upper), np.nan, inside))


def width(actual: Floats, lower: Floats, upper: Floats) -> Floats:
    """Return the mean width of the interval at steps with an actual value, per window (n,), in the user's unit."""
    return _mean(np.where(np.isnan(actual), np.nan, upper - lower))


def interval_score(actual: Floats, lower: Floats, upper: Floats, level_percent: float) -> Floats:
    """Return the mean interval score of each window (n,) (Winkler 1972; Gneiting and Raftery 2007, eq. 43).

    The width, and for each value outside its distance to the interval, times 2 / (1 - level).
    """
    outside = np.maximum(lower - actual, 0.0) + np.maximum(actual - upper, 0.0)
    return _mean(upper - lower + 200 / (100 - level_percent) * outside)


def _mean(errors: Floats) -> Floats:
    """Return the mean over the horizon (n,), missing ones left out; NaN where all are missing."""
    seen = ~np.isnan(errors)
    count = seen.sum(axis=1)
    return np.where(seen, errors, 0.0).sum(axis=1) / np.where(count > 0, count, np.nan)


def _positive(scale: Floats) -> Floats:
    """Return what may be divided by: NaN where it is not above zero."""
    return np.where(scale > 0, scale, np.nan)

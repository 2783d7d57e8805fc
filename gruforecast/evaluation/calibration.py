"""Split-conformal intervals: widths read off the errors that a model really made at origins it was not trained on.

How far a bound is from the forecast has a shape and a factor. The shape is what the model says of its own doubt, the
distance of its quantiles, which differs from window to window, drawn to the MASE scale of the series, the shape of
models that say nothing: how far is chosen by the interval score on the same errors. The factor is a conformal quantile
of errors divided by the shape, so levels hold whatever the shape is (conformalised quantile regression, Romano et al.
2019, in the scaled form of Sesia and Candes 2020). A conformal quantile takes errors for independent, and those of
origins that overlap are not: few series have few, so their intervals are wider by what Student's t is than the normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.data.windows import Windows
from gruforecast.evaluation.metrics import interval_score
from gruforecast.evaluation.significance import Spread
from gruforecast.models.conformal import Calibration
from gruforecast.models.quantile_forecast import QuantileForecast

LEVELS = (80.0, 95.0)
TRUSTS = (0.0, 0.25, 0.5, 0.75, 1.0)  # in a model's own quantiles
ENOUGH_WINDOWS = 1_000  # to choose one of them
MANY = 10_000.0  # independent errors: from so many on nothing is to be made wider


def needed_scores(level: float) -> int:
    """Return the scores that an interval of `level` percent needs: 4 for 80, 9 for 90, 19 for 95."""
    return int(np.ceil(round(level / (100 - level), 9)))


def supported_levels(errors: Floats, levels: tuple[float, ...]) -> tuple[float, ...]:
    """Return the levels, ascending, that the number of scores in `errors` (n, horizon) supports at every step."""
    count = int((~np.isnan(errors)).sum())
    return tuple(level for level in sorted(levels) if count >= needed_scores(level))


def calibrated(
    forecast: QuantileForecast, actual: Floats, levels: tuple[float, ...], scale: Floats, independent: float = np.inf
) -> Calibration:
    """Return the calibration of a model on windows that it was not trained on, with the trust that served best there.

    Args:
        actual: (n, horizon) what happened, NaN = not known; scale: (n,) MASE scale of each window.
        independent: errors, see `independent_errors`.
    """
    trust = _trust(forecast, actual, levels, scale) if forecast.quantiles is not None and levels else TRUSTS[0]
    found = calibrate(nonconformity(forecast, actual, levels, scale, trust), levels, trust)
    return replace(found, factor=found.factor * [inflation(level, independent) for level in levels])


def independent_errors(windows: Sequence[Windows], actual: Floats) -> float:
    """Return how many errors count as independent: one for each horizon of rows that windows foretell.

    Args:
        actual: (n, horizon) of all of them, one after the other, NaN = not known.
    """
    rows = np.concatenate([one.end for one in windows])[:, None] + np.arange(actual.shape[1])
    return len(np.unique(rows[~np.isnan(actual)])) / actual.shape[1]


def inflation(level: float, independent: float) -> float:
    """Return by how much an interval of `level` percent is wider because few errors say how wide it must be.

    The quantile of Student's t divided by the normal one, with one degree of freedom more than errors: with as many, an
    interval of 95 % from one error would be six times as wide. How often intervals held with two and more errors a
    horizon: `docs/honesty.md`.
    """
    if independent >= MANY:
        return 1.0
    alpha = 1 - level / 100
    return Spread.student(1.0, independent + 1).half_width(alpha) / NormalDist().inv_cdf(1 - alpha / 2)


def _trust(forecast: QuantileForecast, actual: Floats, levels: tuple[float, ...], scale: Floats) -> float:
    """Return the trust with the lowest interval score, all levels alike, on windows with a value and a scale."""
    usable = np.flatnonzero((scale > 0) & ~np.isnan(actual).all(axis=1))
    usable = usable[:: max(1, -(-len(usable) // ENOUGH_WINDOWS))]
    forecast, actual, scale = forecast.windows(usable), actual[usable], scale[usable]
    scores = []
    for trust in TRUSTS:
        calibration = calibrate(nonconformity(forecast, actual, levels, scale, trust), levels, trust)
        lower, upper = calibration.bounds(forecast, scale)
        parts = zip(levels, np.moveaxis(lower, 2, 0), np.moveaxis(upper, 2, 0), strict=True)
        scores.append([float((interval_score(actual, low, high, level) / scale).mean()) for level, low, high in parts])
    relative = np.array(scores) / np.maximum(scores[0], np.finfo(float).tiny)
    return TRUSTS[int(np.argmin(relative.sum(axis=1)))]


def nonconformity(
    forecast: QuantileForecast, actual: Floats, levels: tuple[float, ...], scale: Floats, trust: float = 1.0
) -> Floats:
    """Return the absolute errors in units of the shape on their side, (n, horizon, n_levels); NaN = not known."""
    error = actual - forecast.mean
    shape = forecast.shape(levels, scale, trust)
    return np.abs(error)[:, :, None] / np.where(error[:, :, None] < 0, shape[:, :, :, 0], shape[:, :, :, 1])


def calibrate(scores: Floats, levels: tuple[float, ...], trust: float = 0.0) -> Calibration:
    """Return the factors from the scores of a model.

    Scores of each step are divided by that step's mean, then pooled with those of neighbouring steps, as few as give
    enough scores for the highest level; the factor is the ceil((n + 1) * level)-th smallest pooled score (Vovk et al.
    2005), times the step's mean.

    Args:
        scores: (n, horizon, n_levels) as of `nonconformity`.
        levels: levels that `supported_levels` allows.
    """
    horizon = scores.shape[1]
    factor = np.zeros((horizon, len(levels)))
    seen = ~np.isnan(scores)
    for k, level in enumerate(levels):
        inside = seen[:, :, k]
        mean = _step_means(scores[:, :, k], inside)
        ratio = scores[:, :, k] / mean
        width = _neighbours(inside.sum(axis=0), max(needed_scores(one) for one in levels))
        for step in range(horizon):
            near = slice(max(0, step - width), step + width + 1)
            pooled = np.sort(ratio[:, near][inside[:, near]])
            rank = int(np.ceil(round((len(pooled) + 1) * level / 100, 9)))
            factor[step, k] = pooled[min(rank, len(pooled)) - 1] * mean[step]
    return Calibration(levels, factor, trust)


def _step_means(errors: Floats, seen: Floats) -> Floats:
    """Return the mean error of each step (horizon,); steps without scores take the mean of all; never zero."""
    count = seen.sum(axis=0)
    total = np.where(seen, errors, 0.0).sum(axis=0)
    mean = np.where(count > 0, total / np.maximum(count, 1), total.sum() / max(count.sum(), 1))
    return np.where(mean > 0, mean, 1.0)


def _neighbours(counts: Floats, needed: int) -> int:
    """Return how many steps to pool on each side: at least one, more until every step has `needed` scores."""
    horizon = len(counts)
    total = np.concatenate([[0], np.cumsum(counts)])
    for width in range(1, horizon):
        low = np.maximum(np.arange(horizon) - width, 0)
        high = np.minimum(np.arange(horizon) + width + 1, horizon)
        if (total[high] - total[low]).min() >= needed:
            return width
    return horizon

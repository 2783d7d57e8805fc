"""All that is said of one model's test forecasts: in all, of its intervals, by series, by step ahead.

Conventions: a score in all is the mean over the series that have one, as in the M competitions. WAPE, WQL and coverage
are pooled instead: numerator and denominator run over all values, so each value that was seen counts once. (The mean
of each series' coverage is the same number where all series have as many values.) A scaled error, width or interval
score is in units of the series' MASE scale. Coverage is in percent. What is not defined is NaN, never infinite.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np

from gruforecast.arrays import Floats
from gruforecast.evaluation.metrics import (
    bias,
    covered,
    interval_score,
    mae,
    mase,
    rmse,
    rmsse,
    smape,
    wape,
    width,
    wql,
)
from gruforecast.serialization import Record

MEANS = ("mase", "rmsse", "smape", "mae", "rmse", "bias")  # of `overall`, means over series
POOLED = ("wape", "wql")  # of `overall`, over all values
THIRDS = 3
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
SEVERAL = 8  # series; how fewer differ says little


class IntervalScores(Record, frozen=True):
    """What the intervals of one level are worth; None where nothing can be said.

    Attributes:
        coverage: percent of all values inside; coverage_error: its standard error by what series differ, None where
            they are few; coverage_by_third: the same for the first, middle and last third of the horizon (as many
            parts as it has steps where it has fewer than three).
        width, score: means over series in units of their MASE scale (M4's MSIS is the score at 95).
        mean_width, interval_score: the same in the user's unit.
    """

    coverage: Percent | None
    coverage_error: float | None
    coverage_by_third: Annotated[list[Percent | None], msgspec.Meta(min_length=1, max_length=THIRDS)]
    width: float | None
    score: float | None
    mean_width: float | None
    interval_score: float | None


class Scores(Record, frozen=True):
    """The scores over all series; NaN where nothing is defined.

    `mase`, `rmsse`, `smape`, `mae`, `rmse` and `bias` are means over series; `wape` is pooled, and so is `wql` over the
    levels of the bounds and 0.5. `undefined` counts what `by_series` has no number for and names no score that has one
    for each series. A series of zeros has no WAPE of its own, but its errors are in the pool.
    """

    mase: float
    rmsse: float
    smape: float
    mae: float
    rmse: float
    bias: float
    wape: float
    wql: float
    undefined: dict[str, int]


@dataclass(frozen=True)
class Evaluated:
    """What one model forecast for the test set, and what happened; in the user's unit.

    Attributes:
        actual: (n, horizon), NaN = missing.
        mean: (n, horizon) point forecasts, the 0.5 quantile of `wql`.
        lower: (n, horizon, n_levels), NaN where there is no interval; `upper` likewise.
        levels: of the intervals, in percent.
        mase_scale: (n,), zero or NaN where there is none; `rmsse_scale` likewise.
    """

    actual: Floats
    mean: Floats
    lower: Floats
    upper: Floats
    levels: tuple[float, ...]
    mase_scale: Floats
    rmsse_scale: Floats

    @property
    def unit(self) -> Floats:
        """What scaled numbers are in units of, (n,): the MASE scale, NaN where nothing can be divided by it."""
        return np.where((self.mase_scale > 0) & np.isfinite(self.mase_scale), self.mase_scale, np.nan)

    def interval(self, k: int) -> tuple[Floats, Floats, Floats]:
        """Return the actual values and the bounds of the k-th level, each (n, horizon)."""
        return self.actual, self.lower[:, :, k], self.upper[:, :, k]

    def quantiles(self) -> tuple[Floats, tuple[float, ...]]:
        """Return the bounds and the mean as quantiles (n, horizon, 2 n_levels + 1), and their levels, 0 to 1."""
        values = np.concatenate([self.lower, self.mean[:, :, None], self.upper], axis=2)
        low = tuple((100 - level) / 200 for level in self.levels)
        return values, (*low, 0.5, *(1 - level for level in low))


@np.errstate(over="ignore", invalid="ignore")
def overall(tested: Evaluated) -> Scores:
    """Return the scores over all series."""
    each = _of_points(tested)
    quantiles, levels = tested.quantiles()
    pooled = {
        "wape": wape(_pool(tested.actual), _pool(tested.mean)),
        "wql": wql(_pool(tested.actual), quantiles.reshape(1, tested.actual.size, len(levels)), levels),
    }
    scores = {name: _average(each[name]) for name in MEANS} | {name: _average(one) for name, one in pooled.items()}
    undefined = {name: int(np.isnan(each[name]).sum()) for name in scores}
    return Scores(**scores, undefined={name: count for name, count in undefined.items() if count})


@np.errstate(over="ignore", invalid="ignore")
def intervals(tested: Evaluated) -> dict[str, IntervalScores]:
    """Return for each level ("80") what its intervals are worth."""
    each = _of_intervals(tested)
    horizon = tested.actual.shape[1]
    parts = np.array_split(np.arange(horizon), min(THIRDS, horizon))
    results = {}
    for k, level in enumerate(tested.levels):
        bounds = tested.interval(k)
        results[f"{level:g}"] = IntervalScores(
            coverage=_pooled_coverage(*bounds),
            coverage_error=_standard_error(each[f"coverage-{level:g}"]),
            coverage_by_third=[_pooled_coverage(*(one[:, steps] for one in bounds)) for steps in parts],
            width=_average(each[f"width-{level:g}"]),
            score=_average(each[f"score-{level:g}"]),
            mean_width=_average(_finite(width(*bounds))),
            interval_score=_average(_finite(interval_score(*bounds, level))),
        )
    return results


@np.errstate(over="ignore", invalid="ignore")
def by_series(tested: Evaluated) -> dict[str, Floats]:
    """Return the scores of each series, (n,): those of `overall`, and `coverage-80`, `width-80`, `score-80` by level.

    Width and interval score are in units of the series' MASE scale.
    """
    return _of_points(tested) | _of_intervals(tested)


def _of_points(tested: Evaluated) -> dict[str, Floats]:
    """Return what `by_series` says of the forecasts."""
    actual, mean = tested.actual, tested.mean
    scores = {
        "mase": mase(actual, mean, tested.unit),
        "rmsse": rmsse(actual, mean, tested.rmsse_scale),
        "smape": smape(actual, mean),
        "wape": wape(actual, mean),
        "mae": mae(actual, mean),
        "rmse": rmse(actual, mean),
        "bias": bias(actual, mean),
        "wql": wql(actual, *tested.quantiles()),
    }
    return {name: _finite(one) for name, one in scores.items()}


def _of_intervals(tested: Evaluated) -> dict[str, Floats]:
    """Return what `by_series` says of the intervals."""
    scores = {}
    for k, level in enumerate(tested.levels):
        bounds = tested.interval(k)
        scores[f"coverage-{level:g}"] = 100 * covered(*bounds)
        scores[f"width-{level:g}"] = width(*bounds) / tested.unit
        scores[f"score-{level:g}"] = interval_score(*bounds, level) / tested.unit
    return {name: _finite(one) for name, one in scores.items()}


@np.errstate(over="ignore", invalid="ignore")
def by_step(tested: Evaluated) -> dict[str, Floats]:
    """Return the scores of each step ahead over the series that have one, (horizon,).

    `mase` is the mean of the absolute errors in units of each series' MASE scale, `rmse` the root of the mean squared
    error; `mae`, `bias`, and of each level `coverage-80` and the scaled `width-80` are means.
    """
    actual, mean = tested.actual.T, tested.mean.T  # (horizon, n): the errors of a step as those of one window
    unit = tested.unit
    scores = {
        "mase": mae(np.zeros_like(actual), (mean - actual) / unit),
        "mae": mae(actual, mean),
        "rmse": rmse(actual, mean),
        "bias": bias(actual, mean),
    }
    for k, level in enumerate(tested.levels):
        lower, upper = tested.lower[:, :, k].T, tested.upper[:, :, k].T
        scores[f"coverage-{level:g}"] = 100 * covered(actual, lower, upper)
        scores[f"width-{level:g}"] = width(actual, lower / unit, upper / unit)
    return {name: _finite(one) for name, one in scores.items()}


def _pooled_coverage(actual: Floats, lower: Floats, upper: Floats) -> float:
    """Return the percent of all values that are inside, each counting once."""
    return _average(100 * covered(_pool(actual), _pool(lower), _pool(upper)))


def _standard_error(scores: Floats) -> float | None:
    """Return that of the mean of defined scores (n,), each series counting once; None for few."""
    defined = scores[np.isfinite(scores)]
    return float(defined.std(ddof=1) / np.sqrt(len(defined))) if len(defined) >= SEVERAL else None


def _pool(values: Floats) -> Floats:
    """Return all values as those of one window, (1, n * horizon)."""
    return values.reshape(1, values.size)


def _finite(values: Floats) -> Floats:
    """Return the values with NaN in place of what no float holds."""
    return np.where(np.isfinite(values), values, np.nan)


def _average(scores: Floats) -> float:
    """Return the mean of the scores that are defined as a plain float; NaN when none is."""
    defined = scores[np.isfinite(scores)]
    mean = float(defined.mean()) if len(defined) else float("nan")
    return mean if np.isfinite(mean) else float("nan")

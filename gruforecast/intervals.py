"""Split-conformal intervals: widths read off the errors that a model really made at origins it was not trained on.

How far a bound is from the forecast has a shape and a factor. The shape is what the model says of its own doubt: the
distance of its quantiles, which differs from window to window; models that say nothing have that of the series, its
MASE scale. The factor is a conformal quantile of errors divided by the shape, so levels hold whatever the shape is
(conformalised quantile regression, Romano et al. 2019, in the scaled form of Sesia and Candes 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.config import MIDDLE, QUANTILES

LEVELS = (80.0, 95.0)
LEAST_SHAPE = 0.1  # of a shape in units of the series' scale: no model may be so sure that one error outweighs all


@dataclass(frozen=True)
class Fan:
    """Forecasts and, where a model gives them, their quantiles.

    Attributes:
        mean: (n, horizon) point forecasts in the user's unit.
        quantiles: (n, horizon, n_quantiles) of the levels `config.QUANTILES`, None for a model that has none.
    """

    mean: Floats
    quantiles: Floats | None = None

    @classmethod
    def of(cls, quantiles: Floats) -> Fan:
        """The fan of a network's quantiles (n, horizon, n_quantiles)."""
        return cls(quantiles[:, :, MIDDLE], quantiles)

    @classmethod
    def mixed(cls, shares: list[float], fans: list[Fan]) -> Fan:
        """The weighted mean, with quantiles as far from it as those of the fans that have some are, on average."""
        mean = np.asarray(sum(share * one.mean for share, one in zip(shares, fans, strict=True)))
        having = [
            (share, one.quantiles - one.mean[:, :, None])
            for share, one in zip(shares, fans, strict=True)
            if one.quantiles is not None
        ]
        if not having:
            return cls(mean)
        around = sum(share * one for share, one in having) / sum(share for share, _ in having)
        return cls(mean, mean[:, :, None] + around)

    def first(self, steps: int) -> Fan:
        """The first steps of the horizon only."""
        return Fan(self.mean[:, :steps], None if self.quantiles is None else self.quantiles[:, :steps])

    def shape(self, levels: tuple[float, ...], scale: Floats) -> Floats:
        """Distances of uncalibrated bounds below and above, (n, horizon, n_levels, 2).

        Between and beyond the levels of `QUANTILES` distances grow as those of a normal distribution do. Where `scale`
        (n,) is zero or NaN, how far off a forecast may be is not known: NaN.
        """
        known = np.where(scale > 0, scale, np.nan)[:, None, None, None]
        if self.quantiles is None:
            return known * np.ones((1, self.mean.shape[1], len(levels), 2))
        away = np.abs(self.quantiles - self.quantiles[:, :, MIDDLE, None])
        inner = np.stack([away[:, :, MIDDLE - 1], away[:, :, MIDDLE + 1]], axis=2)  # (n, horizon, 2)
        outer = np.stack([away[:, :, 0], away[:, :, -1]], axis=2)
        near, far = _deviates(QUANTILES[MIDDLE + 1]), _deviates(QUANTILES[-1])
        found = []
        for level in levels:
            beyond = (_deviates(0.5 + level / 200) - near) / (far - near)
            found.append(inner * (1 + beyond * (far - near) / near) if beyond < 0 else inner + beyond * (outer - inner))
        if not found:
            return np.zeros((*inner.shape[:2], 0, 2))
        return np.maximum(np.stack(found, axis=2), LEAST_SHAPE * known)


def _deviates(share: float) -> float:
    """Quantile of the standard normal distribution."""
    return NormalDist().inv_cdf(share)


@dataclass(frozen=True)
class Calibration:
    """What makes intervals of a model's shapes.

    Attributes:
        levels: in percent, ascending.
        factor: (horizon, n_levels) of the shape.
    """

    levels: tuple[float, ...]
    factor: Floats

    def bounds(self, fan: Fan, scale: Floats, levels: tuple[float, ...] | None = None) -> tuple[Floats, Floats]:
        """Lower and upper bounds, each (n, horizon, n_levels), for the horizon or fewer steps; see `Fan.shape`.

        A higher level is never narrower than a lower one.
        """
        half = self.factor[None, : fan.mean.shape[1], :, None] * fan.shape(self.levels, scale)
        half = np.maximum.accumulate(half, axis=2)
        half = half[:, :, [self.levels.index(level) for level in (self.levels if levels is None else levels)]]
        mean = fan.mean[:, :, None]
        return mean - half[:, :, :, 0], mean + half[:, :, :, 1]


def needed_scores(level: float) -> int:
    """Scores that an interval of `level` percent needs: 4 for 80, 9 for 90, 19 for 95."""
    return int(np.ceil(round(level / (100 - level), 9)))


def supported_levels(errors: Floats, levels: tuple[float, ...]) -> tuple[float, ...]:
    """The levels, ascending, that the number of scores in `errors` (n, horizon) supports at every step."""
    count = int((~np.isnan(errors)).sum())
    return tuple(level for level in sorted(levels) if count >= needed_scores(level))


def scores(fan: Fan, actual: Floats, levels: tuple[float, ...], scale: Floats) -> Floats:
    """Absolute errors in units of the shape on their side, (n, horizon, n_levels); NaN = not known."""
    error = actual - fan.mean
    shape = fan.shape(levels, scale)
    return np.abs(error)[:, :, None] / np.where(error[:, :, None] < 0, shape[:, :, :, 0], shape[:, :, :, 1])


def calibrate(found: Floats, levels: tuple[float, ...]) -> Calibration:
    """Factors from the scores of a model.

    Scores of each step are divided by that step's mean, then pooled with those of neighbouring steps, as few as give
    enough scores for the highest level; the factor is the ceil((n + 1) * level)-th smallest pooled score (Vovk et al.
    2005), times the step's mean.

    Args:
        found: (n, horizon, n_levels) as of `scores`.
        levels: levels that `supported_levels` allows.
    """
    horizon = found.shape[1]
    factor = np.zeros((horizon, len(levels)))
    seen = ~np.isnan(found)
    for k, level in enumerate(levels):
        inside = seen[:, :, k]
        mean = _step_means(found[:, :, k], inside)
        ratio = found[:, :, k] / mean
        reach = _reach(inside.sum(axis=0), max(needed_scores(one) for one in levels))
        for step in range(horizon):
            near = slice(max(0, step - reach), step + reach + 1)
            pooled = np.sort(ratio[:, near][inside[:, near]])
            rank = int(np.ceil(round((len(pooled) + 1) * level / 100, 9)))
            factor[step, k] = pooled[min(rank, len(pooled)) - 1] * mean[step]
    return Calibration(levels, factor)


def _step_means(errors: Floats, seen: Floats) -> Floats:
    """Mean error of each step (horizon,); steps without scores take the mean of all; never zero."""
    count = seen.sum(axis=0)
    total = np.where(seen, errors, 0.0).sum(axis=0)
    overall = total.sum() / max(count.sum(), 1)
    mean = np.where(count > 0, total / np.maximum(count, 1), overall)
    return np.where(mean > 0, mean, 1.0)


def _reach(counts: Floats, needed: int) -> int:
    """Neighbouring steps to pool on each side: at least one, more until every step has `needed` scores."""
    horizon = len(counts)
    total = np.concatenate([[0], np.cumsum(counts)])
    for reach in range(1, horizon):
        low = np.maximum(np.arange(horizon) - reach, 0)
        high = np.minimum(np.arange(horizon) + reach + 1, horizon)
        if (total[high] - total[low]).min() >= needed:
            return reach
    return horizon

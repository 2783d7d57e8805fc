"""Split-conformal intervals: widths read off the errors that a model really made at origins it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Floats

LEVELS = (80.0, 95.0)


@dataclass(frozen=True)
class Calibration:
    """Half widths of intervals.

    Attributes:
        levels: in percent, ascending.
        width: (horizon, n_levels) half width in units of each series' own scale.
    """

    levels: tuple[float, ...]
    width: Floats

    def bounds(self, mean: Floats, scale: Floats) -> tuple[Floats, Floats]:
        """Lower and upper bounds, each (n, horizon, n_levels), around `mean` (n, horizon or fewer steps).

        `scale` is (n,); where it is zero or NaN, how far off a forecast may be is not known: the bounds are NaN.
        """
        known = np.where(scale > 0, scale, np.nan)
        half = self.width[None, : mean.shape[1]] * known[:, None, None]
        return mean[:, :, None] - half, mean[:, :, None] + half

    def only(self, levels: tuple[float, ...]) -> Calibration:
        """The calibration with only these levels."""
        return Calibration(levels, self.width[:, [self.levels.index(level) for level in levels]])


def needed_scores(level: float) -> int:
    """Scores that an interval of `level` percent needs: 4 for 80, 9 for 90, 19 for 95."""
    return int(np.ceil(round(level / (100 - level), 9)))


def supported_levels(errors: Floats, levels: tuple[float, ...]) -> tuple[float, ...]:
    """The levels, ascending, that the number of scores in `errors` (n, horizon) supports at every step."""
    count = int((~np.isnan(errors)).sum())
    return tuple(level for level in sorted(levels) if count >= needed_scores(level))


def calibrate(errors: Floats, levels: tuple[float, ...]) -> Calibration:
    """Half widths from absolute errors in units of each series' scale.

    Errors of each step are divided by that step's mean, then pooled with those of neighbouring steps, as few as give
    enough scores for the highest level; the half width is the ceil((n + 1) * level)-th smallest pooled score (Vovk et
    al. 2005), times the step's mean.

    Args:
        errors: (n, horizon) scaled absolute errors, NaN = not known.
        levels: levels that `supported_levels` allows.
    """
    horizon = errors.shape[1]
    if not levels:
        return Calibration((), np.zeros((horizon, 0)))
    seen = ~np.isnan(errors)
    mean = _step_means(errors, seen)
    scores = errors / mean
    reach = _reach(seen.sum(axis=0), max(needed_scores(level) for level in levels))
    width = np.zeros((horizon, len(levels)))
    for step in range(horizon):
        near = slice(max(0, step - reach), step + reach + 1)
        pooled = np.sort(scores[:, near][seen[:, near]])
        for k, level in enumerate(levels):
            rank = int(np.ceil(round((len(pooled) + 1) * level / 100, 9)))
            width[step, k] = pooled[min(rank, len(pooled)) - 1] * mean[step]
    return Calibration(levels, width)


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

"""What the windows of a backtest add up to, kept as running sums, so that their number costs no memory.

Conventions are those of `scores`, with windows in the place of series: a score is the mean over the windows that have
one; WAPE and coverage are pooled, so each value that was seen counts once in each window that it is in.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.evaluation.backtest import Block, Rolling
from gruforecast.evaluation.scores import MEANS, POOLED, Evaluated, by_series
from gruforecast.evaluation.significance import Paired, compare
from gruforecast.serialization import Record


class IntervalMeans(Record, frozen=True):
    """Coverage in percent, and means of width and interval score in MASE scales, as in `scores.IntervalScores`."""

    coverage: float | None
    width: float | None
    score: float | None


class MemberScores(Record, frozen=True):
    """The scores of one member; None where nothing is defined.

    Attributes:
        intervals: by level.
        against: how the winner compares with this member, as far as windows are out of sample.
    """

    model: str
    mase: float | None
    rmsse: float | None
    smape: float | None
    mae: float | None
    rmse: float | None
    bias: float | None
    wape: float | None
    intervals: dict[str, IntervalMeans]
    against: dict[str, Paired] = {}


class Aggregate:
    """The sums of one backtest.

    For `against` it keeps losses, of windows that do not overlap each other nor begin in rows that the model learned
    from: for each member, series times windows times steps, in single precision.
    """

    def __init__(self, rolling: Rolling) -> None:
        self._rolling = rolling
        self._total: defaultdict[tuple[str, str], float] = defaultdict(float)
        self._weight: defaultdict[tuple[str, str], float] = defaultdict(float)
        cutoffs = rolling.cutoffs
        self._stride = -(-cutoffs.horizon // cutoffs.step)  # windows so many cutoffs apart do not overlap
        self._apart = -(-cutoffs.count // self._stride)  # how many of them there are
        shape = (len(rolling.panel), self._apart, cutoffs.horizon)
        self._losses = {name: np.full(shape, np.nan, np.float32) for name in rolling.members}

    @np.errstate(over="ignore", invalid="ignore")
    def add(self, block: Block) -> None:
        """Take in the forecasts of some windows."""
        for name, evaluated in block.evaluated.items():
            self._add(name, evaluated)
        windows, number = block.cutoffs.windows, self._rolling.cutoffs.count - 1 - block.cutoffs.number  # 0 = the last
        apart = np.flatnonzero((number % self._stride == 0) & ~self._rolling.trained_on(windows))
        places = windows.series[apart], self._apart - 1 - number[apart] // self._stride
        for name, losses in self._losses.items():
            evaluated = block.evaluated[name]
            error = (np.abs(evaluated.mean - evaluated.actual) / evaluated.unit[:, None])[apart]
            losses[places] = np.where(np.isfinite(error), error, np.nan)

    def scores(self, winner: str = "") -> list[MemberScores]:
        """Return the scores of each member, lowest MASE first, and how `winner` compares with it."""
        against = self.against(winner)
        rows = [self._row(name, {"winner": against[name]} if name in against else {}) for name in self._rolling.members]
        return sorted(rows, key=lambda row: np.inf if row.mase is None else row.mase)

    def against(self, model: str) -> dict[str, Paired]:
        """Return how a member compares with each of the others, as far as there are losses of both."""
        if model not in self._losses:
            return {}
        flat = {name: one.reshape(len(one), -1).astype(float) for name, one in self._losses.items()}
        paired = {name: compare(flat[model], flat[name], self._apart) for name in flat if name != model}
        return {name: one for name, one in paired.items() if one.difference is not None}

    def _add(self, name: str, evaluated: Evaluated) -> None:
        seen = (~np.isnan(evaluated.actual)).sum(axis=1)  # (n,)
        for score, values in by_series(evaluated).items():
            if score not in POOLED:  # their mean over windows is another number
                weight = seen if score.startswith("coverage") else np.ones(len(seen))
                self._sum(name, score, values * weight, weight)
        error, size = np.abs(evaluated.mean - evaluated.actual), np.abs(evaluated.actual)
        self._sum(name, "wape", np.nansum(error, axis=1), np.nansum(size, axis=1))

    def _sum(self, name: str, score: str, values: Floats, weight: Floats) -> None:
        defined = np.isfinite(values)
        self._total[name, score] += float(values[defined].sum())
        self._weight[name, score] += float(weight[defined].sum())

    def _mean(self, name: str, score: str) -> float | None:
        weight = self._weight[name, score]
        return self._total[name, score] / weight if weight > 0 else None

    def _row(self, name: str, against: dict[str, Paired]) -> MemberScores:
        intervals = {
            level: IntervalMeans(*(self._mean(name, f"{part}-{level}") for part in ("coverage", "width", "score")))
            for level in (f"{level:g}" for level in self._rolling.levels_of(name))
        }
        points = {score: self._mean(name, score) for score in (*MEANS, "wape")}
        return MemberScores(name, **points, intervals=intervals, against=against)

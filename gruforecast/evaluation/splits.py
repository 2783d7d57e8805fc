"""Where the past ends: folds for choosing, one test set for judging, origins for calibrating.

    rows of one series  |---- training ----|---------|fold 1|fold 2|fold 3| test |
                                           ^ learned ^                    ^
                                                 cutoff 1            test cutoff

Each fold and the test set is one horizon long. A model is only ever handed rows before its cutoff. One network,
trained before `learned`, is scored at every fold cutoff without new training. With many series that is cutoff 1. With a
few long ones it is earlier, so that intervals are not measured on three horizons of one series only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from gruforecast.arrays import Bools, Floats, Ints
from gruforecast.data import scale
from gruforecast.data.panel import Panel
from gruforecast.data.windows import History, Windows, gather_future
from gruforecast.errors import DataError
from gruforecast.evaluation.metrics import mae, mase, rmse, smape
from gruforecast.models.model import Floored, Model
from gruforecast.models.networks.config import PAST
from gruforecast.models.networks.covariates import Scaling
from gruforecast.models.quantile_forecast import QuantileForecast

Folds = list[Floats]  # for each fold forecasts (n, horizon)
MIN_ROWS = 3  # rows before a cutoff, beyond the horizon, that a series needs to take part in it
MAX_ORIGINS = 5_000  # calibration windows; more say nothing new
CALIBRATION_WINDOWS = 20  # that do not overlap, of all series together, to measure intervals on
MAX_HELD = 0.1  # share of a series that is kept from training for them, at most


@dataclass(frozen=True)
class Split:
    """Cutoffs of a panel as flat positions.

    Attributes:
        test: (n_series,) first row of the test set of each series.
        folds: (n_folds, n_series) first row of each fold, earliest fold first.
        held: rows before the test set of each series, the folds included or fewer, that intervals are measured on.
        inputs: kinds of the columns of `history.x`, see `NetworkConfig`.
        second: rows of a longer season that was found in the rows before the test set, too.
    """

    history: History
    horizon: int
    season_length: int
    test: Ints
    folds: Ints
    held: int = 0
    inputs: tuple[str, ...] = ()
    second: int | None = None

    @property
    def learned(self) -> Ints:
        """No network of the search learns from this row of each series on, (n_series,): the first fold, or before."""
        return np.maximum(np.minimum(self.folds[0], self.test - self.held), self.history.indptr[:-1])

    def _at(self, cutoff: Ints, stop: Ints) -> Windows:
        series = np.flatnonzero(cutoff - self.history.indptr[:-1] >= self.horizon + MIN_ROWS)
        return self.history.windows(series, cutoff[series], stop[series])

    def test_windows(self) -> Windows:
        """Return one window a series, at the test cutoff."""
        return self._at(self.test, self.history.indptr[1:])

    def fold_windows(self) -> list[Windows]:
        """Return for each fold one window for every series that has enough rows before it."""
        return [self._at(cutoff, self.test) for cutoff in self.folds]

    def learned_windows(self) -> Windows:
        """Return one window for every series that has enough rows before `learned`, there."""
        return self._at(self.learned, self.test)

    def with_test_as_fold(self) -> Split:
        """Return the same with the test set as one more fold, for what is estimated anew after it has judged."""
        return replace(self, folds=np.vstack([self.folds, self.test]), test=self.history.indptr[1:])

    def origins(self, begin: Ints, end: Ints, stride: int = 1) -> Windows:
        """Return a window at every `stride`-th row in `[begin, end)` of each series; targets are read up to `end` only.

        Further apart where there would be too many, but never a part of a season: some phases would never come first.
        """
        series = np.flatnonzero((begin - self.history.indptr[:-1] >= MIN_ROWS) & (end > begin))
        counts = (end - begin)[series]
        stride = max(stride, int(np.ceil(counts.sum() / MAX_ORIGINS)))
        while math.gcd(stride, self.season_length) > 1:
            stride += 1
        ends = np.concatenate([np.arange(begin[k], end[k], stride) for k in series] or [np.zeros(0, np.int64)])
        number = np.repeat(series, -(-counts // stride))
        return self.history.windows(number, ends, end[number])

    def calibration_windows(self) -> Windows:
        """Return the origins from `learned` to the test set, of series that have enough rows before it.

        Every one after the first fold cutoff; about as many, further apart, where `learned` is earlier.
        """
        enough = self.learned - self.history.indptr[:-1] >= self.horizon + MIN_ROWS
        begin, first = np.where(enough, self.learned, self.test), np.where(enough, self.folds[0], self.test)
        stride = -(-int((self.test - begin).sum()) // max(int((self.test - first).sum()), 1))
        while math.gcd(stride, self.season_length) > 1:
            stride -= 1
        return self.origins(begin, self.test, stride)

    def ask(self, model: Model, windows: Windows) -> QuantileForecast:
        """Return what a model forecasts at `windows`, never below zero where the series never was."""
        return Floored(model).forecast(self.history, windows, self.horizon, self.season_length)

    def actual(self, windows: Windows) -> Floats:
        """Return what happened, (n, horizon); NaN from each window's `stop` on."""
        return np.asarray(gather_future(self.history.values, windows, self.horizon))

    def mase_scale(self, windows: Windows) -> Floats:
        """Return the MASE scale of each window, (n,), zero or NaN where there is none."""
        return scale.mase_scale(self.history, windows, self.season_length)

    def error_unit(self, windows: Windows) -> Floats:
        """Return the unit of interval widths at each window, (n,): the MASE scale, or steps where that is zero."""
        return scale.error_unit(self.history, windows, self.season_length)

    def choice_unit(self, windows: Windows) -> Floats:
        """Return what errors are divided by to choose, (n,): the MASE scale; the `error_unit` where no window has one.

        Only then: beside series that have one, those without do not choose.
        """
        scales = self.mase_scale(windows)
        return scales if (scales > 0).any() else self.error_unit(windows)

    def scores(self, windows: Windows, forecast: Floats) -> dict[str, Floats]:
        """Return `mase` (errors in the `choice_unit`), `smape`, `rmse` and `mae` of each window, (n,)."""
        actual = self.actual(windows)
        return {
            "mase": mase(actual, forecast, self.choice_unit(windows)),
            "smape": smape(actual, forecast),
            "rmse": rmse(actual, forecast),
            "mae": mae(actual, forecast),
        }

    def mean_mase(self, windows: Windows, forecast: Floats) -> float:
        """Return the mean MASE over windows that have a unit; infinite when a forecast is not a number."""
        if not np.isfinite(forecast).all():
            return float("inf")
        return average(self.scores(windows, forecast)["mase"])

    def scorable(self) -> Split:
        """Return the split with only the folds in which some series has both a value and a unit; perhaps none."""
        keep = [np.isfinite(self._some_score(windows)) for windows in self.fold_windows()]
        return replace(self, folds=self.folds[np.array(keep, bool)])

    def can_judge(self) -> bool:
        """Return whether some series can be scored on the test set."""
        return bool(np.isfinite(self._some_score(self.test_windows())))

    def _some_score(self, windows: Windows) -> float:
        return self.mean_mase(windows, np.zeros((len(windows), self.horizon)))

    def before_test(self) -> tuple[Floats, Floats]:
        """Return values (n_rows,) and covariates without the rows of the test set, but for future covariates."""
        kept, x = self._before(self.test), self.history.x.copy()
        x[np.ix_(~kept, np.flatnonzero([kind in PAST for kind in self.inputs]))] = np.nan
        return np.where(kept, self.history.values, np.nan), x

    def _before(self, cutoff: Ints) -> Bools:
        """Return whether each row comes before the `cutoff` (n_series,) of its series, (n_rows,)."""
        return np.arange(len(self.history.values)) < np.repeat(cutoff, np.diff(self.history.indptr))

    def scaled(self, inputs: tuple[str, ...]) -> tuple[Split, Scaling]:
        """Return the split with covariates standardised by their rows before the first fold, and the constants."""
        scaling = Scaling.of(self.history.x, self._before(self.learned), inputs)
        return replace(self, history=replace(self.history, x=scaling(self.history.x)), inputs=inputs), scaling

    def fold_scores(self, folds: Folds) -> list[float]:
        """Return the mean MASE of each fold's forecasts: the objective of the search and the number in the report."""
        return [self.mean_mase(windows, forecast) for windows, forecast in zip(self.fold_windows(), folds, strict=True)]


@dataclass(frozen=True)
class Forecasts:
    """What one model forecast.

    Attributes:
        folds: at `Split.fold_windows()`.
        origins: at `Split.calibration_windows()`; None for a model that was asked at the folds only.
        test: at `Split.test_windows()`.
    """

    folds: Folds
    origins: QuantileForecast | None
    test: QuantileForecast

    @classmethod
    def of(cls, split: Split, before: Model, at_test: Model) -> Forecasts:
        """Return forecasts of a model trained before the first fold, and of one trained up to the test set."""
        folds = [split.ask(before, windows).mean for windows in split.fold_windows()]
        return cls(folds, split.ask(before, split.calibration_windows()), split.ask(at_test, split.test_windows()))


def average(scores: Floats) -> float:
    """Return the mean of the scores that are defined; NaN when none is."""
    defined = scores[~np.isnan(scores)]
    return float(defined.mean()) if len(defined) else float("nan")


def split(panel: Panel, horizon: int, folds: int, season_length: int, file: str) -> Split:
    """Return the cutoffs with the last `horizon` rows of each series as test set and up to `folds` folds before it.

    Raises:
        DataError: no series has rows for one fold beside the test set.
    """
    longest = int(panel.lengths.max())
    needed = 3 * horizon + MIN_ROWS
    if longest < needed:
        fitting = (longest - MIN_ROWS) // 3
        remedy = f"Pass `horizon={fitting}` or less, or give more rows." if fitting >= 1 else "Give more rows."
        raise DataError(
            f"the longest series has {longest} rows; horizon {horizon} needs {needed} (past, one fold, test set).",
            remedy=remedy, code="GF-D40", file=file,
        )  # fmt: skip
    count = max(1, min(folds, (longest - MIN_ROWS - 2 * horizon) // horizon))
    start, end = panel.indptr[:-1], panel.indptr[1:]
    cutoffs = np.maximum(np.stack([end - horizon * (1 + k) for k in range(count, -1, -1)]), start)
    history = History.of(panel.y, panel.indptr, panel.wall, panel.x)
    return Split(history, horizon, season_length, cutoffs[-1], cutoffs[:-1], _held(end - start, horizon, count))


def _held(rows: Ints, horizon: int, folds: int) -> int:
    """Return the rows before the test set of each series that intervals are measured on; those of the folds, or more.

    As many for all series, so that what one shows of a day is not learned from another.

    Args:
        rows: (n_series,) of each series.
    """
    able = rows[rows >= (folds + 2) * horizon + MIN_ROWS]
    wanted = -(-CALIBRATION_WINDOWS // max(len(able), 1)) * horizon
    return min(wanted, int(MAX_HELD * able.min(initial=np.iinfo(np.int64).max))) if len(able) else 0

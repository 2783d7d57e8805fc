"""Intervals that adapt: by how much those of a series are to be wider, learned from rows newer than the training rows.

    rows of one series  |---- training ----|- new -|- new -|- new -|- forecast -|
                                           ^ origin        ^ origin ^ cutoff
                                               ^ origin half a horizon later, and so on

Nothing is trained. The model is asked at recent origins behind the training rows; each error is divided by the
half-width that the interval had there. The multiplier of half-widths is the quantile of these ratios at the level of
the interval, weighted by age, together with `PRIOR` errors as the calibration had them: the weighted conformal quantile
of Barber et al. (2023) with a prior. Origins lie at fixed distances before a cutoff, so it depends on the newest rows
only, and a backtest at a cutoff gives what `predict` gives of the panel cut there.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from gruforecast.arrays import Floats, Ints
from gruforecast.data.joining import newer_rows
from gruforecast.data.panel import Adapted, Panel
from gruforecast.data.scale import error_unit
from gruforecast.data.windows import History, Windows, evenly, gather_future
from gruforecast.evaluation.splits import MIN_ROWS
from gruforecast.execution.machine import one_thread
from gruforecast.models.conformal import Calibration
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.model import Model
from gruforecast.models.quantile_forecast import QuantileForecast
from gruforecast.models.statistical import STATISTICAL
from gruforecast.serialization import Record

LEVEL = 80.0  # the interval whose errors are looked at is the one nearest to it; others keep their ratio to it
ORIGINS, FEW_ORIGINS = 20, 5  # at most; the latter where a member has models that are fitted at each
STEPS = 24  # of each origin's horizon that are looked at, at most
PRIOR = 0.5  # errors, one a horizon, that the calibration counts as
HALF_LIFE = 2.0  # horizons
PSEUDO = 100  # ratios that stand for the calibration
BLOCK_NUMBERS, BLOCK_WINDOWS = 500_000, 1_000  # forecasts, and windows, that are held at a time


class Adaptation(Record, frozen=True):
    """What newer rows changed in the intervals of some series, or windows of them.

    Attributes:
        series: how many have newer rows that forecasts could be held against.
        smallest, median, largest: multiplier of the half-widths of these.
        seen: errors of recent forecasts of newer values; missed: of these, larger than the interval of `level` allows.
        level: in percent.
    """

    series: int
    smallest: float
    median: float
    largest: float
    seen: int
    missed: int
    level: float

    @classmethod
    def of(cls, adapted: Adapted) -> Adaptation | None:
        """Return the same in few numbers; None where no series has such rows."""
        some = adapted.seen > 0
        if not some.any():
            return None
        by = adapted.multiplier[some]
        low, middle, high = np.quantile(by, [0.0, 0.5, 1.0]).tolist()
        return cls(len(by), low, middle, high, int(adapted.seen.sum()), int(adapted.missed.sum()), adapted.level)

    @property
    def range(self) -> str:
        """The multipliers in words."""
        return f"half-widths times {self.smallest:.2g} to {self.largest:.2g}, median {self.median:.2g}"

    def in_words(self) -> str:
        """Return it as a sentence."""
        missed = f"{self.missed} of {self.seen} recent errors are larger than those of {self.level:g} % allow"
        if self.series > 1:
            return f"intervals of {self.series} series adapted, {self.range}: {missed}"
        by = f"{self.median:.2g}"
        by = f"{self.median:.2f}" if by == "1" else by
        change = f"widened by {by}" if self.median > 1 else f"narrowed to {by} of their width"
        return f"intervals {'left as they are' if by == '1.00' else change}: {missed}"


def adapted_to(
    forecaster: Forecaster, panel: Panel, member: str = "winner", ids: list[str] | None = None
) -> Adapted | None:
    """Return how a member's intervals at the end of each series of a panel adapt; None where no row is newer.

    Args:
        ids: keys of the only series that are of interest.

    Raises:
        UsageError, DataError: as of `Forecaster.predict`.
    """
    forecaster.check(panel)
    name, newer = forecaster.member_named(member), newer_rows(forecaster.context, panel)
    series = panel.places_of(ids) if ids else np.arange(len(panel))
    series = series[newer[series] < panel.indptr[series + 1]]
    if not len(series) or not forecaster.calibrations[name].levels:
        return None
    history = History.of(panel.y, panel.indptr, panel.wall, forecaster.scaling(panel.x))
    windows = history.windows(series, panel.indptr[series + 1])
    found = adapted_at(forecaster, history, windows, newer[series], (name,))[name]
    whole = _as_calibrated(len(panel), found.level)
    whole.multiplier[series], whole.seen[series], whole.missed[series] = found.multiplier, found.seen, found.missed
    return whole


def adapted_at(
    forecaster: Forecaster, history: History, windows: Windows, newer: Ints, members: tuple[str, ...]
) -> dict[str, Adapted]:
    """Return how the intervals of members at windows adapt; every one only to values before it.

    Args:
        newer: (n,) first row of each window's series that is newer than the training rows.
    """
    able = [name for name in members if forecaster.calibrations[name].levels]
    slow = [name for name in able if STATISTICAL.keys() & set(forecaster.others_in(name))]
    found: dict[str, Adapted] = {}
    with one_thread():
        for names, most in ((slow, FEW_ORIGINS), ([name for name in able if name not in slow], ORIGINS)):
            if names:
                found |= _Look(forecaster, history, windows, newer, most, forecaster.models(names)).adapted()
    return found


@dataclass(frozen=True)
class _Look:
    """A look back from windows along the newer rows.

    Attributes:
        newer: as of `adapted_at`; most: origins of each window; models: of the members, by name.
    """

    forecaster: Forecaster
    history: History
    windows: Windows
    newer: Ints
    most: int
    models: dict[str, Model]

    @property
    def stride(self) -> int:
        """Rows from one origin to the next."""
        return -(-self.forecaster.horizon // 2)

    @property
    def steps(self) -> Ints:
        """Steps of the horizon that are looked at."""
        return evenly(self.forecaster.horizon, STEPS)

    def adapted(self) -> dict[str, Adapted]:
        """Return how the intervals of each member adapt at each window."""
        found = {name: _as_calibrated(len(self.windows), self.level(name)) for name in self.models}
        rows = max(self.forecaster.horizon + MIN_ROWS, *(one.config.lookback for one in self.forecaster.networks))
        first = np.maximum(self.newer, self.windows.start + rows)
        counts = np.clip((self.windows.end - first) // self.stride, 0, self.most)
        order = np.lexsort((self.windows.end, self.windows.series))  # so that neighbours share their origins
        order = order[counts[order] > 0]
        for begin in range(0, len(order), BLOCK_WINDOWS):
            some = order[begin : begin + BLOCK_WINDOWS]
            for name, ratios in self._ratios(self.windows.end[some], counts[some]).items():
                one = found[name]
                one.multiplier[some] = multipliers(ratios, self._weights, one.level)
                seen = ~np.isnan(ratios) & (self._weights > 0)
                one.seen[some], one.missed[some] = seen.sum(axis=(1, 2)), (seen & (ratios > 1)).sum(axis=(1, 2))
        return found

    def level(self, name: str) -> float:
        """Return the level of a member whose intervals are looked at."""
        return min(self.forecaster.calibrations[name].levels, key=lambda level: abs(level - LEVEL))

    @property
    def _weights(self) -> Floats:
        """What each error counts, (most, n_steps): all of a horizon's together one, half after `HALF_LIFE` horizons."""
        horizon = self.forecaster.horizon
        age = self.stride * np.arange(1, self.most + 1)[:, None] - self.steps  # rows from the target to the cutoff
        share = self.stride / horizon / len(self.steps)
        return np.where(age > 0, share * np.exp2(-age / (horizon * HALF_LIFE)), 0.0)

    def _ratios(self, ends: Ints, counts: Ints) -> dict[str, Floats]:
        """Return errors by half-widths at origins before some windows, by member, (n, most, n_steps); NaN = none."""
        number = np.arange(1, self.most + 1)
        inside = number <= counts[:, None]  # (n, most)
        rows, where = np.unique((ends[:, None] - self.stride * number)[inside], return_inverse=True)
        series = np.asarray(np.searchsorted(self.history.indptr, rows, side="right") - 1)
        origins = self.history.windows(series, rows)
        size = max(1, BLOCK_NUMBERS // (self.forecaster.horizon * len(self.models)))
        parts = [self._at(origins[begin : begin + size]) for begin in range(0, len(rows), size)]
        found = {}
        for name in self.models:
            ratios = np.full((*inside.shape, len(self.steps)), np.nan)
            ratios[inside] = np.concatenate([part[name] for part in parts])[where]
            found[name] = ratios
        return found

    def _at(self, origins: Windows) -> dict[str, Floats]:
        """Return errors by half-widths at some origins by member, (n, n_steps); NaN where one of them is not known."""
        own, steps = self.forecaster, self.steps
        unit = error_unit(self.history, origins, own.season_length)
        actual = gather_future(self.history.values, origins, own.horizon)
        found = {}
        for name, model in self.models.items():
            forecast = model.forecast(self.history, origins, own.horizon, own.season_length)
            found[name] = in_half_widths(own.calibrations[name], forecast, actual, unit, self.level(name))[:, steps]
        return found


def in_half_widths(
    calibration: Calibration, forecast: QuantileForecast, actual: Floats, unit: Floats, level: float
) -> Floats:
    """Return absolute errors (n, horizon) by the half-width of the interval on their side; NaN = not known."""
    lower, upper = calibration.bounds(forecast, unit, (level,))
    error = actual - forecast.mean
    half = np.where(error < 0, forecast.mean - lower[:, :, 0], upper[:, :, 0] - forecast.mean)
    return np.abs(error) / np.where(half > 0, half, np.nan)


def multipliers(ratios: Floats, weights: Floats, level: float) -> Floats:
    """Return the multiplier of half-widths for each window, (n,).

    Args:
        ratios: (n, ...) errors by half-widths, NaN = not known; weights: (...) of them, in errors.
        level: of the interval in percent; of the prior, a normal distribution, that share has ratios below 1.
    """
    share = np.append(np.arange(1, PSEUDO), PSEUDO - 0.5) / PSEUDO
    normal = NormalDist()
    prior = np.array([normal.inv_cdf((1 + one) / 2) for one in share]) / normal.inv_cdf((1 + level / 100) / 2)
    n = len(ratios)
    flat = ratios.reshape(n, -1)
    known = ~np.isnan(flat)
    values = np.concatenate([np.where(known, flat, 0.0), np.broadcast_to(prior, (n, PSEUDO))], axis=1)
    count = np.concatenate([known * weights.ravel(), np.full((n, PSEUDO), PRIOR / PSEUDO)], axis=1)
    order = np.argsort(values, axis=1)  # (n, number of weights + PSEUDO)
    total = np.cumsum(np.take_along_axis(count, order, axis=1), axis=1)
    reached = total >= total[:, -1:] * (level / 100 - 1e-9)
    place = np.take_along_axis(order, reached.argmax(axis=1)[:, None], axis=1)
    found = np.take_along_axis(values, place, axis=1)[:, 0]
    return np.where((count[:, :-PSEUDO] > 0).any(axis=1), found, 1.0)


def _as_calibrated(n: int, level: float) -> Adapted:
    return Adapted(np.ones(n), np.zeros(n, np.int64), np.zeros(n, np.int64), level)

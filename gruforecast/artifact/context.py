"""`context.npz` of a model folder: rows of the training series, and forecasts from their ends on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Array, Bools
from gruforecast.artifact.safe_reading import Wanted, require
from gruforecast.data.align.grid import counted
from gruforecast.data.panel import Panel
from gruforecast.data.plan import Plan
from gruforecast.models.baselines import HARMONIC
from gruforecast.models.covariate_effects import Effects, known_places
from gruforecast.models.end_forecasts import EndForecasts
from gruforecast.models.networks.config import QUANTILES
from gruforecast.models.quantile_forecast import QuantileForecast

MAX_STAMP = 2**37  # seconds from 1970, about 4,000 years
FIRST_YEAR, LAST_YEAR = np.datetime64("0002-01-01", "s"), np.datetime64("9998-01-01", "s")  # that can be written
MAY_MISS = ("y", "x", "static")


def arrays_of(panel: Panel, ends: EndForecasts, models: Sequence[str], *, kept: bool) -> dict[str, Array]:
    """Return what is written of rows and of the forecasts of `models` from their ends on.

    That are the last stamps alone if rows are not `kept`.
    """
    context: dict[str, Array] = {"last": panel.last.astype("datetime64[s]").astype(np.int64)}
    if not kept:
        return context
    static = _are_static(panel.plan)
    context |= {"length": panel.lengths.astype(np.int64), "y": panel.y}
    context |= {"x": panel.x[:, ~static], "static": panel.x[panel.indptr[1:] - 1][:, static]}
    for name in models:
        one = ends.forecasts[name]
        context |= {f"forecast.{name}": one.mean} if one.quantiles is None else {f"quantiles.{name}": one.quantiles}
    if ends.effects is not None:
        context |= {f"effects.{name}": array for name, array in vars(ends.effects).items()}
    return context


@dataclass(frozen=True)
class Kept:
    """What a model folder keeps of its series.

    Attributes:
        rows: of all series together, 0 where there are none to start a forecast from; horizon: of the forecasts.
        models: whose forecasts are kept; pretrained: those that have quantiles.
    """

    ids: tuple[tuple[str, ...], ...]
    rows: int
    horizon: int
    models: Sequence[str]
    pretrained: Collection[str]
    plan: Plan

    @property
    def wanted(self) -> Wanted:
        """The arrays that there are."""
        n = len(self.ids)
        wanted: dict[str, tuple[tuple[int, ...], str]] = {"last": ((n,), "i8")}
        if not self.rows:
            return wanted
        static = int(_are_static(self.plan).sum())
        moving, shape = len(self.plan.inputs) - static, (n, self.horizon)
        wanted |= {"length": ((n,), "i8"), "y": ((self.rows,), "f8")}
        wanted |= {"x": ((self.rows, moving), "f8"), "static": ((n, static), "f8")}
        wanted |= {f"forecast.{name}": (shape, "f8") for name in self.models if name not in self.pretrained}
        wanted |= {f"quantiles.{name}": ((*shape, len(QUANTILES)), "f8") for name in self.pretrained}
        effects = Effects.shapes(n, self._known) if self._known else {}
        return wanted | {f"effects.{name}": kind for name, kind in effects.items()}

    @property
    def _known(self) -> int:
        """How many covariates the harmonic regression reads."""
        return len(known_places(self.plan.inputs)) if HARMONIC in self.models else 0

    def read(self, arrays: Mapping[str, Array]) -> tuple[Panel, EndForecasts]:
        """Return rows, and forecasts from their ends on, in arrays that are as wanted.

        Where there are no rows, each series has its last one, without values.

        Raises:
            ValueError: a stamp or a number of rows is out of range.
        """
        require(bool((np.abs(arrays["last"]) <= MAX_STAMP).all()), "a stamp is out of range")
        last, freq, n = arrays["last"].astype("datetime64[s]"), self.plan.freq, len(self.ids)
        length = arrays["length"] if self.rows else np.ones(n, np.int64)
        whole = bool((length >= 1).all()) and (length <= max(self.rows, 1)).all() and length.sum() == (self.rows or n)
        require(bool(whole), "the rows of the series do not add up")
        first = freq.moved(last, 1 - length)
        written = first.min() > FIRST_YEAR and freq.after(np.array([last.max()]), self.horizon).max() < LAST_YEAR
        require(bool(written), "a stamp would be out of range")
        indptr = np.append(0, np.cumsum(length)).astype(np.int64)
        ds = freq.moved(np.repeat(last, length), counted(length) + 1 - np.repeat(length, length))
        x = np.full((int(indptr[-1]), len(self.plan.inputs)), np.nan)
        if not self.rows:
            return Panel(self.ids, indptr, ds, np.full(n, np.nan), self.plan, x), EndForecasts({})
        y, static = arrays["y"], _are_static(self.plan)
        require(not np.isnan(y[[*indptr[:-1], *(indptr[1:] - 1)]]).any(), "a series begins or ends without a value")
        x[:, ~static], x[:, static] = arrays["x"], np.repeat(arrays["static"], length, axis=0)
        return Panel(self.ids, indptr, ds, y, self.plan, x), self._ends(arrays)

    def _ends(self, arrays: Mapping[str, Array]) -> EndForecasts:
        shapes = Effects.shapes(len(self.ids), self._known)
        effects = Effects(*(arrays[f"effects.{name}"] for name in shapes)) if self._known else None
        return EndForecasts({name: _forecast(name, arrays) for name in self.models}, effects)


def _are_static(plan: Plan) -> Bools:
    return np.array([kind == "static" for kind in plan.inputs], bool)


def _forecast(name: str, arrays: Mapping[str, Array]) -> QuantileForecast:
    quantiles = arrays.get(f"quantiles.{name}")
    return QuantileForecast(arrays[f"forecast.{name}"]) if quantiles is None else QuantileForecast.of(quantiles)

"""What a forecast needs to know of each series where it ends: the newest rows, and facts about those before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gruforecast.arrays import Bools, Floats, Ints, Stamps
from gruforecast.data.panel import Panel
from gruforecast.data.plan import Plan
from gruforecast.data.scale import error_unit
from gruforecast.data.windows import History, Windows, days_of
from gruforecast.errors import UsageError, did_you_mean, shorten
from gruforecast.models.baselines import HARMONIC
from gruforecast.models.covariate_effects import Effects, known_places
from gruforecast.models.harmonic import regressed
from gruforecast.models.networks.covariates import Scaling
from gruforecast.models.networks.inference import Network
from gruforecast.models.quantile_forecast import QuantileForecast
from gruforecast.models.registry import Named, model_of


@dataclass(frozen=True)
class SeriesState:
    """What a forecast needs to know of each series where it ends.

    Attributes:
        past: (n_series, longest lookback) newest rows, NaN = missing or not yet begun.
        never_negative: (n_series,) no value was below zero.
        scale: (n_series,) unit of interval widths, see `scale.error_unit`; 0 or NaN for series that never changed.
        last: (n_series,) stamp of the newest row.
        forecasts: from the end of each series on, by name of the model that is no network of the ensemble.
        effects: what covariates do to the forecast of harmonic regression, which has them at their mean; None if none
            is read.
        x: (n_series, longest lookback, k) newest rows of the covariates that move, NaN = missing.
        static: (n_series, k) values of those that are constant in a series.
    """

    ids: tuple[tuple[str, ...], ...]
    past: Floats
    never_negative: Bools
    scale: Floats
    last: Stamps
    forecasts: dict[str, QuantileForecast]
    effects: Effects | None
    x: Floats
    static: Floats

    @classmethod
    def of(
        cls,
        panel: Panel,
        networks: tuple[Network, ...],
        models: Iterable[str] = (),
        scaling: Scaling | None = None,
        own: Sequence[Named] = (),
    ) -> SeriesState:
        """Return the state of all series of a panel, with forecasts of the `models` named, see `model_of`.

        Args:
            scaling: of the covariates; without it none of the `models` reads them.
        """
        history = History.of(panel.y, panel.indptr, panel.wall, panel.x)
        series, end = np.arange(len(panel)), panel.indptr[1:]
        windows = history.windows(series, end)
        m, horizon = networks[0].config.season_length, networks[0].config.horizon
        lookback = max(network.config.lookback for network in networks)
        static = _are_static(panel.plan.inputs)
        forecasts, effects = _forecasts(panel, history, windows, models, (horizon, m), scaling, own)
        return cls(
            ids=panel.ids,
            past=history.past(windows, lookback),
            never_negative=windows.use_log,
            scale=error_unit(history, windows, m),
            last=panel.ds[end - 1],
            forecasts=forecasts,
            effects=effects,
            x=history.covariates(windows, lookback, 0)[:, :, ~static],
            static=history.x[end - 1][:, static],
        )

    @classmethod
    def without_rows(cls, ids: tuple[tuple[str, ...], ...], last: Stamps) -> SeriesState:
        """Return when each series ended, and nothing that a forecast could start from."""
        n = len(ids)
        none, nothing = np.zeros((n, 0)), np.full(n, np.nan)
        return cls(ids, none, np.zeros(n, bool), nothing, last, {}, None, none[:, :, None], none)

    @property
    def kept(self) -> bool:
        """Whether there are rows to start from."""
        return self.past.shape[1] > 0

    def __len__(self) -> int:
        return len(self.ids)

    def at(self, places: Ints) -> SeriesState:
        """Return some of the series."""
        return replace(
            self,
            ids=tuple(self.ids[k] for k in places),
            past=self.past[places],
            never_negative=self.never_negative[places],
            scale=self.scale[places],
            last=self.last[places],
            forecasts={name: one.windows(places) for name, one in self.forecasts.items()},
            effects=None if self.effects is None else self.effects.at(places),
            x=self.x[places],
            static=self.static[places],
        )

    def newer(self, panel: Panel) -> Ints:
        """Return the first row of each series of a panel that is newer than the same series here, (n_series,).

        It is the first of all for a series that is not among these, and the end of one that has no newer row.
        """
        last = dict(zip(self.ids, self.last, strict=True))
        until = np.array([last.get(key, np.datetime64("NaT")) for key in panel.ids], "datetime64[s]")
        old = np.append(0, np.cumsum(panel.ds <= np.repeat(until, panel.lengths)))  # of rows so far, (n_rows + 1,)
        return panel.indptr[:-1] + np.diff(old[panel.indptr])

    def covariates(self, block: slice, inputs: tuple[str, ...]) -> Floats:
        """Return the covariates of some series, (n, longest lookback, n_columns)."""
        static, x = _are_static(inputs), self.x[block]
        whole = np.empty((*x.shape[:2], len(inputs)))
        whole[:, :, ~static], whole[:, :, static] = x, self.static[block][:, None]
        return whole

    def panel(self, plan: Plan) -> Panel:
        """Return the rows that are kept as a panel; each series from its first value on."""
        rows = self.past.shape[1]
        seen = ~np.isnan(self.past)
        first = np.where(seen.any(axis=1), seen.argmax(axis=1), rows - 1)  # (n_series,)
        keep = np.arange(rows) >= first[:, None]  # (n_series, rows)
        indptr = np.concatenate([[0], np.cumsum(rows - first)]).astype(np.int64)
        x = self.covariates(slice(None), plan.inputs)[keep]
        return Panel(self.ids, indptr, plan.freq.until(self.last, rows)[keep], self.past[keep], plan, x)

    def history(self, plan: Plan, scaling: Scaling, future: Floats | None) -> tuple[History, Windows]:
        """Return the rows as a history with the steps ahead, in which values are missing, and the windows at its ends.

        Args:
            future: (n_series, horizon, n_columns) what is known of covariates, None if none are read.
        """
        x = None
        if future is not None:
            x = scaling(np.concatenate([self.covariates(slice(None), plan.inputs), future], axis=1))
        return History.of_ends(self.past, days_of(plan.form.wall(self.last)), self.never_negative, x)


def _forecasts(
    panel: Panel,
    history: History,
    windows: Windows,
    models: Iterable[str],
    size: tuple[int, int],
    scaling: Scaling | None,
    own: Sequence[Named],
) -> tuple[dict[str, QuantileForecast], Effects | None]:
    """Return the forecasts of models by name, and what covariates do to that of harmonic regression.

    Args:
        size: horizon and season length.
    """
    found, effects = {}, None
    known = known_places(panel.plan.inputs)
    for name in models:
        if name == HARMONIC and scaling is not None and len(known):
            seen = replace(history, x=scaling(panel.x))
            mean, effects = regressed(seen, windows, *size, known)
            found[name] = QuantileForecast(mean)
        else:
            found[name] = model_of(name, own=own).forecast(history, windows, *size)
    return found, effects


def _are_static(inputs: tuple[str, ...]) -> Bools:
    return np.array([kind == "static" for kind in inputs], bool)


def places_of(ids: tuple[tuple[str, ...], ...], keys: list[str]) -> Ints:
    """Return the places of the series whose key (parts joined by `/`) is in `keys`.

    Raises:
        UsageError: there is no such series.
    """
    known, wanted = ["/".join(key) for key in ids], set(keys)
    if missing := sorted(wanted - set(known)):
        raise UsageError(
            f"there is no series {missing[0]!r}.{did_you_mean(missing[0], known)}",
            remedy=f"The series are {shorten(known)}.",
            code="GF-U04",
        )
    return np.flatnonzero([key in wanted for key in known])

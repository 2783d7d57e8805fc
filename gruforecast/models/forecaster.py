"""A fitted model that forecasts: networks and simpler models, their intervals, and where the training data ended."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from gruforecast.arrays import Bools, Floats, Ints, Stamps
from gruforecast.data.align.grid import Keys
from gruforecast.data.future_covariates import FutureCovariates
from gruforecast.data.panel import Adapted, Forecast, Panel
from gruforecast.data.plan import Plan
from gruforecast.data.scale import error_unit
from gruforecast.data.windows import History, Windows
from gruforecast.errors import DataError, MissingCovariatesError, UsageError, did_you_mean, shorten
from gruforecast.execution.machine import cores, one_thread
from gruforecast.models.baselines import HARMONIC
from gruforecast.models.conformal import Calibration
from gruforecast.models.covariate_effects import known_places
from gruforecast.models.end_forecasts import EndForecasts
from gruforecast.models.ensemble import Once, Stored, blend_of, parts_of
from gruforecast.models.model import Model
from gruforecast.models.networks.config import QUANTILES
from gruforecast.models.networks.covariates import Scaling
from gruforecast.models.networks.inference import Network
from gruforecast.models.registry import BLEND, NETWORKS, model_of
from gruforecast.models.short_series import ShortSeries

if TYPE_CHECKING:
    from gruforecast.models.pretrained.model import PretrainedNetwork

BLOCK_NUMBERS = 500_000  # of one array for the series that are forecast at a time: 4 MB
MAX_THREADS = 4  # each has a block of its own; more would wait for whoever writes the forecasts


@dataclass(frozen=True)
class _Request:
    """What is requested: a member, steps, levels, future covariates, how intervals adapt, forecasts that are there.

    Attributes:
        unseen: (n_series,) series of which the rows given are all that is known, None for none.
    """

    member: str
    steps: int
    levels: tuple[float, ...]
    future: FutureCovariates | None
    adapted: Adapted | None
    ready: EndForecasts | None
    unseen: Bools | None

    def at(self, places: Ints) -> _Request:
        """Return the same of some of the series."""
        adapted = None if self.adapted is None else self.adapted[places]
        unseen = None if self.unseen is None else self.unseen[places]
        return replace(self, adapted=adapted, unseen=unseen, ready=self.ready and self.ready.at(places))


@dataclass(frozen=True)
class Forecaster:
    """A model that forecasts any series of its frequency.

    Attributes:
        networks: combined by their weights; they have horizon and season in common.
        blend: weight of each member in the blend; empty where there is none.
        winner: name of the member that the report called the winner.
        calibrations: intervals by member name.
        context: rows of the training series that are kept, from whose ends a forecast without new data starts; the last
            row alone, without its value, where none are.
        ends: forecasts from there on that were made at fit.
        scaling: of the covariates.
        pretrained: members beside the ensemble: the pretrained network as it is, fine-tuned, or both.
        short: what is known of forecasts from few rows.
    """

    networks: tuple[Network, ...]
    blend: dict[str, float]
    winner: str
    calibrations: dict[str, Calibration]
    plan: Plan
    context: Panel
    ends: EndForecasts
    scaling: Scaling
    pretrained: tuple[PretrainedNetwork, ...] = ()
    short: ShortSeries = field(default_factory=ShortSeries)

    @property
    def members(self) -> list[str]:
        """Names that `predict` takes: the networks, the blend and the models beside the ensemble."""
        return list(self.calibrations)

    @functools.cached_property
    def numbered(self) -> frozenset[str]:
        """Columns of keys in which those of all training series are whole numbers."""
        from gruforecast.data.to_frame import numbered_keys

        return numbered_keys(self.plan.names.ids or ("unique_id",), self.context.ids)

    @functools.cached_property
    def keeps_rows(self) -> bool:
        """Whether there are rows of the training data to start from."""
        return not np.isnan(self.context.y).all()

    @property
    def horizon(self) -> int:
        """Steps that it was fitted for."""
        return self.networks[0].config.horizon

    @property
    def season_length(self) -> int:
        """Rows of one season, 1 = none."""
        return self.networks[0].config.season_length

    def weights_of(self, member: str) -> dict[str, float]:
        """Return what a member consists of, and the weights."""
        return self.blend if member == BLEND else {member: 1.0}

    def networks_in(self, member: str) -> list[Network]:
        """Return the networks that take part in a member."""
        parts = self.weights_of(member)
        return [one for one in self.networks if NETWORKS in parts or one.name in parts]

    @property
    def lookback(self) -> int:
        """Rows of the past that networks look at, the pretrained ones included."""
        return max(one.config.lookback for one in (*self.networks, *self.pretrained))

    def others_in(self, member: str) -> list[str]:
        """Return the models in a member that are no networks of the ensemble."""
        networks = {NETWORKS, *(one.name for one in self.networks)}
        return [name for name in self.weights_of(member) if name not in networks]

    def predict(
        self,
        panel: Panel | None = None,
        *,
        horizon: int | None = None,
        levels: tuple[float, ...] | None = None,
        member: str = "winner",
        ids: list[str] | None = None,
        future: FutureCovariates | None = None,
        adapted: Adapted | None = None,
        unseen: Bools | None = None,
    ) -> Forecast:
        """Return the forecasts from the end of each series of `panel`, or from the end of the training data.

        Args:
            horizon: steps, at most those fitted.
            levels: interval levels in percent, of those calibrated; all by default.
            member: `winner`, `networks`, `blend`, or the name of another model.
            ids: keys of the only series to forecast; parts of a compound key are joined by `/`.
            future: future covariates, where the member reads some.
            adapted: by how much the intervals of each series of `panel` are to be wider, as calibrated if not given.
            unseen: (n_series,) series of `panel` that the model has not seen: intervals of short ones are wider.

        Raises:
            UsageError: an argument asks for what the model does not have, or `future` is needed.
            DataError: `panel` has another step than the data that the model was fitted on, or `future` lacks a step.
            ResourceError: a package that the member needs is missing.
        """
        blocks = self.stream(
            panel, horizon=horizon, levels=levels, member=member, ids=ids, future=future, adapted=adapted, unseen=unseen
        )
        return Forecast.joined(list(blocks))

    def stream(
        self,
        panel: Panel | None = None,
        *,
        horizon: int | None = None,
        levels: tuple[float, ...] | None = None,
        member: str = "winner",
        ids: list[str] | None = None,
        future: FutureCovariates | None = None,
        adapted: Adapted | None = None,
        unseen: Bools | None = None,
    ) -> Iterator[Forecast]:
        """Forecasts as of `predict`, of some series at a time: memory does not grow with their number.

        What can be refused is refused before the first of them. While one is used, the next are made in other threads.
        """
        if panel is not None:
            self.check(panel)
        elif not self.keeps_rows:
            raise UsageError(
                "the model keeps no rows to start from (fit `context=False`).",
                remedy=f"Pass the newest data: {self._columns_in_words()}.",
                code="GF-U48",
            )
        name, steps = self.member_named(member), self.steps(horizon)
        source, ready = (self.context, self.ends) if panel is None else (panel, None)
        request = _Request(name, steps, self.levels([name], levels), future, adapted, ready, unseen)
        if ids:
            places = source.places_of(ids)
            source, request = source.at(places), request.at(places)
        self._check_future(source, request)
        return self._forecasts(source, request)

    def _forecasts(self, source: Panel, request: _Request) -> Iterator[Forecast]:
        """Forecasts by block. The library of matrix products gets one thread: two of its own wait for each other."""
        threads = min(cores(), MAX_THREADS)
        waiting: deque[Future[Forecast]] = deque()
        with one_thread(), ThreadPoolExecutor(threads) as pool:
            for first, last in self._blocks(source):
                part, asked = source.part(first, last), request.at(np.arange(first, last))
                waiting.append(pool.submit(self._forecast, part, asked, asked.ready or self._ends(part, asked.member)))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    @property
    def block(self) -> int:
        """Series that are forecast at a time, in each of at most `MAX_THREADS` threads."""
        rows = max(network.config.lookback for network in self.networks) + self.horizon
        covariates = rows * max(1, len(self.plan.columns))
        return max(1, BLOCK_NUMBERS // (self.horizon * len(QUANTILES) + covariates))

    def _blocks(self, source: Panel) -> list[tuple[int, int]]:
        """Return the first and last series (exclusive) of each block, of which there is at least one."""
        return [(first, min(first + self.block, len(source))) for first in range(0, max(len(source), 1), self.block)]

    def _ends(self, panel: Panel, member: str) -> EndForecasts:
        size = self.horizon, self.season_length
        return EndForecasts.of(panel, self.others_in(member), size, self.scaling, self.pretrained)

    def _forecast(self, panel: Panel, request: _Request, ends: EndForecasts) -> Forecast:
        ds = panel.freq.after(panel.last, request.steps)
        future, forecasts = self._future(panel.ids, ds, request), ends.forecasts
        x = None if future is None else self.scaling(panel.x)
        history = History.of(panel.y, panel.indptr, panel.wall, x)
        windows = history.windows(np.arange(len(panel)), panel.indptr[1:])
        unit, multiplier = self._interval_scale(history, windows, request)
        history, windows = history.at_ends(windows, max(one.config.lookback for one in self.networks), future)
        if future is not None:
            forecasts = ends.seeing(future[:, :, known_places(self.plan.inputs)])
        parts = parts_of(self.networks, {name: Stored(one) for name, one in forecasts.items()})
        model = blend_of(self.weights_of(request.member), parts)
        forecast = model.forecast(history, windows, self.horizon, self.season_length).first(request.steps)
        calibration = self.calibrations[request.member]
        lower, upper = calibration.bounds_at(windows, forecast, unit, request.levels, multiplier)
        return Forecast(panel.ids, ds, forecast.mean, request.levels, lower, upper, panel.plan, request.adapted)

    def _interval_scale(self, history: History, windows: Windows, request: _Request) -> tuple[Floats, Floats | None]:
        """Return the unit of interval widths at windows, (n,), and by what half-widths are multiplied, None for 1."""
        unit = error_unit(history, windows, self.season_length)
        multiplier, unseen = None if request.adapted is None else request.adapted.multiplier, request.unseen
        if unseen is None or not unseen.any():
            return unit, multiplier
        rows = windows.end - windows.start
        wider = np.where(unseen, self.short.widening(request.member, rows), 1.0)
        unit = np.where(unseen, self.short.unit(history, windows, self.season_length), unit)
        return unit, wider if multiplier is None else wider * multiplier

    def models(self, members: Sequence[str]) -> dict[str, Model]:
        """Return members by name, for windows of a history; what several consist of forecasts once."""
        inputs, own = self.plan.inputs, self.pretrained
        others = {name: model_of(name, inputs, own) for member in members for name in self.others_in(member)}
        parts = parts_of(self.networks, others, Once)
        return {member: blend_of(self.weights_of(member), parts) for member in members}

    def _sees_covariates(self, member: str) -> bool:
        """Return whether a member has parts that may read covariates: networks or harmonic regression."""
        return bool(self.networks_in(member)) or HARMONIC in self.weights_of(member)

    def _check_future(self, source: Panel, request: _Request) -> None:
        """Check that future covariates are there where the forecast hangs on some."""
        needed = self.plan.future_names
        if request.future is None and needed and self._hangs_on_future(request):
            raise MissingCovariatesError(
                f"the model needs {', '.join(needed)} for the {request.steps} steps ahead.",
                remedy=f"Pass `future` with {', '.join(self.plan.names.time)} and these columns.",
                code="GF-U38",
            )
        if request.future is not None:  # what no part reads is checked all the same: another member may
            for first, end in self._blocks(source):
                request.future.of(source.ids[first:end], source.freq.after(source.last[first:end], request.steps))

    def _hangs_on_future(self, request: _Request) -> bool:
        """Return whether covariates from a file may change the forecasts of a member.

        Those of harmonic regression from the end of the training data do where a coefficient that is kept is not zero;
        from new rows all coefficients are estimated anew.
        """
        if any(one.config.use_inputs != "none" for one in self.networks_in(request.member)):
            return True
        regresses = HARMONIC in self.weights_of(request.member)
        if not regresses or request.ready is None:
            return regresses
        effects, in_files = request.ready.effects, known_places(self.plan.inputs) < len(self.plan.roles)
        return effects is not None and bool(effects.slope[:, in_files].any())

    def _future(self, ids: Keys, ds: Stamps, request: _Request) -> Floats | None:
        """Return the covariates in the horizon, standardised, (n_series, horizon, n_columns), if there are any.

        Steps beyond those requested are not known.
        """
        if not (self.plan.columns and self._sees_covariates(request.member)):
            return None
        future = np.full((len(ids), self.horizon, len(self.plan.columns)), np.nan)
        if request.future is not None:
            known = [k for k, one in enumerate(self.plan.roles) if one == "known"]
            future[:, : ds.shape[1], known] = request.future.of(ids, ds)
        if self.plan.holidays:
            future[:, : ds.shape[1], -1] = self.plan.holiday_column(ds.ravel()).reshape(ds.shape)
        return self.scaling(future)

    def check(self, panel: Panel) -> None:
        """Check that a panel has the step and the columns of the data that the model was fitted on.

        Raises:
            DataError: it has not.
        """
        own, other = self.plan, panel.plan
        if (other.freq.unit, other.freq.step) != (own.freq.unit, own.freq.step):
            raise DataError(
                f"the step is {other.freq.label!r}, the model was fitted on {own.freq.label!r}.",
                remedy="Give data of that step, or fit a model on these.",
                code="GF-D42",
            )
        if (other.covariates, other.holidays) != (own.covariates, own.holidays):
            raise DataError(
                "the covariates are read in another way than those that were fitted.",
                remedy="Read the data with model.read(data).",
                code="GF-D64",
            )

    def _columns_in_words(self) -> str:
        """Return which data a forecast needs."""
        names = self.plan.names
        target = () if self.plan.wide else (names.target,)
        columns = [*names.ids, *names.time, *target, *(one.name for one in self.plan.covariates)]
        return f"a file with the columns {', '.join(columns)}, best {self.lookback} rows or more of each series"

    def member_named(self, member: str) -> str:
        """Return the member, which may be asked for as `winner`.

        Raises:
            UsageError: there is none of this name.
        """
        name = self.winner if member == "winner" else member
        if name not in self.calibrations:
            known = ["winner", *self.members]
            raise UsageError(
                f"there is no member {member!r}.{did_you_mean(member, known)}",
                remedy=f"The members are {shorten(known, 12)}.",
                code="GF-U05",
            )
        return name

    def steps(self, horizon: int | None) -> int:
        """Return the steps requested, or those fitted.

        Raises:
            UsageError: these are not as many.
        """
        if horizon is not None and not 1 <= horizon <= self.horizon:
            raise UsageError(
                f"`horizon` {horizon} is not within 1 and {self.horizon}, the horizon fitted.",
                remedy=f"Fit again with `horizon={horizon}`." if horizon > 0 else "Pass a positive number.",
                code="GF-U06",
            )
        return horizon or self.horizon

    def levels(self, members: Sequence[str], requested: Sequence[float] | None) -> tuple[float, ...]:
        """Return the interval levels requested, or all that are calibrated for one of the members, ascending.

        Raises:
            UsageError: one of them is not calibrated.
        """
        known = sorted({level for name in members for level in self.calibrations[name].levels})
        for level in requested or ():
            if level not in known:
                there = ", ".join(f"{one:g}" for one in known) or "none"
                fits = f"Fit again with `level={level:g}`." if 1 <= level < 100 else "Pass percent, such as 80."
                text = f"`level` {level:g} is not calibrated; there are {there}."
                raise UsageError(text, remedy=fits, code="GF-U07")
        return tuple(sorted(set(requested or known)))

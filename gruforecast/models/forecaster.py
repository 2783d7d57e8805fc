"""A fitted model that forecasts: networks and simpler models, their intervals, and where the training data ended."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gruforecast.arrays import Floats, Stamps
from gruforecast.data.future_covariates import FutureCovariates
from gruforecast.data.panel import Adapted, Forecast, Panel
from gruforecast.data.plan import Plan
from gruforecast.errors import DataError, MissingCovariatesError, UsageError, did_you_mean, shorten
from gruforecast.execution.machine import cores, one_thread
from gruforecast.models.baselines import HARMONIC
from gruforecast.models.conformal import Calibration
from gruforecast.models.covariate_effects import known_places
from gruforecast.models.ensemble import Once, Stored, blend_of, parts_of
from gruforecast.models.model import Model
from gruforecast.models.networks.config import QUANTILES
from gruforecast.models.networks.covariates import Scaling
from gruforecast.models.networks.inference import Network
from gruforecast.models.quantile_forecast import QuantileForecast
from gruforecast.models.registry import BLEND, NETWORKS, model_of
from gruforecast.models.series_state import SeriesState, places_of

if TYPE_CHECKING:
    from gruforecast.models.pretrained.model import PretrainedNetwork

BLOCK_NUMBERS = 500_000  # of one array for the series that are forecast at a time: 4 MB
MAX_THREADS = 4  # each has a block of its own; more would wait for whoever writes the forecasts


@dataclass(frozen=True)
class _Request:
    """What is requested: a member, steps, levels, how stamps go on, future covariates, how intervals adapt."""

    member: str
    steps: int
    levels: tuple[float, ...]
    plan: Plan
    future: FutureCovariates | None
    adapted: Adapted | None


@dataclass(frozen=True)
class Forecaster:
    """A model that forecasts any series of its frequency.

    Attributes:
        networks: combined by their weights; they have horizon and season in common.
        blend: weight of each member in the blend; empty where there is none.
        winner: name of the member that the report called the winner.
        calibrations: intervals by member name.
        context: state of the training series at their ends, from which a forecast without new data starts.
        scaling: of the covariates.
        pretrained: members beside the ensemble: the pretrained network as it is, fine-tuned, or both.
    """

    networks: tuple[Network, ...]
    blend: dict[str, float]
    winner: str
    calibrations: dict[str, Calibration]
    plan: Plan
    context: SeriesState
    scaling: Scaling
    pretrained: tuple[PretrainedNetwork, ...] = ()

    @property
    def members(self) -> list[str]:
        """Names that `predict` takes: the networks, the blend and the models beside the ensemble."""
        return list(self.calibrations)

    @functools.cached_property
    def numbered(self) -> frozenset[str]:
        """Columns of keys in which those of all training series are whole numbers."""
        from gruforecast.data.to_frame import numbered_keys

        return numbered_keys(self.plan.names.ids or ("unique_id",), self.context.ids)

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
    ) -> Forecast:
        """Return the forecasts from the end of each series of `panel`, or from the end of the training data.

        Args:
            horizon: steps, at most those fitted.
            levels: interval levels in percent, of those calibrated; all by default.
            member: `winner`, `networks`, `blend`, or the name of another model.
            ids: keys of the only series to forecast; parts of a compound key are joined by `/`.
            future: future covariates, where the member reads some.
            adapted: by how much the intervals of each series of `panel` are to be wider, as calibrated if not given.

        Raises:
            UsageError: an argument asks for what the model does not have, or `future` is needed.
            DataError: `panel` has another step than the data that the model was fitted on, or `future` lacks a step.
            ResourceError: a package that the member needs is missing.
        """
        blocks = self.stream(
            panel, horizon=horizon, levels=levels, member=member, ids=ids, future=future, adapted=adapted
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
    ) -> Iterator[Forecast]:
        """Forecasts as of `predict`, of some series at a time: memory does not grow with their number.

        What can be refused is refused before the first of them. While one is used, the next are made in other threads.
        """
        if panel is not None:
            self.check(panel)
        elif not self.context.kept:
            raise UsageError(
                "the model keeps no rows to start from (fit `context=False`).",
                remedy=f"Pass the newest data: {self._columns_in_words()}.",
                code="GF-U48",
            )
        name, steps = self.member_named(member), self.steps(horizon)
        plan = self.plan if panel is None else panel.plan
        source = self.context if panel is None else panel
        if ids:
            places = places_of(source.ids, ids)
            source = source.at(places) if isinstance(source, SeriesState) else source.only(ids)
            adapted = None if adapted is None else adapted[places]
        request = _Request(name, steps, self.levels([name], levels), plan, future, adapted)
        self._check_future(source, request)
        return self._forecasts(source, request)

    def _forecasts(self, source: Panel | SeriesState, request: _Request) -> Iterator[Forecast]:
        """Forecasts by block. The library of matrix products gets one thread: two of its own wait for each other."""
        threads = min(cores(), MAX_THREADS)
        waiting: deque[Future[Forecast]] = deque()
        with one_thread(), ThreadPoolExecutor(threads) as pool:
            for first, last in self._blocks(source):
                adapted = None if request.adapted is None else request.adapted[first:last]
                part = replace(request, adapted=adapted)
                waiting.append(pool.submit(self._forecast, self._state(source, first, last, request), part))
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

    def _blocks(self, source: Panel | SeriesState) -> list[tuple[int, int]]:
        """Return the first and last series (exclusive) of each block, of which there is at least one."""
        return [(first, min(first + self.block, len(source))) for first in range(0, max(len(source), 1), self.block)]

    def _state(self, source: Panel | SeriesState, first: int, last: int, request: _Request) -> SeriesState:
        return (
            source.at(np.arange(first, last))
            if isinstance(source, SeriesState)
            else SeriesState.of(
                source.part(first, last),
                self.networks,
                self.others_in(request.member),
                self.scaling,
                self.pretrained,
            )
        )

    def _forecast(self, state: SeriesState, request: _Request) -> Forecast:
        ds = request.plan.freq.after(state.last, request.steps)
        future = self._future(state, ds, request)
        history, windows = state.history(self.plan, self.scaling, future)
        forecasts = dict(state.forecasts)
        if future is not None and state.effects is not None and HARMONIC in forecasts:
            known = history.covariates(windows, 0, self.horizon)[:, :, known_places(self.plan.inputs)]
            forecasts[HARMONIC] = QuantileForecast(state.effects.onto(forecasts[HARMONIC].mean, known))
        parts = parts_of(self.networks, {name: Stored(one) for name, one in forecasts.items()})
        model = blend_of(self.weights_of(request.member), parts)
        forecast = model.forecast(history, windows, self.horizon, self.season_length).first(request.steps)
        adapted = request.adapted
        lower, upper = self.calibrations[request.member].bounds_at(
            windows, forecast, state.scale, request.levels, None if adapted is None else adapted.multiplier
        )
        return Forecast(state.ids, ds, forecast.mean, request.levels, lower, upper, request.plan, adapted)

    def models(self, members: Sequence[str]) -> dict[str, Model]:
        """Return members by name, for windows of a history; what several consist of forecasts once."""
        inputs, own = self.plan.inputs, self.pretrained
        others = {name: model_of(name, inputs, own) for member in members for name in self.others_in(member)}
        parts = parts_of(self.networks, others, Once)
        return {member: blend_of(self.weights_of(member), parts) for member in members}

    def _sees_covariates(self, member: str) -> bool:
        """Return whether a member has parts that may read covariates: networks or harmonic regression."""
        return bool(self.networks_in(member)) or HARMONIC in self.weights_of(member)

    def _check_future(self, source: Panel | SeriesState, request: _Request) -> None:
        """Check that future covariates are there where the forecast hangs on some."""
        needed, member = self.plan.future_names, request.member
        if request.future is None and needed and self._hangs_on_future(source, member):
            raise MissingCovariatesError(
                f"the model needs {', '.join(needed)} for the {request.steps} steps ahead.",
                remedy=f"Pass `future` with {', '.join(self.plan.names.time)} and these columns.",
                code="GF-U38",
            )
        if request.future is not None:  # what no part reads is checked all the same: another member may
            last = source.last if isinstance(source, SeriesState) else source.ds[source.indptr[1:] - 1]
            for first, end in self._blocks(source):
                request.future.of(source.ids[first:end], request.plan.freq.after(last[first:end], request.steps))

    def _hangs_on_future(self, source: Panel | SeriesState, member: str) -> bool:
        """Return whether covariates from a file may change the forecasts of a member.

        Those of harmonic regression from the end of the training data do where a coefficient that is kept is not zero;
        from new rows all coefficients are estimated anew.
        """
        if any(one.config.use_inputs != "none" for one in self.networks_in(member)):
            return True
        regresses = HARMONIC in self.weights_of(member)
        if not regresses or not isinstance(source, SeriesState):
            return regresses
        effects, in_files = source.effects, known_places(self.plan.inputs) < len(self.plan.roles)
        return effects is not None and bool(effects.slope[:, in_files].any())

    def _future(self, state: SeriesState, ds: Stamps, request: _Request) -> Floats | None:
        """Return the covariates in the horizon, (n_series, horizon, n_columns), if there are any.

        Steps beyond those requested are not known.
        """
        if not (self.plan.columns and self._sees_covariates(request.member)):
            return None
        future = np.full((len(state), self.horizon, len(self.plan.columns)), np.nan)
        if request.future is not None:
            known = [k for k, one in enumerate(self.plan.roles) if one == "known"]
            future[:, : ds.shape[1], known] = request.future.of(state.ids, ds)
        if self.plan.holidays:
            future[:, : ds.shape[1], -1] = self.plan.holiday_column(ds.ravel()).reshape(ds.shape)
        return future

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

"""What the exported graph takes and gives, by name: the inputs that its networks use, none of them optional."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gruforecast.arrays import Array, Floats, Stamps
from gruforecast.artifact.held import GRAPHS, not_in_graphs
from gruforecast.artifact.manifest import SignatureRecord, TensorRecord
from gruforecast.data.calendar.holidays import NAME as HOLIDAY
from gruforecast.data.plan import Plan
from gruforecast.models.conformal import Calibration
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.networks.covariates import Scaling
from gruforecast.models.networks.inference import Network, needs_calendar
from gruforecast.models.registry import NETWORKS

Y, LAST = "y", "last_ds"
OUTPUTS = ("y_hat", "quantiles")
SHAPES = {
    "y": "(batch, time)",
    "last_ds": "(batch,)",
    "known": "(batch, time + horizon)",
    "past": "(batch, time)",
    "static": "(batch,)",
}
MEANINGS = {
    "y": "the series in the user's unit, oldest first, NaN = missing; any length from 1 on",
    "last_ds": "local wall clock of the last row, seconds since 1970-01-01 00:00",
    "known": "known ahead: the rows of y, then those of the horizon; NaN = missing",
    "past": "the rows of y; NaN = missing",
    "static": "constant in each series; NaN = missing",
}


@dataclass(frozen=True)
class Input:
    """One input.

    Attributes:
        kind: a key of `SHAPES`.
        column: the user's name; empty for `last_ds`.
        categories: texts whose place in this list is what is passed; empty for numbers.
    """

    name: str
    kind: str
    column: str = ""
    categories: tuple[str, ...] = ()

    @property
    def numbers(self) -> int:
        """How many columns of the networks it becomes: one, or one for each category."""
        return max(1, len(self.categories))

    def described(self) -> TensorRecord:
        """Return the input for people who call the graph."""
        dtype, categories = "int64" if self.kind == LAST else "float64", list(self.categories)
        return TensorRecord(self.name, dtype, SHAPES[self.kind], MEANINGS[self.kind], self.column, categories)


@dataclass(frozen=True)
class Served:
    """Everything that the graph computes with.

    Attributes:
        networks: those that take part; where none does one that says horizon and season.
        parts: weights of what the member consists of: `NETWORKS`, networks by name, models of `GRAPHS`.
        scaling: of the covariates; calibration: of the member.
    """

    networks: tuple[Network, ...]
    scaling: Scaling
    calibration: Calibration
    inputs: tuple[Input, ...]
    parts: dict[str, float] = field(default_factory=lambda: {NETWORKS: 1.0})

    @classmethod
    def by(cls, forecaster: Forecaster, graphs: Sequence[str] = GRAPHS) -> Served:
        """Return what serves the winner of a forecaster where a graph can hold it, else its networks."""
        member = NETWORKS if not_in_graphs(forecaster, graphs) else forecaster.winner
        networks, own = forecaster.networks_in(member), forecaster.calibrations[member]
        served = cls.of(networks, forecaster.scaling, own, forecaster.plan)
        return replace(served, networks=tuple(networks or forecaster.networks[:1]), parts=forecaster.weights_of(member))

    @classmethod
    def of(cls, networks: Sequence[Network], scaling: Scaling, calibration: Calibration, plan: Plan) -> Served:
        """Return what serves `networks` that were fitted on columns of `plan`, combined by their weights."""
        inputs = [Input(Y, "y", plan.names.target)]
        if needs_calendar(networks):
            inputs.append(Input(LAST, LAST))
        if any(one.config.use_inputs != "none" for one in networks):
            inputs += _covariates(plan)
        return cls(tuple(networks), scaling, calibration, tuple(inputs))

    @property
    def lookback(self) -> int:
        """Rows that are read of each series, where only the newest ones are."""
        config = self.networks[0].config
        seasons = 4 * config.season_length * ("seasonal-naive" in self.parts)
        mean = max(config.season_length, config.horizon) * ("window-mean" in self.parts)
        return max(seasons, mean, *(one.config.lookback for one in self.networks))

    @property
    def covariates(self) -> tuple[Input, ...]:
        """The inputs that are covariates."""
        return tuple(one for one in self.inputs if one.kind not in (Y, LAST))

    @property
    def levels(self) -> tuple[float, ...]:
        """Levels of the quantiles that come out, ascending shares; 0.5 stands for the point forecast."""
        halves = [round(level / 200, 9) for level in sorted(self.calibration.levels)]
        return (*(round(0.5 - one, 9) for one in reversed(halves)), 0.5, *(round(0.5 + one, 9) for one in halves))

    def given(self, y: Floats, last: Stamps, x: Floats) -> dict[str, Array]:
        """Return what the graph is called with.

        Args:
            y: (n, time); last: (n,) wall clock of the last row.
            x: (n, time + horizon, n_columns) covariates in the user's units, as a panel has them.
        """
        time, place = y.shape[1], 0
        arrays: dict[str, Array] = {Y: y, LAST: last.astype("datetime64[s]").astype(np.int64)}
        for one in self.covariates:
            values = _codes(x[:, :, place : place + one.numbers]) if one.categories else x[:, :, place]
            arrays[one.name] = values[:, {"past": slice(time), "known": slice(None), "static": time - 1}[one.kind]]
            place += one.numbers
        return {one.name: arrays[one.name] for one in self.inputs}

    def described(self) -> SignatureRecord:
        """Return the signature."""
        horizon = self.networks[0].config.horizon
        outputs = {"y_hat": f"(batch, {horizon})", "quantiles": f"(batch, {horizon}, {len(self.levels)})"}
        return SignatureRecord(
            signature="serving_default",
            inputs=[one.described() for one in self.inputs],
            outputs=[TensorRecord(name, "float64", shape) for name, shape in outputs.items()],
            quantile_levels=list(self.levels),
            horizon=horizon,
            lookback=self.lookback,
        )


def _covariates(plan: Plan) -> list[Input]:
    """Return an input for each covariate, by role and name; names are made of ASCII letters and digits."""
    wanted: list[tuple[str, str, tuple[str, ...]]] = [  # the only category of a flag is passed as 0 or 1, no code
        (one.role, one.name, () if one.flag else one.categories) for one in plan.covariates
    ]
    wanted += [("known", HOLIDAY, ())] if plan.holidays else []
    inputs: dict[str, Input] = {}
    for role, column, categories in wanted:
        plain = re.sub(r"[^0-9A-Za-z]+", "_", f"{role}_{column}").strip("_")
        numbered = (plain, *(f"{plain}_{k}" for k in range(2, len(wanted) + 2)))
        name = next(each for each in numbered if each not in inputs)
        inputs[name] = Input(name, role, column, categories)
    return list(inputs.values())


def _codes(hot: Floats) -> Floats:
    """Return the place of each category (n, time), of columns that are 1 where a row has it; NaN where it has none."""
    return np.where((hot == 1).any(axis=2), (hot == 1).argmax(axis=2), np.nan)

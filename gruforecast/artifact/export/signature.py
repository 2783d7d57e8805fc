"""What the exported graph takes and gives, by name: the inputs that its networks use, none of them optional."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from gruforecast.arrays import Floats, Stamps
from gruforecast.data.calendar.holidays import NAME as HOLIDAY
from gruforecast.data.plan import Plan
from gruforecast.execution.atomic_files import read_npz
from gruforecast.models.conformal import Calibration
from gruforecast.models.networks.config import NetworkConfig
from gruforecast.models.networks.covariates import Scaling
from gruforecast.models.networks.inference import Network, needs_calendar
from gruforecast.serialization import Record, from_dict, to_dict

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


class TensorRecord(Record, omit_defaults=True, frozen=True):
    """One input or output of an exported graph, for people who call it.

    Attributes:
        meaning: in words; column: the user's name; categories: texts whose place in this list is what is passed.
    """

    name: str
    dtype: str
    shape: str
    meaning: str = msgspec.field(name="is", default="")
    column: str = ""
    categories: list[str] = []


class SignatureRecord(Record, omit_defaults=True, frozen=True):
    """What an exported graph takes and gives.

    Attributes:
        quantile_levels: ascending shares; 0.5 stands for the point forecast.
        parity: largest relative difference between its forecasts and those of `predict`, where it was compared.
    """

    signature: str
    inputs: list[TensorRecord]
    outputs: list[TensorRecord]
    quantile_levels: list[float]
    horizon: int
    lookback: int
    parity: float | None = None


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

    def described(self) -> dict[str, Any]:
        """Return the input in plain JSON types, for people who call the graph."""
        column = {"column": self.column} if self.column else {}
        coded = {"categories": list(self.categories)} if self.categories else {}
        dtype = "int64" if self.kind == LAST else "float64"
        facts = {"name": self.name, "dtype": dtype, "shape": SHAPES[self.kind], "is": MEANINGS[self.kind]}
        return {**facts, **column, **coded}


@dataclass(frozen=True)
class Served:
    """Everything that the graph computes with.

    Attributes:
        scaling: of the covariates; calibration: of the networks combined by their weights.
    """

    networks: tuple[Network, ...]
    scaling: Scaling
    calibration: Calibration
    inputs: tuple[Input, ...]

    @classmethod
    def of(cls, networks: Sequence[Network], scaling: Scaling, calibration: Calibration, plan: Plan) -> Served:
        """Return what serves `networks` that were fitted on columns of `plan`."""
        inputs = [Input(Y, "y", plan.names.target)]
        if needs_calendar(networks):
            inputs.append(Input(LAST, LAST))
        if any(one.config.use_inputs != "none" for one in networks):
            inputs += _covariates(plan)
        return cls(tuple(networks), scaling, calibration, tuple(inputs))

    @property
    def covariates(self) -> tuple[Input, ...]:
        """The inputs that are covariates."""
        return tuple(one for one in self.inputs if one.kind not in (Y, LAST))

    @property
    def levels(self) -> tuple[float, ...]:
        """Levels of the quantiles that come out, ascending shares; 0.5 stands for the point forecast."""
        halves = [round(level / 200, 9) for level in sorted(self.calibration.levels)]
        return (*(round(0.5 - one, 9) for one in reversed(halves)), 0.5, *(round(0.5 + one, 9) for one in halves))

    def given(self, y: Floats, last: Stamps, x: Floats) -> dict[str, Any]:
        """Return what the graph is called with.

        Args:
            y: (n, time); last: (n,) wall clock of the last row.
            x: (n, time + horizon, n_columns) covariates in the user's units, as a panel has them.
        """
        time, place = y.shape[1], 0
        arrays = {Y: y, LAST: last.astype("datetime64[s]").astype(np.int64)}
        for one in self.covariates:
            values = _codes(x[:, :, place : place + one.numbers]) if one.categories else x[:, :, place]
            arrays[one.name] = values[:, {"past": slice(time), "known": slice(None), "static": time - 1}[one.kind]]
            place += one.numbers
        return {one.name: arrays[one.name] for one in self.inputs}

    def described(self) -> dict[str, Any]:
        """Return the signature in plain JSON types."""
        horizon = self.networks[0].config.horizon
        outputs = [
            {"name": "y_hat", "dtype": "float64", "shape": f"(batch, {horizon})"},
            {"name": "quantiles", "dtype": "float64", "shape": f"(batch, {horizon}, {len(self.levels)})"},
        ]
        return {
            "signature": "serving_default",
            "inputs": [one.described() for one in self.inputs],
            "outputs": outputs,
            "quantile_levels": list(self.levels),
            "horizon": horizon,
            "lookback": max(one.config.lookback for one in self.networks),
        }

    def request(self, weights: Sequence[str]) -> dict[str, Any]:
        """Return this as plain JSON types for another process; arrays of the networks lie in the files `weights`."""
        return {
            "networks": [
                {"name": one.name, "config": to_dict(one.config), "share": one.weight, "weights": path}
                for one, path in zip(self.networks, weights, strict=True)
            ],
            "scaling": [self.scaling.centre.tolist(), self.scaling.spread.tolist()],
            "calibration": [list(self.calibration.levels), self.calibration.factor.tolist(), self.calibration.trust],
            "inputs": [[one.name, one.kind, one.column, list(one.categories)] for one in self.inputs],
        }

    @classmethod
    def from_request(cls, request: dict[str, Any]) -> Served:
        """Return what `request` has made plain."""
        networks = tuple(
            Network(
                one["name"],
                from_dict(NetworkConfig, one["config"], "export request"),
                read_npz(one["weights"]),
                one["share"],
            )
            for one in request["networks"]
        )
        levels, factor, trust = request["calibration"]
        shape = (networks[0].config.horizon, len(levels))
        return cls(
            networks,
            Scaling(*(np.array(one, float) for one in request["scaling"])),
            Calibration(tuple(levels), np.array(factor, float).reshape(shape), trust),
            tuple(Input(name, kind, column, tuple(texts)) for name, kind, column, texts in request["inputs"]),
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

"""The certificate of an export: what it holds, takes and gives, its difference from `predict`, size and speed."""

from __future__ import annotations

from msgspec import field

from gruforecast.artifact.export.footprint import Needs
from gruforecast.artifact.export.parity import Difference
from gruforecast.artifact.manifest import SignatureRecord
from gruforecast.serialization import Record


class Parity(Record, frozen=True):
    """How far an export is from `predict`, in all and by kind of windows; `tolerance` is None where any is allowed."""

    max_relative: float
    tolerance: float | None
    windows: dict[str, Difference]


class RoundedMase(Record, frozen=True):
    """What 8-bit weights cost: the MASE on windows of data with and without them."""

    windows: int
    exact: float = field(name="float")
    rounded: float = field(name="int8")
    worse_percent: float
    limit_percent: float
    within: bool


class Edge(Needs, frozen=True):
    """What a forecast needs of a small device."""

    parameters: int
    multiply_adds: int


class Certificate(Record, kw_only=True, omit_defaults=True, frozen=True):
    """The facts about an export: what it is, takes and gives, its size and speed, its model, its versions.

    Attributes:
        model: its name, and the digest of its manifest; milliseconds: of loading and of calls, on one thread.
        holds: what it holds, and what the winner is; lacks: models in the winner that no graph can hold: then the
            networks alone are exported.
        edge: of a LiteRT file; mase: where weights are 8-bit integers.
    """

    export: str
    format: str
    int8: bool
    model: dict[str, str]
    bytes: int
    sha256: str
    milliseconds: dict[str, float]
    graph: SignatureRecord
    versions: dict[str, str]
    parity: Parity
    holds: str = ""
    lacks: list[str] = []
    edge: Edge | None = None
    mase: RoundedMase | None = None

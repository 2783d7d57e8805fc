"""What is found inside a network, as `report.json` and `gruforecast explain --json` hold it.

A folder may come from a stranger. So sizes are bounded here, and lengths that belong together are equal: whoever draws
a record need not check it again.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, TypeVar

import msgspec

from gruforecast.models.networks.config import Cell
from gruforecast.serialization import Record, check_lengths

PartKind = Literal["lags", "all", "calendar", "column"]  # `all` rows together, no single part
CalendarPart = Literal["hour", "weekday", "month"]
_T = TypeVar("_T")
_LARGEST = 1e100  # sums of larger numbers are infinite
Some = Annotated[list[_T], msgspec.Meta(max_length=4_096)]  # more than is ever written
Number = Annotated[float, msgspec.Meta(ge=-_LARGEST, le=_LARGEST)]
Norm = Annotated[float, msgspec.Meta(ge=0, le=_LARGEST)]
HalfLife = Annotated[float, msgspec.Meta(gt=0, le=_LARGEST)]
Stamp = Annotated[str, msgspec.Meta(pattern=r"^[-+0-9: ]{4,40}\Z")]


def significant(value: float, digits: int) -> float:
    """Return a number with so many significant digits."""
    return float(f"{value:.{digits}g}")


def finite(value: float, digits: int = 3) -> float | None:
    """Return a number with so many significant digits; None where it is not finite."""
    return significant(value, digits) if math.isfinite(value) else None


class WatchedNetwork(Record, frozen=True):
    """The network that was looked into; `share` is its weight in the ensemble."""

    name: str
    share: float
    layers: int
    units: int
    lookback: int
    segment: int
    tokens: int
    decoder: str
    horizon: int
    season_length: int


class LayerGates(Record, frozen=True):
    """Gates of one layer in percent: those of some `units` by token, and means over all units, (n_tokens,)."""

    layer: int
    units: Some[int]
    update: list[list[int]]
    reset: list[list[int]]
    mean_update: list[Number]
    mean_reset: list[Number]

    def __post_init__(self) -> None:
        check_lengths("units and gates", len(self.units), self.update, self.reset)
        check_lengths("gates and their means", len(self.mean_update), self.mean_reset, *self.update, *self.reset)


class GateRecord(Record, frozen=True):
    """Gates along the newest tokens of one series, n of them.

    Attributes:
        begin, end: (n,) stamps of each token's first and last row.
        values: (n,) means of what was seen; rewritten: (n,) how far the state moved for good, in robust deviations.
        moments: places of the state change points among the tokens.
    """

    series: str
    begin: Some[Stamp] = msgspec.field(name="from")
    end: list[Stamp] = msgspec.field(name="to")
    values: list[Number | None]
    rewritten: list[Number | None]
    moments: Some[int]
    layers: Some[LayerGates]

    def __post_init__(self) -> None:
        means = [layer.mean_update for layer in self.layers]
        check_lengths("stamps, values and gates", len(self.begin), self.end, self.values, self.rewritten, *means)
        if not all(0 <= place < len(self.begin) for place in self.moments):
            raise ValueError("a state change point is at no token")


class MemoryRecord(Record, frozen=True):
    """How long units remember, in `unit`s of time; None for those that never let go.

    Attributes:
        layers: half-life of each unit of each layer.
        within_a_token, beyond_the_window: shares of the units.
    """

    unit: str
    window: float
    token: float
    layers: Some[Some[HalfLife | None]]
    median: float | None
    shortest: float | None
    longest: float | None
    within_a_token: float
    beyond_the_window: float


class ChangePoint(Record, frozen=True):
    """A time at which the state of a network changed for good."""

    series: str
    score: float
    begin: Stamp = msgspec.field(name="from")
    end: Stamp = msgspec.field(name="to")


class CalendarProfile(Record, frozen=True):
    """How many change points, and how many tokens, fall on each hour, weekday or month."""

    by: CalendarPart
    names: Annotated[list[str], msgspec.Meta(min_length=1, max_length=24)]
    moments: list[int]
    tokens: list[int]

    def __post_init__(self) -> None:
        check_lengths("the parts of a calendar and their counts", len(self.names), self.moments, self.tokens)
        if sum(self.tokens) <= 0:
            raise ValueError("no token falls on a calendar")


class ChangeRecord(Record, frozen=True):
    """All state change points, the strongest of them one by one."""

    threshold: float
    apart: int
    compared_with: str
    n_moments: int
    n_tokens: int
    n_series: int
    moments: Some[ChangePoint]
    profile: Some[CalendarProfile]

    def __post_init__(self) -> None:
        if len(self.moments) > self.n_moments or bool(self.moments) != bool(self.n_moments):
            raise ValueError(f"{len(self.moments)} of {self.n_moments} state change points are listed")


class GradientRecord(Record, frozen=True):
    """The input gradient of networks of one cell by rows back, newest first.

    Attributes:
        saved: whether it is the network of the model folder, not one of the comparison.
        end: the length that `oldest_to_newest` compares at both ends, in units of time, as `within` and `window`.
        within: how far back most of it lies; None where there is none.
    """

    name: str
    cell: Cell
    saved: bool
    seeds: int
    lookback: int
    rows_back: Some[int]
    norm: list[Norm]
    end: float
    oldest_to_newest: float | None
    within: float | None
    window: float

    def __post_init__(self) -> None:
        check_lengths("rows and their gradients", len(self.rows_back), self.norm)


class PartImportance(Record, frozen=True):
    """How much MASE grows where a part of the input comes from other windows, over permutations."""

    name: str
    kind: PartKind
    mean: Number
    low: Number
    high: Number
    spread: Number


class ImportanceRecord(Record, frozen=True):
    """What a network needs.

    Attributes:
        mase: of the network; without: of the simple forecast that it adds to.
        parts: the largest growth first.
        seen: in words, how the windows relate to what the network has learned from.
    """

    mase: float
    without: float
    windows: int
    permutations: int
    parts: Annotated[list[PartImportance], msgspec.Meta(min_length=1, max_length=4_096)]
    seen: str


class Explanation(Record, frozen=True):
    """The look inside one network.

    Attributes:
        source: of the series, in words.
        unit, per_row: unit of time, and how many of it one row is.
        resets: state change points; reach: input gradients.
    """

    source: str
    freq: str
    unit: str
    per_row: float
    network: WatchedNetwork
    gates: GateRecord
    memory: MemoryRecord
    resets: ChangeRecord
    reach: Some[GradientRecord] = []
    importance: ImportanceRecord | None = None
    format: Literal[1] = 1

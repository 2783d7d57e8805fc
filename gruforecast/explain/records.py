"""What is found inside a network, as `report.json` and `gruforecast explain --json` hold it."""

from __future__ import annotations

from typing import Literal

import msgspec

from gruforecast.serialization import Record

FORMAT = 1
PartKind = Literal["lags", "calendar", "column"]


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
    units: list[int]
    update: list[list[int]]
    reset: list[list[int]]
    mean_update: list[float]
    mean_reset: list[float]


class GateRecord(Record, frozen=True):
    """Gates along the newest tokens of one series, n of them.

    Attributes:
        begin, end: (n,) stamps of each token's first and last row.
        values: (n,) means of what was seen; rewritten: (n,) how far the state moved for good, in robust deviations.
        moments: places of the state change points among the tokens.
    """

    series: str
    begin: list[str] = msgspec.field(name="from")
    end: list[str] = msgspec.field(name="to")
    values: list[float | None]
    rewritten: list[float | None]
    moments: list[int]
    layers: list[LayerGates]


class MemoryRecord(Record, frozen=True):
    """How long units remember, in `unit`s of time; None for those that never let go.

    Attributes:
        layers: half-life of each unit of each layer.
        within_a_token, beyond_the_window: shares of the units.
    """

    unit: str
    window: float
    token: float
    layers: list[list[float | None]]
    median: float | None
    shortest: float | None
    longest: float | None
    within_a_token: float
    beyond_the_window: float


class ChangePoint(Record, frozen=True):
    """A time at which the state of a network changed for good."""

    series: str
    score: float
    begin: str = msgspec.field(name="from")
    end: str = msgspec.field(name="to")


class CalendarProfile(Record, frozen=True):
    """How many change points, and how many tokens, fall on each hour, weekday or month."""

    by: str
    names: list[str]
    moments: list[int]
    tokens: list[int]


class ChangeRecord(Record, frozen=True):
    """All state change points, the strongest of them one by one."""

    threshold: float
    apart: int
    compared_with: str
    n_moments: int
    n_tokens: int
    n_series: int
    moments: list[ChangePoint]
    profile: list[CalendarProfile]


class GradientRecord(Record, frozen=True):
    """The input gradient of networks of one cell by rows back, newest first.

    Attributes:
        saved: whether it is the network of the model folder, not one of the comparison.
        end: the length that `oldest_to_newest` compares at both ends, in units of time, as `within` and `window`.
        within: how far back most of it lies; None where there is none.
    """

    name: str
    cell: str
    saved: bool
    seeds: int
    lookback: int
    rows_back: list[int]
    norm: list[float]
    end: float
    oldest_to_newest: float | None
    within: float | None
    window: float


class PartImportance(Record, frozen=True):
    """How much MASE grows where a part of the input comes from other windows, over permutations."""

    name: str
    kind: PartKind
    mean: float | None
    low: float | None
    high: float | None
    spread: float | None


class ImportanceRecord(Record, frozen=True):
    """What a network needs.

    Attributes:
        mase: of the network; without: of the simple forecast that it adds to.
        seen: in words, how the windows relate to what the network has learned from.
    """

    mase: float | None
    without: float | None
    windows: int
    permutations: int
    parts: list[PartImportance]
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
    reach: list[GradientRecord] = []
    importance: ImportanceRecord | None = None
    format: Literal[1] = 1

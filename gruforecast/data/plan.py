"""What a user may say about a file, and what was decided: the plan is kept with the model and followed at predict."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from gruforecast.config import from_dict
from gruforecast.data.frequency import Frequency
from gruforecast.data.numbers import NumberForm
from gruforecast.data.reader import Layout
from gruforecast.data.stampform import StampForm
from gruforecast.data.timeparts import TimeForm
from gruforecast.errors import UsageError

AGGREGATES = ("mean", "sum", "last")


@dataclass(frozen=True)
class Names:
    """The user's own column names.

    Attributes:
        time: one column, or several that hold parts of the time.
        ids: may be empty (one series without an id column) or several (a compound key).
    """

    time: tuple[str, ...]
    target: str
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadOptions:
    """What a user says about a file; what is not said is found.

    Attributes:
        time, target, ids: column names.
        wide: every column of numbers is a series.
        tz: time zone of the wall clock that stamps are written in.
        date_format: directives of `strptime`; time_unit: `s`, `ms` or `excel` of counted time.
        decimal, thousands: marks in numbers.
        missing: further words for a missing value.
        on_duplicate: what several values of one stamp become: `mean`, `sum` or `last`; refused when not given.
        resample: what the values within one step become, the same words; stamps must be regular when not given.
        fill: whether missing values between others are interpolated; they are masked otherwise.
    """

    time: tuple[str, ...] = ()
    target: str | None = None
    ids: tuple[str, ...] = ()
    wide: bool = False
    freq: str | None = None
    tz: str | None = None
    date_format: str | None = None
    time_unit: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    missing: tuple[str, ...] = ()
    booleans: bool = False
    on_duplicate: str | None = None
    resample: str | None = None
    fill: bool = False
    strip_ids: bool = False
    layout: Layout = field(default_factory=Layout)

    def __post_init__(self) -> None:
        for name, value, known in (
            ("--on-duplicate", self.on_duplicate, AGGREGATES),
            ("--resample", self.resample, AGGREGATES),
            ("--time-unit", self.time_unit, ("s", "ms", "excel")),
        ):
            if value is not None and value not in known:
                raise UsageError(f"{name} {value!r} is unknown.", remedy=f"Use {', '.join(known)}.", code="GF-U13")
        if self.wide and self.target:
            remedy = "Leave one of them out."
            raise UsageError("--wide takes all columns, --target one.", remedy=remedy, code="GF-U33")


@dataclass(frozen=True)
class Plan:
    """How a file is read: everything that was given or found, and is done again at predict.

    Attributes:
        header: whether the file has names of columns; wide: whether every column of numbers is a series.
        stepped: whether the step was given, so that what lies between may be missing.
        on_duplicate, resample, fill, strip_ids: as in `ReadOptions`.
        delimiter: the mark between fields where it is none of the usual ones.
        short_rows, encoding, skip: as in `Layout`, where they were given.
    """

    names: Names
    freq: Frequency
    form: TimeForm
    numbers: NumberForm = field(default_factory=NumberForm)
    header: bool = True
    wide: bool = False
    on_duplicate: str = ""
    resample: str = ""
    fill: bool = False
    strip_ids: bool = False
    stepped: bool = False
    delimiter: str = ""
    short_rows: bool = False
    encoding: str = ""
    skip: int | None = None

    def __post_init__(self) -> None:
        flags = (self.header, self.wide, self.fill, self.strip_ids, self.stepped, self.short_rows)
        if not all(isinstance(flag, bool) for flag in flags) or not {self.on_duplicate, self.resample} <= {
            "",
            *AGGREGATES,
        }:
            raise ValueError(f"impossible plan: {self}")
        time, parts = self.names.time, self.form.parts
        names = (*time, self.names.target, *self.names.ids)
        if not all(isinstance(name, str) for name in names) or len(time) != max(len(parts), 1):
            raise ValueError(f"impossible names of columns: {self.names}")
        "".join((*names, self.form.stamp.mark, self.delimiter)).encode()  # text that cannot be written is refused
        if not isinstance(self.delimiter, str) or len(self.delimiter) > 1 or not isinstance(self.encoding, str):
            raise ValueError(f"impossible mark between fields or encoding: {self.delimiter!r}, {self.encoding!r}")
        if self.skip is not None and (not isinstance(self.skip, int) or self.skip < 0):
            raise ValueError(f"impossible number of lines: {self.skip!r}")

    def described(self) -> str:
        """The plan in words, for a message about a file that contradicts it."""
        example = " ".join(self.form.joined(np.array(["2024-12-31"], "datetime64[s]")))
        time = f"time {' and '.join(map(repr, self.names.time))} written like {example!r}"
        zone = f" in {self.form.stamp.tz}" if self.form.stamp.tz else ""
        target = "a series in each column" if self.wide else f"target {self.names.target!r}"
        marks = f"{self.numbers.decimal!r} before decimals"
        return f"{time}{zone}, step {self.freq.label!r}, {target}, {marks}"

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, mapping: dict[str, Any], file: str) -> Plan:
        """The plan read back.

        Raises:
            ModelError: a key is unknown or missing, or a value is impossible.
        """
        parts = dict(mapping)
        names = dict(parts.pop("names"))
        if not all(isinstance(names[name], (list, tuple)) for name in ("time", "ids")):
            raise ValueError(f"impossible names of columns: {names}")
        form = dict(parts.pop("form"))
        stamp = from_dict(StampForm, form.pop("stamp"), file)
        whole = {
            "names": from_dict(Names, {**names, "time": list(names["time"]), "ids": list(names["ids"])}, file),
            "freq": from_dict(Frequency, parts.pop("freq"), file),
            "form": from_dict(TimeForm, {**form, "stamp": stamp}, file),
            "numbers": from_dict(NumberForm, parts.pop("numbers"), file),
        }
        return from_dict(cls, {**parts, **whole}, file)

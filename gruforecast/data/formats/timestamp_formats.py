"""The forms of time stamps that are known, and a stamp written in one of them."""

from __future__ import annotations

import datetime as dt
import functools
import re
import zoneinfo

import numpy as np

from gruforecast.arrays import Ints, Stamps
from gruforecast.data.calendar.time_zones import zone_text
from gruforecast.data.formats.strptime import write_pattern
from gruforecast.serialization import Record

ZONE = r"(?P<zone>\s?(?:Z|UTC|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?))?"
FRACTION = r"(?:\.(?P<fraction>0+))?"  # other fractions of a second are not read
CLOCK = rf"(?:(?P<sep>[ T])(?P<hour>\d{{1,2}}):(?P<minute>\d{{2}})(?::(?P<second>\d{{2}}){FRACTION})?{ZONE})?"
MONTH_DAY = r"(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])"
FORMS = {
    "ymd": re.compile(rf"(?P<year>\d{{4}})(?P<mark>[-/.])(?P<month>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}}){CLOCK}"),
    "compact-minute": re.compile(rf"(?P<year>(?:19|20)\d{{2}}){MONTH_DAY}(?P<hour>[01]\d|2[0-3])(?P<minute>[0-5]\d)"),
    "compact-hour": re.compile(rf"(?P<year>(?:19|20)\d{{2}}){MONTH_DAY}(?P<hour>[01]\d|2[0-3])"),
    "compact": re.compile(r"(?P<year>(?:19|20)\d{2})(?P<month>\d{2})(?P<day>\d{2})"),
    "month": re.compile(r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>0[1-9]|1[0-2])"),
    "compact-month": re.compile(r"(?P<year>(?:19|20)\d{2})(?P<month>0[1-9]|1[0-2])"),
    "quarter": re.compile(r"(?P<year>\d{4})(?P<mark>[- ]?)Q(?P<quarter>[1-4])"),
    "week": re.compile(r"(?P<year>\d{4})(?P<mark>-?)W(?P<week>0[1-9]|[1-4]\d|5[0-3])"),
    "year": re.compile(r"(?P<year>1[5-9]\d{2}|20\d{2})"),
    "epoch-ms": re.compile(r"(?P<count>(?:[6-9]\d{2}|[1-3]\d{3})\d{9})(?:\.0+)?"),
    "epoch": re.compile(r"(?P<count>(?:[6-9]\d{2}|[1-3]\d{3})\d{6})(?:\.0+)?"),
    "two": re.compile(rf"(?P<one>\d{{1,2}})(?P<mark>[-/.])(?P<two>\d{{1,2}})(?P=mark)(?P<year>\d{{4}}){CLOCK}"),
}
COUNTED = {"epoch": 1, "epoch-ms": 1000, "excel": 0}
EXCEL_DAY_0 = np.datetime64("1899-12-30", "s")
WHOLE = ("month", "compact-month", "quarter", "year")
KINDS = ("ymd", "dmy", "mdy", "compact", "compact-hour", "compact-minute", *WHOLE, "week", *COUNTED, "pattern")


class StampForm(Record, frozen=True):
    """How stamps are written.

    Attributes:
        kind: one of `KINDS`.
        mark: between year, month and day; for `pattern` the directives of `strftime`; sep: before the clock.
        clock: `""`, `"minute"`, `"second"` or `"fraction"`.
        zone: text of the offset that every stamp carries, or empty.
        padded: whether months and days have two digits.
        until: where a stamp is an interval, the text between its begin and its end.
        tz: time zone whose wall clock is written; stamps are UTC inside then, unless `local`.
        local: whether stamps stay on the wall clock inside, as days and longer steps do.
        upper: whether names of months are written in capitals.
    """

    kind: str
    mark: str = "-"
    sep: str = " "
    clock: str = ""
    zone: str = ""
    padded: bool = True
    until: str = ""
    tz: str = ""
    upper: bool = False
    local: bool = False

    def __post_init__(self) -> None:
        short = all(len(text) < 60 for text in (self.mark, self.sep, self.clock, self.zone, self.until, self.tz))
        known = self.kind in KINDS and self.clock in ("", "minute", "second", "fraction")
        if not short or not known or not re.fullmatch(ZONE, self.zone) or (self.tz and self.tz not in _zones()):
            raise ValueError(f"impossible form of stamps: {self}")

    def write(self, ds: Stamps, offset: Ints | None = None) -> list[str]:
        """Return wall clock stamps of any shape as text, flattened, in this form.

        Args:
            offset: from UTC in seconds, of the same shape, where each stamp is to carry its own.
        """
        flat = ds.ravel().astype("datetime64[s]")
        if self.kind == "excel":
            return [f"{days:.10g}" for days in (flat - EXCEL_DAY_0).astype(np.int64) / 86_400]
        if self.kind in COUNTED:
            return [str(second) for second in flat.astype(np.int64) * COUNTED[self.kind]]
        if self.kind == "pattern":
            texts = write_pattern(flat, self.mark)
            return [text.upper() for text in texts] if self.upper else texts
        zones = (
            [self.zone] * len(flat) if offset is None else [zone_text(int(one), self.zone) for one in offset.ravel()]
        )
        return [self._one(text) + zone for text, zone in zip(np.datetime_as_string(flat), zones, strict=True)]

    def _one(self, iso: str) -> str:
        year, month, day = iso[:10].split("-")
        if not self.padded:
            month, day = str(int(month)), str(int(day))
        m = self.mark
        if self.kind == "week":
            calendar = dt.date.fromisoformat(iso[:10]).isocalendar()
            return f"{calendar.year}{m}W{calendar.week:02}"
        date = {
            "ymd": f"{year}{m}{month}{m}{day}",
            "dmy": f"{day}{m}{month}{m}{year}",
            "mdy": f"{month}{m}{day}{m}{year}",
            "compact": f"{year}{month}{day}",
            "compact-hour": f"{year}{month}{day}{iso[11:13]}",
            "compact-minute": f"{year}{month}{day}{iso[11:13]}{iso[14:16]}",
            "month": f"{year}{m}{month}",
            "compact-month": f"{year}{month}",
            "quarter": f"{year}{m}Q{(int(month) + 2) // 3}",
            "year": year,
        }[self.kind]
        if self.kind.startswith("compact-"):
            return date
        clock = {"": "", "minute": iso[11:16], "second": iso[11:19], "fraction": f"{iso[11:19]}.000"}[self.clock]
        return f"{date}{self.sep if clock else ''}{clock}"


@functools.cache
def _zones() -> set[str]:
    """Return the names of the time zones of this machine; looking for them takes many files."""
    return zoneinfo.available_timezones()

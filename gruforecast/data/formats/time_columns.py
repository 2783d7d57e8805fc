"""The time of a row from one or several columns, and written back into the same columns.

Beside a date, or a year and a month, a column may hold a clock (13:00), an hour counted from 0 or from 1, or the
number of a period of the day (1 to 48 for half hours), which is counted in elapsed time from local midnight.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

import numpy as np
from msgspec.structs import replace

from gruforecast.arrays import Ints, Stamps
from gruforecast.data.calendar.frequency import DAY, Frequency
from gruforecast.data.calendar.time_zones import to_utc, to_wall, wall_offset, zone_named
from gruforecast.data.files.column import Column
from gruforecast.data.finding import Finding, Findings
from gruforecast.data.formats.timestamp_formats import StampForm
from gruforecast.data.formats.timestamps import Parsed, apply_stamps, follow_stamps, infer_stamps
from gruforecast.errors import DataError, FormError
from gruforecast.serialization import Record

CLOCK = re.compile(r"(\d{1,2})(?::(\d{2})(?::(\d{2}))?|\.(\d{2})\.(\d{2}))")
COUNT = re.compile(r"\d{1,4}(\.0+)?")
PART = re.compile(r"\d{1,4}(\.0+)?|[A-Za-z]{3,}|[Qq][1-4]")
PERIODS = {24: 3600, 48: 1800, 96: 900, 288: 300}  # periods of a day and their seconds
NAMED = {"year": "year", "yr": "year", "month": "month", "day": "day", "hour": "hour", "hr": "hour", "minute": "minute"}
NAMED |= {"week": "week", "quarter": "quarter"}
PERIOD_WORDS = {"hour", "hours", "period", "slot", "interval", "timeslot", "halfhour"}
BESIDE_PERIOD = {
    "of",
    "the",
    "in",
    "day",
    "time",
    "date",
    "number",
    "no",
    "nr",
    "id",
    "index",
    "half",
    "quarter",
    "utc",
}
BESIDE_PERIOD |= {
    "ending",
    "end",
    "begin",
    "beginning",
    "start",
    "settlement",
    "trading",
    "delivery",
    "market",
    "local",
}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
KINDS = (
    "date",
    "year",
    "month",
    "month-name",
    "day",
    "hour",
    "hour-1",
    "minute",
    "clock",
    "clock-short",
    "clock-dots",
    "week",
    "quarter",
    "quarter-name",
    *map(str, PERIODS),
)


class TimeForm(Record, frozen=True):
    """How the time of a row is written.

    Attributes:
        stamp: the form of the only column, or of the one that holds the date.
        parts: what each of several columns holds, of `KINDS`; empty for a single column.
    """

    stamp: StampForm
    parts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not set(self.parts) <= set(KINDS) or len(self.parts) == 1:
            raise ValueError(f"impossible form of time: {self}")

    def wall(self, ds: Stamps) -> Stamps:
        """Return the wall clock of stamps of any shape; UTC inside where there is a zone, unless they are days."""
        return to_wall(ds, zone_named(self.stamp.tz))[0] if self.stamp.tz and not self.stamp.local else ds

    def write(self, ds: Stamps, ends: Stamps | None = None) -> list[list[str]]:
        """Return the stamps of any shape, flattened, as the texts of each time column.

        Args:
            ends: when each interval ends, of the same shape, for stamps that are written with it.
        """
        stamp = self.stamp
        wall, offset = self._clock(ds)
        if self.parts:
            return [self._part(kind, wall.ravel(), ds.ravel()) for kind in self.parts]
        if stamp.kind in ("epoch", "epoch-ms") and not stamp.local:
            wall = ds
        texts = stamp.write(wall, offset if stamp.zone else None)
        if stamp.until and ends is not None:
            until = replace(self, stamp=replace(stamp, until="")).write(ends)[0]
            texts = [f"{begin}{stamp.until}{end}" for begin, end in zip(texts, until, strict=True)]
        return [texts]

    def _clock(self, ds: Stamps) -> tuple[Stamps, Ints | None]:
        """Return the wall clock, and the offset from UTC in seconds where there is a time zone."""
        if not self.stamp.tz:
            return ds, None
        zone = zone_named(self.stamp.tz)
        return (ds, wall_offset(ds, zone)) if self.stamp.local else to_wall(ds, zone)

    def joined(self, ds: Stamps) -> list[str]:
        """Return the stamps of any shape, flattened, each as one text: parts with a blank between them."""
        return [" ".join(parts) for parts in zip(*self.write(ds), strict=True)]

    def can_write(self, freq: Frequency) -> bool:
        """Return whether stamps one step apart look different in this form."""
        return len(set(self.joined(freq.after(np.array(["2024-01-01"], "datetime64[s]"), 3)[0]))) == 3

    def _part(self, kind: str, wall: Stamps, ds: Stamps) -> list[str]:
        wall = wall.astype("datetime64[s]")
        if kind == "date":
            return self.stamp.write(wall.astype("datetime64[D]").astype("datetime64[s]"))
        days, months = wall.astype("datetime64[D]"), wall.astype("datetime64[M]")
        second = (wall - days).astype(np.int64)
        if kind.startswith("clock"):
            texts = [text[11 : 16 if kind == "clock-short" else 19] for text in np.datetime_as_string(wall)]
            return [text.replace(":", ".") for text in texts] if kind == "clock-dots" else texts
        if kind in map(str, PERIODS):
            elapsed = (ds - _midnight(days, self.stamp.tz)).astype("timedelta64[s]").astype(np.int64)
            return [str(k) for k in elapsed // PERIODS[int(kind)] + 1]
        weeks = [day.isocalendar() for day in days.tolist()]
        month = months.astype(int) % 12
        numbers: dict[str, Ints | list[int] | list[str]] = {
            "year": [week.year for week in weeks] if "week" in self.parts else [day.year for day in days.tolist()],
            "month": month + 1,
            "month-name": [MONTHS[k].title() for k in month],
            "day": (days - months.astype("datetime64[D]")).astype(int) + 1,
            "quarter": month // 3 + 1,
            "quarter-name": [f"Q{k // 3 + 1}" for k in month],
            "week": [week.week for week in weeks],
            "hour": second // 3600,
            "hour-1": second // 3600 + 1,
            "minute": second // 60 % 60,
        }
        return [str(k) for k in numbers[kind]]


def infer_time(columns: list[Column], pattern: str | None = None, unit: str | None = None) -> tuple[TimeForm, Findings]:
    """Return the form of one or several time columns, and findings; `pattern` and `unit` as for `infer_stamps`.

    Raises:
        DataError: a cell has no form, or no column holds a date.
    """
    return _time_form(columns, _kinds(columns), lambda column: infer_stamps(column, pattern, unit))


def follow_time(columns: list[Column], form: TimeForm) -> tuple[TimeForm, Findings]:
    """Return the form of the time columns of new data, that of earlier data where it fits, and findings.

    Raises:
        DataError: as `infer_time`, or dates are in another order.
    """
    return _time_form(columns, form.parts if len(columns) > 1 else (), lambda column: follow_stamps(column, form.stamp))


def _time_form(
    columns: list[Column], kinds: tuple[str, ...], stamp_form: Callable[[Column], tuple[StampForm, Findings]]
) -> tuple[TimeForm, Findings]:
    """Return the form of columns of which each holds one of `kinds`, with the form of the one with the date."""
    dated = _by_kind(columns, kinds).get("date") if kinds else columns[0]
    stamp, findings = stamp_form(dated) if dated else (StampForm("ymd"), ())
    return TimeForm(stamp, kinds), findings


def apply_time(columns: list[Column], form: TimeForm, tz: str) -> Parsed:
    """Return the stamps of time columns that have the form; `tz` is the zone of periods that are counted.

    Raises:
        DataError: a cell does not have it.
    """
    if not form.parts:
        return apply_stamps(columns[0], form.stamp)
    by_kind = _by_kind(columns, form.parts)
    parsed = apply_stamps(by_kind["date"], form.stamp) if "date" in by_kind else Parsed(_calendar(by_kind))
    first = by_kind.get("date", columns[0])
    first.refuse_first(
        parsed.ds != parsed.ds.astype("datetime64[D]"),
        lambda k: f"{first.cells[k]!r} has a clock already, beside {', '.join(filter('date'.__ne__, form.parts))}.",
        f"Pass `time={first.name!r}` alone.",
        "GF-D18",
    )
    ds, offset, texts = parsed.ds, parsed.offset, []
    for kind, column in by_kind.items():
        if kind in map(str, PERIODS):
            ds, offset = _periods(ds, column, PERIODS[int(kind)], tz)
            texts.append(f"{column.name}: periods of {PERIODS[int(kind)] // 60} minutes, counted from 1")
        else:
            ds = ds + _seconds(kind, column).astype("timedelta64[s]")
        if kind == "hour-1":
            texts.append(f"{column.name}: hours are counted from 1: hour 1 is the one that begins at midnight")
    return Parsed(ds, offset, (*parsed.findings, *map(Finding, texts)))


def _by_kind(columns: list[Column], kinds: tuple[str, ...]) -> dict[str, Column]:
    """Return the columns by what they hold.

    Raises:
        DataError: two hold the same, or none holds a date.
    """
    by_kind = dict(zip(kinds, columns, strict=True))
    if len(by_kind) < len(columns) or not ("date" in by_kind or "year" in by_kind):
        raise DataError(
            f"the time columns seem to hold {', '.join(kinds)}.",
            remedy="Name with `time` one column with a date, or with a year, and each further part of the time once.",
            code="GF-D18",
            file=columns[0].file,
            column=columns[0].name,
        )
    return by_kind


def is_part(column: Column) -> bool:
    """Return whether a column that is no date seems to hold a part of the time of a row."""
    sample = [cell for cell in column.cells[:: max(1, len(column.cells) // 200)] if cell]
    if not sample:
        return False
    clocks = all(CLOCK.fullmatch(cell) for cell in sample)
    return clocks or (is_part_name(column.name) and all(PART.fullmatch(c) for c in sample))


def is_part_name(name: str) -> bool:
    """Return whether a name is usual for a part of the time of a row.

    >>> [is_part_name(name) for name in ("SettlementPeriod", "hour_of_day", "hourly_sales", "kWh per hour")]
    [True, True, False, False]
    """
    words = words_of(name)
    return name.lower() in NAMED or (bool(words & PERIOD_WORDS) and words <= PERIOD_WORDS | BESIDE_PERIOD)


def words_of(name: str) -> set[str]:
    """Return the words of the name of a column in small letters; they begin at a mark or a capital."""
    return set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()))


def _kinds(columns: list[Column]) -> tuple[str, ...]:
    """Return what each of several columns holds, of `KINDS`; numbered periods only beside a date."""
    kinds = tuple(_kind(column, dated=True) for column in columns if len(columns) > 1)
    return kinds if "date" in kinds or not kinds else tuple(_kind(column, dated=False) for column in columns)


def _kind(column: Column, *, dated: bool) -> str:
    """Return what a column holds, of `KINDS`."""
    cells, name = [cell for cell in column.distinct if cell], column.name.lower()
    if not all(COUNT.fullmatch(cell) for cell in cells):
        return _kind_of_text(cells)
    numbers = {int(float(cell)) for cell in cells} or {0}
    known = NAMED.get(name, "year" if min(numbers) > 1500 else "")
    if dated and known in ("", "hour") and ("period" in name or (max(numbers) > 31 and min(numbers) == 1)):
        return str(next((count for count in PERIODS if max(numbers) <= count * 1.05), 288))
    if known == "hour" or "hour" in name or (not known and max(numbers) in (23, 24)):
        return "hour-1" if max(numbers) == 24 and min(numbers) >= 1 else "hour"
    return known or "date"


def _kind_of_text(cells: list[str]) -> str:
    clocks = [match for match in map(CLOCK.fullmatch, cells) if match]
    if len(clocks) == len(cells):
        return "clock-dots" if clocks[0][4] else "clock" if clocks[0][3] else "clock-short"
    if all(cell[:3].lower() in MONTHS and cell.isalpha() for cell in cells):
        return "month-name"
    return "quarter-name" if all(re.fullmatch("[Qq][1-4]", cell) for cell in cells) else "date"


def _counts(column: Column, low: int, high: int) -> Ints:
    numbers = np.array([int(float(cell)) if COUNT.fullmatch(cell) else -1 for cell in column.cells], np.int64)
    column.refuse_first(
        (numbers < low) | (numbers > high),
        lambda k: f"{column.cells[k]!r} is not within {low} and {high}.",
        "Correct the cell.",
        "GF-D27",
        FormError,
    )
    return numbers


def _seconds(kind: str, column: Column) -> Ints:
    """Return what a part adds to midnight, in seconds; years, months and days are in the date already."""
    if kind in ("hour", "hour-1"):
        low = int(kind == "hour-1")
        return 3600 * (_counts(column, low, 23 + low) - low)
    if kind == "minute":
        return 60 * _counts(column, 0, 59)
    if kind.startswith("clock"):
        matches = [CLOCK.fullmatch(cell) for cell in column.cells]
        parts = [(m[1], m[2] or m[4], m[3] or m[5] or 0) if m else (99, 0, 0) for m in matches]
        hour, minute, second = np.array(parts, np.int64).T
        column.refuse_first(
            (hour > 23) | (minute > 59) | (second > 59),
            lambda k: f"{column.cells[k]!r} is no time of day.",
            "Correct the cell.",
            "GF-D27",
            FormError,
        )
        return 3600 * hour + 60 * minute + second
    return np.zeros(len(column.cells), np.int64)


def _calendar(by_kind: dict[str, Column]) -> Stamps:
    """Return midnight of the date in columns for year, month and day."""
    years = _counts(by_kind["year"], 1500, 2262)
    months = np.ones_like(years)
    if "month" in by_kind:
        months = _counts(by_kind["month"], 1, 12)
    elif "quarter" in by_kind:
        months = 3 * _counts(by_kind["quarter"], 1, 4) - 2
    elif "quarter-name" in by_kind:
        months = np.array([3 * int(cell[1]) - 2 for cell in by_kind["quarter-name"].cells])
    elif "week" in by_kind:
        return _weeks(years, by_kind["week"])
    elif "month-name" in by_kind:
        months = np.array([MONTHS.index(cell[:3].lower()) + 1 for cell in by_kind["month-name"].cells])
    first = (12 * (years - 1970) + months - 1).astype("datetime64[M]")
    if "day" not in by_kind:
        return first.astype("datetime64[s]")
    days = _counts(by_kind["day"], 1, 31)
    ds = first.astype("datetime64[D]") + (days - 1).astype("timedelta64[D]")
    by_kind["day"].refuse_first(
        ds.astype("datetime64[M]") != first,
        lambda k: f"there is no day {days[k]} in {first[k]}.",
        "Correct the cell.",
        "GF-D22",
    )
    return ds.astype("datetime64[s]")


def _weeks(years: Ints, column: Column) -> Stamps:
    """Return the Monday of each numbered week of a year (ISO 8601)."""
    days = []
    for k, (year, week) in enumerate(zip(years.tolist(), _counts(column, 1, 53).tolist(), strict=True)):
        try:
            days.append(dt.date.fromisocalendar(year, week, 1))
        except ValueError:
            raise column.refused_at(k, f"{year} has no week {week}.", "Correct the cell.", "GF-D22") from None
    return np.array(days, "datetime64[D]").astype("datetime64[s]")


def _periods(midnight: Stamps, column: Column, seconds: int, tz: str) -> tuple[Stamps, Ints | None]:
    """Return the wall clock at which each numbered period of a day begins, with a zone its offset from UTC, too."""
    numbers = _counts(column, 1, DAY // seconds + 3600 // seconds)
    if not tz:
        column.refuse_first(
            numbers > DAY // seconds,
            lambda _: f"a day with {numbers.max()} periods of {seconds // 60} minutes has a change of the clock.",
            "Pass `tz`, such as `tz='Europe/London'`.",
            "GF-D28",
            FormError,
        )
    begin = _midnight(midnight, tz) + ((numbers - 1) * seconds).astype("timedelta64[s]")
    return to_wall(begin, zone_named(tz)) if tz else (begin, None)


def _midnight(days: Stamps, tz: str) -> Stamps:
    """Return the local midnight of each day, in UTC where there is a time zone."""
    midnight = days.astype("datetime64[D]").astype("datetime64[s]")
    return to_utc(midnight, np.arange(len(midnight)), zone_named(tz))[0] if tz else midnight

"""Time stamps as people write them, and written back in the same form.

A form is decided by all values of a column, never by one; what could be read in two ways is refused.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from zoneinfo import available_timezones

import numpy as np

from gruforecast.arrays import Ints, Stamps
from gruforecast.data.cells import Column
from gruforecast.data.patterns import Pattern, find_pattern, read_pattern, write_pattern
from gruforecast.errors import DataError

ZONE = r"(?P<zone>\s?(?:Z|UTC|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?))?"
FRACTION = r"(?:\.(?P<fraction>0+))?"  # other fractions of a second are not read
CLOCK = rf"(?:(?P<sep>[ T])(?P<hour>\d{{1,2}}):(?P<minute>\d{{2}})(?::(?P<second>\d{{2}}){FRACTION})?{ZONE})?"
FORMS = {
    "ymd": re.compile(rf"(?P<year>\d{{4}})(?P<mark>[-/.])(?P<month>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}}){CLOCK}"),
    "compact": re.compile(r"(?P<year>(?:19|20)\d{2})(?P<month>\d{2})(?P<day>\d{2})"),
    "month": re.compile(r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>0[1-9]|1[0-2])"),
    "compact-month": re.compile(r"(?P<year>(?:19|20)\d{2})(?P<month>0[1-9]|1[0-2])"),
    "quarter": re.compile(r"(?P<year>\d{4})(?P<mark>[- ]?)Q(?P<quarter>[1-4])"),
    "week": re.compile(r"(?P<year>\d{4})(?P<mark>-?)W(?P<week>0[1-9]|[1-4]\d|5[0-3])"),
    "year": re.compile(r"(?P<year>1[5-9]\d{2}|20\d{2})"),
    "epoch-ms": re.compile(r"(?P<count>(?:[6-9]\d{2}|[1-3]\d{3})\d{9})"),
    "epoch": re.compile(r"(?P<count>(?:[6-9]\d{2}|[1-3]\d{3})\d{6})"),
    "two": re.compile(rf"(?P<one>\d{{1,2}})(?P<mark>[-/.])(?P<two>\d{{1,2}})(?P=mark)(?P<year>\d{{4}}){CLOCK}"),
}
COUNTED = {"epoch": 1, "epoch-ms": 1000, "excel": 0}
EXCEL_DAY_0 = np.datetime64("1899-12-30", "s")
WHOLE = ("month", "compact-month", "quarter", "year")
KINDS = ("ymd", "dmy", "mdy", "compact", *WHOLE, "week", *COUNTED, "pattern")
EXAMPLE = "2024-01-31, 2024-01-31 13:00, 31/01/2024, 31 Jan 2024, 2024-01, 2024Q1, 2024-W05 or 2024"
FIRST_YEAR, LAST_YEAR = 1500, 2262
REGULAR = 6  # days that settle which part of a date comes first, if they have one step in one order only
BETWEEN = (" - ", " \u2013 ", " to ", "/")
EXCEL = re.compile(r"[1-9]\d{0,4}(\.\d+)?")
NO_YEAR = re.compile(r"\d{1,2}[-/. ]\d{1,2}|[A-Za-z]{3,9}[-/. ]?\d{1,2}|\d{1,2}[-/. ]?[A-Za-z]{3,9}")
NAMED_ZONE = re.compile(r".*\d\s?(?!AM|PM|am|pm)[A-Z]{2,5}")


@dataclass(frozen=True)
class StampForm:
    """How stamps are written.

    Attributes:
        kind: one of `KINDS`.
        mark: between year, month and day; for `pattern` the directives of `strftime`; sep: before the clock.
        clock: `""`, `"minute"`, `"second"` or `"fraction"`.
        zone: text of the offset that every stamp carries, or empty.
        padded: whether months and days have two digits.
        until: where a stamp is an interval, the text between its begin and its end.
        tz: time zone whose wall clock is written; stamps are UTC inside then.
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

    def __post_init__(self) -> None:
        texts = (self.mark, self.sep, self.clock, self.zone, self.until, self.tz)
        if self.kind not in KINDS or not all(isinstance(text, str) and len(text) < 60 for text in texts):
            raise ValueError(f"impossible form of stamps: {self}")
        if self.clock not in ("", "minute", "second", "fraction") or (self.tz and self.tz not in available_timezones()):
            raise ValueError(f"impossible form of stamps: {self}")

    def can_write(self, seconds: int | None) -> bool:
        """Whether stamps `seconds` apart (None: months or business days) look different in this form."""
        if self.kind in WHOLE:
            return seconds is None
        if self.kind == "week":
            return seconds is not None and seconds % (7 * 86_400) == 0
        if self.kind in COUNTED or (self.kind == "pattern" and "%H" in self.mark.replace("%I", "%H")):
            return True
        return bool(self.clock) or seconds is None or seconds % 86_400 == 0

    def write(self, ds: Stamps, offset: Ints | None = None) -> list[str]:
        """Wall clock stamps of any shape as text, flattened, in this form.

        Args:
            offset: from UTC in seconds, of the same shape, where each stamp is to carry its own.
        """
        flat = ds.ravel().astype("datetime64[s]")
        if self.kind in COUNTED:
            return [self._counted(int(second)) for second in flat.astype(np.int64)]
        if self.kind == "pattern":
            texts = write_pattern(flat, self.mark)
            return [text.upper() for text in texts] if self.upper else texts
        zones = [self.zone] * len(flat) if offset is None else [_zone(int(one), self.zone) for one in offset.ravel()]
        return [self._one(text) + zone for text, zone in zip(np.datetime_as_string(flat), zones, strict=True)]

    def _counted(self, second: int) -> str:
        if self.kind == "excel":
            days = (second - int(EXCEL_DAY_0.astype(np.int64))) / 86_400
            return f"{days:.10g}"
        return str(second * COUNTED[self.kind])

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
            "month": f"{year}{m}{month}",
            "compact-month": f"{year}{month}",
            "quarter": f"{year}{m}Q{(int(month) + 2) // 3}",
            "year": year,
        }[self.kind]
        clock = {"": "", "minute": iso[11:16], "second": iso[11:19], "fraction": f"{iso[11:19]}.000"}[self.clock]
        return f"{date}{self.sep if clock else ''}{clock}"


@dataclass(frozen=True)
class Parsed:
    """A column of stamps.

    Attributes:
        ds: (n,) datetime64[s], the wall clock that is written.
        offset: (n,) offset from UTC in seconds; None where none is written.
    """

    ds: Stamps
    offset: Ints | None
    form: StampForm
    warnings: list[str]


def parse_stamps(
    column: Column, like: StampForm | None = None, pattern: str | None = None, unit: str | None = None
) -> Parsed:
    """The stamps of a column.

    Args:
        like: the form of earlier data, which settles day or month first where the cells do not.
        pattern: directives of `strptime` that the user gave; unit: `s`, `ms` or `excel` of counted time.

    Raises:
        DataError: a cell is no time stamp, is no real date, or the column could be read in two ways.
    """
    until = _until(column)
    if until:
        begins = [cell.split(until)[0].strip() for cell in column.cells]
        found = parse_stamps(replace(column, cells=begins), like, pattern, unit)
        return replace(found, form=replace(found.form, until=until))
    unique = column.distinct()
    if unit == "excel":
        return _excel(column)
    chosen = Pattern(pattern, upper=False) if pattern else None
    matches = None if pattern else _matched(unique, unit)
    if matches is None:
        earlier = like.mark if like and like.kind == "pattern" else None
        chosen = chosen or find_pattern(column, unique, earlier)
        if chosen is None:
            raise _no_stamp(column, unique)
        return _by_pattern(column, unique, chosen)
    kind, found_cells = matches
    if kind in COUNTED:
        seconds = np.array([int(match["count"]) for match in found_cells]) // COUNTED[kind]
        said = "seconds" if kind == "epoch" else "milliseconds"
        warning = [f"{column.name}: {said} since 1970 in UTC"] if unit is None else []
        return Parsed(_spread(column, unique, seconds.astype("datetime64[s]")), None, StampForm(kind), warning)
    if kind != "two":
        return _calendar(column, unique, kind, found_cells)
    kind, warnings = _day_or_month_first(found_cells, column, like)
    return replace(_calendar(column, unique, kind, found_cells), warnings=warnings)


def look_like_stamps(column: Column, *, named: bool) -> bool:
    """Whether all cells are stamps; numbers that may be years, dates or counted seconds only where the name says so."""
    until = _until(column)
    cells = [cell.split(until)[0].strip() for cell in column.cells] if until else column.cells
    doubtful = ("year", "compact", "compact-month", *COUNTED)
    if any(all(FORMS[kind].fullmatch(cell) for cell in cells) for kind in FORMS if named or kind not in doubtful):
        return True
    if any(NO_YEAR.fullmatch(cell) for cell in cells[:1]):
        return False
    try:
        return find_pattern(column, list(dict.fromkeys(cells)), None) is not None
    except DataError:
        return True  # day or month first: a date in any case


def _matched(unique: list[str], unit: str | None) -> tuple[str, list[re.Match[str]]] | None:
    """The one form that every value has, with its matches."""
    forms = {"s": ("epoch",), "ms": ("epoch-ms",)}.get(unit or "", tuple(FORMS))
    for kind in forms:
        matches = []
        for text in unique:
            match = FORMS[kind].fullmatch(text)
            if match is None:
                break
            matches.append(match)
        if len(matches) == len(unique):
            return kind, matches
    return None


def _calendar(column: Column, unique: list[str], kind: str, matches: list[re.Match[str]]) -> Parsed:
    iso = [_iso(match, kind) for match in matches]
    try:
        parsed = np.array([np.datetime64(text, "s") for text in iso])
    except ValueError:
        bad = next(cell for cell, text in zip(unique, iso, strict=True) if not _is_date(text))
        raise column.refused(bad, f"{bad!r} is not a date that exists.", "Correct the cell.", "GF-D22") from None
    years = parsed.astype("datetime64[Y]").astype(int) + 1970
    outside = np.flatnonzero((years < FIRST_YEAR) | (years > LAST_YEAR))
    if len(outside):
        bad = unique[outside[0]]
        found = f"{bad!r} is not within the years {FIRST_YEAR} and {LAST_YEAR}."
        raise column.refused(bad, found, "Correct the cell.", "GF-D57")
    _check_uniform(column, unique, matches)
    form, offsets = _form(kind, matches)
    spread = None if offsets is None else _spread(column, unique, offsets)
    return Parsed(_spread(column, unique, parsed), spread, form, [])


def _spread(column: Column, unique: list[str], values: np.ndarray) -> np.ndarray:
    """Values of the distinct cells as those of all cells."""
    index = {text: k for k, text in enumerate(unique)}
    return values[[index[cell] for cell in column.cells]]


def _by_pattern(column: Column, unique: list[str], pattern: Pattern) -> Parsed:
    ds = _spread(column, unique, read_pattern(column, unique, pattern))
    warnings = [f"{column.name}: years of two digits, from {ds.min()} to {ds.max()}"] if "%y" in pattern.text else []
    return Parsed(ds, None, StampForm("pattern", pattern.text, upper=pattern.upper), warnings)


def _excel(column: Column) -> Parsed:
    try:
        days = np.array([float(cell) for cell in column.cells])
    except ValueError:
        days = np.zeros(0)
    if not len(days) or not ((days >= 1) & (days < 200_000)).all():
        bad = next((cell for cell in column.cells if not EXCEL.fullmatch(cell)), column.cells[0])
        raise column.refused(bad, f"{bad!r} is no Excel date.", "Leave --time-unit out.", "GF-D20") from None
    seconds = np.round(days * 86_400).astype(np.int64)
    return Parsed(EXCEL_DAY_0 + seconds.astype("timedelta64[s]"), None, StampForm("excel"), [])


def _until(column: Column) -> str:
    """The text between the begin and the end of an interval, if every cell is one."""
    first = column.cells[0] if column.cells else ""
    for text in BETWEEN:
        begin, mark, end = first.partition(text)
        if mark and len(begin.strip()) >= 8 and len(end.strip()) >= 4 and text not in end:
            return text if all(cell.count(text) == 1 for cell in column.cells) else ""
    return ""


def _no_stamp(column: Column, unique: list[str]) -> Exception:
    """The error for a column of which no form fits all cells: it names the first cell that breaks the best one."""
    furthest, form = -1, None
    for pattern in FORMS.values():
        fits = next((k for k, text in enumerate(unique) if not pattern.fullmatch(text)), len(unique))
        if fits > furthest:
            furthest, form = fits, pattern
    bad = unique[furthest]
    hint = f" like {unique[0]!r}." if furthest > 0 else "."
    if not bad:
        blank = [str(line) for line, cell in zip(column.lines, column.cells, strict=True) if not cell]
        more = f" (lines {', '.join(blank[:5])}{' and more' if len(blank) > 5 else ''})"
        return column.refused(
            bad, f"the cell is blank{more if len(blank) > 1 else ''}.", "Fill in the time, or remove the row.", "GF-D20"
        )
    if furthest == 0 and NO_YEAR.fullmatch(bad):
        return column.refused(bad, f"there is no year in {bad!r}.", "Write the year out, such as 2024-01.", "GF-D24")
    if NAMED_ZONE.fullmatch(bad):
        remedy = "Write an offset such as +01:00, or remove it and pass --tz America/New_York, for example."
        return column.refused(bad, f"the zone in {bad!r} has no unique meaning.", remedy, "GF-D25")
    several = "; passing --date-format says how they are written" if form is not None and furthest > 0 else ""
    remedy = f"Write stamps in one form, such as {EXAMPLE}, or name another column with --time{several}."
    return column.refused(bad, f"{bad!r} is not a time stamp{hint}", remedy, "GF-D20")


def _check_uniform(column: Column, unique: list[str], found: list[re.Match[str]]) -> None:
    """Refuse a column whose stamps differ in the mark of their dates or in having an offset at all."""
    for name in ("mark", "zone"):
        parts = [match.groupdict().get(name) or "" for match in found]
        kinds = [bool(part) if name == "zone" else part for part in parts]
        if len(set(kinds)) > 1:
            bad = unique[next(k for k, kind in enumerate(kinds) if kind != kinds[0])]
            text = f"{bad!r} is not written like {unique[0]!r}."
            raise column.refused(bad, text, "Write all stamps in one form.", "GF-D23")


def _day_or_month_first(found: list[re.Match[str]], column: Column, like: StampForm | None) -> tuple[str, list[str]]:
    """`dmy` or `mdy`, by a number above twelve, earlier data, or because the steps are regular in that order only."""
    first, second = max(int(m["one"]) for m in found), max(int(m["two"]) for m in found)
    if first > 12 >= second:
        return "dmy", []
    if second > 12 >= first:
        return "mdy", []
    if max(first, second) <= 12:
        if like is not None and like.kind in ("dmy", "mdy"):
            return like.kind, []
        regular = [kind for kind in ("dmy", "mdy") if _is_regular([_iso(match, kind) for match in found])]
        if len(regular) == 1:
            word = "day" if regular[0] == "dmy" else "month"
            return regular[0], [f"{column.name}: the {word} comes first: only so are the steps equal"]
    example = found[0].group()
    text = f"{example!r} could be day first or month first, and no row settles it."
    remedy = (
        f"Pass --date-format %d{found[0]['mark']}%m{found[0]['mark']}%Y, for example, or write dates as YYYY-MM-DD."
    )
    raise column.refused(example, text, remedy, "GF-D21")


def _is_regular(iso: list[str]) -> bool:
    """Whether enough different days have all one step between them, in days or in months."""
    days = np.unique(np.array(iso, "datetime64[D]"))
    months = days.astype("datetime64[M]")
    in_month = days - months.astype("datetime64[D]")
    if len(days) < REGULAR:
        return False
    return len(set(np.diff(days).tolist())) == 1 or (
        len(set(np.diff(months).tolist())) == 1 and len(set(in_month.tolist())) == 1
    )


def _iso(match: re.Match[str], kind: str) -> str:
    parts = match.groupdict()
    month, day = parts.get("month") or "1", parts.get("day") or "1"
    if kind == "week":
        try:
            return f"{dt.date.fromisocalendar(int(parts['year']), int(parts['week']), 1).isoformat()}T00:00:00"
        except ValueError:
            return "no such week"
    if kind == "quarter":
        month = str(3 * int(parts["quarter"]) - 2)
    if kind in ("dmy", "mdy"):
        day, month = (parts["one"], parts["two"]) if kind == "dmy" else (parts["two"], parts["one"])
    clock = f"{int(parts.get('hour') or 0):02}:{parts.get('minute') or '00'}:{parts.get('second') or '00'}"
    return f"{parts['year']}-{int(month):02}-{int(day):02}T{clock}"


def _is_date(iso: str) -> bool:
    try:
        np.datetime64(iso, "s")
    except ValueError:
        return False
    return True


def _form(kind: str, found: list[re.Match[str]]) -> tuple[StampForm, Ints | None]:
    """The form to write in, and the offsets from UTC in seconds where stamps carry one."""
    parts = found[0].groupdict()
    zones = [(match.groupdict().get("zone") or "") for match in found]
    fraction, second, minute = ("fraction", "second", "minute")
    clock = next((name for name in (fraction, second, minute) if any(m.groupdict().get(name) for m in found)), "")
    dayparts = [m.groupdict().get(name) or "00" for m in found for name in ("month", "day", "one", "two")]
    form = StampForm(
        kind=kind,
        mark=parts.get("mark") or "",
        sep=parts.get("sep") or next((m["sep"] for m in found if m.groupdict().get("sep")), " "),
        clock=clock,
        zone=zones[0],
        padded=all(len(text) == 2 for text in dayparts),
    )
    return form, np.array([_offset_seconds(zone) for zone in zones], np.int64) if zones[0] else None


def _offset_seconds(zone: str) -> int:
    digits = zone.strip().replace(":", "")
    if digits in ("", "Z", "UTC"):
        return 0
    hours, minutes = int(digits[1:3]), int(digits[3:5] or 0)
    return (-1 if digits[0] == "-" else 1) * (3600 * hours + 60 * minutes)


def _zone(offset: int, like: str) -> str:
    """An offset from UTC written as `like`."""
    blank, text = like[: len(like) - len(like.lstrip())], like.strip()
    if text in ("Z", "UTC") and offset == 0:
        return like
    sign, minutes = "-" if offset < 0 else "+", abs(offset) // 60
    colon = ":" if ":" in text or len(text) < 4 else ""
    short = len(text) == 3 and minutes % 60 == 0
    return f"{blank}{sign}{minutes // 60:02}" + ("" if short else f"{colon}{minutes % 60:02}")

"""Time stamps as people write them, and written back in the same form.

A form is decided by all values of a column, never by one; what could be read in two ways is refused.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace

import numpy as np

from gruforecast.arrays import Ints, Stamps
from gruforecast.data.calendar.time_zones import offset_seconds
from gruforecast.data.files.column import Column
from gruforecast.data.formats.numbers import is_number
from gruforecast.data.formats.strptime import (
    Pattern,
    find_pattern,
    fitting_patterns,
    pattern_named,
    read_one,
    read_pattern,
)
from gruforecast.data.formats.timestamp_formats import COUNTED, EXCEL_DAY_0, FORMS, StampForm

EXAMPLE = "2024-01-31, 2024-01-31 13:00, 31/01/2024, 31 Jan 2024, 2024-01, 2024Q1, 2024-W05 or 2024"
FIRST_YEAR, LAST_YEAR = 1500, 2262
REGULAR = 6  # days that settle which part of a date comes first, if they have one step in one order only
BETWEEN = (" - ", " \u2013 ", " to ", "/")
EXCEL = re.compile(r"[1-9]\d{0,4}(\.\d+)?")
BARE_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")
NO_YEAR = re.compile(r"\d{1,2}[-/. ]\d{1,2}|[A-Za-z]{3,9}[-/. ]?\d{1,2}|\d{1,2}[-/. ]?[A-Za-z]{3,9}")
NAMED_ZONE = re.compile(r".*\d\s?(?!AM|PM|am|pm)[A-Z]{2,5}")


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
    until, whole = _until(column)
    if until:
        begins = [cell.split(until)[0].strip() for cell in column.cells]
        found = parse_stamps(replace(column, cells=begins), like, pattern, unit)
        said = [] if whole else [f"{column.name}: intervals are read as their begin, and written as it"]
        form = replace(found.form, until=until if whole else "")
        return replace(found, form=form, warnings=[*found.warnings, *said])
    unique = column.distinct()
    earlier = like.mark if like and like.kind == "pattern" else None
    if unit == "excel" or (unit is None and like and like.kind == "excel" and EXCEL.fullmatch(unique[0])):
        return _excel(column)
    chosen = pattern_named(pattern) if pattern else None
    if chosen is None and earlier and all(read_one(cell, earlier) is not None for cell in unique):
        chosen = Pattern(earlier, bool(like and like.upper))
    matches = None if chosen else _matched(unique, unit)
    if matches is None:
        chosen = chosen or (None if unit else find_pattern(column, unique, earlier, _equal_steps))
        if chosen is None:
            raise _no_stamp(column, unique, unit)
        return _by_pattern(column, unique, chosen)
    kind, found_cells = matches
    if kind in COUNTED:
        return _counted(column, unique, kind, found_cells, said=unit is None)
    if kind != "two":
        return _calendar(column, unique, kind, found_cells)
    kind, warnings = _day_or_month_first(found_cells, column, like)
    return replace(_calendar(column, unique, kind, found_cells), warnings=warnings)


def _counted(column: Column, unique: list[str], kind: str, matches: list[re.Match[str]], *, said: bool) -> Parsed:
    """Seconds or milliseconds since 1970, which are UTC by what they are."""
    seconds = np.array([int(match["count"]) for match in matches]) // COUNTED[kind]
    unit = "seconds" if kind == "epoch" else "milliseconds"
    warnings = [f"{column.name}: {unit} since 1970 in UTC"] if said else []
    ds = _spread(column, unique, seconds.astype("datetime64[s]"))
    return Parsed(ds, np.zeros(len(ds), np.int64), StampForm(kind), warnings)


def look_like_stamps(column: Column, *, named: bool) -> bool:
    """Whether all cells are stamps; numbers that may be years, dates or counted seconds only where the name says so."""
    until, _ = _until(column)
    cells = [cell.split(until)[0].strip() for cell in column.cells] if until else column.cells
    if not named and all(is_number(cell) for cell in cells):
        return False
    doubtful = ("year", "compact", "compact-month", "compact-hour", "compact-minute", *COUNTED)
    if any(all(FORMS[kind].fullmatch(cell) for cell in cells) for kind in FORMS if named or kind not in doubtful):
        return True
    if any(NO_YEAR.fullmatch(cell) for cell in cells[:1]):
        return False
    return bool(fitting_patterns(list(dict.fromkeys(cells))).whole)


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
    warnings = [pattern.said] * bool(pattern.said)
    warnings += [f"{column.name}: years of two digits, from {ds.min()} to {ds.max()}"] if "%y" in pattern.text else []
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


def _until(column: Column) -> tuple[str, bool]:
    """The text between the begin and the end of an interval, if nearly every cell is one.

    And whether each ends where another begins: only then the end can be written without having been kept.
    """
    first = column.cells[0] if column.cells else ""
    for text in BETWEEN:
        begin, mark, end = (part.strip() for part in first.partition(text))
        if not mark or len(begin) < 8 or text in end:
            continue
        kinds = [FORMS[kind] for kind in FORMS if FORMS[kind].fullmatch(end) and FORMS[kind].fullmatch(begin)]
        kinds += [BARE_CLOCK] if BARE_CLOCK.fullmatch(end) and ":" in begin else []
        parts = [cell.split(text) for cell in column.cells if cell.count(text) == 1]
        fitting = [kind for kind in kinds if all(kind.fullmatch(right.strip()) for _, right in parts)]
        if fitting and len(parts) >= 0.9 * len(column.cells):
            begins, ends = {left.strip() for left, _ in parts}, {right.strip() for _, right in parts}
            return text, len(ends & begins) >= len(ends) - max(1, 0.1 * len(ends))
    return "", False


def _no_stamp(column: Column, unique: list[str], unit: str | None) -> Exception:
    """The error for a column of which no form fits all cells: it names the first cell that breaks the best one."""
    forms = {"s": ("epoch",), "ms": ("epoch-ms",)}.get(unit or "", tuple(FORMS))
    fits = [next((k for k, text in enumerate(unique) if not FORMS[kind].fullmatch(text)), 0) for kind in forms]
    furthest = max([*fits, 0 if unit else fitting_patterns(unique).longest])
    bad = unique[min(furthest, len(unique) - 1)]
    hint = f" like {unique[0]!r}." if furthest > 0 else "."
    if not bad:
        blank = [str(line) for line, cell in zip(column.lines, column.cells, strict=True) if not cell]
        more = f" (lines {', '.join(blank[:5])}{' and more' if len(blank) > 5 else ''})" if len(blank) > 1 else ""
        return column.refused(bad, f"the cell is blank{more}.", "Fill in the time, or remove the row.", "GF-D20")
    if unit:
        what = "seconds" if unit == "s" else "milliseconds"
        return column.refused(bad, f"{bad!r} is no number of {what} since 1970.", "Leave --time-unit out.", "GF-D20")
    if furthest == 0 and NO_YEAR.fullmatch(bad):
        return column.refused(bad, f"there is no year in {bad!r}.", "Write the year out, such as 2024-01.", "GF-D24")
    if NAMED_ZONE.fullmatch(bad):
        remedy = "Write an offset such as +01:00, or remove it and pass --tz America/New_York, for example."
        return column.refused(bad, f"the zone in {bad!r} has no unique meaning.", remedy, "GF-D25")
    several = "; passing --date-format says how they are written" if furthest > 0 else ""
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
    if first > 12 and second > 12:
        one, two = (next(m for m in found if int(m[part]) > 12).group() for part in ("one", "two"))
        remedy = "Write all dates in one order."
        raise column.refused(two, f"{two!r} is month first, {one!r} day first.", remedy, "GF-D21")
    kind = "dmy" if first > 12 else "mdy" if second > 12 else ""
    earlier = like.kind if like is not None and like.kind in ("dmy", "mdy") else ""
    if kind and earlier and kind != earlier:
        bad = next(m for m in found if max(int(m["one"]), int(m["two"])) > 12).group()
        remedy = "Write dates in one order."
        raise column.refused(bad, f"{bad!r} is not in the order of the data that were fitted.", remedy, "GF-D21")
    if kind or earlier:
        return kind or earlier, []
    regular = [kind for kind in ("dmy", "mdy") if _is_regular([_iso(match, kind) for match in found])]
    if len(regular) == 1:
        word = "day" if regular[0] == "dmy" else "month"
        return regular[0], [f"{column.name}: the {word} comes first: only so are the steps equal"]
    example = found[0].group()
    text = f"{example!r} could be day first or month first, and no row settles it."
    mark = found[0]["mark"]
    remedy = f"Pass --date-format '%d{mark}%m{mark}%Y', for example, or write dates as YYYY-MM-DD."
    raise column.refused(example, text, remedy, "GF-D21")


def _equal_steps(stamps: list[dt.datetime]) -> bool:
    """`_is_regular` of stamps."""
    return _is_regular([stamp.isoformat() for stamp in stamps])


def _is_regular(iso: list[str]) -> bool:
    """Whether enough different days have all one step between them, in days or in months."""
    days = np.unique(np.array(iso, "datetime64[s]").astype("datetime64[D]"))
    if len(days) < REGULAR:
        return False
    months = days.astype("datetime64[M]")
    in_month = days - months.astype("datetime64[D]")
    if len(set(np.diff(days).tolist())) == 1:
        return True
    return len(set(np.diff(months).tolist())) == 1 and len(set(in_month.tolist())) == 1


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
    return form, np.array([offset_seconds(zone) for zone in zones], np.int64) if zones[0] else None

"""Time stamps as people write them, and written back in the same form.

A form is decided by all values of a column, never by one; what could be read in two ways is refused.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from msgspec import structs

from gruforecast.arrays import Ints, Stamps
from gruforecast.data.calendar.time_zones import offset_seconds
from gruforecast.data.files.column import Column
from gruforecast.data.finding import Finding, Findings
from gruforecast.data.formats.numbers import is_number
from gruforecast.data.formats.strptime import (
    WORD,
    apply_pattern,
    check_pattern,
    fitting_patterns,
    has_pattern,
    infer_pattern,
)
from gruforecast.data.formats.timestamp_formats import COUNTED, EXCEL_DAY_0, FORMS, StampForm
from gruforecast.errors import FormError

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
    offset: Ints | None = None
    findings: Findings = ()


def infer_stamps(
    column: Column, pattern: str | None = None, unit: str | None = None, order: str = ""
) -> tuple[StampForm, Findings]:
    """Return the form that the stamps of a column are written in, and findings.

    Args:
        pattern: directives of `strptime` that the user gave; unit: `s`, `ms` or `excel` of counted time.
        order: `dmy` or `mdy`, of earlier data, where the cells do not settle it.

    Raises:
        DataError: no form fits all cells, or the column could be read in two ways.
    """
    column, until = _begins(column)
    if unit == "excel":
        return StampForm("excel", until=until), ()
    if pattern:
        check_pattern(pattern)
        return StampForm("pattern", pattern, until=until), ()
    kinds = {"s": ("epoch",), "ms": ("epoch-ms",)}.get(unit or "", tuple(FORMS))
    kind = next((kind for kind in kinds if column.once(_matches, kind) is not None), "")
    if kind in COUNTED:
        text = f"{column.name}: {'seconds' if kind == 'epoch' else 'milliseconds'} since 1970 in UTC"
        return StampForm(kind, until=until), _finding(column, "" if unit else text)
    if kind:
        kind, text = _day_or_month_first(column, order) if kind == "two" else (kind, "")
        return _form(column, kind, until), _finding(column, text)
    inferred = None if unit else infer_pattern(column, _is_regular)
    if inferred is None:
        raise _no_stamp(column, column.distinct, unit)
    upper = WORD.search(column.cells[0]) is not None and column.cells[0].upper() == column.cells[0]
    return StampForm("pattern", inferred[0], upper=upper, until=until), inferred[1]


def follow_stamps(column: Column, form: StampForm) -> tuple[StampForm, Findings]:
    """Return the form of the stamps of new data, that of earlier data where it fits, and findings.

    Raises:
        DataError: as `infer_stamps`, or dates are in another order.
    """
    begins, until = _begins(column)
    excel = form.kind == "excel" and EXCEL.fullmatch(begins.cells[0])
    if excel or (form.kind == "pattern" and has_pattern(begins, form.mark)):
        return structs.replace(form, until=until, tz="", local=False), ()
    return infer_stamps(column, order=form.kind if form.kind in ("dmy", "mdy") else "")


def apply_stamps(column: Column, form: StampForm) -> Parsed:
    """Return the stamps of cells that have the form.

    Raises:
        DataError: a cell does not have it, or is no real date.
    """
    begins, until = _begins(column)
    parsed = _APPLY.get(form.kind, _calendar)(begins, form)
    if begins is column or until:
        return parsed
    return replace(
        parsed,
        findings=parsed.findings
        + _finding(column, f"{column.name}: intervals are read as their begin, and written as it"),
    )


def _finding(column: Column, text: str) -> Findings:
    """Return a finding about a column, if there is one."""
    return (Finding(text, column=column.name),) if text else ()


def _by_pattern(column: Column, form: StampForm) -> Parsed:
    ds = _spread(column, apply_pattern(column, form.mark))
    return Parsed(
        ds,
        findings=_finding(
            column, f"{column.name}: years of two digits, from {ds.min()} to {ds.max()}" if "%y" in form.mark else ""
        ),
    )


def _counted(column: Column, form: StampForm) -> Parsed:
    """Return the seconds or milliseconds since 1970, which are UTC by what they are."""
    seconds = np.array([int(match["count"]) for match in _matched(column, form.kind)]) // COUNTED[form.kind]
    ds = _spread(column, seconds.astype("datetime64[s]"))
    return Parsed(ds, np.zeros(len(ds), np.int64))


def look_like_stamps(column: Column, *, named: bool) -> bool:
    """Return whether all cells are stamps; numbers that may be years, dates or seconds only where the name says so."""
    column, _ = _begins(column)
    cells = column.cells
    if not named and all(is_number(cell) for cell in cells):
        return False
    doubtful = ("year", "compact", "compact-month", "compact-hour", "compact-minute", *COUNTED)
    if any(all(FORMS[kind].fullmatch(cell) for cell in cells) for kind in FORMS if named or kind not in doubtful):
        return True
    return not any(NO_YEAR.fullmatch(cell) for cell in cells[:1]) and bool(fitting_patterns(column).whole)


def _matches(column: Column, kind: str) -> list[re.Match[str]] | None:
    """Return the distinct cells as matches of a form; None if one has another."""
    matches = [match for match in itertools.takewhile(bool, map(FORMS[kind].fullmatch, column.distinct)) if match]
    return matches if len(matches) == len(column.distinct) else None


def _matched(column: Column, kind: str) -> list[re.Match[str]]:
    """Return the `_matches` of cells that must have the form."""
    matches = column.once(_matches, kind)
    if matches is None:
        raise _no_stamp(column, column.distinct, None)
    return matches


def _calendar(column: Column, form: StampForm) -> Parsed:
    matches = _matched(column, "two" if form.kind in ("dmy", "mdy") else form.kind)
    unique, iso = column.distinct, [_iso(match, form.kind) for match in matches]
    try:
        parsed = np.array(iso, "datetime64[s]")
    except ValueError:
        bad = next(cell for cell, text in zip(unique, iso, strict=True) if not _is_date(text))
        raise column.refused(bad, f"{bad!r} is not a date that exists.", "Correct the cell.", "GF-D22") from None
    years = parsed.astype("datetime64[Y]").astype(int) + 1970
    outside = np.flatnonzero((years < FIRST_YEAR) | (years > LAST_YEAR))
    if len(outside):
        bad = unique[outside[0]]
        raise column.refused(
            bad, f"{bad!r} is not within the years {FIRST_YEAR} and {LAST_YEAR}.", "Correct the cell.", "GF-D57"
        )
    _check_uniform(column, unique, matches)
    zones = list(filter(None, _texts(matches, "zone")))
    offset = _spread(column, np.array([offset_seconds(zone) for zone in zones], np.int64)) if zones else None
    return Parsed(_spread(column, parsed), offset)


def _spread(column: Column, values: np.ndarray) -> np.ndarray:
    """Return values of the distinct cells as those of all cells."""
    index = {text: k for k, text in enumerate(column.distinct)}
    return values[[index[cell] for cell in column.cells]]


def _excel(column: Column, _: StampForm) -> Parsed:
    try:
        days = np.array([float(cell) for cell in column.cells])
    except ValueError:
        days = np.zeros(0)
    if not len(days) or not ((days >= 1) & (days < 200_000)).all():
        bad = next((cell for cell in column.cells if not EXCEL.fullmatch(cell)), column.cells[0])
        raise column.refused(bad, f"{bad!r} is no Excel date.", "Leave `time_unit` out.", "GF-D20", FormError) from None
    return Parsed(EXCEL_DAY_0 + np.round(days * 86_400).astype(np.int64).astype("timedelta64[s]"))


def _begins(column: Column) -> tuple[Column, str]:
    """Return the column with intervals cut to their begin, and the text before their ends where that is written."""
    until, whole = column.once(_until)
    return (column.once(_cut, until) if until else column), until if whole else ""


def _cut(column: Column, until: str) -> Column:
    return replace(column, cells=[cell.split(until)[0].strip() for cell in column.cells])


def _until(column: Column) -> tuple[str, bool]:
    """Return the text between the begin and the end of an interval, if nearly every cell is one.

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
    """Return the error for a column that no form fits: it names the first cell that breaks the best one."""
    forms = {"s": ("epoch",), "ms": ("epoch-ms",)}.get(unit or "", tuple(FORMS))
    fits = [next((k for k, text in enumerate(unique) if not FORMS[kind].fullmatch(text)), 0) for kind in forms]
    furthest = max([*fits, 0 if unit else fitting_patterns(column).longest])
    bad = unique[min(furthest, len(unique) - 1)]
    if not bad:
        blank = [str(line) for line, cell in zip(column.lines, column.cells, strict=True) if not cell]
        lines = f" (lines {', '.join(blank[:5])}{' and more' if len(blank) > 5 else ''})" if len(blank) > 1 else ""
        return column.refused(
            bad, f"the cell is blank{lines}.", "Fill in the time, or remove the row.", "GF-D20", FormError
        )
    if unit:
        return column.refused(
            bad,
            f"{bad!r} is no number of {'seconds' if unit == 's' else 'milliseconds'} since 1970.",
            "Leave `time_unit` out.",
            "GF-D20",
            FormError,
        )
    if furthest == 0 and NO_YEAR.fullmatch(bad):
        return column.refused(bad, f"there is no year in {bad!r}.", "Write the year out, such as 2024-01.", "GF-D24")
    if NAMED_ZONE.fullmatch(bad):
        return column.refused(
            bad,
            f"the zone in {bad!r} has no unique meaning.",
            "Write an offset such as +01:00, or remove it and pass `tz='America/New_York'`, for example.",
            "GF-D25",
        )
    like = f" like {unique[0]!r}" if furthest > 0 else ""
    several = "; passing `date_format` says how they are written" if furthest > 0 else ""
    return column.refused(
        bad,
        f"{bad!r} is not a time stamp{like}.",
        f"Write stamps in one form, such as {EXAMPLE}, or name another column with `time`{several}.",
        "GF-D20",
        FormError,
    )


def _check_uniform(column: Column, unique: list[str], matches: list[re.Match[str]]) -> None:
    """Refuse a column whose stamps differ in the mark of their dates or in having an offset at all."""
    for name in ("mark", "zone"):
        kinds = [bool(part) if name == "zone" else part for part in _texts(matches, name)]
        if len(set(kinds)) > 1:
            bad = unique[next(k for k, kind in enumerate(kinds) if kind != kinds[0])]
            raise column.refused(
                bad, f"{bad!r} is not written like {unique[0]!r}.", "Write all stamps in one form.", "GF-D23", FormError
            )


def _day_or_month_first(column: Column, earlier: str) -> tuple[str, str]:
    """Return `dmy` or `mdy`, and the text of a finding about it.

    A number above twelve says so, or earlier data, or that the steps are regular in that order only.
    """
    matches = _matched(column, "two")
    first, second = max(int(m["one"]) for m in matches), max(int(m["two"]) for m in matches)
    if first > 12 and second > 12:
        one, two = (next(m for m in matches if int(m[part]) > 12).group() for part in ("one", "two"))
        raise column.refused(
            two, f"{two!r} is month first, {one!r} day first.", "Write all dates in one order.", "GF-D44", FormError
        )
    kind = "dmy" if first > 12 else "mdy" if second > 12 else ""
    if kind and earlier and kind != earlier:
        bad = next(m for m in matches if max(int(m["one"]), int(m["two"])) > 12).group()
        raise column.refused(
            bad,
            f"{bad!r} is not in the order of the data that were fitted.",
            "Write dates in one order.",
            "GF-D44",
            FormError,
        )
    if kind or earlier:
        return kind or earlier, ""
    regular = [kind for kind in ("dmy", "mdy") if _is_regular([_iso(match, kind) for match in matches])]
    if len(regular) == 1:
        part = {"dmy": "day", "mdy": "month"}[regular[0]]
        return regular[0], f"{column.name}: the {part} comes first: only so are the steps equal"
    example, mark = matches[0].group(), matches[0]["mark"]
    raise column.refused(
        example,
        f"{example!r} could be day first or month first, and no row settles it.",
        f"Pass `date_format='%d{mark}%m{mark}%Y'`, for example, or write dates as YYYY-MM-DD.",
        "GF-D21",
        FormError,
    )


def _is_regular(stamps: Sequence[str | dt.datetime]) -> bool:
    """Return whether enough different days have all one step between them, in days or in months."""
    days = np.unique(np.array(stamps, "datetime64[s]").astype("datetime64[D]"))
    if len(days) < REGULAR:
        return False
    months = days.astype("datetime64[M]")
    in_month = days - months.astype("datetime64[D]")
    one_step, one_month, one_day = (len(np.unique(x)) == 1 for x in (np.diff(days), np.diff(months), in_month))
    return one_step or (one_month and one_day)


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


def _form(column: Column, kind: str, until: str) -> StampForm:
    """Return the form that cells of a kind are written in."""
    matches = _matched(column, "two" if kind in ("dmy", "mdy") else kind)
    first = matches[0].groupdict("")
    return StampForm(
        until=until,
        kind=kind,
        mark=first.get("mark", ""),
        sep=next(filter(None, _texts(matches, "sep")), " "),
        clock=next((name for name in ("fraction", "second", "minute") if any(_texts(matches, name))), ""),
        zone=first.get("zone", ""),
        padded=all(len(text) in (0, 2) for name in ("month", "day", "one", "two") for text in _texts(matches, name)),
    )


def _texts(matches: list[re.Match[str]], name: str) -> Iterator[str]:
    """Yield the text of one group in each match, none where the form has no such group."""
    return (match[name] or "" for match in matches if name in match.re.groupindex)


_APPLY = {"excel": _excel, "pattern": _by_pattern, "epoch": _counted, "epoch-ms": _counted}

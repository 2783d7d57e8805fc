"""Stamps with names of months, years of two digits or a clock of twelve hours, by the directives of `strptime`."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Stamps
from gruforecast.data.files.column import Column
from gruforecast.data.finding import Finding, Findings
from gruforecast.data.formats.numbers import is_number
from gruforecast.errors import FormError, UsageError

NAMED = (
    *("%d{m}%b{m}%Y", "%d{m}%B{m}%Y", "%b{m}%d, %Y", "%B{m}%d, %Y", "%Y{m}%b{m}%d", "%b{m}%Y", "%B{m}%Y"),
    *("%Y{m}%b", "%Y{m}%B", "%d{m}%b{m}%y", "%y{m}%b{m}%d"),
)
NUMBERED = ("%d{m}%m{m}%y", "%m{m}%d{m}%y", "%y{m}%m{m}%d", "%Y{m}%m{m}%d", "%d{m}%m{m}%Y", "%m{m}%d{m}%Y")
CLOCKS = {
    "none": ("",),
    "colon": (" %H:%M", " %H:%M:%S"),
    "half": (" %I:%M %p", " %I:%M:%S %p", " %I %p", " %I:%M%p", " %I:%M:%S%p", " %I%p"),
}
WORD = re.compile("[A-Za-z]{3,}")
HALF = re.compile(r"\d\s?[AP]M", re.IGNORECASE)
YEARS = ("%Y", "%y", "%G", "%c", "%x", "%D", "%F")
Regular = Callable[[Sequence[dt.datetime]], bool]


@dataclass(frozen=True)
class Fits:
    """Patterns of cells.

    Attributes:
        whole: those that all cells have, with the stamps read by each.
        longest: how many cells, from the first on, the best one fits.
    """

    whole: dict[str, list[dt.datetime]]
    longest: int


def check_pattern(text: str) -> None:
    """Refuse a pattern of a user that can be none.

    Raises:
        UsageError: it has no year, or is no pattern at all.
    """
    remedy = "Write it as in `date_format='%d/%m/%Y %H:%M'`."
    if not any(year in text for year in YEARS):
        raise UsageError(f"`date_format` {text!r} has no year.", remedy=remedy, code="GF-U35")
    try:
        dt.datetime.strptime(dt.datetime(2024, 1, 31).strftime(text), text)  # noqa: DTZ001, DTZ007 - no zones here
    except (ValueError, re.error) as error:
        raise UsageError(f"`date_format` {text!r} is no date format.", remedy=remedy, code="GF-U35") from error


def fitting_patterns(column: Column) -> Fits:
    """Return the patterns of the distinct cells, by those that the first one has."""
    first = column.cells[0] if column.cells else ""
    if not any(mark.isdigit() for mark in first) or is_number(first) or len(first) > 60:
        return Fits({}, 0)
    named = WORD.search(first) is not None
    kind = "half" if HALF.search(first) else "colon" if ":" in first else "none"
    marks = [mark for mark in "-/. " if mark in first] + [""] * named
    texts = [
        date.format(m=m) + clock for date in (NAMED if named else NUMBERED) for m in marks for clock in CLOCKS[kind]
    ]
    stamps = {text: column.once(read_cells, text) for text in texts}
    whole = {text: read for text, read in stamps.items() if len(read) == len(column.distinct)}
    return Fits(whole, max(map(len, stamps.values()), default=0))


def infer_pattern(column: Column, regular: Regular) -> tuple[str, Findings] | None:
    """Return the one pattern that all cells have, and findings; None if none does.

    Args:
        regular: whether stamps have equal steps, which decides where only one reading has.

    Raises:
        DataError: two patterns fit all cells and read them as different dates.
    """
    read = fitting_patterns(column).whole
    distinct = [text for k, text in enumerate(read) if read[text] not in list(read.values())[:k]]
    if len(distinct) > 1:
        equal = [text for text in distinct if regular(read[text])]
        if len(equal) == 1:
            text = f"{column.name}: read as {equal[0]}: only so are the steps equal"
            return equal[0], (Finding(text, column=column.name),)
        first = column.cells[0]
        raise column.refused(
            first,
            f"{first!r} could be day first or month first, and no row settles it.",
            f"Pass `date_format={distinct[0]!r}` or {distinct[1]!r}, or write dates as YYYY-MM-DD.",
            "GF-D21",
            FormError,
        )
    return (distinct[0], ()) if distinct else None


def apply_pattern(column: Column, pattern: str) -> Stamps:
    """Return the distinct cells as datetime64[s].

    Raises:
        DataError: one does not have the pattern.
    """
    read = column.once(read_cells, pattern)
    if len(read) < len(column.distinct):
        bad = column.distinct[len(read)]
        raise column.refused(
            bad,
            f"{bad!r} is not written as {pattern}.",
            "Correct the cell, or say with `date_format` how stamps are written.",
            "GF-D26",
            FormError,
        )
    return np.array(read, "datetime64[s]")


def has_pattern(column: Column, pattern: str) -> bool:
    """Return whether all cells have the pattern."""
    return len(column.once(read_cells, pattern)) == len(column.distinct)


def read_cells(column: Column, pattern: str) -> list[dt.datetime]:
    """Return the stamps in the distinct cells, up to the first one that does not have the pattern."""
    read: list[dt.datetime] = []
    for cell in column.distinct:
        try:
            one = dt.datetime.strptime(cell, pattern)  # noqa: DTZ007 - zones are read apart
        except ValueError:
            break
        if not 1500 <= one.year <= 2262 or one.tzinfo is not None or one.microsecond:
            break
        read.append(one)
    return read


def write_pattern(ds: Stamps, pattern: str) -> list[str]:
    """Return the stamps (n,) as text."""
    distinct, where = np.unique(ds, return_inverse=True)
    return np.array([one.strftime(pattern) for one in distinct.tolist()], object)[where].tolist()

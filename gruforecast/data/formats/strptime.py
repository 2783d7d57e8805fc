"""Stamps with names of months, years of two digits or a clock of twelve hours, by the directives of `strptime`."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Stamps
from gruforecast.data.files.column import Column
from gruforecast.data.formats.numbers import is_number
from gruforecast.errors import UsageError

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
Regular = Callable[[list[dt.datetime]], bool]


@dataclass(frozen=True)
class Pattern:
    """Directives of `strptime`, whether names are written in capitals, and what to say about the choice."""

    text: str
    upper: bool = False
    said: str = ""


@dataclass(frozen=True)
class Fits:
    """Patterns of cells.

    Attributes:
        whole: those that all cells have; longest: how many cells, from the first on, the best one fits.
    """

    whole: list[str]
    longest: int


def pattern_named(text: str) -> Pattern:
    """The pattern that a user gave.

    Raises:
        UsageError: it has no year, or is no pattern at all.
    """
    remedy = "Write it as in --date-format '%d/%m/%Y %H:%M'."
    if not any(year in text for year in YEARS):
        raise UsageError(f"--date-format {text!r} has no year.", remedy=remedy, code="GF-U35")
    try:
        dt.datetime.strptime(dt.datetime(2024, 1, 31).strftime(text), text)  # noqa: DTZ001, DTZ007 - no zones here
    except (ValueError, re.error) as error:
        raise UsageError(f"--date-format {text!r} is no date format.", remedy=remedy, code="GF-U35") from error
    return Pattern(text)


def fitting_patterns(unique: list[str], like: str | None = None) -> Fits:
    """The patterns of distinct cells, by those that the first one has."""
    first = unique[0] if unique else ""
    if not any(mark.isdigit() for mark in first) or is_number(first) or len(first) > 60:
        return Fits([], 0)
    named = WORD.search(first) is not None
    kind = "half" if HALF.search(first) else "colon" if ":" in first else "none"
    marks = [mark for mark in "-/. " if mark in first] + [""] * named
    texts = [
        date.format(m=m) + clock for date in (NAMED if named else NUMBERED) for m in marks for clock in CLOCKS[kind]
    ]
    whole, longest = [], 0
    for text in dict.fromkeys([*([like] if like else []), *texts]):
        count = next((k for k, cell in enumerate(unique) if read_one(cell, text) is None), len(unique))
        longest = max(longest, count)
        whole += [text] * (count == len(unique))
    return Fits(whole, longest)


def find_pattern(column: Column, unique: list[str], like: str | None, regular: Regular) -> Pattern | None:
    """The one pattern that all values have; None if none does.

    Args:
        like: the pattern of earlier data, which decides where several fit.
        regular: whether stamps have equal steps, which decides where only one reading has.

    Raises:
        DataError: two patterns fit all values and read them as different dates.
    """
    fitting = fitting_patterns(unique, like).whole
    first = unique[0] if unique else ""
    upper = bool(WORD.search(first)) and first.upper() == first
    if like in fitting:
        return Pattern(str(like), upper)
    read = {text: [read_one(cell, text) for cell in unique] for text in fitting}
    distinct = [text for k, text in enumerate(fitting) if all(read[text] != read[other] for other in fitting[:k])]
    if len(distinct) > 1:
        equal = [text for text in distinct if regular([one for one in read[text] if one is not None])]
        if len(equal) == 1:
            return Pattern(equal[0], upper, f"{column.name}: read as {equal[0]}: only so are the steps equal")
        found = f"{first!r} could be day first or month first, and no row settles it."
        remedy = f"Pass --date-format '{distinct[0]}' or '{distinct[1]}', or write dates as YYYY-MM-DD."
        raise column.refused(first, found, remedy, "GF-D21")
    return Pattern(distinct[0], upper) if distinct else None


def read_pattern(column: Column, unique: list[str], pattern: Pattern) -> Stamps:
    """The distinct values as datetime64[s].

    Raises:
        DataError: one does not have the pattern.
    """
    read = [read_one(cell, pattern.text) for cell in unique]
    if None in read:
        bad = unique[read.index(None)]
        found = f"{bad!r} is not written as {pattern.text}."
        raise column.refused(
            bad, found, "Correct the cell, or say with --date-format how stamps are written.", "GF-D26"
        )
    return np.array(read, "datetime64[s]")


def write_pattern(ds: Stamps, pattern: str) -> list[str]:
    """Stamps (n,) as text."""
    distinct, where = np.unique(ds, return_inverse=True)
    texts = [one.strftime(pattern) for one in distinct.tolist()]
    return [texts[k] for k in where]


def read_one(cell: str, pattern: str) -> dt.datetime | None:
    """The stamp in a cell, None where it does not have the pattern."""
    try:
        found = dt.datetime.strptime(cell, pattern)  # noqa: DTZ007 - zones are read apart
    except ValueError:
        return None
    return found if 1500 <= found.year <= 2262 and found.tzinfo is None and not found.microsecond else None

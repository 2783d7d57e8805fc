"""Stamps with names of months, years of two digits or a clock of twelve hours, by the directives of `strptime`."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Stamps
from gruforecast.data.cells import Column

DATES = (
    "%d{m}%b{m}%Y",
    "%d{m}%B{m}%Y",
    "%d{m}%b{m}%y",
    "%b{m}%d, %Y",
    "%B{m}%d, %Y",
    "%Y{m}%b{m}%d",
    "%b{m}%Y",
    "%B{m}%Y",
    "%Y{m}%b",
    "%Y{m}%B",
    "%d{m}%m{m}%y",
    "%m{m}%d{m}%y",
    "%Y{m}%m{m}%d",
    "%d{m}%m{m}%Y",
    "%m{m}%d{m}%Y",
)
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %I %p", " %I:%M%p", " %I:%M:%S%p")
MARKS = ("-", "/", ".", " ", "")
WORD = re.compile("[A-Za-z]{3,}")


@dataclass(frozen=True)
class Pattern:
    """Directives of `strptime`, and whether names are written in capitals."""

    text: str
    upper: bool


def find_pattern(column: Column, unique: list[str], like: str | None) -> Pattern | None:
    """The one pattern that all values have; None if none does.

    Args:
        like: the pattern of earlier data, which decides where several fit.

    Raises:
        DataError: two patterns fit all values and read them as different dates.
    """
    first = unique[0]
    if not first or not any(mark.isdigit() for mark in first):
        return None
    texts = [date.format(m=m) + clock for date in DATES for m in MARKS for clock in CLOCKS if m or "%b" in date.lower()]
    fitting = [text for text in dict.fromkeys(texts) if _read(first, text) is not None]
    fitting = [text for text in fitting if all(_read(cell, text) is not None for cell in unique)]
    upper = bool(WORD.search(first)) and first.upper() == first
    if like in fitting:
        return Pattern(str(like), upper)
    read = {text: [_read(cell, text) for cell in unique] for text in fitting}
    distinct = [text for k, text in enumerate(fitting) if all(read[text] != read[other] for other in fitting[:k])]
    if len(distinct) > 1:
        found = f"{first!r} could be day first or month first, and no row settles it."
        remedy = f"Pass --date-format {distinct[0]} or {distinct[1]}, or write dates as YYYY-MM-DD."
        raise column.refused(first, found, remedy, "GF-D21")
    return Pattern(distinct[0], upper) if distinct else None


def read_pattern(column: Column, unique: list[str], pattern: Pattern) -> Stamps:
    """The distinct values as datetime64[s].

    Raises:
        DataError: one does not have the pattern.
    """
    read = [_read(cell, pattern.text) for cell in unique]
    if None in read:
        bad = unique[read.index(None)]
        found = f"{bad!r} is not written as {pattern.text}."
        raise column.refused(bad, found, "Correct the cell or --date-format.", "GF-D26")
    return np.array(read, "datetime64[s]")


def write_pattern(ds: Stamps, pattern: str) -> list[str]:
    """Stamps (n,) as text."""
    distinct, where = np.unique(ds, return_inverse=True)
    texts = [one.strftime(pattern) for one in distinct.tolist()]
    return [texts[k] for k in where]


def _read(cell: str, pattern: str) -> dt.datetime | None:
    try:
        found = dt.datetime.strptime(cell, pattern)  # noqa: DTZ007 - zones are read apart
    except ValueError:
        return None
    return found if 1500 <= found.year <= 2262 and found.tzinfo is None else None

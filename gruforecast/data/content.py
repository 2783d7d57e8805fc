"""What the cells of a column hold: numbers, a part of the time, stamps."""

from __future__ import annotations

import re

from gruforecast.data.files.table import Table
from gruforecast.data.formats.numbers import MISSING, is_number
from gruforecast.data.formats.timestamp_formats import FORMS

PART_OF_TIME = re.compile(
    r"\d{1,2}:\d{2}(:\d{2})?|\d{1,2}\s?[ap]m|q[1-4]|w(eek)?\s?\d{1,2}"
    r"|(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)[a-z]*",
    re.IGNORECASE,
)
SAMPLE = 200


def sampled(table: Table, name: str) -> list[str]:
    """Return cells of a column, `SAMPLE` or a few more, without those that stand for nothing."""
    cells = table.columns[name]
    return [cell for cell in cells[:: max(1, len(cells) // SAMPLE)] if cell.lower() not in MISSING]


def free(table: Table, taken: set[str], usual: tuple[str, ...]) -> list[str]:
    """Return the columns not taken, those with a usual name first and in the order of the usual names."""
    names = [name for name in table.columns if name not in taken]
    known = sorted((name for name in names if name.lower() in usual), key=lambda name: usual.index(name.lower()))
    return known + [name for name in names if name not in known]


def meant_as_numbers(sample: list[str]) -> bool:
    """Return whether most cells are meant as numbers, well written or not; times and dates are not."""
    meant = sum(any(mark.isdigit() for mark in cell) and not cell[0].isalpha() for cell in sample)
    return 2 * meant > len(sample) and not is_part_of_time(sample) and not is_stamps(sample)


def is_part_of_time(sample: list[str]) -> bool:
    """Return whether all cells say a part of the time: a clock, a quarter, a month, a weekday."""
    return bool(sample) and all(PART_OF_TIME.fullmatch(cell) for cell in sample)


def is_stamps(sample: list[str]) -> bool:
    """Return whether all cells are written as stamps of one form, and not all as plain numbers."""
    forms = [FORMS[kind] for kind in ("ymd", "two", "month", "quarter")]
    return not all(map(is_number, sample)) and any(all(form.fullmatch(cell) for cell in sample) for form in forms)

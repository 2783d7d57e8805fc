"""Which column is the time, which the target, which the series id, when the user does not say."""

from __future__ import annotations

import math
import re

from gruforecast.data.reader import Table
from gruforecast.data.stamps import FORMS
from gruforecast.data.table import Names
from gruforecast.errors import DataError, shorten

TIME = ("ds", "date", "datetime", "timestamp", "time", "day", "week", "month", "quarter", "year", "period")
TARGET = ("y", "value", "target", "sales", "demand", "load", "count", "price", "close", "consumption")
IDS = (
    "unique_id",
    "series_id",
    "item_id",
    "series",
    "id",
    "item",
    "store",
    "sensor",
    "symbol",
    "ticker",
    "name",
    "key",
)
SURE_IDS = ("unique_id", "series_id", "item_id")
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "nat", "-", "."})
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
PART_OF_TIME = re.compile(
    r"\d{1,2}:\d{2}(:\d{2})?|\d{1,2}\s?[ap]m|q[1-4]|w(eek)?\s?\d{1,2}"
    r"|(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)[a-z]*",
    re.IGNORECASE,
)
PART_NAMES = ("hour", "minute", "weekday", "time", "month", "quarter", "week", "day", "period")
SAMPLE = 200


def is_number(text: str) -> bool:
    """Whether `text` is written as a plain finite number."""
    return NUMBER.fullmatch(text) is not None and math.isfinite(float(text))


def find_names(table: Table, time: str | None, target: str | None, ids: list[str]) -> Names:
    """The names of the columns to use: those given, the others found.

    A usual name decides first, then the content: stamps in every sampled row, digits in most rows, and a column that
    tells series apart where stamps repeat.

    Raises:
        DataError: a column is not there, or several would do.
    """
    for name in (time, target, *ids):
        if name is not None:
            table.column(name)
    taken = {name for name in (time, target, *ids) if name}
    time = time or _find_time(table, taken)
    taken.add(time)
    keys = tuple(ids) or _find_ids(table, time, taken)
    target = target or _find_target(table, taken | set(keys))
    if any(form.fullmatch(time) for form in FORMS.values()) or is_number(target) or target.lower() in MISSING:
        remedy = "Add a header line such as ds,y."
        found = "the first line looks like data, not like a header."
        raise DataError(found, remedy=remedy, code="GF-D13", file=table.file, line=1)
    return Names(time, target, keys)


def _sample(table: Table, name: str) -> list[str]:
    cells = table.columns[name]
    step = max(1, len(cells) // SAMPLE)
    return [cell for cell in cells[::step] if cell.lower() not in MISSING]


def _free(table: Table, taken: set[str], usual: tuple[str, ...]) -> list[str]:
    """The columns not taken, those with a usual name first and in the order of the usual names."""
    names = [name for name in table.columns if name not in taken]
    known = sorted((name for name in names if name.lower() in usual), key=lambda name: usual.index(name.lower()))
    return known + [name for name in names if name not in known]


def _find_time(table: Table, taken: set[str]) -> str:
    for name in _free(table, taken, TIME):
        sample = _sample(table, name)
        forms = [kind for kind in FORMS if kind not in ("year", "compact", "compact-month") or name.lower() in TIME]
        if sample and any(all(FORMS[kind].fullmatch(cell) for cell in sample) for kind in forms):
            return name
    named = [name for name in table.columns if name.lower() in TIME and name not in taken]
    if named:
        return named[0]  # its cells are refused one by one, with the line
    remedy = f"Name it with --time; the columns are {shorten(list(table.columns), 12)}."
    raise DataError("no column holds time stamps.", remedy=remedy, code="GF-D15", file=table.file)


def _numeric(table: Table, name: str) -> bool:
    """Whether most cells are meant as numbers, well written or not; times and dates are not."""
    sample = _sample(table, name)
    meant = [any(mark.isdigit() for mark in cell) and not cell[0].isalpha() for cell in sample]
    return 2 * sum(meant) > len(sample) and not _part_of_time(sample) and not _stamps(sample)


def _part_of_time(sample: list[str]) -> bool:
    return bool(sample) and all(PART_OF_TIME.fullmatch(cell) for cell in sample)


def _stamps(sample: list[str]) -> bool:
    return any(all(FORMS[kind].fullmatch(cell) for cell in sample) for kind in ("ymd", "two", "month", "quarter"))


def _find_ids(table: Table, time: str, taken: set[str]) -> tuple[str, ...]:
    names = _free(table, taken, IDS)
    stamps = table.columns[time]
    for name in names:
        if name.lower() in SURE_IDS:
            return (name,)
    usual = [name for name in names if name.lower() in IDS]
    if len(set(stamps)) == len(stamps):  # one series; a name for it is kept
        return tuple(name for name in usual[:1] if len(set(table.columns[name])) == 1)
    parts = [name for name in names if _part_of_time(_sample(table, name)) or name.lower() in PART_NAMES]
    free = [name for name in names if name not in parts and name.lower() not in TARGET]
    able = [name for name in free if _tells_apart(table, name, stamps)]
    known = [name for name in able if name in usual]
    if parts and not known:
        text = f"stamps repeat, and {parts[0]!r} seems to hold the rest of the time."
        remedy = "Join date and time in one column; reading them apart is not supported yet."
        raise DataError(text, remedy=remedy, code="GF-D18", file=table.file, column=parts[0])
    found = known or able
    if len(found) > 1:
        text = f"stamps repeat, and {len(found)} columns could tell series apart: {shorten(found, 8)}."
        raise DataError(text, remedy="Name the right one with --id.", code="GF-D17", file=table.file)
    return tuple(found)


def _tells_apart(table: Table, name: str, stamps: list[str]) -> bool:
    """Whether no value of the column has a stamp twice, and its values come back often enough to be names."""
    cells = table.columns[name]
    once = len(set(zip(cells, stamps, strict=True))) == len(stamps)
    return once and 2 * len(set(cells)) <= len(cells)


def _find_target(table: Table, taken: set[str]) -> str:
    names = _free(table, taken, TARGET)
    usual = [name for name in names if name.lower() in TARGET]
    numeric = [name for name in names if _numeric(table, name)]
    if usual:
        return usual[0]
    if len(numeric) == 1:
        return numeric[0]
    if not numeric and len(names) == 1:
        return names[0]  # its cells are refused one by one, with the line
    many = f"{len(numeric)} columns could be the target: {shorten(numeric, 8)}."
    found = many if numeric else "no column holds numbers."
    raise DataError(found, remedy="Name the target with --target.", code="GF-D16", file=table.file)

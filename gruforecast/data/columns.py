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
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "nat", "-", "."})
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
SAMPLE = 200


def is_number(text: str) -> bool:
    """Whether `text` is written as a plain finite number."""
    return NUMBER.fullmatch(text) is not None and math.isfinite(float(text))


def find_names(table: Table, time: str | None, target: str | None, ids: list[str]) -> Names:
    """The names of the columns to use: those given, the others found.

    A usual name decides first, then the content: stamps in every sampled row, numbers in every sampled row, and text
    that tells series apart where stamps repeat.

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
        forms = [kind for kind in FORMS if kind not in ("year", "compact") or name.lower() in TIME]
        if sample and any(all(FORMS[kind].fullmatch(cell) for cell in sample) for kind in forms):
            return name
    named = [name for name in table.columns if name.lower() in TIME and name not in taken]
    if named:
        return named[0]  # its cells are refused one by one, with the line
    remedy = f"Name it with --time; the columns are {shorten(list(table.columns), 12)}."
    raise DataError("no column holds time stamps.", remedy=remedy, code="GF-D15", file=table.file)


def _numeric(table: Table, name: str) -> bool:
    sample = _sample(table, name)
    return bool(sample) and all(is_number(cell) for cell in sample)


def _find_ids(table: Table, time: str, taken: set[str]) -> tuple[str, ...]:
    names = _free(table, taken, IDS)
    usual = [name for name in names if name.lower() in IDS]
    stamps = table.columns[time]
    repeated = len(set(stamps)) < len(stamps)
    if usual and (repeated or not _numeric(table, usual[0])):
        return (usual[0],)
    if not repeated:
        return ()
    for name in names:
        if not _numeric(table, name) and len(set(zip(table.columns[name], stamps, strict=True))) == len(stamps):
            return (name,)
    return ()


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
    found = (
        f"{len(numeric)} columns could be the target: {shorten(numeric, 8)}." if numeric else "no column holds numbers."
    )
    raise DataError(found, remedy="Name the target with --target.", code="GF-D16", file=table.file)

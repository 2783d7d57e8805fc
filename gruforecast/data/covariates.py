"""Columns beside the target: how each is read, and what is wrong with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from gruforecast.arrays import Floats, Ints
from gruforecast.data.files.column import Column
from gruforecast.data.files.table import Table
from gruforecast.data.formats.numbers import BOOLEANS, NumberForm, parse_numbers
from gruforecast.data.plan import MOST_CATEGORIES, Covariate, Names, ReadOptions, Role
from gruforecast.data.roles import meant_as_numbers
from gruforecast.errors import DataError

MAX_INPUTS = 1_000  # numbers that the columns beside the target may become
REPEATING = 0.5  # share of different cells above which text is no category
SAME, LEAST = 0.999, 8  # correlation of levels and of steps with the target; rows that it takes
LOOKED_AT = 20_000  # newest rows that are compared


def read_covariates(
    table: Table, options: ReadOptions, names: Names, form: NumberForm, keys: Ints, like: tuple[Covariate, ...] | None
) -> tuple[tuple[Covariate, ...], Floats, list[str]]:
    """The columns beside the target, their numbers (n, n_columns), and warnings.

    Args:
        form: of numbers as far as the user gave it.
        keys: (n,) number of each row's series.
        like: those of the plan to follow; otherwise they are found.
    """
    settled = bool(options.decimal or options.thousands)
    asked = {one.name: one.role for one in like} if like is not None else options.covariates
    found, parts, warnings = [], [np.zeros((len(table), 0))], []
    for name, role in asked.items():
        column = table.cells(name)
        if role == "static":
            column = constant_cells(column, keys, form)
        if like is None and name in names.ids:
            one, said = category(column, role, form)
        elif like is None:
            one, said = find_covariate(column, role, form, settled=settled)
        else:
            one, said = next(known for known in like if known.name == name), []
        warnings += said
        if one is not None:
            found.append(one)
            parts.append(one.values(column, warnings if like is not None else []))
    x = np.concatenate(parts, axis=1)
    if x.shape[1] >= MAX_INPUTS:
        text = f"the columns beside the target become {x.shape[1]} numbers, {MAX_INPUTS - 1} may be."
        widest = max(found, key=lambda one: len(one.columns)).name
        remedy = f"Leave some of them out, such as {widest!r}."
        raise DataError(text, remedy=remedy, code="GF-D63", file=table.file, column=widest)
    return tuple(found), x, warnings


def find_covariate(
    column: Column, role: Role, form: NumberForm, *, settled: bool
) -> tuple[Covariate | None, list[str]]:
    """How a column is to be read, None if it says nothing, and warnings.

    Args:
        form: of numbers as far as it is known; settled: whether its marks are.

    Raises:
        DataError: its cells are neither numbers nor categories.
    """
    name = column.name
    counts = Counter(cell for cell in column.cells if not form.is_missing(cell))
    if len(counts) < 2:
        return _only_one(column, role, form, counts)
    if all(cell.lower() in BOOLEANS for cell in counts):
        return Covariate(name, role, replace(form, booleans=True), flag=True), []
    if meant_as_numbers(list(counts)[:: max(1, len(counts) // 200)]):
        try:
            numbers, form, warnings = parse_numbers(column, form, "marks" if settled else "nothing")
        except DataError:
            if 2 * sum(form.value(cell) is None for cell in counts) < len(counts):
                raise
            return category(column, role, form)
        seen = set(numbers[~np.isnan(numbers)].tolist())
        if len(seen) < 2:
            return None, [*warnings, f"{name} never changes ({seen.pop()}): left out"]
        return Covariate(name, role, form, flag=seen == {0.0, 1.0}), warnings
    return category(column, role, form)


def _only_one(column: Column, role: Role, form: NumberForm, counts: Counter[str]) -> tuple[Covariate | None, list[str]]:
    """A column with one text at most: an event, where a word or a 1 stands in some rows and nothing in the others."""
    name, cell = column.name, next(iter(counts), "")
    if role != "static" and 0 < counts[cell] < len(column.cells) and form.value(cell) in (None, 1.0):
        said = f"{name}: {cell!r} or nothing, read as 1 and 0"
        return Covariate(name, role, form, flag=True, categories=(cell,)), [said]
    said = f"never changes ({cell})" if counts else "has no values"
    return None, [f"{name} {said}: left out"]


def category(column: Column, role: Role, form: NumberForm) -> tuple[Covariate | None, list[str]]:
    """A column of texts: the most frequent ones, in the order of the alphabet.

    Raises:
        DataError: hardly any repeats.
    """
    counts = Counter(cell for cell in column.cells if not form.is_missing(cell))
    if len(counts) < 2:
        return _only_one(column, role, form, counts)
    if len(counts) > max(REPEATING * sum(counts.values()), 2):
        found = f"it holds text that hardly ever repeats ({len(counts)} different cells in {sum(counts.values())})."
        remedy = "Leave the column out: neither numbers nor categories can be made of it."
        raise DataError(found, remedy=remedy, code="GF-D61", file=column.file, line=column.lines[0], column=column.name)
    usual = sorted(counts, key=lambda cell: (-counts[cell], cell))[:MOST_CATEGORIES]
    rare = len(counts) - len(usual)
    warnings = [f"{column.name}: {rare} rare categories count as unknown ones"] if rare else []
    return Covariate(column.name, role, form, categories=tuple(sorted(usual))), warnings


def constant_cells(column: Column, keys: Ints, form: NumberForm) -> Column:
    """A static column with the cell of its series in every row.

    Args:
        keys: (n,) number of each row's series.

    Raises:
        DataError: the cells of a series differ.
    """
    known: dict[int, int] = {}
    for k, key in enumerate(keys.tolist()):
        if form.is_missing(column.cells[k]):
            continue
        first = known.setdefault(key, k)
        if column.cells[first] != column.cells[k] and not _equal(column.cells[first], column.cells[k], form):
            found = f"{column.cells[k]!r} differs from {column.cells[first]!r} in line {column.lines[first]}"
            remedy = f"Pass --past or --known {column.name} for a column that changes within a series."
            raise column.refused_at(k, f"{found} of the same series.", remedy, "GF-D58")
    cells = [column.cells[known[key]] if key in known else "" for key in keys.tolist()]
    return replace(column, cells=cells)


def _equal(one: str, other: str, form: NumberForm) -> bool:
    """Whether two cells are the same number."""
    value = form.value(one)
    return value is not None and value == form.value(other)


def leak(y: Floats, x: Floats, name: str, lags: tuple[int, ...]) -> str | None:
    """What to say about a column that is the target, be it some rows earlier or later; None if it is not.

    Args:
        y, x: (n,) of one series, NaN = missing.
        lags: rows by which the column may run behind the target; negative ones: ahead of it.
    """
    y, x = y[-LOOKED_AT:], x[-LOOKED_AT:]
    for lag in lags:
        a, b = (y[: len(y) - lag], x[lag:]) if lag >= 0 else (y[-lag:], x[: len(x) + lag])
        both = ~np.isnan(a) & ~np.isnan(b)
        levels = _correlation(a[both], b[both])
        steps = _correlation(np.diff(a[both]), np.diff(b[both]))
        if min(abs(levels), abs(steps)) >= SAME and levels * steps > 0:
            return f"GF-W21 {name!r} looks like the target (r={levels:.3f} at lag {lag}): is it known in time?"
    return None


def _correlation(a: Floats, b: Floats) -> float:
    if len(a) < LEAST or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])

"""Columns beside the target: how each is read, and what is wrong with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from gruforecast.arrays import Floats, Ints
from gruforecast.data.cells import Column
from gruforecast.data.columns import meant_as_numbers
from gruforecast.data.numbers import BOOLEANS, NumberForm, parse_numbers
from gruforecast.data.plan import Covariate, ReadOptions, Role
from gruforecast.data.reader import Table
from gruforecast.errors import DataError

MOST_CATEGORIES = 32
REPEATING = 0.5  # share of different cells above which text is no category
SAME, LEAST = 0.999, 8  # correlation of levels and of steps with the target; rows that it takes


def read_covariates(
    table: Table, options: ReadOptions, form: NumberForm, keys: Ints, like: tuple[Covariate, ...] | None
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
        if like is None:
            one, said = find_covariate(column, role, form, settled=settled)
        else:
            one, said = next(known for known in like if known.name == name), []
        warnings += said
        if one is not None:
            found.append(one)
            parts.append(one.values(column, warnings if like is not None else []))
    return tuple(found), np.concatenate(parts, axis=1), warnings


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
        said = f"never changes ({next(iter(counts))})" if counts else "has no values"
        return None, [f"{name} {said}: left out"]
    if all(cell.lower() in BOOLEANS for cell in counts):
        return Covariate(name, role, replace(form, booleans=True), flag=True), []
    if meant_as_numbers(list(counts)[:: max(1, len(counts) // 200)]):
        numbers, form, warnings = parse_numbers(column, form, "marks" if settled else "nothing")
        seen = set(numbers[~np.isnan(numbers)].tolist())
        if len(seen) < 2:
            return None, [*warnings, f"{name} never changes ({seen.pop()}): left out"]
        return Covariate(name, role, form, flag=seen == {0.0, 1.0}), warnings
    return _category(column, role, form, counts)


def _category(column: Column, role: Role, form: NumberForm, counts: Counter[str]) -> tuple[Covariate | None, list[str]]:
    """The most frequent texts, in the order of the alphabet."""
    if len(counts) > max(REPEATING * sum(counts.values()), 2):
        found = f"it holds text that hardly ever repeats ({len(counts)} different cells in {sum(counts.values())})."
        remedy = "Leave the column out: neither numbers nor categories can be made of it."
        raise DataError(found, remedy=remedy, code="GF-D57", file=column.file, line=column.lines[0], column=column.name)
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
        if column.cells[first] != column.cells[k]:
            found = f"{column.cells[k]!r} differs from {column.cells[first]!r} in line {column.lines[first]}"
            remedy = f"Pass --past or --known {column.name} for a column that changes within a series."
            raise column.refused_at(k, f"{found} of the same series.", remedy, "GF-D58")
    cells = [column.cells[known[key]] if key in known else "" for key in keys.tolist()]
    return replace(column, cells=cells)


def leak(y: Floats, x: Floats, name: str, lags: tuple[int, ...]) -> str | None:
    """What to say about a column that is the target, be it some rows earlier or later; None if it is not.

    Args:
        y, x: (n,) of one series, NaN = missing.
        lags: rows by which the column may run behind the target; negative ones: ahead of it.
    """
    for lag in lags:
        a, b = (y[: len(y) - lag], x[lag:]) if lag >= 0 else (y[-lag:], x[: len(x) + lag])
        both = ~np.isnan(a) & ~np.isnan(b)
        levels = _correlation(a[both], b[both])
        steps = _correlation(np.diff(a[both]), np.diff(b[both]))
        if min(levels, steps) >= SAME:
            return f"GF-W21 {name!r} looks like the target (r={levels:.3f} at lag {lag}): is it known in time?"
    return None


def _correlation(a: Floats, b: Floats) -> float:
    if len(a) < LEAST or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])

"""Covariates: how each is read, and what is wrong with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from msgspec import structs

from gruforecast.arrays import Floats, Ints
from gruforecast.data.content import meant_as_numbers
from gruforecast.data.files.column import Column
from gruforecast.data.files.table import Table
from gruforecast.data.finding import Finding, Findings
from gruforecast.data.formats.numbers import BOOLEANS, NumberForm, apply_numbers, infer_numbers
from gruforecast.data.options import ReadOptions, Role
from gruforecast.data.plan import MAX_CATEGORIES, Covariate, Names
from gruforecast.errors import DataError

MAX_INPUTS = 1_000  # numbers that the covariates may become
REPEATING = 0.5  # share of different cells above which text is no category
SAME, MIN_ROWS = 0.999, 8  # correlation of levels and of steps with the target; rows that it takes
LOOKED_AT = 20_000  # newest rows that are compared


def infer_covariates(
    table: Table, options: ReadOptions, names: Names, form: NumberForm, keys: Ints
) -> tuple[tuple[Covariate, ...], Floats, Findings]:
    """Return the covariates that say something, their numbers (n, n_columns), and findings.

    Args:
        form: of numbers as far as the user gave it.
        keys: (n,) number of each row's series.
    """
    parts: dict[Covariate, Floats] = {}
    findings: Findings = ()
    for name, role in options.covariates.items():
        column = _cells(table, name, role, keys, form)
        one, more = (
            category(column, role, form)
            if name in names.ids
            else infer_covariate(column, role, form, settled=bool(options.decimal or options.thousands))
        )
        findings += more
        if one is not None:
            parts[one] = one.values(column)[0]
    return tuple(parts), _side_by_side(table, parts), findings


def apply_covariates(
    table: Table, covariates: tuple[Covariate, ...], form: NumberForm, keys: Ints
) -> tuple[Floats, Findings]:
    """Return the numbers (n, n_columns) of covariates, and findings; arguments as above."""
    read = {one: one.values(_cells(table, one.name, one.role, keys, form)) for one in covariates}
    x = _side_by_side(table, {one: values for one, (values, _) in read.items()})
    return x, tuple(finding for _, findings in read.values() for finding in findings)


def _cells(table: Table, name: str, role: Role, keys: Ints, form: NumberForm) -> Column:
    """Return a covariate; a static one has the cell of its series in every row."""
    return constant_cells(table.cells(name), keys, form) if role == "static" else table.cells(name)


def _side_by_side(table: Table, parts: dict[Covariate, Floats]) -> Floats:
    """Return the numbers of all columns, (n, n_columns).

    Raises:
        DataError: there are too many.
    """
    x = np.concatenate([np.zeros((len(table), 0)), *parts.values()], axis=1)
    if x.shape[1] >= MAX_INPUTS:
        widest = max(parts, key=lambda one: len(one.columns)).name
        raise DataError(
            f"the covariates become {x.shape[1]} numbers, {MAX_INPUTS - 1} may be.",
            remedy=f"Leave some of them out, such as {widest!r}.",
            code="GF-D63",
            file=table.file,
            column=widest,
        )
    return x


def infer_covariate(
    column: Column, role: Role, form: NumberForm, *, settled: bool
) -> tuple[Covariate | None, Findings]:
    """Return how a column is to be read, None if it says nothing, and findings.

    Args:
        form: of numbers as far as it is known; settled: whether its marks are.

    Raises:
        DataError: its cells are neither numbers nor categories.
    """
    name, counts = column.name, _counts(column, form)
    if len(counts) < 2:
        return _only_one(column, role, form, counts)
    if all(cell.lower() in BOOLEANS for cell in counts):
        return Covariate(name, role, structs.replace(form, booleans=True), flag=True), ()
    if meant_as_numbers(list(counts)[:: max(1, len(counts) // 200)]):
        try:
            form, findings = infer_numbers(column, form, settled=settled)
            numbers = apply_numbers(column, form)
        except DataError:
            if 2 * sum(form.value(cell) is None for cell in counts) < len(counts):
                raise
            return category(column, role, form)
        seen = set(numbers[~np.isnan(numbers)].tolist())
        if len(seen) < 2:
            return None, (*findings, Finding(f"{name} never changes ({seen.pop()}): left out", column=name))
        return Covariate(name, role, form, flag=seen == {0.0, 1.0}), findings
    return category(column, role, form)


def _counts(column: Column, form: NumberForm) -> Counter[str]:
    """Return how often each cell that is not missing stands in a column."""
    return Counter(cell for cell in column.cells if not form.is_missing(cell))


def _only_one(column: Column, role: Role, form: NumberForm, counts: Counter[str]) -> tuple[Covariate | None, Findings]:
    """Return the same of a column with one text at most: an event, a word or a 1 in some rows, nothing in others."""
    name, cell = column.name, next(iter(counts), "")
    if role != "static" and 0 < counts[cell] < len(column.cells) and form.value(cell) in (None, 1.0):
        finding = Finding(f"{name}: {cell!r} or nothing, read as 1 and 0", column=name)
        return Covariate(name, role, form, flag=True, categories=(cell,)), (finding,)
    text = f"{name} never changes ({cell}): left out" if counts else f"{name} has no values: left out"
    return None, (Finding(text, column=name),)


def category(column: Column, role: Role, form: NumberForm) -> tuple[Covariate | None, Findings]:
    """Return a column of texts: the most frequent ones, in the order of the alphabet.

    Raises:
        DataError: hardly any repeats.
    """
    counts = _counts(column, form)
    if len(counts) < 2:
        return _only_one(column, role, form, counts)
    if len(counts) > max(REPEATING * sum(counts.values()), 2):
        raise DataError(
            f"it holds text that hardly ever repeats ({len(counts)} different cells in {sum(counts.values())}).",
            remedy="Leave the column out: neither numbers nor categories can be made of it.",
            code="GF-D61",
            file=column.file,
            line=column.lines[0],
            column=column.name,
        )
    blank = len(column.cells) - sum(counts.values()) if role != "static" else 0
    usual = sorted(counts, key=lambda cell: (-counts[cell], cell))[: MAX_CATEGORIES - (blank > 0)]
    rare = len(counts) - len(usual)
    texts = [f"{rare} rare categories count as unknown ones"] if rare else []
    texts += (
        [f"{blank} of {len(column.cells)} values are missing (blank, NA, none): that is a category as well"]
        if blank
        else []
    )
    findings = tuple(Finding(f"{column.name}: {text}", column=column.name) for text in texts)
    return Covariate(column.name, role, form, categories=tuple(sorted([*usual, *[""] * (blank > 0)]))), findings


def constant_cells(column: Column, keys: Ints, form: NumberForm) -> Column:
    """Return a static column with the cell of its series in every row.

    Args:
        keys: (n,) number of each row's series.

    Raises:
        DataError: the cells of a series differ.
    """
    known: dict[int, int] = {}
    for k, (key, cell) in enumerate(zip(keys.tolist(), column.cells, strict=True)):
        if form.is_missing(cell):
            continue
        first = column.cells[known.setdefault(key, k)]
        if cell != first and (form.value(first) is None or form.value(first) != form.value(cell)):
            raise column.refused_at(
                k,
                f"{cell!r} differs from {first!r} in line {column.lines[known[key]]} of the same series.",
                f"Pass `past={column.name!r}` or `known={column.name!r}` for a column that changes within a series.",
                "GF-D58",
            )
    return replace(column, cells=[column.cells[known[key]] if key in known else "" for key in keys.tolist()])


def leak(y: Floats, x: Floats, name: str, lags: tuple[int, ...]) -> Finding | None:
    """Return what to say about a column that is the target, be it some rows earlier or later; None if it is not.

    Args:
        y, x: (n,) of one series, NaN = missing.
        lags: rows by which the column may run behind the target; negative ones: before it.
    """
    y, x = y[-LOOKED_AT:], x[-LOOKED_AT:]
    for lag in lags:
        a, b = (y[: len(y) - lag], x[lag:]) if lag >= 0 else (y[-lag:], x[: len(x) + lag])
        both = ~np.isnan(a) & ~np.isnan(b)
        levels = _correlation(a[both], b[both])
        steps = _correlation(np.diff(a[both]), np.diff(b[both]))
        if min(abs(levels), abs(steps)) >= SAME and levels * steps > 0:
            return Finding(
                f"{name!r} looks like the target (r={levels:.3f} at lag {lag}): is it known in time?",
                "GF-W21",
                column=name,
            )
    return None


def _correlation(a: Floats, b: Floats) -> float:
    known = len(a) >= MIN_ROWS and np.ptp(a) != 0 and np.ptp(b) != 0
    return float(np.corrcoef(a, b)[0, 1]) if known else 0.0

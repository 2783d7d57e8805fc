"""Covariates in a request: numbers and categories as the model reads them, in the rows and in the steps ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.data.files.column import Column
from gruforecast.data.finding import Findings
from gruforecast.data.formats.numbers import MAX_SIZE
from gruforecast.data.plan import Covariate, Plan
from gruforecast.errors import did_you_mean, shorten
from gruforecast.models.forecaster import Forecaster
from gruforecast.serve.errors import invalid, shown
from gruforecast.serve.schema import Cell, Series


def covariates_of(one: Series, place: str, key: tuple[str, ...], rows: int, plan: Plan) -> tuple[Floats, Findings]:
    """Return the covariates in the rows of a series, (rows, n_columns), and what is odd about them.

    Args:
        place: of the series in the request.
        key: parts of its id, which may be columns, too.
    """
    _check_names(one, place, plan)
    ids = dict(zip(plan.names.ids, key, strict=False))
    columns = [_values_of(column, one, place, ids, rows) for column in plan.covariates]
    x = np.concatenate([np.zeros((rows, 0)), *(values for values, _ in columns)], axis=1)
    return x, tuple(finding for _, findings in columns for finding in findings)


def _values_of(column: Covariate, one: Series, place: str, ids: dict[str, str], rows: int) -> tuple[Floats, Findings]:
    field = f"{place}.{column.role}.{column.name}"
    if column.role == "static":
        given = {**ids, **one.static}
        if column.name not in given:
            raise invalid(field, "the model sees this column: give its value, or null.")
        values, findings = encoded(column, [given[column.name]], [field])
        return np.repeat(values, rows, axis=0), findings
    cells = getattr(one, column.role).get(column.name)
    if cells is None and column.role == "known":  # refused by the member that needs it
        return np.full((rows, len(column.columns)), np.nan), ()
    if cells is None:
        raise invalid(field, "the model sees this column: give as many values as y has, null where unknown.")
    if len(cells) < rows or (column.role == "past" and len(cells) != rows):
        raise invalid(field, f"there are {len(cells)} values for {rows} rows.")
    return encoded(column, cells[:rows], _Fields(field))


def future_of(series: Sequence[Series], lengths: list[int], horizon: int, forecaster: Forecaster) -> Floats | None:
    """Return the covariates in the steps that are forecast, (n_series, horizon, n_columns); None if none is given.

    Args:
        lengths: rows of each series, which come before those steps.
    """
    plan = forecaster.plan
    columns = [one for one in plan.covariates if one.role == "known"]
    if not any(one.known for one in series):
        return None
    future = []
    for k, (one, rows) in enumerate(zip(series, lengths, strict=True)):
        parts = [np.zeros((horizon, 0))]
        _check_names(one, f"series[{k}]", plan)
        for column in columns:
            field = f"series[{k}].known.{column.name}"
            cells = one.known.get(column.name)
            if cells is None:
                raise invalid(field, "this column is missing.", "GF-D59")
            if not rows + horizon <= len(cells) <= rows + forecaster.horizon:
                raise invalid(
                    field,
                    f"there are {len(cells)} values; {rows + horizon} are needed, {rows} for y and {horizon} ahead.",
                    "GF-D59",
                )
            steps = cells[rows : rows + horizon]
            if None in steps and not (column.flag and column.categories) and "" not in column.categories:
                raise invalid(f"{field}[{rows + steps.index(None)}]", "a step ahead has no value.", "GF-D60")
            parts.append(encoded(column, steps, _Fields(field, rows))[0])
        future.append(np.concatenate(parts, axis=1))
    return np.stack(future)


@dataclass(frozen=True)
class _Fields:
    """The places in a request of the items of a list, from the one numbered `first` on."""

    name: str
    first: int = 0

    def __getitem__(self, k: int) -> str:
        return f"{self.name}[{self.first + k}]"


def encoded(column: Covariate, cells: Sequence[Cell], fields: _Fields | list[str]) -> tuple[Floats, Findings]:
    """Return the numbers (n, n_columns) that the cells of a column are to the model, and what is odd about them.

    Args:
        fields: the place of each cell in the request.
    """
    if column.categories:
        for k, cell in enumerate(cells):
            if not isinstance(cell, str | None):
                raise invalid(fields[k], f"this is a category, as text: {shown(cell)}.", "GF-D62")
        texts = ["" if cell is None else str(cell).strip() for cell in cells]
        return column.values(Column("", column.name, texts, list(range(len(texts)))))
    for k, cell in enumerate(cells):
        number = isinstance(cell, float) or cell is None or (column.flag and isinstance(cell, bool))
        if not number or (isinstance(cell, float) and abs(cell) > MAX_SIZE):
            raise invalid(fields[k], f"this is no number that fits: {shown(cell)}.", "GF-D30")
    values = np.array(cells, float)
    odd = np.flatnonzero(column.flag & ~np.isin(values, (0.0, 1.0)) & ~np.isnan(values))
    if len(odd):
        text = f"{values[odd[0]]:g} is neither 0 nor 1, the only values that were fitted."
        raise invalid(fields[int(odd[0])], text, "GF-D62")
    return values[:, None], ()


def _check_names(one: Series, place: str, plan: Plan) -> None:
    """Refuse columns that the model does not have, or that play another part in it."""
    roles = {column.name: column.role for column in plan.covariates}
    for role in ("past", "known", "static"):
        for name in getattr(one, role):
            if name not in roles:
                hint = did_you_mean(name[:200], list(roles)) or f" There are: {shorten(list(roles)) or 'none'}."
                raise invalid(f"{place}.{role}.{name[:60]}", f"the model has no such column.{hint}", "GF-D10")
            if roles[name] != role:
                raise invalid(f"{place}.{role}.{name}", f"the model has it in {roles[name]!r}.", "GF-H14")

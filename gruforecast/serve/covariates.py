"""Covariates in a request: numbers and categories as the model reads them, in the rows and ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.data.files.column import Column
from gruforecast.data.formats.numbers import MAX_SIZE
from gruforecast.data.plan import Covariate, Plan
from gruforecast.errors import did_you_mean, shorten
from gruforecast.models.forecaster import Forecaster
from gruforecast.serve.errors import invalid, shown
from gruforecast.serve.schema import Cell, Series


def columns_of(one: Series, place: str, key: tuple[str, ...], rows: int, plan: Plan, warnings: list[str]) -> Floats:
    """Return the covariates in the rows of a series, (rows, n_columns).

    Args:
        place: of the series in the request.
        key: parts of its id, which may be columns, too.
    """
    _check_names(one, place, plan)
    parts = [np.zeros((rows, 0))]
    for column in plan.covariates:
        if column.role == "static":
            given = {**dict(zip(plan.names.ids, key, strict=False)), **one.static}
            field = f"{place}.static.{column.name}"
            if column.name not in given:
                raise invalid(field, "the model sees this column: give its value, or null.")
            found = numbers_of(column, [given[column.name]], [field], warnings)
            parts.append(np.repeat(found, rows, axis=0))
            continue
        cells = getattr(one, column.role).get(column.name)
        field = f"{place}.{column.role}.{column.name}"
        if cells is None and column.role == "known":  # refused by the member that needs it
            parts.append(np.full((rows, len(column.columns)), np.nan))
            continue
        if cells is None:
            raise invalid(field, "the model sees this column: give as many values as y has, null where unknown.")
        if len(cells) < rows or (column.role == "past" and len(cells) != rows):
            raise invalid(field, f"there are {len(cells)} values for {rows} rows.")
        parts.append(numbers_of(column, cells[:rows], _Fields(field), warnings))
    return np.concatenate(parts, axis=1)


def ahead_of(series: Sequence[Series], lengths: list[int], horizon: int, forecaster: Forecaster) -> Floats | None:
    """The future covariates in the steps that are forecast, (n_series, horizon, n_columns); None if none is given.

    Args:
        lengths: rows of each series, before which nothing is ahead.
    """
    plan = forecaster.plan
    columns = [one for one in plan.covariates if one.role == "known"]
    if not any(one.known for one in series):
        return None
    found = []
    for k, (one, rows) in enumerate(zip(series, lengths, strict=True)):
        place, parts = f"series[{k}].known", [np.zeros((horizon, 0))]
        _check_names(one, f"series[{k}]", plan)
        for column in columns:
            field = f"{place}.{column.name}"
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
            if None in steps and not (column.flag and column.categories):
                raise invalid(f"{field}[{rows + steps.index(None)}]", "a step ahead has no value.", "GF-D60")
            parts.append(numbers_of(column, steps, _Fields(field, rows), []))
        found.append(np.concatenate(parts, axis=1))
    return np.stack(found)


@dataclass(frozen=True)
class _Fields:
    """The places in a request of the items of a list, from the one numbered `first` on."""

    name: str
    first: int = 0

    def __getitem__(self, k: int) -> str:
        return f"{self.name}[{self.first + k}]"


def numbers_of(column: Covariate, cells: Sequence[Cell], fields: _Fields | list[str], warnings: list[str]) -> Floats:
    """Return the numbers (n, n_columns) that the cells of a column are to the model.

    Args:
        fields: the place of each cell in the request.
    """
    if column.categories:
        for k, cell in enumerate(cells):
            if not isinstance(cell, str | None):
                raise invalid(fields[k], f"this is a category, as text: {shown(cell)}.", "GF-D62")
        texts = ["" if cell is None else str(cell).strip() for cell in cells]
        values, said = column.values(Column("", column.name, texts, list(range(len(texts)))))
        warnings += map(str, said)
        return values
    for k, cell in enumerate(cells):
        number = isinstance(cell, float) or cell is None or (column.flag and isinstance(cell, bool))
        if not number or (isinstance(cell, float) and abs(cell) > MAX_SIZE):
            raise invalid(fields[k], f"this is no number that fits: {shown(cell)}.", "GF-D30")
    found = np.array(cells, float)
    odd = np.flatnonzero(column.flag & ~np.isin(found, (0.0, 1.0)) & ~np.isnan(found))
    if len(odd):
        raise invalid(
            fields[int(odd[0])], f"{found[odd[0]]:g} is neither 0 nor 1, the only values that were fitted.", "GF-D62"
        )
    return found[:, None]


def _check_names(one: Series, place: str, plan: Plan) -> None:
    """Refuse columns that the model does not have, or that play another part in it."""
    roles = {column.name: column.role for column in plan.covariates}
    for role in ("past", "known", "static"):
        for name in getattr(one, role):
            if name not in roles:
                hint = did_you_mean(name[:200], list(roles)) or f" There are: {shorten(list(roles)) or 'none'}."
                raise invalid(f"{place}.{role}.{name[:60]}", f"the model has no such column.{hint}", "GF-D10")
            if roles[name] != role:
                raise invalid(f"{place}.{role}.{name}", f"the model has it in {roles[name]!r}.", "GF-D10")

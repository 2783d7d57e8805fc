"""Columns that are known ahead, for the steps that are forecast, from a file of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Bools, Floats, Stamps
from gruforecast.data.align.duplicates import Rows, merge, step_begin
from gruforecast.data.align.grid import Keys
from gruforecast.data.align.utc import follow_clock, follow_times
from gruforecast.data.covariates import apply_covariates
from gruforecast.data.files.delimited import read_table
from gruforecast.data.files.table import Table
from gruforecast.data.finding import Findings, shown
from gruforecast.data.plan import Covariate, Plan
from gruforecast.data.read import contradicted, layout_of, read_keys
from gruforecast.errors import DataError, UsageError, shorten

SHOWN = 5
ALL: Keys = ((),)  # in the place of keys, where rows are those of all series
Place = tuple[tuple[str, ...], int]  # key of a series, and seconds since 1970


@dataclass(frozen=True)
class Future:
    """Rows of a file with future covariates.

    Attributes:
        file: the name to show in errors.
        rows: number of the row of each series and stamp; the empty key stands for all series.
        x: (n_rows, n_columns) the columns of the plan that are known ahead, NaN = missing.
    """

    file: str
    plan: Plan
    rows: dict[Place, int]
    x: Floats
    findings: Findings

    @property
    def warnings(self) -> list[str]:
        """What was odd about the file."""
        return shown(self.findings, "warning")

    def of(self, ids: Keys, ds: Stamps) -> Floats:
        """Return the columns (n_series, horizon, n_columns) at stamps `ds` (n_series, horizon).

        Raises:
            DataError: a step is not there, or has no value in a column.
        """
        shared = self.plan.wide or not self.plan.names.ids
        keys = ((),) * len(ids) if shared else ids
        seconds = ds.astype("datetime64[s]").astype(np.int64).tolist()
        found = np.array(
            [[self.rows.get((key, at), -1) for at in steps] for key, steps in zip(keys, seconds, strict=True)]
        )
        self._refuse(found < 0, ids, ds, "have no row", "GF-D59")
        values = self.x[found]  # (n_series, horizon, n_columns)
        numbers = [k for k, one in enumerate(one for one in self._known for _ in one.columns) if not one.categories]
        self._refuse(np.isnan(values[:, :, numbers]).any(axis=2), ids, ds, "have no value", "GF-D60")
        return values

    @property
    def _known(self) -> list[Covariate]:
        return [one for one in self.plan.covariates if one.role == "known"]

    def _refuse(self, bad: Bools, ids: Keys, ds: Stamps, what: str, code: str) -> None:
        """Name the steps that are `bad`, (n_series, horizon)."""
        if not bad.any():
            return
        texts = np.array(self.plan.form.joined(ds)).reshape(ds.shape)
        named = len(ids) > 1
        places = [f"{'/'.join(ids[k])} {texts[k, h]}" if named else str(texts[k, h]) for k, h in np.argwhere(bad)]
        names = ", ".join(self.plan.future_names)
        raise DataError(
            f"{len(places)} of {bad.size} steps {what} of {names}: {shorten(places, SHOWN)}.",
            remedy="Add them: every step that is forecast is needed; --horizon asks for fewer.",
            code=code, file=self.file, column=self.plan.names.time[0],
        )  # fmt: skip


def read_future(path: str, plan: Plan) -> Future:
    """Return the future covariates in a file written as the data of the model were; its target may be missing.

    Raises:
        UsageError: the plan has no column that is known ahead.
        DataError: the file cannot be read by the plan.
    """
    if not plan.future_names:
        raise UsageError(
            "the model asks for no column ahead.", remedy="Leave --future out, or fit with --known.", code="GF-U37"
        )
    try:
        return _read_future(path, plan)
    except DataError as error:
        raise contradicted(error, plan) from None


def _read_future(path: str, plan: Plan) -> Future:
    table = read_table(path, layout_of(plan))
    parsed, form = follow_times([table.cells(name) for name in plan.names.time], plan)
    keys, ids, findings = np.zeros(len(table), np.int64), ALL, table.findings
    if plan.names.ids and not plan.wide:
        keys, ids, said = read_keys(table, plan.names, stripped=plan.strip_ids)
        findings += said
    ds, form, said = follow_clock(parsed, form, keys, table.cells(plan.names.time[0]), plan)
    known = tuple(one for one in plan.covariates if one.role == "known")
    x, more = apply_covariates(table, known, plan.numbers, keys)
    _check_categories(table, known)
    found = Rows(keys, ds.astype("datetime64[s]"), np.zeros(len(ds)), np.array(table.lines), x).ordered()
    if plan.resample or plan.on_duplicate:
        found = merge(found, step_begin(found.ds, plan.freq) if plan.resample else found.ds, "mean")
    rows: dict[Place, int] = {}
    for k, (key, at) in enumerate(zip(found.key.tolist(), found.ds.astype(np.int64).tolist(), strict=True)):
        before = rows.setdefault((ids[key], at), k)
        if not np.array_equal(found.x[before], found.x[k], equal_nan=True):
            lines = sorted((int(found.line[before]), int(found.line[k])))
            raise DataError(
                f"lines {lines[0]} and {lines[1]} have the same time stamp with other values.",
                remedy="Keep one row a stamp.",
                code="GF-D35",
                file=table.file,
                line=lines[1],
            )
    return Future(table.file, plan, rows, found.x, (*findings, *said, *parsed.findings, *more))


def _check_categories(table: Table, known: tuple[Covariate, ...]) -> None:
    """Refuse blank cells of categories: what is not known at all must not look like another category."""
    for one in known:
        cells = table.column(one.name)
        blank = next((k for k, cell in enumerate(cells) if one.numbers.is_missing(cell)), None)
        if one.categories and not one.flag and blank is not None:
            raise table.cells(one.name).refused_at(
                blank,
                "the cell is blank.",
                "Fill in the category; one that was not fitted counts as an unknown one.",
                "GF-D60",
            )

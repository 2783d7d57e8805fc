"""Future covariates: what is known of the steps that are forecast, from a file of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Bools, Floats, Stamps
from gruforecast.data.align.duplicates import Rows, merge, step_begin
from gruforecast.data.align.grid import Keys
from gruforecast.data.align.utc import follow_clock, follow_times
from gruforecast.data.covariates import apply_covariates
from gruforecast.data.files.delimited import read_table, rows_named
from gruforecast.data.files.source import Data
from gruforecast.data.files.table import Table
from gruforecast.data.finding import Findings, shown
from gruforecast.data.plan import Covariate, Plan
from gruforecast.data.read import following, layout_of, read_keys, without_ids
from gruforecast.errors import DataError, RepeatedRowError, UsageError, shorten

SHOWN = 5
ALL: Keys = ((),)  # in the place of keys, where rows are those of all series
Place = tuple[tuple[str, ...], int]  # key of a series, and seconds since 1970


@dataclass(frozen=True)
class FutureCovariates:
    """Rows of a file with future covariates.

    Attributes:
        file: the name to show in errors.
        rows: number of the row of each series and stamp; the empty key stands for all series.
        x: (n_rows, n_columns) future covariates of the plan, NaN = missing.
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
        """Return the covariates (n_series, horizon, n_columns) at stamps `ds` (n_series, horizon).

        Raises:
            DataError: a step is not there, or has no value in a column.
        """
        keys = ALL * len(ids) if self.plan.wide or not self.plan.names.ids else ids
        seconds = ds.astype("datetime64[s]").astype(np.int64).tolist()
        rows = np.array(
            [[self.rows.get((key, at), -1) for at in steps] for key, steps in zip(keys, seconds, strict=True)]
        )
        self._refuse(rows < 0, ids, ds, "have no row", "GF-D59")
        values = self.x[rows]  # (n_series, horizon, n_columns)
        numbers = np.array([not one.categories for one in self.plan.future for _ in one.columns])
        self._refuse(np.isnan(values[:, :, numbers]).any(axis=2), ids, ds, "have no value", "GF-D60")
        return values

    def _refuse(self, bad: Bools, ids: Keys, ds: Stamps, what: str, code: str) -> None:
        """Name the steps that are `bad`, (n_series, horizon)."""
        if not bad.any():
            return
        texts = np.array(self.plan.form.joined(ds)).reshape(ds.shape)
        named = len(ids) > 1
        places = [f"{'/'.join(ids[k])} {texts[k, h]}" if named else str(texts[k, h]) for k, h in np.argwhere(bad)]
        raise DataError(
            f"{len(places)} of {bad.size} steps {what} of {', '.join(self.plan.future_names)}:"
            f" {shorten(places, SHOWN)}.",
            remedy="Add them: every step that is forecast is needed; `horizon` asks for fewer.",
            code=code, file=self.file, column=self.plan.names.time[0],
        )  # fmt: skip


def read_future(data: Data, plan: Plan, *, one: bool = False) -> FutureCovariates:
    """Return the future covariates in a frame or file like the data of the model; its target may be missing.

    Args:
        one: whether rows without any of the id columns are those of the only series.

    Raises:
        UsageError: the plan has no future covariates.
        DataError: the file cannot be read by the plan.
    """
    if not plan.future_names:
        raise UsageError(
            "the model asks for no future covariates.", remedy="Leave `future` out, or fit with `known`.", code="GF-U37"
        )
    with following(plan), rows_named(data):
        table = read_table(data, layout_of(plan))
        return _from_table(table, without_ids(table, plan) if one else plan)


def _from_table(table: Table, plan: Plan) -> FutureCovariates:
    """Return the future covariates in the rows of a table."""
    parsed, form = follow_times([table.cells(name) for name in plan.names.time], plan)
    keys, ids, padded = (
        read_keys(table, plan.names, stripped=plan.strip_ids)
        if plan.names.ids and not plan.wide
        else (np.zeros(len(table), np.int64), ALL, ())
    )
    ds, form, clock = follow_clock(parsed, form, keys, table.cells(plan.names.time[0]), plan)
    x, more = apply_covariates(table, plan.future, plan.numbers, keys)
    _check_categories(table, plan.future)
    rows = Rows(keys, ds.astype("datetime64[s]"), np.zeros(len(ds)), np.array(table.lines), x).ordered()
    if plan.resample or plan.on_duplicate:
        rows = merge(rows, step_begin(rows.ds, plan.freq) if plan.resample else rows.ds, "mean")
    places: dict[Place, int] = {}
    for k, (key, at) in enumerate(zip(rows.key.tolist(), rows.ds.astype(np.int64).tolist(), strict=True)):
        before = places.setdefault((ids[key], at), k)
        if not np.array_equal(rows.x[before], rows.x[k], equal_nan=True):
            lines = sorted((int(rows.line[before]), int(rows.line[k])))
            raise RepeatedRowError(
                f"lines {lines[0]} and {lines[1]} have the same time stamp with other values.",
                remedy="Keep one row a stamp.",
                code="GF-D35",
                file=table.file,
                line=lines[1],
            )
    return FutureCovariates(
        table.file, plan, places, rows.x, (*table.findings, *padded, *clock, *parsed.findings, *more)
    )


def _check_categories(table: Table, known: tuple[Covariate, ...]) -> None:
    """Refuse cells without a category, where none was fitted: what is not known must not look like one that is."""
    for one in known:
        if one.categories and not one.flag and "" not in one.categories:
            column = table.cells(one.name)
            column.refuse_first(
                np.array([one.numbers.is_missing(cell) for cell in column.cells]),
                lambda _: "a category is missing: the cell is blank, or says none or NA.",
                "Fill in the category; one that was not fitted counts as an unknown one.",
                "GF-D60",
            )

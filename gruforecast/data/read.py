"""From columns of text to a `Panel`: a plan is inferred or taken from earlier data, then applied.

Numbers and stamps are converted with line-exact errors, and every series is made regular.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from msgspec import structs

from gruforecast.arrays import Bools, Floats, Ints, Stamps
from gruforecast.data.align.duplicates import HOUR, Rows, resampled, usual_step, without_duplicates
from gruforecast.data.align.grid import Grid, Keys, interpolated, trimmed
from gruforecast.data.align.utc import follow_clock, follow_times, infer_clock, infer_times
from gruforecast.data.calendar.frequency import DAY, Frequency, infer_frequency, parse_frequency
from gruforecast.data.covariates import apply_covariates, infer_covariates
from gruforecast.data.files.column import Column
from gruforecast.data.files.delimited import DELIMITERS, Layout, read_table, rows_named
from gruforecast.data.files.source import Data, Limits
from gruforecast.data.files.table import Table
from gruforecast.data.finding import Finding, Findings, shown
from gruforecast.data.formats.numbers import (
    NumberForm,
    apply_numbers,
    check_unit,
    common_marks,
    infer_numbers,
    number_form,
)
from gruforecast.data.formats.time_columns import TimeForm
from gruforecast.data.options import ReadOptions
from gruforecast.data.panel import Panel
from gruforecast.data.plan import Covariate, Names, Plan
from gruforecast.data.roles import beside, find_names, wide_columns
from gruforecast.errors import DataError, FormError, UsageError

SORTED = Finding("the rows were not in order of time: sorted")


@dataclass(frozen=True)
class Reading:
    """A panel and what the reader has to say about it.

    Attributes:
        lines: (n_rows,) line in the file of each row of the panel, 0 for steps that the file skips.
        filled: (n_rows,) whether the value of a row is none of the file but lies on a line between its neighbours.
        file: name of the file, for messages; unit: what `lines` count, `line` or `row`.
    """

    panel: Panel
    findings: Findings
    lines: Ints
    filled: Bools
    file: str
    unit: str = "line"

    @property
    def warnings(self) -> list[str]:
        """Oddities, and changes made to the data on the way, as they are shown to the user."""
        return shown(self.findings, "warning")


AFTER_FIT = {
    "GF-D30": "Correct the cell, or leave it blank if there is no value.",
    "GF-D58": "Correct the cell: the column was fitted as one that never changes within a series.",
}


@dataclass(frozen=True)
class Taken:
    """The rows that a plan takes from a table, before they are put on its step."""

    rows: Rows
    ids: Keys
    plan: Plan
    file: str
    findings: Findings
    unit: str = "line"


def read_csv(data: Data, options: ReadOptions | None = None) -> Reading:
    """Return the series in a data frame, or in the CSV or Parquet file at a path.

    Raises:
        UsageError: `data` is neither a frame nor a local file, or an option is impossible.
        DataError: it cannot be read without guessing; the error has file, line, column and remedy.
    """
    options = options or ReadOptions()
    with rows_named(data):
        return regular(_infer(read_table(data, options.layout), options))


def read_like(data: Data, plan: Plan, *, one: bool = False) -> Reading:
    """Return the series in a frame or file that must fit the plan by which a model's data were read.

    Args:
        one: whether rows without any of the id columns are those of one series.

    Raises:
        DataError: as `read_csv`, and when the file contradicts the plan.
    """
    with following(plan), rows_named(data):
        table = read_table(data, layout_of(plan))
        return apply_plan(table, without_ids(table, plan) if one else plan)


def without_ids(table: Table, plan: Plan) -> Plan:
    """Return the plan without its id columns, where the table has none of them."""
    names = plan.names
    there = plan.wide or set(names.ids) & set(table.columns)
    return plan if there else structs.replace(plan, names=structs.replace(names, ids=()))


@contextlib.contextmanager
def following(plan: Plan) -> Iterator[None]:
    """With the plan in the remedy of the error, where a file contradicts it; options of `fit` are none here."""
    written = f"The model was fitted on data with {plan.described()}."
    try:
        yield
    except (FormError, DataError) as error:
        error.remedy = AFTER_FIT.get(error.code, error.remedy)
        if any(f"`{one.name}" in error.remedy for one in ReadOptions.declared):
            error.remedy = f"Write the file as that of the model, or fit again. {written}"
        elif isinstance(error, FormError):
            error.remedy = f"{error.remedy} {written}"
        raise


def zone_of(data: Data) -> str | None:
    """Return the place whose clock all stamps of a data frame are on, such as Europe/Berlin, where one is named."""
    if isinstance(data, (str, os.PathLike)):
        return None
    from gruforecast.data.files.frame import zone_of_frame

    return zone_of_frame(data)


def layout_of(plan: Plan) -> Layout:
    """Return how a file is cut into cells that follows the plan.

    Limits are ten times the usual ones, because they cannot be passed here: what was fitted with larger ones is read.
    """
    known = Limits()
    wider = Limits(10 * known.bytes, 10 * known.rows, 10 * known.columns, 10 * known.field)
    header = None if plan.header else False
    return Layout(plan.delimiter or None, plan.encoding or None, plan.skip, header, plan.short_rows, wider)


def infer_plan(table: Table, options: ReadOptions) -> Plan:
    """Return how a table is to be read, from what the user says and from all of its cells.

    Raises:
        UsageError: an option is impossible.
        DataError: the table cannot be read without guessing.
    """
    return _infer(table, options).plan


def apply_plan(table: Table, plan: Plan) -> Reading:
    """Return the series of a table by a plan; the plan of their panel has the form in which this table has its stamps.

    Raises:
        DataError: the table cannot be read by the plan.
    """
    parsed, form = follow_times([table.cells(name) for name in plan.names.time], plan)
    if plan.wide:
        others = (*plan.names.time, *(one.name for one in plan.covariates), *plan.left_out)
        y, keys, ids, numbered = _stacked(*wide_columns(table, others, plan.numbers), plan.numbers)
    else:
        column = table.cells(plan.names.target)
        check_unit(column, plan.numbers)
        y = apply_numbers(column, plan.numbers)
        keys, ids, numbered = read_keys(table, plan.names, stripped=plan.strip_ids)
    x, odd = apply_covariates(table, plan.covariates, plan.numbers, keys[: len(table)])
    ds, form, more = follow_clock(parsed, form, keys, table.cells(plan.names.time[0]), plan)
    plan = structs.replace(plan, form=form, header=table.header, delimiter=_unusual(table.delimiter))
    findings = (*table.findings, *parsed.findings, *numbered, *odd, *more)
    return regular(follow(Taken(_rows(table, keys, ds, y, x), ids, plan, table.file, findings, table.unit)))


def follow(taken: Taken) -> Taken:
    """Return rows sorted and without duplicates, with the step of their plan on the day on which these months begin.

    Raises:
        DataError: different values stand at one stamp.
    """
    taken = _tidied(taken)
    return replace(taken, plan=structs.replace(taken.plan, freq=taken.plan.freq.on_day_of(taken.rows.ds)))


def _infer(table: Table, options: ReadOptions) -> Taken:
    """Return the plan of a table, with the rows that were read to find it."""
    names = find_names(table, options)
    parsed, form = infer_times([table.cells(name) for name in names.time], options)
    given = number_form(options.decimal, options.thousands, tuple(options.na_values), booleans=options.bool_as_number)
    settled = bool(options.decimal or options.thousands)
    if options.wide:
        columns, left_out = wide_columns(table, (*names.time, *options.covariates), given)
        numbers = given if settled else common_marks(columns, given)
        y, keys, ids, numbered = _stacked(columns, left_out, numbers)
    else:
        column = table.cells(names.target)
        numbers, marks = infer_numbers(column, given, settled=settled)
        y = apply_numbers(column, numbers)
        keys, ids, numbered = read_keys(table, names, stripped=options.strip_ids)
        numbered += marks
    covariates, x, odd = infer_covariates(table, options, names, given, keys[: len(table)])
    ds, form, more = infer_clock(parsed, form, keys, table.cells(names.time[0]), options.tz)
    plan = _plan(table, options, names, form, numbers, covariates)
    findings = (*table.findings, *beside(table, options, names), *parsed.findings, *numbered, *odd, *more)
    taken = _tidied(Taken(_rows(table, keys, ds, y, x), ids, plan, table.file, findings, table.unit))
    return replace(taken, plan=structs.replace(plan, freq=_step(taken, options.freq)))


def _plan(
    table: Table,
    options: ReadOptions,
    names: Names,
    form: TimeForm,
    numbers: NumberForm,
    covariates: tuple[Covariate, ...],
) -> Plan:
    """Return the plan of a table but for the step, which is inferred last."""
    return Plan(
        names,
        Frequency("s", 1),
        form,
        numbers,
        header=table.header,
        wide=options.wide,
        on_duplicate=options.on_duplicate or "",
        resample=options.resample or "",
        fill=options.fill,
        strip_ids=options.strip_ids,
        stepped=options.freq is not None,
        delimiter=_unusual(table.delimiter),
        short_rows=options.allow_short_rows,
        encoding=options.encoding or "",
        skip=options.skip_lines,
        covariates=covariates,
        left_out=tuple(sorted(set(options.covariates) - {one.name for one in covariates})),
        holidays=options.holidays or "",
    )


def _unusual(delimiter: str) -> str:
    """Return a mark between fields that would not be inferred."""
    return "" if delimiter in DELIMITERS else delimiter


def _stacked(columns: list[Column], findings: Findings, form: NumberForm) -> tuple[Floats, Ints, Keys, Findings]:
    """Return the values of columns one after the other, the series of each, the key of each series, and findings.

    Each column is a series with a unit of its own.
    """
    parts = []
    for column in columns:
        unit, more = infer_numbers(column, form, settled=True)
        findings += more
        parts.append(apply_numbers(column, unit))
    keys = np.repeat(np.arange(len(columns)), len(columns[0].cells))
    return np.concatenate(parts), keys, tuple((column.name,) for column in columns), findings


def read_keys(table: Table, names: Names, *, stripped: bool) -> tuple[Ints, Keys, Findings]:
    """Return the number of each row's series, in order of first appearance, the key of each series, and findings."""
    if not names.ids:
        return np.zeros(len(table), np.int64), (("series",),), ()
    columns = [table.column(name) if stripped else table.padded.get(name, table.column(name)) for name in names.ids]
    for name, column in zip(names.ids, columns, strict=True):
        blank = next((k for k, cell in enumerate(column) if not cell or cell.isspace()), None)
        if blank is not None:
            raise DataError(
                "the cell is blank.",
                remedy="Fill in the id of the series.",
                code="GF-D34",
                file=table.file,
                line=table.lines[blank],
                column=name,
            )
    rows = list(zip(*columns, strict=True))
    number = {key: k for k, key in enumerate(dict.fromkeys(rows))}
    alike = len(number) - len({tuple(part.strip() for part in key) for key in number})
    text = f"{alike} ids differ from others by blanks around them only: `strip_ids=True` makes them one"
    return np.array([number[key] for key in rows], np.int64), tuple(number), ((Finding(text),) if alike else ())


def _rows(table: Table, keys: Ints, ds: Stamps, y: Floats, x: Floats) -> Rows:
    """Return the rows of all series; covariates hold for each series of a wide file."""
    count = len(ds) // len(table)
    return Rows(keys, ds, y, np.tile(np.array(table.lines), count), np.tile(x, (count, 1)))


def _tidied(taken: Taken) -> Taken:
    """Return rows in order of time, without duplicates where a step takes one row only."""
    plan, ordered = taken.plan, taken.rows.ordered()
    findings: Findings = () if taken.rows.is_ordered else (SORTED,)
    if plan.on_duplicate or not plan.resample:
        ordered, more = without_duplicates(ordered, plan.on_duplicate, taken.file, plan.names)
        findings += more
    return replace(taken, rows=ordered, findings=taken.findings + findings)


def regular(taken: Taken) -> Reading:
    """Return the rows as a panel on the step of their plan.

    Raises:
        DataError: the rows do not fit the step.
    """
    rows, ids, plan, file, findings = taken.rows, taken.ids, taken.plan, taken.file, taken.findings
    names, step = plan.names, plan.freq
    if step == Frequency("B", 1):
        rows = rows[np.is_busday(rows.ds.astype("datetime64[D]")) | ~np.isnan(rows.y)]
    if plan.resample:
        rows, plan = _in_steps(rows, plan, step)
        rows, more = resampled(rows, step, plan.resample)
        step, findings = structs.replace(step, day=1), findings + more
    grid = Grid.of(rows, ids, step, file, names)
    grid.check_size(file, names)
    if not plan.stepped and not plan.resample:
        grid.check_gaps(rows, ids, step, file, names)
    indptr, ds, y = grid.indptr, grid.stamps(rows.ds, step), grid.fill(rows.y)
    lines = grid.fill(rows.line.astype(float))
    missing = np.isnan(y)
    findings += _missing(missing, len(y) - len(rows), filled=plan.fill)
    y = interpolated(indptr, y) if plan.fill else y
    filled = missing & ~np.isnan(y)
    keep, indptr, ids, more = trimmed(indptr, y, ids, file, names)
    plan = structs.replace(plan, freq=step)
    panel = Panel(ids, indptr, ds[keep], y[keep], plan, _columns(grid, rows.x, plan, ds)[keep])
    findings = (*plan.facts(), *findings, *more)
    return Reading(panel, findings, np.nan_to_num(lines[keep]).astype(np.int64), filled[keep], taken.file, taken.unit)


def _columns(grid: Grid, x: Floats, plan: Plan, ds: Stamps) -> Floats:
    """Return the covariates in every step, (n_rows, n_columns)."""
    filled = grid.fill(x)
    static = [k for k, role in enumerate(plan.roles) if role == "static"]
    filled[:, static] = grid.fill_constant(x[:, static])
    return np.concatenate([filled, plan.holiday_column(ds)], axis=1)


def _in_steps(rows: Rows, plan: Plan, step: Frequency) -> tuple[Rows, Plan]:
    """Return the rows whose steps of two hours or longer are those of the wall clock."""
    stamp = plan.form.stamp
    if not stamp.tz or stamp.local or (step.unit == "s" and step.step < 2 * HOUR):
        return rows, plan
    form = structs.replace(plan.form, stamp=structs.replace(stamp, local=True))
    return replace(rows, ds=plan.form.wall(rows.ds)).ordered(), structs.replace(plan, form=form)


def _step(taken: Taken, freq: str | None) -> Frequency:
    """Return the step of time that was given, or the most common one.

    Raises:
        UsageError: stamps of the step given cannot be written.
        DataError: there is no gap to judge by.
    """
    rows, plan = taken.rows, taken.plan
    if freq is None and plan.resample:
        freq = usual_step(rows.ds, rows.same_series)
    if freq is not None:
        frequency = parse_frequency(freq, rows.ds)
        if not plan.form.can_write(frequency):
            raise UsageError(
                f"`freq` {freq} is finer than the stamps are written.",
                remedy="Pass a longer step, or write the stamps out.",
                code="GF-U08",
            )
        return frequency
    seen = rows[~np.isnan(rows.y)]
    inferred = infer_frequency(rows.ds, rows.same_series)
    if inferred == Frequency("s", DAY) and infer_frequency(seen.ds, seen.same_series) == Frequency("B", 1):
        return Frequency("B", 1)  # rows of weekends are there, but blank
    if inferred is None:
        raise DataError(
            "no two stamps follow each other.",
            remedy="A series needs at least two rows; pass `freq` if that is wanted.",
            code="GF-D36",
            file=taken.file,
            column=plan.names.time[0],
        )
    return inferred


def _missing(missing: Bools, absent: int, *, filled: bool) -> Findings:
    """Return what to say about values that are not there, of which `absent` have no row either."""
    count = int(missing.sum())
    rows = f", {absent} of them because the row is absent" if absent else ""
    done = "filled by lines between their neighbours" if filled else "masked, never filled in"
    values = "1 value is" if count == 1 else f"{count} values are"
    text = f"{values} missing{rows}: {done}; a series ends at its last value"
    return (Finding(text),) if count else ()

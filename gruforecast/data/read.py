"""From columns of text to a `Panel`: numbers and stamps converted with line-exact errors, every series made regular."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gruforecast.arrays import Bools, Floats, Ints, Stamps
from gruforecast.data.align.duplicates import HOUR, Rows, resampled, usual_step, without_duplicates
from gruforecast.data.align.grid import Grid, Keys, interpolated, trimmed
from gruforecast.data.align.utc import on_one_clock
from gruforecast.data.calendar.frequency import DAY, Frequency, day_of_month, infer_frequency, parse_frequency
from gruforecast.data.covariates import read_covariates
from gruforecast.data.files.delimited import DELIMITERS, Layout, read_table
from gruforecast.data.files.table import Table
from gruforecast.data.formats.numbers import NumberForm, check_unit, common_marks, number_form, parse_numbers
from gruforecast.data.formats.time_columns import TimeForm, parse_time
from gruforecast.data.formats.timestamps import Parsed
from gruforecast.data.keys import read_keys
from gruforecast.data.panel import Panel
from gruforecast.data.plan import Covariate, Names, Plan, ReadOptions
from gruforecast.data.roles import find_names, wide_columns
from gruforecast.errors import DataError, UsageError

# errors of a file that is not written as the data of the model were: columns, stamps, zone, numbers, step
CONTRADICTIONS = {f"GF-D{k}" for k in (10, 20, 21, 23, 26, 27, 28, 29, 30, 31, 37, 38, 55)}

SORTED = "the rows were not in order of time: sorted"


@dataclass(frozen=True)
class Reading:
    """A panel and what the reader has to say about it.

    Attributes:
        found: facts that were found rather than given, to be told to the user.
        warnings: changes made to the data on the way.
        lines: (n_rows,) line in the file of each row of the panel, 0 for steps that the file skips.
        filled: (n_rows,) whether the value of a row is none of the file but lies on a line between its neighbours.
    """

    panel: Panel
    found: list[str]
    warnings: list[str]
    lines: Ints
    filled: Bools


def read_csv(path: str, options: ReadOptions | None = None) -> Reading:
    """The series in the CSV or Parquet file at `path`.

    Raises:
        UsageError: the path is no local file or an option is impossible.
        DataError: the file cannot be read without guessing; the error has file, line, column and remedy.
    """
    options = options or ReadOptions()
    table = read_table(path, options.layout)
    return _read(table, options, None)


def read_like(path: str, plan: Plan) -> Reading:
    """The series in a file that must fit the plan by which a model's data were read.

    Raises:
        DataError: as `read_csv`, and when the file contradicts the plan.
    """
    options = options_of(plan)
    try:
        return _read(read_table(path, options.layout), options, plan)
    except DataError as error:
        raise contradicted(error, plan) from None


def contradicted(error: DataError, plan: Plan) -> DataError:
    """The error with the plan in its remedy, where a file contradicts it."""
    if error.code in CONTRADICTIONS:
        error.remedy = f"{error.remedy} The model was fitted on data with {plan.described()}."
    return error


def options_of(plan: Plan) -> ReadOptions:
    """The options by which a file is read that follows the plan."""
    header = None if plan.header else False
    layout = Layout(plan.delimiter or None, plan.encoding or None, plan.skip, header, plan.short_rows)
    return ReadOptions(
        time=plan.names.time,
        target=None if plan.wide else plan.names.target,
        ids=() if plan.wide else plan.names.ids,
        wide=plan.wide,
        tz=plan.form.stamp.tz or None,
        missing=plan.numbers.missing,
        booleans=plan.numbers.booleans,
        on_duplicate=plan.on_duplicate or None,
        resample=plan.resample or None,
        fill=plan.fill,
        strip_ids=plan.strip_ids,
        holidays=plan.holidays or None,
        layout=layout,
    )


def _read(table: Table, options: ReadOptions, like: Plan | None) -> Reading:
    """The panel of a table; `like` is the plan that it has to follow."""
    names = like.names if like and not like.wide else find_names(table, options)
    found = [f"time column {_listed(names.time)}"]
    found.append("every column of numbers is a series" if options.wide else f"target column {names.target!r}")
    found.append(f"series by {'/'.join(names.ids)!r}" if names.ids else "one series")
    warnings = list(table.warnings)
    parsed, form = parse_time(
        [table.cells(name) for name in names.time],
        like.form if like else None,
        options.tz or "",
        pattern=options.date_format,
        unit=options.time_unit,
    )
    warnings += parsed.warnings
    if options.wide:
        y, numbers, ids, more = _wide_values(table, names, options, like)
        keys, parsed = np.repeat(np.arange(len(ids)), len(table)), _repeated(parsed, len(ids))
    else:
        y, numbers, more = _values(table, names, options, like)
        keys, ids = read_keys(table, names, warnings, stripped=options.strip_ids)
    warnings += more
    covariates, x, more = _beside(table, options, names, keys, like)
    found += _roles(covariates, options.holidays)
    warnings += more
    lines = np.tile(np.array(table.lines), len(y) // len(table))
    ds, form = on_one_clock(parsed, form, keys, options.tz, like, table.cells(names.time[0]), warnings)
    stepped = like.stepped if like else options.freq is not None
    plan = _plan(table, options, names, form, numbers, stepped=stepped)
    left_out = like.left_out if like else tuple(set(options.covariates) - {one.name for one in covariates})
    plan = replace(plan, covariates=covariates, left_out=tuple(sorted(left_out)), holidays=options.holidays or "")
    return regular(
        Rows(keys, ds, y, lines, x), ids, plan, like.freq if like else options.freq, table.file, found, warnings
    )


def _plan(
    table: Table, options: ReadOptions, names: Names, form: TimeForm, numbers: NumberForm, *, stepped: bool
) -> Plan:
    """What was found and said, but the step, which follows."""
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
        stepped=stepped,
        delimiter="" if table.delimiter in DELIMITERS else table.delimiter,
        short_rows=options.layout.short_rows,
        encoding=options.layout.encoding or "",
        skip=options.layout.skip,
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(map(repr, names))


def _values(
    table: Table, names: Names, options: ReadOptions, like: Plan | None
) -> tuple[Floats, NumberForm, list[str]]:
    """The target, its form, and warnings."""
    column = table.cells(names.target)
    if like is not None:
        check_unit(column, like.numbers)
        return parse_numbers(column, like.numbers, "all")
    return parse_numbers(column, _number_form(options), "marks" if options.decimal or options.thousands else "nothing")


def _wide_values(
    table: Table, names: Names, options: ReadOptions, like: Plan | None
) -> tuple[Floats, NumberForm, Keys, list[str]]:
    """All columns of numbers one after the other, their common form, the series that they are, and warnings."""
    form = replace(like.numbers, before="", after="") if like is not None else _number_form(options)
    beside = (*(one.name for one in like.covariates), *like.left_out) if like else tuple(options.covariates)
    taken = (*names.time, *beside)
    columns, left_out = wide_columns(table, taken, form)
    read = [table.cells(name) for name in columns]
    if like is None and not (options.decimal or options.thousands):
        form = common_marks(read, form)
    parts, warnings = [], list(left_out)
    for column in read:
        values, _, more = parse_numbers(column, form, "marks")
        parts.append(values)
        warnings += more
    return np.concatenate(parts), form, tuple((name,) for name in columns), warnings


def _number_form(options: ReadOptions) -> NumberForm:
    return number_form(options.decimal, options.thousands, options.missing, booleans=options.booleans)


def _beside(
    table: Table, options: ReadOptions, names: Names, keys: Ints, like: Plan | None
) -> tuple[tuple[Covariate, ...], Floats, list[str]]:
    """The columns beside the target, their numbers for each row, and warnings; wide files have them once for all."""
    form = like.numbers if like else _number_form(options)
    first = keys[: len(table)]
    covariates, x, warnings = read_covariates(table, options, names, form, first, like.covariates if like else None)
    return covariates, np.tile(x, (len(keys) // len(table), 1)), warnings


def _roles(covariates: tuple[Covariate, ...], holidays: str | None) -> list[str]:
    """What is said about the parts that columns play."""
    words = {"known": "known ahead", "past": "seen in the past only", "static": "constant in each series"}
    names = {role: tuple(one.name for one in covariates if one.role == role) for role in words}
    said = [f"{words[role]}: {_listed(those)}" for role, those in names.items() if those]
    return said + ([f"public holidays of {holidays}"] if holidays else [])


def _repeated(parsed: Parsed, count: int) -> Parsed:
    offset = None if parsed.offset is None else np.tile(parsed.offset, count)
    return replace(parsed, ds=np.tile(parsed.ds, count), offset=offset)


def regular(
    rows: Rows, ids: Keys, plan: Plan, freq: str | Frequency | None, file: str, found: list[str], warnings: list[str]
) -> Reading:
    """The rows as a panel on the step that was given or found."""
    names = plan.names
    ordered = rows.ordered()
    if not rows.is_ordered:
        warnings.append(SORTED)
    if plan.on_duplicate or not plan.resample:
        ordered = without_duplicates(ordered, plan.on_duplicate, file, names, warnings)
    step = _step(ordered, plan, freq, file)
    if step == Frequency("B", 1):
        ordered = ordered[np.is_busday(ordered.ds.astype("datetime64[D]")) | ~np.isnan(ordered.y)]
    if plan.resample:
        ordered, plan = _in_steps(ordered, plan, step)
        ordered = resampled(ordered, step, plan.resample, warnings)
        step = replace(step, day=1)
    found.append(f"frequency {step.label}")
    grid = Grid.of(ordered, ids, step, file, names)
    grid.check_size(file, names)
    if not plan.stepped and not plan.resample:
        grid.check_gaps(ordered, ids, step, file, names)
    indptr, ds, y = grid.indptr, grid.stamps(ordered.ds, step), grid.fill(ordered.y)
    lines = grid.fill(ordered.line.astype(float))
    warnings += _missing(y, len(y) - len(ordered), filled=plan.fill)
    missing = np.isnan(y)
    y = interpolated(indptr, y) if plan.fill else y
    filled = missing & ~np.isnan(y)
    keep, indptr, ids, more = trimmed(indptr, y, ids, file, names)
    warnings += more
    plan = replace(plan, freq=step)
    panel = Panel(ids, indptr, ds[keep], y[keep], plan, _columns(grid, ordered.x, plan, ds)[keep])
    return Reading(panel, found, warnings, np.nan_to_num(lines[keep]).astype(np.int64), filled[keep])


def _columns(grid: Grid, x: Floats, plan: Plan, ds: Stamps) -> Floats:
    """The columns beside the target in every step, (n_rows, n_columns)."""
    filled = grid.fill(x)
    static = [k for k, role in enumerate(plan.roles) if role == "static"]
    filled[:, static] = grid.fill_constant(x[:, static])
    return np.concatenate([filled, plan.holiday_column(ds)], axis=1)


def _in_steps(rows: Rows, plan: Plan, step: Frequency) -> tuple[Rows, Plan]:
    """Rows whose steps of two hours or longer are those of the wall clock."""
    stamp = plan.form.stamp
    if not stamp.tz or stamp.local or (step.unit == "s" and step.step < 2 * HOUR):
        return rows, plan
    wall = replace(rows, ds=plan.form.wall(rows.ds))
    return wall.ordered(), replace(plan, form=replace(plan.form, stamp=replace(stamp, local=True)))


def _step(rows: Rows, plan: Plan, freq: str | Frequency | None, file: str) -> Frequency:
    """The step of time: given, or the most common one."""
    names = plan.names
    if isinstance(freq, Frequency):
        fits = freq.unit != "M" or not freq.number(rows.ds)[1].any()
        return freq if fits else replace(freq, day=day_of_month(rows.ds))
    if freq is None and plan.resample:
        freq = usual_step(rows.ds, rows.same_series)
    if freq is not None:
        found = parse_frequency(freq, rows.ds)
        if not plan.form.can_write(found):
            remedy = "Pass a longer step, or write the stamps out."
            raise UsageError(f"--freq {freq} is finer than the stamps are written.", remedy=remedy, code="GF-U08")
        return found
    seen = rows[~np.isnan(rows.y)]
    inferred = infer_frequency(rows.ds, rows.same_series)
    if inferred == Frequency("s", DAY) and infer_frequency(seen.ds, seen.same_series) == Frequency("B", 1):
        return Frequency("B", 1)  # rows of weekends are there, but blank
    if inferred is None:
        remedy = "A series needs at least two rows; pass --freq if that is wanted."
        found_text = "no two stamps follow each other."
        raise DataError(found_text, remedy=remedy, code="GF-D36", file=file, column=names.time[0])
    return inferred


def _missing(y: Floats, absent: int, *, filled: bool) -> list[str]:
    """What to say about values that are not there, of which `absent` have no row either."""
    count = int(np.isnan(y).sum())
    rows = f", {absent} of them because the row is absent" if absent else ""
    done = "filled by lines between their neighbours" if filled else "masked, never filled in"
    text = f"{count} values are missing{rows}: {done}; a series ends at its last value"
    return [text] if count else []

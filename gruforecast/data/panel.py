"""From columns of text to a `Panel`: numbers and stamps converted with line-exact errors, every series made regular."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gruforecast.arrays import Floats, Ints, Stamps
from gruforecast.data.cells import Column
from gruforecast.data.columns import find_names, wide_columns
from gruforecast.data.frequency import DAY, Frequency, day_of_month, infer_frequency, parse_frequency
from gruforecast.data.grid import Grid, Keys, interpolated, trimmed
from gruforecast.data.numbers import NumberForm, number_form, parse_numbers
from gruforecast.data.plan import Names, Plan, ReadOptions
from gruforecast.data.reader import Layout, Table, read_table
from gruforecast.data.rows import Rows, resampled, usual_step, without_duplicates
from gruforecast.data.stamps import Parsed
from gruforecast.data.table import Panel
from gruforecast.data.timeparts import TimeForm, parse_time
from gruforecast.data.zones import to_utc, zone_named
from gruforecast.errors import DataError, UsageError

# errors of a file that is not written as the data of the model were: columns, stamps, zone, numbers, step
CONTRADICTIONS = {f"GF-D{k}" for k in (10, 20, 21, 23, 26, 27, 28, 29, 30, 31, 37, 38)}


@dataclass(frozen=True)
class Reading:
    """A panel and what the reader has to say about it.

    Attributes:
        found: facts that were found rather than given, to be told to the user.
        warnings: changes made to the data on the way.
        lines: (n_rows,) line in the file of each row of the panel, 0 for steps that the file skips.
    """

    panel: Panel
    found: list[str]
    warnings: list[str]
    lines: Ints


def read_csv(path: str, options: ReadOptions | None = None) -> Reading:
    """The series in the CSV or Parquet file at `path`.

    Raises:
        UsageError: the path is no local file or an option is impossible.
        DataError: the file cannot be read without guessing; the error has file, line, column and remedy.
    """
    options = options or ReadOptions()
    table = read_table(path, options.layout)
    return _read(table, options, None)


def read_like(path: str, plan: Plan, layout: Layout | None = None) -> Reading:
    """The series in a file that must fit the plan by which a model's data were read.

    Raises:
        DataError: as `read_csv`, and when the file contradicts the plan.
    """
    table = read_table(path, replace(layout or Layout(), header=None if plan.header else False))
    options = ReadOptions(
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
    )
    try:
        return _read(table, options, plan)
    except DataError as error:
        if error.code in CONTRADICTIONS:
            error.remedy = f"{error.remedy} The model was fitted on data with {plan.described()}."
        raise


def _read(table: Table, options: ReadOptions, like: Plan | None) -> Reading:
    """The panel of a table; `like` is the plan that it has to follow."""
    names = like.names if like and not like.wide else find_names(table, options)
    found = [f"time column {_listed(names.time)}"]
    found.append("every column of numbers is a series" if options.wide else f"target column {names.target!r}")
    found.append(f"series by {'/'.join(names.ids)!r}" if names.ids else "one series")
    warnings = list(table.warnings)
    parsed, form = parse_time(
        [_column(table, name) for name in names.time],
        like.form if like else None,
        options.tz or "",
        pattern=options.date_format,
        unit=options.time_unit,
    )
    warnings += parsed.warnings
    y, numbers, more = _values(table, names, options, like)
    warnings += more
    keys, ids = _keys(table, names, options, warnings)
    if options.wide:
        count = len(y) // len(table)
        keys, parsed = np.repeat(np.arange(count), len(table)), _repeated(parsed, count)
    lines = np.tile(np.array(table.lines), len(y) // len(table))
    ds, form = _resolved(parsed, form, keys, options.tz, _column(table, names.time[0]), warnings)
    plan = Plan(
        names, Frequency("s", 1), form, numbers, table.header, options.wide, options.on_duplicate or "",
        options.resample or "", options.fill, options.strip_ids,
    )  # fmt: skip
    return _regular(
        Rows(keys, ds, y, lines), ids, plan, like.freq if like else options.freq, table.file, found, warnings
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(map(repr, names))


def _column(table: Table, name: str) -> Column:
    return Column(table.file, name, table.column(name), table.lines, table.delimiter)


def _values(
    table: Table, names: Names, options: ReadOptions, like: Plan | None
) -> tuple[Floats, NumberForm, list[str]]:
    """The target, or all columns of numbers one after the other."""
    if like is not None:
        form, known = like.numbers, "marks"
        if like.numbers.before or like.numbers.after:
            form = replace(form, before="", after="")
    else:
        form = number_form(options.decimal, options.thousands, options.missing, booleans=options.booleans)
        known = "marks" if options.decimal or options.thousands else "nothing"
    if not options.wide:
        return parse_numbers(_column(table, names.target), form, known)  # type: ignore[arg-type]
    columns, left_out = wide_columns(table, names, form)
    parts, warnings = [], list(left_out)
    for name in columns:
        values, found, more = parse_numbers(_column(table, name), form, known)  # type: ignore[arg-type]
        parts.append(values)
        warnings += more
        form = replace(form, decimal=found.decimal, thousands=found.thousands)
        known = "marks" if not found.plain else known
    return np.concatenate(parts), form, warnings


def _keys(table: Table, names: Names, options: ReadOptions, warnings: list[str]) -> tuple[Ints, Keys]:
    """Number of each row's series, in order of first appearance, and the key of each series."""
    if options.wide:
        wide, _ = wide_columns(table, names, number_form(None, None, options.missing, booleans=options.booleans))
        return np.zeros(0, np.int64), tuple((name,) for name in wide)
    if not names.ids:
        return np.zeros(len(table), np.int64), (("series",),)
    columns = [table.column(name) for name in names.ids]
    if not options.strip_ids:
        columns = [table.padded.get(name, column) for name, column in zip(names.ids, columns, strict=True)]
    for name, column in zip(names.ids, columns, strict=True):
        blank = next((k for k, cell in enumerate(column) if not cell or cell.isspace()), None)
        if blank is not None:
            remedy = "Fill in the id of the series."
            line = table.lines[blank]
            raise DataError("the cell is blank.", remedy=remedy, code="GF-D34", file=table.file, line=line, column=name)
    rows = list(zip(*columns, strict=True))
    number = {key: k for k, key in enumerate(dict.fromkeys(rows))}
    stripped = {tuple(part.strip() for part in key) for key in number}
    if len(stripped) < len(number):
        count = len(number) - len(stripped)
        warnings.append(f"{count} ids differ from others by blanks around them only: --strip-ids makes them one")
    return np.array([number[key] for key in rows], np.int64), tuple(number)


def _repeated(parsed: Parsed, count: int) -> Parsed:
    offset = None if parsed.offset is None else np.tile(parsed.offset, count)
    return replace(parsed, ds=np.tile(parsed.ds, count), offset=offset)


def _resolved(
    parsed: Parsed, form: TimeForm, keys: Ints, tz: str | None, column: Column, warnings: list[str]
) -> tuple[Stamps, TimeForm]:
    """Stamps on an axis without jumps, and the form that says which: local, or UTC.

    Days and longer steps stay in the local calendar; clocks with several offsets, or of a named zone, become UTC.
    """
    wall, offset = parsed.ds.astype("datetime64[s]"), parsed.offset
    same_time = len(np.unique(wall - wall.astype("datetime64[D]"))) == 1
    if same_time and len(np.unique(wall.astype("datetime64[D]"))) > 1:
        if offset is not None and len(set(offset.tolist())) > 1:
            warnings.append("the time stamps have several UTC offsets: their local days are used")
        return wall, form
    if tz:
        zone = zone_named(tz)
        form = replace(form, stamp=replace(form.stamp, tz=tz))
        if offset is not None:
            return wall - offset.astype("timedelta64[s]"), form
        utc, skipped, alone = to_utc(wall, keys, zone)
        if len(skipped):
            k = int(skipped[0]) % len(column.cells)
            found = f"{column.cells[k]!r} never was in {tz}: the clock was put forward ({len(skipped)} such rows)."
            raise column.refused_at(
                k,
                found,
                "Pass the zone in which they were written; stamps at the end of an hour need --on-duplicate mean.",
                "GF-D29",
            )
        if alone:
            warnings.append(f"{alone} stamps in an hour that {tz} has twice stand there once: read as the earlier one")
        return utc, form
    if offset is None or len(set(offset.tolist())) == 1:
        return wall, form
    warnings.append("the time stamps have several UTC offsets: read and forecast in UTC; --tz names their zone")
    zone_text = "+00:00" if ":" in form.stamp.zone or len(form.stamp.zone.strip()) < 4 else "+0000"
    return wall - offset.astype("timedelta64[s]"), replace(form, stamp=replace(form.stamp, zone=zone_text))


def _regular(
    rows: Rows, ids: Keys, plan: Plan, freq: str | Frequency | None, file: str, found: list[str], warnings: list[str]
) -> Reading:
    """The rows as a panel on the step that was given or found."""
    names = plan.names
    ordered, was_ordered = rows.ordered(), rows.is_ordered
    if not was_ordered:
        warnings.append("the rows were not in order of time: sorted")
    ordered = without_duplicates(ordered, plan.on_duplicate, file, names, warnings)
    step = _step(ordered, plan, freq, file)
    if step == Frequency("B", 1):
        ordered = ordered[np.is_busday(ordered.ds.astype("datetime64[D]")) | ~np.isnan(ordered.y)]
    if plan.resample:
        ordered = resampled(ordered, step, plan.resample, warnings)
        step = replace(step, day=1)
    found.append(f"frequency {step.label}")
    grid = Grid.of(ordered, ids, step, file, names)
    grid.check_size(file, names)
    if not isinstance(freq, str) and not plan.resample:
        grid.check_gaps(ordered, ids, step, file, names)
    indptr, ds, y = grid.fill(ordered, step)
    lines = grid.fill(replace(ordered, y=ordered.line.astype(float)), step)[2]
    warnings += _missing(y, len(y) - len(ordered), filled=plan.fill)
    y = interpolated(indptr, y) if plan.fill else y
    keep, indptr, ids, more = trimmed(indptr, y, ids, file, names)
    warnings += more
    panel = Panel(ids, indptr, ds[keep], y[keep], replace(plan, freq=step))
    return Reading(panel, found, warnings, np.nan_to_num(lines[keep]).astype(np.int64))


def _step(rows: Rows, plan: Plan, freq: str | Frequency | None, file: str) -> Frequency:
    """The step of time: given, or the most common one."""
    names = plan.names
    if isinstance(freq, Frequency):
        return replace(freq, day=day_of_month(rows.ds)) if freq.unit == "M" else freq
    if freq is None and plan.resample:
        freq = usual_step(rows.ds, rows.same_series)
    if freq is not None:
        found = parse_frequency(freq, rows.ds)
        if not plan.form.can_write(found.step if found.unit == "s" else None):
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

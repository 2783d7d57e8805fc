"""From columns of text to a `Panel`: numbers and stamps converted with line-exact errors, every series made regular."""

from __future__ import annotations

from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np

from gruforecast.arrays import Floats, Ints, Stamps
from gruforecast.data.cells import Column
from gruforecast.data.columns import find_names, wide_columns
from gruforecast.data.frequency import DAY, Frequency, day_of_month, infer_frequency, parse_frequency
from gruforecast.data.grid import Grid, Keys, interpolated, trimmed
from gruforecast.data.numbers import NumberForm, check_unit, common_marks, number_form, parse_numbers
from gruforecast.data.plan import Names, Plan, ReadOptions
from gruforecast.data.reader import DELIMITERS, Layout, Table, read_table
from gruforecast.data.rows import HOUR, Rows, resampled, usual_step, without_duplicates
from gruforecast.data.stampform import COUNTED, offset_seconds, zone_text
from gruforecast.data.stamps import Parsed
from gruforecast.data.table import Panel
from gruforecast.data.timeparts import TimeForm, parse_time
from gruforecast.data.zones import to_utc, to_wall, zone_named
from gruforecast.errors import DataError, UsageError

# errors of a file that is not written as the data of the model were: columns, stamps, zone, numbers, step
CONTRADICTIONS = {f"GF-D{k}" for k in (10, 20, 21, 23, 26, 27, 28, 29, 30, 31, 37, 38, 55)}


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


def read_like(path: str, plan: Plan) -> Reading:
    """The series in a file that must fit the plan by which a model's data were read.

    Raises:
        DataError: as `read_csv`, and when the file contradicts the plan.
    """
    header = None if plan.header else False
    layout = Layout(plan.delimiter or None, plan.encoding or None, plan.skip, header, plan.short_rows)
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
        layout=layout,
    )
    try:
        return _read(read_table(path, layout), options, plan)
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
    if options.wide:
        y, numbers, ids, more = _wide_values(table, names, options, like)
        keys, parsed = np.repeat(np.arange(len(ids)), len(table)), _repeated(parsed, len(ids))
    else:
        y, numbers, more = _values(table, names, options, like)
        keys, ids = _keys(table, names, options, warnings)
    warnings += more
    lines = np.tile(np.array(table.lines), len(y) // len(table))
    ds, form = _resolved(parsed, form, keys, options.tz, like, _column(table, names.time[0]), warnings)
    stepped = like.stepped if like else options.freq is not None
    plan = _plan(table, options, names, form, numbers, stepped=stepped)
    return _regular(
        Rows(keys, ds, y, lines), ids, plan, like.freq if like else options.freq, table.file, found, warnings
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


def _column(table: Table, name: str) -> Column:
    return Column(table.file, name, table.column(name), table.lines, table.delimiter)


def _values(
    table: Table, names: Names, options: ReadOptions, like: Plan | None
) -> tuple[Floats, NumberForm, list[str]]:
    """The target, its form, and warnings."""
    column = _column(table, names.target)
    if like is not None:
        check_unit(column, like.numbers)
        return parse_numbers(column, like.numbers, "all")
    return parse_numbers(column, _number_form(options), "marks" if options.decimal or options.thousands else "nothing")


def _wide_values(
    table: Table, names: Names, options: ReadOptions, like: Plan | None
) -> tuple[Floats, NumberForm, Keys, list[str]]:
    """All columns of numbers one after the other, their common form, the series that they are, and warnings."""
    form = replace(like.numbers, before="", after="") if like is not None else _number_form(options)
    columns, left_out = wide_columns(table, names, form)
    read = [_column(table, name) for name in columns]
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


def _keys(table: Table, names: Names, options: ReadOptions, warnings: list[str]) -> tuple[Ints, Keys]:
    """Number of each row's series, in order of first appearance, and the key of each series."""
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
    parsed: Parsed,
    form: TimeForm,
    keys: Ints,
    tz: str | None,
    like: Plan | None,
    column: Column,
    warnings: list[str],
) -> tuple[Stamps, TimeForm]:
    """Stamps on an axis without jumps, and the form that says which: wall clock, or UTC.

    Days and longer steps stay on the wall clock; clocks with several offsets, or of a named zone, become UTC.
    """
    zone = zone_named(tz) if tz else None
    wall, offset, stamp = parsed.ds.astype("datetime64[s]"), parsed.offset, form.stamp
    if zone is not None and offset is not None:
        wall, offset = to_wall(wall - offset.astype("timedelta64[s]"), zone)
    several = offset is not None and len(set(offset.tolist())) > 1
    if like.form.stamp.local if like is not None and tz else _in_days(wall):
        stamp = replace(stamp, tz=tz or "", local=tz is not None)
        if several and zone is None and offset is not None:
            warnings.append(
                "the time stamps have several UTC offsets: their local days are used, the last offset is written"
            )
            stamp = replace(stamp, zone=zone_text(int(offset[np.argmax(wall)]), stamp.zone))
        return wall, replace(form, stamp=stamp)
    if zone is not None:
        utc = wall - offset.astype("timedelta64[s]") if offset is not None else _utc(wall, keys, zone, column, warnings)
        return utc, replace(form, stamp=replace(stamp, tz=str(tz)))
    if offset is None or stamp.kind in COUNTED:
        return wall, form
    if like is not None and like.form.stamp.zone:
        zone_then = like.form.stamp.zone
        shift = (offset_seconds(zone_then) - offset).astype("timedelta64[s]")
        return wall + shift, replace(form, stamp=replace(stamp, zone=zone_then))
    if not several:
        return wall, form
    warnings.append("the time stamps have several UTC offsets: read and forecast in UTC; --tz names their zone")
    stamp = replace(stamp, zone=zone_text(0, stamp.zone))
    return wall - offset.astype("timedelta64[s]"), replace(form, stamp=stamp)


def _in_days(wall: Stamps) -> bool:
    """Whether the steps are two hours or longer: their wall clock is kept whatever the clocks of the place do."""
    days = wall.astype("datetime64[D]")
    seconds = np.unique((wall - days).astype(np.int64))
    return len(np.unique(days)) > 1 and int(np.gcd.reduce(np.diff(seconds), initial=DAY)) >= 2 * HOUR


def _utc(wall: Stamps, keys: Ints, zone: ZoneInfo, column: Column, warnings: list[str]) -> Stamps:
    """UTC of wall clock times.

    Raises:
        DataError: one of them never was.
    """
    utc, skipped, alone = to_utc(wall, keys, zone)
    if len(skipped):
        k = int(skipped[0]) % len(column.cells)
        found = f"{column.cells[k]!r} never was in {zone.key}: the clock was put forward ({len(skipped)} such rows)."
        remedy = "Pass the zone in which they were written; for stamps at the end of an hour leave --tz out."
        raise column.refused_at(k, found, remedy, "GF-D29")
    if alone:
        warnings.append(
            f"{alone} stamps in an hour that {zone.key} has twice stand there once: read as the earlier one"
        )
    return utc


def _regular(
    rows: Rows, ids: Keys, plan: Plan, freq: str | Frequency | None, file: str, found: list[str], warnings: list[str]
) -> Reading:
    """The rows as a panel on the step that was given or found."""
    names = plan.names
    ordered = rows.ordered()
    if not rows.is_ordered:
        warnings.append("the rows were not in order of time: sorted")
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
    indptr, ds, y = grid.fill(ordered, step)
    lines = grid.fill(replace(ordered, y=ordered.line.astype(float)), step)[2]
    warnings += _missing(y, len(y) - len(ordered), filled=plan.fill)
    y = interpolated(indptr, y) if plan.fill else y
    keep, indptr, ids, more = trimmed(indptr, y, ids, file, names)
    warnings += more
    panel = Panel(ids, indptr, ds[keep], y[keep], replace(plan, freq=step))
    return Reading(panel, found, warnings, np.nan_to_num(lines[keep]).astype(np.int64))


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

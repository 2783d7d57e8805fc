"""From what clocks show to stamps on an axis without jumps: UTC where a place puts its clocks forward and back."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
from msgspec.structs import replace

from gruforecast.arrays import Ints, Stamps
from gruforecast.data.align.duplicates import HOUR
from gruforecast.data.calendar.frequency import DAY
from gruforecast.data.calendar.time_zones import offset_seconds, to_utc, to_wall, zone_named, zone_text
from gruforecast.data.files.column import Column
from gruforecast.data.finding import Finding, Findings
from gruforecast.data.formats.time_columns import TimeForm, apply_time, follow_time, infer_time
from gruforecast.data.formats.timestamp_formats import COUNTED
from gruforecast.data.formats.timestamps import Parsed
from gruforecast.data.options import ReadOptions
from gruforecast.data.plan import Plan
from gruforecast.errors import FormError


def infer_times(columns: list[Column], options: ReadOptions) -> tuple[Parsed, TimeForm]:
    """Return the stamps of time columns, with findings, and the form inferred."""
    return _times(columns, *infer_time(columns, options.date_format, options.time_unit), options.tz)


def follow_times(columns: list[Column], plan: Plan) -> tuple[Parsed, TimeForm]:
    """Return the stamps of time columns, with findings, and the form in the light of that of the plan."""
    return _times(columns, *follow_time(columns, plan.form), plan.form.stamp.tz)


def _times(columns: list[Column], form: TimeForm, findings: Findings, tz: str | None) -> tuple[Parsed, TimeForm]:
    """Return the stamps of columns that have a form, those with offsets on the wall clock of the zone, if there is one.

    Raises:
        UsageError: there is none of that name.
    """
    parsed = apply_time(columns, form, tz or "")
    ds, offset, zone = parsed.ds, parsed.offset, zone_named(tz) if tz else None
    if zone is not None and offset is not None:
        ds, offset = to_wall(ds - offset.astype("timedelta64[s]"), zone)
    return Parsed(ds, offset, findings + parsed.findings), form


def infer_clock(
    parsed: Parsed, form: TimeForm, keys: Ints, column: Column, tz: str | None
) -> tuple[Stamps, TimeForm, Findings]:
    """Return the stamps of rows on an axis without jumps, the form with the clock of the stamps, and findings.

    Days and longer steps stay on the wall clock; clocks with several offsets, or of a named zone, become UTC.

    Args:
        keys: (n_rows,) series of each row; the stamps are repeated where there are more rows.

    Raises:
        DataError: a stamp never was.
    """
    days = _in_days(parsed.ds)
    return _apply_clock(parsed, *_clock(parsed, form, tz, days=days), keys, column, days=days)


def follow_clock(
    parsed: Parsed, form: TimeForm, keys: Ints, column: Column, plan: Plan
) -> tuple[Stamps, TimeForm, Findings]:
    """Return the same with the clock of the plan.

    Raises:
        DataError: as above, or the stamps carry several offsets where those of the plan had none.
    """
    then, tz = plan.form.stamp, plan.form.stamp.tz or None
    days = then.local if tz else plan.freq.unit != "s" or plan.freq.step >= 2 * HOUR
    if plan.resample and not tz:
        days = _in_days(parsed.ds)
    if days or tz or parsed.offset is None or form.stamp.kind in COUNTED:
        form, findings = _clock(parsed, form, tz, days=days)
    elif then.zone or not _several(parsed.offset):
        form, findings = replace(form, stamp=replace(form.stamp, zone=then.zone or form.stamp.zone)), ()
    else:
        raise column.refused_at(
            0,
            "the time stamps have UTC offsets, those of the data that were fitted had none.",
            "Write the local clock as those were, or fit again with --tz.",
            "GF-D29",
            FormError,
        )
    return _apply_clock(parsed, form, findings, keys, column, days=days)


def _apply_clock(
    parsed: Parsed, form: TimeForm, findings: Findings, keys: Ints, column: Column, *, days: bool
) -> tuple[Stamps, TimeForm, Findings]:
    """Return stamps on the axis that the form has, wall clock or UTC, the form, and findings."""
    stamp, wall = form.stamp, np.resize(parsed.ds, len(keys))
    if days or (parsed.offset is None and not stamp.tz):
        return wall, form, findings
    if parsed.offset is None:
        utc, more = _utc(wall, keys, zone_named(stamp.tz), column)
        return utc, form, findings + more
    offset = (0 if stamp.tz else offset_seconds(stamp.zone)) - np.resize(parsed.offset, len(keys))
    return wall + offset.astype("timedelta64[s]"), form, findings


def _clock(parsed: Parsed, form: TimeForm, tz: str | None, *, days: bool) -> tuple[TimeForm, Findings]:
    """Return the form on the clock of a zone, or with one offset for stamps that have several; and findings."""
    form = replace(form, stamp=replace(form.stamp, tz=tz or "", local=days and tz is not None))
    offset = parsed.offset
    if tz or offset is None or not _several(offset):
        return form, ()
    last = int(offset[np.argmax(parsed.ds)]) if days else 0
    done = (
        "their local days are used, the last offset is written"
        if days
        else "read and forecast in UTC; --tz names their zone"
    )
    several = Finding(f"the time stamps have several UTC offsets: {done}")
    return replace(form, stamp=replace(form.stamp, zone=zone_text(last, form.stamp.zone))), (several,)


def _several(offset: Ints) -> bool:
    return len(set(offset.tolist())) > 1


def _in_days(wall: Stamps) -> bool:
    """Return whether the steps are two hours or longer: their wall clock is kept whatever clocks of the place do."""
    days = wall.astype("datetime64[D]")
    seconds = np.unique((wall - days).astype(np.int64))
    return len(np.unique(days)) > 1 and int(np.gcd.reduce(np.diff(seconds), initial=DAY)) >= 2 * HOUR


def _utc(wall: Stamps, keys: Ints, zone: ZoneInfo, column: Column) -> tuple[Stamps, Findings]:
    """Return UTC of wall clock times, and findings.

    Raises:
        DataError: one of them never was.
    """
    utc, skipped, alone = to_utc(wall, keys, zone)
    if len(skipped):
        k = int(skipped[0]) % len(column.cells)
        raise column.refused_at(
            k,
            f"{column.cells[k]!r} never was in {zone.key}: the clock was put forward ({len(skipped)} such rows).",
            "Pass the zone in which they were written; for stamps at the end of an hour leave --tz out.",
            "GF-D29",
            FormError,
        )
    text = f"{alone} stamps in an hour that {zone.key} has twice stand there once: read as the earlier one"
    return utc, ((Finding(text),) if alone else ())

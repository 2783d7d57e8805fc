"""From what clocks show to stamps on an axis without jumps: UTC where a place puts its clocks forward and back."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np

from gruforecast.arrays import Ints, Stamps
from gruforecast.data.align.duplicates import HOUR
from gruforecast.data.calendar.frequency import DAY
from gruforecast.data.calendar.time_zones import offset_seconds, to_utc, to_wall, zone_named, zone_text
from gruforecast.data.files.column import Column
from gruforecast.data.formats.time_columns import TimeForm
from gruforecast.data.formats.timestamp_formats import COUNTED
from gruforecast.data.formats.timestamps import Parsed
from gruforecast.data.plan import Plan


def on_one_clock(
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

    Raises:
        DataError: a stamp never was, or carries an offset where those of the plan `like` had none.
    """
    zone = zone_named(tz) if tz else None
    wall, offset, stamp = parsed.ds.astype("datetime64[s]"), parsed.offset, form.stamp
    if zone is not None and offset is not None:
        wall, offset = to_wall(wall - offset.astype("timedelta64[s]"), zone)
    several = offset is not None and len(set(offset.tolist())) > 1
    if _counts_days(wall, like, tz):
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
    if like is not None:
        found = "the time stamps have UTC offsets, those of the data that were fitted had none."
        remedy = "Write the local clock as those were, or fit again with --tz."
        raise column.refused_at(0, found, remedy, "GF-D29")
    warnings.append("the time stamps have several UTC offsets: read and forecast in UTC; --tz names their zone")
    stamp = replace(stamp, zone=zone_text(0, stamp.zone))
    return wall - offset.astype("timedelta64[s]"), replace(form, stamp=stamp)


def _counts_days(wall: Stamps, like: Plan | None, tz: str | None) -> bool:
    """Whether the stamps are days: as the plan says, where there is one."""
    if like is None or (like.resample and not tz):
        return _in_days(wall)
    return like.form.stamp.local if tz else like.freq.unit != "s" or like.freq.step >= 2 * HOUR


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

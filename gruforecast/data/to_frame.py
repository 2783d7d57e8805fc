"""What is forecast as a data frame: keys as pandas would read them, and real datetimes."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gruforecast.arrays import Array, Stamps
from gruforecast.data.calendar.time_zones import offset_seconds
from gruforecast.data.plan import Plan
from gruforecast.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

WHOLE = re.compile(r"0|-?[1-9]\d{0,17}")  # a whole number, written as only numbers are


def frame_of(
    columns: Mapping[str, list[str] | Array], plan: Plan, ds: Stamps, numbered: Collection[str] | None = None
) -> pd.DataFrame:
    """Return columns in long form as a data frame.

    A column of keys that are whole numbers is one of numbers, as where pandas reads the file. Time stands in the user's
    own column as datetimes, with a zone where stamps carry one; where time is told by several columns, in `ds`.

    Args:
        ds: stamps of the rows, of any shape, flattened in their order.
        numbered: columns of keys that may be numbers, because those of all series are; any if not given.

    Raises:
        UsageError: keys are in a column `ds`, and time is in several.
    """
    import pandas as pd

    keys = plan.names.ids or ("unique_id",)
    time = plan.names.time[0] if len(plan.names.time) == 1 else "ds"
    if time in keys:
        text = f"the forecast would have two columns {time!r}: keys, and the time made of several columns."
        raise UsageError(text, remedy="Rename yours, and fit again.", code="GF-U44")
    frame: dict[str, pd.DatetimeIndex | list[str] | Array] = {}
    for name, values in columns.items():
        if name == plan.names.time[0]:
            frame[time] = datetimes(plan, ds.ravel())
        elif name not in plan.names.time:
            frame[name] = _numbers(values) if name in keys and (numbered is None or name in numbered) else values
    return pd.DataFrame(frame)


def numbered_keys(names: Sequence[str], ids: Sequence[tuple[str, ...]]) -> frozenset[str]:
    """Return the columns of keys in which those of all series are whole numbers."""
    parts = zip(names, zip(*ids, strict=True), strict=True)
    return frozenset(name for name, texts in parts if all(map(WHOLE.fullmatch, set(texts))))


def datetimes(plan: Plan, ds: Stamps) -> pd.DatetimeIndex:
    """Return stamps (n,) of a panel on the clock that they are written in; with a zone where they carry one."""
    import pandas as pd

    stamp = plan.form.stamp
    index = pd.DatetimeIndex(ds)
    if stamp.tz and stamp.local:
        return index.tz_localize(stamp.tz, ambiguous=True, nonexistent="shift_forward") if stamp.zone else index
    if stamp.tz:
        aware = index.tz_localize("UTC").tz_convert(stamp.tz)
        return aware if stamp.zone else aware.tz_localize(None)
    if not stamp.zone:
        return index
    offset = offset_seconds(stamp.zone)
    return index.tz_localize(dt.timezone(dt.timedelta(seconds=offset)) if offset else "UTC")


def _numbers(texts: list[str] | Array) -> list[str] | Array:
    """Return keys as whole numbers if each is one."""
    return np.array(texts, np.int64) if all(WHOLE.fullmatch(str(text)) for text in set(texts)) else texts

"""Clocks of a place: wall clock to UTC and back, with the hours that a change of the clock skips or repeats."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from gruforecast.arrays import Ints, Stamps
from gruforecast.errors import UsageError

HOUR = 3600


def zone_named(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name such as `Europe/London`.

    Raises:
        UsageError: there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, ModuleNotFoundError) as error:
        raise UsageError(
            f"`tz` {name!r} is not a time zone.",
            remedy="Use a name such as Europe/London, Australia/Melbourne or UTC.",
            code="GF-U32",
        ) from error


def to_utc(wall: Stamps, keys: Ints, zone: ZoneInfo) -> tuple[Stamps, Ints, int]:
    """Return stamps (n,) in UTC, positions of wall clock times that never were, and the hours that stood there once.

    Of two equal stamps of one series in a repeated hour the first in the file comes first, or the last one where the
    file runs backwards. Where only one is there, it is the earlier one.

    Args:
        wall: stamps in the order of the file; keys: the series of each.
    """
    distinct, where = np.unique(wall, return_inverse=True)
    early, late = _offsets(distinct, zone, 0), _offsets(distinct, zone, 1)
    skipped = np.flatnonzero((early < late)[where])  # PEP 495: in a gap the first reading has the smaller offset
    repeated = (early > late)[where]
    second = np.zeros(len(wall), bool)
    seen: Counter[tuple[int, int]] = Counter()
    order = np.flatnonzero(repeated)
    for k in order[::-1] if _falls(wall, keys) else order:
        place = int(keys[k]), int(where[k])
        second[k] = place in seen
        seen[place] += 1
    offset = np.where(second, late[where], early[where])
    return wall - offset.astype("timedelta64[s]"), skipped, list(seen.values()).count(1)


def _falls(wall: Stamps, keys: Ints) -> bool:
    """Return whether most rows stand before earlier ones of their series."""
    steps = np.diff(wall).astype(np.int64)[keys[1:] == keys[:-1]]
    return bool((steps < 0).sum() > (steps > 0).sum())


def wall_offset(wall: Stamps, zone: ZoneInfo) -> Ints:
    """Return the offset from UTC in seconds of wall clock times of any shape, by their first reading."""
    distinct, where = np.unique(wall.astype("datetime64[s]").ravel(), return_inverse=True)
    return _offsets(distinct, zone, 0)[where].reshape(wall.shape)


def to_wall(utc: Stamps, zone: ZoneInfo) -> tuple[Stamps, Ints]:
    """Return the wall clock and the offset from UTC in seconds of stamps in UTC, of any shape."""
    flat = utc.astype("datetime64[s]").ravel()
    hours, where = np.unique(flat.astype("datetime64[h]"), return_inverse=True)
    # changes of the clock lie on full quarters of an hour at least, offsets do not change within one
    quarters = (flat - flat.astype("datetime64[h]")).astype(np.int64) // 900
    pairs, back = np.unique(np.stack([where, quarters]), axis=1, return_inverse=True)
    begin = hours[pairs[0]].astype("datetime64[s]").astype(np.int64) + 900 * pairs[1]
    offset = _seconds(dt.datetime.fromtimestamp(int(second), zone) for second in begin)[back.ravel()]
    return (flat + offset.astype("timedelta64[s]")).reshape(utc.shape), offset.reshape(utc.shape)


def clock_change(missing: Stamps, repeated: Stamps) -> bool:
    """Return whether stamps that are absent or twice there look like changes of a clock: early, spring and autumn."""
    twice, absent = (_night_hours(stamps) for stamps in (repeated, missing))
    return len(twice) > 0 and twice <= {9, 10, 11, 3, 4} and (not absent or bool(absent & {3, 4, 9, 10}))


def _night_hours(stamps: Stamps) -> set[int]:
    """Return the months of the stamps between midnight and four o'clock."""
    hour = (stamps - stamps.astype("datetime64[D]")).astype("timedelta64[h]").astype(int)
    months = stamps.astype("datetime64[M]").astype(int) % 12 + 1
    return {int(month) for month in months[hour <= 3]}


def _offsets(wall: Stamps, zone: ZoneInfo, fold: int) -> Ints:
    """Return the offset from UTC in seconds of each wall clock time, by its first (0) or second (1) reading."""
    return _seconds(one.replace(tzinfo=zone, fold=fold) for one in wall.astype("datetime64[s]").tolist())


def _seconds(stamps: Iterable[dt.datetime]) -> Ints:
    """Return the offset from UTC in seconds of each stamp."""
    return np.array([int((one.utcoffset() or dt.timedelta()).total_seconds()) for one in stamps], np.int64)


def offset_seconds(zone: str) -> int:
    """Return the seconds from UTC of an offset as it is written."""
    digits = zone.strip().replace(":", "")
    if digits in ("", "Z", "UTC"):
        return 0
    hours, minutes = int(digits[1:3]), int(digits[3:5] or 0)
    return (-1 if digits[0] == "-" else 1) * (3600 * hours + 60 * minutes)


def zone_text(offset: int, like: str) -> str:
    """Return an offset from UTC written as `like`."""
    blank, text = like[: len(like) - len(like.lstrip())], like.strip()
    if text in ("Z", "UTC") and offset == 0:
        return like
    sign, minutes = "-" if offset < 0 else "+", abs(offset) // 60
    colon = ":" if ":" in text or len(text) < 4 else ""
    rest = "" if len(text) == 3 and minutes % 60 == 0 else f"{colon}{minutes % 60:02}"
    return f"{blank}{sign}{minutes // 60:02}{rest}"

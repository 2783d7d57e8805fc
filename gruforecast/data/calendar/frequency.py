"""The step of a time axis: inferred from the gaps, used to number stamps and to continue them.

Every stamp gets a whole number on the axis, so holes, forecasts and months of unequal length need no special case.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from gruforecast.arrays import Array, Ints, Stamps
from gruforecast.errors import UsageError
from gruforecast.serialization import Record

DAY = 86_400
MAX_SECONDS, MAX_MONTHS = 100 * 366 * DAY, 1200
ALIASES = {"s": ("s", 1), "min": ("s", 60), "h": ("s", 3600), "D": ("s", DAY), "W": ("s", 7 * DAY), "B": ("B", 1)}
ALIASES |= {
    name: ("M", months)
    for months, names in {1: "M MS ME", 3: "Q QS QE", 12: "Y YS YE"}.items()
    for name in names.split()
}
SIZES = {"s": (("W", 7 * DAY), ("D", DAY), ("h", 3600), ("min", 60), ("s", 1)), "B": (("B", 1),)}
SIZES |= {"M": (("Y", 12), ("Q", 3), ("M", 1))}


def seasons_in_words(seasons: Sequence[int]) -> str:
    """Return the lengths of seasons as a note; the first is the main one, 1 where none is."""
    lengths = [f"{one:,}" for one in seasons if one > 1]
    if not lengths:
        return "no season"
    text = f"{'season' if len(lengths) == 1 else 'seasons'} of {' and '.join(lengths)} rows"
    return text if seasons[0] > 1 else f"{text}, too long for seasonal naive and MASE, which have none"


def season_unit(season: int) -> str:
    """Return what MASE and RMSSE are in units of, and so what they may be compared with."""
    rows = f"over {season:,} rows" if season > 1 else "from row to row"
    return f"MASE and RMSSE are in units of the change {rows}; with a run of another season only MAE compares"


class Frequency(Record, frozen=True):
    """A step of time.

    Attributes:
        unit: `"s"` seconds, `"B"` business days (Monday to Friday), `"M"` months.
        step: how many of them.
        day: for months, the day of the month; 31 stands for the last day.
    """

    unit: str
    step: int
    day: int = 1

    def __post_init__(self) -> None:
        whole = all(isinstance(number, int) and not isinstance(number, bool) for number in (self.step, self.day))
        known = self.unit in ("s", "M") or (self.unit == "B" and self.step == 1)
        longest = MAX_MONTHS if self.unit == "M" else MAX_SECONDS
        if not (whole and known and 1 <= self.step <= longest and 1 <= self.day <= 31):
            raise ValueError(f"impossible frequency: {self}")

    @property
    def label(self) -> str:
        """Short form such as `h`, `30min`, `B`, `M`, `Y`, readable by `parse_frequency`."""
        unit, size = next((name, size) for name, size in SIZES[self.unit] if self.step % size == 0)
        return unit if self.step == size else f"{self.step // size}{unit}"

    def on_day_of(self, ds: Stamps) -> Frequency:
        """Return the same step on the day on which the months of stamps (n,) begin, where it is another one."""
        return replace(self, day=day_of_month(ds)) if self.unit == "M" and self.number(ds)[1].any() else self

    def number(self, ds: Stamps) -> tuple[Ints, Ints]:
        """Return the whole number of each stamp (n,) on the axis, and the seconds left over (0 where it fits)."""
        if self.unit == "M":
            months = ds.astype("datetime64[M]")
            left = (ds - self._in_month(months)).astype("timedelta64[s]").astype(np.int64)
            return months.astype(np.int64), left
        if self.unit == "B":
            days = ds.astype("datetime64[D]")
            clock = (ds - days).astype("timedelta64[s]").astype(np.int64)
            left = np.where(np.is_busday(days), clock, -1 - np.arange(len(days)))  # no two weekend days fit together
            return np.busday_count(np.datetime64("1970-01-01"), days).astype(np.int64), left
        seconds = ds.astype("datetime64[s]").astype(np.int64)
        return seconds // self.step, seconds % self.step

    def after(self, last: Stamps, horizon: int) -> Stamps:
        """Return the `horizon` stamps that follow each of `last` (n,), as (n, horizon)."""
        return self.moved(last[:, None], np.arange(1, horizon + 1))

    def moved(self, ds: Stamps, steps: Ints) -> Stamps:
        """Return stamps so many steps later; the shapes are broadcast."""
        moves = steps * self.step
        if self.unit == "M":
            months = ds.astype("datetime64[M]")
            clock = ds - self._in_month(months)
            return self._in_month(months + moves.astype("timedelta64[M]")) + clock
        if self.unit == "B":
            days = ds.astype("datetime64[D]")
            clock = (ds - days).astype("timedelta64[s]")
            return np.busday_offset(days, moves, roll="backward").astype("datetime64[s]") + clock
        return ds.astype("datetime64[s]") + moves.astype("timedelta64[s]")

    def position(self, ds: Stamps) -> tuple[Ints, Ints]:
        """Return the number of each stamp (n,) in steps, and what tells apart stamps between which there is no step."""
        number, left = self.number(ds)
        stride = self.step if self.unit == "M" else 1
        return number // stride, left * stride + number % stride

    def _in_month(self, months: Array) -> Stamps:
        """Return the stamp at midnight of day `self.day` in each month, its last day at most."""
        first = months.astype("datetime64[D]")
        length = ((months + np.timedelta64(1, "M")).astype("datetime64[D]") - first).astype(np.int64)
        return (first + (np.minimum(self.day, length) - 1).astype("timedelta64[D]")).astype("datetime64[s]")


def parse_frequency(text: str, ds: Stamps) -> Frequency:
    """Return the frequency that a user wrote, such as `h`, `15min`, `B`, `MS`; the day of the month comes from `ds`.

    Raises:
        UsageError: the text is no frequency.
    """
    match = re.fullmatch(r"(\d{0,6})([A-Za-z]+)", text.strip(), re.ASCII)
    try:
        unit, size = ALIASES[match[2]] if match else ("", 0)
        return Frequency(unit, size * int((match and match[1]) or 1), day_of_month(ds) if unit == "M" else 1)
    except (KeyError, ValueError):
        raise UsageError(
            f"`freq` {text!r} is not a frequency.",
            remedy="Use one of s, min, h, D, B, W, M, Q, Y, all but B with a number before it where wanted (15min).",
            code="GF-U03",
        ) from None


def infer_frequency(ds: Stamps, gaps_at: Ints) -> Frequency | None:
    """Return the most common step between neighbouring stamps; None without a gap to judge by, or where it is no step.

    Args:
        ds: (n,) stamps, ascending within each series.
        gaps_at: positions k such that ds[k] and ds[k + 1] belong to one series.
    """
    gaps = (ds[gaps_at + 1] - ds[gaps_at]).astype("timedelta64[s]").astype(np.int64)
    gaps = gaps[gaps > 0]
    if not len(gaps) or (step := _mode(gaps)) > MAX_SECONDS:
        return None
    day = day_of_month(ds)
    if step >= 28 * DAY and len(np.unique(Frequency("M", 1, day).number(ds)[1])) == 1:
        months = ds.astype("datetime64[M]").astype(np.int64)
        month_gaps = months[gaps_at + 1] - months[gaps_at]
        return Frequency("M", _mode(month_gaps[month_gaps > 0]), day)
    if step == DAY and np.is_busday(ds.astype("datetime64[D]")).all() and (gaps == 3 * DAY).sum() >= 2:
        return Frequency("B", 1)  # no stamp is on a weekend although at least two weekends lie between them
    return Frequency("s", step)


def _mode(numbers: Ints) -> int:
    values, counts = np.unique(numbers, return_counts=True)
    return int(values[np.argmax(counts)])


def day_of_month(ds: Stamps) -> int:
    """Return the day of the month that all stamps share; 31 when they are all at the end of their months."""
    days = ds.astype("datetime64[D]")
    number = (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1
    ends = (days + np.timedelta64(1, "D")).astype("datetime64[M]") != days.astype("datetime64[M]")
    return 31 if ends.all() else int(number.max())

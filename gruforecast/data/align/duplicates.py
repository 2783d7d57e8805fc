"""Rows of all series as arrays: sorted, without duplicates, and brought to one step on request."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Array, Floats, Ints, Stamps
from gruforecast.data.calendar.frequency import DAY, Frequency
from gruforecast.data.calendar.time_zones import clock_change
from gruforecast.data.finding import Finding, Findings
from gruforecast.data.plan import Names
from gruforecast.errors import RepeatedRowError

HOUR = 3600
USUAL_STEPS = {"min": 60, "5min": 300, "15min": 900, "30min": 1800, "h": HOUR, "D": DAY, "W": 7 * DAY}
USUAL_STEPS |= {"M": 31 * DAY, "Q": 92 * DAY}


@dataclass(frozen=True)
class Rows:
    """Rows with the number of their series, stamp, value, line in the file, and covariates (n, k)."""

    key: Ints
    ds: Stamps
    y: Floats
    line: Ints
    x: Floats

    def __getitem__(self, index: Array) -> Rows:
        return Rows(self.key[index], self.ds[index], self.y[index], self.line[index], self.x[index])

    def __len__(self) -> int:
        return len(self.ds)

    def ordered(self) -> Rows:
        """Return the rows by series, then stamp; equal ones stay in the order of the file."""
        return self[np.lexsort((self.ds, self.key))]

    @property
    def is_ordered(self) -> bool:
        """Whether each series is in order of time, whatever lies between its rows."""
        order = np.argsort(self.key, kind="stable")
        same = self.key[order][1:] == self.key[order][:-1]
        return bool((self.ds[order][1:] >= self.ds[order][:-1])[same].all())

    @property
    def same_series(self) -> Ints:
        """Positions k such that rows k and k + 1 belong to one series; for ordered rows."""
        return np.flatnonzero(self.key[1:] == self.key[:-1])


def without_duplicates(rows: Rows, rule: str, file: str, names: Names) -> tuple[Rows, Findings]:
    """Return ordered rows with one row for each stamp of a series, and findings.

    Args:
        rule: what different values become: `mean`, `sum`, `last`; empty: they are refused.

    Raises:
        RepeatedRowError: different values stand at one stamp, and no rule was given.
    """
    k = rows.same_series
    k = k[rows.ds[k] == rows.ds[k + 1]]
    values = np.column_stack([rows.y, rows.x])
    pairs = values[k], values[k + 1]
    equal = ((pairs[0] == pairs[1]) | (np.isnan(pairs[0]) & np.isnan(pairs[1]))).all(axis=1)
    if len(k) and rule:
        return merge(rows, rows.ds, rule), (
            Finding(f"{len(k)} rows have the stamp of another one: their {rule} is used"),
        )
    if not equal.all():
        raise _conflict(rows, k[~equal], file, names)
    return rows[np.setdiff1d(np.arange(len(rows)), k + 1)], (
        Finding(f"{len(k)} rows were exact duplicates: dropped"),
    ) if len(k) else ()


def _conflict(rows: Rows, k: Ints, file: str, names: Names) -> RepeatedRowError:
    """Return the error that names three pairs of rows with one stamp and different values."""
    pairs = [sorted((int(rows.line[one]), int(rows.line[one + 1]))) for one in k[:3]]
    places = ", ".join(f"lines {a} and {b}" for a, b in pairs)
    remedy = "Keep one row a stamp, pass `on_duplicate` (mean, sum or last), or name what tells series apart with `id`."
    if clock_change(np.zeros(0, "datetime64[s]"), rows.ds[k]):
        remedy = f"This looks like a clock that was put back: pass `tz`, such as `tz='Europe/London'`. {remedy}"
    return RepeatedRowError(
        f"{places}{' of one series' if names.ids else ''} have the same time stamp with different values"
        f" ({len(k)} such pairs).",
        remedy=remedy,
        code="GF-D35",
        file=file,
        line=pairs[0][1],
        column=names.time[0],
    )


def merge(rows: Rows, at: Stamps, rule: str) -> Rows:
    """Return one row for each series and each stamp of `at`, ascending within a series; missing values do not count.

    Covariates become their mean whatever the rule is.
    """
    first = np.flatnonzero(np.r_[True, (rows.key[1:] != rows.key[:-1]) | (at[1:] != at[:-1])])
    if rule == "last":
        last = np.maximum.reduceat(np.where(np.isnan(rows.y), -1, np.arange(len(rows))), first)
        y = np.where(last >= first, rows.y[np.maximum(last, 0)], np.nan)
    else:
        y = _total(rows.y[:, None], first, mean=rule == "mean")[:, 0]
    return Rows(rows.key[first], at[first], y, rows.line[first], _total(rows.x, first, mean=True))


def _total(values: Floats, first: Ints, *, mean: bool) -> Floats:
    """Return the sum or mean of the values seen in each group of rows that begins at `first`, (n_groups, ...)."""
    seen = ~np.isnan(values)
    total = np.add.reduceat(np.where(seen, values, 0.0), first, axis=0)
    count = np.add.reduceat(seen.astype(float), first, axis=0)
    return np.where(count > 0, total / (np.maximum(count, 1) if mean else 1.0), np.nan)


def resampled(rows: Rows, freq: Frequency, rule: str) -> tuple[Rows, Findings]:
    """Return ordered rows brought to the step `freq`, each stamp for the step that begins with it, and findings."""
    same = rows.same_series
    count = int((rows.ds[same] == rows.ds[same + 1]).sum())
    merged = merge(rows, step_begin(rows.ds, freq), rule)
    texts = [f"{count} rows have the stamp of another one: each counts"] if count else []
    texts.append(f"{len(rows)} rows became {len(merged)} steps of {freq.label!r}: the {rule} of each step")
    return merged, tuple(map(Finding, texts))


def step_begin(ds: Stamps, freq: Frequency) -> Stamps:
    """Return the begin of the step in which each stamp lies; weeks begin on Monday, months on their first day."""
    if freq.unit == "M":
        months = ds.astype("datetime64[M]").astype(np.int64)
        return (months - months % freq.step).astype("datetime64[M]").astype("datetime64[s]")
    if freq.unit == "B":
        return np.busday_offset(ds.astype("datetime64[D]"), 0, roll="backward").astype("datetime64[s]")
    seconds = ds.astype("datetime64[s]").astype(np.int64)
    monday = 4 * DAY if freq.step % (7 * DAY) == 0 else 0  # 1970-01-01 was a Thursday
    return (seconds - (seconds - monday) % freq.step).astype("datetime64[s]")


def usual_step(ds: Stamps, gaps_at: Ints) -> str:
    """Return the shortest usual step that is no shorter than most gaps."""
    gaps = (ds[gaps_at + 1] - ds[gaps_at]).astype(np.int64)
    typical = float(np.median(gaps[gaps > 0])) if (gaps > 0).any() else DAY
    return next((name for name, size in USUAL_STEPS.items() if size >= 0.9 * typical), "Y")

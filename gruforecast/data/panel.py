"""The two tables that flow through the package: a panel of series, and forecasts of it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self, TypeAlias

import numpy as np

from gruforecast.arrays import Array, Floats, Ints, Stamps
from gruforecast.data.align.grid import counted
from gruforecast.data.calendar.frequency import Frequency
from gruforecast.data.plan import Names, Plan
from gruforecast.errors import UsageError, did_you_mean, shorten

if TYPE_CHECKING:
    import pandas as pd

Columns: TypeAlias = dict[str, list[str] | Array]  # of one length, by name: texts, or numbers with NaN for missing ones


@dataclass(frozen=True)
class Panel:
    """One or many series, each sorted, regular and without duplicates.

    Attributes:
        ids: (n_series,) keys as text, one tuple a series with a part for each id column.
        indptr: (n_series + 1,) first row of each series.
        ds: (n_rows,) datetime64[s] in the calendar of the input; UTC where the plan has a time zone.
        y: (n_rows,) in the user's unit; NaN = missing, also for stamps that the input skipped.
        plan: how the file was read.
        x: (n_rows, n_columns) covariates, those of `plan.columns`, NaN = missing.
    """

    ids: tuple[tuple[str, ...], ...]
    indptr: Ints
    ds: Stamps
    y: Floats
    plan: Plan
    x: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    def __post_init__(self) -> None:
        if not self.x.size:
            object.__setattr__(self, "x", np.zeros((len(self.y), 0)))

    @property
    def freq(self) -> Frequency:
        """The step of time."""
        return self.plan.freq

    @property
    def names(self) -> Names:
        """The user's column names."""
        return self.plan.names

    @property
    def wall(self) -> Stamps:
        """Wall clock of each row, (n_rows,): what calendar features are made of."""
        return self.plan.form.wall(self.ds)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> Ints:
        """Rows of each series, (n_series,)."""
        return np.diff(self.indptr)

    @property
    def last(self) -> Stamps:
        """Stamp of the last row of each series, (n_series,)."""
        return self.ds[self.indptr[1:] - 1]

    @property
    def ends_together(self) -> bool:
        """Whether all series have the same last stamp."""
        return bool((self.last == self.last[0]).all())

    def digest(self) -> str:
        """Return the SHA-256 of all that a model could learn from: keys, stamps, values, covariates and step."""
        total = hashlib.sha256(repr((self.ids, self.freq, self.plan.columns)).encode())
        for array in (self.indptr, self.ds, self.y, self.x):
            total.update(np.ascontiguousarray(array).tobytes())
        return total.hexdigest()

    def rows(self, first: Ints, last: Ints) -> Panel:
        """Return the panel with only rows `[first, last)` (flat positions, (n_series,)) of each series."""
        keep = np.repeat(first, last - first) + counted(last - first)
        indptr = np.append(0, np.cumsum(last - first)).astype(np.int64)
        return replace(self, indptr=indptr, ds=self.ds[keep], y=self.y[keep], x=self.x[keep])

    def part(self, first: int, last: int) -> Panel:
        """Return the panel with only the series `[first, last)`; its arrays are views."""
        ids, indptr = self.ids[first:last], self.indptr[first : last + 1]
        rows = slice(indptr[0], indptr[-1])
        return replace(self, ids=ids, indptr=indptr - indptr[0], ds=self.ds[rows], y=self.y[rows], x=self.x[rows])

    def at(self, places: Ints) -> Panel:
        """Return the panel with only these series, in their order."""
        return replace(self, ids=tuple(self.ids[k] for k in places)).rows(self.indptr[places], self.indptr[places + 1])

    def places_of(self, keys: list[str]) -> Ints:
        """Return the places of the series whose key (parts joined by `/`) is in `keys`.

        Raises:
            UsageError: there is no such series.
        """
        known, wanted = ["/".join(key) for key in self.ids], set(keys)
        if missing := sorted(wanted - set(known)):
            raise UsageError(
                f"there is no series {missing[0]!r}.{did_you_mean(missing[0], known)}",
                remedy=f"The series are {shorten(known)}.",
                code="GF-U04",
            )
        return np.flatnonzero([key in wanted for key in known])

    def to_frame(self) -> pd.DataFrame:
        """Return the long form under the user's names, see `to_frame.frame_of`; missing values are NaN."""
        from gruforecast.data.to_frame import frame_of

        keys = np.repeat(np.arange(len(self.ids)), self.lengths)
        columns: Columns = {name: [self.ids[k][j] for k in keys] for j, name in enumerate(self.names.ids)}
        columns |= {name: [] for name in self.names.time} | {self.names.target: self.y}
        return frame_of(columns, self.plan, self.ds)


def _times(plan: Plan, ds: Stamps) -> dict[str, list[str]]:
    """Return the time columns of stamps (n,) or (n, horizon), flattened."""
    distinct, where = np.unique(ds, return_inverse=True)  # series mostly end together, and text is dear
    ends = plan.freq.after(distinct, 1)[:, 0] if plan.form.stamp.until else None
    columns = zip(plan.names.time, plan.form.write(distinct, ends), strict=True)
    return {name: np.array(texts, object)[where.ravel()].tolist() for name, texts in columns}


@dataclass(frozen=True)
class Adapted:
    """By how much intervals are not those that were calibrated, because of newer rows; arrays are (n,).

    Attributes:
        multiplier: of half-widths; 1 where there are no newer rows.
        seen: errors of recent forecasts of newer values; missed: of these, larger than the interval of `level` allows.
        level: in percent.
    """

    multiplier: Floats
    seen: Ints
    missed: Ints
    level: float

    def __getitem__(self, index: slice | Ints) -> Adapted:
        return Adapted(self.multiplier[index], self.seen[index], self.missed[index], self.level)

    @classmethod
    def joined(cls, parts: list[Adapted]) -> Adapted:
        """Return the series of several, at least one, in one."""
        return cls(
            multiplier=np.concatenate([one.multiplier for one in parts]),
            seen=np.concatenate([one.seen for one in parts]),
            missed=np.concatenate([one.missed for one in parts]),
            level=parts[0].level,
        )


@dataclass(frozen=True)
class Forecast:
    """Forecasts of every series of a panel.

    Attributes:
        ds: (n_series, horizon) stamps; mean: (n_series, horizon) point forecasts.
        levels: interval levels in percent, ascending.
        lower, upper: (n_series, horizon, n_levels) interval bounds.
        adapted: what was changed in them because of newer rows, None where nothing could be.
    """

    ids: tuple[tuple[str, ...], ...]
    ds: Stamps
    mean: Floats
    levels: tuple[float, ...]
    lower: Floats
    upper: Floats
    plan: Plan
    adapted: Adapted | None = None

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Return the series of several forecasts, at least one, with the same steps and levels, in one."""
        if len(parts) == 1:
            return parts[0]
        adapted = [one.adapted for one in parts if one.adapted is not None]
        return replace(
            parts[0],
            ids=tuple(key for one in parts for key in one.ids),
            ds=np.concatenate([one.ds for one in parts]),
            mean=np.concatenate([one.mean for one in parts]),
            lower=np.concatenate([one.lower for one in parts]),
            upper=np.concatenate([one.upper for one in parts]),
            adapted=Adapted.joined(adapted) if len(adapted) == len(parts) else None,
        )

    def columns(self) -> Columns:
        """Return the long form: id columns, time, `y_hat`, then `lo-80`, `hi-80` and so on for each level.

        Raises:
            UsageError: a column of the user has one of these names.
        """
        horizon, names = self.mean.shape[1], self.plan.names
        ids = names.ids or ("unique_id",)
        numbers: Columns = {"y_hat": self.mean.ravel()}
        for k, level in enumerate(self.levels):
            numbers |= {f"lo-{level:g}": self.lower[:, :, k].ravel(), f"hi-{level:g}": self.upper[:, :, k].ravel()}
        taken = [name for name in (*names.ids, *names.time) if name in numbers or (name in names.time and name in ids)]
        if taken:
            raise UsageError(
                f"the forecast would have two columns {taken[0]!r}: yours, and one of its own.",
                remedy="Rename yours, and fit again.",
                code="GF-U44",
            )
        keys = {name: [key[j] for key in self.ids for _ in range(horizon)] for j, name in enumerate(ids)}
        return {**keys, **_times(self.plan, self.ds), **numbers}

    def to_frame(self, numbered: Collection[str] | None = None) -> pd.DataFrame:
        """Return the `columns` as a data frame, see `to_frame.frame_of`."""
        from gruforecast.data.to_frame import frame_of

        return frame_of(self.columns(), self.plan, self.ds, numbered)

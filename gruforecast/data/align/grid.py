"""The regular axis of each series: where its rows lie on it, and what is missing between them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Floats, Ints, Stamps
from gruforecast.data.align.duplicates import Rows
from gruforecast.data.calendar.frequency import Frequency, infer_frequency
from gruforecast.data.finding import Finding, Findings
from gruforecast.data.plan import Names
from gruforecast.errors import DataError, FormError

MAX_FILL = 4.0  # rows after filling holes, as a multiple of the rows given
MAX_GROWTH = 100  # the same where the user named the step
Keys = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Grid:
    """Where rows lie on the regular axis of their series.

    Attributes:
        starts: (n_series,) first row of each series; counts: its number of rows; position: (n_rows,) steps since it.
    """

    starts: Ints
    counts: Ints
    position: Ints

    @classmethod
    def of(cls, rows: Rows, ids: Keys, freq: Frequency, file: str, names: Names) -> Grid:
        """Return the grid of ordered rows.

        Raises:
            DataError: a stamp lies between the steps.
        """
        starts = np.flatnonzero(np.r_[True, rows.key[1:] != rows.key[:-1]])
        counts = np.diff(np.append(starts, len(rows.key)))
        number, left = freq.number(rows.ds)
        offset = number - np.repeat(number[starts], counts)
        stride = freq.step if freq.unit == "M" else 1
        off_grid = (left != np.repeat(left[starts], counts)) | (left < 0) | (offset % stride != 0)
        if off_grid.any():
            k = int(np.flatnonzero(off_grid)[0])
            raise FormError(
                f"{_whose(rows, k, freq, ids, names)}{rows.ds[k]} does not fit the step {freq.label!r}"
                f" ({off_grid.sum()} of {len(rows)} rows do not).",
                remedy="Make the stamps regular, name the step with `freq`, or pass `resample` (mean, sum or last).",
                code="GF-D37", file=file, line=int(rows.line[k]), column=names.time[0], value=str(rows.ds[k]),
            )  # fmt: skip
        return cls(starts, counts, offset // stride)

    def check_size(self, file: str, names: Names) -> None:
        """Refuse a step so fine that nearly everything would be missing."""
        rows, wanted = len(self.position), int(self.indptr[-1])
        if wanted > MAX_GROWTH * rows + 10_000:
            raise FormError(
                f"at this step there would be {wanted} rows, {rows} are given.",
                remedy="Pass a longer step with `freq`.",
                code="GF-D46",
                file=file,
                column=names.time[0],
            )

    def check_gaps(self, rows: Rows, ids: Keys, freq: Frequency, file: str, names: Names) -> None:
        """Refuse a series whose stamps are rarely one step apart, or with far more holes than rows."""
        next_to = rows.same_series
        regular = np.bincount(rows.key[next_to], np.diff(self.position)[next_to] == 1, len(ids))
        total = np.bincount(rows.key[next_to], minlength=len(ids))
        rare = np.flatnonzero((total >= 3) & (regular < 0.5 * total))
        sparse = np.flatnonzero(np.diff(self.indptr) > MAX_FILL * self.counts + 12)  # a dozen more, for short series
        for series in (*rare, *sparse):
            raise FormError(
                f"{_whose(rows, int(self.starts[series]), freq, ids, names)}the stamps are not regular:"
                f" {int(regular[series])} of {int(total[series])} gaps are one step of {freq.label!r}.",
                remedy="Pass `resample` (mean, sum or last), or name the step with `freq`; the rest is missing then.",
                code="GF-D38", file=file, line=int(rows.line[self.starts[series]]), column=names.time[0],
            )  # fmt: skip

    @property
    def indptr(self) -> Ints:
        """First row of each series, where there is a row for every step, (n_series + 1,)."""
        return np.append(0, np.cumsum(self.position[self.starts + self.counts - 1] + 1))

    def stamps(self, ds: Stamps, freq: Frequency) -> Stamps:
        """Return the stamps of every step of each series."""
        return axis(ds[self.starts], np.diff(self.indptr), freq)

    def fill(self, values: Floats) -> Floats:
        """Return the values (n, …) with a row for every step of each series; steps that were skipped are missing."""
        indptr = self.indptr
        filled = np.full((int(indptr[-1]), *values.shape[1:]), np.nan)
        filled[np.repeat(indptr[:-1], self.counts) + self.position] = values
        return filled

    def fill_constant(self, values: Floats) -> Floats:
        """Return the values (n, …) that are the same in every row of a series, in every step of it."""
        return values[np.repeat(self.starts, np.diff(self.indptr))]


def _whose(rows: Rows, k: int, freq: Frequency, ids: Keys, names: Names) -> str:
    """Return the series of row `k`, and its own step where that is another one."""
    if not names.ids:
        return ""
    own = rows[rows.key == rows.key[k]]
    step = infer_frequency(own.ds, own.same_series)
    other = f" (steps of {step.label!r}, others of {freq.label!r})" if step and step.label != freq.label else ""
    return f"series {'/'.join(ids[int(rows.key[k])])!r}{other}: "


def axis(first: Stamps, lengths: Ints, freq: Frequency) -> Stamps:
    """Return all stamps of all series, flat, each series from `first` on."""
    return freq.moved(np.repeat(first, lengths), counted(lengths)).astype("datetime64[s]")


def counted(lengths: Ints) -> Ints:
    """Return 0, 1, … for the rows of each series, flat."""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def interpolated(indptr: Ints, y: Floats) -> Floats:
    """Return the values with what is missing between two others on the straight line between them."""
    filled = y.copy()
    for begin, end in itertools.pairwise(indptr):
        seen = np.flatnonzero(~np.isnan(y[begin:end]))
        if 0 < len(seen) < end - begin:
            inner = np.arange(seen[0], seen[-1] + 1)
            filled[begin + inner] = np.interp(inner, seen, y[begin:end][seen])
    return filled


def trimmed(indptr: Ints, y: Floats, ids: Keys, file: str, names: Names) -> tuple[Ints, Ints, Keys, Findings]:
    """Return where the rows between the first and the last value of a series are, their indptr, ids, and findings.

    Raises:
        DataError: no series has a value.
    """
    rows = np.arange(len(y))
    missing = np.isnan(y)
    lengths = np.diff(indptr)
    first = np.minimum.reduceat(np.where(missing, len(y), rows), indptr[:-1])
    last = np.maximum.reduceat(np.where(missing, -1, rows), indptr[:-1])
    empty = np.flatnonzero(first > last)
    findings: Findings = ()
    if len(empty):
        shown = ", ".join(repr("/".join(ids[k])) for k in empty[:5]) + (" and more" if len(empty) > 5 else "")
        if len(empty) == len(ids):
            raise DataError(
                f"series {shown} has no value at all.",
                remedy="Remove it.",
                code="GF-D39",
                file=file,
                column=names.target,
            )
        findings = (Finding(f"{len(empty)} series have no value at all: left out ({shown})"),)
    keep = np.flatnonzero((rows >= np.repeat(first, lengths)) & (rows <= np.repeat(last, lengths)))
    kept = np.flatnonzero(first <= last)
    return keep, np.append(0, np.cumsum((last - first + 1)[kept])), tuple(ids[k] for k in kept), findings

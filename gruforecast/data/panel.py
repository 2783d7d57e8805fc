"""From columns of text to a `Panel`: numbers and stamps converted with line-exact errors, every series made regular."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace

import numpy as np

from gruforecast.arrays import Array, Floats, Ints, Stamps
from gruforecast.data.columns import MISSING, find_names, is_number
from gruforecast.data.frequency import Frequency, day_of_month, infer_frequency, parse_frequency
from gruforecast.data.reader import Table, read_table
from gruforecast.data.stamps import StampForm, parse_stamps
from gruforecast.data.table import Names, Panel
from gruforecast.errors import DataError, UsageError

MOST_FILL = 4.0  # rows after filling holes, as a multiple of the rows given
MOST_GROWTH = 100  # the same where the user named the step
THOUSANDS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+", re.ASCII)
Keys = tuple[tuple[str, ...], ...]
MOST_SIZE = 1e30  # larger values overflow 32-bit arithmetic inside a network


@dataclass(frozen=True)
class Reading:
    """A panel and what the reader has to say about it.

    Attributes:
        found: facts that were found rather than given, to be told to the user.
        warnings: changes made to the data on the way.
    """

    panel: Panel
    found: list[str]
    warnings: list[str]


def read_csv(
    path: str,
    *,
    time: str | None = None,
    target: str | None = None,
    ids: tuple[str, ...] = (),
    freq: str | Frequency | None = None,
) -> Reading:
    """The series in the CSV file at `path`.

    Args:
        time, target, ids: the user's column names; those not given are found.
        freq: step of the time axis; found from the gaps when not given.

    Raises:
        UsageError: the path is no local file or `freq` is no frequency.
        DataError: the file cannot be read without guessing; the error has file, line, column and remedy.
    """
    table = read_table(path)
    return _reading(table, find_names(table, time, target, list(ids)), freq, None)


def read_like(path: str, names: Names, freq: Frequency, form: StampForm) -> Reading:
    """The series in a file that must have the columns and the step of the data a model was fitted on.

    Args:
        form: of the stamps of those data, which settles day or month first where this file does not.

    Raises:
        DataError: as `read_csv`, and when the stamps do not fit the step.
    """
    return _reading(read_table(path), names, freq, form)


def _reading(table: Table, names: Names, freq: str | Frequency | None, like: StampForm | None) -> Reading:
    found = [f"time column {names.time!r}", f"target column {names.target!r}"]
    found.append(f"series by {'/'.join(names.ids)!r}" if names.ids else "one series")
    ds, form, warnings = parse_stamps(table.column(names.time), table.lines, table.file, names.time, like)
    _check_thousands(table, names.target)
    y = parse_numbers(table.column(names.target), table.lines, table.file, names.target)
    keys, ids = _keys(table, names)
    order = np.lexsort((ds, keys))
    rows = _Rows(keys[order], ds[order], y[order], np.array(table.lines)[order])
    if not _sorted_within(ds, keys):
        warnings.append("the rows were not in order of time: sorted")
    rows = _without_duplicates(rows, table.file, names, warnings)
    step = _frequency(rows, freq, form, table.file, names)
    found.append(f"frequency {step.label}")
    grid = _Grid.of(rows, step, table.file, names)
    grid.check_size(table.file, names)
    if not isinstance(freq, str):
        grid.check_gaps(rows, ids, step, table.file, names)
    indptr, ds, y = grid.fill(rows, step)
    warnings += _missing(y, len(y) - len(rows.ds))
    indptr, ds, y = _trimmed(indptr, ds, y, ids, table.file, names)
    return Reading(Panel(ids, indptr, ds, y, step, form, names), found, warnings)


def parse_numbers(cells: list[str], lines: list[int], file: str, column: str) -> Floats:
    """Numbers (n,), NaN for cells that are blank or a usual word for missing.

    Raises:
        DataError: a cell is neither, or is too large to compute with.
    """
    numbers = np.empty(len(cells))
    for k, cell in enumerate(cells):
        if is_number(cell):
            numbers[k] = float(cell)
        elif cell.lower() in MISSING:
            numbers[k] = np.nan
        else:
            _refuse_number(cells, k, lines, file, column)
    if (np.abs(numbers) > MOST_SIZE).any():
        k = int(np.flatnonzero(np.abs(numbers) > MOST_SIZE)[0])
        remedy = "Give the column in a larger unit."
        raise DataError(
            f"{cells[k]} is too large to compute with.", remedy=remedy, code="GF-D32",
            file=file, line=lines[k], column=column, value=cells[k],
        )  # fmt: skip
    if np.isnan(numbers).all():
        remedy = "Name another column with --target."
        raise DataError("every value is missing.", remedy=remedy, code="GF-D33", file=file, column=column)
    return numbers


def _refuse_number(cells: list[str], k: int, lines: list[int], file: str, column: str) -> None:
    others = sum(not is_number(cell) and cell.lower() not in MISSING for cell in cells) - 1
    more = f" ({others} further cells are not either)" if others else ""
    remedy = "Correct the cell, or leave it blank if the value is missing."
    if "," in cells[k]:
        remedy = "Write decimals with a point and no thousands mark."
    raise DataError(
        f"{cells[k]!r} is not a number{more}.", remedy=remedy, code="GF-D30",
        file=file, line=lines[k], column=column, value=cells[k],
    )  # fmt: skip


@dataclass(frozen=True)
class _Rows:
    """Rows sorted by series and stamp: number of the series, stamp, value, line in the file."""

    key: Ints
    ds: Stamps
    y: Floats
    line: Ints

    def __getitem__(self, index: Array) -> _Rows:
        return _Rows(self.key[index], self.ds[index], self.y[index], self.line[index])

    @property
    def same_series(self) -> Array:
        """Positions k such that rows k and k + 1 belong to one series."""
        return np.flatnonzero(self.key[1:] == self.key[:-1])


def _keys(table: Table, names: Names) -> tuple[Ints, Keys]:
    """Number of each row's series, in order of first appearance, and the key of each series."""
    if not names.ids:
        return np.zeros(len(table), np.int64), (("series",),)
    columns = [table.column(name) for name in names.ids]
    for name, column in zip(names.ids, columns, strict=True):
        if "" in column:
            remedy = "Fill in the id of the series."
            line = table.lines[column.index("")]
            raise DataError("the cell is blank.", remedy=remedy, code="GF-D34", file=table.file, line=line, column=name)
    rows = list(zip(*columns, strict=True))
    number = {key: k for k, key in enumerate(dict.fromkeys(rows))}
    return np.array([number[key] for key in rows], np.int64), tuple(number)


def _sorted_within(ds: Stamps, keys: Ints) -> bool:
    order = np.argsort(keys, kind="stable")
    same = keys[order][1:] == keys[order][:-1]
    return bool((ds[order][1:] >= ds[order][:-1])[same].all())


def _without_duplicates(rows: _Rows, file: str, names: Names, warnings: list[str]) -> _Rows:
    k = rows.same_series
    k = k[rows.ds[k] == rows.ds[k + 1]]
    equal = (rows.y[k] == rows.y[k + 1]) | (np.isnan(rows.y[k]) & np.isnan(rows.y[k + 1]))
    if not equal.all():
        bad = int(k[~equal][0])
        key = " of one series" if names.ids else ""
        lines = sorted((int(rows.line[bad]), int(rows.line[bad + 1])))
        raise DataError(
            f"lines {lines[0]} and {lines[1]}{key} have the same time stamp with different values"
            f" ({(~equal).sum()} such pairs).",
            remedy="Keep one row a stamp, or name the column that tells the series apart with --id.",
            code="GF-D35", file=file, line=lines[1], column=names.time,
        )  # fmt: skip
    if len(k):
        warnings.append(f"{len(k)} rows were exact duplicates: dropped")
    return rows[np.setdiff1d(np.arange(len(rows.ds)), k + 1)]


def _check_thousands(table: Table, column: str) -> None:
    """Refuse numbers such as 1.010 in files with semicolons, where the point may mark thousands."""
    cells = table.column(column)
    if table.delimiter != ";" or not any(THOUSANDS.fullmatch(cell) for cell in cells):
        return
    if all(THOUSANDS.fullmatch(cell) or cell.isdecimal() or cell.lower() in MISSING for cell in cells):
        k = next(k for k, cell in enumerate(cells) if THOUSANDS.fullmatch(cell))
        raise DataError(
            f"the point in {cells[k]!r} could mark thousands or decimals, and no row settles it.",
            remedy="Write numbers without a thousands mark.",
            code="GF-D31", file=table.file, line=table.lines[k], column=column, value=cells[k],
        )  # fmt: skip


def _frequency(rows: _Rows, freq: str | Frequency | None, form: StampForm, file: str, names: Names) -> Frequency:
    if isinstance(freq, Frequency):
        return replace(freq, day=day_of_month(rows.ds)) if freq.unit == "M" else freq
    if freq is not None:
        found = parse_frequency(freq, rows.ds)
        if not form.can_write(found.step if found.unit == "s" else None):
            remedy = "Pass a longer step, or write the stamps out."
            raise UsageError(f"--freq {freq} is finer than the stamps are written.", remedy=remedy, code="GF-U08")
        return found
    inferred = infer_frequency(rows.ds, rows.same_series)
    if inferred is None:
        remedy = "A series needs at least two rows; pass --freq if that is wanted."
        raise DataError("no two stamps follow each other.", remedy=remedy, code="GF-D36", file=file, column=names.time)
    return inferred


@dataclass(frozen=True)
class _Grid:
    """Where rows lie on the regular axis of their series.

    Attributes:
        starts: (n_series,) first row of each series; counts: its number of rows; position: (n_rows,) steps since it.
    """

    starts: Ints
    counts: Ints
    position: Ints

    @classmethod
    def of(cls, rows: _Rows, freq: Frequency, file: str, names: Names) -> _Grid:
        starts = np.flatnonzero(np.r_[True, rows.key[1:] != rows.key[:-1]])
        counts = np.diff(np.append(starts, len(rows.key)))
        number, left = freq.number(rows.ds)
        offset = number - np.repeat(number[starts], counts)
        stride = freq.step if freq.unit == "M" else 1
        off_grid = (left != np.repeat(left[starts], counts)) | (left < 0) | (offset % stride != 0)
        if off_grid.any():
            k = int(np.flatnonzero(off_grid)[0])
            raise DataError(
                f"{rows.ds[k]} does not fit the step {freq.label!r} ({off_grid.sum()} of {len(rows.ds)} rows do not).",
                remedy="Make the stamps regular, or fit with the right step (--freq).",
                code="GF-D37", file=file, line=int(rows.line[k]), column=names.time, value=str(rows.ds[k]),
            )  # fmt: skip
        return cls(starts, counts, offset // stride)

    def check_size(self, file: str, names: Names) -> None:
        """Refuse a step so fine that nearly everything would be missing."""
        rows, wanted = len(self.position), int((self.position[self.starts + self.counts - 1] + 1).sum())
        if wanted > MOST_GROWTH * rows + 10_000:
            found = f"at this step there would be {wanted} rows, {rows} are given."
            remedy = "Pass a longer step with --freq."
            raise DataError(found, remedy=remedy, code="GF-D38", file=file, column=names.time)

    def check_gaps(self, rows: _Rows, ids: Keys, freq: Frequency, file: str, names: Names) -> None:
        """Refuse a series whose stamps are rarely one step apart, or with far more holes than rows."""
        next_to = rows.same_series
        gaps = np.diff(self.position)[next_to]
        regular = np.bincount(rows.key[next_to], gaps == 1, len(ids))
        total = np.bincount(rows.key[next_to], minlength=len(ids))
        rare = np.flatnonzero((total >= 3) & (regular < 0.5 * total))
        length = self.position[self.starts + self.counts - 1] + 1
        sparse = np.flatnonzero(length > MOST_FILL * self.counts + 12)  # a dozen more, for short series
        for series in (*rare, *sparse):
            whose = f"series {'/'.join(ids[int(rows.key[self.starts[series]])])!r}: " if names.ids else ""
            raise DataError(
                f"{whose}the stamps are not regular: {int(regular[series])} of {int(total[series])} gaps are one step"
                f" of {freq.label!r}.",
                remedy="Give data of one regular step, or name it with --freq: what lies between is then missing.",
                code="GF-D38", file=file, line=int(rows.line[self.starts[series]]), column=names.time,
            )  # fmt: skip

    def fill(self, rows: _Rows, freq: Frequency) -> tuple[Ints, Stamps, Floats]:
        """indptr, stamps and values with a row for every step of each series; steps that were skipped are missing."""
        lengths = self.position[self.starts + self.counts - 1] + 1
        indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        y = np.full(indptr[-1], np.nan)
        y[np.repeat(indptr[:-1], self.counts) + self.position] = rows.y
        return indptr, _grid(rows.ds[self.starts], lengths, freq), y


def _grid(first: Stamps, lengths: Ints, freq: Frequency) -> Stamps:
    """All stamps of all series, flat, each series from `first` on."""
    parts = []
    for begin, length in zip(first, lengths, strict=True):
        parts.append(np.append(begin, freq.after(np.array([begin]), int(length) - 1)[0]))
    return np.concatenate(parts).astype("datetime64[s]")


def _missing(y: Floats, absent: int) -> list[str]:
    """What to say about values that are not there, of which `absent` have no row either."""
    count = int(np.isnan(y).sum())
    rows = f", {absent} of them because the row is absent" if absent else ""
    text = f"{count} values are missing{rows}: masked, never filled in; a series ends at its last value"
    return [text] if count else []


def _trimmed(indptr: Ints, ds: Stamps, y: Floats, ids: Keys, file: str, names: Names) -> tuple[Ints, Stamps, Floats]:
    """The rows without missing values at either end of a series."""
    first, last = [], []
    for k, (begin, end) in enumerate(itertools.pairwise(indptr)):
        seen = np.flatnonzero(~np.isnan(y[begin:end]))
        if not len(seen):
            found = f"series {'/'.join(ids[k])!r} has no value at all."
            raise DataError(found, remedy="Remove it.", code="GF-D39", file=file, column=names.target)
        first.append(begin + seen[0])
        last.append(begin + seen[-1] + 1)
    keep = np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)])
    lengths = np.array(last) - np.array(first)
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), ds[keep], y[keep]

"""Data frames as the same table of text that a CSV file of them gives."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from decimal import Decimal

import numpy as np
import pandas as pd
from pandas.api.types import is_datetime64_any_dtype, is_float_dtype, is_integer_dtype

from gruforecast.data.calendar.time_zones import zone_text
from gruforecast.data.files.column import LONGEST, Column
from gruforecast.data.files.source import Data, Limits
from gruforecast.data.files.table import Table, stripped
from gruforecast.data.finding import Finding, Findings
from gruforecast.data.formats.timestamps import look_like_stamps
from gruforecast.errors import DataError, ResourceError, UsageError

NAME = "data frame"
TIME, ID, TARGET = "ds", "unique_id", "y"  # names of what has none
DURATIONS = (dt.timedelta, np.timedelta64)
AS_TEXT = (str, int, float, np.integer, np.floating, np.bool_, Decimal, dt.date, dt.time, np.datetime64)
NAMELESS = re.compile(r"Unnamed: \d+")  # what pandas calls a column of a file that has no name
SAMPLE = 200  # labels that say whether an index holds stamps
PERIODS = {"Y-DEC": "%Y", "Q-DEC": "%YQ%q", "M": "%Y-%m", "h": "%Y-%m-%d %H:%M", "min": "%Y-%m-%d %H:%M"}
DAYS = re.compile(r"[YQW]-.*|[DB]")  # periods that are written as the day on which they begin
Texts = list[str | None]  # None: a cell that has no text


def table_of_frame(data: Data, limits: Limits, name: str = NAME) -> Table:
    """Return a frame as columns of text: numbers as Python writes them, stamps in ISO form, missing cells as blanks.

    Stamps with a zone have their offset, periods are their begin. An index of stamps, one of several levels and one
    with a name become columns. `lines` count rows from 0, as `iloc` does.

    Raises:
        UsageError: `data` are no frame.
        DataError: names are not unique or no text, a cell has no text, or there are too many rows, columns or letters.
    """
    frame = frame_of(data)
    _check_size(frame, limits, name)
    columns, findings = _columns(frame, name)
    plain = {title for title, column in columns.items() if is_float_dtype(column) or is_integer_dtype(column)}
    texts = {title: _checked(column, limits, name, title) for title, column in columns.items()}
    rows = list(range(len(frame)))
    if all("" in cells for cells in texts.values()):  # blank rows are none in a CSV file either
        rows = [k for k, row in enumerate(zip(*texts.values(), strict=True)) if any(map(str.strip, row))]
        texts = {title: [cells[k] for k in rows] for title, cells in texts.items()}
    if not rows:
        raise DataError("there are no rows with values.", remedy="Add rows.", code="GF-D02", file=name)
    for title in list(filter(NAMELESS.fullmatch, texts)):
        if any(texts[title] == [str(k + first) for k in range(len(rows))] for first in (0, 1)):
            findings += (Finding(f"column {title!r} has no name in its file and numbers the rows: left out"),)
            del texts[title]
    cells, padded = stripped(texts.items())
    return Table(name, cells, rows, header_line=None, findings=findings, padded=padded, plain=frozenset(plain))


def frame_of(data: Data) -> pd.DataFrame:
    """Return a data frame of pandas, a series of pandas, or a table of another library, as a frame of pandas.

    Raises:
        UsageError: it is something else.
        ResourceError: pyarrow, which takes over tables of other libraries, is not installed.
    """
    if isinstance(data, pd.DataFrame):
        return data
    if isinstance(data, pd.Series):
        return data.to_frame(TARGET if data.name is None else data.name)
    refused = UsageError(
        f"{type(data).__name__} is neither the path of a file nor a data frame.",
        remedy="Pass a path or a data frame; other arguments go by name, such as `horizon=12`.",
        code="GF-U87",
    )
    if not hasattr(data, "__arrow_c_stream__"):
        raise refused
    try:
        import pyarrow as pa
    except ImportError as error:
        raise ResourceError(
            "a table that is not of pandas needs the package pyarrow.",
            remedy="Install it with: pip install 'gruforecast[parquet]', or pass a frame of pandas.",
            code="GF-E05",
        ) from error
    try:
        return pa.table(data).to_pandas(types_mapper=pd.ArrowDtype)
    except (TypeError, ValueError, pa.ArrowException) as error:
        raise refused from error


def row_label(data: Data, row: int) -> str:
    """Return the position of a row, with its label in the index of the frame where that is another."""
    label = str(data.index[row]) if isinstance(data, pd.DataFrame | pd.Series) else str(row)
    label = label if len(label) <= LONGEST else f"{label[:LONGEST]}…"
    return str(row) if label == str(row) else f"{row} ({label})"


def _check_size(frame: pd.DataFrame, limits: Limits, name: str) -> None:
    rows, width = frame.shape
    if rows > limits.rows or width > limits.columns:
        raise DataError(
            f"there are {rows} rows and {width} columns.",
            remedy="Pass a larger `max_rows` or `max_columns`.",
            code="GF-D53",
            file=name,
        )
    if not rows or (not width and isinstance(frame.index, pd.RangeIndex)):
        raise DataError(
            f"there are no {'columns' if rows else 'rows'}.",
            remedy="Pass a frame with a time column and a column of numbers.",
            code="GF-D02",
            file=name,
        )


def _columns(frame: pd.DataFrame, name: str) -> tuple[dict[str, pd.Series], Findings]:
    """Return the columns by their names, those of the index first, and findings."""
    titles = [_title(title, name) for title in frame.columns]
    levels, findings = _index(frame, titles, name)
    names = [title for title, _ in levels] + titles
    title, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise DataError(
            f"the column name appears {count} times.",
            remedy="Give each column, and each level of the index, its own name.",
            code="GF-D12",
            file=name,
            column=title,
        )
    columns = [column for _, column in levels] + [frame.iloc[:, k] for k in range(len(titles))]
    return dict(zip(names, columns, strict=True)), findings


def _title(title: object, name: str) -> str:
    """Return the name of a column as text."""
    text = str(title).strip() if isinstance(title, str | int | np.integer) and not isinstance(title, bool) else ""
    if text:
        return text
    raise DataError(
        f"{title!r} is no name of a column.",
        remedy="Make one text of the levels, such as frame.columns = ['_'.join(name) for name in frame.columns]."
        if isinstance(title, tuple)
        else "Name the columns with texts; where columns are stamps, turn the frame round with frame.T.",
        code="GF-D76",
        file=name,
    )


def _index(frame: pd.DataFrame, titles: list[str], name: str) -> tuple[list[tuple[str, pd.Series]], Findings]:
    """Return the levels of the index that are columns, and findings."""
    levels = [frame.index.get_level_values(k) for k in range(frame.index.nlevels)]
    unnamed = [TIME if _is_time(level, name) else ID for level in levels if level.name is None]
    if len(levels) == 1 and unnamed == [ID]:
        return [], ()
    if len(levels) == 1 and unnamed == [TIME] and TIME in titles:
        return [], (Finding(f"the index has no name and there is a column {TIME!r}: the index is left out"),)
    if len(set(unnamed)) < len(unnamed):
        raise DataError(
            f"{len(unnamed)} levels of the index have no names, and are not one of ids and one of stamps.",
            remedy=f"Name them, such as frame.index.names = [{ID!r}, {TIME!r}].",
            code="GF-D76",
            file=name,
        )
    names = [unnamed.pop(0) if level.name is None else _title(level.name, name) for level in levels]
    return [(title, level.to_series()) for title, level in zip(names, levels, strict=True)], ()


def _is_time(level: pd.Index, name: str) -> bool:
    """Return whether the level of an index holds stamps: by its type, or as texts or objects."""
    if isinstance(level.dtype, pd.PeriodDtype) or is_datetime64_any_dtype(level.dtype):
        return True
    if is_float_dtype(level.dtype) or is_integer_dtype(level.dtype):
        return False
    cells = [cell for cell in _texts(level.unique()[:SAMPLE].to_series()) if cell]
    return bool(cells) and look_like_stamps(Column(name, TIME, cells, [0] * len(cells)), named=False)


def _checked(column: pd.Series, limits: Limits, name: str, title: str) -> list[str]:
    """Return the cells of a column as text.

    Raises:
        DataError: a cell has no text, or one that a file cannot hold.
    """
    texts = _texts(column)
    known = [text for text in texts if text is not None]
    longest, whole = max(map(len, known), default=0), "".join(known)
    if longest > limits.field or len(whole) > limits.bytes:
        raise DataError(
            "the text is too long.",
            remedy="Pass a larger `max_field` or `max_bytes`.",
            code="GF-D53",
            file=name,
            column=title,
        )
    if not _is_writable(whole):
        texts = [text if text is not None and _is_writable(text) else None for text in texts]
        known = [text for text in texts if text is not None]
    if len(known) == len(texts):
        return known
    row = texts.index(None)
    cell = column.iloc[row]
    shown = repr(cell)[:LONGEST]
    raise DataError(
        f"{shown} ({type(cell).__name__}) is neither a number, text nor a time stamp.",
        remedy=f"Make numbers of it, such as frame[{title!r}].dt.total_seconds(), or leave it out."
        if isinstance(cell, DURATIONS)
        else f"Make text or numbers of it, or leave it out: frame.drop(columns={title!r}).",
        code="GF-D77",
        file=name,
        line=row,
        column=title,
        value=shown,
    )


def _is_writable(text: str) -> bool:
    """Return whether a file can hold the text: it has no NUL and no half of a character."""
    try:
        return "\0" not in text and bool(text.encode() or True)
    except UnicodeEncodeError:
        return False


def _texts(column: pd.Series) -> Texts:
    """Return the cells of a column as text, those that are missing as blanks."""
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return _spread(_texts(column.cat.categories.to_series()), column.cat.codes.to_numpy())
    if is_datetime64_any_dtype(kind):
        codes, stamps = pd.factorize(column)
        return _spread(_stamps(pd.DatetimeIndex(stamps)), codes)
    if isinstance(kind, pd.PeriodDtype):
        codes, periods = pd.factorize(column)
        return _spread(_periods(pd.PeriodIndex(periods)), codes)
    return _numbers(column) if is_float_dtype(kind) or is_integer_dtype(kind) else _objects(column)


def _spread(texts: Texts, codes: np.ndarray) -> Texts:
    """Return the text of each code, a blank for -1."""
    return np.array([*texts, ""], object)[codes].tolist()


def _numbers(column: pd.Series) -> Texts:
    """Return the shortest texts that give the numbers again, in the precision that they have."""
    missing = column.isna().to_numpy()
    kind = getattr(column.dtype, "numpy_dtype", None)  # of types that know missing values
    numbers = column.to_numpy(None if kind is None else np.dtype(kind).type, na_value=0)
    wide = numbers.dtype.kind != "f" or numbers.dtype == np.float64
    texts: Texts = list(map(str, numbers.tolist() if wide else numbers))
    for k in np.flatnonzero(missing).tolist():
        texts[k] = ""
    return texts


def _stamps(stamps: pd.DatetimeIndex) -> Texts:
    """Return stamps as texts: days alone where all are midnights without a zone."""
    if not len(stamps):
        return []
    wall = stamps.tz_localize(None).to_numpy()
    whole = wall.astype("datetime64[s]")
    wall = whole if (whole == wall).all() else wall
    if stamps.tz is None and ((days := wall.astype("datetime64[D]")) == wall).all():
        wall = days
    texts: list[str] = np.char.replace(np.datetime_as_string(wall), "T", " ").tolist()
    if stamps.tz is None:
        return list(texts)
    offsets = (wall - stamps.tz_convert(None).to_numpy()).astype("timedelta64[s]").astype(np.int64)
    zones = {offset: zone_text(offset, "+00:00") for offset in set(offsets.tolist())}
    return [text + zones[offset] for text, offset in zip(texts, offsets.tolist(), strict=True)]


def _periods(periods: pd.PeriodIndex) -> Texts:
    """Return the begin of each period, in a form that is read as the begin of that period."""
    kind = periods.freqstr.lstrip("0123456789")
    days = DAYS.fullmatch(kind) and kind not in PERIODS
    pattern = PERIODS.get(kind, "%Y-%m-%d" if days else "%Y-%m-%d %H:%M:%S")
    return (periods.start_time if days else periods).strftime(pattern).tolist()


def _objects(column: pd.Series) -> Texts:
    """Return texts, and objects that have one; a column of nothing but periods is read as one of their type."""
    cells, missing = column.to_numpy(object).tolist(), column.isna().tolist()
    kinds: set[type] = {type(cell) for cell, gone in zip(cells, missing, strict=True) if not gone}
    if kinds == {pd.Period}:
        return _texts(pd.Series(pd.PeriodIndex(cells)))
    good = {kind for kind in kinds if issubclass(kind, AS_TEXT)} - {np.timedelta64}  # which numpy calls an integer
    return [
        "" if gone else str(cell) if type(cell) in good else None for cell, gone in zip(cells, missing, strict=True)
    ]


def zone_of_frame(data: Data) -> str | None:
    """Return the place whose clock all stamps of a frame are on; None where none is named, or several are."""
    if not isinstance(data, (pd.DataFrame, pd.Series)):
        return None
    kinds = [data.index.get_level_values(k).dtype for k in range(data.index.nlevels)]
    kinds += list(data.dtypes) if isinstance(data, pd.DataFrame) else []
    zones = {str(kind.tz) for kind in kinds if isinstance(kind, pd.DatetimeTZDtype)}
    return zone if len(zones) == 1 and "/" in (zone := zones.pop()) else None

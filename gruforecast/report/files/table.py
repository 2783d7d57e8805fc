"""Tables of columns as CSV, JSON and Parquet, block by block, so that they need no memory and no pandas."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import numpy as np

from gruforecast.arrays import Array
from gruforecast.data.panel import Columns
from gruforecast.errors import ResourceError
from gruforecast.serialization import Json

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a text begins that a spreadsheet would compute


@contextlib.contextmanager
def place(path: str | None) -> Iterator[IO[bytes]]:
    """Standard output for None, else a file that is there whole after the block or not at all.

    Raises:
        ResourceError: it cannot be written.
    """
    if path is None:
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = Path(path).resolve()
    ordinary = target.is_file() or not target.exists()  # a device or a pipe must not be replaced by a file
    part = target.with_name(f".{target.name}.{os.getpid()}.part") if ordinary else target
    try:
        with part.open("wb") as stream:
            yield stream
            stream.flush()
            if ordinary:
                os.fsync(stream.fileno())
        if ordinary:
            part.replace(target)
    except OSError as error:
        text = f"cannot write: {error.strerror or error}."
        raise ResourceError(text, remedy="Make room, or choose another place.", code="GF-E04", file=path) from error
    finally:
        if ordinary:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


def write_csv(
    stream: IO[bytes], blocks: Iterable[Columns], *, excel_safe: bool = False, shown: Callable[[str], str] = str
) -> None:
    """A CSV file, see `csv_lines`; `shown` is what is done to its text at last."""
    for k, columns in enumerate(blocks):
        head = "" if k else csv_head(columns, excel_safe=excel_safe)
        stream.write(shown(f"{head}{csv_lines(columns, excel_safe=excel_safe)}").encode())


def write_json(stream: IO[bytes], blocks: Iterable[Columns], facts: Json, later: Callable[[], Json] = dict) -> None:
    """One JSON object: the facts, the rows as `forecast`, the facts known `later`; missing numbers are null."""
    stream.write(json.dumps({**facts, "forecast": []}, allow_nan=False)[:-2].encode())
    for k, columns in enumerate(blocks):
        rows = json.dumps(_records(columns), allow_nan=False)[1:-1]
        stream.write(f"{', ' if k else ''}{rows}".encode())
    tail = json.dumps(later(), allow_nan=False)[1:]
    stream.write(f"]{', ' if len(tail) > 1 else ''}{tail}\n".encode())


def write_parquet(stream: IO[bytes], blocks: Iterable[Columns]) -> None:
    """A Parquet file, a group of rows for each block.

    Raises:
        ResourceError: pyarrow is missing.
    """
    with contextlib.closing(ParquetRows(stream)) as rows:
        for columns in blocks:
            rows.write(columns)


def csv_head(columns: Columns, *, excel_safe: bool = False) -> str:
    """Return the first line of a CSV file."""
    return csv_lines({name: [name] for name in columns}, excel_safe=excel_safe)


def csv_lines(columns: Columns, *, excel_safe: bool = False) -> str:
    """Return rows as lines of a CSV file: numbers in the shortest form that gives them back, nothing for a missing one.

    Args:
        excel_safe: put `'` before texts that a spreadsheet would take for a formula; numbers stay as they are.
    """
    cells = [_cells(column, excel_safe=excel_safe) for column in columns.values()]
    return "".join([f"{','.join(row)}\n" for row in zip(*cells, strict=True)])


def _cells(column: list[str] | Array, *, excel_safe: bool) -> list[str]:
    if isinstance(column, list):
        quoted = {text: _quoted(text, excel_safe=excel_safe) for text in set(column)}  # most texts occur many times
        return [quoted[text] for text in column]
    return ["" if text == "nan" else text for text in map(repr, column.tolist())]


def _quoted(text: str, *, excel_safe: bool) -> str:
    if excel_safe and text.startswith(FORMULA):
        text = f"'{text}"
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in '",\r\n') else text


def _records(columns: Columns) -> list[Json]:
    lists = [column if isinstance(column, list) else _without_nan(column) for column in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]


def _without_nan(column: Array) -> Sequence[float | None]:
    numbers: list[float] = column.tolist()
    return numbers if np.isfinite(column).all() else [one if math.isfinite(one) else None for one in numbers]


class ParquetRows:
    """A Parquet file in a stream, a group of rows for each block.

    Raises:
        ResourceError: pyarrow is missing.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._arrow, self._parquet = pyarrow()
        self._stream = stream
        self._writer: Any = None

    def write(self, columns: Columns) -> None:
        """Append rows; all blocks have the same columns."""
        texts, pa = self._arrow.string(), self._arrow
        arrays = {
            name: pa.array(column, texts) if isinstance(column, list) else pa.array(column, from_pandas=True)
            for name, column in columns.items()
        }
        table = pa.table(arrays)
        self._writer = self._writer or self._parquet.ParquetWriter(self._stream, table.schema)
        self._writer.write_table(table)

    def close(self) -> None:
        """Write what stands at the end of the file."""
        if self._writer is not None:
            self._writer.close()


def pyarrow() -> tuple[ModuleType, ModuleType]:
    """Return the modules of pyarrow.

    Raises:
        ResourceError: it is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        remedy = "Install it with: pip install 'gruforecast[parquet]'."
        raise ResourceError("Parquet needs the package pyarrow.", remedy=remedy, code="GF-E05") from error
    return pa, parquet

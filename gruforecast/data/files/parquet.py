"""Parquet files as the same table of text that a CSV file gives."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from gruforecast.data.calendar.time_zones import to_wall, zone_named, zone_text
from gruforecast.data.files.source import Limits
from gruforecast.data.files.table import Table, stripped
from gruforecast.data.finding import Finding
from gruforecast.errors import DataError, ResourceError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


def parquet_table(raw: bytes, name: str, limits: Limits) -> Table:
    """Return the columns of a Parquet file as text: numbers as Python writes them, stamps in ISO form, nulls as blanks.

    Stamps with a zone become its local clock with the offset. Columns of lists, bytes and the like are left out.
    `lines` count rows from 2, as if there were a header line.

    Raises:
        ResourceError: pyarrow is not installed.
        DataError: the file is damaged or too large, or a stamp has fractions of a second.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ResourceError(
            "Parquet needs the package pyarrow.",
            remedy="Install it with: pip install 'gruforecast[parquet]', or save the file as CSV.",
            code="GF-E05",
        ) from error
    try:
        file = pq.ParquetFile(io.BytesIO(raw))
        _check_size(file.metadata, limits, name)
        table = file.read()
        twice = [title for title in table.column_names if table.column_names.count(title) > 1]
        if twice:
            raise DataError(
                f"the column name appears {len(twice)} times.",
                remedy="Give each column its own name.",
                code="GF-D12",
                file=name,
                column=twice[0],
            )
        texts = {title: _text(table.column(title), limits, name, title) for title in table.column_names}
        columns, padded = stripped((title.strip(), cells) for title, cells in texts.items() if cells is not None)
    except (pa.ArrowException, OSError, KeyError, OverflowError, ValueError) as error:
        raise DataError(
            f"the Parquet data are damaged or cannot be written as text ({error}).",
            remedy="Write it again, or save it as CSV.",
            code="GF-D04",
            file=name,
        ) from error
    if not table.num_rows:
        raise DataError("there are no rows.", remedy="Add rows.", code="GF-D02", file=name)
    left_out = [repr(title) for title, cells in texts.items() if cells is None]
    findings = (Finding(f"{', '.join(left_out)}: neither numbers, text nor stamps, left out"),) if left_out else ()
    return Table(name, columns, list(range(2, table.num_rows + 2)), findings=findings, padded=padded)


def _check_size(metadata: pq.FileMetaData, limits: Limits, name: str) -> None:
    size = sum(metadata.row_group(k).total_byte_size for k in range(metadata.num_row_groups))
    if metadata.num_rows > limits.rows or metadata.num_columns > limits.columns or size > limits.bytes:
        raise DataError(
            f"there are {metadata.num_rows} rows, {metadata.num_columns} columns and {size} bytes.",
            remedy="Pass a larger `max_rows`, `max_columns` or `max_bytes`.",
            code="GF-D53",
            file=name,
        )


def _text(column: pa.ChunkedArray, limits: Limits, name: str, title: str) -> list[str] | None:
    """Return the cells of one column as text; None for types that have no text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _stamps(column, kind)
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        return None
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        longest, total = (pc.max(pc.binary_length(column)).as_py() or 0, pc.sum(pc.binary_length(column)).as_py() or 0)
        if longest > limits.field or total > limits.bytes:
            raise DataError(
                "the text is too long.",
                remedy="Pass a larger `max_field` or `max_bytes`.",
                code="GF-D53",
                file=name,
                column=title,
            )
    return ["" if one is None or one != one else str(one) for one in column.to_pylist()]  # noqa: PLR0124 - NaN


def _stamps(column: pa.ChunkedArray, kind: pa.DataType) -> list[str]:
    import pyarrow as pa

    zone = getattr(kind, "tz", None)
    whole = column.cast(pa.timestamp("s", tz=zone), safe=True).cast(pa.int64())  # refuses fractions of a second
    missing = np.array(column.is_null().to_numpy(zero_copy_only=False), bool)
    utc = np.where(missing, 0, whole.to_numpy(zero_copy_only=False)).astype(np.int64).astype("datetime64[s]")
    texts, offsets = to_wall(utc, zone_named(zone)) if zone and "/" in zone else (utc, np.zeros(len(utc), np.int64))
    written = np.datetime_as_string(texts.astype("datetime64[s]")).tolist()
    if zone:
        written = [text + zone_text(int(offset), "+00:00") for text, offset in zip(written, offsets, strict=True)]
    return ["" if gone else text.replace("T", " ") for text, gone in zip(written, missing, strict=True)]

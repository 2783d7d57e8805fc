"""Parquet files as the same table of text that a CSV file gives."""

from __future__ import annotations

import io
from typing import Any

from gruforecast.data.reader import Table
from gruforecast.data.source import Limits
from gruforecast.errors import DataError, ResourceError


def parquet_table(raw: bytes, name: str, limits: Limits) -> Table:
    """The columns of a Parquet file as text: numbers as Python writes them, stamps in ISO form, nulls as blanks.

    `lines` count rows from 2, as if there were a header line.

    Raises:
        ResourceError: pyarrow is not installed.
        DataError: the file is damaged, too large, or holds something that is no number, text or stamp.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        remedy = "Install it with: pip install 'gruforecast[parquet]', or save the file as CSV."
        raise ResourceError("Parquet needs the package pyarrow.", remedy=remedy, code="GF-E05") from error
    try:
        file = pq.ParquetFile(io.BytesIO(raw))
        if file.metadata.num_rows > limits.rows or file.metadata.num_columns > limits.columns:
            found = f"there are {file.metadata.num_rows} rows and {file.metadata.num_columns} columns."
            raise DataError(found, remedy="Pass --max-rows or --max-columns.", code="GF-D53", file=name)
        table = file.read()
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"the Parquet data are damaged ({error}).", remedy="Copy it again.", code="GF-D04", file=name
        ) from error
    columns = {title: _text(table.column(title), title, name) for title in table.column_names}
    if not table.num_rows:
        raise DataError("there are no rows.", remedy="Add rows.", code="GF-D02", file=name)
    return Table(name, columns, list(range(2, table.num_rows + 2)))


def _text(column: Any, title: str, name: str) -> list[str]:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        zone = "+00:00" if getattr(kind, "tz", None) else ""
        return [
            "" if one is None else one.isoformat(sep=" ")[:19] + zone
            for one in column.cast(pa.timestamp("s"), safe=False).to_pylist()
        ]
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        found = f"values of the type {kind} cannot be read."
        raise DataError(found, remedy="Leave the column out.", code="GF-D54", file=name, column=title)
    return ["" if one is None or one != one else str(one).strip() for one in column.to_pylist()]  # noqa: PLR0124 - NaN

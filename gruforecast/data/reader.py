"""From the bytes of a CSV file to columns of text, with the physical line of each row.

Nothing is converted here and nothing guessed away: a row that does not fit the header is refused with its line.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

from gruforecast.errors import DataError, UsageError, did_you_mean, shorten

MAGIC = {
    b"PK\x03\x04": "a zip or Excel file",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"PAR1": "a Parquet file",
    b"\x89PNG": "a picture",
    b"%PDF": "a PDF",
}
DELIMITERS = (",", ";", "\t", "|")
MAX_FIELD = 1_000_000
MAX_BYTES = 4_000_000_000


@dataclass(frozen=True)
class Table:
    """A CSV file as text.

    Attributes:
        file: the name to show in errors.
        columns: column name to its cells, stripped of surrounding blanks.
        lines: physical line in the file of each row; the header is line 1.
        delimiter: the mark between fields.
    """

    file: str
    columns: dict[str, list[str]]
    lines: list[int]
    delimiter: str = ","

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, name: str) -> list[str]:
        """The cells of column `name`.

        Raises:
            DataError: there is no such column.
        """
        if name not in self.columns:
            known = list(self.columns)
            text = f"there is no column {name!r}.{did_you_mean(name, known)}"
            raise DataError(text, remedy=f"The columns are {shorten(known, 12)}.", code="GF-D10", file=self.file)
        return self.columns[name]


def read_table(path: str) -> Table:
    """The cells of the CSV file at `path`; `-` reads standard input, `.gz` is decompressed.

    Raises:
        UsageError: `path` is not a local file.
        DataError: the file is not a rectangular CSV file with a header and rows.
    """
    name = "stdin" if path == "-" else Path(path).name
    text = _text(_bytes(path, name), name)
    delimiter = _delimiter(text)
    rows, lines = _rows(text, delimiter, name)
    if not rows:
        remedy = "Pass a CSV file with a header, a time column and a column of numbers."
        raise DataError("the file is empty.", remedy=remedy, code="GF-D01", file=name)
    header = [cell.strip() for cell in rows[0]]
    _check_header(header, name, lines[0])
    if len(rows) == 1:
        remedy = "Add the rows below the header."
        raise DataError("there is a header but no rows.", remedy=remedy, code="GF-D02", file=name)
    _check_widths(rows, lines, name)
    cells = zip(*rows[1:], strict=True)
    columns = {title: [cell.strip() for cell in column] for title, column in zip(header, cells, strict=True)}
    columns.pop("", None)
    return Table(name, columns, lines[1:], delimiter)


def require_local_file(path: str) -> None:
    """Refuse a path that is not on this machine; `-` is standard input.

    Raises:
        UsageError: it is an address, or there is nothing of that name.
    """
    if "://" in path:
        remedy = "Download it first and give the path of a local file."
        raise UsageError(f"{path} is not a local file.", remedy=remedy, code="GF-U01")
    if path != "-" and not os.path.lexists(path):
        raise UsageError("there is no such file.", remedy="Check the path.", code="GF-U02", file=str(path))


def _bytes(path: str, name: str) -> bytes:
    require_local_file(path)
    if path == "-":
        return sys.stdin.buffer.read(MAX_BYTES) if sys.stdin else b""
    target = Path(path)
    if not target.is_file():
        raise DataError("this is not a regular file.", remedy="Give a CSV file.", code="GF-D03", file=name)
    try:
        with gzip.open(target) if target.suffix == ".gz" else target.open("rb") as stream:
            raw = stream.read(MAX_BYTES)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"the gzip data are damaged ({error}).", remedy="Copy it again.", code="GF-D04", file=name
        ) from error
    except OSError as error:
        remedy = "Give yourself the right to read it, or copy it to another place."
        raise DataError(f"it cannot be read: {error.strerror}.", remedy=remedy, code="GF-D05", file=name) from error
    if len(raw) == MAX_BYTES:
        remedy = "Split the file or aggregate it first."
        raise DataError(f"the file is over {MAX_BYTES} bytes.", remedy=remedy, code="GF-D06", file=name)
    return raw


def _text(raw: bytes, name: str) -> str:
    for magic, kind in MAGIC.items():
        if raw.startswith(magic):
            remedy = "Save it as CSV and pass that file."
            raise DataError(f"this is {kind}, not text.", remedy=remedy, code="GF-D07", file=name)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        found = f"byte 0x{raw[error.start]:02x} is not UTF-8."
        remedy = "Save the file as UTF-8 (for example: iconv -f latin1 -t utf-8)."
        raise DataError(found, remedy=remedy, code="GF-D08", file=name, line=line) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        remedy = "Remove it; the file may be damaged or UTF-16."
        raise DataError("there is a NUL byte.", remedy=remedy, code="GF-D09", file=name, line=line)
    return text


def _delimiter(text: str) -> str:
    """The mark that the first line that is not blank has most often."""
    first = next((line for line in text[:MAX_FIELD].splitlines() if line.strip()), "")
    return max(DELIMITERS, key=first.count)


def _rows(text: str, delimiter: str, name: str) -> tuple[list[list[str]], list[int]]:
    """All rows that are not blank, and the physical line on which each begins."""
    csv.field_size_limit(MAX_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, lines, begin = [], [], 1
    try:
        for row in reader:
            if any(cell and not cell.isspace() for cell in row):
                rows.append(row)
                lines.append(begin)
            begin = reader.line_num + 1
    except csv.Error as error:
        unclosed = "unexpected end" in str(error)
        found = "a quote that opens here is never closed." if unclosed else f"{error}."
        remedy = "Close the quote, or double quotes inside a field." if unclosed else "Correct this line."
        raise DataError(found, remedy=remedy, code="GF-D11", file=name, line=begin) from error
    return rows, lines


def _check_header(header: list[str], name: str, line: int) -> None:
    seen: set[str] = set()
    for title in header:
        if title and title in seen:
            positions = [str(k + 1) for k, other in enumerate(header) if other == title]
            found = f"the column name appears {len(positions)} times (columns {', '.join(positions)})."
            remedy = "Give each column its own name."
            raise DataError(found, remedy=remedy, code="GF-D12", file=name, line=line, column=title)
        seen.add(title)
    if all(_looks_like_data(title) for title in header):
        remedy = "Add a header line such as ds,y."
        raise DataError(
            "the first line looks like data, not like a header.", remedy=remedy, code="GF-D13", file=name, line=line
        )


def _looks_like_data(title: str) -> bool:
    return bool(title) and title[0] in "0123456789+-." and any(mark.isdigit() for mark in title)


def _check_widths(rows: list[list[str]], lines: list[int], name: str) -> None:
    width = len(rows[0])
    for row, line in zip(rows, lines, strict=True):
        if len(row) != width:
            found = f"this row has {len(row)} fields, the header has {width}."
            remedy = "Correct the row; a comma inside a value needs quotes around the value."
            raise DataError(found, remedy=remedy, code="GF-D14", file=name, line=line)

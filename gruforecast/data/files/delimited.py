"""From text to columns of text, with the physical line of each row.

What stands before the table, the mark between fields and the header are inferred from many lines. Nothing is converted
here and nothing guessed away: a row that does not fit the header is refused with its line.
"""

from __future__ import annotations

import contextlib
import csv
import gc
import io
import itertools
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from gruforecast.data.files.source import Data, Limits, decode, name_of, read_bytes
from gruforecast.data.files.table import Table, stripped
from gruforecast.data.finding import Finding, Findings
from gruforecast.errors import DataError

DELIMITERS = (",", ";", "\t", "|")
SPOKEN = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
COMMENTS = ("#", "%", "//", "\\")
SAMPLE = 100  # lines that decide about the mark between fields
MAX_PREAMBLE = 200
MAX_CUT = 5_000  # rows that say whether decimal commas have cut numbers
DATA = re.compile(r"[+-]?\d+([.,:/ T-]\d+)*([eE][+-]?\d+)?[%Z]?", re.ASCII)
Rows = list[list[str]]


@dataclass(frozen=True)
class Layout:
    """How the text of a file is cut into cells, as far as the user says.

    Attributes:
        delimiter: the mark between fields; inferred when not given.
        skip: lines before the table; inferred when not given.
        header: whether the first line of the table holds the names of the columns; inferred when not given.
        short_rows: whether a row may have fewer fields than the header.
    """

    delimiter: str | None = None
    encoding: str | None = None
    skip: int | None = None
    header: bool | None = None
    short_rows: bool = False
    limits: Limits = field(default_factory=Limits)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without garbage collection, which would look through millions of new lists again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@_uncollected()
def read_table(data: Data, layout: Layout | None = None) -> Table:
    """Return the cells of a data frame, or of the CSV or Parquet file at a path.

    `-` reads standard input, `.gz` and `.zip` are unpacked.

    Raises:
        UsageError: `data` is neither a frame nor a local file.
        DataError: the file is not a rectangular table with rows.
    """
    layout = layout or Layout()
    if not isinstance(data, str | os.PathLike):
        from gruforecast.data.files.frame import table_of_frame

        return table_of_frame(data, layout.limits)
    path = os.fspath(data)
    name, raw = name_of(path), read_bytes(path, layout.limits)
    if raw.startswith(b"PAR1"):
        from gruforecast.data.files.parquet import parquet_table

        return parquet_table(raw, name, layout.limits)
    text, findings = decode(raw, name, layout.encoding)
    del raw
    delimiter = layout.delimiter or _delimiter(text, layout.skip)
    if delimiter != "," and layout.delimiter is None:
        findings += (Finding(f"fields are separated by {SPOKEN.get(delimiter, repr(delimiter))}"),)
    rows, lines = _rows(text, delimiter, name, layout)
    if all(_is_comment(row) for row in rows):
        raise DataError(
            "the file is empty.",
            remedy="Pass a CSV file with a header, a time column and a column of numbers.",
            code="GF-D01",
            file=name,
        )
    begin = _begin(rows, lines, name, layout)
    if lines[begin] > 1 + (layout.skip or 0) and begin:
        findings += (Finding(f"lines 1 to {lines[begin] - 1} stand before the table: left out"),)
    table = _table(rows[begin:], lines[begin:], name, layout)
    return replace(table, delimiter=delimiter, findings=findings + table.findings)


@contextlib.contextmanager
def rows_named(data: Data) -> Iterator[None]:
    """With the row of a frame as its user knows it in the error, where the data are a frame."""
    try:
        yield
    except DataError as error:
        if error.line is not None and not isinstance(data, str | os.PathLike):
            from gruforecast.data.files.frame import row_label

            error.row = row_label(data, error.line)
        raise


def _delimiter(text: str, skip: int | None) -> str:
    """Return the mark that cuts the first lines into a table best: below a header, in many equal fields."""
    lines = io.StringIO(text[: 4 * SAMPLE * 1000], newline=None).readlines()[: MAX_PREAMBLE + SAMPLE][skip or 0 :]

    def fitness(mark: str) -> tuple[float, int]:
        try:
            rows = [row for row in csv.reader(lines, delimiter=mark) if any(cell.strip() for cell in row)]
        except csv.Error:
            rows = [line.split(mark) for line in lines if line.strip()]
        rows = rows[:-1] if len(rows) > SAMPLE else rows  # the last one may be cut
        width, count = Counter(len(row) for row in rows).most_common(1)[0] if rows else (1, 0)
        if width == 1:
            return 0.0, 1
        table = [row for row in rows if len(row) == width]
        named = not any(_is_data(cell) for cell in table[0])
        uncut = all(any(other in cell for cell in row for other in DELIMITERS[1:] if other != mark) for row in table)
        return count / len(rows) + named - uncut, width

    return max(DELIMITERS, key=fitness)


def _rows(text: str, delimiter: str, name: str, layout: Layout) -> tuple[Rows, list[int]]:
    """Return all rows that are not blank, and the physical line on which each begins."""
    csv.field_size_limit(layout.limits.field)
    stream = io.StringIO(text, newline="")
    skipped = layout.skip or 0
    for _ in range(skipped):
        stream.readline()
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    rows: Rows = []
    lines: list[int] = []
    several = '"' in text  # a row may have several lines
    begin = 1 + skipped
    try:
        while block := list(itertools.islice(reader, 1 if several else 10_000)):
            for k, row in enumerate(block):
                if row and (row[0].strip() or any(map(str.strip, row))):
                    rows.append(row)
                    lines.append(begin + k)
            begin = 1 + skipped + reader.line_num
            if len(rows) > layout.limits.rows or len(block[0]) > layout.limits.columns:
                raise _too_large(len(block[0]), layout.limits, name, begin)
    except csv.Error as error:
        raise _unreadable(str(error), name, begin if several else reader.line_num + skipped) from error
    return rows, lines


def _too_large(width: int, limits: Limits, name: str, line: int) -> DataError:
    what, limit = ("columns", limits.columns) if width > limits.columns else ("rows", limits.rows)
    return DataError(
        f"there are more than {limit} {what}.",
        remedy=f"Pass `max_{what}` with a larger number if that is wanted.",
        code="GF-D53",
        file=name,
        line=line,
    )


def _unreadable(error: str, name: str, line: int) -> DataError:
    text, remedy = f"{error}.", "Correct this line."
    if "unexpected end" in error:
        text, remedy = "a quote that opens here is never closed.", "Close the quote, or double quotes inside a field."
    if "field larger" in error:
        text, remedy = "a field is too long.", "Close a quote that is open, or pass `max_field` with a larger number."
    return DataError(text, remedy=remedy, code="GF-D11", file=name, line=line)


def _begin(rows: Rows, lines: list[int], name: str, layout: Layout) -> int:
    """Return the first row of the table: before it are comments, or lines with fewer fields than the rows have."""
    width = Counter(len(row) for row in rows[: MAX_PREAMBLE + SAMPLE]).most_common(1)[0][0]
    first = next(k for k, row in enumerate(rows) if not _is_comment(row))
    if layout.skip is not None:
        return first
    above = rows[first - 1] if first else []
    if len(above) == len(rows[first]) > 1 and _is_data_row(rows[first]) and not _is_data_row(above):
        above[0] = above[0].lstrip().lstrip("#% ")
        return first - 1  # the names of the columns, written as a comment
    begin = next((k for k in range(first, len(rows)) if len(rows[k]) == width and not _is_comment(rows[k])), first)
    if begin == first or begin > MAX_PREAMBLE:
        return first
    if not _is_data(rows[begin][0]) or layout.header is False:
        return begin
    if begin - first == 1 and not _only_blank_beyond(rows, first):
        raise _wrong_width(len(rows[begin]), len(rows[first]), name, lines[begin])
    return first


def _is_data_row(row: list[str]) -> bool:
    return any(_is_data(cell) for cell in row)


def _is_comment(row: list[str]) -> bool:
    return row[0].lstrip().startswith(COMMENTS)


def _only_blank_beyond(rows: Rows, header: int) -> bool:
    """Return whether all fields beyond those of the header are empty: marks at the ends of lines."""
    width = len(rows[header])
    return not any(cell.strip() for row in rows[header + 1 :] for cell in row[width:])


def _table(rows: Rows, lines: list[int], name: str, layout: Layout) -> Table:
    """Return the rows as named columns of equal length."""
    comments = {k for k in range(1, len(rows)) if len(rows[k]) < len(rows[0]) and _is_comment(rows[k])}
    findings = [Finding(f"{len(comments)} lines are comments: left out")] if comments else []
    if comments:
        lines = [line for k, line in enumerate(lines) if k not in comments]
        rows = [row for k, row in enumerate(rows) if k not in comments]
    named = _has_header(rows, layout.header)
    if not named:
        if layout.header is None:
            text = "the first line holds data, not names: the columns are called column_1, column_2 and so on"
            findings.append(Finding(text, line=lines[0]))
        rows, lines = [[f"column_{k + 1}" for k in range(len(rows[0]))], *rows], [lines[0], *lines]
    header = [cell.strip() for cell in rows[0]]
    _check_header(header, name, lines[0])
    if len(rows) == 1:
        raise DataError(
            "there is a header but no rows.", remedy="Add the rows below the header.", code="GF-D02", file=name
        )
    rows, more = _rectangular(rows, lines, name, layout)
    columns, padded = stripped(zip(header[: len(rows[0])], zip(*rows[1:], strict=True), strict=True))
    _check_cut_numbers(rows, lines, name, layout)
    nameless = columns.pop("", None)
    if nameless is not None and any(nameless):
        place = header.index("") + 1
        if any(nameless == [str(k + first) for k in range(len(nameless))] for first in (0, 1)):
            findings.append(Finding(f"column {place} has no name and numbers the rows: left out"))
        else:
            columns = {f"column_{place}": nameless, **columns}
            findings.append(Finding(f"column {place} has no name: called column_{place}", column=f"column_{place}"))
    return Table(name, columns, lines[1:], header=named, findings=(*findings, *more), padded=padded)


def _has_header(rows: Rows, given: bool | None) -> bool:
    """Return whether the first row holds names: as the user says, or unless it is data like the rows below it."""
    if given is not None:
        return given
    first = [cell.strip() for cell in rows[0]]
    if len(rows) < 3 or not first or not _is_data(first[0]):
        return True
    alike = [(_is_data(a), _is_data(b.strip())) for a, b in zip(first, rows[1], strict=False)]
    return not (all(above == below for above, below in alike) and sum(above for above, _ in alike) >= 2)


def _is_data(cell: str) -> bool:
    """Return whether a cell holds a number or a date of digits."""
    return DATA.fullmatch(cell.strip()) is not None and not re.fullmatch(r"\d{4}", cell.strip())


def _check_header(header: list[str], name: str, line: int) -> None:
    seen: set[str] = set()
    for title in header:
        if title and title in seen:
            positions = [str(k + 1) for k, other in enumerate(header) if other == title]
            raise DataError(
                f"the column name appears {len(positions)} times (columns {', '.join(positions)}).",
                remedy="Give each column its own name.",
                code="GF-D12",
                file=name,
                line=line,
                column=title,
            )
        seen.add(title)
    if header and all(_is_data(title) for title in header):
        raise no_header(name, line)


def no_header(name: str, line: int) -> DataError:
    """Return the error of a table whose columns have no names."""
    return DataError(
        "the first line looks like data, not like a header.",
        remedy="Add a header line such as ds,y, or pass `header=False`.",
        code="GF-D13",
        file=name,
        line=line,
    )


def _rectangular(rows: Rows, lines: list[int], name: str, layout: Layout) -> tuple[Rows, Findings]:
    """Return the rows with as many fields as the header, and findings."""
    width = len(rows[0])
    wrong = [k for k, row in enumerate(rows) if len(row) != width]
    if not wrong:
        return rows, ()
    if all(len(rows[k]) > width for k in wrong) and _only_blank_beyond(rows, 0):
        finding = Finding(f"{len(wrong)} rows end in a mark between fields with nothing behind it: left out")
        return [row[:width] for row in rows], (finding,)
    if not rows[0][-1].strip() and all(len(rows[k]) == width - 1 for k in range(1, len(rows))):
        return [rows[0][:-1], *rows[1:]], ()  # a mark at the end of the header alone
    if layout.short_rows and all(len(rows[k]) < width for k in wrong):
        first = lines[wrong[0]]
        text = f"{len(wrong)} rows are shorter than the header (first: line {first}): filled with blanks"
        return [row + [""] * (width - len(row)) for row in rows], (Finding(text, line=first),)
    raise _wrong_width(len(rows[wrong[0]]), width, name, lines[wrong[0]])


def _check_cut_numbers(rows: Rows, lines: list[int], name: str, layout: Layout) -> None:
    """Refuse rows filled up to ever different columns: decimal commas that were fields' ends, so nothing fits its name.

    Raises:
        DataError: there are at least three such lengths, and they change from row to row.
    """
    if len(rows[0]) < 6 or layout.short_rows:
        return
    filled = [max((k for k, cell in enumerate(row, 1) if cell.strip()), default=0) for row in rows[1:MAX_CUT]]
    usual = [length for length, count in Counter(filled).items() if count >= 0.005 * len(filled)]
    if len(usual) < 3 or sum(a != b for a, b in itertools.pairwise(filled)) < 0.1 * len(filled):
        return
    inside = sum(not cell.strip() for row, length in zip(rows[1:], filled, strict=False) for cell in row[:length])
    if inside < 0.01 * len(filled) * len(rows[0]):
        raise DataError(
            f"the rows are filled up to column {min(usual)}, {max(usual)} or between, changing from row to row: decimal"
            " commas without quotes seem to have cut numbers in two.",
            remedy="Export the file again with decimal points or with quotes; values cannot be told apart here.",
            code="GF-D56",
            file=name,
            line=lines[1],
        )


def _wrong_width(width: int, wanted: int, name: str, line: int) -> DataError:
    text = f"this row has {width} fields, the header has {wanted}"
    remedy = "Correct the row; a comma inside a value needs quotes around the value."
    if width < wanted:
        text += f": {wanted - width} missing"
        remedy = "Correct the row, or pass `allow_short_rows=True` if what is missing may be blank."
    return DataError(f"{text}.", remedy=remedy, code="GF-D14", file=name, line=line)

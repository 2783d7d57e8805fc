"""A file as columns of text, with the physical line of each row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gruforecast.data.files.column import Column
from gruforecast.data.finding import Findings
from gruforecast.errors import FormError, did_you_mean, shorten


def stripped(cells: Iterable[tuple[str, Sequence[str]]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return the cells of each column without blanks around them, and as they are where some have blanks."""
    columns, padded = {}, {}
    for name, those in cells:
        columns[name] = [cell.strip() for cell in those]
        if columns[name] != list(those):
            padded[name] = list(those)
    return columns, padded


@dataclass(frozen=True)
class Table:
    """A file as text.

    Attributes:
        file: the name to show in errors.
        columns: column name to its cells, stripped of surrounding blanks.
        lines: physical line in the file of each row; the first line is 1.
        delimiter: the mark between fields.
        header: whether the file has names of columns.
        header_line: the line of these names; None where they stand in none and cannot be data.
        findings: what was left out or assumed on the way.
        padded: the cells as they are, of columns where some have blanks around them.
        plain: columns that hold numbers by their type, so nothing about their marks is in doubt.
    """

    file: str
    columns: dict[str, list[str]]
    lines: list[int]
    delimiter: str = ","
    header: bool = True
    header_line: int | None = 1
    findings: Findings = ()
    padded: dict[str, list[str]] = field(default_factory=dict)
    plain: frozenset[str] = frozenset()

    @property
    def unit(self) -> str:
        """What `lines` count: lines of a file, or rows of a frame."""
        return "row" if self.header_line is None else "line"

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, name: str) -> list[str]:
        """Return the cells of column `name`.

        Raises:
            FormError: there is no such column.
        """
        if name not in self.columns:
            known = list(self.columns)
            raise FormError(
                f"there is no column {name!r}.{did_you_mean(name, known)}",
                remedy=f"The columns are {shorten(known, 12)}.",
                code="GF-D10",
                file=self.file,
            )
        return self.columns[name]

    def cells(self, name: str) -> Column:
        """Return the column `name` with the lines of its cells; see `column`."""
        return Column(self.file, name, self.column(name), self.lines, self.delimiter, name in self.plain)

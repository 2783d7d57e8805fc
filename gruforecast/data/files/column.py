"""A column of text with what an error needs to name its place."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from gruforecast.arrays import Bools
from gruforecast.errors import DataError

T = TypeVar("T")
LONGEST = 80  # characters of a cell that a message shows


@dataclass(frozen=True)
class Column:
    """The cells of one column.

    Attributes:
        file: the name to show in errors.
        lines: physical line in the file of each cell.
        delimiter: the mark between the fields of the file.
        plain: whether the cells are numbers by their type, as Python writes them.
        known: what was made of the cells already, see `once`.
    """

    file: str
    name: str
    cells: list[str]
    lines: list[int]
    delimiter: str = ","
    plain: bool = False
    known: dict[Hashable, Any] = field(init=False, default_factory=dict, compare=False, repr=False)

    def once(self, make: Callable[..., T], *arguments: Hashable) -> T:
        """Return `make(self, *arguments)`, made once: what a form was inferred from is what it is applied to."""
        key = (make, *arguments)
        if key not in self.known:
            self.known[key] = make(self, *arguments)
        return self.known[key]

    @functools.cached_property
    def distinct(self) -> list[str]:
        """Each different cell once, in order of appearance."""
        return list(dict.fromkeys(self.cells))

    def refuse_first(
        self, bad: Bools, text: Callable[[int], str], remedy: str, code: str, kind: type[DataError] = DataError
    ) -> None:
        """Refuse the first row for which `bad`, (n,), holds; `text` says what is wrong with it."""
        for k in np.flatnonzero(bad)[:1].tolist():
            raise self.refused_at(k, text(k), remedy, code, kind)

    def refused(self, cell: str, text: str, remedy: str, code: str, kind: type[DataError] = DataError) -> DataError:
        """Return the error that names the first line where `cell` stands."""
        return self.refused_at(self.cells.index(cell), text, remedy, code, kind)

    def refused_at(self, k: int, text: str, remedy: str, code: str, kind: type[DataError] = DataError) -> DataError:
        """Return the error that names the line of row `k`."""
        cell = self.cells[k]
        shown = cell if len(cell) <= LONGEST else f"{cell[:LONGEST]}…"
        text = text.replace(repr(cell), repr(shown))
        return kind(text, remedy=remedy, code=code, file=self.file, line=self.lines[k], column=self.name, value=shown)

"""Which series each row belongs to."""

from __future__ import annotations

import numpy as np

from gruforecast.arrays import Ints
from gruforecast.data.align.grid import Keys
from gruforecast.data.files.table import Table
from gruforecast.data.finding import Finding, Findings
from gruforecast.data.plan import Names
from gruforecast.errors import DataError


def read_keys(table: Table, names: Names, *, stripped: bool) -> tuple[Ints, Keys, Findings]:
    """Return the number of each row's series, in order of first appearance, the key of each series, and findings."""
    if not names.ids:
        return np.zeros(len(table), np.int64), (("series",),), ()
    columns = [table.column(name) for name in names.ids]
    if not stripped:
        columns = [table.padded.get(name, column) for name, column in zip(names.ids, columns, strict=True)]
    for name, column in zip(names.ids, columns, strict=True):
        blank = next((k for k, cell in enumerate(column) if not cell or cell.isspace()), None)
        if blank is not None:
            remedy = "Fill in the id of the series."
            line = table.lines[blank]
            raise DataError("the cell is blank.", remedy=remedy, code="GF-D34", file=table.file, line=line, column=name)
    rows = list(zip(*columns, strict=True))
    number = {key: k for k, key in enumerate(dict.fromkeys(rows))}
    plain = {tuple(part.strip() for part in key) for key in number}
    text = f"{len(number) - len(plain)} ids differ from others by blanks around them only: --strip-ids makes them one"
    findings = (Finding(text),) if len(plain) < len(number) else ()
    return np.array([number[key] for key in rows], np.int64), tuple(number), findings

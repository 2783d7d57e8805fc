"""A total beside its parts: columns, or series, of which one is the sum of others."""

from __future__ import annotations

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.data.files.table import Table
from gruforecast.data.finding import Finding, Findings
from gruforecast.data.formats.numbers import NumberForm
from gruforecast.data.panel import Panel
from gruforecast.errors import shorten

LOOKED_AT = 500  # rows
MOST, MORE_ROWS = 40, 8  # columns that are compared, rows that must be there beyond one for each
CLOSE = 1e-3  # of the range of a total: what rounding may leave


def total_of(values: Floats) -> tuple[int, list[int]] | None:
    """Return which of columns (n_rows, n_columns) is the sum of which others, at least two; None if none is."""
    rows = values[~np.isnan(values).any(axis=1)][-LOOKED_AT:]
    if len(rows) < MORE_ROWS:
        return None
    moving = np.flatnonzero(np.ptp(rows, axis=0) > 0)
    if not 3 <= len(moving) <= min(MOST, len(rows) - MORE_ROWS):
        return None
    for k in sorted(moving, key=lambda k: -float(np.abs(rows[:, k]).sum())):
        others = [j for j in moving if j != k]
        shares = np.linalg.lstsq(rows[:, others], rows[:, k], rcond=None)[0]
        solved = [j for j, share in zip(others, shares, strict=True) if round(share) == 1]
        for parts in (others, solved):
            rest = np.abs(rows[:, k] - rows[:, parts].sum(axis=1)).max()
            if len(parts) > 1 and rest <= CLOSE * np.ptp(rows[:, k]):
                return int(k), [int(j) for j in parts]
    return None


def total_of_columns(table: Table, names: list[str]) -> tuple[str, list[str]]:
    """Return a sentence on the column that is the sum of others among `names`, and all of these; empty if none is."""
    form, kept = NumberForm(), {}
    for name in names[: MOST + 1]:
        numbers = [form.value(cell) for cell in table.columns[name][-LOOKED_AT:]]
        if None not in numbers:
            kept[name] = numbers
    found = total_of(np.array(list(kept.values()), float).T) if len(kept) > 2 else None
    if found is None:
        return "", []
    those = list(kept)
    return _in_words(those, *found), [those[k] for k in (found[0], *found[1])]


def total_series(panel: Panel) -> Findings:
    """Return a finding where one series of a panel is the sum of others at the same stamps."""
    if not 3 <= len(panel) <= MOST:
        return ()
    stamps, at = np.unique(panel.ds, return_inverse=True)
    values = np.full((len(stamps), len(panel)), np.nan)
    values[at, np.repeat(np.arange(len(panel)), panel.lengths)] = panel.y
    found = total_of(values)
    if found is None:
        return ()
    text = _in_words(["/".join(key) for key in panel.ids], *found)
    return (Finding(f"series {text}: what they hold counts twice; leave it out if it is not to be forecast"),)


def _in_words(names: list[str], total: int, parts: list[int]) -> str:
    return f"{names[total]!r} is the sum of {shorten([names[k] for k in parts], 8)}"

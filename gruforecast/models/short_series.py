"""Intervals of short series that a model has not seen: wider, and in a unit that few rows cannot say alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gruforecast.arrays import Floats, Ints
from gruforecast.data.scale import error_unit
from gruforecast.data.windows import History, Windows, gather_past

ENOUGH = 12  # rows from which on a series says its unit alone, or two seasons if that is more


@dataclass(frozen=True)
class ShortSeries:
    """What is known of forecasts from few rows.

    Attributes:
        rows: numbers of rows that were tried, ascending; none where nothing could be measured.
        factors: of half-widths by member, for each number of rows; each at least 1.
        ratio: of the unit of errors to the level, the median of the training series.
        needed: rows from which on intervals hold.
    """

    rows: tuple[int, ...] = ()
    factors: dict[str, tuple[float, ...]] = field(default_factory=dict)
    ratio: float = 0.0
    needed: int = 0

    def widening(self, member: str, rows: Ints) -> Floats:
        """Return by how much half-widths of series with so many rows (n,) are wider; 1 with more than were tried."""
        if not self.rows:
            return np.ones(len(rows))
        factors = np.array(self.factors[member])
        tried = np.array(self.rows)
        at = np.searchsorted(tried, rows, side="right") - 1
        return np.where(rows > tried[-1], 1.0, factors[np.maximum(at, 0)])

    def unit(self, history: History, windows: Windows, season_length: int) -> Floats:
        """Return the unit of errors (n,): the series' own, drawn to the usual share of its level with few rows."""
        own, enough = error_unit(history, windows, season_length), max(2 * season_length, ENOUGH)
        usual = self.ratio * levels(history, windows, enough)
        share = np.minimum((windows.end - windows.start) / enough, 1.0)
        share = np.where(own > 0, np.where(usual > 0, share, 1.0), 0.0)
        safe, prior = np.where(own > 0, own, 1.0), np.where(usual > 0, usual, 1.0)
        return np.where((own > 0) | (usual > 0), safe**share * prior ** (1.0 - share), own)


def levels(history: History, windows: Windows, rows: int) -> Floats:
    """Return the mean size of the newest `rows` values before each window, (n,); 0 without any."""
    past = np.abs(gather_past(history.values, windows, rows))
    seen = ~np.isnan(past)
    return np.where(seen, past, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)

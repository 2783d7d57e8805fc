"""The profile of a file that `check` shows: the plan to read it by, what is odd, and each series in a line."""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.automl.options import CheckOptions, FitOptions
from gruforecast.automl.preparation import before_test, decide, horizon_and_seasons, without_lines
from gruforecast.data.calendar.frequency import seasons_in_words
from gruforecast.data.calendar.seasonality import season_strength
from gruforecast.data.checks import odd_values, outliers, share_of_zeros
from gruforecast.data.files.source import Data, name_of
from gruforecast.data.finding import shown
from gruforecast.data.panel import Panel
from gruforecast.data.plan import Plan
from gruforecast.data.read import Reading, read_csv
from gruforecast.errors import DataError
from gruforecast.evaluation.splits import MIN_ROWS
from gruforecast.serialization import Record
from gruforecast.text import harmless_lines

CHART = 60  # columns of the small picture of a series
BLOCKS = "▁▂▃▄▅▆▇█"
Enough = Literal["folds", "test", "training", "forecast"]


class Season(Record, frozen=True):
    """A season that the rows before the test set show, and its strength there, from 0 to 1.

    The strength is None where all series have fewer than three such seasons: on so few, noise alone looks strong.
    """

    length: int
    strength: float | None


class SeriesProfile(Record, frozen=True):
    """One series.

    Attributes:
        first, last: stamps as in the file.
        missing: rows without a value; gaps: how many runs of them; zeros: share of the values.
        enough: what it can take part in: `folds`, the `test` set alone, only the `training`, or `forecast` only.
    """

    id: str
    rows: int
    first: str
    last: str
    missing: int
    gaps: int
    zeros: float
    outliers: int
    min: float
    mean: float
    max: float
    enough: Enough


class SeriesChart(Record, frozen=True):
    """A series as a line of blocks, with its lowest and highest value."""

    id: str
    text: str
    low: float
    high: float


class DataProfile(Record, frozen=True):
    """What `check` finds in a file.

    Attributes:
        season_length: of seasonal naive and MASE, 1 = none; seasons: all that are found, this one first.
        found: what was found out about the data and not given; warnings: what may mislead.
        refused: why `fit` would refuse the data, and what to do; empty where it takes them.
        chart: the longest series.
    """

    file: str
    n_series: int
    n_rows: int
    n_missing: int
    freq: str
    horizon: int
    season_length: int
    seasons: list[Season]
    found: list[str]
    warnings: list[str]
    refused: str
    plan: Plan
    series: list[SeriesProfile]
    chart: SeriesChart

    @property
    def season_lengths(self) -> list[int]:
        """All seasons, the main one first, 1 where there is none."""
        return list(dict.fromkeys([self.season_length, *(one.length for one in self.seasons)]))

    def __repr__(self) -> str:
        season = seasons_in_words(self.season_lengths)
        size = f"{self.n_series:,} series, {self.n_rows:,} rows, {self.n_missing:,} values missing"
        lines = [f"DataProfile({self.file!r}): {size}", f"step {self.freq}, {season}, horizon {self.horizon}"]
        lines += [*self.found, *(f"warning: {one}" for one in self.warnings)]
        return harmless_lines("\n".join([*lines, *([f"fit would refuse: {self.refused}"] if self.refused else [])]))


def examine(data: Data, options: CheckOptions) -> DataProfile:
    """Return findings, plan and summary of the data that `fit` would be given; nothing is trained.

    Raises:
        DataError: the file cannot be read without guessing.
    """
    reading = read_csv(data, options)
    panel, seen = reading.panel, without_lines(reading)
    horizon, seasons = horizon_and_seasons(seen, options.horizon, options.season)
    before = before_test(seen, horizon)
    warnings, refused = _of_fit(reading, options)
    strengths = {m: season_strength(before.y, before.indptr, m) for m in seasons if m > 1}
    return DataProfile(
        file=name_of(data),
        n_series=len(panel),
        n_rows=len(panel.y),
        n_missing=int(np.isnan(panel.y).sum()),
        freq=panel.freq.label,
        horizon=horizon,
        season_length=seasons[0],
        seasons=[Season(m, None if s is None else round(s, 3)) for m, s in strengths.items()],
        found=shown(reading.findings, "info"),
        warnings=shown((*reading.findings, *odd_values(panel, reading.lines, reading.unit)), "warning") + warnings,
        refused=refused,
        plan=panel.plan,
        series=_series(panel, horizon),
        chart=_chart(panel),
    )


def _of_fit(reading: Reading, options: CheckOptions) -> tuple[list[str], str]:
    """Return the warnings of `fit` on these data, and why it would refuse them: the same function decides."""
    try:
        return decide(reading, FitOptions(horizon=options.horizon, season=options.season)).warnings, ""
    except DataError as error:
        return [], f"{error.message} {error.remedy}"


def _series(panel: Panel, horizon: int) -> list[SeriesProfile]:
    first = panel.plan.form.joined(panel.ds[panel.indptr[:-1]])
    last = panel.plan.form.joined(panel.ds[panel.indptr[1:] - 1])
    return [
        _one(panel, k, panel.y[begin:end], (first[k], last[k]), horizon)
        for k, (begin, end) in enumerate(itertools.pairwise(panel.indptr))
    ]


def _one(panel: Panel, k: int, y: Floats, stamps: tuple[str, str], horizon: int) -> SeriesProfile:
    gaps = np.isnan(y)
    seen = y[~gaps]
    return SeriesProfile(
        id="/".join(panel.ids[k]),
        rows=len(y),
        first=stamps[0],
        last=stamps[1],
        missing=int(gaps.sum()),
        gaps=int((np.diff(gaps.astype(int)) == 1).sum()),
        zeros=round(share_of_zeros(y), 4),
        outliers=len(outliers(y)),
        min=float(seen.min()),
        mean=float(seen.mean()),
        max=float(seen.max()),
        enough=_enough(len(y), horizon),
    )


def _enough(rows: int, horizon: int) -> Enough:
    if rows >= 3 * horizon + MIN_ROWS:
        return "folds"
    if rows >= 2 * horizon + MIN_ROWS:
        return "test"
    return "training" if rows > horizon else "forecast"


def _chart(panel: Panel) -> SeriesChart:
    """Return the longest series as a line of blocks."""
    k = int(np.argmax(panel.lengths))
    y = panel.y[panel.indptr[k] : panel.indptr[k + 1]]
    parts = np.array_split(y, min(CHART, len(y)))
    means = np.array([np.nanmean(part) if np.isfinite(part).any() else np.nan for part in parts])
    low, high = float(np.nanmin(means)), float(np.nanmax(means))
    level = np.nan_to_num((means - low) / (high - low if high > low else 1.0))
    text = "".join(
        " " if np.isnan(one) else BLOCKS[round(place * (len(BLOCKS) - 1))]
        for one, place in zip(means, level, strict=True)
    )
    return SeriesChart("/".join(panel.ids[k]), text, low, high)

"""The data of a `fit`, read and divided, with everything found that the user did not give."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gruforecast.backtest import Split, split
from gruforecast.data.findings import odd_values
from gruforecast.data.panel import Reading, read_csv
from gruforecast.data.season import detect_season
from gruforecast.data.table import Panel
from gruforecast.errors import DataError
from gruforecast.exogenous import Scaling
from gruforecast.intervals import LEVELS, needed_scores, supported_levels
from gruforecast.options import FitOptions
from gruforecast.progress import Progress

FOLDS = 3
MANY_SERIES = 20  # so many series say enough in one fold
HELD_BACK = 0.3  # share of the rows before the test part that many series may lose to folds
HORIZONS = {"Y": 6, "Q": 8, "M": 12, "W": 13, "D": 14, "B": 14, "h": 24}


@dataclass(frozen=True)
class Prepared:
    """The data, read and divided, before any model is trained; `scaling` is that of the columns beside the target."""

    reading: Reading
    split: Split
    scaling: Scaling
    levels: tuple[float, ...]
    notes: list[str]
    warnings: list[str]

    @property
    def panel(self) -> Panel:
        """The series."""
        return self.reading.panel


def prepare(options: FitOptions, progress: Progress) -> Prepared:
    """The data of `options`, with season, horizon, folds and levels found where they were not given.

    Season and levels are found from the rows before the test part.
    """
    reading = read_csv(options.data, options.reading)
    panel, file = reading.panel, Path(options.data).name
    notes, warnings = list(reading.found), reading.warnings + odd_values(panel, reading.lines)
    for note in notes:
        progress.say(note)
    for warning in warnings:
        progress.warn(warning)
    said, warned = len(notes), len(warnings)
    horizon, season = horizon_and_season(panel, options.horizon, options.season)
    if options.horizon is None:
        notes.append(f"horizon {horizon}")
    if options.season is None:
        notes.append(f"season of {season} rows" if season > 1 else "no season")
    divided = _divide(panel, horizon, options.folds, season, file, notes)
    notes.append("cutoffs by date" if panel.ends_together else "cutoffs by position: the series end at different times")
    divided, scaling = divided.scaled(panel.plan.inputs)
    levels = _levels(options, divided, file, warnings)
    for note in notes[said:]:
        progress.say(note)
    for warning in warnings[warned:]:
        progress.warn(warning)
    return Prepared(reading, divided, scaling, levels, notes, warnings)


def horizon_and_season(panel: Panel, horizon: int | None, season: int | None) -> tuple[int, int]:
    """Both, found where they are None; the season from the rows before the test part."""
    if horizon is None:
        found = season
        if season is None and panel.freq.label not in HORIZONS:
            found = _season(panel, int(panel.lengths.max()) // 6)
        horizon = HORIZONS.get(panel.freq.label) or max(6, 2 * (found or 1))
    return horizon, _season(panel, horizon) if season is None else season


def _divide(panel: Panel, horizon: int, folds: int | None, season: int, file: str, notes: list[str]) -> Split:
    """The split, with only folds that can be scored.

    Raises:
        DataError: no fold or no test part can be scored.
    """
    whole = split(panel, horizon, folds or _usual_folds(panel, horizon), season, file)
    divided = whole.scorable()
    if not len(divided.folds) or not divided.can_judge():
        part = "test part" if len(divided.folds) else "fold before the test part"
        raise DataError(
            f"no {part} can be scored: there the values are missing, or until then they never change.",
            remedy="Leave constant series out, give more rows, or pass another --horizon.",
            code="GF-D43",
            file=file,
        )
    asked, found = folds or FOLDS, len(whole.folds)
    if found < asked:
        notes.append(f"{found} {'folds' if found > 1 else 'fold'} instead of {asked}, because the series are short")
    if len(divided.folds) < len(whole.folds):
        notes.append(f"{len(divided.folds)} folds instead of {len(whole.folds)}, because the others cannot be scored")
    return divided


def _usual_folds(panel: Panel, horizon: int) -> int:
    """Three; fewer for many short series, whose networks would lose too many rows to learn from."""
    if len(panel) < MANY_SERIES:
        return FOLDS
    rows = float(np.median(panel.lengths)) - horizon
    return int(np.clip(HELD_BACK * rows // horizon, 1, FOLDS))


def _season(panel: Panel, horizon: int) -> int:
    """The season found in the rows before the test part; never longer than half the longest series."""
    start, end = panel.indptr[:-1], panel.indptr[1:]
    before = panel.rows(start, np.maximum(end - horizon, np.minimum(start + 1, end)))
    found = detect_season(before.y, before.indptr, panel.freq)
    return found if found <= int(panel.lengths.max()) // 2 else 1


def _levels(options: FitOptions, divided: Split, file: str, warnings: list[str]) -> tuple[float, ...]:
    """The interval levels that the origins before the test part support."""
    actual = divided.actual(divided.calibration_windows())
    asked = options.levels or LEVELS
    possible = supported_levels(actual, tuple(set(asked)))
    for level in sorted(set(asked) - set(possible)):
        count = int((~np.isnan(actual)).sum())
        text = f"intervals of {level:g} % need {needed_scores(level)} errors before the test part, there are {count}."
        if options.levels:
            remedy = "Give more rows, a shorter --horizon or more --folds, or leave --level out."
            raise DataError(text, remedy=remedy, code="GF-D41", file=file)
        warnings.append(f"{text[:-1]}: left out")
    return possible

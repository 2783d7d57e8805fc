"""The data of a `fit`, read and divided, with everything found that the user did not give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gruforecast.automl.options import FitOptions
from gruforecast.data.align.grid import interpolated
from gruforecast.data.calendar.frequency import seasons_in_words
from gruforecast.data.calendar.seasonality import find_seasons
from gruforecast.data.checks import odd_values
from gruforecast.data.files.source import Data
from gruforecast.data.finding import shown
from gruforecast.data.joining import ended_early
from gruforecast.data.panel import Panel
from gruforecast.data.read import Reading, read_csv
from gruforecast.data.windows import History
from gruforecast.errors import DataError
from gruforecast.evaluation.calibration import LEVELS, needed_scores, supported_levels
from gruforecast.evaluation.splits import MIN_ROWS, Split, split
from gruforecast.execution.progress import Progress
from gruforecast.models.networks.covariates import Scaling

FOLDS = 3
MANY_SERIES = 20  # so many series say enough in one fold, and enough to tell many trials apart
TRIALS = {False: 6, True: 16}  # by whether there are many series; six is what the bank of single files was fitted with
HELD_BACK = 0.3  # share of the rows before the test set that many series may lose to folds
HORIZONS = {"Y": 6, "Q": 8, "M": 12, "W": 13, "D": 14, "B": 14, "h": 24}
UNDEFINED = (
    "MASE is not defined here: the rows repeat exactly from one season to the next. Models are chosen by MAE, "
    "in units of the mean change from row to row"
)


@dataclass(frozen=True)
class Prepared:
    """The data, read and divided, before any model is trained.

    Attributes:
        scaling: that of the covariates.
        trials: how many the search has.
    """

    reading: Reading
    split: Split
    scaling: Scaling
    levels: tuple[float, ...]
    trials: int
    notes: list[str]
    warnings: list[str]

    @property
    def panel(self) -> Panel:
        """The series as the models see them: `fill` has drawn no line after the first fold."""
        return replace(self.reading.panel, y=self.split.history.values)


def prepare(data: Data, options: FitOptions, progress: Progress) -> Prepared:
    """Return a file or data frame, with season, horizon, folds and levels found where they were not given."""
    reading = read_csv(data, options)
    findings = (*reading.findings, *odd_values(reading.panel, reading.lines, reading.unit))
    notes, warnings = shown(findings, "info"), shown(findings, "warning")
    _show(progress, notes, warnings)
    prepared = decide(reading, options)
    _show(progress, prepared.notes, prepared.warnings)
    return replace(prepared, notes=notes + prepared.notes, warnings=warnings + prepared.warnings)


def _show(progress: Progress, notes: list[str], warnings: list[str]) -> None:
    for note in notes:
        progress.say(note)
    for warning in warnings:
        progress.warn(warning)


def decide(reading: Reading, options: FitOptions) -> Prepared:
    """Return everything that is decided before a model is trained, with the notes and warnings about that alone.

    Season and levels are found from the rows before the test set: the leak audit calls this on data whose test set is
    noise, and the answer must be the same.

    Raises:
        DataError: the data cannot be divided, or no part of them can be scored.
    """
    panel, file = without_lines(reading), reading.file
    notes: list[str] = []
    warnings: list[str] = []
    horizon, seasons = horizon_and_seasons(panel, options.horizon, options.season)
    season = seasons[0]
    if options.horizon is None:
        notes.append(f"horizon {horizon}")
    if options.season is None:
        notes.append(seasons_in_words(seasons))
    divided = _divide(panel, horizon, options.folds, season, file, notes)
    divided = replace(divided, second=seasons[1] if len(seasons) > 1 else None)
    notes.append("cutoffs by date" if panel.ends_together else "cutoffs by position: the series end at different times")
    warnings += shown(ended_early(panel, horizon), "warning")
    if not (divided.mase_scale(divided.test_windows()) > 0).any():
        notes.append(UNDEFINED)
    levels = _levels(options, divided, file, warnings)
    divided, scaling = normalised(divided, panel)
    if panel.plan.fill and (masked := int(np.isnan(divided.history.values).sum())):
        warnings.append(f"{masked} missing values stay masked from the first fold on: a line knows what comes after it")
    trials = options.trials or TRIALS[len(panel) >= MANY_SERIES]
    if options.trials is None:
        notes.append(f"{trials} trials")
    return Prepared(reading, divided, scaling, levels, trials, notes, warnings)


def normalised(divided: Split, panel: Panel) -> tuple[Split, Scaling]:
    """Return the split on the rows of `panel`, with what is computed from those before the first fold alone.

    Covariates are standardised, and `fill` draws its lines over the gaps that end there.
    """
    y, indptr = panel.y, panel.indptr
    if panel.plan.fill:
        y = y.copy()
        for begin, end in zip(indptr[:-1], divided.learned, strict=True):
            y[begin:end] = interpolated(np.array([0, end - begin]), y[begin:end])
    return replace(divided, history=History.of(y, indptr, panel.wall, panel.x)).scaled(panel.plan.inputs)


def without_lines(reading: Reading) -> Panel:
    """Return the series as they stand in the file: what `fill` put on a line is missing again.

    A line over a gap knows where the gap ends, so over a cutoff it would carry a later value to the rows before it.
    """
    return replace(reading.panel, y=np.where(reading.filled, np.nan, reading.panel.y))


def truth(reading: Reading, warn: Callable[[str], None]) -> Panel:
    """Return the rows that forecasts are held against: what lies on a line between others is no truth, and is said."""
    if reading.filled.any():
        warn("values on lines are taken out again: a line knows what comes after it, and is no truth")
    return without_lines(reading)


def horizon_and_seasons(panel: Panel, horizon: int | None, season: int | None) -> tuple[int, list[int]]:
    """Return the horizon and all seasons, the main one first; found where they are None, from rows before the test set.

    A season that is given is the only one.
    """
    horizon = horizon or default_horizon(panel, season)
    return horizon, seasons_before(panel, horizon) if season is None else [season]


def default_horizon(panel: Panel, season: int | None) -> int:
    """Return the usual horizon of a frequency; where there is none, two seasons, at least 6 rows."""
    if panel.freq.label in HORIZONS:
        return HORIZONS[panel.freq.label]
    longest = int(panel.lengths.max())
    length = seasons_before(panel, longest // 3)[0] if season is None else season  # no test set is longer
    return max(6, min(2 * length, (longest - MIN_ROWS) // 3))  # see `splits.split`


def _divide(panel: Panel, horizon: int, folds: int | None, season: int, file: str, notes: list[str]) -> Split:
    """Return the split, with only folds that can be scored.

    Raises:
        DataError: no fold or no test set can be scored.
    """
    whole = split(panel, horizon, folds or _default_folds(panel, horizon), season, file)
    divided = whole.scorable()
    if not len(divided.folds) or not divided.can_judge():
        part = "test set" if len(divided.folds) else "fold before the test set"
        text = f"no {part} can be scored: there the values are missing, or until then they never change."
        remedy = "Give more rows, or pass another `horizon`."
        if not (whole.error_unit(whole.test_windows()) > 0).any():
            text = "the values never change before the test set, so there is nothing to learn or to choose by."
            remedy = "Take the last value as the forecast, or give rows in which the values change."
        raise DataError(
            text,
            remedy=remedy,
            code="GF-D43",
            file=file,
        )
    requested, possible = folds or FOLDS, len(whole.folds)
    if possible < requested:
        word = "folds" if possible > 1 else "fold"
        notes.append(f"{possible} {word} instead of {requested}, because the series are short")
    if len(divided.folds) < len(whole.folds):
        notes.append(f"{len(divided.folds)} folds instead of {len(whole.folds)}, because the others cannot be scored")
    return divided


def _default_folds(panel: Panel, horizon: int) -> int:
    """Return three; fewer for many short series, whose networks would lose too many rows to learn from."""
    if len(panel) < MANY_SERIES:
        return FOLDS
    return int(np.clip(HELD_BACK * (float(np.median(panel.lengths)) - horizon) // horizon, 1, FOLDS))


def seasons_before(panel: Panel, horizon: int) -> list[int]:
    """Return the seasons found in the rows before the last `horizon`; none longer than half the longest series."""
    before = before_test(panel, horizon)
    found = find_seasons(before.y, before.indptr, panel.freq)
    return [season for season in found if season <= int(panel.lengths.max()) // 2] or [1]


def before_test(panel: Panel, horizon: int) -> Panel:
    """Return the panel without the last `horizon` rows of each series, but one row of each."""
    start, end = panel.indptr[:-1], panel.indptr[1:]
    return panel.rows(start, np.maximum(end - horizon, np.minimum(start + 1, end)))


def _levels(options: FitOptions, divided: Split, file: str, warnings: list[str]) -> tuple[float, ...]:
    """Return the interval levels that the origins before the test set support."""
    windows = divided.calibration_windows()
    actual = np.where(divided.error_unit(windows)[:, None] > 0, divided.actual(windows), np.nan)
    requested = set(options.levels or LEVELS)
    possible = supported_levels(actual, tuple(requested))
    count = int((~np.isnan(actual)).sum())
    for level in sorted(requested - set(possible)):
        text = f"intervals of {level:g} % need {needed_scores(level)} errors before the test set, there are {count}."
        if options.levels:
            raise DataError(
                text,
                remedy="Give more rows, a shorter `horizon` or more `folds`, or leave `level` out.",
                code="GF-D41",
                file=file,
            )
        warnings.append(f"{text[:-1]}: left out")
    return possible

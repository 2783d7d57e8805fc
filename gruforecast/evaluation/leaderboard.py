"""Every model judged in the same way: chosen by its folds, judged on the test set, intervals from its own errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Generic, TypeVar

import msgspec
import numpy as np
from msgspec import structs

from gruforecast.arrays import Floats
from gruforecast.data.scale import rmsse_scale
from gruforecast.evaluation.calibration import calibrated, independent_errors, supported_levels
from gruforecast.evaluation.scores import MEANS, POOLED, Evaluated, IntervalScores, intervals, overall
from gruforecast.evaluation.significance import ALPHA, Paired, Spread, compare
from gruforecast.evaluation.splits import Forecasts, Split
from gruforecast.models.conformal import Calibration
from gruforecast.models.model import Kind
from gruforecast.models.networks.config import Hyperparameters
from gruforecast.models.quantile_forecast import QuantileForecast
from gruforecast.models.registry import CHOSEN_GRU, NAIVE
from gruforecast.serialization import Record, plain, record

Level = Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]?(\.[0-9]+)?\Z")]  # percent as text
Number = TypeVar("Number", float, float | None)
COSTS = ("seconds", "seconds_per_epoch", "train_seconds", "forecast_ms")
NEARLY = 0.05  # share by which a model has to be better than the blend on the folds, at least, to be chosen before it
CLEARLY = 0.5  # standard errors by which a winner has to be better than a naive forecast on the folds


class RowConfig(Hyperparameters, frozen=True):
    """What a row of the leaderboard was trained with, and for how many steps."""

    steps: int


class TrainingFacts(Record, kw_only=True, frozen=True):
    """What a row of the leaderboard says of a model beside its scores; see `LeaderboardRow`."""

    parameters: int | None = None
    seconds: float | None = None
    seconds_per_epoch: float | None = None
    train_seconds: float | None = None
    forecast_ms: float | None = None
    weights_bytes: int | None = None
    budget: str | None = None
    config: RowConfig | None = None
    shares: dict[str, float] | None = None


NO_FACTS = TrainingFacts()


@dataclass(frozen=True)
class Candidate:
    """A model that can be judged.

    Attributes:
        facts: copied into its row.
        competes: whether it may win; parts of an ensemble, chosen on the same folds, and comparisons may not.
        shipped: whether it can be forecast with; comparisons cannot.
    """

    name: str
    kind: Kind
    forecasts: Forecasts
    facts: TrainingFacts = NO_FACTS
    competes: bool = True
    shipped: bool = True


class Seeds(Record, Generic[Number], frozen=True):
    """The scores of each seed of a model that was trained with several."""

    val_mase: list[Number]
    mase: list[Number]


class Reference(Paired, frozen=True):
    """How the winner compares with the model that it is held against."""

    against: str = ""


class LeaderboardRow(Record, Generic[Number], kw_only=True, frozen=True):
    """One line of the leaderboard: scores on the test set, and `val_mase`, the mean over folds; see `scores.overall`.

    `Number` is a float with NaN for what is not defined while models are judged, and `float | None` once it is stored.

    Attributes:
        coverage: percent of the test values inside the intervals, by level; intervals: all of `scores.intervals`.
        fold_mase: MASE on each fold, the mean over its series; where it is not defined, see `Split.choice_unit`.
        undefined: for how many series a score is not defined.
        lead: how much lower its MASE on the folds is than that of the better naive forecast, in standard errors of the
            mean difference over windows; None where a single window says nothing about luck.
        surpasses: whether it is clearly better than the blend on the folds: by `NEARLY`, and by more than luck.
        against: what the test set says of the winner against this row, and of the GRU (`winner`, `gru`); see
            `significance.Paired`.
        seeds: where a model was trained with several.
        train_seconds: of the training alone, without compiling; forecast_ms: milliseconds that one forecast of one
            series takes; weights_bytes: size of its file of weights.
        config: of one network; shares: weights of the members of several models together.
    """

    model: str
    kind: Kind
    mase: Number
    smape: Number
    rmse: Number
    mae: Number
    coverage: dict[str, float | None]
    val_mase: Number
    competes: bool
    rmsse: Number
    wape: Number
    bias: Number
    wql: Number
    intervals: dict[Level, IntervalScores] = {}
    fold_mase: list[Number] = []
    undefined: dict[str, int] = {}
    lead: float | None = None
    surpasses: bool = False
    against: dict[str, Paired] = {}
    seeds: Seeds[Number] | None = None
    parameters: int | None = None
    seconds: float | None = None
    seconds_per_epoch: float | None = None
    train_seconds: float | None = None
    forecast_ms: float | None = None
    weights_bytes: int | None = None
    budget: str | None = None
    config: RowConfig | None = None
    shares: dict[str, float] | None = None


Row = LeaderboardRow[float]  # while models are judged: what is not defined is NaN
StoredRow = LeaderboardRow[float | None]


@dataclass(frozen=True)
class Judged:
    """A row, the calibration of its intervals, and its test forecasts with bounds.

    Attributes:
        losses: MASE of each window of the folds, (n_windows,), NaN where there is no scale; see `Split.choice_unit`.
        more: test forecasts of further seeds.
        folds: forecasts of each fold, (n, horizon).
    """

    row: Row
    calibration: Calibration
    shipped: bool
    losses: Floats
    tested: Evaluated
    more: tuple[Evaluated, ...] = ()
    folds: tuple[Floats, ...] = ()

    @classmethod
    def of_seeds(cls, seeds: list[Judged]) -> Judged:
        """Return one row with the mean numbers of several seeds of a model."""
        losses = np.mean([one.losses for one in seeds], axis=0)
        more = tuple(one.tested for one in seeds[1:])
        return replace(seeds[0], row=mean_row([one.row for one in seeds]), losses=losses, more=more)

    @property
    def test_losses(self) -> Floats:
        """Scaled absolute errors on the test set, (n_series, horizon), means over seeds."""
        both = [np.abs(one.actual - one.mean) / one.unit[:, None] for one in (self.tested, *self.more)]
        return np.asarray(np.mean(both, axis=0))


def judge(candidate: Candidate, split: Split, levels: tuple[float, ...]) -> Judged:
    """Return the candidate's scores, and intervals of the levels that the number of its errors supports."""
    calibration = _calibrated(candidate.forecasts, split, levels)
    tested = _tested(candidate.forecasts.test, calibration, split)
    by_level = intervals(tested)
    by_fold = [float(score) for score in split.fold_scores(candidate.forecasts.folds)]
    row = Row(
        model=candidate.name,
        kind=candidate.kind,
        **structs.asdict(overall(tested)),
        coverage={level: one.coverage for level, one in by_level.items()},
        intervals=by_level,
        val_mase=float(np.mean(by_fold)),
        fold_mase=by_fold,
        competes=candidate.competes,
        **structs.asdict(candidate.facts),
    )
    parts = zip(split.fold_windows(), candidate.forecasts.folds, strict=True)
    losses = np.concatenate([split.scores(one, forecast)["mase"] for one, forecast in parts])
    return Judged(row, calibration, candidate.shipped, losses, tested, folds=tuple(candidate.forecasts.folds))


def _tested(forecast: QuantileForecast, calibration: Calibration, split: Split) -> Evaluated:
    """Return the forecasts of the test set with bounds, beside what happened."""
    windows = split.test_windows()
    lower, upper = calibration.bounds_at(windows, forecast, split.error_unit(windows))
    return Evaluated(
        actual=split.actual(windows),
        mean=forecast.mean,
        lower=lower,
        upper=upper,
        levels=calibration.levels,
        mase_scale=split.mase_scale(windows),
        rmsse_scale=rmsse_scale(split.history, windows, split.season_length),
    )


def compared(judged: list[Judged]) -> list[Judged]:
    """Return the same with what the test set says of the winner and of the chosen GRU against each row."""
    by_name = {one.row.model: one for one in judged}
    gru = next((by_name[name] for name in CHOSEN_GRU if name in by_name), None)
    best = {"winner": by_name[winner([one.row for one in judged]).model]} | ({"gru": gru} if gru else {})
    losses = {one.row.model: one.test_losses for one in judged}
    results = []
    for one in judged:
        models = {mine.row.model for mine in best.values()} - {one.row.model}
        paired = {name: compare(losses[name], losses[one.row.model]) for name in models}
        against = {name: paired[mine.row.model] for name, mine in best.items() if mine is not one}
        results.append(replace(one, row=structs.replace(one.row, against=against)))
    return results


def with_leads(judged: list[Judged]) -> list[Judged]:
    """Return the same with each row's `lead` over the better naive forecast, and whether it `surpasses` the blend."""
    naive = min((one for one in judged if one.row.model in NAIVE), key=lambda one: one.row.val_mase)
    blend = next((one for one in judged if one.row.kind == "blend"), None)
    alpha = ALPHA / max(sum(one.row.competes for one in judged) - 1, 1)  # of many models some one has luck
    results = []
    for one in judged:
        surpasses = blend is not None and _surpasses(one, blend, alpha)
        row = structs.replace(one.row, lead=_lead(naive.losses - one.losses), surpasses=surpasses)
        results.append(replace(one, row=row))
    return results


def _lead(gains: Floats) -> float | None:
    """Return the mean over its standard error; None where that cannot be told."""
    gains = gains[np.isfinite(gains)]
    error = float(gains.std(ddof=1)) / np.sqrt(len(gains)) if len(gains) > 1 else 0.0
    return float(gains.mean() / error) if error > 0 else None


def _surpasses(one: Judged, blend: Judged, alpha: float) -> bool:
    """Return whether a model that competes is better than the blend by `NEARLY`, and by more than luck (t test)."""
    gains = blend.losses - one.losses
    lead, count = _lead(gains), int(np.isfinite(gains).sum())
    if lead is None or not one.row.competes or (1 + NEARLY) * one.row.val_mase > blend.row.val_mase:
        return False
    return lead > 0 and Spread.student(1.0, count - 1).p(lead) < alpha


def _calibrated(forecasts: Forecasts, split: Split, levels: tuple[float, ...]) -> Calibration:
    """Return the calibration by errors at the origins from the first fold cutoff to the test set, or at the folds."""
    if forecasts.origins is None:
        pairs = list(zip(split.fold_windows(), map(QuantileForecast, forecasts.folds), strict=True))
    else:
        pairs = [(split.calibration_windows(), forecasts.origins)]
    scale = np.concatenate([split.error_unit(windows) for windows, _ in pairs])
    actual = np.concatenate([split.actual(windows) for windows, _ in pairs])
    usable = np.where(scale[:, None] > 0, actual, np.nan)
    independent = independent_errors([windows for windows, _ in pairs], usable)
    possible = supported_levels(usable, levels)
    joined = QuantileForecast.joined([forecast for _, forecast in pairs])
    return calibrated(joined, actual, possible, scale, independent)


def mean_row(rows: list[Row]) -> Row:
    """Return one row with the mean numbers of several seeds of the same model."""
    first = rows[0]
    if len(rows) == 1:
        return first
    costs = [name for name in COSTS if all(getattr(row, name) is not None for row in rows)]
    means = {
        name: float(np.mean([getattr(row, name) for row in rows])) for name in (*MEANS, *POOLED, "val_mase", *costs)
    }
    by_level = {level: _mean_scores([row.intervals[level] for row in rows]) for level in first.intervals}
    return structs.replace(
        first,
        **means,
        coverage={level: one.coverage for level, one in by_level.items()},
        intervals=by_level,
        fold_mase=np.mean([row.fold_mase for row in rows], axis=0).tolist(),
        seeds=Seeds([row.val_mase for row in rows], [row.mase for row in rows]),
    )


def _mean_scores(seeds: list[IntervalScores]) -> IntervalScores:
    """Return the mean of each number, or of each place in lists of numbers; None where one has none."""
    columns = {name: [getattr(one, name) for one in seeds] for name in IntervalScores.__struct_fields__}
    means = {name: None if None in column else np.mean(column, axis=0).tolist() for name, column in columns.items()}
    return structs.replace(seeds[0], **means)


def winner(rows: list[Row]) -> Row:
    """Return the row to ship among those that compete; test scores play no part.

    That is the blend, unless a model surpasses it: on a few folds some model of many is always better by luck, and of
    all the blend has the least to lose by that. Without a blend it is the row with the lowest validation MASE that is
    a naive forecast or clearly better than one. What may be claimed of it is another question, see `verdict`.
    """
    able = [row for row in rows if row.competes and np.isfinite(row.val_mase)]
    if any(row.kind == "blend" for row in able):
        able = [row for row in able if row.surpasses] or [row for row in able if row.kind == "blend"]
    else:
        able = [row for row in able if row.model in NAIVE or is_clear(row)]
    return min(able, key=lambda row: row.val_mase)


def is_clear(row: Row) -> bool:
    """Return whether its lead over a naive forecast is more than the folds give by luck, as far as they can tell."""
    return row.lead is None or row.lead >= CLEARLY


def stored(rows: list[Row]) -> list[StoredRow]:
    """Return the rows as a report holds them: None where a number is not defined."""
    return record(list[StoredRow], plain(rows), "the leaderboard")

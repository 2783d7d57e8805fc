"""Every model judged in the same way: chosen by its folds, judged on the test part, intervals from its own errors."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.backtest import Forecasts, Split, average
from gruforecast.intervals import Calibration, Fan, calibrate, scores, supported_levels
from gruforecast.metrics import covered, mase_scale
from gruforecast.windows import Windows

Kind = Literal["gru", "lstm", "rnn", "baseline", "blend"]
NAIVE = ("naive", "seasonal-naive")
NEARLY = 0.05  # share that a blend may be worse than the best model on the folds and yet be chosen
CLEARLY = 0.5  # standard errors by which a winner has to be better than a naive forecast on the folds


@dataclass(frozen=True)
class Candidate:
    """A model that can be judged.

    Attributes:
        facts: parameters, seconds and the like, copied into its row.
        competes: whether it may win; parts of an ensemble, chosen on the same folds, and comparisons may not.
        shipped: whether it can be forecast with; comparisons cannot.
    """

    name: str
    kind: Kind
    forecasts: Forecasts
    facts: dict[str, Any] = field(default_factory=dict)
    competes: bool = True
    shipped: bool = True


@dataclass(frozen=True)
class Row:
    """One line of the leaderboard: test scores as means over series, and `val_mase`, the mean over folds.

    Attributes:
        lead: how much lower its MASE on the folds is than that of the better naive forecast, in standard errors of the
            mean difference over windows; None where a single window says nothing about luck.
    """

    model: str
    kind: Kind
    mase: float
    smape: float
    rmse: float
    mae: float
    coverage: dict[str, float]
    val_mase: float
    competes: bool
    lead: float | None = None
    parameters: int | None = None
    seconds: float | None = None
    seconds_per_epoch: float | None = None
    budget: str | None = None
    config: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The row as plain JSON types; NaN becomes None."""
        return {name: _plain(value) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Judged:
    """A row, the calibration of its intervals, and its test forecasts with bounds for the run folder.

    Attributes:
        losses: MASE of each window of the folds, (n_windows,), NaN where there is no scale.
    """

    row: Row
    calibration: Calibration
    shipped: bool
    losses: Floats
    mean: Floats
    lower: Floats
    upper: Floats


def judge(candidate: Candidate, split: Split, levels: tuple[float, ...]) -> Judged:
    """The candidate's scores, and intervals of the levels that the number of its errors supports."""
    calibration = _calibrated(candidate.forecasts, split, levels)
    windows = split.test_windows()
    mean = candidate.forecasts.test.mean
    lower, upper = calibration.bounds(candidate.forecasts.test, interval_scale(split, windows))
    lower = split.history.floor_at_zero(lower, windows)
    found = split.scores(windows, mean)
    actual = split.actual(windows)
    coverage = {
        f"{level:g}": 100 * average(covered(actual, lower[:, :, k], upper[:, :, k]))
        for k, level in enumerate(calibration.levels)
    }
    row = Row(
        model=candidate.name,
        kind=candidate.kind,
        mase=average(found["mase"]),
        smape=average(found["smape"]),
        rmse=average(found["rmse"]),
        mae=average(found["mae"]),
        coverage=coverage,
        val_mase=float(np.mean(split.fold_scores(candidate.forecasts.folds))),
        competes=candidate.competes,
        **candidate.facts,
    )
    parts = zip(split.fold_windows(), candidate.forecasts.folds, strict=True)
    losses = np.concatenate([split.scores(one, forecast)["mase"] for one, forecast in parts])
    return Judged(row, calibration, candidate.shipped, losses, mean, lower, upper)


def with_leads(judged: list[Judged]) -> list[Judged]:
    """The same with each row's `lead` over the better naive forecast."""
    naive = min((one for one in judged if one.row.model in NAIVE), key=lambda one: one.row.val_mase)
    return [replace(one, row=replace(one.row, lead=_lead(naive.losses - one.losses))) for one in judged]


def _lead(gains: Floats) -> float | None:
    """Mean over its standard error; None where that cannot be told."""
    gains = gains[np.isfinite(gains)]
    error = float(gains.std(ddof=1)) / np.sqrt(len(gains)) if len(gains) > 1 else 0.0
    return float(gains.mean() / error) if error > 0 else None


def _calibrated(forecasts: Forecasts, split: Split, levels: tuple[float, ...]) -> Calibration:
    """Intervals from the errors at the origins between the first fold cutoff and the test part, or at the folds."""
    if forecasts.origins is None:
        asked = list(zip(split.fold_windows(), map(Fan, forecasts.folds), strict=True))
    else:
        asked = [(split.calibration_windows(), forecasts.origins)]
    seen = [np.where(interval_scale(split, one)[:, None] > 0, split.actual(one), np.nan) for one, _ in asked]
    possible = supported_levels(np.concatenate(seen), levels)
    return calibrate(np.concatenate([_scores(split, *one, possible) for one in asked]), possible)


def _scores(split: Split, windows: Windows, fan: Fan, levels: tuple[float, ...]) -> Floats:
    return scores(fan, split.actual(windows), levels, interval_scale(split, windows))


def interval_scale(split: Split, windows: Windows) -> Floats:
    """What interval widths are in units of: each window's MASE scale, zero or NaN where there is none, (n,)."""
    return mase_scale(split.history, windows, split.season_length)


def mean_row(rows: list[Row]) -> Row:
    """One row with the mean numbers of several seeds of the same model."""

    def mean(name: str) -> float:
        return float(np.mean([getattr(row, name) for row in rows]))

    first = rows[0]
    timed = first.seconds is not None and all(row.seconds_per_epoch is not None for row in rows)
    return replace(
        first,
        mase=mean("mase"),
        smape=mean("smape"),
        rmse=mean("rmse"),
        mae=mean("mae"),
        val_mase=mean("val_mase"),
        coverage={level: float(np.mean([row.coverage[level] for row in rows])) for level in first.coverage},
        seconds=mean("seconds") if timed else first.seconds,
        seconds_per_epoch=mean("seconds_per_epoch") if timed else first.seconds_per_epoch,
    )


def winner(rows: list[Row]) -> Row:
    """The row with the lowest validation MASE among those that compete; test scores play no part.

    On a few folds some model of many is always better than naive by luck, so one that is not clearly better than a
    naive forecast does not win. The blend is chosen where it is nearly as good as the best and no worse than a naive
    forecast: of all it has the least to lose when one member had luck on the folds.
    """
    able = [row for row in rows if row.competes and np.isfinite(row.val_mase)]
    naive = min((row.val_mase for row in able if row.model in NAIVE), default=np.inf)
    able = [row for row in able if row.model in NAIVE or is_clear(row)]
    best = min(able, key=lambda row: row.val_mase)
    bound = min((1 + NEARLY) * best.val_mase, naive)
    return next((row for row in able if row.kind == "blend" and row.val_mase <= bound), best)


def is_clear(row: Row) -> bool:
    """Whether its lead over a naive forecast is more than the folds give by luck, as far as they can tell."""
    return row.lead is None or row.lead >= CLEARLY


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value

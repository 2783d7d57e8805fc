"""The result of `backtest`: which windows there were, and the scores of each member."""

from __future__ import annotations

from typing import Literal

from gruforecast.evaluation.adaptation import Adaptation
from gruforecast.evaluation.aggregate import Aggregate, MemberScores
from gruforecast.evaluation.backtest import Rolling
from gruforecast.serialization import Record


class BacktestReport(Record, kw_only=True, frozen=True):
    """What `gruforecast backtest --json` prints.

    Attributes:
        windows: cutoffs of the longest series; windows_out_of_sample: those of them, the last ones, that lie behind
            what the model has learned from; n_trained_on: windows of single series that do not.
        refit: whether the networks were trained anew before each cutoff.
        first_cutoff, last_cutoff: stamps as the user writes them; None where cutoffs are positions.
        left_out: members that were not asked, and why.
        adapted: how the intervals of each member adapt at the windows that have newer rows before them.
        scores: lowest MASE first.
    """

    model_dir: str
    winner: str
    freq: str
    season_length: int
    horizon: int
    step: int
    windows: int
    windows_out_of_sample: int
    refit: bool
    n_series: int
    n_forecasts: int
    n_trained_on: int
    cutoffs_by: Literal["date", "position"]
    first_cutoff: str | None
    last_cutoff: str | None
    levels: list[float]
    left_out: dict[str, str]
    adapted: dict[str, Adaptation] = {}
    scores: list[MemberScores]
    seconds: float


def summarise(rolling: Rolling, aggregate: Aggregate, model_dir: str, seconds: float) -> BacktestReport:
    """Return the backtest as it is printed."""
    cutoffs, panel, winner = rolling.cutoffs, rolling.panel, rolling.forecaster.winner
    by_date = panel.ends_together
    adapted = {name: Adaptation.of(one) for name, one in rolling.adapted.items()}
    first, last = panel.plan.form.joined(panel.ds[cutoffs.windows.end[[0, -1]] - 1]) if by_date else (None, None)
    return BacktestReport(
        model_dir=model_dir,
        winner=winner,
        freq=panel.freq.label,
        season_length=rolling.forecaster.season_length,
        horizon=cutoffs.horizon,
        step=cutoffs.step,
        windows=cutoffs.count,
        windows_out_of_sample=rolling.out_of_sample,
        refit=rolling.refit,
        n_series=len(panel),
        n_forecasts=len(cutoffs),
        n_trained_on=int(rolling.trained_on(cutoffs.windows).sum()),
        cutoffs_by="date" if by_date else "position",
        first_cutoff=first,
        last_cutoff=last,
        levels=list(rolling.levels),
        left_out=rolling.left_out,
        adapted={name: one for name, one in adapted.items() if one is not None},
        scores=aggregate.scores(winner),
        seconds=seconds,
    )

"""The pretrained network backtested: at each cutoff it knows no more than the rows before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gruforecast.automl.options import SeasonOptions
from gruforecast.automl.preparation import before_test, seasons_before
from gruforecast.automl.pretrained import forecaster_for, horizon_for, rows_seen
from gruforecast.data.files.source import Data
from gruforecast.evaluation.backtest import Rolling, check_counts, count_cutoffs, roll
from gruforecast.evaluation.own_history import measured_at


def rolled(
    data: Data,
    options: SeasonOptions,
    *,
    windows: int | None = None,
    step: int | None = None,
    horizon: int | None = None,
    members: Sequence[str] = (),
    levels: Sequence[float] = (),
) -> Rolling:
    """Return the windows at which the network is to be asked; its season is found in the rows before the first of them.

    Raises:
        UsageError: an argument asks for what the network does not take.
        DataError: the data cannot be read without guessing, or are too few.
    """
    panel = rows_seen(data, options)
    check_counts(windows, step)
    steps = horizon_for(panel, options, horizon)
    seasons = [options.season or 1]
    if options.season is None and steps > 0:
        rows = step or steps
        back = steps + rows * (count_cutoffs(panel, windows, rows, steps) - 1)
        seasons = seasons_before(before_test(panel, back), 0)
    own = forecaster_for(panel, steps, seasons, levels)
    rolling = roll(own, panel, windows=windows, step=step, members=members, levels=levels)
    if own.winner in rolling.members:  # what cannot be measured is refused before anything is written
        measured_at(own, rolling.history, rolling.cutoff(0))
    return replace(rolling, adapt=False, recalibrate=True)

"""A saved model scored at many cutoffs: the windows, and what is said of them before anything is forecast."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, get_args

from gruforecast.errors import UsageError, did_you_mean
from gruforecast.evaluation.aggregate import Aggregate
from gruforecast.evaluation.backtest import Block, Rolling
from gruforecast.evaluation.own_history import measured_at
from gruforecast.execution.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

Detail = Literal["models", "windows", "forecasts"]


def warn_of(rolling: Rolling, warn: Callable[[str], None]) -> None:
    """Say what is left out of a backtest, and how many of its windows say nothing about new data."""
    for name, why in rolling.left_out.items():
        warn(f"{name} is left out: {why}; `member={name}` asks for it all the same")
    known = int(replace(rolling, refit=False).trained_on(rolling.cutoffs.windows).sum())
    text = f"{known} of {len(rolling.cutoffs)} windows begin in rows that the model was "
    if known and rolling.refit:
        warn(f"{text}chosen with: its networks are trained anew, its options and interval widths are not")
    elif known:
        newer = rolling.out_of_sample
        advice = f"`windows={newer}` keeps to later ones" if newer else "give rows from after the training"
        warn(f"{text}trained on, so their scores are too good; {advice}, or pass `refit=True`")


def blocks(rolling: Rolling, progress: Progress) -> Generator[tuple[Rolling, Block]]:
    """All windows block by block, with what is made anew at each cutoff: networks for `refit`, or intervals."""
    if rolling.recalibrate:
        yield from _recalibrated(rolling)
        return
    if not rolling.refit:
        yield from ((rolling, block) for block in rolling.blocks())
        return
    from gruforecast.automl.refit import retrained

    with contextlib.closing(retrained(rolling, progress)) as parts:
        for part in parts:
            yield from ((part, block) for block in part.blocks())


def _recalibrated(rolling: Rolling) -> Generator[tuple[Rolling, Block]]:
    """All windows, with the network's intervals measured on the rows before each cutoff."""
    own = rolling.forecaster
    for number in range(rolling.cutoffs.count):
        part = rolling.at(number)
        if own.winner in rolling.members:
            part = replace(part, forecaster=measured_at(own, rolling.history, rolling.cutoff(number)))
        yield from ((part, block) for block in part.blocks())


def frame(rolling: Rolling, detail: Detail, numbered: Collection[str]) -> pd.DataFrame:
    """Return the scores of each member, of each of its windows, or all forecasts."""
    from gruforecast.report.frames import backtest_frame, scores_frame

    parts = blocks(rolling, Progress())
    if detail != "models":
        return backtest_frame(rolling, parts, detail, numbered)
    aggregate = Aggregate(rolling)
    for _, block in parts:
        aggregate.add(block)
    return scores_frame(aggregate.scores(rolling.forecaster.winner))


def check_detail(detail: str) -> None:
    """Refuse a detail that is none.

    Raises:
        UsageError: it is none of `Detail`.
    """
    if detail not in (known := list(get_args(Detail))):
        text = f"`detail` {detail!r} is unknown.{did_you_mean(str(detail), known)}"
        raise UsageError(text, remedy=f"Use {', '.join(known)}.", code="GF-U13")

"""A saved model scored at many cutoffs: the windows, and what is said of them before anything is forecast."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from dataclasses import replace

from gruforecast.automl.preparation import without_lines
from gruforecast.data.panel import Panel
from gruforecast.data.read import Reading
from gruforecast.evaluation.backtest import Block, Rolling
from gruforecast.execution.progress import Progress


def truth(reading: Reading, warn: Callable[[str], None]) -> Panel:
    """Return the rows that forecasts are held against: what lies on a line between others is no truth, and is said."""
    if reading.filled.any():
        warn("values on lines are taken out again: a line knows what comes after it, and is no truth")
    return without_lines(reading)


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
    """All windows block by block, with the saved networks or, where `refit` asks for it, those of each cutoff."""
    if not rolling.refit:
        yield from ((rolling, block) for block in rolling.blocks())
        return
    from gruforecast.automl.refit import retrained

    with contextlib.closing(retrained(rolling, progress)) as parts:
        for part in parts:
            yield from ((part, block) for block in part.blocks())

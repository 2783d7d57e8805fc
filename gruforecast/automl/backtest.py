"""A saved model scored at many cutoffs: the windows, and what is said of them before anything is forecast."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace

from gruforecast.automl.preparation import without_lines
from gruforecast.data.read import Reading
from gruforecast.evaluation.backtest import Block, Rolling, roll
from gruforecast.execution.progress import Progress
from gruforecast.models.forecaster import Forecaster


def rolled(
    forecaster: Forecaster,
    reading: Reading,
    warn: Callable[[str], None],
    *,
    windows: int | None = None,
    step: int | None = None,
    horizon: int | None = None,
    members: Sequence[str] = (),
    levels: Sequence[float] = (),
    refit: bool = False,
) -> Rolling:
    """Return the windows of new data at which a model is asked, see `evaluation.backtest.roll`.

    Args:
        warn: gets what is left out, and how many windows say nothing about new data.
    """
    if reading.filled.any():
        warn("values on lines are taken out again: a line knows what comes after it, and is no truth")
    rolling = roll(
        forecaster,
        without_lines(reading),
        windows=windows,
        step=step,
        horizon=horizon,
        members=members,
        levels=levels,
        refit=refit,
    )
    for name, why in rolling.left_out.items():
        warn(f"{name} is left out: {why}; `member={name}` asks for it all the same")
    known = int(replace(rolling, refit=False).trained_on(rolling.cutoffs.windows).sum())
    text = f"{known} of {len(rolling.cutoffs)} windows begin in rows that the model was "
    if known and refit:
        warn(f"{text}chosen with: its networks are trained anew, its options and interval widths are not")
    elif known:
        newer = rolling.out_of_sample
        advice = f"`windows={newer}` keeps to later ones" if newer else "give rows from after the training"
        warn(f"{text}trained on, so their scores are too good; {advice}, or pass `refit=True`")
    return rolling


def blocks(rolling: Rolling, progress: Progress) -> Generator[tuple[Rolling, Block]]:
    """All windows block by block, with the saved networks or, where `refit` asks for it, those of each cutoff."""
    if not rolling.refit:
        yield from ((rolling, block) for block in rolling.blocks())
        return
    from gruforecast.automl.refit import retrained

    with contextlib.closing(retrained(rolling, progress)) as parts:
        for part in parts:
            yield from ((part, block) for block in part.blocks())

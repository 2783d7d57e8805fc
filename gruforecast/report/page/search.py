"""Figures of the search: scores and time, beside those of `hyperparameters` and `parallel`."""

from __future__ import annotations

import math

import numpy as np

from gruforecast.evaluation.verdict import in_percent
from gruforecast.models.networks.config import STEPS_PER_CALL
from gruforecast.report.page.figure import Cell, Figure, Table, Trace, axis, counted
from gruforecast.report.page.hyperparameters import (
    MIN_TRIALS,
    Scored,
    importance,
    options_of,
    scored_trials,
    word,
    written,
)
from gruforecast.report.page.parallel import parallel
from gruforecast.report.report import Report
from gruforecast.serialization import Json

FIRST = "compiling and first steps"


def search_figures(report: Report) -> list[Figure]:
    """Return all figures of the search, as far as its trials allow."""
    scored = scored_trials(report.search)
    if len(scored) < 2:
        return []
    figures = [scores(report, scored), importance(scored), parallel(scored), times(report)]
    return [figure for figure in figures if figure is not None]


def search_words(report: Report) -> list[str]:
    """Return how the search went, in words."""
    trials = report.trials
    ends = ((trials.pruned, "stopped early"), (trials.diverged, "diverged"), (trials.crashed, "crashed"))
    others = "".join(f", {count} {word}" for count, word in ends if count)
    words = [f"{counted(trials.completed, 'trial')} ran to the end{others}."]
    if len(scored_trials(report.search)) < MIN_TRIALS:
        words.append(f"Which options mattered cannot be told from fewer than {MIN_TRIALS} trials.")
    return words


def trials_table(report: Report) -> Table:
    """Return every trial with its score, time and options."""
    options = [options_of(trial) for trial in report.search]
    names = list(options[0]) if options else []
    rows: list[list[Cell]] = [
        [
            f"{trial.number}",
            trial.status,
            trial.score,
            trial.seconds.total if trial.seconds else None,
            *map(written, values.values()),
        ]
        for trial, values in zip(report.search, options, strict=True)
    ]
    return Table.of("All trials", ("trial", "status", "MASE folds", "seconds", *map(word, names)), rows)


def scores(report: Report, scored: list[Scored]) -> Figure:
    """Return the score of each trial, and the best so far."""
    numbers, mase = [trial.number for trial in scored], [trial.score for trial in scored]
    symbols = ["circle-open" if trial.pruned else "circle" for trial in scored]
    best = min(scored, key=lambda trial: trial.score)
    gain = 1 - best.score / mase[0] if mase[0] else 0.0
    title = f"Trial {best.number} is the best of {len(report.search)}"
    title += f", {in_percent(gain)} below trial {numbers[0]}, the first with a score" if gain > 0 else ""
    if best.number == numbers[0]:
        title += "; no later one was better"
    return Figure(
        name="trials",
        title=title,
        note="Scores on the folds only: the test set plays no part here. A trial that was stopped early has the score "
        "of that moment.",
        data=[
            {
                "type": "scatter",
                "mode": "markers",
                "x": numbers,
                "y": mase,
                "name": "trial (open: stopped early)",
                "marker": {"size": 9, "color": "@gru", "symbol": symbols},
            },
            {
                "type": "scatter",
                "mode": "lines",
                "x": numbers,
                "y": np.minimum.accumulate(mase).tolist(),
                "name": "best so far",
                "line": {"shape": "hv", "color": "@ink", "width": 1.5},
            },
        ],
        layout={"xaxis": axis("trial", **_whole(numbers)), "yaxis": axis("mean MASE on the folds")},
        table=trials_table(report),
    )


def times(report: Report) -> Figure | None:
    """Return the seconds of each trial, by what they went into."""
    timed = [(trial.number, trial.seconds) for trial in report.search if trial.seconds is not None]
    if not timed:
        return None
    numbers = [number for number, _ in timed]
    sums = {
        FIRST: [one.trace + one.compile for _, one in timed],
        "training": [one.train for _, one in timed],
        "scoring": [one.validate + one.evaluate for _, one in timed],
    }
    colours = {FIRST: "@base", "training": "@gru", "scoring": "@lstm"}
    data: list[Trace] = [
        {"type": "bar", "x": numbers, "y": [round(one, 3) for one in seconds], "name": part,
         "marker": {"color": colours[part]}}
        for part, seconds in sums.items()
    ]  # fmt: skip
    total = sum(map(sum, sums.values()))
    most = max(sums, key=lambda part: sum(sums[part]))
    share = in_percent(sum(sums[most]) / total if total else 0.0)
    spent = f"{total:.0f} seconds" if total >= 1.5 else f"{total:.2g} seconds"
    return Figure(
        name="times",
        title=f"{share} of the trials' {spent} went into {most}",
        note=f"The first call of a program compiles it and trains {STEPS_PER_CALL} steps. A trial whose network has "
        "the shape of one before it, in the same worker, needs no compiling, only those steps.",
        data=data,
        layout={"barmode": "stack", "xaxis": axis("trial", **_whole(numbers)), "yaxis": axis("seconds of one worker")},
        table=Table.of(
            "Seconds of one worker by trial", ("trial", *sums), zip(map(str, numbers), *sums.values(), strict=True)
        ),
        height=300,
    )


def _whole(numbers: list[int]) -> Json:
    """Return the ticks at whole numbers."""
    return {"dtick": max(1, math.ceil(len(numbers) / 10)), "tick0": 0}

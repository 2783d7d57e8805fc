"""Figures of the search: scores and time, beside those of `hyperparameters` and `parallel`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gruforecast.evaluation.verdict import in_percent
from gruforecast.models.networks.config import STEPS_PER_CALL
from gruforecast.report.page.figure import Figure, Report, Table, axis, counted
from gruforecast.report.page.hyperparameters import MIN_TRIALS, importance, word, written
from gruforecast.report.page.parallel import parallel

FIRST = "compiling and first steps"


def search_figures(report: Report) -> list[Figure]:
    """Return all figures of the search, as far as its trials allow."""
    scored = [trial for trial in report["search"] if trial.get("score") is not None]
    if len(scored) < 2:
        return []
    figures = [scores(report, scored), importance(scored), parallel(scored), times(report)]
    return [figure for figure in figures if figure is not None]


def search_words(report: Report) -> list[str]:
    """Return how the search went, in words."""
    trials = report["trials"]
    others = [
        f"{trials[name]} {word}"
        for name, word in (("pruned", "stopped early"), ("diverged", "diverged"), ("crashed", "crashed"))
        if trials.get(name)
    ]
    words = [f"{counted(trials['completed'], 'trial')} ran to the end{''.join(f', {one}' for one in others)}."]
    if sum(trial.get("score") is not None for trial in report["search"]) < MIN_TRIALS:
        words.append(f"Which options mattered cannot be told from fewer than {MIN_TRIALS} trials.")
    return words


def trials_table(report: Report) -> Table:
    """Return every trial with its score, time and options."""
    names = list(dict.fromkeys(name for trial in report["search"] for name in trial["values"]))
    rows = [
        [
            f"{trial['number']}",
            trial["status"],
            trial.get("score"),
            (trial.get("seconds") or {}).get("total"),
            *[written(trial["values"].get(name)) for name in names],
        ]
        for trial in report["search"]
    ]
    return Table.of("All trials", ("trial", "status", "MASE folds", "seconds", *map(word, names)), rows)


def scores(report: Report, scored: list[dict[str, Any]]) -> Figure:
    """Return the score of each trial, and the best so far."""
    numbers, mase = [trial["number"] for trial in scored], [trial["score"] for trial in scored]
    symbols = ["circle-open" if trial["status"] == "pruned" else "circle" for trial in scored]
    best = min(scored, key=lambda trial: trial["score"])
    gain = 1 - best["score"] / mase[0] if mase[0] else 0.0
    title = f"Trial {best['number']} is the best of {len(report['search'])}"
    title += f", {in_percent(gain)} below trial {numbers[0]}, the first with a score" if gain > 0 else ""
    if best["number"] == numbers[0]:
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
    timed = [trial for trial in report["search"] if trial.get("seconds")]
    if not timed:
        return None
    parts = {FIRST: ("trace", "compile"), "training": ("train",), "scoring": ("validate", "evaluate")}
    numbers = [trial["number"] for trial in timed]
    sums = {
        part: [sum(trial["seconds"].get(n, 0.0) for n in names) for trial in timed] for part, names in parts.items()
    }
    colours = {FIRST: "@base", "training": "@gru", "scoring": "@lstm"}
    data = [
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


def _whole(numbers: list[int]) -> dict[str, Any]:
    """Return the ticks at whole numbers."""
    return {"dtick": max(1, math.ceil(len(numbers) / 10)), "tick0": 0}

"""Reports made without a training: baselines play the networks, everything else is what `fit` would call."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from makers import panel_of

from gruforecast.automl.options import FitOptions
from gruforecast.automl.reproduce import reproduction
from gruforecast.automl.summary import cell_facts
from gruforecast.data.panel import Forecast
from gruforecast.evaluation.leaderboard import Candidate, compared, judge, winner, with_leads
from gruforecast.evaluation.splits import Forecasts, split
from gruforecast.evaluation.verdict import evidence, verdict
from gruforecast.models.baselines import baselines
from gruforecast.models.model import Points
from gruforecast.report.chart_data import extracts
from gruforecast.serialization import plain

LEVELS, SEASON = (80.0, 95.0), 12
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "{{7*7}}",
    "<a href='x'>b</a>$x$@gru%{y}",
)
MODELS = (("networks", "gru"), ("theta", "baseline"), ("naive", "baseline"), ("seasonal-naive", "baseline"))
CELLS = (("gru (short)", "gru", 300), ("lstm (short)", "lstm", 400), ("rnn (short)", "rnn", 100))


def made_report(
    series: int = 1,
    rows: int = 96,
    horizon: int = 12,
    ids: tuple[str, ...] = (),
    *,
    trials: int = 12,
    data: bool = True,
    spoiled: bool = False,
) -> dict[str, Any]:
    """A report of made-up series, as plain JSON types.

    Args:
        ids: names of the first series; trials: of the search; data: whether rows of the data may be in it.
        spoiled: whether all that competes but the naive forecasts is far off.
    """
    rng = np.random.default_rng(series)
    wave = 10 * np.sin(2 * np.pi * np.arange(rows) / SEASON)
    values = [100 + 20 * k % 300 + wave + 0.3 * np.arange(rows) + rng.normal(0, 3, rows) for k in range(series)]
    panel = panel_of(*values)
    names = [*((name,) for name in ids), *panel.ids[len(ids) :]]
    panel = replace(panel, ids=tuple(names))
    divided = split(panel, horizon, 3, SEASON, "made.csv")
    off = dict.fromkeys(("networks", "theta"), 50.0 * spoiled)
    judged = [judge(_candidate(name, kind, divided, off.get(name, 0.0)), divided, LEVELS) for name, kind in MODELS]
    judged += [judge(_cell(name, kind, size, divided), divided, LEVELS) for name, kind, size in CELLS]
    judged = compared(with_leads(judged))
    best = next(one for one in judged if one.row.model == winner([one.row for one in judged]).model)
    later = panel.freq.after(panel.ds[panel.indptr[1:] - 1], horizon)
    tested = best.tested
    mean = divided.actual(divided.test_windows())
    away = mean[:, :, None] + 5.0 * np.arange(1, len(tested.levels) + 1) * np.array([[[[-1.0]]], [[[1.0]]]])
    ahead = Forecast(panel.ids, later, mean, tested.levels, *away, panel.plan)
    found = extracts(panel, divided, judged, ahead, rows=data)
    report = _told(panel, divided, [one.row for one in judged], trials) | {"extracts": found}
    return json.loads(json.dumps(plain(report), allow_nan=False))


def _candidate(name: str, kind: str, divided: Any, off: float = 0.0) -> Candidate:
    models = baselines(divided.season_length)
    model = models["theta" if name == "networks" else name]
    wobble = 0.1 if name == "networks" else 1.0

    def near(history: Any, windows: Any, horizon: int, season_length: int) -> Any:
        mean = model.forecast(history, windows, horizon, season_length).mean + off
        actual = divided.actual(windows)
        return mean if wobble == 1.0 else np.where(np.isnan(actual), mean, actual + wobble * (mean - actual))

    return Candidate(name, kind, Forecasts.of(divided, Points(near), Points(near)), {})


def _cell(name: str, kind: str, size: int, divided: Any) -> Candidate:
    facts = {
        "parameters": size,
        "seconds": 1.5,
        "seconds_per_epoch": 0.01 * size,
        "train_seconds": 1.0,
        "budget": "short",
    }
    made = _candidate("theta", kind, divided)
    facts |= {"forecast_ms": 0.5, "weights_bytes": 4 * size, "config": {"units": 4}}
    return replace(made, name=name, facts=facts, competes=False, shipped=False)


def _told(panel: Any, divided: Any, rows: list[Any], trials: int) -> dict[str, Any]:
    """Everything but the extracts, under the names of `summary.summarise`."""
    rows = sorted(rows, key=lambda row: row.val_mase)
    options = FitOptions(horizon=divided.horizon, trials=trials)
    return {
        "model_dir": "made",
        "verdict": verdict(rows),
        "evidence": evidence(rows),
        "winner": winner(rows).model,
        "horizon": divided.horizon,
        "freq": panel.freq.label,
        "season_length": divided.season_length,
        "n_series": len(panel),
        "n_rows": len(panel.y),
        "n_series_scored": len(divided.test_windows()),
        "folds": len(divided.folds),
        "cutoffs_by": "date",
        "levels": list(LEVELS),
        "seconds": 12.0,
        "trials": {"completed": trials, "pruned": 0, "diverged": 0, "crashed": 0},
        "leaderboard": [row.to_dict() for row in rows],
        "cells": cell_facts(rows),
        "search": [_trial(number) for number in range(trials)],
        "audit": {"text": "passed: nothing moved"},
        "seed": 0,
        "digests": {"scored": {"gru": "ab" * 32}, "saved": {"gru": "cd" * 32}},
        "refit": "The saved networks are those that were scored.",
        "found": ["time column 'ds'"],
        "plan": panel.plan.to_dict(),
        "warnings": [],
        "versions": {"gruforecast": "0.1.0", "python": "3.11.7"},
        "reproduce": plain(reproduction("/secret/place/made.csv", options, panel, 2)),
    }


def _trial(number: int) -> dict[str, Any]:
    """Scores that follow from the logarithm, and hardly from the learning rate."""
    values = {"log": number % 2 == 0, "learning_rate": 0.001 * (1 + number * 7 % 5), "units": 32}
    seconds = {
        "trace": 0.1,
        "compile": 2.0 * (number < 2),
        "train": 1.0,
        "validate": 0.1,
        "evaluate": 0.1,
        "total": 3.3,
    }
    score = 0.8 - 0.2 * values["log"] + 0.003 * (number * 5 % 7)
    status = "pruned" if number % 5 == 4 else "completed"
    return {"number": number, "values": values, "status": status, "score": score, "seconds": seconds}


def written(report: dict[str, Any], path: Path) -> Path:
    """The page of a report."""
    from gruforecast.report.page.html import write_page

    write_page(report, path)
    return path

"""Reports made without a training: baselines play the networks, everything else is what `fit` would call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from makers import panel_of
from msgspec import structs

from gruforecast.artifact.manifest import SignatureRecord
from gruforecast.automl.options import FitOptions
from gruforecast.automl.reproduce import reproduction
from gruforecast.automl.summary import cell_facts
from gruforecast.data.panel import Forecast, Panel
from gruforecast.evaluation.leaderboard import (
    Candidate,
    Row,
    RowConfig,
    TrainingFacts,
    compared,
    judge,
    stored,
    winner,
    with_leads,
)
from gruforecast.evaluation.splits import Forecasts, Split, split
from gruforecast.evaluation.verdict import evidence, verdict
from gruforecast.models.baselines import baselines
from gruforecast.models.model import Kind, Points
from gruforecast.models.networks.config import Hyperparameters
from gruforecast.report.chart_data import ChartData, extracts
from gruforecast.report.report import (
    AuditRecord,
    Digests,
    NetworkRecord,
    Report,
    TrainingSeconds,
    TrialCounts,
    TrialRecord,
    WorkerRecord,
)
from gruforecast.serialization import encoded, record

LEVELS, SEASON = (80.0, 95.0), 12
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "{{7*7}}",
    "<a href='x'>b</a>$x$@gru%{y}",
)
MODELS: tuple[tuple[str, Kind], ...] = (
    ("networks", "gru"),
    ("theta", "baseline"),
    ("naive", "baseline"),
    ("seasonal-naive", "baseline"),
)
CELLS: tuple[tuple[str, Kind, int], ...] = (
    ("gru (short)", "gru", 300),
    ("lstm (short)", "lstm", 400),
    ("rnn (short)", "rnn", 100),
)
VALUES = Hyperparameters(
    layers=1,
    units=32,
    dropout=0.0,
    learning_rate=0.001,
    weight_decay=1e-4,
    length=0.5,
    decoder="direct",
    own_spread=0.0,
    averaged=0.0,
    trend=0.0,
    log=True,
    calendar=False,
    use_inputs="none",
    lookback=24,
    segment=1,
)


def made_report(
    series: int = 1,
    rows: int = 96,
    horizon: int = 12,
    ids: tuple[str, ...] = (),
    *,
    trials: int = 12,
    data: bool = True,
    spoiled: bool = False,
) -> Report:
    """A report of made-up series, written as JSON and read back.

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
    told = _told(panel, divided, [one.row for one in judged], trials, found)
    return record(Report, msgspec.json.decode(encoded(told)), "made")


def _candidate(name: str, kind: Kind, divided: Split, off: float = 0.0) -> Candidate:
    models = baselines(divided.season_length)
    model = models["theta" if name == "networks" else name]
    wobble = 0.1 if name == "networks" else 1.0

    def near(history: Any, windows: Any, horizon: int, season_length: int) -> Any:
        mean = model.forecast(history, windows, horizon, season_length).mean + off
        actual = divided.actual(windows)
        return mean if wobble == 1.0 else np.where(np.isnan(actual), mean, actual + wobble * (mean - actual))

    return Candidate(name, kind, Forecasts.of(divided, Points(near), Points(near)))


def _cell(name: str, kind: Kind, size: int, divided: Split) -> Candidate:
    facts = TrainingFacts(
        parameters=size,
        seconds=1.5,
        seconds_per_epoch=0.01 * size,
        train_seconds=1.0,
        budget="short",
        forecast_ms=0.5,
        weights_bytes=4 * size,
        config=RowConfig(**structs.asdict(VALUES), steps=100),
    )
    return replace(_candidate("theta", kind, divided), name=name, facts=facts, competes=False, shipped=False)


def _told(panel: Panel, divided: Split, rows: list[Row], trials: int, found: ChartData) -> Report:
    """What `summary.summarise` would say."""
    rows = sorted(rows, key=lambda row: row.val_mase)
    options = FitOptions(horizon=divided.horizon, trials=trials)
    network = NetworkRecord("gru", 1.0, 0, False, VALUES, 100, 300, "cd" * 32, 0.8)
    return Report(
        model_dir="made",
        verdict=verdict(rows),
        evidence=evidence(rows),
        winner=winner(rows).model,
        horizon=divided.horizon,
        freq=panel.freq.label,
        season_length=divided.season_length,
        n_series=len(panel),
        n_rows=len(panel.y),
        n_series_scored=len(divided.test_windows()),
        n_series_without_scale=0,
        folds=len(divided.folds),
        cutoffs_by="date",
        levels=list(LEVELS),
        seconds=12.0,
        seconds_by_part={"search": 8.0, "export": 4.0},
        trials=TrialCounts(completed=trials),
        chosen=network,
        networks=[network],
        blend={},
        leaderboard=stored(rows),
        cells=cell_facts(stored(rows)),
        search=[_trial(number) for number in range(trials)],
        workers=WorkerRecord(2, 1.5, 0, [[300], [310]]),
        audit=AuditRecord(True, "cheap", 0.5, ["forecasts"], "passed: nothing moved"),
        explain=None,
        seed=0,
        digests=Digests({"gru": "ab" * 32}, {"gru": "cd" * 32}),
        parity=1e-7,
        saved_model=SignatureRecord("serving_default", [], [], [0.1, 0.5, 0.9], divided.horizon, 24, 1e-7),
        refit="The saved networks are those that were scored.",
        found=["time column 'ds'"],
        plan=panel.plan,
        warnings=[],
        cut_short=False,
        versions={"gruforecast": "0.1.0", "python": "3.11.7"},
        extracts=found,
        reproduce=reproduction("/secret/place/made.csv", options, panel, 2),
    )


def _trial(number: int) -> TrialRecord:
    """Scores that follow from the logarithm, and hardly from the learning rate."""
    values = structs.replace(VALUES, log=number % 2 == 0, learning_rate=0.001 * (1 + number * 7 % 5))
    return TrialRecord(
        number=number,
        values=values,
        status="pruned" if number % 5 == 4 else "completed",
        score=0.8 - 0.2 * values.log + 0.003 * (number * 5 % 7),
        seconds=TrainingSeconds(0.1, 2.0 * (number < 2), 1.0, 0.1, 0.1, 3.3),
    )


def written(report: Report, path: Path) -> Path:
    """The page of a report."""
    from gruforecast.report.page.html import write_page

    write_page(report, path)
    return path

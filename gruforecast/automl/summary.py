"""One plain dict with everything the report says; terminal, JSON and later reports only render it."""

from __future__ import annotations

import json
import platform
import re
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gruforecast.automl.ensemble_members import EnsembleMembers
from gruforecast.automl.preparation import Prepared
from gruforecast.automl.search.loop import Search, Trial
from gruforecast.data.panel import Panel
from gruforecast.evaluation.leaderboard import LeaderboardRow, winner
from gruforecast.evaluation.splits import Split
from gruforecast.evaluation.verdict import evidence, verdict
from gruforecast.models.networks.config import BLOCKS, CELLS
from gruforecast.models.statistical import installed
from gruforecast.serialization import plain
from gruforecast.version import __version__

STATUSES = ("completed", "pruned", "diverged", "crashed")
PACKAGES = ("tensorflow", "keras", "keras-tuner", "numpy", "pandas", "scikit-learn")
PLACE = re.compile(r"""(?<![\w.:/])/[^\s'"<>|:;,()]*/""")  # an absolute path but its last name
OF_CHOSEN = ("number", "layers", "units", "lookback", "segment", "decoder", "log", "calendar", "use_inputs", "steps",
             "parameters")  # fmt: skip
IN_SHORT = ("evidence", "verdict", "parity", "saved_model", "versions")
OF_SCORES = ("val_mase", "mase", "smape", "rmse", "mae", "coverage")
MEASURED = ("seconds_per_epoch", "train_seconds", "forecast_ms", "weights_bytes", "val_mase", "mase")  # of each cell
REFIT_NOTE = "The saved networks were trained with the newest rows added; the scores are from before."


@dataclass(frozen=True)
class Outcome:
    """The results of `fit`, before they are put into words.

    Attributes:
        rows: the leaderboard.
        ensemble: the networks, as they were saved; blend: weight of each member as saved, empty if there is none.
        saved_model: what it takes and gives, and the largest relative difference between it and the forecast.
        given_up: whether a time budget cut something short.
        workers: how many there were, seconds until the first could start, how many were replaced, memory by job.
        audit: what the leak audit says, see `leakage_audit.LeakageAudit.result`.
        extracts: what charts need beside the numbers, see `chart_data.extracts`.
        explained: the look inside the chosen network, see `explanation`.
    """

    prepared: Prepared
    rows: list[LeaderboardRow]
    search: Search
    ensemble: EnsembleMembers
    blend: dict[str, float]
    seed: int
    saved_model: dict[str, Any]
    warnings: list[str]
    given_up: bool
    workers: dict[str, Any]
    audit: dict[str, Any]
    extracts: dict[str, Any]
    explained: dict[str, Any]


def summarise(outcome: Outcome, model_dir: str, seconds: dict[str, float], total: float) -> dict[str, Any]:
    """Return the report as plain JSON types, the object of `--json` and of `report.json`."""
    rows = sorted(outcome.rows, key=lambda row: (row.val_mase != row.val_mase, row.val_mase))
    panel, split = outcome.prepared.panel, outcome.prepared.split
    networks = outcome.ensemble.networks_facts()
    return {
        "model_dir": model_dir,
        "verdict": verdict(rows),
        "evidence": plain(evidence(rows)),
        "winner": winner(rows).model,
        "horizon": split.horizon,
        "freq": panel.freq.label,
        "season_length": split.season_length,
        **_counts(panel, split),
        "folds": len(split.folds),
        "cutoffs_by": "date" if panel.ends_together else "position",
        "levels": list(outcome.prepared.levels),
        "seconds": total,
        "seconds_by_part": seconds,
        "trials": dict.fromkeys(STATUSES, 0) | Counter(one.result["status"] for one in outcome.search.trials),
        "chosen": networks[0],
        "networks": networks,
        "blend": outcome.blend,
        "leaderboard": [row.to_dict() for row in rows],
        "cells": cell_facts(rows),
        "search": [_trial(trial) for trial in outcome.search.trials],
        "workers": outcome.workers,
        "audit": outcome.audit,
        "explain": outcome.explained,
        "seed": outcome.seed,
        "digests": outcome.ensemble.digests(),
        "parity": outcome.saved_model["parity"],
        "saved_model": outcome.saved_model,
        "refit": REFIT_NOTE if outcome.ensemble.refitted else "The saved networks are those that were scored.",
        "found": outcome.prepared.notes,
        "plan": json.loads(json.dumps(panel.plan.to_dict())),
        "warnings": outcome.warnings,
        "versions": _versions(),
    }


def _counts(panel: Panel, split: Split) -> dict[str, int]:
    """Return the number of series and rows, of series scored on the test set, and of those without a MASE scale."""
    scale = split.mase_scale(split.test_windows())
    counts = {"n_series": len(panel), "n_rows": len(panel.y), "n_series_scored": len(scale)}
    return counts | {"n_series_without_scale": int((~(scale > 0)).sum())}


def in_short(report: dict[str, Any], panel: Panel) -> dict[str, Any]:
    """Return what the manifest of the model folder says of the data, and of the winner and its reference."""
    rows = {row["model"]: row for row in report["leaderboard"]}
    shown = dict.fromkeys([report["winner"], (report["evidence"] or {}).get("against")])
    wall = panel.wall
    return {
        "data": {name: report[name] for name in ("n_series", "n_rows", "freq", "horizon", "season_length")}
        | {"first": str(wall.min()), "last": str(wall.max()), "digest": panel.digest()},
        "chosen": {name: report["chosen"][name] for name in OF_CHOSEN if name in report["chosen"]},
        "scores": {name: {score: rows[name][score] for score in OF_SCORES} for name in shown if name is not None},
        **{name: report[name] for name in IN_SHORT if name in report},
    }


def without_places(report: dict[str, Any]) -> dict[str, Any]:
    """Return the report as it is kept in the model folder: names of files and folders without where they are."""
    search = [
        {name: PLACE.sub("", value) if name == "error" else value for name, value in trial.items()}
        for trial in report["search"]
    ]
    warnings = [PLACE.sub("", text) for text in report["warnings"]]
    return report | {"model_dir": Path(report["model_dir"]).name, "search": search, "warnings": warnings}


def _versions() -> dict[str, str]:
    optional = {"statsforecast": statsforecast} if (statsforecast := installed()) else {}
    packages = {name: version(name) for name in PACKAGES}
    return {"gruforecast": __version__, "python": platform.python_version()} | packages | optional


def cell_facts(rows: list[LeaderboardRow]) -> list[dict[str, Any]]:
    """Return GRU, LSTM and simple RNN as measured at one equal budget: gates, memory, size, speed, accuracy."""
    budgets = ["short"] if any(row.budget == "short" for row in rows) else ["full"]
    others = any(row.kind in ("lstm", "rnn") for row in rows)
    return [
        {
            "cell": row.kind,
            "budget": row.budget,
            "gates": BLOCKS[row.kind] - 1,
            "memory_cell": row.kind == "lstm",
            "parameters": row.parameters,
            "seeds": row.seeds,
            "steps": (row.config or {}).get("steps"),
            **{name: row.to_dict()[name] for name in MEASURED},
        }
        for kind in CELLS
        for row in rows
        if row.kind == kind and row.budget in budgets and others
    ]


def _trial(trial: Trial) -> dict[str, Any]:
    names = ("status", "score", "fold_scores", "steps", "parameters", "seconds", "error")
    result = {name: trial.result[name] for name in names if name in trial.result}
    return {"number": trial.number, "values": trial.values, **result}

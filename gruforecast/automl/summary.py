"""The outcome of a fit as its report, and what of it goes into the manifest of the model folder."""

from __future__ import annotations

import platform
import re
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from msgspec import structs

from gruforecast.artifact.manifest import NAME, FitFacts, SignatureRecord
from gruforecast.automl.ensemble_members import SavedEnsemble
from gruforecast.automl.options import FitOptions
from gruforecast.automl.preparation import Prepared
from gruforecast.automl.reproduce import reproduction
from gruforecast.automl.search.loop import Search, Trial
from gruforecast.automl.training_jobs import Notes
from gruforecast.data.files.source import Data
from gruforecast.data.panel import Forecast, Panel
from gruforecast.errors import UsageError
from gruforecast.evaluation.leaderboard import Row, StoredRow, stored, winner
from gruforecast.evaluation.splits import Split
from gruforecast.evaluation.verdict import evidence, verdict
from gruforecast.execution.pool import Pool
from gruforecast.explain.records import Explanation
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.networks.config import BLOCKS, CELLS
from gruforecast.models.statistical import installed
from gruforecast.report.chart_data import ChartData
from gruforecast.report.report import AuditRecord, CellRecord, Report, TrialCounts, TrialRecord, WorkerRecord
from gruforecast.serialization import plain, record
from gruforecast.version import __version__

PACKAGES = ("tensorflow", "keras", "keras-tuner", "numpy", "pandas", "scikit-learn")
PLACE = re.compile(r"""(?<![\w.:/])/[^\s'"<>|:;,()]*/""")  # an absolute path but its last name
OF_CHOSEN = ("layers", "units", "lookback", "segment", "decoder", "log", "calendar", "use_inputs")
OF_SCORES = ("val_mase", "mase", "smape", "rmse", "mae", "coverage")
REFIT_NOTE = "The saved networks were trained with the newest rows added; the scores are from before."


@dataclass(frozen=True)
class Outcome:
    """The results of `fit`, before they are put into words.

    Attributes:
        rows: the leaderboard, in any order.
        ensemble: the networks, as they were saved; blend: weight of each member as saved, empty if there is none.
        saved_model: what it takes and gives, and the largest relative difference between it and the forecast.
        cut_short: whether a time budget cut something short.
        audit: what the leak audit says.
        extracts: what charts need beside the numbers.
        explained: the look inside the chosen network; None where no row may be shown.
    """

    prepared: Prepared
    rows: list[Row]
    search: Search
    ensemble: SavedEnsemble
    blend: dict[str, float]
    seed: int
    saved_model: SignatureRecord
    warnings: list[str]
    cut_short: bool
    workers: WorkerRecord
    audit: AuditRecord
    extracts: ChartData
    explained: Explanation | None


def summarise(outcome: Outcome, data: Data, options: FitOptions, seconds: dict[str, float], total: float) -> Report:
    """Return the report, the object of `--json` and of `report.json`."""
    rows = sorted(outcome.rows, key=lambda row: (row.val_mase != row.val_mase, row.val_mase))
    panel, split = outcome.prepared.panel, outcome.prepared.split
    networks, parity = outcome.ensemble.networks_facts(), outcome.saved_model.parity
    if parity is None:
        raise ValueError("found a SavedModel that was not compared with the forecast; expected its parity")
    return Report(
        model_dir=str(options.folder),
        verdict=verdict(rows),
        evidence=evidence(rows),
        winner=winner(rows).model,
        **_counts(panel, split),
        freq=panel.freq.label,
        cutoffs_by="date" if panel.ends_together else "position",
        levels=list(outcome.prepared.levels),
        seconds=total,
        seconds_by_part=seconds,
        trials=TrialCounts(**Counter[str](one.result.status for one in outcome.search.trials)),
        chosen=networks[0],
        networks=networks,
        blend=outcome.blend,
        leaderboard=stored(rows),
        cells=cell_facts(stored(rows)),
        search=[_trial(trial) for trial in outcome.search.trials],
        workers=outcome.workers,
        audit=outcome.audit,
        explain=outcome.explained,
        seed=outcome.seed,
        digests=outcome.ensemble.digests(),
        parity=parity,
        saved_model=outcome.saved_model,
        refit=REFIT_NOTE if outcome.ensemble.refitted else "The saved networks are those that were scored.",
        found=outcome.prepared.notes,
        plan=panel.plan,
        warnings=outcome.warnings,
        cut_short=outcome.cut_short,
        versions=_versions(),
        extracts=outcome.extracts,
        reproduce=reproduction(data, options, panel, outcome.workers.count),
    )


def _counts(panel: Panel, split: Split) -> dict[str, int]:
    """Return the sizes of data and split."""
    windows = split.test_windows()
    scale, unit = split.mase_scale(windows), split.error_unit(windows)
    return {
        "horizon": split.horizon,
        "season_length": split.season_length,
        "folds": len(split.folds),
        "n_series": len(panel),
        "n_rows": len(panel.y),
        "n_series_scored": len(scale),
        "n_series_without_scale": int((~(scale > 0)).sum()),
        "n_series_repeating": int((~(scale > 0) & (unit > 0)).sum()),
    }


def in_short(report: Report, panel: Panel) -> FitFacts:
    """Return what the manifest of the model folder says of the data, and of the winner and its reference."""
    shown = dict.fromkeys([report.winner, *([report.evidence.against] if report.evidence else [])])
    wall, chosen = panel.wall, report.chosen
    facts = {
        "data": {name: getattr(report, name) for name in ("n_series", "n_rows", "freq", "horizon", "season_length")}
        | {"first": str(wall.min()), "last": str(wall.max()), "digest": panel.digest()},
        "chosen": {"number": chosen.number}
        | {name: getattr(chosen.values, name) for name in OF_CHOSEN}
        | {"steps": chosen.steps, "parameters": chosen.parameters},
        "scores": {name: {score: getattr(report.rows[name], score) for score in OF_SCORES} for name in shown},
        "evidence": report.evidence,
        "verdict": report.verdict,
        "parity": report.parity,
        "saved_model": report.saved_model,
        "versions": report.versions,
    }
    return record(FitFacts, plain(facts), NAME)


def without_places(report: Report) -> Report:
    """Return the report as it is kept in the model folder: names of files and folders without where they are."""
    search = [
        structs.replace(trial, error=PLACE.sub("", trial.error)) if trial.error else trial for trial in report.search
    ]
    warnings = [PLACE.sub("", text) for text in report.warnings]
    return structs.replace(report, model_dir=Path(report.model_dir).name, search=search, warnings=warnings)


def _versions() -> dict[str, str]:
    optional = {"statsforecast": statsforecast} if (statsforecast := installed()) else {}
    packages = {name: version(name) for name in PACKAGES}
    return {"gruforecast": __version__, "python": platform.python_version()} | packages | optional


def cell_facts(rows: list[StoredRow]) -> list[CellRecord]:
    """Return GRU, LSTM and simple RNN as measured at one equal budget: gates, memory, size, speed, accuracy."""
    budgets = ["short"] if any(row.budget == "short" for row in rows) else ["full"]
    others = any(row.kind in ("lstm", "rnn") for row in rows)
    return [
        CellRecord(
            cell=kind,
            budget=row.budget,
            gates=BLOCKS[kind] - 1,
            memory_cell=kind == "lstm",
            parameters=row.parameters,
            seeds=row.seeds,
            steps=row.config.steps if row.config else None,
            seconds_per_epoch=row.seconds_per_epoch,
            train_seconds=row.train_seconds,
            forecast_ms=row.forecast_ms,
            weights_bytes=row.weights_bytes,
            val_mase=row.val_mase,
            mase=row.mase,
        )
        for kind in CELLS
        for row in rows
        if row.kind == kind and row.budget in budgets and others
    ]


def _trial(trial: Trial) -> TrialRecord:
    result = trial.result
    if result.status == "crashed":
        return TrialRecord(trial.number, trial.values, result.status, error=result.error)
    return TrialRecord(
        number=trial.number,
        values=trial.values,
        status=result.status,
        score=result.score,
        fold_scores=result.fold_scores,
        steps=result.steps,
        parameters=result.parameters,
        seconds=result.seconds,
        error=result.error,
    )


def worker_record(pool: Pool) -> WorkerRecord:
    """Return the count of workers, seconds until they could start, and MB of each process after each job."""
    return WorkerRecord(
        count=pool.count,
        start_seconds=round(pool.start_seconds, 3),
        replaced=pool.replaced,
        resident_mb=[[round(size / 1e6) for size in sizes] for sizes in pool.resident.values()],
    )


def given_up(search: Search, trials: int, options: FitOptions, notes: Notes) -> list[str]:
    """Return the warning of what the time budget made `fit` give up, if anything."""
    parts = notes.given_up
    if search.cut:
        whole = "some" if options.tuner == "hyperband" else f"{trials} whole"
        parts = [f"{whole} trials ({len(search.trials)} ended)", *parts]
    return [f"the time budget did not allow for {', '.join(parts)}"] if parts else []


def next_forecast(forecaster: Forecaster) -> Forecast | None:
    """Return the winner's forecast from the end of the data; None where that takes covariates only the user knows."""
    try:
        return forecaster.predict()
    except UsageError:
        return None


def limits(outcome: Outcome, options: FitOptions, notes: Notes) -> dict[str, float | None]:
    """Return the limits that cut this run, None for those that did not."""
    late = any(trial.result.late for trial in outcome.search.trials) or notes.has("limit")
    return {
        "cut_at": options.max_seconds if outcome.cut_short else None,
        "late_at": options.trial_seconds if late and not outcome.cut_short else None,
    }

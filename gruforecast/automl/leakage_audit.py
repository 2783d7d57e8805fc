"""The leak audit: everything from a cutoff on is replaced by noise, and nothing that came before may change.

    rows of one series   |--------- training ---------|fold 1|fold 2|fold 3| test |
    at the test cutoff   |-------------------- as they are ----------------|noise |
    at the first fold    |-------- as they are -------|---------- noise ----------|

Every `fit` decides anew on both, and trains its best configuration for a few steps. `fit` with `audit` also repeats the
whole search and all that follows up to the test scores. The refit on all rows plays no part, nor do the
ensemble weights that are found anew after judging.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from gruforecast.arrays import Array, Ints
from gruforecast.automl.ensemble_members import ScoredEnsemble
from gruforecast.automl.options import FitOptions
from gruforecast.automl.preparation import Prepared, decide, normalised, without_lines
from gruforecast.automl.search.loop import DATA, Search, Trial
from gruforecast.automl.search.results import AuditRequest, AuditResult
from gruforecast.automl.search.space import Space
from gruforecast.automl.training_jobs import ALL_DATA, Notes, TrainingJobs
from gruforecast.data.panel import Panel
from gruforecast.data.read import Reading
from gruforecast.errors import DataError, GruforecastError
from gruforecast.evaluation.leaderboard import Judged, winner
from gruforecast.evaluation.perturbation import noise_from
from gruforecast.evaluation.splits import Split
from gruforecast.execution.atomic_files import remove_parts, write_file
from gruforecast.execution.jobs import Jobs, Pending
from gruforecast.execution.journal import Journal
from gruforecast.models.networks.config import STEPS_PER_CALL
from gruforecast.models.networks.covariates import Scaling
from gruforecast.report.report import AuditRecord
from gruforecast.serialization import Json, JsonValue, plain

RUN_AUDIT = "gruforecast.automl.search.trial:run_audit"
FOLDER = "audit"  # of the second search, in the run folder
TRAININGS = 4  # before both cutoffs, on the true rows and with noise
MARGIN = 4  # how many times as long they might take in the time that is left, or they are not begun
CHEAP = ("season", "horizon", "folds", "levels", "normalisation", "log decision", "search space", "weights")
WHOLE = ("trials", "chosen configuration", "steps", "ensemble weights", "winner", "intervals")
REMEDY = "This is a bug in gruforecast: please report it, with audit.json of the run folder, which says what changed."
Traces = dict[str, JsonValue]


@dataclass(frozen=True)
class Audited:
    """What the audit has found so far.

    Attributes:
        moved: what changed, with both values as far as they are known here.
        missing: why nothing can be said.
    """

    moved: dict[str, JsonValue] = field(default_factory=dict)
    missing: str = ""
    seconds: float = 0.0

    def record(self, folder: Path, *, whole: bool) -> AuditRecord:
        """Return what the report says; what has moved is written to `folder`.

        Args:
            whole: whether the search was repeated.

        Raises:
            GruforecastError: something changed.
        """
        kind: Literal["whole", "cheap"] = "whole" if whole else "cheap"
        seconds = round(self.seconds, 2)
        if self.moved:
            content = json.dumps({"kind": kind, "seconds": seconds, "moved": self.moved}, indent=1, default=str)
            write_file(folder / "audit.json", content.encode())
            text = f"LEAK: {_listed(list(self.moved))} changed when all later values were replaced by noise"
            raise GruforecastError(f"{text}; no model is saved.", remedy=REMEDY, code="GF-X03")
        if self.missing:
            return AuditRecord(None, kind, seconds, [], f"not done: {self.missing}")
        names = [*CHEAP, *(WHOLE if whole else ()), "forecasts"]
        text = f"passed: {_listed(names)} stand when everything after the cutoffs is noise"
        return AuditRecord(True, kind, seconds, names, text)


@dataclass(frozen=True)
class LeakageAudit:
    """The audit of one `fit`: what was decided anew, and the trainings of a worker."""

    training_jobs: TrainingJobs
    decided: Audited
    pending: Pending[AuditResult] | None

    def wait(self) -> Audited:
        """Return what was found, the trainings included; notes what was left undone."""
        result = self.pending.result() if self.pending else None
        if result is None or result.late:
            self.training_jobs.cut_short("the leak audit", "seeds")
            return replace(self.decided, missing="there was no time for it")
        if result.status != "completed":
            return self._undone(self.decided, f"its training {result.status}: {result.error}", result.status)
        moved: dict[str, JsonValue] = {
            f"{name} at the {place}": None for place, names in result.moved.items() for name in names
        }
        return replace(self.decided, moved=self.decided.moved | moved, seconds=self.decided.seconds + result.seconds)

    def compare(self, found: Audited, first: Traces, second: Traces, seconds: float, *, cut: bool) -> Audited:
        """Return what was found, two searches compared; where the clock has cut one, a difference says nothing."""
        found = replace(found, seconds=found.seconds + seconds)
        if cut and _text(first) != _text(second):
            reason = "a training crashed or was ended by `trial_time`, so two searches cannot be compared"
            return self._undone(found, reason, "limit")
        return replace(found, moved=found.moved | _changes("of the whole search", first, second))

    def _undone(self, found: Audited, reason: str, cause: str) -> Audited:
        self.training_jobs.notes.warn(f"the leak audit was not done: {reason}", cause)
        return replace(found, missing=reason)


def submit_audit(options: FitOptions, prepared: Prepared, jobs: TrainingJobs, best: Trial) -> LeakageAudit:
    """Have a worker train the best configuration for a few steps, and decide anew meanwhile."""
    begin, steps, pending = time.perf_counter(), TRAININGS * STEPS_PER_CALL * MARGIN, None
    if jobs.budget.fitting(steps, best.result.seconds_per_step, "seeds") >= steps:
        request = AuditRequest(
            network=replace(best.network, use_inputs="all" if best.network.inputs else "none"),  # to see leaks there
            training=replace(jobs.training(best), steps=STEPS_PER_CALL),
            data=DATA,
            rows=ALL_DATA,
        )
        pending = jobs.submit("audit", RUN_AUDIT, request, AuditResult, "seeds", keep=False)
    moved = _changes("at the test cutoff", *decided_without_test(prepared, options))
    moved |= _changes("at the first fold", *normalised_without_folds(prepared))
    return LeakageAudit(jobs, Audited(moved, seconds=time.perf_counter() - begin), pending)


def _changes(where: str, first: Traces, second: Traces) -> dict[str, JsonValue]:
    """Return what differs, by name and place, with both values."""
    return {
        f"{name} {where}": [first.get(name), second.get(name)]
        for name in first | second
        if _text(first.get(name)) != _text(second.get(name))
    }


def decided_without_test(prepared: Prepared, options: FitOptions) -> tuple[Traces, Traces]:
    """Return what is decided before anything is trained: on the data as they are, and with noise in the test set."""
    cutoff = prepared.split.test
    first = decisions(prepared.split, prepared.scaling, cutoff) | {"levels": prepared.levels}
    try:
        second = decide(with_noise(prepared.reading, cutoff), options)
    except DataError as refused:
        return {"refusal": None}, {"refusal": str(refused)}
    return first, decisions(second.split, second.scaling, cutoff) | {"levels": second.levels}


def normalised_without_folds(prepared: Prepared) -> tuple[Traces, Traces]:
    """Return what the rows before the first fold decide: on the data as they are, and with noise from there on."""
    split, cutoff = prepared.split, prepared.split.learned
    panel = without_lines(with_noise(prepared.reading, cutoff))
    return decisions(split, prepared.scaling, cutoff), decisions(*normalised(split, panel), cutoff)


def with_noise(reading: Reading, cutoff: Ints) -> Reading:
    """Return the data with noise from the `cutoff` (n_series,) of each series on; no line is drawn over gaps yet."""
    panel = without_lines(reading)
    y, x = noise_from(cutoff, panel.y, panel.x, panel.indptr, panel.plan.inputs)
    return replace(reading, panel=replace(panel, y=y, x=x))


def decisions(split: Split, scaling: Scaling, cutoff: Ints) -> Traces:
    """Return what stands before anything is trained, and the rows before the `cutoff` as the models see them."""
    space, history = Space.of(split), split.history
    earlier = np.arange(len(history.values)) < np.repeat(cutoff, np.diff(history.indptr))
    return {
        "season": [split.season_length, split.second],
        "horizon": split.horizon,
        "folds": _digest(split.folds, split.test),
        "normalisation": [scaling.centre.tolist(), scaling.spread.tolist(), space.log_unit],
        "log decision": space.logged,
        "search space": plain(space),
        "earlier rows": _digest(history.values[earlier], history.x[earlier]),
    }


def traces(search: Search, ensemble: ScoredEnsemble, judged: list[Judged]) -> Traces:
    """Return what the search and all that follows it gave, up to the test forecasts, without their scores."""
    members = [one.member for one in ensemble.members]
    rows = [one.row for one in judged if one.shipped]
    tested = {one.row.model: one.tested for one in judged if one.shipped}
    return {
        "trials": [
            [
                *(one.number, plain(one.values)),
                *(one.result.status, one.result.score, one.result.fold_scores, one.result.steps, one.result.digest),
            ]
            for one in search.trials
        ],
        "chosen configuration": [[one.name, one.trial.number, plain(one.trial.values)] for one in members],
        "steps": [one.scored.steps for one in ensemble.members],
        "weights": [one.scored.digest for one in ensemble.members],
        "ensemble weights": [[one.weight for one in members], *(row.shares for row in rows)],
        "winner": [winner(rows).model, [(row.model, row.val_mase) for row in rows]],
        "forecasts": {name: _digest(one.mean) for name, one in tested.items()},
        "intervals": {name: _digest(one.lower, one.upper) for name, one in tested.items()},
    }


def was_cut(search: Search, notes: Notes) -> bool:
    """Return whether a training ended otherwise than by its last step, so another search may have other results."""
    return any(one.result.status == "crashed" or one.result.late for one in search.trials) or notes.has(
        "limit", "crashed"
    )


@contextlib.contextmanager
def second_search(first: Jobs, panel: Panel, *, fresh: bool) -> Iterator[Jobs]:
    """Jobs on the same workers with a journal of their own, so that a second search that was stopped goes on, too.

    Args:
        panel: its data; fresh: whether an earlier second search is thrown away.
    """
    folder = first.folder / FOLDER
    folder.mkdir(exist_ok=True)
    remove_parts(folder)
    begin = first.journal.begin
    facts: Json = {"first": begin["facts"], "data": panel.digest()}
    journal = Journal(
        folder, facts, {"lag": begin["lag"]}, lambda records: bool(records[0]["facts"] != facts), fresh=fresh
    )
    with contextlib.closing(journal):
        yield Jobs(first.runner, journal, folder, first.retries, first.limit)


def _digest(*arrays: Array) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(one).tobytes() for one in arrays)).hexdigest()


def _text(value: JsonValue | Traces) -> str:
    return json.dumps(value, default=str)


def _listed(names: list[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)

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
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from gruforecast.arrays import Array, Ints
from gruforecast.automl.ensemble_members import EnsembleMembers
from gruforecast.automl.options import FitOptions
from gruforecast.automl.preparation import Prepared, decide, normalised, without_lines
from gruforecast.automl.search.loop import Search, Trial
from gruforecast.automl.search.space import Space
from gruforecast.automl.training_jobs import ALL_DATA, TrainingJobs
from gruforecast.data.panel import Panel
from gruforecast.data.read import Reading
from gruforecast.errors import DataError, GruforecastError
from gruforecast.evaluation.leaderboard import Judged, winner
from gruforecast.evaluation.perturbation import noise_from
from gruforecast.evaluation.splits import Split
from gruforecast.execution.atomic_files import remove_parts, write_file
from gruforecast.execution.jobs import Jobs
from gruforecast.execution.journal import Journal
from gruforecast.models.networks.config import STEPS_PER_CALL
from gruforecast.models.networks.covariates import Scaling

RUN_AUDIT = "gruforecast.automl.search.trial:run_audit"
FOLDER = "audit"  # of the second search, in the run folder
TRAININGS = 4  # before both cutoffs, on the true rows and with noise
MARGIN = 4  # how many times as long they might take in the time that is left, or they are not begun
CHEAP = ("season", "horizon", "folds", "levels", "normalisation", "log decision", "search space", "weights")
WHOLE = ("trials", "chosen configuration", "steps", "ensemble weights", "winner", "intervals")
REMEDY = "This is a bug in gruforecast: please report it, with audit.json of the run folder, which says what changed."
Traces = dict[str, Any]


@dataclass
class LeakageAudit:
    """The audit of one `fit`: `begin`, `receive`, `compare` where the search is repeated, then `result`.

    Attributes:
        moved: what changed, with both values as far as they are known here.
        missing: why nothing can be said.
    """

    options: FitOptions
    prepared: Prepared
    training_jobs: TrainingJobs
    moved: dict[str, Any] = field(default_factory=dict)
    missing: str = ""
    seconds: float = 0.0
    _requested: bool = False

    def begin(self, best: Trial) -> None:
        """Have a worker train the best configuration for a few steps, and decide anew meanwhile."""
        jobs, begin = self.training_jobs, time.perf_counter()
        steps = TRAININGS * STEPS_PER_CALL * MARGIN
        self._requested = jobs.budget.fitting(steps, best.result["seconds_per_step"], "seeds") >= steps
        if self._requested:
            network = replace(best.network, use_inputs="all" if best.network.inputs else "none")  # to see leaks there
            training = replace(jobs.training(best), steps=STEPS_PER_CALL)
            jobs.submit("audit", RUN_AUDIT, network, training, "seeds", {"rows": ALL_DATA}, keep=False)
        self._note_changes("at the test cutoff", *decided_without_test(self.prepared, self.options))
        self._note_changes("at the first fold", *normalised_without_folds(self.prepared))
        self.seconds += time.perf_counter() - begin

    def receive(self) -> None:
        """Wait for the result of the worker."""
        result = self.training_jobs.jobs.result("audit") if self._requested else None
        if result is None or result.get("late"):
            self.missing = "there was no time for it"
            self.training_jobs.cut_short("the leak audit", "seeds")
        elif result["status"] != "completed":
            self._leave_undone(f"its training {result['status']}: {result.get('error')}")
        else:
            self.seconds += result["seconds"]
            self.moved |= {f"{name} at the {place}": None for place, names in result["moved"].items() for name in names}

    def compare(self, first: Traces, second: Traces, seconds: float, *, cut: bool) -> None:
        """Compare two searches; where the clock has cut one, a difference says nothing."""
        self.seconds += seconds
        if cut and _text(first) != _text(second):
            self._leave_undone("a training crashed or was ended by `trial_time`, so two searches cannot be compared")
        else:
            self._note_changes("of the whole search", first, second)

    def result(self) -> dict[str, Any]:
        """Return what the report says: `passed` (None: nothing can be said), `kind`, `checked`, `seconds` and `text`.

        Raises:
            GruforecastError: something changed.
        """
        facts = {"kind": "whole" if self.options.audit else "cheap", "seconds": round(self.seconds, 2)}
        if self.moved:
            content = json.dumps({**facts, "moved": self.moved}, indent=1, default=str)
            write_file(self.training_jobs.jobs.folder / "audit.json", content.encode())
            text = f"LEAK: {_listed(list(self.moved))} changed when all later values were replaced by noise"
            raise GruforecastError(f"{text}; no model is saved.", remedy=REMEDY, code="GF-X03")
        if self.missing:
            return {"passed": None, **facts, "checked": [], "text": f"not done: {self.missing}"}
        names = [*CHEAP, *(WHOLE if self.options.audit else ()), "forecasts"]
        text = f"passed: {_listed(names)} stand when everything after the cutoffs is noise"
        return {"passed": True, **facts, "checked": names, "text": text}

    def _leave_undone(self, reason: str) -> None:
        self.missing = reason
        self.training_jobs.warnings.append(f"the leak audit was not done: {reason}")

    def _note_changes(self, where: str, first: Traces, second: Traces) -> None:
        names = [name for name in first | second if _text(first.get(name)) != _text(second.get(name))]
        self.moved |= {f"{name} {where}": [first.get(name), second.get(name)] for name in names}


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
        "season": split.season_length,
        "horizon": split.horizon,
        "folds": _digest(split.folds, split.test),
        "normalisation": [scaling.centre.tolist(), scaling.spread.tolist(), space.log_unit],
        "log decision": space.logged,
        "search space": asdict(space),
        "earlier rows": _digest(history.values[earlier], history.x[earlier]),
    }


def traces(search: Search, ensemble: EnsembleMembers, judged: list[Judged]) -> Traces:
    """Return what the search and all that follows it gave, up to the test forecasts, without their scores."""
    names = ("status", "score", "fold_scores", "steps", "digest")
    members = [(one.name, one.trial.number, one.trial.values) for one in ensemble.members]
    rows = [one.row for one in judged if one.shipped]
    tested = {one.row.model: one.tested for one in judged if one.shipped}
    return {
        "trials": [[one.number, one.values, [one.result.get(name) for name in names]] for one in search.trials],
        "chosen configuration": members,
        "steps": [one.scored["steps"] for one in ensemble.members],
        "weights": [one.scored["digest"] for one in ensemble.members],
        "ensemble weights": [
            [one.weight for one in ensemble.members],
            *((row.config or {}).get("shares") for row in rows),
        ],
        "winner": [winner(rows).model, [(row.model, row.val_mase) for row in rows]],
        "forecasts": {name: _digest(one.mean) for name, one in tested.items()},
        "intervals": {name: _digest(one.lower, one.upper) for name, one in tested.items()},
    }


def was_cut(search: Search, training_jobs: TrainingJobs) -> bool:
    """Return whether a training ended otherwise than by its last step, so another search may have other results."""
    ends = [one.result["status"] == "crashed" or one.result.get("late") for one in search.trials]
    return any(ends) or any("`trial_time`" in text or "crashed" in text for text in training_jobs.warnings)


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
    facts = {"first": begin["facts"], "data": panel.digest()}
    journal = Journal(
        folder, facts, {"lag": begin["lag"]}, lambda records: bool(records[0]["facts"] != facts), fresh=fresh
    )
    with contextlib.closing(journal):
        yield Jobs(first.runner, journal, folder, first.retries, first.limit)


def _digest(*arrays: Array) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(one).tobytes() for one in arrays)).hexdigest()


def _text(value: Any) -> str:
    return json.dumps(value, default=str)


def _listed(names: list[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)

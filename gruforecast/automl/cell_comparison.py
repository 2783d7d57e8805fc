"""GRU, LSTM and simple RNN at one equal budget: rows of the leaderboard that do not compete."""

from __future__ import annotations

import time
import timeit
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from gruforecast.automl.search.loop import RUN_TRIAL, Search
from gruforecast.automl.search.trial import seed_of
from gruforecast.automl.training_jobs import TEST_FIT, TrainingJobs, facts_of_training
from gruforecast.evaluation.leaderboard import Candidate
from gruforecast.evaluation.splits import Forecasts
from gruforecast.execution.jobs import Result
from gruforecast.models.networks.config import CELLS, Cell, NetworkConfig
from gruforecast.models.networks.inference import Network

SEEDS = 3
CALLS = 5  # of one forecast, to time it
SHORT_STEPS = (100, 500)  # bounds of the short comparison's half of the best trial's steps
Entry = tuple[Cell, int]  # a cell and the number of its seed


@dataclass
class CellComparison:
    """Cells with the configuration of the best trial: `begin`, then `candidates`.

    Attributes:
        kind: `short`, `full` or `none`.
        trained: for each cell the configuration and the result of each seed that was trained whole before the folds.
    """

    training_jobs: TrainingJobs
    search: Search
    kind: str
    entries: list[Entry] = field(default_factory=list)
    trained: dict[Cell, list[tuple[NetworkConfig, Result]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.best = self.search.best

    def begin(self) -> None:
        """Put as much of the comparison as the time budget allows for on the workers, behind the test fits."""
        self._choose_entries()
        # the worker of the test fit has compiled the GRU, so it comes last
        for cell, number in sorted(self.entries, key=lambda entry: entry[0] == "gru"):
            if number == 0:
                self._submit(cell, number)

    def candidates(self) -> list[list[Candidate]]:
        """Return one candidate a seed for each cell that was trained whole."""
        groups: dict[Cell, list[Candidate | None]] = {}
        for cell, number in sorted(self.entries, key=lambda entry: entry[1]):
            group = groups.setdefault(cell, [])
            if None not in group:
                group.append(self._compared(cell, number))
        return [[one for one in group if one] for group in groups.values() if None not in group]

    def _choose_entries(self) -> None:
        """Compare everything, or leave out what the time budget does not allow for.

        The third seeds are given up first, then the simple RNN, then the LSTM, then the rest: a GRU alone is compared
        with nothing.
        """
        cells, seeds = {"full": (CELLS[1:], 1), "short": (CELLS, SEEDS), "none": ((), 0)}[self.kind]
        self.entries = [(cell, number) for cell in cells for number in range(seeds)]
        deadline = self.training_jobs.budget.deadline("comparison")
        if deadline is None:
            return
        for left_out in (SEEDS - 1, "rnn", "lstm", "gru"):
            if self._seconds_for(self.entries) <= self.training_jobs.jobs.runner.count * (deadline - time.time()):
                return
            kept = [entry for entry in self.entries if left_out not in entry]
            if kept != self.entries:
                part = f"the {left_out} comparison" if left_out in CELLS else "the third seeds of the comparison"
                self.training_jobs.give_up(part)
            self.entries = kept

    def _seconds_for(self, entries: list[Entry]) -> float:
        """Return what the test fits and a comparison of `entries` take of one worker, as far as the trials tell."""
        seconds = self.best.result["seconds"]
        step = self.best.result["seconds_per_step"] or 0.0
        trials = [trial.result["seconds"] for trial in self.search.trials if "seconds" in trial.result]
        compiling = max(one["trace"] + one["compile"] for one in trials)
        steps = self._steps() if self.kind == "short" else self.training_jobs.space.steps + self.best.result["steps"]
        new = len({cell for cell, _ in entries} - {"gru"})
        return self.training_jobs.fitting + new * compiling + len(entries) * (steps * step + seconds["evaluate"])

    def _steps(self) -> int:
        return min(max(self.best.result["steps"] // 2, SHORT_STEPS[0]), SHORT_STEPS[1])

    def _submit(self, cell: Cell, number: int) -> None:
        """Weights of a short comparison are trained before the first fold and scored on folds and test set alike.

        A full comparison has the configuration, the budget and the protocol of the best GRU.
        """
        jobs = self.training_jobs
        network = replace(self.best.network, cell=cell)
        training = jobs.training(self.best)
        if self.kind == "short":
            training = replace(training, seed=seed_of(jobs.seed, -2 - number), steps=self._steps())
        request = {"number": self.best.number, "rungs": None}
        jobs.submit(f"{self.kind}-{cell}-{number}", RUN_TRIAL, network, training, "comparison", request)

    def _compared(self, cell: Cell, number: int) -> Candidate | None:
        """Return the candidate of one cell and seed; None, with a note why, if it was not trained whole."""
        jobs = self.training_jobs
        result = jobs.jobs.result(f"{self.kind}-{cell}-{number}")
        if not self._is_whole(result, cell):
            return None
        if (cell, number + 1) in self.entries:  # only now, so that the same worker compiles a cell but once
            self._submit(cell, number + 1)
        network = replace(self.best.network, cell=cell)
        self.trained.setdefault(cell, []).append((network, result))
        before = at_test = jobs.network(network, result)
        facts = facts_of_training(self.best, result, self.kind)
        facts |= {
            "train_seconds": result["seconds"]["train"],
            "forecast_ms": self._forecast_ms(before),
            "weights_bytes": jobs.path(result).stat().st_size,
        }
        if self.kind == "full":
            trial = replace(self.best, network=network, result=result)
            kind = replace(TEST_FIT, title=f"{cell} comparison", part="comparison")
            jobs.submit_fit(kind, trial, cell, result)
            fitted, whole = jobs.fitted(kind, cell, result)
            if not whole:
                return None
            at_test = jobs.network(network, fitted)
            facts |= {"seconds": fitted["seconds"]["total"]}
        forecasts = Forecasts.of(jobs.split, before, at_test)
        return Candidate(f"{cell} ({self.kind})", cell, forecasts, facts, competes=False, shipped=False)

    def _forecast_ms(self, network: Network) -> float:
        """Return the milliseconds of one forecast of one series, the quickest of a few."""
        split = self.training_jobs.split
        windows = split.test_windows()[:1]
        return 1000 * min(timeit.repeat(lambda: split.ask(network, windows), number=1, repeat=CALLS))

    def _is_whole(self, result: Result | None, cell: Cell) -> TypeGuard[Result]:
        """Return whether the training of a comparison came to its end; notes why not."""
        if result is not None and result["status"] == "completed" and not result["late"]:
            return True
        if result is None or (result.get("late") and self.training_jobs.budget.over("comparison")):
            self.training_jobs.give_up(f"the {cell} comparison")
        else:
            reason = "was ended by `trial_time`" if result.get("late") else result["status"]
            self.training_jobs.warnings.append(f"the {cell} comparison {reason}: left out")
        return False

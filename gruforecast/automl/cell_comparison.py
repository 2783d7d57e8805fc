"""GRU, LSTM and simple RNN at one equal budget: rows of the leaderboard that do not compete."""

from __future__ import annotations

import time
import timeit
from dataclasses import dataclass, replace

from msgspec import structs

from gruforecast.automl.search.loop import Search, Trial
from gruforecast.automl.search.results import TrialResult
from gruforecast.automl.search.trial import seed_of
from gruforecast.automl.training_jobs import TEST_FIT, TrainingJobs, facts_of_training
from gruforecast.evaluation.leaderboard import Candidate
from gruforecast.evaluation.splits import Forecasts
from gruforecast.execution.jobs import Pending
from gruforecast.models.networks.config import CELLS, Cell
from gruforecast.models.networks.inference import Network

SEEDS = 3
CALLS = 5  # of one forecast, to time it
PART = "comparison"  # of the command
SHORT_STEPS = (100, 500)  # bounds of the short comparison's half of the best trial's steps
Entry = tuple[Cell, int]  # a cell and the number of its seed


@dataclass(frozen=True)
class ComparedCells:
    """What came of a comparison.

    Attributes:
        groups: one candidate a seed for each cell that was trained whole.
        trained: for each cell, as in the leaderboard, the networks of its seeds as they were trained before the folds;
            where no GRU was, it is the best trial.
    """

    groups: list[list[Candidate]]
    trained: dict[str, list[Network]]


@dataclass(frozen=True)
class CellComparison:
    """Cells with the configuration of the best trial, as much of them as the time budget allows for.

    Attributes:
        kind: `short`, `full` or `none`.
        submitted: the trainings of the first seeds.
    """

    training_jobs: TrainingJobs
    best: Trial
    kind: str
    entries: tuple[Entry, ...]
    submitted: dict[Cell, Pending[TrialResult]]

    def wait(self) -> ComparedCells:
        """Return the cells that were trained whole."""
        submitted = dict(self.submitted)
        groups: dict[Cell, list[Candidate | None]] = {}
        trained: dict[str, list[Network]] = {}
        for cell, number in sorted(self.entries, key=lambda entry: entry[1]):
            group = groups.setdefault(cell, [])
            if None in group:
                continue
            result = self._whole(submitted[cell].result(), cell)
            if result is None:
                group.append(None)
                continue
            if (cell, number + 1) in self.entries:  # only now, so that the same worker compiles a cell but once
                submitted[cell] = _submit(self.training_jobs, self.best, self.kind, (cell, number + 1))
            network = self.training_jobs.network(replace(self.best.network, cell=cell), result)
            trained.setdefault(f"{cell} ({self.kind})", []).append(network)
            group.append(self._candidate(network, cell, result))
        if trained and f"gru ({self.kind})" not in trained:
            trained = {"gru (full)": [self.training_jobs.network(self.best.network, self.best.result)]} | trained
        return ComparedCells([[one for one in group if one] for group in groups.values() if None not in group], trained)

    def _candidate(self, network: Network, cell: Cell, result: TrialResult) -> Candidate | None:
        """Return the candidate of one cell and seed; None if it was not trained whole for the test set."""
        jobs, at_test = self.training_jobs, network
        facts = structs.replace(
            facts_of_training(self.best, result, self.kind),
            train_seconds=result.seconds.train,
            forecast_ms=self._forecast_ms(network),
            weights_bytes=jobs.path(result).stat().st_size,
        )
        if self.kind == "full":
            trial = replace(self.best, network=network.config, result=result)
            kind = replace(TEST_FIT, title=f"{cell} comparison", part=PART)
            fitted, whole = jobs.submit_fit(kind, trial, cell, result).result()
            if not whole:
                return None
            at_test = jobs.network(network.config, fitted)
            facts = structs.replace(facts, seconds=fitted.seconds.total)
        return Candidate(
            name=f"{cell} ({self.kind})",
            kind=cell,
            forecasts=Forecasts.of(jobs.split, network, at_test),
            facts=facts,
            competes=False,
            shipped=False,
        )

    def _forecast_ms(self, network: Network) -> float:
        """Return the milliseconds of one forecast of one series, the quickest of a few."""
        split = self.training_jobs.split
        windows = split.test_windows()[:1]
        return 1000 * min(timeit.repeat(lambda: split.ask(network, windows), number=1, repeat=CALLS))

    def _whole(self, result: TrialResult | None, cell: Cell) -> TrialResult | None:
        """Return the result of a training that came to its end; None, with a note why, for others."""
        if result is not None and result.status == "completed" and not result.late:
            return result
        notes = self.training_jobs.notes
        if result is None or (result.late and self.training_jobs.budget.over(PART)):
            notes.give_up(f"the {cell} comparison")
        else:
            reason, cause = ("was ended by `trial_time`", "limit") if result.late else (result.status, result.status)
            notes.warn(f"the {cell} comparison {reason}: left out", cause)
        return None


def submit_comparison(jobs: TrainingJobs, search: Search, kind: str, busy: float) -> CellComparison:
    """Put as much of the comparison as the time budget allows for on the workers, behind the test fits.

    Args:
        busy: seconds of one worker that those take.
    """
    best, entries = search.best, _affordable(jobs, search, kind, busy)
    # the worker of the test fit has compiled the GRU, so it comes last
    ordered = sorted(entries, key=lambda entry: entry[0] == "gru")
    submitted = {entry[0]: _submit(jobs, best, kind, entry) for entry in ordered if entry[1] == 0}
    return CellComparison(jobs, best, kind, entries, submitted)


def _affordable(jobs: TrainingJobs, search: Search, kind: str, busy: float) -> tuple[Entry, ...]:
    """Return what is compared: everything, or what the time budget allows for.

    The third seeds are given up first, then the simple RNN, then the LSTM, then the rest: a GRU alone is compared
    with nothing.
    """
    cells, seeds = {"full": (CELLS[1:], 1), "short": (CELLS, SEEDS), "none": ((), 0)}[kind]
    entries = tuple((cell, number) for cell in cells for number in range(seeds))
    deadline = jobs.budget.deadline(PART)
    if deadline is None:
        return entries
    for left_out in (SEEDS - 1, "rnn", "lstm", "gru"):
        if busy + _seconds_for(entries, jobs, search, kind) <= jobs.jobs.runner.count * (deadline - time.time()):
            break
        kept = tuple(entry for entry in entries if left_out not in entry)
        if kept != entries:
            jobs.notes.give_up(f"the {left_out if left_out in CELLS else 'third seeds of the'} comparison")
        entries = kept
    return entries


def _seconds_for(entries: tuple[Entry, ...], jobs: TrainingJobs, search: Search, kind: str) -> float:
    """Return what a comparison of `entries` takes of one worker, as far as the trials tell."""
    best = search.best.result
    compiling = max(trial.result.seconds.trace + trial.result.seconds.compile for trial in search.trials)
    steps = _short_steps(search.best) if kind == "short" else jobs.space.steps + best.steps
    new = len({cell for cell, _ in entries} - {"gru"})
    return new * compiling + len(entries) * (steps * (best.seconds_per_step or 0.0) + best.seconds.evaluate)


def _short_steps(best: Trial) -> int:
    return min(max(best.result.steps // 2, SHORT_STEPS[0]), SHORT_STEPS[1])


def _submit(jobs: TrainingJobs, best: Trial, kind: str, entry: Entry) -> Pending[TrialResult]:
    """Have one cell trained with one seed.

    Weights of a short comparison are trained before the first fold and scored on folds and test set alike. A full
    comparison has the configuration, the budget and the protocol of the best GRU.
    """
    cell, number = entry
    training = jobs.training(best)
    if kind == "short":
        training = replace(training, seed=seed_of(jobs.seed, -2 - number), steps=_short_steps(best))
    return jobs.submit_trial(f"{kind}-{cell}-{number}", best.number, replace(best.network, cell=cell), training, PART)

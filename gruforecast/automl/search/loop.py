"""The search: ask for configurations, run them on the workers, tell their scores, keep the best.

The Oracle is told scores in the order of the trials' numbers, and trial k is proposed when it knows exactly those up to
k - lag, however fast the workers were. So what is tried does not depend on timing, and a search that was killed and
goes on tries the same as one that was not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from msgspec import structs

from gruforecast.automl.search.oracle import Proposal, Proposer
from gruforecast.automl.search.results import TrialRequest, TrialResult
from gruforecast.automl.search.space import Space
from gruforecast.automl.search.trial import seed_of
from gruforecast.errors import SearchError, shorten
from gruforecast.execution.jobs import Jobs, Pending
from gruforecast.execution.progress import Budget, Progress, TrialEnd
from gruforecast.models.networks.config import RUNGS, Hyperparameters, NetworkConfig

RUN_TRIAL = "gruforecast.automl.search.trial:run_trial"
RANDOM_LAG = 8  # at random nothing waits for scores; the limits of the rungs do, the same for up to four workers
MIN_OTHERS = 3  # trials that must have reached a rung before another can fail there
DATA = "split"  # name of the data in the run folder
PART = "search"  # of the command


@dataclass(frozen=True)
class Trial:
    """A trial that has ended: what was tried, with which share of a full training, and what came of it.

    Attributes:
        name: of its job.
        seed_of: number of the trial that this one repeats with another seed.
    """

    number: int
    name: str
    values: Hyperparameters
    share: float
    network: NetworkConfig
    result: TrialResult
    seed_of: int | None = None

    @property
    def rank(self) -> tuple[float, int]:
        """What it is sorted by: the lower, the better."""
        return np.inf if self.result.score is None else self.result.score, self.number


@dataclass(frozen=True)
class Search:
    """All trials of a search, in the order of their numbers; `cut`: whether the time budget ended it early."""

    trials: list[Trial]
    cut: bool = False

    @property
    def best(self) -> Trial:
        """The trial with the lowest score, be it one that was stopped early.

        Raises:
            SearchError: none has a score.
        """
        if not self.ranked:
            raise _no_model(self.trials)
        return self.ranked[0]

    @property
    def ranked(self) -> list[Trial]:
        """The trials with a score, best first."""
        usable = [trial for trial in self.trials if trial.result.score is not None]
        return sorted(usable, key=lambda trial: trial.rank)


def lag_of(tuner: str, workers: int) -> int:
    """Return how many trials back the newest score lies that the proposal of a trial is made from."""
    return max(RANDOM_LAG, 2 * workers) if tuner == "random" else 2 * workers


def search(
    space: Space,
    jobs: Jobs,
    proposer: Proposer,
    *,
    lag: int,
    seed: int,
    prune: bool,
    total: int | None,
    budget: Budget,
    progress: Progress,
    beside: Callable[[], None] = lambda: None,
) -> Search:
    """Return the trials that a proposer wants, run by `jobs`.

    Args:
        prune: whether trials that are worse than the median of earlier ones at a rung are given up there.
        total: number of trials where it is known, for the progress shown.
        beside: submits jobs that do not hang on the search, behind its first trials.
    """
    progress.search_begins(total, budget.deadline(PART))
    loop = _Loop(space, jobs, proposer, lag, seed, prune, budget)
    begin, new = time.perf_counter(), 0
    try:
        while not budget.over(PART) and loop.propose():
            pass
        beside()
        while (trial := loop.next()) is not None:
            if trial.name in jobs.replayed:
                progress.trial_known(trial.number, _end_of(trial.result))
                continue
            new += 1
            left = None if total is None else total - len(loop.ended)
            expected = (time.perf_counter() - begin) / max(new, jobs.runner.count) * left if left else None
            scores = [one.result.score for one in loop.ended.values() if one.result.score is not None]
            done, best = len(loop.ended), min(scores, default=float("nan"))
            progress.trial_ended(trial.number, _end_of(trial.result), done=done, best=best, expected_seconds=expected)
    finally:
        progress.search_ended()
        proposer.close()
    return Search([loop.ended[number] for number in sorted(loop.ended)], loop.cut)


def _end_of(result: TrialResult) -> TrialEnd:
    spent = result.seconds
    return TrialEnd(
        result.status, result.score, result.error, result.steps, spent.total, spent.trace, spent.compile, spent.train
    )


@dataclass
class _Loop:
    """The state of a search."""

    space: Space
    jobs: Jobs
    proposer: Proposer
    lag: int
    seed: int
    prune: bool
    budget: Budget
    ended: dict[int, Trial] = field(default_factory=dict)
    cut: bool = False

    def __post_init__(self) -> None:
        self._begun: dict[str, tuple[Proposal, NetworkConfig, Pending[TrialResult]]] = {}
        self._proposed = self._told = 0  # trials, and how many of their scores the proposer knows
        self._wants_score = False  # nothing can be proposed before one more score is known

    def next(self) -> Trial | None:
        """Return the next trial to end, None when the search is over."""
        while True:
            over = self.budget.over(PART)
            if over:
                self.jobs.give_up_waiting(PART)
            while not over and self.propose():
                pass
            if self.jobs.idle(PART):
                self.cut |= over and self.proposer.open
                return None
            name = self.jobs.next(PART)
            proposal, network, pending = self._begun[name]
            result = pending.result()
            self.cut |= result is None or (result.late and self.budget.over(PART))
            if result is not None:
                return self._take(name, proposal, network, result)

    def propose(self) -> bool:
        """Propose and begin one trial if the scores it must be proposed from are there."""
        wanted = self._told + 1 if self._wants_score else self._proposed - self.lag + 1
        while self._told < wanted:
            if self._told not in self.ended:
                return False
            score = self.ended[self._told].result.score
            self.proposer.tell(self._told, np.nan if score is None else score)
            self._told += 1
        self._wants_score = False
        proposal = self.proposer.ask()
        if proposal is None:
            self._wants_score = True
            return self._told < self._proposed
        self._begin(proposal)
        return True

    def _begin(self, proposal: Proposal) -> None:
        name = f"trial-{proposal.number:03}"
        network = self.space.network(proposal.values)
        request = TrialRequest(
            number=proposal.number,
            network=network,
            training=self.space.training(proposal.values, seed_of(self.seed, proposal.number), proposal.share),
            data=DATA,
            weights=f"{name}.npz",
            rungs=self._limits() if self.prune else (None,) * len(RUNGS),
        )
        self._proposed += 1
        deadline = self.budget.deadline(PART)
        until = self.budget.deadline("refit") if proposal.number == 0 else None  # without one trial there is no model
        pending = self.jobs.submit(
            name,
            RUN_TRIAL,
            request,
            TrialResult,
            part=PART,
            shape=network.shape,
            cost=network.cost * proposal.share,
            deadline=deadline,
            until=until,
        )
        self._begun[name] = proposal, network, pending

    def _limits(self) -> tuple[float | None, ...]:
        """Return for each rung the median score of the trials that the Oracle knows, None if those are too few."""
        known = [self.ended[number].result.rungs for number in range(self._told)]
        reached = [
            [score for rungs in known for score in rungs[rung : rung + 1] if score is not None]
            for rung in range(len(RUNGS))
        ]
        return tuple(float(np.median(scores)) if len(scores) >= MIN_OTHERS else None for scores in reached)

    def _take(self, name: str, proposal: Proposal, network: NetworkConfig, result: TrialResult) -> Trial:
        if result.status == "completed" and result.score is None:  # infinite, or no number
            result = structs.replace(result, status="diverged")
        trial = Trial(proposal.number, name, proposal.values, proposal.share, network, result)
        self.ended[trial.number] = trial
        return trial


def _no_model(trials: list[Trial]) -> SearchError:
    if not trials:
        text = "the time was up before the first trial had ended."
        return SearchError(text, remedy="Pass a longer `max_time`.", code="GF-S04")
    text = f"none of {len(trials)} trials gave a usable model"
    errors = sorted({trial.result.error or "" for trial in trials if trial.result.status == "crashed"})
    if errors:
        remedy = "The log in the run folder has the traceback."
        return SearchError(f"{text}: {shorten(errors, 1)}.", remedy=remedy, code="GF-S03")
    remedy = "Look for extreme values in the data, or scale the target."
    return SearchError(f"{text} (all diverged).", remedy=remedy, code="GF-S01")

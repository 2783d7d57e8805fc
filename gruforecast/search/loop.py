"""The search: ask for a configuration, run it, tell its score, keep the best."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gruforecast.config import NetworkConfig, to_dict
from gruforecast.errors import SearchError
from gruforecast.progress import Budget, Progress
from gruforecast.search.space import Space, Values
from gruforecast.search.trial import Result, run_trial, seed_of


@dataclass(frozen=True)
class Trial:
    """A trial that has ended: what was tried, with which share of a full training, and what came of it."""

    values: Values
    share: float
    network: NetworkConfig
    result: Result
    weights: Path


@dataclass(frozen=True)
class Search:
    """All trials of a search, in the order of their numbers."""

    trials: list[Trial]

    @property
    def best(self) -> Trial:
        """The completed trial with the lowest score.

        Raises:
            SearchError: none completed.
        """
        completed = [trial for trial in self.trials if trial.result["status"] == "completed"]
        if not completed:
            text = f"none of {len(self.trials)} trials gave a usable model (all diverged)."
            remedy = "Look for extreme values in the data, or scale the target."
            raise SearchError(text, remedy=remedy, code="GF-S01")
        return min(completed, key=lambda trial: (trial.result["score"], trial.result["number"]))

    def count(self, status: str) -> int:
        """How many trials ended with `status`."""
        return sum(trial.result["status"] == status for trial in self.trials)


def search(
    space: Space, data: Path, *, tuner: str, trials: int, seed: int, budget: Budget, progress: Progress
) -> Search:
    """The trials that `tuner` proposed, run one after another in this process.

    Args:
        data: file written by `save_split`; weights of trials are written beside it.
    """
    from gruforecast.search.oracle import Proposer

    proposer = Proposer(tuner, space, trials, seed)
    ended: list[Trial] = []
    begin = time.perf_counter()
    total = None if tuner == "hyperband" else trials  # there `trials` bounds the work, not the count
    progress.search_begins(total)
    try:
        while (proposal := proposer.ask()) is not None:
            weights = data.with_name(f"trial-{proposal.number:03}.npz")
            network = space.network(proposal.values)
            request = {
                "number": proposal.number,
                "network": to_dict(network),
                "training": to_dict(space.training(proposal.values, seed_of(seed, proposal.number), proposal.share)),
                "data": str(data),
                "weights": str(weights),
                "early_stop": True,
                "deadline": budget.deadline("search"),
            }
            result = run_trial(request)
            ended.append(Trial(proposal.values, proposal.share, network, result, weights))
            proposer.tell(proposal.number, np.nan if result["score"] is None else result["score"])
            spent = time.perf_counter() - begin
            progress.trial_ended(result, _best_score(ended), _expected(spent, len(ended), total))
            if budget.over("search"):
                break
    finally:
        progress.search_ended()
        proposer.close()
    return Search(ended)


def _best_score(ended: list[Trial]) -> float:
    return min((trial.result["score"] for trial in ended if trial.result["score"] is not None), default=float("nan"))


def _expected(spent: float, done: int, trials: int | None) -> float | None:
    """Seconds that the rest of the search will take if trials go on as they have."""
    return spent / done * (trials - done) if trials and done < trials else None

"""The GRU networks that are judged and shipped: the best trials and more seeds, combined, trained up to the end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from gruforecast.automl.ensemble_selection import Combination, select_weights, weighted
from gruforecast.automl.search.loop import RUN_TRIAL, Search, Trial
from gruforecast.automl.search.trial import seed_of
from gruforecast.automl.training_jobs import REFIT, TEST_FIT, TrainingJobs, facts_of_training
from gruforecast.evaluation.leaderboard import Candidate
from gruforecast.evaluation.splits import Folds, Forecasts
from gruforecast.execution.jobs import Result
from gruforecast.models.networks.inference import Network
from gruforecast.models.registry import NETWORKS

# places of the trials that are trained with other seeds; two of the best are worth more than the third
AGAIN = (0, 1, 0)
MAX_NETWORKS = 5
SEED_NUMBERS = 1_000_000  # trial numbers of further seeds, far from those of the search


@dataclass
class Member:
    """One network of the ensemble.

    Attributes:
        name: `gru` for the best on the folds, then `gru-2` and so on.
        folds: its forecasts there, by the weights of its trial.
        scored: the result whose weights are judged on the test set; saved: the one that is shipped.
    """

    name: str
    weight: float
    trial: Trial
    folds: Folds
    scored: Result = field(default_factory=dict)
    saved: Result = field(default_factory=dict)


@dataclass
class EnsembleMembers:
    """What makes networks of trials: `begin`, `choose`, `test_fit`, and `refit`, in this order.

    Attributes:
        several: whether networks are combined; otherwise the best trial stands alone.
        ships: whether they are trained up to the end, too.
    """

    training_jobs: TrainingJobs
    search: Search
    several: bool
    ships: bool = True
    members: list[Member] = field(default_factory=list)
    combination: Combination | None = None
    refitted: bool = True

    def begin(self) -> None:
        """Train the best configurations with other seeds, as a trial is trained."""
        jobs = self.training_jobs
        for k, trial in enumerate(self._again()):
            training = replace(jobs.training(trial), seed=seed_of(jobs.seed, SEED_NUMBERS + k))
            request = {"number": SEED_NUMBERS + k, "rungs": None}
            cost = trial.network.cost * trial.share
            jobs.submit(f"seed-{k}", RUN_TRIAL, trial.network, training, "seeds", request, cost=cost)

    def choose(self) -> None:
        """Decide by the folds which networks there will be, and begin their test fits."""
        jobs, split = self.training_jobs, self.training_jobs.split
        candidates = self._candidates()
        trials = {_name(trial): trial for trial in candidates}
        folds = {
            name: [split.ask(network, windows).mean for windows in split.fold_windows()]
            for name, trial in trials.items()
            for network in [jobs.network(trial.network, trial.result)]
        }
        selected = select_weights(split, folds, MAX_NETWORKS) if len(trials) > 1 else None
        weights = selected.weights if selected else {_name(candidates[0]): 1.0}
        self.combination = selected if len(weights) > 1 else None
        for place, name in enumerate(sorted(weights, key=lambda name: trials[name].result["score"])):
            member = Member(f"gru-{place + 1}" if place else "gru", weights[name], trials[name], folds[name])
            self.members.append(member)
        for name in weights:
            jobs.submit_fit(TEST_FIT, trials[name], name, trials[name].result, count=len(weights))

    def test_fit(self) -> list[Candidate]:
        """Each network as a candidate, then their combination if there are several; refits from them are begun."""
        jobs, split = self.training_jobs, self.training_jobs.split
        calibration, test = split.calibration_windows(), split.test_windows()
        forecasts, rows = {}, []
        for member in self.members:
            trial = member.trial
            origins = split.ask(jobs.network(trial.network, trial.result), calibration)
            member.scored, _ = jobs.fitted(TEST_FIT, _name(trial), trial.result)
            if self.ships:
                jobs.submit_fit(REFIT, trial, _name(trial), member.scored, count=len(self.members))
            scored = split.ask(jobs.network(trial.network, member.scored), test)
            forecasts[member.name] = Forecasts(member.folds, origins, scored)
            budget = "full" if trial.number == self.search.best.number else "member"  # that of a full comparison
            facts = facts_of_training(trial, trial.result, budget) | {"seconds": member.scored["seconds"]["total"]}
            alone = self.combination is None
            rows.append(Candidate(member.name, "gru", forecasts[member.name], facts, competes=alone))
        return [*rows, *self._combined(forecasts)]

    def refit(self) -> None:
        """Wait for the weights to be saved, which learned from the newest rows where time allowed."""
        for member in self.members:
            member.saved, _ = self.training_jobs.fitted(REFIT, _name(member.trial), member.scored)
            self.refitted &= member.saved is not member.scored

    def networks(self) -> tuple[Network, ...]:
        """Return the networks to be saved."""
        return tuple(
            replace(
                self.training_jobs.network(member.trial.network, member.saved, member.name),
                weight=member.weight,
                training=self.training_jobs.whole(REFIT, member.trial),
            )
            for member in self.members
        )

    def digests(self) -> dict[str, Any]:
        """Return those of the weights scored on the test set and of those saved, by network."""
        return {
            kind: {member.name: getattr(member, kind)["digest"] for member in self.members}
            for kind in ("scored", "saved")
        }

    def networks_facts(self) -> list[dict[str, Any]]:
        """Return name, ensemble weight, configuration and origin (a trial, or another seed of it) of each network."""
        return [
            {
                "name": member.name,
                "share": member.weight,
                "number": self._origin(member.trial),
                "another_seed": member.trial.number >= SEED_NUMBERS,
                **member.trial.values,
                **{name: member.trial.result[name] for name in ("steps", "parameters", "digest")},
                "val_mase": member.trial.result["score"],
            }
            for member in self.members
        ]

    def _candidates(self) -> list[Trial]:
        """Return all trials with a score and the further seeds, best first."""
        candidates = self.search.ranked if self.several else self.search.ranked[:1]
        for k, trial in enumerate(self._again()):
            result = self.training_jobs.jobs.result(f"seed-{k}")
            if result is None:
                self.training_jobs.give_up("more seeds of the best GRUs")
            elif result["score"] is not None:
                candidates.append(replace(trial, number=SEED_NUMBERS + k, result=result))
        return sorted(candidates, key=lambda trial: (trial.result["score"], trial.number))

    def _again(self) -> list[Trial]:
        """Return the trials whose configurations are trained with another seed, too."""
        ranked = self.search.ranked
        return [ranked[k % len(ranked)] for k in AGAIN] if self.several else []

    def _origin(self, trial: Trial) -> int:
        """Return the number of the trial whose configuration this one has."""
        more = trial.number - SEED_NUMBERS
        return self._again()[more].number if more >= 0 else trial.number

    def _combined(self, forecasts: dict[str, Forecasts]) -> list[Candidate]:
        """Return all networks together, if there are several."""
        if self.combination is None:
            return []
        weights = {member.name: member.weight for member in self.members}
        parameters = sum(member.scored["parameters"] for member in self.members)
        facts = {"parameters": parameters, "config": {"shares": weights}}
        return [Candidate(NETWORKS, "gru", weighted(weights, forecasts, self.combination.folds), facts)]


def _name(trial: Trial) -> str:
    """Return the name of a trial in those of jobs."""
    more = trial.number - SEED_NUMBERS
    return f"seed-{more}" if more >= 0 else f"trial-{trial.number:03}"

"""The GRU networks that are judged and shipped: the best trials and more seeds, combined, trained up to the end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from gruforecast.automl.ensemble_selection import Combination, combine, mixed
from gruforecast.automl.search.loop import RUN_TRIAL, Search, Trial
from gruforecast.automl.search.trial import seed_of
from gruforecast.automl.training_jobs import REFIT, TEST_FIT, TrainingJobs, facts_of_training
from gruforecast.evaluation.leaderboard import Candidate
from gruforecast.evaluation.splits import Folds, Forecasts
from gruforecast.execution.jobs import Result
from gruforecast.models.networks.inference import Network
from gruforecast.models.registry import NETWORKS

AGAIN = (
    0,
    1,
    0,
)  # places of the trials that are trained with other seeds; two of the best are worth more than the third
MAX_NETWORKS = 5
SEED_NUMBERS = 1_000_000  # trial numbers of further seeds, far from those of the search


@dataclass
class Member:
    """One network of the combination.

    Attributes:
        name: `gru` for the best on the folds, then `gru-2` and so on.
        folds: its forecasts there, by the weights of its trial.
        scored: the result whose weights are judged on the test set; saved: the one that is shipped.
    """

    name: str
    share: float
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

    contest: TrainingJobs
    found: Search
    several: bool
    ships: bool = True
    members: list[Member] = field(default_factory=list)
    combination: Combination | None = None
    refitted: bool = True

    def begin(self) -> None:
        """Train the best configurations with other seeds, as a trial is trained."""
        contest = self.contest
        for k, trial in enumerate(self._again()):
            training = replace(contest.training(trial), seed=seed_of(contest.seed, SEED_NUMBERS + k))
            request = contest.request(trial.network, training, f"seed-{k}")
            request |= {"number": SEED_NUMBERS + k, "rungs": None}
            cost, deadline = trial.network.cost * trial.share, contest.budget.deadline("seeds")
            shape = trial.network.shape
            contest.jobs.submit(f"seed-{k}", RUN_TRIAL, request, shape=shape, cost=cost, deadline=deadline)

    def choose(self) -> None:
        """Decide by the folds which networks there will be, and begin their test fits."""
        split = self.contest.split
        candidates = self._candidates()
        trials = {_name(trial): trial for trial in candidates}
        folds = {
            name: [split.ask(network, windows).mean for windows in split.fold_windows()]
            for name, trial in trials.items()
            for network in [self.contest.network(trial.network, trial.result)]
        }
        found = combine(split, folds, MAX_NETWORKS) if len(trials) > 1 else None
        shares = found.shares if found else {_name(candidates[0]): 1.0}
        self.combination = found if len(shares) > 1 else None
        for place, name in enumerate(sorted(shares, key=lambda name: trials[name].result["score"])):
            title = f"gru-{place + 1}" if place else "gru"
            self.members.append(Member(title, shares[name], trials[name], folds[name]))
        for name in shares:
            self.contest.submit_fit(TEST_FIT, trials[name], name, trials[name].result, beside=len(shares))

    def test_fit(self) -> list[Candidate]:
        """Each network as a candidate, then their combination if there are several; refits from them are begun."""
        contest, split = self.contest, self.contest.split
        calibration, test = split.calibration_windows(), split.test_windows()
        forecasts, rows = {}, []
        for member in self.members:
            trial = member.trial
            origins = split.ask(contest.network(trial.network, trial.result), calibration)
            member.scored, _ = contest.fitted(TEST_FIT, _name(trial), trial.result)
            if self.ships:
                contest.submit_fit(REFIT, trial, _name(trial), member.scored, beside=len(self.members))
            scored = split.ask(contest.network(trial.network, member.scored), test)
            forecasts[member.name] = Forecasts(member.folds, origins, scored)
            budget = "full" if trial.number == self.found.best.number else "member"  # that of a full comparison
            facts = facts_of_training(trial, trial.result, budget) | {"seconds": member.scored["seconds"]["total"]}
            alone = len(self.members) == 1
            rows.append(Candidate(member.name, "gru", forecasts[member.name], facts, competes=alone))
        return rows + ([self._combined(forecasts)] if self.combination else [])

    def refit(self) -> None:
        """Wait for the weights to be saved, which learned from the newest rows where time allowed."""
        for member in self.members:
            member.saved, _ = self.contest.fitted(REFIT, _name(member.trial), member.scored)
            self.refitted &= member.saved is not member.scored

    def networks(self) -> tuple[Network, ...]:
        """Return the networks to be saved."""
        return tuple(
            replace(
                self.contest.network(member.trial.network, member.saved, member.name),
                weight=member.share,
                training=self.contest.whole(REFIT, member.trial),
            )
            for member in self.members
        )

    def digests(self) -> dict[str, Any]:
        """Of the weights scored on the test set and of those saved, by network."""
        return {
            kind: {member.name: getattr(member, kind)["digest"] for member in self.members}
            for kind in ("scored", "saved")
        }

    def networks_facts(self) -> list[dict[str, Any]]:
        """Name, share, configuration and origin of each network, for the report: a trial, or another seed of it."""
        return [
            {
                "name": member.name,
                "share": member.share,
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
        candidates = self.found.ranked if self.several else self.found.ranked[:1]
        for k, trial in enumerate(self._again()):
            result = self.contest.jobs.result(f"seed-{k}")
            if result is None:
                self.contest.give_up("more seeds of the best GRUs")
            elif result["score"] is not None:
                candidates.append(replace(trial, number=SEED_NUMBERS + k, result=result))
        return sorted(candidates, key=lambda trial: (trial.result["score"], trial.number))

    def _again(self) -> list[Trial]:
        """Return the trials whose configurations are trained with another seed, too."""
        ranked = self.found.ranked
        return [ranked[k % len(ranked)] for k in AGAIN] if self.several else []

    def _origin(self, trial: Trial) -> int:
        """Return the number of the trial whose configuration this one has."""
        more = trial.number - SEED_NUMBERS
        return self._again()[more].number if more >= 0 else trial.number

    def _combined(self, forecasts: dict[str, Forecasts]) -> Candidate:
        """Return all networks together."""
        shares = {member.name: member.share for member in self.members}
        folds = self.combination.folds if self.combination else []
        parameters = sum(member.scored["parameters"] for member in self.members)
        facts = {"parameters": parameters, "config": {"shares": shares}}
        return Candidate(NETWORKS, "gru", mixed(shares, forecasts, folds), facts)


def _name(trial: Trial) -> str:
    """Return the trial in the names of jobs."""
    more = trial.number - SEED_NUMBERS
    return f"seed-{more}" if more >= 0 else f"trial-{trial.number:03}"

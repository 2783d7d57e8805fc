"""The GRU networks that are judged and shipped: the best trials and more seeds, combined, trained up to the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from msgspec import structs

from gruforecast.automl.ensemble_selection import select_weights, weighted
from gruforecast.automl.search.loop import Search, Trial
from gruforecast.automl.search.results import FitResult, TrialResult
from gruforecast.automl.search.trial import seed_of
from gruforecast.automl.training_jobs import REFIT, TEST_FIT, PendingFit, TrainingJobs, facts_of_training
from gruforecast.evaluation.leaderboard import Candidate, TrainingFacts
from gruforecast.evaluation.splits import Folds, Forecasts
from gruforecast.execution.jobs import Pending
from gruforecast.models.networks.inference import Network
from gruforecast.models.registry import NETWORKS
from gruforecast.report.report import Digests, NetworkRecord

# places of the trials that are trained with other seeds; two of the best are worth more than the third
AGAIN = (0, 1, 0)
MAX_NETWORKS = 5
SEED_NUMBERS = 1_000_000  # trial numbers of further seeds, far from those of the search
PendingSeeds = Sequence[tuple[Trial, Pending[TrialResult]]]  # trials, and what comes of each with another seed


@dataclass(frozen=True)
class Member:
    """One network of the ensemble.

    Attributes:
        name: `gru` for the best on the folds, then `gru-2` and so on.
        folds: its forecasts there, by the weights of its trial.
    """

    name: str
    weight: float
    trial: Trial
    folds: Folds


@dataclass(frozen=True)
class Ensemble:
    """The networks that there will be, best first.

    Attributes:
        by_weight: the same, in the order in which their trainings are submitted.
        folds: cross-fitted forecasts of all together; None where one stands alone.
    """

    members: tuple[Member, ...]
    by_weight: tuple[Member, ...]
    folds: Folds | None


@dataclass(frozen=True)
class ScoredMember:
    """A member with the result whose weights are judged on the test set."""

    member: Member
    scored: FitResult
    forecasts: Forecasts


@dataclass(frozen=True)
class ScoredEnsemble:
    """The networks as they are judged; `refits`: their trainings up to the end, none where nothing is shipped."""

    members: tuple[ScoredMember, ...]
    refits: tuple[PendingFit, ...]
    folds: Folds | None

    def candidates(self, best: Trial) -> list[Candidate]:
        """Return each network, then their combination if there are several; `best`: the trial of a full comparison."""
        rows = []
        for one in self.members:
            trial = one.member.trial
            facts = facts_of_training(trial, trial.result, "full" if trial.number == best.number else "member")
            facts = structs.replace(facts, seconds=one.scored.seconds.total)
            rows.append(Candidate(one.member.name, "gru", one.forecasts, facts, competes=self.folds is None))
        return [*rows, *self._combined()]

    def _combined(self) -> list[Candidate]:
        """Return all networks together, if there are several."""
        if self.folds is None:
            return []
        weights = {one.member.name: one.member.weight for one in self.members}
        facts = TrainingFacts(parameters=sum(one.scored.parameters for one in self.members), shares=weights)
        forecasts = {one.member.name: one.forecasts for one in self.members}
        return [Candidate(NETWORKS, "gru", weighted(weights, forecasts, self.folds), facts)]


@dataclass(frozen=True)
class SavedEnsemble:
    """The networks as they are shipped.

    Attributes:
        results: whose weights those are.
        refitted: whether all learned from the newest rows.
    """

    members: tuple[ScoredMember, ...]
    results: tuple[FitResult, ...]
    networks: tuple[Network, ...]
    refitted: bool

    def digests(self) -> Digests:
        """Return those of the weights scored on the test set and of those saved, by network."""
        names = [one.member.name for one in self.members]
        scored, saved = [one.scored.digest for one in self.members], [one.digest for one in self.results]
        return Digests(dict(zip(names, scored, strict=True)), dict(zip(names, saved, strict=True)))

    def networks_facts(self) -> list[NetworkRecord]:
        """Return name, ensemble weight, configuration and origin (a trial, or another seed of it) of each network."""
        return [
            NetworkRecord(
                name=one.name,
                share=one.weight,
                number=one.trial.number if one.trial.seed_of is None else one.trial.seed_of,
                another_seed=one.trial.seed_of is not None,
                values=one.trial.values,
                steps=one.trial.result.steps,
                parameters=one.trial.result.parameters,
                digest=one.trial.result.digest,
                val_mase=one.trial.rank[0],
            )
            for one in (scored.member for scored in self.members)
        ]


def submit_seeds(jobs: TrainingJobs, search: Search) -> PendingSeeds:
    """Have the best configurations trained with other seeds, as a trial is trained."""
    submitted = []
    for k, place in enumerate(AGAIN):
        trial = search.ranked[place % len(search.ranked)]
        training = replace(jobs.training(trial), seed=seed_of(jobs.seed, SEED_NUMBERS + k))
        cost = trial.network.cost * trial.share
        pending = jobs.submit_trial(f"seed-{k}", SEED_NUMBERS + k, trial.network, training, "seeds", cost)
        submitted.append((trial, pending))
    return submitted


def with_seeds(jobs: TrainingJobs, search: Search, seeds: PendingSeeds) -> list[Trial]:
    """Return all trials with a score and the further seeds, best first; the best trial alone if there are no seeds."""
    trials = search.ranked if seeds else search.ranked[:1]
    for number, (trial, pending) in enumerate(seeds, SEED_NUMBERS):
        result = pending.result()
        if result is None:
            jobs.notes.give_up("more seeds of the best GRUs")
        elif result.score is not None:
            trials.append(replace(trial, number=number, name=pending.name, result=result, seed_of=trial.number))
    return sorted(trials, key=lambda trial: trial.rank)


def choose_members(jobs: TrainingJobs, trials: Sequence[Trial]) -> Ensemble:
    """Return the networks that the folds decide on, among `trials` from the best on."""
    split = jobs.split
    by_name = {trial.name: trial for trial in trials}
    folds = {
        name: [split.ask(network, windows).mean for windows in split.fold_windows()]
        for name, trial in by_name.items()
        for network in [jobs.network(trial.network, trial.result)]
    }
    selected = select_weights(split, folds, MAX_NETWORKS) if len(by_name) > 1 else None
    weights = selected.weights if selected else {trials[0].name: 1.0}
    members = {
        name: Member(f"gru-{place + 1}" if place else "gru", weights[name], by_name[name], folds[name])
        for place, name in enumerate(sorted(weights, key=lambda name: by_name[name].rank[0]))
    }
    return Ensemble(
        members=tuple(members.values()),
        by_weight=tuple(members[name] for name in weights),
        folds=selected.folds if selected and len(weights) > 1 else None,
    )


def submit_test_fits(jobs: TrainingJobs, ensemble: Ensemble) -> dict[str, PendingFit]:
    """Have the networks trained for the test set; return the trainings by network."""
    return {
        one.name: jobs.submit_fit(TEST_FIT, one.trial, one.trial.name, one.trial.result, len(ensemble.members))
        for one in ensemble.by_weight
    }


def score_members(
    jobs: TrainingJobs, ensemble: Ensemble, fits: Mapping[str, PendingFit], *, ships: bool
) -> ScoredEnsemble:
    """Return the networks with their forecasts; where they are shipped, refits from their weights are submitted."""
    split, members, refits = jobs.split, [], []
    calibration, test = split.calibration_windows(), split.test_windows()
    for one in ensemble.members:
        trial = one.trial
        origins = split.ask(jobs.network(trial.network, trial.result), calibration)
        scored, _ = fits[one.name].result()
        if ships:
            refits.append(jobs.submit_fit(REFIT, trial, trial.name, scored, len(ensemble.members)))
        forecasts = Forecasts(one.folds, origins, split.ask(jobs.network(trial.network, scored), test))
        members.append(ScoredMember(one, scored, forecasts))
    return ScoredEnsemble(tuple(members), tuple(refits), ensemble.folds)


def refitted(jobs: TrainingJobs, ensemble: ScoredEnsemble) -> SavedEnsemble:
    """Return the networks to be saved, which learned from the newest rows where time allowed."""
    results = tuple(one.result()[0] for one in ensemble.refits)
    pairs = list(zip(ensemble.members, results, strict=True))
    networks = tuple(
        replace(
            jobs.network(one.member.trial.network, result, one.member.name),
            weight=one.member.weight,
            training=jobs.whole(REFIT, one.member.trial),
        )
        for one, result in pairs
    )
    return SavedEnsemble(ensemble.members, results, networks, all(result is not one.scored for one, result in pairs))


def before_folds(jobs: TrainingJobs, ensemble: SavedEnsemble) -> tuple[Network, ...]:
    """Return the networks of an ensemble as the search trained them, with rows before the folds only."""
    members = [one.member for one in ensemble.members]
    return tuple(
        replace(jobs.network(one.trial.network, one.trial.result, one.name), weight=one.weight) for one in members
    )

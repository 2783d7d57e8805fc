"""The data, the workers and the time that all models share, how a training is requested, and what went wrong."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from msgspec import structs

from gruforecast.automl.search.loop import DATA, RUN_TRIAL, Trial
from gruforecast.automl.search.results import FitRequest, FitResult, TrainingRequest, TrialRequest, TrialResult
from gruforecast.automl.search.space import SMALL, Space
from gruforecast.automl.search.trial import save_split, seed_of
from gruforecast.data.windows import Sampler
from gruforecast.evaluation.leaderboard import RowConfig, TrainingFacts
from gruforecast.evaluation.splits import Split
from gruforecast.execution.atomic_files import read_npz
from gruforecast.execution.jobs import Jobs, Pending, R
from gruforecast.execution.progress import Budget
from gruforecast.models.networks.config import STEPS_PER_CALL, NetworkConfig, TrainingConfig
from gruforecast.models.networks.inference import Network

RUN_FIT = "gruforecast.automl.search.trial:run_fit"
ALL_DATA = "split-all"
MAX_GROWTH = 4.0


@dataclass
class Notes:
    """What the stages of a fit have to tell, each thing once.

    Attributes:
        given_up: what the time budget did not allow for.
        warnings: what else did not come out as it should, each with its cause: `limit` (of the time of one training),
            or how the job has ended.
    """

    given_up: list[str] = field(default_factory=list)
    warnings: dict[str, str] = field(default_factory=dict)

    def give_up(self, part: str) -> None:
        """Note that time did not allow for a part."""
        self.given_up += [part] * (part not in self.given_up)

    def warn(self, text: str, cause: str) -> None:
        """Note a warning."""
        self.warnings.setdefault(text, cause)

    def has(self, *causes: str) -> bool:
        """Return whether a warning has one of these causes."""
        return not set(causes).isdisjoint(self.warnings.values())


@dataclass(frozen=True)
class Fit:
    """A kind of training after the search.

    Attributes:
        title: in words; job: first part of the jobs' names; part: of the time budget.
        until: `test` (rows before the test set) or `end` (all rows); data: name of the rows in the run folder.
        share, rate: of the steps and of the learning rate where it goes on from earlier weights.
    """

    title: str
    job: str
    part: str
    until: Literal["test", "end"]
    data: str
    share: float
    rate: float


TEST_FIT = Fit("test fit", "test-fit", "test_fit", "test", DATA, share=0.4, rate=0.5)
REFIT = Fit("refit", "refit", "refit", "end", ALL_DATA, share=0.2, rate=0.3)


@dataclass(frozen=True)
class TrainingJobs:
    """The data, the workers and the time that the models share.

    Attributes:
        split: with all values.
    """

    split: Split
    space: Space
    jobs: Jobs
    seed: int
    budget: Budget
    notes: Notes = field(default_factory=Notes)

    def training(self, trial: Trial) -> TrainingConfig:
        """Return the training that `trial` had."""
        return self.space.training(trial.values, seed_of(self.seed, trial.number), trial.share)

    def whole(self, kind: Fit, trial: Trial) -> TrainingConfig:
        """Return a training anew on the rows of a fit: as many passes over them as `trial` had over its own."""
        return replace(self.training(trial), steps=self._steps(kind, trial, 1.0))

    def submit(
        self,
        name: str,
        call: str,
        request: TrainingRequest,
        kind: type[R],
        part: str,
        *,
        cost: float = 0.0,
        keep: bool = True,
    ) -> Pending[R]:
        """Have a worker train a network in the time for a `part`; see `Jobs.submit`."""
        shape, deadline = request.network.shape, self.budget.deadline(part)
        return self.jobs.submit(
            name, call, request, kind, part=part, shape=shape, cost=cost, deadline=deadline, keep=keep
        )

    def submit_trial(
        self, name: str, number: int, network: NetworkConfig, training: TrainingConfig, part: str, cost: float = 0.0
    ) -> Pending[TrialResult]:
        """Train as in the search, whole and without rungs."""
        request = TrialRequest(number=number, network=network, training=training, data=DATA, weights=f"{name}.npz")
        return self.submit(name, RUN_TRIAL, request, TrialResult, part, cost=cost)

    def submit_fit(self, kind: Fit, trial: Trial, name: str, before: FitResult, count: int = 1) -> PendingFit:
        """Train on rows that `trial` did not see, for as many passes over all of them as its configuration has.

        Anew, unless the data are large or time is short: then it goes on from the weights of `before` for a share of
        those passes.

        Args:
            name: tells this job from others of its kind.
            count: how many such trainings share the time.
        """
        name = f"{kind.job}-{name}"
        rounds, seconds = -(-count // self.jobs.runner.count), trial.result.seconds_per_step
        wanted = steps = self._steps(kind, trial, 1.0)
        anew = not self.space.large and self.budget.fitting(steps, seconds, kind.part, rounds) >= steps
        if not anew:
            wanted = self._steps(kind, trial, kind.share)
            steps = self.budget.fitting(wanted, seconds, kind.part, rounds)
        request = FitRequest(
            network=trial.network,
            training=replace(self.training(trial), steps=steps),
            data=kind.data,
            weights=f"{name}.npz",
            until=kind.until,
            after=before.digest,
            initial=None if anew else before.weights,
            rates=(1.0 if anew else kind.rate, 0.0),
        )
        pending = self.submit(name, RUN_FIT, request, FitResult, kind.part, cost=trial.network.cost * steps)
        return PendingFit(self, kind, pending, before, wanted, steps * (seconds or 0.0), anew)

    def _steps(self, kind: Fit, trial: Trial, share: float) -> int:
        """Return the steps that pass over the windows of the fit as often as the trial's did, times `share`."""
        calls = round(share * self._growth[kind.until] * self.training(trial).steps / STEPS_PER_CALL)
        return max(calls, 1) * STEPS_PER_CALL

    @functools.cached_property
    def _growth(self) -> dict[str, float]:
        """How many times more windows there are before the test set, and before the end, than a trial has.

        One for small data: passing as often over more rows helped panels, but not single short series.
        """
        split = self.split
        cutoffs = {"trial": split.learned, "test": split.test, "end": split.history.indptr[1:]}
        counts = {
            until: Sampler.before(split.history, cutoff, split.horizon, max(split.season_length, 3)).total
            for until, cutoff in cutoffs.items()
        }
        before = counts.pop("trial")
        limit = MAX_GROWTH if before >= SMALL else 1.0
        return {until: min(max(count / max(before, 1), 1.0), limit) for until, count in counts.items()}

    def cut_short(self, what: str, part: str) -> None:
        """Note what time did not allow for, be it that of the command or of one training."""
        if self.budget.deadline(part) is not None:
            self.notes.give_up(what)
        else:
            self.notes.warn(f"{what} was ended by `trial_time`", "limit")

    def save_all_rows(self) -> None:
        """Write the data with the rows of the test set for jobs that may see them."""
        save_split(self.jobs.folder, ALL_DATA, replace(self.split, test=self.split.history.indptr[1:]))

    def network(self, config: NetworkConfig, result: FitResult, name: str = "") -> Network:
        """Return the network with the weights of a result."""
        return Network(name or config.cell, config, read_npz(self.path(result)))

    def path(self, result: FitResult) -> Path:
        """Return where the weights of a result are."""
        return self.jobs.folder / result.weights


@dataclass(frozen=True)
class PendingFit:
    """A fit that was submitted.

    Attributes:
        before: the result whose weights it is to take the place of.
        wanted: steps of the whole training; seconds: of one worker that it takes.
        anew: whether it does not go on from earlier weights.
    """

    training_jobs: TrainingJobs
    kind: Fit
    pending: Pending[FitResult]
    before: FitResult
    wanted: int
    seconds: float
    anew: bool

    def result(self) -> tuple[FitResult, bool]:
        """Return the result, or `before` where that is no worse, and whether it came to its end; notes why not.

        A training anew that the clock cut is not used: its learning rate had not fallen yet.
        """
        result, notes = self.pending.result(), self.training_jobs.notes
        if result is None:
            notes.give_up(f"the {self.kind.title}")
            return self.before, False
        if result.status != "completed":
            notes.warn(f"the {self.pending.name} {result.status}: the network stays as it was", result.status)
            return self.before, True
        whole = not result.late and result.steps >= self.wanted
        if not whole:
            self.training_jobs.cut_short(f"the whole {self.kind.title}", self.kind.part)
        return (self.before if result.late and self.anew else result), whole


def facts_of_training(trial: Trial, result: FitResult, budget: str) -> TrainingFacts:
    """Return what the leaderboard says of a training beside its scores."""
    return TrainingFacts(
        parameters=result.parameters,
        seconds=result.seconds.total,
        seconds_per_epoch=result.seconds_per_epoch,
        budget=budget,
        config=RowConfig(**structs.asdict(trial.values), steps=result.steps),
    )

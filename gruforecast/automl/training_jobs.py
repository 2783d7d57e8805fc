"""The data, the workers and the time that all models share, and how a training is requested."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gruforecast.automl.search.loop import DATA, Trial
from gruforecast.automl.search.space import SMALL, Space
from gruforecast.automl.search.trial import save_split, seed_of
from gruforecast.data.windows import Sampler
from gruforecast.evaluation.splits import Split
from gruforecast.execution.atomic_files import read_npz
from gruforecast.execution.jobs import Jobs, Result
from gruforecast.execution.progress import Budget
from gruforecast.models.networks.config import STEPS_PER_CALL, NetworkConfig, TrainingConfig
from gruforecast.models.networks.inference import Network
from gruforecast.serialization import to_dict

RUN_FIT = "gruforecast.automl.search.trial:run_fit"
ALL_DATA = "split-all"
MAX_GROWTH = 4.0


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
    until: str
    data: str
    share: float
    rate: float


TEST_FIT = Fit("test fit", "test-fit", "test_fit", "test", DATA, share=0.4, rate=0.5)
REFIT = Fit("refit", "refit", "refit", "end", ALL_DATA, share=0.2, rate=0.3)


@dataclass
class TrainingJobs:
    """The data, the workers and the time that the models share.

    Attributes:
        split: with all values.
        given_up: what the time budget did not allow for.
        warnings: what else did not come out as it should.
        fitting: seconds of one worker that the fits requested so far take.
    """

    split: Split
    space: Space
    jobs: Jobs
    seed: int
    budget: Budget
    given_up: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    fitting: float = 0.0
    _wanted: dict[str, tuple[int, bool]] = field(default_factory=dict)  # steps of a test fit, and whether anew

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
        network: NetworkConfig,
        training: TrainingConfig,
        part: str,
        request: dict[str, Any],
        *,
        cost: float = 0.0,
        keep: bool = True,
    ) -> None:
        """Have a worker train a network in the time for a `part`.

        Args:
            request: what this job needs beside what all trainings do.
            cost, keep: see `Jobs.submit`.
        """
        common = {"network": to_dict(network), "training": to_dict(training), "data": DATA, "weights": f"{name}.npz"}
        deadline = self.budget.deadline(part)
        self.jobs.submit(name, call, common | request, shape=network.shape, cost=cost, deadline=deadline, keep=keep)

    def submit_fit(self, kind: Fit, trial: Trial, name: str, before: Result, count: int = 1) -> None:
        """Train on rows that `trial` did not see, for as many passes over all of them as its configuration has.

        Anew, unless the data are large or time is short: then it goes on from the weights of `before` for a share of
        those passes.

        Args:
            name: tells this job from others of its kind.
            count: how many such trainings share the time.
        """
        name = f"{kind.job}-{name}"
        rounds, seconds = -(-count // self.jobs.runner.count), trial.result["seconds_per_step"]
        wanted = steps = self._steps(kind, trial, 1.0)
        request: dict[str, Any] = {"data": kind.data, "until": kind.until, "from": before["digest"]}
        request |= {"initial": None, "rates": [1.0, 0.0]}
        if self.space.large or self.budget.fitting(steps, seconds, kind.part, rounds) < steps:
            wanted = self._steps(kind, trial, kind.share)
            steps = self.budget.fitting(wanted, seconds, kind.part, rounds)
            request |= {"initial": before["file"]["name"], "rates": [kind.rate, 0.0]}
        self._wanted[name] = wanted, request["initial"] is None
        self.fitting += steps * (seconds or 0.0)
        training = replace(self.training(trial), steps=steps)
        self.submit(name, RUN_FIT, trial.network, training, kind.part, request, cost=trial.network.cost * steps)

    def fitted(self, kind: Fit, name: str, before: Result) -> tuple[Result, bool]:
        """Return a fit's result, or `before` where that is no worse, and whether it came to its end; notes why not.

        A training anew that the clock cut is not used: its learning rate had not fallen yet.
        """
        name = f"{kind.job}-{name}"
        result = self.jobs.result(name)
        if result is None:
            self.give_up(f"the {kind.title}")
            return before, False
        if result["status"] != "completed":
            self.warnings.append(f"the {name} {result['status']}: the network stays as it was")
            return before, True
        wanted, anew = self._wanted[name]
        whole = not result["late"] and result["steps"] >= wanted
        if not whole:
            self.cut_short(f"the whole {kind.title}", kind.part)
        return (before if result["late"] and anew else result), whole

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

    def give_up(self, part: str) -> None:
        """Note, once, that time did not allow for a part."""
        self.given_up += [part] * (part not in self.given_up)

    def cut_short(self, what: str, part: str) -> None:
        """Note, once, what time did not allow for, be it that of the command or of one training."""
        if self.budget.deadline(part) is not None:
            self.give_up(what)
        elif (text := f"{what} was ended by `trial_time`") not in self.warnings:
            self.warnings.append(text)

    def save_all_rows(self) -> None:
        """Write the data with the rows of the test set for jobs that may see them."""
        save_split(self.jobs.folder, ALL_DATA, replace(self.split, test=self.split.history.indptr[1:]))

    def network(self, config: NetworkConfig, result: Result, name: str = "") -> Network:
        """Return the network with the weights of a result."""
        return Network(name or config.cell, config, read_npz(self.path(result)))

    def path(self, result: Result) -> Path:
        """Return where the weights of a result are."""
        return self.jobs.folder / result["file"]["name"]


def facts_of_training(trial: Trial, result: Result, budget: str) -> dict[str, Any]:
    """Return what the leaderboard says of a training beside its scores."""
    return {
        "parameters": result["parameters"],
        "seconds": result["seconds"]["total"],
        "seconds_per_epoch": result["seconds_per_epoch"],
        "budget": budget,
        "config": {**trial.values, "steps": result["steps"]},
    }

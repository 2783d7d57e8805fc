"""The fine-tuned network: how many steps help is found on the folds, then it is trained up to the test set and the end.

Workers do all of it in numpy, and the first part runs before the search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gruforecast.automl.search.loop import DATA
from gruforecast.automl.search.results import TuningRequest, TuningResult
from gruforecast.automl.search.trial import seed_of
from gruforecast.automl.search.tuning import network_of
from gruforecast.automl.training_jobs import ALL_DATA, TrainingJobs
from gruforecast.evaluation.leaderboard import Candidate, TrainingFacts
from gruforecast.evaluation.splits import Forecasts
from gruforecast.execution.atomic_files import read_npz
from gruforecast.execution.jobs import Pending
from gruforecast.execution.progress import Progress
from gruforecast.models.pretrained.fine_tuning import pays
from gruforecast.models.pretrained.model import PretrainedNetwork, card, within_reach
from gruforecast.models.registry import TUNED

RUN_TUNING = "gruforecast.automl.search.tuning:run_tuning"
STEPS = (10, 20, 40, 80, 160, 320, 640)  # numbers of steps that are compared
NUMBER = 2_000_000  # of the training, for its seed; far from those of the search
TITLE = "fine-tuning"
Until = Literal["folds", "test", "end"]
PARTS: dict[Until, str] = {"folds": "tuning", "test": "test_fit", "end": "refit"}  # of the time budget
FineTuning = Pending[TuningResult]


@dataclass(frozen=True)
class FineTuned:
    """The fine-tuned network; `network`: as it is shipped, trained on with all rows where time allowed."""

    candidate: Candidate
    network: PretrainedNetwork


@dataclass(frozen=True)
class FineTunings:
    """Trainings for as many steps as help; `end`: up to the end of the data, None where nothing is shipped."""

    jobs: TrainingJobs
    chosen: TuningResult
    test: FineTuning
    end: FineTuning | None

    def result(self) -> FineTuned | None:
        """Return the fine-tuned network, or None, with a note why, if a training did not come to its end."""
        jobs, test = self.jobs, _ended(self.jobs, self.test)
        if test is None or test.late:
            return None
        end = None if self.end is None else _ended(jobs, self.end)
        before, scored = _network(jobs, self.chosen), _network(jobs, test)
        parameters = sum(one.size for one in scored.weights.values())
        facts = TrainingFacts(parameters=parameters, seconds=test.seconds)
        candidate = Candidate(TUNED, "pretrained", Forecasts.of(jobs.split, before, scored), facts)
        return FineTuned(candidate, scored if end is None or end.late else _network(jobs, end))


def submit_tuning(jobs: TrainingJobs) -> FineTuning | None:
    """Have a worker find how many steps help; None for few rows, and beyond the network's longest horizon or season."""
    split, m = jobs.split, jobs.split.season_length
    if not within_reach(split.horizon, m) or not pays(split.history, split.learned, split.horizon, m):
        return None
    return _submit(jobs, "folds", STEPS)


def submit_tunings(
    jobs: TrainingJobs, tuning: FineTuning | None, progress: Progress, *, ships: bool
) -> FineTunings | None:
    """Have it trained with the rows of the folds, and with all, once it is known how many steps help."""
    chosen = None if tuning is None else _ended(jobs, tuning)
    if chosen is None:
        return None
    if not chosen.steps:
        progress.say(f"{TITLE} gains nothing on the folds: the pretrained GRU stays as it is")
        return None
    progress.say(f"{TITLE}: {chosen.steps} steps{', half of the way' if chosen.share < 1 else ''}")
    steps = (chosen.steps,)
    test = _submit(jobs, "test", steps, chosen.share)
    return FineTunings(jobs, chosen, test, _submit(jobs, "end", steps, chosen.share) if ships else None)


def _submit(jobs: TrainingJobs, until: Until, steps: tuple[int, ...], share: float = 1.0) -> FineTuning:
    name = f"{TITLE}-{until}"
    request = TuningRequest(
        data=ALL_DATA if until == "end" else DATA,
        until=until,
        steps=steps,
        seed=seed_of(jobs.seed, NUMBER),
        file=f"{name}.npz",
        digest=card().sha256,
        share=share,
    )
    part = PARTS[until]
    return jobs.jobs.submit(name, RUN_TUNING, request, TuningResult, part=part, deadline=jobs.budget.deadline(part))


def _ended(jobs: TrainingJobs, pending: FineTuning) -> TuningResult | None:
    """Return what came of a training; None, with a note why, if nothing did."""
    result = pending.result()
    if result is None:
        jobs.notes.give_up(TITLE)
        return None
    if result.status != "completed":
        jobs.notes.warn(f"{TITLE} was left out: {result.error}", result.status)
        return None
    if result.late:
        jobs.cut_short(f"the whole {TITLE}", pending.part)
    return result


def _network(jobs: TrainingJobs, result: TuningResult) -> PretrainedNetwork:
    """Return the network with the weights of a result."""
    return network_of(jobs.split, read_npz(jobs.jobs.folder / result.file.name) if result.file else {})

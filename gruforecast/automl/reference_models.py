"""Models that `fit` need not train: baselines, those of statsforecast where it is installed, the pretrained network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Array, Floats
from gruforecast.automl.search.loop import DATA
from gruforecast.automl.search.results import StatisticalRequest, StatisticalResult, Until
from gruforecast.automl.search.trial import asked_of_statistical
from gruforecast.automl.training_jobs import ALL_DATA, TrainingJobs
from gruforecast.evaluation.leaderboard import Candidate
from gruforecast.evaluation.splits import Forecasts, Split
from gruforecast.execution.atomic_files import read_npz
from gruforecast.execution.jobs import Pending
from gruforecast.models.baselines import baselines
from gruforecast.models.pretrained.model import PretrainedNetwork
from gruforecast.models.quantile_forecast import QuantileForecast
from gruforecast.models.statistical import affordable, installed, rows_read, several_seasons

PART = "statistical"  # of the command
RUN_STATISTICAL = "gruforecast.automl.search.trial:run_statistical"
BLOCKS = 8  # of series, at most, so that all workers have some
BEHIND = -1.0  # cost of a job that waits for those on which others wait
PendingModels = dict[str, list[Pending[StatisticalResult]]]


@dataclass(frozen=True)
class StatisticalModels:
    """The statistical models that were fitted everywhere in time.

    Attributes:
        ends: (n_series, horizon) forecasts from the end of the data, by model.
    """

    candidates: list[Candidate]
    ends: dict[str, Floats]


def baseline_candidates(split: Split) -> list[Candidate]:
    """Return every baseline as a candidate."""
    return [
        Candidate(name, "baseline", Forecasts.of(split, model, model))
        for name, model in baselines(split.season_length, split.inputs).items()
    ]


def pretrained_candidate(split: Split, network: PretrainedNetwork) -> Candidate:
    """Return the pretrained network as a candidate: the same weights everywhere, with its own quantiles."""
    return Candidate(network.name, "pretrained", Forecasts.of(split, network, network))


def submit_statistical(jobs: TrainingJobs) -> PendingModels:
    """Put the statistical models that the size of the data allows for on the workers, behind all other jobs.

    The dearest come first. They are fitted before the folds, and before the test set.
    """
    if not installed():
        return {}
    split = jobs.split
    windows = [split.learned_windows(), split.test_windows(), asked_of_statistical(split, "end")["end"]]
    rows = sum(rows_read(one, split.season_length) for one in windows)
    models = [
        model
        for model in reversed(affordable(rows, split.season_length))
        if model != "mstl" or several_seasons(split.history, split.test_windows(), split.season_length)
    ]
    return {model: [*_submit(jobs, model, "learned"), *_submit(jobs, model, "test")] for model in models}


def with_ends(jobs: TrainingJobs, submitted: PendingModels) -> PendingModels:
    """Have the same models fitted to all rows, too, which jobs may see once the search is over."""
    return {model: [*pending, *_submit(jobs, model, "end")] for model, pending in submitted.items()}


def _submit(jobs: TrainingJobs, model: str, until: Until) -> list[Pending[StatisticalResult]]:
    """Have a model fitted to the rows until a place, each series by itself."""
    count, deadline, pending = len(jobs.split.test), jobs.budget.deadline(PART), []
    size = -(-count // BLOCKS)
    for k, begin in enumerate(range(0, count, size)):
        name = f"{model}-{until}-{k}"
        request = StatisticalRequest(
            data=ALL_DATA if until == "end" else DATA,
            model=model,
            until=until,
            begin=begin,
            end=min(begin + size, count),
            file=f"{name}.npz",
            version=installed(),
        )
        job = jobs.jobs.submit(
            name, RUN_STATISTICAL, request, StatisticalResult, part=PART, cost=BEHIND, deadline=deadline
        )
        pending.append(job)
    return pending


def statistical_models(jobs: TrainingJobs, submitted: PendingModels) -> StatisticalModels:
    """Return the statistical models that were fitted everywhere in time."""
    candidates, ends = [], {}
    for model, pending in submitted.items():
        parts = [_forecasts(jobs, model, one) for one in pending]
        whole = [one for one in parts if one is not None]
        if len(whole) < len(parts):
            continue
        by_place: dict[str, list[Floats]] = {}
        for part in whole:
            for place, one in part.items():
                by_place.setdefault(place, []).append(np.asarray(one, float))
        found = {place: np.concatenate(blocks) for place, blocks in by_place.items()}
        ends[model] = found["end"]
        folds = [found[f"fold-{k}"] for k in range(len(jobs.split.folds))]
        forecasts = Forecasts(folds, QuantileForecast(found["origins"]), QuantileForecast(found["test"]))
        candidates.append(Candidate(model, "baseline", forecasts))
    return StatisticalModels(candidates, ends)


def _forecasts(jobs: TrainingJobs, model: str, pending: Pending[StatisticalResult]) -> Mapping[str, Array] | None:
    """Return what a model forecast, by place; None, with a note why, if it did not come to its end."""
    result = pending.result()
    if result is None or (result.late and jobs.budget.over(PART)):
        jobs.notes.give_up(model)
        return None
    if result.status != "completed" or result.late or result.file is None:
        cause = "limit" if result.late else result.status
        jobs.notes.warn(f"{model} was left out: {result.error or 'it was ended by `trial_time`'}", cause)
        return None
    return read_npz(jobs.jobs.folder / result.file.name)

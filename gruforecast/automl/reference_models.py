"""Models that `fit` need not train: baselines, those of statsforecast where it is installed, the pretrained network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.automl.search.loop import DATA
from gruforecast.automl.search.results import Place, StatisticalRequest, StatisticalResult
from gruforecast.automl.search.trial import places
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
PendingModels = Mapping[str, Mapping[Place, Pending[StatisticalResult]]]  # by model and place


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
    """Put the statistical models that the size of the data allows for on the workers."""
    if not (version := installed()):
        return {}
    split = jobs.split
    where = places(split)
    rows = sum(rows_read(windows, split.season_length) for windows in where.values())
    return {
        model: {place: _submit(jobs, model, place, version) for place in where}
        for model in affordable(rows, split.season_length)
        if model != "mstl" or several_seasons(split.history, split.test_windows(), split.season_length)
    }


def _submit(jobs: TrainingJobs, model: str, place: Place, version: str) -> Pending[StatisticalResult]:
    name, data = f"{model}-{place.name}", ALL_DATA if place.kind == "end" else DATA
    request = StatisticalRequest(data=data, model=model, place=place, file=f"{name}.npz", version=version)
    deadline = jobs.budget.deadline(PART)
    return jobs.jobs.submit(name, RUN_STATISTICAL, request, StatisticalResult, part=PART, deadline=deadline)


def statistical_models(jobs: TrainingJobs, submitted: PendingModels) -> StatisticalModels:
    """Return the statistical models that were fitted everywhere in time."""
    candidates, ends = [], {}
    for model, where in submitted.items():
        forecasts = {place: _forecast(jobs, model, pending) for place, pending in where.items()}
        whole = {place: one for place, one in forecasts.items() if one is not None}
        if len(whole) < len(where):
            continue
        ends[model] = whole[Place("end")]
        folds = [one for place, one in whole.items() if place.kind == "fold"]
        test = QuantileForecast(whole[Place("test")])
        candidates.append(Candidate(model, "baseline", Forecasts(folds, None, test)))
    return StatisticalModels(candidates, ends)


def _forecast(jobs: TrainingJobs, model: str, pending: Pending[StatisticalResult]) -> Floats | None:
    """Return what a model forecast in one place; None, with a note why, if it did not come to its end."""
    result = pending.result()
    if result is None or (result.late and jobs.budget.over(PART)):
        jobs.notes.give_up(model)
        return None
    if result.status != "completed" or result.late or result.file is None:
        cause = "limit" if result.late else result.status
        jobs.notes.warn(f"{model} was left out: {result.error or 'it was ended by `trial_time`'}", cause)
        return None
    return np.asarray(read_npz(jobs.jobs.folder / result.file.name)["forecast"], float)

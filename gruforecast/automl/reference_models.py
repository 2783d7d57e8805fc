"""Models that are no networks: the baselines, and those of statsforecast where it is installed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.automl.search.loop import DATA
from gruforecast.automl.search.trial import places
from gruforecast.automl.training_jobs import ALL_DATA, TrainingJobs
from gruforecast.evaluation.leaderboard import Candidate
from gruforecast.evaluation.splits import Forecasts
from gruforecast.execution.atomic_files import read_npz
from gruforecast.models.baselines import baselines
from gruforecast.models.quantile_forecast import QuantileForecast
from gruforecast.models.statistical import affordable, installed, rows_read

ENOUGH_WINDOWS = 200  # at the folds, to calibrate intervals without fits at every other origin
RUN_STATISTICAL = "gruforecast.automl.search.trial:run_statistical"


@dataclass
class ReferenceModels:
    """What the networks have to beat, and may be blended with: `begin`, then the rest.

    Attributes:
        statistical: whether models of statsforecast take part where that is installed.
        forecasts: (n_series, horizon) from the end of the data, by statistical model.
    """

    training_jobs: TrainingJobs
    statistical: bool
    forecasts: dict[str, Floats] = field(default_factory=dict)

    def begin(self) -> None:
        """Put the statistical models that the size of the data allows for on the workers."""
        self._places: dict[str, list[str]] = {}
        if not (self.statistical and installed()):
            return
        split = self.training_jobs.split
        where = places(split)
        if sum(len(windows) for windows in split.fold_windows()) >= ENOUGH_WINDOWS:
            del where["origins"]
        for model in affordable(sum(rows_read(windows, split.season_length) for windows in where.values())):
            self._places[model] = list(where)
            for place in where:
                self._submit(model, place)

    def baselines(self) -> list[Candidate]:
        """Return every baseline as a candidate."""
        split = self.training_jobs.split
        models = baselines(split.season_length)
        return [Candidate(name, "baseline", Forecasts.of(split, model, model)) for name, model in models.items()]

    def candidates(self) -> list[Candidate]:
        """Return every statistical model that was fitted everywhere in time."""
        candidates = []
        for model, where in self._places.items():
            forecasts = {place: self._forecast(model, place) for place in where}
            whole = {place: one for place, one in forecasts.items() if one is not None}
            if len(whole) < len(where):
                continue
            folds = [whole[place] for place in where if place.startswith("fold")]
            self.forecasts[model] = whole["end"]
            origins = QuantileForecast(whole["origins"]) if "origins" in whole else None
            candidates.append(Candidate(model, "baseline", Forecasts(folds, origins, QuantileForecast(whole["test"]))))
        return candidates

    def _submit(self, model: str, place: str) -> None:
        name, data = f"{model}-{place}", ALL_DATA if place == "end" else DATA
        request = {"data": data, "model": model, "place": place, "file": f"{name}.npz", "version": installed()}
        deadline = self.training_jobs.budget.deadline("statistical")
        self.training_jobs.jobs.submit(name, RUN_STATISTICAL, request, deadline=deadline)

    def _forecast(self, model: str, place: str) -> Floats | None:
        """Return what a model forecast in one place; None, with a note why, if it did not come to its end."""
        result = self.training_jobs.jobs.result(f"{model}-{place}")
        if result is None or (result.get("late") and self.training_jobs.budget.over("statistical")):
            self.training_jobs.give_up(model)
            return None
        if result["status"] != "completed" or result["late"]:
            text = f"{model} was left out: {result.get('error', 'it was ended by `trial_time`')}"
            self.training_jobs.warnings += [text] * (text not in self.training_jobs.warnings)
            return None
        return np.asarray(read_npz(self.training_jobs.path(result))["forecast"], float)

"""Models that are no networks: the baselines, and those of statsforecast where it is installed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.automl.search.loop import DATA
from gruforecast.automl.search.trial import places
from gruforecast.automl.training_jobs import ALL_DATA, TrainingJobs
from gruforecast.data.windows import Windows
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
        ends: forecasts (n_series, horizon) from the end of the data, by statistical model.
    """

    contest: TrainingJobs
    statistical: bool
    ends: dict[str, Floats] = field(default_factory=dict)

    def begin(self) -> None:
        """Put the statistical models that the size of the data allows for on the workers."""
        self._places: dict[str, list[str]] = {}
        if not (self.statistical and installed()):
            return
        found = places(self.contest.split)
        origins = self._rows(found.pop("origins"))
        rows = sum(self._rows(windows) for windows in found.values())
        few = sum(len(windows) for windows in self.contest.split.fold_windows()) < ENOUGH_WINDOWS
        for model in affordable(rows + origins if few else rows):
            self._places[model] = [*found, *(["origins"] if few else [])]
            for place in self._places[model]:
                self._submit(model, place)

    def baselines(self) -> list[Candidate]:
        """Return every baseline as a candidate."""
        split = self.contest.split
        models = baselines(split.season_length)
        return [Candidate(name, "baseline", Forecasts.of(split, model, model)) for name, model in models.items()]

    def candidates(self) -> list[Candidate]:
        """Return every statistical model that was fitted everywhere in time."""
        found = []
        for model, asked in self._places.items():
            forecasts = {place: self._forecast(model, place) for place in asked}
            whole = {place: one for place, one in forecasts.items() if one is not None}
            if len(whole) < len(asked):
                continue
            folds = [whole[place] for place in asked if place.startswith("fold")]
            self.ends[model] = whole["end"]
            origins = QuantileForecast(whole["origins"]) if "origins" in whole else None
            found.append(Candidate(model, "baseline", Forecasts(folds, origins, QuantileForecast(whole["test"]))))
        return found

    def _rows(self, windows: Windows) -> int:
        return rows_read(windows, self.contest.split.season_length)

    def _submit(self, model: str, place: str) -> None:
        name = f"{model}-{place}"
        request: dict[str, Any] = {
            "data": ALL_DATA if place == "end" else DATA,
            "model": model,
            "place": place,
            "file": f"{name}.npz",
        }
        request["version"] = installed()
        deadline = self.contest.budget.deadline("statistical")
        self.contest.jobs.submit(name, RUN_STATISTICAL, request, deadline=deadline)

    def _forecast(self, model: str, place: str) -> Floats | None:
        """Return what a model forecast in one place; None, and said why, if it did not come to its end."""
        result = self.contest.jobs.result(f"{model}-{place}")
        if result is None or (result.get("late") and self.contest.budget.over("statistical")):
            self.contest.give_up(model)
            return None
        if result["status"] != "completed" or result["late"]:
            text = f"{model} was left out: {result.get('error', 'it was ended by --trial-time')}"
            self.contest.warnings += [text] * (text not in self.contest.warnings)
            return None
        return np.asarray(read_npz(self.contest.path(result))["forecast"], float)

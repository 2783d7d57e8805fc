"""Fine-tuning in a worker: the pretrained network trained on with the series of a panel, for as many steps as help.

All numbers of steps are read from one run on the rows before the earliest fold, and compared with the network as it is
at the origins after it. The fewer horizons these span, the clearer the gain has to be.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.automl.search.results import TuningRequest, TuningResult
from gruforecast.automl.search.trial import deadline_of, load_split, saved
from gruforecast.data.windows import evenly
from gruforecast.evaluation.splits import Split
from gruforecast.models.model import Model
from gruforecast.models.pretrained.fine_tuning import fine_tuned
from gruforecast.models.pretrained.model import PretrainedNetwork
from gruforecast.serialization import Json, JsonValue, plain, record

ORIGINS = 600  # that tell how many steps are best; more say nothing new
PATIENCE = 2  # numbers of steps in a row that are worse than the best one, after which no more are tried
ERRORS = 1.0  # standard errors by which steps must be better than none


@dataclass
class Comparison:
    """Numbers of steps compared with none, at origins that no training has seen.

    Attributes:
        scores: mean error after each number of steps, in units of `Split.choice_unit`.
        best: number of steps to take; 0 where none is clearly better.
    """

    split: Split
    network: PretrainedNetwork
    scores: list[tuple[int, float]] = field(default_factory=list)
    best: int = 0

    def __post_init__(self) -> None:
        origins = self.split.calibration_windows()
        self._windows = origins[evenly(len(origins), ORIGINS)]
        horizons = float((self.split.test - self.split.learned).sum()) / self.split.horizon
        self._independent = max(1.0, min(horizons, len(self._windows)))
        self._before = self._errors(self.network)
        self.scores.append((0, float(np.nanmean(self._before))))
        self._least = self.scores[0][1]

    def take(self, steps: int, network: PretrainedNetwork) -> None:
        """Take in the network after so many steps."""
        errors = self._errors(network)
        gains = (self._before - errors)[~np.isnan(errors)]
        self.scores.append((steps, float(np.nanmean(errors))))
        clear = ERRORS * float(gains.std()) / np.sqrt(self._independent)
        if self.scores[-1][1] < self._least and gains.mean() > clear:
            self.best, self.network, self._least = steps, network, self.scores[-1][1]

    @property
    def over(self) -> bool:
        """Whether more steps are of no use."""
        least = min(score for _, score in self.scores)
        return all(score > least for _, score in self.scores[-PATIENCE:])

    def _errors(self, model: Model) -> Floats:
        """Return the error of each window in its unit, (n,), NaN where there is none."""
        return self.split.scores(self._windows, self.split.ask(model, self._windows).mean)["mase"]


def run_tuning(request: Json) -> JsonValue:
    """Train the pretrained network on, and write its weights.

    Args:
        request: a `TuningRequest`.

    Returns:
        A `TuningResult`; it is late where the deadline came first.
    """
    begin, asked = time.perf_counter(), record(TuningRequest, request, "fine-tuning request")
    split, deadline = load_split(asked.folder, asked.data), deadline_of(asked)
    network = PretrainedNetwork.of(split.horizon, split.season_length, split.second)
    cutoff = {"folds": split.learned, "test": split.test, "end": split.history.indptr[1:]}[asked.until]
    comparison = Comparison(split, network) if asked.until == "folds" else None
    taken, late = 0, False
    for steps, tuned in fine_tuned(network, split.history, cutoff, asked.steps, asked.seed):
        if comparison is None:
            taken, network = steps, tuned
        else:
            comparison.take(steps, tuned)
            taken, network = comparison.best, comparison.network
        late = steps < asked.steps[-1] and deadline is not None and time.time() >= deadline
        if late or (comparison is not None and comparison.over):
            break
    return plain(
        TuningResult(
            status="completed",
            late=late,
            file=saved(asked, asked.file, network.weights) if taken else None,
            steps=taken,
            scores=[] if comparison is None else comparison.scores,
            seconds=time.perf_counter() - begin,
        )
    )

"""Fine-tuning in a worker: the pretrained network trained on with the series of a panel, for as many steps as help.

Several numbers of steps are read from one run on the rows before the earliest fold, each the whole way and half of the
way, and compared with the network as it is at the origins after it. The whole way has to gain clearly more than half:
what a panel did in its newest rows it often does not do in the next ones (docs/pretrained.md).
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
from msgspec import structs

from gruforecast.arrays import Array, Weights
from gruforecast.automl.search.results import Score, TuningRequest, TuningResult
from gruforecast.automl.search.trial import deadline_of, load_split, saved
from gruforecast.data.windows import evenly
from gruforecast.evaluation.splits import Split
from gruforecast.models.model import Model
from gruforecast.models.pretrained.fine_tuning import between, fine_tuned
from gruforecast.models.pretrained.model import PretrainedNetwork
from gruforecast.models.registry import TUNED
from gruforecast.serialization import Json, JsonValue, plain, record

ORIGINS = 600  # that tell how many steps are best; more say nothing new
PATIENCE = 3  # numbers of steps beyond the best one, after which no more are tried
HANDICAP = {0.5: 0.0, 1.0: 0.05}  # of each share of the way, as the logarithm of a ratio of errors
LEAST = 1e-9  # of an error


def network_of(split: Split, arrays: Mapping[str, Array]) -> PretrainedNetwork:
    """Return the network whose weights were written."""
    return PretrainedNetwork.of(split.horizon, split.season_length, split.second, TUNED, dict(arrays))


class Comparison:
    """Amounts of fine-tuning compared with none, at origins that no training has seen.

    Attributes:
        scores: mean error of each amount, in units of `Split.choice_unit`; the first one of none.
        best: the amount that gained most, none at first; weights: its weights.
    """

    def __init__(self, split: Split, network: PretrainedNetwork) -> None:
        origins = split.calibration_windows()
        self._split, self._windows, self._network = split, origins[evenly(len(origins), ORIGINS)], network
        self.best, self._gain = Score(0, 0.0, self._error(network)), 0.0
        self.weights: Weights = {}
        self.scores = [self.best]

    def take(self, steps: int, tuned: PretrainedNetwork) -> None:
        """Take in the network after so many steps, and half of the way to it."""
        for share, handicap in HANDICAP.items():
            network = between(self._network, tuned, share)
            self.scores.append(Score(steps, share, self._error(network)))
            gain = np.log(max(self.scores[0].error, LEAST) / max(self.scores[-1].error, LEAST)) - handicap
            if gain > self._gain:
                self.best, self.weights, self._gain = self.scores[-1], network.weights, float(gain)

    @property
    def over(self) -> bool:
        """Whether more steps are of no use: the newest ones were worse than the best."""
        return len({one.steps for one in self.scores if one.steps > self.best.steps}) >= PATIENCE

    def _error(self, model: Model) -> float:
        """Return the mean error at the origins, in their units."""
        return float(np.nanmean(self._split.scores(self._windows, self._split.ask(model, self._windows).mean)["mase"]))


def run_tuning(request: Json) -> JsonValue:
    """Train the pretrained network on, and write its weights.

    Args:
        request: a `TuningRequest`.

    Returns:
        A `TuningResult`; it is late where the deadline came first.
    """
    begin, asked = time.perf_counter(), record(TuningRequest, request, "fine-tuning request")
    split = load_split(asked.folder, asked.data)
    network = PretrainedNetwork.of(split.horizon, split.season_length, split.second)
    found = _compared if asked.until == "folds" else _trained
    result, weights = found(network, split, asked, deadline_of(asked))
    file = saved(asked, asked.file, weights) if weights else None
    return plain(structs.replace(result, file=file, seconds=time.perf_counter() - begin))


def _trained(
    network: PretrainedNetwork, split: Split, asked: TuningRequest, deadline: float | None
) -> tuple[TuningResult, Weights]:
    """Return the weights after the one number of steps that is asked for, if the deadline allows for it."""
    cutoff = split.test if asked.until == "test" else split.history.indptr[1:]
    for steps, tuned in fine_tuned(network, split.history, cutoff, asked.steps, asked.seed, deadline=deadline):
        result = TuningResult(status="completed", steps=steps, share=asked.share)
        return result, between(network, tuned, asked.share).weights
    return TuningResult(status="completed", late=True), {}


def _compared(
    network: PretrainedNetwork, split: Split, asked: TuningRequest, deadline: float | None
) -> tuple[TuningResult, Weights]:
    """Return how many steps, and what share of their way, gain most, and the weights; no weights for none."""
    comparison, steps = Comparison(split, network), 0
    for steps, tuned in fine_tuned(network, split.history, split.learned, asked.steps, asked.seed, deadline=deadline):
        comparison.take(steps, tuned)
        if comparison.over:
            break
    best, scores = comparison.best, comparison.scores
    late = steps < asked.steps[-1] and not comparison.over
    result = TuningResult(status="completed", late=late, steps=best.steps, share=best.share, scores=scores)
    return result, comparison.weights

"""Fine-tuning in a worker: the pretrained network trained on with the series of a panel, for as many steps as help.

All numbers of steps are read from one run on the rows before the earliest fold, and compared with the network as it is
at the origins after it. Of small data that run sees much less than the last one will, to which all rows are given:
there is one run for each fold then. The fewer horizons the origins span, the clearer the gain has to be, most of all
that of the whole way: on single files fine-tuning does harm as often as good (docs/pretrained.md).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from msgspec import structs

from gruforecast.arrays import Array, Ints, Weights
from gruforecast.automl.search.results import Score, TuningRequest, TuningResult
from gruforecast.automl.search.trial import deadline_of, load_split, saved
from gruforecast.data.windows import History, Windows, evenly
from gruforecast.evaluation.splits import Split
from gruforecast.models.model import Model
from gruforecast.models.pretrained.fine_tuning import SMALL, between, fine_tuned, sampler_of
from gruforecast.models.pretrained.model import PretrainedNetwork
from gruforecast.models.quantile_forecast import QuantileForecast
from gruforecast.models.registry import TUNED
from gruforecast.serialization import Json, JsonValue, plain, record

ORIGINS = 600  # that tell how many steps are best; more say nothing new
PATIENCE = 3  # numbers of steps beyond the best one, after which no more are tried
PRIOR = {0.5: -0.01, 1.0: -0.05}  # gain expected of each share of the way before any error is seen, as a logarithm
HORIZONS = 8  # before the test set that weigh as much as the prior
LEAST = 1e-9  # of an error


@dataclass(frozen=True)
class Rolling:
    """Networks that were trained up to later and later cutoffs, as one model: each window asks the newest that may.

    Attributes:
        cutoffs: (n_networks, n_series) row of each series from which on a network has seen none, earliest first.
    """

    networks: tuple[PretrainedNetwork, ...]
    cutoffs: Ints

    def forecast(self, history: History, windows: Windows, horizon: int, season_length: int) -> QuantileForecast:
        """Return the forecasts of windows that end at the first cutoff or after it."""
        number = (windows.end >= self.cutoffs[:, windows.series]).sum(axis=0) - 1  # (n,)
        order = [np.flatnonzero(number == k) for k in range(len(self.networks))]
        parts = [
            network.forecast(history, windows[index], horizon, season_length)
            for network, index in zip(self.networks, order, strict=True)
        ]
        return QuantileForecast.joined(parts).windows(np.argsort(np.concatenate(order)))

    def arrays(self) -> dict[str, Array]:
        """Return all weights, such as `0.slow.kernel`."""
        return {f"{k}.{name}": one for k, network in enumerate(self.networks) for name, one in network.weights.items()}


def rolling_cutoffs(split: Split) -> Ints:
    """Return the cutoffs (n_networks, n_series) up to which networks are trained for the folds."""
    total = sampler_of(split.history, split.test, split.horizon, split.season_length).total
    later = split.folds[1:] if total <= SMALL else split.folds[:0]
    return np.concatenate([split.learned[None], later])


def networks_of(split: Split, arrays: Mapping[str, Array]) -> tuple[PretrainedNetwork, ...]:
    """Return the networks whose weights are `Rolling.arrays`."""
    own: dict[int, Weights] = {}
    for name, array in arrays.items():
        number, rest = name.split(".", 1)
        own.setdefault(int(number), {})[rest] = array
    m, second = split.season_length, split.second
    return tuple(PretrainedNetwork.of(split.horizon, m, second, TUNED, own[k]) for k in sorted(own))


class Comparison:
    """Amounts of fine-tuning compared with none, at origins that no training has seen.

    Attributes:
        scores: mean error of each amount, in units of `Split.choice_unit`; the first one of none.
        best: the amount that promises most, none at first.
        promise: the gain that is expected of it, as the logarithm of a ratio of errors.
    """

    def __init__(self, split: Split, model: Model) -> None:
        origins = split.calibration_windows()
        self._split, self._windows = split, origins[evenly(len(origins), ORIGINS)]
        horizons = float((split.test - split.learned).sum()) / split.horizon
        self._trust = horizons / (horizons + HORIZONS)
        self.best, self.promise = Score(0, 0.0, self._error(model)), 0.0
        self.scores = [self.best]

    def take(self, steps: int, share: float, model: Model) -> None:
        """Take in the network after so many steps, a share of the way."""
        self.scores.append(Score(steps, share, self._error(model)))
        gain = np.log(max(self.scores[0].error, LEAST) / max(self.scores[-1].error, LEAST))
        promise = self._trust * gain + (1 - self._trust) * PRIOR[share]
        if promise > self.promise:
            self.best, self.promise = self.scores[-1], float(promise)

    @property
    def over(self) -> bool:
        """Whether more steps are of no use: the newest ones were worse than the best."""
        best = min(self.scores, key=lambda one: one.error).steps
        return len({one.steps for one in self.scores if one.steps > best}) >= PATIENCE

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
    result, arrays = found(network, split, asked, deadline_of(asked))
    file = saved(asked, asked.file, arrays) if arrays else None
    return plain(structs.replace(result, file=file, seconds=time.perf_counter() - begin))


def _trained(
    network: PretrainedNetwork, split: Split, asked: TuningRequest, deadline: float | None
) -> tuple[TuningResult, dict[str, Array]]:
    """Return the weights after the one number of steps that is asked for, if the deadline allows for it."""
    cutoff = split.test if asked.until == "test" else split.history.indptr[1:]
    run = fine_tuned(network, split.history, cutoff, asked.steps, asked.seed, deadline=deadline)
    for steps, tuned in run:
        own = Rolling((between(network, tuned, asked.share),), cutoff[None])
        return TuningResult(status="completed", steps=steps, share=asked.share), own.arrays()
    return TuningResult(status="completed", late=True), {}


def _compared(
    network: PretrainedNetwork, split: Split, asked: TuningRequest, deadline: float | None
) -> tuple[TuningResult, dict[str, Array]]:
    """Return how many steps, and what share of their way, promise most, and the weights; no weights for none."""
    cutoffs, comparison = rolling_cutoffs(split), Comparison(split, network)
    runs = [
        fine_tuned(network, split.history, cutoff, asked.steps, asked.seed, deadline=deadline) for cutoff in cutoffs
    ]
    arrays: dict[str, Array] = {}
    steps = 0
    for pairs in zip(*runs, strict=False):  # a deadline ends one before the other
        steps = pairs[0][0]
        for share in PRIOR:
            model = Rolling(tuple(between(network, one, share) for _, one in pairs), cutoffs)
            comparison.take(steps, share, model)
            if comparison.best is comparison.scores[-1]:
                arrays = model.arrays()
        if comparison.over:
            break
    best, scores = comparison.best, comparison.scores
    late = steps < asked.steps[-1] and not comparison.over
    return TuningResult(status="completed", late=late, steps=best.steps, share=best.share, scores=scores), arrays

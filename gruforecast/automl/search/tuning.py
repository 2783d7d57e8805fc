"""Fine-tuning in a worker: the pretrained network trained on with the series of a panel, for as many steps as help.

All numbers of steps are read from one run on the rows before the earliest fold, and compared with the network as it is
at the origins after it. Of small data that run sees much less than the last one will, to which all rows are given:
there is one run for each fold then. The fewer horizons the origins span, the clearer the gain has to be.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from gruforecast.arrays import Array, Floats, Ints, Weights
from gruforecast.automl.search.results import TuningRequest, TuningResult
from gruforecast.automl.search.trial import deadline_of, load_split, saved
from gruforecast.data.windows import History, Sampler, Windows, evenly
from gruforecast.evaluation.splits import Split
from gruforecast.models.model import Model
from gruforecast.models.pretrained.fine_tuning import fine_tuned
from gruforecast.models.pretrained.model import PretrainedNetwork
from gruforecast.models.quantile_forecast import QuantileForecast
from gruforecast.models.registry import TUNED
from gruforecast.serialization import Json, JsonValue, plain, record

ORIGINS = 600  # that tell how many steps are best; more say nothing new
PATIENCE = 2  # numbers of steps in a row that are worse than the best one, after which no more are tried
ERRORS = 1.0  # standard errors by which steps must be better than none
SMALL = 1000  # training windows up to which each fold has a run of its own


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
    total = Sampler.before(split.history, split.test, split.horizon, max(split.season_length, 3)).total
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


@dataclass
class Comparison:
    """Numbers of steps compared with none, at origins that no training has seen.

    Attributes:
        scores: mean error after each number of steps, in units of `Split.choice_unit`.
        model: the network as it is, then that after the `best` number of steps; 0 where none is clearly better.
    """

    split: Split
    model: Model
    scores: list[tuple[int, float]] = field(default_factory=list)
    best: int = 0

    def __post_init__(self) -> None:
        origins = self.split.calibration_windows()
        self._windows = origins[evenly(len(origins), ORIGINS)]
        horizons = float((self.split.test - self.split.learned).sum()) / self.split.horizon
        self._independent = max(1.0, min(horizons, len(self._windows)))
        self._before = self._errors(self.model)
        self.scores.append((0, float(np.nanmean(self._before))))
        self._least = self.scores[0][1]

    def take(self, steps: int, model: Model) -> None:
        """Take in the network after so many steps."""
        errors = self._errors(model)
        gains = (self._before - errors)[~np.isnan(errors)]
        self.scores.append((steps, float(np.nanmean(errors))))
        clear = ERRORS * float(gains.std()) / np.sqrt(self._independent)
        if self.scores[-1][1] < self._least and gains.mean() > clear:
            self.best, self.model, self._least = steps, model, self.scores[-1][1]

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
    comparison = Comparison(split, network) if asked.until == "folds" else None
    taken, arrays, late = 0, {}, False
    for steps, tuned in _runs(network, split, asked):
        if comparison is not None:
            comparison.take(steps, tuned)
        if comparison is None or comparison.best == steps:
            taken, arrays = steps, tuned.arrays()
        late = steps < asked.steps[-1] and deadline is not None and time.time() >= deadline
        if late or (comparison is not None and comparison.over):
            break
    return plain(
        TuningResult(
            status="completed",
            late=late,
            file=saved(asked, asked.file, arrays) if taken else None,
            steps=taken,
            scores=[] if comparison is None else comparison.scores,
            seconds=time.perf_counter() - begin,
        )
    )


def _runs(network: PretrainedNetwork, split: Split, asked: TuningRequest) -> Iterator[tuple[int, Rolling]]:
    """Return the networks after each number of steps, trained side by side up to all of the cutoffs."""
    cutoffs = {
        "folds": rolling_cutoffs(split),
        "test": split.test[None],
        "end": split.history.indptr[None, 1:],
    }[asked.until]
    runs = [fine_tuned(network, split.history, cutoff, asked.steps, asked.seed) for cutoff in cutoffs]
    for pairs in zip(*runs, strict=True):
        yield pairs[0][0], Rolling(tuple(one for _, one in pairs), cutoffs)

"""Fine-tuning: the pretrained network trained on, from its weights, on windows of one panel.

Numpy throughout: a step takes tens of milliseconds, and there is nothing to compile. Several numbers of steps are read
from one run: the learning rate stays as it is after a short way up, and what counts is a moving average of the weights
over about the newest quarter of the steps (Shamir and Zhang 2013), which takes the place of a falling rate.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gruforecast.arrays import Bools, Ints, Single, Weights
from gruforecast.data.windows import History, Sampler, Windows, gather_future
from gruforecast.models.pretrained.features import Features
from gruforecast.models.pretrained.gradients import loss_and_gradient
from gruforecast.models.pretrained.loss import targets
from gruforecast.models.pretrained.model import PretrainedNetwork
from gruforecast.models.registry import TUNED

ENOUGH = 1000  # windows; with fewer it harms as often as it helps
BATCH = 64  # windows of a step
STEPS_AT_A_TIME = 8  # whose features are made together
WARM_UP = 10  # steps on the way up to the rate
RATE = 1e-3
AVERAGED = 3  # the higher, the fewer of the newest steps the moving average spans
MEAN_DECAY, SQUARE_DECAY, EPSILON = 0.9, 0.999, 1e-7  # of Adam
CLIP = 1.0  # norm of the gradient of one step


class Batch(NamedTuple):
    """What a step takes: features of windows, scaled targets and what each of them counts (n, horizon)."""

    features: Features
    target: Single
    weight: Single


class Adam:
    """The optimizer of Kingma and Ba (2015), on all weights as one vector.

    Attributes:
        weights: by name, views of the vector.
    """

    def __init__(self, weights: Weights) -> None:
        self.names = list(weights)
        self.vector = np.concatenate([one.ravel() for one in weights.values()]).astype(np.float32)
        self.weights = _views(self.vector, weights)
        self._mean, self._square = np.zeros_like(self.vector), np.zeros_like(self.vector)
        self._steps = 0

    def step(self, gradients: Weights, rate: float) -> None:
        """Take one step; nowhere if a gradient is not finite."""
        gradient = np.concatenate([gradients[name].ravel() for name in self.names])
        norm = float(np.linalg.norm(gradient))
        if not np.isfinite(norm):
            return
        gradient *= np.float32(CLIP / max(norm, CLIP))
        self._steps += 1
        self._mean += np.float32(1 - MEAN_DECAY) * (gradient - self._mean)
        self._square += np.float32(1 - SQUARE_DECAY) * (gradient * gradient - self._square)
        warm = np.sqrt(1 - SQUARE_DECAY**self._steps) / (1 - MEAN_DECAY**self._steps)
        self.vector -= np.float32(rate * warm) * self._mean / (np.sqrt(self._square) + np.float32(EPSILON))


def fine_tuned(
    network: PretrainedNetwork,
    history: History,
    cutoff: Ints,
    steps: Collection[int],
    seed: int,
    rate: float = RATE,
    deadline: float | None = None,
) -> Iterator[tuple[int, PretrainedNetwork]]:
    """Return the network after each number of `steps` on targets before `cutoff` (n_series,), as it is reached.

    Args:
        deadline: when to stop, whatever was reached, in seconds since the epoch.
    """
    optimizer = Adam(network.weights)
    average = optimizer.vector.copy()
    batches = _batches(network, history, cutoff, seed)
    for number, batch in zip(range(1, max(steps, default=0) + 1), batches, strict=False):
        if deadline is not None and time.time() >= deadline:
            return
        _, gradients = loss_and_gradient(optimizer.weights, *batch)
        optimizer.step(gradients, rate * min(1.0, number / WARM_UP))
        average += np.float32((AVERAGED + 1) / (AVERAGED + number)) * (optimizer.vector - average)
        if number in steps:
            yield number, replace(network, name=TUNED, weights=_views(average.copy(), network.weights))


def between(start: PretrainedNetwork, tuned: PretrainedNetwork, share: float) -> PretrainedNetwork:
    """Return the network a share of the way from `start` to `tuned`: what half of a training teaches, with less harm.

    The mean of the weights before and after fine-tuning is the more robust network (Wortsman et al. 2022).
    """
    pairs = {name: (one, tuned.weights[name]) for name, one in start.weights.items()}
    return replace(tuned, weights={name: one + np.float32(share) * (new - one) for name, (one, new) in pairs.items()})


def _views(vector: Single, like: Weights) -> Weights:
    """Return the parts of a vector by the names and shapes of `like`."""
    ends = np.cumsum([one.size for one in like.values()])
    parts = np.split(vector, ends[:-1])
    return {name: part.reshape(one.shape) for part, (name, one) in zip(parts, like.items(), strict=True)}


def pays(history: History, cutoff: Ints, horizon: int, season_length: int) -> bool:
    """Return whether there are enough windows before `cutoff` (n_series,) for a gain."""
    return _sampler(history, cutoff, horizon, season_length).total >= ENOUGH


def _sampler(history: History, cutoff: Ints, horizon: int, season_length: int) -> Sampler:
    """Return what draws training windows before `cutoff` (n_series,)."""
    return Sampler.before(history, cutoff, horizon, max(season_length, 3))


def _batches(network: PretrainedNetwork, history: History, cutoff: Ints, seed: int) -> Iterator[Batch]:
    """Return batches without end, which follow from the seed; features are made for several steps at a time."""
    sampler = _sampler(history, cutoff, network.config.horizon, network.config.season_length)
    rng = np.random.default_rng(seed)
    while True:
        drawn = sampler.draw(rng, (1, STEPS_AT_A_TIME * BATCH))
        windows = Windows(*(one[0] for one in (drawn.series, drawn.start, drawn.end, drawn.stop, drawn.use_log)))
        yield from _made(network, history, windows, rng.random(len(windows)) < 0.5)


def _made(network: PretrainedNetwork, history: History, windows: Windows, log: Bools) -> list[Batch]:
    """Return the batches of windows (n), each seen in one view: as logarithms where told to, if it has some."""
    config = network.config
    past = history.past(windows, config.lookback)
    log = log & (np.nanmin(past, axis=1) > 0)
    features = Features.of(past, config.season_length, config.horizon, log, network.second)
    target, weight = targets(features, past, gather_future(history.values, windows, config.horizon))
    parts = [slice(k, k + BATCH) for k in range(0, len(past), BATCH)]
    return [Batch(features.part(part), target[part], weight[part]) for part in parts]

"""The forward pass of the pretrained network in numpy; its Keras twin is `models/training/pretrained_network.py`."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gruforecast.arrays import Single, Weights
from gruforecast.models.networks.config import MIDDLE, QUANTILES
from gruforecast.models.networks.recurrence import Trace, product, recurrent
from gruforecast.models.pretrained.features import (
    AHEAD_CHANNELS,
    FACTS,
    FAST_CHANNELS,
    ROWS,
    SLOW_CHANNELS,
    Features,
)
from gruforecast.models.pretrained.ready import READY

SLOW_UNITS = 48


@dataclass(frozen=True)
class Tape:
    """What a forward pass did on its way, for the way back.

    Attributes:
        inputs: of each layer, by its name; what the last one gave is that of `quantiles`.
        trace: of the recurrent layers, whose inputs are (tokens, n, size).
    """

    inputs: Weights = field(default_factory=dict)
    trace: Trace = field(default_factory=Trace)


def weight_shapes(units: int) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of each weight array of a network of this width."""
    shapes: dict[str, tuple[int, ...]] = {}
    dense = {
        "context": (SLOW_UNITS + FACTS, units),
        "token": (ROWS * FAST_CHANNELS, units),
        "state": (3 * units + FACTS, units),
        "segment": (ROWS * AHEAD_CHANNELS, units),
        "rows": (units, ROWS * units),
        "row": (AHEAD_CHANNELS, units),
        "whole": (units, units),
        "head": (units, len(READY) + len(QUANTILES)),
        "head_row": (AHEAD_CHANNELS, len(READY) + len(QUANTILES)),  # past the hidden rows
        "head_whole": (FACTS, len(READY) + len(QUANTILES)),
    }
    for name, (size, out) in dense.items():
        shapes |= {f"{name}.kernel": (size, out), f"{name}.bias": (out,)}
    for name, size, own in (
        ("slow", SLOW_CHANNELS, SLOW_UNITS),
        ("fast_0", units, units),
        ("fast_1", units, units),
        ("decoder", units, units),
    ):
        shapes |= {
            f"{name}.kernel": (size, 3 * own),
            f"{name}.recurrent_kernel": (own, 3 * own),
            f"{name}.bias": (2, 3 * own),
        }
    return shapes


def forward(weights: Weights, features: Features, tape: Tape | None = None) -> Single:
    """Return scaled quantiles (n, horizon, n_quantiles), in the order of `QUANTILES`; they never cross."""
    n, steps, _ = features.ahead.shape
    facts, trace = features.facts, None if tape is None else tape.trace

    def dense(name: str, x: Single) -> Single:
        if tape is not None:
            tape.inputs[name] = x
        return product(x, weights[f"{name}.kernel"]) + weights[f"{name}.bias"]

    def states(name: str, x: Single, state: Single | None = None) -> Single:
        if tape is not None:
            tape.inputs[name] = x
        return recurrent(x, "gru", weights, name, state, trace)

    slow = states("slow", _by_time(features.slow))[-1]
    context = np.tanh(dense("context", np.concatenate([slow, facts], axis=1)))
    first = states("fast_0", dense("token", _by_time(features.fast.reshape(n, -1, ROWS * FAST_CHANNELS))), context)
    second = states("fast_1", first)
    state = np.tanh(dense("state", np.concatenate([first[-1], second[-1], context, facts], axis=1)))
    segments = _by_time(features.ahead.reshape(n, steps // ROWS, ROWS * AHEAD_CHANNELS))
    decoded = states("decoder", dense("segment", segments), state)
    rows = dense("rows", decoded.swapaxes(0, 1)).reshape(n, steps, -1)
    rows += dense("row", features.ahead)
    rows += dense("whole", state)[:, None]
    head = dense("head", np.maximum(rows, 0, out=rows))
    head += dense("head_row", features.ahead)
    head += dense("head_whole", facts)[:, None]
    if tape is not None:
        tape.inputs["quantiles"] = head
    return assembled(head, features.ready)[:, : features.horizon]


def assembled(head: Single, ready: Single) -> Single:
    """Return quantiles (n, steps, n_quantiles): a mean of ready forecasts, corrected, and steps away from it.

    Args:
        head: (n, steps, ready + n_quantiles) logarithms of weights, a correction, steps before the softplus.
        ready: (n, steps, ready) scaled.
    """
    mix, middle, away = np.split(head, [len(READY), len(READY) + 1], axis=2)
    mix = np.exp(mix - mix.max(axis=2, keepdims=True))
    mix /= mix.sum(axis=2, keepdims=True)
    middle = middle + (mix * ready).sum(axis=2, keepdims=True)
    away = np.logaddexp(away, np.float32(0))
    below = np.cumsum(away[:, :, :MIDDLE][:, :, ::-1], axis=2)[:, :, ::-1]
    return np.concatenate([middle - below, middle, middle + np.cumsum(away[:, :, MIDDLE:], axis=2)], axis=2)


def _by_time(x: Single) -> Single:
    """Return (n, tokens, size) as (tokens, n, size)."""
    return np.ascontiguousarray(x.swapaxes(0, 1))

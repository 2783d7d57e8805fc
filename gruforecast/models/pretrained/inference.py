"""The forward pass of the pretrained network in numpy; its Keras twin is `models/training/pretrained_network.py`."""

from __future__ import annotations

import numpy as np

from gruforecast.arrays import Single, Weights
from gruforecast.models.networks.config import MIDDLE, QUANTILES
from gruforecast.models.networks.recurrence import product, recurrent
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
        shapes |= {f"{name}.kernel": (size, 3 * own), f"{name}.recurrent_kernel": (own, 3 * own), f"{name}.bias": (2, 3 * own)}
    return shapes


def forward(weights: Weights, features: Features) -> Single:
    """Return scaled quantiles (n, horizon, n_quantiles), in the order of `QUANTILES`; they never cross."""
    n, steps, _ = features.ahead.shape
    facts = features.facts
    slow = recurrent(_by_time(features.slow), "gru", weights, "slow")[-1]
    context = np.tanh(_dense(weights, "context", np.concatenate([slow, facts], axis=1)))
    tokens = _dense(weights, "token", _by_time(features.fast.reshape(n, -1, ROWS * FAST_CHANNELS)))
    first = recurrent(tokens, "gru", weights, "fast_0", context)
    second = recurrent(first, "gru", weights, "fast_1")
    state = np.concatenate([first[-1], second[-1], context, facts], axis=1)
    state = np.tanh(_dense(weights, "state", state))
    segments = _by_time(features.ahead.reshape(n, steps // ROWS, ROWS * AHEAD_CHANNELS))
    decoded = recurrent(_dense(weights, "segment", segments), "gru", weights, "decoder", state)
    rows = _dense(weights, "rows", decoded.swapaxes(0, 1)).reshape(n, steps, -1)
    rows += _dense(weights, "row", features.ahead)
    rows += _dense(weights, "whole", state)[:, None]
    head = _dense(weights, "head", np.maximum(rows, 0, out=rows))
    head += _dense(weights, "head_row", features.ahead)
    head += _dense(weights, "head_whole", facts)[:, None]
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


def _dense(weights: Weights, name: str, x: Single) -> Single:
    """Return a dense layer of `x` (…, size)."""
    return product(x, weights[f"{name}.kernel"]) + weights[f"{name}.bias"]

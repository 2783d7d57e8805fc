"""A GRU's forward pass in numpy once more, with everything kept that it did on the way: the gates, step by step.

    h = z * h_before + (1 - z) * candidate        candidate = tanh(input + r * (memory of h_before))

An update gate z near 1 keeps what is known, near 0 writes the candidate over it; a reset gate r near 0 makes the
candidate without a look at the past (Cho et al. 2014, with `reset_after=True` as in Keras).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gruforecast.models.networks.config import NetworkConfig
from gruforecast.models.networks.inference import Single, Weights


@dataclass(frozen=True)
class Gates:
    """What one GRU layer did in each step, (n, steps, units) each.

    Attributes:
        update, reset: the gates, between 0 and 1.
        candidate: what is written where the update gate is open.
        memory: what the candidate hears of the state before, through the reset gate.
        before, state: the state before and after the step.
        blank: the state after the step if the one before had been empty.
    """

    update: Single
    reset: Single
    candidate: Single
    memory: Single
    before: Single
    state: Single
    blank: Single


@dataclass(frozen=True)
class Replay:
    """A forward pass.

    Attributes:
        layers: of the encoder, in order; their steps are the tokens of the window.
        decoder: its steps are the segments of the horizon; None where the last state gives all steps at once.
    """

    layers: list[Gates]
    decoder: Gates | None


def replay(features: Single, config: NetworkConfig, weights: Weights) -> Replay:
    """What the gates of a GRU do over encoded windows (n, lookback, channels)."""
    n = len(features)
    x = features
    if config.segment > 1:
        x = features.reshape(n, config.tokens, -1) @ weights["token.kernel"] + weights["token.bias"]
    layers: list[Gates] = []
    for depth in range(config.layers):
        layers.append(gru_layer(x, weights, f"gru_{depth}", np.zeros((n, config.units), np.float32)))
        x = layers[-1].state + x if depth > 0 else layers[-1].state  # (n, tokens, units)
    return Replay(layers, _decoder(x[:, -1], config, weights))


def _decoder(state: Single, config: NetworkConfig, weights: Weights) -> Gates | None:
    if config.decoder == "direct":
        return None
    n, units = state.shape
    segments, _ = config.decoded
    positions = np.repeat(weights["positions.table"][None], n, axis=0)  # (n, segments, units)
    if config.decoder == "sequence":
        return gru_layer(positions, weights, "decoder", state)
    many = gru_layer(positions.reshape(-1, 1, units), weights, "decoder", np.repeat(state, segments, axis=0))
    return Gates(**{name: one.reshape(n, segments, units) for name, one in vars(many).items()})


def gru_layer(x: Single, weights: Weights, name: str, start: Single) -> Gates:
    """One layer over `x` (n, steps, size) from the state `start` (n, units)."""
    kernel, bias = weights[f"{name}.recurrent_kernel"], weights[f"{name}.bias"]
    inputs = x @ weights[f"{name}.kernel"] + bias[0]  # (n, steps, 3 * units)
    units, steps = kernel.shape[0], x.shape[1]
    kept = {field: np.empty((len(x), steps, units), np.float32) for field in Gates.__dataclass_fields__}
    h = start
    for step in range(steps):
        heard = h @ kernel + bias[1]  # (n, 3 * units)
        z, r = (sigmoid(inputs[:, step, gate] + heard[:, gate]) for gate in (_of(0, units), _of(1, units)))
        memory = heard[:, _of(2, units)]
        candidate = np.tanh(inputs[:, step, _of(2, units)] + r * memory)
        after = z * h + (1 - z) * candidate
        found = (z, r, candidate, memory, h, after, _from_nothing(inputs[:, step], bias[1], units))
        for array, value in zip(kept.values(), found, strict=True):
            array[:, step] = value
        h = after
    return Gates(**kept)


def _from_nothing(now: Single, bias: Single, units: int) -> Single:
    """The state (n, units) that an input alone makes, without anything known before."""
    z, r = (sigmoid(now[:, gate] + bias[gate]) for gate in (_of(0, units), _of(1, units)))
    last = _of(2, units)
    return (1 - z) * np.tanh(now[:, last] + r * bias[last])


def _of(gate: int, units: int) -> slice:
    """The columns of a gate: update, reset, candidate."""
    return slice(gate * units, (gate + 1) * units)


def sigmoid(x: Single) -> Single:
    """The logistic function, which never overflows in this form."""
    return np.float32(0.5) * (np.tanh(np.float32(0.5) * x) + np.float32(1))

"""How far back a network listens: the gradient of its forecast with respect to each row of the past, in numpy.

Backpropagation through time (Werbos 1990) for GRU, LSTM and simple RNN, from the point forecast to the rows that the
network sees. Where this gradient vanishes, a row says nothing, whatever it holds
(Hochreiter 1991; Pascanu et al. 2013).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.explain.gates import gru_layer, sigmoid
from gruforecast.models.networks.config import NetworkConfig
from gruforecast.models.networks.inference import Single, Weights

PROBES = 12  # horizons up to this are differentiated step by step, longer ones along so many random directions
Backward = Callable[[Single], tuple[Single, Single]]


@dataclass(frozen=True)
class _Layer:
    """A layer after its forward pass.

    Attributes:
        states: (n, steps, units).
        backward: from the gradient of all states to those of the input (n, steps, size) and of the first state.
    """

    states: Single
    backward: Backward


def reach(features: Single, ahead: Single | None, config: NetworkConfig, weights: Weights, seed: int = 0) -> Floats:
    """How much the point forecast moves with each row through the recurrent layers, (lookback,), oldest row first.

    It is the root mean square, over windows, of the Frobenius norm of the Jacobian of the normalised forecast with
    respect to all that is seen of the row. What the head sees of the newest rows beside the state is left out: that is
    the same for all cells. For horizons of more than `PROBES` steps, the norm is estimated along random directions of
    -1 and 1, whose squares have the right mean (Hutchinson 1990).

    Args:
        features: (n, lookback, channels); ahead: (n, horizon, `config.ahead`), None where that is nothing.
    """
    exact = config.horizon <= PROBES
    generator = np.random.default_rng(seed)
    signs = generator.integers(0, 2, (PROBES, config.horizon)) * 2 - 1
    directions = np.eye(config.horizon) if exact else signs
    total = np.zeros(config.lookback)
    gradient = Gradient(features, ahead, config, weights)
    for direction in directions.astype(np.float32):
        found = gradient.of(np.repeat(direction[None], len(features), axis=0)).astype(np.float64)
        total += (found**2).sum(axis=2).mean(axis=0)
    return np.sqrt(total if exact else total / PROBES)


class Gradient:
    """A forward pass that remembers enough to be followed backwards, from the point forecast to the features."""

    def __init__(self, features: Single, ahead: Single | None, config: NetworkConfig, weights: Weights) -> None:
        self.config, self.weights = config, weights
        n = len(features)
        x = features
        if config.segment > 1:
            x = features.reshape(n, config.tokens, -1) @ weights["token.kernel"] + weights["token.bias"]
        start = np.zeros((n, config.units), np.float32)
        self.layers: list[_Layer] = []
        for depth in range(config.layers):
            self.layers.append(_layer(x, config.cell, weights, f"{config.cell}_{depth}", start))
            x = self.layers[-1].states + x if depth > 0 else self.layers[-1].states
        self.shape, self.decoder = x.shape, self._decoder(x[:, -1])
        states = self.decoder.states if self.decoder else x[:, -1:]  # (n, segments, units)
        recent = np.repeat(features[:, None, -config.recent :, 0], states.shape[1], axis=1)
        joined = np.concatenate([states, recent], axis=2)
        opened = joined @ weights["hidden.kernel"] + weights["hidden.bias"] > 0  # (n, segments, 2 * units)
        self.open = opened.astype(np.float32)
        self.row_open = None if ahead is None else self._rows(states, ahead)

    def of(self, direction: Single, *, direct: bool = False) -> Single:
        """Gradient (n, lookback, channels) of the point forecast along `direction` (n, horizon).

        Args:
            direct: also through what the head sees of the newest rows beside the state.
        """
        config, weights, n = self.config, self.weights, len(direction)
        segments, rows = config.decoded
        beyond = segments * rows - config.horizon
        padded: Single = np.pad(direction, ((0, 0), (0, beyond))).reshape(n, segments, rows)
        hidden = (padded @ weights["head.kernel"].T) * self.open
        joined = hidden @ weights["hidden.kernel"].T  # (n, segments, units + recent)
        states: Any = joined[:, :, : config.units]
        if self.row_open is not None:
            states = states + self._of_rows(direction, self.row_open)
        last = self.decoder.backward(states)[1] if self.decoder else states[:, 0]
        found = self._encoder(last)
        if direct:
            found[:, -config.recent :, 0] += joined[:, :, config.units :].sum(axis=1)
        return found

    def _encoder(self, last: Single) -> Single:
        """From the gradient of the last state (n, units) to that of the features."""
        gradient = np.zeros(self.shape, np.float32)
        gradient[:, -1] = last
        for depth in reversed(range(self.config.layers)):
            below = self.layers[depth].backward(gradient)[0]
            gradient = below + gradient if depth > 0 else below
        if self.config.segment > 1:
            gradient = gradient @ self.weights["token.kernel"].T  # (n, tokens, segment * channels)
        return gradient.reshape(len(last), self.config.lookback, self.config.channels)

    def _decoder(self, state: Single) -> _Layer | None:
        config = self.config
        if config.decoder == "direct":
            return None
        n, units = state.shape
        segments, _ = config.decoded
        positions = np.repeat(self.weights["positions.table"][None], n, axis=0)  # (n, segments, units)
        if config.decoder == "sequence":
            return _layer(positions, config.cell, self.weights, "decoder", state)
        flat = positions.reshape(-1, 1, units)
        many = _layer(flat, config.cell, self.weights, "decoder", np.repeat(state, segments, axis=0))

        def backward(gradient: Single) -> tuple[Single, Single]:
            inputs, first = many.backward(gradient.reshape(-1, 1, units))
            return inputs.reshape(n, segments, units), first.reshape(n, segments, units).sum(axis=1)

        return _Layer(many.states.reshape(n, segments, units), backward)

    def _rows(self, states: Single, ahead: Single) -> Single:
        """Which units of the layer that reads the rows known ahead are open, (n, horizon, units)."""
        weights = self.weights
        context = states @ weights["context.kernel"] + weights["context.bias"]
        context = np.repeat(context, self.config.decoded[1], axis=1)[:, : self.config.horizon]
        joined = np.concatenate([ahead, context], axis=2)
        return (joined @ weights["row.kernel"] + weights["row.bias"] > 0).astype(np.float32)

    def _of_rows(self, direction: Single, row_open: Single) -> Single:
        """What reaches the states (n, segments, units) through that layer."""
        weights, config = self.weights, self.config
        segments, rows = config.decoded
        row = direction[:, :, None] * weights["row_head.kernel"][:, 0] * row_open  # (n, horizon, ROW_UNITS)
        context = row @ weights["row.kernel"][config.ahead :].T  # (n, horizon, CONTEXT)
        whole: Single = np.pad(context, ((0, 0), (0, segments * rows - config.horizon), (0, 0)))
        summed = whole.reshape(len(direction), segments, rows, -1).sum(axis=2)  # (n, segments, CONTEXT)
        return summed @ weights["context.kernel"].T


def _layer(x: Single, cell: str, weights: Weights, name: str, start: Single) -> _Layer:
    return {"gru": _gru, "lstm": _lstm, "rnn": _rnn}[cell](x, weights, name, start)


def _gru(x: Single, weights: Weights, name: str, start: Single) -> _Layer:
    gates = gru_layer(x, weights, name, start)
    kernel, recurrent = weights[f"{name}.kernel"], weights[f"{name}.recurrent_kernel"]

    def backward(gradient: Single) -> tuple[Single, Single]:
        inputs = np.empty((*x.shape[:2], kernel.shape[1]), np.float32)
        carried: Any = np.zeros_like(start)
        for step in reversed(range(x.shape[1])):
            z, r, candidate = (one[:, step] for one in (gates.update, gates.reset, gates.candidate))
            total = gradient[:, step] + carried
            written = total * (1 - z) * (1 - candidate**2)
            update = total * (gates.before[:, step] - candidate) * z * (1 - z)
            reset = written * gates.memory[:, step] * r * (1 - r)
            inputs[:, step] = np.concatenate([update, reset, written], axis=1)
            heard = np.concatenate([update, reset, written * r], axis=1)
            carried = total * z + heard @ recurrent.T
        return inputs @ kernel.T, carried

    return _Layer(gates.state, backward)


def _lstm(x: Single, weights: Weights, name: str, start: Single) -> _Layer:
    """The memory starts empty, also that of a decoder."""
    kernel, recurrent = weights[f"{name}.kernel"], weights[f"{name}.recurrent_kernel"]
    inputs = x @ kernel + weights[f"{name}.bias"]
    n, steps, units = len(x), x.shape[1], recurrent.shape[0]
    gates = np.empty((n, steps, 4 * units), np.float32)  # input, forget, candidate, output
    cells = np.zeros((n, steps + 1, units), np.float32)
    states = np.empty((n, steps, units), np.float32)
    h = start
    for step in range(steps):
        raw = inputs[:, step] + h @ recurrent
        gates[:, step] = sigmoid(raw)
        gates[:, step, 2 * units : 3 * units] = np.tanh(raw[:, 2 * units : 3 * units])
        i, f, g, o = np.split(gates[:, step], 4, axis=1)
        cells[:, step + 1] = f * cells[:, step] + i * g
        states[:, step] = h = o * np.tanh(cells[:, step + 1])

    def backward(gradient: Single) -> tuple[Single, Single]:
        found = np.empty_like(gates)
        carried, memory = np.zeros_like(start), np.zeros_like(start)
        for step in reversed(range(steps)):
            i, f, g, o = np.split(gates[:, step], 4, axis=1)
            shown, total = np.tanh(cells[:, step + 1]), gradient[:, step] + carried
            memory = memory + total * o * (1 - shown**2)
            parts = (memory * g * i * (1 - i), memory * cells[:, step] * f * (1 - f), memory * i * (1 - g**2))
            found[:, step] = np.concatenate([*parts, total * shown * o * (1 - o)], axis=1)
            carried, memory = found[:, step] @ recurrent.T, memory * f
        return found @ kernel.T, carried

    return _Layer(states, backward)


def _rnn(x: Single, weights: Weights, name: str, start: Single) -> _Layer:
    kernel, recurrent = weights[f"{name}.kernel"], weights[f"{name}.recurrent_kernel"]
    inputs = x @ kernel + weights[f"{name}.bias"]
    states = np.empty((*x.shape[:2], recurrent.shape[0]), np.float32)
    h = start
    for step in range(x.shape[1]):
        states[:, step] = h = np.tanh(inputs[:, step] + h @ recurrent)

    def backward(gradient: Single) -> tuple[Single, Single]:
        found = np.empty_like(states)
        carried = np.zeros_like(start)
        for step in reversed(range(x.shape[1])):
            found[:, step] = (gradient[:, step] + carried) * (1 - states[:, step] ** 2)
            carried = found[:, step] @ recurrent.T
        return found @ kernel.T, carried

    return _Layer(states, backward)

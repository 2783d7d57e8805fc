"""Input gradients: how much a forecast moves with each row of the past, in numpy.

From the point forecast back to the rows that the network sees, for GRU, LSTM and simple RNN. Where this gradient
vanishes, a row says nothing, whatever it holds (Hochreiter 1991; Pascanu et al. 2013).
"""

from __future__ import annotations

import numpy as np

from gruforecast.arrays import Array, Floats, Single, Weights
from gruforecast.models.networks.config import NetworkConfig
from gruforecast.models.networks.inference import residuals
from gruforecast.models.networks.recurrence import Trace, backward, product

PROBES = 12  # horizons up to this are differentiated step by step, longer ones along so many random directions


def gradient_norms(
    features: Array, future: Array | None, config: NetworkConfig, weights: Weights, seed: int = 0
) -> Floats:
    """Return how much the point forecast moves with each row through the recurrent layers, (lookback,), oldest first.

    It is the root mean square, over windows, of the Frobenius norm of the Jacobian of the normalised forecast with
    respect to all that is seen of the row. What the head sees of the newest rows beside the state is left out: that is
    the same for all cells. For horizons of more than `PROBES` steps, the norm is estimated along random directions of
    -1 and 1, whose squares have the right mean (Hutchinson 1990).

    Args:
        features: (n, lookback, channels); future: (n, horizon, `config.future_channels`), None where that is nothing.
    """
    exact = config.horizon <= PROBES
    signs = np.random.default_rng(seed).integers(0, 2, (PROBES, config.horizon)) * 2 - 1
    directions = np.eye(config.horizon) if exact else signs
    total = np.zeros(config.lookback)
    trace = Trace()
    residuals(features, future, config, weights, trace)
    for direction in directions.astype(np.float32):
        along = np.repeat(direction[None], len(features), axis=0)
        gradient = input_gradient(trace, along, config, weights).astype(np.float64)
        total += (gradient**2).sum(axis=2).mean(axis=0)
    return np.sqrt(total if exact else total / PROBES)


def input_gradient(
    trace: Trace, direction: Single, config: NetworkConfig, weights: Weights, *, direct: bool = False
) -> Single:
    """Return the gradient (n, lookback, channels) of the point forecast along `direction` (n, horizon).

    Args:
        trace: of the forward pass over the n windows.
        direct: also through what the head sees of the newest rows beside the state.
    """
    segments, rows = config.decoded
    padded = np.pad(direction, ((0, 0), (0, segments * rows - config.horizon))).reshape(len(direction), segments, rows)
    hidden = product(padded, weights["head.kernel"].T) * trace.open["hidden"]
    joined = product(hidden, weights["hidden.kernel"].T)  # (n, segments, units + recent)
    states = joined[:, :, : config.units]
    if "row" in trace.open:
        states = states + _of_rows(trace, direction, config, weights)
    gradient = _of_features(trace, _of_last(trace, states, config, weights), config, weights)
    if direct:
        gradient[:, -config.recent :, 0] += joined[:, :, config.units :].sum(axis=1)
    return gradient


def _of_rows(trace: Trace, direction: Single, config: NetworkConfig, weights: Weights) -> Single:
    """Return what reaches the states (n, segments, units) through the layer for known rows of the horizon."""
    segments, rows = config.decoded
    row = direction[:, :, None] * weights["row_head.kernel"][:, 0] * trace.open["row"]  # (n, horizon, ROW_UNITS)
    context = product(row, weights["row.kernel"][config.future_channels :].T)  # (n, horizon, CONTEXT)
    whole = np.pad(context, ((0, 0), (0, segments * rows - config.horizon), (0, 0)))
    summed = whole.reshape(len(direction), segments, rows, -1).sum(axis=2)  # (n, segments, CONTEXT)
    return product(summed, weights["context.kernel"].T)


def _of_last(trace: Trace, states: Single, config: NetworkConfig, weights: Weights) -> Single:
    """Return the gradient of the encoder's last state (n, units) from that of the `states` (n, segments, units)."""
    if config.decoder == "direct":
        return states[:, 0]
    steps, kernel = trace.steps["decoder"], weights["decoder.recurrent_kernel"]
    if config.decoder == "sequence":
        return backward(steps, states.swapaxes(0, 1), config.cell, kernel)[1]
    return backward(steps, states[None], config.cell, kernel)[1].sum(axis=1)


def _of_features(trace: Trace, last: Single, config: NetworkConfig, weights: Weights) -> Single:
    """Return the gradient of the features (n, lookback, channels) from that of the encoder's last state (n, units)."""
    gradient = np.zeros((config.tokens, *last.shape), np.float32)
    gradient[-1] = last
    for depth in reversed(range(config.layers)):
        name = f"{config.cell}_{depth}"
        inputs, _ = backward(trace.steps[name], gradient, config.cell, weights[f"{name}.recurrent_kernel"])
        below = product(inputs, weights[f"{name}.kernel"].T)  # (tokens, n, units or channels)
        gradient = below + gradient if depth > 0 else below
    if config.segment > 1:
        gradient = product(gradient, weights["token.kernel"].T)  # (tokens, n, segment * channels)
    return gradient.swapaxes(0, 1).reshape(len(last), config.lookback, config.channels)

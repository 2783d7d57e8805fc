"""The forward pass of a network in numpy: every forecast of this package, scores included, is made here.

TensorFlow only trains and exports. So a score in the report and a later forecast come from the same code, and
forecasting needs no TensorFlow. The equations are those of Keras: GRU with `reset_after=True` (Cho et al. 2014 in the
form of Chung et al.), LSTM (Hochreiter and Schmidhuber 1997), and the simple recurrent network of Elman (1990).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gruforecast.arrays import Floats
from gruforecast.config import CONTEXT, MIDDLE, QUANTILES, ROW_UNITS, NetworkConfig, TrainingConfig
from gruforecast.encoding import decode, encode, restlessness
from gruforecast.windows import History, Windows, newest

Single = NDArray[np.float32]
Weights = dict[str, Single]
BLOCK_NUMBERS = 4_000_000  # bounds the memory of one block: about 16 MB an array


@dataclass(frozen=True)
class Network:
    """A trained network, named as in the leaderboard, and its share in the combination of all; they add up to one.

    Attributes:
        training: how to train it anew on all rows, None where that is not known.
    """

    name: str
    config: NetworkConfig
    weights: Weights
    share: float = 1.0
    training: TrainingConfig | None = None


def needs_calendar(networks: Sequence[Network]) -> bool:
    """Whether a forecast of `networks` depends on stamps."""
    return any(network.config.calendar and network.config.periods for network in networks)


def weight_shapes(config: NetworkConfig) -> dict[str, tuple[int, ...]]:
    """Name and shape of each weight array that a network of this configuration has."""
    gates = {"gru": 3, "lstm": 4, "rnn": 1}[config.cell]
    units, width = config.units, gates * config.units
    size = config.channels
    shapes: dict[str, tuple[int, ...]] = {}
    if config.segment > 1:
        shapes |= {"token.kernel": (config.segment * config.channels, units), "token.bias": (units,)}
        size = units
    for depth in range(config.layers):
        name = f"{config.cell}_{depth}"
        bias = (2, width) if config.cell == "gru" else (width,)
        shapes |= {f"{name}.kernel": (size, width), f"{name}.recurrent_kernel": (units, width), f"{name}.bias": bias}
        size = units
    segments, rows = config.decoded
    if config.decoder != "direct":
        bias = (2, width) if config.cell == "gru" else (width,)
        shapes |= {"positions.table": (segments, units), "decoder.kernel": (units, width)}
        shapes |= {"decoder.recurrent_kernel": (units, width), "decoder.bias": bias}
    shapes |= {"hidden.kernel": (units + config.recent, 2 * units), "hidden.bias": (2 * units,)}
    width = rows * (len(QUANTILES) - 1)
    shapes |= {"head.kernel": (2 * units, rows), "head.bias": (rows,)}
    shapes |= {"spread_hidden.kernel": (units + config.recent, units), "spread_hidden.bias": (units,)}
    shapes |= {"spread.kernel": (units, width), "spread.bias": (width,)}
    if config.ahead:
        shapes |= {"context.kernel": (units, CONTEXT), "context.bias": (CONTEXT,)}
        shapes |= {"row.kernel": (config.ahead + CONTEXT, ROW_UNITS), "row.bias": (ROW_UNITS,)}
        shapes |= {"row_head.kernel": (ROW_UNITS, 1), "row_head.bias": (1,)}
    return shapes


def digest_of(weights: Weights) -> str:
    """SHA-256 over names, shapes and bytes of the weights, in the order of their names."""
    total = hashlib.sha256()
    for name in sorted(weights):
        total.update(f"{name}{weights[name].shape}".encode())
        total.update(np.ascontiguousarray(weights[name]).tobytes())
    return total.hexdigest()


def forecast(history: History, windows: Windows, config: NetworkConfig, weights: Weights) -> Floats:
    """Quantiles (n, horizon, n_quantiles) in the user's unit; only one block of windows is gathered at a time."""
    blocks = [np.zeros((0, config.horizon, len(QUANTILES)))]
    for block in _blocks(len(windows), config):
        part = windows[block]
        past = history.past(part, config.lookback)
        beside = history.beside(part, config.lookback, config.horizon) if config.inputs else None
        blocks.append(forecast_past(past, history.origin(part), part.use_log, config, weights, beside))
    return np.concatenate(blocks)


def forecast_past(
    past: Floats,
    origin: Floats,
    use_log: NDArray[np.bool_],
    config: NetworkConfig,
    weights: Weights,
    x: Floats | None = None,
) -> Floats:
    """Quantiles (n, horizon, n_quantiles) from raw windows (n, lookback), in blocks of bounded memory; see `encode`."""
    blocks = [np.zeros((0, config.horizon, len(QUANTILES)))]
    for block in _blocks(len(past), config):
        flags = use_log[block] & config.log
        encoded = encode(past[block], origin[block], flags, config, beside=None if x is None else x[block])
        known = None if encoded.ahead is None else encoded.ahead.astype(np.float32)
        residual = residuals(encoded.features.astype(np.float32), known, config, weights)
        blocks.append(np.asarray(decode(residual.astype(np.float64), encoded, flags)))
    return np.concatenate(blocks)


def forecast_combined(
    past: Floats,
    origin: Floats,
    use_log: NDArray[np.bool_],
    networks: Sequence[Network],
    x: Floats | None = None,
) -> Floats:
    """Quantiles (n, horizon, n_quantiles) of all `networks` together: means of theirs, by their shares.

    Args:
        past: (n, the longest lookback); each network reads as many of the newest rows as it needs.
        origin: (n,) stamps of the last rows in days since 1970-01-01.
        use_log: (n,) series that were never negative: no forecast for them is.
        x: (n, the longest lookback + horizon, n_columns) columns beside the target, standardised, if there are any.
    """
    total = np.zeros((len(past), networks[0].config.horizon, len(QUANTILES)))
    for network in networks:
        config = network.config
        beside = None if x is None else x[:, -config.lookback - config.horizon :]
        found = forecast_past(newest(past, config.lookback), origin, use_log, config, network.weights, beside)
        total += network.share * np.where(use_log[:, None, None], np.maximum(found, 0.0), found)
    return total


def _blocks(n: int, config: NetworkConfig) -> Iterator[slice]:
    segments = config.decoded[0] if config.decoder != "direct" else 1
    states = max(config.tokens, segments) * 4 * config.units
    rows = config.horizon * (2 * config.ahead + CONTEXT + ROW_UNITS) if config.ahead else 0
    beside = 2 * (config.lookback + config.horizon) * len(config.inputs)  # twice, for double precision
    each = max(states, config.lookback * config.channels + beside, segments * config.recent, rows)
    size = max(1, BLOCK_NUMBERS // each)
    return (slice(begin, begin + size) for begin in range(0, n, size))


def residuals(features: Single, ahead: Single | None, config: NetworkConfig, weights: Weights) -> Single:
    """What the network adds to the seasonal naive forecast, (n, horizon, n_quantiles).

    Args:
        features: (n, lookback, channels); ahead: (n, horizon, `config.ahead`), None where that is nothing.
    """
    n = len(features)
    x = features
    if config.segment > 1:
        x = features.reshape(n, config.tokens, -1) @ weights["token.kernel"] + weights["token.bias"]
    for depth in range(config.layers):
        y = recurrent(x, config.cell, weights, f"{config.cell}_{depth}")  # (n, tokens, units)
        x = y + x if depth > 0 else y
    states = _decoded(x[:, -1], config, weights)  # (n, segments, units)
    segments = states.shape[1]
    recent = np.repeat(features[:, None, -config.recent :, 0], segments, axis=1)
    joined = np.concatenate([states, recent], axis=2)  # (n, segments, units + recent)
    hidden = np.maximum(joined @ weights["hidden.kernel"] + weights["hidden.bias"], 0)  # (n, segments, 2 * units)
    head = hidden @ weights["head.kernel"] + weights["head.bias"]  # (n, segments, rows)
    point = head.reshape(n, -1, 1)[:, : config.horizon]
    if ahead is not None:
        point = point + _of_rows(states, ahead, config, weights)
    doubt = np.maximum(joined @ weights["spread_hidden.kernel"] + weights["spread_hidden.bias"], 0)
    raw = doubt @ weights["spread.kernel"] + weights["spread.bias"]  # (n, segments, rows * (n_quantiles - 1))
    multiples = _softplus(raw).reshape(n, -1, len(QUANTILES) - 1)[:, : config.horizon]
    away = multiples * restlessness(features)
    below = point - np.cumsum(away[:, :, :MIDDLE], axis=2)[:, :, ::-1]
    return np.concatenate([below, point, point + np.cumsum(away[:, :, MIDDLE:], axis=2)], axis=2)


def _of_rows(states: Single, ahead: Single, config: NetworkConfig, weights: Weights) -> Single:
    """What the rows known ahead add, (n, horizon, 1): one small layer for all rows, and the state of each."""
    context = states @ weights["context.kernel"] + weights["context.bias"]  # (n, segments, CONTEXT)
    context = np.repeat(context, config.decoded[1], axis=1)[:, : config.horizon]
    joined = np.concatenate([ahead, context], axis=2)
    hidden = np.maximum(joined @ weights["row.kernel"] + weights["row.bias"], 0)  # (n, horizon, ROW_UNITS)
    return hidden @ weights["row_head.kernel"] + weights["row_head.bias"]


def _decoded(state: Single, config: NetworkConfig, weights: Weights) -> Single:
    """The states (n, segments, units) that the head reads, from the last one (n, units)."""
    if config.decoder == "direct":
        return state[:, None]
    n, units = state.shape
    segments, _ = config.decoded
    positions = np.repeat(weights["positions.table"][None], n, axis=0)  # (n, segments, units)
    if config.decoder == "sequence":
        return recurrent(positions, config.cell, weights, "decoder", state)
    many = np.repeat(state, segments, axis=0)
    one_step = recurrent(positions.reshape(-1, 1, units), config.cell, weights, "decoder", many)
    return one_step.reshape(n, segments, units)


def recurrent(x: Single, cell: str, weights: Weights, name: str, state: Single | None = None) -> Single:
    """All states (n, tokens, units) of one recurrent layer over `x` (n, tokens, size), from zeros or `state`."""
    kernel, recurrent_kernel = weights[f"{name}.kernel"], weights[f"{name}.recurrent_kernel"]
    bias = weights[f"{name}.bias"]
    inputs = x @ kernel + (bias[0] if cell == "gru" else bias)  # (n, tokens, gates * units)
    states = np.empty((*x.shape[:2], recurrent_kernel.shape[0]), np.float32)
    start = np.zeros_like(states[:, 0]) if state is None else state
    steps = {"gru": _gru, "lstm": _lstm, "rnn": _rnn}[cell](inputs, recurrent_kernel, bias, start)
    for step, reached in enumerate(steps):
        states[:, step] = reached
    return states


def _gru(inputs: Single, kernel: Single, bias: Single, h: Single) -> Iterator[Single]:
    """`h = z * h + (1 - z) * candidate`: an update gate z near 1 keeps the memory."""
    units = kernel.shape[0]
    for step in range(inputs.shape[1]):
        now, before = inputs[:, step], h @ kernel + bias[1]
        z = _sigmoid(now[:, :units] + before[:, :units])
        r = _sigmoid(now[:, units : 2 * units] + before[:, units : 2 * units])
        candidate = np.tanh(now[:, 2 * units :] + r * before[:, 2 * units :])
        h = z * h + (1 - z) * candidate
        yield h


def _lstm(inputs: Single, kernel: Single, bias: Single, h: Single) -> Iterator[Single]:  # noqa: ARG001 - in inputs
    c = np.zeros_like(h)
    for step in range(inputs.shape[1]):
        i, f, g, o = np.split(inputs[:, step] + h @ kernel, 4, axis=1)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        h = _sigmoid(o) * np.tanh(c)
        yield h


def _rnn(inputs: Single, kernel: Single, bias: Single, h: Single) -> Iterator[Single]:  # noqa: ARG001 - in inputs
    for step in range(inputs.shape[1]):
        h = np.tanh(inputs[:, step] + h @ kernel)
        yield h


def _softplus(x: Single) -> Single:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _sigmoid(x: Single) -> Single:
    return np.float32(0.5) * (np.tanh(np.float32(0.5) * x) + np.float32(1))

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
from gruforecast.data.windows import History, Windows
from gruforecast.models.networks.config import (
    BLOCKS,
    CONTEXT,
    MIDDLE,
    QUANTILES,
    ROW_UNITS,
    NetworkConfig,
    TrainingConfig,
)
from gruforecast.models.networks.features import decode, encode_windows, restlessness
from gruforecast.models.quantile_forecast import Fan

Single = NDArray[np.float32]
Weights = dict[str, Single]
BLOCK_NUMBERS = 1_000_000  # bounds the memory of one block: about 4 MB an array, which fits into a cache


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

    def forecast(self, history: History, windows: Windows, horizon: int, season_length: int) -> Fan:  # noqa: ARG002
        """Return the forecasts with quantiles; the season is that of the configuration."""
        return Fan.of(forecast(history, windows, self.config, self.weights)).first(horizon)


def needs_calendar(networks: Sequence[Network]) -> bool:
    """Whether a forecast of `networks` depends on stamps."""
    return any(network.config.calendar and network.config.periods for network in networks)


def weight_shapes(config: NetworkConfig) -> dict[str, tuple[int, ...]]:
    """Name and shape of each weight array that a network of this configuration has."""
    units, width = config.units, BLOCKS[config.cell] * config.units
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
        encoded = encode_windows(history, part, config)
        seen, encoded = encoded.single(), encoded._replace(features=None)  # which are large in double precision
        residual = residuals(*seen, config, weights)
        blocks.append(np.asarray(decode(residual.astype(np.float64), encoded, part.use_log & config.log)))
    return np.concatenate(blocks)


def _blocks(n: int, config: NetworkConfig) -> Iterator[slice]:
    segments = config.decoded[0] if config.decoder != "direct" else 1
    states = max(config.tokens, segments) * 2 * config.units
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
        x = _dense(features.reshape(n, config.tokens, -1), weights, "token")  # (n, tokens, units)
    x = np.ascontiguousarray(x.swapaxes(0, 1))  # (tokens, n, units or channels): a step reads what lies together
    for depth in range(config.layers):
        y = recurrent(x, config.cell, weights, f"{config.cell}_{depth}")  # (tokens, n, units)
        if depth > 0:
            y += x
        x = y
    states = _decoded(x[-1], config, weights)  # (n, segments, units)
    recent = np.broadcast_to(features[:, None, -config.recent :, 0], (*states.shape[:2], config.recent))
    joined = np.concatenate([states, recent], axis=2)  # (n, segments, units + recent)
    hidden = _positive(_dense(joined, weights, "hidden"))  # (n, segments, 2 * units)
    point = _dense(hidden, weights, "head").reshape(n, -1, 1)[:, : config.horizon]
    if ahead is not None:
        point = point + _of_rows(states, ahead, config, weights)
    doubt = _positive(_dense(joined, weights, "spread_hidden"))  # (n, segments, units)
    multiples = _softplus(_dense(doubt, weights, "spread"))  # (n, segments, rows * (n_quantiles - 1))
    away = multiples.reshape(n, -1, len(QUANTILES) - 1)[:, : config.horizon] * restlessness(features, config)
    below = point - np.cumsum(away[:, :, :MIDDLE], axis=2)[:, :, ::-1]
    return np.concatenate([below, point, point + np.cumsum(away[:, :, MIDDLE:], axis=2)], axis=2)


def _of_rows(states: Single, ahead: Single, config: NetworkConfig, weights: Weights) -> Single:
    """What the rows known ahead add, (n, horizon, 1): one small layer for all rows, and the state of each."""
    context = _dense(states, weights, "context")  # (n, segments, CONTEXT)
    context = np.repeat(context, config.decoded[1], axis=1)[:, : config.horizon]
    hidden = _positive(_dense(np.concatenate([ahead, context], axis=2), weights, "row"))  # (n, horizon, ROW_UNITS)
    return _dense(hidden, weights, "row_head")


def _decoded(state: Single, config: NetworkConfig, weights: Weights) -> Single:
    """The states (n, segments, units) that the head reads, from the last one (n, units)."""
    if config.decoder == "direct":
        return state[:, None]
    positions = weights["positions.table"]  # (segments, units)
    if config.decoder == "sequence":
        return recurrent(positions[:, None], config.cell, weights, "decoder", state).swapaxes(0, 1)
    return recurrent(positions[None], config.cell, weights, "decoder", state[:, None])[0]


def recurrent(x: Single, cell: str, weights: Weights, name: str, state: Single | None = None) -> Single:
    """All states (tokens, n, units) of one recurrent layer over `x` (tokens, n, size), from zeros or `state`.

    Inputs (tokens, 1, size) are those of all n, whose states may have one axis more, as long as they can be broadcast.
    """
    kernel, recurrent_kernel = weights[f"{name}.kernel"], weights[f"{name}.recurrent_kernel"]
    bias = weights[f"{name}.bias"]
    units = len(recurrent_kernel)
    h = np.zeros((*x.shape[1:-1], units), np.float32) if state is None else state
    states = np.empty((len(x), *np.broadcast_shapes(x.shape[1:-1], h.shape[:-1]), units), np.float32)
    memory = np.zeros_like(states[0]) if cell == "lstm" else None
    for rows, reached in zip(x, states, strict=True):  # one by one: what a step computes with stays in the cache
        inputs = _product(rows, kernel)  # (n, gates * units)
        inputs += bias[0] if cell == "gru" else bias
        before = _product(h, recurrent_kernel)  # (n, gates * units)
        if cell == "gru":
            before += bias[1]
            _gru(inputs, before, h, reached)
        elif memory is not None:
            _lstm(inputs + before, memory, reached)
        else:
            np.tanh(inputs + before, out=reached)
        h = reached
    return states


def _gru(inputs: Single, before: Single, h: Single, reached: Single) -> None:
    """`h = z * h + (1 - z) * candidate`: an update gate z near 1 keeps the memory."""
    units = h.shape[-1]
    gates = inputs[..., : 2 * units] + before[..., : 2 * units]
    _sigmoid(gates)
    z, r = gates[..., :units], gates[..., units:]
    candidate = np.multiply(r, before[..., 2 * units :], out=r)
    candidate += inputs[..., 2 * units :]
    np.tanh(candidate, out=candidate)
    np.multiply(z, h, out=reached)
    candidate *= np.subtract(1, z, out=z)
    reached += candidate


def _lstm(gates: Single, memory: Single, reached: Single) -> None:
    """`c = f * c + i * candidate`, in the place of the old memory cell `c`, and `h = o * tanh(c)`."""
    i, f, candidate, o = np.split(gates, 4, axis=-1)
    for gate in (i, f, o):
        _sigmoid(gate)
    memory *= f
    memory += np.multiply(i, np.tanh(candidate, out=candidate), out=i)
    np.multiply(o, np.tanh(memory), out=reached)


def _dense(x: Single, weights: Weights, name: str) -> Single:
    found = _product(x, weights[f"{name}.kernel"])
    found += weights[f"{name}.bias"]
    return found


def _product(x: Single, kernel: Single) -> Single:
    """`x` (…, size) times `kernel` as one product of two matrices; numpy multiplies a stack one by one."""
    return (x.reshape(-1, x.shape[-1]) @ kernel).reshape(*x.shape[:-1], kernel.shape[1])


def _positive(x: Single) -> Single:
    """The larger of `x` and zero, in its place."""
    return np.maximum(x, 0, out=x)


def _softplus(x: Single) -> Single:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _sigmoid(x: Single) -> None:
    """The logistic function, in the place of `x`."""
    x *= np.float32(0.5)
    np.tanh(x, out=x)
    x += np.float32(1)
    x *= np.float32(0.5)

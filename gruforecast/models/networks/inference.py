"""The forward pass of a network in numpy: every forecast of this package, scores included, is made here.

TensorFlow only trains and exports. So a score in the report and a later forecast come from the same code, and
forecasting needs no TensorFlow. Told to keep a trace, the same pass is what `explain` looks at and follows backwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Array, Floats, Single, Weights
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
from gruforecast.models.networks.recurrence import Trace, product, recurrent
from gruforecast.models.quantile_forecast import QuantileForecast

BLOCK_NUMBERS = 1_000_000  # bounds the memory of one block: about 4 MB an array, which fits into a cache
EMPTY = np.zeros((0, 0, 0))


@dataclass(frozen=True)
class Network:
    """A trained network, named as in the leaderboard, and its weight in the ensemble; those of all add up to one.

    Attributes:
        training: how to train it anew on all rows, None where that is not known.
    """

    name: str
    config: NetworkConfig
    weights: Weights
    weight: float = 1.0
    training: TrainingConfig | None = None

    def forecast(self, history: History, windows: Windows, horizon: int, season_length: int) -> QuantileForecast:  # noqa: ARG002
        """Return the forecasts with quantiles; the season is that of the configuration."""
        return QuantileForecast.of(forecast(history, windows, self.config, self.weights)).first(horizon)


def needs_calendar(networks: Sequence[Network]) -> bool:
    """Return whether a forecast of `networks` depends on stamps."""
    return any(network.config.calendar and network.config.periods for network in networks)


def weight_shapes(config: NetworkConfig) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of each weight array that a network of this configuration has."""
    units, size = config.units, config.channels
    width = BLOCKS[config.cell] * units
    bias = (2, width) if config.cell == "gru" else (width,)
    shapes: dict[str, tuple[int, ...]] = {}
    if config.segment > 1:
        shapes |= {"token.kernel": (config.segment * config.channels, units), "token.bias": (units,)}
        size = units
    for depth in range(config.layers):
        name = f"{config.cell}_{depth}"
        shapes |= {f"{name}.kernel": (size, width), f"{name}.recurrent_kernel": (units, width), f"{name}.bias": bias}
        size = units
    segments, rows = config.decoded
    if config.decoder != "direct":
        shapes |= {
            "positions.table": (segments, units),
            "decoder.kernel": (units, width),
            "decoder.recurrent_kernel": (units, width),
            "decoder.bias": bias,
        }
    dense = {  # size of the input and of the output
        "hidden": (units + config.recent, 2 * units),
        "head": (2 * units, rows),
        "spread_hidden": (units + config.recent, units),
        "spread": (units, rows * (len(QUANTILES) - 1)),
    }
    if config.future_channels:
        dense |= {
            "context": (units, CONTEXT),
            "row": (config.future_channels + CONTEXT, ROW_UNITS),
            "row_head": (ROW_UNITS, 1),
        }
    for name, kernel in dense.items():
        shapes |= {f"{name}.kernel": kernel, f"{name}.bias": kernel[1:]}
    return shapes


def digest_of(weights: Weights) -> str:
    """Return the SHA-256 over names, shapes and bytes of the weights, in the order of their names."""
    total = hashlib.sha256()
    for name in sorted(weights):
        total.update(f"{name}{weights[name].shape}".encode())
        total.update(np.ascontiguousarray(weights[name]).tobytes())
    return total.hexdigest()


def forecast(history: History, windows: Windows, config: NetworkConfig, weights: Weights) -> Floats:
    """Return the quantiles (n, horizon, n_quantiles) in the user's unit; only one block is gathered at a time."""
    blocks = [np.zeros((0, config.horizon, len(QUANTILES)))]
    for block in _blocks(len(windows), config):
        part = windows[block]
        encoded = encode_windows(history, part, config)
        seen, encoded = encoded.single(), encoded._replace(features=EMPTY)  # which are large in double precision
        blocks.append(decode(residuals(*seen, config, weights).astype(np.float64), encoded, part.use_log & config.log))
    return np.concatenate(blocks)


def _blocks(n: int, config: NetworkConfig) -> Iterator[slice]:
    segments = config.decoded[0] if config.decoder != "direct" else 1
    states = max(config.tokens, segments) * 2 * config.units
    rows = config.horizon * (2 * config.future_channels + CONTEXT + ROW_UNITS) if config.future_channels else 0
    covariates = 2 * (config.lookback + config.horizon) * len(config.inputs)  # twice, for double precision
    each = max(states, config.lookback * config.channels + covariates, segments * config.recent, rows)
    size = max(1, BLOCK_NUMBERS // each)
    return (slice(begin, begin + size) for begin in range(0, n, size))


def residuals(
    features: Array, future: Array | None, config: NetworkConfig, weights: Weights, trace: Trace | None = None
) -> Single:
    """Return what the network adds to the seasonal naive forecast, (n, horizon, n_quantiles).

    Args:
        features: (n, lookback, channels); future: (n, horizon, `config.future_channels`), None where that is nothing.
        trace: is filled with what the network does on the way.
    """
    n = len(features)
    x = features = features.astype(np.float32, copy=False)
    if config.segment > 1:
        x = _dense(features.reshape(n, config.tokens, -1), weights, "token")  # (n, tokens, units)
    x = np.ascontiguousarray(x.swapaxes(0, 1))  # (tokens, n, units or channels): a step reads what lies together
    for depth in range(config.layers):
        y = recurrent(x, config.cell, weights, f"{config.cell}_{depth}", trace=trace)  # (tokens, n, units)
        x = np.add(y, x, out=y if trace is None else None) if depth > 0 else y  # a trace holds the states themselves
    states = _decoded(x[-1], config, weights, trace)  # (n, segments, units)
    recent = np.broadcast_to(features[:, None, -config.recent :, 0], (*states.shape[:2], config.recent))
    joined = np.concatenate([states, recent], axis=2)  # (n, segments, units + recent)
    hidden = _hidden(joined, weights, "hidden", trace)  # (n, segments, 2 * units)
    point = _dense(hidden, weights, "head").reshape(n, -1, 1)[:, : config.horizon]
    if future is not None:
        point = point + _of_rows(states, future.astype(np.float32, copy=False), config, weights, trace)
    doubt = _hidden(joined, weights, "spread_hidden", trace)  # (n, segments, units)
    spread = _dense(doubt, weights, "spread")  # (n, segments, rows * (n_quantiles - 1))
    multiples = np.maximum(spread, 0) + np.log1p(np.exp(-np.abs(spread)))  # softplus
    away = multiples.reshape(n, -1, len(QUANTILES) - 1)[:, : config.horizon] * restlessness(features, config)
    below = point - np.cumsum(away[:, :, :MIDDLE], axis=2)[:, :, ::-1]
    return np.concatenate([below, point, point + np.cumsum(away[:, :, MIDDLE:], axis=2)], axis=2)


def _of_rows(states: Single, future: Single, config: NetworkConfig, weights: Weights, trace: Trace | None) -> Single:
    """Return what known rows of the horizon add, (n, horizon, 1): a small layer for all rows, and the state of each."""
    context = _dense(states, weights, "context")  # (n, segments, CONTEXT)
    context = np.repeat(context, config.decoded[1], axis=1)[:, : config.horizon]
    hidden = _hidden(np.concatenate([future, context], axis=2), weights, "row", trace)  # (n, horizon, ROW_UNITS)
    return _dense(hidden, weights, "row_head")


def _decoded(state: Single, config: NetworkConfig, weights: Weights, trace: Trace | None) -> Single:
    """Return the states (n, segments, units) that the head reads, from the last one (n, units)."""
    if config.decoder == "direct":
        return state[:, None]
    positions = weights["positions.table"]  # (segments, units)
    if config.decoder == "sequence":
        return recurrent(positions[:, None], config.cell, weights, "decoder", state, trace).swapaxes(0, 1)
    return recurrent(positions[None], config.cell, weights, "decoder", state[:, None], trace)[0]


def _dense(x: Single, weights: Weights, name: str) -> Single:
    y = product(x, weights[f"{name}.kernel"])
    y += weights[f"{name}.bias"]
    return y


def _hidden(x: Single, weights: Weights, name: str, trace: Trace | None) -> Single:
    """Return a layer of which only what is above zero goes on."""
    y = _dense(x, weights, name)
    np.maximum(y, 0, out=y)
    if trace is not None:
        trace.open[name] = y > 0
    return y

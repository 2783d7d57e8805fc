"""From a window of raw numbers to what a network sees, and from what it says back to the user's unit.

Nothing is fitted on data outside the window, so nothing can leak. The same few lines run on numpy (prediction without
TensorFlow) and, with `xp=keras.ops`, inside the compiled training step and the exported graph.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gruforecast.config import NetworkConfig

CHANNELS = 4  # value, mask, seasonal difference, first difference
TARGET_CLIP = 20.0  # targets further than this from the base would drown the loss


class Encoded(NamedTuple):
    """One batch of encoded windows.

    Attributes:
        features: (n, lookback, 4) normalised value, mask, seasonal difference, first difference.
        base: (n, horizon) seasonal naive forecast in normalised units; the network adds to it.
        level: (n, 1) what was subtracted; unit: (n, 1) what was divided by.
    """

    features: Any
    base: Any
    level: Any
    unit: Any


def encode(past: Any, use_log: Any, config: NetworkConfig, xp: Any = np, log_unit: Any = None) -> Encoded:
    """The network's view of raw windows.

    Args:
        past: (n, lookback) float64 in the user's unit, NaN = missing.
        use_log: (n,) whether to take logarithms; every observed value must be positive where it is true.
        log_unit: divisor of logged values where it is a tensor; by default that of `config`.
    """
    log_unit = config.log_unit if log_unit is None else log_unit
    seen = xp.logical_not(xp.isnan(past))
    mask = xp.where(seen, xp.ones_like(past), xp.zeros_like(past))
    values = xp.where(seen, past, xp.zeros_like(past))  # before any arithmetic: NaN * 0 is NaN
    logged = xp.log(xp.where(xp.logical_and(use_log[:, None], seen), past, xp.ones_like(past)))
    z = xp.where(use_log[:, None], logged, values)
    level = _level(z, mask, config.season_length, xp)  # (n, 1)
    unit = xp.where(use_log[:, None], log_unit * xp.ones_like(level), _spread(z, mask, xp))
    x = (z - level) / unit * mask
    channels = [x, mask, _difference(x, mask, config.season_length, xp), _difference(x, mask, 1, xp)]
    base = _seasonal_base(x, mask, config, xp)
    return Encoded(xp.stack(channels, axis=-1), base, level, unit)  # features: (n, lookback, 4)


def encode_target(future: Any, use_log: Any, encoded: Encoded, xp: Any = np) -> tuple[Any, Any]:
    """What the network should add to the base, and its mask, both (n, horizon).

    The mask is 0 for missing targets and for windows whose past holds no value at all.
    """
    seen = xp.logical_not(xp.isnan(future))
    values = xp.where(seen, future, xp.ones_like(future))
    z = xp.where(use_log[:, None], xp.log(xp.where(use_log[:, None], values, xp.ones_like(values))), values)
    target = xp.clip((z - encoded.level) / encoded.unit - encoded.base, -TARGET_CLIP, TARGET_CLIP)
    known = xp.max(encoded.features[:, :, 1], axis=1, keepdims=True) > 0  # (n, 1)
    return target, xp.where(xp.logical_and(seen, known), xp.ones_like(target), xp.zeros_like(target))


def decode(residual: Any, encoded: Encoded, use_log: Any, xp: Any = np) -> Any:
    """Forecasts (n, horizon, n_levels) in the user's unit from the network's output of the same shape."""
    z = (encoded.base[:, :, None] + residual) * encoded.unit[:, :, None] + encoded.level[:, :, None]
    flag = use_log[:, None, None]
    return xp.where(flag, xp.exp(xp.minimum(xp.where(flag, z, xp.zeros_like(z)), 700.0)), z)


def _level(z: Any, mask: Any, season_length: int, xp: Any) -> Any:
    """Mean of the last season (of the last three rows when there is none), of the whole window if that is missing."""
    span = season_length if season_length > 1 else 3
    recent = xp.sum(mask[:, -span:], axis=1, keepdims=True)
    total = xp.sum(mask, axis=1, keepdims=True)
    near = xp.sum((z * mask)[:, -span:], axis=1, keepdims=True) / xp.maximum(recent, 1.0)
    whole = xp.sum(z * mask, axis=1, keepdims=True) / xp.maximum(total, 1.0)
    return xp.where(recent > 0, near, whole)


def _spread(z: Any, mask: Any, xp: Any) -> Any:
    """Standard deviation of the window, (n, 1); never below a thousandth of its size, 1 for a window of zeros."""
    total = xp.maximum(xp.sum(mask, axis=1, keepdims=True), 1.0)
    mean = xp.sum(z * mask, axis=1, keepdims=True) / total
    deviation = xp.sqrt(xp.sum(mask * (z - mean) ** 2, axis=1, keepdims=True) / total)
    size = xp.sum(xp.abs(z) * mask, axis=1, keepdims=True) / total
    spread = xp.maximum(deviation, 1e-3 * size)
    return xp.where(spread > 0, spread, xp.ones_like(spread))


def _difference(x: Any, mask: Any, lag: int, xp: Any) -> Any:
    """`x[t] - x[t - lag]`, zero where either is missing."""
    if lag >= x.shape[1]:
        return xp.zeros_like(x)
    both = mask[:, lag:] * mask[:, :-lag]
    return xp.concatenate([xp.zeros_like(x[:, :lag]), (x[:, lag:] - x[:, :-lag]) * both], axis=1)


def _seasonal_base(x: Any, mask: Any, config: NetworkConfig, xp: Any) -> Any:
    """Last observed value of each phase of the season, repeated over the horizon; the level where none was seen."""
    m, lookback = config.season_length, config.lookback
    seasons = lookback // m
    shape = (-1, seasons, m)
    values = xp.reshape(x[:, lookback - seasons * m :], shape)
    rank = xp.reshape(mask[:, lookback - seasons * m :], shape) * np.arange(1.0, seasons + 1)[None, :, None]
    latest = xp.max(rank, axis=1, keepdims=True)  # (n, 1, m)
    picked = xp.where(xp.logical_and(rank == latest, rank > 0), values, xp.zeros_like(values))
    last = xp.sum(picked, axis=1)  # (n, m)
    return xp.tile(last, (1, -(-config.horizon // m)))[:, : config.horizon]  # (n, horizon)

"""From a window of raw numbers to what a network sees, and from what it says back to the user's unit.

Nothing is fitted on data outside the window, so nothing can leak. The same few lines run on numpy (prediction without
TensorFlow) and, with `xp=keras.ops`, inside the compiled training step and the exported graph.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gruforecast.arrays import Array, ArrayModule, Bools, Floats, Ints, Number, Single
from gruforecast.data.windows import History, Windows
from gruforecast.models.networks.config import NetworkConfig
from gruforecast.models.networks.covariates import future_channels, views

LOG_SCALE, ZERO_SCALE = 1e-6, 0.1  # see `_scale`
MIN_RESTLESS = 0.01  # of a normalised window
MIN_SPREAD = 0.1  # of a logged window, in units of the panel's: flatter ones would be all noise
MAX_LOG = 300.0  # logged values above this would become infinite
AVERAGED_SEASONS = 3
TREND_ROWS, DAMPING = 12, 0.9  # a trend loses a tenth of its slope with each row
TARGET_CLIP = 20.0  # targets further than this from the base would drown the loss


class Features(NamedTuple):
    """One batch of encoded windows.

    Attributes:
        features: (n, lookback, channels) normalised value, mask, seasonal difference, first difference, calendar.
        base: (n, horizon) seasonal naive forecast in normalised units; the network adds to it.
        level: (n, 1) what was subtracted; unit: (n, 1) what was divided by.
        scale: (n, 1) where the logarithmic scale turns into a linear one.
        future: (n, horizon, `config.future_channels`) what is known of the horizon; None if nothing is.
    """

    features: Floats
    base: Floats
    level: Floats
    unit: Floats
    scale: Floats
    future: Floats | None

    def single(self) -> tuple[Single, Single | None]:
        """Return `features` and `future` in single precision, in which networks compute."""
        return self.features.astype(np.float32), None if self.future is None else self.future.astype(np.float32)


class Knobs(NamedTuple):
    """What may change without compiling a network anew; see `NetworkConfig`. Tensors in the compiled step."""

    log_unit: Number
    own_spread: Number
    averaged: Number
    trend: Number
    calendar: Number
    future: Number
    all: Number

    @classmethod
    def of(cls, config: NetworkConfig) -> Knobs:
        """Return the knobs of a configuration."""
        flags = float(config.calendar), float(config.use_inputs != "none"), float(config.use_inputs == "all")
        return cls(config.log_unit, config.own_spread, config.averaged, config.trend, *flags)


def encode(
    past: Floats,
    origin: Floats,
    use_log: Bools,
    config: NetworkConfig,
    xp: ArrayModule = np,
    knobs: Knobs | None = None,
    covariates: Floats | None = None,
) -> Features:
    """Return the network's view of raw windows.

    Args:
        past: (n, lookback) float64 in the user's unit, NaN = missing.
        origin: (n,) stamp of the last row in days since 1970-01-01; or (n, n_periods), the share of each period of the
            calendar that is gone by then, for graphs whose numbers are too short for days.
        use_log: (n,) whether to take logarithms; no observed value may be negative where it is true.
        knobs: by default those of `config`.
        covariates: (n, lookback + horizon, n_columns) standardised, if there are any.
    """
    log_unit, own_spread, averaged, trend, calendar, use_future, use_all = knobs or Knobs.of(config)
    seen = xp.logical_not(xp.isnan(past))
    mask = xp.where(seen, xp.ones_like(past), xp.zeros_like(past))
    values = xp.where(seen, past, xp.zeros_like(past))  # before any arithmetic: NaN * 0 is NaN
    scale, positive = _scale(values, mask, xp)  # (n, 1)
    z = xp.where(use_log[:, None], xp.arcsinh(values / scale), values)
    level = _level(z, mask, config.season_length, xp)  # (n, 1)
    logged = xp.logical_and(use_log[:, None], positive)
    deviation = _deviation(z, mask, xp)  # (n, 1)
    own = xp.maximum(deviation / log_unit, MIN_SPREAD)
    unit = xp.where(logged, log_unit * own**own_spread, _spread(z, mask, deviation, xp))
    x = (z - level) / unit * mask
    channels = [x, mask, _difference(x, mask, config.season_length, xp), _difference(x, mask, 1, xp)]
    before, after = np.arange(1.0 - config.lookback, 1.0), np.arange(1.0, config.horizon + 1)
    channels += [calendar * phase for phase in _phases(origin, before, config, xp)]
    phases = [calendar * phase for phase in _phases(origin, after, config, xp)]
    base = _seasonal_base(x, mask, config, averaged, xp)
    if config.season_length == 1:
        base = base + trend * _damped_trend(x, mask, config, xp)
    shown = views(covariates, (use_future, use_all), config, xp)
    features = xp.concatenate([xp.stack(channels, axis=-1), *shown.past], axis=2)
    return Features(features, base, level, unit, scale, future_channels(shown, phases, config, xp))


def encode_windows(history: History, windows: Windows, config: NetworkConfig) -> Features:
    """Return the network's view of windows of a history."""
    past, flags = history.past(windows, config.lookback), windows.use_log & config.log
    covariates = history.covariates(windows, config.lookback, config.horizon) if config.inputs else None
    return encode(past, history.origin(windows), flags, config, covariates=covariates)


def encode_target(future: Floats, use_log: Bools, encoded: Features, xp: ArrayModule = np) -> tuple[Floats, Floats]:
    """Return what the network should add to the base, and its mask, both (n, horizon).

    The mask is 0 for missing targets and for windows whose past holds no value at all.
    """
    seen = xp.logical_not(xp.isnan(future))
    values = xp.where(seen, future, xp.zeros_like(future))
    z = xp.where(use_log[:, None], xp.arcsinh(values / encoded.scale), values)
    target = xp.clip((z - encoded.level) / encoded.unit - encoded.base, -TARGET_CLIP, TARGET_CLIP)
    known = xp.max(encoded.features[:, :, 1], axis=1, keepdims=True) > 0  # (n, 1)
    return target, xp.where(xp.logical_and(seen, known), xp.ones_like(target), xp.zeros_like(target))


def decode(residual: Floats, encoded: Features, use_log: Bools, xp: ArrayModule = np) -> Floats:
    """Return the quantiles (n, horizon, n_quantiles) in the user's unit from the network's output of the same shape."""
    z = (encoded.base[:, :, None] + residual) * encoded.unit[:, :, None] + encoded.level[:, :, None]
    flag = use_log[:, None, None]
    inside = xp.clip(xp.where(flag, z, xp.zeros_like(z)), 0.0, MAX_LOG)  # below 0 the value would be negative
    return xp.where(flag, encoded.scale[:, :, None] * xp.sinh(inside), z)


def restlessness(features: Array, config: NetworkConfig, xp: ArrayModule = np) -> Array:
    """Return the mean absolute seasonal difference (n, 1, 1), over pairs of rows that are both seen; 1 without any."""
    lag, difference = config.season_length, xp.abs(features[:, :, 2])
    count = xp.sum(features[:, lag:, 1] * features[:, :-lag, 1], axis=1)  # (n,)
    mean = xp.sum(difference, axis=1) / xp.maximum(count, 1.0)
    return xp.where(count > 0, xp.maximum(mean, MIN_RESTLESS), xp.ones_like(mean))[:, None, None]


def _phases(origin: Floats, steps: Floats, config: NetworkConfig, xp: ArrayModule) -> list[Floats]:
    """Return sine and cosine (n, n_steps) of the phase in each period of the calendar, `steps` after the last row."""
    if len(origin.shape) > 1:
        gone = [np.mod(steps * config.step_days / period, 1.0) for period in config.periods]
        angles = [(origin[:, k, None] + gone[k]) * (2 * np.pi) for k in range(len(gone))]
        return [wave for angle in angles for wave in (xp.sin(angle), xp.cos(angle))]
    where: slice | Ints = slice(None)
    if xp is np:  # series mostly end together, and sines are dear
        origin, where = np.unique(origin, return_inverse=True)
    days = origin[:, None] + steps * config.step_days
    angles = [(days / period - xp.floor(days / period)) * (2 * np.pi) for period in config.periods]
    return [wave[where] for angle in angles for wave in (xp.sin(angle), xp.cos(angle))]


def _scale(values: Floats, mask: Floats, xp: ArrayModule) -> tuple[Floats, Bools]:
    """Return the divisor before the inverse hyperbolic sine, a logarithm far above it, and a flag, both (n, 1).

    Windows of positive values (the flag) are logged in practice; others get a scale that is linear near zero.
    """
    size = xp.sum(xp.abs(values), axis=1, keepdims=True) / xp.maximum(xp.sum(mask, axis=1, keepdims=True), 1.0)
    least = xp.min(xp.where(mask > 0, values, xp.ones_like(values) * float("inf")), axis=1, keepdims=True)
    scale = size * xp.where(least > 0, LOG_SCALE * xp.ones_like(size), ZERO_SCALE * xp.ones_like(size))
    return xp.where(scale > 0, scale, xp.ones_like(scale)), least > 0


def _level(z: Floats, mask: Floats, season_length: int, xp: ArrayModule) -> Floats:
    """Return the mean of the last season (the last three rows without one), of the whole window if that is missing."""
    span = season_length if season_length > 1 else 3
    recent = xp.sum(mask[:, -span:], axis=1, keepdims=True)
    total = xp.sum(mask, axis=1, keepdims=True)
    near = xp.sum((z * mask)[:, -span:], axis=1, keepdims=True) / xp.maximum(recent, 1.0)
    whole = xp.sum(z * mask, axis=1, keepdims=True) / xp.maximum(total, 1.0)
    return xp.where(recent > 0, near, whole)


def _deviation(z: Floats, mask: Floats, xp: ArrayModule) -> Floats:
    """Return the standard deviation of the window, (n, 1)."""
    total = xp.maximum(xp.sum(mask, axis=1, keepdims=True), 1.0)
    mean = xp.sum(z * mask, axis=1, keepdims=True) / total
    return xp.sqrt(xp.sum(mask * (z - mean) ** 2, axis=1, keepdims=True) / total)


def _spread(z: Floats, mask: Floats, deviation: Floats, xp: ArrayModule) -> Floats:
    """Return the deviation (n, 1), but never below a thousandth of the window's size; 1 for a window of zeros."""
    total = xp.maximum(xp.sum(mask, axis=1, keepdims=True), 1.0)
    size = xp.sum(xp.abs(z) * mask, axis=1, keepdims=True) / total
    spread = xp.maximum(deviation, 1e-3 * size)
    return xp.where(spread > 0, spread, xp.ones_like(spread))


def _difference(x: Floats, mask: Floats, lag: int, xp: ArrayModule) -> Floats:
    """Return `x[t] - x[t - lag]`, zero where either is missing."""
    if lag >= x.shape[1]:
        return xp.zeros_like(x)
    both = mask[:, lag:] * mask[:, :-lag]
    return xp.concatenate([xp.zeros_like(x[:, :lag]), (x[:, lag:] - x[:, :-lag]) * both], axis=1)


def _seasonal_base(x: Floats, mask: Floats, config: NetworkConfig, averaged: Number, xp: ArrayModule) -> Floats:
    """Return one season repeated over the horizon, (n, horizon).

    It is the last observed value of each phase, or, with the share `averaged`, the mean distance of that phase from
    the level of its season over the last `AVERAGED_SEASONS`; the level where a phase was never seen.
    """
    m, lookback = config.season_length, config.lookback
    seasons = lookback // m
    shape = (-1, seasons, m)
    values = xp.reshape(x[:, lookback - seasons * m :], shape)
    known = xp.reshape(mask[:, lookback - seasons * m :], shape)
    rank = known * np.arange(1.0, seasons + 1)[None, :, None]
    latest = xp.max(rank, axis=1, keepdims=True)  # (n, 1, m)
    picked = xp.where(xp.logical_and(rank == latest, rank > 0), values, xp.zeros_like(values))
    last = xp.sum(picked, axis=1)  # (n, m)
    season = last + averaged * (_profile(values[:, -AVERAGED_SEASONS:], known[:, -AVERAGED_SEASONS:], xp) - last)
    return xp.tile(season, (1, -(-config.horizon // m)))[:, : config.horizon]  # (n, horizon)


def _damped_trend(x: Floats, mask: Floats, config: NetworkConfig, xp: ArrayModule) -> Floats:
    """Return the mean step of the newest `TREND_ROWS`, going on ever more slowly, (n, horizon)."""
    steps = _difference(x, mask, 1, xp)[:, -TREND_ROWS:]
    pairs = (mask[:, 1:] * mask[:, :-1])[:, -TREND_ROWS:]
    slope = xp.sum(steps, axis=1, keepdims=True) / xp.maximum(xp.sum(pairs, axis=1, keepdims=True), 1.0)
    return slope * np.cumsum(DAMPING ** np.arange(1.0, config.horizon + 1))[None]


def _profile(values: Floats, known: Floats, xp: ArrayModule) -> Floats:
    """Return the mean distance (n, m) of each phase from the mean of its season, over seasons (n, k, m).

    Seasons that were seen in part count only where none was seen whole: their mean is that of other phases.
    """
    whole = xp.min(known, axis=2, keepdims=True)  # (n, k, 1)
    some = xp.max(whole, axis=1, keepdims=True)  # (n, 1, 1)
    known = known * (whole * some + (1.0 - some))
    mean = xp.sum(values * known, axis=2, keepdims=True) / xp.maximum(xp.sum(known, axis=2, keepdims=True), 1.0)
    distance = xp.sum((values - mean) * known, axis=1)
    return distance / xp.maximum(xp.sum(known, axis=1), 1.0)

"""Models without learning as a few lines of graph; tests hold them against `models.naive` and `models.baselines`.

All take `y` (batch, time) in the user's unit, NaN = missing, with one value or more in each series.
"""

from __future__ import annotations

import tensorflow as tf

from gruforecast.artifact.export.theta import theta

SEASONS_BACK = 4  # in which the seasonal naive forecast looks for a value


def naive(y: tf.Tensor, horizon: int, season_length: int) -> tf.Tensor:  # noqa: ARG001
    """Return the last value, repeated, (batch, horizon)."""
    return tf.repeat(_at(y, _last(y))[:, None], horizon, axis=1)


def seasonal_naive(y: tf.Tensor, horizon: int, season_length: int) -> tf.Tensor:
    """Return the last observed value of the phase of the season; the last value where there is none."""
    rows = _newest(y, SEASONS_BACK * season_length)
    value = naive(y, season_length, 1)
    for k in range(SEASONS_BACK):
        past = rows[:, k * season_length : (k + 1) * season_length]  # (batch, season)
        value = tf.where(tf.math.is_nan(past), value, _clean(past))
    return tf.tile(value, (1, -(-horizon // season_length)))[:, :horizon]


def drift(y: tf.Tensor, horizon: int, season_length: int) -> tf.Tensor:  # noqa: ARG001
    """Return the line through the first and the last value."""
    time, last = _time(y), _last(y)
    first = time - tf.reduce_max(_seen(y) * (time - _rows(y)), axis=1)
    level = _at(y, last)
    slope = (level - _at(y, first)) / tf.maximum(last - first, 1.0)
    steps = (time - last)[:, None] + tf.range(horizon, dtype=y.dtype)
    return level[:, None] + slope[:, None] * steps


def window_mean(y: tf.Tensor, horizon: int, season_length: int) -> tf.Tensor:
    """Return the mean of the last season, or of as many rows as the horizon has when there is no season."""
    past = _newest(y, season_length if season_length > 1 else horizon)
    count = tf.reduce_sum(_seen(past), axis=1)
    mean = tf.reduce_sum(_clean(past), axis=1) / tf.maximum(count, 1.0)
    return tf.repeat(tf.where(count > 0, mean, _at(y, _last(y)))[:, None], horizon, axis=1)


def _clean(y: tf.Tensor) -> tf.Tensor:
    return tf.where(tf.math.is_nan(y), tf.zeros_like(y), y)


def _seen(y: tf.Tensor) -> tf.Tensor:
    """Return 1 where there is a value, 0 where not; a number, as converters turn other conditions into products."""
    return 1.0 - tf.cast(tf.math.is_nan(y), y.dtype)


def _time(y: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.shape(y)[1], y.dtype)


def _rows(y: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.range(tf.shape(y)[1]), y.dtype)


def _last(y: tf.Tensor) -> tf.Tensor:
    """Return the row of the newest value, (batch,)."""
    return tf.reduce_max(_seen(y) * (_rows(y) + 1.0), axis=1) - 1.0


def _at(y: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
    """Return the value in one row of each series, (batch,)."""
    return tf.reduce_sum(_clean(y) * tf.cast(tf.equal(_rows(y), row[:, None]), y.dtype), axis=1)


def _newest(y: tf.Tensor, rows: int) -> tf.Tensor:
    """Return the newest rows, with NaN in front where there are fewer, (batch, rows)."""
    padded = tf.pad(y, [(0, 0), (rows, 0)], constant_values=float("nan"))
    return tf.ensure_shape(padded[:, -rows:], (None, rows))


SIMPLE = {"naive": naive, "seasonal-naive": seasonal_naive, "drift": drift, "window-mean": window_mean, "theta": theta}

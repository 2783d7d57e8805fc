"""The Theta method as a graph: step by step what `models.baselines.theta` does, which tests hold it against."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from gruforecast.models.baselines import THETA_ROWS

COARSE, FINE = np.linspace(0.02, 0.98, 17), np.linspace(-0.06, 0.06, 13)


def theta(y: tf.Tensor, horizon: int, season_length: int) -> tf.Tensor:
    """Return the forecasts (batch, horizon) of `y` (batch, time), NaN = missing."""
    m = season_length
    filled, inside = _filled(y[:, -max(THETA_ROWS, 20 * m) :], m)  # (batch, time) each, time a multiple of the season
    multiply = tf.reduce_min(tf.where(inside > 0, filled, tf.ones_like(filled)), axis=1, keepdims=True) > 0
    indices = _indices(filled, inside, multiply, m) if m > 1 else tf.cast(multiply, y.dtype)  # (batch, season)
    seasons = tf.ones_like(tf.reshape(filled, (-1, tf.shape(filled)[1] // m, m)))
    season = tf.reshape(indices[:, None] * seasons, tf.shape(filled))
    future = tf.tile(indices, (1, -(-horizon // m)))[:, :horizon]
    flat = tf.where(multiply, filled / tf.where(multiply, season, tf.ones_like(season)), filled - season)
    time, steps = _rows(filled), tf.range(horizon, dtype=y.dtype)
    intercept, slope = _line(flat, inside, time)
    level = _smoothed(inside * (2.0 * flat - intercept - slope * time), inside)
    ahead = tf.cast(tf.shape(filled)[1], y.dtype) + steps
    forecast = 0.5 * (level + intercept + slope * ahead)
    return tf.where(multiply, forecast * future, forecast + future)


def _filled(y: tf.Tensor, m: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Return each row's newest value, 0 before the first, and 1 from the first on; two seasons or more of rows."""
    rows = tf.shape(y)[1]
    front = tf.math.floormod(-rows, m) + 2 * m
    y = tf.pad(y, [(0, 0), (front, 0)], constant_values=float("nan"))
    inside = 1.0 - tf.cast(tf.math.is_nan(y), y.dtype)
    filled, shift = tf.where(tf.math.is_nan(y), tf.zeros_like(y), y), 1
    while shift < max(THETA_ROWS, 20 * m) + 3 * m:  # a gap of any length is closed by doubled steps
        before = [tf.pad(one, [(0, 0), (shift, 0)])[:, : tf.shape(one)[1]] for one in (filled, inside)]
        filled = tf.where(inside > 0, filled, before[0])
        inside = tf.maximum(inside, before[1])
        shift *= 2
    return filled, inside


def _indices(filled: tf.Tensor, inside: tf.Tensor, multiply: tf.Tensor, m: int) -> tf.Tensor:
    """Return the seasonal indices (batch, m), those that change nothing where no season is found."""
    width = m if m % 2 else m + 1
    weights, half = np.ones(width) / m, width // 2
    if m % 2 == 0:
        weights[[0, -1]] /= 2
    whole = tf.shape(filled)[1] - width + 1
    centre = tf.add_n([weights[k] * filled[:, k : whole + k] for k in range(width)])
    edge = [(0, 0), (half, half)]
    centre, known = tf.pad(centre, edge), tf.pad(inside[:, :whole], edge)
    ratio = tf.where(multiply, filled / tf.where(tf.equal(centre, 0.0), tf.ones_like(centre), centre), filled - centre)
    seasons = (-1, tf.shape(filled)[1] // m, m)
    count = tf.reduce_sum(tf.reshape(known, seasons), axis=1)
    indices = tf.reduce_sum(tf.reshape(known * ratio, seasons), axis=1) / tf.maximum(count, 1.0)  # (batch, m)
    mean = tf.reduce_mean(indices, axis=1, keepdims=True)
    scaled = indices / tf.where(tf.equal(mean, 0.0), tf.ones_like(mean), mean)
    indices = tf.where(multiply, scaled, indices - mean)
    sound = tf.reduce_min(indices, axis=1, keepdims=True) > 1e-3
    rows = tf.reduce_sum(inside, axis=1, keepdims=True)
    use = _seasonal(filled, inside, m) & (sound | ~multiply) & (rows >= 2.0 * m)
    return tf.where(use, indices, tf.cast(multiply, filled.dtype))


def _seasonal(filled: tf.Tensor, inside: tf.Tensor, m: int) -> tf.Tensor:
    """Return whether the autocorrelation at lag m says that there is a season, (batch, 1)."""
    count = tf.maximum(tf.reduce_sum(inside, axis=1, keepdims=True), 1.0)
    x = inside * (filled - tf.reduce_sum(filled, axis=1, keepdims=True) / count)
    power = tf.maximum(tf.reduce_sum(x * x, axis=1, keepdims=True), 1e-300)
    lags = [tf.reduce_sum(x[:, lag:] * x[:, :-lag], axis=1, keepdims=True) / power for lag in range(1, m + 1)]
    bound = 1.645 * tf.sqrt((1.0 + 2.0 * tf.add_n([one * one for one in lags[:-1]])) / count)
    return tf.abs(lags[-1]) > bound


def _line(values: tf.Tensor, inside: tf.Tensor, time: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return intercept and slope of least squares over the rows inside, (batch, 1) each."""
    count = tf.reduce_sum(inside, axis=1, keepdims=True)
    mean_t = tf.reduce_sum(inside * time, axis=1, keepdims=True) / count
    mean_y = tf.reduce_sum(inside * values, axis=1, keepdims=True) / count
    centred = inside * (time - mean_t)
    spread = tf.reduce_sum(centred * centred, axis=1, keepdims=True)
    slope = tf.reduce_sum(centred * values, axis=1, keepdims=True) / tf.where(spread > 0, spread, tf.ones_like(spread))
    return mean_y - slope * mean_t, slope


def _smoothed(values: tf.Tensor, inside: tf.Tensor) -> tf.Tensor:
    """Return the last level (batch, 1) of exponential smoothing at the rate of least one-step errors."""
    coarse = tf.constant(COARSE[None], values.dtype) + tf.zeros_like(values[:, :1])
    errors, _ = _filter(values, inside, coarse)
    rates = tf.clip_by_value(_chosen(coarse, errors) + tf.constant(FINE[None], values.dtype), 0.005, 0.995)
    errors, level = _filter(values, inside, rates)
    return _chosen(level, errors)


def _chosen(values: tf.Tensor, errors: tf.Tensor) -> tf.Tensor:
    """Return the value (batch, 1) where the error is least."""
    best = tf.one_hot(tf.argmin(errors, axis=1), errors.shape[1], dtype=values.dtype)
    return tf.reduce_sum(values * best, axis=1, keepdims=True)


def _filter(values: tf.Tensor, inside: tf.Tensor, rates: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return squared one-step errors summed, and the last level, (batch, n_rates) each, from each first value on."""
    begun = tf.pad(inside, [(0, 0), (1, 0)])[:, :-1]  # 1 after the first row
    first = tf.reduce_sum((inside - begun) * values, axis=1, keepdims=True)

    def step(row: tf.Tensor, squares: tf.Tensor, level: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        error = begun[:, row, None] * (values[:, row, None] - level)
        return row + 1, squares + error * error, level + rates * error

    state = (tf.constant(1), tf.zeros_like(rates), first + tf.zeros_like(rates))
    _, squares, level = tf.while_loop(lambda row, *_: row < tf.shape(values)[1], step, state)
    return squares, level


def _rows(y: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.range(tf.shape(y)[1]), y.dtype)[None]

"""The raw-in raw-out graph: numbers in the user's unit in, forecasts and quantiles in the same unit out."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from tensorflow.types.experimental import PolymorphicFunction

from gruforecast.artifact.export.signature import LAST, Served, Y
from gruforecast.artifact.export.simple import SIMPLE
from gruforecast.data.scale import error_unit_of
from gruforecast.data.windows import newest
from gruforecast.models.networks.config import NetworkConfig
from gruforecast.models.networks.features import decode, encode
from gruforecast.models.quantile_forecast import QuantileForecast
from gruforecast.models.registry import NETWORKS
from gruforecast.models.training.keras_model import build_network, network_inputs
from gruforecast.models.training.train import set_weights


def raw_graph(served: Served, *, short: bool = False) -> tuple[list[keras.Model], PolymorphicFunction]:
    """Return the networks, and a TensorFlow function of the inputs that `served` names.

    It gives `y_hat` (batch, horizon) and `quantiles` (batch, horizon, n_levels), both float64. Series are padded or cut
    to the lookback inside. Logarithms are taken where none of `y` is negative, and no forecast is then. Distances of
    quantiles are in units of the MASE scale of the rows given; where that is zero or not known, they are NaN.

    Args:
        short: whether the calendar is found with whole numbers, so that it survives `in_single_precision`.
    """
    used = [one for one in served.networks if {NETWORKS, one.name} & served.parts.keys()]
    models = [build_network(network.config, seed=0) for network in used]
    for model, network in zip(models, used, strict=True):
        set_weights(model, network.weights)
    specs = [
        tf.TensorSpec(
            [None] if one.kind in (LAST, "static") else [None, None],
            tf.int64 if one.kind == LAST else tf.float64,
            name=one.name,
        )
        for one in served.inputs
    ]

    def combined(*values: tf.Tensor) -> dict[str, tf.Tensor]:
        named = {one.name: value for one, value in zip(served.inputs, values, strict=True)}
        y = named[Y]
        last = named.get(LAST, tf.zeros_like(y[:, 0], tf.int64))
        x = _columns(served, named)
        never_negative = tf.reduce_all(tf.math.is_nan(y) | (y >= 0), axis=1)  # (batch,)

        def floored(forecast: tf.Tensor) -> tf.Tensor:  # (batch, horizon, n_quantiles)
            return tf.where(never_negative[:, None, None], tf.maximum(forecast, 0.0), forecast)

        quantiles = {}
        for model, network in zip(models, used, strict=True):
            origin = _phases(last, network.config) if short else tf.cast(last, tf.float64) / 86_400.0
            quantiles[network.name] = floored(_quantiles(model, network.config, (y, x), origin, never_negative))
        size = served.networks[0].config.horizon, served.networks[0].config.season_length
        points = {name: floored(SIMPLE[name](y, *size)[:, :, None])[:, :, 0] for name in served.parts if name in SIMPLE}
        return _answer(served, _mixed(served, quantiles, points), y, never_negative)

    return models, tf.function(combined, input_signature=specs, autograph=False)


def _mixed(served: Served, quantiles: dict[str, tf.Tensor], points: dict[str, tf.Tensor]) -> QuantileForecast:
    """Return the parts together: networks quantile by quantile, all kinds as `QuantileForecast.mixed` does."""
    together = {one.name: one.weight for one in served.networks if NETWORKS in served.parts}
    if together:
        whole = sum(together.values())
        quantiles |= {NETWORKS: tf.add_n([weight / whole * quantiles[name] for name, weight in together.items()])}
    of = {name: QuantileForecast.of(one) for name, one in quantiles.items()}
    of |= {name: QuantileForecast(one) for name, one in points.items()}
    mean = tf.add_n([weight * of[name].mean for name, weight in served.parts.items()])
    doubting = {name: weight for name, weight in served.parts.items() if name in quantiles}
    if not doubting:
        return QuantileForecast(mean)
    away = [weight * (quantiles[name] - of[name].mean[:, :, None]) for name, weight in doubting.items()]
    return QuantileForecast(mean, mean[:, :, None] + tf.add_n(away) / sum(doubting.values()))


def _phases(last: tf.Tensor, config: NetworkConfig) -> tf.Tensor:
    """Return the share of each period of the calendar that is gone at the last row, (batch, n_periods)."""
    if not config.periods:
        return tf.cast(last, tf.float64)  # no network reads it
    seconds = [round(period * 86_400) for period in config.periods]
    return tf.stack([tf.cast(tf.math.floormod(last, one), tf.float64) / one for one in seconds], axis=1)


def _columns(served: Served, named: dict[str, tf.Tensor]) -> tf.Tensor | None:
    """Return the covariates (batch, time + horizon, n_columns), standardised; None where there are none."""
    horizon = served.networks[0].config.horizon
    rows = tf.shape(named[Y])[1] + horizon
    parts = []
    for one in served.covariates:
        values = named[one.name]
        if one.kind == "past":
            values = tf.pad(values, [(0, 0), (0, horizon)], constant_values=float("nan"))
        if one.kind == "static":
            values = tf.tile(values[:, None], (1, rows))
        values = values[:, :, None]  # (batch, time + horizon, 1)
        if one.categories:
            codes = np.arange(float(one.numbers))
            known = tf.reduce_any(values == codes, axis=2, keepdims=True)
            values = tf.where(known, tf.cast(values == codes, tf.float64), float("nan"))
        parts.append(values)
    return served.scaling(tf.concat(parts, axis=2), keras.ops) if parts else None


def _quantiles(
    model: keras.Model,
    config: NetworkConfig,
    rows: tuple[tf.Tensor, tf.Tensor | None],
    origin: tf.Tensor,
    never_negative: tf.Tensor,
) -> tf.Tensor:
    """Return the quantiles (batch, horizon, n_quantiles) of one network from `y` and covariates."""
    y, x = rows
    past = tf.ensure_shape(newest(_padded(y, config.lookback), config.lookback, keras.ops), (None, config.lookback))
    if x is not None:
        x = _cut(x, config.lookback + config.horizon)
    elif config.inputs:
        shape = (tf.shape(y)[0], config.lookback + config.horizon, len(config.inputs))
        x = tf.fill(shape, tf.constant(np.nan, tf.float64))  # no network reads them
    use_log = never_negative & config.log
    encoded = encode(past, origin, use_log, config, keras.ops, covariates=x)
    inputs = network_inputs(encoded, lambda t: tf.cast(t, tf.float32))
    return decode(tf.cast(model(inputs, training=False), tf.float64), encoded, use_log, keras.ops)


def _answer(
    served: Served, forecast: QuantileForecast, y: tf.Tensor, never_negative: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Return the point forecasts, and calibrated quantiles around them that never cross."""
    mean = forecast.mean
    scale = error_unit_of(y, served.networks[0].config.season_length, keras.ops)
    lower, upper = served.calibration.bounds(forecast, scale, xp=keras.ops)
    lower = tf.where(never_negative[:, None, None], tf.maximum(lower, 0.0), lower)
    return {"y_hat": mean, "quantiles": tf.concat([lower[:, :, ::-1], mean[:, :, None], upper], axis=2)}


def _padded(rows: tf.Tensor, length: int) -> tf.Tensor:
    """Return `rows` (batch, time, …) with `length` rows of NaN in front."""
    others = [(0, 0)] * (len(rows.shape) - 2)
    return tf.pad(rows, [(0, 0), (length, 0), *others], constant_values=float("nan"))


def _cut(rows: tf.Tensor, length: int) -> tf.Tensor:
    """Return the newest `length` of `rows` (batch, time, …), padded with NaN in front."""
    return tf.ensure_shape(_padded(rows, length)[:, -length:], (None, length, *rows.shape[2:]))

"""The raw-in raw-out graph: numbers in the user's unit go in, forecasts in the same unit come out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from gruforecast.config import NetworkConfig
from gruforecast.encoding import decode, encode
from gruforecast.forward import Network, needs_calendar
from gruforecast.networks.build import build_network
from gruforecast.networks.train import set_weights


def raw_graph(networks: Sequence[Network]) -> tuple[list[keras.Model], Any]:
    """The networks, and a TensorFlow function from `y` float64 (batch, time) to `{"y_hat": (batch, horizon)}`.

    Networks that see the calendar make it take `last`, too: int64 (batch,), seconds since 1970-01-01 at the last row.
    `y` is in the user's unit with NaN for missing, of any length from 1 on; it is padded or cut to the lookback inside.
    Logarithms are taken where none of `y` is negative, and no forecast is then.
    """
    models = [build_network(network.config, seed=0) for network in networks]
    for model, network in zip(models, networks, strict=True):
        set_weights(model, network.weights)
    y = tf.TensorSpec((None, None), tf.float64, name="y")
    last = tf.TensorSpec((None,), tf.int64, name="last")

    def combined(y: Any, last: Any) -> dict[str, Any]:
        missing = tf.math.is_nan(y)
        never_negative = tf.reduce_all(missing | (y >= 0), axis=1)  # (batch,)
        parts = []
        for model, network in zip(models, networks, strict=True):
            point = _point(model, network.config, y, tf.cast(last, tf.float64) / 86_400.0, never_negative)
            parts.append(network.share * tf.where(never_negative[:, None], tf.maximum(point, 0.0), point))
        return {"y_hat": tf.add_n(parts)}

    def without(y: Any) -> dict[str, Any]:
        return combined(y, tf.zeros_like(y[:, 0], tf.int64))

    if needs_calendar(networks):
        return models, tf.function(combined, input_signature=[y, last], autograph=False)
    return models, tf.function(without, input_signature=[y], autograph=False)


def _point(model: keras.Model, config: NetworkConfig, y: Any, origin: Any, never_negative: Any) -> Any:
    """Point forecasts (batch, horizon) of one network."""
    padding = tf.fill((tf.shape(y)[0], config.lookback), tf.constant(float("nan"), tf.float64))
    past = tf.concat([padding, y], axis=1)[:, -config.lookback :]
    past = tf.ensure_shape(past, (None, config.lookback))
    use_log = never_negative & config.log
    encoded = encode(past, origin, use_log, config, keras.ops)
    residual = tf.cast(model(tf.cast(encoded.features, tf.float32), training=False), tf.float64)
    return decode(residual, encoded, use_log, keras.ops)[:, :, config.levels.index(0.5)]

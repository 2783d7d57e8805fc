"""The raw-in raw-out graph: numbers in the user's unit go in, forecasts in the same unit come out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from gruforecast.config import MIDDLE, NetworkConfig
from gruforecast.encoding import decode, encode
from gruforecast.exogenous import Scaling
from gruforecast.forward import Network, needs_calendar
from gruforecast.networks.build import build_network, network_inputs
from gruforecast.networks.train import set_weights
from gruforecast.windows import newest


def raw_graph(networks: Sequence[Network], scaling: Scaling | None = None) -> tuple[list[keras.Model], Any]:
    """The networks, and a TensorFlow function from `y` float64 (batch, time) to `{"y_hat": (batch, horizon)}`.

    `y` is in the user's unit with NaN for missing, of any length from 1 on; it is padded or cut to the lookback inside.
    Logarithms are taken where none of `y` is negative, and no forecast is then. Two more may be asked for:

    - `last`, where networks see the calendar: int64 (batch,), seconds since 1970-01-01 at the last row;
    - `x`, where they see columns beside the target: float64 (batch, time + horizon, n_columns) in the user's units, NaN
      for what is not known; the last `horizon` rows are those of the forecast.
    """
    models = [build_network(network.config, seed=0) for network in networks]
    for model, network in zip(models, networks, strict=True):
        set_weights(model, network.weights)
    wanted = {"y": tf.TensorSpec((None, None), tf.float64, name="y")}
    if needs_calendar(networks):
        wanted["last"] = tf.TensorSpec((None,), tf.int64, name="last")
    inputs = networks[0].config.inputs
    if inputs:
        wanted["x"] = tf.TensorSpec((None, None, len(inputs)), tf.float64, name="x")

    def combined(*given: Any) -> dict[str, Any]:
        named = dict(zip(wanted, given, strict=True))
        y = named["y"]
        last = named.get("last", tf.zeros_like(y[:, 0], tf.int64))
        x = scaling(named["x"], keras.ops) if scaling is not None and "x" in named else None
        missing = tf.math.is_nan(y)
        never_negative = tf.reduce_all(missing | (y >= 0), axis=1)  # (batch,)
        parts = []
        for model, network in zip(models, networks, strict=True):
            origin = tf.cast(last, tf.float64) / 86_400.0
            point = _point(model, network.config, (y, x), origin, never_negative)
            parts.append(network.share * tf.where(never_negative[:, None], tf.maximum(point, 0.0), point))
        return {"y_hat": tf.add_n(parts)}

    return models, tf.function(combined, input_signature=list(wanted.values()), autograph=False)


def _point(model: keras.Model, config: NetworkConfig, given: tuple[Any, Any], origin: Any, never_negative: Any) -> Any:
    """Point forecasts (batch, horizon) of one network from `y` and `x`."""
    y, x = given
    past = tf.ensure_shape(newest(_padded(y, config.lookback), config.lookback, keras.ops), (None, config.lookback))
    if x is not None:
        x = _cut(x, config.lookback + config.horizon)
    use_log = never_negative & config.log
    encoded = encode(past, origin, use_log, config, keras.ops, beside=x)
    inputs = network_inputs(encoded, lambda t: tf.cast(t, tf.float32))
    residual = tf.cast(model(inputs, training=False), tf.float64)
    return decode(residual, encoded, use_log, keras.ops)[:, :, MIDDLE]


def _padded(rows: Any, length: int) -> Any:
    """`rows` (batch, time, …) with `length` rows of NaN in front."""
    others = [(0, 0)] * (len(rows.shape) - 2)
    return tf.pad(rows, [(0, 0), (length, 0), *others], constant_values=float("nan"))


def _cut(rows: Any, length: int) -> Any:
    """The newest `length` of `rows` (batch, time, …), padded with NaN in front."""
    return tf.ensure_shape(_padded(rows, length)[:, -length:], (None, length, *rows.shape[2:]))

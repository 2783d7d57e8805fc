"""The search space for keras-tuner's own tuners: the same networks, raw numbers in and out."""

from __future__ import annotations

import itertools
from dataclasses import replace

import keras
import keras_tuner
import msgspec
import numpy as np
import tensorflow as tf

from gruforecast.arrays import Floats
from gruforecast.automl.search.space import Space
from gruforecast.data.panel import Panel
from gruforecast.evaluation.splits import split
from gruforecast.models.networks.config import MIDDLE, NetworkConfig
from gruforecast.models.networks.features import decode, encode
from gruforecast.models.training.keras_model import build_network, network_inputs
from gruforecast.serialization import JsonValue


@keras.saving.register_keras_serializable("gruforecast")
class RawForecast(keras.layers.Layer):  # type: ignore[misc]
    """A network from raw windows (n, time) to forecasts (n, horizon), both in the user's unit, NaN = missing."""

    def __init__(self, config: NetworkConfig, seed: int = 0, **kwargs: JsonValue) -> None:
        super().__init__(**kwargs)
        self.network_config = config
        self.network = build_network(config, seed)

    def call(self, y: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the forecasts of windows that are at least as long as the lookback."""
        ops = keras.ops
        past = ops.cast(y, "float64")[:, -self.network_config.lookback :]
        use_log = ops.all(ops.logical_or(ops.isnan(past), past >= 0), axis=1) & self.network_config.log
        encoded = encode(past, ops.zeros_like(past[:, 0]), use_log, self.network_config, ops)
        inputs = network_inputs(encoded, lambda t: ops.cast(t, "float32"))
        residual = self.network(inputs, training=training)
        return ops.cast(decode(ops.cast(residual, "float64"), encoded, use_log, ops)[:, :, MIDDLE], "float32")


class GRUHyperModel(keras_tuner.HyperModel):  # type: ignore[misc]
    """gruforecast's search space as a `keras_tuner.HyperModel`, for tuners of your own.

    Args:
        panel: the series that the bounds of the space follow from.
        horizon: steps to forecast.
        season_length: rows of one season, 1 = none.

    Example:
        >>> hypermodel = GRUHyperModel(panel, horizon=12, season_length=12)  # doctest: +SKIP
        >>> x, y = hypermodel.examples(panel)  # doctest: +SKIP
        >>> tuner = keras_tuner.RandomSearch(hypermodel, objective="val_loss", max_trials=4)  # doctest: +SKIP
        >>> tuner.search(x, y, validation_split=0.2, epochs=5)  # doctest: +SKIP
    """

    def __init__(self, panel: Panel, horizon: int, season_length: int = 1) -> None:
        super().__init__()
        space = Space.of(split(panel, horizon, 1, season_length, "panel"))
        portfolio = tuple(msgspec.structs.replace(values, calendar=False) for values in space.portfolio)
        self.space = replace(space, periods=(), portfolio=portfolio)  # its examples have no stamps

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Return a compiled model from raw windows (n, longest lookback) to forecasts (n, horizon)."""
        values = self.space.register(hp)
        y = keras.Input((self.space.lookbacks[-1],), name="y")
        model = keras.Model(y, RawForecast(self.space.network(values))(y))
        optimizer = keras.optimizers.AdamW(
            learning_rate=values.learning_rate, weight_decay=values.weight_decay, global_clipnorm=1.0
        )
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        model.compile(optimizer=optimizer, loss="mae", jit_compile=True)
        return model

    def examples(self, panel: Panel) -> tuple[Floats, Floats]:
        """Return every window of the series, by its last stamp: pasts (n, longest lookback), futures (n, horizon).

        Rows before the beginning of a series are NaN. All windows are stored, so this suits small panels.
        """
        lookback, horizon = self.space.lookbacks[-1], self.space.horizon
        pasts, futures, stamps = [], [], []
        for first, end in itertools.pairwise(panel.indptr):
            if end - first <= horizon:
                continue
            padded = np.concatenate([np.full(lookback - 1, np.nan), panel.y[first:end]])
            views = np.lib.stride_tricks.sliding_window_view(padded, lookback + horizon)
            whole = ~np.isnan(views[:, lookback:]).any(axis=1)
            pasts.append(views[whole, :lookback])
            futures.append(views[whole, lookback:])
            stamps.append(panel.ds[first : end - horizon][whole])
        order = np.argsort(np.concatenate(stamps), kind="stable")
        return np.concatenate(pasts)[order], np.concatenate(futures)[order]

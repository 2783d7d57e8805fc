"""Keras networks from a `NetworkConfig`: GRU, LSTM and simple RNN share everything except the cell."""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import tensorflow as tf
from keras import KerasTensor

from gruforecast.arrays import Floats
from gruforecast.models.networks.config import CONTEXT, MIDDLE, QUANTILES, ROW_UNITS, NetworkConfig
from gruforecast.models.networks.features import Features, restlessness
from gruforecast.serialization import Json, JsonValue

RECURRENT: dict[str, Callable[..., keras.layers.Layer]] = {
    "gru": functools.partial(keras.layers.GRU, use_cudnn=False),
    "lstm": functools.partial(keras.layers.LSTM, use_cudnn=False),
    "rnn": keras.layers.SimpleRNN,
}


@keras.saving.register_keras_serializable("gruforecast")
class VariableDropout(keras.layers.Layer):  # type: ignore[misc]
    """Dropout whose rate is a variable, with one mask per window for all of its time steps.

    Keras' own `Dropout` takes a Python number, so each rate would be compiled anew. One mask for all steps is the
    form that suits recurrent layers (Gal and Ghahramani 2016). The random bits are a hash of a counter: XLA computes
    its own generator's numbers on a CPU again in every time step, which took a third of the training time.
    """

    def __init__(self, rate: float, seed: int = 0, **kwargs: JsonValue) -> None:
        super().__init__(**kwargs)
        self.initial_rate = rate
        self.seed = seed
        self.rate = self.add_weight(shape=(), initializer=keras.initializers.Constant(rate), trainable=False)
        self.calls = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False)
        self.calls.assign(seed % 2**31)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return `inputs` with a share `rate` set to zero and the rest scaled up, in training only."""
        if not training:
            return inputs
        batch, *_, units = keras.ops.shape(inputs)
        count = tf.range(batch * units) + self.calls * 0x3C6EF35F  # wraps around: every call hashes other numbers
        shape = (batch, *[1] * (len(inputs.shape) - 2), units)  # (n, units) or (n, 1, units)
        keep = tf.reshape(_uniform(count), shape) >= self.rate
        self.calls.assign_add(1)
        return tf.where(keep, inputs / (1.0 - self.rate), 0.0)

    def get_config(self) -> Json:
        """Return the arguments that make this layer again."""
        return {**super().get_config(), "rate": self.initial_rate, "seed": self.seed}


def _uniform(count: tf.Tensor) -> tf.Tensor:
    """Return the numbers in [0, 1) from int32 counters, by the finaliser of MurmurHash3 (Appleby, public domain)."""
    x = tf.bitcast(count, tf.uint32)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(shift, tf.uint32)))
        x *= tf.constant(factor, tf.uint32)
    x = tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(16, tf.uint32)))
    return tf.cast(tf.bitwise.right_shift(x, tf.constant(8, tf.uint32)), tf.float32) * 2.0**-24


def build_network(config: NetworkConfig, seed: int) -> keras.Model:
    """Return a network from encoded features (n, lookback, channels) to residuals (n, horizon, n_quantiles).

    Where something is known of the horizon, it takes that, too: (n, horizon, `config.future_channels`), see
    `covariates.future_channels`.
    The last layer starts at zero, so before training the forecast is the seasonal naive one. How far the other
    quantiles are from the middle one is read from the same state, whose training it does not touch.

    Args:
        seed: of the initial weights and of dropout.
    """
    keras.utils.set_random_seed(seed)
    features = keras.Input((config.lookback, config.channels), name="features")
    x = features
    if config.segment > 1:
        x = keras.layers.Reshape((config.tokens, config.segment * config.channels), name="segments")(x)
        x = keras.layers.Dense(config.units, name="token")(x)  # (n, tokens, units)
    for depth in range(config.layers):
        x = _recurrent_layer(x, config, depth, seed)
    recent = keras.layers.Lambda(lambda t: t[:, -config.recent :, 0], output_shape=(config.recent,), name="recent")(
        features
    )  # (n, recent)
    segments, rows = config.decoded
    states, recent = _decoded(x, recent, config, seed)  # (n, units), or (n, segments, units) where those are decoded
    joined = keras.layers.Concatenate(name="state_and_recent")([states, recent])
    hidden = keras.layers.Dense(2 * config.units, activation="relu", name="hidden")(joined)
    point = keras.layers.Dense(rows, kernel_initializer="zeros", name="head")(hidden)
    point = _fitting(keras.layers.Reshape((segments * rows, 1), name="residual")(point), config)
    future = keras.Input((config.horizon, config.future_channels), name="future") if config.future_channels else None
    if future is not None:
        point = keras.layers.Add(name="both")([point, _of_rows(states, future, config)])
    output = _around(point, joined, features, config)
    return keras.Model(features if future is None else [features, future], output, name=config.cell)


def _fitting(x: KerasTensor, config: NetworkConfig) -> KerasTensor:
    """Return the first `horizon` of the rows that were decoded."""
    segments, rows = config.decoded
    beyond = segments * rows - config.horizon
    return keras.layers.Cropping1D((0, beyond))(x) if beyond else x


def _around(point: KerasTensor, joined: KerasTensor, features: KerasTensor, config: NetworkConfig) -> KerasTensor:
    """Return all quantiles (n, horizon, n_quantiles): steps away from the middle one are never negative, so none cross.

    They are multiples of `features.restlessness`, so before training they have the size of seasonal naive's errors.

    No gradient passes from here to `point` (n, horizon, 1) and `joined`: the point forecast is trained as if alone.
    """
    segments, rows = config.decoded
    others = len(QUANTILES) - 1
    frozen = keras.layers.Lambda(keras.ops.stop_gradient, name="as_it_is")(joined)
    doubt = keras.layers.Dense(config.units, activation="relu", name="spread_hidden")(frozen)
    steps = keras.layers.Dense(rows * others, activation="softplus", kernel_initializer="zeros", name="spread")(doubt)
    steps = _fitting(keras.layers.Reshape((segments * rows, others), name="spreads")(steps), config)

    size = keras.layers.Lambda(lambda x: restlessness(x, config, keras.ops), output_shape=(1, 1), name="restless")(
        features
    )

    def assembled(parts: list[tf.Tensor]) -> tf.Tensor:
        middle, multiples, unit = parts
        away = multiples * unit
        fixed = keras.ops.stop_gradient(middle)
        below = fixed - keras.ops.flip(keras.ops.cumsum(away[:, :, :MIDDLE], axis=2), axis=2)
        return keras.ops.concatenate([below, middle, fixed + keras.ops.cumsum(away[:, :, MIDDLE:], axis=2)], axis=2)

    shape = (config.horizon, len(QUANTILES))
    return keras.layers.Lambda(assembled, output_shape=shape, name="quantiles")([point, steps, size])


def _of_rows(states: KerasTensor, future: KerasTensor, config: NetworkConfig) -> KerasTensor:
    """Return what known rows of the horizon add, (n, horizon, 1): one small layer for all rows, and the state of each.

    So the effect of a column is learned from every row of every window, not for each row of the horizon anew.
    """
    segments, rows = config.decoded
    context = keras.layers.Dense(CONTEXT, name="context")(states)
    context = keras.layers.Reshape((segments, CONTEXT), name="contexts")(context)
    context = keras.layers.UpSampling1D(rows, name="repeated")(context)  # each one, `rows` times
    context = _fitting(context, config)
    x = keras.layers.Concatenate(name="ahead_and_context")([future, context])
    x = keras.layers.Dense(ROW_UNITS, activation="relu", name="row")(x)
    return keras.layers.Dense(1, kernel_initializer="zeros", name="row_head")(x)


@keras.saving.register_keras_serializable("gruforecast")
class Positions(keras.layers.Layer):  # type: ignore[misc]
    """One learned vector for each segment of the horizon, the same for all windows."""

    def __init__(self, segments: int, seed: int = 0, **kwargs: JsonValue) -> None:
        super().__init__(**kwargs)
        self.segments = segments
        self.seed = seed

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the table (segments, units)."""
        start = keras.initializers.RandomNormal(stddev=0.1, seed=self.seed)
        self.table = self.add_weight(shape=(self.segments, shape[-1]), initializer=start, name="table")

    def call(self, state: tf.Tensor) -> tf.Tensor:
        """Return the table for each state (n, units), (n, segments, units)."""
        return keras.ops.broadcast_to(
            self.table[None], (keras.ops.shape(state)[0], self.segments, keras.ops.shape(state)[1])
        )

    def get_config(self) -> Json:
        """Return the arguments that make this layer again."""
        return {**super().get_config(), "segments": self.segments, "seed": self.seed}


def _decoded(
    state: KerasTensor, recent: KerasTensor, config: NetworkConfig, seed: int
) -> tuple[KerasTensor, KerasTensor]:
    """Return the states that the head reads, and the recent inputs beside each of them."""
    segments, _ = config.decoded
    if config.decoder == "direct":
        return state, recent
    positions = Positions(segments, seed, name="positions")(state)  # (n, segments, units)
    repeated = keras.layers.RepeatVector(segments, name="recent_repeated")(recent)
    together = config.decoder == "sequence"
    layer = RECURRENT[config.cell](config.units, return_sequences=together, name="decoder")
    if together:
        return layer(positions, initial_state=_initial(state, config)), repeated
    flat = keras.layers.Lambda(lambda t: keras.ops.reshape(t, (-1, 1, config.units)), name="flat")(positions)
    many = keras.layers.RepeatVector(segments, name="state_repeated")(state)
    many = keras.layers.Lambda(lambda t: keras.ops.reshape(t, (-1, config.units)), name="flat_state")(many)
    one_step = layer(flat, initial_state=_initial(many, config))  # (n * segments, units)
    shape = (-1, segments, config.units)
    return keras.layers.Lambda(lambda t: keras.ops.reshape(t, shape), name="unflat")(one_step), repeated


def network_inputs(encoded: Features, cast: Callable[[Floats], tf.Tensor]) -> tf.Tensor | list[tf.Tensor]:
    """Return what the network of `build_network` is called with, of an encoded batch."""
    features = cast(encoded.features)
    return features if encoded.future is None else [features, cast(encoded.future)]


def _initial(state: KerasTensor, config: NetworkConfig) -> KerasTensor | list[KerasTensor]:
    """Return what the decoder starts from; the memory of an LSTM's decoder starts empty."""
    return [state, keras.ops.zeros_like(state)] if config.cell == "lstm" else state


def _recurrent_layer(x: KerasTensor, config: NetworkConfig, depth: int, seed: int) -> KerasTensor:
    """Return a layer of the stack: cell, residual addition where sizes agree, dropout. The last keeps one state."""
    last = depth == config.layers - 1
    layer = RECURRENT[config.cell](config.units, return_sequences=not last, name=f"{config.cell}_{depth}")
    y = layer(x)  # (n, tokens, units), or (n, units) for the last layer
    if x.shape[-1] == config.units and depth > 0:
        kept = keras.layers.Lambda(lambda t: t[:, -1], output_shape=(config.units,), name="last")(x) if last else x
        y = keras.layers.Add(name=f"add_{depth}")([y, kept])
    return VariableDropout(config.dropout, seed=seed + 0x9E3779B * depth, name=f"dropout_{depth}")(y)

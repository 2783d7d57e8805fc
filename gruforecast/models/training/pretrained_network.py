"""The Keras twin of `pretrained/inference.py`: the same network, to be trained."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from gruforecast.arrays import Weights
from gruforecast.models.networks.config import MIDDLE, QUANTILES
from gruforecast.models.pretrained.features import (
    AHEAD_CHANNELS,
    FACTS,
    FAST,
    FAST_CHANNELS,
    ROWS,
    SLOW,
    SLOW_CHANNELS,
)
from gruforecast.models.pretrained.inference import SLOW_UNITS, weight_shapes
from gruforecast.models.pretrained.ready import READY

START = {"last season": 1.5, "level and profile": 1.0, "theta": 1.0}  # logarithms of weights before training; else 0


@keras.saving.register_keras_serializable("gruforecast")
class Recurrent(keras.layers.Layer):  # type: ignore[misc]
    """A GRU layer like Keras' own, unrolled, with one product for the inputs of all steps: XLA runs it much faster.

    `call` takes (n, tokens, size) and a first state (n, units) and returns all states (n, tokens, units).
    """

    def __init__(self, units: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, x_shape: tuple[int, ...], state_shape: tuple[int, ...] | None = None) -> None:  # noqa: ARG002
        """Make the weights, named and shaped as those of Keras' GRU."""
        width = 3 * self.units
        self.kernel = self.add_weight(shape=(x_shape[-1], width), name="kernel", initializer="glorot_uniform")
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, width), name="recurrent_kernel", initializer="orthogonal"
        )
        self.bias = self.add_weight(shape=(2, width), name="bias", initializer="zeros")

    def call(self, x: tf.Tensor, state: tf.Tensor | None = None) -> tf.Tensor:
        """Return all states (n, tokens, units), from zeros or `state`."""
        inputs = tf.tensordot(x, self.kernel, 1) + self.bias[0]
        h = tf.zeros((tf.shape(x)[0], self.units)) if state is None else state
        states = []
        for step in tf.unstack(inputs, axis=1):
            recurrence = tf.matmul(h, self.recurrent_kernel) + self.bias[1]
            gates = tf.sigmoid(step[:, : 2 * self.units] + recurrence[:, : 2 * self.units])
            z, r = gates[:, : self.units], gates[:, self.units :]
            candidate = tf.tanh(step[:, 2 * self.units :] + r * recurrence[:, 2 * self.units :])
            h = z * h + (1.0 - z) * candidate
            states.append(h)
        return tf.stack(states, axis=1)

    def compute_output_spec(self, x: keras.KerasTensor, state: keras.KerasTensor | None = None) -> keras.KerasTensor:  # noqa: ARG002
        """Return the shape of the states: the number of steps need not be known before there are numbers."""
        return keras.KerasTensor((*x.shape[:2], self.units), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, object]:
        """Return the arguments that make this layer again."""
        return {**super().get_config(), "units": self.units}


def build(units: int, seed: int) -> keras.Model:
    """Return a network from the arrays of `Features` to scaled quantiles (n, steps, n_quantiles), for any horizon.

    Args:
        units: width of all layers but the first.
        seed: of the initial weights.
    """
    keras.utils.set_random_seed(seed)
    shapes = {
        "slow": (SLOW, SLOW_CHANNELS),
        "fast": (FAST, FAST_CHANNELS),
        "ahead": (None, AHEAD_CHANNELS),
        "facts": (FACTS,),
        "ready": (None, len(READY)),
    }
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    facts, dense, joined = inputs["facts"], keras.layers.Dense, keras.layers.Concatenate()
    slow = Recurrent(SLOW_UNITS, name="slow_gru")(inputs["slow"])[:, -1]
    context = dense(units, activation="tanh", name="context")(joined([slow, facts]))
    tokens = keras.layers.Reshape((FAST // ROWS, ROWS * FAST_CHANNELS))(inputs["fast"])
    first = Recurrent(units, name="fast_0")(dense(units, name="token")(tokens), context)
    second = Recurrent(units, name="fast_1")(first)
    state = dense(units, activation="tanh", name="state")(joined([first[:, -1], second[:, -1], context, facts]))
    segments = keras.layers.Reshape((-1, ROWS * AHEAD_CHANNELS))(inputs["ahead"])
    decoded = Recurrent(units, name="decoder")(dense(units, name="segment")(segments), state)
    rows = keras.layers.Reshape((-1, units))(dense(ROWS * units, name="rows")(decoded))
    rows = rows + dense(units, name="row")(inputs["ahead"])
    rows = rows + keras.layers.Reshape((1, units))(dense(units, name="whole")(state))
    start = [START.get(name, 0.0) for name in READY] + [0.0] * len(QUANTILES)
    head = dense(
        len(start), name="head", kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(start)
    )(keras.layers.ReLU()(rows))
    head = head + dense(len(start), name="head_row", kernel_initializer="zeros")(inputs["ahead"])
    whole = dense(len(start), name="head_whole", kernel_initializer="zeros")(facts)
    head = head + keras.layers.Reshape((1, len(start)))(whole)
    output = keras.layers.Lambda(_assembled, output_shape=(None, len(QUANTILES)), name="quantiles")(
        [head, inputs["ready"]]
    )
    return keras.Model(inputs, output, name="pretrained")


def _assembled(parts: list[tf.Tensor]) -> tf.Tensor:
    """Return the quantiles as `inference.assembled` does."""
    head, ready = parts
    mix = keras.ops.softmax(head[:, :, : len(READY)], axis=2)
    middle = head[:, :, len(READY) : len(READY) + 1] + keras.ops.sum(mix * ready, axis=2, keepdims=True)
    away = keras.ops.softplus(head[:, :, len(READY) + 1 :])
    below = keras.ops.flip(keras.ops.cumsum(keras.ops.flip(away[:, :, :MIDDLE], axis=2), axis=2), axis=2)
    above = keras.ops.cumsum(away[:, :, MIDDLE:], axis=2)
    return keras.ops.concatenate([middle - below, middle, middle + above], axis=2)


def weights_of(network: keras.Model) -> Weights:
    """Return the weights by the names of `inference.weight_shapes`."""
    return {name: variable.numpy() for name, variable in variables(network).items()}


def variables(network: keras.Model) -> dict[str, tf.Variable]:
    """Return the variables by the names of `inference.weight_shapes`."""
    units = network.get_layer("state").units
    return {name: _variable(network, name) for name in weight_shapes(units)}


def set_weights(network: keras.Model, weights: Weights) -> None:
    """Put `weights` into `network`."""
    for name, variable in variables(network).items():
        variable.assign(np.asarray(weights[name]))


def _variable(network: keras.Model, name: str) -> tf.Variable:
    """Return the variable of a name such as `fast_0.kernel`."""
    layer, what = name.split(".")
    return getattr(network.get_layer("slow_gru" if layer == "slow" else layer), what)

"""AdamW for all weights as one vector: XLA compiles one update instead of one for each array, in a fifth less time.

The arithmetic is that of Keras' `AdamW` (Loshchilov and Hutter 2019). Gradients of the quantiles' spread are clipped
apart from the others, so as not to weaken the training of the point forecast.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

MEAN_DECAY, SQUARE_DECAY, EPSILON = 0.9, 0.999, 1e-7
CLIP = 1.0  # norm of the gradients of one step
SPREAD = "spread"  # how the layers of the spread begin


class FlatAdamW:
    """The state of the optimizer of `variables`; biases do not decay.

    Attributes:
        weight_decay: a variable, so that a step need not be compiled again.
    """

    def __init__(self, variables: Sequence[tf.Variable]) -> None:
        self.variables = list(variables)
        self.sizes = [int(np.prod(one.shape)) for one in self.variables]
        decays = ["bias" not in one.path for one in self.variables]
        self._decays = tf.constant(np.repeat(decays, self.sizes), tf.float32)
        self._spread = tf.constant(np.repeat([one.path.startswith(SPREAD) for one in self.variables], self.sizes))
        self._mean, self._square = (tf.Variable(tf.zeros(sum(self.sizes))) for _ in range(2))
        self._steps = tf.Variable(0.0)
        self.weight_decay = tf.Variable(0.0)

    @property
    def state(self) -> dict[str, tf.Variable]:
        """Return what a step changes besides the weights, by name: a checkpoint keeps it."""
        return {"mean": self._mean, "square": self._square, "count": self._steps}

    @property
    def tensors(self) -> dict[str, tf.Tensor]:
        """Return all that a step reads or changes besides the weights, by name: resources and constants."""
        variables = {**self.state, "weight_decay": self.weight_decay}
        handles = {name: one.handle for name, one in variables.items()}
        return {**handles, "decays": self._decays, "spread": self._spread}

    def reset(self, weight_decay: float) -> None:
        """As if no step had been taken."""
        for one in self.state.values():
            one.assign(tf.zeros_like(one))
        self.weight_decay.assign(weight_decay)

    def apply(self, gradients: Sequence[tf.Tensor], rate: tf.Tensor) -> None:
        """Take one step with the learning rate `rate`, inside a compiled function."""
        gradient = self._clipped(_flat(gradients))
        self._steps.assign_add(1.0)
        mean = MEAN_DECAY * self._mean + (1.0 - MEAN_DECAY) * gradient
        square = SQUARE_DECAY * self._square + (1.0 - SQUARE_DECAY) * gradient * gradient
        self._mean.assign(mean)
        self._square.assign(square)
        warm = tf.sqrt(1.0 - SQUARE_DECAY**self._steps) / (1.0 - MEAN_DECAY**self._steps)
        decay = self.weight_decay * self._decays * _flat(self.variables)
        step = rate * (warm * mean / (tf.sqrt(square) + EPSILON) + decay)
        for one, part in zip(self.variables, tf.split(step, self.sizes), strict=True):
            one.assign_sub(tf.reshape(part, one.shape))

    def _clipped(self, gradient: tf.Tensor) -> tf.Tensor:
        """Return the gradient with a norm of `CLIP` at most, that of the spread and that of all others each."""
        square = gradient * gradient
        every, spread = tf.reduce_sum(square), tf.reduce_sum(tf.where(self._spread, square, 0.0))
        rest = tf.reduce_sum(tf.where(self._spread, 0.0, square))
        factors = [CLIP / tf.maximum(tf.sqrt(one), CLIP) for one in (spread, rest)]
        return tf.where(tf.math.is_finite(every), gradient * tf.where(self._spread, *factors), every)


def _flat(arrays: Sequence[tf.Tensor | tf.Variable]) -> tf.Tensor:
    return tf.concat([tf.reshape(one, [-1]) for one in arrays], 0)

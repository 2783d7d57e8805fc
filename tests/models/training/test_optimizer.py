"""The optimizer against that of Keras, step by step."""

from __future__ import annotations

import numpy as np
import pytest
from rounding import assert_close32

pytestmark = pytest.mark.network


def test_it_is_the_adamw_of_keras() -> None:
    import keras
    import tensorflow as tf

    from gruforecast.models.training.optimizer import FlatAdamW

    generator = np.random.default_rng(0)
    shapes = {"kernel": (4, 3), "bias": (3,)}
    start = {name: generator.normal(size=shape).astype("f4") for name, shape in shapes.items()}
    mine, theirs = ([keras.Variable(one, name=name) for name, one in start.items()] for _ in range(2))
    flat = FlatAdamW(mine)
    flat.reset(weight_decay=0.1)
    witness = keras.optimizers.AdamW(0.01, weight_decay=0.1, global_clipnorm=1.0)
    witness.exclude_from_weight_decay(var_names=["bias"])
    witness.build(theirs)
    for step in range(30):
        size = 0.01 if step % 2 else 5.0  # below and above the norm that is clipped
        gradients = [tf.constant(size * generator.normal(size=one.shape), tf.float32) for one in mine]
        rate = 0.01 * (1 + np.cos(step))
        witness.learning_rate.assign(rate)
        flat.apply(gradients, tf.constant(rate, tf.float32))
        witness.apply(gradients, theirs)
        for one, other in zip(mine, theirs, strict=True):
            assert_close32(one.numpy(), other.numpy(), terms=2000)
    flat.reset(weight_decay=0.0)
    before = [one.numpy() for one in mine]
    flat.apply([tf.zeros(one.shape) for one in mine], tf.constant(0.1))
    np.testing.assert_array_equal(before[0], mine[0].numpy())  # neither mean nor decay is left


def test_the_spread_is_clipped_apart() -> None:
    import keras
    import tensorflow as tf

    from gruforecast.models.training.optimizer import FlatAdamW

    both = FlatAdamW([keras.Variable(np.zeros(2, "f4"), name=name) for name in ("head", "spread_hidden")])
    found = both._clipped(tf.constant([3.0, 4.0, 0.3, 0.4]))
    assert_close32(found, [0.6, 0.8, 0.3, 0.4])
    assert np.isnan(both._clipped(tf.constant([3.0, np.nan, 0.3, 0.4]))).all()

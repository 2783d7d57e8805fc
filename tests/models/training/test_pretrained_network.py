"""The Keras twin against the forward pass in numpy and against Keras' own GRU."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from gruforecast.models.pretrained.features import Features
from gruforecast.models.pretrained.fine_tuning import Adam
from gruforecast.models.pretrained.gradients import loss_and_gradient
from gruforecast.models.pretrained.inference import forward, weight_shapes
from gruforecast.models.training.optimizer import FlatAdamW
from gruforecast.models.training.pretrained_network import Recurrent, build, set_weights, variables, weights_of
from tools.pretrain.train import loss


@pytest.mark.parametrize(("season", "second", "horizon"), [(1, None, 3), (12, None, 18), (24, 168, 30)])
def test_both_forward_passes_agree(season: int, second: int | None, horizon: int) -> None:
    rng = np.random.default_rng(3)
    weights = {name: (rng.normal(size=shape) * 0.15).astype(np.float32) for name, shape in weight_shapes(16).items()}
    network = build(16, seed=1)
    set_weights(network, weights)
    past = rng.normal(size=(6, 300)).cumsum(axis=1)
    past[1, :-2] = np.nan
    past[2, 250::3] = np.nan
    features = Features.of(past, season, horizon, np.zeros(6, bool), second)
    expected = forward(weights, features)
    found = np.asarray(network(features.arrays))[:, :horizon]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * max(1, np.abs(expected).max()))
    assert {name: one.shape for name, one in weights_of(network).items()} == weight_shapes(16)


def test_the_unrolled_layer_is_keras_own() -> None:
    rng = np.random.default_rng(0)
    x, state = rng.normal(size=(5, 7, 3)).astype(np.float32), rng.normal(size=(5, 4)).astype(np.float32)
    theirs, ours = keras.layers.GRU(4, return_sequences=True), Recurrent(4)
    expected = theirs(x, initial_state=state)
    ours(x, state)
    ours.set_weights([one + 0.1 for one in theirs.get_weights()])
    theirs.set_weights(ours.get_weights())
    expected = theirs(x, initial_state=state)
    np.testing.assert_allclose(np.asarray(ours(x, state)), np.asarray(expected), rtol=1e-5, atol=1e-6)


def test_steps_in_numpy_are_those_of_keras() -> None:
    rng = np.random.default_rng(4)
    weights = {name: (rng.normal(size=shape) * 0.2).astype(np.float32) for name, shape in weight_shapes(12).items()}
    network = build(12, seed=1)
    set_weights(network, weights)
    theirs, ours = FlatAdamW(list(variables(network).values())), Adam(weights)
    theirs.reset(0.0)
    for season, second, horizon in ((12, None, 18), (24, 168, 30), (1, None, 7)):
        past = 40 + rng.normal(size=(8, 200)).cumsum(axis=1)
        features = Features.of(past, season, horizon, np.arange(8) % 2 > 0, second)
        target, weight = rng.normal(size=(2, 8, horizon)).astype(np.float32)
        weight = (weight > -1).astype(np.float32)
        value, gradient = loss_and_gradient(ours.weights, features, target, weight)
        with tf.GradientTape() as tape:
            expected = loss(tf.constant(target), tf.constant(weight), network(features.arrays)[:, :horizon])
        parts = dict(
            zip(gradient, tape.gradient(expected, [variables(network)[name] for name in gradient]), strict=True)
        )
        assert value == pytest.approx(float(expected), rel=1e-5)
        for name, one in gradient.items():
            size = max(np.abs(one).max(), 1e-6)
            np.testing.assert_allclose(one, parts[name].numpy(), rtol=0, atol=1e-4 * size, err_msg=name)
        ours.step(gradient, 1e-3)
        theirs.apply([parts[name] for name in variables(network)], tf.constant(1e-3))
    for name, one in weights_of(network).items():
        np.testing.assert_allclose(ours.weights[name], one, rtol=0, atol=1e-5, err_msg=name)

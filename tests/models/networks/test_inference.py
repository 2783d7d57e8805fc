"""The numpy forward pass against Keras and against the equations written as loops over single numbers."""

from __future__ import annotations

import numpy as np
import pytest
from made_networks import random_weights
from rounding import assert_close32

from gruforecast.models.networks.config import CELLS, QUANTILES, NetworkConfig
from gruforecast.models.networks.inference import digest_of, recurrent, residuals, weight_shapes


def sigmoid(x: float) -> float:
    return 1 / (1 + np.exp(-x))


def gru_by_hand(x, kernel, recurrent_kernel, bias):
    """z, r, candidate and h = z * h_prev + (1 - z) * candidate, one window, one unit and one number at a time."""
    units = recurrent_kernel.shape[0]
    h = np.zeros(units)
    states = []
    for row in x:
        now = np.zeros(units)
        for unit in range(units):

            def inputs(gate: int, unit: int = unit, row=row) -> float:
                column = gate * units + unit
                return sum(row[k] * kernel[k, column] for k in range(len(row))) + bias[0, column]

            def memory(gate: int, unit: int = unit, h=h) -> float:
                column = gate * units + unit
                return sum(h[k] * recurrent_kernel[k, column] for k in range(units)) + bias[1, column]

            z = sigmoid(inputs(0) + memory(0))
            r = sigmoid(inputs(1) + memory(1))
            candidate = np.tanh(inputs(2) + r * memory(2))
            now[unit] = z * h[unit] + (1 - z) * candidate
        h = now
        states.append(h)
    return np.array(states)


def test_the_gru_equals_its_equations() -> None:
    config = NetworkConfig(horizon=3, lookback=7, units=5)
    weights = random_weights(config)
    x = np.random.default_rng(1).normal(size=(2, 7, 4)).astype(np.float32)
    found = recurrent(x.swapaxes(0, 1), "gru", weights, "gru_0").swapaxes(0, 1)
    names = ("gru_0.kernel", "gru_0.recurrent_kernel", "gru_0.bias")
    for window in range(2):
        expected = gru_by_hand(x[window], *(weights[name].astype(float) for name in names))
        assert_close32(found[window], expected)


@pytest.mark.network
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    ("layers", "segment", "decoder"), [(1, 1, "direct"), (2, 4, "parallel"), (3, 2, "sequence"), (1, 1, "parallel")]
)
@pytest.mark.parametrize(
    "inputs",
    [pytest.param((), marks=pytest.mark.slow), ("known", "past", "static", "known flag")],
    ids=["alone", "inputs"],
)
def test_the_whole_network_equals_keras(cell, layers: int, segment: int, decoder, inputs) -> None:
    from gruforecast.models.training.keras_model import build_network
    from gruforecast.models.training.train import set_weights, weights_of

    config = NetworkConfig(
        horizon=3,
        lookback=12,
        season_length=4,
        cell=cell,
        layers=layers,
        units=6,
        dropout=0.4,
        segment=segment,
        decoder=decoder,
        inputs=inputs,
    )
    model = build_network(config, seed=1)
    assert {name: array.shape for name, array in weights_of(model).items()} == weight_shapes(config)
    weights = random_weights(config)
    set_weights(model, weights)
    generator = np.random.default_rng(2)
    features = generator.normal(size=(9, 12, config.channels)).astype(np.float32)
    ahead = generator.normal(size=(9, config.horizon, config.ahead)).astype(np.float32) if inputs else None
    given = features if ahead is None else [features, ahead]
    assert_close32(residuals(features, ahead, config, weights), model(given).numpy(), terms=500)


@pytest.mark.network
def test_the_keras_gru_layer_equals_the_equations() -> None:
    import keras

    import gruforecast.models.training  # noqa: F401 - sets up TensorFlow first

    layer = keras.layers.GRU(5, return_sequences=True, use_cudnn=False, bias_initializer="random_normal")
    x = np.random.default_rng(3).normal(size=(1, 6, 4)).astype(np.float32)
    found = layer(x).numpy()[0]
    assert_close32(found, gru_by_hand(x[0], *(w.astype(float) for w in layer.get_weights())))


def test_the_digest_names_the_weights() -> None:
    config = NetworkConfig(horizon=3, lookback=4, units=2)
    one, same, other = random_weights(config, 0), random_weights(config, 0), random_weights(config, 1)
    assert digest_of(one) == digest_of(dict(reversed(same.items()))) != digest_of(other)


def test_quantiles_never_cross() -> None:
    config = NetworkConfig(horizon=7, lookback=12, season_length=4, units=6, decoder="parallel", segment=4)
    weights = {name: 10 * array for name, array in random_weights(config).items()}
    features = np.random.default_rng(4).normal(size=(50, 12, config.channels)).astype(np.float32)
    found = residuals(features, None, config, weights)
    assert found.shape == (50, 7, len(QUANTILES))
    assert (np.diff(found, axis=2) >= 0).all()

"""The trace of a forward pass and the numpy gradient, against Keras, the forward pass itself and small differences."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from made_networks import FORMS, random_weights
from makers import AIR, history_of
from rounding import assert_close32, rounding

from gruforecast.explain.gates import replay
from gruforecast.explain.gradients import PROBES, gradient_norms, input_gradient
from gruforecast.models.networks.config import CELLS, MIDDLE, NetworkConfig
from gruforecast.models.networks.features import encode_windows
from gruforecast.models.networks.inference import residuals
from gruforecast.models.networks.recurrence import Trace, product, recurrent


def config_of(layers: int, segment: int, decoder, cell="gru", inputs=(), horizon: int = 3) -> NetworkConfig:
    return NetworkConfig(
        horizon=horizon, lookback=12, season_length=4, cell=cell, layers=layers, units=5, segment=segment,
        decoder=decoder, inputs=inputs, use_inputs="all" if inputs else "none",
    )  # fmt: skip


def numbers(config: NetworkConfig, n: int = 4):
    generator = np.random.default_rng(7)
    features = generator.normal(size=(n, config.lookback, config.channels)).astype(np.float32)
    ahead = (
        generator.normal(size=(n, config.horizon, config.future_channels)).astype(np.float32)
        if config.future_channels
        else None
    )
    return features, ahead


def traced(features, ahead, config: NetworkConfig, weights) -> Trace:
    trace = Trace()
    residuals(features, ahead, config, weights, trace)
    return trace


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("layers", "segment", "decoder"), FORMS)
@pytest.mark.parametrize("inputs", [(), ("known", "past", "static")], ids=["alone", "inputs"])
def test_a_trace_changes_no_bit_and_holds_the_states_of_each_layer(cell, layers, segment, decoder, inputs) -> None:
    config = config_of(layers, segment, decoder, cell, inputs)
    weights, (features, ahead) = random_weights(config), numbers(config)
    trace = Trace()
    expected = residuals(features, ahead, config, weights)
    np.testing.assert_array_equal(residuals(features, ahead, config, weights, trace), expected)
    x = features
    if segment > 1:
        x = product(features.reshape(4, config.tokens, -1), weights["token.kernel"]) + weights["token.bias"]
    x = np.ascontiguousarray(x.swapaxes(0, 1))
    for depth in range(layers):
        y = recurrent(x, cell, weights, f"{cell}_{depth}")
        steps = trace.steps[f"{cell}_{depth}"]
        np.testing.assert_array_equal(np.stack([step.state for step in steps]), y)
        np.testing.assert_array_equal(np.stack([step.before for step in steps])[1:], y[:-1])
        np.testing.assert_array_equal(steps[0].before, 0)
        x = y + x if depth else y
    assert ("decoder" in trace.steps) == ("decoder.recurrent_kernel" in weights)
    assert ("row" in trace.open) == bool(inputs)


@pytest.mark.parametrize(("layers", "segment", "decoder"), FORMS)
def test_the_parts_of_each_step_make_its_state(layers, segment, decoder) -> None:
    for cell in ("gru", "lstm"):
        config = config_of(layers, segment, decoder, cell)
        trace = traced(*numbers(config), config, random_weights(config))
        for step in (step for steps in trace.steps.values() for step in steps):
            if cell == "gru":
                z, _, candidate, _ = step.parts
                expected = z * step.before + (1 - z) * candidate
            else:
                i, f, candidate, o, memory = step.parts
                expected = o * np.tanh(f * memory + i * candidate)
            assert_close32(step.state, expected)


@pytest.mark.parametrize("cell", CELLS)
def test_without_a_trace_nothing_but_the_states_is_kept(cell) -> None:
    config = NetworkConfig(horizon=1, lookback=400, units=16, cell=cell)
    weights, x = random_weights(config), np.zeros((400, 50, config.channels), np.float32)
    tracemalloc.start()
    states = recurrent(x, cell, weights, f"{cell}_0")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert states.nbytes < peak < 1.2 * states.nbytes


def test_an_update_gate_at_one_keeps_and_at_zero_writes() -> None:
    config = config_of(1, 1, "direct")
    weights = {name: np.zeros_like(array) for name, array in random_weights(config).items()}
    for bias, kept in ((30.0, 1.0), (-30.0, 0.0)):
        weights["gru_0.bias"][0, :5] = bias
        weights["gru_0.bias"][0, 10:] = 1.0
        gates = replay(numbers(config)[0], config, weights)
        np.testing.assert_allclose(gates.update, kept, atol=1e-6)
        np.testing.assert_allclose(gates.state, (1 - kept) * np.tanh(1.0), atol=1e-6)


def compare_with_keras(features, config: NetworkConfig, weights) -> None:
    """Keras tells states only, so its cell is asked for each step from the state that it has reached itself."""
    import keras

    from gruforecast.models.training.keras_model import build_network
    from gruforecast.models.training.train import set_weights

    model = build_network(config, seed=1)
    set_weights(model, weights)
    units = config.units
    for name, steps in traced(features, None, config, weights).steps.items():
        layer = model.get_layer(name)
        given = layer.input if name != "decoder" else layer._inbound_nodes[0].arguments.args[0]
        h = np.broadcast_to(steps[0].before, steps[0].state.shape).reshape(-1, units)  # segments count as windows
        inputs = keras.Model(model.inputs[0], given)(features).numpy().reshape(len(h), -1, given.shape[-1])
        cell = layer.cell
        assert len(steps) == inputs.shape[1]
        for step, mine in enumerate(steps):
            now = inputs[:, step] @ cell.kernel.numpy() + cell.bias.numpy()[0]
            heard = h @ cell.recurrent_kernel.numpy() + cell.bias.numpy()[1]
            raw = [now[:, k : k + units] + heard[:, k : k + units] for k in (0, units)]
            h = cell(inputs[:, step], [h])[0].numpy()
            update, reset = (part.reshape(h.shape) for part in mine.parts[:2])
            assert_close32(update, cell.recurrent_activation(raw[0]).numpy())
            assert_close32(reset, cell.recurrent_activation(raw[1]).numpy())
            assert_close32(mine.state.reshape(h.shape), h)


@pytest.mark.network
@pytest.mark.parametrize(("layers", "segment", "decoder"), FORMS)
def test_the_replayed_gates_equal_those_of_keras(layers, segment, decoder) -> None:
    config = config_of(layers, segment, decoder)
    compare_with_keras(numbers(config)[0], config, random_weights(config))


@pytest.mark.network
def test_the_gates_of_a_fitted_model_equal_those_of_keras(fitted) -> None:
    from gruforecast.artifact.folder import load

    history = history_of(np.loadtxt(AIR, delimiter=",", skiprows=1, usecols=2))
    for network in load(fitted["cwd"] / "gruforecast_model").networks:
        windows = history.windows(np.zeros(5, int), np.linspace(60, 144, 5).astype(int))
        features = encode_windows(history, windows, network.config).features.astype(np.float32)
        compare_with_keras(features, network.config, network.weights)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("layers", "segment", "decoder"), FORMS)
@pytest.mark.parametrize("inputs", [(), ("known", "past", "static")], ids=["alone", "inputs"])
def test_the_gradient_is_what_small_differences_say(cell, layers, segment, decoder, inputs) -> None:
    config = config_of(layers, segment, decoder, cell, inputs)
    weights = {name: array.astype(np.float64) for name, array in random_weights(config).items()}
    features, ahead = numbers(config, 2)
    features, ahead = features.astype(np.float64), None if ahead is None else ahead.astype(np.float64)
    direction = np.random.default_rng(8).normal(size=(2, 3))
    trace = traced(features, ahead, config, weights)
    found = input_gradient(trace, direction, config, weights, direct=True)

    def value(moved) -> float:
        return float((residuals(moved, ahead, config, weights)[:, :, MIDDLE] * direction).sum())

    for place in [(0, 0, 0), (1, 5, 2), (0, 11, 0), (1, 10, 3)]:
        step = np.zeros_like(features)
        step[place] = 3e-4  # small, so that no unit opens in between
        slope = (value(features + step) - value(features - step)) / 6e-4
        assert found[place] == pytest.approx(slope, abs=0.02 * np.abs(found).max())


@pytest.mark.network
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("layers", "segment", "decoder"), FORMS)
@pytest.mark.parametrize(
    "inputs", [pytest.param((), marks=pytest.mark.slow), ("known", "past", "static")], ids=["alone", "inputs"]
)
def test_the_gradient_equals_that_of_tensorflow(cell, layers, segment, decoder, inputs) -> None:
    from gruforecast.models.training.keras_model import build_network
    from gruforecast.models.training.train import set_weights

    import tensorflow as tf  # isort: skip - after the package has set it up

    config = config_of(layers, segment, decoder, cell, inputs)
    weights, (features, ahead) = random_weights(config), numbers(config)
    model = build_network(config, seed=1)
    set_weights(model, weights)
    direction = np.random.default_rng(8).normal(size=(4, 3)).astype(np.float32)
    x = tf.constant(features)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = tf.reduce_sum(model(x if ahead is None else [x, tf.constant(ahead)])[:, :, MIDDLE] * direction)
    expected = tape.gradient(value, x).numpy()
    found = input_gradient(traced(features, ahead, config, weights), direction, config, weights, direct=True)
    assert_close32(found, expected, terms=500)


def all_open(config: NetworkConfig):
    """Random weights with which every unit of the head is open, so that the head is linear."""
    weights = random_weights(config)
    weights["hidden.bias"] = np.full_like(weights["hidden.bias"], 50.0)
    return weights


@pytest.mark.parametrize(("layers", "segment", "decoder"), FORMS)
def test_by_default_the_gradient_leaves_out_what_the_head_sees_beside_the_state(layers, segment, decoder) -> None:
    """So it is that of a network whose head does not see the newest rows."""
    config = config_of(layers, segment, decoder)
    weights, (features, _) = all_open(config), numbers(config)
    deaf = dict(weights)
    deaf["hidden.kernel"] = weights["hidden.kernel"].copy()
    deaf["hidden.kernel"][config.units :] = 0.0
    direction = np.random.default_rng(8).normal(size=(4, 3)).astype(np.float32)
    found = input_gradient(traced(features, None, config, weights), direction, config, weights)
    expected = input_gradient(traced(features, None, config, deaf), direction, config, deaf, direct=True)
    assert_close32(found, expected)
    whole = input_gradient(traced(features, None, config, weights), direction, config, weights, direct=True)
    beside = np.argwhere((np.abs(whole - found) > rounding() * np.abs(expected).max()).any(axis=0))
    assert {tuple(one) for one in beside} == {(row, 0) for row in range(12 - config.recent, 12)}


@pytest.mark.parametrize("horizon", [1, 3, PROBES])
def test_norms_up_to_the_probes_is_exact(horizon: int) -> None:
    config = config_of(1, 1, "direct", horizon=horizon)
    weights, (features, _) = random_weights(config), numbers(config)
    trace = traced(features, None, config, weights)
    rows = np.eye(horizon, dtype=np.float32)
    each = [input_gradient(trace, np.repeat(row[None], 4, axis=0), config, weights) for row in rows]
    exact = sum((one**2).sum(axis=2).mean(axis=0) for one in each)
    assert_close32(gradient_norms(features, None, config, weights), np.sqrt(exact))


def test_a_norm_is_the_root_mean_square_over_windows_of_both_sides_of_the_head() -> None:
    """Windows far apart in size, with future covariates and a horizon that no segment divides."""
    config = config_of(2, 3, "sequence", inputs=("known", "static"), horizon=7)
    weights, (features, ahead) = random_weights(config), numbers(config)
    features[2] *= 5
    each = [gradient_norms(features[[k]], ahead[[k]], config, weights) for k in range(4)]
    found = gradient_norms(features, ahead, config, weights)
    assert_close32(found, np.sqrt(np.mean(np.square(each), axis=0)))
    assert found.shape == (12,)


def test_norms_repeat_and_another_seed_is_another_estimate() -> None:
    config = config_of(1, 1, "direct", horizon=PROBES + 1)
    weights, (features, _) = random_weights(config), numbers(config)
    one, same, other = (gradient_norms(features, None, config, weights, *seed) for seed in ((), (0,), (1,)))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)


def test_the_norm_of_a_long_horizon_is_estimated_without_bias() -> None:
    config = config_of(1, 1, "direct", horizon=PROBES + 8)
    weights, (features, _) = random_weights(config), numbers(config)
    trace = traced(features, None, config, weights)
    rows = np.repeat(np.eye(config.horizon, dtype=np.float32)[:, None], 4, axis=1)  # (horizon, n, horizon)
    exact = sum((input_gradient(trace, row, config, weights) ** 2).sum(axis=2).mean(axis=0) for row in rows)
    estimates = [gradient_norms(features, None, config, weights, seed) ** 2 for seed in range(60)]
    np.testing.assert_allclose(np.mean(estimates, axis=0), exact, rtol=0.15)

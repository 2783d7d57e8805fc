"""The numpy forward pass against Keras and against the equations written as loops over single numbers."""

from __future__ import annotations

import numpy as np
import pytest
from made_networks import FORMS, random_weights
from makers import history_of
from rounding import assert_close32

from gruforecast.data.windows import History, Windows
from gruforecast.models.ensemble import parts_of
from gruforecast.models.networks import inference as room
from gruforecast.models.networks.config import CELLS, QUANTILES, NetworkConfig
from gruforecast.models.networks.features import restlessness
from gruforecast.models.networks.inference import (
    Network,
    digest_of,
    forecast,
    needs_calendar,
    residuals,
    weight_shapes,
)
from gruforecast.models.networks.recurrence import recurrent
from gruforecast.models.registry import NETWORKS


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
@pytest.mark.parametrize(("layers", "segment", "decoder"), FORMS)
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
    ahead = generator.normal(size=(9, config.horizon, config.future_channels)).astype(np.float32) if inputs else None
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


# --- the equations without Keras


def layer_by_hand(cell: str, x: np.ndarray, weights: dict[str, np.ndarray], name: str) -> np.ndarray:
    """States of LSTM and simple RNN, one window, as their papers write them."""
    kernel, memory, bias = (weights[f"{name}.{part}"].astype(float) for part in ("kernel", "recurrent_kernel", "bias"))
    units = len(memory)
    h, c, states = np.zeros(units), np.zeros(units), []
    for row in x.astype(float):
        raw = row @ kernel + h @ memory + bias
        if cell == "lstm":
            i, f, g, o = (raw[k * units : (k + 1) * units] for k in range(4))
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        else:
            h = np.tanh(raw)
        states.append(h)
    return np.array(states)


@pytest.mark.parametrize("cell", ["lstm", "rnn"])
def test_the_other_cells_equal_their_equations(cell) -> None:
    config = NetworkConfig(horizon=3, lookback=7, units=5, cell=cell)
    weights = random_weights(config)
    x = np.random.default_rng(1).normal(size=(2, 7, 4)).astype(np.float32)
    found = recurrent(x.swapaxes(0, 1), cell, weights, f"{cell}_0").swapaxes(0, 1)
    for window in range(2):
        assert_close32(found[window], layer_by_hand(cell, x[window], weights, f"{cell}_0"))


def test_the_head_equals_its_equations() -> None:
    """Two layers, tokens of two rows, three segments of two rows for five steps, future covariates."""
    config = NetworkConfig(
        horizon=5, lookback=6, season_length=2, layers=2, units=3, segment=2, decoder="sequence",
        inputs=("known flag", "static"), use_inputs="all",
    )  # fmt: skip
    weights = {name: array.astype(float) for name, array in random_weights(config).items()}
    generator = np.random.default_rng(5)
    features = generator.normal(size=(2, 6, config.channels)).astype(np.float32)
    known = generator.normal(size=(2, 5, config.future_channels)).astype(np.float32)
    features[:, :, 1] = 1.0
    single = {name: array.astype(np.float32) for name, array in weights.items()}
    found = residuals(features, known, config, single)
    size = restlessness(features, config)
    for window in range(2):
        x = features[window].reshape(3, -1) @ weights["token.kernel"] + weights["token.bias"]
        first = gru_by_hand(x, *(weights[f"gru_0.{part}"] for part in ("kernel", "recurrent_kernel", "bias")))
        second = gru_by_hand(first, *(weights[f"gru_1.{part}"] for part in ("kernel", "recurrent_kernel", "bias")))
        state = (first + second)[-1]
        kernel, memory, bias = (weights[f"decoder.{part}"] for part in ("kernel", "recurrent_kernel", "bias"))
        for segment in range(3):
            now, heard = weights["positions.table"][segment] @ kernel + bias[0], state @ memory + bias[1]
            z, r = sigmoid((now + heard)[:3]), sigmoid((now + heard)[3:6])
            state = z * state + (1 - z) * np.tanh(now[6:] + r * heard[6:])
            joined = np.concatenate([state, features[window, -2:, 0]])
            hidden = np.maximum(joined @ weights["hidden.kernel"] + weights["hidden.bias"], 0)
            point = hidden @ weights["head.kernel"] + weights["head.bias"]
            doubt = np.maximum(joined @ weights["spread_hidden.kernel"] + weights["spread_hidden.bias"], 0)
            multiples = np.log(1 + np.exp(doubt @ weights["spread.kernel"] + weights["spread.bias"])).reshape(2, 4)
            context = state @ weights["context.kernel"] + weights["context.bias"]
            for row in range(2):
                step = 2 * segment + row
                if step == 5:  # beyond the horizon
                    continue
                seen = np.concatenate([known[window, step], context])
                layer = np.maximum(seen @ weights["row.kernel"] + weights["row.bias"], 0)
                middle = point[row] + float(layer @ weights["row_head.kernel"][:, 0] + weights["row_head.bias"][0])
                away = multiples[row] * float(size[window, 0, 0])
                expected = [
                    middle - away[0] - away[1],
                    middle - away[0],
                    middle,
                    middle + away[2],
                    middle + away[2] + away[3],
                ]
                assert_close32(found[window, step], expected)


def test_names_and_shapes_of_all_weights() -> None:
    config = NetworkConfig(
        horizon=5, lookback=6, season_length=2, layers=2, units=3, segment=2, decoder="sequence", cell="lstm",
        inputs=("known flag", "static"), use_inputs="all",
    )  # fmt: skip
    channels = 6  # value, mask, two differences, the flag and its difference
    assert weight_shapes(config) == {
        "token.kernel": (2 * channels, 3), "token.bias": (3,),
        "lstm_0.kernel": (3, 12), "lstm_0.recurrent_kernel": (3, 12), "lstm_0.bias": (12,),
        "lstm_1.kernel": (3, 12), "lstm_1.recurrent_kernel": (3, 12), "lstm_1.bias": (12,),
        "positions.table": (3, 3), "decoder.kernel": (3, 12), "decoder.recurrent_kernel": (3, 12),
        "decoder.bias": (12,),
        "hidden.kernel": (5, 6), "hidden.bias": (6,), "head.kernel": (6, 2), "head.bias": (2,),
        "spread_hidden.kernel": (5, 3), "spread_hidden.bias": (3,), "spread.kernel": (3, 8), "spread.bias": (8,),
        "context.kernel": (3, 16), "context.bias": (16,), "row.kernel": (19, 32), "row.bias": (32,),
        "row_head.kernel": (32, 1), "row_head.bias": (1,),
    }  # fmt: skip
    plain = weight_shapes(NetworkConfig(horizon=5, lookback=6, units=3))
    assert {name: plain[name] for name in ("gru_0.kernel", "gru_0.bias", "head.kernel", "hidden.kernel")} == {
        "gru_0.kernel": (4, 9), "gru_0.bias": (2, 9), "head.kernel": (6, 5), "hidden.kernel": (6, 6),
    }  # fmt: skip
    assert not {"token.kernel", "positions.table", "row.kernel"} & plain.keys()


# --- many windows, several networks


def network_of(name: str, lookback: int, share: float, **changes) -> Network:
    config = NetworkConfig(horizon=3, lookback=lookback, season_length=2, units=4, log_unit=0.5, **changes)
    weights = {name: 0.2 * array for name, array in random_weights(config, lookback).items()}
    return Network(name, config, weights, share)


def newest(
    rows: int, past: np.ndarray, never_negative: np.ndarray, x: np.ndarray | None = None
) -> tuple[History, Windows, int, int]:
    """What a model is asked that sees the newest rows only, at the end of each series; `x` goes three steps on."""
    x = None if x is None else x[:, -rows - 3 :]
    return *History.of_ends(past[:, -rows:], np.zeros(len(past)), never_negative, x), 3, 2


def test_blocks_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of("a", 6, 1.0)
    history = history_of(*(5 + np.random.default_rng(k).random(20 + k) for k in range(7)))
    windows = history.windows(np.arange(7), history.indptr[1:])
    whole = forecast(history, windows, network.config, network.weights)
    monkeypatch.setattr(room, "BLOCK_NUMBERS", 100)
    assert_close32(forecast(history, windows, network.config, network.weights), whole, axis=1)
    assert forecast(history, windows[:0], network.config, network.weights).shape == (0, 3, 5)
    monkeypatch.setattr(room, "BLOCK_NUMBERS", 1)  # one at a time, however much that is
    assert_close32(forecast(history, windows, network.config, network.weights), whole, axis=1)


def test_networks_together_are_means_by_share_and_never_negative_for_series_that_never_were() -> None:
    networks = [network_of("a", 4, 0.7), network_of("b", 6, 0.3)]
    generator = np.random.default_rng(6)
    past = np.concatenate([generator.random((1, 6)) + 5, generator.normal(size=(1, 6)), np.linspace(9, 0.001, 6)[None]])
    flags = np.array([True, False, True])
    each = [one.forecast(*newest(one.config.lookback, past, flags)).quantiles for one in networks]
    floored = [np.where(flags[:, None, None], np.maximum(one, 0), one) for one in each]
    expected = 0.7 * floored[0] + 0.3 * floored[1]
    found = parts_of(networks, {})[NETWORKS].forecast(*newest(6, past, flags))
    np.testing.assert_allclose(found.quantiles, expected, rtol=1e-12)
    plain = network_of("c", 4, 1.0, log=False)
    raw = plain.forecast(*newest(4, past, flags)).quantiles
    assert raw[2].min() < 0  # seen as it is, a forecast may be below zero, and is cut off
    assert parts_of([plain], {})[NETWORKS].forecast(*newest(6, past, flags)).quantiles[2].min() == 0


def test_each_network_reads_the_newest_columns_that_it_needs() -> None:
    network = network_of("a", 4, 1.0, inputs=("known",), use_inputs="all")
    generator = np.random.default_rng(7)
    past, x = generator.normal(size=(2, 9)), generator.normal(size=(2, 12, 1))
    found, short = (network.forecast(*newest(rows, past, np.zeros(2, bool), x)) for rows in (9, 4))
    np.testing.assert_array_equal(found.quantiles, short.quantiles)


def test_stamps_matter_where_some_network_has_a_calendar_with_periods() -> None:
    plain = network_of("a", 4, 0.5)
    seeing = network_of("b", 4, 0.5, calendar=True, periods=(7.0,), step_days=1.0)
    off = network_of("c", 4, 0.5, calendar=False, periods=(7.0,), step_days=1.0)
    none = network_of("d", 4, 0.5, calendar=True)
    assert [needs_calendar(some) for some in ([plain, seeing], [plain, off], [none], [])] == [True, False, False, False]

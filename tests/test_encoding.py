"""From raw windows to what a network sees, and back."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import history_of

from gruforecast.config import NetworkConfig
from gruforecast.encoding import TARGET_CLIP, decode, encode, encode_target
from gruforecast.windows import gather_past

NAN = float("nan")
CONFIG = NetworkConfig(horizon=5, lookback=8, season_length=4, log_unit=0.5)


def both_kinds(past):
    past = np.asarray(past, float)
    flags = np.array([False] * len(past))
    return encode(past, flags, CONFIG)


def test_a_window_by_hand() -> None:
    past = np.array([[NAN, 1.0, 2.0, 3.0, 4.0, NAN, 6.0, 8.0]])
    encoded = both_kinds(past)
    level = (4 + 6 + 8) / 3
    spread = np.std([1, 2, 3, 4, 6, 8])
    assert encoded.level[0, 0] == pytest.approx(level)
    assert encoded.unit[0, 0] == pytest.approx(spread)
    x = (past[0] - level) / spread
    value, mask, seasonal, first = encoded.features[0].T
    np.testing.assert_allclose(value, np.nan_to_num(x))
    np.testing.assert_array_equal(mask, [0, 1, 1, 1, 1, 0, 1, 1])
    np.testing.assert_allclose(seasonal, [0, 0, 0, 0, 0, 0, (6 - 2) / spread, (8 - 3) / spread])
    np.testing.assert_allclose(first, [0, 0, 1 / spread, 1 / spread, 1 / spread, 0, 0, 2 / spread])
    # newest of each phase: 4 (row 4), 1 (row 1, since row 5 is missing), 6, 8, and again from the first
    np.testing.assert_allclose(encoded.base[0] * spread + level, [4, 1, 6, 8, 4])


def test_without_residual_the_forecast_is_the_last_season() -> None:
    past = np.exp(np.random.default_rng(0).normal(size=(3, 8)))
    for use_log in (np.array([True] * 3), np.array([False] * 3)):
        encoded = encode(past, use_log, CONFIG)
        forecast = decode(np.zeros((3, 5, 1)), encoded, use_log)[:, :, 0]
        np.testing.assert_allclose(forecast, past[:, [4, 5, 6, 7, 4]], rtol=1e-12)


@pytest.mark.parametrize("use_log", [True, False])
def test_targets_come_back(use_log: bool) -> None:
    generator = np.random.default_rng(1)
    past, future = np.exp(generator.normal(size=(4, 8))), np.exp(generator.normal(size=(4, 5)))
    future[0, 2] = NAN
    flags = np.array([use_log] * 4)
    encoded = encode(past, flags, CONFIG)
    target, mask = encode_target(future, flags, encoded)
    back = decode(target[:, :, None], encoded, flags)[:, :, 0]
    assert mask[0].tolist() == [1, 1, 0, 1, 1]
    inside = (mask > 0) & (np.abs(target) < TARGET_CLIP)
    np.testing.assert_allclose(back[inside], future[inside], rtol=1e-10)


@pytest.mark.parametrize("use_log", [True, False])
def test_a_thousandfold_series_looks_the_same(use_log: bool) -> None:
    past = 5 + np.random.default_rng(2).random((6, 8))
    flags = np.array([use_log] * 6)
    one, thousand = encode(past, flags, CONFIG), encode(1000 * past, flags, CONFIG)
    np.testing.assert_allclose(one.features, thousand.features, atol=1e-9)
    np.testing.assert_allclose(one.base, thousand.base, atol=1e-9)


@pytest.mark.parametrize(
    "past",
    [
        [[NAN] * 8],
        [[NAN] * 7 + [3.0]],
        [[5.0] * 8],
        [[0.0] * 8],
        [[1e29, -1e29] * 4],
        [[1e9 + 1e-3 * k for k in range(8)]],
        [[1e-300] * 7 + [2e-300]],
    ],
)
def test_odd_windows_stay_finite(past) -> None:
    past = np.array(past)
    positive = np.nan_to_num(past, nan=1.0).min() > 0
    for use_log in {False, bool(positive)}:
        encoded = encode(past, np.array([use_log]), CONFIG)
        for array in encoded:
            assert np.isfinite(array).all()
        assert np.isfinite(decode(np.ones((1, 5, 1)), encoded, np.array([use_log]))).all()


def test_large_numbers_keep_their_small_differences() -> None:
    past = np.array([[1e9 + 1e-3 * k for k in range(8)]])
    value = encode(past, np.array([True]), NetworkConfig(5, 8, 1, log_unit=1e-12)).features[0, :, 0]
    steps = np.diff(value)
    assert (steps > 0.5).all()


def test_rows_before_a_series_begins_count_as_missing_whatever_lies_there() -> None:
    history = history_of([777.0] * 20, [1.0, 2.0, 3.0, 4.0, 5.0])
    windows = history.windows(np.array([1]), np.array([25]))
    encoded = both_kinds(gather_past(history.values, windows, 8))
    alone = both_kinds([[NAN, NAN, NAN, 1, 2, 3, 4, 5]])
    for a, b in zip(encoded, alone, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.network
def test_keras_operations_give_what_numpy_gives() -> None:
    import keras

    import gruforecast.networks  # noqa: F401 - sets up TensorFlow first

    generator = np.random.default_rng(3)
    past = np.exp(generator.normal(size=(20, 8)))
    past[generator.random(past.shape) < 0.2] = NAN
    flags = generator.random(20) < 0.5
    expected = encode(past, flags, CONFIG)
    found = encode(keras.ops.convert_to_tensor(past), keras.ops.convert_to_tensor(flags), CONFIG, keras.ops)
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(a, np.asarray(b), rtol=1e-12, atol=1e-12)
    residual = generator.normal(size=(20, 5, 1))
    np.testing.assert_allclose(
        decode(residual, expected, flags), np.asarray(decode(residual, found, flags, keras.ops)), rtol=1e-12
    )


def test_an_exact_season_far_from_the_level_asks_nothing_of_the_network() -> None:
    """Targets are clipped around the base, not around the level: the base alone is already right here."""
    config = NetworkConfig(horizon=4, lookback=8, season_length=4, log_unit=0.001)
    season = np.array([[1.0, 50.0, 2.0, 70.0]])
    flags = np.array([True])
    encoded = encode(np.tile(season, 2), flags, config)
    target, mask = encode_target(season, flags, encoded)
    assert np.abs(encoded.base).max() > TARGET_CLIP
    np.testing.assert_allclose(target, 0, atol=1e-9)
    assert mask.all()


def test_a_window_without_any_past_teaches_nothing() -> None:
    flags = np.array([True, True])
    past = np.array([[NAN] * 8, [NAN] * 7 + [2.0]])
    _, mask = encode_target(np.ones((2, 5)), flags, encode(past, flags, CONFIG))
    assert mask.any(axis=1).tolist() == [False, True]

"""From raw windows to what a network sees, and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from makers import history_of

from gruforecast.data.windows import gather_past
from gruforecast.models.networks.config import NetworkConfig
from gruforecast.models.networks.features import (
    MIN_RESTLESS,
    TARGET_CLIP,
    Knobs,
    decode,
    encode,
    encode_target,
    restlessness,
)

NAN = float("nan")
CONFIG = NetworkConfig(horizon=5, lookback=8, season_length=4, log_unit=0.5)


def seen(past, flags, config=CONFIG):
    """`encode` where stamps do not matter."""
    return encode(past, np.zeros(len(past)), flags, config)


def both_kinds(past):
    past = np.asarray(past, float)
    flags = np.array([False] * len(past))
    return seen(past, flags)


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
        encoded = seen(past, use_log)
        forecast = decode(np.zeros((3, 5, 1)), encoded, use_log)[:, :, 0]
        np.testing.assert_allclose(forecast, past[:, [4, 5, 6, 7, 4]], rtol=1e-12)


@pytest.mark.parametrize("use_log", [True, False])
def test_targets_come_back(use_log: bool) -> None:
    generator = np.random.default_rng(1)
    past, future = np.exp(generator.normal(size=(4, 8))), np.exp(generator.normal(size=(4, 5)))
    future[0, 2] = NAN
    flags = np.array([use_log] * 4)
    encoded = seen(past, flags)
    target, mask = encode_target(future, flags, encoded)
    back = decode(target[:, :, None], encoded, flags)[:, :, 0]
    assert mask[0].tolist() == [1, 1, 0, 1, 1]
    inside = (mask > 0) & (np.abs(target) < TARGET_CLIP)
    np.testing.assert_allclose(back[inside], future[inside], rtol=1e-10)


@pytest.mark.parametrize("use_log", [True, False])
def test_a_thousandfold_series_looks_the_same(use_log: bool) -> None:
    past = 5 + np.random.default_rng(2).random((6, 8))
    flags = np.array([use_log] * 6)
    one, thousand = seen(past, flags), seen(1000 * past, flags)
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
        encoded = seen(past, np.array([use_log]))
        for array in encoded[:-1]:  # nothing is known ahead
            assert np.isfinite(array).all()
        assert np.isfinite(decode(np.ones((1, 5, 1)), encoded, np.array([use_log]))).all()


def test_large_numbers_keep_their_small_differences() -> None:
    past = np.array([[1e9 + 1e-3 * k for k in range(8)]])
    value = seen(past, np.array([True]), NetworkConfig(5, 8, 1, log_unit=1e-12)).features[0, :, 0]
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

    import gruforecast.models.training  # noqa: F401 - sets up TensorFlow first

    generator = np.random.default_rng(3)
    past = np.exp(generator.normal(size=(20, 8)))
    past[generator.random(past.shape) < 0.2] = NAN
    flags = generator.random(20) < 0.5
    past[:5] -= past[:5] * (generator.random((5, 8)) < 0.2)  # some zeros
    shares = {"own_spread": 0.7, "averaged": 0.3}
    config = NetworkConfig(5, 8, 4, log_unit=0.5, step_days=1.0, periods=(7.0, 365.2425), calendar=True, **shares)
    origin = generator.integers(0, 20_000, 20).astype(float)
    expected = encode(past, origin, flags, config)
    given = [keras.ops.convert_to_tensor(one) for one in (past, origin, flags)]
    found = encode(*given, config, keras.ops)
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
    encoded = seen(np.tile(season, 2), flags, config)
    target, mask = encode_target(season, flags, encoded)
    assert np.abs(encoded.base).max() > TARGET_CLIP
    np.testing.assert_allclose(target, 0, atol=1e-9)
    assert mask.all()


def test_a_window_without_any_past_teaches_nothing() -> None:
    flags = np.array([True, True])
    past = np.array([[NAN] * 8, [NAN] * 7 + [2.0]])
    _, mask = encode_target(np.ones((2, 5)), flags, seen(past, flags))
    assert mask.any(axis=1).tolist() == [False, True]


def test_zeros_are_seen_on_a_logarithmic_scale_that_is_linear_near_zero() -> None:
    past = np.array([[0.0, 10.0, 100.0, 1000.0, 0.0, 10.0, 100.0, 1000.0]])
    flags = np.array([True])
    encoded = seen(past, flags)
    value = encoded.features[0, :, 0]
    assert np.isfinite(value).all()
    steps = np.diff(value[:4])
    assert steps[2] * encoded.unit[0, 0] == pytest.approx(np.log(10), rel=0.1)  # far above the scale of 27.75
    assert steps[0] < 0.5 * steps[2]
    forecast = decode(np.zeros((1, 5, 1)), encoded, flags)[0, :, 0]
    np.testing.assert_allclose(forecast, [0, 10, 100, 1000, 0], atol=1e-9)
    assert decode(np.full((1, 5, 1), -50.0), encoded, flags).min() >= 0
    target, mask = encode_target(np.array([[0.0, 5.0, 0.0, 2000.0, 1.0]]), flags, encoded)
    assert mask.min() == 1
    back = decode(target[:, :, None], encoded, flags)[0, :, 0]
    np.testing.assert_allclose(back, [0, 5, 0, 2000, 1], atol=1e-9)


def test_its_own_spread_makes_a_window_look_the_same_however_much_it_varies() -> None:
    """A power of positive values stretches their logs; half of the own spread undoes half of that, in powers."""
    logs = np.array([[0.0, 0.5, -0.3, 0.2, 0.1, 0.4, -0.2, 0.3]])
    flags = np.array([True])
    for own, factor in ((1.0, 1.0), (0.5, 2.0), (0.0, 4.0)):
        config = NetworkConfig(horizon=5, lookback=8, season_length=4, log_unit=0.3, own_spread=own)
        small, large = (seen(np.exp(size * logs), flags, config) for size in (1.0, 4.0))
        np.testing.assert_allclose(large.features[..., 0], factor * small.features[..., 0], atol=1e-6)
        back = decode(np.zeros((1, 5, 1)), large, flags)[0, :, 0]
        np.testing.assert_allclose(np.log(back), 4 * logs[0, [4, 5, 6, 7, 4]], atol=1e-6)


def test_an_averaged_base_is_the_mean_distance_from_each_seasons_level() -> None:
    pattern, levels = np.array([-3.0, 1.0, 0.0, 2.0]), [10.0, 50.0]
    past = np.concatenate([level + factor * pattern for level, factor in zip(levels, (1, 3), strict=True)])[None]
    config = NetworkConfig(horizon=5, lookback=8, season_length=4, averaged=1.0)
    encoded = seen(past, np.array([False]), config)
    base = encoded.base[0] * encoded.unit[0] + encoded.level[0]
    np.testing.assert_allclose(base, 50 + 2 * pattern[[0, 1, 2, 3, 0]])  # the mean of both, on the newest level
    half = seen(past, np.array([False]), NetworkConfig(5, 8, 4, averaged=0.5))
    np.testing.assert_allclose(half.base[0] * half.unit[0] + half.level[0], 50 + 2.5 * pattern[[0, 1, 2, 3, 0]])


def test_the_calendar_is_that_of_each_row() -> None:
    config = NetworkConfig(5, 8, 1, step_days=1.0, periods=(7.0,), calendar=True)
    monday = np.array([(np.datetime64("2024-03-04") - np.datetime64("1970-01-01")).astype(float)])
    features = encode(np.ones((1, 8)), monday, np.array([False]), config).features[0]
    assert features.shape == (8, 6)
    np.testing.assert_allclose(features[7, 4:], features[0, 4:], atol=1e-9)  # a week before
    thursday = features[3, 4:]  # 1970-01-01 was one
    np.testing.assert_allclose(thursday, [0.0, 1.0], atol=1e-9)
    off = NetworkConfig(5, 8, 1, step_days=1.0, periods=(7.0,))
    assert (encode(np.ones((1, 8)), monday, np.array([False]), off).features[:, :, 4:] == 0).all()


def test_a_trend_without_a_season_is_damped_and_starts_from_the_last_value() -> None:
    past = np.arange(1.0, 9.0)[None]
    config = NetworkConfig(horizon=3, lookback=8, season_length=1, trend=1.0)
    encoded = seen(past, np.array([False]), config)
    base = encoded.base[0] * encoded.unit[0] + encoded.level[0]
    np.testing.assert_allclose(base, [8.9, 9.71, 10.439])  # 8 + 0.9, + 0.81, + 0.729
    half = seen(past, np.array([False]), NetworkConfig(3, 8, 1, trend=0.5))
    np.testing.assert_allclose((half.base * half.unit + half.level)[0], [8.45, 8.855, 9.2195])
    none = seen(past, np.array([False]), NetworkConfig(3, 8, 1))
    np.testing.assert_allclose((none.base * none.unit + none.level)[0], [8, 8, 8])


def test_a_season_seen_in_part_does_not_bend_the_averaged_base() -> None:
    pattern = np.array([-1.0, -1.0, 1.0, 1.0])
    past = np.concatenate([[NAN, NAN], pattern[2:], pattern, pattern])[None] + 10
    config = NetworkConfig(horizon=4, lookback=12, season_length=4, averaged=1.0)
    encoded = seen(past, np.array([False]), config)
    np.testing.assert_allclose(encoded.base[0] * encoded.unit[0] + encoded.level[0], 10 + pattern)


def test_series_with_zeros_are_near_unit_size_whatever_the_others_are() -> None:
    lumpy = np.random.default_rng(4).poisson(2.0, size=(50, 24)).astype(float)
    lumpy[:, 3] = 0.0
    config = NetworkConfig(horizon=4, lookback=24, season_length=4, log_unit=0.01)  # of smooth series beside them
    encoded = seen(lumpy, np.array([True] * 50), config)
    assert np.abs(encoded.features).max() < 10


def test_shares_of_periods_stand_for_days_where_numbers_are_short() -> None:
    config = NetworkConfig(40, 24, 12, step_days=0.25, periods=(1.0, 7.0, 365.2425), calendar=True, decoder="parallel")
    days = np.array([19_000.25, -7_000.75, 3.5])
    past = np.ones((3, 24))
    whole = encode(past, days, np.array([True] * 3), config)
    shares = np.stack([np.mod(days / period, 1.0) for period in config.periods], axis=1)
    short = encode(past, shares, np.array([True] * 3), config)
    np.testing.assert_allclose(short.features, whole.features, atol=1e-9)
    np.testing.assert_allclose(short.future, whole.future, atol=1e-9)


def test_a_window_is_as_restless_as_its_pairs_of_seasons_are_apart() -> None:
    """Pairs that are equal count; rows that are missing, and those before the first season, do not."""
    config = NetworkConfig(5, 8, 2)
    features = np.zeros((2, 8, 4))
    features[:, :, 1] = 1.0
    features[0, 2:, 2] = [0.5, -0.5, 0.0, 1e-9, 1.0, -1.0]
    features[0, 3, 1] = 0.0  # rows 3 and 5 have no pair
    features[0, [3, 5], 2] = 0.0
    found = restlessness(features, config)
    np.testing.assert_allclose(found[:, 0, 0], [2.5 / 4, MIN_RESTLESS])
    unseen = restlessness(np.zeros((1, 8, 4)), config)
    assert unseen.tolist() == [[[1.0]]]
    short = restlessness(np.ones((1, 2, 4)), NetworkConfig(5, 2, 2))
    assert short.tolist() == [[[1.0]]]


# --- golden numbers at the edges


def test_a_window_whose_last_season_is_missing_lies_about_the_level_of_all() -> None:
    encoded = both_kinds([[1.0, 2.0, NAN, 6.0, NAN, NAN, NAN, NAN]])
    assert encoded.level.tolist() == [[3.0]]
    one = both_kinds([[1.0, 2.0, NAN, 6.0, NAN, 10.0, NAN, NAN]])
    assert one.level.tolist() == [[10.0]]  # one value of the last season is enough
    base = one.base[0] * one.unit[0] + one.level[0]
    np.testing.assert_allclose(base, [1, 10, 10, 6, 1])  # the third phase was never seen: the level


def test_without_a_season_the_level_is_that_of_three_rows() -> None:
    past = np.array([[100.0, 1.0, 2.0, 6.0], [100.0, NAN, NAN, 6.0], [4.0, NAN, NAN, NAN]])
    encoded = seen(past, np.array([False] * 3), NetworkConfig(horizon=2, lookback=4, season_length=1))
    assert encoded.level[:, 0].tolist() == [3.0, 6.0, 4.0]


def test_the_unit_of_a_window_that_hardly_moves() -> None:
    """Never below a thousandth of its mean size; 1 where there is nothing."""
    past = np.array([[1000.0, 1000.0, 1000.0, 1000.1], [0.0] * 4, [-5.0] * 4, [NAN] * 4, [2.0, 4.0, NAN, NAN]])
    unit = seen(past, np.array([False] * 5), NetworkConfig(horizon=2, lookback=4, season_length=2)).unit[:, 0]
    np.testing.assert_allclose(unit, [1.000025, 1.0, 0.005, 1.0, 1.0])


@pytest.mark.parametrize(("own_spread", "deviation", "expected"), [
    (1.0, 0.5, 0.5), (1.0, 0.01, 0.02), (0.5, 0.8, 0.2 * 2), (0.5, 1e-6, 0.2 * 0.1**0.5), (0.0, 0.8, 0.2),
])  # fmt: skip
def test_the_unit_of_a_logged_window(own_spread: float, deviation: float, expected: float) -> None:
    """Of the panel's 0.2 a power of the window's own share, which is a tenth at least."""
    past = np.exp(deviation * np.array([[1.0, -1.0, 1.0, -1.0]]))
    config = NetworkConfig(horizon=2, lookback=4, season_length=2, log_unit=0.2, own_spread=own_spread)
    assert seen(past, np.array([True]), config).unit[0, 0] == pytest.approx(expected, rel=1e-5)


def test_the_scale_of_the_logarithm_is_far_below_positive_values_and_among_others() -> None:
    past = np.array([[1.0, 3.0, NAN, 5.0], [0.0, 3.0, NAN, 6.0], [0.0, 0.0, 0.0, NAN], [NAN] * 4])
    encoded = seen(past, np.array([True] * 4), NetworkConfig(horizon=2, lookback=4, season_length=2, log_unit=0.3))
    np.testing.assert_allclose(encoded.scale[:, 0], [3e-6, 0.3, 1.0, 1.0])
    assert encoded.unit[0, 0] == pytest.approx(0.3)
    assert encoded.unit[1, 0] != pytest.approx(0.3)  # a window with a zero has its own


def test_only_the_newest_twelve_steps_make_the_trend() -> None:
    steps = np.array([50.0, 1.0, *[2.0] * 10, 5.0])
    past = np.concatenate([[0.0], np.cumsum(steps)])[None]
    config = NetworkConfig(horizon=2, lookback=14, season_length=1, trend=1.0)
    encoded = seen(past, np.array([False]), config)
    slope = (1 + 20 + 5) / 12
    base = encoded.base[0] * encoded.unit[0] + encoded.level[0]
    np.testing.assert_allclose(base, past[0, -1] + slope * np.array([0.9, 1.71]))
    holes = past.copy()
    holes[0, 5] = NAN  # takes two steps away, and what is left is averaged over the ten
    encoded = seen(holes, np.array([False]), config)
    base = encoded.base[0] * encoded.unit[0] + encoded.level[0]
    np.testing.assert_allclose(base, past[0, -1] + (1 + 16 + 5) / 10 * np.array([0.9, 1.71]))


def test_only_the_newest_three_seasons_are_averaged_and_the_rest_of_a_window_is_none() -> None:
    """Lookback of four seasons and a row: the oldest row belongs to no whole season."""
    pattern = np.array([-2.0, 3.0, -1.0])
    sizes = (9.0, 1.0, 2.0, 6.0)
    past = np.concatenate([[70.0], *(10 + size * pattern for size in sizes)])[None]
    config = NetworkConfig(horizon=4, lookback=13, season_length=3, averaged=1.0)
    encoded = seen(past, np.array([False]), config)
    base = encoded.base[0] * encoded.unit[0] + encoded.level[0]
    np.testing.assert_allclose(base, 10 + 3 * pattern[[0, 1, 2, 0]])
    plain = seen(past, np.array([False]), NetworkConfig(horizon=4, lookback=13, season_length=3))
    np.testing.assert_allclose(plain.base[0] * plain.unit[0] + plain.level[0], 10 + 6 * pattern[[0, 1, 2, 0]])


def test_where_no_season_was_seen_whole_parts_of_them_are_averaged() -> None:
    past = np.array([[8.0, NAN, 12.0, 1.0, 5.0, NAN], [8.0, 9.0, 13.0, 1.0, 5.0, NAN]])
    config = NetworkConfig(horizon=3, lookback=6, season_length=3, averaged=1.0)
    encoded = seen(past, np.array([False] * 2), config)
    base = encoded.base * encoded.unit + encoded.level
    np.testing.assert_allclose(encoded.level[:, 0], [3.0, 3.0])
    np.testing.assert_allclose(base, [[3 - 2, 3 + 2, 3 + 2], [3 - 2, 3 - 1, 3 + 3]])


def test_targets_are_clipped_at_twenty_units_around_the_base() -> None:
    past = np.array([[1.0, 3.0] * 4])
    encoded = both_kinds(past)
    assert encoded.unit[0, 0] == 1.0
    target, _ = encode_target(
        encoded.level + np.array([[18.0, 22.0, -18.0, -30.0, NAN]]) + encoded.base, np.array([False]), encoded
    )
    assert target[0, :4].tolist() == [18.0, 20.0, -18.0, -20.0]
    assert TARGET_CLIP == 20.0


def test_a_logged_forecast_is_never_negative_nor_infinite() -> None:
    flags = np.array([True])
    encoded = seen(np.array([[1.0, 2.0] * 4]), flags)
    found = decode(np.array([[[1e9, -1e9]] * 5]), encoded, flags)
    np.testing.assert_allclose(found[0, :, 0], 1.5e-6 * np.sinh(300.0))
    assert (found[0, :, 1] == 0).all()
    plain = decode(np.array([[[-1e9]] * 5]), both_kinds([[1.0, 2.0] * 4]), np.array([False]))
    assert plain.max() < 0


def test_logged_and_other_windows_of_one_batch_do_not_touch_each_other() -> None:
    past = np.array([[1.0, 2.0, 4.0, 3.0] * 2, [1.0, -2.0, 4.0, 3.0] * 2])
    future = np.array([[2.0, 3.0, 1.0, NAN, 5.0]] * 2)
    flags = np.array([True, False])
    together = seen(past, flags)
    target, mask = encode_target(future, flags, together)
    back = decode(target[:, :, None], together, flags)[:, :, 0]
    for k in range(2):
        alone = seen(past[[k]], flags[[k]])
        for whole, one in zip(together[:5], alone[:5], strict=True):
            np.testing.assert_array_equal(whole[[k]], one)
        expected = encode_target(future[[k]], flags[[k]], alone)
        np.testing.assert_array_equal(target[k], expected[0][0])
        assert mask[k].tolist() == [1, 1, 1, 0, 1]
        np.testing.assert_allclose(back[k][mask[k] > 0], future[k][mask[k] > 0])
    logged = np.log(future[0] / past[0, [0, 1, 2, 3, 0]]) / 0.5
    np.testing.assert_allclose(target[0][mask[0] > 0], logged[mask[0] > 0], atol=1e-6)


def test_the_calendar_of_the_horizon_is_that_of_its_rows() -> None:
    config = NetworkConfig(5, 8, 1, step_days=0.5, periods=(7.0, 365.2425), calendar=True)
    encoded = encode(np.ones((2, 8)), np.array([10.0, 12.25]), np.array([False] * 2), config)
    for window, origin in enumerate((10.0, 12.25)):
        before = origin + 0.5 * np.arange(-7, 1)
        later = origin + 0.5 * np.arange(1, 6)
        for place, period in enumerate((7.0, 365.2425)):
            for which, wave in enumerate((np.sin, np.cos)):
                channel = 2 * place + which
                found = encoded.features[window, :, 4 + channel]
                np.testing.assert_allclose(found, wave(2 * np.pi * before / period), atol=1e-9)
                found = encoded.future[window, :, channel]
                np.testing.assert_allclose(found, wave(2 * np.pi * later / period), atol=1e-9)


def test_restlessness_is_a_hundredth_at_least() -> None:
    assert MIN_RESTLESS == 0.01
    features = np.ones((1, 4, 4))
    features[0, :, 2] = [0.0, 0.012, 0.012, 0.012]
    assert restlessness(features, NetworkConfig(5, 4, 1))[0, 0, 0] == pytest.approx(0.012)
    features[0, 1:, 2] = 0.009
    assert restlessness(features, NetworkConfig(5, 4, 1))[0, 0, 0] == 0.01


def test_a_window_of_one_season_has_no_seasonal_difference() -> None:
    past = np.array([[1.0, 2.0, 4.0, 8.0]])
    features = seen(past, np.array([False]), NetworkConfig(horizon=2, lookback=4, season_length=4)).features
    assert features[0, :, 2].tolist() == [0.0] * 4
    assert features[0, 1:, 3].min() > 0


def test_knobs_take_the_place_of_those_of_the_configuration() -> None:
    past, flags = np.array([[3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0]]), np.array([True])
    other = replace(CONFIG, log_unit=0.25, own_spread=0.5, averaged=0.5)
    turned = encode(past, np.zeros(1), flags, CONFIG, knobs=Knobs.of(other))
    for found, expected, before in zip(turned, seen(past, flags, other), seen(past, flags), strict=True):
        np.testing.assert_array_equal(found, expected)
        assert expected is None or expected.shape == before.shape
    assert not np.array_equal(turned.unit, seen(past, flags).unit)
    assert not np.array_equal(turned.base, seen(past, flags).base)

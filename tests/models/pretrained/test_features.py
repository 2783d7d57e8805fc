"""Features of windows: a slow twin of some channels, and what they must not depend on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gruforecast.models.pretrained.features import FAST, ROWS, SLOW, Features, window_rows
from gruforecast.models.pretrained.inference import forward, weight_shapes

SEASONS = st.sampled_from([(1, None), (2, None), (4, None), (7, None), (7, 28), (12, None), (24, 168), (96, None)])


def made_weights(units: int = 8, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape).astype(np.float32) * 0.2 for name, shape in weight_shapes(units).items()}


WEIGHTS = made_weights()


def walk(n: int, rows: int, season: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.arange(rows)
    return 50 + rng.normal(size=(n, rows)).cumsum(axis=1) / 4 + 5 * np.sin(2 * np.pi * t / season)


def plain(n: int) -> np.ndarray:
    return np.zeros(n, bool)


def forecast(past: np.ndarray, season: int, horizon: int, log: np.ndarray, second: int | None = None) -> np.ndarray:
    features = Features.of(past, season, horizon, log, second)
    return features.restored(forward(WEIGHTS, features))


def test_a_slow_twin_of_level_scale_and_some_channels() -> None:
    season, rows = 12, 100
    past = walk(3, rows, season)
    past[:, 50] = np.nan
    found = Features.of(past, season, 5, plain(3))
    for i, y in enumerate(past):
        level = y[-season:].mean()
        pairs = [abs(y[t] - y[t - season]) for t in range(season, rows) if not np.isnan(y[t] - y[t - season])]
        scale = np.mean(pairs)
        assert found.level[i, 0] == pytest.approx(level)
        assert found.scale[i, 0] == pytest.approx(scale)
        for back in (1, 2, 17, 50, 96):
            row = found.fast[i, FAST - back]
            value = y[rows - back]
            assert row[1] == (not np.isnan(value))
            assert row[4] == pytest.approx(np.arcsinh((value - level) / scale) if row[1] else 0, abs=1e-5)
            phase = (-back) % season
            assert row[6] == pytest.approx(np.sin(2 * np.pi * phase / season), abs=1e-5)
        for h in range(5):
            assert found.ready[i, h, 0] == pytest.approx((y[rows - season + h] - level) / scale, rel=1e-4)
        shares = [np.mean(~np.isnan(y[max(0, rows - 12 * k) : rows - 12 * (k - 1)])) for k in range(1, 9)]
        np.testing.assert_allclose(found.slow[i, SLOW - 8 :, 1], shares[::-1], rtol=1e-5)


@settings(deadline=None, max_examples=25)
@given(SEASONS, st.integers(1, 40), st.integers(0, 5))
def test_a_horizon_is_the_beginning_of_a_longer_one(seasons, horizon: int, seed: int) -> None:
    season, second = seasons
    past = walk(3, 3 * season + 20, season, seed)
    short = forecast(past, season, horizon, plain(3), second)
    long = forecast(past, season, horizon + 17, plain(3), second)
    np.testing.assert_allclose(short, long[:, :horizon], rtol=1e-5)


@settings(deadline=None, max_examples=25)
@given(SEASONS, st.floats(1e-3, 1e6), st.floats(-1e3, 1e3), st.integers(0, 9))
def test_moved_and_stretched_series_have_moved_and_stretched_forecasts(
    seasons, stretch: float, move: float, seed: int
) -> None:
    season, second = seasons
    past = walk(4, 2 * season + 30, season, seed)
    past[1, ::7] = np.nan
    before, after = (forecast(y, season, 9, plain(4), second) for y in (past, stretch * (past + move)))
    unit = stretch * (np.nanstd(past) + 1)
    np.testing.assert_allclose(after / unit, stretch * (before + move) / unit, atol=2e-2)


@settings(deadline=None, max_examples=25)
@given(SEASONS, st.floats(1e-6, 1e6), st.integers(0, 9))
def test_on_the_logarithmic_scale_another_unit_changes_nothing_else(seasons, unit: float, seed: int) -> None:
    season, second = seasons
    past = np.exp(walk(4, 2 * season + 30, season, seed) / 20)
    before, after = (forecast(y, season, 9, ~plain(4), second) for y in (past, unit * past))
    np.testing.assert_allclose(after / unit, before, rtol=5e-3)


def test_rows_before_the_start_and_other_windows_change_nothing() -> None:
    past = walk(5, 60, 12)
    padded = np.pad(past, ((0, 0), (70, 0)), constant_values=np.nan)
    found = forecast(past, 12, 6, plain(5))
    np.testing.assert_array_equal(found, forecast(padded, 12, 6, plain(5)))
    alone = np.concatenate([forecast(past[k : k + 1], 12, 6, plain(1)) for k in range(5)])
    np.testing.assert_allclose(found, alone, rtol=1e-5)


def test_older_rows_than_the_window_change_nothing() -> None:
    rows = window_rows(12)
    past = walk(2, rows + 30, 12)
    other = past.copy()
    other[:, :30] = 1e6
    np.testing.assert_array_equal(forecast(past, 12, 6, plain(2)), forecast(other, 12, 6, plain(2)))
    other[:, 30:60] += 30
    assert not np.allclose(forecast(past, 12, 6, plain(2)), forecast(other, 12, 6, plain(2)))


@pytest.mark.parametrize("season", [1, 4, 12, 24, 168, 288])
@pytest.mark.parametrize("rows", [1, 2, 3, 5, 30])
def test_few_rows_give_finite_forecasts_near_the_rows(season: int, rows: int) -> None:
    past = walk(3, rows, 12)
    found = Features.of(past, season, 8, plain(3))
    assert all(np.isfinite(one).all() for one in found.arrays.values())
    ready = found.restored(found.ready)
    size = np.ptp(past, axis=1).max() + 1e-3
    assert (np.abs(ready - past.mean(axis=1)[:, None, None]) <= 20 * size).all()


@pytest.mark.parametrize("value", [0.0, 1.0, -3.5, 1e300, -1e-300, 1e-12])
@pytest.mark.parametrize("season", [1, 12])
def test_a_constant_goes_on(value: float, season: int) -> None:
    found = forecast(np.full((2, 50), value), season, 6, plain(2))
    np.testing.assert_allclose(found, value, rtol=1e-3, atol=1e-250)
    if value > 0:
        np.testing.assert_allclose(forecast(np.full((2, 50), value), season, 6, ~plain(2)), value, rtol=1e-3)


@settings(deadline=None, max_examples=60)
@given(
    SEASONS,
    st.lists(st.one_of(st.just(np.nan), st.floats(-1e300, 1e300)), min_size=1, max_size=60),
    st.floats(-1e300, 1e300),
)
def test_any_window_has_finite_features(seasons, values: list[float], last: float) -> None:
    season, second = seasons
    found = Features.of(np.array([[*values, last]]), season, 5, plain(1), second)
    assert all(np.isfinite(one).all() for one in found.arrays.values())
    assert np.isfinite(found.level).all()
    assert (found.scale > 0).all()


def test_a_window_of_nothing_is_seen_as_nothing() -> None:
    found = Features.of(np.full((1, 30), np.nan), 12, 5, plain(1))
    assert all(np.isfinite(one).all() for one in found.arrays.values())
    assert not found.fast[:, :, :6].any()


def test_window_rows_are_whole_seasons_and_hold_a_second_one() -> None:
    for season in range(1, 289):
        rows = window_rows(season)
        assert rows % season == 0
        assert 80 <= rows <= 2100
    assert [window_rows(season) for season in (1, 4, 12, 24, 52)] == [160, 80, 240, 480, 676]
    for season, second in ((7, 365), (24, 168), (48, 336), (96, 672), (288, 2016)):
        assert window_rows(season, second) % season == 0
        assert window_rows(season, second) > second + season


def test_steps_are_padded_to_whole_tokens() -> None:
    found = Features.of(walk(1, 60, 12), 12, 6, plain(1))
    assert found.ahead.shape[1] == 8
    assert 8 % ROWS == 0
    assert forward(WEIGHTS, found).shape[1] == 6

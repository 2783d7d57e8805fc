"""Ready forecasts against loops over single series, against the baselines, and known answers."""

from __future__ import annotations

import numpy as np
import pytest
from makers import history_of

from gruforecast.models.baselines import seasonal_naive, theta
from gruforecast.models.pretrained.features import Features
from gruforecast.models.pretrained.ready import (
    HOLT,
    READY,
    Profile,
    Ready,
    by_phase,
    filled,
    lagged,
    line,
    masked_mean,
    smoothed,
)

SEASON, ROWS, HORIZON = 4, 40, 11
T = np.arange(ROWS, dtype=float)


def single(*series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    y = np.array(series, np.float32)
    seen = (~np.isnan(y)).astype(np.float32)
    return np.nan_to_num(y), seen


def gappy(seed: int = 0, n: int = 6, rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(n, rows)).cumsum(axis=1)
    y[rng.random((n, rows)) < 0.2] = np.nan
    y[0, : rows - 3] = np.nan
    y[:, -1] = 1.0
    return single(*y)


def named(ready: Ready, name: str) -> np.ndarray:
    return ready.forecasts[:, :, READY.index(name)]


def test_mean_of_what_is_seen() -> None:
    y, seen = single([1, np.nan, 5], [np.nan] * 3)
    np.testing.assert_allclose(masked_mean(y, seen), [3, 0])


def test_differences_where_both_are_seen() -> None:
    y, seen = single([1, np.nan, 5, 7, 4])
    difference, both = lagged(y, seen, 2)
    np.testing.assert_array_equal(both, [[0, 0, 1, 0, 1]])
    np.testing.assert_array_equal(difference, [[0, 0, 4, 0, -1]])
    assert not lagged(y, seen, 9)[1].any()


def test_a_trend_does_not_tilt_the_profile() -> None:
    shape = np.array([3.0, -1.0, -4.0, 2.0])
    y, seen = single(5 + 0.7 * T + np.tile(shape, ROWS // SEASON))
    found = Profile.of(y, seen, SEASON)
    np.testing.assert_allclose(found.shape, [shape], atol=1e-4)
    np.testing.assert_allclose(found.spread, 0, atol=1e-3)
    np.testing.assert_array_equal(found.counts, [[10] * 4])


def test_a_season_with_gaps_does_not_bend_the_profile() -> None:
    shape = np.array([30.0, -10.0, -40.0, 20.0])
    y = 5 + np.tile(shape, ROWS // SEASON)
    y[-4] = y[-2] = y[7] = np.nan
    found = Profile.of(*single(y), SEASON)
    np.testing.assert_allclose(found.shape, [shape], atol=0.05)
    np.testing.assert_allclose(found.means, 5, atol=0.1)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_newest_values_of_each_phase_equal_a_loop(rank: int) -> None:
    y, seen = gappy()
    total, number = by_phase(y, seen, SEASON, rank)
    for i in range(len(y)):
        for phase in range(SEASON):
            values = [v for v, s in zip(y[i, phase::SEASON][::-1], seen[i, phase::SEASON][::-1], strict=True) if s]
            assert total[i, phase] == pytest.approx(sum(values[:rank]), abs=1e-5)
            assert number[i, phase] == len(values[:rank])


def test_smoothing_equals_a_loop() -> None:
    y, seen = gappy()
    levels, errors = smoothed(y, seen)
    for i in range(len(y)):
        for k, rate in enumerate((0.05, 0.15, 0.3, 0.5, 0.75, 1.0)):
            total = weight = 0.0
            missed = []
            for value, there in zip(y[i], seen[i], strict=True):
                if there and weight > 1e-12:
                    missed.append(abs(value - total / weight))
                total, weight = (1 - rate) * total + there * value, (1 - rate) * weight + there
            assert errors[i, k] == pytest.approx(np.mean(missed), rel=1e-4)
            assert levels[i, k] == pytest.approx(total / weight, rel=1e-4)


def test_lines_equal_those_of_numpy() -> None:
    y, seen = gappy()
    for rows in (8, ROWS):
        end, slope = line(y, seen, rows)
        for i in range(len(y)):
            at = np.flatnonzero(seen[i, -rows:])
            expected = np.polyfit(at - rows + 1.0, y[i, -rows:][at], 1)
            np.testing.assert_allclose([slope[i], end[i]], expected, rtol=1e-3, atol=1e-4)


def test_a_gap_is_filled_by_the_value_before_and_the_start_by_the_first() -> None:
    y, seen = single([np.nan, 2, np.nan, np.nan, 3, np.nan])
    np.testing.assert_array_equal(filled(y, seen), [[2, 2, 2, 2, 3, 3]])


def test_damped_trends_equal_a_loop() -> None:
    y, seen = gappy()
    found = Ready.of(y, seen, 1, HORIZON, None)
    whole = filled(y, seen)
    for name, (rate, trend_rate, damping) in zip(("fast damped trend", "slow damped trend"), HOLT, strict=True):
        for i in range(len(y)):
            level, trend = float(whole[i, 0]), 0.0
            for value in whole[i, 1:]:
                before = level
                level = (level + damping * trend) * (1 - rate) + rate * value
                trend = trend_rate * (level - before) + (1 - trend_rate) * damping * trend
            expected = [level + trend * sum(damping**k for k in range(1, h + 1)) for h in range(1, HORIZON + 1)]
            np.testing.assert_allclose(named(found, name)[i], expected, rtol=2e-4, atol=1e-4)


def test_a_line_with_a_season_goes_on_in_every_forecast_that_has_both() -> None:
    shape = np.array([3.0, -1.0, -4.0, 2.0])
    future = np.arange(ROWS, ROWS + HORIZON)
    y, seen = single(5 + 0.7 * T + np.tile(shape, ROWS // SEASON))
    expected = 5 + 0.7 * future + shape[future % SEASON]
    found = Ready.of(y, seen, SEASON, HORIZON, None)
    for name in ("last season with drift", "newest line", "line"):
        np.testing.assert_allclose(named(found, name)[0], expected, atol=2e-3, err_msg=name)
    last = 5 + 0.7 * (36 + np.arange(HORIZON) % 4) + shape[future % SEASON]
    np.testing.assert_allclose(named(found, "last season")[0], last, rtol=1e-5)
    np.testing.assert_allclose(named(found, "season before")[0], last - 2.8, atol=1e-4)
    np.testing.assert_allclose(named(found, "newest three seasons")[0], last - 2.8, atol=1e-4)
    np.testing.assert_allclose(named(found, "newest value")[0], y[0, -1])


def test_theta_goes_on_with_half_the_slope_from_the_newest_level() -> None:
    found = Ready.of(*single(5 + 0.7 * T), 1, HORIZON, None)
    h = np.arange(1, HORIZON + 1)
    np.testing.assert_allclose(named(found, "theta")[0], 5 + 0.7 * 39 + 0.35 * h, atol=0.1)


def test_a_start_within_a_season_changes_no_phase() -> None:
    shape = np.array([3.0, -1.0, -4.0, 2.0])
    y, seen = single(5 + np.tile(shape, ROWS // SEASON)[2:])
    found = Ready.of(y, seen, SEASON, 4, None)
    for name in ("last season", "season before", "newest value and profile", "slow damped trend", "line", "theta"):
        np.testing.assert_allclose(named(found, name)[0], 5 + shape, atol=1e-3, err_msg=name)


def test_a_week_over_a_day_goes_on_in_the_forecasts_of_the_second_season() -> None:
    day, week = 4, 28
    t = np.arange(5 * week + 20)
    values = np.sin(2 * np.pi * t / week) * 3 + np.array([5.0, 1, -3, -3])[t % day] * (1 + (t // day % 7 < 5))
    y, seen = single(values[: 5 * week])
    found = Ready.of(y, seen, day, 20, week)
    for name in ("second season ago", "second season ago, moved", "second profile"):
        np.testing.assert_allclose(named(found, name)[0], values[5 * week :], atol=1e-4, err_msg=name)
    moved, _ = single(values[: 5 * week] + 10 * (t[: 5 * week] >= 5 * week - day))
    found = Ready.of(moved, seen, day, 20, week)
    np.testing.assert_allclose(named(found, "second season ago, moved")[0], values[5 * week :] + 10, atol=1e-4)


def test_seasonal_naive_and_theta_are_those_of_the_baselines() -> None:
    rng = np.random.default_rng(4)
    t = np.arange(96)
    series = [
        np.exp(3 + 0.01 * t + 0.3 * np.sin(2 * np.pi * t / 12) + 0.05 * rng.normal(size=96).cumsum() / 3)
        for _ in range(8)
    ]
    history = history_of(*series)
    windows = history.windows(np.arange(8), history.indptr[1:])
    features = Features.of(np.array(series), 12, 12, np.ones(8, bool))
    ready = features.restored(features.ready)[:, :12]
    np.testing.assert_allclose(ready[:, :, 0], seasonal_naive(history, windows, 12, 12), rtol=1e-4)
    near = theta(history, windows, 12, 12)
    away = np.abs(ready[:, :, READY.index("theta")] / near - 1)
    assert away.mean() < 0.03
    assert away.max() < 0.12

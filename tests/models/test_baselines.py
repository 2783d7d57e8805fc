"""Baselines against loops over single series, and Theta against another implementation."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from makers import AIR, history_of
from statsmodels.tsa.seasonal import seasonal_decompose

from gruforecast.data.read import read_csv, read_like
from gruforecast.data.scale import mase_scale
from gruforecast.evaluation.metrics import mase, smape
from gruforecast.evaluation.splits import average, split
from gruforecast.models import baselines as room
from gruforecast.models.baselines import baselines, drift, naive, seasonal_indices, seasonal_naive, theta, window_mean
from gruforecast.models.registry import model_of

NAN = float("nan")
SERIES = [
    np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.0]),
    np.array([2.0, 7.0, NAN, 8.0, 2.0, 8.0, NAN, NAN, 4.0, 5.0, 9.0, NAN, 4.0]),
    np.array([1.0, 2.0]),
]
ENDS = [(0, 10), (0, 6), (1, 13), (1, 8), (2, 2)]


def windows_of(history):
    number = np.array([s for s, _ in ENDS])
    return history.windows(number, history.indptr[number] + np.array([e for _, e in ENDS]))


def slow_naive(y, horizon, m):
    return [y[~np.isnan(y)][-1]] * horizon


def slow_seasonal_naive(y, horizon, m):
    found = []
    for h in range(horizon):
        back = len(y) - m + h % m
        while back >= 0 and np.isnan(y[back]):
            back -= m
        found.append(y[back] if back >= 0 else y[~np.isnan(y)][-1])
    return found


def slow_drift(y, horizon, m):
    seen = np.flatnonzero(~np.isnan(y))
    slope = (y[seen[-1]] - y[seen[0]]) / max(seen[-1] - seen[0], 1)
    return [y[seen[-1]] + slope * (len(y) + h - seen[-1]) for h in range(horizon)]


def slow_window_mean(y, horizon, m):
    tail = y[-(m if m > 1 else horizon) :]
    return [np.nanmean(tail)] * horizon


@pytest.mark.parametrize("m", [1, 3])
@pytest.mark.parametrize(
    ("fast", "slow"),
    [
        (naive, slow_naive),
        (seasonal_naive, slow_seasonal_naive),
        (drift, slow_drift),
        (window_mean, slow_window_mean),
    ],
)
def test_equal_to_a_loop(fast, slow, m: int) -> None:
    history = history_of(*SERIES)
    found = fast(history, windows_of(history), 5, m)
    for row, (series, end) in zip(found, ENDS, strict=True):
        np.testing.assert_allclose(row, slow(SERIES[series][:end], 5, m))


def test_theta_equals_statsforecast_on_the_air_passengers() -> None:
    from statsforecast.models import Theta

    y = read_csv(str(AIR)).panel.y
    history = history_of(y)
    for end in (96, 120, 132):
        ours = theta(history, history.windows(np.array([0]), np.array([end])), 12, 12)[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = Theta(season_length=12, decomposition_type="multiplicative").forecast(y[:end], 12)["mean"]
        np.testing.assert_allclose(ours, theirs, rtol=0.01)


def test_theta_of_a_straight_line_goes_on_half_as_steep() -> None:
    y = 10 + 2.0 * np.arange(60)
    history = history_of(y)
    found = theta(history, history.windows(np.array([0]), np.array([60])), 4, 1)[0]
    np.testing.assert_allclose(found, y[-1] + np.arange(1, 5), atol=0.02)


def test_seasonal_indices_of_an_exact_season() -> None:
    shape = np.array([0.5, 1.0, 1.5, 1.0])
    filled = np.tile(shape, 10)[None, :] * 8
    indices, multiply = seasonal_indices(filled, np.ones_like(filled, bool), 4)
    assert multiply[0]
    np.testing.assert_allclose(indices[0], shape)


def test_short_and_constant_series_get_a_forecast_from_every_baseline() -> None:
    history = history_of([5.0, 5.0], np.zeros(50), [-1.0] * 30, [1.0, NAN, NAN, 2.0])
    windows = history.windows(np.arange(4), history.indptr[1:])
    for model in baselines(12).values():
        found = model.forecast(history, windows, 6, 12).mean
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found[1], 0)


def test_without_a_season_there_is_no_second_naive() -> None:
    assert "seasonal-naive" not in baselines(1)
    assert "seasonal-naive" in baselines(7)


def test_windows_of_one_series_do_not_see_another() -> None:
    alone = history_of(SERIES[0])
    together = history_of(SERIES[1], SERIES[0], SERIES[1])
    for model in baselines(3).values():
        one = model.forecast(alone, alone.windows(np.array([0]), np.array([10])), 4, 3).mean
        two = model.forecast(together, together.windows(np.array([1]), together.indptr[[2]]), 4, 3).mean
        np.testing.assert_allclose(one, two)


# --- Theta, step by step


def slow_theta(y: np.ndarray, horizon: int, m: int) -> np.ndarray:
    """Decomposition by statsmodels, the line by polyfit, smoothing by a loop, rates from the same two grids."""
    with_season = m > 1 and len(y) >= 2 * m and is_seasonal(y, m)
    multiply, season = y.min() > 0, np.full(m, float(y.min() > 0))
    if with_season:
        model = "multiplicative" if multiply else "additive"
        season = np.array(seasonal_decompose(y, model=model, period=m).seasonal[:m])
    whole = np.tile(season, -(-(len(y) + horizon) // m))[: len(y) + horizon]
    flat = y / whole[: len(y)] if multiply else y - whole[: len(y)]
    slope, intercept = np.polyfit(np.arange(len(y)), flat, 1)
    line = intercept + slope * np.arange(len(y) + horizon)
    curved = 2 * flat - line[: len(y)]

    def smoothed(rate: float) -> tuple[float, float]:
        level, squares = curved[0], 0.0
        for value in curved[1:]:
            squares += (value - level) ** 2
            level += rate * (value - level)
        return squares, level

    coarse = min(np.linspace(0.02, 0.98, 17), key=lambda rate: smoothed(rate)[0])
    rates = np.clip(coarse + np.arange(-6, 7) / 100, 0.005, 0.995)
    level = smoothed(min(rates, key=lambda rate: smoothed(rate)[0]))[1]
    found = 0.5 * (level + line[len(y) :])
    return found * whole[len(y) :] if multiply else found + whole[len(y) :]


def is_seasonal(y: np.ndarray, m: int) -> bool:
    """The test of the M4 competition's code: 1.645 standard errors of the autocorrelation at lag m."""
    d = y - y.mean()
    r = [float((d[k:] * d[: len(d) - k]).sum() / (d * d).sum()) for k in range(1, m + 1)]
    return abs(r[-1]) > 1.645 * np.sqrt((1 + 2 * sum(one**2 for one in r[:-1])) / len(y))


def wavy(rows: int, m: int, level: float, seed: int, size: float = 3.0) -> np.ndarray:
    """A drifting series with an uneven season."""
    generator = np.random.default_rng(seed)
    shape = generator.normal(size=m)
    return level + 0.1 * np.arange(rows) + size * np.resize(shape, rows) + generator.normal(size=rows)


@pytest.mark.parametrize("level", [30.0, 0.0])
@pytest.mark.parametrize(("rows", "m"), [(43, 4), (45, 7), (8, 4), (7, 4), (14, 7), (61, 12), (30, 1), (26, 2)])
def test_theta_equals_a_slow_twin(rows: int, m: int, level: float) -> None:
    y = wavy(rows, m, level, rows)
    for horizon in (1, m + 2):
        history = history_of([9.0], y, [5.0, 1.0])
        found = theta(history, history.windows(np.array([1]), history.indptr[[2]]), horizon, m)[0]
        np.testing.assert_allclose(found, slow_theta(y, horizon, m), rtol=1e-9, atol=1e-9)


def test_theta_of_unequal_series_together_is_that_of_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    series = [wavy(43, 4, 30.0, 1), wavy(20, 4, 0.0, 2), np.array([3.0]), wavy(9, 4, 50.0, 3), np.array([1.0, 4.0])]
    history = history_of(*series)
    windows = history.windows(np.arange(5), history.indptr[1:])
    whole = theta(history, windows, 6, 4)
    for found, y in zip(whole, series, strict=True):
        expected = slow_theta(y, 6, 4) if len(y) > 2 else None
        if expected is not None:
            np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_allclose(whole[2], 3.0)
    monkeypatch.setattr(room, "BLOCK_NUMBERS", 150)  # two series at a time
    np.testing.assert_allclose(theta(history, windows, 6, 4), whole, rtol=1e-12)
    assert theta(history, windows[:0], 6, 4).shape == (0, 6)


def test_theta_reads_the_newest_five_hundred_rows_or_twenty_seasons() -> None:
    for m, read in ((1, 500), (30, 600)):
        y = wavy(640, m, 100.0, 4)
        found = []
        for changed in (None, 640 - read - 1, 640 - read):
            values = y.copy()
            if changed is not None:
                values[changed] += 50
            history = history_of(values)
            found.append(theta(history, history.windows(np.array([0]), np.array([640])), 3, m))
        np.testing.assert_array_equal(found[0], found[1])
        assert not np.allclose(found[0], found[2], rtol=1e-9)


def test_missing_values_take_that_of_the_row_before() -> None:
    y = wavy(30, 4, 30.0, 5)
    holes = y.copy()
    holes[[7, 8, 29]] = NAN
    filled = y.copy()
    filled[[7, 8]], filled[29] = y[6], y[28]
    history = history_of(holes, filled)
    one, two = theta(history, history.windows(np.arange(2), history.indptr[1:]), 5, 4)
    np.testing.assert_allclose(one, two, rtol=1e-12)


@pytest.mark.parametrize("m", [4, 7])
def test_a_season_is_taken_out_where_its_autocorrelation_is_beyond_the_bound(m: int) -> None:
    """A season grown until a loop over single lags finds it is found at the same size."""
    generator = np.random.default_rng(6)
    noise, shape = generator.normal(size=50), np.resize(generator.normal(size=m), 50)
    low, high = 0.0, 5.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if is_seasonal(noise + middle * shape, m) else (middle, high)
    assert 0.05 < low < 2
    found = [
        seasonal_indices((noise + size * shape)[None], np.ones((1, 50), bool), m)[0].any()
        for size in (low * (1 - 1e-6), high * (1 + 1e-6))
    ]
    assert found == [False, True]


def test_indices_that_multiply_need_positive_values_and_a_sound_shape() -> None:
    shape = np.array([0.5, 1.0, 1.5, 1.0])
    with_zero = np.tile(shape, 10)[None] * 8
    with_zero[0, 5] = 0.0
    indices, multiply = seasonal_indices(with_zero, np.ones((1, 40), bool), 4)
    assert not multiply[0]
    assert indices[0].mean() == pytest.approx(0.0, abs=1e-12)
    assert indices[0, 2] > 2
    nothing = np.tile([1e-6, 1.0, 2.0, 1.0], 10)[None]  # a phase next to nothing cannot be divided by
    indices, multiply = seasonal_indices(nothing, np.ones((1, 40), bool), 4)
    assert multiply[0]
    assert indices.tolist() == [[1, 1, 1, 1]]
    two_seasons = np.tile(shape, 2)[None]
    assert seasonal_indices(two_seasons[:, 1:], np.ones((1, 7), bool), 4)[0].tolist() == [[1, 1, 1, 1]]


# --- exactly far enough


def test_a_phase_is_looked_for_four_seasons_back_and_no_further() -> None:
    y = np.arange(1.0, 16.0)
    for seasons, expected in ((3, [2.0, 14.0, 15.0]), (4, [15.0, 14.0, 15.0])):
        holes = y.copy()
        holes[[12 - 3 * k for k in range(seasons)]] = NAN  # phase 0; rows 12, 9, 6 and 3
        history = history_of(holes if seasons == 4 else holes - np.where(np.arange(15) == 3, 2.0, 0.0))
        found = seasonal_naive(history, history.windows(np.array([0]), np.array([15])), 4, 3)[0]
        assert found.tolist() == [*expected, expected[0]]


def test_a_mean_without_any_value_in_its_window_is_the_last_one() -> None:
    history = history_of([2.0, 8.0, NAN, NAN, NAN], [1.0, 2.0, NAN, 6.0, NAN])
    windows = history.windows(np.arange(2), history.indptr[1:])
    assert window_mean(history, windows, 2, 3)[:, 0].tolist() == [8.0, 6.0]
    assert window_mean(history, windows, 2, 1)[:, 0].tolist() == [8.0, 6.0]
    assert window_mean(history, windows, 4, 1)[:, 0].tolist() == [8.0, 4.0]
    assert window_mean(history, windows, 4, 2)[:, 0].tolist() == [8.0, 6.0]


def test_the_baselines_in_their_order() -> None:
    assert list(baselines(2)) == ["naive", "seasonal-naive", "drift", "window-mean", "theta", "harmonic"]
    assert list(baselines(1)) == ["naive", "drift", "window-mean", "theta", "harmonic"]


@pytest.mark.skipif("GRUFORECAST_DATA" not in os.environ, reason="needs the benchmark data: set GRUFORECAST_DATA")
@pytest.mark.parametrize(
    ("name", "horizon", "m", "published"),
    [
        ("m3/monthly", 18, 12, {"naive": (1.175, 18.181), "seasonal-naive": (1.146, 17.234)}),
        ("m4_hourly/", 48, 24, {"naive": (11.608, 43.003), "seasonal-naive": (1.193, 13.912)}),
    ],
)
def test_published_scores(name: str, horizon: int, m: int, published) -> None:
    folder = Path(os.environ["GRUFORECAST_DATA"])
    mark = "_" if not name.endswith("/") else ""
    train = read_csv(str(folder / f"{name}{mark}train.csv")).panel
    test = read_like(str(folder / f"{name}{mark}test.csv"), train.plan).panel
    rows = dict(zip(test.ids, np.split(test.y, test.indptr[1:-1]), strict=True))
    actual = np.stack([rows[key][:horizon] for key in train.ids])
    history = split(train, horizon, 1, m, name).history
    windows = history.windows(np.arange(len(train)), train.indptr[1:])
    for model, (expected_mase, expected_smape) in published.items():
        found = baselines(m)[model].forecast(history, windows, horizon, m).mean
        assert average(mase(actual, found, mase_scale(history, windows, m))) == pytest.approx(expected_mase, abs=5e-4)
        assert average(smape(actual, found)) == pytest.approx(expected_smape, abs=5e-3)


@pytest.mark.parametrize(("rows", "seasonal"), [(23, False), (24, True), (30, True), (35, True), (36, True)])
def test_theta_takes_a_season_from_two_whole_ones_on(rows: int, seasonal: bool) -> None:
    """A peak once a season, which no shorter lag repeats."""
    n = np.arange(rows)
    history = history_of(np.where(n % 12 == 0, 10.0, 1.0) + 0.01 * np.sin(n**2))
    forecast = model_of("theta").forecast(history, history.windows(np.arange(1), history.indptr[1:]), 12, 12).mean[0]
    if seasonal:
        expected = np.where((rows + np.arange(12)) % 12 == 0, 10.0, 1.0)
        np.testing.assert_allclose(forecast, expected, atol=0.05)
    else:
        assert forecast.max() < 1.0

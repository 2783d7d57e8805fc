"""Baselines against loops over single series, and Theta against another implementation."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from makers import AIR, history_of

from gruforecast.data.read import read_csv
from gruforecast.data.scale import mase_scale
from gruforecast.evaluation.metrics import mase, smape
from gruforecast.evaluation.splits import average, split
from gruforecast.models.baselines import baselines, drift, naive, seasonal_indices, seasonal_naive, theta, window_mean

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
        found = model(history, windows, 6, 12)
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found[1], 0)


def test_without_a_season_there_is_no_second_naive() -> None:
    assert "seasonal-naive" not in baselines(1)
    assert "seasonal-naive" in baselines(7)


def test_windows_of_one_series_do_not_see_another() -> None:
    alone = history_of(SERIES[0])
    together = history_of(SERIES[1], SERIES[0], SERIES[1])
    for model in baselines(3).values():
        one = model(alone, alone.windows(np.array([0]), np.array([10])), 4, 3)
        two = model(together, together.windows(np.array([1]), together.indptr[[2]]), 4, 3)
        np.testing.assert_allclose(one, two)


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
    test = read_csv(str(folder / f"{name}{mark}test.csv"), freq=train.freq).panel
    rows = dict(zip(test.ids, np.split(test.y, test.indptr[1:-1]), strict=True))
    actual = np.stack([rows[key][:horizon] for key in train.ids])
    history = split(train, horizon, 1, m, name).history
    windows = history.windows(np.arange(len(train)), train.indptr[1:])
    for model, (expected_mase, expected_smape) in published.items():
        found = baselines(m)[model](history, windows, horizon, m)
        assert average(mase(actual, found, mase_scale(history, windows, m))) == pytest.approx(expected_mase, abs=5e-4)
        assert average(smape(actual, found)) == pytest.approx(expected_smape, abs=5e-3)

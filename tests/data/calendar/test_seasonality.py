"""The season is tested on the data."""

from __future__ import annotations

import numpy as np
import pytest

from gruforecast.data.calendar.frequency import DAY, Frequency
from gruforecast.data.calendar.seasonality import autocorrelation, detect_season, usual_seasons

HOURLY, DAILY, MONTHLY = Frequency("s", 3600), Frequency("s", DAY), Frequency("M", 1)


def detect(y, freq: Frequency, indptr=None) -> int:
    return detect_season(np.asarray(y, float), np.array(indptr if indptr is not None else [0, len(y)]), freq)


def wave(length: int, rows: int, noise: float = 0.3):
    generator = np.random.default_rng(length)
    return 10 + np.sin(2 * np.pi * np.arange(rows) / length) + noise * generator.normal(size=rows)


@pytest.mark.parametrize(("length", "rows", "freq"), [(24, 24 * 14, HOURLY), (7, 120, DAILY), (12, 100, MONTHLY)])
def test_a_usual_season_is_found(length: int, rows: int, freq: Frequency) -> None:
    assert detect(wave(length, rows), freq) == length


def test_an_unusual_season_is_found() -> None:
    shape = np.random.default_rng(3).normal(size=10)
    y = np.tile(shape, 30) + 0.2 * np.random.default_rng(4).normal(size=300)
    assert detect(y, DAILY) == 10


def test_noise_has_no_season_more_often_than_chance() -> None:
    generator = np.random.default_rng(0)
    found = [detect(np.cumsum(generator.normal(size=200)), DAILY) for _ in range(200)]
    assert np.mean([length != 1 for length in found]) < 0.05


def test_a_quarter_of_the_series_is_enough_for_a_panel() -> None:
    generator = np.random.default_rng(1)
    seasonal = [wave(12, 96, 0.1) for _ in range(3)]
    others = [10 + np.cumsum(generator.normal(size=96)) for _ in range(6)]
    series = seasonal + others
    assert detect(np.concatenate(series), MONTHLY, np.arange(10) * 96) == 12
    assert detect(np.concatenate(others), MONTHLY, np.arange(7) * 96) == 1


def test_missing_values_and_short_or_constant_series_do_no_harm() -> None:
    y = wave(12, 96, 0.1)
    y[[4, 40, 41]] = np.nan
    assert detect(y, MONTHLY) == 12
    assert detect([1.0, 2.0], MONTHLY) == 1
    assert detect(np.full(100, 5.0), MONTHLY) == 1


def test_autocorrelation_equals_the_sum_of_products() -> None:
    x = np.random.default_rng(5).normal(size=50)
    c = x - x.mean()
    slow = [(c[lag:] * c[: 50 - lag]).sum() / (c * c).sum() for lag in range(8)]
    np.testing.assert_allclose(autocorrelation(x, 7), slow, atol=1e-12)


def test_usual_seasons() -> None:
    assert usual_seasons(Frequency("s", 1800)) == [48, 336]
    assert usual_seasons(Frequency("M", 3)) == [4]
    assert usual_seasons(Frequency("M", 12)) == []

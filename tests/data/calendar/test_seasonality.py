"""The season is tested on the data."""

from __future__ import annotations

import numpy as np
import pytest

from gruforecast.data.calendar.frequency import DAY, Frequency
from gruforecast.data.calendar.seasonality import (
    autocorrelation,
    detect_season,
    season_strengths,
    strength,
    usual_seasons,
)

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
    assert usual_seasons(Frequency("s", DAY // 2)) == [2, 14]
    assert usual_seasons(DAILY) == [7]
    assert usual_seasons(Frequency("s", 7 * DAY)) == [52]
    assert usual_seasons(Frequency("s", 5 * 3600)) == usual_seasons(Frequency("s", 2 * DAY)) == []
    assert usual_seasons(Frequency("B", 1)) == [5]
    assert usual_seasons(MONTHLY) == [12]
    assert usual_seasons(Frequency("M", 3)) == [4]
    assert usual_seasons(Frequency("M", 12)) == usual_seasons(Frequency("M", 24)) == []


def repeated(length: int, rows: int = 300):
    shape = np.random.default_rng(length).normal(size=length)
    return np.resize(shape, rows) + 0.2 * np.random.default_rng(rows).normal(size=rows)


def test_the_most_frequent_unusual_season_wins() -> None:
    series = [repeated(9), repeated(10), repeated(10), repeated(10, 299), repeated(9, 298)]
    indptr = np.r_[0, np.cumsum([len(one) for one in series])]
    assert detect(np.concatenate(series), DAILY, indptr) == 10
    halves = [repeated(11), repeated(9), repeated(9), repeated(11)]
    assert detect(np.concatenate(halves), DAILY, np.arange(5) * 300) == 9  # equally often: the shorter one


def test_an_unusual_season_takes_half_of_the_series() -> None:
    generator = np.random.default_rng(6)
    walks = [np.cumsum(generator.normal(size=300)) for _ in range(3)]
    assert detect(np.concatenate([repeated(10), repeated(10), *walks[:2]]), DAILY, np.arange(5) * 300) == 10
    assert detect(np.concatenate([repeated(10), repeated(10), *walks]), DAILY, np.arange(6) * 300) == 1


@pytest.mark.parametrize(("rows", "found"), [(24, 12), (25, 1)])
def test_series_of_two_periods_or_less_have_no_vote(rows: int, found: int) -> None:
    walks = [np.cumsum(np.random.default_rng(k).normal(size=rows)) for k in range(4)]
    panel = np.concatenate([*walks, wave(12, 120, 0.1)])
    assert detect(panel, MONTHLY, np.r_[np.arange(5) * rows, len(panel)]) == found


def strengths(y, freq: Frequency, indptr=None) -> list[tuple[int, float]]:
    y = np.asarray(y, float)
    return season_strengths(y, np.array(indptr if indptr is not None else [0, len(y)]), freq)


def test_strengths_are_those_of_seasons_that_are_there_strongest_first() -> None:
    t = np.arange(24 * 7 * 6)
    noise = np.random.default_rng(7).normal(size=len(t))
    y = 50 + np.sin(2 * np.pi * t / 24) + 5 * ((t // 24) % 7 >= 5) + 0.3 * noise
    (first, strong), (second, weak) = strengths(y, HOURLY)
    assert (first, second) == (168, 24)
    assert strong > 0.9
    assert 0 < weak < 0.5
    assert strengths(noise, HOURLY) == strengths(noise[:100], DAILY) == []
    assert strengths(noise[:20], HOURLY) == []  # too short for any


def test_the_strength_of_a_panel_is_the_median_of_its_series() -> None:
    one, other = wave(12, 120, 0.05), wave(12, 96, 0.5)
    panel = np.concatenate([other, one, one])
    ((length, found),) = strengths(panel, MONTHLY, [0, 96, 216, 336])
    assert length == 12
    assert found == strengths(one, MONTHLY)[0][1] > strengths(other, MONTHLY)[0][1]


@pytest.mark.parametrize("length", [4, 5])
def test_strength_is_that_of_the_classical_decomposition(length: int) -> None:
    generator = np.random.default_rng(8)
    y = 0.1 * np.arange(41) + np.resize(generator.normal(size=length), 41) + 0.4 * generator.normal(size=41)
    half = length // 2
    ends = 0.5 if length % 2 == 0 else 1.0
    around = []
    for k in range(half, 41 - half):
        near = y[k - half : k + half + 1].copy()
        near[[0, -1]] *= ends
        around.append(y[k] - near.sum() / length)
    rest = [one - np.mean(around[k % length :: length]) for k, one in enumerate(around)]
    assert strength(y, length) == pytest.approx(1 - np.var(rest) / np.var(around), rel=1e-9)


def test_a_pure_season_has_all_the_strength_and_a_line_none() -> None:
    assert strength(np.tile([1.0, 5.0, 2.0, 8.0], 6), 4) == pytest.approx(1, abs=1e-12)
    assert strength(np.arange(32.0), 4) == 0.0

"""The parts that synthetic series are made of, against known answers, slow twins and other libraries."""

import calendar

import numpy as np
import pytest
from dateutil.easter import easter as easter_sunday
from scipy.signal import lfilter

from tools.pretrain import levels, months, noise, priors, shapes
from tools.pretrain.draws import Ask, filtered, standardised

TIME = np.arange(8.0)


def ask(season=12, rows=120, second=None, seed=0):
    return Ask(np.random.default_rng(seed), season, rows, second)


@pytest.mark.parametrize("rows", [1, 2, 7, 300])
def test_filtered_is_the_filter_of_scipy_with_a_root_for_each_series(rows):
    rng = np.random.default_rng(0)
    shocks = rng.normal(size=(6, rows))
    roots = np.array([0.0, 0.5, -0.9, 0.999, 1.0, 0.97 * np.exp(0.5j)])[:, None]
    slow = np.array([lfilter([1], [1, -root[0]], row) for root, row in zip(roots, shocks, strict=True)])
    assert np.allclose(filtered(shocks, roots), slow, rtol=1e-4, atol=1e-4)


def test_standardised_leaves_constants_at_zero():
    made = standardised(np.vstack([np.arange(5.0), np.full(5, 3.3)]).astype(np.float32))
    assert made.mean(axis=1) == pytest.approx([0, 0], abs=1e-6)
    assert made.std(axis=1) == pytest.approx([1, 0], abs=1e-6)


def test_breaks_are_where_they_are_put():
    at = np.array([[3.0]])
    assert levels.shift(TIME, at, 2 * at / 3).tolist() == [[0, 0, 0, 2, 2, 2, 2, 2]]
    assert levels.bend(TIME, at, at / 6).tolist() == [[0, 0, 0, 0, 0.5, 1, 1.5, 2]]
    assert levels.bump(TIME, at, np.array([[2.0]]), at).tolist() == [[0, 0, 0, 3, 3, 0, 0, 0]]


def test_most_series_have_no_break_and_some_have():
    moved = np.ptp(levels.breaks(ask(), 1000), axis=1) > 0
    assert 0.3 < moved.mean() < 0.75


def test_yearly_levels_rise_more_often_than_hourly_ones():
    yearly = levels.walk(ask(1, 40), 2000)
    hourly = levels.walk(ask(24, 40), 2000)
    assert np.mean(yearly[:, -1] > yearly[:, 0]) > 0.65
    assert 0.45 < np.mean(hourly[:, -1] > hourly[:, 0]) < 0.6


@pytest.mark.parametrize("length", [2, 4, 7, 12, 24, 52, 168, 288])
def test_profiles_have_mean_0_and_size_1(length):
    made = shapes.profiles(ask(length), 200, length)
    assert np.allclose(made.mean(axis=1), 0, atol=1e-4)
    flat = ~made.any(axis=1)
    assert np.allclose(made[~flat].std(axis=1), 1, atol=1e-3)
    assert flat.mean() < 0.05


def test_no_season_has_no_profile():
    assert not shapes.profiles(ask(1), 5, 1).any()


def test_a_profile_drifts_from_season_to_season_but_stays_the_same_profile():
    profile = shapes.profiles(ask(), 500, 12)
    years = shapes.drifting(ask(12, 120), profile).reshape(500, 10, 12)
    first = np.array([np.corrcoef(row[0], one)[0, 1] for row, one in zip(years, profile, strict=True)])
    assert np.median(first) > 0.95
    alike = np.array([[np.corrcoef(row[k], row[k + 1])[0, 1] for k in range(9)] for row in years])
    assert np.median(alike) > 0.9
    assert np.median(alike[:, 0]) < 0.9999999
    first_last = np.array([np.corrcoef(row[0], row[9])[0, 1] for row in years])
    assert np.mean(first_last) < np.mean(alike)
    assert np.mean(first_last < 0.5) > 0.02  # some break


def test_a_slow_season_repeats_after_its_length_only():
    made = shapes.slow(ask(7, 800), 20, 365)
    assert np.allclose(made[:, 365:], made[:, :-365], atol=1e-5)
    assert (np.abs(made[:, 100:] - made[:, :-100]).max(axis=1) > 0.1).all()


def test_a_second_season_is_there_when_it_is_asked_for():
    made = shapes.seasons(ask(24, 24 * 28, 168), 400)
    weekly = np.abs(made[:, 168:] - made[:, :-168]).mean(axis=1)
    daily = np.abs(made[:, 24:] - made[:, :-24]).mean(axis=1)
    assert np.mean(weekly < daily) > 0.6


def test_a_week_of_hours_has_two_neighbouring_days_off():
    off = shapes.weekdays_off(ask(), 500)
    pairs = off.sum(axis=1) == 2
    assert 0.7 < pairs.mean() < 0.9
    assert (off & np.roll(off, 1, axis=1))[pairs].any(axis=1).all()


def test_autocorrelated_noise_has_memory_and_white_noise_has_none():
    def lag_1(rows):
        rows = rows - rows.mean(axis=1, keepdims=True)
        return (rows[:, 1:] * rows[:, :-1]).mean(axis=1) / rows.var(axis=1)

    assert np.mean(np.abs(lag_1(noise.autocorrelated(ask(1, 400), 300))) > 0.2) > 0.7
    assert np.mean(np.abs(lag_1(noise.white(ask(1, 400), 300))) < 0.15) > 0.75
    assert np.quantile(lag_1(noise.long_memory(ask(1, 400), 300)), 0.9) > 0.5


def test_outliers_are_rare():
    spikes = noise.outliers(ask(), 2000)
    assert 0.05 < (spikes != 0).any(axis=1).mean() < 0.2
    assert (spikes != 0).mean() < 0.01


def test_weekdays_of_months_are_those_of_the_calendar():
    counts = months.weekdays()
    days = np.zeros((12 * (months.LAST - months.FIRST), 7))
    for number in range(len(days)):
        first, length = calendar.monthrange(months.FIRST + number // 12, number % 12 + 1)
        for day in range(length):
            days[number, (first + day) % 7] += 1
    days = np.roll(days, 4, axis=1)  # the epoch of numpy, a Thursday, is weekday 0 there
    days -= days.mean(axis=0)
    assert any(np.allclose(counts, np.roll(days, shift, axis=1), atol=1e-4) for shift in range(7))


def test_easter_is_in_the_month_of_dateutil():
    shares = months.easter() - months.easter().min()
    for year in range(months.FIRST, months.LAST):
        sunday, (march, april) = easter_sunday(year), shares[12 * (year - months.FIRST) + 2 :][:2]
        if sunday.month == 4 and sunday.day > 2:
            assert (march, april) == pytest.approx((0, 1), abs=1e-5)
        elif sunday.month == 3 and sunday.day < 31:
            assert (march, april) == pytest.approx((1, 0), abs=1e-5)


@pytest.mark.parametrize("season", [4, 12])
def test_calendar_effects_are_small_and_centred(season):
    made = months.calendar(ask(season, 100), 300)
    assert np.abs(made.mean()) < 0.1
    assert 0.2 < made.std() < 3


def test_draws_of_a_gaussian_process_have_the_covariance_of_its_kernel(monkeypatch):
    time = np.arange(30.0)
    periodic = np.exp(-2 * np.sin(np.pi * (time[:, None] - time) / 6) ** 2) + 1e-6 * np.eye(30)
    monkeypatch.setattr(priors, "composed", lambda _: periodic)
    monkeypatch.setattr(priors, "exponential", lambda _, rows: rows * np.nan)
    made = priors.gaussian(ask(6, 30), 6000)
    made = made[np.isfinite(made).all(axis=1)]  # those that were not exponentiated
    assert 0.6 < len(made) / 6000 < 0.7
    assert np.allclose(made[:, 6:], made[:, :-6], atol=0.05)
    inner = np.diff(made, axis=1)  # without the offset
    expected = np.diff(np.diff(periodic, axis=0), axis=1)
    assert np.allclose(np.cov(inner.T), expected, atol=0.06)


@pytest.mark.parametrize("rows", [1, 30, priors.MOST_ROWS])
def test_composed_kernels_are_positive_definite(rows):
    for seed in range(20):
        whole = priors.composed(ask(12, rows, seed=seed))
        assert np.allclose(whole, whole.T)
        assert np.linalg.eigvalsh(whole).min() > 0

"""Harmonic regression: a foreign witness for its equations, known answers, and what must change nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers import AIR, history_of

from gruforecast.data.read import read_csv
from gruforecast.data.windows import History, Windows
from gruforecast.models import harmonic as room
from gruforecast.models.harmonic import Design, Harmonic, rounded, seasons_of, step_of, waves_of
from gruforecast.models.naive import naive, seasonal_naive

NAN = float("nan")
DAY = np.timedelta64(1, "D")


def dated(*series, first: str = "2015-03-01", step: np.timedelta64 = DAY) -> History:
    """A history with stamps."""
    flat = history_of(*series)
    ds = [np.datetime64(first, "s") + step * np.arange(len(one)) for one in series]
    return History.of(flat.values, flat.indptr, np.concatenate(ds))


def harmonic(history: History, windows: Windows, horizon: int, season_length: int) -> np.ndarray:
    """The forecasts without covariates."""
    return Harmonic().forecast(history, windows, horizon, season_length).mean


def at_end(history: History, horizon: int, season_length: int = 1) -> np.ndarray:
    """The forecasts from the end of each series."""
    windows = history.windows(np.arange(len(history.indptr) - 1), history.indptr[1:])
    return harmonic(history, windows, horizon, season_length)


def wavy(rows: int, seed: int = 0, level: float = 50.0) -> np.ndarray:
    """A drifting series with a week in it."""
    generator = np.random.default_rng(seed)
    week = np.resize(generator.normal(size=7), rows)
    return level + 0.02 * np.arange(rows) + week + np.cumsum(generator.normal(size=rows)) / 5


# --- the equations


@pytest.mark.parametrize(("rows", "rho"), [(60, 0.0), (60, 0.7), (200, 0.95), (7, 0.9)])
def test_the_coefficients_are_those_of_scikit_learn(rows: int, rho: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ridge on rows less rho times the row before; columns divided by the root of their ridge."""
    from sklearn.linear_model import Ridge

    monkeypatch.setattr(room, "RHOS", (rho,))
    design = Design.of(rows, 5, waves_of(rows, 1.0, 1))
    z = (wavy(rows) - 50)[None]
    found = room._candidates(z, design)
    y = z[0] - rho * np.append(0.0, z[0, :-1])
    x = design.past - rho * np.concatenate([np.zeros((1, design.past.shape[1])), design.past[:-1]])
    y[0], x[0] = np.sqrt(1 - rho**2) * z[0, 0], np.sqrt(1 - rho**2) * design.past[0]
    k = 0
    for season in room.SEASON_RIDGES:
        for trend in room.TREND_RIDGES:
            size = np.sqrt(np.diag(design.ridge(season, trend)))
            fitted = Ridge(alpha=1.0, fit_intercept=False, solver="svd").fit(x / size, y)
            b = fitted.coef_ / size
            error = z[0, -1] - design.past[-1] @ b
            wanted = design.future @ b + error * rho ** np.arange(1, 6)
            np.testing.assert_allclose(found[k, 0], wanted, rtol=1e-6, atol=1e-6)
            slope = np.exp(-(np.arange(0.005, 5, 0.01) / (0.12 * rows))) * b[1] / rows  # what is left of it, often
            gone = np.cumsum(b[1] / rows / 100 - slope / 100)[99::100]
            np.testing.assert_allclose(wanted - found[k + 1, 0], gone, rtol=1e-4, atol=1e-9)
            k += 2


def test_bends_are_lines_but_for_one_knot_and_hold_no_line_of_their_own() -> None:
    past = Design.of(104, 300, waves_of(104, 0.0, 1)).past
    future = Design.of(104, 300, waves_of(104, 0.0, 1)).future
    line, bends = past[:, :2], past[:, 2:]
    assert bends.shape[1] == 25
    np.testing.assert_allclose(line.T @ bends, 0, atol=1e-9)
    assert (np.abs(np.diff(bends, 2, axis=0)) > 1e-9).sum(axis=0).max() <= 2  # a knot between two rows bends at both
    slopes = np.abs(np.diff(np.concatenate([past, future]), axis=0))[103:, 2:]
    assert (slopes[-1] < 1e-6).all()
    np.testing.assert_allclose(np.diff(future[:, 1]), 1 / 104)  # the line goes on


def test_the_phase_of_a_wave_changes_nothing() -> None:
    """The same rows, dated otherwise."""
    y = wavy(900)
    found = [at_end(dated(y, first=first), 20, 7) for first in ("2015-03-01", "2016-11-24")]
    np.testing.assert_array_equal(*found)


# --- known answers


def test_a_trend_with_a_break_and_a_yearly_wave_in_daily_rows_go_on() -> None:
    t = np.arange(1500.0)
    year = 5 * np.sin(2 * np.pi * t / 365.25 - 0.7)
    y = 100 + 0.01 * t + np.maximum(t - 700, 0) * 0.03 + year + np.random.default_rng(1).normal(size=1500)
    t = np.arange(1500.0, 1560)
    wanted = 100 + 0.01 * t + (t - 700) * 0.03 + 5 * np.sin(2 * np.pi * t / 365.25 - 0.7)
    found = at_end(dated(y), 60)[0]
    assert np.abs(found - wanted).mean() < 0.6
    assert np.abs(y[-1] - wanted).mean() > 2.5


def test_two_seasons_of_hourly_rows_go_on() -> None:
    generator = np.random.default_rng(2)
    week = np.repeat(generator.normal(size=7), 24) * 3 + np.tile(generator.normal(size=24), 7)
    y = np.resize(week, 168 * 6) + generator.normal(size=168 * 6) / 10
    found = at_end(dated(y, step=np.timedelta64(1, "h")), 168, 24)[0]
    assert np.abs(found - week).mean() < 0.4 * np.abs(week - week.mean()).mean()
    assert np.abs(found - week).mean() < 0.3 * np.abs(np.tile(y[-24:], 7) - week).mean()


def test_growth_by_a_factor_and_a_season_that_multiplies_go_on() -> None:
    t = np.arange(132.0)
    whole = 100 * 1.01 ** np.arange(144.0) * (1 + 0.3 * np.sin(2 * np.pi * np.arange(144) / 12))
    found = at_end(history_of(whole[:132]), 12, 12)[0]
    np.testing.assert_allclose(found, whole[132:], rtol=0.02)
    assert len(t) == 132


def test_air_passengers() -> None:
    panel = read_csv(str(AIR)).panel
    history = History.of(panel.y, panel.indptr, panel.wall)
    windows = history.windows(np.zeros(4, int), np.array([96, 108, 120, 132]))
    actual = panel.y[windows.end[:, None] + np.arange(12)]
    found, season = (np.abs(f(history, windows, 12, 12) - actual).mean() for f in (harmonic, seasonal_naive))
    assert found < 0.6 * season


# --- what must change nothing


def test_rows_from_the_end_on_change_nothing() -> None:
    y = wavy(400)
    later = y.copy()
    later[300:] *= -1000
    for m in (1, 7):
        one, two = (
            harmonic(h, h.windows(np.array([0, 0]), np.array([300, 250])), 14, m) for h in (dated(y), dated(later))
        )
        np.testing.assert_array_equal(one, two)


def test_other_windows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    series = [wavy(300, 1), wavy(300, 2, 0.0), wavy(45, 3), wavy(3, 4), np.full(60, 7.0), wavy(300, 5)]
    series[5][[17, 250, 299]] = NAN
    history = dated(*series)
    whole = at_end(history, 10, 7)
    for k, y in enumerate(series):
        np.testing.assert_allclose(at_end(dated(y), 10, 7)[0], whole[k], rtol=1e-7, atol=1e-9)
    monkeypatch.setattr(room, "BLOCK_NUMBERS", 300)
    np.testing.assert_allclose(at_end(history, 10, 7), whole, rtol=1e-7, atol=1e-9)


def test_the_oldest_rows_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_ROWS", 128)
    found = []
    for changed in (None, 171, 172):
        y = wavy(300)
        if changed is not None:
            y[changed] += 3
        found.append(at_end(dated(y), 5, 7))
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


@settings(max_examples=25, deadline=None)
@given(st.floats(1e-6, 1e6), st.integers(6, 90), st.sampled_from([1, 4, 12]))
def test_a_factor_is_a_factor(factor: float, rows: int, m: int) -> None:
    y = np.exp(wavy(rows, rows) / 20)
    one, two = at_end(history_of(y), 6, m), at_end(history_of(y * factor), 6, m)
    np.testing.assert_allclose(one * factor, two, rtol=1e-5)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.floats(-1e12, 1e12), st.just(NAN), st.just(0.0)), min_size=1, max_size=60),
    st.sampled_from([1, 4, 7, 12]),
    st.integers(1, 30),
)
def test_every_series_has_a_forecast_near_its_range(values: list[float], m: int, horizon: int) -> None:
    values[0] = values[0] if np.isfinite(values[0]) else 1.0
    found = at_end(dated(np.array(values)), horizon, m)
    assert np.isfinite(found).all()
    low, high = np.nanmin(values), np.nanmax(values)
    margin = (high - low) * (1 + 1e-6) + 1e-9 * max(abs(low), abs(high))
    assert found.max() <= high + max(margin, high * (high / low - 1) * (1 + 1e-6) if low > 0 else 0.0)
    assert found.min() >= low - margin


def test_constants_go_on_and_few_rows_get_the_seasonal_naive_forecast() -> None:
    history = dated(np.full(80, 3.0), np.zeros(30), np.full(9, -1e9), [4.0, 5.0, 6.0, 1.0, 2.0])
    found = at_end(history, 8, 4)
    np.testing.assert_allclose(found[:3], np.repeat([[3.0], [0.0], [-1e9]], 8, axis=1), rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(found[3], [5.0, 6.0, 1.0, 2.0] * 2)
    windows = history.windows(np.arange(0), np.arange(0))
    assert harmonic(history, windows, 8, 4).shape == (0, 8)


def test_gaps_are_as_if_left_out() -> None:
    """What a gap held, and what is read into it, matters little beside what was seen."""
    y = 20 + 4 * np.sin(2 * np.pi * np.arange(420) / 7) + np.random.default_rng(3).normal(size=420) / 5
    holes = y.copy()
    holes[[3, 30, 31, 200, 201, 202, 203, 380, 419]] = NAN
    whole, found = at_end(dated(y, holes), 14, 7)
    wanted = 20 + 4 * np.sin(2 * np.pi * np.arange(420, 434) / 7)
    assert np.abs(found - wanted).mean() < 0.25
    assert np.abs(found - whole).mean() < 0.15


def test_single_outliers_are_drawn_in() -> None:
    y = 20 + 4 * np.sin(2 * np.pi * np.arange(210) / 7) + np.random.default_rng(3).normal(size=210) / 5
    odd = y.copy()
    odd[[50, 121, 185]] += 60
    one, two = at_end(dated(y, odd), 14, 7)
    assert np.abs(one - two).max() < 0.5


# --- seasons


@pytest.mark.parametrize(
    ("stamps", "step"),
    [
        (np.arange("2001-01", "2004-01", dtype="datetime64[M]"), 365.25 / 12),
        (np.arange("2001-01", "2009-01", 3, dtype="datetime64[M]"), 365.25 / 4),
        (np.arange("2001", "2031", dtype="datetime64[Y]"), 365.25),
        (np.arange("2001-01-01", "2001-05-01", 7, dtype="datetime64[D]"), 7.0),
        (np.arange("2001-01-01", "2001-08-01", 28, dtype="datetime64[D]"), 28.0),
        (np.datetime64("2001-01-01T00", "h") + np.arange(50), 1 / 24),
        (np.busday_offset("2001-01-01", np.arange(40)), 7 / 5),
    ],
)
def test_the_step_of_the_stamps(stamps: np.ndarray, step: float) -> None:
    n = len(stamps)
    history = History.of(np.arange(2.0 * n), np.array([0, n, 2 * n]), np.tile(stamps.astype("datetime64[s]"), 2))
    assert step_of(history) == pytest.approx(step)
    assert step_of(history_of(np.arange(5.0))) == 0.0


def test_seasons_of_steps() -> None:
    assert [name for _, name in seasons_of(1 / 24, 24)] == ["day", "week", "year"]
    assert seasons_of(365.25 / 12, 12) == [(12.0, "year")]
    assert [(round(n), name) for n, name in seasons_of(7.0, 52)] == [(52, "year")]
    assert seasons_of(365.25, 10) == [(10.0, "other")]
    assert seasons_of(1.0, 10)[-1] == (10.0, "other")
    assert seasons_of(0.0, 12) == [(12.0, "other")]
    assert seasons_of(0.0, 1) == []


def test_a_season_needs_nearly_two_of_it() -> None:
    year = 365.25
    for rows, there in ((690, False), (700, True)):
        frequencies = waves_of(rows, 1.0, 1)[0]
        assert bool(np.isclose(frequencies, 1 / year).any()) == there
    frequencies, number = waves_of(3000, 1 / 24, 24)
    assert len(np.unique(frequencies)) == len(frequencies) == 12 + 31 - 4  # four waves of the week are of the day
    assert number.max() == 31


def test_rounded_rows() -> None:
    rows = np.arange(1, 5000)
    found = rounded(rows)
    assert (found <= rows).all()
    assert (found >= 0.96 * rows).all()
    assert (found[:63] == rows[:63]).all()
    assert len(np.unique(found[2048:4095])) == 32


def test_a_random_walk_is_nearly_its_last_value() -> None:
    """Where there is nothing to find, next to nothing is lost."""
    generator = np.random.default_rng(4)
    series = np.cumsum(generator.normal(size=(60, 206)), axis=1)
    history = dated(*series[:, :200])
    windows = history.windows(np.arange(60), history.indptr[1:])
    found, wanted = (np.abs(f(history, windows, 6, 1) - series[:, 200:]).mean() for f in (harmonic, naive))
    assert found < 1.15 * wanted

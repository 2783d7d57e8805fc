"""Intervals measured on earlier origins of the series themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers import history_of
from numpy.testing import assert_allclose, assert_array_equal

from gruforecast.data.windows import History, Windows
from gruforecast.errors import DataError
from gruforecast.evaluation.own_history import (
    EACH,
    ORIGINS,
    OWN_LEVELS,
    PRIOR,
    measured,
    origins_before,
    own_quantiles,
    towards_own,
)
from gruforecast.models.conformal import Calibration
from gruforecast.models.networks.config import QUANTILES
from gruforecast.models.quantile_forecast import DEVIATE, QuantileForecast

LEVELS = (80.0, 95.0)


@dataclass(frozen=True)
class Normal:
    """A model that says: normal around zero, with this spread."""

    spread: float

    def forecast(self, history: History, windows: Windows, horizon: int, season_length: int) -> QuantileForecast:
        one = self.spread * np.array([DEVIATE(level) for level in QUANTILES])
        return QuantileForecast.of(np.tile(one, (len(windows), horizon, 1)))


def noise(series: int, rows: int, seed: int = 0) -> History:
    generator = np.random.default_rng(seed)
    return history_of(*generator.normal(size=(series, rows)))


@pytest.mark.parametrize("spread", [0.3, 1.0, 4.0])
def test_bounds_are_those_of_the_errors_whatever_the_model_says(spread: float) -> None:
    """Of standard normal errors 80 % lie within 1.2816 and 95 % within 1.9600."""
    history = noise(600, 60)
    found = measured(Normal(spread), history, history.indptr[1:], 6, 1, LEVELS)
    windows = history.windows(np.arange(600), history.indptr[1:])
    _, upper = found.bounds(Normal(spread).forecast(history, windows, 6, 1), np.ones(600))
    assert_allclose(upper.mean(axis=(0, 1)), [1.2816, 1.9600], rtol=0.06)


def test_other_levels_are_measured_too() -> None:
    history = noise(600, 60)
    found = measured(Normal(1.0), history, history.indptr[1:], 6, 1, (50.0, 90.0))
    windows = history.windows(np.arange(600), history.indptr[1:])
    _, upper = found.bounds(Normal(1.0).forecast(history, windows, 6, 1), np.ones(600))
    assert_allclose(upper.mean(axis=(0, 1)), [0.6745, 1.6449], rtol=0.06)


def test_with_few_errors_the_model_is_believed() -> None:
    history = noise(1, 6)
    found = measured(Normal(2.0), history, history.indptr[1:], 12, 1, LEVELS)
    _, upper = found.bounds(Normal(2.0).forecast(history, history.windows(*np.array([[0], [6]])), 12, 1), np.ones(1))
    assert_allclose(upper[0], np.tile([2 * 1.28155, 2 * 1.95996], (12, 1)), rtol=1e-5)
    assert OWN_LEVELS == (95.0, 80.0)


def test_with_few_errors_other_levels_are_refused_and_the_remedy_helps() -> None:
    history = noise(1, 6)
    with pytest.raises(DataError, match="80 and 95 need none") as caught:
        measured(Normal(1.0), history, history.indptr[1:], 12, 1, (90.0,))
    assert caught.value.code == "GF-D41"
    assert measured(Normal(1.0), history, history.indptr[1:], 12, 1, (80.0,)).levels == (80.0,)


def test_of_few_errors_and_what_the_model_says_the_mean_counts() -> None:
    """One series of 40 rows: origins from row 20 to 34, 20 rows foretold, so 20 / 6 errors beside twelve."""
    shares, right = [], []
    for seed in range(60):
        history = noise(1, 40, seed)
        windows, half = history.windows(np.array([0]), history.indptr[1:]), []
        for spread in (1.0, 0.5):
            found = measured(Normal(spread), history, history.indptr[1:], 6, 1, (95.0,))
            half.append(found.bounds(Normal(spread).forecast(history, windows, 6, 1), np.ones(1))[1])
        shares.append(1 - np.log2(half[0] / half[1]))  # of half-widths that are the same whatever it says
        right.append(half[0].mean() / 1.95996)
    assert_allclose(np.mean(shares), 20 / 6 / (20 / 6 + PRIOR), atol=0.02)
    assert 0.95 < np.mean(right) < 1.05


@pytest.mark.parametrize("trust", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_half_widths_are_geometric_means(share: float, trust: float) -> None:
    history, scale = noise(3, 20), np.array([0.5, 1.0, 2.0])
    forecast = Normal(1.7).forecast(history, history.windows(np.arange(3), history.indptr[1:]), 4, 1)
    found = Calibration(LEVELS, np.sort(np.random.default_rng(1).uniform(0.5, 2.0, (4, 2))), trust)
    half = [
        one.bounds(forecast, scale)[1] - forecast.mean[:, :, None]
        for one in (own_quantiles(4, LEVELS), found, towards_own(found, share))
    ]
    assert_allclose(half[2], half[0] ** (1 - share) * half[1] ** share)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(1, 90), min_size=1, max_size=6),
    st.integers(0, 30),
    st.integers(1, 14),
    st.integers(1, 12),
)
def test_origins_are_before_the_cutoff_in_the_newer_half(
    lengths: list[int], back: int, horizon: int, season: int
) -> None:
    history = history_of(*(np.arange(1.0, 1 + rows) for rows in lengths))
    start = history.indptr[:-1]
    cutoff = np.maximum(history.indptr[1:] - back, start)
    found = origins_before(history, cutoff, horizon, season)
    for k in range(len(lengths)):
        mine = found[found.series == k]
        rows = int(cutoff[k] - start[k])
        assert bool(len(mine)) == (rows > max(-(-rows // 2), 3))
        assert len(mine) <= EACH
        assert (mine.stop == cutoff[k]).all()
        assert (mine.end < cutoff[k]).all()
        assert (mine.end - mine.start >= max(-(-rows // 2), 3)).all()
        assert (np.diff(mine.end) > 0).all()
        if len(mine) > 1:
            apart = set(np.diff(mine.end).tolist())
            assert len(apart) == 1
            assert np.gcd(apart.pop(), season) == 1
        if rows >= 2 * horizon + 3:
            assert mine.end[-1] == cutoff[k] - horizon


def test_every_phase_of_a_season_comes_first_in_turn() -> None:
    """Of the 138 rows from the half to a horizon before the end every fourth would do: always the same three phases."""
    history = noise(1, 300)
    ends = origins_before(history, history.indptr[1:], 12, 12).end
    assert ends.tolist() == list(range(153, 289, 5))
    assert set(ends % 12) == set(range(12))


def test_many_series_have_one_origin_each_and_no_more_than_enough() -> None:
    history = noise(3 * ORIGINS, 30)
    found = origins_before(history, history.indptr[1:], 6, 1)
    assert len(found) == ORIGINS == len(set(found.series.tolist()))
    assert found.series[0] == 0
    assert found.series[-1] == 3 * ORIGINS - 1


def test_rows_from_the_cutoff_on_change_nothing() -> None:
    history = noise(5, 80)
    cutoff = history.indptr[1:] - 20
    other = history.values.copy()
    for begin, end in zip(cutoff, history.indptr[1:], strict=True):
        other[begin:end] = 1e6
    changed: Any = measured(Normal(1.0), History.of(other, history.indptr), cutoff, 6, 1, LEVELS)
    assert_array_equal(changed.factor, measured(Normal(1.0), history, cutoff, 6, 1, LEVELS).factor)
    cut = measured(Normal(1.0), history_of(*history.values.reshape(5, 80)[:, :60]), 60 * np.arange(1, 6), 6, 1, LEVELS)
    assert_array_equal(changed.factor, cut.factor)

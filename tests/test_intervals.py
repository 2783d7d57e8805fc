"""Conformal intervals: the rank against a slow twin, the coverage on data where it is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gruforecast.intervals import Calibration, calibrate, needed_scores, supported_levels


def slow_width(errors, level: float, step: int, reach: int) -> float:
    """Pool, sort, count up to the rank."""
    horizon = errors.shape[1]
    means = [np.nanmean(errors[:, h]) for h in range(horizon)]
    pool = []
    for h in range(max(0, step - reach), min(horizon, step + reach + 1)):
        pool += [error / means[h] for error in errors[:, h] if not np.isnan(error)]
    pool.sort()
    rank = 1
    while rank < (len(pool) + 1) * level / 100 - 1e-9:
        rank += 1
    return pool[rank - 1] * means[step]


@settings(max_examples=40, deadline=None)
@given(st.integers(30, 60), st.integers(2, 6), st.integers(0, 1000))
def test_width_equals_a_slow_twin(n: int, horizon: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    errors = np.abs(generator.normal(size=(n, horizon))) + 0.01
    errors[generator.random(errors.shape) < 0.1] = np.nan
    found = calibrate(errors, (80.0, 95.0))
    for step in range(horizon):
        for k, level in enumerate((80.0, 95.0)):
            assert found.width[step, k] == pytest.approx(slow_width(errors, level, step, 1))


@pytest.mark.parametrize(("level", "count"), [(80.0, 4), (90.0, 9), (95.0, 19), (99.0, 99), (50.0, 1)])
def test_scores_that_a_level_needs(level: float, count: int) -> None:
    assert needed_scores(level) == count
    assert supported_levels(np.ones((count, 1)), (level,)) == (level,)
    assert supported_levels(np.ones((count - 1, 1)), (level,)) == ()


def test_few_scores_of_the_last_step_are_pooled_with_its_neighbours() -> None:
    """As from one fold: step h of 12 has 12 - h errors; the last alone could not support 95 %."""
    generator = np.random.default_rng(0)
    errors = np.abs(generator.normal(size=(12, 12)))
    errors[np.add.outer(np.arange(12), np.arange(12)) > 11] = np.nan
    width = calibrate(errors, (80.0, 95.0)).width
    assert np.isfinite(width).all()
    assert (width[:, 1] >= width[:, 0]).all()
    assert width[-1, 1] > width[-1, 0]


def test_coverage_holds_on_exchangeable_errors() -> None:
    generator = np.random.default_rng(1)
    inside = []
    for _ in range(300):
        errors = np.abs(generator.standard_t(3, size=(40, 6))) * np.arange(1, 7)
        found = calibrate(errors[:-1], (80.0,))
        inside.append(errors[-1] <= found.width[:, 0])
    assert 0.79 <= np.mean(inside) <= 0.84


def test_bounds_are_in_each_series_own_unit() -> None:
    calibration = Calibration((80.0, 95.0), np.array([[1.0, 2.0], [3.0, 4.0]]))
    lower, upper = calibration.bounds(np.array([[10.0, 10.0], [10.0, 10.0]]), np.array([1.0, 5.0]))
    assert lower[0].tolist() == [[9, 8], [7, 6]]
    assert upper[1].tolist() == [[15, 20], [25, 30]]
    assert calibration.only((95.0,)).width.tolist() == [[2.0], [4.0]]


def test_without_any_level_there_is_no_interval_and_no_crash() -> None:
    found = calibrate(np.ones((2, 3)), ())
    assert found.width.shape == (3, 0)
    assert found.bounds(np.ones((4, 3)), np.ones(4))[0].shape == (4, 3, 0)


def test_no_bounds_where_no_scale_is_known() -> None:
    lower, upper = Calibration((80.0,), np.ones((2, 1))).bounds(np.ones((3, 2)), np.array([1.0, 0.0, np.nan]))
    assert np.isnan(lower).all(axis=(1, 2)).tolist() == [False, True, True]
    assert np.isnan(upper).all(axis=(1, 2)).tolist() == [False, True, True]

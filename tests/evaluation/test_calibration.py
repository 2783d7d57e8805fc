"""Conformal intervals: the rank against a slow twin, the coverage on data where it is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gruforecast.evaluation.calibration import calibrate, calibrated, needed_scores, nonconformity, supported_levels
from gruforecast.models.conformal import Calibration
from gruforecast.models.quantile_forecast import Fan


def slow_factor(errors, level: float, step: int, reach: int) -> float:
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


def twice(errors):
    """The same scores for two levels."""
    return np.repeat(errors[:, :, None], 2, axis=2)


@settings(max_examples=40, deadline=None)
@given(st.integers(30, 60), st.integers(2, 6), st.integers(0, 1000))
def test_the_factor_equals_a_slow_twin(n: int, horizon: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    errors = np.abs(generator.normal(size=(n, horizon))) + 0.01
    errors[generator.random(errors.shape) < 0.1] = np.nan
    found = calibrate(twice(errors), (80.0, 95.0))
    for step in range(horizon):
        for k, level in enumerate((80.0, 95.0)):
            assert found.factor[step, k] == pytest.approx(slow_factor(errors, level, step, 1))


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
    width = calibrate(twice(errors), (80.0, 95.0)).factor
    assert np.isfinite(width).all()
    assert (width[:, 1] >= width[:, 0]).all()
    assert width[-1, 1] > width[-1, 0]


def test_coverage_holds_on_exchangeable_errors() -> None:
    generator = np.random.default_rng(1)
    inside = []
    for _ in range(300):
        errors = np.abs(generator.standard_t(3, size=(40, 6))) * np.arange(1, 7)
        found = calibrate(errors[:-1, :, None], (80.0,))
        inside.append(errors[-1] <= found.factor[:, 0])
    assert 0.79 <= np.mean(inside) <= 0.84


def test_bounds_are_in_each_series_own_unit() -> None:
    calibration = Calibration((80.0, 95.0), np.array([[1.0, 2.0], [3.0, 4.0]]))
    lower, upper = calibration.bounds(Fan(np.full((2, 2), 10.0)), np.array([1.0, 5.0]))
    assert lower[0].tolist() == [[9, 8], [7, 6]]
    assert upper[1].tolist() == [[15, 20], [25, 30]]
    only, _ = calibration.bounds(Fan(np.full((2, 2), 10.0)), np.array([1.0, 5.0]), (95.0,))
    assert only.tolist() == lower[:, :, 1:].tolist()


def test_without_any_level_there_is_no_interval_and_no_crash() -> None:
    found = calibrate(np.ones((2, 3, 0)), ())
    assert found.factor.shape == (3, 0)
    for fan in (Fan(np.ones((4, 3))), Fan.of(np.ones((4, 3, 5)))):
        assert found.bounds(fan, np.ones(4))[0].shape == (4, 3, 0)


def test_no_bounds_where_no_scale_is_known() -> None:
    lower, upper = Calibration((80.0,), np.ones((2, 1))).bounds(Fan(np.ones((3, 2))), np.array([1.0, 0.0, np.nan]))
    assert np.isnan(lower).all(axis=(1, 2)).tolist() == [False, True, True]
    assert np.isnan(upper).all(axis=(1, 2)).tolist() == [False, True, True]


NORMAL = np.array([-1.959964, -1.281552, 0.0, 1.281552, 1.959964])  # deviates of QUANTILES


def test_distances_of_a_normal_fan_are_deviates_at_every_level() -> None:
    """Levels between and beyond those that networks forecast: right where the truth is normal."""
    fan = Fan.of(100 + 3.0 * NORMAL[None, None] * np.ones((2, 4, 1)))
    shape = fan.shape((50.0, 80.0, 90.0, 95.0, 99.0), np.ones(2))
    for k, deviate in enumerate((0.67449, 1.28155, 1.64485, 1.95996, 2.57583)):
        np.testing.assert_allclose(shape[:, :, k], 3 * deviate, rtol=1e-5)


def test_both_sides_keep_their_own_distance() -> None:
    fan = Fan.of(np.array([[[2.0, 6.0, 10.0, 30.0, 90.0]]]))
    lower, upper = Calibration((80.0, 95.0), np.array([[2.0, 1.0]]), trust=1.0).bounds(fan, np.array([1.0]))
    assert lower.tolist() == [[[2.0, 2.0]]]  # 80 % has the factor 2; 95 % would be as narrow and is not narrower
    assert upper.tolist() == [[[50.0, 90.0]]]
    found = nonconformity(fan, np.array([[4.0]]), (80.0, 95.0), np.array([1.0]))
    np.testing.assert_allclose(found, [[[6 / 4, 6 / 8]]])
    np.testing.assert_allclose(nonconformity(fan, np.array([[20.0]]), (80.0,), np.array([1.0])), [[[10 / 20]]])


def test_a_network_that_is_too_sure_is_not_believed() -> None:
    fan = Fan.of(np.full((1, 3, 5), 7.0))
    assert fan.shape((80.0,), np.array([2.0])).min() == pytest.approx(0.2)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_intervals_that_know_where_it_is_noisy_hold_and_are_narrower(seed: int) -> None:
    """Errors ten times larger in half of the windows: a fan that says so covers both halves, a constant the mean."""
    generator = np.random.default_rng(seed)
    size = np.where(generator.random(40_000) < 0.5, 1.0, 10.0)[:, None] * np.ones((1, 2))
    actual = size * generator.normal(size=size.shape)
    nothing = np.zeros_like(actual)
    telling = Fan.of(0.3 * size[:, :, None] * NORMAL)  # the shape is right, its size is not
    half, scale = slice(0, 20_000), np.ones(20_000)
    covered = {}
    for name, fan in (("telling", telling), ("constant", Fan(nothing))):
        first = Fan(fan.mean[half], None if fan.quantiles is None else fan.quantiles[half])
        rest = Fan(fan.mean[20_000:], None if fan.quantiles is None else fan.quantiles[20_000:])
        found = calibrated(first, actual[half], (80.0,), scale)
        assert found.trust == (name == "telling")
        lower, upper = found.bounds(rest, scale)
        inside = ((actual[20_000:] >= lower[:, :, 0]) & (actual[20_000:] <= upper[:, :, 0])).mean(axis=1)
        covered[name] = [float(inside[size[20_000:, 0] == one].mean()) for one in (1.0, 10.0)]
        assert 0.77 <= inside.mean() <= 0.83
    assert max(abs(one - 0.8) for one in covered["telling"]) < 0.05
    assert max(abs(one - 0.8) for one in covered["constant"]) > 0.15


def test_a_mixture_keeps_the_distances_of_the_members_that_have_some() -> None:
    fan = Fan.mixed([0.75, 0.25], [Fan(np.full((1, 1), 8.0)), Fan.of(np.array([[[0.0, 1.0, 4.0, 5.0, 6.0]]]))])
    assert fan.mean.tolist() == [[7.0]]
    assert fan.quantiles.tolist() == [[[3.0, 4.0, 7.0, 8.0, 9.0]]]
    assert Fan.mixed([1.0], [Fan(np.ones((1, 1)))]).quantiles is None


def test_quantiles_that_say_nothing_are_not_trusted() -> None:
    """Their distances are noise: the scale of the series alone gives a better interval score, and is chosen."""
    generator = np.random.default_rng(0)
    actual = generator.normal(size=(500, 2))
    noise = np.exp(2 * generator.normal(size=(500, 2, 1)))
    assert calibrated(Fan.of(noise * NORMAL), actual, (80.0, 95.0), np.ones(500)).trust == 0.0
    with_scale = calibrated(Fan.of(noise * NORMAL), actual, (80.0, 95.0), np.ones(500))
    alone = calibrated(Fan(np.zeros((500, 2))), actual, (80.0, 95.0), np.ones(500))
    np.testing.assert_array_equal(with_scale.factor, alone.factor)


def test_half_of_the_trust_is_the_geometric_mean() -> None:
    fan = Fan.of(np.array([[[2.0, 6.0, 10.0, 30.0, 90.0]]]))
    np.testing.assert_allclose(fan.shape((80.0,), np.array([9.0]), 0.5)[0, 0, 0], [6.0, np.sqrt(180.0)])

"""Conformal intervals: the rank against a slow twin, the coverage on data where it is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gruforecast.data.windows import History
from gruforecast.evaluation import calibration as room
from gruforecast.evaluation.calibration import (
    TRUSTS,
    calibrate,
    calibrated,
    independent_errors,
    inflation,
    needed_scores,
    nonconformity,
    supported_levels,
)
from gruforecast.evaluation.metrics import interval_score
from gruforecast.models.conformal import Calibration
from gruforecast.models.quantile_forecast import QuantileForecast


def slow_factor(errors, level: float, step: int, neighbours: int) -> float:
    """Pool, sort, count up to the rank."""
    horizon = errors.shape[1]
    means = [np.nanmean(errors[:, h]) for h in range(horizon)]
    pool = []
    for h in range(max(0, step - neighbours), min(horizon, step + neighbours + 1)):
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


@pytest.mark.parametrize(
    ("level", "independent", "quantiles"),  # of Student's t with one degree of freedom more, and of the normal: a table
    [(80.0, 2, (1.638, 1.2816)), (95.0, 2, (3.182, 1.96)), (95.0, 4, (2.571, 1.96)), (99.0, 29, (2.75, 2.5758))],
)
def test_intervals_of_few_errors_are_wider_by_what_t_is_than_the_normal(
    level: float, independent: float, quantiles: tuple[float, float]
) -> None:
    assert inflation(level, independent) == pytest.approx(quantiles[0] / quantiles[1], rel=1e-3)
    assert 1 < inflation(level, 5_000) < 1.001
    assert inflation(level, 20_000) == inflation(level, np.inf) == 1.0


def test_rows_that_several_windows_foretell_count_once() -> None:
    history = History.of(np.arange(40.0), np.array([0, 20, 40]))
    windows = history.windows(np.array([0, 0, 0, 1]), np.array([10, 11, 14, 30]))
    actual = np.ones((4, 4))
    assert independent_errors([windows], actual) == 3  # rows 10 to 17, 30 to 33: three horizons
    assert independent_errors([windows[:2], windows[2:]], actual) == 3
    actual[2, 1:] = np.nan
    assert independent_errors([windows], actual) == 2.25
    assert independent_errors([windows], np.full((4, 4), np.nan)) == 0
    assert independent_errors([windows], np.ones((4, 1))) == 4  # a row is one error at most


def test_a_calibration_of_few_errors_is_wider_at_the_higher_level() -> None:
    generator = np.random.default_rng(5)
    forecast, actual = QuantileForecast(np.zeros((60, 3))), generator.normal(size=(60, 3))
    many, few = (calibrated(forecast, actual, (80.0, 95.0), np.ones(60), n).factor for n in (np.inf, 4.0))
    np.testing.assert_allclose(few / many, np.tile([1.476 / 1.2816, 2.571 / 1.96], (3, 1)), rtol=1e-3)


def test_bounds_are_in_each_series_own_unit() -> None:
    calibration = Calibration((80.0, 95.0), np.array([[1.0, 2.0], [3.0, 4.0]]))
    lower, upper = calibration.bounds(QuantileForecast(np.full((2, 2), 10.0)), np.array([1.0, 5.0]))
    assert lower[0].tolist() == [[9, 8], [7, 6]]
    assert upper[1].tolist() == [[15, 20], [25, 30]]
    only, _ = calibration.bounds(QuantileForecast(np.full((2, 2), 10.0)), np.array([1.0, 5.0]), (95.0,))
    assert only.tolist() == lower[:, :, 1:].tolist()


def test_without_any_level_there_is_no_interval_and_no_crash() -> None:
    found = calibrate(np.ones((2, 3, 0)), ())
    assert found.factor.shape == (3, 0)
    for forecast in (QuantileForecast(np.ones((4, 3))), QuantileForecast.of(np.ones((4, 3, 5)))):
        assert found.bounds(forecast, np.ones(4))[0].shape == (4, 3, 0)


def test_no_bounds_where_no_scale_is_known() -> None:
    lower, upper = Calibration((80.0,), np.ones((2, 1))).bounds(
        QuantileForecast(np.ones((3, 2))), np.array([1.0, 0.0, np.nan])
    )
    assert np.isnan(lower).all(axis=(1, 2)).tolist() == [False, True, True]
    assert np.isnan(upper).all(axis=(1, 2)).tolist() == [False, True, True]


NORMAL = np.array([-1.959964, -1.281552, 0.0, 1.281552, 1.959964])  # deviates of QUANTILES


def test_distances_of_a_normal_forecast_are_deviates_at_every_level() -> None:
    """Levels between and beyond those that networks forecast: right where the truth is normal."""
    forecast = QuantileForecast.of(100 + 3.0 * NORMAL[None, None] * np.ones((2, 4, 1)))
    shape = forecast.shape((50.0, 80.0, 90.0, 95.0, 99.0), np.ones(2))
    for k, deviate in enumerate((0.67449, 1.28155, 1.64485, 1.95996, 2.57583)):
        np.testing.assert_allclose(shape[:, :, k], 3 * deviate, rtol=1e-5)


def test_without_levels_there_are_no_bounds() -> None:
    """A member that is calibrated at 80 has none where only 95 is requested."""
    made = Calibration((80.0,), np.ones((4, 1)))
    lower, upper = made.bounds(QuantileForecast(np.ones((2, 4))), np.ones(2), levels=())
    assert lower.shape == upper.shape == (2, 4, 0)


def test_both_sides_keep_their_own_distance() -> None:
    forecast = QuantileForecast.of(np.array([[[2.0, 6.0, 10.0, 30.0, 90.0]]]))
    lower, upper = Calibration((80.0, 95.0), np.array([[2.0, 1.0]]), trust=1.0).bounds(forecast, np.array([1.0]))
    assert lower.tolist() == [[[2.0, 2.0]]]  # 80 % has the factor 2; 95 % would be as narrow and is not narrower
    assert upper.tolist() == [[[50.0, 90.0]]]
    found = nonconformity(forecast, np.array([[4.0]]), (80.0, 95.0), np.array([1.0]))
    np.testing.assert_allclose(found, [[[6 / 4, 6 / 8]]])
    np.testing.assert_allclose(nonconformity(forecast, np.array([[20.0]]), (80.0,), np.array([1.0])), [[[10 / 20]]])


def test_a_network_that_is_too_sure_is_not_believed() -> None:
    forecast = QuantileForecast.of(np.full((1, 3, 5), 7.0))
    assert forecast.shape((80.0,), np.array([2.0])).min() == pytest.approx(0.2)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_intervals_that_know_where_it_is_noisy_hold_and_are_narrower(seed: int) -> None:
    """Errors ten times larger in half of the windows: a forecast that says so covers both, a constant the mean."""
    generator = np.random.default_rng(seed)
    size = np.where(generator.random(40_000) < 0.5, 1.0, 10.0)[:, None] * np.ones((1, 2))
    actual = size * generator.normal(size=size.shape)
    nothing = np.zeros_like(actual)
    telling = QuantileForecast.of(0.3 * size[:, :, None] * NORMAL)  # the shape is right, its size is not
    half, scale = slice(0, 20_000), np.ones(20_000)
    covered = {}
    for name, forecast in (("telling", telling), ("constant", QuantileForecast(nothing))):
        first = QuantileForecast(forecast.mean[half], None if forecast.quantiles is None else forecast.quantiles[half])
        rest = QuantileForecast(
            forecast.mean[20_000:], None if forecast.quantiles is None else forecast.quantiles[20_000:]
        )
        found = calibrated(first, actual[half], (80.0,), scale)
        assert found.trust == (name == "telling")
        lower, upper = found.bounds(rest, scale)
        inside = ((actual[20_000:] >= lower[:, :, 0]) & (actual[20_000:] <= upper[:, :, 0])).mean(axis=1)
        covered[name] = [float(inside[size[20_000:, 0] == one].mean()) for one in (1.0, 10.0)]
        assert 0.77 <= inside.mean() <= 0.83
    assert max(abs(one - 0.8) for one in covered["telling"]) < 0.05
    assert max(abs(one - 0.8) for one in covered["constant"]) > 0.15


def test_a_mixture_keeps_the_distances_of_the_members_that_have_some() -> None:
    forecast = QuantileForecast.mixed(
        [0.75, 0.25],
        [QuantileForecast(np.full((1, 1), 8.0)), QuantileForecast.of(np.array([[[0.0, 1.0, 4.0, 5.0, 6.0]]]))],
    )
    assert forecast.mean.tolist() == [[7.0]]
    assert forecast.quantiles.tolist() == [[[3.0, 4.0, 7.0, 8.0, 9.0]]]
    assert QuantileForecast.mixed([1.0], [QuantileForecast(np.ones((1, 1)))]).quantiles is None


def test_quantiles_that_say_nothing_are_not_trusted() -> None:
    """Their distances are noise: the scale of the series alone gives a better interval score, and is chosen."""
    generator = np.random.default_rng(0)
    actual = generator.normal(size=(500, 2))
    noise = np.exp(2 * generator.normal(size=(500, 2, 1)))
    assert calibrated(QuantileForecast.of(noise * NORMAL), actual, (80.0, 95.0), np.ones(500)).trust == 0.0
    with_scale = calibrated(QuantileForecast.of(noise * NORMAL), actual, (80.0, 95.0), np.ones(500))
    alone = calibrated(QuantileForecast(np.zeros((500, 2))), actual, (80.0, 95.0), np.ones(500))
    np.testing.assert_array_equal(with_scale.factor, alone.factor)


def test_half_of_the_trust_is_the_geometric_mean() -> None:
    forecast = QuantileForecast.of(np.array([[[2.0, 6.0, 10.0, 30.0, 90.0]]]))
    np.testing.assert_allclose(forecast.shape((80.0,), np.array([9.0]), 0.5)[0, 0, 0], [6.0, np.sqrt(180.0)])


# --- exactly enough


@pytest.mark.parametrize(("level", "count"), [(85.0, 6), (70.0, 3), (66.0, 2), (99.9, 999), (1.0, 1), (97.5, 39)])
def test_a_level_between_the_usual_ones_needs_the_next_whole_number_of_scores(level: float, count: int) -> None:
    assert needed_scores(level) == count
    assert supported_levels(np.full((2, 1), np.nan).repeat(count, 1), (level,)) == ()
    half_known = np.where(np.arange(2 * count) < count, 1.0, np.nan).reshape(2, count)
    assert supported_levels(half_known, (level,)) == (level,)


def test_supported_levels_ascend_whatever_their_order() -> None:
    assert supported_levels(np.ones((3, 3)), (95.0, 90.0, 50.0, 80.0)) == (50.0, 80.0, 90.0)


@pytest.mark.parametrize(
    ("per_step", "neighbours"), [([2, 2, 2, 2, 2], 1), ([1] * 8, 3), ([3, 1, 2, 1, 3], 1), ([3, 1, 1, 2, 2], 1),
                            ([4, 0, 0, 4], 1), ([9, 1, 1, 1, 1, 9], 2), ([9, 1, 1, 1, 9, 0, 0, 4], 2), ([4, 0, 0], 2)],
)  # fmt: skip
def test_no_more_neighbours_than_needed_are_pooled(per_step: list[int], neighbours: int) -> None:
    """80 % needs four scores at every step, those at the ends of the horizon included."""
    generator = np.random.default_rng(len(per_step))
    errors = np.exp(generator.normal(size=(max(per_step), len(per_step))))
    errors[np.arange(max(per_step))[:, None] >= np.array(per_step)] = np.nan
    found = calibrate(errors[:, :, None], (80.0,)).factor[:, 0]
    some = [step for step, count in enumerate(per_step) if count]
    with np.errstate(all="ignore"):
        expected = [_of_the_seen(errors, step, neighbours) for step in some]
    np.testing.assert_allclose(found[some], expected, rtol=1e-12)


def _of_the_seen(errors, step: int, neighbours: int) -> float:
    """`slow_factor` where neighbours may have no score."""
    near = [h for h in range(errors.shape[1]) if abs(h - step) <= neighbours and not np.isnan(errors[:, h]).all()]
    return slow_factor(errors[:, near], 80.0, near.index(step), len(near))


def test_a_step_without_scores_takes_the_mean_of_all_and_one_without_errors_stays_finite() -> None:
    errors = np.array([[1.0, np.nan, 0.0], [3.0, np.nan, 0.0], [5.0, np.nan, 0.0], [7.0, np.nan, 0.0]])
    found = calibrate(errors[:, :, None], (80.0,)).factor[:, 0]
    # means 4, (4 * 4 + 0) / 8 = 2 and 1 for none; the ratios of step 0 are up to 7 / 4
    np.testing.assert_allclose(found, [7.0, 2.0 * 7 / 4, 0.0])


def test_all_levels_pool_as_many_scores_as_the_highest_needs() -> None:
    generator = np.random.default_rng(2)
    errors = np.exp(generator.normal(size=(4, 9)))
    found = calibrate(twice(errors), (50.0, 90.0))
    for step in range(9):  # nine scores at the first step: two neighbours
        assert found.factor[step, 0] == pytest.approx(slow_factor(errors, 50.0, step, 2))
        assert found.factor[step, 1] == pytest.approx(slow_factor(errors, 90.0, step, 2))


# --- both sides, more levels, other orders


def test_three_levels_never_cross_and_come_in_the_order_asked_for() -> None:
    calibration = Calibration((50.0, 80.0, 95.0), np.array([[3.0, 1.0, 2.0]]))
    lower, upper = calibration.bounds(QuantileForecast(np.array([[10.0]])), np.array([1.0]))
    assert (lower.tolist(), upper.tolist()) == ([[[7, 7, 7]]], [[[13, 13, 13]]])
    widening = Calibration((50.0, 80.0, 95.0), np.array([[1.0, 2.0, 4.0]]))
    lower, upper = widening.bounds(QuantileForecast(np.array([[10.0]])), np.array([1.0]), (95.0, 50.0))
    assert (lower.tolist(), upper.tolist()) == ([[[6, 9]]], [[[14, 11]]])


def test_the_shape_between_and_beyond_the_levels_of_an_asymmetric_fan() -> None:
    """Below the inner level a share of it, above it as far on as a normal distribution would go."""
    forecast = QuantileForecast.of(np.array([[[0.0, 6.0, 10.0, 30.0, 60.0]]]))
    shape = forecast.shape((50.0, 90.0, 99.0), np.array([1.0]))[0, 0]
    z50, z80, z90, z95, z99 = 0.6744898, 1.2815516, 1.6448536, 1.9599640, 2.5758293
    share = [(z - z80) / (z95 - z80) for z in (z90, z99)]
    expected = [[4 * z50 / z80, 20 * z50 / z80], *([4 + one * (10 - 4), 20 + one * (50 - 20)] for one in share)]
    np.testing.assert_allclose(shape, expected, rtol=1e-6)


def test_trust_is_a_power_of_the_shape_and_the_scale_takes_the_rest() -> None:
    forecast = QuantileForecast.of(np.array([[[2.0, 6.0, 10.0, 30.0, 90.0]], [[2.0, 6.0, 10.0, 30.0, 90.0]]]))
    found = forecast.shape((80.0, 95.0), np.array([16.0, 0.0]), 0.25)
    np.testing.assert_allclose(found[0, 0], [[4**0.25 * 8, 20**0.25 * 8], [8**0.25 * 8, 80**0.25 * 8]])
    assert np.isnan(found[1]).all()
    np.testing.assert_array_equal(forecast.shape((80.0,), np.array([16.0, 1.0]), 0.0)[:, 0, 0], [[16, 16], [1, 1]])


def test_scores_are_in_units_of_the_side_on_which_the_error_lies() -> None:
    forecast = QuantileForecast.of(np.array([[[2.0, 6.0, 10.0, 30.0, 90.0]] * 3]).reshape(1, 3, 5))
    found = nonconformity(forecast, np.array([[10.0, np.nan, 9.0]]), (80.0,), np.array([1.0]))
    np.testing.assert_allclose(found[0, :, 0], [0.0, np.nan, 0.25])
    alone = nonconformity(QuantileForecast(np.array([[10.0]])), np.array([[4.0]]), (80.0, 95.0), np.array([2.0]))
    assert alone.tolist() == [[[3.0, 3.0]]]


# --- how far the model's own quantiles are trusted


def telling_fan(n: int = 200) -> tuple[QuantileForecast, np.ndarray]:
    """Errors of two sizes, and a forecast that knows which."""
    generator = np.random.default_rng(3)
    size = np.where(np.arange(n) % 2, 1.0, 20.0)[:, None] * np.ones((1, 2))
    return QuantileForecast.of(size[:, :, None] * NORMAL), size * generator.normal(size=size.shape)


def test_windows_without_a_value_or_a_scale_have_no_say_in_the_trust() -> None:
    forecast, actual = telling_fan()
    clean = calibrated(forecast, actual, (80.0,), np.ones(200))
    assert clean.trust == 1.0
    more = QuantileForecast.joined([forecast, QuantileForecast.of(1e6 * np.ones((3, 2, 1)) * NORMAL)])
    scale = np.concatenate([np.ones(200), [0.0, np.nan, 1.0]])
    values = np.concatenate([actual, np.full((2, 2), 1e9), np.full((1, 2), np.nan)])
    found = calibrated(more, values, (80.0,), scale)
    assert found.trust == 1.0
    np.testing.assert_array_equal(found.factor, clean.factor)
    assert calibrated(forecast, actual, (), np.ones(200)).trust == calibrate(np.ones((9, 2, 1)), (80.0,)).trust == 0.0
    assert TRUSTS == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert calibrated(QuantileForecast(forecast.mean), actual, (80.0,), np.ones(200)).trust == 0.0


def test_all_levels_have_the_same_say_in_the_trust() -> None:
    """The score at 50 % is far smaller than at 99 %: relative to that without trust both count alike."""
    forecast, actual = telling_fan(400)
    scale = np.ones(400)
    relative = []
    for trust in TRUSTS:
        made = calibrate(nonconformity(forecast, actual, (50.0, 99.0), scale, trust), (50.0, 99.0), trust)
        lower, upper = made.bounds(forecast, scale)
        each = [interval_score(actual, lower[:, :, k], upper[:, :, k], (50.0, 99.0)[k]).mean() for k in (0, 1)]
        relative.append(each)
    best = np.argmin((np.array(relative) / relative[0]).sum(axis=1))
    assert calibrated(forecast, actual, (50.0, 99.0), scale).trust == TRUSTS[best]


def test_the_trust_is_chosen_on_windows_spread_over_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only every second window is read: those say that the forecast is right, the others that it is wrong."""
    forecast, actual = telling_fan(400)
    wrong = QuantileForecast.of(
        np.where(np.arange(400) % 4 < 2, 1.0, 20.0)[:, None, None] * np.ones((1, 2, 1)) * NORMAL
    )
    order = np.argsort(np.concatenate([np.arange(200) * 2, np.arange(200) * 2 + 1]))
    both = QuantileForecast.joined([forecast.windows(np.arange(200)), wrong.windows(np.arange(200, 400))]).windows(
        order
    )
    values = actual[order]
    monkeypatch.setattr(room, "ENOUGH_WINDOWS", 200)
    assert calibrated(both, values, (80.0,), np.ones(400)).trust == 1.0
    monkeypatch.setattr(room, "ENOUGH_WINDOWS", 400)
    assert calibrated(both, values, (80.0,), np.ones(400)).trust < 1.0


# --- quantile forecasts


def test_fans_are_joined_cut_and_taken_apart() -> None:
    one, two = (
        QuantileForecast.of(np.arange(30.0).reshape(2, 3, 5)),
        QuantileForecast.of(np.arange(30.0, 45.0).reshape(1, 3, 5)),
    )
    assert one.mean.tolist() == [[2, 7, 12], [17, 22, 27]]  # the middle one of five
    whole = QuantileForecast.joined([one, two])
    np.testing.assert_array_equal(whole.quantiles, np.arange(45.0).reshape(3, 3, 5))
    some = whole.windows(np.array([2, 0]))
    np.testing.assert_array_equal(some.mean, whole.mean[[2, 0]])
    np.testing.assert_array_equal(some.quantiles, whole.quantiles[[2, 0]])
    np.testing.assert_array_equal(whole.first(2).mean, whole.mean[:, :2])
    np.testing.assert_array_equal(whole.first(2).quantiles, whole.quantiles[:, :2])
    mixed = QuantileForecast.joined([one, QuantileForecast(np.ones((4, 3)))])
    assert mixed.mean.shape == (6, 3)
    assert mixed.quantiles is None
    assert mixed.windows(np.array([0])).quantiles is mixed.first(1).quantiles is None


def test_distances_of_a_mixture_count_by_the_shares_of_those_that_have_some() -> None:
    forecasts = [
        QuantileForecast.of(np.array([[[0.0, 1, 4, 5, 6]]])),
        QuantileForecast(np.full((1, 1), 8.0)),
        QuantileForecast.of(np.array([[[5.0, 6, 6, 7, 16]]])),
    ]
    found = QuantileForecast.mixed([0.3, 0.6, 0.1], forecasts)
    assert found.mean[0, 0] == pytest.approx(0.3 * 4 + 0.6 * 8 + 0.1 * 6)
    around = (0.3 * np.array([-4, -3, 0, 1, 2]) + 0.1 * np.array([-1, 0, 0, 1, 10])) / 0.4
    np.testing.assert_allclose(found.quantiles[0, 0], found.mean[0, 0] + around)

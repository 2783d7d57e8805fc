"""Each metric against a foreign witness, and the conventions for undefined cases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import utilsforecast.losses as witness
from hypothesis import given
from hypothesis import strategies as st
from makers import AIR, history_of
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, root_mean_squared_error

from gruforecast.data.scale import error_unit, error_unit_of, mase_scale, rmsse_scale
from gruforecast.evaluation.metrics import (
    bias,
    covered,
    interval_score,
    mae,
    mase,
    pinball,
    rmse,
    rmsse,
    smape,
    wape,
    width,
    wql,
)

GENERATOR = np.random.default_rng(0)
TRAIN = GENERATOR.normal(10, 2, size=(3, 40))
ACTUAL, FORECAST = GENERATOR.normal(10, 2, size=(2, 3, 6))
LOWER, UPPER = FORECAST - 2.0, FORECAST + 1.0


def frames():
    keys = [f"s{k}" for k in range(3)]

    def long(values):
        return pd.DataFrame({"unique_id": np.repeat(keys, values.shape[1]), "y": values.ravel()})

    bounds = {"model-lo-80": LOWER.ravel(), "model-hi-80": UPPER.ravel()}
    return long(ACTUAL).assign(model=FORECAST.ravel(), **bounds), long(TRAIN)


def scale_of(season_length: int, scale: Any = mase_scale):
    history = history_of(*TRAIN)
    return scale(history, history.windows(np.arange(3), history.indptr[1:]), season_length)


@pytest.mark.parametrize("season_length", [1, 4, 12])
def test_mase_equals_utilsforecast(season_length: int) -> None:
    test, train = frames()
    expected = witness.mase(test, models=["model"], seasonality=season_length, train_df=train)["model"]
    np.testing.assert_allclose(mase(ACTUAL, FORECAST, scale_of(season_length)), expected, rtol=1e-12)


def test_smape_is_200_times_that_of_utilsforecast() -> None:
    test, _ = frames()
    np.testing.assert_allclose(
        smape(ACTUAL, FORECAST), 200 * witness.smape(test, models=["model"])["model"], rtol=1e-12
    )


def test_mae_and_rmse_equal_scikit_learn() -> None:
    for k in range(3):
        assert mae(ACTUAL, FORECAST)[k] == pytest.approx(mean_absolute_error(ACTUAL[k], FORECAST[k]))
        assert rmse(ACTUAL, FORECAST)[k] == pytest.approx(root_mean_squared_error(ACTUAL[k], FORECAST[k]))


@pytest.mark.parametrize("season_length", [1, 4, 12])
def test_rmsse_equals_utilsforecast(season_length: int) -> None:
    test, train = frames()
    expected = witness.rmsse(test, models=["model"], seasonality=season_length, train_df=train)["model"]
    np.testing.assert_allclose(rmsse(ACTUAL, FORECAST, scale_of(season_length, rmsse_scale)), expected, rtol=1e-12)


@pytest.mark.parametrize(("ours", "theirs"), [(bias, witness.bias), (wape, witness.wape)])
def test_bias_and_wape_equal_utilsforecast(ours: Any, theirs: Any) -> None:
    np.testing.assert_allclose(ours(ACTUAL, FORECAST), theirs(frames()[0], models=["model"])["model"], rtol=1e-12)


def test_what_is_said_of_an_interval_equals_utilsforecast() -> None:
    test, _ = frames()
    for ours, theirs in [
        (covered(ACTUAL, LOWER, UPPER), witness.coverage),
        (interval_score(ACTUAL, LOWER, UPPER, 80), witness.winkler_score),
    ]:
        np.testing.assert_allclose(ours, theirs(test, models=["model"], level=80)["model"], rtol=1e-12)
    np.testing.assert_allclose(width(ACTUAL, LOWER, UPPER), 3.0)


@pytest.mark.parametrize("level", [0.025, 0.1, 0.5, 0.9])
def test_pinball_equals_scikit_learn_and_utilsforecast(level: float) -> None:
    found = pinball(ACTUAL, FORECAST, level)
    expected = [mean_pinball_loss(ACTUAL[k], FORECAST[k], alpha=level) for k in range(3)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    loss = witness.quantile_loss(frames()[0], models={"model": "model"}, q=level)["model"]
    np.testing.assert_allclose(found, loss, rtol=1e-12)


def test_wql_is_twice_the_quantile_loss_of_utilsforecast_over_the_mean_size() -> None:
    levels = (0.1, 0.5, 0.9)
    columns = ["model-lo-80", "model", "model-hi-80"]
    loss = witness.mqloss(frames()[0], models={"model": columns}, quantiles=np.array(levels))
    expected = 2 * loss.sort_values("unique_id")["model"] / np.abs(ACTUAL).mean(axis=1)
    np.testing.assert_allclose(wql(ACTUAL, np.stack([LOWER, FORECAST, UPPER], axis=2), levels), expected, rtol=1e-12)


def test_wql_leaves_out_steps_at_which_a_quantile_is_missing() -> None:
    quantiles = np.stack([LOWER, FORECAST, UPPER], axis=2)
    quantiles[:, 4:, 0] = np.nan
    found = wql(ACTUAL, quantiles, (0.1, 0.5, 0.9))
    np.testing.assert_allclose(found, wql(ACTUAL[:, :4], quantiles[:, :4], (0.1, 0.5, 0.9)), rtol=1e-12)
    np.testing.assert_allclose(wql(ACTUAL, FORECAST[:, :, None], (0.5,)), wape(ACTUAL, FORECAST), rtol=1e-12)


def test_the_seasonal_naive_scores_of_the_air_passengers_are_those_that_r_prints() -> None:
    """The last two years from those before, by `accuracy(snaive(train, h = 24), test)` of R's package forecast.

    As printed on r-statistics.co, "Benchmark Forecasts in R": training set RMSE 32.51 and MAE 28.57, which are the
    scales; test set RMSE 76.99 and MAE 71.25.
    """
    y = pd.read_csv(AIR)["y"].to_numpy(float)
    history = history_of(y[:-24])
    windows = history.windows(np.array([0]), history.indptr[1:])
    actual, forecast = y[None, -24:], np.tile(y[-36:-24], 2)[None]
    scales = mase_scale(history, windows, 12), rmsse_scale(history, windows, 12)
    found = [rmse(actual, forecast), mae(actual, forecast), -bias(actual, forecast), scales[1], scales[0]]
    assert np.round(np.concatenate(found), 2).tolist() == [76.99, 71.25, 71.25, 32.51, 28.57]
    assert mase(actual, forecast, scales[0]) == pytest.approx(71.25 / 28.57, rel=2e-4)
    assert rmsse(actual, forecast, scales[1]) == pytest.approx(76.99 / 32.51, rel=3e-4)


@given(st.integers(0, 999), st.floats(0.01, 0.99), st.floats(1, 99))
def test_what_holds_of_quantiles_and_intervals_in_general(seed: int, level: float, percent: float) -> None:
    generator = np.random.default_rng(seed)
    actual, one, other = generator.normal(size=(3, 4, 5))
    actual[generator.random(actual.shape) < 0.2] = np.nan
    lower, upper = np.minimum(one, other), np.maximum(one, other)
    np.testing.assert_allclose(pinball(actual, one, 0.5), mae(actual, one) / 2, rtol=1e-12)
    np.testing.assert_allclose(pinball(actual, one, level), pinball(-actual, -one, 1 - level), rtol=1e-9)
    score, size = interval_score(actual, lower, upper, percent), width(actual, lower, upper)
    assert (score[~np.isnan(score)] >= size[~np.isnan(score)] * (1 - 1e-12)).all()
    np.testing.assert_array_equal(np.isnan(score), np.isnan(actual).all(axis=1))
    tail = (1 - percent / 100) / 2  # an interval is two quantiles: its score is their summed loss over the tail
    both = (pinball(actual, lower, tail) + pinball(actual, upper, 1 - tail)) / tail
    np.testing.assert_allclose(score, both, rtol=1e-9)


def test_missing_actual_values_do_not_count() -> None:
    actual = np.array([[1.0, np.nan, 3.0], [np.nan] * 3])
    forecast = np.array([[2.0, 100.0, 3.0], [1.0] * 3])
    np.testing.assert_allclose(mae(actual, forecast), [0.5, np.nan])
    np.testing.assert_allclose(bias(actual, forecast), [0.5, np.nan])
    np.testing.assert_allclose(wape(actual, forecast), [0.25, np.nan])
    np.testing.assert_allclose(rmsse(actual, forecast, np.array([2.0, 2.0])), [np.sqrt(0.5) / 2, np.nan])
    np.testing.assert_allclose(pinball(actual, forecast, 0.9), [0.05, np.nan])
    np.testing.assert_allclose(wql(actual, forecast[:, :, None], (0.9,)), [0.05, np.nan])
    bounds = actual, forecast - 1, forecast + np.array([0.5, 9, 1.5])
    np.testing.assert_allclose(covered(*bounds), [1.0, np.nan])
    np.testing.assert_allclose(width(*bounds), [2.0, np.nan])
    np.testing.assert_allclose(interval_score(*bounds, 80), [2.0, np.nan])


def test_undefined_is_nan_never_infinite() -> None:
    flat = history_of(np.full(30, 5.0), [1.0])
    windows = flat.windows(np.array([0, 1]), np.array([30, 31]))
    assert np.isnan(mase(ACTUAL[:2], FORECAST[:2], mase_scale(flat, windows, 4))).all()
    assert np.isnan(rmsse(ACTUAL[:2], FORECAST[:2], rmsse_scale(flat, windows, 4))).all()
    zeros = np.zeros((1, 2))
    assert smape(zeros, zeros)[0] == 0.0
    assert np.isnan([wape(zeros, zeros + 1), wql(zeros, zeros[:, :, None] + 1, (0.5,))]).all()


def test_a_scale_whose_square_no_float_holds_is_not_known() -> None:
    history = history_of([1e200, -1e200, 1e200])
    windows = history.windows(np.array([0]), np.array([3]))
    assert np.isnan(rmsse_scale(history, windows, 1)).all()
    assert mase_scale(history, windows, 1) == 2e200


def test_a_series_no_longer_than_a_season_is_scaled_at_lag_one() -> None:
    history = history_of(np.arange(10.0) ** 2, np.arange(40.0) ** 2)
    windows = history.windows(np.array([0, 1]), history.indptr[1:])
    short, long = mase_scale(history, windows, 12)
    assert short == pytest.approx(np.abs(np.diff(np.arange(10.0) ** 2)).mean())
    y = np.arange(40.0) ** 2
    assert long == pytest.approx(np.abs(y[12:] - y[:-12]).mean())
    short, long = rmsse_scale(history, windows, 12)
    assert short == pytest.approx(np.sqrt((np.diff(np.arange(10.0) ** 2) ** 2).mean()))
    assert long == pytest.approx(np.sqrt(((y[12:] - y[:-12]) ** 2).mean()))


@pytest.mark.parametrize("scale", [mase_scale, rmsse_scale])
def test_no_scale_reads_a_row_of_the_window_or_of_another_series(scale: Any) -> None:
    y = GENERATOR.normal(size=50)
    other = y.copy()
    other[20:] = 1e6
    found = [
        scale(h, h.windows(np.array([1]), h.indptr[1:2] + 20), 4)
        for h in (history_of(np.arange(9.0), y), history_of(np.full(9, -1e6), other))
    ]
    assert found[0] == found[1]


def test_the_scale_reads_only_rows_before_the_window() -> None:
    y = np.arange(30.0) ** 2
    later = y.copy()
    later[20:] = 1e6
    scales = [mase_scale(h, h.windows(np.array([0]), np.array([20])), 4) for h in (history_of(y), history_of(later))]
    assert scales[0] == scales[1] == pytest.approx(np.abs(y[4:20] - y[:16]).mean())


def test_a_small_series_keeps_its_scale_beside_a_large_one() -> None:
    generator = np.random.default_rng(1)
    large, small = 1e11 * generator.random(500), 0.03 * generator.random(500)
    for order in ([large, small], [small, large]):
        history = history_of(*order)
        windows = history.windows(np.arange(2), history.indptr[1:])
        k = 1 if order[1] is small else 0
        assert mase_scale(history, windows, 1)[k] == pytest.approx(np.abs(np.diff(small)).mean(), rel=1e-12)


def test_what_rounding_leaves_of_an_exact_pattern_is_no_scale() -> None:
    sine = 10 + np.sin(2 * np.pi * np.arange(120) / 12)
    history = history_of(sine, sine + 1e-3 * np.arange(120))
    windows = history.windows(np.arange(2), history.indptr[1:])
    assert np.abs(sine[12:] - sine[:-12]).max() > 0  # not exactly equal
    for scale in (mase_scale(history, windows, 12), rmsse_scale(history, windows, 12)):
        assert scale[0] == 0
        assert scale[1] == pytest.approx(12e-3, rel=1e-3)


@given(
    st.lists(
        st.lists(st.one_of(st.just(np.nan), st.floats(-1e6, 1e6)), min_size=1, max_size=20), min_size=1, max_size=4
    ),
    st.sampled_from([1, 3, 7]),
)
def test_the_scale_of_padded_series_is_that_of_the_panel(series: list[list[float]], season_length: int) -> None:
    rows = [np.array([0.5, *one]) for one in series]  # a series begins with a value
    history = history_of(*rows)
    wanted = error_unit(history, history.windows(np.arange(len(rows)), history.indptr[1:]), season_length)
    padded = np.array([np.concatenate([np.full(22 - len(one), np.nan), one]) for one in rows])
    np.testing.assert_allclose(error_unit_of(padded, season_length), wanted, rtol=1e-9)


@pytest.mark.parametrize("scale", [mase_scale, rmsse_scale])
@pytest.mark.parametrize("season_length", [1, 4])
def test_a_series_of_one_row_has_no_scale_wherever_it_stands(scale: Any, season_length: int) -> None:
    one, long = [7.0], np.arange(9.0) ** 2
    history = history_of(one, long, one, one, -long, one)
    found = scale(history, history.windows(np.arange(6), history.indptr[1:]), season_length)
    assert np.isnan(found).tolist() == [True, False, True, True, False, True]
    alone = history_of(long)
    expected = scale(alone, alone.windows(np.array([0]), np.array([9])), season_length)
    np.testing.assert_allclose(found[[1, 4]], expected[[0, 0]])


@pytest.mark.parametrize("scale", [mase_scale, rmsse_scale])
def test_exact_repeats_are_told_from_small_changes_in_series_of_any_size(scale: Any) -> None:
    """What is rounding in a large series is not in a small one, and the other way round."""
    sine = 10 + np.sin(2 * np.pi * np.arange(60) / 12)
    drifting = 1e-3 * np.arange(36.0)
    history = history_of(1e9 * sine, 1e-9 * sine[:40], drifting, sine[:25] * 1e3 + 1e-6 * np.arange(25))
    found = scale(history, history.windows(np.arange(4), history.indptr[1:]), 12)
    assert found[:2].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(found[2:], [12e-3, 12e-6], rtol=1e-6)


@pytest.mark.parametrize("scale", [mase_scale, rmsse_scale])
@pytest.mark.parametrize(("rows", "expected"), [(4, 2.0), (5, 7.0), (6, 7.0)])
def test_one_row_more_than_a_season_is_enough_for_its_lag(scale: Any, rows: int, expected: float) -> None:
    y = np.array([0.0, 2.0, 4.0, 6.0, 7.0, 9.0])[:rows]  # lag 1: 2; lag 4: 7
    history = history_of([5.0, 5.0], y, [1.0, 9.0])
    found = scale(history, history.windows(np.array([1]), history.indptr[[2]]), 4)
    assert found == pytest.approx([expected])


def test_a_pair_with_a_missing_row_does_not_count() -> None:
    history = history_of([1.0, np.nan, 2.0, 4.0, np.nan, 9.0], [3.0, np.nan, np.nan])
    windows = history.windows(np.arange(2), history.indptr[1:])
    np.testing.assert_array_equal(mase_scale(history, windows, 1), [2.0, np.nan])
    np.testing.assert_array_equal(mase_scale(history, windows, 2), [3.0, np.nan])
    np.testing.assert_array_equal(rmsse_scale(history, windows, 3), [np.sqrt((9 + 49) / 2), np.nan])


def test_rounding_is_a_ten_trillionth_of_the_mean_size() -> None:
    for step in (0.9e-13, 1.1e-13):
        history = history_of([0.0, step] * 2 + [1.0, -1.0, 1.0, -1.0])
        windows = history.windows(np.array([0]), np.array([4]))
        assert mase_scale(history, windows, 1) == pytest.approx([step])  # its size is as small
    y = np.array([1.0, -1.0, 1.0, -1.0])
    for step, known in ((4e-13, True), (2e-14, False)):
        drifting = np.concatenate([y, y + np.sign(y) * step])  # four apart by `step`, of a mean size of 1
        history = history_of(drifting)
        windows = history.windows(np.array([0]), np.array([8]))
        for scale in (mase_scale, rmsse_scale):
            assert (scale(history, windows, 4)[0] > 0) == known
        unit = pytest.approx(step if known else 2.0)  # from row to row it changes by 2
        assert error_unit_of(drifting[None], 4)[0] == unit
        assert error_unit(history, windows, 4)[0] == unit


@pytest.mark.parametrize("season_length", [1, 2, 5])
def test_the_scale_of_padded_series_of_any_length(season_length: int) -> None:
    """Series that begin late, with holes, as long as a season, repeating exactly, and without any value."""
    nan = np.nan
    rows = [[1.0], [1.0, 4.0], [2.0, nan, 3.0, 7.0, 1.0], [2.0, 5.0, nan, 5.0, 2.0, 4.0], [3.0, 1.0] * 4]
    history = history_of(*rows)
    wanted = error_unit(history, history.windows(np.arange(5), history.indptr[1:]), season_length)
    padded = np.array([np.concatenate([np.full(9 - len(one), nan), one]) for one in rows] + [np.full(9, nan)])
    np.testing.assert_allclose(error_unit_of(padded, season_length), [*wanted, nan])


@pytest.mark.parametrize("level", [0.0, 1e15, -7.0])
def test_where_seasons_repeat_exactly_errors_are_measured_in_changes_from_row_to_row(level: float) -> None:
    profile = np.array([10.0, 12, 15, 14, 20, 35, 30])  # changes by 2, 3, 1, 6, 15, 5 and, to the next week, 20
    week, longer = np.resize(profile, 28), np.resize(profile, 28) + np.repeat([0.0, 1.0], 14)
    still, walk = np.full(28, 3.0), np.arange(28.0) ** 2
    history = history_of(level + week, level + still, walk, longer)
    windows = history.windows(np.arange(4), history.indptr[1:])
    scale, unit = mase_scale(history, windows, 7), error_unit(history, windows, 7)
    assert scale[:2].tolist() == [0.0, 0.0]
    assert unit[0] == pytest.approx((4 * (2 + 3 + 1 + 6 + 15 + 5) + 3 * 20) / 27, rel=1e-12)
    assert unit[1] == 0.0  # a constant has no unit
    np.testing.assert_array_equal(unit[2:], scale[2:])  # where there is a MASE scale, that is the unit
    rows = np.stack([level + week, level + still, walk, longer])
    np.testing.assert_allclose(error_unit_of(rows, 7), unit, rtol=1e-12)


def test_bounds_belong_to_the_interval_and_steps_without_them_do_not_count() -> None:
    actual = np.array([[1.0, 2.0, 3.0, 4.0, np.nan]])
    lower, upper = np.array([[1.0, 1.0, np.nan, 0.0, 0.0]]), np.array([[9.0, 2.0, 9.0, np.nan, 1.0]])
    assert covered(actual, lower, upper).tolist() == [1.0]
    assert covered(actual, lower + 1e-9, upper).tolist() == [0.5]
    assert covered(actual, lower, upper - 1e-9).tolist() == [0.5]
    assert width(actual, lower, upper).tolist() == [4.5]
    assert interval_score(actual, lower + 1, upper - 1, 50.0).tolist() == [(6 + 4 * 1 - 1 + 4 * 1) / 2]

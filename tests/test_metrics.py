"""Each metric against a foreign witness, and the conventions for undefined cases."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import utilsforecast.losses as witness
from conftest import history_of
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from gruforecast.metrics import covered, mae, mase, mase_scale, rmse, smape

GENERATOR = np.random.default_rng(0)
TRAIN = GENERATOR.normal(10, 2, size=(3, 40))
ACTUAL, FORECAST = GENERATOR.normal(10, 2, size=(2, 3, 6))


def frames():
    keys = [f"s{k}" for k in range(3)]

    def long(values):
        return pd.DataFrame({"unique_id": np.repeat(keys, values.shape[1]), "y": values.ravel()})

    test = long(ACTUAL).assign(model=FORECAST.ravel())
    return test, long(TRAIN)


def scale_of(season_length: int):
    history = history_of(*TRAIN)
    return mase_scale(history, history.windows(np.arange(3), history.indptr[1:]), season_length)


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


def test_missing_actual_values_do_not_count() -> None:
    actual = np.array([[1.0, np.nan, 3.0], [np.nan] * 3])
    forecast = np.array([[2.0, 100.0, 3.0], [1.0] * 3])
    np.testing.assert_allclose(mae(actual, forecast), [0.5, np.nan])
    np.testing.assert_allclose(covered(actual, forecast - 1, forecast + 0.5), [1.0, np.nan])


def test_undefined_is_nan_never_infinite() -> None:
    flat = history_of(np.full(30, 5.0), [1.0])
    windows = flat.windows(np.array([0, 1]), np.array([30, 31]))
    scale = mase_scale(flat, windows, 4)
    assert np.isnan(mase(ACTUAL[:2], FORECAST[:2], scale)).all()
    assert smape(np.zeros((1, 2)), np.zeros((1, 2)))[0] == 0.0


def test_a_series_no_longer_than_a_season_is_scaled_at_lag_one() -> None:
    history = history_of(np.arange(10.0) ** 2, np.arange(40.0) ** 2)
    windows = history.windows(np.array([0, 1]), history.indptr[1:])
    short, long = mase_scale(history, windows, 12)
    assert short == pytest.approx(np.abs(np.diff(np.arange(10.0) ** 2)).mean())
    y = np.arange(40.0) ** 2
    assert long == pytest.approx(np.abs(y[12:] - y[:-12]).mean())


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

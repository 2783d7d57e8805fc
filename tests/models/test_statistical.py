"""Models of statsforecast: the same numbers as calling it directly, and no series without a forecast."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from makers import AIR, history_of

from gruforecast.data.windows import History
from gruforecast.models.naive import seasonal_naive
from gruforecast.models.registry import model_of
from gruforecast.models.statistical import STATISTICAL, TakenForward, affordable, rows_read

AIR_ROWS = np.array([float(line.split(",")[2]) for line in AIR.read_text().splitlines()[1:]])


@pytest.mark.parametrize("name", ["auto-ets", "dynamic-theta"])
def test_the_numbers_are_those_of_statsforecast(name: str) -> None:
    import pandas as pd
    from statsforecast import StatsForecast
    from statsforecast.models import AutoETS, DynamicOptimizedTheta

    history = history_of(AIR_ROWS[:132], AIR_ROWS[20:100])
    windows = history.windows(np.array([0, 1]), history.indptr[1:])
    found = model_of(name).forecast(history, windows, 12, 12).mean
    frame = pd.DataFrame({"unique_id": [0] * 132 + [1] * 80, "y": list(history.values)})
    frame["ds"] = np.concatenate([np.arange(132), np.arange(80)])
    model = {"auto-ets": AutoETS, "dynamic-theta": DynamicOptimizedTheta}[name](season_length=12)
    wanted = StatsForecast([model], freq=1).forecast(df=frame, h=12).iloc[:, -1].to_numpy().reshape(2, 12)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    scale = np.abs(AIR_ROWS[12:132] - AIR_ROWS[:120]).mean()
    assert np.abs(found[0] - AIR_ROWS[132:]).mean() / scale < 1.2  # seasonal naive: 1.57


def test_mstl_reads_the_seasons_of_the_step_that_are_there_twice() -> None:
    """A day and a week of hours; a day alone while there is one week and a half."""
    from statsforecast.models import MSTL, AutoETS

    generator = np.random.default_rng(0)
    t = np.arange(600)
    y = 50 + 9 * np.sin(t / 24 * 2 * np.pi) + 6 * np.sin(t / 168 * 2 * np.pi) + generator.normal(size=600)
    ds = np.datetime64("2020-01-01T00", "s") + np.timedelta64(3600, "s") * t
    history = History.of(y, np.array([0, 600]), ds)
    windows = history.windows(np.array([0, 0, 0]), np.array([600, 250, 30]))
    found = model_of("mstl").forecast(history, windows, 24, 24).mean
    for row, rows, seasons in ((0, y[96:], [24, 168]), (1, y[:250], [24])):
        wanted = MSTL(season_length=seasons, trend_forecaster=AutoETS(model="ZZN")).forecast(y=rows, h=24)["mean"]
        np.testing.assert_allclose(found[row], wanted, rtol=1e-6)
    assert np.isfinite(found).all()


def test_gaps_are_bridged_and_hopeless_series_get_the_seasonal_naive_forecast() -> None:
    holes = AIR_ROWS.copy()
    holes[[5, 50, 51]] = np.nan
    history = history_of(holes, np.full(30, 4.0), [1.0, 2.0], np.full(3, 5.0))
    windows = history.windows(np.arange(4), history.indptr[1:])
    found = model_of("auto-ets").forecast(history, windows, 12, 12).mean
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[1:], seasonal_naive(history, windows, 12, 12)[1:])
    whole = history_of(AIR_ROWS)
    near = model_of("auto-ets").forecast(whole, whole.windows(np.array([0]), whole.indptr[1:]), 12, 12).mean
    np.testing.assert_allclose(found[0], near[0], rtol=0.05)


@pytest.mark.parametrize("name", ["auto-ets", "dynamic-theta", "auto-arima"])
def test_a_model_taken_forward_keeps_the_parameters_of_its_one_fit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as `forward` of the library on a model that was fitted to the rows before the cutoff alone."""
    from statsforecast import models

    kind = getattr(models, {"auto-ets": "AutoETS", "dynamic-theta": "DynamicOptimizedTheta"}.get(name, "AutoARIMA"))
    history = history_of(AIR_ROWS, AIR_ROWS[20:100])
    windows = history.windows(np.array([0, 0, 0, 1]), np.array([108, 121, 132, 144 + 70]))
    wanted = [kind(season_length=12).fit(AIR_ROWS[:108]).forward(AIR_ROWS[:end], 12)["mean"] for end in (108, 121, 132)]
    fits: list[int] = []
    fit = kind.fit
    monkeypatch.setattr(kind, "fit", lambda self, y: (fits.append(len(y)), fit(self, y))[1])
    model = TakenForward(name, np.array([108, 144 + 50]), 15)
    found = np.concatenate([model.forecast(history, windows[k : k + 1], 12, 12).mean for k in range(4)])
    np.testing.assert_allclose(found[:3], wanted, rtol=1e-9)
    assert fits == [108, 50]
    at_cutoff = model_of(name).forecast(history, windows[:1], 12, 12).mean
    np.testing.assert_allclose(found[:1], at_cutoff, rtol=1e-6)
    anew = model_of(name).forecast(history, windows[2:3], 12, 12).mean[0]
    assert np.abs(found[2] - anew).max() > 1e-6 * np.abs(anew).max()  # other parameters


@pytest.mark.parametrize("name", ["auto-ets", "dynamic-theta", "auto-arima", "mstl"])
def test_a_model_taken_forward_sees_no_row_behind_its_window_and_is_fitted_to_none_behind_the_cutoff(name: str) -> None:
    ends = np.array([100, 113, 120])
    later, between = AIR_ROWS.copy(), AIR_ROWS.copy()
    later[120:] *= 1000
    between[100:113] *= np.linspace(1, 1.2, 13)
    forecasts = []
    for rows in (AIR_ROWS, later, between):
        history = history_of(rows)
        model = TakenForward(name, np.array([100]), 15)
        forecasts.append(model.forecast(history, history.windows(np.zeros(3, int), ends), 12, 12).mean)
    np.testing.assert_array_equal(forecasts[1], forecasts[0])
    np.testing.assert_array_equal(forecasts[2][0], forecasts[0][0])
    assert (forecasts[2][1:] != forecasts[0][1:]).all()  # but what came before a window counts there


def test_a_series_that_hardly_has_rows_before_the_cutoff_is_fitted_at_its_windows() -> None:
    history = history_of(AIR_ROWS[:40])
    windows = history.windows(np.array([0, 0]), np.array([30, 35]))
    found = TakenForward("auto-ets", np.array([10]), 15).forecast(history, windows, 6, 12).mean
    np.testing.assert_allclose(found, model_of("auto-ets").forecast(history, windows, 6, 12).mean, rtol=1e-6)


def test_larger_data_get_fewer_models() -> None:
    assert affordable(1_000, 12) == list(STATISTICAL)
    assert affordable(1_000, 13) == ["dynamic-theta", "auto-ets", "mstl"]
    assert affordable(500_000, 12) == ["dynamic-theta", "auto-ets", "mstl"]
    assert affordable(500_001, 12) == ["dynamic-theta", "auto-ets"]
    assert affordable(5_000_000, 12) == ["dynamic-theta"]
    assert affordable(50_000_000, 12) == []
    history = history_of(np.arange(2_000.0), np.arange(30.0))
    assert rows_read(history.windows(np.array([0, 1]), history.indptr[1:]), 12) == 530


def test_without_the_package_a_baseline_works_and_a_statistical_model_is_refused_with_a_remedy() -> None:
    code = (
        "import sys; sys.modules['statsforecast'] = None\n"
        "import numpy as np\nfrom gruforecast.models.registry import model_of\n"
        "from gruforecast.data.windows import History\n"
        "from gruforecast.errors import ResourceError\n"
        "history = History.of(np.arange(30.0), np.array([0, 30]))\n"
        "windows = history.windows(np.array([0]), np.array([30]))\n"
        "print(model_of('naive').forecast(history, windows, 2, 1).mean[0])\n"
        "try: model_of('auto-ets').forecast(history, windows, 2, 1).mean\n"
        "except ResourceError as error: print(error.exit_code, error.remedy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "[29. 29.]"
    assert done.stdout.splitlines()[1].startswith("5 Install gruforecast[stats]")

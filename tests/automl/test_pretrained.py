"""The pretrained network on data that nothing was fitted on: in Python, from files, at cutoffs."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from makers import AIR

import gruforecast as gf
from gruforecast.automl.options import CheckOptions, SeasonOptions
from gruforecast.automl.preparation import horizon_and_seasons
from gruforecast.automl.pretrained import asked, in_words
from gruforecast.automl.pretrained_backtest import rolled
from gruforecast.data.read import read_csv

MODEL = gf.load("pretrained")
HOURLY = AIR.with_name("m4_hourly_6.csv")


def table(y: Any, freq: str = "MS", start: str = "2010-01-01") -> pd.DataFrame:
    return pd.DataFrame({"ds": pd.date_range(start, periods=len(y), freq=freq), "y": y})


def air() -> pd.DataFrame:
    return pd.read_csv(AIR, parse_dates=["ds"])


def noise(rows: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=rows)


def test_python_on_a_frame_is_python_on_the_file() -> None:
    from_file = MODEL.predict(AIR, horizon=12)
    pd.testing.assert_frame_equal(MODEL.predict(air(), horizon=12), from_file)
    pd.testing.assert_frame_equal(MODEL.predict(air()), from_file)  # the horizon of months
    assert from_file.columns.tolist() == ["unique_id", "ds", "y_hat", "lo-80", "hi-80", "lo-95", "hi-95"]
    assert from_file["ds"].dt.strftime("%Y-%m").tolist() == [f"1961-{k:02}" for k in range(1, 13)]


@pytest.mark.parametrize(
    ("file", "options", "backs"),
    [(AIR, {"season": None}, (36, 24, 12)), (HOURLY, {"season": 24}, (36, 24, 12)), (HOURLY, {}, (36,))],
)
def test_a_backtest_at_a_cutoff_is_a_forecast_of_the_file_cut_there(file: Path, options: Any, backs: Any) -> None:
    """Forecast and intervals, which are measured anew at each cutoff; the season is found at the first one."""
    frame, horizon = pd.read_csv(file, parse_dates=["ds"]), 12
    key = frame.columns[0]
    whole = MODEL.backtest(frame, horizon=horizon, windows=3, member="pretrained", detail="forecasts", **options)
    sides = ["y_hat", "lo-80", "hi-80", "lo-95", "hi-95"]
    for back in backs:
        cut = frame[frame.groupby(key).cumcount(ascending=False) >= back]
        forecast = MODEL.predict(cut, horizon=horizon, **options)
        there = whole.merge(cut.groupby(key)["ds"].max().rename("cutoff"), on=[key, "cutoff"])
        pair = there.merge(forecast, on=[key, "ds"], suffixes=("", " cut"))
        assert len(pair) == len(forecast) == len(there) == 12 * frame[key].nunique()
        for side in sides:
            np.testing.assert_allclose(pair[side], pair[f"{side} cut"], rtol=1e-4, err_msg=f"{back} {side}")


def test_rows_after_a_cutoff_are_not_seen() -> None:
    other = air()
    other.loc[other.index[-12:], "y"] = 1e4 * np.arange(12.0)
    sides = ["y_hat", "lo-80", "hi-80", "lo-95", "hi-95"]
    for frame in (air(), other):
        made = MODEL.backtest(frame, windows=1, horizon=12, member="pretrained", detail="forecasts")[sides]
        np.testing.assert_allclose(made, MODEL.predict(air()[:-12], horizon=12)[sides], rtol=1e-4)


def test_the_season_of_a_backtest_is_found_before_its_first_cutoff() -> None:
    """A season that begins in the last rows is none of the forecasts before."""
    y = 50 + noise(120)
    y[60:] += np.resize([30.0, 0, 0, 0, 0, 0], 60)
    frame = table(y, "D")
    assert asked(frame, SeasonOptions()).forecaster.season_length == 6
    assert rolled(frame, SeasonOptions(), windows=6, horizon=10).forecaster.season_length == 1
    assert rolled(frame, SeasonOptions(season=6), windows=6, horizon=10).forecaster.season_length == 6


@pytest.mark.filterwarnings("ignore:.*values are missing")
def test_season_and_horizon_are_those_of_fit() -> None:
    """`fit` keeps the horizon out; asked about the rows before it, the network finds what `fit` does."""
    for file in (AIR, HOURLY, AIR.with_name("co2_weekly.csv")):
        panel = read_csv(file, CheckOptions()).panel
        horizon, seasons = horizon_and_seasons(panel, None, None)
        found = asked(file, SeasonOptions()).forecaster
        assert (found.horizon, found.season_length) == (horizon, seasons[0])


def test_two_seasons_are_found_and_said() -> None:
    t = np.arange(24 * 7 * 6)
    y = 50 + 5 * np.sin(2 * np.pi * t / 24) + 4 * ((t // 24) % 7 >= 5) + noise(len(t))
    made = asked(table(y, "h"), SeasonOptions())
    assert made.in_words() == "pretrained network: seasons of 24 and 168 rows, 1,008 rows read, horizon 24"
    assert in_words(asked(table(y, "h"), SeasonOptions(season=24)).forecaster, made.panel).count("168") == 0


@pytest.mark.parametrize(
    "y",
    [
        [5.0, 6.0],
        [5.0, 6.0, 5.0, 7.0],
        np.where(np.arange(60) % 3 == 1, np.nan, np.arange(60.0)),
        np.append(noise(30), [np.nan] * 200 + [1.0]),
        -5 + noise(50),
        1e29 * noise(50),
        np.append(noise(50), 1e30),
        1e-200 * (2 + noise(50)),
        np.arange(50.0) ** 3,
        (noise(200) > 1.7) * 3.0,
    ],
    ids=["two", "four", "holes", "gap", "negative", "huge", "leap", "tiny", "cubic", "rare"],
)
@pytest.mark.filterwarnings("ignore:.*values are missing")
def test_odd_series_have_a_finite_forecast_in_order(y: Any) -> None:
    made = MODEL.predict(table(y))[["lo-95", "lo-80", "y_hat", "hi-80", "hi-95"]].to_numpy()
    assert made.shape == (12, 5)
    assert np.isfinite(made).all()
    assert (np.diff(made, axis=1) >= 0).all()
    if np.nanmin(y) >= 0:
        assert made.min() >= 0


@pytest.mark.parametrize(("y", "freq"), [([3.0] * 40, None), ([0.0] * 40, None), ([3.0], "M")])
def test_a_series_that_never_changed_goes_on_so_and_has_no_interval(y: list[float], freq: str | None) -> None:
    made = MODEL.predict(table(y), freq=freq)
    np.testing.assert_allclose(made["y_hat"], y[0], atol=1e-4)
    assert made[["lo-80", "hi-95"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (table([]), "GF-D02"),
        (table([3.0]), "GF-D36"),
        (table([np.nan] * 20), "GF-D33"),
        (table([1e300, 1.0, 2.0]), "GF-D32"),
        (table([np.inf, 1.0, 2.0]), "GF-D30"),
        (pd.concat([table([1.0, 2.0, 3.0]), table([4.0, 5.0, 6.0])]), "GF-D35"),
    ],
    ids=["empty", "one", "missing", "huge", "infinite", "twice"],
)
def test_what_cannot_be_read_is_refused(frame: pd.DataFrame, code: str) -> None:
    for call in (MODEL.predict, MODEL.backtest):
        with pytest.raises(gf.DataError) as caught:
            call(frame)
        assert caught.value.code == code


def test_options_are_taken_by_name_and_checked() -> None:
    frame = table(noise(60)).rename(columns={"ds": "when", "y": "much"}).assign(shop=3)
    made = MODEL.predict(frame, time="when", target="much", id="shop", series=3, level=[50, 90], season=1)
    assert made.columns.tolist() == ["shop", "when", "y_hat", "lo-50", "hi-50", "lo-90", "hi-90"]
    for wrong, error in (
        ({"seson": 12}, TypeError),
        ({"season": 0}, gf.UsageError),
        ({"level": "80"}, gf.UsageError),
        ({"horizon": 1.5}, gf.UsageError),
        ({"series": "x"}, gf.UsageError),
        ({"level": 0}, gf.UsageError),
    ):
        with pytest.raises(error):
            MODEL.predict(air(), **wrong)
    with pytest.raises(gf.UsageError, match="detail"):
        MODEL.backtest(air(), detail="model")
    with pytest.raises(TypeError, match="by name"):
        MODEL.predict(air(), 12)


def test_levels_beside_its_own_need_rows() -> None:
    with pytest.raises(gf.DataError, match="80 and 95 need none"):
        MODEL.predict(table(noise(5)), level=90)
    assert "lo-95" in MODEL.predict(table(noise(5)), level=95)


def test_a_series_of_many_is_forecast_as_among_them() -> None:
    whole = MODEL.predict(HOURLY)
    key = whole["unique_id"].iloc[-1]
    some = MODEL.predict(HOURLY, series=[key])
    pd.testing.assert_frame_equal(some, whole[whole["unique_id"] == key].reset_index(drop=True), rtol=1e-4)


def test_a_line_over_a_gap_is_no_value() -> None:
    y = 20 + np.resize([5.0, 0, 0, 1], 80) + noise(80)
    y[40:47] = np.nan
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        filled = MODEL.predict(table(y, "QS"), fill=True)
        masked = MODEL.predict(table(y, "QS"))
    pd.testing.assert_frame_equal(filled, masked)
    assert "values on lines are taken out again" in str(caught[1].message)


@pytest.mark.parametrize("name", ["report", "explain", "save", "export", "members"])
def test_what_only_a_fitted_model_has_is_refused_with_a_word(name: str) -> None:
    with pytest.raises(gf.UsageError, match=f"`{name}`") as caught:
        getattr(MODEL, name)
    assert caught.value.code == "GF-U52"


def test_it_is_like_any_other_object() -> None:
    assert not hasattr(MODEL, "nothing")
    assert f"{MODEL.card.parameters:,}" in repr(MODEL)


def test_a_folder_of_its_name_is_loaded_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pretrained").mkdir()
    monkeypatch.chdir(tmp_path)
    assert gf.load("pretrained").card == MODEL.card
    for path in ("./pretrained", Path("pretrained")):
        with pytest.raises(gf.ModelError) as caught:
            gf.load(path)
        assert caught.value.code == "GF-M02"

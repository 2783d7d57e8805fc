"""What is decided before a model is trained, and what `check` says of it: seasons, and data without a MASE."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gruforecast.automl.data_profile import DataProfile, examine
from gruforecast.automl.options import CheckOptions, FitOptions
from gruforecast.automl.preparation import Prepared, decide, horizon_and_seasons
from gruforecast.data.read import read_csv
from gruforecast.errors import DataError
from gruforecast.evaluation.leaderboard import Candidate, judge
from gruforecast.evaluation.splits import Forecasts
from gruforecast.models.baselines import baselines
from gruforecast.report.terminal.check import show_profile

WEEK = np.array([10.0, 12, 15, 14, 20, 35, 30])
UNIT = "MASE and RMSSE are in units of the change over {} rows; with a run of another season only MAE compares"
EXACT = {
    "a sine": ("h", np.round(np.sin(2 * np.pi * np.arange(480) / 24), 6), 24),
    "a week": ("D", np.resize(WEEK, 200), 7),
    "a week far away": ("D", 1e15 + np.resize(WEEK, 200), 7),
}


def file_of(path: Path, y: Any, freq: str) -> str:
    ds = pd.date_range("2021-01-04", periods=len(y), freq=freq)
    pd.DataFrame({"ds": ds, "y": [repr(float(one)) for one in y]}).to_csv(path, index=False)
    return str(path)


def decided(path: Path, y: Any, freq: str, **options: Any) -> Prepared:
    asked = FitOptions(**options)
    return decide(read_csv(file_of(path / "d.csv", y, freq), asked), asked)


def profile(path: Path, y: Any, freq: str, **options: Any) -> DataProfile:
    return examine(file_of(path / "d.csv", y, freq), CheckOptions(**options))


def hourly(rows: int) -> Any:
    t = np.arange(rows)
    noise = np.random.default_rng(3).normal(size=rows)
    return 50 + 5 * np.sin(2 * np.pi * t / 24) + 6 * ((t // 24) % 7 >= 5) + noise


def test_fit_and_check_say_all_seasons_and_check_their_strength(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = decided(tmp_path, hourly(24 * 7 * 6), "h")
    assert "seasons of 24 and 168 rows" in found.notes
    assert found.split.season_length == 24
    seen = profile(tmp_path, hourly(24 * 7 * 6), "h")
    assert (seen.season_length, seen.season_lengths) == (24, [24, 168])
    show_profile(seen, quiet=False, verbose=False)
    day, week = (one.strength for one in seen.seasons)
    text = f"seasons of 24 and 168 rows; strength {day:.2f} of 24, {week:.2f} of 168; horizon 24\n{UNIT.format(24)}\n"
    assert text in capsys.readouterr().out


@pytest.mark.parametrize(("series", "asked", "found"), [(1, {}, 6), (19, {}, 6), (20, {}, 16), (20, {"trials": 3}, 3)])
def test_many_series_get_more_trials_unless_it_is_said(series: int, asked: Any, found: int) -> None:
    stamps = pd.date_range("2020-01-01", periods=60, freq="MS")
    values = np.random.default_rng(0).normal(size=(series, 60))
    frame = pd.concat([pd.DataFrame({"id": f"s{k}", "ds": stamps, "y": one}) for k, one in enumerate(values)])
    options = FitOptions(horizon=6, season=1, **asked)
    prepared = decide(read_csv(frame, options), options)
    assert prepared.trials == found
    assert (f"{found} trials" in prepared.notes) is not bool(asked)


def test_where_no_season_is_found_no_strength_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    y = np.cumsum(np.random.default_rng(0).normal(size=44))
    show_profile(profile(tmp_path, y, "QS"), quiet=False, verbose=False)
    text = capsys.readouterr().out
    assert "no season; horizon 8\n" in text
    assert "strength" not in text


def test_two_years_have_a_season_without_a_strength(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shape = np.random.default_rng(5).normal(size=12)
    y = 50 + 5 * np.resize(shape, 36) + np.random.default_rng(6).normal(size=36)
    show_profile(profile(tmp_path, y, "MS"), quiet=False, verbose=False)
    assert "season of 12 rows; horizon 12\n" in capsys.readouterr().out


@pytest.mark.parametrize("horizon", [24, 48])
def test_the_rows_of_the_test_set_move_no_season_and_no_strength(tmp_path: Path, horizon: int) -> None:
    y = hourly(24 * 7 * 3)
    changed = np.append(y[:-horizon], 1000 * y[-horizon:])
    one, other = (profile(tmp_path, rows, "h", horizon=horizon) for rows in (y, changed))
    assert one.seasons == other.seasons
    assert one.season_lengths == [24, 168]
    noise = np.random.default_rng(1).normal(size=60)
    later = np.append(noise[:20], 100 * np.resize(WEEK, 40))  # only the test set repeats
    assert profile(tmp_path, later, "D", horizon=40).season_lengths == [1]


def test_a_horizon_that_follows_from_the_season_is_one_that_the_rows_allow(tmp_path: Path) -> None:
    y = 10 + 3 * np.sin(2 * np.pi * np.arange(30) / 6) + 0.3 * np.random.default_rng(0).normal(size=30)
    found = decided(tmp_path, y, "4h")
    assert (found.split.season_length, found.split.horizon) == (6, 9)  # not twice the season: that needs 39 rows


def test_a_season_that_is_given_is_the_only_one(tmp_path: Path) -> None:
    panel = read_csv(file_of(tmp_path / "d.csv", hourly(24 * 7 * 6), "h")).panel
    assert horizon_and_seasons(panel, None, 12) == (24, [12])
    assert horizon_and_seasons(panel, 5, None) == (5, [24, 168])


@pytest.mark.parametrize("name", EXACT)
def test_what_repeats_exactly_is_scored_in_changes_from_row_to_row(tmp_path: Path, name: str) -> None:
    freq, y, season = EXACT[name]
    found = decided(tmp_path, y, freq)
    split = found.split
    assert split.season_length == season
    assert sum("MASE is not defined here" in note for note in found.notes) == 1
    assert found.levels == (80.0, 95.0)
    before = y[: split.test[0]]
    step = np.abs(np.diff(before)).mean()
    for model, mae in (("seasonal-naive", 0.0), ("naive", np.abs(y[split.test[0] :] - before[-1]).mean())):
        judged = judge(
            Candidate(model, "baseline", Forecasts.of(split, *2 * [baselines(season)[model]])), split, found.levels
        )
        row = judged.row
        assert np.isnan([row.mase, row.rmsse]).all()
        assert row.mae == pytest.approx(mae, rel=1e-9)
        assert np.isfinite(row.val_mase)
        interval = row.intervals["80"]
        assert interval.width is None or np.isnan(interval.width)
        assert interval.mean_width is not None
        assert (interval.mean_width > step / 10) == (model == "naive")
    first = split.fold_windows()[0]
    past = y[: first.end[0]]
    wrong = np.full((1, split.horizon), past[-1])
    truth = y[first.end[0] : first.end[0] + split.horizon]
    expected = np.abs(truth - past[-1]).mean() / np.abs(np.diff(past)).mean()
    assert split.mean_mase(first, wrong) == pytest.approx(expected, rel=1e-9)


def test_beside_series_with_a_mase_those_that_repeat_do_not_choose(tmp_path: Path) -> None:
    generator = np.random.default_rng(2)
    frame = pd.DataFrame({"ds": pd.date_range("2021-01-04", periods=140), "a": np.resize(WEEK, 140)})
    frame["b"] = frame["a"] + generator.normal(size=140)
    asked = FitOptions(wide=True)
    found = decide(read_csv(frame, asked), asked)
    assert not any("not defined" in note for note in found.notes)
    windows = found.split.test_windows()
    unit = found.split.choice_unit(windows)
    np.testing.assert_array_equal(unit, found.split.mase_scale(windows))
    assert unit[0] == 0 < unit[1]
    assert (found.split.error_unit(windows) > 0).all()  # intervals have a unit in both


@pytest.mark.parametrize("level", [5.0, 0.0, -2.5])
def test_constants_are_refused_with_the_true_reason(tmp_path: Path, level: float) -> None:
    with pytest.raises(DataError, match="never change before the test set") as caught:
        decided(tmp_path, np.full(60, level), "D")
    assert caught.value.code == "GF-D43"
    assert "last value as the forecast" in str(caught.value.remedy)
    moves_late = np.append(np.full(60, level), level + WEEK)
    with pytest.raises(DataError, match="never change before the test set"):
        decided(tmp_path, moves_late, "D", horizon=7)

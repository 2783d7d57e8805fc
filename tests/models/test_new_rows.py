"""New rows given to a fitted model: what it forecasts from them, which it refuses, and how wide intervals are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_networks import MEMBERS, make_covariate_forecaster, make_forecaster
from makers import AIR, GOLDEN, panel_of
from serving import folder_of, small_model
from typer.testing import CliRunner

import gruforecast as gf
from gruforecast.artifact.folder import load
from gruforecast.cli import app
from gruforecast.data.calendar.frequency import Frequency
from gruforecast.data.joining import Joined
from gruforecast.data.panel import Panel
from gruforecast.data.scale import error_unit
from gruforecast.data.windows import History
from gruforecast.errors import DataError
from gruforecast.evaluation.adaptation import adapted_to
from gruforecast.evaluation.backtest import roll
from gruforecast.evaluation.few_rows import short_series, with_rows
from gruforecast.evaluation.splits import Split, split
from gruforecast.models.new_rows import joined_to, usable
from gruforecast.models.short_series import ShortSeries

SIDES = ("mean", "lower", "upper", "ds")
SHORT = ShortSeries((3, 12), dict.fromkeys(MEMBERS, (2.0, 1.5)), ratio=0.1, needed=3)


def walk(rows: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    season = np.tile([0.0, 4, 8, 3, -2, -6, -9, -4, 0, 3, 2, 1], -(-rows // 12))[:rows]
    return 60 + season + generator.normal(size=rows).cumsum()


def newest(panel: Panel, rows: int) -> Panel:
    return panel.rows(panel.indptr[1:] - rows, panel.indptr[1:])


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("rows", [5, 6, 20])
def test_the_newest_rows_forecast_as_the_whole_history(member: str, rows: int) -> None:
    """Five rows are newer than those that the model keeps; in another order, and not of all series."""
    whole = panel_of(walk(70), walk(64, 1), -walk(58, 2))
    forecaster = make_forecaster(whole.rows(whole.indptr[:-1], whole.indptr[1:] - 5))
    found = joined_to(forecaster, newest(whole, rows).at(np.array([2, 0]))).panel
    pairs = [
        forecaster.predict(one, member=member, adapted=adapted_to(forecaster, one, member))
        for one in (found, whole.at(np.array([2, 0])))
    ]
    for side in SIDES:
        np.testing.assert_array_equal(*(getattr(one, side) for one in pairs))


def test_columns_are_joined_as_values_are() -> None:
    forecaster, panel = make_covariate_forecaster()
    shorter = replace(forecaster, context=panel.rows(panel.indptr[:-1], panel.indptr[1:] - 3))
    found = joined_to(shorter, newest(panel, 8)).panel
    np.testing.assert_array_equal(found.x, panel.x)
    np.testing.assert_array_equal(found.ds, panel.ds)


def test_a_backtest_of_new_rows_is_that_of_the_whole_in_these_rows() -> None:
    whole = panel_of(walk(90))
    forecaster = make_forecaster(whole.rows(whole.indptr[:-1], whole.indptr[1:] - 24))
    alike = roll(forecaster, whole), roll(forecaster, joined_to(forecaster, newest(whole, 24)))
    assert [one.cutoffs.count for one in alike] == [4, 4]
    blocks = [next(iter(one.blocks())).evaluated["networks"] for one in alike]
    np.testing.assert_array_equal(blocks[0].mean, blocks[1].mean)
    known = roll(forecaster, joined_to(forecaster, whole.rows(np.array([40]), np.array([60]))))
    assert known.cutoffs.count == 3  # of 6 rows each, in the 20 that are given


@pytest.mark.parametrize(
    "freq",
    [Frequency("M", 1, 31), Frequency("M", 3, 31), Frequency("s", 900), Frequency("s", 604_800), Frequency("B", 1)],
)
def test_kept_rows_come_back_from_the_folder_with_their_stamps(tmp_path: Path, freq: Frequency) -> None:
    y = walk(40)
    y[[5, 6]] = np.nan
    first = panel_of(y, walk(3), freq=freq)
    ds = freq.moved(np.datetime64("1999-12-31T00:00:00", "s"), np.append(np.arange(40), np.arange(7, 10)))
    panel = replace(first, ds=ds)
    found = load(folder_of(make_forecaster(panel), tmp_path / "m")).context
    for name in ("ids", "plan", "indptr", "ds", "y"):
        np.testing.assert_array_equal(getattr(found, name), getattr(panel, name))


def test_kept_columns_come_back_from_the_folder(tmp_path: Path) -> None:
    forecaster, panel = make_covariate_forecaster()
    np.testing.assert_array_equal(load(folder_of(forecaster, tmp_path / "m")).context.x, panel.x)


# --- series that the model has not seen


def test_widening_is_that_of_the_most_rows_tried_that_are_there() -> None:
    assert SHORT.widening("gru", np.array([1, 3, 4, 11, 12, 13, 500])).tolist() == [2, 2, 2, 2, 1.5, 1, 1]
    assert ShortSeries().widening("gru", np.array([1, 30])).tolist() == [1, 1]


def test_the_unit_of_few_rows_is_drawn_to_the_usual_share_of_the_level() -> None:
    y = [[100.0, 102.0, 98.0], 50 + np.arange(24.0) ** 1.5, [7.0, 7.0, 7.0], [0.0, 0.0], [9.0]]
    panel = panel_of(*y)
    history = History.of(panel.y, panel.indptr)
    windows = history.windows(np.arange(5), panel.indptr[1:])
    found = SHORT.unit(history, windows, 12)
    assert found[0] == pytest.approx(3.0 ** (3 / 24) * 10.0 ** (21 / 24))  # a change of 3, a level of 100
    assert found[1] == error_unit(history, windows, 12)[1]  # two seasons say it alone
    assert found[2:].tolist() == pytest.approx([0.7, 0.0, 0.9])


def test_only_series_that_are_not_kept_are_wider() -> None:
    forecaster = replace(make_forecaster(panel_of(walk(60))), short=SHORT)
    short = panel_of(walk(60), walk(12, 3), walk(30, 4))
    unseen = np.array([False, True, True])
    found, plain = forecaster.predict(short, unseen=unseen, member="naive"), forecaster.predict(short, member="naive")
    np.testing.assert_array_equal(found.mean, plain.mean)
    np.testing.assert_array_equal(found.upper[[0, 2]], plain.upper[[0, 2]])
    history = History.of(short.y, short.indptr)
    windows = history.windows(np.arange(3), short.indptr[1:])
    units = SHORT.unit(history, windows, 12) / error_unit(history, windows, 12)
    half, before = found.upper[1] - found.mean[1][:, None], plain.upper[1] - plain.mean[1][:, None]
    np.testing.assert_allclose(half, before * 1.5 * units[1], rtol=1e-9)
    (alone,) = forecaster.stream(short, unseen=unseen, member="naive", ids=["s1"])
    np.testing.assert_array_equal(alone.upper[0], found.upper[1])


def test_too_few_rows_are_left_out_and_refused_where_that_are_all() -> None:
    forecaster = replace(make_forecaster(panel_of(walk(60), walk(60, 1))), short=SHORT)
    new = panel_of(walk(60), walk(60, 1), [5.0, 6.0], [5.0, 6.0, 7.0])
    found = usable(forecaster, joined_to(forecaster, new))
    assert found.panel.ids == (("s0",), ("s1",), ("s3",))
    assert found.same.tolist() == [True, True, False]
    assert found.warnings[0] == (
        "1 series ('s2') have fewer than 3 rows, and none that the model keeps before them: left out, because with so"
        " few its intervals do not hold"
    )
    with pytest.raises(DataError, match=r"have fewer than 3 rows, .*: with so few") as caught:
        usable(forecaster, Joined.unchanged(new.at(np.array([2]))))
    assert caught.value.code == "GF-D72"
    other = newest(panel_of(walk(60), 2 * walk(60, 1)), 2).at(np.array([1]))
    with pytest.raises(DataError, match="2 of 2 values differ"):  # why nothing was joined is said, too
        usable(forecaster, joined_to(forecaster, other))
    one = panel_of(walk(60), walk(60, 1), walk(1)).at(np.array([1]))
    assert len(usable(forecaster, joined_to(forecaster, newest(one, 1))).panel) == 1  # a kept series may have one


def test_data_older_than_the_training_rows_are_said() -> None:
    forecaster = make_forecaster(panel_of(walk(60), walk(60, 1)))
    old = forecaster.context.rows(np.array([0, 60]), np.array([50, 120]))
    found = usable(forecaster, joined_to(forecaster, old))
    older, past = found.warnings
    assert older == (
        "1 of 2 series ('s0') end at 2004-02-01, before the training rows, which end at 2004-12-01:"
        " the forecast starts there, and no later row is used"
    )
    assert past.endswith("(at 2004-02-01, not 2004-12-01): their forecasts lie in the past")


def divided(series: int = 40) -> Split:
    return split(panel_of(*(walk(80, seed) for seed in range(series))), 6, 3, 12, "")


def test_a_window_with_its_newest_rows_alone_is_a_series_that_begins_there() -> None:
    parts = divided(6)
    windows = parts.calibration_windows()
    values = parts.history.values  # noqa: PD011 - no frame
    some, where = with_rows(parts, windows, 12)
    assert where.all()
    assert set((some.end - some.start).tolist()) == {12}
    forecaster = make_forecaster(panel_of(walk(80)))
    for name, model in forecaster.models(["gru", "theta", "naive"]).items():
        found = parts.ask(model, some[:3]).mean
        for k in range(3):
            cut = panel_of(values[some.start[k] : some.end[k]])
            (alone,) = forecaster.predict(cut, member=name).mean
            np.testing.assert_allclose(found[k], alone, rtol=1e-5)


def test_factors_fall_with_rows_and_make_the_intervals_hold() -> None:
    """On walks with a season: intervals calibrated on all rows, then asked with few of series not seen before."""
    parts, forecaster = divided(), make_forecaster(panel_of(walk(80)))
    found = short_series(forecaster, parts)
    assert found.rows == (3, 6, 12, 24, 36)
    assert found.needed == 3
    values, windows = parts.history.values, parts.calibration_windows()  # noqa: PD011 - no frame
    shares = []
    for k in np.unique(np.linspace(0, len(windows) - 1, min(600, len(windows))).astype(int)):
        y = values[windows.start[k] : windows.end[k]]
        shares.append(np.abs(y[12:] - y[:-12]).mean() / np.abs(y[-24:]).mean())
    assert found.ratio == pytest.approx(np.median(shares))
    for name in MEMBERS:
        assert list(found.factors[name]) == sorted(found.factors[name], reverse=True)
        assert min(found.factors[name]) >= 1
    assert found.factors["theta"][0] > 1.1  # without a season its errors are larger
    able, fresh = replace(forecaster, short=found), panel_of(*(walk(80, seed) for seed in range(500, 600)))
    past, actual = fresh.rows(fresh.indptr[:-1], fresh.indptr[1:] - 6), fresh.y.reshape(100, 80)[:, 74:]

    def covered(panel: Panel) -> float:
        made = able.predict(panel, member="theta", unseen=np.ones(100, bool))
        return float(((made.lower[:, :, 0] <= actual) & (actual <= made.upper[:, :, 0])).mean())

    assert abs(covered(newest(past, 3)) - covered(past)) < 0.08  # 0.97 and 0.95; without the factor it is 0.17
    assert short_series(forecaster, split(panel_of(walk(26)), 6, 1, 12, "")).rows == ()  # too few errors to say


# --- the command, and Python


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_of(replace(small_model(panel_of(walk(60))), short=ShortSeries()), tmp_path / "m")


def frame(y: np.ndarray, begin: str, **more: str) -> pd.DataFrame:
    return pd.DataFrame({**more, "ds": pd.date_range(begin, periods=len(y), freq="MS"), "y": y})


@pytest.mark.filterwarnings("ignore:.*differ from those:gruforecast.GruforecastWarning")
def test_six_rows_of_the_air_passengers_are_forecast_as_all(tmp_path: Path) -> None:
    """With a model that `fit` has made: every member, its intervals, too; and another sensor's file is not joined."""
    model, whole = gf.load(GOLDEN / "format-1" / "model"), pd.read_csv(AIR)
    path, other = tmp_path / "last6.csv", whole.tail(30).assign(y=lambda rows: 1.2 * rows["y"])
    whole.tail(6).to_csv(path, index=False)
    for member in model.members:
        pd.testing.assert_frame_equal(
            model.predict(path, member=member), model.predict(AIR, member=member), check_exact=True
        )
    pd.testing.assert_frame_equal(model.predict(other), model.predict(other, context=False), check_exact=True)


def test_a_frame_without_the_id_column_is_that_of_the_only_series(folder: Path) -> None:
    model, whole = gf.load(folder), walk(66)
    expected = model.predict(frame(whole, "2000-01-01", unique_id="s0"))
    pd.testing.assert_frame_equal(model.predict(frame(whole[56:], "2004-09-01")), expected)
    pd.testing.assert_frame_equal(model.predict(frame(whole[60:], "2005-01-01", unique_id="s0")), expected)
    with pytest.warns(gf.GruforecastWarning, match="4 of 4 values differ"):
        other = model.predict(frame(2 * whole[56:], "2004-09-01"))
    alone = model.predict(frame(2 * whole[56:], "2004-09-01"), context=False)
    pd.testing.assert_frame_equal(other, alone)
    assert set(other["unique_id"]) == {"series"}


def test_the_command_says_how_many_rows_were_joined(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    frame(walk(66)[60:], "2005-01-01").to_csv(path, index=False)
    done = CliRunner().invoke(app, ["predict", str(folder), str(path)])
    assert done.exit_code == 0, done.stderr
    assert "60 rows that the model keeps come before those of the data" in done.stderr
    assert CliRunner().invoke(app, ["predict", str(folder), str(path), "-q"]).stderr == ""
    alone = CliRunner().invoke(app, ["predict", str(folder), str(path), "--no-context"])
    assert alone.exit_code == 0
    assert "keeps" not in alone.stderr
    assert alone.stdout != done.stdout
    none = CliRunner().invoke(app, ["predict", str(folder), "--no-context"])
    assert none.exit_code == 2
    assert "GF-U89" in none.stderr


def test_factors_are_in_the_folder(tmp_path: Path) -> None:
    one = small_model(panel_of(walk(60)))
    factors = dict.fromkeys(one.members, (3.0, 1.5))
    short = ShortSeries((3, 12), factors, 0.2, 12)
    model = gf.load(folder_of(replace(one, short=short), tmp_path / "m"))
    assert model.forecaster.short == short
    with pytest.raises(DataError, match="have fewer than 12 rows"):
        model.predict(frame(walk(11), "2005-01-01", unique_id="new"))
    assert len(model.predict(frame(walk(12), "2005-01-01", unique_id="new"))) == 6

"""A saved model asked at many cutoffs: the forecasts of `predict`, blind to what comes later, in bounded memory."""

from __future__ import annotations

import csv
import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_networks import make_covariate_forecaster, make_forecaster, make_network
from makers import panel_of, run
from msgspec import structs
from rounding import assert_close32
from typer.testing import CliRunner, Result

from gruforecast.artifact.folder import save
from gruforecast.artifact.manifest import FitFacts, seal
from gruforecast.automl.refit import retrained
from gruforecast.cli import app
from gruforecast.data.calendar.frequency import Frequency
from gruforecast.data.future_covariates import FutureCovariates
from gruforecast.data.panel import Forecast, Panel
from gruforecast.errors import DataError, ModelError, UsageError
from gruforecast.evaluation import backtest as room
from gruforecast.evaluation.adaptation import adapted_to
from gruforecast.evaluation.aggregate import Aggregate
from gruforecast.evaluation.backtest import Block, Rolling, roll
from gruforecast.evaluation.scores import Evaluated, overall
from gruforecast.execution.progress import Progress
from gruforecast.models.conformal import Calibration
from gruforecast.models.end_forecasts import EndForecasts
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.networks.config import TrainingConfig
from gruforecast.models.networks.covariates import Scaling
from gruforecast.report.backtest import BacktestReport
from gruforecast.report.files.backtest import LongFile, forecast_columns, score_columns
from gruforecast.serialization import record

NAN = np.nan
HORIZON = 6


def forecast_frame(rolling: Any, block: Any) -> pd.DataFrame:
    return pd.DataFrame(forecast_columns(rolling, block))


def score_frame(rolling: Any, block: Any) -> pd.DataFrame:
    return pd.DataFrame(score_columns(rolling, block))


def simple(panel: Panel, *models: str, winner: str = "naive", blend: tuple[str, ...] = ()) -> Forecaster:
    """A model fitted on `panel` with these members beside one network."""
    networks = (make_network("gru", 24, 1.0),)
    names = ["gru", *models, *(["blend"] if blend else [])]
    calibration = Calibration((80.0,), np.linspace(1, 2, HORIZON).reshape(HORIZON, 1))
    return Forecaster(
        networks=networks,
        blend=dict.fromkeys(blend, 1 / max(len(blend), 1)),
        winner=winner,
        calibrations=dict.fromkeys(names, calibration),
        plan=panel.plan,
        context=panel,
        ends=EndForecasts({}),
        scaling=Scaling(np.zeros(0), np.zeros(0)),
    )


def whole(rolling: Rolling) -> dict[str, Evaluated]:
    """All windows of each member in one."""
    blocks = list(rolling.blocks())
    names = ("actual", "mean", "lower", "upper", "mase_scale", "rmsse_scale")

    def joined(member: str) -> Evaluated:
        parts = [block.evaluated[member] for block in blocks]
        arrays = {name: np.concatenate([getattr(one, name) for one in parts]) for name in names}
        return Evaluated(**arrays, levels=parts[0].levels)

    return {member: joined(member) for member in rolling.members}


def scored(rolling: Rolling) -> Aggregate:
    tally = Aggregate(rolling)
    for block in rolling.blocks():
        tally.add(block)
    return tally


def cut(rolling: Rolling) -> Panel:
    """The series that have a window at the only cutoff of `rolling`, without the rows after it."""
    windows, panel = rolling.cutoffs.windows, rolling.panel
    some = panel.at(np.sort(windows.series))
    return some.rows(some.indptr[:-1], some.indptr[:-1] + windows.end - windows.start)


def asked_of(forecaster: Forecaster, panel: Panel, member: str, **more: Any) -> Forecast:
    """What `predict` of the command line makes of a panel: its intervals adapt."""
    return forecaster.predict(panel, member=member, adapted=adapted_to(forecaster, panel, member), **more)


def mixed_panel(rows: int = 60) -> Panel:
    """A series of positive values, one of any sign with missing ones, a short one, one that never changes."""
    generator = np.random.default_rng(1)
    signed = generator.normal(size=rows - 10)
    signed[[5, 30, rows - 18, rows - 12]] = NAN
    return panel_of(5 + generator.random(rows), signed, 3 + generator.random(rows - 40), np.full(rows - 20, 2.0))


@pytest.fixture
def panel() -> Panel:
    return mixed_panel()


class TestKnownAnswers:
    def test_a_line_is_no_riddle_to_drift_and_one_step_more_each_row_to_naive(self) -> None:
        line = panel_of(np.arange(100.0))
        rolling = roll(simple(line, "naive", "drift"), line, windows=5, step=4, members=["naive", "drift"])
        found = whole(rolling)
        np.testing.assert_allclose(found["drift"].mean, found["drift"].actual)
        errors = found["naive"].actual - found["naive"].mean
        np.testing.assert_allclose(errors, np.tile(np.arange(1.0, HORIZON + 1), (5, 1)))
        np.testing.assert_array_equal(found["naive"].actual[:, 0], 100 - HORIZON - 4 * np.arange(4, -1, -1))
        drift, naive = scored(rolling).scores()
        assert (drift.model, drift.mase, drift.wape) == ("drift", pytest.approx(0), pytest.approx(0))
        assert naive.mae == pytest.approx(3.5)
        assert naive.mase == pytest.approx(3.5 / 12)  # a year apart the line has risen by 12
        assert naive.bias == pytest.approx(-3.5)
        assert naive.rmse == pytest.approx(np.sqrt(91 / 6))

    def test_a_pure_season_is_repeated_without_error(self) -> None:
        season = panel_of(np.tile(np.arange(12.0) ** 2, 6), np.tile(np.arange(12.0), 8))
        found = whole(roll(simple(season, "seasonal-naive"), season, members=["seasonal-naive"]))
        np.testing.assert_array_equal(found["seasonal-naive"].mean, found["seasonal-naive"].actual)

    def test_cutoffs_end_with_each_series_and_short_ones_join_later(self, panel: Panel) -> None:
        rolling = roll(simple(panel, "naive"), panel, windows=4, step=3, members=["naive"])
        windows = rolling.cutoffs.windows
        assert rolling.cutoffs.count == 4
        ends = {k: (panel.indptr[k + 1] - windows.end[windows.series == k]).tolist() for k in range(4)}
        assert ends == {0: [15, 12, 9, 6], 1: [15, 12, 9, 6], 2: [9, 6], 3: [15, 12, 9, 6]}  # 9 rows before: 11 and 14
        assert np.all(np.diff(rolling.cutoffs.number) >= 0)

    def test_ten_windows_or_as_many_as_there_are(self) -> None:
        for rows, count in ((60 + 15, 10), (40, 5)):
            line = panel_of(np.arange(float(rows)))
            assert roll(simple(line, "naive"), line).cutoffs.count == count
        with pytest.raises(DataError, match="6 windows of horizon 6 need 45") as caught:
            roll(simple(line, "naive"), line, windows=6)
        assert caught.value.remedy.startswith("Pass `windows=5`")
        with pytest.raises(DataError, match="a window of horizon 6 needs 15") as caught:
            roll(simple(line, "naive"), panel_of(np.arange(14.0)))
        assert "`horizon`" in caught.value.remedy


def assert_same(found: Evaluated, expected: Forecast) -> None:
    """Forecasts and bounds of some windows are those of `predict`."""
    for name in ("mean", "lower", "upper"):
        assert_close32(getattr(found, name), getattr(expected, name), axis=1)


class TestSameAsPredict:
    @pytest.mark.parametrize("horizon", [HORIZON, 2])
    def test_a_window_is_the_forecast_of_the_panel_cut_there(self, panel: Panel, horizon: int) -> None:
        forecaster = make_forecaster(mixed_panel(50))
        rolling = roll(forecaster, panel, windows=5, step=4, horizon=horizon, members=forecaster.members)
        for number in range(5):
            at = rolling.at(number)
            for member, found in whole(at).items():
                expected = asked_of(forecaster, cut(at), member, horizon=horizon)
                assert_same(found, expected)

    def test_all_windows_together_are_those_of_each_cutoff(self, panel: Panel) -> None:
        forecaster = make_forecaster(panel)
        rolling = roll(forecaster, panel, windows=5, step=4, members=forecaster.members)
        together, apart = whole(rolling), [whole(rolling.at(number)) for number in range(5)]
        for member, found in together.items():
            for side in ("mean", "lower", "upper", "actual"):
                expected = np.concatenate([getattr(one[member], side) for one in apart])
                assert_close32(getattr(found, side), expected, axis=1)

    def test_statistical_members_are_fitted_to_the_rows_before_each_window(self) -> None:
        pytest.importorskip("statsforecast")
        panel = panel_of(10 + np.sin(np.arange(40.0)))
        rolling = roll(simple(panel, "dynamic-theta"), panel, windows=2, members=["dynamic-theta"])
        for number in range(2):
            expected = asked_of(rolling.forecaster, cut(rolling.at(number)), "dynamic-theta")
            np.testing.assert_allclose(whole(rolling)["dynamic-theta"].mean[number], expected.mean[0], rtol=1e-9)


class TestBlindness:
    def test_columns_known_ahead_are_read_from_the_data(self) -> None:
        forecaster, panel = make_covariate_forecaster()
        rolling = roll(forecaster, panel, windows=4, step=5, members=forecaster.members)
        keys = [panel.ids[k] for k in np.repeat(np.arange(2), panel.lengths)]
        seconds = panel.ds.astype("datetime64[s]").astype(np.int64).tolist()
        rows = {(key, at): k for k, (key, at) in enumerate(zip(keys, seconds, strict=True))}
        future = FutureCovariates("f.csv", panel.plan, rows, panel.x[:, :2], ())
        for number in range(4):
            at = rolling.at(number)
            for member, found in whole(at).items():
                expected = asked_of(forecaster, cut(at), member, future=future)
                assert_same(found, expected)

    @pytest.mark.parametrize("what", ["target", "rain", "rows", "promo"])
    def test_what_comes_after_a_cutoff_changes_nothing_unless_it_is_known_ahead(self, what: str) -> None:
        forecaster, panel = make_covariate_forecaster()
        rolling = roll(forecaster, panel, windows=4, step=5, members=forecaster.members)
        number = 1
        before = whole(rolling.at(number))
        y, x = panel.y.copy(), panel.x.copy()
        for end, stop in zip(rolling.at(number).cutoffs.windows.end, panel.indptr[1:], strict=True):
            if what == "target":
                y[end:] = np.where(np.arange(end, len(y)) < stop, -1e6, y[end:])
            elif what == "rain":
                x[end:stop, 2] = 1e6
            elif what == "rows":
                y[end + 2 : stop] = NAN
            else:
                x[end:stop, 0] = 1 - x[end:stop, 0]
        after = whole(
            roll(forecaster, replace(panel, y=y, x=x), windows=4, step=5, members=forecaster.members).at(number)
        )
        for member, found in after.items():
            same = [
                np.array_equal(getattr(found, side), getattr(before[member], side), equal_nan=True)
                for side in ("mean", "lower", "upper", "mase_scale", "rmsse_scale")
            ]
            assert all(same) == (what != "promo" or member in ("theta", "naive")), member


class TestBlocks:
    def test_their_size_changes_nothing(self, panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
        forecaster = make_forecaster(panel)

        def outcome() -> tuple[Any, ...]:
            rolling = roll(forecaster, panel, windows=6, step=2)
            blocks = list(rolling.blocks())
            frames = [pd.concat([make(rolling, one) for one in blocks]) for make in (forecast_frame, score_frame)]
            tally = scored(rolling)
            return len(blocks), frames, tally.scores(), tally.against("networks")

        count, frames, scores, against = outcome()
        monkeypatch.setattr(room, "BLOCK_NUMBERS", 70)
        more, other_frames, other_scores, other_against = outcome()
        assert count == 1
        assert more > 5
        for one, other in zip(frames, other_frames, strict=True):
            pd.testing.assert_frame_equal(
                one.reset_index(drop=True), other.reset_index(drop=True), rtol=1e-4, atol=1e-4
            )
        for row, other_row in zip(scores, other_scores, strict=True):
            assert row.model == other_row.model
            np.testing.assert_allclose(row.mase, other_row.mase, rtol=1e-4)
            np.testing.assert_allclose(row.intervals["80"].score, other_row.intervals["80"].score, rtol=1e-4)
        assert {name: one.verdict for name, one in against.items()} == {
            name: one.verdict for name, one in other_against.items()
        }

    def test_more_windows_need_no_more_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        panel = panel_of(5 + np.random.default_rng(3).random(3000))
        forecaster = make_forecaster(panel)
        monkeypatch.setattr(room, "BLOCK_NUMBERS", 20_000)

        def peak(windows: int) -> int:
            rolling = roll(forecaster, panel, windows=windows, step=1, members=["networks", "naive", "blend"])
            tally = Aggregate(rolling)
            next(rolling.blocks())  # scales of all windows are kept: a few numbers each
            tracemalloc.start()
            for block in rolling.blocks():
                tally.add(block)
            found = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return found

        few, many = peak(1250), peak(2500)
        assert many < 1.2 * few


class TestTally:
    def test_it_adds_up_to_the_scores_of_all_windows_in_one(
        self, panel: Panel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(room, "BLOCK_NUMBERS", 100)
        rolling = roll(make_forecaster(panel), panel, windows=4, step=6)
        all_in_one = whole(rolling)
        for row in scored(rolling).scores():
            expected = overall(all_in_one[row.model])
            for name in ("mase", "rmsse", "smape", "wape", "mae", "rmse", "bias"):
                assert getattr(row, name) == pytest.approx(getattr(expected, name), rel=1e-9), name

    def test_anyone_can_compute_the_scores_from_the_files(self, panel: Panel) -> None:
        rolling = roll(make_forecaster(panel), panel, windows=4, step=6)
        blocks = list(rolling.blocks())
        frame = pd.concat([forecast_frame(rolling, block) for block in blocks])
        scores = pd.concat([score_frame(rolling, block) for block in blocks])
        frame["error"] = (frame.y_hat - frame.y).abs()
        by_window = frame.groupby(["unique_id", "cutoff", "model"]).error.mean().dropna()
        listed = scores.set_index(["unique_id", "cutoff", "model"]).mae.dropna()
        pd.testing.assert_series_equal(by_window, listed.sort_index(), check_names=False)
        seen = frame.dropna(subset="y")
        for row in scored(rolling).scores():
            own = seen[seen.model == row.model]
            assert row.wape == pytest.approx(own.error.sum() / own.y.abs().sum())
            bounded = own.dropna(subset="lo-80")
            inside = (bounded.y >= bounded["lo-80"]) & (bounded.y <= bounded["hi-80"])
            assert row.intervals["80"].coverage == pytest.approx(100 * inside.mean())
            alone = scores[scores.model == row.model]
            assert row.intervals["95"].score == pytest.approx(alone["score-95"].mean())

    def test_pairs_are_of_windows_that_do_not_overlap(self) -> None:
        walk = np.cumsum(np.random.default_rng(4).normal(size=200))
        forecaster = simple(panel_of(walk[:30]), "naive", "window-mean")
        for step, windows, apart in ((6, 8, 8), (2, 10, 4), (4, 10, 5), (9, 3, 3)):
            rolling = roll(forecaster, panel_of(walk), windows=windows, step=step, members=["naive", "window-mean"])
            each = whole(rolling)["naive"]
            errors = np.abs(each.mean - each.actual) / each.unit[:, None]
            losses = scored(rolling)._losses["naive"][0]
            assert losses.shape == (apart, HORIZON)
            np.testing.assert_allclose(losses, errors[::-1][:: -(-HORIZON // step)][::-1])
        found = scored(rolling).against("naive")
        assert list(found) == ["window-mean"]
        assert scored(rolling).against("nobody") == {}
        known = roll(simple(panel_of(walk), "naive", "window-mean"), panel_of(walk))
        assert scored(known).against("naive") == {}  # every window lies in rows that were learned from


class TestWhatIsAsked:
    @pytest.mark.parametrize(
        ("asked", "error", "words"),
        [
            ({"windows": 0}, UsageError, "`windows` 0 is out of range"),
            ({"step": 0}, UsageError, "`step` 0 is out of range"),
            ({"horizon": 7}, UsageError, "`horizon` 7 is not within 1 and 6"),
            ({"horizon": 0}, UsageError, "`horizon` 0"),
            ({"members": ["naiv"]}, UsageError, "Did you mean 'naive'"),
            ({"levels": [90.0]}, UsageError, "`level` 90 is not calibrated; there are 80, 95"),
            ({"windows": 100}, DataError, "100 windows of horizon 6 need 609"),
        ],
    )
    def test_it_is_refused_with_words(self, panel: Panel, asked: dict[str, Any], error: type, words: str) -> None:
        with pytest.raises(error, match=words):
            roll(make_forecaster(panel), panel, **asked)

    def test_data_of_another_step_or_other_columns_are_refused(self, panel: Panel) -> None:
        forecaster = make_forecaster(panel)
        with pytest.raises(DataError, match="the step is 'D'"):
            roll(forecaster, panel_of(np.arange(50.0), freq=Frequency("s", 86400)))
        seeing, other = make_covariate_forecaster()
        with pytest.raises(DataError, match="covariates"):
            roll(forecaster, other)
        with pytest.raises(DataError, match="covariates"):
            roll(seeing, panel)

    def test_members_and_levels(self, panel: Panel) -> None:
        forecaster = make_forecaster(panel)
        assert roll(forecaster, panel).members == ("networks", "blend", "theta", "naive")
        assert roll(forecaster, panel, members=["winner", "gru-2", "networks"]).members == ("networks", "gru-2")
        assert roll(simple(panel, "naive", "drift"), panel).members == ("naive", "gru", "drift")
        rolling = roll(forecaster, panel, levels=[95.0])
        assert [one.levels for one in whole(rolling).values()] == [(95.0,)] * 4
        assert list(forecast_frame(rolling, next(rolling.blocks())).columns)[-3:] == ["y_hat", "lo-95", "hi-95"]

    def test_levels_ascend_whatever_their_order(self, panel: Panel) -> None:
        forecaster = make_forecaster(panel)
        assert roll(forecaster, panel, levels=[95.0, 80.0, 95.0]).levels == (80.0, 95.0)
        factor = forecaster.calibrations["naive"].factor
        levels = {"naive": (99.0, 70.0), "theta": (5.0, 90.0)}
        calibrations = {name: Calibration(some, factor) for name, some in levels.items()}
        odd = replace(forecaster, calibrations=forecaster.calibrations | calibrations)
        assert roll(odd, panel, members=["naive", "theta"]).levels == (5.0, 70.0, 90.0, 99.0)
        assert roll(odd, panel, members=["theta"], levels=[90.0]).levels == (90.0,)

    def test_refusals_say_what_there_is_and_what_to_do(self, panel: Panel) -> None:
        forecaster = make_forecaster(panel)
        for asked, text, remedy, code in (
            (
                {"levels": [90.0]},
                "`level` 90 is not calibrated; there are 80, 95.",
                "Fit again with `level=90`.",
                "GF-U07",
            ),
            ({"windows": 0}, "`windows` 0 is out of range.", "Pass a whole number from 1 to 10000000.", "GF-U12"),
            (
                {"step": 10**7 + 1},
                "`step` 10000001 is out of range.",
                "Pass a whole number from 1 to 10000000.",
                "GF-U12",
            ),
            (
                {"windows": 9, "step": 6},
                "the longest series has 60 rows; 9 windows of horizon 6 need 63.",
                "Pass `windows=8`, or give more rows.",
                "GF-D65",
            ),
        ):
            with pytest.raises((UsageError, DataError)) as caught:
                roll(forecaster, panel, **asked)
            assert str(caught.value) == f"{text} {remedy}"
            assert caught.value.code == code
        none = replace(forecaster, calibrations=dict.fromkeys(forecaster.members, Calibration((), np.zeros((6, 0)))))
        with pytest.raises(UsageError, match="`level` 80 is not calibrated; there are none"):
            roll(none, panel, levels=[80.0])
        with pytest.raises(DataError) as caught:
            roll(forecaster, panel_of(np.arange(14.0)))
        assert str(caught.value) == (
            "the longest series has 14 rows; a window of horizon 6 needs 15. "
            "Pass a shorter `horizon`, or give more rows."
        )
        assert roll(forecaster, panel, windows=8, step=6).cutoffs.count == 8  # what the remedy says
        assert roll(forecaster, panel_of(np.arange(15.0))).cutoffs.count == 1

    def test_exactly_nine_rows_before_a_cutoff_are_enough(self) -> None:
        lengths = (60, 15, 14, 21, 20, 1)
        panel = panel_of(*(np.arange(float(n)) for n in lengths))
        windows = roll(simple(panel_of(np.arange(30.0)), "naive"), panel, windows=2, step=6).cutoffs.windows
        assert windows.series.tolist() == [0, 3, 0, 1, 3, 4]
        assert (windows.end - windows.start).tolist() == [48, 9, 54, 9, 15, 14]

    def test_levels_ascend_however_they_are_asked_for(self, panel: Panel) -> None:
        forecaster = make_forecaster(panel)
        wanted = whole(roll(forecaster, panel, members=["networks"]))["networks"]
        assert wanted.levels == (80.0, 95.0)
        for asked in ([95.0, 80.0], [95.0, 80.0, 95.0], [80.0, 95.0]):
            found = whole(roll(forecaster, panel, members=["networks"], levels=asked))["networks"]
            assert found.levels == wanted.levels
            np.testing.assert_array_equal(found.lower, wanted.lower)
            np.testing.assert_array_equal(found.upper, wanted.upper)

    def test_a_level_that_some_members_lack_is_empty_there(self, panel: Panel) -> None:
        forecaster = make_forecaster(panel)
        fewer = Calibration((80.0,), forecaster.calibrations["naive"].factor[:, :1])
        none = Calibration((), np.zeros((HORIZON, 0)))
        calibrations = {**forecaster.calibrations, "naive": fewer, "theta": none}
        rolling = roll(replace(forecaster, calibrations=calibrations), panel, windows=2)
        frame = forecast_frame(rolling, next(rolling.blocks())).set_index("model")
        assert frame.loc["naive", "lo-95"].isna().all()
        assert frame.loc["theta", "lo-80"].isna().all()
        some = frame.loc["networks"]
        assert (some["lo-95"] <= some["lo-80"])[some.unique_id == "s0"].all()
        rows = {row.model: row for row in scored(rolling).scores()}
        assert set(rows["naive"].intervals) == {"80"}
        assert rows["theta"].intervals == {}
        only = roll(replace(forecaster, calibrations=calibrations), panel, windows=2, members=["theta"])
        assert "lo-80" not in forecast_frame(only, next(only.blocks())).columns

    def test_statistical_members_are_asked_where_that_is_quick(
        self, panel: Panel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("statsforecast")
        forecaster = simple(panel, "naive", "auto-arima", winner="blend", blend=("gru", "auto-arima"))
        monkeypatch.setattr(room, "affordable", lambda rows, _: ["auto-arima"] if rows < 10_000 else [])
        usual = roll(forecaster, panel, windows=2)
        assert usual.members == ("blend", "gru", "naive", "auto-arima")
        monkeypatch.setattr(room, "affordable", lambda rows, _: [])
        many = roll(forecaster, panel, windows=2)
        assert many.members == ("gru", "naive")
        assert "fitted anew for each of 7 windows" in many.left_out["blend"]
        asked = roll(forecaster, panel, windows=2, members=["auto-arima"])
        assert (asked.members, asked.left_out) == (("auto-arima",), {})
        monkeypatch.setattr(room, "installed", lambda: None)
        assert "not installed" in roll(forecaster, panel, windows=2).left_out["auto-arima"]

    def test_windows_within_the_training_rows_are_told(self, panel: Panel) -> None:
        longer = panel_of(np.arange(60.0), np.arange(50.0), np.arange(20.0), np.arange(90.0))
        trained = panel_of(np.arange(42.0), np.arange(44.0))  # s0 and s1; the others it has not seen
        rolling = roll(simple(trained, "naive"), longer, windows=4, step=3)
        windows = rolling.cutoffs.windows
        told = rolling.trained_on(windows)
        first = windows.end - windows.start
        np.testing.assert_array_equal(
            told, ((windows.series == 0) & (first < 42)) | ((windows.series == 1) & (first < 44))
        )
        assert told.any()
        assert rolling.out_of_sample == 1  # of s1 only the window that begins with its row 44
        assert roll(simple(trained, "naive"), longer, step=3).cutoffs.count == 1  # if not asked for more
        assert roll(simple(trained, "naive"), longer, step=3, refit=True).cutoffs.count == 10


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model folder, fitted on rows that end before those of `new.csv` do, in the working directory."""
    folder = tmp_path / "gruforecast_model"
    folder.mkdir()
    save(make_forecaster(mixed_panel(45)), folder)
    seal(folder, FitFacts(fingerprint="x", trials=1))
    panel = mixed_panel(70)
    text = "unique_id,ds,y\n" + "".join(
        f"{'/'.join(panel.ids[k])},{str(ds)[:10]},{'' if np.isnan(y) else y}\n"
        for k, ds, y in zip(np.repeat(np.arange(4), panel.lengths), panel.ds, panel.y, strict=True)
    )
    (tmp_path / "new.csv").write_text(text)
    return folder


@pytest.fixture
def backtest(model: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(model.parent)
    return lambda *arguments: CliRunner().invoke(app, ["backtest", *arguments])


class TestCommand:
    def test_it_prints_a_table(self, backtest: Callable[..., Result]) -> None:
        done = backtest("new.csv", "--windows", "3")
        assert done.exit_code == 0, done.output
        assert "3 windows of 6 rows, 6 rows apart; 4 series" in done.stdout
        assert "cutoffs by position, because the series end at different times" in done.stdout
        for words in ("RMSSE", "WAPE", "networks *", "theta", "MASE of networks"):
            assert words in done.stdout
        assert backtest("new.csv", "-q").stdout == ""

    def test_one_object_as_json(self, backtest: Callable[..., Result], model: Path) -> None:
        done = backtest("gruforecast_model", "new.csv", "--windows", "3", "--step", "2", "--json")
        report = json.loads(done.stdout)
        assert report["windows"] == 3
        assert (report["horizon"], report["step"], report["n_series"], report["n_forecasts"]) == (6, 2, 4, 12)
        assert (report["winner"], report["levels"], report["refit"]) == ("networks", [80, 95], False)
        read = record(BacktestReport, report, "stdout")
        assert [row.mase for row in read.scores] == sorted(row.mase for row in read.scores)
        rows = {row["model"]: row for row in report["scores"]}
        assert set(rows["theta"]["intervals"]["80"]) == {"coverage", "width", "score"}
        assert set(rows["theta"]["against"]["winner"]) >= {"p", "verdict", "relative"}
        assert rows["networks"]["against"] == {}

    def test_files_hold_every_forecast_and_every_score(self, backtest: Callable[..., Result], model: Path) -> None:
        done = backtest("new.csv", "--windows", "3", "-o", "all.csv", "--scores", "scores.csv")
        assert "wrote all.csv" in done.stderr
        cwd = model.parent
        rows = list(csv.DictReader((cwd / "all.csv").read_text().splitlines()))
        assert list(rows[0]) == ["unique_id", "cutoff", "ds", "model", "y", "y_hat", "lo-80", "hi-80", "lo-95", "hi-95"]
        assert len(rows) == 4 * 3 * 4 * 6
        assert all(row["cutoff"] < row["ds"] for row in rows)
        scores = list(csv.DictReader((cwd / "scores.csv").read_text().splitlines()))
        assert len(scores) == len(rows) / 6
        assert {"mase", "trained_on", "coverage-80", "score-95"} <= set(scores[0])
        assert sorted(path.name for path in cwd.iterdir()) == ["all.csv", "gruforecast_model", "new.csv", "scores.csv"]

    def test_parquet_holds_the_same(self, backtest: Callable[..., Result], model: Path) -> None:
        backtest("new.csv", "--windows", "3", "-o", "all.csv")
        backtest("new.csv", "--windows", "3", "-o", "all.parquet")
        one, other = pd.read_csv(model.parent / "all.csv"), pd.read_parquet(model.parent / "all.parquet")
        pd.testing.assert_frame_equal(one, other, check_dtype=False)

    def test_windows_within_the_training_rows_are_warned_about(self, backtest: Callable[..., Result]) -> None:
        done = backtest("new.csv", "--windows", "6")
        assert "warning: 6 of 21 windows begin in rows that the model was trained on" in done.stderr
        assert "--windows 4 keeps to later ones" in done.stderr
        assert "in windows out of sample" in done.stdout
        assert "trained on" not in backtest("new.csv", "--windows", "3").stderr

    def test_what_fill_put_on_a_line_is_no_truth(self, backtest: Callable[..., Result], model: Path) -> None:
        filling = make_forecaster(mixed_panel(45))
        save(replace(filling, plan=structs.replace(filling.plan, fill=True)), model)
        (model / "manifest.json").unlink()
        seal(model, FitFacts(fingerprint="x", trials=1))
        done = backtest("new.csv", "--windows", "3", "-o", "all.csv")
        assert "a line knows what comes after it" in done.stderr
        frame = pd.read_csv(model.parent / "all.csv")
        gaps = frame[(frame.unique_id == "s1") & frame.y.isna()]
        assert len(gaps) == 2 * 4  # rows 42 and 48 of 60, four models each
        assert frame[frame.unique_id != "s1"].y.notna().all()

    @pytest.mark.parametrize(
        ("arguments", "code", "words"),
        [
            ([], 2, "there is no data file"),
            (["gruforecast_model"], 2, "there is no data file"),
            (["nowhere", "new.csv"], 4, "no such model folder"),
            (["missing.csv"], 2, "missing.csv"),
            (["new.csv", "--windows", "0"], 2, "out of range"),
            (["new.csv", "--windows", "99"], 3, "the longest series has 70 rows"),
            (["new.csv", "--member", "thetta"], 2, "Did you mean 'theta'"),
            (["new.csv", "--level", "90"], 2, "not calibrated"),
            (["new.csv", "--horizon", "9"], 2, "horizon fitted"),
            (["new.csv", "-o", "all.xlsx"], 2, "says no format"),
            (["new.csv", "-o", "gruforecast_model"], 2, "no file"),
            (["new.csv", "-o", ""], 2, "no file"),
            (["new.csv", "-o", "./new.csv"], 2, "DATA and -o name one file"),
            (["new.csv", "-o", "a.csv", "--scores", "./a.csv"], 2, "one file"),
            (["new.csv", "-o", "missing/all.csv"], 5, "cannot write"),
            (["new.csv", "-o", "a.csv", "--scores", "a.csv"], 2, "one file"),
            (["http://host/x.csv"], 2, "local"),
        ],
    )
    def test_errors(self, backtest: Callable[..., Result], arguments: list[str], code: int, words: str) -> None:
        done = backtest(*arguments)
        assert done.exit_code == code, done.output
        assert words in done.stderr
        assert done.stdout == ""

    def test_help_has_an_example(self, backtest: Callable[..., Result]) -> None:
        assert "gruforecast backtest my_model new.csv" in backtest("--help").stdout


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path, panel: Panel) -> None:
    path = tmp_path / "all.csv"
    path.write_text("what was there before")

    def broken() -> None:
        with LongFile(str(path), panel.plan) as long:
            long.write({"a": ["1"]})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert path.read_text() == "what was there before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_the_file_needs_itself_is_refused(tmp_path: Path, panel: Panel) -> None:
    plan = structs.replace(panel.plan, names=structs.replace(panel.plan.names, ids=("model",)))
    with pytest.raises(UsageError, match="two columns 'model'"):
        LongFile(str(tmp_path / "all.csv"), plan)


def test_a_block_knows_its_windows(panel: Panel) -> None:
    block = next(roll(make_forecaster(panel), panel, windows=2).blocks())
    assert isinstance(block, Block)
    assert len(block.cutoffs) == len(block.evaluated["naive"].mean) == 7


class TestRefit:
    """Networks trained anew before each cutoff."""

    def learned(self, panel: Panel) -> Forecaster:
        plain = make_forecaster(panel)
        training = TrainingConfig(steps=25, batch_size=8)
        return replace(plain, networks=tuple(replace(one, training=training) for one in plain.networks))

    @pytest.mark.network
    @pytest.mark.slow
    def test_it_learns_from_the_rows_before_each_cutoff_only(self) -> None:
        y = 5 + np.random.default_rng(5).random(60)
        later = y.copy()
        later[-8:] *= 1000  # of the last window, and of the last two rows of the one before it
        found = []
        for values in (y, later):
            panel = panel_of(values)
            rolling = roll(self.learned(panel), panel, windows=2, members=["gru", "naive"], refit=True)
            assert not rolling.trained_on(rolling.cutoffs.windows).any()
            parts = list(retrained(rolling, Progress()))
            assert [part.cutoffs.number.tolist() for part in parts] == [[0], [1]]
            found.append([whole(part)["gru"].mean for part in parts])
            saved = [whole(rolling.at(number))["gru"].mean for number in range(2)]
            for anew, old in zip(found[-1], saved, strict=True):
                assert not np.allclose(anew, old)
        np.testing.assert_array_equal(found[0][0], found[1][0])  # its cutoff is before all that was changed
        assert not np.allclose(found[0][1], found[1][1])  # whose past was

    @pytest.mark.network
    @pytest.mark.slow
    def test_the_command_says_what_it_does(self, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(model.parent)
        asked = ("backtest", "new.csv", "--windows", "2", "--step", "20", "--member", "gru", "--json")
        done = run(*asked, "--refit", "-o", "all.csv")
        assert done.returncode == 0, done.stderr
        assert "training 1 network anew before each of 2 cutoffs" in done.stderr
        assert "model was chosen with" in done.stderr
        report = json.loads(done.stdout)
        assert (report["refit"], report["n_trained_on"]) == (True, 0)
        assert json.loads(run(*asked).stdout)["scores"][0]["mase"] != report["scores"][0]["mase"]
        assert len((model.parent / "all.csv").read_text().splitlines()) == 1 + 6 * report["n_forecasts"]

    def test_without_networks_or_without_knowing_how_there_is_nothing_to_train(self, panel: Panel) -> None:
        forecaster = make_forecaster(panel)
        rolling = roll(forecaster, panel, windows=1, members=["naive"], refit=True)
        with pytest.raises(UsageError, match="nothing to train anew"):
            next(retrained(rolling, Progress()))
        unknown = replace(forecaster, networks=tuple(replace(one, training=None) for one in forecaster.networks))
        with pytest.raises(ModelError, match="how its network 'gru' was trained"):
            next(retrained(roll(unknown, panel, windows=1, refit=True), Progress()))

"""The Python API: what a user with a data frame types, gets back, and is told."""

from __future__ import annotations

import doctest
import gc
import inspect
import io
import json
import os
import shutil
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_report import made_report
from makers import ROOT, panel_of
from msgspec import structs
from rounding import assert_close32
from serving import small_model
from typer.testing import CliRunner

import gruforecast as gf
import gruforecast.api
from gruforecast.artifact.folder import save
from gruforecast.artifact.manifest import FitFacts, seal
from gruforecast.automl.options import CheckOptions, FitOptions
from gruforecast.cli.app import app
from gruforecast.data.options import ReadOptions
from gruforecast.data.read import read_csv
from gruforecast.execution.progress import Progress
from gruforecast.models.end_forecasts import EndForecasts
from gruforecast.report.frames import FitReport
from gruforecast.serialization import encoded

ROWS = 96
DAYS = pd.date_range("2000-01-01", periods=ROWS, freq="MS")
ERRORS = ("DataError", "FormError", "MissingCovariatesError", "ModelError", "RepeatedRowError", "ResourceError",
          "SearchError", "UsageError")  # fmt: skip


def series(number: int = 0) -> np.ndarray:
    return np.round(100 + 10 * number + 10 * np.sin(2 * np.pi * np.arange(ROWS) / 12) + 0.3 * np.arange(ROWS), 3)


def frame_of(*ids: Any, names: tuple[str, str, str] = ("unique_id", "ds", "y")) -> pd.DataFrame:
    parts = [pd.DataFrame(dict(zip(names, (one, DAYS, series(k)), strict=True))) for k, one in enumerate(ids)]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with a report, of two series and three networks' worth of names."""
    folder = tmp_path_factory.mktemp("api") / "model"
    folder.mkdir()
    panel = panel_of(series(0), series(1))
    one = small_model(panel, horizon=12)
    known = one.calibrations | {"naive": one.calibrations["gru"]}
    save(replace(one, calibrations=known, ends=EndForecasts.of(panel, ["theta", "naive"], (12, 12))), folder)
    (folder / "report.json").write_bytes(encoded(made_report()))
    seal(folder, FitFacts(fingerprint="x", trials=1, verdict="The blend was chosen; <b>luck</b> \x1b[31m."))
    return folder


@pytest.fixture
def model(folder: Path) -> gf.Model:
    return gf.load(folder)


@pytest.fixture
def frame() -> pd.DataFrame:
    return frame_of("s0", "s1")


def printed(*arguments: Any) -> str:
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    assert done.exit_code == 0, done.output
    return str(done.stdout)


def by_command(*arguments: Any) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(printed("predict", *arguments, "--format", "csv")))


# --- names


def test_dir_names_everything_and_nothing_else() -> None:
    assert dir(gf) == sorted(gf.__all__)
    assert set(ERRORS) < set(gf.__all__)
    assert all(getattr(gf, name) is not None for name in gf.__all__)
    with pytest.raises(AttributeError, match="'fitt'"):
        gf.fitt  # noqa: B018


def test_all_errors_are_of_one_kind() -> None:
    assert all(issubclass(getattr(gf, name), gf.GruforecastError) for name in ERRORS)
    assert issubclass(gf.GruforecastWarning, UserWarning)


def test_fit_takes_every_option_of_the_command_line_and_none_of_the_screen() -> None:
    taken = set(inspect.signature(gf.fit).parameters)
    shown = printed("fit", "--help")
    for name in taken - {"data", "progress"}:
        assert f"--{name.replace('_', '-')}" in shown, name
    assert taken == {one.name for one in FitOptions.declared} | {"data", "progress"}
    assert not {"json", "as_json", "quiet", "verbose", "debug"} & taken
    assert gf.fit.__doc__ is not None
    assert all(f"    {name}: " in gf.fit.__doc__ for name in taken)
    assert set(inspect.signature(gf.check).parameters) == {one.name for one in CheckOptions.declared} | {"data"}
    with pytest.raises(TypeError, match="unexpected keyword argument 'trials'"):
        gf.check("a.csv", trials=3)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("given", "kind", "text"),
    [
        ({"horzon": 12}, TypeError, r"fit\(\) got an unexpected keyword argument 'horzon'. Did you mean 'horizon'\?"),
        ({"horizon": "12"}, gf.UsageError, "`horizon` takes a whole number, not '12'"),
        ({"horizon": 0}, gf.UsageError, "`horizon` 0 is out of range"),
        ({"fill": 1}, gf.UsageError, "`fill` takes True or False, not 1"),
        ({"tuner": "bayes"}, gf.UsageError, "Did you mean 'bayesian'"),
    ],
)
def test_what_is_no_option_is_said_before_anything_is_read(given: dict[str, Any], kind: Any, text: str) -> None:
    with pytest.raises(kind, match=text):
        gf.fit("there is no such file.csv", **given)


def test_options_go_by_name() -> None:
    with pytest.raises(TypeError, match="takes its options by name"):
        gf.fit("x.csv", 12)  # type: ignore[call-arg]


# --- forecasts


def test_a_forecast_has_the_users_names_real_datetimes_and_the_numbers_of_the_command(
    model: gf.Model, folder: Path
) -> None:
    found, written = model.predict(), by_command(folder)
    assert list(found.columns) == ["unique_id", "ds", "y_hat", "lo-80", "hi-80", "lo-95", "hi-95"]
    assert list(found.columns) == list(written.columns)
    assert pd.api.types.is_datetime64_any_dtype(found["ds"])
    assert found["ds"].tolist()[:12] == pd.date_range("2008-01-01", periods=12, freq="MS").tolist()
    for name in found.columns[2:]:
        assert_close32(found[name].to_numpy(), written[name].to_numpy())


@pytest.mark.filterwarnings("ignore:1 of 2 series .* before the training:gruforecast.GruforecastWarning")
def test_a_frame_forecasts_as_its_file(model: gf.Model, folder: Path, frame: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    frame.iloc[:-5].to_csv(path, index=False)
    assert model.predict(frame.iloc[:-5]).equals(model.predict(path))
    assert_close32(model.predict(str(path))["y_hat"].to_numpy(), by_command(folder, path)["y_hat"].to_numpy())


def test_what_is_asked_of_a_forecast(model: gf.Model, folder: Path) -> None:
    some = model.predict(horizon=np.int64(3), level=95, member="networks", series="s1")
    assert list(some.columns) == ["unique_id", "ds", "y_hat", "lo-95", "hi-95"]
    assert some["unique_id"].tolist() == ["s1"] * 3
    options = ("--horizon", "3", "--level", "95", "--member", "networks", "--series", "s1")
    assert_close32(some["y_hat"].to_numpy(), by_command(folder, *options)["y_hat"].to_numpy())
    both = model.predict(level=[95, 80], series=["s1", "s0"])
    assert [name for name in both if name.startswith("lo")] == ["lo-80", "lo-95"]
    assert len(both) == 24


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"horizon": 13}, "`horizon` 13 is not within 1 and 12"),
        ({"horizon": "6"}, "`horizon` takes a whole number, not '6'"),
        ({"level": 50}, "`level` 50 is not calibrated; there are 80, 95. Fit again with `level=50`"),
        ({"level": 0.8}, "`level` 0.8 is not calibrated; there are 80, 95. Pass percent, such as 80"),
        ({"member": "blent"}, "Did you mean 'blend'"),
        ({"series": "s7"}, "there is no series 's7'"),
        ({"future": pd.DataFrame({"ds": [1]})}, "Leave `future` out"),
        ({"data": 5}, "int is neither the path of a file nor a data frame"),
    ],
)
def test_what_a_model_does_not_have_is_said_in_parameters(model: gf.Model, asked: dict[str, Any], text: str) -> None:
    with pytest.raises(gf.UsageError, match=text) as caught:
        model.predict(**asked)
    assert "--" not in str(caught.value)


def test_keys_that_are_numbers_come_back_as_numbers(tmp_path: Path) -> None:
    panel = panel_of(series(0), series(1))
    for ids, expected in (((("1",), ("20",)), [1, 20]), ((("1",), ("007",)), ["1", "007"])):
        folder = tmp_path / ids[1][0]
        folder.mkdir()
        save(small_model(replace(panel, ids=ids), horizon=12), folder)
        seal(folder)
        model = gf.load(folder)
        assert model.predict()["unique_id"].unique().tolist() == expected
        for key in expected:  # what comes out may be passed in
            assert model.predict(series=key)["unique_id"].map(str).unique().tolist() == [str(key)]
    numbered = gf.load(tmp_path / "20")
    assert numbered.predict(series=[np.int64(20), 1]).equals(numbered.predict())


def test_a_model_is_where_it_was_wherever_the_program_goes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    model = gf.load("model")
    monkeypatch.chdir(tmp_path)
    assert model.folder == folder
    assert model.report.winner == model.report.record.winner
    assert gf.load(model.save("kept")).predict().equals(model.predict())


def test_help_lists_what_is_used_most_first_and_says_what_a_report_is() -> None:
    names = list(inspect.signature(gf.fit).parameters)
    assert names[:4] == ["data", "time", "target", "id"]
    assert names.index("horizon") < names.index("sep") < names.index("max_bytes")
    assert "verdict" in str(gf.Model.report.__doc__)


def test_what_is_passed_may_come_in_any_container(model: gf.Model, frame: pd.DataFrame) -> None:
    whole = model.predict()
    for series in (frame["unique_id"].unique(), {"s0", "s1"}, pd.Index(["s0", "s1"]), (one for one in ("s0", "s1"))):
        assert model.predict(series=series).equals(whole)
    for level in (np.array([80, 95]), None, (), pd.Series([95.0, 80.0])):
        assert model.predict(level=level).equals(whole)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"level": "80"}, "`level` takes a number, not '80'"),
        ({"level": True}, "`level` takes a number, not True"),
        ({"level": b"80"}, "`level` takes a number, not b'80'"),
        ({"level": [[80]]}, "`level` takes a number"),
        ({"horizon": True}, "`horizon` takes a whole number, not True"),
        ({"series": 1.5}, "`series` takes a text, not 1.5"),
        ({"member": ["gru"]}, "`member` takes one text"),
        ({"member": None}, "`member` takes one text"),
    ],
)
def test_what_is_of_another_kind_is_refused(model: gf.Model, asked: dict[str, Any], text: str) -> None:
    with pytest.raises(gf.UsageError, match=text):
        model.predict(**asked)


def test_a_folder_that_changed_hands_is_not_taken_for_the_model(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "m")
    model, other = gf.load(tmp_path / "m"), gf.load(folder)
    forecast = model.predict()
    shutil.rmtree(tmp_path / "m")
    for use in (lambda: model.report, lambda: model.save(tmp_path / "kept"), model.explain):
        with pytest.raises(gf.ModelError, match="no such model folder"):
            use()
    assert model.explain(frame_of("s0", "s1")).record.importance is not None
    (tmp_path / "m").mkdir()
    save(replace(other.forecaster, winner="naive"), tmp_path / "m")
    seal(tmp_path / "m")
    for use in (lambda: model.report, lambda: model.save(tmp_path / "kept"), model.explain):
        with pytest.raises(gf.ModelError, match="another model took the place"):
            use()
    assert model.predict().equals(forecast)


def test_keys_are_of_one_kind_whatever_is_asked_for(tmp_path: Path) -> None:
    panel = panel_of(series(0), series(1))
    for ids, kind in (((("1",), ("2",)), np.int64), ((("1",), ("a",)), object)):
        folder = tmp_path / ids[1][0]
        folder.mkdir()
        save(small_model(replace(panel, ids=ids), horizon=12), folder)
        seal(folder)
        model = gf.load(folder)
        frame = frame_of(*(key for (key,) in ids))
        for found in (
            model.predict(),
            model.predict(series="1"),
            model.backtest(frame.assign(ds=frame["ds"] + pd.DateOffset(years=8)), windows=1, member="gru",
                           detail="windows"),
        ):  # fmt: skip
            assert (found["unique_id"].dtype == np.int64) == (kind is np.int64)


def test_blocks_are_the_forecast(model: gf.Model) -> None:
    blocks = list(model.stream(level=80))
    assert_close32(np.concatenate([one.mean for one in blocks]).ravel(), model.predict()["y_hat"].to_numpy())
    assert blocks[0].levels == (80.0,)


def test_what_is_odd_is_a_warning_at_the_line_that_asked(model: gf.Model, frame: pd.DataFrame) -> None:
    upside_down = frame.iloc[::-1]
    with pytest.warns(gf.GruforecastWarning, match="sorted") as caught:
        model.predict(upside_down)
    assert {one.filename for one in caught} == {__file__}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(frame)


# --- intervals that adapt


def widths(frame: pd.DataFrame, level: int) -> np.ndarray:
    return (frame[f"hi-{level}"] - frame[f"lo-{level}"]).to_numpy()


@pytest.mark.filterwarnings("ignore:1 of 2 series .* ended:gruforecast.GruforecastWarning")
def test_newer_rows_change_the_intervals_of_python_and_of_the_command_alike(
    model: gf.Model, folder: Path, frame: pd.DataFrame, tmp_path: Path
) -> None:
    newer = frame.assign(ds=frame["ds"] + pd.DateOffset(years=8), y=100 + 1000 * frame["y"].diff().abs().fillna(0))
    later = pd.concat([frame, newer[newer["unique_id"] == "s0"]], ignore_index=True)
    path = tmp_path / "later.csv"
    later.to_csv(path, index=False)
    adapted, plain = model.predict(later, member="naive"), model.predict(later, member="naive", adapt=False)
    np.testing.assert_array_equal(adapted["y_hat"], plain["y_hat"])
    (block,) = model.stream(later, member="naive")
    assert block.adapted is not None
    assert block.adapted.multiplier[0] > 1.2
    assert block.adapted.multiplier[1] == 1.0
    assert block.adapted.seen.tolist() == [block.adapted.seen[0], 0]
    by = np.repeat(block.adapted.multiplier, 12)
    for level in (80, 95):
        up = (adapted[f"hi-{level}"] - adapted["y_hat"]).to_numpy()
        np.testing.assert_allclose(up, by * (plain[f"hi-{level}"] - plain["y_hat"]), rtol=1e-9)
    assert_close32(widths(by_command(folder, path, "--member", "naive"), 80), widths(adapted, 80))
    assert_close32(widths(by_command(folder, path, "--member", "naive", "--no-adapt"), 80), widths(plain, 80))
    (alone,) = model.stream(later, member="naive", series="s0")
    assert alone.adapted is not None
    assert alone.adapted.multiplier.tolist() == [block.adapted.multiplier[0]]
    only = later[later["unique_id"] == "s0"]
    scores = [model.backtest(only, member="naive", windows=2, adapt=adapt) for adapt in (True, False)]
    assert scores[0]["mase"].tolist() == scores[1]["mase"].tolist()
    assert scores[0]["width-80"].iloc[0] != scores[1]["width-80"].iloc[0]


def test_it_is_said_on_standard_error_and_in_json(folder: Path, frame: pd.DataFrame, tmp_path: Path) -> None:
    newer = frame.assign(ds=frame["ds"] + pd.DateOffset(years=8), y=100 + 1000 * frame["y"].diff().abs().fillna(0))
    later, path = pd.concat([frame, newer], ignore_index=True), tmp_path / "later.csv"
    later[later["unique_id"] == "s0"].to_csv(path, index=False)

    def asked(*more: str) -> Any:
        return CliRunner().invoke(app, ["predict", str(folder), str(path), "--member", "naive", *more])

    assert asked().stderr.startswith("intervals widened by ")
    assert "recent errors are larger than those of 80 % allow" in asked().stderr
    assert asked("--no-adapt").stderr == asked("-q").stderr == ""
    told = json.loads(asked("--json", "-q").stdout)["adapted"]
    assert set(told) == {"series", "smallest", "median", "largest", "seen", "missed", "level"}
    assert told["smallest"] == told["largest"] > 1.2
    assert json.loads(asked("--json", "--no-adapt").stdout)["adapted"] is None
    back = json.loads(printed("backtest", folder, path, "--windows", "3", "--member", "naive", "--json"))
    assert back["adapted"]["naive"]["series"] == 3
    text = printed("backtest", folder, path, "--windows", "3", "--member", "naive", "--member", "winner")
    assert "adapted to newer rows in 3 windows" in text
    off = json.loads(printed("backtest", folder, path, "--windows", "3", "--member", "naive", "--json", "--no-adapt"))
    assert off["adapted"] == {}


# --- scores


def test_a_backtest_has_the_scores_of_the_command(
    model: gf.Model, folder: Path, frame: pd.DataFrame, tmp_path: Path
) -> None:
    later = pd.concat([frame, frame.assign(ds=frame["ds"] + pd.DateOffset(years=8))], ignore_index=True)
    path = tmp_path / "later.csv"
    later.to_csv(path, index=False)
    found = model.backtest(later, windows=4, step=3, member=["networks", "naive"])
    told = json.loads(printed("backtest", folder, path, "--windows", "4", "--step", "3", "--member", "networks",
                              "--member", "naive", "--json"))  # fmt: skip
    assert found["model"].tolist() == [one["model"] for one in told["scores"]]
    for name in ("mase", "rmsse", "smape", "mae", "bias"):
        assert_close32(found[name].to_numpy(), np.array([one[name] for one in told["scores"]]))
    assert_close32(found["coverage-80"].to_numpy(), np.array([one["intervals"]["80"]["coverage"] for one in
                                                              told["scores"]]))  # fmt: skip
    each = model.backtest(later, windows=4, step=3, member=["networks", "naive"], detail="windows")
    assert len(each) == 4 * 2 * 2
    means = each.groupby("model")["mase"].mean()
    assert_close32(means[found["model"]].to_numpy(), found["mase"].to_numpy())
    assert pd.api.types.is_datetime64_any_dtype(each["cutoff"])
    all_of_it = model.backtest(later, windows=4, step=3, member="naive", detail="forecasts")
    assert len(all_of_it) == 4 * 2 * 12
    assert (all_of_it["ds"] > all_of_it["cutoff"]).all()
    last = all_of_it[(all_of_it["unique_id"] == "s0") & (all_of_it["cutoff"] == all_of_it["cutoff"].max())]
    assert last["y"].tolist() == series()[-12:].tolist()
    assert set(last["y_hat"]) == {last["y_hat"].iloc[0]}


def test_windows_that_were_trained_on_are_warned_of(model: gf.Model, frame: pd.DataFrame) -> None:
    with pytest.warns(gf.GruforecastWarning, match="6 of 6 windows begin in rows that the model was trained on"):
        model.backtest(frame, windows=3, step=2, member="naive")
    with pytest.raises(gf.UsageError, match=r"`detail` 'window' is unknown\. Did you mean 'windows'"):
        model.backtest(frame, detail="window")  # type: ignore[arg-type]
    with pytest.raises(gf.UsageError, match="`windows` takes a whole number, not '3'"):
        model.backtest(frame, windows="3")  # type: ignore[arg-type]


# --- report and look inside


def test_the_leaderboard_is_a_frame_with_the_winner_first(model: gf.Model) -> None:
    report, found = model.report, model.report.leaderboard
    assert found["model"].iloc[0] == report.winner == report.record.winner
    assert sorted(found["model"]) == sorted(report.record.rows)
    rows = [report.record.rows[name] for name in found["model"]]
    assert found["mase"].tolist() == [row.mase for row in rows]
    assert found["coverage-80"].tolist() == [row.intervals["80"].coverage for row in rows]
    assert (report.verdict, report.warnings, report.notes) == (
        report.record.verdict, report.record.warnings, report.record.found)  # fmt: skip
    assert report.better_than("seasonal-naive")
    assert not FitReport(made_report(spoiled=True)).better_than("seasonal-naive")
    with pytest.raises(gf.UsageError, match="Did you mean 'naive'"):
        report.better_than("naiv")
    trials = report.trials
    assert trials["number"].tolist() == [one.number for one in report.record.search]
    assert trials["units"].tolist() == [structs.asdict(one)["values"].units for one in report.record.search]


def test_the_page_is_shown(model: gf.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    path = model.report.show(tmp_path / "page.html")
    assert path.read_text(encoding="utf-8") == model.report.to_html()
    assert opened == [path.as_uri()]
    assert model.report.to_markdown().startswith("#")
    elsewhere = model.report.show()
    assert elsewhere.is_file()
    shutil.rmtree(elsewhere.parent)


def test_the_look_inside_is_that_of_the_command(model: gf.Model, folder: Path, frame: pd.DataFrame) -> None:
    told = model.explain()
    assert json.loads(printed("explain", folder, "--json")) == json.loads(encoded(told.record))
    assert str(told).count("\n") == 5
    assert "\\n" not in repr(told)
    new = model.explain(frame, series="s1")
    assert new.record.gates.series == "s1"
    parts = new.record.importance.parts if new.record.importance else []
    assert new.importance["name"].tolist() == [one.name for one in parts]
    assert list(told.importance.columns) == list(new.importance.columns)


# --- what a notebook shows


def test_a_model_is_shown_in_a_few_lines(model: gf.Model, folder: Path) -> None:
    assert repr(model).splitlines()[:2] == [
        f"Model('{folder}'): the blend", "2 series, step M, horizon 12, season of 12 rows"]  # fmt: skip
    assert len(repr(model)) < 1_000
    page = model._repr_html_()
    assert "&lt;b&gt;luck&lt;/b&gt;" in page
    assert "\x1b" not in page + repr(model)
    assert model.report._repr_html_().count("<tr") == 6


# --- folders


def test_save_and_load(model: gf.Model, tmp_path: Path) -> None:
    assert model.save(tmp_path / "kept") == tmp_path / "kept"
    assert model.lookback == 24
    again = gf.load(tmp_path / "kept")
    assert again.predict().equals(model.predict())
    assert again.report.record == model.report.record
    with pytest.raises(gf.ModelError, match="pass `overwrite=True`"):
        model.save(tmp_path / "kept")
    model.save(tmp_path / "kept", overwrite=True)
    assert again.save(tmp_path / "kept") == tmp_path / "kept"  # itself
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept"]


def test_what_is_no_model_is_not_replaced(model: gf.Model, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "thesis.txt").write_text("years")
    with pytest.raises(gf.ModelError, match="something else than a model"):
        model.save(tmp_path / "work", overwrite=True)
    with pytest.raises(gf.ResourceError, match="cannot be written"):
        model.save(tmp_path / "missing" / "kept")
    assert (tmp_path / "work" / "thesis.txt").read_text() == "years"
    assert not (tmp_path / "missing").exists()
    with pytest.raises(gf.ModelError, match="no such model folder"):
        gf.load(tmp_path / "missing")


@pytest.fixture
def fake_fit(monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[FitOptions]:
    """A `fit` that takes no time: it copies the folder, and keeps what it was given."""
    given: list[FitOptions] = []

    def fit(data: Any, options: FitOptions, progress: Progress) -> None:
        progress.warn("this may mislead")
        given.append(options)
        shutil.copytree(folder, options.folder)

    monkeypatch.setattr("gruforecast.automl.fit.fit", fit)
    return given


def test_without_output_the_model_goes_with_the_object(fake_fit: list[FitOptions], frame: pd.DataFrame) -> None:
    with pytest.warns(gf.GruforecastWarning, match="this may mislead") as caught:
        model = gf.fit(frame, id="unique_id", horizon=12, level=80, max_time="2m")
    assert caught[0].filename == __file__
    place = model.folder
    assert place.is_dir()
    assert fake_fit[0].run_folder.parent == place.parent
    (options,) = fake_fit
    assert (options.id, options.horizon, options.levels, options.max_seconds) == (("unique_id",), 12, (80.0,), 120.0)
    del model
    gc.collect()
    assert not place.parent.exists()


@pytest.mark.filterwarnings("ignore::gruforecast.GruforecastWarning")
def test_with_output_it_stays(fake_fit: list[FitOptions], frame: pd.DataFrame, tmp_path: Path) -> None:
    model = gf.fit(frame, output=tmp_path / "mine", progress=False)
    assert model.folder == tmp_path / "mine"
    assert fake_fit[0].run_folder == tmp_path / "mine.run"
    del model
    gc.collect()
    assert (tmp_path / "mine" / "model.json").is_file()


@pytest.mark.filterwarnings("ignore::gruforecast.GruforecastWarning")
def test_the_zone_of_a_frame_is_that_of_its_clock(fake_fit: list[FitOptions]) -> None:
    for zone, expected in (("Europe/Berlin", "Europe/Berlin"), ("UTC", None), (None, None)):
        frame = pd.DataFrame({"ds": pd.date_range("2021-01-01", periods=9, tz=zone), "y": range(9)})
        gf.fit(frame)
        gf.fit(frame.set_index("ds")["y"])
        assert gf.check(frame).plan.form.stamp.tz == (expected or "")
        assert [one.tz for one in fake_fit[-2:]] == [expected, expected]
    gf.fit(frame.assign(ds=frame["ds"].dt.tz_localize("Asia/Tokyo")), tz="Asia/Seoul")
    assert fake_fit[-1].tz == "Asia/Seoul"


@pytest.mark.filterwarnings("ignore::gruforecast.GruforecastWarning")
def test_a_fork_leaves_the_folder_of_its_parent_alone(fake_fit: list[FitOptions], frame: pd.DataFrame) -> None:
    model = gf.fit(frame)
    gf.api._remove(str(model.folder.parent), os.getpid() + 1)
    assert model.folder.is_dir()
    gf.api._remove(str(model.folder.parent), os.getpid())
    assert not model.folder.exists()


def test_the_forecasts_of_a_backtest_have_one_time_and_the_users_keys(tmp_path: Path) -> None:
    stamps = {"year": DAYS.year, "month": DAYS.month}
    data = pd.DataFrame({**stamps, "y": series()})
    plan = read_csv(data, ReadOptions(time=("year", "month"), target="y")).panel.plan
    folder = tmp_path / "m"
    folder.mkdir()
    panel = replace(panel_of(series()), plan=structs.replace(plan))
    save(small_model(panel, horizon=12), folder)
    seal(folder)
    with pytest.warns(gf.GruforecastWarning, match="trained on"):
        found = gf.load(folder).backtest(data, windows=1, member="gru", detail="forecasts")
    assert list(found.columns)[:5] == ["unique_id", "cutoff", "ds", "model", "y"]
    assert found["ds"].tolist() == DAYS[-12:].tolist()
    assert set(found["cutoff"]) == {DAYS[-13]}


@pytest.mark.parametrize("name", ["model", "mase", "cutoff"])
def test_columns_of_a_backtest_are_never_mixed_with_those_of_the_user(name: str, tmp_path: Path) -> None:
    panel = panel_of(series(0), series(1))
    names = structs.replace(panel.plan.names, ids=(name,))
    (tmp_path / "m").mkdir()
    save(small_model(replace(panel, plan=structs.replace(panel.plan, names=names)), horizon=12), tmp_path / "m")
    seal(tmp_path / "m")
    data = frame_of("s0", "s1", names=(name, "ds", "y"))
    with pytest.warns(gf.GruforecastWarning), pytest.raises(gf.UsageError, match=f"two columns '{name}'"):
        gf.load(tmp_path / "m").backtest(data, windows=1, detail="windows")


def test_check_looks_at_a_frame(frame: pd.DataFrame) -> None:
    found = gf.check(frame, horizon=6)
    assert (found.file, found.n_series, found.n_rows, found.horizon) == ("data frame", 2, 2 * ROWS, 6)
    odd = frame.copy()
    odd.loc[5, "y"] = 1e9
    assert any("1e+09 in row 5" in text for text in gf.check(odd).warnings)
    alone = gf.check(frame_of("s0").set_index("ds")["y"])
    assert (alone.n_series, alone.n_rows, alone.freq) == (1, ROWS, "M")
    assert repr(alone).splitlines()[:2] == [
        "DataProfile('data frame'): 1 series, 96 rows, 0 values missing",
        "step M, season of 12 rows, horizon 12",
    ]


# --- type checkers


RIGHT = """
import pandas as pd
import gruforecast as gf

frame = pd.DataFrame({"date": ["2020-01-01"], "sales": [1.0], "store": ["a"]})
model = gf.fit("sales.csv", horizon=12)
model = gf.fit(frame, time="date", target="sales", id="store", horizon=12, trials=4, level=[80, 95], progress=False)
board: pd.DataFrame = model.report.leaderboard
model.report.show()
forecast: pd.DataFrame = model.predict()
forecast = model.predict(frame, future=frame, level=80)
scores: pd.DataFrame = model.backtest(frame, windows=10)
model.explain()
model.save("folder")
model = gf.load("folder")
try:
    gf.check(frame)
except gf.DataError as error:
    code: str = error.code
"""
WRONG = {
    "gf.fit(1, nonsense=True)": "call-arg",
    'gf.fit("a.csv", horizon="12")': "arg-type",
    "gf.fit(1)": "arg-type",
    'gf.fit("a.csv", 12)': "call-arg",
    "gf.fitt": "attr-defined",
    'gf.load("m").predict(levels=80)': "call-arg",
    'gf.load("m").report.leader': "attr-defined",
}


@pytest.mark.slow
def test_a_type_checker_reads_all_of_it_and_finds_what_is_wrong(tmp_path: Path) -> None:
    lines = [f"{text}  # {code}" for text, code in WRONG.items()]
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text("\n".join(["import gruforecast as gf", *lines]))
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir",
               str(tmp_path / "cache"), "--follow-imports", "silent"]  # fmt: skip
    paths = [str(tmp_path / name) for name in ("right.py", "wrong.py")]
    snippet = str(ROOT / "tests" / "snippets" / "first_steps.py")
    done = subprocess.run([*command, *paths, snippet], capture_output=True, text=True, check=False, cwd=ROOT)
    found = {
        int(line.split(":")[1]): line for line in done.stdout.splitlines() if "wrong.py" in line and "error" in line
    }
    assert "right.py" not in done.stdout, done.stdout
    assert "first_steps.py" not in done.stdout, done.stdout
    assert sorted(found) == list(range(2, 2 + len(WRONG))), done.stdout


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.filterwarnings("ignore::gruforecast.GruforecastWarning")
def test_the_examples_of_the_docstrings(folder: Path, frame: pd.DataFrame, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "sample_data" / "air_passengers.csv", tmp_path)
    shutil.copytree(folder, "my_model")
    later = frame.assign(ds=frame["ds"] + pd.DateOffset(years=8))
    pd.concat([frame, later]).to_csv("later.csv", index=False)
    done = doctest.testmod(gruforecast.api, extraglobs={"model": gf.load("my_model")})
    assert (done.failed, done.attempted > 10) == (0, True)


# --- first steps, as a program and as a notebook


@pytest.mark.slow
@pytest.mark.network
def test_first_steps_run_as_a_program_and_as_a_notebook(tmp_path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    text = (ROOT / "tests" / "snippets" / "first_steps.py").read_text(encoding="utf-8")
    shutil.copy(ROOT / "sample_data" / "air_passengers.csv", tmp_path)
    done = subprocess.run([sys.executable, "-W", "error", "-c", text], capture_output=True, text=True, check=False,
                          cwd=tmp_path)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "['store', 'date', 'y_hat', 'lo-80', 'hi-80'] 1961-01-01 00:00:00" in done.stdout
    assert done.stdout.rstrip().endswith("True")
    assert "1958-12-01" in done.stdout
    cells = [nbformat.v4.new_code_cell(part) for part in text.split("\n\n")]
    notebook = nbformat.v4.new_notebook(cells=[*cells, nbformat.v4.new_code_cell("model")])
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [one for cell in notebook.cells for one in cell.outputs]
    written = [one for one in outputs if one.output_type == "stream"]
    assert {one.name for one in written} == {"stdout"}, written
    assert "warning" not in "".join(one.text for one in written).lower()
    assert "<table>" in outputs[-1].data["text/html"]
    lines = [one.data["text/plain"] for one in outputs if one.output_type == "display_data"]
    assert lines == ["", ""]  # the line of each fit is taken away in the end

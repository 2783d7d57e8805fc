"""The main job on real data, end to end, through the command line."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from makers import AIR, ROOT, run
from rounding import assert_close32
from typer.testing import CliRunner

from gruforecast.artifact.folder import load
from gruforecast.cli import app
from gruforecast.data.read import read_like
from gruforecast.evaluation.backtest import roll
from gruforecast.models.baselines import baselines

pytestmark = pytest.mark.network

REPORT_KEYS = {"model_dir", "verdict", "horizon", "freq", "season_length", "n_series", "n_rows", "seconds", "trials"}
ROW_KEYS = {"model", "kind", "mase", "smape", "rmse", "mae", "coverage", "parameters", "seconds", "config", "val_mase"}
BASELINES = {*baselines(12), "pretrained"}


def forecast_csv(fitted: dict[str, Any], *arguments: str) -> pd.DataFrame:
    with contextlib.chdir(fitted["cwd"]):
        done = CliRunner().invoke(app, ["predict", *arguments, "-o", "f.csv"])
    assert done.exit_code == 0, done.output
    return pd.read_csv(fitted["cwd"] / "f.csv")


def test_the_report_is_whole(fitted: dict[str, Any]) -> None:
    report = fitted["report"]
    assert set(report) >= REPORT_KEYS
    assert (report["horizon"], report["freq"], report["season_length"]) == (12, "M", 12)
    assert report["trials"] == {"completed": 2, "pruned": 0, "diverged": 0, "crashed": 0}
    for row in report["leaderboard"]:
        assert set(row) >= ROW_KEYS
        assert set(row["coverage"]) == {"80", "95"}
    models = {row["model"] for row in report["leaderboard"]}
    networks = [one["name"] for one in report["networks"]]
    assert models == BASELINES | {*networks, "networks", "blend", "gru (short)", "lstm (short)", "rnn (short)"}
    assert len(networks) > 1
    assert sum(one["share"] for one in report["networks"]) == pytest.approx(1.0)
    assert sum(report["blend"].values()) == pytest.approx(1.0)
    (blend,) = (row for row in report["leaderboard"] if row["model"] == "blend")
    assert set(report["blend"]) <= set(blend["shares"]) <= BASELINES | {"networks"}
    assert json.loads((fitted["cwd"] / "gruforecast_model" / "report.json").read_text()) == report
    assert report["digests"]["scored"] != report["digests"]["saved"]
    assert report["warnings"] == []


def test_the_best_gru_is_far_better_than_seasonal_naive(fitted: dict[str, Any]) -> None:
    """Over the three folds; on the twelve rows of the test set two trials give anything from 0.3 to 0.8 times it."""
    rows = {row["model"]: row for row in fitted["report"]["leaderboard"]}
    assert rows["gru"]["val_mase"] < 0.6 * rows["seasonal-naive"]["val_mase"]
    assert rows["gru"]["mase"] < rows["seasonal-naive"]["mase"]
    assert rows["seasonal-naive"]["mase"] == pytest.approx(1.571, abs=1e-3)


def test_cells_are_compared_at_one_budget(fitted: dict[str, Any]) -> None:
    rows = {row["model"]: row for row in fitted["report"]["leaderboard"]}
    steps = {rows[f"{cell} (short)"]["config"]["steps"] for cell in ("gru", "lstm", "rnn")}
    assert len(steps) == 1
    sizes = [rows[f"{cell} (short)"]["parameters"] for cell in ("rnn", "gru", "lstm")]
    assert sizes == sorted(sizes)


def test_no_line_of_tensorflow_reaches_the_terminal(fitted: dict[str, Any]) -> None:
    for word in ("tensorflow", "cuda", "XLA", "AVX", "absl", "WARNING", "I0000", "\x1b"):
        assert word not in fitted["stderr"]
    assert "trial 1: MASE" in fitted["stderr"]


def test_anyone_can_score_the_run_folder_again(fitted: dict[str, Any]) -> None:
    folder = fitted["cwd"] / "gruforecast_model.run"
    train, test = (pd.read_csv(folder / f"{name}.csv")["y"].to_numpy(float) for name in ("train", "test"))
    assert (len(train), len(test)) == (132, 12)
    scale = np.abs(train[12:] - train[:-12]).mean()
    for row in fitted["report"]["leaderboard"]:
        name = row["model"].replace(" ", "-").replace("(", "").replace(")", "")
        forecast = pd.read_csv(folder / f"test-forecast-{name}.csv")
        if row["model"].endswith("(short)"):
            continue  # a mean over three seeds, of which the first is written
        error = np.abs(forecast["y_hat"] - test)
        assert row["mase"] == pytest.approx(error.mean() / scale, rel=1e-9)
        inside = (forecast["lo-80"] <= test) & (test <= forecast["hi-80"])
        assert row["coverage"]["80"] == pytest.approx(100 * inside.mean())
        width = (forecast["hi-80"] - forecast["lo-80"]).mean() / scale
        assert row["intervals"]["80"]["width"] == pytest.approx(width)
    series, steps = (pd.read_csv(folder / f"scores-by-{name}.csv").set_index("model") for name in ("series", "step"))
    (naive,) = (row for row in fitted["report"]["leaderboard"] if row["model"] == "naive")
    for name in ("mase", "rmsse", "smape", "wape", "mae", "rmse", "bias", "wql"):
        assert series.loc["naive", name] == pytest.approx(naive[name])
    np.testing.assert_allclose(steps.loc["naive", "mae"], np.abs(test - train[-1]))


def test_what_is_saved_of_the_pretrained_network_forecasts_the_test_set_as_the_report_says(
    fitted: dict[str, Any],
) -> None:
    """A backtest of the saved model at the test cutoff: the same weights, season and rows, so the same numbers."""
    forecaster = load(fitted["cwd"] / "gruforecast_model")
    rows = {row["model"]: row for row in fitted["report"]["leaderboard"]}
    assert rows["pretrained"]["kind"] == "pretrained"
    scored = pd.read_csv(fitted["cwd"] / "gruforecast_model.run" / "test-forecast-pretrained.csv")
    panel = read_like(str(AIR), forecaster.plan).panel
    (block,) = roll(forecaster, panel, windows=1, members=["pretrained"], adapt=False).blocks()
    found = block.evaluated["pretrained"]
    np.testing.assert_allclose(found.mean[0], scored["y_hat"], rtol=1e-9)
    np.testing.assert_allclose(found.lower[0], scored[["lo-80", "lo-95"]], rtol=1e-9)


def test_the_verdict_rests_on_a_test_of_the_test_part(fitted: dict[str, Any]) -> None:
    report = fitted["report"]
    evidence = report["evidence"]
    assert evidence["against"] == "seasonal-naive"
    assert evidence["method"] == "Diebold-Mariano"
    assert f"p = {evidence['p']:.2g}" in report["verdict"]
    for row in report["leaderboard"]:
        itself = {"winner": report["winner"], "gru": "networks"}
        assert set(row["against"]) == {name for name, model in itself.items() if model != row["model"]}


@pytest.mark.slow
def test_a_baseline_that_must_be_beaten(fitted: dict[str, Any]) -> None:
    """On the finished model, so nothing is trained: the exit code is that of the test in the report."""
    again = ("fit", str(AIR), "--horizon", "12", "--trials", "2", "--no-stats", "--require-better-than")
    against = {row["model"]: row["against"].get("gru") for row in fitted["report"]["leaderboard"]}
    for name in ("naive", "theta", "drift"):
        done = run(*again, name, cwd=fitted["cwd"])
        better = against[name]["verdict"] == "better"
        assert done.returncode == (0 if better else 7), done.stderr
        assert ("not met" in done.stderr) != better
    assert run(*again, "auto-ets", cwd=fitted["cwd"]).returncode == 7
    wrong = run(*again, "seasonal_naive", cwd=fitted["cwd"])
    assert wrong.returncode == 2
    assert "Did you mean 'seasonal-naive'" in wrong.stderr


def test_a_bare_predict_goes_on_where_the_data_end(fitted: dict[str, Any]) -> None:
    done = run("predict", cwd=fitted["cwd"])
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "unique_id,ds,y_hat,lo-80,hi-80,lo-95,hi-95"
    assert [line.split(",")[1] for line in lines[1:]] == [f"1961-{month:02}-01" for month in range(1, 13)]
    frame = forecast_csv(fitted)
    assert (frame["lo-95"] <= frame["lo-80"]).all()
    assert (frame["lo-80"] < frame["y_hat"]).all()
    assert (frame["y_hat"] < frame["hi-80"]).all()
    assert frame["y_hat"].between(300, 800).all()


def test_predict_with_the_training_data_is_predict_without(fitted: dict[str, Any]) -> None:
    for member in ("winner", "networks", "gru", "blend", "theta", "seasonal-naive"):
        one = forecast_csv(fitted, "--member", member)
        two = forecast_csv(fitted, "gruforecast_model", str(AIR), "--member", member)
        assert_close32(one["y_hat"], two["y_hat"])


def test_predict_on_a_series_never_seen(fitted: dict[str, Any], csv: Any) -> None:
    months = pd.date_range("2019-12-31", periods=30, freq="ME")
    rows = "".join(f"new,{day:%Y-%m-%d},{50 + 10 * (k % 12)}\n" for k, day in enumerate(months))
    frame = forecast_csv(fitted, csv("unique_id,ds,y\n" + rows))
    assert frame["ds"].tolist()[:3] == ["2022-06-30", "2022-07-31", "2022-08-31"]
    assert frame["unique_id"].unique().tolist() == ["new"]
    assert (frame["y_hat"] > 0).all()
    wrong = run("predict", csv(("unique_id,ds,y\n" + rows).replace("-12-31", "-12-30")), cwd=fitted["cwd"])
    assert wrong.returncode == 3


def test_predict_never_loads_tensorflow(fitted: dict[str, Any]) -> None:
    code = (
        "import sys\nfrom gruforecast.cli import app\n"
        "try: app(['predict'])\nexcept SystemExit as done: assert not done.code\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "print('heavy', sorted(loaded & {'tensorflow', 'keras', 'keras_tuner', 'sklearn', 'scipy'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=fitted["cwd"])
    assert done.stdout.splitlines()[-1] == "heavy []"


def test_a_process_with_only_tensorflow_forecasts_the_same(fitted: dict[str, Any]) -> None:
    code = (
        "import json, sys\nimport tensorflow as tf\n"
        "call = tf.saved_model.load('gruforecast_model/saved_model').signatures['serving_default']\n"
        "given = call.structured_input_signature[1]\n"
        "assert list(given) == ['y'] and given['y'].dtype == tf.float64, given\n"
        "y = [float(line.split(',')[2]) for line in open(sys.argv[1]).read().splitlines()[1:]]\n"
        "short = call(y=tf.constant([y[-1:]], tf.float64))['y_hat']\n"
        "assert short.shape == (1, 12) and bool(tf.reduce_all(tf.math.is_finite(short)))\n"
        "assert 'gruforecast' not in sys.modules\n"
        "found = call(y=tf.constant([y], tf.float64))\n"
        "print(json.dumps({name: found[name].numpy()[0].tolist() for name in ('y_hat', 'quantiles')}))"
    )
    command = [sys.executable, "-c", code, str(AIR)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=fitted["cwd"])
    served = json.loads(done.stdout.splitlines()[-1])
    csv = forecast_csv(fitted, "--member", "networks")
    assert_close32(served["y_hat"], csv["y_hat"], terms=1000)
    columns = ["lo-95", "lo-80", "y_hat", "hi-80", "hi-95"]
    assert fitted["report"]["saved_model"]["quantile_levels"] == [0.025, 0.1, 0.5, 0.9, 0.975]
    assert_close32(served["quantiles"], csv[columns], terms=1000)


def test_the_same_command_again_has_nothing_to_do(fitted: dict[str, Any]) -> None:
    model = fitted["cwd"] / "gruforecast_model"
    before = {path: path.stat().st_mtime_ns for path in model.rglob("*")}
    done = run("fit", str(AIR), "--horizon", "12", "--trials", "2", "--no-stats", "--json", cwd=fitted["cwd"])
    assert done.returncode == 0
    assert json.loads(done.stdout) == fitted["report"]
    assert {path: path.stat().st_mtime_ns for path in model.rglob("*")} == before


def test_another_command_does_not_touch_the_model(fitted: dict[str, Any]) -> None:
    done = run("fit", str(AIR), "--horizon", "6", "--trials", "2", "--no-stats", cwd=fitted["cwd"])
    assert done.returncode == 4
    assert "--overwrite" in done.stderr
    assert load(fitted["cwd"] / "gruforecast_model").horizon == 12


@pytest.mark.slow
def test_a_panel_with_holes_options_and_a_budget(tmp_path: Path) -> None:
    """Six hourly series, a compound of options, every comparison row, and JSON from predict."""
    data = str(ROOT / "sample_data" / "m4_hourly_6.csv")
    arguments = ["--horizon", "12", "--trials", "1", "--folds", "1", "--level", "90", "--compare", "full", "--no-stats"]
    done = run("fit", data, *arguments, "--max-time", "10m", "--tuner", "random", "-o", "hourly", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "seasons of 24 and 168 rows" in done.stderr
    assert "Model in hourly\nReport: hourly/report.html\nNext: gruforecast predict hourly\n" in done.stdout
    answer = json.loads(run("predict", "hourly", "--series", "H50", "--horizon", "3", "--json", cwd=tmp_path).stdout)
    assert answer["levels"] == [90.0]
    assert [row["unique_id"] for row in answer["forecast"]] == ["H50"] * 3
    assert set(answer["forecast"][0]) == {"unique_id", "ds", "y_hat", "lo-90", "hi-90"}


@pytest.mark.slow
def test_models_of_statsforecast_take_part_and_are_forecast_with(tmp_path: Path) -> None:
    lines = AIR.read_text().splitlines(keepends=True)
    (tmp_path / "short.csv").write_text("".join(lines[:97]))
    arguments = ["--horizon", "6", "--trials", "1", "--folds", "2", "--compare", "none", "--json"]
    done = run("fit", "short.csv", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    rows = {row["model"]: row for row in report["leaderboard"]}
    assert {"auto-ets", "dynamic-theta", "auto-arima"} <= set(rows)
    assert rows["auto-ets"]["mase"] < rows["naive"]["mase"]
    fitted = {"cwd": tmp_path}
    for member in ("auto-ets", "blend"):
        one = forecast_csv(fitted, "--member", member)
        two = forecast_csv(fitted, "gruforecast_model", "short.csv", "--member", member)
        assert_close32(one["y_hat"], two["y_hat"])


@pytest.mark.slow
def test_without_a_blend_the_best_gru_stands_alone(tmp_path: Path) -> None:
    arguments = ["--horizon", "12", "--trials", "1", "--folds", "1", "--compare", "none", "--no-blend", "--json"]
    done = run("fit", str(AIR), *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert {row["model"] for row in report["leaderboard"]} == BASELINES | {"gru"}
    assert report["blend"] == {}
    assert [one["share"] for one in report["networks"]] == [1.0]
    one, two = (run("predict", "--member", name, cwd=tmp_path).stdout for name in ("gru", "networks"))
    assert one == two != ""


@pytest.mark.slow
def test_a_panel_of_very_different_lengths_is_forecast_whole(tmp_path: Path) -> None:
    """From five rows, shorter than horizon and lookback, to hundreds; real hours of six series."""
    source = pd.read_csv(ROOT / "sample_data" / "m4_hourly_6.csv")
    parts = []
    for (key, one), rows in zip(source.groupby("unique_id"), (5, 9, 30, 100, 200, 360), strict=True):
        assert len(one) >= rows, key
        parts.append(one.tail(rows))
    pd.concat(parts).to_csv(tmp_path / "uneven.csv", index=False)
    arguments = ["--horizon", "12", "--trials", "1", "--compare", "none", "--no-stats", "-q"]
    done = run("fit", "uneven.csv", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for member in ("winner", "networks", "blend"):
        frame = forecast_csv({"cwd": tmp_path}, "--member", member)
        assert frame.groupby("unique_id").size().tolist() == [12] * 6
        assert np.isfinite(frame["y_hat"]).all()
        assert (frame["y_hat"] > 0).all()


@pytest.mark.slow
def test_missing_weeks_are_masked_and_forecast(tmp_path: Path) -> None:
    data = str(ROOT / "sample_data" / "co2_weekly.csv")
    done = run(
        "fit",
        data,
        "--horizon",
        "8",
        "--trials",
        "1",
        "--folds",
        "2",
        "--compare",
        "none",
        "--no-stats",
        "-q",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "masked, never filled in" in done.stderr
    lines = run("predict", cwd=tmp_path).stdout.splitlines()
    assert lines[0].startswith("unique_id,date,y_hat")
    values = [float(line.split(",")[2]) for line in lines[1:]]
    assert all(300 < value < 330 for value in values)


@pytest.mark.slow
def test_one_step_of_a_series_that_crosses_zero(csv: Any, tmp_path: Path) -> None:
    """Three errors support no interval; forecasts near zero still pass the parity check."""
    y = np.random.default_rng(0).normal(size=90)
    rows = "".join(f"{np.datetime64('2024-01-01') + np.timedelta64(k, 'D')},{value}\n" for k, value in enumerate(y))
    arguments = ["--horizon", "1", "--trials", "1", "--compare", "none", "--no-stats", "--json"]
    done = run("fit", csv("ds,y\n" + rows), *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["levels"] == []
    assert "need 4 errors before the test set, there are 3: left out" in done.stderr
    assert run("predict", cwd=tmp_path).stdout.splitlines()[0] == "unique_id,ds,y_hat"


def test_a_constant_series_is_refused_before_training(csv: Any, tmp_path: Path) -> None:
    rows = "".join(f"{np.datetime64('2024-01-01') + np.timedelta64(k, 'D')},5\n" for k in range(90))
    done = run("fit", csv("ds,y\n" + rows), cwd=tmp_path)
    assert done.returncode == 3
    assert "never change" in done.stderr


@pytest.mark.slow
def test_a_model_cut_short_by_its_budget_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    arguments = ["fit", str(AIR), "--horizon", "12", "--trials", "200", "--compare", "short", "-o", "m", "--no-stats"]
    for seconds in (25, 100, 400, 1600):  # a slow machine has no trial in less
        done = run(*arguments, "--max-time", f"{seconds}s", cwd=tmp_path)
        if done.returncode != 6:
            break
    assert done.returncode == 0, done.stderr
    assert "the time budget did not allow for" in done.stderr
    again = run(*arguments, "--max-time", f"{seconds}s", "--json", cwd=tmp_path)
    assert "nothing to do" in again.stderr
    assert 0 < len(json.loads(again.stdout)["search"]) < 200
    longer = run(*arguments, "--compare", "none", "--max-time", f"{seconds + 1}s", cwd=tmp_path)
    assert longer.returncode == 4
    manifest = json.loads((tmp_path / "m" / "manifest.json").read_text())
    assert manifest["cut_at"] == seconds


def test_overwrite_replaces_models_only(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "thesis.txt").write_text("precious")
    done = run("fit", str(AIR), "-o", "m", "--overwrite", cwd=tmp_path)
    assert done.returncode == 4
    assert (tmp_path / "m" / "thesis.txt").exists()

"""The word `pretrained` on the command line: forecasts and backtests of files that no model was fitted on."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from makers import AIR, GOLDEN
from typer.testing import CliRunner

from gruforecast.cli import app
from gruforecast.cli.arguments import PRETRAINED
from gruforecast.models.pretrained.model import NAME, card

HEAVY = {"tensorflow", "keras", "keras_tuner", "pandas", "scipy", "sklearn", "pyarrow", "plotly", "statsforecast"}
FOLDER = str(GOLDEN / "format-1")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_forecast_of_a_file_in_every_form(elsewhere: Path) -> None:
    done = run("predict", "pretrained", str(AIR), "--horizon", "5")
    assert done.exit_code == 0, done.output
    assert done.stderr == "pretrained network: season of 12 rows, 144 rows read, horizon 5\n"
    lines = done.stdout.splitlines()
    assert lines[0] == "unique_id,ds,y_hat,lo-80,hi-80,lo-95,hi-95"
    assert [line.split(",")[1] for line in lines[1:]] == [f"1961-0{k}-01" for k in range(1, 6)]
    numbers = np.array([line.split(",")[2:] for line in lines[1:]], float)
    assert (np.diff(numbers[:, [3, 1, 0, 2, 4]], axis=1) > 0).all()
    assert run("predict", "pretrained", str(AIR), "--horizon", "5", "-o", "f.csv", "-q").output == ""
    assert (elsewhere / "f.csv").read_text() == done.stdout
    as_json = json.loads(run("predict", "pretrained", str(AIR), "--horizon", "5", "--json").stdout)
    assert (as_json["model_dir"], as_json["levels"]) == ("pretrained", [80.0, 95.0])
    pd.testing.assert_frame_equal(pd.DataFrame(as_json["forecast"]), pd.read_csv("f.csv"), rtol=1e-12)


def test_what_is_said_decides() -> None:
    more = ["--season", "1", "--level", "90", "--target", "y", "--time", "ds"]
    done = run("predict", "pretrained", str(AIR), *more)
    assert "no season, 144 rows read, horizon 12" in done.stderr
    assert done.stdout.splitlines()[0] == "unique_id,ds,y_hat,lo-90,hi-90"
    assert run("predict", "pretrained", str(AIR), "--target", "ds").exit_code == 3


def test_the_word_wins_over_a_folder_and_a_file(elsewhere: Path) -> None:
    (elsewhere / "pretrained").write_text("ds,y\n")
    assert run("predict", "pretrained", str(AIR)).exit_code == 0
    assert "GF-U53" in run("predict", "pretrained").stderr  # not the data
    (elsewhere / "pretrained").unlink()
    (elsewhere / "pretrained").mkdir()
    assert run("predict", "pretrained", str(AIR)).exit_code == 0
    assert run("predict", "pretrained", str(AIR), "-o", "pretrained/f.csv").exit_code == 0  # no model is in there
    assert "GF-M02" in run("predict", "./pretrained", str(AIR)).stderr
    assert "GF-M02" in run("predict", "./pretrained").stderr
    assert json.loads(run("show", "pretrained", "--json").stdout)["sha256"] == card().sha256
    assert "GF-M02" in run("show", "./pretrained").stderr
    assert PRETRAINED == NAME


@pytest.mark.parametrize("command", ["predict", "backtest"])
@pytest.mark.parametrize("more", [["--season", "12"], ["--id", "x", "--wide"], ["--max-rows", "5"]])
def test_a_folder_refuses_what_is_for_the_word(command: str, more: list[str]) -> None:
    done = run(command, FOLDER, str(AIR), *more)
    assert done.exit_code == 2
    assert "GF-U51" in done.stderr
    assert more[0] in done.stderr
    assert "pretrained" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["predict", "pretrained"], "GF-U53"),
        (["backtest", "pretrained"], "GF-U43"),
        (["predict", "pretrained", str(AIR), "--future", str(AIR)], "GF-U52"),
        (["predict", "pretrained", str(AIR), "--no-adapt"], "GF-U52"),
        (["backtest", "pretrained", str(AIR), "--refit"], "GF-U52"),
        (["predict", "pretrained", str(AIR), "--member", "gru"], "GF-U05"),
        (["predict", "pretrained", str(AIR), "--series", "x"], "GF-U04"),
        (["predict", "pretrained", str(AIR), "--level", "100"], "GF-U10"),
        (["backtest", "pretrained", str(AIR), "--windows", "0"], "GF-U12"),
        (["backtest", "pretrained", str(AIR), "--horizon", "0"], "GF-U12"),
        (["export", "pretrained", "-o", "m.onnx"], "GF-U52"),
        (["report", "pretrained"], "GF-U52"),
        (["explain", "pretrained", str(AIR)], "GF-U52"),
        (["serve", "pretrained"], "GF-U52"),
    ],
)
def test_what_it_cannot_do_is_refused_with_a_word(arguments: list[str], code: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2, done.output
    assert f"error[{code}]" in done.stderr
    assert done.stdout == ""


def remedied(arguments: list[str], remedy: str) -> Result:
    """The command with the option that its error has named, in the place of its own."""
    option, value = remedy.split()[:2]
    place = arguments.index(option) if option in arguments else len(arguments)
    return run(*arguments[:place], option, value, *arguments[place + 2 :])


@pytest.mark.parametrize(
    "more", [["--horizon", "65", "--season", "1"], ["--horizon", "70"], ["--horizon", "169", "--season", "24"]]
)
def test_a_horizon_too_long_is_refused_and_the_remedy_helps(more: list[str]) -> None:
    arguments = ["predict", "pretrained", str(AIR), *more]
    refused = run(*arguments, "--json")
    assert refused.exit_code == 2
    error = json.loads(refused.stdout)["error"]
    assert error["code"] == "GF-U50"
    assert remedied(arguments, error["remedy"].removeprefix("Pass ")).exit_code == 0


def test_without_a_model_the_error_names_a_command_that_works() -> None:
    for command in (["predict", str(AIR)], ["backtest", str(AIR)], ["predict"]):
        done = run(*command, "--json")
        assert done.exit_code == 4
        remedy = json.loads(done.stdout)["error"]["remedy"]
        named = remedy.split("Without a model, ")[1].split(" forecasts at once")[0]
        if len(command) > 1:
            assert run(*shlex.split(named)[1:]).exit_code == 0
        else:
            assert named == "gruforecast predict pretrained sales.csv"


def test_covariates_are_said_to_change_nothing(elsewhere: Path) -> None:
    frame = pd.read_csv(AIR).assign(price=np.arange(144.0))
    frame.to_csv("more.csv", index=False)
    plain = run("predict", "pretrained", "more.csv", "--target", "y")
    done = run("predict", "pretrained", "more.csv", "--target", "y", "--known", "price", "--holidays", "DE")
    assert done.exit_code == 0
    assert "sees no covariates, so price, holidays of DE change nothing" in done.stderr
    assert done.stdout == plain.stdout


def test_a_backtest_of_a_file(elsewhere: Path) -> None:
    done = run("backtest", "pretrained", str(AIR), "--windows", "3", "--json", "-o", "f.csv", "--scores", "s.csv")
    assert done.exit_code == 0, done.output
    report: Any = json.loads(done.stdout)
    assert (report["winner"], report["windows"], report["n_trained_on"]) == ("pretrained", 3, 0)
    assert {row["model"] for row in report["scores"]} > {"pretrained", "theta", "seasonal-naive"}
    assert report["adapted"] == {}
    forecasts = pd.read_csv("f.csv")
    assert len(forecasts) == 36 * len(report["scores"])
    assert forecasts.loc[forecasts["model"] == "pretrained", "lo-80"].notna().all()
    text = run("backtest", "pretrained", str(AIR), "--windows", "1", "--member", "pretrained").stdout
    assert "* pretrained network" in text


def test_nothing_heavy_is_loaded_and_no_other_file_is_read() -> None:
    code = (
        "import sys; from gruforecast.cli import main\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == 'open' else None)\n"
        "sys.argv = ['gruforecast', *sys.argv[1:]]\n"
        "try: main()\n"
        "finally: print(*{name.split('.')[0] for name in sys.modules}, *opened, sep='\\n', file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, "predict", "pretrained", str(AIR), "--horizon", "12"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 13
    said = done.stderr.splitlines()
    assert not set(said) & HEAVY
    data = {Path(one).name for one in said if "/" in one and not one.endswith((".py", ".pyc", ".so"))}
    system = {"filesystems", "cpuinfo", "maps", "version", "tzdata.zi", "localtime"}
    assert data - system == {AIR.name, "weights.npz", "card.json"}

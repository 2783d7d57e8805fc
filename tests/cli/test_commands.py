"""The command line as a contract: what is refused with which exit code, and what is not loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from makers import AIR, run
from typer.testing import CliRunner

from gruforecast.automl.options import FitOptions
from gruforecast.cli import app
from gruforecast.text import harmless

HEAVY = ("tensorflow", "keras", "keras_tuner", "pandas", "numpy", "sklearn", "scipy", "plotly")


def test_help_loads_nothing_heavy() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "gruforecast", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {line.split("|")[-1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert not loaded & set(HEAVY)
    for command_name in ("fit", "predict", "show"):
        assert command_name in done.stdout


def test_version() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert done.stdout.startswith("gruforecast 0.")


@pytest.mark.parametrize("command", ["fit", "predict", "show", "export"])
def test_every_command_has_help_with_an_example(command: str) -> None:
    done = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    assert f"gruforecast {command}" in done.stdout
    assert "Example" in done.stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the file is empty"),
        ("ds,y\n", "no rows"),
        ("ds,y\n2024-01-01,1\n2024-01-02,abc\n", "line 3, column \"y\": 'abc' is not a number"),
        ("ds,y\n2024-01-01,1\n2024-01-01,2\n2024-01-02,2\n", "same time stamp with different values"),
        ("ds,y\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n", "rows"),
    ],
)
def test_bad_data_are_exit_3_with_one_clear_line(csv: Any, tmp_path: Path, content: str, words: str) -> None:
    done = run("fit", csv(content), cwd=tmp_path)
    assert done.returncode == 3
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error[GF-D")
    assert "data.csv" in last
    assert words in last
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.csv"]


def test_characters_that_standard_output_cannot_show_are_escapes(csv: Any, tmp_path: Path) -> None:
    rows = "".join(f"日本,2020-01-{day:02},{day}\n" for day in range(1, 31))
    done = run("check", csv(f"id,ds,y\n{rows}"), cwd=tmp_path, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert "\\u65e5\\u672c" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["fit", "missing.csv"], 2),
        (["fit", "http://host/x.csv"], 2),
        (["fit", str(AIR), "--horizon", "0"], 2),
        (["fit", str(AIR), "--horizon", "many"], 2),
        (["fit", str(AIR), "--tuner", "grid"], 2),
        (["fit", str(AIR), "--compare", "all"], 2),
        (["fit", str(AIR), "--level", "100"], 2),
        (["fit", str(AIR), "--max-time", "soon"], 2),
        (["fit", str(AIR), "--freq", "fortnight"], 2),
        (["fit", str(AIR), "--nonsense"], 2),
        (["fit", str(AIR), "--horizon", "70"], 3),
        (["fit", str(AIR), "--target", "passengers"], 3),
        (["fit", str(AIR), "--level", "99.9"], 3),
        (["fit", str(AIR), "-o", "missing/model"], 5),
        (["predict"], 4),
        (["predict", "nowhere"], 4),
        (["predict", "missing.csv"], 2),
        (["predict", "nowhere", "missing.csv"], 2),
        (["predict", "--format", "xml"], 2),
        (["predict", "--format", "parquet"], 2),
        (["show"], 4),
        (["show", "nowhere"], 4),
    ],
)
def test_exit_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == code, done.output
    assert not (tmp_path / "gruforecast_model").exists()


def test_an_error_as_json(csv: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["fit", csv("ds,y\n2024-01-01,1\n2024-01-02,abc\n"), "--json"])
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "GF-D30"
    assert (error["file"], error["line"], error["column"], error["value"]) == ("data.csv", 3, "y", "abc")
    assert error["remedy"]


def test_a_bug_is_one_line_and_exit_1(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import gruforecast.automl.fit

    def broken(*ignored: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gruforecast.automl.fit, "fit", broken)
    (tmp_path / "gruforecast_model.run").mkdir()
    (tmp_path / "gruforecast_model.run" / "log.txt").write_text("what went before")
    done = CliRunner().invoke(app, ["fit", str(AIR)])
    assert done.exit_code == 1
    assert "error[GF-BUG] a bug in gruforecast: ZeroDivisionError: oh" in done.stderr
    assert "log.txt" in done.stderr


def test_an_interrupt_is_exit_130(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import gruforecast.automl.fit

    def interrupted(*ignored: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gruforecast.automl.fit, "fit", interrupted)
    assert CliRunner().invoke(app, ["fit", str(AIR)]).exit_code == 130


def test_hostile_text_is_shown_escaped(csv: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = "\x1b]0;pwn\x07[/bold]x"
    done = CliRunner().invoke(app, ["fit", csv(f"ds,{name}\n2024-01-01,1\n2024-01-02,\x1b[31mred\n"), "--target", name])
    assert done.exit_code == 3
    assert "\x1b" not in done.output
    assert "\\x1b[31mred" in done.stderr
    assert harmless("a\u202eb\r") == "a\\u202eb\\r"


def test_seed_zero_is_a_seed() -> None:
    assert FitOptions(seed=0).seed == 0

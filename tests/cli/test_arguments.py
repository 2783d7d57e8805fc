"""No command writes over what it reads, into a model folder, or in the place of a link or a device."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest
from made_report import made_report
from makers import AIR, GOLDEN
from typer.testing import CliRunner

from gruforecast.artifact.manifest import seal
from gruforecast.cli import app
from gruforecast.serialization import encoded

MODEL = GOLDEN / "format-1" / "model"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The golden model with a report of this version."""
    folder = Path(shutil.copytree(MODEL, tmp_path / "model"))
    (folder / "report.json").write_bytes(encoded(made_report()))
    seal(folder)
    return folder


def refused(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    assert done.exit_code == 2, done.output
    return done.stderr


@pytest.mark.parametrize("command", ["predict", "backtest", "explain"])
def test_data_are_not_written_over(command: str, model: Path, tmp_path: Path) -> None:
    name = "data.json" if command == "explain" else "data.csv"
    data = Path(shutil.copy(AIR, tmp_path / name))
    assert "GF-U45" in refused(command, model, data, "-o", data)
    assert data.read_bytes() == AIR.read_bytes()


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", "M", "-o", "M/forecast.csv"),
        ("backtest", "M", AIR, "--scores", "M/scores.csv"),
        ("explain", "M", "-o", "M/model.json"),
        ("report", "M", "-o", "M/report.md"),
    ],
)
def test_nothing_is_written_into_a_model(arguments: tuple[object, ...], model: Path) -> None:
    before = {path: path.read_bytes() for path in model.rglob("*") if path.is_file()}
    assert "GF-U60" in refused(*(f"{model}{one[1:]}" if str(one).startswith("M") else one for one in arguments))
    assert {path: path.read_bytes() for path in model.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("command", ["report", "explain"])
def test_a_link_stays_one_and_a_pipe_is_written_to(command: str, model: Path, tmp_path: Path) -> None:
    link, pipe, real = (tmp_path / name for name in ("link.json", "pipe.json", "real.json"))
    link.symlink_to(real)
    assert CliRunner().invoke(app, [command, str(model), "-o", str(link), "-q"]).exit_code == 0
    assert link.is_symlink()
    os.mkfifo(pipe)
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    done = CliRunner().invoke(app, [command, str(model), "-o", str(pipe), "-q"])
    reader.join(timeout=120)
    assert done.exit_code == 0, done.output
    assert heard == [real.read_bytes()]
    assert pipe.is_fifo()


@pytest.mark.parametrize("command", ["predict", "report"])
def test_json_and_another_format_contradict_each_other(command: str, model: Path) -> None:
    other = {"predict": "table", "report": "md"}[command]
    assert "GF-U86" in refused(command, model, "--json", "--format", other)

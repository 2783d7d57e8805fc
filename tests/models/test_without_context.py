"""`fit --no-context`: the folder keeps no rows; forecasts come from DATA, and everything else is as ever."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile import change_model
from made_networks import make_forecaster
from makers import AIR, panel_of, run
from typer.testing import CliRunner

from gruforecast.artifact.describe import describe
from gruforecast.artifact.folder import load, save
from gruforecast.artifact.manifest import seal
from gruforecast.cli import app
from gruforecast.data.joining import without_values
from gruforecast.data.panel import Panel
from gruforecast.errors import ModelError, UsageError
from gruforecast.evaluation.backtest import roll
from gruforecast.explain.model import explain_model
from gruforecast.models.end_forecasts import EndForecasts


@pytest.fixture
def panel() -> Panel:
    generator = np.random.default_rng(1)
    return panel_of(5 + generator.random(60), 1e6 + generator.random(40))


@pytest.fixture
def folder(tmp_path: Path, panel: Panel) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    forecaster = make_forecaster(panel)
    save(replace(forecaster, context=without_values(forecaster.context), ends=EndForecasts({})), made)
    seal(made)
    return made


def test_no_row_is_in_the_folder(folder: Path, panel: Panel) -> None:
    with np.load(folder / "context.npz") as data:
        assert data.files == ["last"]
    content = b"".join(path.read_bytes() for path in folder.iterdir())
    for value in panel.y:
        assert value.tobytes() not in content
        assert repr(float(value)).encode() not in content


def test_with_data_it_forecasts_the_same_and_without_it_says_what_it_needs(folder: Path, panel: Panel) -> None:
    with_rows, without = make_forecaster(panel), load(folder)
    for member in without.members:
        one, two = with_rows.predict(panel, member=member), without.predict(panel, member=member)
        np.testing.assert_array_equal(one.mean, two.mean)
        np.testing.assert_array_equal(one.upper, two.upper)
    with pytest.raises(UsageError) as caught:
        without.predict()
    assert "a file with the columns unique_id, ds, y, best 36 rows or more" in caught.value.remedy


def test_the_command_ends_with_2_and_the_remedy(folder: Path) -> None:
    done = CliRunner().invoke(app, ["predict", str(folder)])
    assert done.exit_code == 2
    assert "error[GF-U48]" in done.stderr
    assert "Pass the newest data" in done.stderr


def test_there_is_nothing_to_look_along(folder: Path) -> None:
    with pytest.raises(UsageError, match="keeps no rows to look along"):
        explain_model(load(folder))


def test_a_backtest_still_knows_which_rows_were_trained_on(folder: Path, panel: Panel) -> None:
    rolling = roll(load(folder), panel, windows=2)
    assert rolling.trained_on(rolling.cutoffs.windows).all()


def test_show_says_so(folder: Path) -> None:
    assert describe(folder).keeps_rows is False
    assert "no rows are kept: predict needs DATA" in " ".join(
        CliRunner().invoke(app, ["show", str(folder)]).stdout.split()
    )


@pytest.mark.parametrize("value", [True, None, 1, 100, -1, "no"])
def test_whether_there_are_rows_has_to_be_true(folder: Path, value: Any) -> None:
    change_model(folder, lambda model: model.update(rows=value))
    with pytest.raises(ModelError):
        load(folder)


@pytest.mark.network
@pytest.mark.slow
def test_fit_leaves_the_rows_out_and_another_command_asks_first(fitted: dict[str, Any], tmp_path: Path) -> None:
    """The search of the other model goes on: whether rows are kept changes nothing of it."""
    shutil.copytree(fitted["cwd"] / "gruforecast_model.run", tmp_path / "m.run")
    arguments = ["fit", str(AIR), "--horizon", "12", "--trials", "2", "--no-stats", "--json", "-o", str(tmp_path / "m")]
    done = run(*arguments, "--no-context", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["model_dir"] == str(tmp_path / "m")
    assert json.loads((tmp_path / "m" / "report.json").read_text())["model_dir"] == "m"
    assert report["digests"] == fitted["report"]["digests"]
    assert run("predict", "m", cwd=tmp_path).returncode == 2
    from_data = run("predict", "m", str(AIR), cwd=tmp_path)
    assert from_data.stdout == run("predict", "gruforecast_model", str(AIR), cwd=fitted["cwd"]).stdout != ""
    assert run(*arguments, "--no-context", cwd=tmp_path).returncode == 0
    assert run(*arguments, cwd=tmp_path).returncode == 4
    places = [str(tmp_path), str(AIR.parent), str(Path.home()), str(Path.cwd())]
    for path in (tmp_path / "m").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [place for place in places if place.encode() in content], path

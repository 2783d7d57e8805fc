"""A model with covariates, from the command line: fitted, asked with and without what is ahead."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers import run

from gruforecast.artifact.folder import load
from gruforecast.errors import ModelError

pytestmark = pytest.mark.network

ROWS, HORIZON = 120, 4
DAYS = np.datetime64("2024-01-01") + np.arange(ROWS + HORIZON)
PROMO = np.random.default_rng(0).integers(0, 2, ROWS + HORIZON)


def text(rows: range, *, target: bool = True) -> str:
    """Daily sales of two shops; a promotion adds ten, and the weather of the past is written down."""
    lines = ["shop,ds," + ("sales," if target else "") + "promo,rain,town"]
    for shop, town in (("a", "Graz"), ("b", "Linz")):
        for k in rows:
            sales = f"{20 + 10 * PROMO[k] + k % 7 + (shop == 'b')}," if target else ""
            lines.append(f"{shop},{DAYS[k]},{sales}{PROMO[k]},{(k * k) % 5},{town}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def model(made_once: Any) -> dict[str, Any]:
    return made_once(known)


def known(cwd: Path) -> dict[str, Any]:
    (cwd / "sales.csv").write_text(text(range(ROWS)))
    (cwd / "future.csv").write_text(text(range(ROWS, ROWS + HORIZON), target=False))
    options = "--id shop --target sales --known promo --past rain --static town --holidays AT --horizon 4 --trials 2"
    done = run("fit", "sales.csv", *options.split(), "--compare", "none", "--no-stats", "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return {"report": json.loads(done.stdout), "stderr": done.stderr}


def predicted(model: dict[str, Any], *arguments: str) -> Any:
    done = run("predict", *arguments, cwd=model["cwd"])
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))


def test_what_was_found_is_said_and_planned(model: dict[str, Any]) -> None:
    for words in ("future covariates: 'promo'", "past covariates: 'rain'", "static covariates: 'town'"):
        assert words in model["stderr"]
    plan = model["report"]["plan"]
    assert [(one["name"], one["role"], one["flag"], one["categories"]) for one in plan["covariates"]] == [
        ("promo", "known", True, []),
        ("rain", "past", False, []),
        ("town", "static", False, ["Graz", "Linz"]),
    ]
    assert plan["holidays"] == "AT"
    assert model["report"]["parity"] < 1e-5


@pytest.mark.parametrize("member", ["gru", "harmonic"])
def test_the_forecast_follows_what_is_known_ahead(model: dict[str, Any], member: str) -> None:
    found = predicted(model, "--future", "future.csv", "--member", member)
    assert [row["shop"] for row in found] == ["a"] * HORIZON + ["b"] * HORIZON
    turned = model["cwd"] / "turned.csv"
    lines = (model["cwd"] / "future.csv").read_text().splitlines()
    cells = [line.split(",") for line in lines[1:]]
    turned.write_text("\n".join([lines[0], *(",".join([*c[:2], str(1 - int(c[2])), *c[3:]]) for c in cells)]))
    other = predicted(model, "--future", "turned.csv", "--member", member)
    change = np.array([float(b["y_hat"]) - float(a["y_hat"]) for a, b in zip(found, other, strict=True)])
    promoted = np.tile(PROMO[ROWS:] == 1, 2)
    assert (change[promoted] < -3).all()
    assert (change[~promoted] > 3).all()


@pytest.mark.parametrize("member", ["networks", "harmonic"])
def test_new_data_give_what_the_training_data_gave(model: dict[str, Any], member: str) -> None:
    asked = ("--future", "future.csv", "--member", member)
    assert predicted(model, "gruforecast_model", "sales.csv", *asked) == predicted(model, *asked)


def test_missing_steps_ahead_are_named(model: dict[str, Any]) -> None:
    """Row 63 of the catalogue."""
    whole = (model["cwd"] / "future.csv").read_text()
    day = str(DAYS[ROWS + 2])
    (model["cwd"] / "hole.csv").write_text("\n".join(line for line in whole.splitlines() if f"b,{day}" not in line))
    done = run("predict", "--future", "hole.csv", cwd=model["cwd"])
    assert done.returncode == 3
    assert f"1 of 8 steps have no row of promo: 'b {day}'" in done.stderr
    (model["cwd"] / "blank.csv").write_text(whole.replace(f"{day},{PROMO[ROWS + 2]}", f"{day},"))
    done = run("predict", "--future", "blank.csv", cwd=model["cwd"])
    assert done.returncode == 3
    assert f"2 of 8 steps have no value of promo: 'a {day}', 'b {day}'" in done.stderr
    shorter = predicted(model, "--future", "hole.csv", "--horizon", "2")
    assert shorter == [row for row in predicted(model, "--future", "future.csv") if row["ds"] < day]


@pytest.mark.parametrize("member", ["gru", "harmonic"])
def test_what_a_member_needs_is_asked_for(model: dict[str, Any], member: str) -> None:
    done = run("predict", "--member", member, cwd=model["cwd"])
    assert done.returncode == 2
    assert "the model needs promo for the 4 steps ahead. Pass --future with ds" in done.stderr
    assert len(predicted(model, "--member", "theta")) == 2 * HORIZON  # which needs nothing


def test_a_model_without_known_columns_refuses_a_future(fitted: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "future.csv").write_text("Month,Passengers\n1961-01,3\n")
    done = run("predict", str(fitted["cwd"] / "gruforecast_model"), "--future", str(tmp_path / "future.csv"))
    assert done.returncode == 2
    assert "the model asks for no future covariates" in done.stderr


def test_a_folder_whose_parts_disagree_about_columns_is_refused(model: dict[str, Any], tmp_path: Path) -> None:
    import shutil

    from gruforecast.execution.atomic_files import file_digest

    folder = tmp_path / "model"
    shutil.copytree(model["cwd"] / "gruforecast_model", folder)
    path, manifest = folder / "model.json", folder / "manifest.json"
    for change in (
        {"scaling": {"centre": [0.0], "spread": [1.0]}},
        {"scaling": {"centre": [0.0] * 5, "spread": [1.0, 1.0, 0.0, 1.0, 1.0]}},
        {"plan": {**json.loads(path.read_text())["plan"], "holidays": ""}},
    ):
        content = json.loads((model["cwd"] / "gruforecast_model" / "model.json").read_text())
        path.write_text(json.dumps(content | change))
        facts = json.loads(manifest.read_text())
        facts["files"]["model.json"] = file_digest(path)
        manifest.write_text(json.dumps(facts))
        with pytest.raises(ModelError):
            load(folder)

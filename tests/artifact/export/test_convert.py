"""Every format forecasts what `predict` forecasts; what `docs/export.md` shows runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_networks import make_forecaster
from made_served import BESIDE, served_with
from makers import ROOT, panel_of, run
from rounding import rounding

from gruforecast.artifact.export import parity as certificate
from gruforecast.artifact.export.convert import FORMS
from gruforecast.artifact.folder import save
from gruforecast.artifact.manifest import FitFacts, seal
from gruforecast.execution.atomic_files import npz, read_npz
from gruforecast.execution.child_process import call

pytestmark = pytest.mark.network

HARD = replace(
    BESIDE, segment=4, layers=2, step_days=1.0, periods=(7.0, 365.2425), calendar=True, averaged=0.5, own_spread=0.5
)


@pytest.mark.parametrize("name", ["onnx", "litert"])
@pytest.mark.slow
def test_everything_that_a_network_can_see_survives_the_conversion(name: str, tmp_path: Path) -> None:
    """A calendar, stamps before 1970, numbers, categories and a constant beside the target; odd windows."""
    served, form = served_with((BESIDE, HARD)), FORMS[name]
    served = replace(served, networks=(replace(served.networks[1], weight=1.0),))
    lookback = max(one.config.lookback for one in served.networks)
    sample = certificate.odd(served, lookback, 4)
    paths = [tmp_path / f"{k}.npz" for k in range(len(served.networks))]
    for path, network in zip(paths, served.networks, strict=True):
        path.write_bytes(npz(network.weights))
    made, given, answer = (str(tmp_path / one) for one in ("made", "given.npz", "answer.npz"))
    request = served.request([str(path) for path in paths])
    call(form.write, request | {"export": made, "int8": False}, tmp_path, "the conversion")
    inputs = {f"odd.{key}": one for key, one in served.given(sample.y, sample.last, sample.x).items()}
    Path(given).write_bytes(npz(inputs))
    told = call(form.call, {"export": made, "given": given, "answer": answer}, tmp_path, "calling it")
    found = {key.partition(".")[2]: one for key, one in read_npz(answer).items()}
    compared = certificate.compared(served, sample, found)
    assert compared["max_relative"] < form.tolerance / 2
    assert compared["windows"] == 24
    assert told["milliseconds"]["batch 1"] > 0
    if name == "litert":
        edge = told["edge"]
        assert not [one for one in edge["operations"] if one.startswith("FLEX") or one == "CUSTOM"]
        assert edge["weight_bytes"] > 4 * sum(one.size for each in served.networks for one in each.weights.values()) / 2
        assert edge["tensor_bytes"] > 4 * lookback * served.networks[0].config.channels


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, the data, and an export of each format, named as in the documentation."""
    folder = tmp_path_factory.mktemp("exports")
    generator = np.random.default_rng(1)
    panel = panel_of(100 + 50 * generator.random(144), 100 + 50 * generator.random(90))
    model = folder / "gruforecast_model"
    model.mkdir()
    one = make_forecaster(panel)
    save(replace(one, networks=(replace(one.networks[1], weight=1.0),), calibrations=without(one, "gru")), model)
    seal(model, FitFacts(fingerprint="x", trials=1))
    panel.to_frame().to_csv(folder / "data.csv", index=False)
    return folder


def without(forecaster: Any, name: str) -> dict[str, Any]:
    return {member: one for member, one in forecaster.calibrations.items() if member != name}


@pytest.mark.parametrize(
    ("output", "options"),
    [
        ("model.onnx", ()),
        pytest.param("model.tflite", ("--int8",), marks=pytest.mark.slow),
        pytest.param("model_for_serving", (), marks=pytest.mark.slow),
    ],
    ids=["onnx", "litert", "saved-model"],
)
def test_an_export_is_called_as_documented(place: Path, output: str, options: tuple[str, ...]) -> None:
    done = run("export", "gruforecast_model", "data.csv", "-o", output, *options, "--json", cwd=place)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (place / output).exists()
    assert json.loads((place / f"{output}.certificate.json").read_text()) == found
    if options:
        assert abs(found["mase"]["worse_percent"]) < 5
    else:
        assert found["parity"]["max_relative"] < rounding()
    shown = examples()[output]
    done = subprocess.run(
        [sys.executable, "-c", shown], capture_output=True, text=True, check=False, cwd=place, env=environment()
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(1, 6) (1, 6, 5)"


def environment() -> dict[str, Any]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def examples() -> dict[str, str]:
    """The Python examples of the documentation, by the export that they open."""
    text = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names = ("model.onnx", "model.tflite", "model_for_serving")
    return {name: block for block in blocks for name in names if f'"{name}"' in block}

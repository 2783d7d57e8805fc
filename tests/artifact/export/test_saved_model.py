"""`gruforecast export` without TensorFlow: what is compared with what, and what happens when something goes wrong.

A stand-in takes the place of a converter: it keeps the request, and forecasts from it with the numpy pass. The formats
themselves are tested in `test_convert.py`.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from converters import answer, answer_nothing, die, keep, keep_another
from made_networks import make_forecaster, make_forecaster_with_pretrained
from made_served import BESIDE, CASES, SEEING, SMALL, served_with
from makers import panel_of
from msgspec import structs
from rounding import assert_close32
from typer.testing import CliRunner

from gruforecast.artifact.export import convert as conversion
from gruforecast.artifact.export import parity as certificate
from gruforecast.artifact.export.certificate import Certificate
from gruforecast.artifact.export.convert import FORMS, ExportOptions, Form, convert
from gruforecast.artifact.export.footprint import multiply_adds, parameters
from gruforecast.artifact.export.saved_model import reference
from gruforecast.artifact.export.signature import Served
from gruforecast.artifact.folder import save
from gruforecast.artifact.manifest import FitFacts, seal
from gruforecast.cli import app
from gruforecast.data.future_covariates import FutureCovariates
from gruforecast.data.joining import without_values
from gruforecast.data.panel import Panel
from gruforecast.data.plan import Covariate
from gruforecast.errors import DataError, GruforecastError, ResourceError
from gruforecast.execution import child_process as child
from gruforecast.execution.atomic_files import file_digest
from gruforecast.execution.child_process import call, milliseconds
from gruforecast.models.networks.config import NetworkConfig
from gruforecast.models.networks.covariates import Scaling
from gruforecast.models.networks.inference import Network, residuals, weight_shapes
from gruforecast.serialization import plain


def form(write: Any = keep, ask: Any = answer) -> Form:
    return Form("stand-in", f"converters:{write.__name__}", f"converters:{ask.__name__}", 1e-9, dynamic=True, needs={})


@pytest.fixture
def panel() -> Panel:
    generator = np.random.default_rng(1)
    return panel_of(5 + generator.random(60), generator.normal(size=40), np.arange(30.0))


@pytest.fixture
def model(tmp_path: Path, panel: Panel) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    save(make_forecaster(panel), made)
    seal(made, FitFacts(fingerprint="x", trials=1))
    return made


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the export to ONNX another one."""

    def use(**functions: Any) -> None:
        monkeypatch.setitem(FORMS, "onnx", form(**functions))

    return use


def exported(model: Path, panel: Panel | None, output: Path, **changes: Any) -> Certificate:
    asked = ExportOptions(model, output, "onnx", **changes)
    asked.check()
    return convert(asked, make_forecaster(panel_of(np.arange(50.0)) if panel is None else panel), panel, str)


def invoke(*arguments: Any) -> Any:
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_export_and_its_certificate(model: Path, panel: Panel, tmp_path: Path, stand_in: Any) -> None:
    stand_in()
    before = {path.name: file_digest(path) for path in model.iterdir()}
    output = tmp_path / "model.onnx"
    found = exported(model, panel, output)
    assert plain(found) == json.loads((tmp_path / "model.onnx.certificate.json").read_text())
    assert found.sha256 == file_digest(output)
    assert found.bytes == output.stat().st_size
    assert found.model == {"name": "model", "manifest_sha256": before["manifest.json"]}
    written = json.loads((tmp_path / "model.onnx.certificate.json").read_text())
    assert not {"edge", "mase"} & set(written)
    assert "signature" not in written["graph"]
    assert {name: one.windows for name, one in found.parity.windows.items()} == {
        "data": 100, "synthetic": 24, "short": 100,
    }  # fmt: skip
    assert found.parity.max_relative == 0.0
    assert names(tmp_path) == ["model", "model.onnx", "model.onnx.certificate.json"]
    assert {path.name: file_digest(path) for path in model.iterdir()} == before
    assert str(tmp_path) not in json.dumps(plain(found))


def test_the_certificate_says_what_of_the_winner_is_not_exported(tmp_path: Path, stand_in: Any) -> None:
    stand_in()
    panel = panel_of(5 + np.random.default_rng(1).random(60))
    for name, made, lacks in (
        ("blend", make_forecaster_with_pretrained(panel), ["pretrained", "fine-tuned"]),
        ("networks", make_forecaster(panel), None),
    ):
        folder, output = tmp_path / name, tmp_path / f"{name}.onnx"
        folder.mkdir()
        save(made, folder)
        seal(folder, FitFacts(fingerprint="x", trials=1))
        assert made.winner == name
        done = invoke(folder, "-o", output)
        assert done.exit_code == 0, done.output
        assert json.loads((tmp_path / f"{name}.onnx.certificate.json").read_text()).get("lacks") == lacks
        first = done.stdout.splitlines()[0]
        assert first.startswith(f"{name}.onnx  holds the ")
        assert ("not the winner that predict runs: the blend (" in first) == (lacks is not None)
        assert ("holds the winner, which predict runs: " in first) == (lacks is None)


def test_without_data_the_ends_of_the_training_series_are_asked(model: Path, tmp_path: Path, stand_in: Any) -> None:
    stand_in()
    found = exported(model, None, tmp_path / "a.onnx")
    assert {name: one.windows for name, one in found.parity.windows.items()} == {
        "context": 1, "synthetic": 24, "short": 1,
    }  # fmt: skip


def test_a_model_that_keeps_no_rows_is_asked_on_synthetic_windows(model: Path, tmp_path: Path, stand_in: Any) -> None:
    stand_in()
    forecaster = make_forecaster(panel_of(np.arange(50.0)))
    ends = without_values(forecaster.context)
    asked = ExportOptions(model, tmp_path / "a.onnx", "onnx")
    found = convert(asked, dataclasses.replace(forecaster, context=ends), None, str)
    assert list(found.parity.windows) == ["synthetic", "short"]


def test_what_forecasts_something_else_is_not_written(model: Path, panel: Panel, tmp_path: Path, stand_in: Any) -> None:
    output = tmp_path / "model.onnx"
    stand_in()
    exported(model, panel, output)
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path) if name != "model"}
    for functions in ({"write": keep_another}, {"ask": answer_nothing}):
        stand_in(**functions)
        with pytest.raises(GruforecastError, match="differs from the forecast") as caught:
            exported(model, panel, output, overwrite=True)
        assert (caught.value.code, caught.value.exit_code) == ("GF-X06", 1)
        assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path) if name != "model"} == before


def test_a_converter_that_dies_is_an_error_with_its_last_words(
    model: Path, panel: Panel, tmp_path: Path, stand_in: Any
) -> None:
    stand_in(write=die)
    with pytest.raises(GruforecastError, match=r"signal 11 \(SIGSEGV\).*the last words of a converter") as caught:
        exported(model, panel, tmp_path / "a.onnx")
    assert caught.value.code == "GF-X04"
    assert names(tmp_path) == ["model"]


def test_faults_of_the_machine_in_the_other_process_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ResourceError) as caught:
        call("converters:fill_the_disk", {}, tmp_path, "this")
    assert caught.value.exit_code == 5
    with pytest.raises(GruforecastError, match=r"this failed: .*no attribute") as bug:
        call("converters:nothing", {}, tmp_path, "this")
    assert bug.value.exit_code == 1
    assert "Traceback" in str(bug.value.__cause__)


def test_a_measurement_is_the_median_of_calls_after_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    takes = iter([9.0, *([0.001] * 24), *([0.003] * 26)])

    def call() -> None:
        nonlocal now
        now += next(takes)

    monkeypatch.setattr(child, "time", SimpleNamespace(perf_counter=lambda: now))
    assert milliseconds(call) == pytest.approx(3.0)
    assert next(takes, None) is None


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "no place to write to"),
        (["-o", "a.pb"], 2, "says no format"),
        (["-o", "a", "--format", "onxx"], 2, "Did you mean 'onnx'"),
        (["-o", "a.onnx", "--int8"], 2, "--int8 is for LiteRT"),
        (["-o", "a.tflite", "--int8"], 2, "needs data"),
        (["-o", "{model}/a.onnx"], 2, "in the model folder"),
        (["-o", "{model}/../model/b/a.onnx"], 2, "in the model folder"),
        (["-o", "{model}", "--overwrite"], 2, "in the model folder"),
        (["-o", "{there}"], 4, "this exists"),
        (["-o", "{there}", "--format", "saved-model", "--overwrite"], 4, "no SavedModel"),
        (["-o", "{full}", "--overwrite"], 4, "no SavedModel"),
        (["-o", "{full}", "--format", "onnx", "--overwrite"], 4, "no file"),
        (["-o", "{link}", "--overwrite"], 4, "a link"),
        (["-o", "{model}/../nowhere/a.onnx"], 5, "missing or cannot be written"),
    ],
)
def test_what_is_refused_before_any_work(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, words: str
) -> None:
    monkeypatch.setattr(conversion, "call", pytest.fail)
    places = {"model": model, "there": tmp_path / "there.onnx", "full": tmp_path / "full", "link": tmp_path / "l.onnx"}
    places["there"].write_text("x")
    places["full"].mkdir()
    (places["full"] / "diary.txt").write_text("x")
    places["link"].symlink_to(places["there"])
    done = invoke(model, *(one.format(**places) for one in arguments))
    assert (done.exit_code, words in done.stderr) == (code, True), done.stderr
    assert places["there"].read_text() == "x"


def test_data_are_not_written_over_and_no_model_around_the_place(model: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.onnx"
    data.write_text("ds,y\n2024-01-01,1\n")
    done = invoke(model, data, "-o", data, "--overwrite")
    assert (done.exit_code, "name one file" in done.stderr) == (2, True)
    done = invoke(model, "-o", tmp_path, "--format", "saved-model", "--overwrite")
    assert (done.exit_code, "around it" in done.stderr) == (2, True)


@pytest.mark.parametrize(("output", "package"), [("a.onnx", "tf2onnx"), ("a.tflite", "ai_edge_litert")])
def test_a_missing_package_is_exit_5_with_what_to_install(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, package: str
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else real(name))
    done = invoke(model, "-o", tmp_path / output)
    assert done.exit_code == 5
    assert "pip install 'gruforecast[export]'" in done.stderr


def test_the_command_says_what_the_certificate_says(model: Path, tmp_path: Path, stand_in: Any) -> None:
    stand_in()
    output = tmp_path / "a.onnx"
    done = invoke(model, "-o", output)
    assert done.exit_code == 0, done.stderr
    for words in ("1e-09 is allowed", "24 synthetic windows", "batch 1 2.00 ms", "y float64 (batch, time)"):
        assert words in done.stdout
    done = invoke(model, "-o", output, "--overwrite", "--json")
    assert json.loads(done.stdout)["format"] == "onnx"
    assert done.stderr == ""
    done = invoke(model, "-o", output, "--overwrite", "-q")
    assert (done.stdout, done.stderr) == ("", "")


def test_int8_that_is_less_accurate_is_written_and_exit_7(
    model: Path, tmp_path: Path, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FORMS, "litert", dataclasses.replace(form(write=keep_another), dynamic=False))
    data = tmp_path / "data.csv"
    panel.to_frame().to_csv(data, index=False)
    output = tmp_path / "a.tflite"
    for limit, code in ((certificate.LIMIT, 0), (-50.0, 7)):
        monkeypatch.setattr(certificate, "LIMIT", limit)
        done = invoke(model, data, "-o", output, "--int8", "--overwrite", "--json")
        assert done.exit_code == code, done.stderr
        found = json.loads(done.stdout)
        assert found["mase"]["within"] == (code == 0)
        assert found["mase"]["float"] != found["mase"]["int8"]
        assert found["parity"]["tolerance"] is None
        assert output.exists()
    assert "the file was written" in done.stderr


def test_int8_on_data_that_say_nothing_of_accuracy_is_refused(model: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(FORMS, "litert", dataclasses.replace(form(), dynamic=False))
    data = tmp_path / "data.csv"
    panel_of(np.full(40, 7.0)).to_frame().to_csv(data, index=False)
    done = invoke(model, data, "-o", tmp_path / "a.tflite", "--int8")
    assert (done.exit_code, "no window has a MASE" in done.stderr) == (3, True)
    panel_of(np.arange(5.0)).to_frame().to_csv(data, index=False)
    done = invoke(model, data, "-o", tmp_path / "a.tflite")
    assert done.exit_code == 3
    assert not (tmp_path / "a.tflite").exists()


def test_windows_of_data_are_those_that_predict_forecasts(panel: Panel) -> None:
    forecaster = make_forecaster(panel)
    sample = certificate.of_panel(panel, 48, forecaster)
    found = reference(Served.by(forecaster), sample.y, sample.last, sample.x)
    series, end = certificate._latest(panel, forecaster.horizon)
    assert len(series) == 100
    for k in (0, 1, 2, 50, 99):
        first = panel.indptr[series[k]]
        cut = dataclasses.replace(panel, ids=(("cut",),)).rows(np.array([max(first, end[k] - 48)]), end[k : k + 1])
        wanted = forecaster.predict(cut, member="networks")
        assert_close32(found["y_hat"][k], wanted.mean[0])
        bounds = [wanted.lower[0, :, 1], wanted.lower[0, :, 0], wanted.mean[0], wanted.upper[0, :, 0]]
        assert_close32(found["quantiles"][k, :, :4].T, bounds)
        np.testing.assert_array_equal(sample.actual[k], panel.y[end[k] : end[k] + 6])


def test_windows_with_columns_beside_the_target_are_those_that_predict_forecasts() -> None:
    """The future covariates are given to `predict` by stamp, to the export by row."""
    generator = np.random.default_rng(3)
    plain = panel_of(5 + generator.random(60))
    plan = structs.replace(plain.plan, covariates=(Covariate("heat", "known"),))
    panel = dataclasses.replace(plain, plan=plan, x=generator.normal(size=(60, 1)))
    config = NetworkConfig(6, 24, 12, units=4, inputs=("known",), use_inputs="all")
    arrays = {name: 0.3 * generator.normal(size=shape).astype("f4") for name, shape in weight_shapes(config).items()}
    networks = (Network("gru", config, arrays),)
    forecaster = dataclasses.replace(
        make_forecaster(plain),
        networks=networks,
        plan=plan,
        scaling=Scaling(np.array([0.2]), np.array([2.0])),
        blend={},
    )
    sample = certificate.of_panel(panel, 24, forecaster)
    found = reference(Served.by(forecaster), sample.y, sample.last, sample.x)
    end = certificate._latest(panel, forecaster.horizon)[1]
    rows = {(("s0",), int(at)): k for k, at in enumerate(panel.ds.astype("datetime64[s]").astype(np.int64))}
    future = FutureCovariates("data.csv", panel.plan, rows, panel.x, ())
    cut = panel.rows(np.array([0]), end[:1])
    wanted = forecaster.predict(cut, member="networks", future=future)
    assert_close32(found["y_hat"][0], wanted.mean[0])
    other = forecaster.predict(cut, member="networks", future=dataclasses.replace(future, x=panel.x + 1.0))
    assert np.abs(other.mean - wanted.mean).max() > 1e-4


def test_the_latest_windows_come_first_and_many_series_are_thinned_evenly() -> None:
    few = panel_of(np.arange(40.0), np.arange(100.0))
    series, end = certificate._latest(few, 6)
    assert (series[:2].tolist(), end[:2].tolist()) == ([0, 1], [34, 134])
    assert len(series) == 100
    many = panel_of(*[np.arange(12.0)] * 250)
    series, end = certificate._latest(many, 6)
    assert (len(series), series[0], series[-1]) == (100, 0, 249)
    assert (end == many.indptr[1:][series] - 6).all()
    with pytest.raises(DataError):
        certificate.of_panel(panel_of(np.arange(8.0)), 20, make_forecaster(panel_of(np.arange(50.0))))


@pytest.mark.parametrize("case", CASES)
def test_synthetic_windows_are_odd_and_never_empty(case: str) -> None:
    served = served_with(CASES[case])
    columns = 4 if served.covariates else 0
    sample = certificate.odd(served, 24, columns)
    y = sample.y
    assert y.shape == (24, 24)
    assert not np.isnan(y).all(axis=1).any()
    assert (np.nanmax(np.abs(y), axis=1) > 1e6).any()
    assert (np.nanmax(np.abs(y), axis=1) < 1e-3).any()
    assert (y == 0).any()
    assert (y < 0).any()
    assert (y == 7.0).all(axis=1).any()
    assert (np.isnan(y).sum(axis=1) == 22).any()
    given = served.given(sample.y, sample.last, sample.x)
    for one in served.covariates:
        assert np.isnan(given[one.name]).any()
        if one.categories:
            assert set(np.unique(given[one.name][~np.isnan(given[one.name])])) == {0.0, 1.0}
    assert len(sample.newest(3)) < len(sample)
    assert sample.newest(3).x.shape == (len(sample.newest(3)), 8, columns)


class Counting(np.ndarray):
    """Weights that count the multiplications they take part in."""

    total = 0

    def __rmatmul__(self, other: Any) -> Any:
        Counting.total += other.size * self.shape[1]
        return np.asarray(other) @ np.asarray(self)

    __array_priority__ = 10
    __array_ufunc__ = None

    def __radd__(self, other: Any) -> Any:
        return other + np.asarray(self)


@pytest.mark.parametrize(
    "config", [SMALL, SEEING, BESIDE, dataclasses.replace(BESIDE, cell="lstm", decoder="parallel")]
)
def test_multiply_adds_are_those_of_the_forward_pass(config: Any) -> None:
    weights = {
        name: np.zeros(shape, np.float32).view(Counting if len(shape) == 2 and "bias" not in name else np.ndarray)
        for name, shape in weight_shapes(config).items()
    }
    if "positions.table" in weights:
        weights["positions.table"] = np.asarray(weights["positions.table"])
    Counting.total = 0
    features = np.zeros((1, config.lookback, config.channels), np.float32)
    ahead = np.zeros((1, config.horizon, config.future_channels), np.float32) if config.future_channels else None
    residuals(features, ahead, config, weights)
    shared = 0
    if config.decoder == "parallel":  # numpy multiplies the one state once, the graph for each segment
        shared = (config.decoded[0] - 1) * int(np.prod(weight_shapes(config)["decoder.recurrent_kernel"]))
    assert multiply_adds(config) == Counting.total + shared
    assert Counting.total > 1000


def test_parameters_are_counted_over_all_networks() -> None:
    served = served_with(CASES["several with a calendar"])
    assert parameters(served.networks) == sum(
        int(np.prod(shape)) for one in served.networks for shape in weight_shapes(one.config).values()
    )

"""The model folder: what was saved comes back, and what was changed is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import panel_of

from gruforecast.artifact.folder import load, publish, read_manifest, save, seal, write_json
from gruforecast.config import NetworkConfig
from gruforecast.data.table import Panel
from gruforecast.errors import ModelError, ResourceError, UsageError
from gruforecast.forecaster import NETWORKS, Ends, Forecaster
from gruforecast.forward import weight_shapes
from gruforecast.intervals import Calibration


def make_forecaster(panel: Panel, **changes: Any) -> Forecaster:
    config = NetworkConfig(horizon=6, lookback=24, season_length=12, units=4, log_unit=0.5)
    generator = np.random.default_rng(0)
    weights = {
        name: (0.1 * generator.normal(size=shape)).astype(np.float32) for name, shape in weight_shapes(config).items()
    }
    calibration = Calibration((80.0, 95.0), np.linspace(1, 2, 12).reshape(6, 2))
    return Forecaster(
        config=config,
        weights=weights,
        winner=NETWORKS,
        calibrations={NETWORKS: calibration, "theta": calibration, "naive": calibration},
        names=panel.names,
        freq=panel.freq,
        form=panel.form,
        context=Ends.of(panel, config),
        **changes,
    )


@pytest.fixture
def panel() -> Panel:
    generator = np.random.default_rng(1)
    return panel_of(5 + generator.random(60), generator.normal(size=40), np.arange(3.0))


@pytest.fixture
def folder(tmp_path: Path, panel: Panel) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    save(make_forecaster(panel), made)
    seal(made, {"fingerprint": "x", "trials": 1})
    return made


def test_save_load_predict_is_predict_bit_for_bit(folder: Path, panel: Panel) -> None:
    one, two = make_forecaster(panel), load(folder)
    for member in (NETWORKS, "theta", "naive"):
        a, b = one.predict(member=member), two.predict(member=member)
        np.testing.assert_array_equal(a.mean, b.mean)
        np.testing.assert_array_equal(a.upper, b.upper)
        np.testing.assert_array_equal(a.ds, b.ds)
    assert two.names == panel.names
    assert two.freq == panel.freq


def test_forecasting_from_the_context_is_forecasting_from_the_data(folder: Path, panel: Panel) -> None:
    forecaster = load(folder)
    for member in ("networks", "theta"):
        a, b = forecaster.predict(member=member), forecaster.predict(panel, member=member)
        np.testing.assert_allclose(a.mean, b.mean, rtol=1e-12)
        np.testing.assert_allclose(a.lower, b.lower, rtol=1e-12)


def test_a_series_alone_is_forecast_as_among_others(folder: Path, panel: Panel) -> None:
    forecaster = load(folder)
    among, alone = forecaster.predict(panel), forecaster.predict(panel.only(["s1"]))
    np.testing.assert_allclose(among.mean[1], alone.mean[0], rtol=1e-6)
    chosen = forecaster.predict(ids=["s1"])
    np.testing.assert_allclose(chosen.mean[0], alone.mean[0], rtol=1e-6)


def test_stamps_and_floor(folder: Path) -> None:
    forecast = load(folder).predict()
    assert str(forecast.ds[0, 0]) == "2005-01-01T00:00:00"
    assert forecast.lower[0].min() >= 0
    assert forecast.lower[1].min() < 0
    frame = forecast.to_frame()
    assert list(frame.columns) == ["unique_id", "ds", "y_hat", "lo-80", "hi-80", "lo-95", "hi-95"]
    assert frame["ds"].iloc[0] == "2005-01-01"


def test_levels_horizon_and_members_are_checked(folder: Path) -> None:
    forecaster = load(folder)
    assert forecaster.predict(levels=(95.0,), horizon=2).upper.shape == (3, 2, 1)
    for wrong in ({"horizon": 7}, {"horizon": 0}, {"levels": (90.0,)}, {"member": "thetta"}, {"ids": ["s9"]}):
        with pytest.raises(UsageError):
            forecaster.predict(**wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="Did you mean 'theta'"):
        forecaster.predict(member="thetta")


@pytest.mark.parametrize("name", ["model.json", "weights.npz", "calibration.npz", "context.npz"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove", "link"])
def test_a_changed_file_is_refused_by_name(folder: Path, name: str, damage: str) -> None:
    path = folder / name
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "flip":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "cut":
        path.write_bytes(content[:-1])
    elif damage == "link":
        other = folder.parent / name
        other.write_bytes(content)
        path.symlink_to(other)
    with pytest.raises(ModelError) as caught:
        load(folder)
    assert caught.value.exit_code == 4
    assert name in str(caught.value.file)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("units", 60000, "impossible network"),
        ("layers", -1, "impossible network"),
        ("horizon", "six", "not supported"),
        ("cell", "gruu", "impossible network"),
        ("unitz", 4, "Did you mean 'units'"),
        ("units", 5, "shape"),
    ],
)
def test_an_impossible_configuration_is_refused(folder: Path, key: str, value: Any, words: str) -> None:
    model = json.loads((folder / "model.json").read_text())
    model["network"][key] = value
    write_json(folder / "model.json", model)
    (folder / "manifest.json").unlink()
    seal(folder, {})
    with pytest.raises(ModelError, match=words):
        load(folder)


def test_what_is_no_model_folder(tmp_path: Path, folder: Path) -> None:
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(ModelError):
            load(path)
    manifest = json.loads((folder / "manifest.json").read_text())
    for change in ({"format": 99}, {"files": []}):
        write_json(folder / "manifest.json", manifest | change)
        with pytest.raises(ModelError, match="format"):
            read_manifest(folder)
    (folder / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(ModelError):
        read_manifest(folder)


def test_publishing_replaces_the_whole_folder_and_leaves_nothing_behind(tmp_path: Path, folder: Path) -> None:
    built = tmp_path / ".built"
    shutil.copytree(folder, built)
    (built / "new.txt").write_text("new")
    (folder / "old.txt").write_text("old")
    publish(built, folder)
    assert (folder / "new.txt").exists()
    assert not (folder / "old.txt").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model"]


def test_json_is_strict_and_no_half_file_stays(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    with pytest.raises(ResourceError):
        write_json(tmp_path / "missing" / "a.json", {})
    assert list(tmp_path.iterdir()) == []


def test_no_place_and_no_name_of_this_machine_is_in_the_folder(folder: Path) -> None:
    import getpass
    import socket

    words = [str(folder.parent), str(Path.home()), socket.gethostname(), f'"{getpass.getuser()}"']
    text = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for word in words:
        assert word.encode() not in text

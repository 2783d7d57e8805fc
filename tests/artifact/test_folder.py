"""The model folder: what was saved comes back, and what was changed is refused."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_networks import MEMBERS, make_forecaster
from makers import panel_of
from msgspec import structs
from rounding import assert_close32

from gruforecast.artifact.folder import load, publish, save, write_json
from gruforecast.artifact.manifest import FitFacts, read_manifest, seal
from gruforecast.data.panel import Panel
from gruforecast.data.plan import Covariate
from gruforecast.errors import DataError, ModelError, ResourceError, UsageError


@pytest.fixture
def panel() -> Panel:
    generator = np.random.default_rng(1)
    return panel_of(5 + generator.random(60), generator.normal(size=40), np.arange(3.0))


@pytest.fixture
def folder(tmp_path: Path, panel: Panel) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    save(make_forecaster(panel), made)
    seal(made, FitFacts(fingerprint="x", trials=1))
    return made


def test_save_load_predict_is_predict_bit_for_bit(folder: Path, panel: Panel) -> None:
    one, two = make_forecaster(panel), load(folder)
    for member in MEMBERS:
        a, b = one.predict(member=member), two.predict(member=member)
        np.testing.assert_array_equal(a.mean, b.mean)
        np.testing.assert_array_equal(a.upper, b.upper)
        np.testing.assert_array_equal(a.ds, b.ds)
    assert two.plan == panel.plan
    assert two.plan.freq == panel.freq
    assert [one.training for one in two.networks] == [one.training for one in one.networks]


def test_forecasting_from_the_context_is_forecasting_from_the_data(folder: Path, panel: Panel) -> None:
    forecaster = load(folder)
    for member in MEMBERS:
        a, b = forecaster.predict(member=member), forecaster.predict(panel, member=member)
        assert_close32(a.mean, b.mean, axis=1)
        assert_close32(a.lower, b.lower, axis=1)


def test_a_series_alone_is_forecast_as_among_others(folder: Path, panel: Panel) -> None:
    forecaster = load(folder)
    among, alone = forecaster.predict(panel), forecaster.predict(panel.at(np.array([1])))
    assert_close32(among.mean[1], alone.mean[0])
    chosen = forecaster.predict(ids=["s1"])
    assert_close32(chosen.mean[0], alone.mean[0])


def test_stamps_and_floor(folder: Path) -> None:
    forecast = load(folder).predict()
    assert str(forecast.ds[0, 0]) == "2005-01-01T00:00:00"
    assert forecast.lower[0].min() >= 0
    assert forecast.lower[1].min() < 0
    frame = forecast.to_frame()
    assert list(frame.columns) == ["unique_id", "ds", "y_hat", "lo-80", "hi-80", "lo-95", "hi-95"]
    assert str(frame["ds"].iloc[0]) == "2005-01-01 00:00:00"


def test_levels_horizon_and_members_are_checked(folder: Path) -> None:
    forecaster = load(folder)
    assert forecaster.predict(levels=(95.0,), horizon=2).upper.shape == (3, 2, 1)
    for wrong in ({"horizon": 7}, {"horizon": 0}, {"levels": (90.0,)}, {"member": "thetta"}, {"ids": ["s9"]}):
        with pytest.raises(UsageError):
            forecaster.predict(**wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="Did you mean 'theta'"):
        forecaster.predict(member="thetta")


def test_ascending_levels_of_any_size_are_read(tmp_path: Path, panel: Panel) -> None:
    """1 and 8 stand in a set the other way round."""
    forecaster = make_forecaster(panel)
    calibration = dataclasses.replace(forecaster.calibrations["gru"], levels=(1.0, 8.0))
    save(dataclasses.replace(forecaster, calibrations=dict.fromkeys(forecaster.members, calibration)), tmp_path)
    seal(tmp_path)
    assert load(tmp_path).calibrations["theta"].levels == (1.0, 8.0)


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
        ("horizon", "six", "impossible network"),
        ("cell", "gruu", "impossible network"),
        ("unitz", 4, "Did you mean 'units'"),
        ("units", 5, "shape"),
    ],
)
def test_an_impossible_configuration_is_refused(folder: Path, key: str, value: Any, words: str) -> None:
    model = json.loads((folder / "model.json").read_text())
    model["networks"][1]["config"][key] = value
    write_json(folder / "model.json", model)
    (folder / "manifest.json").unlink()
    seal(folder)
    with pytest.raises(ModelError, match=words):
        load(folder)


def test_what_is_no_model_folder(tmp_path: Path, folder: Path) -> None:
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(ModelError):
            load(path)
    manifest = json.loads((folder / "manifest.json").read_text())
    write_json(folder / "manifest.json", manifest | {"format": 99, "gruforecast": "7.1"})
    with pytest.raises(ModelError, match=r"written by gruforecast 7.1 in format 99; you have .* Upgrade"):
        read_manifest(folder)
    write_json(folder / "manifest.json", manifest | {"format": "1"})
    with pytest.raises(ModelError, match="another format"):
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


def reseal(folder: Path, change: Any) -> None:
    """Change model.json and seal the folder again, as someone could who makes a model folder by hand."""
    model = json.loads((folder / "model.json").read_text())
    change(model)
    write_json(folder / "model.json", model)
    (folder / "manifest.json").unlink()
    seal(folder)


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("freq", "step", 0),
        ("freq", "step", -1),
        ("freq", "unit", "X"),
        ("freq", "step", "a"),
        ("freq", "step", 10**30),
        ("freq", "day", 40),
        ("form", "kind", "zzz"),
        ("form", "clock", "zzz"),
        ("form", "tz", "Nowhere/At_all"),
        ("numbers", "decimal", ";"),
        ("plan", "nonsense", 1),
        ("plan", "names", 5),
        ("plan", "fill", "yes"),
        ("network", "log_unit", 0.0),
        ("network", "units", 4.0),
        ("network", "levels", [0.4]),
        ("network", "horizon", 10**9),
        ("training", "steps", 0),
        ("training", "steps", 10**12),
        ("training", "steps", "many"),
        ("training", "batch_size", 0.5),
        ("training", "learning_rate", -1.0),
        ("training", "weight_decay", "none"),
        ("training", "seed", True),
        ("training", "epochs", 3),
    ],
)
def test_nonsense_in_a_sealed_folder_is_exit_4(folder: Path, part: str, key: str, value: Any) -> None:
    def change(model: dict[str, Any]) -> None:
        parts = {"network": model["networks"][0]["config"], "freq": model["plan"]["freq"]}
        parts |= {"training": model["networks"][0]["training"]}
        parts |= {"form": model["plan"]["form"]["stamp"], "numbers": model["plan"]["numbers"], "plan": model["plan"]}
        parts[part].update({key: value})

    reseal(folder, change)
    with pytest.raises(ModelError):
        load(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"winner": "nobody"},
        {"ids": [["a"]]},
        {"levels": {"networks": [80.0]}},
        {"plan": 5},
        {"blend": {"nobody": 1.0}},
        {"blend": {}},
        {"blend": {"blend": 1.0}},
        {"networks": []},
    ],
)
def test_parts_that_do_not_fit_together_are_exit_4(folder: Path, change: dict[str, Any]) -> None:
    reseal(folder, lambda model: model.update(change))
    with pytest.raises(ModelError):
        load(folder)


@pytest.mark.parametrize("name", ["weights", "calibration", "context"])
@pytest.mark.parametrize("damage", ["nan", "object", "text", "shape", "missing", "huge", "packed"])
def test_arrays_that_cannot_be_right_are_exit_4(folder: Path, name: str, damage: str) -> None:
    import zipfile

    path = folder / f"{name}.npz"
    with np.load(path) as data:
        arrays = {key: data[key] for key in data.files}
    key = {"weights": "1.hidden.bias", "calibration": "theta", "context": "forecast.theta"}[name]
    if damage == "missing":
        del arrays[key]
    elif damage == "text":
        path.write_bytes(b"no zip at all")
    else:
        changes = {
            "nan": arrays[key] * np.nan,
            "object": np.array([None, 1]),
            "shape": arrays[key][:-1],
            "huge": arrays[key],
            "packed": arrays[key],
        }
        arrays[key] = changes[damage]
    if damage != "text":
        (np.savez_compressed if damage == "packed" else np.savez)(path, **arrays)
    if damage == "huge":
        header = b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (250000000000,), }".ljust(
            127
        )
        with zipfile.ZipFile(path, "w") as archive:
            for other in arrays:
                archive.writestr(f"{other}.npy", header + b"\n")
    reseal(folder, lambda model: None)
    with pytest.raises(ModelError):
        load(folder)


def test_no_interval_for_a_series_that_never_changed(folder: Path) -> None:
    forecast = load(folder).predict(panel_of([7.0, 7.0, 7.0, 7.0], np.arange(30.0)))
    assert np.isfinite(forecast.mean).all()
    assert np.isnan(forecast.lower[0]).all()
    assert np.isfinite(forecast.lower[1]).all()


def test_a_long_hole_at_the_end_falls_back_on_the_last_value(folder: Path) -> None:
    y = 5e5 + 1e4 * np.random.default_rng(2).random(100)
    y[60:] = np.nan
    forecast = load(folder).predict(panel_of(y))
    assert (np.abs(forecast.mean / y[59] - 1) < 0.5).all()


def test_bounds_stay_around_a_floored_forecast(folder: Path) -> None:
    y = np.concatenate([np.arange(60.0, 0.0, -1.0), np.zeros(3)])
    forecast = load(folder).predict(panel_of(y), member="theta")
    assert (forecast.mean >= 0).all()
    assert (forecast.upper[:, :, 0] > forecast.mean).all()


def test_series_are_forecast_in_blocks(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    forecaster = make_forecaster(panel)
    whole = forecaster.predict(panel)
    monkeypatch.setattr("gruforecast.models.forecaster.BLOCK_NUMBERS", 150)  # two series
    assert_close32(forecaster.predict(panel).mean, whole.mean, axis=1)


def test_data_with_other_columns_beside_the_target_are_refused(panel: Panel) -> None:
    plan = structs.replace(panel.plan, covariates=(Covariate("x", "past"), Covariate("z", "past")))
    seeing = dataclasses.replace(panel, plan=plan, x=np.zeros((len(panel.y), 2)))
    forecaster = make_forecaster(panel)
    with pytest.raises(DataError, match="the covariates are read in another way"):
        forecaster.predict(seeing)


def test_data_of_another_step_are_refused(folder: Path) -> None:
    from gruforecast.data.calendar.frequency import Frequency

    with pytest.raises(DataError, match="the step is 'D'"):
        load(folder).predict(panel_of(np.arange(30.0), freq=Frequency("s", 86400)))


def test_what_a_kill_left_beside_a_model_is_undone(tmp_path: Path) -> None:
    import os
    import subprocess
    import sys

    from gruforecast.execution.atomic_files import clear_leftovers

    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    names = [f".m.old-{gone.pid}", f".m.tmp-{gone.pid}", f".m.tmp-{os.getpid()}", ".m.tmp-notes", f".n.tmp-{gone.pid}"]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    clear_leftovers(tmp_path / "m")
    assert {path.name for path in tmp_path.iterdir()} == {"m", *names[2:]}
    assert (tmp_path / "m" / "file").read_text() == names[0]


def test_catalogue_57_79_80_other_shorter_and_older_series_are_forecast(panel: Panel) -> None:
    forecaster = make_forecaster(panel)
    other = panel_of(5 + np.random.default_rng(3).random(3), 7 + np.random.default_rng(4).random(50))
    other = dataclasses.replace(other, ids=(("never seen",), ("nor this",)))
    forecast = forecaster.predict(other)
    assert forecast.ids == other.ids
    assert np.isfinite(forecast.mean).all()  # three rows are fewer than any lookback
    starts = [str(stamp)[:7] for stamp in forecast.ds[:, 0]]
    assert starts == ["2000-04", "2004-03"]  # after the last row of each, not after the training data


def test_catalogue_70_a_series_that_starts_to_move_after_training_has_a_forecast_and_no_scale() -> None:
    still = panel_of(np.full(40, 5.0))
    moved = panel_of(np.r_[np.full(40, 5.0), 6.0, 7.0, 9.0])
    forecaster = make_forecaster(panel_of(5 + np.random.default_rng(1).random(60)))
    flat = forecaster.predict(still)
    assert np.isfinite(flat.mean).all()
    assert np.isnan(flat.lower).all()  # how far off it may be is not known
    assert np.isfinite(forecaster.predict(moved).lower).all()


def test_a_damaged_model_is_replaced_when_asked_and_something_else_never(folder: Path, tmp_path: Path) -> None:
    from gruforecast.automl.options import FitOptions
    from gruforecast.automl.output import finished_report

    overwrite = FitOptions(output=str(folder), overwrite=True)
    for damage in ("[]", json.dumps({"format": 9, "gruforecast": "9.9"}), ""):
        (folder / "manifest.json").write_text(damage)
        assert finished_report(folder, "x", overwrite, 6) is None
        with pytest.raises(ModelError, match="overwrite=True"):
            finished_report(folder, "x", dataclasses.replace(overwrite, overwrite=False), 6)
    (folder / "weights.npz").unlink()
    with pytest.raises(ModelError, match="something else than a model"):
        finished_report(folder, "x", overwrite, 6)


def test_keys_that_no_folder_could_hold_are_refused_before_the_search(panel: Panel) -> None:
    from gruforecast.automl.output import check_keys_fit

    check_keys_fit(panel)
    many = dataclasses.replace(panel, ids=(("x",),) * 1_200_000)
    with pytest.raises(DataError, match="1,200,000 series"):
        check_keys_fit(many)
    with pytest.raises(DataError, match="bytes of ids"):
        check_keys_fit(dataclasses.replace(panel, ids=(("x" * 70_000_000,), ("b",), ("c",))))


def test_the_largest_panel_that_is_let_through_can_be_read_again() -> None:
    """What `check_keys_fit` counts is not less than what is written."""
    from gruforecast.artifact.manifest import json_bytes
    from gruforecast.artifact.safe_reading import values_in

    for parts in (1, 3):
        ids = [["é" * 10] * parts for _ in range(1000)]
        content = json_bytes({"ids": ids})
        assert len(content) <= 1000 * parts * 20 + 1000 * (10 + 8 * parts) + 50
        assert values_in(content) <= 1000 * (1 + parts) + 50


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"winner": "nobody"}, "the winner or a part of the blend is no member"),
        ({"winner": "drift"}, "the winner or a part of the blend is no member"),
        ({"blend": {"networks": 0.5, "drift": 0.5}}, "the winner or a part of the blend is no member"),
        ({"blend": {"blend": 1.0}}, "the winner or a part of the blend is no member"),
        ({"blend": {}}, "the winner or a part of the blend is no member"),
        ({"blend": {"networks": 0.5, "theta": 0.4999}}, "the weights of the blend do not add up to one"),
        ({"blend": {"networks": 0.5, "theta": 0.5001}}, "the weights of the blend do not add up to one"),
        ({"ids": [["a"], ["b"], ["a"]]}, "there is no series, or one twice"),
        ({"ids": []}, "there is no series, or one twice"),
        ({"ids": [["a"], ["b"], ["c", "d"]]}, "the ids of the series are none"),
        ({"scaling": {"centre": [1.0], "spread": [1.0]}}, "there are other columns than scaled ones"),
        ({"scaling": {"centre": [], "spread": [1.0]}}, "there are other columns than scaled ones"),
    ],
)
def test_what_does_not_fit_together_is_said(folder: Path, change: dict[str, Any], words: str) -> None:
    reseal(folder, lambda model: model.update(change))
    with pytest.raises(ModelError) as caught:
        load(folder)
    assert caught.value.message == f"the contents do not fit together ({words})."
    assert (caught.value.code, caught.value.file) == ("GF-M05", str(folder))


def at(*path: Any, value: Any) -> Any:
    """A change of one value deep in model.json."""

    def change(model: dict[str, Any]) -> None:
        for part in path[:-1]:
            model = model[part]
        model[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (at("levels", "theta", value=[95.0, 80.0]), "impossible levels"),
        (at("levels", "theta", value=[80.0, 80.0]), "impossible levels"),
        (at("levels", "nobody", value=[80.0, 95.0]), "impossible members"),
        (lambda model: model["levels"].pop("gru"), "impossible members"),
        (lambda model: model["trust"].pop("theta"), "the trust in quantiles is impossible"),
        (at("networks", 1, "name", value="gru"), "impossible names of networks"),
        (at("networks", 1, "name", value=""), "impossible names of networks"),
        (at("networks", 1, "name", value="winner"), "impossible names of networks"),
        (at("networks", 1, "share", value=0.2501), "the networks do not fit together"),
        (at("networks", 1, "config", "horizon", value=7), "the networks do not fit together"),
        (at("plan", "encoding", value="klingon"), "unknown encoding: klingon"),
    ],
)
def test_one_value_that_cannot_be_is_said(folder: Path, change: Any, words: str) -> None:
    reseal(folder, change)
    with pytest.raises(ModelError, match="the contents do not fit together") as caught:
        load(folder)
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (at("blend", value={"networks": -0.5, "theta": 1.5}), "Expected `float` >= 0.0 - at `$.blend[...]`"),
        (at("networks", value=[]), "Expected `array` of length >= 1 - at `$.networks`"),
        (at("networks", value={}), "Expected `array`, got `object` - at `$.networks`"),
        (at("ids", 2, value=[3]), "Expected `str`, got `int` - at `$.ids[2][0]`"),
        (at("ids", 2, value="c"), "Expected `array`, got `str` - at `$.ids[2]`"),
        (at("rows", value=True), "Expected `int`, got `bool` - at `$.rows`"),
        (at("rows", value=-1), "Expected `int` >= 0 - at `$.rows`"),
        (at("scaling", "spread", value=[1e-31]), "Expected `float` >= 1e-30 - at `$.scaling.spread[0]`"),
        (at("levels", "theta", value=[0.5, 80.0]), "Expected `float` >= 1.0 - at `$.levels[...][0]`"),
        (at("levels", "theta", value=[80.0, 100.5]), "Expected `float` <= 100.0 - at `$.levels[...][1]`"),
        (at("trust", "theta", value=1.5), "Expected `float` <= 1.0 - at `$.trust[...]`"),
        (at("networks", 1, "name", value=5), "Expected `str`, got `int` - at `$.name`"),
        (at("networks", 1, "share", value=0), "Expected `float` >= 1e-09 - at `$.share`"),
        (at("networks", 0, "training", "steps", value=0), "Expected `int` >= 1 - at `$.training.steps`"),
        (
            at("networks", 0, "training", "steps", value=10_000_001),
            "Expected `int` <= 10000000 - at `$.training.steps`",
        ),
        (
            at("networks", 0, "training", "batch_size", value=65_537),
            "Expected `int` <= 65536 - at `$.training.batch_size`",
        ),
        (at("networks", 0, "training", "batch_size", value=0), "Expected `int` >= 1 - at `$.training.batch_size`"),
        (at("networks", 0, "training", "seed", value=2**31), "Expected `int` <= 2147483647 - at `$.training.seed`"),
        (at("networks", 0, "training", "seed", value=-1), "Expected `int` >= 0 - at `$.training.seed`"),
        (at("networks", 0, "training", "steps", value=50.0), "Expected `int`, got `float` - at `$.training.steps`"),
        (
            at("networks", 0, "training", "learning_rate", value=1.5),
            "Expected `float` <= 1.0 - at `$.training.learning_rate`",
        ),
        (
            at("networks", 0, "training", "weight_decay", value=-0.1),
            "Expected `float` >= 0.0 - at `$.training.weight_decay`",
        ),
    ],
)
def test_one_value_of_another_kind_or_out_of_bounds_is_said(folder: Path, change: Any, words: str) -> None:
    reseal(folder, change)
    with pytest.raises(ModelError) as caught:
        load(folder)
    assert caught.value.message == f"a value is of another kind than it should be: {words}."
    assert (caught.value.code, caught.value.file) == ("GF-M05", str(folder / "model.json"))


@pytest.mark.parametrize(
    "change",
    [
        at("networks", 0, "training", value=None),
        at("networks", 0, "training", "steps", value=1),
        at("networks", 0, "training", "steps", value=10_000_000),
        at("networks", 0, "training", "batch_size", value=65_536),
        at("networks", 0, "training", "seed", value=2**31 - 1),
        at("networks", 0, "training", "seed", value=0),
        at("networks", 0, "training", "weight_decay", value=0),
        at("trust", "theta", value=0),
        at("trust", "theta", value=1),
        at("levels", "theta", value=[1, 100]),
        at("blend", value={"theta": 1.0}),
        at("blend", value={"theta": 0.5 + 4e-7, "networks": 0.5}),
        at("winner", value="theta"),
        at("plan", "encoding", value="latin-1"),
    ],
)
def test_values_at_their_bounds_are_read(folder: Path, change: Any) -> None:
    reseal(folder, change)
    assert np.isfinite(load(folder).predict().mean).all()


EARLIEST = int(np.datetime64("0002-01-01", "s").astype(np.int64))


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (EARLIEST + 10 * 366 * 86_400, ""),
        (EARLIEST + 366 * 86_400, "a stamp would be out of range"),  # not of the last row, but of the first
        (EARLIEST, "a stamp would be out of range"),
        (2**37, ""),
        (2**37 + 1, "a stamp is out of range"),
        (-(2**37) - 1, "a stamp is out of range"),
    ],
)
def test_stamps_that_can_be_written(folder: Path, second: int, words: str) -> None:
    path = folder / "context.npz"
    with np.load(path) as data:
        arrays = {key: data[key] for key in data.files}
    arrays["last"][1] = second
    np.savez(path, **arrays)
    (folder / "manifest.json").unlink()
    seal(folder)
    if not words:
        assert load(folder).context.last.astype(np.int64)[1] == second
        return
    with pytest.raises(ModelError) as caught:
        load(folder)
    assert caught.value.message == f"the contents do not fit together ({words})."

"""Where a fit writes: what is there already, what may be replaced, and what an earlier run has done enough of."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from made_report import made_report
from makers import panel_of
from msgspec import structs

from gruforecast.artifact.manifest import FitFacts, seal
from gruforecast.automl import output as room
from gruforecast.automl.options import FitOptions
from gruforecast.automl.output import check_keys_fit, facts_of, fingerprint_of, make_run_dir
from gruforecast.errors import DataError, GruforecastError, ModelError, ResourceError, UsageError
from gruforecast.models.pretrained.model import card
from gruforecast.report.report import Report
from gruforecast.serialization import encoded

REPORT = made_report()
OPTIONS = FitOptions(output="m")


def finished_report(folder: Path, fingerprint: str, options: FitOptions) -> Report | None:
    return room.finished_report(folder, fingerprint, options, trials=5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "m"
    made.mkdir()
    (made / "report.json").write_bytes(encoded(REPORT))
    (made / "model.json").write_text("{}")
    (made / "weights.npz").write_text("w")
    return made


def sealed(folder: Path, **facts: Any) -> None:
    seal(folder, FitFacts(**{"fingerprint": "f", "trials": 5, "audit": "cheap", **facts}))


@pytest.mark.parametrize(
    ("facts", "asked", "enough"),
    [
        ({}, {}, True),
        ({"trials": 6}, {}, True),
        ({"trials": 4}, {}, False),
        ({"cut_at": 60.0}, {}, False),  # the clock cut it, and now there is no clock
        ({"cut_at": 60.0}, {"max_time": 60.0}, True),
        ({"cut_at": 60.0}, {"max_time": 30.0}, True),
        ({"cut_at": 60.0}, {"max_time": 61.0}, False),
        ({"cut_at": None}, {"max_time": 61.0}, True),
        ({"late_at": 60.0}, {}, False),
        ({"late_at": 60.0}, {"trial_time": 60.0}, True),
        ({"late_at": 60.0}, {"trial_time": 61.0}, False),
        ({"late_at": 60.0, "cut_at": 60.0}, {"trial_time": 60.0}, False),
        ({"audit": "whole"}, {}, True),
        ({"audit": "whole"}, {"audit": True}, True),
        ({"audit": "cheap"}, {"audit": True}, False),
        ({"audit": "none"}, {}, False),
        ({}, {"fresh": True}, False),
        ({}, {"overwrite": True}, False),
    ],
)
def test_an_earlier_run_that_did_all_that_is_asked_is_the_result(
    folder: Path, facts: dict[str, Any], asked: dict[str, Any], enough: bool
) -> None:
    sealed(folder, **facts)
    found = finished_report(folder, "f", dataclasses.replace(OPTIONS, **asked))
    assert found == (structs.replace(REPORT, model_dir=str(folder)) if enough else None)


def test_a_result_that_was_changed_is_no_result(folder: Path) -> None:
    sealed(folder)
    (folder / "weights.npz").write_text("W")
    with pytest.raises(ModelError, match="not the one that was saved"):
        finished_report(folder, "f", OPTIONS)


def refused(place: Path, fingerprint: str = "f", **asked: Any) -> GruforecastError:
    with pytest.raises(GruforecastError) as caught:
        finished_report(place, fingerprint, dataclasses.replace(OPTIONS, **asked))
    return caught.value


def test_the_result_of_another_command_is_replaced_when_asked_only(folder: Path) -> None:
    sealed(folder)
    for asked in ({}, {"fresh": True}):
        error = refused(folder, "g", **asked)
        assert error.message == "the folder exists and was not made by this command with these data and options."
        assert (error.code, error.file) == ("GF-M11", str(folder))
        assert "overwrite=True" in error.remedy
    assert finished_report(folder, "g", dataclasses.replace(OPTIONS, overwrite=True)) is None


def test_only_an_empty_folder_or_what_was_a_model_may_be_replaced(folder: Path, tmp_path: Path) -> None:
    (folder / "manifest.json").write_text("damaged")
    overwrite = dataclasses.replace(OPTIONS, overwrite=True)
    assert finished_report(folder, "f", overwrite) is None
    for name in ("manifest.json", "model.json", "weights.npz"):
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        error = refused(folder, overwrite=True)
        assert error.message == "this holds something else than a model: it is not replaced."
        assert (error.code, error.file) == ("GF-M12", str(folder))
        (folder / name).write_bytes(content)
    empty, link, file = tmp_path / "empty", tmp_path / "link", tmp_path / "file"
    empty.mkdir()
    assert finished_report(empty, "f", overwrite) is None
    assert refused(empty).code == "GF-M11"
    link.symlink_to(empty)
    assert refused(link, overwrite=True).code == "GF-M12"
    file.touch()
    assert refused(file, overwrite=True).code == "GF-M12"
    link.unlink()
    link.symlink_to("nowhere")
    assert refused(link).code == "GF-M11"


@pytest.mark.parametrize("name", ["..", "a/..", "/", "."])
def test_a_place_without_a_name_of_its_own(name: str) -> None:
    error = refused(Path(name))
    assert isinstance(error, UsageError)
    assert error.message == f"`output` {str(Path(name))!r} has no name of its own."
    assert error.code == "GF-U22"


def test_a_new_place_must_be_in_a_folder_that_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Path, int]] = []
    monkeypatch.setattr(room, "check_place", lambda folder, needed: asked.append((folder, needed)))
    monkeypatch.chdir(tmp_path)
    assert finished_report(Path("new"), "f", OPTIONS) is None
    assert asked == [(tmp_path, room.MODEL_BYTES)]
    (tmp_path / "file").touch()
    for place in (tmp_path / "nowhere" / "m", tmp_path / "file" / "m"):
        error = refused(place)
        assert isinstance(error, ResourceError)
        assert error.message == "this folder is missing or cannot be written."
        assert (error.code, error.file) == ("GF-E02", str(place.parent))
    monkeypatch.setattr(room.os, "access", lambda *_: False)
    assert refused(tmp_path / "m").code == "GF-E02"


def test_the_run_folder_stands_beside_the_model_unless_it_is_named(tmp_path: Path) -> None:
    assert make_run_dir(dataclasses.replace(OPTIONS, output=str(tmp_path / "m"))) == tmp_path / "m.run"
    assert make_run_dir(dataclasses.replace(OPTIONS, output=tmp_path / "m.v2")).name == "m.v2.run"
    named = dataclasses.replace(OPTIONS, run_dir=str(tmp_path / "deep" / "er"))
    assert make_run_dir(named).is_dir()
    make_run_dir(named)  # it may be there
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match="cannot make it: ") as caught:
        make_run_dir(dataclasses.replace(OPTIONS, run_dir=str(tmp_path / "file")))
    assert (caught.value.code, caught.value.file) == ("GF-E03", str(tmp_path / "file"))
    assert "`run_dir`" in caught.value.remedy


def test_a_result_follows_from_the_data_and_the_options_that_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    panel, other = panel_of([1.0, 2.0, 3.0]), panel_of([1.0, 2.0, 4.0])
    facts = facts_of(OPTIONS, panel)
    neutral = {
        "output": "n", "run_dir": "r", "fresh": True, "overwrite": True, "trials": 9, "max_time": 9.0,
        "workers": 1, "worker_memory": 900, "trial_time": 9.0, "retries": 3, "audit": True, "cache": False,
    }  # fmt: skip
    for name, value in neutral.items():
        assert facts_of(dataclasses.replace(OPTIONS, **{name: value}), panel) == facts, name
    names = {one.name for one in dataclasses.fields(FitOptions)}
    assert set(facts["options"]) == names - set(neutral)
    assert facts_of(dataclasses.replace(OPTIONS, seed=OPTIONS.seed + 1), panel) != facts
    assert facts_of(OPTIONS, other) != facts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "card", lambda: structs.replace(card(), sha256="0" * 64))
        assert facts_of(OPTIONS, panel) != facts
    monkeypatch.setattr(room, "installed", lambda: "1.0")
    with_stats, without = (facts_of(dataclasses.replace(OPTIONS, stats=stats), panel) for stats in (True, False))
    one = fingerprint_of(with_stats, stats=True), fingerprint_of(without, stats=False)
    assert fingerprint_of(dict(reversed(with_stats.items())), stats=True) == one[0]
    assert len(one[0]) == 64
    assert json.loads(json.dumps(facts)) == json.loads(json.dumps(facts_of(OPTIONS, panel)))
    monkeypatch.setattr(room, "installed", lambda: "2.0")
    assert fingerprint_of(with_stats, stats=True) != one[0]
    assert fingerprint_of(without, stats=False) == one[1]


def test_keys_that_just_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = panel_of([1.0, 2.0], [1.0, 2.0], [3.0])
    panel = dataclasses.replace(panel, ids=(("é",), ("bb",), ("c",)))  # 5 bytes, and 18 more for each key
    monkeypatch.setattr(room, "ROOM", 0)
    for name, needed in (("MAX_JSON", 5 + 3 * 18), ("MAX_VALUES", 6)):
        with monkeypatch.context() as patch:
            patch.setattr(room, name, needed)
            check_keys_fit(panel)
            patch.setattr(room, name, needed - 1)
            with pytest.raises(DataError) as caught:
                check_keys_fit(panel)
            assert caught.value.message == "3 series with 59 bytes of ids are more than one model folder holds."
            assert caught.value.code == "GF-D75"
    monkeypatch.setattr(room, "ROOM", 100)
    monkeypatch.setattr(room, "MAX_JSON", 59 + 100)
    monkeypatch.setattr(room, "MAX_VALUES", 6 + 10)
    check_keys_fit(panel)

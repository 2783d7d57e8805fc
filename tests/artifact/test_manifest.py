"""The manifest: what it lists and how, which facts may stand in it, and what is said about those that may not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hostile import write_manifest
from msgspec import UNSET

from gruforecast.artifact import manifest as room
from gruforecast.artifact.manifest import FileFacts, FitFacts, check_file, check_files, listed, read_manifest, seal
from gruforecast.errors import ModelError
from gruforecast.execution.atomic_files import file_digest
from gruforecast.version import __version__

SIGNATURE = {
    "signature": "serving_default",
    "inputs": [{"name": "y", "dtype": "float64", "shape": "(batch, time)", "is": "the series", "column": "sales"}],
    "outputs": [{"name": "y_hat", "dtype": "float64", "shape": "(batch, 6)"}],
    "quantile_levels": [0.1, 0.5, 0.9],
    "horizon": 6,
    "lookback": 24,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    (made / "sub" / "deeper").mkdir(parents=True)
    for name in ("weights.npz", "b.txt", "sub/z", "model.json", "sub/deeper/a", "a.txt", "sub/b"):
        (made / name).write_text(name)
    seal(made, FitFacts(trials=3, verdict="gut é"))
    return made


def refused(folder: Path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        read_manifest(folder)
    return caught.value


def test_files_stand_there_by_name_whatever_the_system_lists_first(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = ["a.txt", "b.txt", "model.json", "sub/b", "sub/deeper/a", "sub/z", "weights.npz"]
    real = Path.rglob
    for backwards in (False, True):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "rglob", lambda *pair, way=backwards: sorted(real(*pair), reverse=way))
            seal(folder, FitFacts(trials=3))
        assert list(read_manifest(folder).files) == wanted


def test_it_says_what_is_there_and_nothing_of_itself(folder: Path) -> None:
    found = read_manifest(folder)
    written = json.loads((folder / "manifest.json").read_bytes())
    assert sorted(written) == ["files", "format", "gruforecast", "sha256", "trials", "verdict"]
    assert (list(written)[-1], written["sha256"]) == ("sha256", found.sha256)
    assert (found.format, found.gruforecast, found.trials, found.audit) == (1, __version__, 3, UNSET)
    assert found.files["sub/z"] == FileFacts(bytes=5, sha256=file_digest(folder / "sub" / "z"))
    assert "manifest.json" not in found.files
    assert "gut é" in (folder / "manifest.json").read_text(encoding="utf-8")
    seal(folder, FitFacts(trials=4))  # the old one is not listed in the new one
    assert "manifest.json" not in read_manifest(folder).files
    check_files(folder, read_manifest(folder))


def test_one_changed_file_among_many_is_named(folder: Path) -> None:
    found = read_manifest(folder)
    for name, content in (("sub/b", "sub/B"), ("a.txt", "a.tx"), ("weights.npz", "weights.npz+")):
        before = (folder / name).read_text()
        (folder / name).write_text(content)
        with pytest.raises(ModelError, match="not the one that was saved") as caught:
            check_files(folder, found)
        assert (caught.value.code, caught.value.file) == ("GF-M08", str(folder / name))
        check_file(folder, found, "sub/z")
        (folder / name).write_text(before)
    check_files(folder, found)
    (folder / "sub" / "z").unlink()
    with pytest.raises(ModelError, match="the file is missing"):
        check_files(folder, found)


def test_a_file_that_is_not_listed_is_none_of_the_model(folder: Path) -> None:
    (folder / "more").write_text("x")
    assert listed(folder, read_manifest(folder), "b.txt").bytes == 5
    with pytest.raises(ModelError) as caught:
        check_file(folder, read_manifest(folder), "more")
    assert caught.value.message == "the manifest does not name this file."
    assert (caught.value.code, caught.value.file) == ("GF-M07", str(folder / "more"))


def test_no_folder_no_manifest_and_a_manifest_that_is_a_link(folder: Path, tmp_path: Path) -> None:
    error = refused(tmp_path / "nowhere")
    assert (error.message, error.code) == ("there is no such model folder.", "GF-M01")
    assert "gruforecast_model" in error.remedy
    assert refused(folder / "a.txt").code == "GF-M01"
    error = refused(folder / "sub")
    assert (error.message, error.code) == ("there is no manifest.json: this is no model folder.", "GF-M02")
    assert error.file == str(folder / "sub")
    (folder / "sub" / "manifest.json").symlink_to("nowhere")
    assert refused(folder / "sub").code == "GF-M20"


def test_another_format_is_told_by_its_age(folder: Path) -> None:
    for found, words, remedy in (
        (2, f"by gruforecast 9.9 in format 2; you have {__version__}, for format 1.", "pip install 'gruforecast>=9.9'"),
        (0, f"by gruforecast 9.9 in another format; this is {__version__}.", "Fit it again with this version"),
        (True, "in another format", "Fit it again"),
        ("1", "in another format", "Fit it again"),
        (None, "in another format", "Fit it again"),
    ):
        write_manifest(folder, lambda one, value=found: one.update(format=value, gruforecast="9.9"))
        error = refused(folder)
        assert (error.code, error.file) == ("GF-M04", str(folder))
        assert words in error.message
        assert remedy in error.remedy
    (folder / "manifest.json").write_text("[1]")
    assert "written by gruforecast ? in another format" in refused(folder).message
    write_manifest_again = {"format": 1.0, "gruforecast": "0.1.0", "files": {}}
    (folder / "manifest.json").write_text(json.dumps(write_manifest_again))
    assert refused(folder).message == "the key 'sha256' is missing."


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trials", 0),
        ("cut_at", None),
        ("cut_at", 1.5),
        ("late_at", 2),
        ("versions", {}),
        ("data", {"rows": 3, "name": "x", "none": None, "share": 0.5, "yes": True}),
        ("data", {"plain": 1, "nested": {"a": 1, "b": "x"}}),
        ("chosen", {}),
        ("scores", {"gru": {"mase": 1.0}, "theta": {"fold": {"mase": None}}}),
        ("evidence", None),
        ("evidence", {"p": 0.05}),
        ("parity", 1),
        ("saved_model", SIGNATURE),
    ],
)
def test_facts_that_must_be_read(folder: Path, name: str, value: Any) -> None:
    write_manifest(folder, lambda one: one.update({name: value}))
    assert msgspec.to_builtins(getattr(read_manifest(folder), name)) == value
    seal(folder, read_manifest(folder))
    assert json.loads((folder / "manifest.json").read_bytes())[name] == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trials", -1),
        ("trials", True),
        ("trials", 1.0),
        ("cut_at", "1"),
        ("late_at", False),
        ("versions", {"numpy": "2", "keras": 3}),
        ("versions", ["2"]),
        ("data", {"plain": 1, "list": [1]}),
        ("data", {"list": [1], "plain": 1}),
        ("data", {"nested": {"plain": 1, "list": []}}),
        ("data", {"nested": {"deeper": {"a": 1}}}),
        ("data", [1]),
        ("chosen", None),
        ("scores", {"gru": {"mase": 1.0}, "theta": 1}),
        ("scores", None),
        ("evidence", [1]),
        ("parity", None),
        ("parity", True),
        ("fingerprint", None),
        ("audit", 1),
        ("verdict", 1),
        ("saved_model", [[[[[[[[]]]]]]]]),
        ("saved_model", {"inputs": []}),
        ("saved_model", {**SIGNATURE, "inputs": [{"name": "y", "dtype": "float64"}]}),
        ("saved_model", {**SIGNATURE, "novelty": 1}),
    ],
)
def test_facts_that_may_not_be(folder: Path, name: str, value: Any) -> None:
    write_manifest(folder, lambda one: one.update({name: value}))
    error = refused(folder)
    assert error.message.startswith("a value is of another kind than it should be: ")
    assert f"`$.{name}" in error.message
    assert (error.code, error.file) == ("GF-M05", str(folder / "manifest.json"))


def test_lists_of_files_at_their_limits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_FILES", 7)
    assert len(read_manifest(folder).files) == 7
    monkeypatch.setattr(room, "MAX_FILES", 6)
    assert refused(folder).message == "the list of files names more than 6."
    monkeypatch.undo()
    others = sum(len(name) for name in ("b.txt", "sub/z", "sub/deeper/a", "a.txt", "sub/b"))  # not the light ones
    monkeypatch.setattr(room, "MAX_BYTES", others)
    read_manifest(folder)
    monkeypatch.setattr(room, "MAX_BYTES", others - 1)
    error = refused(folder)
    assert error.message == f"export and report have {others} bytes; at most {others - 1} are read."
    assert error.code == "GF-M22"


@pytest.mark.parametrize(
    "facts",
    [
        {"bytes": -1, "sha256": "a" * 64},
        {"bytes": True, "sha256": "a" * 64},
        {"bytes": 1.0, "sha256": "a" * 64},
        {"bytes": 1, "sha256": "A" * 64},
        {"bytes": 1, "sha256": "a" * 63},
        {"bytes": 1, "sha256": "a" * 65},
        {"bytes": 1, "sha256": None},
    ],
)
def test_impossible_sizes_and_digests(folder: Path, facts: dict[str, Any]) -> None:
    write_manifest(folder, lambda one: one["files"].update({"a.txt": facts}))
    error = refused(folder)
    assert "`$.files[...]." in error.message
    assert (error.code, error.file) == ("GF-M05", str(folder / "manifest.json"))


def test_an_empty_file_and_one_of_nothing_but_a_digest_may_be(folder: Path) -> None:
    write_manifest(folder, lambda one: one["files"].update({"a.txt": {"bytes": 0, "sha256": "0" * 63 + "1"}}))
    assert read_manifest(folder).files["a.txt"].bytes == 0


def test_a_digest_of_itself_that_is_none(folder: Path) -> None:
    path = folder / "manifest.json"
    text = path.read_text()
    digest = json.loads(text)["sha256"]
    for other in ('"' + "0" * 64 + '"', '"' + digest[::-1] + '"', "null", '"x"'):
        path.write_text(text.replace(f'"{digest}"', other))
        error = refused(folder)
        assert (error.code, error.file) == ("GF-M08", str(path))


def test_a_manifest_of_just_the_most_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (folder / "manifest.json").stat().st_size
    monkeypatch.setattr(room, "MAX_MANIFEST", size)
    read_manifest(folder)
    monkeypatch.setattr(room, "MAX_MANIFEST", size - 1)
    assert refused(folder).code == "GF-M22"

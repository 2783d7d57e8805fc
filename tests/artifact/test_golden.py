"""Folders of every format that was ever written are read, and forecast what they forecast then."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from hostile import watched
from makers import AIR, GOLDEN
from rounding import assert_close32
from typer.testing import CliRunner

from gruforecast.artifact.folder import load
from gruforecast.artifact.manifest import FORMAT, read_manifest
from gruforecast.cli import app

FORMATS = sorted(GOLDEN.glob("format-*"))
MAX_BYTES = 3_000_000


def rows(text: str) -> tuple[list[str], list[list[str]], np.ndarray]:
    """Header, keys with stamps, and numbers of a forecast."""
    header, *lines = csv.reader(text.splitlines())
    return header, [line[:2] for line in lines], np.array([line[2:] for line in lines], float)


def test_there_is_a_folder_of_the_present_format() -> None:
    assert f"format-{FORMAT}" in {path.name for path in FORMATS}
    for golden in FORMATS:
        assert sum(path.stat().st_size for path in golden.rglob("*") if path.is_file()) < MAX_BYTES


@pytest.mark.parametrize("golden", FORMATS, ids=lambda path: path.name)
def test_it_forecasts_as_it_did_when_it_was_made(golden: Path) -> None:
    stored = sorted(golden.glob("*.csv"))
    members = load(golden / "model").members
    assert {path.stem for path in stored} == {"winner", "networks-from-data", "winner-from-data", *members}
    for path in stored:
        from_data = path.stem.endswith("-from-data")
        arguments = (
            [str(AIR), "--member", path.stem.removesuffix("-from-data")] if from_data else ["--member", path.stem]
        )
        done = CliRunner().invoke(app, ["predict", str(golden / "model"), *arguments])
        assert done.exit_code == 0, done.output
        (header, keys, found), (wanted_header, wanted_keys, wanted) = rows(done.stdout), rows(path.read_text())
        assert (header, keys) == (wanted_header, wanted_keys)
        assert_close32(found, wanted, terms=1000, axis=0)
        assert found.shape[1] >= 3


@pytest.mark.parametrize("golden", FORMATS, ids=lambda path: path.name)
def test_it_knows_what_it_is_wherever_it_lies(golden: Path, tmp_path: Path) -> None:
    """Copied to another place, without its data, and in an empty environment."""
    copy = shutil.copytree(golden / "model", tmp_path / "elsewhere" / "é [1]")
    for arguments in (["show"], ["predict"]):
        done = watched(arguments[0], str(copy), cwd=tmp_path)
        assert (done.code, done.heavy) == (0, []), done.stderr
    manifest = read_manifest(copy)
    assert manifest.scores
    assert manifest.verdict
    assert manifest.data
    assert manifest.data["n_rows"] == 144


@pytest.mark.parametrize("golden", FORMATS, ids=lambda path: path.name)
def test_no_place_of_the_machine_that_made_it_is_in_it(golden: Path) -> None:
    for path in (golden / "model").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for word in (b"/home/", b"/root", b"/tmp", b"/usr/", b"/var/", b"/work", b"/Users/", b"HOSTNAME", b"PATH="):
                assert word not in content, f"{word!r} in {path.name}"

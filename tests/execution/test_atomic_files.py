"""What is written takes the place of what was there in one step, whatever either is, and nothing stays behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from makers import TORTURE

from gruforecast.execution import atomic_files as durable
from gruforecast.execution.atomic_files import exchange, replace_with

SAVE9 = str(TORTURE / "save9.py")
LOSES = """
import os, runpy, shutil, sys
from gruforecast.execution import atomic_files as durable
durable.replace_with = lambda built, target: (shutil.rmtree(target, ignore_errors=True), os.rename(built, target))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def make(path: Path, kind: str, text: str) -> None:
    if kind == "file":
        path.write_text(text)
    elif kind == "folder":
        (path / "inside").mkdir(parents=True)
        (path / "inside" / "file").write_text(text)
    elif kind == "link":
        other = path.with_name("elsewhere")
        make(other, "folder", "precious")
        path.symlink_to(other)


def content(path: Path) -> str:
    return (path / "inside" / "file" if path.is_dir() else path).read_text()


@pytest.mark.parametrize("can", [True, False], ids=["exchange", "two renames"])
@pytest.mark.parametrize("new", ["file", "folder"])
@pytest.mark.parametrize("old", ["nothing", "file", "folder", "link"])
def test_the_new_thing_is_whole_and_the_old_one_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, can: bool
) -> None:
    if not can:
        monkeypatch.setattr(durable, "exchange", lambda one, other: False)
    target, built = tmp_path / "target", tmp_path / ".target.tmp-1"
    make(target, old, "old")
    make(built, new, "new")
    replace_with(built, target)
    assert content(target) == "new"
    assert not target.is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"target"} | ({"elsewhere"} if old == "link" else set())
    if old == "link":
        assert content(tmp_path / "elsewhere") == "precious"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems may be without")
def test_names_are_exchanged_in_one_step(tmp_path: Path) -> None:
    one, other = tmp_path / "one é", tmp_path / "other"
    make(one, "folder", "1")
    make(other, "file", "2")
    assert exchange(one, other)
    assert (content(one), content(other)) == ("2", "1")
    with pytest.raises(FileNotFoundError):
        exchange(one, tmp_path / "nothing")


def test_kills_at_any_step_of_a_save_leave_one_whole_model() -> None:
    command = [sys.executable, SAVE9, "--kills", "3", "--steps", "--every", "40"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unreadable 0, leftovers 0, strange 0" in done.stdout


def test_the_torture_finds_a_save_that_removes_first() -> None:
    command = [sys.executable, "-c", LOSES, SAVE9, "--kills", "0", "--steps", "--every", "9"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout
    assert "unreadable 0" not in done.stdout

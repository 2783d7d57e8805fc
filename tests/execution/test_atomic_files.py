"""What is written takes the place of what was there in one step, whatever either is, and nothing stays behind."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from makers import TORTURE

from gruforecast.errors import ResourceError
from gruforecast.execution import atomic_files as durable
from gruforecast.execution.atomic_files import (
    Lock,
    check_place,
    clear_leftovers,
    exchange,
    remove_parts,
    replace_with,
    sync,
    write_all,
    write_file,
)

SAVE9 = str(TORTURE / "save9.py")
LOSES = """
import os, runpy, shutil, sys
from gruforecast.execution import atomic_files as durable
durable.replace_with = lambda built, target: (shutil.rmtree(target, ignore_errors=True), os.rename(built, target))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def open_files() -> set[str]:
    """What this process has open, as far as the system tells."""
    place = Path("/proc/self/fd")
    return {path.name for path in place.iterdir()} if place.exists() else set()


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


@pytest.mark.skipif(sys.platform != "linux", reason="other systems may be without")
def test_relative_names_are_those_of_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path("one"), "folder", "1")
    make(Path("other"), "folder", "2")
    assert exchange(Path("one"), Path("other"))
    assert (content(tmp_path / "one"), content(tmp_path / "other")) == ("2", "1")
    replace_with(Path("one"), Path("other"))
    assert content(tmp_path / "other") == "2"
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


class Libc:
    """A C library in which an exchange fails."""

    def __init__(self, number: int) -> None:
        self.number = number

    def renameat2(self, *_: object) -> int:
        durable.ctypes.set_errno(self.number)
        return -1


@pytest.mark.skipif(sys.platform != "linux", reason="calls renameat2")
def test_a_system_without_exchange_is_no_error_and_a_failing_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM):
        monkeypatch.setattr(durable.ctypes, "CDLL", lambda *_, number=number, **__: Libc(number))
        assert not exchange(tmp_path / "one", tmp_path / "other")
    monkeypatch.setattr(durable.ctypes, "CDLL", lambda *_, **__: Libc(errno.EIO))
    with pytest.raises(OSError, match="Input/output error") as caught:
        exchange(tmp_path / "one", tmp_path / "other")
    assert (caught.value.errno, caught.value.filename) == (errno.EIO, str(tmp_path / "other"))
    monkeypatch.setattr(durable.ctypes, "CDLL", lambda *_, **__: object())
    assert not exchange(tmp_path / "one", tmp_path / "other")


def test_all_of_it_is_on_disk_before_it_takes_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, built = tmp_path / "target", tmp_path / "built"
    make(target, "folder", "old")
    make(built, "folder", "new")
    (built / "link").symlink_to(tmp_path / "nowhere")
    steps: list[str] = []
    monkeypatch.setattr(durable, "sync", lambda path: steps.append(path.relative_to(tmp_path).as_posix()))
    monkeypatch.setattr(durable, "exchange", lambda one, other: steps.append("exchange") or exchange(one, other))
    replace_with(built, target)
    before = steps[: steps.index("exchange")]
    assert sorted(before) == ["built", "built/inside", "built/inside/file"]
    assert before[-1] == "built"
    assert steps[len(before) + 1] == "."


def test_what_writers_that_were_killed_left_goes_and_nothing_else(tmp_path: Path) -> None:
    for name in (".x.1.part", "x.part", ".x.1.par", ".part.x"):
        (tmp_path / name).touch()
    remove_parts(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"x.part", ".x.1.par", ".part.x"}


def test_leftovers_beside_a_whole_model_go_and_those_of_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    make(Path("m"), "folder", "whole")
    names = (f".m.old-{gone.pid}", f".m.tmp-{gone.pid}", f".m.old-{10**30}")
    stay = (f".m.old-{os.getpid()}", f"m.old-{gone.pid}", f".m.new-{gone.pid}", f".m.tmp-{gone.pid}x", ".m.tmp-1")
    for name in (*names, *stay):
        make(Path(name), "folder", name)
    clear_leftovers(Path("m"))
    assert {path.name for path in tmp_path.iterdir()} == {"m", *stay}
    assert content(Path("m")) == "whole"


def test_what_cannot_be_written_is_said_and_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "target"
    write_file(target, b"old")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(durable.os, "fsync", full)
    with pytest.raises(ResourceError) as caught:
        write_file(target, b"x" * 1234)
    assert caught.value.message == "cannot write 1,234 bytes: No space left on device."
    assert (caught.value.file, caught.value.code) == (str(target), "GF-E01")
    assert "Make room" in caught.value.remedy
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_a_file_is_flushed_before_it_takes_its_name_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    flush, rename = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        flush(descriptor)

    def replace(one: Path, other: Path) -> None:
        steps.append("rename")
        rename(one, other)

    monkeypatch.setattr(durable.os, "fsync", fsync)
    monkeypatch.setattr(durable.os, "replace", replace)
    mask = os.umask(0o022)
    try:
        write_file(tmp_path / "file", b"x")
    finally:
        os.umask(mask)
    assert steps == ["file", "rename", "folder"]
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o644


@pytest.mark.parametrize("can", [True, False], ids=["exchange", "two renames"])
def test_the_list_of_names_is_flushed_before_the_old_thing_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can: bool
) -> None:
    target, built = tmp_path / "target", tmp_path / "built"
    make(target, "folder", "old")
    make(built, "folder", "new")
    steps: list[str] = []
    real = durable.remove
    monkeypatch.setattr(durable, "exchange", lambda one, other: can and exchange(one, other))
    monkeypatch.setattr(durable, "sync", lambda path: steps.append(path.name))
    monkeypatch.setattr(durable, "remove", lambda path: (steps.append("remove"), real(path)))
    replace_with(built, target)
    assert steps[3:] == [tmp_path.name, "remove", tmp_path.name]


def test_a_lock_that_cannot_be_made_or_is_held_says_so(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="cannot be written: No such file or directory") as caught:
        Lock(tmp_path / "nowhere")
    assert (caught.value.code, caught.value.file) == ("GF-E03", str(tmp_path / "nowhere" / "lock"))
    with Lock(tmp_path):
        before = open_files()
        with pytest.raises(ResourceError, match=rf"the run folder is in use by pid {os.getpid()} on ") as caught:
            Lock(tmp_path)
        assert (caught.value.code, caught.value.file) == ("GF-E09", str(tmp_path))
        assert "`run_dir`" in caught.value.remedy
        assert before == open_files()
        (tmp_path / "lock").write_text("")
        with pytest.raises(ResourceError, match="in use by another process"):
            Lock(tmp_path)
    (tmp_path / "lock").write_text("x" * 500)
    with Lock(tmp_path):
        assert (tmp_path / "lock").read_text().startswith(f"pid {os.getpid()} on ")
        assert (tmp_path / "lock").read_text().count("\n") == 1


def test_short_writes_go_on_where_they_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(durable.os, "write", lambda descriptor, rest: real(descriptor, bytes(rest[:3])))
    write_file(tmp_path / "file", b"0123456789")
    assert (tmp_path / "file").read_bytes() == b"0123456789"
    write_all(-1, b"")  # nothing to write is no call


def test_a_folder_or_file_is_flushed_and_closed(tmp_path: Path) -> None:
    make(tmp_path / "file", "file", "x")
    before = len(open_files())
    sync(tmp_path)
    sync(tmp_path / "file")
    assert before == len(open_files())
    with pytest.raises(FileNotFoundError):
        sync(tmp_path / "nothing")


@pytest.mark.parametrize(("needed", "fits"), [(4096 * 500, True), (4096 * 500 + 1, False)])
def test_room_that_is_just_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needed: int, fits: bool) -> None:
    class Disk:
        f_bavail, f_frsize, f_bfree, f_bsize = 500, 4096, 10**9, 10**9

    monkeypatch.setattr(durable.os, "statvfs", lambda _: Disk)
    if fits:
        check_place(tmp_path, needed)
    else:
        with pytest.raises(ResourceError, match=r"about 2\.0 MB are needed here, 2\.0 MB are free") as caught:
            check_place(tmp_path, needed)
        assert (caught.value.code, caught.value.file) == ("GF-E08", str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_found_out_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        check_place(tmp_path / "nowhere", 0)


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

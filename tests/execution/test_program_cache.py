"""Kept programs: what is damaged, exchanged, planted or foreign is never used, and no trouble here is an error."""

from __future__ import annotations

import errno
import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gruforecast.execution import program_cache
from gruforecast.execution.program_cache import (
    Program,
    Programs,
    cache_folder,
    entries,
    evict,
    kept_programs,
    publish,
    read_entry,
    refusal,
    trouble_with,
    write_entry,
)

ONE, TWO = "1" * 64, "2" * 64
PROGRAMS = {
    name: Program(b"graph " + name.encode(), ["mean", "variable 0"], {f"x{name}.pb": b"code"}) for name in (ONE, TWO)
}


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache folder of the user, which is not there yet."""
    monkeypatch.setenv("GRUFORECAST_CACHE", str(tmp_path / "home"))
    return tmp_path / "home" / "programs"


@pytest.fixture
def filled(shared: Path) -> Path:
    shared.mkdir(0o700, parents=True)
    for name, program in PROGRAMS.items():
        write_entry(shared, name, program)
    return shared


def finds(run_dir: Path, key: str) -> Program | None:
    """What a worker of a new run finds, whose compiled files must lie where TensorFlow looks then."""
    run_dir.mkdir(exist_ok=True)
    with kept_programs(run_dir) as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        programs = Programs.of_run()
        assert programs is not None
        found = programs.find(key)
        there = {path.name: path.read_bytes() for path in programs.xla.iterdir()}
        assert there == (found.compiled if found else {})
        return found


def made_by_a_run(run_dir: Path, name: str = ONE, program: Program | None = None) -> None:
    """A run that compiles a program, and ends."""
    run_dir.mkdir(exist_ok=True)
    with kept_programs(run_dir) as variables:
        run = Path(variables[program_cache.RUN])
        (run / "xla" / f"x{name}.pb").write_bytes(b"of gruforecast_" + name[:32].encode() + b"_0")
        (run / "xla" / "another.pb").write_bytes(b"of gruforecast_" + b"9" * 32)
        Programs(run).keep(name, program or Program(b"graph", ["mean"]))


def test_what_one_run_compiled_another_finds(shared: Path, tmp_path: Path) -> None:
    made_by_a_run(tmp_path / "first")
    assert [path.name for path in shared.iterdir()] == [ONE]
    assert shared.stat().st_mode & 0o777 == 0o700
    found = finds(tmp_path / "second", ONE)
    assert found == Program(b"graph", ["mean"], {f"x{ONE}.pb": b"of gruforecast_" + b"1" * 32 + b"_0"})
    assert finds(tmp_path / "second", TWO) is None
    assert [path.name for folder in ("first", "second") for path in (tmp_path / folder).iterdir()] == []


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found(tmp_path_factory: pytest.TempPathFactory, place: int, bit: int) -> None:
    folder = tmp_path_factory.mktemp("flipped")
    write_entry(folder, ONE, PROGRAMS[ONE])
    content = bytearray((folder / ONE).read_bytes())
    content[place % len(content)] ^= 1 << bit
    (folder / ONE).write_bytes(content)
    assert read_entry(folder, ONE) is None
    assert not (folder / ONE).exists()


@given(keep=st.floats(0, 1, exclude_max=True))
def test_a_truncated_entry_is_found(tmp_path_factory: pytest.TempPathFactory, keep: float) -> None:
    folder = tmp_path_factory.mktemp("short")
    write_entry(folder, ONE, PROGRAMS[ONE])
    os.truncate(folder / ONE, int(keep * (folder / ONE).stat().st_size))
    assert read_entry(folder, ONE) is None


def test_entries_with_their_contents_exchanged_are_worth_nothing(filled: Path, tmp_path: Path) -> None:
    assert [finds(tmp_path / "run", name) for name in PROGRAMS] == list(PROGRAMS.values())
    (filled / ONE).rename(filled / "third")
    (filled / TWO).rename(filled / ONE)
    (filled / "third").rename(filled / TWO)
    assert [finds(tmp_path / "run", name) for name in PROGRAMS] == [None, None]
    assert entries(filled) == []


def test_a_whole_entry_of_another_kind_is_not_used(filled: Path, tmp_path: Path) -> None:
    (filled / ONE).write_bytes(program_cache.entry_bytes(ONE, b"\x81\xa5graph\x01"))
    assert finds(tmp_path / "run", ONE) is None


def test_names_of_compiled_files_lead_nowhere_else(filled: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    write_entry(filled, ONE, Program(b"", [], {"../../out.pb": b"", "/out.pb": b"", "a\n.pb": b"", "x.so": b""}))
    with kept_programs(tmp_path / "run") as variables:
        programs = Programs(Path(variables[program_cache.RUN]), filled)
        assert programs.find(ONE) is not None
        assert [path for path in tmp_path.rglob("*") if path.is_file() and path.parent != filled] == []


@pytest.mark.parametrize("kind", ["link", "dangling", "pipe", "folder"])
def test_what_was_planted_in_the_place_of_an_entry_is_removed(filled: Path, tmp_path: Path, kind: str) -> None:
    (filled / ONE).rename(tmp_path / "elsewhere")  # whole, and of the right name
    if kind == "pipe":
        os.mkfifo(filled / ONE)
    elif kind == "folder":
        (filled / ONE).mkdir()
    else:
        (filled / ONE).symlink_to(tmp_path / ("elsewhere" if kind == "link" else "nothing"))
    assert finds(tmp_path / "run", ONE) is None
    assert not os.path.lexists(filled / ONE)
    made_by_a_run(tmp_path / "run")
    assert finds(tmp_path / "run", ONE) is not None
    assert (tmp_path / "elsewhere").exists()
    assert not (tmp_path / "nothing").exists()


def test_nothing_is_written_through_a_link(filled: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (filled / f".{'3' * 64}.{os.getpid()}.part").symlink_to(tmp_path / "precious")
    made_by_a_run(tmp_path / "run", "3" * 64)
    assert (tmp_path / "precious").read_text() == "mine"
    assert finds(tmp_path / "run", "3" * 64) is not None


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o777, 0o702])
def test_a_folder_open_to_others_is_refused_with_the_remedy(filled: Path, tmp_path: Path, mode: int) -> None:
    filled.chmod(mode)
    assert finds(tmp_path / "run", ONE) is None
    made_by_a_run(tmp_path / "run", "3" * 64)
    assert len(entries(filled)) == 2
    said = refusal()
    assert said is not None
    subprocess.run(shlex.split(said.rpartition("; run ")[2]), check=True)
    assert refusal() is None
    assert finds(tmp_path / "run", ONE) is not None


def test_a_folder_of_another_user_is_refused(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    assert trouble_with(filled) == "belongs to another user"
    assert "GRUFORECAST_CACHE" in str(refusal())
    publish(filled, tmp_path / "other")
    assert Programs(tmp_path).find(ONE) is None


def test_a_link_or_a_file_in_the_place_of_the_folder_is_refused(filled: Path, tmp_path: Path) -> None:
    filled.rename(tmp_path / "real")
    filled.symlink_to(tmp_path / "real")
    assert refusal() is not None
    assert finds(tmp_path / "run", ONE) is None
    filled.unlink()
    filled.write_text("")
    assert refusal() is not None
    made_by_a_run(tmp_path / "run")


def test_a_run_folder_open_to_others_is_not_used(filled: Path, tmp_path: Path) -> None:
    (tmp_path / "programs").mkdir(0o777)
    (tmp_path / "programs").chmod(0o777)
    with kept_programs(tmp_path) as variables:
        assert variables == {}


def test_without_a_place_at_home_a_run_goes_on_in_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").write_text("a file, in which no folder can be made")
    monkeypatch.setenv("GRUFORECAST_CACHE", str(tmp_path / "home"))
    made_by_a_run(tmp_path / "run")
    assert finds(tmp_path / "run", ONE) is None
    assert refusal() is None


def test_a_full_disk_costs_nothing_but_the_program(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "run").mkdir()
    with kept_programs(tmp_path / "run") as variables:
        programs = Programs(Path(variables[program_cache.RUN]), filled)
        programs.keep(TWO, PROGRAMS[TWO])
        monkeypatch.setattr(os, "write", full)
        assert programs.find(ONE) is None  # its compiled files have no place
        programs.keep("3" * 64, PROGRAMS[ONE])
        write_entry(programs.run, "4" * 64, PROGRAMS[ONE])
    assert sorted(path.name for path in filled.iterdir()) == [ONE, TWO]


def test_many_runs_that_end_at_once_leave_whole_entries(shared: Path, tmp_path: Path) -> None:
    names = [str(k) * 64 for k in range(4)]

    def end(number: int) -> None:
        run = tmp_path / f"run-{number}"
        run.mkdir()
        for name in names[number % 2 :]:
            write_entry(run, name, Program(name.encode() * 1000, []))
        publish(run, shared)

    threads = [threading.Thread(target=end, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.name for path in shared.iterdir()) == names
    assert [read_entry(shared, name) for name in names] == [Program(name.encode() * 1000, []) for name in names]


def test_who_cannot_get_the_lock_goes_on(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_cache, "TRIES", 2)
    with program_cache._locked(filled) as held:
        assert held
        made_by_a_run(tmp_path / "run", "3" * 64)
    assert len(entries(filled)) == 2


def test_the_least_recently_used_entries_go_first(shared: Path, tmp_path: Path) -> None:
    shared.mkdir(0o700, parents=True)
    names = [str(k) * 64 for k in range(5)]
    for age, name in enumerate(names):
        write_entry(shared, name, Program(bytes(1000), []))
        os.utime(shared / name, (1000 + age, 1000 + age))
    (shared / "note").write_text("of the user")
    assert finds(tmp_path / "run", names[0]) is not None  # used now
    size = (shared / names[0]).stat().st_size
    evict(shared, 2 * size + 1)
    assert [path.name for _, _, path in entries(shared)] == [names[4], names[0]]
    assert (shared / "note").exists()
    evict(shared, 2 * size)
    assert len(entries(shared)) == 2


def test_a_run_leaves_no_more_than_the_cache_may_hold(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = Program(bytes(10_000), [])
    for name in PROGRAMS:
        write_entry(filled, name, large)
    os.utime(filled / TWO, (1000, 1000))
    monkeypatch.setattr(program_cache, "MAX_BYTES", 25_000)
    made_by_a_run(tmp_path / "run", "3" * 64, large)
    assert sorted(path.name for _, _, path in entries(filled)) == [ONE, "3" * 64]


DIES = """
import os, sys
from pathlib import Path
from gruforecast.execution.program_cache import Programs
with Programs(Path(sys.argv[1])).trying(sys.argv[2]):
    os._exit(11)
"""


def test_a_program_that_ended_a_process_is_not_used_again(filled: Path, tmp_path: Path) -> None:
    with kept_programs(tmp_path) as variables:
        programs = Programs(Path(variables[program_cache.RUN]), filled)
        with programs.trying(ONE):
            assert programs.find(ONE) is not None  # this process goes on
        assert not list(programs.run.glob("*.trying"))
        subprocess.run([sys.executable, "-c", DIES, str(programs.run), ONE], check=False)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Programs, "drop", lambda *_: None)  # the folder is read-only
            assert programs.find(ONE) is None
        assert programs.find(ONE) is None
        assert programs.find(TWO) is not None
    assert [path.name for _, _, path in entries(filled)] == [TWO]


def test_a_run_that_was_killed_finds_its_programs_and_checks_them(shared: Path, tmp_path: Path) -> None:
    context = kept_programs(tmp_path)
    run = Path(context.__enter__()[program_cache.RUN])
    (run / "xla" / "half.pb").write_bytes(b"half written")
    for name, program in PROGRAMS.items():
        write_entry(run, name, program)
    os.truncate(run / TWO, 50)
    with kept_programs(tmp_path) as variables:  # the same command once more
        programs = Programs(Path(variables[program_cache.RUN]))
        assert not list(programs.xla.iterdir())
        assert [programs.find(name) for name in (ONE, TWO)] == [PROGRAMS[ONE], None]
    assert [path.name for _, _, path in entries(shared)] == [ONE]


@pytest.mark.parametrize("own", ["", "--tf_xla_auto_jit=0"])
def test_flags_of_the_user_stay(tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch, own: str) -> None:
    monkeypatch.setenv("TF_XLA_FLAGS", own)
    with kept_programs(tmp_path) as variables:
        flags = shlex.split(variables["TF_XLA_FLAGS"])
    assert flags[:-3] == own.split()
    assert flags[-3] == f"--tf_xla_persistent_cache_directory={tmp_path}/programs/xla"


def test_a_cache_of_the_users_own_for_tensorflow_is_left_alone(
    tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_persistent_cache_directory=/somewhere")
    with kept_programs(tmp_path) as variables:
        assert variables == {}
    with kept_programs(tmp_path, wanted=False) as variables:
        assert variables == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("variables", "system", "expected"),
    [
        ({"GRUFORECAST_CACHE": "/own", "XDG_CACHE_HOME": "/xdg"}, "linux", "/own/programs"),
        ({"XDG_CACHE_HOME": "/xdg"}, "linux", "/xdg/gruforecast/programs"),
        ({"XDG_CACHE_HOME": "relative"}, "linux", "/home/me/.cache/gruforecast/programs"),  # XDG: to be ignored
        ({}, "linux", "/home/me/.cache/gruforecast/programs"),
        ({}, "darwin", "/home/me/Library/Caches/gruforecast/programs"),
    ],
)
def test_the_folder_is_where_the_system_keeps_such_things(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], system: str, expected: str
) -> None:
    for name in ("GRUFORECAST_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**variables, "HOME": "/home/me"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", system)
    assert cache_folder() == Path(expected)

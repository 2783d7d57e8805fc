"""The journal is whole after anything: torn lines are cut, changed ones refused, failing calls leave it readable."""

from __future__ import annotations

import errno
import json
import os
import zlib
from pathlib import Path
from typing import Any

import fakes
import pytest

import gruforecast.automl.search.loop
import gruforecast.execution.atomic_files
import gruforecast.execution.journal
from gruforecast.errors import ModelError, ResourceError
from gruforecast.execution.atomic_files import Lock, check_place, write_file
from gruforecast.execution.journal import Journal, digest_of_request
from gruforecast.execution.pool import Ended, Task


def written(folder: Path, records: int = 3) -> Path:
    journal = Journal(folder, fakes.FACTS, {"lag": 4})
    for number in range(records):
        journal.append({"kind": "end", "name": f"trial-{number:03}", "request": "x", "result": {"score": number / 3}})
    journal.close()
    return journal.path


def test_records_come_back_as_they_were(tmp_path: Path) -> None:
    written(tmp_path)
    again = Journal(tmp_path, fakes.FACTS, {"lag": 99})
    assert [record["seq"] for record in again.records] == [0, 1, 2, 3]
    assert again.begin["lag"] == 4
    assert again.ended()["trial-001", "x"]["result"] == {"score": 1 / 3}
    assert not again.torn


def test_a_last_line_torn_at_any_byte_is_cut_and_the_journal_goes_on(tmp_path: Path) -> None:
    path = written(tmp_path)
    content = path.read_bytes()
    begin = content.rstrip(b"\n").rfind(b"\n") + 1
    for size in range(begin, len(content)):
        path.write_bytes(content[:size])
        journal = Journal(tmp_path, fakes.FACTS)
        assert len(journal.records) == 3
        assert journal.torn == (size > begin)
        journal.append({"kind": "end", "name": "trial-002", "request": "x", "result": {"score": 2 / 3}})
        journal.close()
        assert path.read_bytes() == content


def test_a_journal_torn_in_its_first_line_begins_anew(tmp_path: Path) -> None:
    path = written(tmp_path, records=0)
    content = path.read_bytes()
    path.write_bytes(content[:20])
    Journal(tmp_path, fakes.FACTS, {"lag": 4}).close()
    assert path.read_bytes() == content


@pytest.mark.parametrize("bit", range(8))
def test_one_flipped_bit_is_refused_with_the_line(tmp_path: Path, bit: int) -> None:
    path = written(tmp_path)
    content = path.read_bytes()
    last = content.rstrip(b"\n").rfind(b"\n")
    for place in range(last):
        damaged = bytearray(content)
        damaged[place] ^= 1 << bit
        path.write_bytes(damaged)
        with pytest.raises(ModelError, match="checksum mismatch") as refused:
            Journal(tmp_path, fakes.FACTS)
        assert refused.value.exit_code == 4
        assert refused.value.file == str(path)
        assert refused.value.line == content[:place].count(b"\n") + 1
        assert "fresh=True" in refused.value.remedy


def test_a_removed_line_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))
    with pytest.raises(ModelError, match="line 2: checksum mismatch"):
        Journal(tmp_path, fakes.FACTS)


def test_other_facts_are_refused_with_the_differences(tmp_path: Path) -> None:
    written(tmp_path)
    other = {"data": "fake", "options": {"horizon": 24, "season": None}}
    with pytest.raises(ModelError) as refused:
        Journal(tmp_path, other)
    assert "`horizon` 12 -> 24" in refused.value.message
    assert "data" not in refused.value.message.replace("other data", "")
    assert refused.value.exit_code == 4
    Journal(tmp_path, other, discard=lambda _: True).close()
    assert Journal(tmp_path, other).begin["facts"] == other


def test_a_fresh_start_gets_past_a_damaged_journal(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(b"x" + path.read_bytes())
    journal = Journal(tmp_path, fakes.FACTS, fresh=True)
    assert len(journal.records) == 1
    journal.close()
    assert len(Journal(tmp_path, fakes.FACTS).records) == 1


def test_numbers_that_json_does_not_know_never_get_in(tmp_path: Path) -> None:
    journal = Journal(tmp_path, fakes.FACTS)
    with pytest.raises(ValueError, match="not JSON compliant"):
        journal.append({"kind": "end", "score": float("nan")})
    assert len(Journal(tmp_path, fakes.FACTS).records) == 1


def differences(tmp_path: Path, old: dict[str, Any], new: dict[str, Any]) -> str:
    Journal(tmp_path, old).close()
    with pytest.raises(ModelError) as refused:
        Journal(tmp_path, new)
    assert (refused.value.code, refused.value.file) == ("GF-J02", str(tmp_path))
    return refused.value.message.removeprefix("the run folder holds a search with other data or options: ")


def test_differences_stand_there_by_name_and_shortened(tmp_path: Path) -> None:
    old = {"z": 1, "digest": "a" * 64, "near": "b" * 63, "deep": {"y": {"x": [1]}, "same": 0}, "long": "", "gone": 5}
    new = {
        "digest": "c" * 64,
        "near": "d" * 63,
        "z": 2,
        "long": "e" * 70,
        "deep": {"same": 0, "y": {"x": [2]}},
        "m": "f",
    }
    assert differences(tmp_path, old, new) == (
        f'deep.y.x [1] -> [2]; digest {"a" * 12} -> {"c" * 12}; gone 5 -> null; long "" -> "{"e" * 56}...; '
        f'm null -> "f"; near "{"b" * 56}... -> "{"d" * 56}...; z 1 -> 2.'
    )


@pytest.mark.parametrize(("length", "shown"), [(58, "x" * 58 + '"'), (59, "x" * 56 + "...")])
def test_a_difference_of_sixty_characters_is_shown_whole(tmp_path: Path, length: int, shown: str) -> None:
    assert differences(tmp_path, {"a": 1}, {"a": "x" * length}) == f'a 1 -> "{shown}.'


def test_tuples_and_lists_are_the_same_facts(tmp_path: Path) -> None:
    Journal(tmp_path, {"a": [1, 2]}).close()
    assert Journal(tmp_path, {"a": (1, 2)}).begin["facts"] == {"a": [1, 2]}


def test_a_journal_is_flushed_when_it_is_made_and_after_each_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (flushed.append(os.fstat(descriptor).st_ino), real(descriptor)))
    journal = Journal(tmp_path, fakes.FACTS)
    journal.append({"kind": "end"})
    one = journal.path.stat().st_ino
    assert flushed == [tmp_path.stat().st_ino, one, one]
    journal.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        journal.close()


def test_a_record_that_fails_half_written_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path, fakes.FACTS)
    journal.append({"kind": "end", "name": "a"})
    before = journal.path.read_bytes()

    def full(descriptor: int, content: bytes) -> None:
        os.write(descriptor, content[:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(gruforecast.execution.journal, "write_all", full)
        with pytest.raises(ResourceError, match=r"cannot write 48 bytes: No space left on device") as refused:
            journal.append({"kind": "end", "name": "b"})
    assert (refused.value.code, refused.value.file) == ("GF-E10", str(journal.path))
    assert journal.path.read_bytes() == before
    journal.append({"kind": "end", "name": "c"})
    journal.close()
    assert [one.get("name") for one in Journal(tmp_path, fakes.FACTS).records] == [None, "a", "c"]


def test_a_journal_that_cannot_be_opened_is_an_error_of_the_place(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").mkdir()
    with pytest.raises(ResourceError, match="cannot be opened: Is a directory") as refused:
        Journal(tmp_path, fakes.FACTS)
    assert (refused.value.code, refused.value.file) == ("GF-E10", str(tmp_path / "journal.jsonl"))


def test_what_is_discarded_was_seen_before_and_nothing_of_it_stays(tmp_path: Path) -> None:
    path = written(tmp_path)
    with path.open("ab") as stream:
        stream.write(b"torn")
    seen: list[Any] = []
    journal = Journal(tmp_path, fakes.FACTS, {"lag": 8}, lambda records: bool(seen.extend(records) or True))
    assert [one["seq"] for one in seen] == [0, 1, 2, 3]
    assert (len(journal.records), journal.begin["lag"], journal.torn) == (1, 8, False)
    assert path.read_bytes().count(b"\n") == 1
    journal.close()
    empty = tmp_path / "empty"
    empty.mkdir()
    Journal(empty, fakes.FACTS, discard=lambda _: pytest.fail("there was nothing to discard")).close()


def test_blank_and_strange_lines_are_refused_with_their_number(tmp_path: Path) -> None:
    path = written(tmp_path)
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    text = b'{"seq": 1}'
    numbered = b"%08x %s\n" % (zlib.crc32(text), text)
    for damaged, line in (
        (b"\n", 1),
        (b"\n" + content, 1),
        (content + b"\n", 5),
        (numbered, 1),  # a right checksum, but not the first record
        (lines[0] + numbered + numbered, 3),
        (lines[0] + numbered.replace(b" ", b"\t", 1), 2),
        (lines[0] + b"%08x null\n" % zlib.crc32(b"null"), 2),
    ):
        path.write_bytes(damaged)
        with pytest.raises(ModelError, match="checksum mismatch") as refused:
            Journal(tmp_path, fakes.FACTS)
        assert (refused.value.line, refused.value.code) == (line, "GF-J01")


def test_a_run_is_finished_by_one_record_and_jobs_have_ended_by_theirs(tmp_path: Path) -> None:
    journal = Journal(tmp_path, fakes.FACTS)
    assert not journal.finished
    journal.append({"kind": "end", "name": "a", "request": "1"})
    assert not journal.finished
    journal.append({"kind": "finished"})
    journal.append({"kind": "end", "name": "a", "request": "2"})
    journal.append({"kind": "other", "name": "a", "request": "3"})
    assert journal.finished
    assert list(journal.ended()) == [("a", "1"), ("a", "2")]


def test_what_changes_no_result_changes_no_digest() -> None:
    request = {"network": {"units": 32}, "folder": "a", "deadline": 1.0, "limit": 5}
    assert digest_of_request(request) == digest_of_request({"network": {"units": 32}, "folder": "b"})
    assert digest_of_request(request) != digest_of_request({**request, "network": {"units": 33}})
    assert digest_of_request({"b": 1, "a": 2}) == digest_of_request({"a": 2, "b": 1})


class Inline:
    """Runs tasks in this process, one after another."""

    def __init__(self) -> None:
        self.count, self.waiting = 1, []

    def submit(self, task: Task) -> None:
        self.waiting.append(task)

    def next(self) -> Ended:
        task = self.waiting.pop(0)
        return Ended(task.name, fakes.trial(task.request))

    def forget_waiting(self) -> list[str]:
        names = [task.name for task in self.waiting]
        self.waiting.clear()
        return names


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


class FaultyOs:
    """The module `os` whose n-th write, fsync or rename fails, or is the last thing that happens, half done."""

    def __init__(self, place: int, *, kill: bool) -> None:
        self.calls, self.place, self.kill = 0, place, kill

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in ("write", "fsync", "replace", "ftruncate"):
            return real

        def call(*arguments: Any) -> Any:
            number, self.calls = self.calls, self.calls + 1
            if number < self.place or (number > self.place and not self.kill):
                return real(*arguments)
            if not self.kill:
                raise OSError(errno.ENOSPC, "No space left on device")
            if number == self.place and name == "write":
                real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
            raise Killed

        return call


def inline_run(folder: Path, trials: int = 3) -> list[Any]:
    with fakes.open_jobs(folder, Inline()) as jobs:
        return fakes.leaderboard(fakes.run(jobs, trials))


@pytest.mark.parametrize("kill", [False, True], ids=["fails", "is the last"])
def test_every_single_write_may_fail_or_be_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill: bool
) -> None:
    monkeypatch.setattr(fakes.time, "sleep", lambda _: None)
    (tmp_path / "whole").mkdir()
    counter = FaultyOs(10**9, kill=False)
    with monkeypatch.context() as patch:
        for module in (gruforecast.execution.atomic_files, gruforecast.execution.journal):
            patch.setattr(module, "os", counter)
        wanted = inline_run(tmp_path / "whole")
    assert counter.calls > 20
    for place in range(int(kill), counter.calls):  # a death in call 0 would leave this process with the lock
        folder = tmp_path / str(place)
        folder.mkdir()
        with monkeypatch.context() as patch:
            faulty = FaultyOs(place, kill=kill)
            for module in (gruforecast.execution.atomic_files, gruforecast.execution.journal):
                patch.setattr(module, "os", faulty)
            if kill:
                with pytest.raises(Killed):
                    inline_run(folder)
            else:
                try:  # the name in the lock may fail, everything else must not go unnoticed
                    inline_run(folder)
                except ResourceError as error:
                    assert error.exit_code == 5
                    assert str(folder) in str(error)
                else:
                    assert place == 0
        assert inline_run(folder) == wanted, place
        names = [record.get("name") for record in Journal(folder, fakes.FACTS).records]
        assert len(names) == len(set(names)), place
        assert not [path for path in folder.iterdir() if path.name.endswith(".part")]


def test_weights_that_are_not_what_was_recorded_are_made_again(tmp_path: Path) -> None:
    wanted = inline_run(tmp_path)
    (tmp_path / "trial-001.npz").write_bytes(b"damaged")
    assert inline_run(tmp_path) == wanted
    assert (tmp_path / "trial-001.npz").stat().st_size > 100


def test_the_number_of_trials_may_grow(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    wanted = inline_run(tmp_path / "whole", 9)
    inline_run(tmp_path, 4)
    ran = (tmp_path / "ran.txt").read_text().splitlines()
    assert inline_run(tmp_path, 9) == wanted
    new = (tmp_path / "ran.txt").read_text().splitlines()[len(ran) :]
    assert [line.split()[0] for line in new] == ["4", "5", "6", "7", "8"]


def test_the_second_user_of_a_folder_is_told_who_has_it(tmp_path: Path) -> None:
    with Lock(tmp_path), pytest.raises(ResourceError, match=rf"in use by pid {os.getpid()} on .* since 20") as refused:
        Lock(tmp_path)
    assert refused.value.exit_code == 5
    with Lock(tmp_path):
        pass


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    write_file(path, b"old")
    with pytest.raises(ResourceError, match="cannot write 3 bytes"):
        write_file(tmp_path / "no" / "weights.npz", b"new")
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["weights.npz"]


def test_a_place_without_room_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="are needed here") as refused:
        check_place(tmp_path, 10**18)
    assert refused.value.file == str(tmp_path)


@pytest.mark.parametrize("name", ["with spaces", "[1]", "a*b?", "%41%", "日本 ü", "x" * 200])
def test_names_of_folders_are_only_names(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    wanted = inline_run(folder, 2)
    assert inline_run(folder, 2) == wanted
    assert json.loads((folder / "journal.jsonl").read_text().splitlines()[0][9:])["facts"] == fakes.FACTS

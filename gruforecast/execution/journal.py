"""The truth about a run: one file of records, each on a line of its own with its number and checksum.

    1c3f9a02 {"seq": 0, "kind": "begin", "facts": {...}, "lag": 4}
    77e0d15b {"seq": 1, "kind": "end", "name": "trial-000", "request": "<sha256>", "part": "search", "result": {...}}

A record is written by one call and flushed to disk before anything follows from it. What a kill tears off is the last
line, which has no line end then and is cut. No second copy of this state exists, so nothing can disagree with it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, TypedDict

from gruforecast.errors import ModelError, ResourceError
from gruforecast.execution.atomic_files import MAKE_ROOM, sync, write_all
from gruforecast.serialization import Json, JsonValue

NAME = "journal.jsonl"
FRESH = "Pass `fresh=True` to start over, or choose another `run_dir`."


class Entry(TypedDict, total=False):
    """A record of the journal.

    Attributes:
        seq: its number, which `append` gives it.
        facts: at the beginning, what all results follow from; lag: see `search.loop`.
        name: of a job that has ended; request: digest of what was asked; part: of the command; limit: see `Jobs`.
        output: the model that has come out, of so many trials.
    """

    seq: int
    kind: Literal["begin", "end", "finished"]
    facts: Json
    lag: int
    name: str
    request: str
    part: str
    limit: float | None
    result: JsonValue
    output: str
    trials: int


class Journal:
    """An open journal.

    Args:
        folder: the run folder.
        facts: what the results follow from; a journal with other facts is refused.
        first: further facts for the first record; those of an existing journal hold and are in `begin`.
        discard: whether an existing journal with these records is thrown away; fresh: in any case, even a damaged one.

    Raises:
        ModelError: the journal is damaged in the middle, or was begun with other facts.
        ResourceError: it cannot be read or written.
    """

    def __init__(
        self,
        folder: Path,
        facts: Json,
        first: Entry | None = None,
        discard: Callable[[list[Entry]], bool] = lambda _: False,
        *,
        fresh: bool = False,
    ) -> None:
        self.path = folder / NAME
        self.torn = False
        self._size = 0
        try:
            content = self.path.read_bytes() if self.path.exists() and not fresh else b""
            records = self._replay(content)
            if records and discard(records):
                records, self._size, self.torn = [], 0, False
            if records:
                _compare(records[0]["facts"], facts, self.path)
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.ftruncate(self._descriptor, self._size)
            sync(folder)
        except OSError as error:
            raise ResourceError(
                f"cannot be opened: {error.strerror}.", remedy=MAKE_ROOM, code="GF-E10", file=str(self.path)
            ) from error
        self.records = records
        if not records:
            begin: Entry = {"kind": "begin", "facts": facts}
            self.append({**begin, **(first or {})})

    @property
    def begin(self) -> Entry:
        """The first record."""
        return self.records[0]

    @property
    def finished(self) -> bool:
        """Whether a model has come out of this run."""
        return is_finished(self.records)

    def ended(self) -> dict[tuple[str, str], Entry]:
        """Return the records of the jobs that ended, by name and digest of the request."""
        return {(one["name"], one["request"]): one for one in self.records if one["kind"] == "end"}

    def append(self, record: Entry) -> None:
        """Write a record and flush it to disk.

        Raises:
            ResourceError: the disk is full or broken; the journal is then as it was before.
        """
        text = json.dumps({"seq": len(self.records), **record}, allow_nan=False).encode()
        line = b"%08x %s\n" % (zlib.crc32(text), text)
        try:
            write_all(self._descriptor, line)
            os.fsync(self._descriptor)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            raise ResourceError(
                f"cannot write {len(line):,} bytes: {error.strerror}.",
                remedy=MAKE_ROOM,
                code="GF-E10",
                file=str(self.path),
            ) from error
        self._size += len(line)
        self.records.append(json.loads(text))

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _replay(self, content: bytes) -> list[Entry]:
        """Return the records of whole lines; what follows the last line end was torn off by a kill."""
        whole, _, tail = content.rpartition(b"\n")
        lines = whole.split(b"\n") if whole or content.startswith(b"\n") else []
        records = [_read(line, number, self.path) for number, line in enumerate(lines)]
        self._size = len(content) - len(tail)
        self.torn = bool(tail)
        return records


def is_finished(records: list[Entry]) -> bool:
    """Return whether a model has come out of a run with these records."""
    return any(record["kind"] == "finished" for record in records)


def digest_of_request(request: Json) -> str:
    """Return the SHA-256 of a request without where and by when it is done, from which only late results follow."""
    text = json.dumps({name: request[name] for name in sorted(request) if name not in ("folder", "deadline", "limit")})
    return hashlib.sha256(text.encode()).hexdigest()


def _read(line: bytes, number: int, path: Path) -> Entry:
    try:
        text = line[9:]
        record: Entry | None = json.loads(text) if line[:9] == b"%08x " % zlib.crc32(text) else None
    except ValueError:
        record = None
    if record is None or record.get("seq") != number:
        raise ModelError(
            "checksum mismatch: the journal was changed or the disk is failing.",
            remedy=FRESH,
            code="GF-J01",
            file=str(path),
            line=number + 1,
        )
    return record


def _compare(old: Json, new: Json, path: Path) -> None:
    before, now = _flat(old), _flat(json.loads(json.dumps(new)))
    names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    if names:
        changes = [f"{_shown(name)} {_short(before.get(name))} -> {_short(now.get(name))}" for name in names]
        raise ModelError(
            f"the run folder holds a search with other data or options: {'; '.join(changes)}.",
            remedy=FRESH,
            code="GF-J02",
            file=str(path.parent),
        )


def _flat(facts: Json, prefix: str = "") -> dict[str, JsonValue]:
    flat: dict[str, JsonValue] = {}
    for name, value in facts.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat


def _shown(name: str) -> str:
    """Return the name of a fact; that of an option as messages write it."""
    group, _, option = name.partition(".")
    return f"`{option}`" if group == "options" else name


def _short(value: JsonValue) -> str:
    text = value[:12] if isinstance(value, str) and len(value) == 64 else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

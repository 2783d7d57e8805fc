"""Compiled programs kept on disk: what one worker has traced and compiled, later trials, workers and runs find again.

    cache folder of the user             <run folder>/programs
    <key>  -- read, digest checked -->   xla/     TensorFlow reads and writes here alone
    <key>  <-- renamed, under a lock --  <key>    new ones, which other workers of the run find, too

An entry is a digest of its name and content, then the content, so that it is worth nothing under another name. Only
folders that nobody else can write are used. Nothing here raises: at worst a program is compiled again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import os
import re
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gruforecast.errors import ResourceError
from gruforecast.execution.atomic_files import remove, remove_parts, write_file

PLACE = "GRUFORECAST_CACHE"  # variable of the user: another folder
RUN = "GRUFORECAST_RUN_PROGRAMS"  # ours, for the workers: that of the run
KNOWN_TO = ("2.21.",)  # TensorFlow versions that this was tried with
MAX_BYTES, MAX_ENTRY = 500_000_000, 100_000_000  # of all entries and of one
KEY = re.compile(r"[0-9a-f]{64}")
COMPILED = re.compile(r"\w+\.pb")  # names of the files that XLA writes
TRIES, PAUSE = 50, 0.1  # for the lock: so many, so many seconds apart
DIGEST_BYTES = 32
CACHE_FLAG = "tf_xla_persistent_cache"
OPEN = "is open to other users"
NAME_LENGTH = 32  # characters of the key in the names of functions


class Program(msgspec.Struct, frozen=True):
    """A traced function, and what XLA made of it.

    Attributes:
        graph: its definition, as TensorFlow writes it.
        captured: names of what it reads and changes besides its arguments.
        compiled: content of the files that XLA keeps of it, by name.
    """

    graph: bytes
    captured: list[str]
    compiled: dict[str, bytes] = {}


def cache_folder() -> Path | None:
    """Return where programs of this user are kept, by the custom of the system; None where there is no home."""
    own, xdg = os.environ.get(PLACE), os.environ.get("XDG_CACHE_HOME", "")
    if own:
        return Path(own).absolute() / "programs"
    if Path(xdg).is_absolute():
        return Path(xdg) / "gruforecast" / "programs"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "gruforecast" / "programs"


def trouble_with(folder: Path) -> str | None:
    """Return why compiled code in `folder` is not to be trusted; None: only this user can write it, or it is not there.

    Who may write a folder above it could put another in its place, which would be of another owner.
    """
    try:
        facts = folder.lstat()
    except OSError:
        return None
    if not stat.S_ISDIR(facts.st_mode):
        return "is no folder"
    if facts.st_uid != os.geteuid():
        return "belongs to another user"
    return OPEN if stat.S_IMODE(facts.st_mode) & 0o077 else None


def refusal() -> str | None:
    """Return what a user should know of a cache folder that is there and not used; None: there is nothing to say."""
    folder = cache_folder()
    trouble = None if folder is None else trouble_with(folder)
    if trouble is None:
        return None
    remedy = f"run chmod 700 {folder}" if trouble == OPEN else f"set {PLACE} to a folder of your own"
    return f"compiled programs are not kept: {folder} {trouble}; {remedy}"


def entry_bytes(name: str, content: bytes) -> bytes:
    """Return the content with the digest before it that binds it to `name`."""
    return _digest(name, content) + content


def _digest(name: str, content: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\0" + content).digest()


def read_entry(folder: Path, name: str) -> Program | None:
    """Return the entry `name`; None where there is none that is whole, and a damaged one is removed."""
    path = folder / name
    try:
        with open(path, "rb", opener=_plain_file) as stream:
            digest, content = stream.read(DIGEST_BYTES), stream.read(MAX_ENTRY)
        if hmac.compare_digest(digest, _digest(name, content)):
            return msgspec.msgpack.decode(content, type=Program)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError):  # a link, a pipe, a folder
        pass
    remove(path)
    return None


def _plain_file(path: str, flags: int) -> int:
    """Return what `os.open` gives; no link is followed and no pipe waited for."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def write_entry(folder: Path, name: str, program: Program) -> None:
    """Write an entry, if there is room."""
    content = entry_bytes(name, msgspec.msgpack.encode(program))
    if len(content) <= MAX_ENTRY:
        with contextlib.suppress(ResourceError):
            write_file(folder / name, content)


@dataclass(frozen=True)
class Programs:
    """The programs that a run may use, seen from one of its workers.

    Attributes:
        run: `programs` in the run folder; shared: the user's cache folder, None: not to be used.
    """

    run: Path
    shared: Path | None = None

    @classmethod
    def of_run(cls) -> Programs | None:
        """Return those of the run whose worker this process is; None: there are none."""
        run = os.environ.get(RUN)
        if not run or trouble_with(Path(run)) or not Path(run).is_dir():
            return None
        shared = cache_folder()
        return cls(Path(run), None if shared is None or trouble_with(shared) else shared)

    @property
    def xla(self) -> Path:
        """Where TensorFlow reads and writes."""
        return self.run / "xla"

    def find(self, key: str) -> Program | None:
        """Return a program, and have its compiled files where TensorFlow looks for them."""
        if self._has_crashed(key):
            return None
        for folder in [self.run, *([self.shared] if self.shared else [])]:
            program = read_entry(folder, key)
            if program is not None:
                break
        else:
            return None
        with contextlib.suppress(OSError):
            os.utime(folder / key)  # the least recently used ones go first
        try:
            for name, content in program.compiled.items():
                if COMPILED.fullmatch(name) and not (self.xla / name).exists():
                    write_file(self.xla / name, content)
        except ResourceError:
            return None
        return program

    def keep(self, key: str, program: Program) -> None:
        """Keep a program for other workers and runs, with the files that XLA has written for it just now."""
        compiled = {}
        with contextlib.suppress(OSError):
            for path in self.xla.glob("*.pb"):
                content = path.read_bytes()
                if key[:NAME_LENGTH].encode() in content:  # the name of the function
                    compiled[path.name] = content
        if compiled:
            write_entry(self.run, key, msgspec.structs.replace(program, compiled=compiled))

    def drop(self, key: str) -> None:
        """Never use a program again, here or in other runs."""
        for folder in [self.run, *([self.shared] if self.shared else [])]:
            with contextlib.suppress(OSError):
                (folder / key).unlink(missing_ok=True)

    @contextlib.contextmanager
    def trying(self, key: str) -> Iterator[None]:
        """While a program is run for the first time: should that end this process, it is not used again."""
        mark = self.run / f"{key}.{os.getpid()}.trying"
        with contextlib.suppress(OSError):
            mark.touch()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                mark.unlink()

    def _has_crashed(self, key: str) -> bool:
        """Return whether a process died while it ran a program for the first time; the program is removed then."""
        died = [path for path in self.run.glob(f"{key}.*.trying") if not _is_running(path)]
        if died:
            self.drop(key)
        return bool(died)


def _is_running(mark: Path) -> bool:
    try:
        os.kill(int(mark.name.split(".")[1]), 0)
    except (ProcessLookupError, PermissionError, ValueError, OverflowError):
        return False
    return True


@contextlib.contextmanager
def kept_programs(run_dir: Path, *, wanted: bool = True) -> Iterator[Mapping[str, str]]:
    """The variables of the environment with which workers of a run use kept programs; none where they cannot.

    At the end the new ones are taken over into the cache folder of the user.
    """
    run = run_dir / "programs"
    if not (wanted and _prepared(run)):
        yield {}
        return
    try:
        yield {RUN: str(run.absolute()), "TF_XLA_FLAGS": _flags(run.absolute() / "xla")}
    finally:
        publish(run, cache_folder())
        remove(run)


def _prepared(run: Path) -> bool:
    """Return whether the run folder has a place for programs; entries of a run that was killed stay there."""
    if trouble_with(run) or not _flags(run.absolute()):
        return False
    try:
        run.mkdir(mode=0o700, exist_ok=True)
        remove(run / "xla")  # nobody has checked those
        (run / "xla").mkdir(mode=0o700)
    except OSError:
        return False
    return True


def _flags(folder: Path) -> str:
    """Return the flags for TensorFlow, after the user's own; none where the path cannot be written among them."""
    own, quote = os.environ.get("TF_XLA_FLAGS", ""), '"'
    if CACHE_FLAG in own or quote in str(folder) or "\\" in str(folder):
        return ""
    values = {"directory": f'"{folder}"', "device_types": "CPU", "prefix": "gruforecast"}
    flags = [f"--{CACHE_FLAG}_{name}={value}" for name, value in values.items()]
    return " ".join([own, *flags]).strip()


def publish(run: Path, shared: Path | None) -> None:
    """Take the entries of a run over into the shared folder, and remove the least recently used ones of too many."""
    new = [path.name for path in run.glob("*") if KEY.fullmatch(path.name)]
    if shared is None or not new:
        return
    with contextlib.suppress(OSError):
        shared.mkdir(mode=0o700, parents=True, exist_ok=True)
        if trouble_with(shared):
            return
        with _locked(shared) as held:
            if held:
                remove_parts(shared)
                for name in new:
                    if not os.path.lexists(shared / name) and (program := read_entry(run, name)) is not None:
                        write_entry(shared, name, program)
                evict(shared, MAX_BYTES)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Hold a lock on a folder; False where another process has held it for seconds."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for _ in range(TRIES):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(PAUSE)
            else:
                yield True
                return
        yield False
    finally:
        os.close(descriptor)


def entries(folder: Path) -> list[tuple[float, int, Path]]:
    """Return when each entry was last used, its bytes and its path, the longest unused first."""
    found = []
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if KEY.fullmatch(path.name):
                facts = path.lstat()
                found.append((facts.st_mtime, facts.st_size, path))
    return sorted(found)


def evict(folder: Path, limit: int) -> None:
    """Remove the entries that were not used for the longest time, until the others take no more than `limit` bytes."""
    there = entries(folder)
    total = sum(size for _, size, _ in there)
    for _, size, path in there:
        if total <= limit:
            return
        remove(path)
        total -= size

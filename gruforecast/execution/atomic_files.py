"""Files that survive a kill: written whole or not at all, and a lock that the kernel frees when its holder dies."""

from __future__ import annotations

import contextlib
import ctypes
import datetime as dt
import errno
import fcntl
import hashlib
import io
import os
import shutil
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from gruforecast.arrays import Array
from gruforecast.errors import ResourceError

MAKE_ROOM = "Make room, or choose another place."
AT_FDCWD, EXCHANGE, SWAP = -100, 2, 2  # linux/fcntl.h, linux/fs.h, sys/stdio.h of macOS
CANNOT = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM)  # the kernel or file system knows no exchange


def write_file(path: Path, content: bytes) -> None:
    """Write `content` atomically: a temporary file beside `path`, flushed to disk, then renamed.

    Raises:
        ResourceError: the disk is full, or the place cannot be written; what was at `path` is untouched.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(part, path)  # noqa: PTH105 - the calls that can fail stand side by side
        sync(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise ResourceError(
            f"cannot write {len(content):,} bytes: {error.strerror}.", remedy=MAKE_ROOM, code="GF-E01", file=str(path)
        ) from error


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of `content`, in one call where the system takes it whole."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync(path: Path) -> None:
    """Flush a file, or a folder's list of names, to disk, so that it is there after a power loss."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_with(built: Path, target: Path) -> None:
    """Put the finished file or folder `built` in the place of `target` and remove what was there.

    Both must be on one file system. All of `built` is on disk before, so that whenever this is interrupted, there is
    one whole thing at `target`: the old one or the new one. Where the system cannot exchange two names, a folder is
    gone for a moment; if a kill comes just then, `clear_leftovers` brings the old one back.
    """
    for path in [*built.rglob("*"), built]:
        if not path.is_symlink():
            sync(path)  # other libraries wrote some of them
    if not os.path.lexists(target) or not (built.is_dir() or _is_folder(target)):
        os.replace(built, target)  # noqa: PTH105 - it replaces a file, too, in one step
    elif exchange(built, target):
        sync(target.parent)
        remove(built)
    else:
        old = target.with_name(f".{target.name}.old-{os.getpid()}")
        os.rename(target, old)  # noqa: PTH104 - the two steps stand side by side
        os.rename(built, target)  # noqa: PTH104
        sync(target.parent)
        remove(old)
    sync(target.parent)


def exchange(one: Path, other: Path) -> bool:
    """Exchange what two names stand for in a single step; return False where the system cannot do that."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = (os.fsencode(one), os.fsencode(other))
    if sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        failed = libc.renamex_np(*names, ctypes.c_uint(SWAP))
    elif sys.platform == "linux" and hasattr(libc, "renameat2"):
        failed = libc.renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], ctypes.c_uint(EXCHANGE))
    else:
        return False
    if failed and (number := ctypes.get_errno()) not in CANNOT:
        raise OSError(number, os.strerror(number), str(other))
    return not failed


def remove(path: Path) -> None:
    """Remove a file, a link or a folder, as far as that is possible."""
    if _is_folder(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def clear_leftovers(target: Path) -> None:
    """Undo what a kill has left beside `target`: half-built things go, what was being replaced comes back."""
    for path in list(target.absolute().parent.iterdir()):
        old, half = (path.name.startswith(f".{target.name}.{kind}-") for kind in ("old", "tmp"))
        owner = path.name.rpartition("-")[2]
        if not (old or half) or not owner.isdigit() or _is_running(int(owner)):
            continue
        if old and not os.path.lexists(target):
            path.rename(target)
        else:
            remove(path)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _is_running(pid: int) -> bool:
    try:
        with contextlib.suppress(PermissionError):  # it runs, for somebody else
            os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    return True


def npz(arrays: Mapping[str, Array]) -> bytes:
    """Return the bytes of an uncompressed `.npz` file; the same arrays give the same bytes."""
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def read_npz(path: Path | str) -> dict[str, Array]:
    """Return the arrays of a file that this package wrote."""
    with np.load(path, allow_pickle=False) as data:
        return {name: data[name] for name in data.files}


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, as hexadecimal text."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def remove_parts(folder: Path) -> None:
    """Remove what writers that were killed have left behind."""
    for path in folder.glob(".*.part"):
        path.unlink(missing_ok=True)


def check_place(folder: Path, needed: int) -> None:
    """Try out whether `folder` can be written and has room for `needed` bytes, before hours of work go there.

    Raises:
        ResourceError: it cannot or has not.
    """
    facts = os.statvfs(folder)
    free = facts.f_bavail * facts.f_frsize
    if free < needed:
        raise ResourceError(
            f"about {needed / 1e6:.1f} MB are needed here, {free / 1e6:.1f} MB are free.",
            remedy=MAKE_ROOM,
            code="GF-E08",
            file=str(folder),
        )
    probe = folder / f".gruforecast-probe-{os.getpid()}"
    write_file(probe, b"probe")
    probe.unlink()


class Lock:
    """An exclusive lock on a folder; it ends with the process, however that ends. Not for network file systems.

    Raises:
        ResourceError: another process holds it.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / "lock"
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise ResourceError(
                f"cannot be written: {error.strerror}.", remedy=MAKE_ROOM, code="GF-E03", file=str(path)
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._descriptor, 200, 0).decode(errors="replace").strip() or "another process"
            os.close(self._descriptor)
            raise ResourceError(
                f"the run folder is in use by {holder}.",
                remedy="Wait for it, or choose another --run-dir.",
                code="GF-E09",
                file=str(folder),
            ) from error
        with contextlib.suppress(OSError):  # a full disk: the lock holds, only its message is missing
            now = dt.datetime.now().astimezone().isoformat(timespec="seconds")
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"pid {os.getpid()} on {socket.gethostname()} since {now}\n".encode(), 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

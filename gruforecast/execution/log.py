"""The chatter of libraries kept off the terminal, in a log file."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def stderr_to(path: Path) -> Iterator[None]:
    """Within the block, all that is written to file descriptor 2 goes to `path`: by native code, loggers and warnings.

    No setting silences every line of TensorFlow, so the descriptor itself is turned away. What the user should see
    meanwhile goes through a stream that `own_stderr` made before.
    """
    _flush()
    saved = os.dup(2)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.dup2(log, 2)
        yield
    finally:
        _flush()
        os.dup2(saved, 2)
        os.close(saved)
        os.close(log)


@contextlib.contextmanager
def own_stderr() -> Iterator[IO[str]]:
    """A stream to where standard error goes now, whatever becomes of file descriptor 2 meanwhile."""
    if not _is_descriptor_2():
        yield sys.stderr
        return
    encoding = sys.stderr.encoding or "utf-8"  # what this terminal shows
    with os.fdopen(os.dup(2), "w", buffering=1, encoding=encoding, errors="backslashreplace") as stream:
        yield stream


def _is_descriptor_2() -> bool:
    try:
        return sys.stderr.fileno() == 2
    except (AttributeError, io.UnsupportedOperation, ValueError):
        return False


def _flush() -> None:
    if sys.stderr is not None:
        with contextlib.suppress(OSError):  # a full disk takes no log
            sys.stderr.flush()

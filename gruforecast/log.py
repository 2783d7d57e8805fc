"""Keeps the chatter of native libraries out of the terminal."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def native_stderr_to(path: Path) -> Iterator[None]:
    """Within the block, what libraries write to file descriptor 2 goes to `path`; `sys.stderr` still reaches the user.

    No setting silences every line of TensorFlow, so the descriptor itself is turned away. Where `sys.stderr` is no real
    file (in tests) only the descriptor is.
    """
    saved = os.dup(2)
    stderr = sys.stderr
    try:
        direct = stderr.fileno() == 2
    except (AttributeError, io.UnsupportedOperation, ValueError):
        direct = False
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        if direct:
            stderr.flush()
            sys.stderr = os.fdopen(os.dup(saved), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
        os.dup2(log, 2)
        yield
    finally:
        os.dup2(saved, 2)
        if direct:
            sys.stderr.close()
            sys.stderr = stderr
        os.close(saved)
        os.close(log)

"""A command on a terminal without a screen: what somebody would have seen, and when."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyte

ROWS = 60


@dataclass
class Shown:
    """What a command wrote on its terminal.

    Attributes:
        parts: seconds since the start, and bytes; status: exit status.
    """

    columns: int
    parts: list[tuple[float, bytes]]
    status: int

    @property
    def raw(self) -> bytes:
        """All of it."""
        return b"".join(part for _, part in self.parts)

    def screens(self) -> Iterator[tuple[float, pyte.Screen]]:
        """The screen after each part; always the same object."""
        screen = pyte.HistoryScreen(self.columns, ROWS, history=1000)
        stream = pyte.ByteStream(screen)
        for seconds, part in self.parts:
            stream.feed(part)
            yield seconds, screen

    @property
    def last(self) -> str:
        """What stays, lines that have left the screen included."""
        found: list[str] = []
        for _, screen in self.screens():
            found = lines(screen)
        return "\n".join(found)


def lines(screen: pyte.Screen) -> list[str]:
    """The lines of a screen as text."""
    above = ["".join(row[x].data for x in range(screen.columns)) for row in screen.history.top]
    found = [line.rstrip() for line in [*above, *screen.display]]
    while found and not found[-1]:
        found.pop()
    return found


def shown(command: list[str], *, columns: int = 80, cwd: Path | None = None, env: Mapping[str, str] = {}) -> Shown:
    """Run a command with all its streams on a terminal, and keep what it writes."""
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    begin, parts = time.monotonic(), []
    around = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    around |= {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "utf-8", **env}
    with subprocess.Popen(command, stdin=far, stdout=far, stderr=far, cwd=cwd, env=around) as process:
        os.close(far)
        while part := _read(near):
            parts.append((time.monotonic() - begin, part))
    os.close(near)
    return Shown(columns, parts, process.returncode)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says so when the other side is closed
        return b""

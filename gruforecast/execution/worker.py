"""The far side of the worker pool: a process that imports TensorFlow once and forks workers before it uses it.

The server never runs TensorFlow, so a fork is safe and a new worker costs milliseconds instead of an import. A worker
reads one JSON request a line from its socket, `{"call": "package.module:function", "request": {...}}`, and answers
each with `{"result": ...}` or `{"error": ...}`. When the other end closes, everything here ends at once.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import queue
import resource
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import NoReturn, TypedDict

from gruforecast.execution.child_process import Outcome, outcome_of
from gruforecast.execution.machine import resident
from gruforecast.serialization import Json

UNUSED = ("sklearn",)  # Keras loads it where it is installed, for a wrapper: a fifth of the time to import TensorFlow


class Call(TypedDict):
    """A request, as a line of JSON."""

    call: str
    request: Json


class Answer(Outcome, total=False):
    """The answer to a request, and the bytes of resident memory."""

    rss: int


class News(TypedDict, total=False):
    """What the server says: ready after so many seconds, failed and why, a pid that has started, or ended and how."""

    ready: float
    failed: str
    started: int
    ended: int
    status: int


def serve(descriptor: int, preload: list[str]) -> None:
    """Fork a worker for every socket that arrives on `descriptor`; report its pid, and later its exit status.

    Args:
        preload: modules to import before the first fork.
    """
    begin = time.perf_counter()
    control = socket.socket(fileno=descriptor)
    try:
        with _absent(*UNUSED):
            for module in preload:
                importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - reported to the other side
        _send(control, {"failed": f"{type(error).__name__}: {error}"})
        return
    _send(control, {"ready": time.perf_counter() - begin})
    wake, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        readable, _, _ = select.select([control.fileno(), wake], [], [])
        if wake in readable:
            os.read(wake, 4096)
            _report_ended(control)
        if control.fileno() in readable:
            message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
            if not message:
                return
            _fork(control, descriptors[0], (wake, wake_write))


@contextlib.contextmanager
def _absent(*packages: str) -> Iterator[None]:
    """Within the block, imports of `packages` fail as if they were not installed."""
    names = [one for one in packages if one not in sys.modules]
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for one in names:
            del sys.modules[one]


def _fork(control: socket.socket, descriptor: int, pipe: tuple[int, int]) -> None:
    try:
        pid = os.fork()
    except OSError as error:
        os.close(descriptor)
        _send(control, {"failed": str(error)})
        return
    if pid:
        os.close(descriptor)
        _send(control, {"started": pid})
        return
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    control.close()
    for end in pipe:
        os.close(end)
    with contextlib.suppress(BaseException):
        work(socket.socket(fileno=descriptor))
    os._exit(1)


def _report_ended(control: socket.socket) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            _send(control, {"ended": pid, "status": os.waitstatus_to_exitcode(status)})


def work(connection: socket.socket) -> NoReturn:
    """Answer requests for ever."""
    requests: queue.SimpleQueue[Call] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(connection, requests), daemon=True).start()
    while True:
        message = requests.get()
        answer = outcome_of(message["call"], message["request"])
        _give_back_memory()
        _send(connection, {**answer, "rss": resident() or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss})


def _read(connection: socket.socket, requests: queue.SimpleQueue[Call]) -> None:
    """A thread of its own, so that the worker ends with its parent even in the middle of a training."""
    try:
        with connection.makefile("rb") as stream:
            for line in stream:
                requests.put(json.loads(line))
    finally:  # the end of the stream, or a reset because the parent was killed before it read an answer
        os._exit(0)


def _send(connection: socket.socket, message: News | Json) -> None:
    # where the other side has gone, the next read ends this process
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.sendall(json.dumps(message).encode() + b"\n")


def _give_back_memory() -> None:
    """Return what compiling has freed to the system; glibc would keep it."""
    gc.collect()
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)

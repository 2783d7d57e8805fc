"""The near side of the worker pool: processes that run one task each, and what happens when one of them dies.

A task is a function by name and plain JSON, and gives plain JSON. The pool knows nothing of trials; the tasks know
nothing of the pool, so the same functions can run elsewhere.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Self

from gruforecast.errors import ResourceError
from gruforecast.execution.child_process import LIBRARIES
from gruforecast.execution.machine import resident
from gruforecast.execution.progress import Working
from gruforecast.execution.worker import Answer, Call, News
from gruforecast.serialization import Json
from gruforecast.text import harmless_lines

PRELOAD = ("tensorflow", "keras")
START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from gruforecast.execution.worker import serve; "
START += "serve(int(sys.argv[2]), json.loads(sys.argv[3]))"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
# XLA's newer code generator takes a quarter longer to compile and 150 MB more, for loops that are no faster
QUICK_COMPILE = "--xla_cpu_use_fusion_emitters=false"
KNOWN_TO = ("2.21.",)  # TensorFlow versions that were tried: a flag that XLA does not know ends the process


@dataclass(frozen=True)
class Task:
    """One call for a worker.

    Attributes:
        call: `package.module:function`; request: its argument.
        shape: tasks of one shape go to the same worker where they can, because it has compiled that shape.
        cost: of waiting tasks the dearest begins first, so that no worker is left with a long one at the end; one below
            zero only where no other waits, whatever its shape.
        until: moment, in seconds since the epoch, at which the worker is killed if it has not answered.
        seconds: the same, counted from the task's start.
        fresh: whether it wants a worker that has done nothing before.
    """

    name: str
    call: str
    request: Json
    shape: Hashable = None
    cost: float = 0.0
    until: float | None = None
    seconds: float | None = None
    fresh: bool = False


@dataclass(frozen=True)
class Ended:
    """What came of a task: a result or the reason why there is none.

    Attributes:
        environment: the error of ours that says which fault of the machine it was, in plain JSON types.
        timed_out: whether the worker was killed because it did not answer in time.
    """

    name: str
    result: Json | None = None
    error: str = ""
    environment: Json | None = None
    timed_out: bool = False


@dataclass(eq=False)
class _Worker:
    connection: socket.socket
    pid: int | None = None
    task: Task | None = None
    limit: float = float("inf")
    late: bool = False
    dead: bool = False
    shapes: set[Hashable] = field(default_factory=set)
    received: bytearray = field(default_factory=bytearray)
    used: bool = False


class Pool:
    """Runs tasks in `count` worker processes.

    Args:
        log: file that gets what workers write to their standard streams.
        memory: bytes of resident memory above which a worker is replaced after its task; None = never.
        preload: modules that the worker server imports once.
        environment: variables that workers get besides those of this process.
    """

    def __init__(
        self,
        count: int,
        log: Path,
        memory: int | None = None,
        preload: tuple[str, ...] = PRELOAD,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.count = count
        self.start_seconds = 0.0
        self._ready = False
        self.replaced = 0
        self.resident: dict[int, list[int]] = {}  # bytes after each task, by pid
        self._log = log
        self._memory = memory
        self._preload = preload
        self._environment = {**LIBRARIES, **ONE_THREAD, "XLA_FLAGS": _xla_flags(), **(environment or {})}
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._received = bytearray()  # of the server
        self._workers: list[_Worker] = []
        self._unborn: collections.deque[_Worker] = collections.deque()
        self._waiting: list[Task] = []
        self._ended: collections.deque[Ended] = collections.deque()
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        self._start_server()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, task: Task) -> None:
        """Run `task` as soon as a worker is free."""
        self._waiting.append(task)
        self._dispatch()

    def next(self) -> Ended:
        """Return what came of the next task to end, whichever it is."""
        while True:
            self._dispatch()
            if self._ended:
                return self._ended.popleft()
            limit = min((worker.limit for worker in self._workers), default=float("inf"))
            self._listen(None if limit == float("inf") else max(limit - time.time(), 0.0))
            self._kill_late()

    def look(self) -> Working:
        """Return what the workers do now; another thread may ask."""
        workers = tuple(self._workers)
        tasks = [worker.task for worker in workers]
        pids = [os.getpid(), *(worker.pid for worker in workers if worker.pid is not None)]
        return Working(
            count=self.count,
            busy=tuple(task.name for task in tasks if task is not None),
            waiting=len(self._waiting),
            resident=tuple(size for pid in pids if (size := resident(pid)) is not None),
        )

    def forget_waiting(self) -> list[str]:
        """Drop the tasks that no worker has begun; return their names."""
        names = [task.name for task in self._waiting]
        self._waiting.clear()
        return names

    def close(self) -> None:
        """End all processes at once."""
        if self._server is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()
            self._server = None
        for worker in [*self._workers, *self._unborn]:
            worker.connection.close()
        if self._control is not None:
            self._control.close()
        self._control = None
        self._workers.clear()
        self._unborn.clear()
        self._selector.close()

    def _listen(self, timeout: float | None) -> None:
        """Take in what workers and then what the server says: an answer counts before the death that follows it."""
        # the system's call takes no more than some days
        events = self._selector.select(None if timeout is None else min(timeout, 3600.0))
        for key, _ in sorted(events, key=lambda event: event[0].fileobj is self._control):
            key.data()

    def _start_server(self) -> socket.socket:
        control, far = socket.socketpair()
        arguments = [json.dumps([path for path in sys.path if path]), str(far.fileno()), json.dumps(self._preload)]
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(
                [sys.executable, "-P", "-c", START, *arguments],
                pass_fds=[far.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._environment},
                start_new_session=True,  # Ctrl-C on the terminal is the parent's business
            )
        far.close()
        self._selector.register(control, selectors.EVENT_READ, self._read_server)
        self._control = control
        return control

    def _start_worker(self) -> _Worker:
        control = self._control or self._start_server()
        near, far = socket.socketpair()
        worker = _Worker(near)
        with contextlib.suppress(BrokenPipeError):  # a dead server is noticed when it is read
            socket.send_fds(control, [b"+"], [far.fileno()])
        far.close()
        self._unborn.append(worker)
        self._workers.append(worker)
        self._selector.register(near, selectors.EVENT_READ, lambda: self._read(worker))
        return worker

    def _dispatch(self) -> None:
        """Give every free worker a task, of a shape it knows if one waits."""
        self._listen(0.0)  # a worker may have died since
        while self._waiting and (worker := self._free()) is not None:
            foremost = [task for task in self._waiting if task.cost >= 0] or self._waiting
            known = [task for task in foremost if task.shape in worker.shapes]
            task = max(known or self._unclaimed(foremost), key=lambda task: task.cost)
            if task.fresh and worker.used:
                self._retire(worker)
                worker = self._start_worker()
            self._waiting.remove(task)
            worker.task, worker.late, worker.used = task, False, True
            worker.shapes |= {task.shape} - {None}
            limits = (task.until, None if task.seconds is None else time.time() + task.seconds)
            worker.limit = min((limit for limit in limits if limit is not None), default=float("inf"))
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a dead worker is reported by the server
                call: Call = {"call": task.call, "request": task.request}
                worker.connection.sendall(json.dumps(call).encode() + b"\n")

    def _free(self) -> _Worker | None:
        """Return a free worker: best one that knows the shape of a waiting task, then any, then a new one."""
        free = [worker for worker in self._workers if worker.task is None and not worker.dead]
        wanted = {task.shape for task in self._waiting}
        if not free and len(self._workers) < self.count:
            return self._start_worker()
        return min(free, key=lambda worker: not (worker.shapes & wanted), default=None)

    def _unclaimed(self, tasks: list[Task]) -> list[Task]:
        """Return the tasks whose shape no worker knows; all of them if there is none."""
        known = set().union(*(worker.shapes for worker in self._workers))
        return [task for task in tasks if task.shape not in known] or tasks

    def _read(self, worker: _Worker) -> None:
        """Read what a worker sent, and take it in when its answer is whole."""
        if worker not in self._workers or worker.dead:
            return
        try:
            received = worker.connection.recv(1 << 16)
        except ConnectionResetError:
            received = b""
        worker.received += received
        if not received:  # dead, or about to be; the server says how it ended
            worker.dead = True
            self._selector.unregister(worker.connection)
        elif received.endswith(b"\n"):
            self._take_answer(worker)

    def _take_answer(self, worker: _Worker) -> None:
        answer: Answer = json.loads(bytes(worker.received))
        worker.received.clear()
        task, worker.task, worker.limit = worker.task, None, float("inf")
        if task is None:
            return
        error = answer.get("error") or {"text": "", "environment": None, "trace": ""}
        if error["trace"]:
            with contextlib.suppress(OSError), self._log.open("a", encoding="utf-8") as log:  # the disk may be full
                log.write(harmless_lines(f"{task.name}: {error['trace']}\n"))
        self._ended.append(Ended(task.name, answer.get("result"), error["text"], error["environment"]))
        self.resident.setdefault(worker.pid or 0, []).append(answer["rss"])
        if self._memory is not None and answer["rss"] > self._memory:
            self.replaced += 1
            self._retire(worker)

    def _read_server(self) -> None:
        """Read what became of the workers."""
        try:
            received = self._control.recv(1 << 16) if self._control else b""
        except ConnectionResetError:
            received = b""
        if not received:
            self._bury_server()
            return
        self._received += received
        *lines, self._received = self._received.split(b"\n")
        for line in lines:
            message: News = json.loads(line)
            if "ready" in message:
                self._ready, self.start_seconds = True, message["ready"]
            elif "started" in message:
                self._unborn.popleft().pid = message["started"]
            elif "ended" in message:
                self._bury(message["ended"], message["status"])
            else:
                raise self._cannot_start(message["failed"])

    def _cannot_start(self, reason: str) -> ResourceError:
        remedy = f"Pass a smaller `workers`, or install gruforecast again with all its dependencies; log: {self._log}"
        return ResourceError(f"a worker cannot start: {reason}.", remedy=remedy, code="GF-E13")

    def _bury(self, pid: int, status: int) -> None:
        worker = next((worker for worker in self._workers if worker.pid == pid), None)
        if worker is not None:
            self._remove(worker, f"signal {-status}" if status < 0 else f"exit code {status}")

    def _bury_server(self) -> None:
        """All workers of a dead server count as dead; the next task starts another server."""
        status = self._server.wait() if self._server else 0
        if self._control is not None:
            self._selector.unregister(self._control)
            self._control.close()
        self._server = self._control = None
        if not self._ready:  # it would end again and again
            raise self._cannot_start(f"the worker server ended with status {status} while it imported TensorFlow")
        self._unborn.clear()
        for worker in list(self._workers):
            if worker.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.pid, signal.SIGKILL)
            self._remove(worker, f"the worker server ended, status {status}")

    def _remove(self, worker: _Worker, how: str) -> None:
        while not worker.dead and worker in self._workers and _has_more(worker.connection):
            self._read(worker)  # it may have answered before it died
        if worker not in self._workers:
            return
        self._retire(worker)
        if worker.task is not None:
            text = "no answer in time" if worker.late else f"crashed ({how})"
            self._ended.append(Ended(worker.task.name, error=text, timed_out=worker.late))

    def _retire(self, worker: _Worker) -> None:
        """Let go of a worker; it ends when it sees its socket close."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(worker.connection)
        worker.connection.close()
        self._workers.remove(worker)

    def _kill_late(self) -> None:
        now = time.time()
        for worker in [worker for worker in self._workers if worker.limit <= now]:
            worker.late, worker.limit = True, float("inf")
            if worker.pid is None:  # not forked yet: it will find its socket closed
                self._remove(worker, "never started")
            else:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.pid, signal.SIGKILL)


def _has_more(connection: socket.socket) -> bool:
    """Return whether something can be read at once, be it the end."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        return bool(selector.select(0))


def _xla_flags() -> str:
    """Return the user's own flags for XLA, and ours where this version knows it."""
    own = os.environ.get("XLA_FLAGS", "")
    known = version("tensorflow").startswith(KNOWN_TO) and "fusion_emitters" not in own
    return f"{own} {QUICK_COMPILE}".strip() if known else own

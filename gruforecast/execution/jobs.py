"""Jobs: tasks of the pool that are done once, whatever is killed meanwhile, and fail according to the cause.

diverged      a result like any other, never tried again
crashed       tried again, then a result with status "crashed"; five jobs in a row that crash alike end the run
environment   a full disk, no memory, a missing package: the run ends, the job stays open
out of time   the budget is used up: no result, the job stays open
"""

from __future__ import annotations

import collections
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec

from gruforecast.errors import SearchError
from gruforecast.execution.atomic_files import file_digest
from gruforecast.execution.child_process import resource_error
from gruforecast.execution.journal import Entry, Journal, digest_of_request
from gruforecast.execution.pool import Ended, Task
from gruforecast.serialization import Json, JsonValue, Record, plain, record

SAME_CRASHES = 5
GRACE = (2.0, 30.0)  # seconds by which a job may overrun its deadline before it is killed, at least and at most
LEASE = 60.0  # seconds more than its limit that a trial gets to answer


class SavedFile(Record, frozen=True):
    """A file that a job has written into the run folder."""

    name: str
    sha256: str


class JobRequest(Record, kw_only=True, frozen=True):
    """What a result follows from, and what `Jobs` adds: where the job is done, and when it should end by itself.

    Attributes:
        deadline: in seconds since the epoch; limit: in seconds from its start.
    """

    folder: str = ""
    deadline: float | None = None
    limit: float | None = None


class JobResult(Record, kw_only=True, frozen=True):
    """What every job gives; one that has crashed gives nothing else.

    Attributes:
        error: why it failed; late: whether it ended before it was done, because its time was up.
        file: what it has written.
    """

    status: str = "completed"
    error: str | None = None
    late: bool = False
    file: SavedFile | None = None


R = TypeVar("R", bound=JobResult)
R_co = TypeVar("R_co", bound=JobResult, covariant=True)


class Runner(Protocol):
    """What jobs need of a pool; `count` tasks run at a time."""

    count: int

    def submit(self, task: Task) -> None:
        """Run the task as soon as possible."""

    def next(self) -> Ended:
        """Return what came of the next task to end."""

    def forget_waiting(self) -> list[str]:
        """Drop the tasks that have not begun; return their names."""


@dataclass(eq=False)
class Pending(Generic[R_co]):
    """A job that was submitted, and what comes of it.

    Attributes:
        keep: whether the journal keeps the result.
    """

    task: Task
    kind: type[R_co]
    jobs: Jobs
    deadline: float | None = None
    part: str = ""
    keep: bool = True
    ended: bool = False
    value: R_co | None = None

    @property
    def name(self) -> str:
        """Of the job."""
        return self.task.name

    def result(self) -> R_co | None:
        """Return the result, for which it waits; None = out of time. See `Jobs.next` for what it raises."""
        while not self.ended:
            self.jobs.receive()
        self.jobs.take(self)
        return self.value

    def end(self, result: JsonValue) -> None:
        """Take in the result, or None."""
        self.value = None if result is None else record(self.kind, result, f"the result of {self.name}")
        self.ended = True


@dataclass
class Jobs:
    """Runs named jobs, each of which has one result in the journal.

    Attributes:
        folder: the run folder, where jobs find their data and leave their weights.
        retries: how often a crashed job is tried again.
        limit: seconds that one job may take; it ends by itself then with what it has reached.
    """

    runner: Runner
    journal: Journal
    folder: Path
    retries: int = 1
    limit: float | None = None
    replayed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._known = self.journal.ended()
        self._open: dict[str, Pending[JobResult]] = {}
        self._finished: dict[str, Pending[JobResult]] = {}  # whose results nobody has taken
        self._attempts: collections.Counter[str] = collections.Counter()
        self._crash, self._crashes = "", 0

    def submit(
        self,
        name: str,
        call: str,
        request: Record | Json,
        kind: type[R],
        *,
        part: str = "",
        shape: Hashable = None,
        cost: float = 0.0,
        deadline: float | None = None,
        until: float | None = None,
        fresh: bool = False,
        keep: bool = True,
    ) -> Pending[R]:
        """Return what comes of a job that is begun, or found in the journal.

        Args:
            request: what the result follows from; `folder`, `deadline` and `limit` are filled in.
            kind: of the result.
            part: of the command, for the journal.
            shape, cost, fresh: see `Task`.
            deadline: moment at which the job should end by itself, in seconds since the epoch.
            until: moment at which it is ended by force; a little after the deadline if not given.
            keep: whether the journal keeps the result.
        """
        if until is None and deadline is not None:
            until = deadline + min(max(0.05 * (deadline - time.time()), GRACE[0]), GRACE[1])
        seconds = None if self.limit is None else 1.1 * self.limit + LEASE
        given: Json = msgspec.to_builtins(request)
        complete = {**given, "limit": self.limit, "folder": str(self.folder), "deadline": deadline}
        pending = Pending(
            Task(name, call, complete, shape, cost, until, seconds, fresh), kind, self, deadline, part, keep
        )
        known = self._known.get((name, digest_of_request(complete)))
        if known is not None and self._holds(record(kind, known["result"], str(self.journal.path)), known["limit"]):
            self.replayed.add(name)
            pending.end(known["result"])
            self._finished[name] = pending
        elif until is not None and until <= time.time():
            pending.end(None)
            self._finished[name] = pending
        else:
            self._open[name] = pending
            self.runner.submit(pending.task)
        return pending

    def next(self, part: str = "") -> str:
        """Return the name of the next job of a part to end.

        Raises:
            ResourceError: the machine is at fault; SearchError: the same crash again and again.
        """
        while not (names := _of_part(self._finished, part)):
            self.receive()
        del self._finished[names[0]]
        return names[0]

    def idle(self, part: str = "") -> bool:
        """Return whether no job of a part is open and every result was taken."""
        return not _of_part(self._open, part) and not _of_part(self._finished, part)

    def give_up_waiting(self, part: str = "") -> None:
        """Drop the jobs of a part that have not begun: they have no result."""
        for pending in [self._open[name] for name in self.runner.forget_waiting()]:
            if pending.part == part:
                self._finish(pending, None)
            else:
                self.runner.submit(pending.task)

    def take(self, pending: Pending[JobResult]) -> None:
        """Note that the result of a job was taken, so `next` need not name it."""
        if self._finished.get(pending.name) is pending:
            del self._finished[pending.name]

    def receive(self) -> None:
        """Wait for one more task to end."""
        ended = self.runner.next()
        pending = self._open[ended.name]
        out_of_time = pending.deadline is not None and time.time() >= pending.deadline
        if ended.environment is not None:
            raise resource_error(ended.environment)
        if ended.result is not None:
            self._crashes = 0
            self._finish(pending, plain(ended.result), out_of_time=out_of_time)
        elif ended.timed_out and out_of_time:
            self._finish(pending, None)
        else:
            self._crashed(pending, ended)

    def _crashed(self, pending: Pending[JobResult], ended: Ended) -> None:
        name = pending.name
        self._attempts[name] += 1
        if self._attempts[name] <= self.retries:
            self.runner.submit(pending.task)
            return
        self._crashes = self._crashes + 1 if ended.error == self._crash else 1
        self._crash = ended.error
        if self._crashes >= SAME_CRASHES:
            raise SearchError(
                f"{SAME_CRASHES} jobs in a row crashed: {ended.error}.",
                remedy="The log in the run folder has the traceback; the same command goes on.",
                code="GF-S02",
                file=str(self.folder),
            )
        self._finish(pending, {"status": "crashed", "error": ended.error})

    def _finish(self, pending: Pending[JobResult], result: JsonValue, *, out_of_time: bool = False) -> None:
        task = pending.task
        pending.end(result)
        cut = pending.value is None or (pending.value.late and out_of_time)
        if pending.keep and not cut:
            entry: Entry = {"kind": "end", "name": task.name, "request": digest_of_request(task.request)}
            self.journal.append({**entry, "part": pending.part, "limit": self.limit, "result": result})
        del self._open[task.name]
        self._finished[task.name] = pending

    def _holds(self, result: JobResult, limit: float | None) -> bool:
        """Return whether a result was not cut by another limit, and the file that it names is as it was written."""
        if result.late and limit != self.limit:
            return False
        if result.file is None:
            return True
        path = self.folder / result.file.name
        return path.is_file() and file_digest(path) == result.file.sha256


def _of_part(jobs: Mapping[str, Pending[JobResult]], part: str) -> list[str]:
    """Return the names of the jobs of a part of the command."""
    return [name for name, pending in jobs.items() if pending.part == part]

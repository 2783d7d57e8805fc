"""Jobs: tasks of the pool that are done once, whatever is killed meanwhile, and fail according to the cause.

diverged      a result like any other, never tried again
crashed       tried again, then a result with status "crashed"; five jobs in a row that crash alike end the run
environment   a full disk, no memory, a missing package: the run ends, the job stays open
out of time   the budget is used up: no result, the job stays open
"""

from __future__ import annotations

import collections
import time
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from gruforecast.errors import SearchError
from gruforecast.execution.atomic_files import file_digest
from gruforecast.execution.child_process import resource_error
from gruforecast.execution.journal import Journal, digest_of_request
from gruforecast.execution.pool import Ended, Task
from gruforecast.serialization import plain

Result = dict[str, Any]
SAME_CRASHES = 5
GRACE = (2.0, 30.0)  # seconds by which a job may overrun its deadline before it is killed, at least and at most
LEASE = 60.0  # seconds more than its limit that a trial gets to answer


class Runner(Protocol):
    """What jobs need of a pool; `count` tasks run at a time."""

    count: int

    def submit(self, task: Task) -> None:
        """Run the task as soon as possible."""

    def next(self) -> Ended:
        """Return what came of the next task to end."""

    def forget_waiting(self) -> list[str]:
        """Drop the tasks that have not begun; return their names."""


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
        self._open: dict[str, Task] = {}
        self._finished: dict[str, Result | None] = {}
        self._passing: set[str] = set()
        self._attempts: collections.Counter[str] = collections.Counter()
        self._crash, self._crashes = "", 0

    def submit(
        self,
        name: str,
        call: str,
        request: dict[str, Any],
        *,
        shape: Hashable = None,
        cost: float = 0.0,
        deadline: float | None = None,
        until: float | None = None,
        fresh: bool = False,
        keep: bool = True,
    ) -> None:
        """Begin a job, or find its result in the journal.

        Args:
            request: plain values that the result follows from; `folder`, `deadline` and `limit` are added.
            shape, cost, fresh: see `Task`.
            deadline: moment at which the job should end by itself, in seconds since the epoch.
            until: moment at which it is ended by force; a little after the deadline if not given.
            keep: whether the journal keeps the result.
        """
        request = {**request, "limit": self.limit}
        known = self._known.get((name, digest_of_request(request)))
        if known is not None and self._holds(known):
            self.replayed.add(name)
            self._finished[name] = known["result"]
            return
        if until is None and deadline is not None:
            until = deadline + min(max(0.05 * (deadline - time.time()), GRACE[0]), GRACE[1])
        if until is not None and until <= time.time():
            self._finished[name] = None
            return
        seconds = None if self.limit is None else 1.1 * self.limit + LEASE
        request |= {"folder": str(self.folder), "deadline": deadline}
        self._open[name] = Task(name, call, request, shape, cost, until, seconds, fresh)
        self._passing |= set() if keep else {name}
        self.runner.submit(self._open[name])

    def next(self) -> tuple[str, Result | None]:
        """Return the name and result of the next job to end; no result = out of time.

        Raises:
            ResourceError: the machine is at fault; SearchError: the same crash again and again.
        """
        while not self._finished:
            self._receive(self.runner.next())
        name = next(iter(self._finished))
        return name, self._finished.pop(name)

    def result(self, name: str) -> Result | None:
        """Return the result of one job, for which it waits; see `next`."""
        while name not in self._finished:
            self._receive(self.runner.next())
        return self._finished.pop(name)

    @property
    def idle(self) -> bool:
        """Whether no job is open and every result was taken."""
        return not self._open and not self._finished

    def give_up_waiting(self) -> None:
        """Drop the jobs that have not begun: they have no result."""
        for name in self.runner.forget_waiting():
            del self._open[name]
            self._finished[name] = None

    def _receive(self, ended: Ended) -> None:
        task = self._open[ended.name]
        deadline = task.request["deadline"]
        out_of_time = deadline is not None and time.time() >= deadline
        if ended.environment is not None:
            raise resource_error(ended.environment)
        if ended.result is not None:
            self._crashes = 0
            result = plain(ended.result)
            self._finish(task, result, keep=not (result.get("late") and out_of_time))
        elif ended.timed_out and out_of_time:
            self._finish(task, None, keep=False)
        else:
            self._crashed(task, ended)

    def _crashed(self, task: Task, ended: Ended) -> None:
        self._attempts[task.name] += 1
        if self._attempts[task.name] <= self.retries:
            self.runner.submit(task)
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
        self._finish(task, {"status": "crashed", "score": None, "error": ended.error}, keep=True)

    def _finish(self, task: Task, result: Result | None, *, keep: bool) -> None:
        if keep and result is not None and task.name not in self._passing:
            record = {"kind": "end", "name": task.name, "request": digest_of_request(task.request)}
            self.journal.append({**record, "limit": self.limit, "result": result})
        del self._open[task.name]
        self._finished[task.name] = result

    def _holds(self, record: dict[str, Any]) -> bool:
        """Return whether a result was not cut by another limit, and the file that it names is as it was written."""
        result = record["result"]
        if result.get("late") and record["limit"] != self.limit:
            return False
        file = result.get("file")
        path = None if file is None else self.folder / file["name"]
        return path is None or (path.is_file() and file_digest(path) == file["sha256"])

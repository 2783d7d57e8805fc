"""The thread that asks the model while the server takes further requests; those are then answered in one call."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from gruforecast.serve.batching import answers
from gruforecast.serve.errors import Refusal
from gruforecast.serve.metrics import Metrics
from gruforecast.serve.request import ModelQuery

MAX_BATCH = 64  # requests of one call
MakeQuery = Callable[[], ModelQuery]


@dataclass(frozen=True)
class Job:
    """A request that waits: a query, or how to make one of a body so large that the server would stall meanwhile."""

    query: ModelQuery | MakeQuery
    done: asyncio.Future[bytes]


class Worker:
    """Answers requests in the order of their arrival, many in one call.

    Args:
        max_waiting: requests beyond which others are turned away.
        max_rows: of one call, unless a single request has more.
        max_batch: requests of one call.
    """

    def __init__(self, max_waiting: int, max_rows: int, metrics: Metrics, max_batch: int = MAX_BATCH) -> None:
        self._max_waiting = max_waiting
        self._max_rows = max_rows
        self._max_batch = max_batch
        self._metrics = metrics
        self._jobs: deque[Job] = deque()
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Requests that no call has taken yet."""
        return len(self._jobs)

    def check_queue(self) -> None:
        """Turn a request away where too many wait.

        Raises:
            Refusal: so it is.
        """
        if len(self._jobs) >= self._max_waiting:
            raise Refusal(503, "GF-H11", "too many requests are waiting.", headers={"retry-after": "1"})

    def submit(self, query: ModelQuery | MakeQuery) -> asyncio.Future[bytes]:
        """Return the answer to come.

        Raises:
            Refusal: too many requests are waiting.
        """
        self.check_queue()
        job = Job(query, asyncio.get_running_loop().create_future())
        with self._wake:
            self._jobs.append(job)
            self._wake.notify()
        return job.done

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._jobs:
                    self._wake.wait()
                jobs = self._next()
            try:
                answered = self._answered(jobs)
            except Exception as error:  # noqa: BLE001 - whatever it is, the thread goes on
                answered = [error] * len(jobs)
            with contextlib.suppress(RuntimeError):  # the server has ended meanwhile
                jobs[0].done.get_loop().call_soon_threadsafe(_deliver, jobs, answered)

    def _next(self) -> list[Job]:
        """Return the jobs of the next call: those that wait, up to the bounds; a large body alone."""
        jobs = [self._jobs.popleft()]
        while self._jobs and jobs[0].done.done():  # nobody waits any more
            jobs = [self._jobs.popleft()]
        rows = self._weight(jobs[0])
        while self._jobs and len(jobs) < self._max_batch:
            rows += self._weight(self._jobs[0])
            if rows > self._max_rows:
                break
            jobs.append(self._jobs.popleft())
        return jobs

    def _weight(self, job: Job) -> int:
        """Return the rows of a job, those that are forecast included."""
        query = job.query
        if not isinstance(query, ModelQuery):
            return self._max_rows
        return (0 if query.panel is None else len(query.panel.y)) + len(query.ids) * query.horizon

    def _answered(self, jobs: list[Job]) -> list[bytes | Exception]:
        """Return the answer to each job, or why there is none."""
        made: list[ModelQuery | Exception] = []
        for job in jobs:
            try:
                made.append(job.query if isinstance(job.query, ModelQuery) else job.query())
            except Exception as error:  # noqa: BLE001 - it is answered
                made.append(error)
        queries = [one for one in made if isinstance(one, ModelQuery)]
        self._metrics.calls += bool(queries)
        self._metrics.batched += len(queries)
        self._metrics.series += sum(len(one.ids) for one in queries)
        answered = iter(answers(queries))
        return [next(answered) if isinstance(one, ModelQuery) else one for one in made]


def _deliver(jobs: list[Job], answered: list[bytes | Exception]) -> None:
    for job, answer in zip(jobs, answered, strict=True):
        if job.done.done():  # nobody waits any more
            continue
        if isinstance(answer, bytes):
            job.done.set_result(answer)
        else:
            job.done.set_exception(answer)

"""What a long command reports while it runs; `cli/` shows it, tests and the Python API may ignore it."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from gruforecast.errors import GruforecastWarning
from gruforecast.text import harmless


@dataclass(frozen=True)
class TrialEnd:
    """How a trial has ended: completed, pruned, diverged or, with an error, crashed.

    Attributes:
        seconds: in all, of which some went into tracing, compiling and training.
    """

    status: str
    score: float | None = None
    error: str | None = None
    steps: int = 0
    seconds: float = 0.0
    tracing: float = 0.0
    compiling: float = 0.0
    training: float = 0.0


@dataclass(frozen=True)
class Working:
    """What the worker processes do at a moment.

    Attributes:
        count: how many there may be; busy: names of the jobs that run; waiting: how many jobs wait for a worker.
        resident: bytes of memory that each process holds.
    """

    count: int
    busy: tuple[str, ...]
    waiting: int
    resident: tuple[int, ...]


class Progress:
    """Gets what happens; this one shows nothing."""

    def say(self, text: str) -> None:
        """A fact that was found or a step that begins."""

    def warn(self, text: str) -> None:
        """Something that the user should know about the data or the result."""

    def stage(self, text: str) -> None:
        """A part of the command begins that may take a while."""

    def workers(self, look: Callable[[], Working]) -> None:
        """There are workers from now on, and `look` says what they do; any thread may ask."""

    def search_begins(self, trials: int | None, until: float | None = None) -> None:
        """The search begins.

        Args:
            trials: how many it will run; None: as many as its work allows.
            until: moment at which it ends all the same, in seconds since the epoch.
        """

    def trial_known(self, number: int, result: TrialEnd) -> None:
        """One trial was over in an earlier run, and is not run again."""

    def trial_ended(
        self, number: int, result: TrialEnd, *, done: int, best: float, expected_seconds: float | None
    ) -> None:
        """One trial is over.

        Args:
            done: trials that are over, those of an earlier run included.
            best: best score so far; expected_seconds: what the search still needs.
        """

    def search_ended(self) -> None:
        """No trial follows."""


def warn(text: str) -> None:
    """Warn at the line of the user's that has called this package."""
    frame, level = sys._getframe(1), 2  # noqa: SLF001 - as `warnings` itself does
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("gruforecast."):
        frame, level = frame.f_back, level + 1
    warnings.warn(harmless(text), GruforecastWarning, stacklevel=level)


class Warner(Progress):
    """Shows nothing; what may mislead is a warning."""

    def warn(self, text: str) -> None:
        """Warn."""
        warn(text)


class Budget:
    """A wall-clock budget and the moments at which each part of the command has to be over.

    Args:
        seconds: for the whole command; None = no limit.
    """

    ENDS = {"tuning": 0.2, "search": 0.42, "seeds": 0.57, "test_fit": 0.72}
    ENDS |= {"comparison": 0.78, "statistical": 0.78, "refit": 0.85}

    def __init__(self, seconds: float | None) -> None:
        self._begin = time.time()
        self._seconds = seconds

    def deadline(self, part: str) -> float | None:
        """Return when `part` has to end, in seconds since the epoch; None = never."""
        return None if self._seconds is None else self._begin + self.ENDS[part] * self._seconds

    def over(self, part: str) -> bool:
        """Return whether the time for `part` is used up."""
        deadline = self.deadline(part)
        return deadline is not None and time.time() >= deadline

    def fitting(self, steps: int, seconds_per_step: float | None, part: str, rounds: int = 1) -> int:
        """Return how many of `steps` fit into what is left for `part`, at least one.

        Args:
            rounds: how many trainings follow each other in that time.
        """
        deadline = self.deadline(part)
        if deadline is None or not seconds_per_step:
            return max(steps, 1)
        return int(max(1, min(steps, (deadline - time.time()) / rounds / seconds_per_step)))


class Clock:
    """Seconds spent in each named part of a command."""

    def __init__(self) -> None:
        self._begin = self._last = time.perf_counter()
        self.parts: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """Book the time since the last lap on `name`."""
        now = time.perf_counter()
        self.parts[name] = round(self.parts.get(name, 0.0) + now - self._last, 3)
        self._last = now

    @property
    def total(self) -> float:
        """Seconds since the clock was made."""
        return round(time.perf_counter() - self._begin, 3)

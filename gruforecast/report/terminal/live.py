"""What a long command shows while it runs: a live view on a terminal, plain lines elsewhere; all of it on stderr."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import IO, Self

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gruforecast.execution.log import own_stderr
from gruforecast.execution.progress import Progress, TrialEnd, Working
from gruforecast.report.terminal.console import console_on, safe, shows_bars, spark

SPARK = 40  # characters
NAME, BETWEEN = 7, 2  # characters: the longest name of a line; between columns
BAR = (8, 24)  # characters, at least and at most
NEWEST = 3  # trials that are listed
LOOK = 0.5  # seconds between two looks at what the workers do
PER_SECOND = 4  # how often the view is drawn
PLAIN = ("", "dumb", "unknown")  # terminals that cannot draw over what they show


class LiveProgress(Progress):
    """Shows a command's progress: live on a terminal, one line a trial elsewhere.

    Args:
        worded: gives a text of the library, with its parameters in backticks, as it is shown.
    """

    def __init__(self, *, quiet: bool, verbose: bool, worded: Callable[[str], str] = str) -> None:
        self._worded = worded
        self._quiet = quiet
        self._verbose = verbose
        self._view = View()
        self._live: Live | None = None
        self._streams = contextlib.ExitStack()

    def __enter__(self) -> Self:
        stream = self._streams.enter_context(own_stderr())
        self._console = console_on(stream)
        if not self._quiet and is_live(stream) and self._console.is_interactive:  # which users may turn off, too
            # what libraries write to standard error goes into the log of the run, and is not taken from there
            self._live = Live(
                self._view,
                console=self._console,
                transient=True,
                refresh_per_second=PER_SECOND,
                redirect_stdout=False,
                redirect_stderr=False,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
        self._streams.close()

    def say(self, text: str) -> None:
        """A fact or a step, unless quiet."""
        if not self._quiet:
            self._console.print(safe(self._worded(text)))

    def warn(self, text: str) -> None:
        """A warning, always."""
        self._console.print(Text.assemble(("warning: ", "yellow"), safe(self._worded(text))))

    def stage(self, text: str) -> None:
        """Open the live view with what is being done now; nothing elsewhere."""
        if self._live is not None:
            self._view.stage(text)
            self._live.start()

    def workers(self, look: Callable[[], Working]) -> None:
        """Let the live view show them."""
        self._view.look = look

    def search_begins(self, trials: int | None, until: float | None = None) -> None:
        """Open the live view of a search."""
        self._view.search_begins(trials, until)
        self.stage("search")

    def trial_known(self, number: int, result: TrialEnd) -> None:
        """One step of the view, which was made before."""
        self._view.trial_known(number, result)

    def trial_ended(
        self, number: int, result: TrialEnd, *, done: int, best: float, expected_seconds: float | None
    ) -> None:
        """One line, or one step of the view."""
        if self._quiet:
            return
        self._view.trial_ended(number, result, done, best, expected_seconds)
        if self._live is None or self._verbose or result.status == "crashed":
            self._console.print(Text(f"trial {number}: {self._outcome(result)}, best {best:.3f}"))
        if self._live is None and len(self._view.bests) == 1 and expected_seconds is not None:
            text = f"about {_duration(expected_seconds)} more for the search; `max_time` sets a limit"
            self._console.print(Text(self._worded(text)))

    def _outcome(self, result: TrialEnd) -> str:
        text = scored(result)
        if result.status == "crashed":
            return text
        text += f", {result.seconds:.1f} s"
        if self._verbose:
            first = f"tracing {result.tracing:.1f} s, compiling {result.compiling:.1f} s"
            text += f" ({first}, {result.steps} steps {result.training:.1f} s)"
        return text

    def search_ended(self) -> None:
        """Leave one line of the search on the terminal, where its trials were not printed."""
        if self._live is not None and (text := self._view.search_ended()):
            self._console.print(Text(text))


class View:
    """What the live view shows, drawn several times a second by a thread of rich.

        search    ━━━━━━━━━━━━━━━━━━━━━━━━━━  9 of 16 trials, 0:21, about 0:17 left
        best      MASE 0.588 in trial 4  █▆▆▃▁▁▁▁▁
        newest    7: 0.644   8: 0.601 (stopped early)   9: 0.731
        workers   2 of 2: trial-010, trial-011; 5 more to do
        so far    0:24; memory 1.3 GB in 3 processes

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.look: Callable[[], Working] | None = None
        self._clock = clock
        self._begun = self._stage_begun = clock()
        self._stage = ""
        self._looked: tuple[float, Working | None] = (float("-inf"), None)
        self._searching = False

    def stage(self, text: str) -> None:
        """What is being done now."""
        self._stage, self._stage_begun = text, self._clock()

    def search_begins(self, trials: int | None, until: float | None) -> None:
        """See `Progress`."""
        self._trials, self._until, self._done, self._known = trials, until, 0, 0
        self._left: tuple[float, float] | None = None  # seconds that were left at a moment
        self._best: tuple[float, int] | None = None
        self.bests: list[float | None] = []  # after each trial of this run
        self._newest: deque[str] = deque(maxlen=NEWEST)
        self._searching = True

    def trial_known(self, number: int, result: TrialEnd) -> None:
        """See `Progress`."""
        self._done, self._known = self._done + 1, self._known + 1
        self._compare(number, result.score)

    def trial_ended(
        self, number: int, result: TrialEnd, done: int, best: float, expected_seconds: float | None
    ) -> None:
        """See `Progress`."""
        self._done = done
        self._left = None if expected_seconds is None else (expected_seconds, self._clock())
        self._compare(number, result.score)
        self.bests.append(best if math.isfinite(best) else None)
        self._newest.append(f"{number}: {scored(result, measure='', crashed='crashed')}")

    def _compare(self, number: int, score: float | None) -> None:
        if score is not None and (self._best is None or score < self._best[0]):
            self._best = score, number

    def search_ended(self) -> str:
        """Return the search in one line, once; empty where no trial has ended in this run, or none has a score."""
        if not self._searching:
            return ""
        self._searching = False
        if self._best is None or not self._newest:
            return ""
        score, number = self._best
        seconds = _clock_text(self._clock() - self._stage_begun)
        before = f" ({self._known} of an earlier run)" if self._known else ""
        return (
            f"search: {self._done} {_trials(self._done)}{before} in {seconds}, best MASE {score:.3f} in trial {number}"
        )

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        fancy = shows_bars(console)
        grid = Table.grid(padding=(0, BETWEEN))
        grid.add_column(no_wrap=True, min_width=NAME)
        width = max(options.max_width - NAME - BETWEEN, 1)
        grid.add_column(no_wrap=True, overflow="ellipsis" if fancy else "crop", max_width=width)
        for name, content in self._rows(width, fancy=fancy):
            grid.add_row(Text(name, style="bold"), content)
        yield grid

    def _rows(self, width: int, *, fancy: bool) -> Iterator[tuple[str, RenderableType]]:
        now = self._clock()
        if self._searching:
            yield "search", self._bar(now, width)
            if self._best is not None:
                sparks = f"  {spark(self.bests, SPARK)}" if fancy else ""
                yield "best", Text.assemble(f"MASE {self._best[0]:.3f} in trial {self._best[1]}", (sparks, "cyan"))
            if self._newest:
                yield "newest", Text("   ".join(self._newest))
        elif self._stage:
            passed, text = f", {_clock_text(now - self._stage_begun)}", safe(self._stage)
            text.truncate(max(width - len(passed), 0), overflow="ellipsis" if fancy else "crop")
            yield "now", text.append(passed)
        working = self._working(now)
        if working is not None:
            yield "workers", safe(_workers_text(working))
            if working.resident:
                total, passed = sum(working.resident) / 1e9, _clock_text(now - self._begun)
                processes = "1 process" if len(working.resident) == 1 else f"{len(working.resident)} processes"
                yield "so far", Text(f"{passed}; memory {total:.1f} GB in {processes}")

    def _bar(self, now: float, width: int) -> Table | Text:
        """Return how far the search is; in words only where the terminal is narrow."""
        of = "" if self._trials is None else f" of {self._trials}"
        trials = _trials(self._done if self._trials is None else self._trials)
        text = Text(f"{self._done}{of} {trials}, {_clock_text(now - self._stage_begun)}{self._left_text(now)}")
        room = min(BAR[1], width - len(text) - BETWEEN)
        if self._trials is None or room < BAR[0]:
            return text
        line = Table.grid(padding=(0, BETWEEN))
        line.add_row(ProgressBar(total=self._trials, completed=self._done, width=room), text)
        return line

    def _left_text(self, now: float) -> str:
        """Return the shorter of what the trials will need and what the budget leaves."""
        limits, left = [], self._left  # which the other thread may take away meanwhile
        if left is not None:
            limits.append(("about ", left[0] - (now - left[1])))
        if self._until is not None:
            limits.append(("at most ", self._until - now))
        if not limits:
            return ""
        word, seconds = min(limits, key=lambda one: one[1])
        return f", {word}{_clock_text(max(seconds, 0.0))} left"

    def _working(self, now: float) -> Working | None:
        if self.look is not None and now - self._looked[0] >= LOOK:
            self._looked = now, self.look()
        return self._looked[1]


def is_live(stream: IO[str]) -> bool:
    """Return whether a stream is a terminal that can draw over what it shows, and whose user wants that."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") not in PLAIN


def _workers_text(working: Working) -> str:
    waiting = f"; {working.waiting} more to do" if working.waiting else ""
    if not working.busy:
        return f"none of {working.count} at work{waiting}"
    return f"{len(working.busy)} of {working.count}: {', '.join(working.busy)}{waiting}"


def scored(result: TrialEnd, measure: str = "MASE ", crashed: str = "") -> str:
    """Return how a trial ended: its score, or the reason why there is none."""
    if result.status == "crashed":
        return crashed or f"crashed: {safe(result.error or '')}"
    if result.score is None:
        return result.status
    return f"{measure}{result.score:.3f}" + (" (stopped early)" if result.status == "pruned" else "")


def _trials(count: int) -> str:
    return "trial" if count == 1 else "trials"


def _clock_text(seconds: float) -> str:
    """Return the minutes and seconds, as a clock shows them."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"

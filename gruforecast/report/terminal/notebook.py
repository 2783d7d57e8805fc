"""What a long command shows while it runs in a notebook: one line that changes, and warnings that stay."""

from __future__ import annotations

import contextlib
import html
import sys
from collections.abc import Iterator
from typing import Protocol

from gruforecast.execution.progress import Progress, TrialEnd, Warner
from gruforecast.report.terminal.live import LiveProgress, is_live, scored
from gruforecast.text import harmless


class _Handle(Protocol):
    """The place of an output that may be written again."""

    def update(self, shown: dict[str, str], *, raw: bool) -> None:
        """Show something else there."""


def in_notebook() -> bool:
    """Return whether this program is the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and hasattr(shell, "kernel")


class NotebookProgress(Progress):
    """Shows a command's progress under the cell that runs it."""

    def __init__(self) -> None:
        self._line = _displayed("reading the data")
        self._of, self._best = "", ""

    def warn(self, text: str) -> None:
        """A warning, which stays."""
        _displayed(f"warning: {text}")

    def stage(self, text: str) -> None:
        """What is being done now."""
        self._show(text)

    def search_begins(self, trials: int | None, until: float | None = None) -> None:  # noqa: ARG002 - as in `Progress`
        """Show a search."""
        self._of = "" if trials is None else f" of {trials}"
        self._show("search")

    def trial_ended(
        self, number: int, result: TrialEnd, *, done: int, best: float, expected_seconds: float | None
    ) -> None:
        """Show how many trials are done, and the best score."""
        left = "" if expected_seconds is None else f", about {expected_seconds:.0f} s left"
        self._show(f"search: {done}{self._of} trials{left}; trial {number}: {scored(result)}; best MASE {best:.3f}")

    def close(self) -> None:
        """Take the line away."""
        self._show("")

    def _show(self, text: str) -> None:
        self._line.update({"text/plain": harmless(text)}, raw=True)


def _displayed(text: str) -> _Handle:
    from IPython import display

    handle: _Handle = display.display({"text/plain": harmless(text)}, raw=True, display_id=True)
    return handle


@contextlib.contextmanager
def progress_in_python(*, shown: bool) -> Iterator[Progress]:
    """What shows the progress of a fit: in a notebook, on a terminal, or nowhere."""
    if shown and in_notebook():
        with contextlib.closing(NotebookProgress()) as notebook:
            yield notebook
    elif shown and sys.stderr is not None and is_live(sys.stderr):
        with LiveProgress(quiet=False, verbose=False) as live:
            yield live
    else:
        yield Warner()


def table_of(facts: dict[str, str]) -> str:
    """Return facts with their names as an HTML table; empty ones are left out."""
    left = "style='text-align: left'"
    rows = (
        f"<tr><th {left}>{name}</th><td {left}>{html.escape(harmless(text))}</td></tr>"
        for name, text in facts.items()
        if text
    )
    return f"<table>{''.join(rows)}</table>"

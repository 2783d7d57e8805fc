"""Progress in a notebook, and where it is shown at all."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from gruforecast.errors import GruforecastWarning
from gruforecast.execution.progress import TrialEnd
from gruforecast.report.terminal import notebook
from gruforecast.report.terminal.live import LiveProgress
from gruforecast.report.terminal.notebook import NotebookProgress, in_notebook, progress_in_python


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What stands in each output of a cell, one text after the other."""
    shown: list[list[str]] = []

    def display(data: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        assert raw
        assert display_id
        texts = [data["text/plain"]]
        shown.append(texts)
        return SimpleNamespace(update=lambda new, *, raw: texts.append(new["text/plain"]))

    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    module = SimpleNamespace(display=SimpleNamespace(display=display), get_ipython=lambda: SimpleNamespace(kernel=1))
    monkeypatch.setitem(sys.modules, "IPython", module)
    return shown


def test_one_line_changes_and_warnings_stay(outputs: list[list[str]]) -> None:
    progress = NotebookProgress()
    progress.stage("reading \x1b[31mred.csv")
    progress.search_begins(4)
    progress.trial_ended(0, TrialEnd("completed", 0.5), done=1, best=0.5, expected_seconds=9.4)
    progress.warn("12 values are far off")
    progress.say("frequency M")
    progress.close()
    line, warning = outputs
    assert warning == ["warning: 12 values are far off"]
    assert line[0] == "reading the data"
    assert line[1] == r"reading \x1b[31mred.csv"
    assert line[2:] == [
        "search", "search: 1 of 4 trials, about 9 s left; trial 0: MASE 0.500; best MASE 0.500", ""]  # fmt: skip


def test_where_progress_is_shown(outputs: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    assert in_notebook()
    with progress_in_python(shown=True) as progress:
        assert isinstance(progress, NotebookProgress)
    with progress_in_python(shown=False) as progress:
        progress.stage("hidden")
        with pytest.warns(GruforecastWarning, match="odd"):
            progress.warn("odd")
    assert len(outputs) == 1
    monkeypatch.setattr(notebook, "in_notebook", lambda: False)
    with progress_in_python(shown=True) as progress:  # no terminal
        assert not isinstance(progress, (NotebookProgress, LiveProgress))
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with progress_in_python(shown=True) as progress:
        assert isinstance(progress, LiveProgress)


def test_a_program_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not in_notebook()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=SimpleNamespace))
    assert not in_notebook()  # a shell in a terminal

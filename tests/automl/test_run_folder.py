"""A run folder that is in use: what was done there already."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import pytest

from gruforecast.automl import run_folder
from gruforecast.automl.options import FitOptions
from gruforecast.automl.run_folder import open_run
from gruforecast.execution.journal import Journal
from gruforecast.execution.progress import Progress


class NoPool:
    """Stands for the workers."""

    def __init__(self, *_: Any) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def look(self) -> None:
        pass


class Told(Progress):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def test_trials_are_those_of_the_search_whatever_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_folder, "Pool", NoPool)
    facts = {"data": "d"}
    journal = Journal(tmp_path, facts, {"lag": 4})
    for name, part in (("trial-000", "search"), ("one", "search"), ("trial-like", "seeds"), ("old", None)):
        more = {} if part is None else {"part": part}
        journal.append({"kind": "end", "name": name, "request": "x", "limit": None, "result": {}, **more})
    journal.close()
    told = Told()
    with open_run(FitOptions(), tmp_path, facts, 0, told) as (jobs, _):
        assert jobs.journal.begin["lag"] == 4
    assert told.said == [f"going on in {tmp_path}: 2 trials are done already"]


def test_a_cache_folder_open_to_others_is_named_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_folder, "Pool", NoPool)
    monkeypatch.setenv("GRUFORECAST_CACHE", str(tmp_path))
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs").chmod(0o777)
    (tmp_path / "run").mkdir()
    said = []
    for options in (FitOptions(), FitOptions(cache=False)):
        told = Told()
        with open_run(options, tmp_path / "run", {"data": "d"}, 0, told):
            said.append(told.said)
    assert [len(texts) for texts in said] == [1, 0]
    assert "is open to other users; run chmod 700" in said[0][0]

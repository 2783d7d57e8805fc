"""Fixtures: one small fitted model that many tests look at, and a file to write to."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from makers import AIR, run

settings.register_profile("any machine", deadline=None)  # how long an example takes says nothing of what it tests
settings.load_profile("any machine")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs with Ctrl-C switched off


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled programs of the tests are kept for this session, and not in the user's folder."""
    base = tmp_path_factory.getbasetemp()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRUFORECAST_CACHE", str((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"))
        yield


@pytest.fixture
def csv(tmp_path: Path) -> Any:
    """Writes text or bytes to a CSV file and gives its path."""

    def write(content: str | bytes, name: str = "data.csv") -> str:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Callable[[Path], dict[str, Any]]], dict[str, Any]]:
    """Calls a maker in an empty folder once for all processes of pytest-xdist.

    Each process gets a copy of the folder as `cwd`, which its tests may write to, beside the facts that the maker gave.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def call(make: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
        name = f"made-{make.__name__}"
        folder, facts, cwd = shared / name, shared / f"{name}.json", base / f"copy-{name}"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not facts.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                facts.write_text(json.dumps(make(folder)))
        shutil.rmtree(cwd, ignore_errors=True)  # of an earlier turn of a module
        shutil.copytree(folder, cwd)
        return {"cwd": cwd, **json.loads(facts.read_text())}

    return call


@pytest.fixture(scope="session")
def fitted(made_once: Any) -> dict[str, Any]:
    """A model of the air passengers with two trials: the folder `cwd` it stands in, and the report."""

    def air(folder: Path) -> dict[str, Any]:
        done = run("fit", str(AIR), "--horizon", "12", "--trials", "2", "--no-stats", "--json", cwd=folder)
        assert done.returncode == 0, done.stderr
        return {"report": json.loads(done.stdout), "stderr": done.stderr}

    return made_once(air)

"""Fixtures: one small fitted model that many tests look at, and a file to write to."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from makers import AIR, run

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs with Ctrl-C switched off


@pytest.fixture
def csv(tmp_path: Path) -> Any:
    """Writes text or bytes to a CSV file and gives its path."""

    def write(content: str | bytes, name: str = "data.csv") -> str:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A model of the air passengers with two trials: the folder `cwd` it stands in, and the report.

    It is made once for all processes of pytest-xdist; each of them has a copy that its tests may write to.
    """
    shared = "PYTEST_XDIST_WORKER" in os.environ
    base = tmp_path_factory.getbasetemp()
    made = (base.parent if shared else base) / "made"
    with (made.with_suffix(".lock")).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made / "done.json").exists():
            make_fitted(made)
    cwd = tmp_path_factory.mktemp("fitted") / "cwd"
    shutil.copytree(made, cwd)
    return {"cwd": cwd, **json.loads((cwd / "done.json").read_text())}


def make_fitted(folder: Path) -> None:
    """Fit in `folder`, and write down what was said at last."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    done = run("fit", str(AIR), "--horizon", "12", "--trials", "2", "--no-stats", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    (folder / "done.json").write_text(json.dumps({"report": json.loads(done.stdout), "stderr": done.stderr}))

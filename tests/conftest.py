"""Small data and one small fitted model that many tests look at."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gruforecast.data.calendar.frequency import Frequency
from gruforecast.data.formats.time_columns import TimeForm
from gruforecast.data.formats.timestamp_formats import StampForm
from gruforecast.data.panel import Panel
from gruforecast.data.plan import Names, Plan
from gruforecast.data.windows import History

ROOT = Path(__file__).parents[1]
AIR = ROOT / "sample_data" / "air_passengers.csv"
MONTHLY = Frequency("M", 1)

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs with Ctrl-C switched off


def run(*arguments: str, cwd: Path | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """`gruforecast` with these arguments, in a process of its own."""
    command = [sys.executable, "-m", "gruforecast", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, **options)


def history_of(*series: Any) -> History:
    """A history of the given series."""
    arrays = [np.asarray(one, float) for one in series]
    indptr = np.concatenate([[0], np.cumsum([len(one) for one in arrays])]).astype(np.int64)
    return History.of(np.concatenate(arrays), indptr)


def panel_of(*series: Any, freq: Frequency = MONTHLY) -> Panel:
    """A panel of the given series, monthly from 2000-01 on unless said otherwise."""
    history = history_of(*series)
    first = np.array(["2000-01-01"] * len(series), "datetime64[s]")
    ds = [np.append(a, freq.after(np.array([a]), len(s) - 1)[0]) for a, s in zip(first, series, strict=True)]
    ids = tuple((f"s{k}",) for k in range(len(series)))
    form = StampForm("ymd", clock="second" if freq.unit == "s" and freq.step < 86400 else "")
    plan = Plan(Names(("ds",), "y", ("unique_id",)), freq, TimeForm(form))
    return Panel(ids, history.indptr, np.concatenate(ds).astype("datetime64[s]"), history.values, plan)


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
    """A model of the air passengers with two trials: the folder `cwd` it was made in, and the report."""
    cwd = tmp_path_factory.mktemp("fitted")
    done = run("fit", str(AIR), "--horizon", "12", "--trials", "2", "--no-stats", "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return {"cwd": cwd, "report": json.loads(done.stdout), "stderr": done.stderr}

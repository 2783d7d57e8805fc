"""Places, small data and the command line, for tests of every room."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gruforecast.data.calendar.frequency import Frequency
from gruforecast.data.formats.time_columns import TimeForm
from gruforecast.data.formats.timestamp_formats import StampForm
from gruforecast.data.panel import Panel
from gruforecast.data.plan import Names, Plan
from gruforecast.data.windows import History

ROOT = Path(__file__).parents[2]
AIR = ROOT / "sample_data" / "air_passengers.csv"
GOLDEN = ROOT / "tests" / "golden"
SUPPORT = ROOT / "tests" / "support"
TORTURE = ROOT / "tests" / "torture"
MONTHLY = Frequency("M", 1)


def run(*arguments: str, cwd: Path | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """`gruforecast` with these arguments, in a process of its own."""
    command = [sys.executable, "-m", "gruforecast", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, **options)


def eventually(holds: Callable[[], bool], seconds: float = 120.0) -> bool:
    """Return whether something comes true, as soon as it does; false only where a machine would have to hang."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


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

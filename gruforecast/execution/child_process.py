"""One call in a process of its own: a converter may crash, and what was written should be read by someone else."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from gruforecast.errors import GruforecastError, ResourceError, environment_error

START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
START += "from gruforecast.execution.child_process import main; main()"
ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1", "KERAS_BACKEND": "tensorflow"}
# one thread of a processor: so are the others measured, and a graphics card would give other last digits
ENVIRONMENT |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1"}
TAIL = 600  # characters of a log that are shown
RUNS, SECONDS = 50, 1.0  # of a measurement, whichever ends first


def call(function: str, request: Mapping[str, Any], scratch: Path, what: str) -> dict[str, Any]:
    """Return what `function` (`package.module:name`) gives for `request`; both are plain JSON types.

    Args:
        scratch: folder for request, answer and log.
        what: is done there, for errors.

    Raises:
        ResourceError: the machine is at fault; GruforecastError: the process died, or the function failed.
    """
    name = function.rpartition(":")[2]
    asked, answer, log = (scratch / f"{name}.{ending}" for ending in ("request", "answer", "log"))
    asked.write_text(json.dumps(request), encoding="utf-8")
    paths = json.dumps([path for path in sys.path if path])
    with log.open("wb") as stream:
        ended = subprocess.run(
            [sys.executable, "-P", "-c", START, paths, function, str(asked), str(answer)],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env={**os.environ, **ENVIRONMENT},
            check=False,
        )
    told = json.loads(answer.read_text(encoding="utf-8")) if answer.exists() else {}
    if ended.returncode == 0 and "result" in told:
        result: dict[str, Any] = told["result"]
        return result
    if (fault := told.get("environment")) is not None:
        raise ResourceError(fault["message"], remedy=fault["remedy"], code=fault["code"], file=fault["file"])
    error = told.get("error") or f"its process ended with {_ending(ended.returncode)}"
    raise GruforecastError(
        f"{what} failed: {error}. The end of its log: {_tail(log)!r}.",
        remedy="Please report this; --debug shows the whole log.",
        code="GF-X04",
    ) from (RuntimeError(told.get("trace", "") + log.read_text(encoding="utf-8", errors="replace")))


def _ending(code: int) -> str:
    if code >= 0:
        return f"code {code}"
    try:
        return f"signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"signal {-code}"


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace").strip()[-TAIL:]


def main() -> None:
    """The far side."""
    _, _, function, asked, answer = sys.argv
    module, _, name = function.partition(":")
    told: dict[str, Any]
    try:
        request = json.loads(Path(asked).read_text(encoding="utf-8"))
        told = {"result": getattr(importlib.import_module(module), name)(request)}
    except Exception as error:  # noqa: BLE001 - told to the other side
        known = environment_error(error)
        text = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(".")
        environment = known.to_dict() if known else None
        told = {"error": text, "environment": environment, "trace": traceback.format_exc()}
    Path(answer).write_text(json.dumps(told), encoding="utf-8")
    sys.stdout.flush()
    os._exit(0)  # libraries may crash while they are taken down, after everything was said


def milliseconds(run: Callable[[], Any]) -> float:
    """Return the median time of a call, after one that does not count."""
    run()
    taken: list[float] = []
    begin = time.perf_counter()
    while len(taken) < RUNS and time.perf_counter() - begin < SECONDS:
        started = time.perf_counter()
        run()
        taken.append(time.perf_counter() - started)
    return round(1000 * median(taken), 3)


def cases_in(arrays: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the inputs by case, of arrays named `case.input`."""
    cases: dict[str, dict[str, Any]] = {}
    for name, values in arrays.items():
        case, _, key = name.partition(".")
        cases.setdefault(case, {})[key] = values
    return cases

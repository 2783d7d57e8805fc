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
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, TypedDict, TypeVar

import msgspec
import numpy as np

from gruforecast.arrays import Array
from gruforecast.errors import GruforecastError, ResourceError, environment_error
from gruforecast.execution.atomic_files import npz, read_npz, write_file
from gruforecast.serialization import Json, record

START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
START += "from gruforecast.execution.child_process import main; main()"
LIBRARIES = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1", "KERAS_BACKEND": "tensorflow"}
# one thread of a processor: so are the others measured, and a graphics card would give other last digits
ENVIRONMENT = LIBRARIES | {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1"}
TAIL = 600  # characters of a log that are shown
RUNS, SECONDS = 50, 1.0  # of a measurement, whichever ends first
_T = TypeVar("_T")


class Fault(msgspec.Struct, frozen=True):
    """What is read of `GruforecastError.to_dict`."""

    code: str
    message: str
    remedy: str
    file: str | None


class Failure(TypedDict):
    """Why there is no result; `environment` is the error of ours where the machine is at fault."""

    text: str
    environment: Json | None
    trace: str


class Outcome(TypedDict, total=False):
    """A result or an error."""

    result: Json
    error: Failure


def call(function: str, request: Json, scratch: Path, what: str) -> Json:
    """Return what `function` (`package.module:name`) gives for `request`; both are plain JSON types.

    Args:
        scratch: folder for request, answer and log.
        what: is done there, for errors.

    Raises:
        ResourceError: the machine is at fault; GruforecastError: the process died, or the function failed.
    """
    sent, answer, log = (scratch / f"{function.rpartition(':')[2]}.{kind}" for kind in ("request", "answer", "log"))
    sent.write_text(json.dumps(request), encoding="utf-8")
    paths = json.dumps([path for path in sys.path if path])
    with log.open("wb") as stream:
        ended = subprocess.run(
            [sys.executable, "-P", "-c", START, paths, function, str(sent), str(answer)],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env={**os.environ, **ENVIRONMENT},
            check=False,
        )
    received: Outcome = json.loads(answer.read_text(encoding="utf-8")) if answer.exists() else {}
    if ended.returncode == 0 and "result" in received:
        return received["result"]
    died: Failure = {"text": f"its process ended with {_ending(ended.returncode)}", "environment": None, "trace": ""}
    error = received.get("error", died)
    if error["environment"] is not None:
        raise resource_error(error["environment"])
    full_log = log.read_text(encoding="utf-8", errors="replace")
    raise GruforecastError(
        f"{what} failed: {error['text'].rstrip('.')}. The end of its log: {full_log.strip()[-TAIL:]!r}.",
        remedy="Please report this; --debug shows the whole log.",
        code="GF-X04",
    ) from RuntimeError(error["trace"] + full_log)


def _ending(code: int) -> str:
    if code >= 0:
        return f"code {code}"
    names = {int(one): f" ({one.name})" for one in signal.Signals}
    return f"signal {-code}{names.get(-code, '')}"


def main() -> None:
    """The far side."""
    _, _, function, request, answer = sys.argv
    outcome = outcome_of(function, json.loads(Path(request).read_text(encoding="utf-8")))
    Path(answer).write_text(json.dumps(outcome), encoding="utf-8")
    sys.stdout.flush()
    os._exit(0)  # libraries may crash while they are taken down, after everything is written


def outcome_of(function: str, request: Json) -> Json:
    """Return `result` or `error` of `package.module:name`, called in a process whose other side waits for it."""
    module, _, name = function.partition(":")
    try:
        return {"result": getattr(importlib.import_module(module), name)(request)}
    except Exception as error:  # noqa: BLE001 - reported to the other side
        known = environment_error(error)
        text = str(known) if known else f"{type(error).__name__}: {error}".splitlines()[0]
        environment = known.to_dict() if known else None
        return {"error": {"text": text, "environment": environment, "trace": traceback.format_exc()}}


def resource_error(facts: Json) -> ResourceError:
    """Return the fault of the machine that another process has reported as plain JSON types."""
    fault = record(Fault, facts, "the error of a process")
    return ResourceError(fault.message, remedy=fault.remedy, code=fault.code, file=fault.file)


def milliseconds(run: Callable[[], _T]) -> float:
    """Return the median time of a call, after one that does not count."""
    run()
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < RUNS and time.perf_counter() - begin < SECONDS:
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return round(1000 * median(times), 3)


def write_answers(
    given: str, answer: str, ask: Callable[[Mapping[str, Array]], Mapping[str, Array]]
) -> dict[str, Array]:
    """Return the inputs of the first case of the file `given`; what `ask` says to all of them goes to `answer`."""
    cases = cases_in(read_npz(given))
    answers = {f"{case}.{name}": values for case, inputs in cases.items() for name, values in ask(inputs).items()}
    write_file(Path(answer), npz(answers))
    return next(iter(cases.values()))


def batch_times(run: Callable[[Mapping[str, Array]], Any], inputs: Mapping[str, Array]) -> dict[str, float]:
    """Return the milliseconds of a call with one and with 100 series, which repeat those of `inputs`."""
    batches = {n: {name: np.resize(one, (n, *one.shape[1:])) for name, one in inputs.items()} for n in (1, 100)}
    return {f"batch {n}": milliseconds(partial(run, batch)) for n, batch in batches.items()}


def cases_in(arrays: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
    """Return the inputs by case, of arrays named `case.input`."""
    cases: dict[str, dict[str, Array]] = {}
    for name, values in arrays.items():
        case, _, key = name.partition(".")
        cases.setdefault(case, {})[key] = values
    return cases

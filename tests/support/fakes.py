"""A trainer and a proposer that are quick, repeatable and know no TensorFlow; and trainers that fail in known ways."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import structs

from gruforecast.automl.search.loop import Search, search
from gruforecast.automl.search.oracle import Proposal
from gruforecast.automl.search.space import Space, recipe
from gruforecast.execution.atomic_files import Lock, npz, remove_parts, write_file
from gruforecast.execution.jobs import Jobs
from gruforecast.execution.journal import Journal
from gruforecast.execution.pool import Pool
from gruforecast.execution.progress import Budget, Progress

START = structs.replace(recipe(0, lookback=24, segment=3), dropout=0.0, learning_rate=1e-3)
SPACE = Space(
    12, 12, (24, 36), (3, 12), ("direct",), ((1, 32), (1, 64)), 1.0, True, 0.0, (), (), 32, 100, False, (START,)
)
FACTS = {"data": "fake", "options": {"horizon": 12}}
LAG = 4
TRIALS = 12


def unit(*parts: Any) -> float:
    """A number in [0, 1) that follows from the arguments."""
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


class Proposer:
    """Every proposal follows from all that was told before it, so any other order of telling shows."""

    def __init__(self, trials: int = TRIALS) -> None:
        self.trials, self.asked, self.told = trials, 0, []

    @property
    def open(self) -> bool:
        return self.asked < self.trials

    def ask(self) -> Proposal | None:
        if self.asked == self.trials:
            return None
        number, self.asked = self.asked, self.asked + 1
        draw = unit(number, self.told)
        values = structs.replace(START, learning_rate=1e-3 * (1 + draw), units=32 if draw < 0.5 else 64)
        return Proposal(number, values, 1.0)

    def tell(self, number: int, score: float) -> None:
        self.told.append((number, repr(score)))

    def close(self) -> None:
        pass


def trial(request: dict[str, Any]) -> dict[str, Any]:
    """A score and weights that follow from the request; some trials take three times as long."""
    rate = request["training"]["learning_rate"]
    time.sleep(0.03 if unit(rate) < 0.3 else 0.01)
    content = npz({"w": [rate] * 50})
    write_file(Path(request["folder"]) / request["weights"], content)
    with (Path(request["folder"]) / "ran.txt").open("a") as stream:  # who ran, whether or not it was recorded
        stream.write(f"{request['number']} {os.getpid()}\n")
    digest = hashlib.sha256(content).hexdigest()
    score = 0.5 + unit("score", rate)
    file = {"name": request["weights"], "sha256": digest}
    facts = {"digest": digest, "late": False, "file": file}
    return {"status": "completed", "score": score, "rungs": [score, score], **facts}


def crash_at_3(request: dict[str, Any]) -> dict[str, Any]:
    """Trial 3 kills its process, as a segmentation fault would."""
    if request["number"] == 3:
        os.kill(os.getpid(), signal.SIGSEGV)
    return trial(request)


def crash_once_at_3(request: dict[str, Any]) -> dict[str, Any]:
    """Trial 3 kills its process at the first attempt only."""
    mark = Path(request["folder"]) / "crashed"
    if request["number"] == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return trial(request)


def always_raise(request: dict[str, Any]) -> dict[str, Any]:
    raise ValueError("the same every time")


def raise_differently(request: dict[str, Any]) -> dict[str, Any]:
    raise ValueError(f"no luck with {request['number']}")


def disk_full_at_2(request: dict[str, Any]) -> dict[str, Any]:
    if request["number"] == 2 and not (Path(request["folder"]) / "room").exists():
        raise OSError(errno.ENOSPC, "No space left on device", "/full/weights.npz")
    return trial(request)


def no_memory(request: dict[str, Any]) -> dict[str, Any]:
    raise MemoryError


def no_package(request: dict[str, Any]) -> dict[str, Any]:
    raise ModuleNotFoundError("No module named 'tensorflow'")


def odd_scores(request: dict[str, Any]) -> dict[str, Any]:
    """Scores 1, -inf, inf and nan in turn."""
    odd = [1.0, float("-inf"), float("inf"), float("nan")][request["number"] % 4]
    return {**trial(request), "score": odd, "fold_scores": None}


def hang_at_1(request: dict[str, Any]) -> dict[str, Any]:
    """Trial 1 stops its process, so that not even its threads go on."""
    if request["number"] == 1:
        os.kill(os.getpid(), signal.SIGSTOP)
    return trial(request)


def late(request: dict[str, Any]) -> dict[str, Any]:
    """A training that its limit has ended."""
    return {**trial(request), "late": True}


def grow(request: dict[str, Any]) -> dict[str, Any]:
    """A trial that leaks 30 MB."""
    LEAK.append(bytearray(os.urandom(1)) * 30_000_000)
    return {**trial(request), "pid": os.getpid()}


LEAK: list[bytearray] = []


def answer_and_die(request: dict[str, Any]) -> dict[str, Any]:
    """The process ends a moment after the answer, long enough to have sent it on a busy machine."""
    threading.Timer(1.0, os._exit, (1,)).start()
    Path(request["pid"]).write_text(str(os.getpid()))
    return {"pid": os.getpid()}


def die(request: dict[str, Any]) -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def pid(request: dict[str, Any]) -> dict[str, Any]:
    time.sleep(request.get("sleep", 0.0))
    return {"pid": os.getpid()}


@contextlib.contextmanager
def open_jobs(folder: Path, runner: Any = None, facts: Any = None, **options: Any) -> Iterator[Jobs]:
    """Jobs of a run folder as `fit` opens it, on two processes without TensorFlow or on the given runner."""
    with Lock(folder), contextlib.ExitStack() as stack:
        remove_parts(folder)
        journal = stack.enter_context(contextlib.closing(Journal(folder, facts or FACTS, {"lag": LAG})))
        pool = runner or stack.enter_context(Pool(2, folder / "log.txt", preload=()))
        yield Jobs(pool, journal, folder, **options)


def run(jobs: Jobs, trials: int = TRIALS, budget: Budget | None = None) -> Search:
    """The search with the fake proposer."""
    return search(
        SPACE,
        jobs,
        Proposer(trials),
        lag=jobs.journal.begin["lag"],
        seed=0,
        prune=True,
        total=trials,
        budget=budget or Budget(None),
        progress=Progress(),
    )


def leaderboard(found: Search) -> list[Any]:
    """Every trial by score, with what was tried and the digest of its weights."""
    rows = [[one.result.score, one.number, structs.asdict(one.values), one.result.digest] for one in found.trials]
    return sorted(rows, key=lambda row: (row[0] is None, row[:2]))

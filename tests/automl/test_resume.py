"""A search that was interrupted goes on and ends as if it had not been; the number of workers changes nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers import AIR, eventually, run

from gruforecast.models.networks.config import Hyperparameters

pytestmark = pytest.mark.network

ARGUMENTS = [
    "fit",
    str(AIR),
    "--horizon",
    "12",
    "--trials",
    "3",
    "--tuner",
    "random",
    "--seed",
    "3",
    "--compare",
    "none",
    "--no-stats",
]


def started(cwd: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "gruforecast", *ARGUMENTS, *more]
    return subprocess.Popen(command, cwd=cwd, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def trials_in(journal: Path) -> list[str]:
    if not journal.exists():
        return []
    whole = journal.read_bytes().rpartition(b"\n")[0].splitlines()
    names = [json.loads(line[9:]).get("name", "") for line in whole]
    return [name for name in names if name.startswith("trial-")]


def wait_for_trials(journal: Path, count: int) -> None:
    assert eventually(lambda: len(trials_in(journal)) >= count, seconds=600)


def result_of(cwd: Path) -> dict[str, Any]:
    report = json.loads((cwd / "gruforecast_model" / "report.json").read_text())
    timing = ("seconds", "seconds_per_epoch", "train_seconds", "forecast_ms")
    board = [{name: row[name] for name in row if name not in timing} for row in report["leaderboard"]]
    search = [{name: trial[name] for name in trial if name != "seconds"} for trial in report["search"]]
    return {"board": board, "search": search, **{name: report[name] for name in ("chosen", "winner", "digests")}}


@pytest.mark.slow
def test_interrupted_killed_and_resumed_is_as_undisturbed(tmp_path: Path) -> None:
    calm, rough = tmp_path / "calm", tmp_path / "rough [1] * ü"
    calm.mkdir()
    rough.mkdir()
    assert run(*ARGUMENTS, "--workers", "2", cwd=calm).returncode == 0

    journal = rough / "gruforecast_model.run" / "journal.jsonl"
    interrupted = started(rough, "--workers", "1")
    wait_for_trials(journal, 1)
    interrupted.send_signal(signal.SIGINT)
    _, said = interrupted.communicate(timeout=120)
    assert interrupted.returncode == 130
    assert f"interrupted; to go on: gruforecast {' '.join(ARGUMENTS)} --workers 1" in said

    done = len(trials_in(journal))
    killed = started(rough, "--workers", "1")
    wait_for_trials(journal, done + 1)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert not (rough / "gruforecast_model").exists()

    last = run(*ARGUMENTS, "--workers", "1", cwd=rough)
    assert last.returncode == 0, last.stderr
    assert "trials are done already" in last.stderr
    assert sorted(trials_in(journal)) == ["trial-000", "trial-001", "trial-002"]
    assert result_of(rough) == result_of(calm)
    assert run("predict", cwd=rough).stdout == run("predict", cwd=calm).stdout
    assert "nothing to do" in run(*ARGUMENTS, cwd=rough).stderr

    other = run(*ARGUMENTS, "--season", "6", "--overwrite", "-o", "other", "--run-dir", str(journal.parent), cwd=rough)
    assert other.returncode == 0, "a finished search is replaced on --overwrite"
    wrong = run(*ARGUMENTS, "-o", "third", "--run-dir", str(journal.parent), cwd=rough)
    assert wrong.returncode == 4
    assert "--season 6 -> null" in wrong.stderr


def test_terminated_is_exit_143_and_leaves_no_process(tmp_path: Path) -> None:
    process = started(tmp_path)
    log = tmp_path / "gruforecast_model.run" / "log.txt"
    assert eventually(log.exists)
    time.sleep(0.5)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    pids = [int(text) for text in children.read_text().split()] if children.exists() else []
    process.terminate()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 143
    assert "to go on: gruforecast fit" in said
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.slow
def test_the_oracle_finds_a_known_optimum() -> None:
    from gruforecast.automl.search.oracle import Proposer
    from gruforecast.automl.search.space import Space, recipe

    start = recipe(0, lookback=24, segment=3)
    space = Space(
        12, 12, (24, 36), (3, 12), ("direct",), ((1, 32), (2, 64)), 1.0, True, 0.0, (), (), 32, 100, False, (start,)
    )

    def cost(values: Hyperparameters) -> float:
        rate = (np.log10(values.learning_rate) + 3.0) ** 2
        return float(rate + 0.3 * (values.dropout - 0.1) ** 2 + 0.2 * values.layers + 0.1 * (values.segment == 3))

    def best(tuner: str, seed: int) -> float:
        proposer, costs = Proposer(tuner, space, 25, seed), []
        for number in range(25):
            costs.append(cost(proposer.ask().values))
            proposer.tell(number, costs[-1])
        proposer.close()
        return min(costs) - 0.2

    bayesian = np.mean([best("bayesian", seed) for seed in range(4)])
    assert bayesian < 0.01
    assert bayesian < np.mean([best("random", seed) for seed in range(4)])

#!/usr/bin/env python3
"""Where the time of a `fit` goes, with one worker and with two, beside what two separate trainings gain here.

    python benchmarks/end_to_end.py --data PATH [--only air|m4] [--trials 16] [--series N] [--json]

PATH holds `classic/air_passengers.csv` and `m4_hourly/train.csv`; the variable GRUFORECAST_DATA may say it, too. The
search is at random, so one and two workers run the very same trials. Two workers cannot gain more than two processes
that train for themselves do, which depends on cores, caches and neighbours: that gain is measured in the same run, by
processes with one thread that take the same number of steps alone and side by side.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SETS = {"air": ("classic/air_passengers.csv", 12, 16), "m4": ("m4_hourly/train.csv", 48, 8)}
TRAIN = """
import sys, time
import numpy as np
import gruforecast.models.training
from gruforecast.models.networks.config import NetworkConfig, TrainingConfig
from gruforecast.models.training.train import Schedule, train
from gruforecast.data.windows import History
lookback, segment, units, layers, steps = map(int, sys.argv[1:])
config = NetworkConfig(horizon=48, lookback=lookback, season_length=24, segment=segment, units=units, layers=layers)
history = History.of(10 + np.random.default_rng(0).random(300_000), np.array([0, 300_000]))
train(config, TrainingConfig(50, 128), history, history.indptr[1:], Schedule())
print("ready", flush=True)
for line in sys.stdin:
    begin = time.perf_counter()
    train(config, TrainingConfig(steps, 128), history, history.indptr[1:], Schedule())
    print(time.perf_counter() - begin, flush=True)
"""


class Training:
    """A training in a process of its own, that waits for a line before each round."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", TRAIN, "336", "24", "128", "2", "300"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(  # noqa: S603 - this very interpreter
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self.answer()

    def go(self) -> None:
        """Begin a round."""
        print(file=self._process.stdin, flush=True)

    def answer(self) -> str:
        """Wait for the end of it."""
        return self._process.stdout.readline() if self._process.stdout else ""

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def separate_gain(rounds: int = 4) -> float:
    """How much more two single-threaded trainings side by side do than one alone; median of rounds in turn."""
    one, two = Training(), Training()
    gains = []
    for _ in range(rounds):
        one.go()
        alone = float(one.answer())
        one.go()
        two.go()
        together = max(float(one.answer()), float(two.answer()))
        gains.append(2 * alone / together)
    one.close()
    two.close()
    return sorted(gains)[rounds // 2]


def excerpt(file: Path, series: int | None, folder: Path) -> Path:
    """The file, or a copy in `folder` of its first series."""
    if series is None:
        return file
    header, *lines = file.read_text().splitlines(keepends=True)
    kept = dict.fromkeys(line.split(",")[0] for line in lines)
    wanted = set(list(kept)[:series])
    copy = folder / "excerpt.csv"
    copy.write_text("".join([header, *[line for line in lines if line.split(",")[0] in wanted]]))
    return copy


def fit(data: Path, horizon: int, trials: int, workers: int) -> dict[str, Any]:
    """One `fit`, and where its seconds went."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "gruforecast", "fit", str(data), "--horizon", str(horizon), "--json", "-q"]
        command += ["--trials", str(trials), "--workers", str(workers), "--tuner", "random", "-o", f"{folder}/model"]
        command += ["--no-prune", "--no-blend", "--compare", "none"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    report = json.loads(done.stdout)
    parts = report["seconds_by_part"]
    sums = {name: sum(trial["seconds"][name] for trial in report["search"]) for name in report["search"][0]["seconds"]}
    return {
        "workers": workers,
        "trials_per_minute": 60 * trials / parts["search"],
        "all": report["seconds"],
        "start_up": report["workers"]["start_seconds"],
        "tracing": sums["trace"],
        "compiling": sums["compile"],
        "training": sums["train"],
        "evaluation": sums["evaluate"] + sums["validate"],
        "export": parts["export"],
        **{f"part_{name}": seconds for name, seconds in parts.items()},
    }


def main() -> None:
    """Measure and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("GRUFORECAST_DATA"))
    parser.add_argument("--only", choices=SETS)
    parser.add_argument("--trials", type=int)
    parser.add_argument(
        "--series", type=int, help="only the first series of a file; M4 hourly whole takes half an hour"
    )
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if not args.data:
        parser.error("say where the data are: --data PATH")
    result: dict[str, Any] = {"separate_gain": separate_gain()}
    for name in [args.only] if args.only else SETS:
        file, horizon, trials = SETS[name]
        with tempfile.TemporaryDirectory() as folder:
            data = excerpt(Path(args.data) / file, args.series, Path(folder))
            rows = [fit(data, horizon, args.trials or trials, workers) for workers in (1, 2)]
        gain = rows[1]["trials_per_minute"] / rows[0]["trials_per_minute"]
        result[name] = {"rows": rows, "gain": gain, "gain_to_separate": gain / result["separate_gain"]}
    print(json.dumps(result) if args.json else _table(result))


def _table(result: dict[str, Any]) -> str:
    lines = [f"two separate trainings do {result['separate_gain']:.2f} times the work of one"]
    for name in [name for name in result if name != "separate_gain"]:
        found = result[name]
        lines.append(
            f"{name}: two workers do {found['gain']:.2f} times the trials, {found['gain_to_separate']:.2f} of it"
        )
        lines += ["  " + "  ".join(f"{key} {value:.3g}" for key, value in row.items()) for row in found["rows"]]
    return "\n".join(lines)


if __name__ == "__main__":
    main()

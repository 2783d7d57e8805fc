#!/usr/bin/env python3
"""What each ingredient of the recipe brings: one change at a time, a fixed number of steps, scored on the test set.

    python benchmarks/ablation.py --data PATH [--only m3_monthly|m4_hourly] [--steps 1000] [--seed 0] [--out FILE]

Every network is trained on the rows before the test set (the last horizon of the official training part) and scored
there once; nothing is chosen. The blend's weights come from a network that was trained before the first fold.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import gruforecast.models.training  # noqa: F401 - sets up TensorFlow
from gruforecast.automl.ensemble_selection import select_weights
from gruforecast.automl.search.space import Space
from gruforecast.data.read import read_csv
from gruforecast.evaluation.splits import Split, split
from gruforecast.models.baselines import baselines
from gruforecast.models.model import Model
from gruforecast.models.networks import features as encoding
from gruforecast.models.networks.config import PERIODS, NetworkConfig, TrainingConfig
from gruforecast.models.networks.inference import Network
from gruforecast.models.training.train import Schedule, train

SETS = {"m3_monthly": ("m3/monthly_train.csv", 18, 12), "m4_hourly": ("m4_hourly/train.csv", 48, 24)}


class Study:
    """One data set and the recipe that its space begins with."""

    def __init__(self, file: Path, horizon: int, season: int, steps: int, seed: int) -> None:
        panel = read_csv(str(file)).panel
        self.split: Split = split(panel, horizon, 1 if len(panel) > 1000 else 3, season, file.name)
        space = Space.of(self.split)
        self.network = space.network(space.start)
        self.training: TrainingConfig = replace(space.training(space.start, seed + 1), steps=steps)
        self.windows = self.split.test_windows()

    def forecast(self, network: NetworkConfig, training: TrainingConfig, cutoff: Any, windows: Any) -> Any:
        """Forecasts at `windows` by a network trained before `cutoff`."""
        weights = train(network, training, self.split.history, cutoff, Schedule()).weights
        return self.split.ask(Network("gru", network, weights), windows).mean

    def score(self, **changes: Any) -> float:
        """Test MASE of the recipe with changes to the network."""
        network = replace(self.network, **changes)
        found = self.forecast(network, self.training, self.split.test, self.windows)
        return self.split.mean_mase(self.windows, found)

    def seeds(self, count: int = 3) -> tuple[float, float]:
        """Mean test MASE of several seeds, and that of their mean forecast."""
        found = [
            self.forecast(self.network, replace(self.training, seed=k + 1), self.split.test, self.windows)
            for k in range(count)
        ]
        alone = float(np.mean([self.split.mean_mase(self.windows, one) for one in found]))
        return alone, self.split.mean_mase(self.windows, np.mean(found, axis=0))

    def blend(self) -> tuple[float, dict[str, float]]:
        """Test MASE of the recipe blended with the baselines, and the weights."""
        split = self.split
        weights = train(self.network, self.training, split.history, split.learned, Schedule()).weights
        models: dict[str, Model] = {**baselines(split.season_length), "gru": Network("gru", self.network, weights)}
        folds = split.fold_windows()
        found = select_weights(split, {name: [split.ask(one, w).mean for w in folds] for name, one in models.items()})
        if found is None:
            raise SystemExit("one fold of few series cannot say what to blend")
        at_test = {name: split.ask(models[name], self.windows).mean for name in found.weights if name != "gru"}
        at_test["gru"] = self.forecast(self.network, self.training, self.split.test, self.windows)
        mean = sum(weight * at_test[name] for name, weight in found.weights.items())
        return self.split.mean_mase(self.windows, mean), found.weights


def patched(name: str, function: Any, score: Callable[[], float]) -> float:
    """`score` with another function in the encoding; networks are compiled anew before and after."""
    from gruforecast.models.training import kept_function
    from gruforecast.models.training.train import _program

    kept_function.KNOWN_TO = ()  # or what was traced with the other function would be found

    whole = getattr(encoding, name)
    setattr(encoding, name, function)
    _program.cache_clear()
    try:
        return score()
    finally:
        setattr(encoding, name, whole)
        _program.cache_clear()


def study(name: str, args: argparse.Namespace) -> dict[str, Any]:
    """Every variant of one data set."""
    file, horizon, season = SETS[name]
    one = Study(Path(args.data) / file, horizon, season, args.steps, args.seed)

    def no_base(x: Any, *_: Any) -> Any:
        xp = _[-1]
        return xp.zeros_like(x[:, :1]) * np.zeros((1, horizon))

    def no_level(z: Any, *_: Any) -> Any:
        return _[-1].zeros_like(z[:, :1])

    variants: dict[str, Callable[[], Any]] = {
        "recipe": one.score,
        "no residual base": lambda: patched("_seasonal_base", no_base, one.score),
        "averaged base": lambda: one.score(averaged=1.0),
        "one unit for all": lambda: one.score(own_spread=0.0),
        "own unit for each window": lambda: one.score(own_spread=1.0),
        "shortest segments": lambda: one.score(segment=1 if season < 24 else 4),
        "segments of 12 rows": lambda: one.score(segment=12),
        "double lookback": lambda: one.score(lookback=2 * one.network.lookback),
        "no logarithms": lambda: one.score(log=False),
        "no level subtracted": lambda: patched("_level", no_level, one.score),
        "calendar": lambda: one.score(periods=PERIODS[:2] if season == 24 else PERIODS[2:], calendar=True),
        "three seeds": one.seeds,
        "blend": one.blend,
    }
    results = {}
    for variant, run in variants.items():
        begin = time.perf_counter()
        results[variant] = run()
        print(f"{name} | {variant} | {results[variant]} | {time.perf_counter() - begin:.0f} s", flush=True)
    return results


def main() -> None:
    """Run the variants, print a line each, write all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("GRUFORECAST_DATA"))
    parser.add_argument("--only", choices=SETS)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    if not args.data:
        parser.error("say where the data are: --data PATH")
    results = {name: study(name, args) for name in ([args.only] if args.only else SETS)}
    if args.out:
        args.out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()

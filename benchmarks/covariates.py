#!/usr/bin/env python3
"""What covariates bring: the same networks with and without them, by series, on folds and test set.

    python benchmarks/covariates.py FILE --horizon 24 --known exogenous1 --known exogenous2 [--seeds 3] [--steps 1000]

Networks of the first configuration and of the one with decoded segments are trained with several seeds before the first
fold and scored on the folds and at every origin from the first fold to the test set, and trained again before the test
part and scored there. Forecasts of all of them together are scored: MASE, lower is better.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from msgspec import structs

from gruforecast.automl.options import FitOptions
from gruforecast.automl.preparation import Prepared, prepare
from gruforecast.automl.search.space import Space
from gruforecast.execution.progress import Progress
from gruforecast.models.networks.inference import Network
from gruforecast.models.training.train import Schedule, train

RECIPES = 2  # of the portfolio


def main() -> None:
    """Train, score, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--horizon", type=int)
    for role in ("known", "past", "static"):
        parser.add_argument(f"--{role}", action="append", default=[])
    parser.add_argument("--holidays")
    parser.add_argument("--target")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="instead of those of the recipe")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    roles = {role: tuple(getattr(asked, role)) for role in ("known", "past", "static")}
    options = FitOptions(target=asked.target, holidays=asked.holidays, horizon=asked.horizon, **roles)
    prepared = prepare(asked.data, options, Progress())
    found = {use: scores(prepared, use, asked.seeds, asked.steps) for use in (False, True)}
    show(prepared, found)
    if asked.out:
        asked.out.write_text(json.dumps({str(use): values.tolist() for use, values in found.items()}))


def scores(prepared: Prepared, use: bool, seeds: int, steps: int | None) -> np.ndarray:
    """MASE (n_series, n_folds + 2) of all networks together; the last columns: all origins, and the test set."""
    split, space = prepared.split, Space.of(prepared.split)
    places = [*split.fold_windows(), split.calibration_windows(), split.test_windows()]
    sums = [0.0] * len(places)
    for values in space.portfolio[:RECIPES]:
        network = space.network(values if use else structs.replace(values, use_inputs="none"))
        for seed in range(1, seeds + 1):
            training = space.training(values, seed)
            training = replace(training, steps=steps) if steps else training
            for cutoff, some in ((split.learned, range(len(places) - 1)), (split.test, [len(places) - 1])):
                weights = train(network, training, split.history, cutoff, Schedule()).weights
                for k in some:
                    sums[k] = sums[k] + split.ask(Network("gru", network, weights), places[k]).mean
    found = np.full((len(prepared.panel), len(places)), np.nan)
    for k, windows in enumerate(places):
        each = split.scores(windows, sums[k] / (RECIPES * seeds))["mase"]
        count = np.bincount(windows.series[~np.isnan(each)], minlength=len(found))
        found[:, k] = np.bincount(windows.series, np.nan_to_num(each), minlength=len(found)) / np.where(
            count, count, np.nan
        )
    return found


def show(prepared: Prepared, found: dict[bool, np.ndarray]) -> None:
    """A line for each series, and the mean of all."""
    print("| series | folds without | with | all origins without | with | test without | with |")
    print("|---|---|---|---|---|---|---|")
    names = ["/".join(key) for key in prepared.panel.ids]
    rows = [(name, {use: values[k] for use, values in found.items()}) for k, name in enumerate(names)]
    rows.append(("mean", {use: np.nanmean(values, axis=0) for use, values in found.items()}))
    for name, both in rows[-30:]:
        cells = [np.nanmean(both[use][:-2]) for use in (False, True)]
        cells += [both[use][k] for k in (-2, -1) for use in (False, True)]
        print(f"| {name} | " + " | ".join(f"{cell:.4f}" for cell in cells) + " |")


if __name__ == "__main__":
    main()

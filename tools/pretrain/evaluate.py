"""MASE and coverage of the pretrained network on real panels: `python -m tools.pretrain.evaluate DATA WEIGHTS`.

By default it looks at the training parts only, of which the last horizons are held out: what design and checkpoint
are chosen by. `--official` reads the test parts, for the final figures.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gruforecast.arrays import Floats, Weights
from gruforecast.models.networks.config import MIDDLE
from gruforecast.models.pretrained.features import Features, window_rows
from gruforecast.models.pretrained.inference import forward

BLOCK = 256


class Panel(NamedTuple):
    """A panel's files (beginning of their names), horizon and seasons."""

    name: str
    stem: str
    horizon: int
    season: int
    second: int | None = None


PANELS = (
    Panel("M3 monthly", "m3/monthly_", 18, 12),
    Panel("M3 quarterly", "m3/quarterly_", 8, 4),
    Panel("Tourism monthly", "tourism/monthly_", 24, 12),
    Panel("M4 hourly", "m4_hourly/", 48, 24, 168),
)


class Case(NamedTuple):
    """A series up to a cutoff, and what came after it."""

    past: Floats
    future: Floats


class Scores(NamedTuple):
    """MASE of the median (two views averaged), and shares of values (percent) within the 80 and 95 % intervals."""

    mase: float
    inside80: float
    inside95: float


def read(path: Path) -> dict[str, Floats]:
    """Return the series of a file with the columns unique_id, ds, y, in its order."""
    found: dict[str, list[float]] = defaultdict(list)
    with path.open() as file:
        for row in csv.DictReader(file):
            found[row["unique_id"]].append(float(row["y"]) if row["y"] else np.nan)
    return {name: np.array(values) for name, values in found.items()}


def held_out(panel: Panel, data: Path, cutoffs: int = 2, every: int = 1) -> list[Case]:
    """Return cases of the training part: the last horizon of each series, the one before it and so on."""
    cases = []
    for y in list(read(data / f"{panel.stem}train.csv").values())[::every]:
        for k in range(cutoffs):
            end = len(y) - (k + 1) * panel.horizon
            if end > panel.season + 2:
                cases.append(Case(y[:end], y[end : end + panel.horizon]))
    return cases


def official(panel: Panel, data: Path) -> list[Case]:
    """Return the cases of the official split."""
    train, test = read(data / f"{panel.stem}train.csv"), read(data / f"{panel.stem}test.csv")
    return [Case(train[name], future[: panel.horizon]) for name, future in test.items()]


def views(cases: list[Case], panel: Panel, log: bool) -> list[tuple[int, Features]]:
    """Return the features of all cases in blocks, with the number of the first case.

    Args:
        log: whether windows of positive values are seen on the logarithmic scale.
    """
    rows = window_rows(panel.season, panel.second)
    past = np.full((len(cases), rows), np.nan)
    for k, case in enumerate(cases):
        newest = case.past[-rows:]
        past[k, rows - len(newest) :] = newest
    positive = np.nanmin(past, axis=1) > 0
    return [
        (k, Features.of(past[k : k + BLOCK], panel.season, panel.horizon, positive[k : k + BLOCK] & log, panel.second))
        for k in range(0, len(cases), BLOCK)
    ]


def forecast(weights: Weights, blocks: list[tuple[int, Features]]) -> Floats:
    """Return quantiles (n, horizon, n_quantiles) of one view."""
    return np.concatenate([features.restored(forward(weights, features)) for _, features in blocks])


def both_views(log: Floats, plain: Floats) -> Floats:
    """Return the mean of the forecasts of both views: the geometric one where both are positive."""
    positive = (log > 0) & (plain > 0)
    geometric = np.exp((np.log(np.where(positive, log, 1)) + np.log(np.where(positive, plain, 1))) / 2)
    return np.where(positive, geometric, (log + plain) / 2)


def scores(quantiles: Floats, cases: list[Case], season: int) -> Scores:
    """Return the scores of forecasts (n, horizon, n_quantiles), means over the series."""
    errors, inside80, inside95 = [], [], []
    for (past, future), whole in zip(cases, quantiles, strict=True):
        lag = season if len(past) > season else 1
        scale = np.nanmean(np.abs(past[lag:] - past[:-lag]))
        if not scale > 0:
            continue
        q = whole[: len(future)]
        errors.append(np.nanmean(np.abs(q[:, MIDDLE] - future)) / scale)
        inside80.append(np.mean((q[:, 1] <= future) & (future <= q[:, -2])))
        inside95.append(np.mean((q[:, 0] <= future) & (future <= q[:, -1])))
    return Scores(float(np.mean(errors)), 100 * float(np.mean(inside80)), 100 * float(np.mean(inside95)))


def load(path: Path) -> Weights:
    """Return the weights of a file: those of the package, or the moving average of a checkpoint."""
    with np.load(path, allow_pickle=False) as file:
        average = {name.removeprefix("average/"): file[name] for name in file if name.startswith("average/")}
        return average or dict(file)


def main() -> None:
    """Print the scores of each panel."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--every", type=int, default=1, help="only each n-th series")
    parser.add_argument("--official", action="store_true", help="the test parts: final figures only")
    options = parser.parse_args()
    weights = load(options.weights)
    for panel in PANELS:
        cases = official(panel, options.data) if options.official else held_out(panel, options.data, 2, options.every)
        log, plain = (forecast(weights, views(cases, panel, view)) for view in (True, False))
        parts = [scores(q, cases, panel.season) for q in (log, plain, both_views(log, plain))]
        print(
            f"{panel.name:16} {len(cases)} MASE log {parts[0].mase:.4f} plain {parts[1].mase:.4f} both "
            f"{parts[2].mase:.4f} inside 80 {parts[2].inside80:.1f} 95 {parts[2].inside95:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()

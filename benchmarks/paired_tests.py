#!/usr/bin/env python3
"""How often the paired tests of `evaluation.significance` call a forecaster better: by luck, and where it is.

    python benchmarks/paired_tests.py [--walks 2000] [--panels 300]

On random walks nothing beats the last value, so every "better" is luck. On the seasonal path it is none: the losses are
like those of a seasonal naive forecast of the last year of the air passengers (mean error 47.8, spread 17.1) and of a
model with a share of them. Nothing is read or trained.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.evaluation.significance import ALPHA, compare, diebold_mariano, whole_path

Test = Callable[[Floats], float]
HORIZONS = (6, 12, 14, 24, 48)
RIVALS = ("drift", "half drift", "mean of 14", "AR(1)")


def tests(horizon: int) -> dict[str, Test]:
    """Two-sided p of each rule for the differences of one path."""

    def at(lead: float) -> Test:
        return lambda d: diebold_mariano(d, int(np.ceil(lead - 1e-9))).p(float(d.mean()))

    def path(d: Floats) -> float:
        return whole_path(d).p(float(d.mean()))

    leads = {"1": 1.0, "h ** (1/3)": horizon ** (1 / 3), "sqrt h": horizon**0.5, "h / 3": horizon / 3}
    leads |= {"h / 2": horizon / 2, "2 h / 3": horizon / 1.5}
    return {f"lead {name}": at(lead) for name, lead in leads.items()} | {"whole path": path}


def forecasts(y: Floats, horizon: int) -> Floats:
    """Forecasts of (n, n_rows) series, (5, n, horizon): the last value, then the rivals."""
    step, last = np.arange(1, horizon + 1), y[:, -1:]
    slope = (last - y[:, :1]) / (y.shape[1] - 1)
    before, after = y[:, :-1], y[:, 1:]
    centred = before - before.mean(axis=1, keepdims=True)
    rate = (centred * after).sum(axis=1, keepdims=True) / (centred**2).sum(axis=1, keepdims=True)
    level = (after.mean(axis=1, keepdims=True) - rate * before.mean(axis=1, keepdims=True)) / (1 - rate)
    mean = np.repeat(y[:, -14:].mean(axis=1, keepdims=True), horizon, axis=1)
    rising = [last + slope * step, last + slope * step / 2]
    return np.stack([np.repeat(last, horizon, axis=1), *rising, mean, level + (last - level) * rate**step])


def losses(y: Floats, cutoff: int, horizon: int) -> Floats:
    """Absolute errors (5, n, horizon) of forecasts made at the cutoff."""
    return np.abs(forecasts(y[:, :cutoff], horizon) - y[:, cutoff : cutoff + horizon])


def walks(random: np.random.Generator, shape: tuple[int, int], horizon: int, common: float) -> tuple[Floats, Floats]:
    """Losses (5, n_panels, n_series, horizon) on walks of 300 rows that share steps, and the rival picked of each."""
    n_panels, n_series = shape
    steps = np.sqrt(common) * random.normal(size=(n_panels, 1, 300))
    steps = steps + np.sqrt(1 - common) * random.normal(size=(n_panels, n_series, 300))
    y = np.cumsum(steps, axis=2).reshape(-1, 300)
    folds = sum(losses(y, 300 - fold * horizon, horizon).mean(axis=2) for fold in (2, 3, 4))
    picked = np.argmin(np.reshape(folds, (5, *shape)).mean(axis=2), axis=0)  # 0 is the last value: nothing is picked
    return losses(y, 300 - horizon, horizon).reshape(5, *shape, horizon), picked


def seasonal(random: np.random.Generator, n: int, horizon: int, share: float) -> Floats:
    """Differences (n, horizon) of a seasonal naive forecast and a model with a share of its error."""
    naive = np.abs(47.8 + 17.1 * random.normal(size=(n, horizon)))
    return naive - share * 47.8 * np.abs(random.normal(size=(n, horizon))) * np.sqrt(np.pi / 2)


def wandering(random: np.random.Generator, shape: tuple[int, int, int], common: float, memory: float) -> Floats:
    """Differences (n_panels, n_series, n_times) of mean zero that remember the step before and share shocks."""
    n_panels, _, n_times = shape
    noise = np.sqrt(common) * random.normal(size=(n_panels, 1, n_times))
    noise = noise + np.sqrt(1 - common) * random.normal(size=shape)
    for time in range(1, n_times):
        noise[..., time] = memory * noise[..., time - 1] + np.sqrt(1 - memory**2) * noise[..., time]
    return noise


def share_better(test: Test, differences: Floats) -> float:
    """How many of 100 differences (n, horizon) are called better."""
    return 100 * float(np.mean([d.mean() > 0 and test(d) < ALPHA for d in differences]))


def panel_better(others: Floats, models: Floats) -> float:
    """How many of 100 panels (n, n_series, n_times) are called better by `compare`."""
    pairs = zip(models, others, strict=True)
    return 100 * float(np.mean([compare(model, other).verdict == "better" for model, other in pairs]))


def paths(n: int) -> None:
    """Print the table of single paths."""
    print(f"{'of 100 called better':24}" + "".join(f"{f'h = {horizon}':>8}" for horizon in HORIZONS))
    rows: dict[str, list[float]] = {}
    for horizon in HORIZONS:
        random = np.random.default_rng(horizon)
        loss, picked = walks(random, (n, 1), horizon, 0.0)
        gain = loss[0] - loss  # (5, n, 1, horizon)
        cases = {"picked": gain[picked, np.arange(n), 0]}
        cases |= {name: gain[k + 1, :, 0] for k, name in enumerate(RIVALS)}
        cases |= {f"seasonal, {share} x": seasonal(random, n // 4, horizon, share) for share in (0.4, 0.6)}
        for name, test in tests(horizon).items():
            for case in cases if name in ("lead 1", "whole path") else ("picked", "seasonal, 0.4 x", "seasonal, 0.6 x"):
                rows.setdefault(f"{case}: {name}", []).append(share_better(test, cases[case]))
    for name, found in sorted(rows.items()):
        print(f"{name:32}" + "".join(f"{one:8.1f}" for one in found), flush=True)


def panels(n: int) -> None:
    """Print the table of panels, by `compare`."""
    print("\nof 100 panels called better, of 5, 10, 30 and 200 series")
    for horizon in (6, 18, 48):
        found: dict[str, list[float]] = {}
        for n_series in (5, 10, 30, 200):
            random = np.random.default_rng(1000 * horizon + n_series)
            size = n if n_series < 200 else n // 2
            for common in (0.0, 0.5):
                loss, picked = walks(random, (size, n_series), horizon, common)
                chosen = loss[picked, np.arange(size)]
                found.setdefault(f"walks, shared {common}", []).append(panel_better(loss[0], chosen))
                for memory in (0.0, 0.5, 0.8):
                    gain = wandering(random, (size, n_series, horizon), common, memory)
                    name = f"no gain, shared {common}, memory {memory}"
                    found.setdefault(name, []).append(panel_better(10 + gain, np.full(gain.shape, 10.0)))
        for name, rates in found.items():
            print(f"h = {horizon:2}, {name:36}" + "".join(f"{rate:7.1f}" for rate in rates), flush=True)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--walks", type=int, default=2000)
    parser.add_argument("--panels", type=int, default=300)
    args = parser.parse_args()
    paths(args.walks)
    panels(args.panels)


if __name__ == "__main__":
    main()

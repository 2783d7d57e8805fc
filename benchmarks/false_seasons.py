#!/usr/bin/env python3
"""How often series without a season get one, and how often seasonal ones do: the season of short series.

    python benchmarks/false_seasons.py [--count 500] [--seasonal 200]

Each series is a file of its own of 20 to 60 rows, monthly and quarterly, less the rows of the test set, as `fit` looks
at it. Seasonal series have four years (quarterly: a test set of four rows); the standard deviation of the season is
that of the noise, or twice it: half of them a random shape, half a sine. The rule beside it: the correlation of first
differences with those one season before, over at least five pairs, above 2 / sqrt(pairs).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter

from gruforecast.arrays import Floats
from gruforecast.data.calendar.frequency import Frequency
from gruforecast.data.calendar.seasonality import find_seasons, usual_seasons

Noise = Callable[[int, np.random.Generator], Floats]
BURN = 100
STEPS = {"monthly": (Frequency("M", 1), 12, 12), "quarterly": (Frequency("M", 3), 8, 4)}  # with their test sets


def autoregressive(*weights: float) -> Noise:
    """Return what makes a Gaussian autoregression."""
    return lambda rows, generator: lfilter([1.0], [1.0, *(-w for w in weights)], generator.normal(size=rows + BURN))[
        BURN:
    ]


def bend(rows: int, generator: np.random.Generator) -> Floats:
    """Return a walk around a quarter of a wave to a whole one."""
    wave = 30 * np.sin(np.pi * np.arange(rows) / rows * generator.uniform(0.5, 2))
    return wave + np.cumsum(generator.normal(size=rows))


def noisy_walk(rows: int, generator: np.random.Generator) -> Floats:
    """Return a walk seen through noise."""
    return np.cumsum(0.5 * generator.normal(size=rows)) + generator.normal(size=rows)


def smooth_walk(rows: int, generator: np.random.Generator) -> Floats:
    """Return a trend whose slope walks, seen through noise."""
    return np.cumsum(np.cumsum(0.3 * generator.normal(size=rows))) + generator.normal(size=rows)


NOISES: dict[str, Noise] = {
    "white noise": autoregressive(),
    "random walk": lambda rows, generator: np.cumsum(generator.normal(size=rows)),
    "AR(0.9)": autoregressive(0.9),
    "AR(-0.6)": autoregressive(-0.6),
    "walk under noise": noisy_walk,
    "slope that walks": smooth_walk,
    "trend that bends": bend,
    "random cycle of a year": autoregressive(1.5, -0.75),
}
SEASONAL = ("white noise", "random walk", "walk under noise")


def correlated(values: Floats, length: int) -> bool:
    """Return what the rule beside it says."""
    d = np.diff(values)
    pairs = len(d) - length
    return pairs >= 5 and float(np.corrcoef(d[length:], d[:-length])[0, 1]) > 2 / np.sqrt(pairs)


def shares(series: list[Floats], freq: Frequency) -> str:
    """Return the percent of series that get any season, and the usual one, and what the rule beside it finds."""
    (length,) = usual_seasons(freq)
    found = [find_seasons(one, np.array([0, len(one)]), freq) for one in series]
    beside = np.mean([correlated(one, length) for one in series])
    numbers = np.mean([one != [1] for one in found]), np.mean([one == [length] for one in found]), beside
    return " | ".join(f"{100 * one:5.1f}" for one in numbers)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seasonal", type=int, default=200)
    asked = parser.parse_args()
    print("| no season in it | step | any, % | usual, % | by correlation, % |\n|---|---|---:|---:|---:|")
    for name, noise in NOISES.items():
        for step, (freq, horizon, _) in STEPS.items():
            generator = np.random.default_rng(1)
            rows = generator.integers(20, 61, size=asked.count) - horizon
            print(f"| {name} | {step} | {shares([noise(int(n), generator) for n in rows], freq)} |")
    print("\n| four years, season of | step | any, % | usual, % | by correlation, % |\n|---|---|---:|---:|---:|")
    for size in (1.0, 2.0):
        for name in SEASONAL:
            for step, (freq, _, horizon) in STEPS.items():
                (length,), generator, series = usual_seasons(freq), np.random.default_rng(2), []
                for k in range(asked.seasonal):
                    shape = generator.normal(size=length)
                    if k % 2:
                        shape = np.sin(2 * np.pi * (np.arange(length) / length + generator.random()))
                    season = size * (shape - shape.mean()) / shape.std()
                    n = 4 * length - horizon
                    series.append(NOISES[name](n, generator) + np.resize(season, n))
                print(f"| {size:g} x {name} | {step} | {shares(series, freq)} |")


if __name__ == "__main__":
    main()

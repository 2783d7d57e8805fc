"""Random draws that every kind of synthetic series is made of; float32 until units are given."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Ask:
    """What a batch of series is asked to be: one season length, one number of rows, perhaps a second season."""

    rng: np.random.Generator
    season: int
    rows: int
    second: int | None = None

    @property
    def time(self) -> Floats:
        """Row numbers (rows,)."""
        return np.arange(self.rows, dtype=np.float32)

    @property
    def daily(self) -> bool:
        """Whether the season is a day of hours or minutes (or a week of hours), not a year of weeks."""
        return self.season >= 20 and self.season not in {26, 52, 53}

    def span(self, n: int) -> Floats:
        """Return the rows over which a level changes by its own measure (n, 1): a season, for hours often a week."""
        if self.daily:
            return np.where(self.some(n, 0.6), 7 * self.season, self.season).astype(np.float32)[:, None]
        return np.full((n, 1), max(self.season, 4), np.float32)

    def normal(self, *shape: int) -> Floats:
        """Return standard normal numbers of a shape."""
        return self.rng.standard_normal(shape, np.float32)

    def uniform(self, low: float, high: float, n: int) -> Floats:
        """Return uniform numbers (n, 1)."""
        return self.rng.uniform(low, high, (n, 1)).astype(np.float32)

    def log_uniform(self, low: float, high: float, n: int) -> Floats:
        """Return numbers (n, 1) whose logarithm is uniform."""
        return np.exp(self.rng.uniform(np.log(low), np.log(high), (n, 1))).astype(np.float32)

    def some(self, n: int, share: float) -> Bools:
        """Return a mask (n,) that is true for a share of the series."""
        return self.rng.random(n) < share

    def mostly(self, values: Floats, share: float) -> Floats:
        """Return the values (n, 1) with all but a share of them set to zero."""
        return values * self.some(len(values), share)[:, None]

    def times(self, n: int) -> Floats:
        """Return one moment a series (n, 1)."""
        return self.rng.integers(0, self.rows, (n, 1)).astype(np.float32)


def filtered(shocks: Floats, root: Floats) -> Floats:
    """Return x with x[t] = root * x[t-1] + shocks[t], each series with a root of its own, real or complex.

    The filter 1 / (1 - r z) is the product of 1 + (r z)^(2^k) for k = 0, 1, ...: a pass over the whole batch for
    each k, none over the rows.

    Args:
        shocks: (n, rows).
        root: (n, 1), absolute value at most 1.
    """
    path = shocks.astype(np.result_type(shocks, root))
    lag, power = 1, root
    while lag < path.shape[1] and np.abs(power).max(initial=0) > 1e-5:
        path[:, lag:] = path[:, lag:] + power * path[:, :-lag]
        lag, power = 2 * lag, power * power
    return path


def standardised(paths: Floats) -> Floats:
    """Return the series (n, rows) with mean 0 and standard deviation 1; constant ones as zeros."""
    centred = paths - paths.mean(axis=1, keepdims=True)
    size = centred.std(axis=1, keepdims=True)
    flat = size <= 1e-5 * np.abs(paths).max(axis=1, keepdims=True)  # nothing but rounding errors
    return np.where(flat, 0, centred / np.where(flat, 1, size)).astype(paths.dtype)


def pick(rng: np.random.Generator, n: int, weights: tuple[float, ...]) -> NDArray[np.int64]:
    """Return the number of the choice that each of n series makes (n,)."""
    return rng.choice(len(weights), n, p=np.array(weights) / sum(weights))

"""The future replaced by noise: whatever was decided without it stands, to the last bit."""

from __future__ import annotations

import numpy as np

from gruforecast.arrays import Floats, Ints
from gruforecast.models.networks.config import PAST

TIMES = 1000.0  # the largest value of its series: nothing that reads one such number stays as it was
MAX_NOISE = 1e300


def noise_from(
    cutoff: Ints, y: Floats, x: Floats, indptr: Ints, inputs: tuple[str, ...], seed: int = 0
) -> tuple[Floats, Floats]:
    """Return values (n_rows,) and covariates (n_rows, n_columns) with noise from the `cutoff` of each series on.

    The noise is huge and changes its sign from row to row. What is missing stays missing, because whether a value is
    there decides rightly what can be scored; future covariates, and those constant in a series, stay as they are.

    Args:
        cutoff: (n_series,) flat position of the first row of noise.
        inputs: kind of each column of `x`, see `NetworkConfig`.
    """
    lengths = np.diff(indptr)
    since = np.arange(len(y)) - np.repeat(cutoff, lengths)
    generator = np.random.default_rng(seed)
    sign = np.where(since % 2 == 0, -1.0, 1.0)  # the first one is negative, so that a logarithm would fail on it

    def noisy(values: Floats) -> Floats:
        seen = ~np.isnan(values)
        size = np.maximum.reduceat(np.where(seen, np.abs(values), 0.0), indptr[:-1])
        factor = TIMES * generator.uniform(0.5, 1.5, len(values))
        with np.errstate(over="ignore"):
            noise = np.minimum(np.repeat(np.where(size > 0, size, 1.0), lengths) * factor, MAX_NOISE) * sign
        return np.where((since >= 0) & seen, noise, values)

    covariates = x.copy()
    for k in [k for k, kind in enumerate(inputs) if kind in PAST]:
        covariates[:, k] = noisy(x[:, k])
    return noisy(y), covariates

"""Gaussian processes with composed kernels: smooth trends, periodic parts and their products.

After KernelSynth of Chronos (Ansari et al. 2024): a few kernels are drawn from a bank and added or multiplied; one
Cholesky factor then serves many draws.
"""

import numpy as np

from gruforecast.arrays import Array
from tools.pretrain.draws import Ask
from tools.pretrain.structural import exponential

MOST_ROWS = 320
DRAWS = 12  # series of one kernel


def kernel(ask: Ask) -> Array:
    """Return one kernel of the bank (rows, rows), about 1 on its diagonal."""
    t = ask.time.astype(np.float64)
    gap = t[:, None] - t
    which, rng = ask.rng.integers(0, 6), ask.rng
    if which <= 1 and ask.season > 1:
        period = ask.season if which == 0 or ask.second is None else ask.second
        return np.exp(-2 * np.sin(np.pi * gap / period) ** 2 / np.exp(rng.uniform(-1.5, 1)) ** 2)
    if which <= 3:
        return np.exp(-0.5 * (gap / (ask.rows * np.exp(rng.uniform(-3.5, 0)))) ** 2)
    if which == 4:
        at = rng.uniform(0, ask.rows)
        return (t[:, None] - at) * (t - at) / ask.rows**2 * 3 + 0.1
    alpha = np.exp(rng.uniform(-1, 1))
    return (1 + gap**2 / (2 * alpha * (ask.rows * np.exp(rng.uniform(-4, -1))) ** 2)) ** -alpha


def composed(ask: Ask) -> Array:
    """Return a sum and product of one to four kernels with noise on the diagonal (rows, rows)."""
    whole = kernel(ask)
    for _ in range(ask.rng.integers(0, 4)):
        part = kernel(ask)
        whole = whole * part if ask.rng.random() < 0.35 else whole + part * np.exp(ask.rng.uniform(-2, 1))
    scale = float(whole.diagonal().mean())
    return whole / scale + (1e-4 + np.exp(ask.rng.uniform(-9, -1))) * np.eye(ask.rows)


def gaussian(ask: Ask, n: int) -> Array:
    """Return draws from Gaussian processes (n, rows), a third of them exponentiated."""
    out = np.empty((n, ask.rows), np.float32)
    for start in range(0, n, DRAWS):
        factor = np.linalg.cholesky(composed(ask)).astype(np.float32)
        part = out[start : start + DRAWS]
        part[:] = ask.normal(*part.shape) @ factor.T
    positive = ask.some(n, 0.35)
    out[positive] = exponential(ask, 2 * out[positive])
    out[~positive] += 5 * ask.mostly(ask.normal(int((~positive).sum()), 1), 0.7)
    return out

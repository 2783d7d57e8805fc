"""What the pretrained network is trained for: scaled targets, and the loss of its quantiles."""

from __future__ import annotations

import numpy as np

from gruforecast.arrays import Floats, Single
from gruforecast.models.networks.config import QUANTILES
from gruforecast.models.pretrained.features import Features

FAR = 3.0  # scales from which on errors count less
COUNT = (0.5, 1.0, 2.0, 1.0, 0.5)  # what each quantile counts
LIMIT = 1e4  # of scaled targets
LEAST = 1e-3  # of the smallest value of the past: what a target counts as that has no logarithm


def targets(features: Features, past: Floats, future: Floats) -> tuple[Single, Single]:
    """Return scaled targets (n, horizon) and what each counts: nothing where it is missing or the past is constant."""
    least, most = np.nanmin(past, axis=1, keepdims=True), np.nanmax(past, axis=1, keepdims=True)
    seen = ~np.isnan(future) & (most - least > 1e-6 * np.maximum(np.abs(most), np.abs(least)))
    log = features.log[:, None]
    floor = np.where(log, least * LEAST, 1.0)
    ahead = np.where(log, np.log(np.maximum(future, floor)), future)
    with np.errstate(over="ignore"):
        scaled = np.clip((ahead - features.level) / features.scale, -LIMIT, LIMIT)
    return np.where(seen, scaled, 0.0).astype(np.float32), seen.astype(np.float32)


def loss(target: Single, weight: Single, quantiles: Single) -> tuple[float, Single]:
    """Return the pinball loss of scaled quantiles (n, horizon, n_quantiles), compressed for far misses; its gradient.

    Args:
        target, weight: (n, horizon) scaled values, and what each of them counts.
    """
    error = target[:, :, None] - quantiles
    levels, count = np.array(QUANTILES, np.float32), np.array(COUNT, np.float32)
    pinball = np.maximum(levels * error, (levels - 1) * error)
    share = count * (weight / max(float(weight.sum()), 1.0) / len(QUANTILES))[:, :, None]
    slope = np.where(error > 0, -levels, 1 - levels) / np.sqrt(1 + (pinball / FAR) ** 2)
    return float((FAR * np.arcsinh(pinball / FAR) * share).sum()), (slope * share).astype(np.float32)

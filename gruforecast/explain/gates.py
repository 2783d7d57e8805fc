"""What the gates of a GRU do on the way through encoded windows.

An update gate near 1 keeps what is known, near 0 writes the candidate over it; a reset gate near 0 makes the candidate
without a look at the past (Cho et al. 2014).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gruforecast.arrays import Array, Single, Weights
from gruforecast.models.networks.config import NetworkConfig
from gruforecast.models.networks.inference import residuals
from gruforecast.models.networks.recurrence import Trace


class Gates(NamedTuple):
    """The gates of a GRU's encoder and its states after each step, (n, tokens, layers, units) each."""

    update: Single
    reset: Single
    state: Single


def replay(features: Array, config: NetworkConfig, weights: Weights) -> Gates:
    """Return what the gates of a GRU do over encoded windows (n, lookback, channels)."""
    trace = Trace()
    residuals(features, None, config, weights, trace)
    layers = (trace.steps[f"gru_{depth}"] for depth in range(config.layers))
    kept = np.array([[(*step.parts[:2], step.state) for step in steps] for steps in layers])
    return Gates(*kept.transpose(2, 3, 1, 0, 4))  # (layers, tokens, 3, n, units) before

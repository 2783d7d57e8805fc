"""Networks and forecasters of random weights, made without a training."""

from __future__ import annotations

from typing import Any

import numpy as np

from gruforecast.data.panel import Panel
from gruforecast.models.conformal import Calibration
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.networks.config import NetworkConfig, TrainingConfig
from gruforecast.models.networks.covariates import Scaling
from gruforecast.models.networks.inference import Network, weight_shapes
from gruforecast.models.registry import NETWORKS
from gruforecast.models.series_state import SeriesState

MEMBERS = (NETWORKS, "gru", "gru-2", "blend", "theta", "naive")


def random_weights(config: NetworkConfig, seed: int = 0) -> dict[str, np.ndarray]:
    """Return weights for every array of a network."""
    generator = np.random.default_rng(seed)
    return {
        name: (0.5 * generator.normal(size=shape)).astype(np.float32) for name, shape in weight_shapes(config).items()
    }


def make_network(name: str, lookback: int, share: float) -> Network:
    """Return a small network for six months ahead."""
    config = NetworkConfig(horizon=6, lookback=lookback, season_length=12, units=4, log_unit=0.5)
    generator = np.random.default_rng(lookback)
    weights = {
        name: (0.1 * generator.normal(size=shape)).astype(np.float32) for name, shape in weight_shapes(config).items()
    }
    return Network(name, config, weights, share, TrainingConfig(steps=50, seed=lookback))


def make_forecaster(panel: Panel, **changes: Any) -> Forecaster:
    """Return a forecaster of two networks and Theta, whose context is the end of `panel`."""
    networks = (make_network("gru", 24, 0.75), make_network("gru-2", 36, 0.25))
    calibration = Calibration((80.0, 95.0), np.linspace(1, 2, 12).reshape(6, 2))
    return Forecaster(
        networks=networks,
        blend={NETWORKS: 0.5, "theta": 0.5},
        winner=NETWORKS,
        calibrations=dict.fromkeys(MEMBERS, calibration),
        plan=panel.plan,
        context=SeriesState.of(panel, networks, ["theta", "naive"]),
        scaling=Scaling(np.zeros(0), np.zeros(0)),
        **changes,
    )

"""What an exported graph is made from, with networks of random weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gruforecast.artifact.export.signature import Input, Served
from gruforecast.models.conformal import Calibration
from gruforecast.models.networks.config import NetworkConfig
from gruforecast.models.networks.covariates import Scaling
from gruforecast.models.networks.inference import Network, weight_shapes

SMALL = NetworkConfig(horizon=5, lookback=12, season_length=4, units=6, log_unit=0.5, averaged=0.5)
SEEING = NetworkConfig(
    5, 24, 4, segment=4, layers=2, units=8, log_unit=0.5, step_days=1.0, periods=(7.0, 365.2425), calendar=True
)
LINEAR = NetworkConfig(horizon=5, lookback=12, season_length=4, units=6, log=False)
BESIDE = replace(SMALL, decoder="sequence", inputs=("known", "past flag", "past flag", "static"), use_inputs="all")
BLIND = replace(SEEING, inputs=BESIDE.inputs, decoder="parallel")


def network(name: str, config: NetworkConfig, share: float) -> Network:
    """Return a network whose weights follow from its name."""
    generator = np.random.default_rng(len(name))
    shapes = weight_shapes(config).items()
    return Network(name, config, {key: (0.3 * generator.normal(size=one)).astype("f4") for key, one in shapes}, share)


COLUMNS = (
    Input("known_heat", "known", "heat"),
    Input("past_kind", "past", "kind", ("a", "b")),
    Input("static_size", "static", "size"),
)
CASES = {
    "one": (SMALL,),
    "calendar": (SEEING,),
    "several with a calendar": (SMALL, SEEING, LINEAR),
    "covariates": (BESIDE, BLIND),
}


def served_with(configs: tuple[NetworkConfig, ...], levels: tuple[float, ...] = (80.0, 95.0)) -> Served:
    """Return what a graph of these networks serves, with all the columns that they see."""
    networks = tuple(network(f"gru-{k}", config, 1 / len(configs)) for k, config in enumerate(configs))
    factor = np.linspace(0.5, 2.0, 5 * len(levels)).reshape(5, len(levels))
    inputs = [Input("y", "y")]
    inputs += [Input("last_ds", "last_ds")] if any(one.calendar for one in configs) else []
    inputs += COLUMNS if BESIDE in configs else ()
    scaling = Scaling(np.array([2.0, 0.5, 0.5, -1.0]), np.array([3.0, 1.0, 1.0, 0.1]))
    if BESIDE not in configs:
        scaling = Scaling(np.zeros(0), np.zeros(0))
    return Served(networks, scaling, Calibration(levels, factor, 0.5), tuple(inputs))

"""Networks and forecasters of random weights, made without a training."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from makers import panel_of
from msgspec import structs

from gruforecast.data.panel import Panel
from gruforecast.data.plan import Covariate
from gruforecast.models.conformal import Calibration
from gruforecast.models.end_forecasts import EndForecasts
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.networks.config import DECODERS, NetworkConfig, TrainingConfig
from gruforecast.models.networks.covariates import Scaling
from gruforecast.models.networks.inference import Network, weight_shapes
from gruforecast.models.pretrained.inference import weight_shapes as pretrained_shapes
from gruforecast.models.pretrained.model import PretrainedNetwork
from gruforecast.models.registry import NETWORKS, PRETRAINED, TUNED

# layers, rows of a segment, decoder: every decoder once, and one where segments are made of the horizon
FORMS = [*((1 + k % 3, (1, 4, 2)[k % 3], decoder) for k, decoder in enumerate(DECODERS)), (1, 1, "parallel")]
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
        context=panel,
        ends=EndForecasts.of(panel, ["theta", "naive"], (6, 12)),
        scaling=Scaling(np.zeros(0), np.zeros(0)),
        **changes,
    )


def make_pretrained(name: str, second: int | None = None, units: int = 8) -> PretrainedNetwork:
    """Return a small pretrained network of random weights for six months ahead."""
    generator = np.random.default_rng(len(name))
    own = {
        one: (0.2 * generator.normal(size=shape)).astype(np.float32) for one, shape in pretrained_shapes(units).items()
    }
    return PretrainedNetwork.of(6, 12, second, name, own)


def make_forecaster_with_pretrained(panel: Panel) -> Forecaster:
    """Return the forecaster with a pretrained and a fine-tuned network, alone and in the blend."""
    plain = make_forecaster(panel)
    calibration = replace(plain.calibrations[NETWORKS], trust=0.5)
    pretrained = (make_pretrained(PRETRAINED), make_pretrained(TUNED, second=36))
    return replace(
        plain,
        blend={NETWORKS: 0.25, "theta": 0.25, PRETRAINED: 0.25, TUNED: 0.25},
        winner="blend",
        calibrations=plain.calibrations | {PRETRAINED: calibration, TUNED: calibration, "blend": calibration},
        ends=EndForecasts.of(panel, ["theta", "naive", PRETRAINED, TUNED], (6, 12), own=pretrained),
        pretrained=pretrained,
    )


COLUMNS = (Covariate("promo", "known", flag=True), Covariate("price", "known"), Covariate("rain", "past"))
COLUMNS += (Covariate("size", "static"),)


def make_covariate_forecaster(rows: int = 60) -> tuple[Forecaster, Panel]:
    """Return a forecaster that sees all kinds of covariates, and a panel with them; they end with the panel."""
    generator = np.random.default_rng(2)
    panel = panel_of(5 + generator.random(rows), 9 + generator.random(rows - 13))
    plan = structs.replace(panel.plan, covariates=COLUMNS, holidays="AT")
    x = np.column_stack(
        [
            generator.integers(0, 2, len(panel.y)),
            generator.normal(size=(len(panel.y), 2)),
            np.repeat([1.0, 2.0], panel.lengths),
            plan.holiday_column(panel.ds)[:, 0],
        ]
    )
    panel = replace(panel, plan=plan, x=x)
    plain = make_forecaster(panel_of(np.arange(40.0)))
    networks = tuple(_seeing(one, plan.inputs) for one in plain.networks)
    scaling = Scaling(generator.normal(size=5), 1 + generator.random(5))
    ends = EndForecasts.of(panel, ["theta", "naive"], (6, 12))
    return replace(plain, networks=networks, plan=plan, scaling=scaling, context=panel, ends=ends), panel


def _seeing(network: Network, inputs: tuple[str, ...]) -> Network:
    config = replace(
        network.config, inputs=inputs, use_inputs="all", periods=(365.2425,), calendar=True, step_days=30.4
    )
    generator = np.random.default_rng(config.lookback)
    weights = {name: (0.3 * generator.normal(size=s)).astype("f4") for name, s in weight_shapes(config).items()}
    return replace(network, config=config, weights=weights)

"""The exported graph of several networks forecasts what the numpy pass forecasts, with and without a calendar."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gruforecast.config import NetworkConfig
from gruforecast.exogenous import Scaling
from gruforecast.forward import Network, forecast_combined, weight_shapes

pytestmark = pytest.mark.network

SMALL = NetworkConfig(horizon=5, lookback=12, season_length=4, units=6, log_unit=0.5, averaged=0.5)
SEEING = NetworkConfig(
    5, 24, 4, segment=4, layers=2, units=8, log_unit=0.5, step_days=1.0, periods=(7.0, 365.2425), calendar=True
)
LINEAR = NetworkConfig(horizon=5, lookback=12, season_length=4, units=6, log=False)
BESIDE = replace(SMALL, decoder="sequence", inputs=("known", "past flag", "static"), use_inputs="all")
BLIND = replace(SEEING, inputs=BESIDE.inputs, decoder="parallel")


def network(name: str, config: NetworkConfig, share: float) -> Network:
    generator = np.random.default_rng(len(name))
    shapes = weight_shapes(config).items()
    return Network(name, config, {key: (0.3 * generator.normal(size=one)).astype("f4") for key, one in shapes}, share)


def test_parity_is_measured_against_the_size_of_a_series_not_of_a_forecast_near_zero() -> None:
    from gruforecast.artifact.export import _difference

    y = np.array([[0.0, 3.0, 0.0, np.nan], [5.0, 5.0, 5.0, 5.0]])
    expected = np.array([[1e-7, 0.0], [5.0, 5.0]])
    found = expected + np.array([[3e-7, 0.0], [0.0, 5e-6]])
    assert _difference(found, expected, y) == pytest.approx(1e-6)


@pytest.mark.parametrize(
    "configs",
    [(SMALL,), (SEEING,), (SMALL, SEEING, LINEAR), (BESIDE, BLIND)],
    ids=["one", "calendar", "several with a calendar", "columns beside the target"],
)
def test_the_graph_and_numpy_agree(configs: tuple[NetworkConfig, ...]) -> None:
    import tensorflow as tf

    from gruforecast.networks.graph import raw_graph

    networks = [network(f"gru-{k}", config, 1 / len(configs)) for k, config in enumerate(configs)]
    generator = np.random.default_rng(5)
    y = np.exp(generator.normal(size=(6, 30)))
    y[1, 3:6] = np.nan
    y[2] -= 1.5  # crosses zero
    y[3, ::3] = 0.0
    y[4, 10:] = np.nan  # longer than one lookback, shorter than the other
    last = (np.datetime64("2024-03-07") + np.arange(6)).astype("datetime64[s]").astype(np.int64)
    scaling = Scaling(np.array([2.0, 0.5, -1.0]), np.array([3.0, 1.0, 0.1]))
    models, serve = raw_graph(networks, scaling)
    assert len(models) == len(configs)
    calendar = any(config.calendar for config in configs)
    given = [tf.constant(y)] + ([tf.constant(last)] if calendar else [])
    x = generator.normal(size=(6, 35, 3))
    x[generator.random(x.shape) < 0.1] = np.nan
    beside = scaling(x[:, -29:]) if BESIDE in configs else None
    found = serve(*given, *([tf.constant(x)] if BESIDE in configs else []))["y_hat"].numpy()
    use_log = (np.isnan(y) | (y >= 0)).all(axis=1)
    wanted = forecast_combined(y[:, -24:], last / 86_400, use_log, networks, beside)[:, :, 2]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    assert (found[use_log] >= 0).all()
    other = forecast_combined(y[:, -24:], last / 86_400 + 3.0, use_log, networks, beside)[:, :, 2]
    assert np.allclose(other, wanted) != calendar

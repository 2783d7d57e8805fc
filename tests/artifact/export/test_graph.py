"""The exported graph of several networks forecasts what the numpy pass forecasts, with and without a calendar."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from made_served import BESIDE, CASES, COLUMNS, SEEING, SMALL, served_with
from rounding import rounding

from gruforecast.artifact.export.request import WriteRequest
from gruforecast.artifact.export.saved_model import difference, reference
from gruforecast.artifact.export.signature import Served
from gruforecast.models.networks.config import NetworkConfig
from gruforecast.serialization import record

pytestmark = pytest.mark.network


def odd_series(rows: int) -> np.ndarray:
    generator = np.random.default_rng(5)
    y = np.exp(generator.normal(size=(7, rows)))
    y[1, 3:6] = np.nan
    y[2] -= 1.5  # crosses zero
    y[3, ::3] = 0.0
    y[4, : rows - 2] = np.nan  # shorter than a season
    y[5] = 3.0  # never changes: no interval
    y[6, rows // 2 :] = np.nan  # nothing new for longer than one lookback
    return y


def beside(served: Served, rows: int) -> np.ndarray:
    generator = np.random.default_rng(6)
    x = generator.normal(size=(7, rows + 5, 4))
    kind = generator.integers(2, size=x.shape[:2])
    x[:, :, 1], x[:, :, 2], x[:, :, 3] = kind, 1 - kind, x[:, :1, 3]
    x[generator.random(x.shape[:2]) < 0.1, :3] = np.nan  # all columns of a category are missing together
    return x if served.covariates else x[:, :, :0]


def test_parity_is_measured_against_the_size_of_a_series_not_of_a_forecast_near_zero() -> None:
    y = np.array([[0.0, 3.0, 0.0, np.nan], [5.0, 5.0, 5.0, 5.0]])
    expected = np.array([[1e-7, 0.0], [5.0, 5.0]])
    found = expected + np.array([[3e-7, 0.0], [0.0, 5e-6]])
    assert difference(found, expected, y) == pytest.approx(1e-6)
    assert difference(found * np.nan, expected, y) == np.inf


@pytest.mark.parametrize("rows", [30, 3])
@pytest.mark.parametrize("configs", CASES.values(), ids=CASES)
def test_the_graph_and_numpy_agree(configs: tuple[NetworkConfig, ...], rows: int) -> None:
    import tensorflow as tf

    from gruforecast.artifact.export.graph import raw_graph

    served = served_with(configs)
    models, serve = raw_graph(served)
    assert len(models) == len(configs)
    y, x = odd_series(rows), beside(served, rows)
    last = (np.datetime64("2024-03-07T05:00:00") + np.arange(7) * 86_400).astype("datetime64[s]")

    def called(stamps: np.ndarray) -> dict[str, np.ndarray]:
        given = served.given(y, stamps, x)
        return {name: one.numpy() for name, one in serve(*map(tf.constant, given.values())).items()}

    found, wanted = called(last), reference(served, y, last, x)
    for name, expected in wanted.items():
        assert difference(found[name], expected, y) < rounding(500), name
    positive = (np.isnan(y) | (y >= 0)).all(axis=1)
    assert (np.nan_to_num(found["quantiles"][positive]) >= 0).all()
    widths = np.diff(found["quantiles"], axis=2)
    assert (np.nan_to_num(widths) >= 0).all()
    unknown = np.isnan(widths).all(axis=(1, 2))
    assert unknown[5]  # it never changed
    assert not unknown[:4].any()
    moved = called(last + np.timedelta64(3, "D"))["y_hat"]
    assert np.allclose(moved, found["y_hat"]) != any(config.calendar for config in configs)


def test_without_levels_the_only_quantile_is_the_forecast() -> None:
    import tensorflow as tf

    from gruforecast.artifact.export.graph import raw_graph

    served = served_with((SMALL,), levels=())
    found = raw_graph(served)[1](tf.constant(odd_series(30)))
    assert served.levels == (0.5,)
    np.testing.assert_array_equal(found["quantiles"][:, :, 0], found["y_hat"])


def test_what_is_described_is_what_is_taken() -> None:
    served = served_with((BESIDE, SEEING))
    described = served.described()
    assert [one.name for one in described.inputs] == ["y", "last_ds", *(one.name for one in COLUMNS)]
    assert described.quantile_levels == [0.025, 0.1, 0.5, 0.9, 0.975]
    assert described.inputs[3].categories == ["a", "b"]
    assert described.outputs[1].shape == "(batch, 5, 5)"
    assert (described.horizon, described.lookback) == (5, 24)


def test_a_served_graph_survives_json(tmp_path) -> None:
    import json

    from gruforecast.execution.atomic_files import npz

    served = served_with((BESIDE, SEEING))
    served.scaling.spread[1] = np.inf  # of a column that never changes
    paths = [tmp_path / f"{one.name}.npz" for one in served.networks]
    for path, one in zip(paths, served.networks, strict=True):
        path.write_bytes(npz(one.weights))
    sent = json.loads(json.dumps(msgspec.to_builtins(WriteRequest.of(served, [str(path) for path in paths], "made"))))
    again = record(WriteRequest, sent, "x").served
    y, x = odd_series(30), beside(served, 30)
    last = np.full(7, np.datetime64("2024-03-07", "s"))
    one, two = reference(served, y, last, x), reference(again, y, last, x)
    np.testing.assert_array_equal(one["quantiles"], two["quantiles"])
    assert again.inputs == served.inputs

"""Models without learning forecast in a graph what they forecast in numpy, alone and in a blend with networks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_served import CASES, served_with

from gruforecast.artifact.export.saved_model import difference, reference
from gruforecast.artifact.export.signature import GRAPHS
from gruforecast.data.windows import History
from gruforecast.models.baselines import BASELINES

pytestmark = pytest.mark.network


def odd_series(rows: int, seed: int = 5) -> np.ndarray:
    """Seasons and trends that multiply and add, gaps, zeros, few rows, constants, huge and tiny numbers."""
    rng, t = np.random.default_rng(seed), np.arange(rows)
    wave = 1 + 0.4 * np.sin(2 * np.pi * t / 4)
    y = (20 + 0.3 * t) * wave + rng.normal(size=(12, rows))
    y[1] -= 40
    y[2, rng.random(rows) < 0.3] = np.nan
    y[3, ::3] = 0.0
    y[4, : rows - 2] = np.nan
    y[5] = 3.0
    y[6, rows // 2 + 1 :] = np.nan
    y[7] *= 1e9
    y[8] *= 1e-9
    y[9, : rows // 2] = np.nan
    y[10] = rng.normal(size=rows).cumsum()
    y[np.isnan(y).all(axis=1), -1] = 1.0
    return y


@pytest.mark.parametrize("season", [1, 4, 5, 12])
@pytest.mark.parametrize("rows", [2, 7, 61, 530])
@pytest.mark.parametrize("name", GRAPHS)
def test_graph_and_numpy_agree(name: str, rows: int, season: int) -> None:
    import tensorflow as tf

    from gruforecast.artifact.export.simple import SIMPLE

    y, model = odd_series(rows), BASELINES[name].model
    assert model is not None
    history, windows = History.of_ends(y, np.zeros(len(y)), (np.nan_to_num(y) >= 0).all(axis=1))
    windows = replace(windows, start=windows.start + np.argmax(~np.isnan(y), axis=1))
    wanted = model.forecast(history, windows, 9, season).mean
    made = SIMPLE[name](tf.constant(y), 9, season).numpy()
    assert made.shape == wanted.shape == (12, 9)
    assert difference(made, wanted, y) < 1e-9


@pytest.mark.parametrize("parts", [{"naive": 1.0}, {"theta": 0.4, "networks": 0.6}, {"theta": 0.3, "drift": 0.7}])
def test_winners_of_all_kinds_are_in_the_graph(parts: dict[str, float]) -> None:
    import tensorflow as tf

    from gruforecast.artifact.export.graph import raw_graph

    served = replace(served_with(next(iter(CASES.values()))), parts=parts)
    models, serve = raw_graph(served)
    assert bool(models) == ("networks" in parts)
    y = odd_series(40)
    last, x = np.full(len(y), np.datetime64("2024-03-07T05:00:00"), "datetime64[s]"), np.zeros((len(y), 45, 0))
    given = served.given(y, last, x)
    found = {name: one.numpy() for name, one in serve(*map(tf.constant, given.values())).items()}
    for name, expected in reference(served, y, last, x).items():
        assert difference(found[name], expected, y) < 1e-5, name

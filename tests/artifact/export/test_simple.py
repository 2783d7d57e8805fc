"""Models without learning forecast in a graph what they forecast in numpy, alone and in a blend with networks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_networks import make_forecaster, make_forecaster_with_pretrained
from made_served import CASES, served_with
from makers import panel_of

from gruforecast.artifact.export.convert import ExportOptions, convert
from gruforecast.artifact.export.saved_model import difference, reference
from gruforecast.artifact.export.signature import Served
from gruforecast.artifact.folder import save
from gruforecast.artifact.held import GRAPHS, NEWEST_ONLY, holds_in_words, not_in_graphs
from gruforecast.artifact.manifest import FitFacts, seal
from gruforecast.data.windows import History
from gruforecast.models.baselines import BASELINES
from gruforecast.models.conformal import Calibration

pytestmark = pytest.mark.network
CALIBRATION = Calibration((80.0, 95.0), np.linspace(1, 2, 12).reshape(6, 2))


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


@pytest.mark.parametrize("winner", ["theta", pytest.param("blend", marks=pytest.mark.slow)])
def test_an_onnx_file_of_the_winner_forecasts_what_predict_does(winner: str, tmp_path: Path) -> None:
    """The file, called without TensorFlow, beside the forecaster itself on the whole series."""
    import onnxruntime

    panel = panel_of(100 + 50 * np.random.default_rng(1).random(144), 100 + np.arange(90.0) % 12)
    forecaster = make_forecaster(panel)
    forecaster = replace(forecaster, winner=winner, calibrations=forecaster.calibrations | {winner: CALIBRATION})
    (model := tmp_path / "model").mkdir()
    save(forecaster, model)
    seal(model, FitFacts(fingerprint="x", trials=1))
    asked = ExportOptions(model, tmp_path / "model.onnx", "onnx")
    found = convert(asked, forecaster, panel, str)
    assert (found.parity.max_relative < 1e-5, found.lacks) == (True, [])
    assert found.holds.startswith("holds the winner, which predict runs: ")
    session = onnxruntime.InferenceSession(str(asked.output), providers=["CPUExecutionProvider"])
    y = np.full((2, 144), np.nan)
    y[0], y[1, -90:] = panel.y[:144], panel.y[144:]
    (y_hat,) = session.run(["y_hat"], {"y": y})
    wanted = forecaster.predict(panel)
    assert difference(y_hat, wanted.mean, y) < 1e-5


def test_what_a_file_cannot_hold_is_said_with_the_winner() -> None:
    panel = panel_of(5 + np.random.default_rng(1).random(60))
    blend = make_forecaster_with_pretrained(panel)
    assert not_in_graphs(blend) == ["pretrained", "fine-tuned"]
    assert holds_in_words(blend).startswith("holds the GRU networks, not the winner that predict runs: ")
    theta = replace(make_forecaster(panel), winner="theta")
    assert holds_in_words(theta) == "holds the winner, which predict runs: Theta"
    assert "it cannot hold Theta" in holds_in_words(theta, NEWEST_ONLY)  # LiteRT, which sees the newest rows only
    assert Served.by(theta).parts == {"theta": 1.0}
    assert Served.by(theta, NEWEST_ONLY).parts == {"networks": 1.0}

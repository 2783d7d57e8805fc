"""The SavedModel for other programs, and the proof that it forecasts what `predict` forecasts."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.config import NetworkConfig
from gruforecast.errors import GruforecastError
from gruforecast.forward import Weights, forecast_past

TOLERANCE = 1e-5  # relative difference that parity allows
MOST_SERIES = 100

CHILD = """
import json, sys
import numpy as np
import tensorflow as tf
folder, given, answer = sys.argv[1:]
call = tf.saved_model.load(folder).signatures["serving_default"]
with np.load(given, allow_pickle=False) as data:
    y_hat = call(y=tf.constant(data["y"]))["y_hat"].numpy()
np.savez(answer, y_hat=y_hat)
"""


def write_saved_model(config: NetworkConfig, weights: Weights, folder: Path) -> None:
    """Write a SavedModel whose `serving_default` takes `y` (batch, time) and gives `y_hat` (batch, horizon)."""
    import tensorflow as tf

    from gruforecast.networks.graph import raw_graph

    model, serve = raw_graph(config, weights)
    module = tf.Module()
    module.network = model  # tracked, so that its variables are saved
    module.serve = serve
    tf.saved_model.save(module, str(folder), signatures={"serving_default": serve})


def check_parity(folder: Path, past: Floats, config: NetworkConfig, weights: Weights) -> float:
    """Largest relative difference between the SavedModel, run in a process of its own, and the numpy forecast.

    Args:
        past: (n_series, time) raw numbers, NaN = missing; some of them are also sent shorter than the lookback.

    Raises:
        GruforecastError: the child process failed, or the difference is over `TOLERANCE`.
    """
    y = past[:MOST_SERIES]
    short = np.concatenate([np.full((1, max(y.shape[1] - 3, 0)), np.nan), y[:1, -3:]], axis=1)
    y = np.concatenate([y, short])
    seen = np.where(np.isnan(y), 1.0, y)
    expected = forecast_past(y, np.asarray((seen > 0).all(axis=1)), config, weights)[:, :, config.levels.index(0.5)]
    expected = np.where(np.asarray((seen >= 0).all(axis=1))[:, None], np.maximum(expected, 0.0), expected)
    found = _call_in_child(folder, y)
    size = np.maximum(np.abs(expected), 1e-6 * max(float(np.abs(expected).max()), 1e-300))
    difference = float((np.abs(found - expected) / size).max())
    if not difference <= TOLERANCE:
        remedy = "Please report this with the log of the run."
        text = f"the SavedModel differs from the forecast by {difference:.1e} (relative)."
        raise GruforecastError(text, remedy=remedy, code="GF-X02")
    return difference


def _call_in_child(folder: Path, y: Floats) -> Floats:
    with tempfile.TemporaryDirectory(prefix="gruforecast-parity-") as scratch:
        given, answer = Path(scratch) / "given.npz", Path(scratch) / "answer.npz"
        np.savez(given, y=y)
        command = [sys.executable, "-c", CHILD, str(folder), str(given), str(answer)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode or not answer.exists():
            last = json.dumps(done.stderr.strip().splitlines()[-1:])
            remedy = "Please report this with the log of the run."
            raise GruforecastError(f"the SavedModel could not be run: {last}.", remedy=remedy, code="GF-X01")
        with np.load(answer, allow_pickle=False) as data:
            return np.asarray(data["y_hat"], np.float64)

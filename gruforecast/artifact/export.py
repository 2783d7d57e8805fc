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
from gruforecast.windows import History, gather_past

TOLERANCE = 1e-5  # relative difference that parity allows
MOST_SERIES = 100
REMEDY = "Please report this with the log of the run."

CHILD = """
import sys
import numpy as np
import tensorflow as tf
folder, given, answer = sys.argv[1:]
call = tf.saved_model.load(folder).signatures["serving_default"]
with np.load(given, allow_pickle=False) as data:
    found = {name: call(y=tf.constant(data[name]))["y_hat"].numpy() for name in data.files}
np.savez(answer, **found)
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
    """Largest difference between the SavedModel, run in a process of its own, and the numpy forecast.

    Differences are relative to the largest forecast of the same series; a forecast near zero has no other measure.

    Args:
        past: (n_series, lookback) raw numbers, NaN = missing; their newest three rows are also sent alone.

    Raises:
        GruforecastError: the child process failed, or the difference is over `TOLERANCE`.
    """
    given = {"whole": past[:MOST_SERIES], "short": past[:MOST_SERIES, -3:]}
    found = _call_in_child(folder, given)
    difference = max(_difference(found[name], _expected(y, config, weights)) for name, y in given.items())
    if not difference <= TOLERANCE:
        text = f"the SavedModel differs from the forecast by {difference:.1e} (relative)."
        raise GruforecastError(text, remedy=REMEDY, code="GF-X02")
    return difference


def _expected(y: Floats, config: NetworkConfig, weights: Weights) -> Floats:
    """What `predict` would forecast if `y` (n_series, time) were all there is of the series."""
    n, time = y.shape
    history = History.of(y.ravel(), np.arange(n + 1) * time)
    windows = history.windows(np.arange(n), history.indptr[1:])
    past = gather_past(history.values, windows, config.lookback)
    point = forecast_past(past, windows.use_log, config, weights)[:, :, config.levels.index(0.5)]
    return history.floor_at_zero(point, windows)


def _difference(found: Floats, expected: Floats) -> float:
    size = np.abs(expected).max(axis=1, keepdims=True)
    return float((np.abs(found - expected) / np.where(size > 0, size, 1.0)).max(initial=0.0))


def _call_in_child(folder: Path, given: dict[str, Floats]) -> dict[str, Floats]:
    with tempfile.TemporaryDirectory(prefix="gruforecast-parity-") as scratch:
        question, answer = Path(scratch) / "given.npz", Path(scratch) / "answer.npz"
        np.savez(question, **given)  # type: ignore[arg-type]
        command = [sys.executable, "-c", CHILD, str(folder), str(question), str(answer)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode or not answer.exists():
            last = json.dumps(done.stderr.strip().splitlines()[-1:])
            raise GruforecastError(f"the SavedModel could not be run: {last}.", remedy=REMEDY, code="GF-X01")
        with np.load(answer, allow_pickle=False) as data:
            return {name: np.asarray(data[name], np.float64) for name in data.files}

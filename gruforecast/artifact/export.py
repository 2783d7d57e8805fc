"""The SavedModel for other programs, and the proof that it forecasts what `predict` forecasts."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.config import NetworkConfig, from_dict
from gruforecast.durable import npz, read_npz, write_file
from gruforecast.errors import GruforecastError
from gruforecast.forward import Weights, forecast_past
from gruforecast.windows import History, gather_past

TOLERANCE = 1e-5  # relative difference that parity allows
MOST_SERIES = 100
REMEDY = "Please report this with the log of the run."


def write_saved_model(request: dict[str, Any]) -> dict[str, Any]:
    """Write a SavedModel whose `serving_default` takes `y` (batch, time) and gives `y_hat` (batch, horizon).

    Args:
        request: `network` (fields of the configuration), `weights` (path), `saved_model` (folder to write).

    Returns:
        `seconds` that it took.
    """
    import tensorflow as tf

    from gruforecast.networks.graph import raw_graph

    begin = time.perf_counter()
    config = from_dict(NetworkConfig, request["network"], "export request")
    model, serve = raw_graph(config, read_npz(request["weights"]))
    module = tf.Module()
    module.network = model  # tracked, so that its variables are saved
    module.serve = serve
    tf.saved_model.save(module, request["saved_model"], signatures={"serving_default": serve})
    return {"seconds": time.perf_counter() - begin}


def call_saved_model(request: dict[str, Any]) -> dict[str, Any]:
    """Forecasts of a SavedModel, called with TensorFlow alone.

    Args:
        request: `saved_model` (folder), `given` (path of raw windows by name), `answer` (path to write forecasts to).

    Returns:
        `seconds` that it took.
    """
    import tensorflow as tf

    begin = time.perf_counter()
    call = tf.saved_model.load(request["saved_model"]).signatures["serving_default"]
    given = read_npz(request["given"])
    found = {name: call(y=tf.constant(y))["y_hat"].numpy() for name, y in given.items()}
    write_file(Path(request["answer"]), npz(found))
    return {"seconds": time.perf_counter() - begin}


def parity(given: dict[str, Floats], found: dict[str, Floats], config: NetworkConfig, weights: Weights) -> float:
    """Largest difference between the forecasts of a SavedModel and those made in numpy.

    Differences are relative to the largest forecast of the same series; a forecast near zero has no other measure.

    Raises:
        GruforecastError: the difference is over `TOLERANCE`.
    """
    difference = max(_difference(found[name], _expected(y, config, weights)) for name, y in given.items())
    if not difference <= TOLERANCE:
        text = f"the SavedModel differs from the forecast by {difference:.1e} (relative)."
        raise GruforecastError(text, remedy=REMEDY, code="GF-X02")
    return difference


def samples(past: Floats) -> dict[str, Floats]:
    """What parity is checked on: some of the windows `past` (n_series, lookback), and their newest rows alone."""
    return {"whole": past[:MOST_SERIES], "short": past[:MOST_SERIES, -3:]}


def _expected(y: Floats, config: NetworkConfig, weights: Weights) -> Floats:
    """What `predict` would forecast if `y` (n_series, time) were all there is of the series."""
    n, time_steps = y.shape
    history = History.of(y.ravel(), np.arange(n + 1) * time_steps)
    windows = history.windows(np.arange(n), history.indptr[1:])
    past = gather_past(history.values, windows, config.lookback)
    point = forecast_past(past, windows.use_log, config, weights)[:, :, config.levels.index(0.5)]
    return history.floor_at_zero(point, windows)


def _difference(found: Floats, expected: Floats) -> float:
    size = np.abs(expected).max(axis=1, keepdims=True)
    return float((np.abs(found - expected) / np.where(size > 0, size, 1.0)).max(initial=0.0))

"""The SavedModel for other programs, and the proof that it forecasts what `predict` forecasts."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from gruforecast.arrays import Floats, Stamps
from gruforecast.config import MIDDLE, NetworkConfig, from_dict, to_dict
from gruforecast.durable import npz, read_npz, write_file
from gruforecast.errors import GruforecastError
from gruforecast.exogenous import Scaling
from gruforecast.forecaster import Forecaster
from gruforecast.forward import Network, forecast_combined
from gruforecast.search.jobs import Jobs
from gruforecast.windows import History, days_of, gather_past

TOLERANCE = 1e-5  # relative difference that parity allows
MOST_SERIES = 100
WRITE = "gruforecast.artifact.export:write_saved_model"
CALL = "gruforecast.artifact.export:call_saved_model"
REMEDY = "Please report this with the log of the run."


def write_saved_model(request: dict[str, Any]) -> dict[str, Any]:
    """Write a SavedModel whose `serving_default` takes `y` (batch, time) and gives `y_hat` (batch, horizon).

    Args:
        request: `networks` (`config`, `share` and path of the `weights` of each), `saved_model` (folder to write),
            `centre` and `spread` of the columns beside the target.

    Returns:
        `seconds` that it took.
    """
    import tensorflow as tf

    from gruforecast.networks.graph import raw_graph

    begin = time.perf_counter()
    networks = [
        Network(
            one["name"],
            from_dict(NetworkConfig, one["config"], "export request"),
            read_npz(one["weights"]),
            one["share"],
        )
        for one in request["networks"]
    ]
    models, serve = raw_graph(networks, Scaling(np.array(request["centre"]), np.array(request["spread"])))
    module = tf.Module()
    module.networks = models  # tracked, so that its variables are saved
    module.serve = serve
    tf.saved_model.save(module, request["saved_model"], signatures={"serving_default": serve})
    return {"seconds": time.perf_counter() - begin}


def call_saved_model(request: dict[str, Any]) -> dict[str, Any]:
    """Forecasts of a SavedModel, loaded by TensorFlow alone in a process that did not write it.

    Args:
        request: `saved_model` (folder), `given` (path of raw windows by name), `answer` (path to write forecasts to).

    Returns:
        `seconds` that it took.
    """
    import tensorflow as tf

    begin = time.perf_counter()
    call = tf.saved_model.load(request["saved_model"]).signatures["serving_default"]
    given = read_npz(request["given"])
    inputs = call.structured_input_signature[1]
    others = {name: tf.constant(given[name]) for name in ("last", "x") if name in inputs}
    found = {name: call(y=tf.constant(given[name]), **others)["y_hat"].numpy() for name in ("whole", "short")}
    write_file(Path(request["answer"]), npz(found))
    return {"seconds": time.perf_counter() - begin}


def export(jobs: Jobs, forecaster: Forecaster, weights: list[Path], scratch: Path) -> float:
    """Write `scratch/saved_model` and call it from another process.

    Args:
        weights: file with the arrays of each network.

    Returns:
        The largest difference between its forecasts and those made in numpy, relative to the largest forecast or value
        of the same series.

    Raises:
        GruforecastError: it cannot be written or called, or the difference is over `TOLERANCE`.
    """
    saved_model, given, answer = (str(scratch / name) for name in ("saved_model", "given.npz", "answer.npz"))
    networks = [
        {"name": one.name, "config": to_dict(one.config), "share": one.share, "weights": str(path.absolute())}
        for one, path in zip(forecaster.networks, weights, strict=True)
    ]
    request = {"networks": networks, "saved_model": saved_model}
    scaling = {name: getattr(forecaster.scaling, name).tolist() for name in ("centre", "spread")}
    _do(jobs, "export", WRITE, request | scaling)
    past, x = forecaster.context.past[:MOST_SERIES], _around(forecaster)
    sample = {"whole": past, "short": past[:, -3:]}
    last = forecaster.context.last[:MOST_SERIES].astype("datetime64[s]")
    write_file(Path(given), npz(sample | {"last": last.astype(np.int64), "x": x}))
    _do(jobs, "parity", CALL, {"saved_model": saved_model, "given": given, "answer": answer}, fresh=True)
    found = read_npz(answer)
    differences = [_difference(found[name], _expected(y, x, last, forecaster), y) for name, y in sample.items()]
    if not max(differences) <= TOLERANCE:
        text = f"the SavedModel differs from the forecast by {max(differences):.1e} (relative)."
        raise GruforecastError(text, remedy=REMEDY, code="GF-X02")
    return max(differences)


def _do(jobs: Jobs, name: str, call: str, request: dict[str, Any], *, fresh: bool = False) -> None:
    jobs.submit(name, call, request, fresh=fresh, keep=False)
    result = jobs.result(name)
    if result is None or result.get("status") == "crashed":
        text = f"the SavedModel could not be written or called: {(result or {}).get('error')}."
        raise GruforecastError(text, remedy=REMEDY, code="GF-X01")


def _around(forecaster: Forecaster) -> Floats:
    """Columns beside the target of some series, with their newest rows in the place of those ahead."""
    x = forecaster.context.beside(slice(MOST_SERIES), forecaster.plan.inputs)
    later = np.resize(x.swapaxes(0, 1)[::-1], (forecaster.horizon, *x.swapaxes(0, 1).shape[1:]))
    return np.concatenate([x, later.swapaxes(0, 1)], axis=1)


def _expected(y: Floats, x: Floats, last: Stamps, forecaster: Forecaster) -> Floats:
    """What `predict` would forecast if `y` (n_series, time), which ends at `last`, were all there is of the series."""
    n, time_steps = y.shape
    history = History.of(y.ravel(), np.arange(n + 1) * time_steps)
    windows = history.windows(np.arange(n), history.indptr[1:])
    past = gather_past(history.values, windows, forecaster.context.past.shape[1])
    found = forecast_combined(past, days_of(last), windows.use_log, forecaster.networks, forecaster.scaling(x))
    return found[:, :, MIDDLE]


def _difference(found: Floats, expected: Floats, y: Floats) -> float:
    """Largest difference relative to the largest forecast or value of the series: float32 errors are of that size."""
    size = np.maximum(np.abs(expected).max(axis=1), np.abs(np.nan_to_num(y)).max(axis=1))[:, None]
    return float((np.abs(found - expected) / np.where(size > 0, size, 1.0)).max(initial=0.0))

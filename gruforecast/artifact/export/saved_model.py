"""The SavedModel: an export for other programs, checked in a process of its own against what this package forecasts."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gruforecast.arrays import Array, Floats, Stamps
from gruforecast.artifact.export.request import CallRequest, WriteRequest
from gruforecast.artifact.export.signature import OUTPUTS, Served
from gruforecast.artifact.held import GRAPHS
from gruforecast.data.scale import error_unit
from gruforecast.data.windows import History, days_of
from gruforecast.errors import GruforecastError
from gruforecast.execution.atomic_files import npz, read_npz, write_file
from gruforecast.execution.child_process import batch_times, write_answers
from gruforecast.execution.jobs import JobResult, Jobs, Pending
from gruforecast.models.baselines import BASELINES
from gruforecast.models.ensemble import Stored, blend_of, parts_of
from gruforecast.models.forecaster import Forecaster
from gruforecast.serialization import Json, record

TOLERANCE = 1e-5  # relative difference that parity allows
MAX_SERIES = 100
SHORT = 3  # rows of the shorter windows
NAME = "saved_model"  # of the folder
WRITE = "gruforecast.artifact.export.saved_model:write_saved_model"
CALL = "gruforecast.artifact.export.saved_model:call_saved_model"
REMEDY = "Please report this with the log of the run."


def write_saved_model(request: Json) -> Json:
    """Write a SavedModel whose `serving_default` is `raw_graph` of a `WriteRequest`; return nothing to know."""
    import tensorflow as tf

    from gruforecast.artifact.export.graph import raw_graph

    asked = record(WriteRequest, request, "export request")
    models, serve = raw_graph(asked.served)
    module = tf.Module()
    module.networks = models  # tracked, so that its variables are saved
    module.serve = serve
    tf.saved_model.save(module, asked.export, signatures={"serving_default": serve})
    return {}


def call_saved_model(request: Json) -> Json:
    """Return the forecasts of a SavedModel, loaded by TensorFlow alone in a process that did not write it.

    Args:
        request: a `CallRequest`.

    Returns:
        If measured, `milliseconds` of loading and of calls with one and with 100 series.
    """
    import tensorflow as tf

    asked = record(CallRequest, request, "export request")
    begin = time.perf_counter()
    call = tf.saved_model.load(asked.export).signatures["serving_default"]
    load = round(1000 * (time.perf_counter() - begin), 3)

    def ask(inputs: Mapping[str, Array]) -> dict[str, Floats]:
        outputs = call(**{name: tf.constant(values) for name, values in inputs.items()})
        return {name: outputs[name].numpy() for name in OUTPUTS}

    first = write_answers(asked.given, asked.answer, ask)
    return {"milliseconds": {"load": load, **batch_times(ask, first)}} if asked.timed else {}


def submit_export(jobs: Jobs, forecaster: Forecaster, weights: Sequence[Path], scratch: Path) -> Pending[JobResult]:
    """Have a worker write `scratch/saved_model`.

    Args:
        weights: file with the arrays of each network.
    """
    served = Served.by(forecaster)
    places = {one.name: str(path.absolute()) for one, path in zip(forecaster.networks, weights, strict=True)}
    request = WriteRequest.of(served, [places[one.name] for one in served.networks], str(scratch / NAME))
    return jobs.submit("export", WRITE, request, JobResult, keep=False)


def checked(jobs: Jobs, forecaster: Forecaster, written: Pending[JobResult], scratch: Path) -> float:
    """Return how far the SavedModel that was `written` is from the forecast; it is called from another process.

    Returns:
        The largest difference between its forecasts and those made in numpy, relative to the largest forecast or value
        of the same series.

    Raises:
        GruforecastError: it cannot be written or called, or the difference is over `TOLERANCE`.
    """
    served = Served.by(forecaster)
    saved_model, given, answer = (str(scratch / name) for name in (NAME, "given.npz", "answer.npz"))
    _done(written)
    past, last, x = newest_of(forecaster, MAX_SERIES)
    rows = SHORT + forecaster.horizon
    cases = {"whole": (past, last, x), "short": (past[:, -SHORT:], last, x[:, -rows:])}
    inputs = {f"{case}.{name}": array for case, one in cases.items() for name, array in served.given(*one).items()}
    write_file(Path(given), npz(inputs))
    request = CallRequest(export=saved_model, given=given, answer=answer)
    _done(jobs.submit("parity", CALL, request, JobResult, fresh=True, keep=False))
    forecasts = read_npz(answer)
    worst = max(
        difference(forecasts[f"{case}.{name}"], expected, one[0])
        for case, one in cases.items()
        for name, expected in reference(served, *one).items()
    )
    if not worst <= TOLERANCE:
        raise GruforecastError(
            f"the SavedModel differs from the forecast by {worst:.1e} (relative).", remedy=REMEDY, code="GF-X02"
        )
    return worst


def _done(pending: Pending[JobResult]) -> None:
    """Wait for a job.

    Raises:
        GruforecastError: it has crashed.
    """
    result = pending.result()
    if result is None or result.status == "crashed":
        raise GruforecastError(
            f"the SavedModel could not be written or called: {result and result.error}.",
            remedy=REMEDY,
            code="GF-X01",
        )


def newest_of(forecaster: Forecaster, series: int) -> tuple[Floats, Stamps, Floats]:
    """Return the newest rows of the first series: values (n, time), wall clock of the last (n,), and covariates.

    Covariates (n, time + horizon, n_columns) have their newest rows in the place of those of the horizon.
    """
    panel = forecaster.context.part(0, min(series, len(forecaster.context)))
    lookback = max(one.config.lookback for one in forecaster.networks)
    history = History.of(panel.y, panel.indptr, x=panel.x)
    windows = history.windows(np.arange(len(panel)), panel.indptr[1:])
    x = history.covariates(windows, lookback, 0)
    future = np.resize(x.swapaxes(0, 1)[::-1], (forecaster.horizon, *x.swapaxes(0, 1).shape[1:]))
    whole = np.concatenate([x, future.swapaxes(0, 1)], axis=1)
    return history.past(windows, lookback), panel.plan.form.wall(panel.last), whole


def reference(served: Served, y: Floats, last: Stamps, x: Floats) -> dict[str, Floats]:
    """Return the outputs of the graph, made by the numpy pass as `predict` makes them.

    Args:
        y: (n, time), all there is of each series; at least one value of each is seen.
        last: (n,) wall clock of the last row; x: (n, time + horizon, n_columns) in the user's units.
    """
    horizon, m = served.networks[0].config.horizon, served.networks[0].config.season_length
    never_negative = np.asarray(~(y < 0).any(axis=1))  # (n,)
    history, windows = History.of_ends(y, days_of(last), never_negative, served.scaling(x) if x.shape[2] else None)
    begun = replace(windows, start=windows.start + np.argmax(~np.isnan(y), axis=1))
    simple = {name: one for name in GRAPHS if name in served.parts and (one := BASELINES[name].model)}
    others = {name: Stored(one.forecast(history, begun, horizon, m)) for name, one in simple.items()}
    model = blend_of(served.parts, parts_of(served.networks, others))
    forecast = model.forecast(history, windows, horizon, m)
    lower, upper = served.calibration.bounds_at(windows, forecast, error_unit(history, begun, m))
    return {
        "y_hat": forecast.mean,
        "quantiles": np.concatenate([lower[:, :, ::-1], forecast.mean[:, :, None], upper], axis=2),
    }


def difference(forecast: Floats, expected: Floats, y: Floats) -> float:
    """Return the largest difference, relative to the largest forecast or value of the series, as float32 errors are.

    Infinite where one knows a number that the other does not.
    """
    if not np.array_equal(np.isnan(forecast), np.isnan(expected)):
        return float("inf")
    n = len(y)
    if not n:
        return 0.0
    sizes = [np.nan_to_num(np.abs(one)).reshape(n, -1).max(axis=1) for one in (expected, y)]  # (n,) each
    size = np.maximum(*sizes).reshape(n, *[1] * (expected.ndim - 1))
    return float(np.nan_to_num(np.abs(forecast - expected) / np.where(size > 0, size, 1.0)).max(initial=0.0))

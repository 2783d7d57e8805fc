"""The exported graph as a LiteRT file for small devices, and the call of one. Both run in processes of their own."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gruforecast.arrays import Array, Floats
from gruforecast.artifact.export.footprint import needs
from gruforecast.artifact.export.request import CallRequest, WriteRequest
from gruforecast.artifact.export.signature import LAST, Input
from gruforecast.execution.atomic_files import write_file
from gruforecast.execution.child_process import milliseconds, write_answers
from gruforecast.serialization import Json, plain, record

if TYPE_CHECKING:
    import tensorflow as tf


def shape_of(one: Input, lookback: int, horizon: int) -> tuple[int, ...]:
    """Return the fixed shape of an input: one series, as many rows as the longest lookback."""
    return {"known": (1, lookback + horizon), "static": (1,), LAST: (1,)}.get(one.kind, (1, lookback))


def write_litert(request: Json) -> Json:
    """Write `raw_graph` of a `WriteRequest` in single precision as a LiteRT file; return nothing to know."""
    import tensorflow as tf

    from gruforecast.artifact.export.float32 import in_single_precision
    from gruforecast.artifact.export.graph import raw_graph

    asked = record(WriteRequest, request, "export request")
    served = asked.served
    _, serve = raw_graph(served, short=True)
    horizon = served.networks[0].config.horizon
    lookback = served.lookback

    def signature(floating: tf.DType) -> list[tf.TensorSpec]:
        kinds = [tf.int64 if one.kind == LAST else floating for one in served.inputs]
        shapes = [shape_of(one, lookback, horizon) for one in served.inputs]
        return [tf.TensorSpec(*both, name=one.name) for *both, one in zip(shapes, kinds, served.inputs, strict=True)]

    double = tf.function(serve.python_function, input_signature=signature(tf.float64), autograph=False)
    function = double.get_concrete_function()
    module = tf.Module()
    module.single = in_single_precision(function)
    names = sorted(function.structured_outputs)  # the order of its flat outputs

    def call(*values: tf.Tensor) -> dict[str, tf.Tensor]:
        return dict(zip(names, module.single(*values), strict=True))

    single = tf.function(call, input_signature=signature(tf.float32), autograph=False).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([single], module)
    if asked.int8:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    write_file(Path(asked.export), converter.convert())
    return {}


def call_litert(request: Json) -> Json:
    """Return the forecasts of a LiteRT file, made by its plain interpreter alone, one series after the other.

    Args:
        request: a `CallRequest`.

    Returns:
        `milliseconds` of loading and of a call, on one thread, and `edge`, what the file needs of a device.
    """
    from ai_edge_litert.interpreter import Interpreter

    asked = record(CallRequest, request, "export request")
    begin = time.perf_counter()
    interpreter = Interpreter(asked.export, num_threads=1)
    run = interpreter.get_signature_runner("serving_default")
    load = round(1000 * (time.perf_counter() - begin), 3)

    def ask(inputs: Mapping[str, Array]) -> dict[str, Floats]:
        answers = [run(**_row(inputs, k)) for k in range(len(next(iter(inputs.values()))))]
        return {name: np.concatenate([one[name] for one in answers]) for name in answers[0]}

    first = _row(write_answers(asked.given, asked.answer, ask), 0)
    times = {"load": load, "batch 1": milliseconds(lambda: run(**first))}
    return {"milliseconds": times, "edge": plain(needs(Path(asked.export).read_bytes()))}


def _row(inputs: Mapping[str, Array], k: int) -> dict[str, Array]:
    rows = {name: values[k : k + 1] for name, values in inputs.items()}
    return {name: one.astype(np.float32) if one.dtype == np.float64 else one for name, one in rows.items()}

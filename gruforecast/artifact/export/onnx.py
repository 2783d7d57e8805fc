"""The exported graph as an ONNX file, and the call of one. Both run in processes of their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gruforecast.arrays import Array, Floats
from gruforecast.artifact.export.request import CallRequest, WriteRequest
from gruforecast.artifact.export.signature import OUTPUTS
from gruforecast.execution.atomic_files import write_file
from gruforecast.execution.child_process import batch_times, write_answers
from gruforecast.serialization import Json, encoded, record

if TYPE_CHECKING:
    from tf2onnx.graph import Graph, Node

OPSET = 18  # the newest that tf2onnx writes


def write_onnx(request: Json) -> Json:
    """Write `raw_graph` of a `WriteRequest` as an ONNX file with dynamic batch and time; return nothing to know."""
    import onnx
    import tf2onnx

    from gruforecast.artifact.export.graph import raw_graph

    asked = record(WriteRequest, request, "export request")
    served = asked.served
    _, serve = raw_graph(served)
    calls: dict[str, Callable[..., None]] = {"SelectV2": _where, "Asinh": _asinh, "Sinh": _sinh}
    handlers = {name: (one, list[str]()) for name, one in calls.items()}
    made, _ = tf2onnx.convert.from_function(
        serve, input_signature=serve.input_signature, opset=OPSET, custom_op_handlers=handlers
    )
    onnx.helper.set_model_props(made, {"gruforecast": encoded(served.described()).decode()})
    onnx.checker.check_model(made, full_check=True)
    write_file(Path(asked.export), made.SerializeToString())
    return {}


def call_onnx(request: Json) -> Json:
    """Return the forecasts of an ONNX file, made by ONNX Runtime alone.

    Args:
        request: a `CallRequest`.

    Returns:
        `milliseconds` of loading and of calls with one and with 100 series, on one thread.
    """
    import onnxruntime

    asked = record(CallRequest, request, "export request")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    begin = time.perf_counter()
    session = onnxruntime.InferenceSession(asked.export, options, providers=["CPUExecutionProvider"])
    load = round(1000 * (time.perf_counter() - begin), 3)

    def ask(inputs: Mapping[str, Array]) -> dict[str, Floats]:
        return dict(zip(OUTPUTS, session.run(list(OUTPUTS), inputs), strict=True))

    first = write_answers(asked.given, asked.answer, ask)
    return {"milliseconds": {"load": load, **batch_times(partial(session.run, None), first)}}


def _where(_: Graph, node: Node, *__: str | list[str]) -> None:
    """`SelectV2` as `Where`: tf2onnx makes sums and products of most, which carry a NaN that was not selected."""
    node.type = "Where"


def _asinh(graph: Graph, node: Node, name: str, _: list[str]) -> None:
    """`sign(x) * log(|x| + sqrt(x * x + 1))`: ONNX Runtime's own is in single precision."""
    x = node.input[0]
    square = _made(graph, "Mul", x, x)
    root = _made(graph, "Sqrt", _made(graph, "Add", square, _number(graph, name, 1.0)))
    size = _made(graph, "Log", _made(graph, "Add", _made(graph, "Abs", x), root))
    _replace(graph, node, "Mul", _made(graph, "Sign", x), size)


def _sinh(graph: Graph, node: Node, name: str, _: list[str]) -> None:
    """`(exp(x) - exp(-x)) / 2`: ONNX Runtime's own is in single precision."""
    x = node.input[0]
    twice = _made(graph, "Sub", _made(graph, "Exp", x), _made(graph, "Exp", _made(graph, "Neg", x)))
    _replace(graph, node, "Mul", twice, _number(graph, name, 0.5))


def _made(graph: Graph, operation: str, *inputs: str) -> str:
    made: str = graph.make_node(operation, list(inputs)).output[0]
    return made


def _number(graph: Graph, name: str, value: float) -> str:
    made: str = graph.make_const(f"{name}_{value}", np.array(value)).output[0]
    return made


def _replace(graph: Graph, node: Node, operation: str, *inputs: str) -> None:
    """Put `operation` in the place of `node`."""
    shapes, kinds, outputs = [graph.get_shape(node.output[0])], [graph.get_dtype(node.output[0])], node.output
    graph.remove_node(node.name)
    graph.make_node(operation, list(inputs), name=node.name, outputs=outputs, shapes=shapes, dtypes=kinds)

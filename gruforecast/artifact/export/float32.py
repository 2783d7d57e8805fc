"""A TensorFlow graph in double precision as one that a microcontroller can run: single precision, plain operations.

LiteRT computes in float32 and knows neither `IsNan` nor the hyperbolic functions. Whole numbers stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from tensorflow.types.experimental import ConcreteFunction

DOUBLE, SINGLE = types_pb2.DT_DOUBLE, types_pb2.DT_FLOAT


def in_single_precision(function: ConcreteFunction) -> ConcreteFunction:
    """Return the concrete function with its variables as constants, all of it in single precision.

    Args:
        function: concrete, of fixed shapes.
    """
    # loops stay as they are: LiteRT has them
    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
    graph = frozen.graph.as_graph_def()
    _shorten(graph.node)
    for inner in graph.library.function:
        _shorten(inner.node_def)
        for argument in [*inner.signature.input_arg, *inner.signature.output_arg]:
            argument.type = SINGLE if argument.type == DOUBLE else argument.type
    _spell_out(graph)
    wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph, name=""), [])
    tensors = ([wrapped.graph.as_graph_element(one.name) for one in side] for side in (frozen.inputs, frozen.outputs))
    return wrapped.prune(*tensors)


def _shorten(nodes: Iterable[NodeDef]) -> None:
    """Make every double a single, in attributes and constants."""
    for node in nodes:
        for attribute in node.attr.values():
            if attribute.HasField("tensor") and attribute.tensor.dtype == DOUBLE:
                values = tf.make_ndarray(attribute.tensor).astype(np.float32)
                attribute.tensor.CopyFrom(tf.make_tensor_proto(values))
            if attribute.type == DOUBLE:  # anything assigned here takes the place of another kind of value
                attribute.type = SINGLE
            for k, kind in enumerate(attribute.list.type):
                attribute.list.type[k] = SINGLE if kind == DOUBLE else kind


def _spell_out(graph: GraphDef) -> None:
    """Replace operations that LiteRT does not know by those that it does."""
    nodes = list(graph.node)
    squeezed = {node.name: node.input[0] for node in nodes if node.op == "Squeeze"}
    del graph.node[:]
    for node in nodes:
        if node.op == "IsNan":  # only NaN differs from itself
            node.op = "NotEqual"
            node.input.append(node.input[0])
            node.attr["incompatible_shape_error"].b = True
        if node.op == "BiasAdd" and node.attr["data_format"].s == b"NCHW" and node.input[1] in squeezed:
            node.op = "AddV2"  # Keras takes this way round an addition where one side has one row
            node.input[1] = squeezed[node.input[1]]
            del node.attr["data_format"]
        if node.op == "Asinh":
            _asinh(graph, node.name, node.input[0])
        elif node.op == "Sinh":
            _sinh(graph, node.name, node.input[0])
        else:
            graph.node.append(node)


def _asinh(graph: GraphDef, name: str, x: str) -> None:
    """`sign(x) * log(|x| + sqrt(x * x + 1))`: without the sign, numbers below zero would cancel."""
    size = _node(graph, "Abs", f"{name}/size", x)
    one = _constant(graph, f"{name}/one", 1.0)
    more = _node(graph, "AddV2", f"{name}/more", _node(graph, "Mul", f"{name}/square", x, x), one)
    both = _node(graph, "AddV2", f"{name}/both", size, _node(graph, "Sqrt", f"{name}/root", more))
    _node(graph, "Mul", name, _node(graph, "Sign", f"{name}/sign", x), _node(graph, "Log", f"{name}/log", both))


def _sinh(graph: GraphDef, name: str, x: str) -> None:
    """`(exp(x) - exp(-x)) / 2`."""
    up = _node(graph, "Exp", f"{name}/up", x)
    down = _node(graph, "Exp", f"{name}/down", _node(graph, "Neg", f"{name}/less", x))
    twice = _node(graph, "Sub", f"{name}/twice", up, down)
    _node(graph, "Mul", name, twice, _constant(graph, f"{name}/half", 0.5))


def _node(graph: GraphDef, operation: str, name: str, *inputs: str) -> str:
    node = graph.node.add(op=operation, name=name, input=inputs)
    node.attr["T"].type = SINGLE
    return name


def _constant(graph: GraphDef, name: str, value: float) -> str:
    node = graph.node.add(op="Const", name=name)
    node.attr["dtype"].type = SINGLE
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.float32(value)))
    return name

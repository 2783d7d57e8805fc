"""What a forecast needs of a small device: numbers that are read off a LiteRT file or follow from a configuration."""

from __future__ import annotations

import collections
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from gruforecast.models.networks.config import NetworkConfig
from gruforecast.models.networks.inference import Network, weight_shapes
from gruforecast.serialization import Record

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import SubGraphT

WIDTHS = {"FLOAT32": 4, "INT32": 4, "INT64": 8, "BOOL": 1, "INT8": 1, "UINT8": 1, "INT16": 2, "FLOAT16": 2}
ALIGNED = 16  # bytes to which LiteRT rounds each tensor


class Needs(Record, frozen=True):
    """What a LiteRT file holds and needs.

    Attributes:
        weight_bytes: of its constants.
        tensor_bytes: of the tensors that are alive together, at most, which is what an arena must hold (the graph, and
            the bodies of its loops, each planned alone).
        operations: how many of each kind.
    """

    weight_bytes: int
    tensor_bytes: int
    operations: dict[str, int]


def multiply_adds(config: NetworkConfig) -> int:
    """Return the multiplications with an addition in one forecast of a network, those of its matrices."""
    segments, _ = config.decoded
    times = {"decoder": segments, "positions": 0, "token": config.tokens, "row": config.horizon}
    times |= {"row_head": config.horizon} | {f"{config.cell}_{k}": config.tokens for k in range(config.layers)}
    total = 0
    for name, shape in weight_shapes(config).items():
        layer, _, part = name.partition(".")
        if len(shape) == 2 and part != "bias":  # a matrix, which each of so many states is multiplied by
            total += times.get(layer, segments) * shape[0] * shape[1]
    return total


def parameters(networks: Iterable[Network]) -> int:
    """Return how many learned numbers all networks have."""
    return sum(array.size for one in networks for array in one.weights.values())


def needs(content: bytes) -> Needs:
    """Return what a LiteRT file holds and needs."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    kinds = {number: name for name, number in vars(schema.TensorType).items() if isinstance(number, int)}
    codes = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    sizes = [0 if one.data is None else len(one.data) for one in model.buffers]
    counts: collections.Counter[str] = collections.Counter()
    for graph in model.subgraphs:
        for one in graph.operators or []:
            code = model.operatorCodes[one.opcodeIndex]
            counts[codes[max(code.builtinCode, code.deprecatedBuiltinCode)]] += 1
    constants = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors if sizes[tensor.buffer]}
    return Needs(
        weight_bytes=sum(sizes[buffer] for buffer in constants),
        tensor_bytes=sum(_max_alive(graph, sizes, kinds) for graph in model.subgraphs),
        operations=dict(sorted(counts.items())),
    )


def _max_alive(graph: SubGraphT, sizes: list[int], kinds: dict[int, str]) -> int:
    """Return the most bytes of the tensors of a graph alive together: from their making to their last use."""
    steps = len(graph.operators or [])
    born = dict.fromkeys((int(k) for k in graph.inputs), 0)
    dies = dict.fromkeys((int(k) for k in graph.outputs), steps)
    for step, one in enumerate(graph.operators or []):
        for k in one.outputs if one.outputs is not None else ():
            born.setdefault(int(k), step)
        for k in one.inputs if one.inputs is not None else ():
            dies[int(k)] = max(dies.get(int(k), 0), step)
    alive = np.zeros(steps + 1, np.int64)
    for k, begin in born.items():
        tensor = graph.tensors[k]
        if not sizes[tensor.buffer]:
            shape = [] if tensor.shape is None else tensor.shape
            size = WIDTHS.get(kinds[tensor.type], 0) * int(np.prod(shape, dtype=np.int64))
            alive[begin : dies.get(k, begin) + 1] += -(-size // ALIGNED) * ALIGNED
    return int(alive.max())

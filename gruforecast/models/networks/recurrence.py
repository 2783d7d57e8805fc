"""The recurrent layers in numpy: the step of each cell forward, and the same step backward.

    GRU         h = z * h_before + (1 - z) * candidate    candidate = tanh(inputs + r * recurrence)
    LSTM        c = f * c_before + i * candidate          candidate = tanh(inputs + recurrence)        h = o * tanh(c)
    simple RNN  h = tanh(inputs + recurrence)

`inputs` is what a cell makes of the row, `recurrence` what it makes of the state before. The equations are those of
Keras: GRU with `reset_after=True` (Cho et al. 2014 in the form of Chung et al.), LSTM (Hochreiter and Schmidhuber
1997), and the simple recurrent network of Elman (1990). Backward is backpropagation through time (Werbos 1990).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from gruforecast.arrays import Bools, Single, Weights


class Step(NamedTuple):
    """What one layer did in one step.

    Attributes:
        before, state: (n, units) the state before and after the step.
        parts: (n, units) each, what lies between. GRU: update gate, reset gate, candidate, what the candidate takes
            from the state before. LSTM: input gate, forget gate, candidate, output gate, memory cell before the step.
    """

    before: Single
    state: Single
    parts: tuple[Single, ...]


@dataclass(frozen=True)
class Trace:
    """What a forward pass did on its way.

    Attributes:
        steps: of each recurrent layer, by its name.
        open: which units of a hidden layer let something through, by its name.
    """

    steps: dict[str, list[Step]] = field(default_factory=lambda: defaultdict(list))
    open: dict[str, Bools] = field(default_factory=dict)


def recurrent(
    x: Single, cell: str, weights: Weights, name: str, state: Single | None = None, trace: Trace | None = None
) -> Single:
    """Return all states (tokens, n, units) of one recurrent layer over `x` (tokens, n, size), from zeros or `state`.

    Inputs (tokens, 1, size) are those of all n, whose states may have one axis more, as long as they can be broadcast.
    """
    kernel, recurrent_kernel = weights[f"{name}.kernel"], weights[f"{name}.recurrent_kernel"]
    bias, keep = weights[f"{name}.bias"], trace is not None
    units = len(recurrent_kernel)
    h = np.zeros((*x.shape[1:-1], units), np.float32) if state is None else state
    states = np.empty((len(x), *np.broadcast_shapes(x.shape[1:-1], h.shape[:-1]), units), np.float32)
    memory = np.zeros_like(states[0]) if cell == "lstm" else None
    for rows, new in zip(x, states, strict=True):  # one by one: what a step computes with stays in the cache
        inputs = product(rows, kernel)  # (n, gates * units)
        inputs += bias[0] if cell == "gru" else bias
        recurrence = product(h, recurrent_kernel)  # (n, gates * units)
        parts: tuple[Single, ...] = ()
        if cell == "gru":
            recurrence += bias[1]
            parts = _gru(inputs, recurrence, h, new, keep)
        elif memory is not None:
            parts = _lstm(inputs + recurrence, memory, new, keep)
        else:
            np.tanh(inputs + recurrence, out=new)
        if trace is not None:
            trace.steps[name].append(Step(h, new, parts))
        h = new
    return states


def backward(steps: list[Step], gradient: Single, cell: str, recurrent_kernel: Single) -> tuple[Single, Single]:
    """Return the gradients of all `inputs` (tokens, n, gates * units) and of the first state (n, units).

    Args:
        gradient: (tokens, n, units) of the states of the layer.
    """
    carried, memory = np.zeros_like(gradient[0]), np.zeros_like(gradient[0])
    gradients = []
    for step, own in zip(reversed(steps), gradient[::-1], strict=True):
        total = own + carried
        if cell == "gru":
            inputs, recurrence, kept = _gru_backward(step, total)
            carried = kept + product(recurrence, recurrent_kernel.T)
        else:
            inputs = _lstm_backward(step, total, memory) if cell == "lstm" else total * (1 - step.state**2)
            carried = product(inputs, recurrent_kernel.T)
        gradients.append(inputs)
    return np.stack(gradients[::-1]), carried


def _gru(inputs: Single, recurrence: Single, h: Single, new: Single, keep: bool) -> tuple[Single, ...]:
    """Return the parts of a step, intact if told to `keep` them: an update gate z near 1 keeps the memory."""
    units = h.shape[-1]
    gates = inputs[..., : 2 * units] + recurrence[..., : 2 * units]
    _sigmoid(gates)
    z, r = gates[..., :units], gates[..., units:]
    memory = recurrence[..., 2 * units :]
    candidate = np.multiply(r, memory, out=None if keep else r)
    candidate += inputs[..., 2 * units :]
    np.tanh(candidate, out=candidate)
    np.multiply(z, h, out=new)
    written = np.subtract(1, z, out=None if keep else z)
    written *= candidate
    new += written
    return z, r, candidate, memory


def _gru_backward(step: Step, total: Single) -> tuple[Single, Single, Single]:
    """Return the gradients of `inputs` and `recurrence`, and what reaches the state before past both of them."""
    z, r, candidate, memory = step.parts
    written = total * (1 - z) * (1 - candidate**2)
    update = total * (step.before - candidate) * z * (1 - z)
    reset = written * memory * r * (1 - r)
    inputs, recurrence = (np.concatenate([update, reset, last], axis=-1) for last in (written, written * r))
    return inputs, recurrence, total * z


def _lstm(gates: Single, memory: Single, new: Single, keep: bool) -> tuple[Single, ...]:
    """Return the parts of a step, intact if told to `keep` them; the new memory cell takes the place of the old one."""
    before = memory.copy() if keep else memory
    i, f, candidate, o = np.split(gates, 4, axis=-1)
    for gate in (i, f, o):
        _sigmoid(gate)
    memory *= f
    memory += np.multiply(i, np.tanh(candidate, out=candidate), out=None if keep else i)
    np.multiply(o, np.tanh(memory), out=new)
    return i, f, candidate, o, before


def _lstm_backward(step: Step, total: Single, memory: Single) -> Single:
    """Return the gradient of `inputs` and `recurrence`; that of the memory cell before takes the place of `memory`."""
    i, f, candidate, o, before = step.parts
    shown = np.tanh(f * before + i * candidate)
    memory += total * o * (1 - shown**2)
    parts = (memory * candidate * i * (1 - i), memory * before * f * (1 - f), memory * i * (1 - candidate**2))
    memory *= f
    return np.concatenate([*parts, total * shown * o * (1 - o)], axis=-1)


def product(x: Single, kernel: Single) -> Single:
    """Return `x` (…, size) times `kernel` as one product of two matrices; numpy multiplies a stack one by one."""
    return (x.reshape(-1, x.shape[-1]) @ kernel).reshape(*x.shape[:-1], kernel.shape[1])


def _sigmoid(x: Single) -> None:
    """Put the logistic function in the place of `x`."""
    x *= np.float32(0.5)
    np.tanh(x, out=x)
    x += np.float32(1)
    x *= np.float32(0.5)

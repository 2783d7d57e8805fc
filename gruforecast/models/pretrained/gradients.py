"""The gradient of the pretrained network's loss, in numpy: backpropagation through time with nothing to compile."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gruforecast.arrays import Single, Weights
from gruforecast.models.networks.config import MIDDLE
from gruforecast.models.networks.recurrence import backward, product
from gruforecast.models.pretrained.features import Features
from gruforecast.models.pretrained.inference import SLOW_UNITS, Tape, forward
from gruforecast.models.pretrained.loss import loss
from gruforecast.models.pretrained.ready import READY


def loss_and_gradient(weights: Weights, features: Features, target: Single, weight: Single) -> tuple[float, Weights]:
    """Return the loss of windows, and its gradient by each array of `weights`."""
    tape = Tape()
    value, along = loss(target, weight, forward(weights, features, tape))
    steps = features.ahead.shape[1]
    along = np.pad(along, ((0, 0), (0, steps - along.shape[1]), (0, 0)))
    return value, _Backward(weights, tape).run(_of_head(tape.inputs["quantiles"], features.ready, along))


@dataclass(frozen=True)
class _Backward:
    """The way back through the layers; `found`: gradients of their weights."""

    weights: Weights
    tape: Tape
    found: Weights = field(default_factory=dict)

    def run(self, head: Single) -> Weights:
        """Return the gradients of all weights from that of the last layer's output (n, steps, ready + n_quantiles)."""
        rows = self.dense("head", head) * (self.tape.inputs["head"] > 0)  # (n, steps, units)
        n, _, units = rows.shape
        self.dense("head_row", head)
        self.dense("head_whole", head.sum(axis=1))
        self.dense("row", rows)
        state = self.dense("whole", rows.sum(axis=1))
        decoded = self.dense("rows", rows.reshape(n, -1, self.weights["rows.kernel"].shape[1]))
        segments, first = self.recurrent("decoder", decoded.swapaxes(0, 1))
        self.dense("segment", segments)
        state = (state + first) * (1 - self.tape.inputs["whole"] ** 2)
        of_first, of_second, context, _ = np.split(self.dense("state", state), [units, 2 * units, 3 * units], axis=1)
        below, _ = self.recurrent("fast_1", self.last("fast_1", of_second))
        tokens, first = self.recurrent("fast_0", below + self.last("fast_0", of_first))
        self.dense("token", tokens)
        seen = self.tape.inputs["state"][:, 2 * units : 3 * units]
        slow = self.dense("context", (context + first) * (1 - seen**2))[:, :SLOW_UNITS]
        self.recurrent("slow", self.last("slow", slow))
        return self.found

    def last(self, name: str, gradient: Single) -> Single:
        """Return the gradient of all states of a layer (tokens, n, units) whose last one (n, units) is used."""
        return np.concatenate(
            [np.zeros((len(self.tape.inputs[name]) - 1, *gradient.shape), np.float32), gradient[None]]
        )

    def dense(self, name: str, gradient: Single) -> Single:
        """Return the gradient of a dense layer's input, and keep that of its weights."""
        self._keep(name, "kernel", self.tape.inputs[name], gradient)
        self.found[f"{name}.bias"] = gradient.reshape(-1, gradient.shape[-1]).sum(axis=0)
        return product(gradient, self.weights[f"{name}.kernel"].T)

    def recurrent(self, name: str, gradient: Single) -> tuple[Single, Single]:
        """Return the gradients of a recurrent layer's input and first state, and keep those of its weights."""
        steps = self.tape.trace.steps[name]
        inputs, state = backward(steps, gradient, "gru", self.weights[f"{name}.recurrent_kernel"])
        units = state.shape[-1]
        recurrence = inputs.copy()
        recurrence[:, :, 2 * units :] *= np.stack([one.parts[1] for one in steps])  # what the reset gate lets through
        self._keep(name, "kernel", self.tape.inputs[name], inputs)
        self._keep(name, "recurrent_kernel", np.stack([one.before for one in steps]), recurrence)
        self.found[f"{name}.bias"] = np.stack([inputs.sum(axis=(0, 1)), recurrence.sum(axis=(0, 1))])
        return product(inputs, self.weights[f"{name}.kernel"].T), state

    def _keep(self, name: str, kernel: str, x: Single, gradient: Single) -> None:
        self.found[f"{name}.{kernel}"] = x.reshape(-1, x.shape[-1]).T @ gradient.reshape(-1, gradient.shape[-1])


def _of_head(head: Single, ready: Single, along: Single) -> Single:
    """Return the gradient of the last layer's output from that of the quantiles (n, steps, n_quantiles)."""
    mix, _, away = np.split(head, [len(READY), len(READY) + 1], axis=2)
    mix = np.exp(mix - mix.max(axis=2, keepdims=True))
    mix /= mix.sum(axis=2, keepdims=True)
    middle = along.sum(axis=2, keepdims=True)
    apart = ready - (mix * ready).sum(axis=2, keepdims=True)
    below = -np.cumsum(along[:, :, :MIDDLE], axis=2)
    above = np.cumsum(along[:, :, MIDDLE + 1 :][:, :, ::-1], axis=2)[:, :, ::-1]
    outward = np.concatenate([below, above], axis=2) * (np.tanh(away / 2) + 1) / 2
    return np.concatenate([mix * apart * middle, middle, outward], axis=2)

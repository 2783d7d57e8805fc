"""Training of the pretrained network on synthetic series: `python -m tools.pretrain.train OUT --steps N --seed S`.

It takes one core, and a second one for the series. Each batch follows from the seed and its number, so that a run can
be repeated; after a kill, the same command goes on from the newest checkpoint in OUT.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

os.environ.update({"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"})

import numpy as np
import tensorflow as tf

from gruforecast.arrays import Weights
from gruforecast.execution.atomic_files import npz, read_npz, write_file
from gruforecast.models.networks.config import QUANTILES
from gruforecast.models.pretrained.features import Features
from gruforecast.models.pretrained.inference import forward
from gruforecast.models.pretrained.loss import COUNT, FAR
from gruforecast.models.training.optimizer import FlatAdamW
from gruforecast.models.training.pretrained_network import build, variables
from tools.pretrain.evaluate import PANELS, Case, Panel, both_views, forecast, held_out, scores, views
from tools.pretrain.export import commit
from tools.pretrain.windows import KINDS, Batch, batch, stream

RATE, LEAST, WARM_UP = 1e-3, 0.02, 200  # highest learning rate, share of it at the end, steps on the way up
DECAY, KEPT = 1e-3, 0.999  # of the weights; of the moving average in a step, less in the first ones
LOG, SAVE, CHECK = 100, 500, 1000  # steps between lines in the log, checkpoints, checks
CHECK_SEED = 77_777  # of the validation series


def loss(target: tf.Tensor, weight: tf.Tensor, quantiles: tf.Tensor) -> tf.Tensor:
    """Return the pinball loss of scaled quantiles (n, horizon, n_quantiles), compressed for far misses."""
    error = target[:, :, None] - quantiles
    levels = tf.constant(QUANTILES, tf.float32)
    pinball = tf.maximum(levels * error, (levels - 1.0) * error)
    pinball = FAR * tf.asinh(pinball / FAR) * tf.constant(COUNT, tf.float32)
    return tf.reduce_sum(pinball * weight[:, :, None]) / tf.maximum(tf.reduce_sum(weight), 1.0) / len(QUANTILES)


def rate(step: int, steps: int, highest: float = RATE) -> float:
    """Return the learning rate of a step: up in a line, down in half a cosine."""
    share = min(1.0, step / steps)
    return highest * min(1.0, (step + 1) / WARM_UP) * (LEAST + (1 - LEAST) * 0.5 * (1 + np.cos(np.pi * share)))


class Trainer:
    """Weights, their moving average and the optimizer, which a checkpoint keeps.

    Attributes:
        step: of this run.
        windows, seconds: of this run and of those before, from whose checkpoints it began.
    """

    def __init__(self, width: int, seed: int) -> None:
        self.network = build(width, seed)
        self.variables = variables(self.network)
        self.optimizer = FlatAdamW(list(self.variables.values()))
        self.optimizer.reset(DECAY)
        self.average = {name: tf.Variable(one) for name, one in self.variables.items()}
        self.step, self.windows, self.seconds = 0, 0, 0.0
        self._compiled = self._compile()

    def train(self, data: Batch, rate: float) -> tf.Tensor:
        """Take one step and return its loss."""
        self.step += 1
        self.windows += len(data.target)
        return self._compiled(
            {name: tf.constant(one) for name, one in data.arrays.items()},
            tf.constant(data.target),
            tf.constant(data.weight),
            tf.constant(rate, tf.float32),
        )

    def _compile(self) -> Callable[..., tf.Tensor]:
        """Return the step, compiled once for each horizon."""
        network = self.network
        trained, averages = list(self.variables.values()), list(self.average.values())

        @tf.function(jit_compile=True)  # type: ignore[untyped-decorator]
        def step(arrays: dict[str, tf.Tensor], target: tf.Tensor, weight: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                value = loss(target, weight, network(arrays, training=True))
            gradients = tape.gradient(value, trained)
            self.optimizer.apply([tf.where(tf.math.is_finite(one), one, 0.0) for one in gradients], rate)
            count = self.optimizer.state["count"]
            kept = tf.minimum(KEPT, count / (count + 9.0))
            for mean, one in zip(averages, trained, strict=True):
                mean.assign(kept * mean + (1 - kept) * one)
            return value

        return step

    def averaged(self) -> Weights:
        """Return the moving average of the weights."""
        return {name: one.numpy() for name, one in self.average.items()}

    def _state(self) -> dict[str, tf.Variable]:
        """Return every variable of the training by its name in a checkpoint."""
        state = {f"weights/{name}": one for name, one in self.variables.items()}
        state |= {f"average/{name}": one for name, one in self.average.items()}
        return state | self.optimizer.state

    def save(self, path: Path) -> None:
        """Write a checkpoint in the place of the one before, never half of it."""
        own = {name: np.array(getattr(self, name)) for name in ("step", "windows", "seconds")}
        write_file(path, npz(own | {name: one.numpy() for name, one in self._state().items()}))

    def load(self, path: Path) -> None:
        """Go back to a checkpoint."""
        file = read_npz(path)
        for name, variable in self._state().items():
            variable.assign(file[name])
        self.step, self.windows, self.seconds = int(file["step"]), int(file["windows"]), float(file["seconds"])

    def begin_after(self, path: Path) -> None:
        """Begin a run where another one ended."""
        self.load(path)
        self.step = 0


class Check:
    """Fixed synthetic batches and cases of the panels' training parts, with their features, made once."""

    def __init__(self, data: Path | None, size: int = 128) -> None:
        self.batches = [batch(CHECK_SEED, k, size, kind) for k, kind in enumerate(KINDS)]
        self.weights = [kind.weight for kind in KINDS]
        self.panels: list[tuple[Panel, list[Case], list[list[tuple[int, Features]]]]] = []
        if data is None:
            return
        for panel in PANELS:
            cases = held_out(panel, data, 1, 2 if panel.season < 24 else 4)
            self.panels.append((panel, cases, [views(cases, panel, log) for log in (True, False)]))

    def line(self, weights: Weights) -> str:
        """Return the losses of the synthetic batches, mean and of each kind, and MASE and coverage of panels."""
        losses = [_numpy_loss(weights, one) for one in self.batches]
        parts = [f"validation {np.average(losses, weights=self.weights):.4f}"]
        for panel, cases, (log, plain) in self.panels:
            both = both_views(forecast(weights, log), forecast(weights, plain))
            found = scores(both, cases, panel.season)
            parts.append(f"{panel.name} {found.mase:.4f} ({found.inside80:.0f} {found.inside95:.0f})")
        kinds = " ".join(f"{k.season}/{k.second}/{k.horizon}:{v:.3f}" for k, v in zip(KINDS, losses, strict=True))
        return " | ".join([*parts, kinds])


def _numpy_loss(weights: Weights, data: Batch) -> float:
    """Return the loss of a batch by the forward pass in numpy."""
    n, horizon = data.target.shape
    features = Features(
        **data.arrays, level=np.zeros((n, 1)), scale=np.ones((n, 1)), log=np.zeros(n, bool), horizon=horizon
    )
    return float(loss(tf.constant(data.target), tf.constant(data.weight), tf.constant(forward(weights, features))))


def run(out: Path, trainer: Trainer, check: Check, steps: int, seed: int, size: int, highest: float) -> None:
    """Train up to `steps`, from the newest checkpoint in `out` if there is one."""
    newest = out / "checkpoint.npz"
    if newest.exists():
        trainer.load(newest)
    recent: list[float] = []
    begin, first, before = time.time(), trainer.step, trainer.seconds
    with (out / "log.txt").open("a", buffering=1) as log:
        for data in stream(seed, trainer.step, size):
            if trainer.step >= steps:
                break
            trainer.seconds = before + time.time() - begin
            recent.append(float(trainer.train(data, rate(trainer.step, steps, highest))))
            if trainer.step % LOG == 0:
                speed = (trainer.step - first) * size / (time.time() - begin)
                log.write(
                    f"{trainer.step} loss {np.mean(recent):.4f} {speed:.0f} windows/s {time.time() - begin:.0f} s\n"
                )
                recent = []
            if trainer.step % SAVE == 0:
                trainer.save(newest)
            if trainer.step % CHECK == 0 or trainer.step == steps:
                log.write(f"{trainer.step} check {check.line(trainer.averaged())}\n")
    trainer.save(newest)


def main() -> None:
    """Train, or go on with a training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--width", type=int, default=112)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rate", type=float, default=RATE, help="highest learning rate")
    parser.add_argument(
        "--start", type=Path, help="checkpoint of another run, where this one begins, with its own rates"
    )
    parser.add_argument("--data", type=Path, help="folder of panels, of whose training parts scores are written")
    options = parser.parse_args()
    for setting in (
        tf.config.threading.set_intra_op_parallelism_threads,
        tf.config.threading.set_inter_op_parallelism_threads,
    ):
        setting(1)
    options.out.mkdir(parents=True, exist_ok=True)
    chosen = {name: value for name, value in vars(options).items() if name not in ("out", "data", "start")} | {
        "commit": commit()
    }
    (options.out / "options.json").write_text(json.dumps(chosen))
    trainer = Trainer(options.width, options.seed)
    if options.start is not None:
        trainer.begin_after(options.start)
    run(options.out, trainer, Check(options.data), options.steps, options.seed, options.batch, options.rate)


if __name__ == "__main__":
    main()

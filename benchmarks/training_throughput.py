#!/usr/bin/env python3
"""Training throughput of one thread: our compiled GRU step beside its twin in PyTorch, in turn in one run.

    python benchmarks/training_throughput.py [--torch-python PATH] [--passes 5] [--json]

Three networks of the same sizes: `torch` is `torch.nn.GRU` and `Linear` with SGD and MSE; `twin` is Keras' GRU and
Dense with SGD and MSE, many steps a call through XLA, as this package trains; `real` is the package's own step, which
also gathers and normalises its windows, and has dropout, the pinball loss, clipping and AdamW. PyTorch is no
dependency of the project: give the interpreter of another environment that has it, or leave it out.

Each pass is 5,120 windows; the best of the passes counts. Timings on shared machines are noisy: quote ratios only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
SIZES = [(32, 48, 4, 24, 32), (64, 96, 4, 24, 64), (256, 96, 4, 24, 64)]  # batch, steps, features, horizon, units
WINDOWS = 5120

TORCH = """
import sys, time, torch
torch.set_num_threads(1)
batch, steps, features, horizon, units, windows = map(int, sys.argv[1:])
gru, head = torch.nn.GRU(features, units, batch_first=True), torch.nn.Linear(units, horizon)
past, target = torch.randn(windows, steps, features), torch.randn(windows, horizon)
optimizer = torch.optim.SGD([*gru.parameters(), *head.parameters()], lr=0.01)
print("ready", flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    for first in range(0, windows, batch):
        optimizer.zero_grad()
        forecast = head(gru(past[first : first + batch])[0][:, -1])
        torch.nn.functional.mse_loss(forecast, target[first : first + batch]).backward()
        optimizer.step()
    print(windows / (time.perf_counter() - start), flush=True)
"""


class TorchPeer:
    """The PyTorch twin in a process of its own that waits for a line before each pass."""

    def __init__(self, python: str, size: tuple[int, ...]) -> None:
        command = [python, "-c", TORCH, *map(str, size), str(WINDOWS)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
        self._line()

    def one_pass(self) -> float:
        """Windows per second of one pass."""
        print(file=self._process.stdin, flush=True)
        return float(self._line())

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _line(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            sys.exit("the PyTorch process ended: is torch installed there?")
        return line


def twin(size: tuple[int, ...]) -> Any:
    """A function that trains one pass of the Keras twin and returns windows per second."""
    import keras
    import tensorflow as tf

    batch, steps, features, horizon, units = size
    past = keras.Input((steps, features))
    model = keras.Model(past, keras.layers.Dense(horizon)(keras.layers.GRU(units, use_cudnn=False)(past)))
    optimizer = keras.optimizers.SGD(0.01)
    optimizer.build(model.trainable_variables)
    xs = tf.random.normal((WINDOWS // batch, batch, steps, features))
    ys = tf.random.normal((WINDOWS // batch, batch, horizon))

    @tf.function(jit_compile=True, autograph=False)
    def run(xs: Any, ys: Any) -> Any:
        def one_step(step: Any, total: Any) -> tuple[Any, Any]:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((model(xs[step], training=True) - ys[step]) ** 2)
            optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
            return step + 1, total + loss

        last = WINDOWS // batch
        return tf.while_loop(lambda step, _: step < last, one_step, (tf.constant(0), tf.constant(0.0)))[1]

    return _timed(lambda: run(xs, ys).numpy(), WINDOWS)


def real(size: tuple[int, ...]) -> Any:
    """A function that takes as many of the package's own training steps as make about one pass."""
    import numpy as np
    import tensorflow as tf

    from gruforecast.data.windows import History, Sampler
    from gruforecast.models.networks.config import NetworkConfig
    from gruforecast.models.training import train

    batch, steps, _, horizon, units = size
    config = NetworkConfig(horizon=horizon, lookback=steps, season_length=24, units=units)
    history = History.of(10 + np.random.default_rng(0).random(20_000), np.array([0, 20_000]))
    program = train._program(config, batch)  # noqa: SLF001 - the step itself is what is timed
    sampler = Sampler.before(history, history.indptr[1:], horizon, 24)
    values = tf.constant(history.values, tf.float64)
    calls = max(1, WINDOWS // (batch * train.CHUNK))

    def one_pass() -> None:
        for _ in range(calls):
            drawn = sampler.draw(np.random.default_rng(0), (train.CHUNK, batch))
            rate = np.full(train.CHUNK, 1e-3, np.float32)
            float(program.run(values, *train._indices(drawn), rate, 1.0))  # noqa: SLF001

    return _timed(one_pass, calls * batch * train.CHUNK)


def _timed(one_pass: Any, windows: int) -> Any:
    one_pass()  # compiles

    def measure() -> float:
        start = time.perf_counter()
        one_pass()
        return windows / (time.perf_counter() - start)

    return measure


def sgemm_peak() -> float:
    """Best GFLOP/s of a large single-precision matrix product through XLA on one thread."""
    import tensorflow as tf

    n = 1024
    a = tf.random.normal((n, n))
    product = tf.function(lambda: tf.reduce_sum(a @ a), jit_compile=True)
    product()
    best = 0.0
    for _ in range(10):
        start = time.perf_counter()
        product().numpy()
        best = max(best, 2 * n**3 / (time.perf_counter() - start) / 1e9)
    return best


def gflop_per_window(size: tuple[int, ...]) -> float:
    """Multiply-adds of one training window, forward and backward, times two, in GFLOP."""
    _, steps, features, horizon, units = size
    return 3 * 2 * (steps * 3 * units * (features + units) + units * horizon) / 1e9


def main() -> None:
    """Measure all sizes and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch-python", help="interpreter of an environment that has torch")
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    import gruforecast.models.training  # noqa: F401 - one thread, before TensorFlow is used

    peak, rows = sgemm_peak(), []
    for size in SIZES:
        peers = {"twin": twin(size), "real": real(size)}
        torch = TorchPeer(args.torch_python, size) if args.torch_python else None
        if torch:
            peers["torch"] = torch.one_pass
        best = dict.fromkeys(peers, 0.0)
        for _ in range(args.passes):
            for name, measure in peers.items():
                best[name] = max(best[name], measure())
        if torch:
            torch.close()
        share = best["twin"] * gflop_per_window(size) / peak
        rows.append({"size": size, **{f"{name}_windows_per_s": round(speed) for name, speed in best.items()}})
        rows[-1] |= {"twin_share_of_sgemm_peak": round(share, 3)}
        if torch:
            rows[-1] |= {f"{name}_to_torch": round(best[name] / best["torch"], 2) for name in ("twin", "real")}
    result = {"sgemm_peak_gflops": round(peak, 1), "rows": rows}
    print(json.dumps(result) if args.json else _table(result))


def _table(result: dict[str, Any]) -> str:
    lines = [f"one thread, SGEMM peak {result['sgemm_peak_gflops']} GFLOP/s"]
    lines += ["  ".join(f"{name} {value}" for name, value in row.items()) for row in result["rows"]]
    return "\n".join(lines)


if __name__ == "__main__":
    main()

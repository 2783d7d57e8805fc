"""Training: many gradient steps per call of one XLA-compiled function that gathers its own windows.

Keras' layers, compiled with `jit_compile=True`: Keras turns XLA off by itself on machines without a GPU,
and `Model.fit` pays Python for each batch, which costs small networks more than the arithmetic does.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from tensorflow.types.experimental import PolymorphicFunction

from gruforecast.arrays import Array, Floats, Ints, Weights
from gruforecast.data.windows import History, Sampler, Windows, gather_covariates, gather_future, gather_past
from gruforecast.models.networks.config import QUANTILES, RUNGS, NetworkConfig, TrainingConfig
from gruforecast.models.networks.config import STEPS_PER_CALL as CHUNK
from gruforecast.models.networks.features import Knobs, encode, encode_target
from gruforecast.models.training.kept_function import KeptFunction
from gruforecast.models.training.keras_model import VariableDropout, build_network, network_inputs
from gruforecast.models.training.optimizer import FlatAdamW

MIN_ROWS = 1024  # of the data, as a compiled program sees them


@dataclass(frozen=True)
class Trained:
    """What training gave.

    Attributes:
        weights: the arrays at its end, by name.
        steps: gradient steps that led to them.
        seconds: `trace` (building the graph), `compile` (first call), `validate`, and `train` (the rest).
        losses: (n_chunks,) mean training loss of each chunk of steps.
        late: whether a deadline ended it before its last step.
        rungs: validation score at each rung that it reached; pruned: whether the last one ended it.
    """

    weights: Weights
    steps: int
    seconds: dict[str, float]
    losses: list[float]
    late: bool
    rungs: list[float]
    pruned: bool

    @property
    def first_call(self) -> int:
        """Steps of the first call, whose time is in `seconds["compile"]`."""
        return min(CHUNK, self.steps)

    @property
    def diverged(self) -> bool:
        """Whether the training loss stopped being a number."""
        return not all(np.isfinite(self.losses))

    @property
    def parameters(self) -> int:
        """Number of trained numbers."""
        return sum(array.size for array in self.weights.values())


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
        validate: a score of weights to minimise, read at the rungs; None: there are no rungs.
        rates: learning rate at the first and the last step, as shares of the configured one.
        initial: weights to start from instead of random ones.
        deadline: when to stop whatever was reached, in seconds since the epoch.
        rungs: validation score above which to give up at each of `RUNGS`; None = go on.
    """

    validate: Callable[[Weights], float] | None = None
    rates: tuple[float, float] = (1.0, 0.0)
    initial: Weights | None = None
    deadline: float | None = None
    rungs: tuple[float | None, ...] = (None, None)


def train(
    config: NetworkConfig, training: TrainingConfig, history: History, cutoff: Ints, schedule: Schedule
) -> Trained:
    """Return the weights trained on targets before `cutoff` (n_series,), and what it took.

    Networks that differ only in dropout, rates, seed or the number of steps share one compiled function.
    """
    begin = time.perf_counter()
    program = _program(config.shape, training.batch_size)
    program.reset(config, training, schedule.initial)
    sampler = Sampler.before(history, cutoff, config.horizon, min_past=max(config.season_length, 3))
    generator = np.random.default_rng(training.seed)
    chunks = max(1, round(training.steps / CHUNK))
    rates = training.learning_rate * half_cosine(chunks * CHUNK, *schedule.rates)
    judge = _Judge(program, schedule, chunks)
    values = tf.constant(_padded(history.values), tf.float64)
    covariates = tf.constant(_padded(history.x) if config.inputs else np.zeros((1, 1)), tf.float32)
    losses: list[float] = []
    late = False
    traced = first = begin
    for chunk in range(chunks):
        drawn = sampler.draw(generator, (CHUNK, training.batch_size))
        rate = rates[chunk * CHUNK : (chunk + 1) * CHUNK].astype(np.float32)
        knobs = np.array(Knobs.of(config), np.float64)
        arguments = (values, covariates, *_indices(drawn, config), history.origin(drawn), rate, knobs)
        if chunk == 0:
            program.run.prepare(*arguments)
            traced = time.perf_counter()
        losses.append(float(program.run(*arguments)))
        first = time.perf_counter() if chunk == 0 else first
        late = chunk + 1 < chunks and schedule.deadline is not None and time.time() >= schedule.deadline
        if not np.isfinite(losses[-1]) or late or judge.stops(chunk + 1):
            break
    seconds = {"trace": traced - begin, "compile": first - traced, "validate": judge.seconds}
    seconds["train"] = time.perf_counter() - first - judge.seconds
    weights, steps = weights_of(program.model), len(losses) * CHUNK
    return Trained(weights, steps, seconds, losses, late, judge.rungs, judge.pruned)


def _padded(rows: Floats) -> Floats:
    """Return the rows with more, never read ones after them: data of about the same size share a compiled program."""
    step = max(MIN_ROWS, 1 << max(len(rows).bit_length() - 3, 0))  # about a quarter more at most
    return np.concatenate([rows, np.zeros((-len(rows) % step, *rows.shape[1:]))])


def half_cosine(steps: int, first: float, last: float) -> Floats:
    """Return the rates (steps,) that fall from `first` to `last` along half a cosine."""
    phase = np.arange(steps) / max(steps - 1, 1)
    return np.asarray(last + (first - last) * 0.5 * (1 + np.cos(np.pi * phase)))


def weights_of(model: keras.Model) -> Weights:
    """Return the trainable weights under the names of `inference.weight_shapes`, such as `gru_0.kernel`."""
    return {
        f"{layer.name}.{variable.name}": keras.ops.convert_to_numpy(variable).copy()
        for layer in model.layers
        for variable in layer.trainable_variables
    }


def set_weights(model: keras.Model, weights: Weights) -> None:
    """Give `model` the weights that `weights_of` took from one of the same shape."""
    for layer in model.layers:
        for variable in layer.trainable_variables:
            variable.assign(weights[f"{layer.name}.{variable.name}"])


class _Program:
    """A network of one shape, its optimizer, and the compiled function that trains both."""

    def __init__(self, shape: NetworkConfig, batch_size: int) -> None:  # noqa: ARG002 - another size is compiled anew
        self.model = build_network(shape, seed=0)
        self.optimizer = FlatAdamW(self.model.trainable_variables)
        variables = {f"variable {k}": one.value.handle for k, one in enumerate(self.model.variables)}
        state = {**variables, **self.optimizer.tensors}
        self.run = KeptFunction(_compile_steps(self.model, self.optimizer, shape), state, f"training {shape}")

    def reset(self, config: NetworkConfig, training: TrainingConfig, initial: Weights | None) -> None:
        """As if freshly built: weights, optimizer, dropout rate and random state follow from the arguments alone."""
        fresh = build_network(config, training.seed)
        set_weights(self.model, initial or weights_of(fresh))
        self.optimizer.reset(training.weight_decay)
        pairs = zip(self.model.layers, fresh.layers, strict=True)
        for mine, new in [pair for pair in pairs if isinstance(pair[0], VariableDropout)]:
            mine.rate.assign(config.dropout)
            mine.calls.assign(new.calls)


# a compiled program is never freed, so the more are kept the better
_program = functools.lru_cache(maxsize=32)(_Program)


class _Judge:
    """Reads the validation score at the rungs and says whether to give up there."""

    def __init__(self, program: _Program, schedule: Schedule, chunks: int) -> None:
        self._program = program
        self._validate = schedule.validate
        self._limits = schedule.rungs
        self._chunks = chunks
        self.rungs: list[float] = []
        self.pruned = False
        self.seconds = 0.0

    def stops(self, chunk: int) -> bool:
        """Return whether the score is worse than the limit of the rung that `chunk` reaches, if it reaches one."""
        rung, ends = len(self.rungs), chunk == self._chunks
        if self._validate is None or ends or rung == len(RUNGS) or chunk < RUNGS[rung] * self._chunks:
            return False
        begin = time.perf_counter()
        self.rungs.append(float(self._validate(weights_of(self._program.model))))
        self.seconds += time.perf_counter() - begin
        limit = self._limits[rung]
        self.pruned = limit is not None and not self.rungs[-1] <= limit
        return self.pruned


def _indices(windows: Windows, config: NetworkConfig) -> tuple[Array, ...]:
    """Return the index arrays that the compiled function takes."""
    return *(one.astype(np.int32) for one in (windows.start, windows.end, windows.stop)), windows.use_log & config.log


def _compile_steps(model: keras.Model, optimizer: FlatAdamW, config: NetworkConfig) -> PolymorphicFunction:
    """Return a compiled function that takes `CHUNK` steps and returns their mean loss.

    Its arguments: values (n_rows,), covariates (n_rows, n_columns), then starts, ends, stops, use_log, origins
    (CHUNK, batch), rates (CHUNK,), and all `Knobs`.
    """

    def loss_of(
        values: tf.Tensor, covariates: tf.Tensor, windows: Windows, origin: tf.Tensor, knobs: Knobs
    ) -> tf.Tensor:
        past = gather_past(values, windows, config.lookback, keras.ops)  # (batch, lookback)
        future = gather_future(values, windows, config.horizon, keras.ops)  # (batch, horizon)
        around = _gathered(covariates, windows, config)
        encoded = encode(past, origin, windows.use_log, config, keras.ops, knobs, around)
        target, mask = encode_target(future, windows.use_log, encoded, keras.ops)
        inputs = network_inputs(encoded, lambda t: tf.cast(t, tf.float32))
        residual = model(inputs, training=True)  # (batch, horizon, n_quantiles)
        return _pinball(tf.cast(target, tf.float32), residual, tf.cast(mask, tf.float32))

    @tf.function(jit_compile=True, autograph=False)  # type: ignore[untyped-decorator]
    def run(
        values: tf.Tensor,
        covariates: tf.Tensor,
        starts: tf.Tensor,
        ends: tf.Tensor,
        stops: tf.Tensor,
        use_log: tf.Tensor,
        origins: tf.Tensor,
        rates: tf.Tensor,
        knobs: tf.Tensor,
    ) -> tf.Tensor:
        def one_step(step: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            windows = Windows(starts[step], starts[step], ends[step], stops[step], use_log[step])
            with tf.GradientTape() as tape:
                loss = loss_of(values, covariates, windows, origins[step], Knobs(*tf.unstack(knobs)))
            optimizer.apply(tape.gradient(loss, optimizer.variables), rates[step])
            return step + 1, total + loss

        _, total = tf.while_loop(lambda step, _: step < CHUNK, one_step, (tf.constant(0), tf.constant(0.0)))
        return total / CHUNK

    return run


def _pinball(target: tf.Tensor, quantiles: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Return twice the pinball loss, summed over quantiles (batch, horizon, n_quantiles); absolute error at 0.5."""
    level = tf.constant(QUANTILES, tf.float32)
    error = target[:, :, None] - quantiles
    loss = 2.0 * tf.reduce_sum(tf.maximum(level * error, (level - 1.0) * error), axis=2)
    return tf.reduce_sum(loss * mask) / tf.maximum(tf.reduce_sum(mask), 1.0)


def _gathered(covariates: tf.Tensor, windows: Windows, config: NetworkConfig) -> tf.Tensor | None:
    """Return the covariates (batch, lookback + horizon, n_columns), None where there are none."""
    if not config.inputs:
        return None
    return tf.cast(gather_covariates(covariates, windows, config.lookback, config.horizon, keras.ops), tf.float64)

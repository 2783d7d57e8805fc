"""keras-tuner proposes, we run: its Oracle is asked for values and told scores; nothing else of it is used."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import tempfile
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

import numpy as np
import threadpoolctl

from gruforecast.automl.search.space import Space
from gruforecast.automl.search.trial import seed_of
from gruforecast.models.networks.config import Hyperparameters

if TYPE_CHECKING:
    from keras_tuner import Oracle
    from keras_tuner.engine.trial import Trial

HYPERBAND_EPOCHS = 9  # units of work that hyperband divides a full training into
INITIAL_POINTS = 5  # trials before the Bayesian search models anything; the same for any number, so that it may grow
MAX_SCORE = 1e6  # a model of the scores cannot take numbers as large as floats go
MAX_TRIALS = 1_000_000  # the Oracle never ends the search, `Proposer` does


@dataclass(frozen=True)
class Proposal:
    """One configuration to try, with `share` of a full training."""

    number: int
    values: Hyperparameters
    share: float


class Proposer:
    """Asks an Oracle for configurations.

    The first trials are the portfolio of the space (the first of it for hyperband); the Oracle is told their scores
    like any other, so the search learns from them.

    Args:
        tuner: `bayesian`, `random` or `hyperband`.
        trials: how many trials; for hyperband how many full trainings' worth of work.
    """

    def __init__(self, tuner: str, space: Space, trials: int, seed: int) -> None:
        self._tuner = tuner
        self._space = space
        self._portfolio = space.portfolio[:1] if tuner == "hyperband" else space.portfolio
        self._trials = trials
        self._seed = seed
        self._folder = tempfile.TemporaryDirectory(prefix="gruforecast-oracle-")
        self._pending: dict[int, Trial] = {}
        self._scores: list[tuple[int, float]] = []  # that the Oracle, which may never be needed, does not know yet
        self._proposed = 0
        self._work = 0.0

    @property
    def open(self) -> bool:
        """Whether less was proposed than may be."""
        return self._work < self._trials - 1e-9

    def ask(self) -> Proposal | None:
        """Return the next configuration, None when there is none before a further score is told, or none at all."""
        if not self.open:
            return None
        if self._proposed < len(self._portfolio):  # needs no Oracle: workers are busy while keras-tuner is imported
            proposal = Proposal(self._proposed, self._portfolio[self._proposed], 1.0)
        else:
            trial = self._create(f"trial-{self._proposed}")
            if trial.status in ("STOPPED", "IDLE"):
                return None
            share = trial.hyperparameters.values.get("tuner/epochs", HYPERBAND_EPOCHS) / HYPERBAND_EPOCHS
            self._pending[self._proposed] = trial
            proposal = Proposal(self._proposed, self._space.register(trial.hyperparameters), share)
        self._proposed += 1
        self._work += proposal.share
        return proposal

    def tell(self, number: int, score: float) -> None:
        """Report the score of trial `number`; one that is no number counts as failed."""
        self._scores.append((number, score))

    def _pass_on(self, number: int, score: float) -> None:
        """Tell the Oracle a score."""
        trial = self._pending.pop(number)
        if np.isfinite(score):
            self._oracle.update_trial(trial.trial_id, {"score": min(float(score), MAX_SCORE)})
        trial.status = "COMPLETED" if np.isfinite(score) else "INVALID"
        self._oracle.end_trial(trial)

    def close(self) -> None:
        """Remove the Oracle's scratch folder."""
        self._folder.cleanup()

    def _create(self, name: str) -> Trial:
        """Return a trial of the Oracle's choice.

        On one thread: beside busy workers, the threads of a linear algebra library wait for each other for seconds.
        """
        oracle = self._oracle
        with threadpoolctl.threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn warns when a dimension does not matter
            while self._scores:
                self._pass_on(*self._scores.pop(0))
            return oracle.create_trial(name)

    @functools.cached_property
    def _oracle(self) -> Oracle:
        """The Oracle, with the portfolio as trials that it believes it proposed itself."""
        with _signals_wait():
            from keras_tuner.engine import trial as kt_trial

        oracle = _oracle(self._tuner, self._space, self._seed)
        oracle._set_project_dir(self._folder.name, "search")  # noqa: SLF001 - a Tuner would call it
        oracle.verbose = 0
        for number, values in enumerate(self._portfolio):
            hyperparameters = self._space.hyperparameters()
            hyperparameters.values = self._space.hyperparameter_values(values)
            trial = kt_trial.Trial(hyperparameters=hyperparameters, trial_id=f"recipe-{number}")
            oracle.trials[trial.trial_id] = trial
            oracle.start_order.append(trial.trial_id)
            oracle.ongoing_trials[f"trial-{number}"] = trial
            oracle._record_values(trial)  # noqa: SLF001 - so that it is not proposed again
            self._pending[number] = trial
        return oracle


@contextlib.contextmanager
def _signals_wait() -> Iterator[None]:
    """Within the block SIGINT and SIGTERM wait for its end.

    Interrupted imports of TensorFlow and Keras end in errors about missing packages, or end the process. A second
    signal ends the process at once: the journal is whole after each record, and workers end with their parent.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    before = {one: handler for one in (signal.SIGINT, signal.SIGTERM) if callable(handler := signal.getsignal(one))}

    def hold(number: int, _: FrameType | None) -> None:
        if held:
            os._exit(128 + number)
        held.append(number)

    for one in before:
        signal.signal(one, hold)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    for number in held:
        signal.raise_signal(number)


def _oracle(tuner: str, space: Space, seed: int) -> Oracle:
    import keras_tuner

    common = {
        "objective": keras_tuner.Objective("score", "min"),
        "hyperparameters": space.hyperparameters(),
        "seed": seed_of(seed, -1),  # never 0, which keras-tuner would replace by a random one
        "max_consecutive_failed_trials": 1_000_000,
    }
    if tuner == "bayesian":
        from gruforecast.automl.search.bayesian import QuickBayesianOracle

        return QuickBayesianOracle(max_trials=MAX_TRIALS, num_initial_points=INITIAL_POINTS, **common)
    if tuner == "hyperband":
        return keras_tuner.oracles.HyperbandOracle(max_epochs=HYPERBAND_EPOCHS, hyperband_iterations=100, **common)
    return keras_tuner.oracles.RandomSearchOracle(max_trials=MAX_TRIALS, **common)

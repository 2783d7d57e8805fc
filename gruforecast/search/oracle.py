"""keras-tuner proposes, we run: its Oracle is asked for values and told scores; nothing else of it is used."""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine import trial as kt_trial

from gruforecast.search.space import Space, Values
from gruforecast.search.trial import seed_of

HYPERBAND_EPOCHS = 9  # units of work that hyperband divides a full training into


@dataclass(frozen=True)
class Proposal:
    """One configuration to try, with `share` of a full training."""

    number: int
    values: Values
    share: float


class Proposer:
    """Asks an Oracle for configurations.

    Trial 0 is the recipe of `space.start`; the Oracle is told its score like any other, so the search learns from it.

    Args:
        tuner: `bayesian`, `random` or `hyperband`.
        trials: how many trials; for hyperband how many full trainings' worth of work.
    """

    def __init__(self, tuner: str, space: Space, trials: int, seed: int) -> None:
        self._space = space
        self._trials = trials
        self._oracle = _oracle(tuner, space, trials, seed)
        self._folder = tempfile.TemporaryDirectory(prefix="gruforecast-oracle-")
        self._oracle._set_project_dir(self._folder.name, "search")  # noqa: SLF001 - a Tuner would call it
        self._oracle.verbose = 0
        self._pending: dict[int, Any] = {}
        self._asked = 0
        self._work = 0.0

    def ask(self) -> Proposal | None:
        """The next configuration, None when the search is over."""
        if self._work >= self._trials - 1e-9:
            return None
        number, self._asked = self._asked, self._asked + 1
        if number == 0:
            trial, share = self._first(), 1.0
        else:
            with warnings.catch_warnings():  # scikit-learn warns when a dimension does not matter
                warnings.simplefilter("ignore")
                trial = self._oracle.create_trial(f"trial-{number}")
            if trial.status in ("STOPPED", "IDLE"):
                return None
            share = trial.hyperparameters.values.get("tuner/epochs", HYPERBAND_EPOCHS) / HYPERBAND_EPOCHS
        self._work += share
        self._pending[number] = trial
        return Proposal(number, self._space.register(trial.hyperparameters), share)

    def tell(self, number: int, score: float) -> None:
        """Report the score of trial `number`; one that is no number counts as failed."""
        trial = self._pending.pop(number)
        if np.isfinite(score):
            self._oracle.update_trial(trial.trial_id, {"score": float(score)})
            trial.status = "COMPLETED"
        else:
            trial.status = "INVALID"
        self._oracle.end_trial(trial)

    def close(self) -> None:
        """Remove the Oracle's scratch folder."""
        self._folder.cleanup()

    def _first(self) -> Any:
        """The recipe as a trial that the Oracle believes it proposed itself."""
        hp = self._space.hyperparameters()
        hp.values.update(self._space.start)
        trial = kt_trial.Trial(hyperparameters=hp, trial_id="recipe")
        self._oracle.trials[trial.trial_id] = trial
        self._oracle.start_order.append(trial.trial_id)
        self._oracle.ongoing_trials["trial-0"] = trial
        self._oracle._record_values(trial)  # noqa: SLF001 - so that it is not proposed again
        return trial


def _oracle(tuner: str, space: Space, trials: int, seed: int) -> Any:
    common = {
        "objective": keras_tuner.Objective("score", "min"),
        "hyperparameters": space.hyperparameters(),
        "seed": seed_of(seed, -1),  # never 0, which keras-tuner would replace by a random one
        "max_consecutive_failed_trials": 1_000_000,
    }
    if tuner == "bayesian":
        initial = max(3, trials // 3)
        return keras_tuner.oracles.BayesianOptimizationOracle(max_trials=trials, num_initial_points=initial, **common)
    if tuner == "hyperband":
        return keras_tuner.oracles.HyperbandOracle(max_epochs=HYPERBAND_EPOCHS, hyperband_iterations=100, **common)
    return keras_tuner.oracles.RandomSearchOracle(max_trials=trials, **common)

"""One trial: a plain dict in, a plain dict out, so that it can run in this process, in another, or on a cluster.

A trial trains one network on rows up to the earliest fold cutoff and scores it at all fold cutoffs without training
again. It knows nothing of the search; whoever chose its values knows nothing of Keras.
"""

from __future__ import annotations

import functools
import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np

from gruforecast.backtest import Split
from gruforecast.config import NetworkConfig, TrainingConfig, from_dict
from gruforecast.forward import Weights, digest_of, forecast
from gruforecast.windows import History, Sampler

Result = dict[str, Any]


def seed_of(seed: int, number: int) -> int:
    """A seed from the user's seed and a trial's number alone, in 1 … 2^31 - 1."""
    digest = hashlib.sha256(f"{seed}/{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % (2**31 - 1) + 1


def save_split(path: Path, split: Split) -> None:
    """Write what trials need of the data, as plain arrays."""
    history = split.history
    path.unlink(missing_ok=True)
    np.savez(
        path,
        y=history.values,
        indptr=history.indptr,
        test=split.test,
        folds=split.folds,
        sizes=np.array([split.horizon, split.season_length]),
    )


def load_split(path: str) -> Split:
    """The split that `save_split` wrote; the rows of the test part read as missing, so no trial can see them."""
    facts = Path(path).stat()
    return _load_split(path, facts.st_mtime_ns, facts.st_ino)


@functools.lru_cache(maxsize=2)
def _load_split(path: str, changed: int, inode: int) -> Split:  # noqa: ARG001 - a file written anew is read anew
    with np.load(path, allow_pickle=False) as data:
        y, indptr, test = data["y"].copy(), data["indptr"], data["test"]
        horizon, season_length = (int(size) for size in data["sizes"])
        folds = data["folds"]
    for first, end in zip(test, indptr[1:], strict=True):
        y[first:end] = np.nan
    return Split(History.of(y, indptr), horizon, season_length, test, folds)


def run_trial(request: dict[str, Any]) -> Result:
    """Train one configuration on rows before the earliest fold cutoff and score it at every fold cutoff.

    Args:
        request: `number`, `network` and `training` (fields of the configurations), `data` (path from `save_split`),
            `weights` (path to write), `early_stop` (whether the inner slice may stop the training), `deadline` (seconds
            since the epoch or None).

    Returns:
        `number`, `status` (completed or diverged), `score` (mean of `fold_scores`), and what `_facts` gives.
    """
    begin = time.perf_counter()
    split = load_split(request["data"])
    config, training = _configs(request)
    schedule: dict[str, Any] = {"deadline": request["deadline"]}
    if request["early_stop"] and split.can_stop_early():
        schedule["validate"] = _validator(split, config)
        trained = _train(config, training, split, split.inner, schedule)
    else:
        trained = _train(config, training, split, split.first, schedule)
    scores = split.fold_scores(lambda windows: point(split.history, windows, config, trained.weights))
    score = float(np.mean(scores))
    completed = not trained.diverged and bool(np.isfinite(score))
    np.savez(request["weights"], **trained.weights)
    return {
        "number": request["number"],
        "status": "completed" if completed else "diverged",
        "score": score if completed else None,
        "fold_scores": scores if completed else None,
        **_facts(trained, training, split, begin),
    }


def run_fit(request: dict[str, Any]) -> Result:
    """Train a chosen configuration for a known number of steps.

    Args:
        request: as for `run_trial`, and `until`: `test` (rows before the test part) or `end` (all rows), `initial`
            (path of weights to start from, or None), `rates` (learning rate at the first and last step, as shares).

    Returns:
        `status` (completed or diverged) and what `_facts` gives.
    """
    begin = time.perf_counter()
    split = load_split(request["data"])
    config, training = _configs(request)
    cutoff = split.test if request["until"] == "test" else split.history.indptr[1:]
    initial = load_weights(request["initial"]) if request["initial"] else None
    schedule = {"deadline": request["deadline"], "initial": initial, "rates": tuple(request["rates"])}
    trained = _train(config, training, split, cutoff, schedule)
    np.savez(request["weights"], **trained.weights)
    return {"status": "diverged" if trained.diverged else "completed", **_facts(trained, training, split, begin)}


def _configs(request: dict[str, Any]) -> tuple[NetworkConfig, TrainingConfig]:
    network = from_dict(NetworkConfig, request["network"], "trial request")
    return network, from_dict(TrainingConfig, request["training"], "trial request")


def _train(config: NetworkConfig, training: TrainingConfig, split: Split, cutoff: Any, schedule: dict[str, Any]) -> Any:
    from gruforecast.networks.train import Schedule, train

    return train(config, training, split.history, cutoff, Schedule(**schedule))


def _facts(trained: Any, training: TrainingConfig, split: Split, begin: float) -> Result:
    """What a training took and gave.

    `steps` (that led to the kept weights), `taken`, `late` (whether the deadline ended it), `parameters`, `digest` (of
    the weights), `seconds`, `seconds_per_step`, and `seconds_per_epoch` (one pass over all windows before fold 1).
    """
    windows = Sampler.before(split.history, split.first, split.horizon, max(split.season_length, 3)).total
    later = max(trained.taken - trained.first_call, 0)
    per_step = trained.seconds["train"] / later if later else None
    return {
        "steps": trained.steps,
        "taken": trained.taken,
        "parameters": trained.parameters,
        "digest": digest_of(trained.weights),
        "seconds": {**trained.seconds, "total": time.perf_counter() - begin},
        "late": trained.late,
        "seconds_per_step": per_step,
        "seconds_per_epoch": per_step * max(windows / training.batch_size, 1.0) if per_step else None,
    }


def load_weights(path: str) -> Weights:
    """The arrays of a weights file."""
    with np.load(path, allow_pickle=False) as data:
        return {name: data[name] for name in data.files}


def point(history: History, windows: Any, config: NetworkConfig, weights: Weights) -> Any:
    """Point forecasts (n, horizon): the middle level, never negative for series that never were."""
    middle = config.levels.index(0.5)
    return history.floor_at_zero(forecast(history, windows, config, weights)[:, :, middle], windows)


def _validator(split: Split, config: NetworkConfig) -> Any:
    windows = split.inner_windows()
    return lambda weights: split.mean_mase(windows, point(split.history, windows, config, weights))

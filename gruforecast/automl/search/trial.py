"""One trial: a plain dict in, a plain dict out, so that it can run in this process, in another, or on a cluster.

A trial trains one network on rows up to the earliest fold cutoff and scores it at all fold cutoffs without training
again. It knows nothing of the search; whoever chose its values knows nothing of Keras.
"""

from __future__ import annotations

import functools
import hashlib
import io
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gruforecast.arrays import Array, Ints, Weights
from gruforecast.data.windows import History, Sampler, Windows
from gruforecast.evaluation.perturbation import noise_from
from gruforecast.evaluation.splits import Split
from gruforecast.execution.atomic_files import npz, read_npz, write_file
from gruforecast.models.baselines import baselines
from gruforecast.models.networks.config import NetworkConfig, TrainingConfig
from gruforecast.models.networks.inference import Network, digest_of
from gruforecast.models.registry import model_of
from gruforecast.models.statistical import trouble_with
from gruforecast.serialization import from_dict

Result = dict[str, Any]
STATISTICAL_BLOCK = 16  # series between two looks at the clock


def seed_of(seed: int, number: int) -> int:
    """Return a seed from the user's seed and a trial's number alone, in 1 … 2^31 - 1."""
    digest = hashlib.sha256(f"{seed}/{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % (2**31 - 1) + 1


def save_split(folder: Path, name: str, split: Split) -> None:
    """Write what jobs need of the data into `folder`; rows of the test set are missing there: none can see them.

    Of the covariates, the future ones stay.
    """
    history = split.history
    for kind, array in zip("yx", split.before_test(), strict=True):
        write_file(folder / f"{name}-{kind}.npy", _npy(array))
    facts = {
        "indptr": history.indptr,
        "test": split.test,
        "folds": split.folds,
        "sizes": np.array([split.horizon, split.season_length, split.held]),
        "days": history.days,
    }
    write_file(folder / f"{name}.npz", npz(facts))


def _npy(array: Array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def load_split(folder: str, name: str) -> Split:
    """Return the split that `save_split` wrote; its values are mapped into memory, so all processes share them."""
    facts = (Path(folder) / f"{name}-y.npy").stat()
    return _load_split(folder, name, facts.st_mtime_ns, facts.st_ino)


@functools.lru_cache(maxsize=2)
def _load_split(folder: str, name: str, changed: int, inode: int) -> Split:  # noqa: ARG001 - a new file is read anew
    with np.load(Path(folder) / f"{name}.npz", allow_pickle=False) as data:
        indptr, test, folds, days = data["indptr"], data["test"], data["folds"], data["days"]
        horizon, season_length, held = (int(size) for size in data["sizes"])
    y, x = (
        np.asarray(np.load(Path(folder) / f"{name}-{kind}.npy", mmap_mode="r", allow_pickle=False)) for kind in "yx"
    )
    return Split(replace(History.of(y, indptr, x=x), days=days), horizon, season_length, test, folds, held)


def run_trial(request: dict[str, Any]) -> Result:
    """Train one configuration on rows before the earliest fold cutoff and score it at every fold cutoff.

    Args:
        request: `network` and `training` (fields of the configurations), `folder` (of the run), `data` (name given to
            `save_split`), `weights` (name of the file to write), `rungs` (see `Schedule`; None: no fold is read before
            the end), `deadline` (seconds since the epoch or None), `limit` (seconds).

    Returns:
        `status` (completed, pruned or diverged), `score` (mean of `fold_scores`), `rungs`, and what `_facts` gives.
    """
    begin = time.perf_counter()
    split, config, training = _inputs(request)
    schedule: dict[str, Any] = {"deadline": _deadline(request)}
    if request["rungs"] is not None:
        schedule |= {
            "rungs": tuple(request["rungs"]),
            "validate": lambda weights: float(np.mean(_fold_scores(split, config, weights))),
        }
    trained = _train(config, training, split, split.learned, schedule)
    evaluation = time.perf_counter()
    scores = _fold_scores(split, config, trained.weights)
    trained.seconds["evaluate"] = time.perf_counter() - evaluation
    score = float(np.mean(scores))
    usable = not trained.diverged and bool(np.isfinite(score))
    return {
        "status": ("pruned" if trained.pruned else "completed") if usable else "diverged",
        "score": score if usable else None,
        "fold_scores": scores if usable else None,
        "rungs": trained.rungs,
        **_facts(trained, training, split, begin),
        "file": _save(request, request["weights"], trained.weights),
    }


def run_fit(request: dict[str, Any]) -> Result:
    """Train a chosen configuration for a known number of steps.

    Args:
        request: as for `run_trial`, and `until`: `test` (rows before the test set) or `end` (all rows), `initial`
            (file of weights to start from, or None), `rates` (learning rate at the first and last step, as shares).

    Returns:
        `status` (completed or diverged) and what `_facts` gives.
    """
    begin = time.perf_counter()
    split, config, training = _inputs(request)
    cutoff = split.test if request["until"] == "test" else split.history.indptr[1:]
    initial = read_npz(Path(request["folder"]) / request["initial"]) if request["initial"] else None
    schedule = {"deadline": _deadline(request), "initial": initial, "rates": tuple(request["rates"])}
    trained = _train(config, training, split, cutoff, schedule)
    return {
        "status": "diverged" if trained.diverged else "completed",
        **_facts(trained, training, split, begin),
        "file": _save(request, request["weights"], trained.weights),
    }


def places(split: Split) -> dict[str, Windows]:
    """Return the windows for a model that is fitted anew at each: of the folds, test set, end and all origins."""
    folds = {f"fold-{k}": windows for k, windows in enumerate(split.fold_windows())}
    series, end = np.arange(len(split.test)), split.history.indptr[1:]
    after = {"test": split.test_windows(), "end": split.history.windows(series, end)}
    return folds | after | {"origins": split.calibration_windows()}


def run_statistical(request: dict[str, Any]) -> Result:
    """Return the forecasts of a statistical model for all windows of one place.

    Args:
        request: `folder`, `data` (as for `run_trial`), `model` (name), `place` (see `places`), `file` (to be written),
            `deadline`, `limit`.

    Returns:
        `status` (completed, or failed with `error`), `late` (whether the deadline came first), `file`, `seconds`.
    """
    begin, deadline = time.perf_counter(), _deadline(request)
    if trouble := trouble_with(request["model"]):
        return {"status": "failed", "error": trouble, "late": False}
    split = load_split(request["folder"], request["data"])
    windows, model = places(split)[request["place"]], model_of(request["model"])
    forecasts = [np.zeros((0, split.horizon))]
    late = False
    for first in range(0, len(windows), STATISTICAL_BLOCK):
        late = deadline is not None and time.time() >= deadline
        if late:
            break
        forecasts.append(split.ask(model, windows[first : first + STATISTICAL_BLOCK]).mean)
    file = _save(request, request["file"], {"forecast": np.concatenate(forecasts)})
    return {"status": "completed", "late": late, "file": file, "seconds": time.perf_counter() - begin}


def run_audit(request: dict[str, Any]) -> Result:
    """Return what moves when everything from a cutoff on is replaced by noise: nothing may.

    A few steps of one configuration, trained before the test cutoff and before the first fold, on the true rows and on
    those with noise, and the forecasts from there. Unlike other jobs this one is handed the rows of the test set.

    Args:
        request: as for `run_trial` without `weights` and `rungs`, and `rows`: name of the data with all values.

    Returns:
        `status`, `moved` (for each place the names of what differs), `late` (whether there was no time for all of it).
    """
    begin, moved = time.perf_counter(), {}
    divided, config, training = _inputs(request)
    divided = replace(divided, history=load_split(request["folder"], request["rows"]).history, inputs=config.inputs)
    deadline = _deadline(request)
    for place, cutoff in (("test cutoff", divided.test), ("first fold", divided.learned)):
        digests = []
        for split in (divided, _with_noise(divided, cutoff)):
            if deadline is not None and time.time() >= deadline:
                return {"status": "completed", "late": True, "moved": {}}
            windows = split.test_windows() if place == "test cutoff" else split.learned_windows()
            digests.append(_traces(config, training, split, cutoff, windows))
        moved[place] = [name for name, digest in digests[0].items() if digests[1][name] != digest]
    return {"status": "completed", "late": False, "moved": moved, "seconds": time.perf_counter() - begin}


def _with_noise(split: Split, cutoff: Ints) -> Split:
    """Return the split with noise from the cutoff of each series on."""
    history = split.history
    y, x = noise_from(cutoff, history.values, history.x, history.indptr, split.inputs)
    return replace(split, history=replace(History.of(y, history.indptr, x=x), days=history.days))


def _traces(
    config: NetworkConfig, training: TrainingConfig, split: Split, cutoff: Ints, windows: Windows
) -> dict[str, str]:
    """Return the digests of what a training before `cutoff` and the forecasts at `windows` give."""
    weights = _train(config, training, split, cutoff, {}).weights
    forecast = split.ask(Network(config.cell, config, weights), windows)
    traces = {"log decision": windows.use_log, "forecasts": np.asarray(forecast.quantiles)}
    for name, model in baselines(split.season_length).items():
        traces[f"{name} forecasts"] = split.ask(model, windows).mean
    return {"weights": digest_of(weights)} | {
        name: hashlib.sha256(one.tobytes()).hexdigest() for name, one in traces.items()
    }


def _deadline(request: dict[str, Any]) -> float | None:
    """Return the earlier of the moment given and of the seconds given from now on."""
    ends = [] if request["deadline"] is None else [request["deadline"]]
    ends += [] if request["limit"] is None else [time.time() + request["limit"]]
    return min(ends, default=None)


def _save(request: dict[str, Any], name: str, arrays: dict[str, Any]) -> dict[str, str]:
    """Write arrays durably, before anybody knows of them; return name and SHA-256 of the file."""
    content = npz(arrays)
    write_file(Path(request["folder"]) / name, content)
    return {"name": name, "sha256": hashlib.sha256(content).hexdigest()}


def _inputs(request: dict[str, Any]) -> tuple[Split, NetworkConfig, TrainingConfig]:
    split = load_split(request["folder"], request["data"])
    network = from_dict(NetworkConfig, request["network"], "trial request")
    return split, network, from_dict(TrainingConfig, request["training"], "trial request")


def _train(config: NetworkConfig, training: TrainingConfig, split: Split, cutoff: Any, schedule: dict[str, Any]) -> Any:
    from gruforecast.models.training.train import Schedule, train

    return train(config, training, split.history, cutoff, Schedule(**schedule))


def _facts(trained: Any, training: TrainingConfig, split: Split, begin: float) -> Result:
    """Return what a training took and gave.

    `steps`, `late` (whether the deadline ended it), `parameters`, `digest` (of the weights), `seconds`,
    `seconds_per_step`, and `seconds_per_epoch` (one pass over all windows before fold 1).
    """
    windows = Sampler.before(split.history, split.learned, split.horizon, max(split.season_length, 3)).total
    timed = max(trained.steps - trained.first_call, 0)
    per_step = trained.seconds["train"] / timed if timed else None
    return {
        "steps": trained.steps,
        "parameters": trained.parameters,
        "digest": digest_of(trained.weights),
        "seconds": {**trained.seconds, "total": time.perf_counter() - begin},
        "late": trained.late,
        "seconds_per_step": per_step,
        "seconds_per_epoch": per_step * max(windows / training.batch_size, 1.0) if per_step else None,
    }


def _fold_scores(split: Split, config: NetworkConfig, weights: Weights) -> list[float]:
    network = Network(config.cell, config, weights)
    return split.fold_scores([split.ask(network, windows).mean for windows in split.fold_windows()])

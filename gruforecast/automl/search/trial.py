"""One trial: plain JSON in, plain JSON out, so that it can run in this process, in another, or on a cluster.

A trial trains one network on rows up to the earliest fold cutoff and scores it at all fold cutoffs without training
again. It knows nothing of the search; whoever chose its values knows nothing of Keras.
"""

from __future__ import annotations

import functools
import hashlib
import io
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from msgspec import structs

from gruforecast.arrays import Array, Floats, Ints, Weights
from gruforecast.automl.search.results import (
    AuditRequest,
    AuditResult,
    FitRequest,
    FitResult,
    StatisticalRequest,
    StatisticalResult,
    TrainingRequest,
    TrialRequest,
    TrialResult,
)
from gruforecast.data.windows import History, Sampler, Windows
from gruforecast.evaluation.perturbation import noise_from
from gruforecast.evaluation.splits import MIN_ROWS, Split
from gruforecast.execution.atomic_files import npz, read_npz, write_file
from gruforecast.execution.jobs import JobRequest, SavedFile
from gruforecast.models.baselines import baselines
from gruforecast.models.networks.config import NetworkConfig, TrainingConfig
from gruforecast.models.networks.inference import Network, digest_of
from gruforecast.models.pretrained.fine_tuning import fine_tuned, pays
from gruforecast.models.pretrained.model import PretrainedNetwork, within_reach
from gruforecast.models.registry import model_of
from gruforecast.models.statistical import TakenForward, trouble_with
from gruforecast.report.report import Status, TrainingSeconds
from gruforecast.serialization import Json, JsonValue, plain, record

if TYPE_CHECKING:
    from gruforecast.models.training.train import Schedule, Trained

Fitted = TypeVar("Fitted", bound=FitResult)
AUDIT_STEPS = 10  # of fine-tuning beside noise: enough to draw the newest windows of short series


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
        "sizes": np.array([split.horizon, split.season_length, split.held, split.second or 0]),
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
        horizon, season_length, held, second = (int(size) for size in data["sizes"])
    y, x = (
        np.asarray(np.load(Path(folder) / f"{name}-{kind}.npy", mmap_mode="r", allow_pickle=False)) for kind in "yx"
    )
    history = replace(History.of(y, indptr, x=x), days=days)
    return Split(history, horizon, season_length, test, folds, held, second=second or None)


def run_trial(request: Json) -> JsonValue:
    """Train one configuration on rows before the earliest fold cutoff and score it at every fold cutoff.

    Args:
        request: a `TrialRequest`.

    Returns:
        A `TrialResult`, completed, pruned or diverged.
    """
    begin = time.perf_counter()
    asked = record(TrialRequest, request, "trial request")
    split, config = load_split(asked.folder, asked.data), asked.network
    schedule = _schedule(deadline_of(asked))
    if asked.rungs is not None:
        schedule = replace(
            schedule,
            rungs=asked.rungs,
            validate=lambda weights: float(np.mean(_fold_scores(split, config, weights))),
        )
    trained = _train(config, asked.training, split, split.learned, schedule)
    evaluation = time.perf_counter()
    scores = _fold_scores(split, config, trained.weights)
    trained.seconds["evaluate"] = time.perf_counter() - evaluation
    score = float(np.mean(scores))
    usable = not trained.diverged and bool(np.isfinite(score))
    status: Status = ("pruned" if trained.pruned else "completed") if usable else "diverged"
    return plain(
        structs.replace(
            _ended(TrialResult, trained, asked, split, begin),
            status=status,
            score=score if usable else None,
            fold_scores=scores if usable else None,
            rungs=trained.rungs,
        )
    )


def run_fit(request: Json) -> JsonValue:
    """Train a chosen configuration for a known number of steps.

    Args:
        request: a `FitRequest`.

    Returns:
        A `FitResult`, completed or diverged.
    """
    begin = time.perf_counter()
    asked = record(FitRequest, request, "fit request")
    split = load_split(asked.folder, asked.data)
    cutoff = split.test if asked.until == "test" else split.history.indptr[1:]
    initial = read_npz(Path(asked.folder) / asked.initial) if asked.initial else None
    schedule = replace(_schedule(deadline_of(asked)), initial=initial, rates=asked.rates)
    trained = _train(asked.network, asked.training, split, cutoff, schedule)
    return plain(_ended(FitResult, trained, asked, split, begin))


def asked_of_statistical(split: Split, until: str) -> dict[str, Windows]:
    """Return by name the windows of which a statistical model is asked that was fitted to the rows `until` a place."""
    if until == "learned":
        folds = {f"fold-{k}": windows for k, windows in enumerate(split.fold_windows())}
        return {**folds, "origins": split.calibration_windows()}
    if until == "test":
        return {"test": split.test_windows()}
    return {"end": split.history.windows(np.arange(len(split.test)), split.history.indptr[1:])}


def run_statistical(request: Json) -> JsonValue:
    """Write the forecasts of a statistical model for the windows of some series.

    Args:
        request: a `StatisticalRequest`.

    Returns:
        A `StatisticalResult`, completed or failed; it is late where the deadline came first.
    """
    asked, begin = record(StatisticalRequest, request, "statistical request"), time.perf_counter()
    deadline = deadline_of(asked)
    if trouble := trouble_with(asked.model):
        return plain(StatisticalResult(status="failed", error=trouble))
    split = load_split(asked.folder, asked.data)
    where = asked_of_statistical(split, asked.until)
    forward = asked.until == "learned"
    model = TakenForward(asked.model, split.learned, split.horizon + MIN_ROWS) if forward else model_of(asked.model)
    found: dict[str, list[Floats]] = {}
    late = False
    for series in range(asked.begin, asked.end):
        late = deadline is not None and time.time() >= deadline
        if late:
            break
        for name, windows in where.items():
            found.setdefault(name, []).append(split.ask(model, windows[windows.series == series]).mean)
    file = saved(asked, asked.file, {name: np.concatenate(parts) for name, parts in found.items()})
    seconds = time.perf_counter() - begin
    return plain(StatisticalResult(status="completed", late=late, file=file, seconds=seconds))


def run_audit(request: Json) -> JsonValue:
    """Find what moves when everything from a cutoff on is replaced by noise: nothing may.

    A few steps of one configuration, trained before the test cutoff and before the first fold, on the true rows and on
    those with noise, and the forecasts from there. Unlike other jobs this one is handed the rows of the test set.

    Args:
        request: an `AuditRequest`.

    Returns:
        An `AuditResult`; it is late where there was no time for all of it.
    """
    begin, moved = time.perf_counter(), {}
    asked = record(AuditRequest, request, "audit request")
    config, whole = asked.network, load_split(asked.folder, asked.rows)
    divided = replace(load_split(asked.folder, asked.data), history=whole.history, inputs=config.inputs)
    deadline = deadline_of(asked)
    for place, cutoff in (("test cutoff", divided.test), ("first fold", divided.learned)):
        digests = []
        for split in (divided, _with_noise(divided, cutoff)):
            if deadline is not None and time.time() >= deadline:
                return plain(AuditResult(status="completed", late=True))
            windows = split.test_windows() if place == "test cutoff" else split.learned_windows()
            digests.append(_traces(config, asked.training, split, cutoff, windows))
        moved[place] = [name for name, digest in digests[0].items() if digests[1][name] != digest]
    return plain(AuditResult(status="completed", moved=moved, seconds=time.perf_counter() - begin))


def _with_noise(split: Split, cutoff: Ints) -> Split:
    """Return the split with noise from the cutoff of each series on."""
    history = split.history
    y, x = noise_from(cutoff, history.values, history.x, history.indptr, split.inputs)
    return replace(split, history=replace(History.of(y, history.indptr, x=x), days=history.days))


def _traces(
    config: NetworkConfig, training: TrainingConfig, split: Split, cutoff: Ints, windows: Windows
) -> dict[str, str]:
    """Return the digests of what a training before `cutoff` and the forecasts at `windows` give."""
    weights = _train(config, training, split, cutoff, _schedule()).weights
    forecast = split.ask(Network(config.cell, config, weights), windows)
    traces = {"log decision": windows.use_log, "forecasts": np.asarray(forecast.quantiles)}
    for name, model in baselines(split.season_length, split.inputs).items():
        traces[f"{name} forecasts"] = split.ask(model, windows).mean
    if (pretrained := pretrained_network(split)) is not None:
        traces[f"{pretrained.name} forecasts"] = np.asarray(split.ask(pretrained, windows).quantiles)
        steps = (AUDIT_STEPS,) if pays(split.history, split.learned, split.horizon, split.season_length) else ()
        for _, tuned in fine_tuned(pretrained, split.history, cutoff, steps, training.seed):
            traces[f"{tuned.name} weights"] = np.concatenate([one.ravel() for one in tuned.weights.values()])
    return {"weights": digest_of(weights)} | {
        name: hashlib.sha256(one.tobytes()).hexdigest() for name, one in traces.items()
    }


def pretrained_network(split: Split) -> PretrainedNetwork | None:
    """Return the network in this package for the season and horizon of a split; None where they are too long for it."""
    if not within_reach(split.horizon, split.season_length):
        return None
    return PretrainedNetwork.of(split.horizon, split.season_length, split.second)


def deadline_of(request: JobRequest) -> float | None:
    """Return the earlier of the moment given and of the seconds given from now on."""
    ends = [] if request.deadline is None else [request.deadline]
    ends += [] if request.limit is None else [time.time() + request.limit]
    return min(ends, default=None)


def saved(request: JobRequest, name: str, arrays: Mapping[str, Array]) -> SavedFile:
    """Write arrays durably, before anybody knows of them; return name and SHA-256 of the file."""
    content = npz(dict(arrays))
    write_file(Path(request.folder) / name, content)
    return SavedFile(name, hashlib.sha256(content).hexdigest())


def _schedule(deadline: float | None = None) -> Schedule:
    from gruforecast.models.training.train import Schedule

    return Schedule(deadline=deadline)


def _train(config: NetworkConfig, training: TrainingConfig, split: Split, cutoff: Ints, schedule: Schedule) -> Trained:
    from gruforecast.models.training.train import train

    return train(config, training, split.history, cutoff, schedule)


def _ended(kind: type[Fitted], trained: Trained, request: TrainingRequest, split: Split, begin: float) -> Fitted:
    """Return what a training took and gave, with its weights saved."""
    windows = Sampler.before(split.history, split.learned, split.horizon, max(split.season_length, 3)).total
    timed = max(trained.steps - trained.first_call, 0)
    per_step = trained.seconds["train"] / timed if timed else None
    batches = max(windows / request.training.batch_size, 1.0)
    return kind(
        status="diverged" if trained.diverged else "completed",
        steps=trained.steps,
        parameters=trained.parameters,
        digest=digest_of(trained.weights),
        seconds=TrainingSeconds(**trained.seconds, total=time.perf_counter() - begin),
        late=trained.late,
        seconds_per_step=per_step,
        seconds_per_epoch=per_step * batches if per_step else None,
        file=saved(request, request.weights, trained.weights),
    )


def _fold_scores(split: Split, config: NetworkConfig, weights: Weights) -> list[float]:
    network = Network(config.cell, config, weights)
    return split.fold_scores([split.ask(network, windows).mean for windows in split.fold_windows()])

"""Training windows from synthetic series: each batch has one season length and follows from a seed and its number."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from multiprocessing import get_context, parent_process
from multiprocessing.queues import Queue
from multiprocessing.sharedctypes import Synchronized
from queue import Empty, Full
from typing import NamedTuple

import numpy as np

from gruforecast.arrays import Bools, Floats, Single
from gruforecast.models.pretrained.features import Features, window_rows
from gruforecast.models.pretrained.loss import targets
from tools.pretrain.series import synthetic

ANY = (2, 3, 5, 6, 8, 9, 10, 13, 14, 16, 18, 20, 26, 28, 30, 36, 60, 72, 168)


class Kind(NamedTuple):
    """How often (relative) windows of a season are drawn, with a second season (0: none), for a horizon."""

    season: int  # 0: any of `ANY`
    second: int
    horizon: int
    weight: float


KINDS = (
    Kind(1, 0, 24, 0.12),
    Kind(1, 0, 64, 0.02),
    Kind(4, 0, 16, 0.17),
    Kind(12, 0, 24, 0.27),
    Kind(12, 0, 64, 0.02),
    Kind(7, 0, 24, 0.06),
    Kind(7, 365, 24, 0.02),
    Kind(24, 0, 48, 0.04),
    Kind(24, 168, 48, 0.13),
    Kind(24, 168, 168, 0.02),
    Kind(52, 0, 24, 0.03),
    Kind(48, 336, 48, 0.02),
    Kind(96, 672, 48, 0.01),
    Kind(144, 0, 48, 0.005),
    Kind(288, 0, 48, 0.005),
    Kind(0, 0, 24, 0.06),
)


class Batch(NamedTuple):
    """What one step of training takes: arrays of the features, scaled targets and their weights (n, horizon)."""

    arrays: dict[str, Single]
    target: Single
    weight: Single


def batch(seed: int, number: int, size: int, kind: Kind | None = None) -> Batch:
    """Return the batch of a number; always the same one."""
    rng = np.random.default_rng([seed, number])
    chances = np.array([one.weight for one in KINDS])
    drawn = KINDS[rng.choice(len(KINDS), p=chances / chances.sum())]
    season, second, horizon, _ = kind or drawn
    season = season or int(rng.choice(ANY))
    longer = second or None
    rows = window_rows(season, longer)
    series = synthetic(rng, size, season, rows + horizon, longer)
    past, future = series[:, :rows].copy(), surprised(rng, series[:, :rows], series[:, rows:], season)
    shortened(rng, past, season)
    least = np.nanmin(past, axis=1)
    log = (least > 0) & (rng.random(size) < 0.5)
    features = Features.of(past, season, horizon, log, longer)
    target, weight = targets(features, past, future)
    return Batch(features.arrays, target, weight)


def surprised(rng: np.random.Generator, past: Floats, future: Floats, season: int) -> Floats:
    """Return futures of which a third hold a shift or a bend that nothing in the past announces.

    Args:
        past: (n, rows) without gaps, more rows than a season. Where its newest seasons are all the same, nothing moves.
    """
    n, horizon = future.shape
    newest = past[:, -min(past.shape[1], max(4 * season, 32)) :]
    unit = np.abs(newest[:, season:] - newest[:, :-season]).mean(axis=1, keepdims=True)
    begin = rng.uniform(0, 0.8 * horizon, (n, 1))
    since = np.maximum(np.arange(horizon) - begin, 0.0)
    shape = np.where(rng.random((n, 1)) < 0.5, since > 0, since / max(season, 8))
    size = rng.standard_t(4, (n, 1)) * 0.8 * (rng.random((n, 1)) < 0.35)
    moved = future + unit * size * shape
    positive = (past.min(axis=1, keepdims=True) > 0) & (future.min(axis=1, keepdims=True) > 0)
    return np.where(positive, np.maximum(moved, 0.1 * future), moved)


def shortened(rng: np.random.Generator, past: Floats, season: int) -> None:
    """Put NaN before a random start, and into gaps: a third of the windows are whole, a tenth have gaps."""
    n, rows = past.shape
    least = np.log(min(max(season + 3, 6), rows))
    keep = np.exp(rng.uniform(least, np.log(rows), n)).astype(int)
    keep = np.where(rng.random(n) < 0.35, rows, keep)
    past[np.arange(rows) < (rows - keep)[:, None]] = np.nan
    gaps: Bools = (rng.random((n, rows)) < rng.uniform(0, 0.2, (n, 1))) & (rng.random((n, 1)) < 0.1)
    gaps[:, -1] = False
    past[gaps] = np.nan


def stream(seed: int, start: int, size: int) -> Iterator[Batch]:
    """Return batches from number `start` on, in order; a second process makes most of them, some ahead.

    Where that falls behind, this one makes a batch instead of waiting. Who made it does not change a batch.

    Raises:
        RuntimeError: the second process has died, and with it a batch that it had begun.
    """
    context = get_context("spawn")
    made: Queue[tuple[int, Batch]] = context.Queue(8)
    following = context.Value("q", start)
    process = context.Process(target=_fill, args=(made, following, seed, size), daemon=True)
    process.start()
    ready: dict[int, Batch] = {}
    try:
        for number in count(start):
            while number not in ready:
                if not process.is_alive():
                    raise RuntimeError("The process that makes series has died. The same command goes on.")
                try:
                    other, one = made.get_nowait()
                except Empty:
                    other = _taken(following)
                    one = batch(seed, other, size)
                ready[other] = one
            yield ready.pop(number)
    finally:
        process.terminate()


def _taken(following: Synchronized[int]) -> int:
    """Return the number of the batch to be made next, and count on."""
    with following.get_lock():
        following.value += 1
        return following.value - 1


def _fill(made: Queue[tuple[int, Batch]], following: Synchronized[int], seed: int, size: int) -> None:
    """Put one batch after the other into `made`, at normal priority, as long as the training lives."""
    os.nice(max(0, -os.nice(0)))
    training = parent_process()
    while training is not None and training.is_alive():
        number = _taken(following)
        one = batch(seed, number, size)
        while training.is_alive():
            with suppress(Full):
                made.put((number, one), timeout=5)
                break
    made.cancel_join_thread()

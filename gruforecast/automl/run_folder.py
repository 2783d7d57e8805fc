"""A run folder that is in use: locked, its journal open, workers at hand; and how many of them fit this machine."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import threadpoolctl

from gruforecast.automl.options import FitOptions
from gruforecast.automl.search.loop import PART, lag_of
from gruforecast.execution.atomic_files import Lock, check_place, remove_parts
from gruforecast.execution.jobs import Jobs
from gruforecast.execution.journal import Journal, is_finished
from gruforecast.execution.log import stderr_to
from gruforecast.execution.machine import cores, memory
from gruforecast.execution.pool import PRELOAD, Pool
from gruforecast.execution.program_cache import kept_programs, refusal
from gruforecast.execution.progress import Progress
from gruforecast.serialization import Json

TRIALS = "gruforecast.automl.search.trial"  # what workers call, imported once for all of them
WORKER_BYTES = 1_200_000_000  # what a worker needs with TensorFlow and a few compiled networks
MIN_RECYCLE, MAX_RECYCLE = 1_500_000_000, 4_000_000_000  # bytes: bounds of the memory at which a worker is replaced
DISK_SHARE = 8  # room on disk for the data as arrays and as CSV, in units of their size in memory
SPARE_BYTES = 10_000_000  # and for weights, reports and logs


@contextlib.contextmanager
def open_run(
    options: FitOptions, run_dir: Path, facts: Json, data_bytes: int, progress: Progress
) -> Iterator[tuple[Jobs, Pool]]:
    """Jobs and workers of the run in `run_dir`, which goes on where an earlier one was stopped.

    Args:
        facts: what the results follow from; those of an earlier run must be the same.
        data_bytes: size of the data, for an estimate of the room needed.

    Raises:
        ModelError: an earlier run had other facts, or its journal is damaged.
        ResourceError: another process uses the folder, or there is no room.
    """
    workers = options.workers or default_workers()
    facts = json.loads(json.dumps(facts))  # as they come back from the journal
    with Lock(run_dir):
        remove_parts(run_dir)
        check_place(run_dir, DISK_SHARE * data_bytes + SPARE_BYTES)
        journal = Journal(
            run_dir,
            facts,
            {"lag": lag_of(options.tuner, workers)},
            lambda records: options.overwrite and is_finished(records) and records[0]["facts"] != facts,
            fresh=options.fresh,
        )
        with contextlib.closing(journal):
            done = sum(record["kind"] == "end" and record.get("part") == PART for record in journal.records)
            if done:
                progress.say(f"going on in {run_dir}: {done} trials are done already")
            if journal.torn:
                progress.warn(f"the last record of {journal.path} was cut off by a kill: that trial runs again")
            if options.cache and (refused := refusal()) is not None:
                progress.say(refused)
            log = run_dir / "log.txt"
            limit = options.worker_bytes or default_memory(workers)
            with (
                stderr_to(log),
                threadpoolctl.threadpool_limits(1),
                kept_programs(run_dir, wanted=options.cache) as kept,
                Pool(workers, log, limit, (*PRELOAD, TRIALS), kept) as pool,
            ):
                progress.workers(pool.look)
                yield Jobs(pool, journal, run_dir, options.retries, options.trial_seconds), pool


def default_workers() -> int:
    """Return one per core that this process may use, fewer where memory is short."""
    return max(1, min(cores(), memory() // WORKER_BYTES - 1))


def default_memory(workers: int) -> int:
    """Return the resident bytes at which a worker is replaced: a fair share of the memory, within bounds."""
    return min(max(int(0.6 * memory()) // workers, MIN_RECYCLE), MAX_RECYCLE)

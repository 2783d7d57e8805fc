"""How to get a report again: the command, and what it was run with."""

from __future__ import annotations

import platform
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

from gruforecast.automl.options import FitOptions
from gruforecast.data.files.delimited import Layout
from gruforecast.data.options import ReadOptions
from gruforecast.data.panel import Panel
from gruforecast.execution.machine import cores
from gruforecast.report.report import Machine, Reproduction

NEUTRAL = ("data", "output", "run_dir", "fresh", "overwrite", "workers", "worker_memory", "seed")  # change no result
RENAMED = {"ids": "id", "missing": "na-values", "booleans": "bool-as-number", "levels": "level", "delimiter": "sep",
           "skip": "skip-lines", "short_rows": "allow-short-rows"}  # fmt: skip
SECONDS = ("max_time", "trial_time")


def reproduction(options: FitOptions, panel: Panel, workers: int) -> Reproduction:
    """Return the command line without places on this machine, the data as read, and the machine."""
    without = {
        "--no-stats": not options.stats,
        "--no-blend": not options.blend,
        "--compare=none": options.compare == "none",
    }
    return Reproduction(
        command=shlex.join(["gruforecast", "fit", *arguments(options), "--workers", str(workers)]),
        file=Path(options.data).name,
        data_digest=panel.digest(),
        machine=Machine(f"{platform.system()} {platform.machine()}", cores(), workers),
        left_out=[flag for flag, given in without.items() if given],
        limited=options.max_time is not None or options.trial_time not in (None, FitOptions("").trial_time),
    )


def arguments(options: FitOptions) -> list[str]:
    """Return what to pass to `gruforecast fit` for these options; what changes no result is left out."""
    name = Path(options.data).name
    return [
        f"./{name}" if name.startswith("-") and name != "-" else name,
        *_differing(options.reading, ReadOptions(), ("layout",)),
        *_differing(options.reading.layout, Layout(), ("limits",)),
        *_differing(options, FitOptions(""), ("reading", *NEUTRAL)),
        *("--seed", str(options.seed)),
    ]


def _differing(options: Any, default: Any, without: tuple[str, ...]) -> list[str]:
    """Return the flags of the options that differ from their defaults."""
    flags: list[str] = []
    for one in fields(options):
        value = getattr(options, one.name)
        if one.name in without or value == getattr(default, one.name):
            continue
        flag = RENAMED.get(one.name, one.name).replace("_", "-")
        if isinstance(value, bool):
            flags.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            values = value if isinstance(value, tuple) else (value,)
            flags += [f"--{flag}={_written(one.name, each)}" for each in values]
    return flags


def _written(name: str, value: Any) -> str:
    if name in SECONDS:
        return f"{value:g}s"
    if name == "delimiter" and value == "\t":
        return "tab"
    return f"{value:g}" if isinstance(value, float) else str(value)

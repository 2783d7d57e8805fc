"""How to get a report again: the command, and what it was run with."""

from __future__ import annotations

import os
import platform
import shlex
from pathlib import Path

from gruforecast.automl.options import FitOptions
from gruforecast.data.files.source import Data, name_of
from gruforecast.data.option import Declared, One
from gruforecast.data.panel import Panel
from gruforecast.execution.machine import cores
from gruforecast.report.report import Machine, Reproduction


def reproduction(data: Data, options: FitOptions, panel: Panel, workers: int) -> Reproduction:
    """Return the command line without places on this machine, the data as read, and the machine."""
    differing = _differing(options)
    return Reproduction(
        command=shlex.join(["gruforecast", "fit", *arguments(data, options), "--workers", str(workers)]),
        file=name_of(data),
        data_digest=panel.digest(),
        machine=Machine(f"{platform.system()} {platform.machine()}", cores(), workers),
        left_out=[flag for one, value, flag in differing if value == one.option.without is not None],
        limited=any(one.option.unit == "seconds" for one, _, _ in differing),
    )


def arguments(data: Data, options: FitOptions) -> list[str]:
    """Return what to pass to `gruforecast fit` for these options; what changes no result is left out.

    A data frame is `frame.csv`: its CSV file gives the same.
    """
    name = Path(data).name if isinstance(data, (str, os.PathLike)) else "frame.csv"
    return [
        f"./{name}" if name.startswith("-") and name != "-" else name,
        *(flag for one, _, flag in _differing(options) if one.name != "seed"),
        *("--seed", str(options.seed)),
    ]


def _differing(options: FitOptions) -> list[tuple[Declared, One, str]]:
    """Return the options that differ from their defaults and may change a result: each value, and its flag."""
    default = FitOptions()
    found: list[tuple[Declared, One, str]] = []
    for one in FitOptions.declared:
        value = getattr(options, one.name)
        if one.option.effect == "none" or value == getattr(default, one.name):
            continue
        values = value if isinstance(value, tuple) else (value,)
        found += [(one, each, _flag(one, each)) for each in values]
    return found


def _flag(one: Declared, value: One) -> str:
    if isinstance(value, bool):
        return one.flag if value else str(one.negated)
    text = "tab" if value == "\t" else f"{value:g}" if isinstance(value, float) else str(value)
    return f"{one.flag}={text}{'s' if one.option.unit == 'seconds' else ''}"

"""What a user may ask of `fit`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from gruforecast.data.option import Declared, Option
from gruforecast.data.options import COLUMNS, LIMITS, TEXT, ReadOptions
from gruforecast.errors import UsageError

DEFAULT_MODEL = "gruforecast_model"
SEARCH, RESULT = "Search", "Result"  # panels of the help page
LAST = (TEXT, LIMITS)  # panels of what most users never need
Season = Annotated[
    int | None,
    Option("Rows of one season; 1 = none; found if not given.", COLUMNS, low=1, high=100_000, effect="search"),
]


@dataclass(frozen=True, kw_only=True)
class SeasonOptions(ReadOptions):
    """What a user says of data for which nothing is fitted."""

    season: Season = None


@dataclass(frozen=True, kw_only=True)
class CheckOptions(ReadOptions):
    """What a user says of data before anything is trained; `fit` takes it, too."""

    horizon: Annotated[
        int | None,
        Option("Steps to forecast; by frequency if not given.", COLUMNS, low=1, high=10_000, effect="search"),
    ] = None
    season: Season = None


@dataclass(frozen=True, kw_only=True)
class FitOptions(CheckOptions):
    """What a user asks of `fit`, and says about the file; named as on the command line."""

    output: Annotated[
        str | os.PathLike[str] | None,
        Option(f"Model folder; {DEFAULT_MODEL} if not given, in Python a temporary one.", names=("-o",), effect="none"),
    ] = None
    trials: Annotated[
        int | None,
        Option(
            "Trials of the search; 6, or 16 from 20 series on, if not given.",
            SEARCH,
            low=1,
            high=100_000,
            effect="extent",
        ),
    ] = None
    max_time: Annotated[
        str | float | None,
        Option("Time for the whole command: 90s, 10m, 2h.", SEARCH, unit="seconds", effect="extent"),
    ] = None
    workers: Annotated[
        int | None, Option("Worker processes; one per core if not given.", SEARCH, low=1, high=256, effect="none")
    ] = None
    worker_memory: Annotated[
        str | int | None,
        Option("Memory at which a worker is replaced: 1500MB, 2GB.", SEARCH, unit="bytes", effect="none"),
    ] = None
    trial_time: Annotated[
        str | float | None,
        Option("Longest time of one training: 90s, 10m.", SEARCH, unit="seconds", effect="extent"),
    ] = "30m"
    retries: Annotated[
        int, Option("How often a crashed training is tried again.", SEARCH, low=0, high=100, effect="extent")
    ] = 1
    prune: Annotated[bool, Option("Stop weak trials early.", SEARCH, effect="search")] = True
    tuner: Annotated[
        str,
        Option("bayesian, random or hyperband.", SEARCH, choices=("bayesian", "random", "hyperband"), effect="search"),
    ] = "bayesian"
    compare: Annotated[
        str,
        Option(
            "GRU, LSTM and simple RNN side by side: short, full or none.",
            SEARCH,
            choices=("short", "full", "none"),
            effect="after",
            without="none",
        ),
    ] = "short"
    blend: Annotated[
        bool,
        Option("Combine networks and simpler models, or keep the best GRU.", SEARCH, effect="after", without=False),
    ] = True
    stats: Annotated[
        bool,
        Option(
            "Blend AutoETS, Theta, MSTL, AutoARIMA of statsforecast too, if installed.",
            SEARCH,
            effect="after",
            without=False,
        ),
    ] = True
    audit: Annotated[
        bool,
        Option(
            "Repeat all of it with noise in place of the test set: nothing may change. Doubles the time.",
            SEARCH,
            effect="extent",
        ),
    ] = False
    folds: Annotated[
        int | None,
        Option("Rolling validation folds; 3, fewer for short series.", SEARCH, low=1, high=100, effect="search"),
    ] = None
    seed: Annotated[int, Option("Seed of everything random.", SEARCH, low=0, high=2**31 - 1, effect="search")] = 0
    level: Annotated[
        float | Sequence[float],
        Option("Interval level in percent; repeatable; 80 and 95 if not given.", RESULT, effect="after"),
    ] = ()
    context: Annotated[
        bool,
        Option(
            "Keep rows of each series in the model folder; without them predict needs DATA with all of them.",
            RESULT,
            effect="after",
        ),
    ] = True
    run_dir: Annotated[
        str | os.PathLike[str] | None,
        Option("Folder for trials and test forecasts; <output>.run if not given.", RESULT, effect="none"),
    ] = None
    fresh: Annotated[bool, Option("Throw away an earlier search in the run folder.", RESULT, effect="none")] = False
    overwrite: Annotated[bool, Option("Replace another model folder.", RESULT, effect="none")] = False
    cache: Annotated[
        bool, Option("Keep compiled programs for later runs; check --environment says where.", RESULT, effect="none")
    ] = True

    @property
    def levels(self) -> tuple[float, ...]:
        """The interval levels in percent; none: 80 and 95, each left out if the data cannot support it."""
        return (self.level,) if isinstance(self.level, (int, float)) else tuple(self.level)

    @property
    def max_seconds(self) -> float | None:
        """Seconds for the whole command, None = no limit."""
        return None if self.max_time is None else float(self.max_time)

    @property
    def trial_seconds(self) -> float | None:
        """Seconds after which a training ends with what it has reached, None = no limit."""
        return None if self.trial_time is None else float(self.trial_time)

    @property
    def worker_bytes(self) -> int | None:
        """Bytes above which a worker is replaced after its trial; None: by this machine's memory."""
        return None if self.worker_memory is None else int(self.worker_memory)

    @property
    def folder(self) -> Path:
        """Where the model goes."""
        return Path(self.output or DEFAULT_MODEL)

    @property
    def run_folder(self) -> Path:
        """Where trials and test forecasts go."""
        return Path(self.run_dir or f"{self.folder}.run")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.audit and self.max_time is not None:
            raise UsageError(
                "`audit` repeats the search and compares: with `max_time` the clock would decide what it finds.",
                remedy="Leave one of them out; `trials` bounds the work, too, and its results do not depend on time.",
                code="GF-U47",
            )
        for level in self.levels:
            if not 1 <= level < 100:
                raise UsageError(f"`level` {level:g} is no percentage.", remedy="Pass 80, for example.", code="GF-U10")


@dataclass(frozen=True, kw_only=True)
class FitArguments(FitOptions):
    """What `fit` takes in Python: the options of the command line, and whether progress is shown."""

    progress: Annotated[bool, Option("Show progress, in a terminal or a notebook.", effect="none")] = True


def by_use(options: type[ReadOptions]) -> list[Declared]:
    """Return the options as Python's help lists them: what most users never need comes last."""
    return sorted(options.declared, key=lambda one: one.option.panel in LAST)

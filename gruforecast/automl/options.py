"""What a user may ask of `fit`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gruforecast.data.options import ReadOptions
from gruforecast.errors import UsageError

TUNERS = ("bayesian", "random", "hyperband")
COMPARISONS = ("short", "full", "none")
MAX_HORIZON = 10_000
# whole numbers from … to …
RANGES = {"horizon": (1, MAX_HORIZON), "season": (1, 100_000), "trials": (1, 100_000), "folds": (1, 100),
          "workers": (1, 256), "retries": (0, 100), "seed": (0, 2**31 - 1)}  # fmt: skip


@dataclass(frozen=True)
class FitOptions:
    """Options of `fit`, named as on the command line.

    Attributes:
        reading: what is said about the file.
        horizon: steps to forecast; by frequency when not given.
        season: rows of one season, 1 = none; found when not given.
        folds: rolling validation folds; 3, or fewer for many short series, when not given.
        levels: interval levels in percent; 80 and 95 when not given, each left out if the data cannot support it.
        max_time: seconds for the whole command, None = no limit.
        workers: processes; one per core, as far as memory allows, when not given.
        worker_memory: bytes above which a worker is replaced after its trial; by this machine's memory when not given.
        trial_time: seconds after which a training ends with what it has reached, None = no limit.
        retries: how often a crashed training is tried again.
        prune: whether weak trials end early.
        blend: whether networks are combined, and blended with simpler models; otherwise the best GRU stands alone.
        audit: whether the whole search is repeated beside noise, to show that nothing leaks.
        stats: whether models of statsforecast take part in the blend, where that is installed.
        context: whether the model folder keeps the newest rows of each series, and forecasts from there on.
        run_dir: where trials and test forecasts go; `<output>.run` when not given.
        fresh: whether an earlier search in the run folder is thrown away.
    """

    data: str
    output: str = "gruforecast_model"
    reading: ReadOptions = field(default_factory=ReadOptions)
    horizon: int | None = None
    season: int | None = None
    trials: int = 16
    max_time: float | None = None
    workers: int | None = None
    worker_memory: int | None = None
    trial_time: float | None = 1800.0
    retries: int = 1
    prune: bool = True
    tuner: str = "bayesian"
    compare: str = "short"
    blend: bool = True
    stats: bool = True
    audit: bool = False
    context: bool = True
    folds: int | None = None
    levels: tuple[float, ...] | None = None
    seed: int = 0
    run_dir: str | None = None
    fresh: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                remedy = f"Pass a whole number from {low} to {high}."
                raise UsageError(f"--{name} {value} is out of range.", remedy=remedy, code="GF-U12")
        for name, known in {"tuner": TUNERS, "compare": COMPARISONS}.items():
            if (value := getattr(self, name)) not in known:
                remedy = f"Use {', '.join(known)}."
                raise UsageError(f"--{name} {value!r} is unknown.", remedy=remedy, code="GF-U13")
        if self.audit and self.max_time is not None:
            raise UsageError(
                "--audit repeats the search and compares: with --max-time the clock would decide what it finds.",
                remedy="Leave one of them out; --trials bounds the work, too, and its results do not depend on time.",
                code="GF-U47",
            )
        for level in self.levels or ():
            if not 1 <= level < 100:
                raise UsageError(f"--level {level:g} is no percentage.", remedy="Pass 80, for example.", code="GF-U10")


def parse_duration(text: str, name: str = "--max-time") -> float:
    """Return the seconds from text such as `90s`, `10m`, `2h` or `45`, the value of option `name`.

    Raises:
        UsageError: the text is no duration.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    seconds = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match else 0.0
    if seconds <= 0:
        raise UsageError(f"{name} {text!r} is no duration.", remedy="Write 90s, 10m or 2h.", code="GF-U11")
    return seconds


def parse_size(text: str, name: str) -> int:
    """Return the bytes from text such as `1500MB` or `2GB`, the value of option `name`.

    Raises:
        UsageError: the text is no size.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([mg])i?b?", text.strip().lower())
    size = int(float(match[1]) * {"m": 2**20, "g": 2**30}[match[2]]) if match else 0
    if size <= 0:
        raise UsageError(f"{name} {text!r} is no size.", remedy="Write 1500MB or 2GB.", code="GF-U15")
    return size

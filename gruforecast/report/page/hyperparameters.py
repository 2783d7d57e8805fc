"""Which options of the search mattered, and how their values are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard

import msgspec
import numpy as np

from gruforecast.arrays import Floats, Ints
from gruforecast.report.page.figure import Figure, Table, Trace, axis, capital, percent, plot_text
from gruforecast.report.report import TrialRecord

Value: TypeAlias = bool | int | float | str  # of an option

MIN_TRIALS = 8  # with fewer, what goes with what is luck
SHUFFLES = 400
MAX_GROUPS = 3  # of a hyperparameter with many values
MEANINGS = {
    "lookback": "rows of the past that the network sees",
    "segment": "rows that it reads in one step; fewer steps reach further back",
    "layers": "recurrent layers, one above the other",
    "units": "numbers in the state of each layer",
    "decoder": "how the steps ahead are made: at once (direct), each segment by itself (parallel), or in turn",
    "dropout": "share of numbers hidden in training, against learning by heart",
    "learning_rate": "size of the first steps of training",
    "weight_decay": "how strongly weights are drawn to zero",
    "length": "length of the training, as a share of the longest",
    "own_spread": "0: windows are divided by one number for all series; 1: each by its own spread",
    "averaged": "0: the network corrects the last season; 1: the mean of the last three",
    "log": "whether series that are never negative are seen on a logarithmic scale",
    "trend": "without a season: how much of the newest trend the network starts from",
    "calendar": "whether it sees the phase of the day, the week or the year",
    "use_inputs": "which covariates it sees: none, future ones, or all",
}
WORDS = {
    "own_spread": "own spread",
    "averaged": "averaged seasons",
    "length": "training length",
    "log": "logarithm",
    "learning_rate": "learning rate",
    "weight_decay": "weight decay",
    "use_inputs": "covariates",
}


@dataclass(frozen=True)
class Scored:
    """A trial with a score, and the values of its options."""

    number: int
    score: float
    values: dict[str, Value]
    pruned: bool = False


def options_of(trial: TrialRecord) -> dict[str, Value]:
    """Return the values of the options of a trial by name."""
    return msgspec.structs.asdict(trial.values)


def scored_trials(trials: Sequence[TrialRecord]) -> list[Scored]:
    """Return the trials that have a score."""
    return [
        Scored(one.number, one.score, options_of(one), one.status == "pruned")
        for one in trials
        if one.score is not None
    ]


def importance(scored: list[Scored]) -> Figure | None:
    """Return how much of the ranking of trials goes with the value of each option alone."""
    if len(scored) < MIN_TRIALS:
        return None
    ranked = sorted(shares(scored).items(), key=lambda item: item[1][0])
    if not ranked:
        return None
    names = [plot_text(word(name)) for name, _ in ranked]
    best, (most, chance) = ranked[-1]
    luck = "what luck gives the best of them, 19 times of 20"
    data: list[Trace] = [
        {"type": "bar", "orientation": "h", "x": [100 * share for _, (share, _) in ranked], "y": names, "name": "share",
         "marker": {"color": ["@gru" if share > bound else "@base" for _, (share, bound) in ranked]}},
        {"type": "scatter", "mode": "markers", "x": [100 * bound for _, (_, bound) in ranked], "y": names, "name": luck,
         "marker": {"symbol": "line-ns-open", "size": 14, "color": "@ink"}},
    ]  # fmt: skip
    rows = [(word(name), percent(share), percent(bound)) for name, (share, bound) in reversed(ranked)]
    return Figure(
        name="importance",
        title=f"{capital(word(best))} mattered most" if most > chance else "No option mattered by more than luck",
        note="Share of the differences in rank between trials that goes with the value of one option alone (epsilon "
        "squared, values in at most three groups where there are many). It does not see options that work together, "
        "and trials were not chosen at random. The mark is what the best of all these options reaches by luck alone, "
        "19 times of 20, where scores are shuffled; bars beyond it are more than that.",
        data=data,
        layout={"xaxis": axis("share of differences in rank, %", rangemode="tozero"), "yaxis": {"type": "category"}},
        table=Table.of("Options of the search", ("option", "share", luck), rows),
        height=130 + 26 * len(ranked),
    )


def shares(scored: list[Scored]) -> dict[str, tuple[float, float]]:
    """Return for each option that varied its share of the differences in rank, and what luck gives, 0 to 1.

    Luck is the 95 % quantile, over shuffled ranks, of the largest share of all options: of a dozen options some one
    would pass a bound of its own in every third search where none matters (Westfall and Young 1993).
    """
    ranks = _ranks([trial.score for trial in scored])
    generator = np.random.default_rng(0)
    shuffled = np.stack([generator.permutation(ranks) for _ in range(SHUFFLES)])  # (shuffles, n)
    own, largest = {}, np.zeros(SHUFFLES)
    for name in varied([trial.values for trial in scored]):
        groups = _groups([trial.values[name] for trial in scored])
        if groups.max() > 0:
            own[name] = float(_epsilon_squared(ranks[None], groups)[0])
            largest = np.maximum(largest, _epsilon_squared(shuffled, groups))
    bound = float(np.quantile(largest, 0.95))
    return {name: (share, bound) for name, share in own.items()}


def _ranks(scores: list[float]) -> Floats:
    """Return the places of the scores, (n,); equal scores share the mean of theirs."""
    _, which, count = np.unique(scores, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - (count - 1) / 2)[which], np.float64)


def _epsilon_squared(values: Floats, groups: Ints) -> Floats:
    """Return the share of variance between groups, less what groups have by luck, of rows (k, n); never below zero."""
    n, count = len(groups), int(groups.max()) + 1
    if n <= count:
        return np.zeros(len(values))
    total, within = values.var(axis=1) * n, np.zeros(len(values))
    for group in range(count):
        part = values[:, groups == group]
        within += part.var(axis=1) * part.shape[1]
    return np.maximum((total - within - (count - 1) * within / (n - count)) / np.maximum(total, 1e-12), 0.0)


def _groups(values: list[Value]) -> Ints:
    """Return the number of the group of each value; neighbours share one where there are many values."""
    known = ordered(values)
    place = np.array([known.index(value) for value in values])
    if len(known) <= MAX_GROUPS or not all(is_number(value) for value in known):
        return place
    edges = np.quantile(place, np.arange(1, MAX_GROUPS) / MAX_GROUPS)
    return np.unique(np.searchsorted(edges, place), return_inverse=True)[1]


def varied(trials: list[dict[str, Value]]) -> list[str]:
    """Return the options with more than one value."""
    return [name for name in trials[0] if len({written(values[name]) for values in trials}) > 1] if trials else []


def ordered(values: Sequence[Value]) -> list[Value]:
    """Return the different values: numbers by size, others by name."""
    different = list(dict.fromkeys(values))
    return sorted(different, key=None if all(map(is_number, different)) else str)


def is_number(value: Value) -> TypeGuard[float]:
    """Return whether it is a number, which yes and no are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def word(name: str) -> str:
    """Return an option of the search in words."""
    return WORDS.get(name, name)


def meanings(trials: Sequence[TrialRecord]) -> list[Table]:
    """Return what the options say that the search varied; nothing where it varied none."""
    rows = [(word(name), MEANINGS[name]) for name in varied([options_of(one) for one in trials]) if name in MEANINGS]
    return [Table.of("What the options mean", ("option", "meaning"), rows)] if rows else []


def written(value: Value) -> str:
    """Return the value of an option."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)

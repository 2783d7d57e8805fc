"""Figures of the search: scores, what mattered, which values went together, and time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.report.page.figure import Figure, Report, Table, axis, capital, counted, number, percent, plot_text

LEAST_TRIALS = 8  # with fewer, what goes with what is luck
SHUFFLES = 400
MOST_AXES = 6
MOST_VALUES = 6  # of an axis whose values stand evenly apart; more make a scale
MOST_GROUPS = 3  # of a hyperparameter with many values
WORDS = {
    "own_spread": "own spread",
    "averaged": "averaged seasons",
    "length": "training length",
    "log": "logarithm",
    "learning_rate": "learning rate",
    "weight_decay": "weight decay",
    "use_inputs": "columns beside",
}


def search_figures(report: Report) -> list[Figure]:
    """All figures of the search, as far as its trials allow."""
    scored = [trial for trial in report["search"] if trial.get("score") is not None]
    if len(scored) < 2:
        return []
    figures = [scores(report, scored), importance(scored), parallel(scored), times(report)]
    return [figure for figure in figures if figure is not None]


def search_words(report: Report) -> list[str]:
    """How the search went, in words."""
    trials = report["trials"]
    others = [
        f"{trials[name]} {word}"
        for name, word in (("pruned", "stopped early"), ("diverged", "diverged"), ("crashed", "crashed"))
        if trials.get(name)
    ]
    words = [f"{counted(trials['completed'], 'trial')} ran to the end{''.join(f', {one}' for one in others)}."]
    if sum(trial.get("score") is not None for trial in report["search"]) < LEAST_TRIALS:
        words.append(f"Which options mattered cannot be told from fewer than {LEAST_TRIALS} trials.")
    return words


def trials_table(report: Report) -> Table:
    """Every trial with its score, time and options."""
    names = list(dict.fromkeys(name for trial in report["search"] for name in trial["values"]))
    rows = [
        [
            f"{trial['number']}",
            trial["status"],
            trial.get("score"),
            _seconds(trial),
            *[written(trial["values"].get(name)) for name in names],
        ]
        for trial in report["search"]
    ]
    return Table.of("All trials", ("trial", "status", "MASE folds", "seconds", *map(word, names)), rows)


def scores(report: Report, scored: list[dict[str, Any]]) -> Figure:
    """The score of each trial, and the best so far."""
    numbers, found = [trial["number"] for trial in scored], [trial["score"] for trial in scored]
    best = np.minimum.accumulate(found).tolist()
    first = min(scored, key=lambda trial: trial["score"])
    early = [trial["status"] == "pruned" for trial in scored]
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": numbers,
            "y": found,
            "name": "trial (open: stopped early)",
            "marker": {"size": 9, "color": "@gru", "symbol": ["circle-open" if one else "circle" for one in early]},
        },
        {
            "type": "scatter",
            "mode": "lines",
            "x": numbers,
            "y": best,
            "name": "best so far",
            "line": {"shape": "hv", "color": "@ink", "width": 1.5},
        },
    ]
    layout = {"xaxis": axis("trial", **_whole(numbers)), "yaxis": axis("mean MASE on the folds")}
    gain = 1 - first["score"] / found[0] if found[0] else 0.0
    title = f"Trial {first['number']} is the best of {len(report['search'])}, {percent(gain)} below the first"
    if first["number"] == numbers[0]:
        title = f"The first trial stayed the best of {len(report['search'])}"
    return Figure(
        "trials",
        title,
        "Scores on the folds only: the test part plays no part here.",
        data,
        layout,
        trials_table(report),
    )


def importance(scored: list[dict[str, Any]]) -> Figure | None:
    """How much of the ranking of trials goes with the value of each option alone."""
    if len(scored) < LEAST_TRIALS:
        return None
    found = shares(scored)
    if not found:
        return None
    order = sorted(found, key=lambda name: found[name][0])
    names = [plot_text(word(name)) for name in order]
    shown = [100 * found[name][0] for name in order]
    luck = [100 * found[name][1] for name in order]
    bars: dict[str, Any] = {"type": "bar", "orientation": "h", "x": shown, "y": names, "name": "share"}
    colours = ["@gru" if share > bound else "@base" for share, bound in zip(shown, luck, strict=True)]
    marks: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "x": luck,
        "y": names,
        "name": "what luck gives, 19 times of 20",
    }
    data = [
        {**bars, "marker": {"color": colours}},
        {**marks, "marker": {"symbol": "line-ns-open", "size": 14, "color": "@ink"}},
    ]
    above = [word(name) for name in reversed(order) if found[name][0] > found[name][1]]
    title = f"{capital(above[0])} mattered most" if above else "No option mattered by more than luck"
    note = (
        "Share of the differences in rank between trials that goes with the value of one option alone (epsilon "
        "squared, values in at most three groups where there are many). It does not see options that work together, "
        "and trials were not chosen at random. Bars beyond the mark are more than luck."
    )
    rows = [(word(name), percent(found[name][0]), percent(found[name][1])) for name in reversed(order)]
    table = Table.of("Options of the search", ("option", "share", "what luck gives, 19 times of 20"), rows)
    layout = {"xaxis": axis("share of differences in rank, %", rangemode="tozero"), "yaxis": {"type": "category"}}
    return Figure("importance", title, note, data, layout, table, 130 + 26 * len(order))


def shares(scored: list[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    """For each option that varied its share of the differences in rank, and the 95 % quantile of luck, 0 to 1."""
    ranks = np.argsort(np.argsort([trial["score"] for trial in scored], kind="stable")).astype(float)
    generator = np.random.default_rng(0)
    shuffled = np.stack([generator.permutation(ranks) for _ in range(SHUFFLES)])  # (shuffles, n)
    found = {}
    for name in _varied(scored):
        groups = _groups([trial["values"].get(name) for trial in scored])
        if groups.max() > 0:
            own = float(_epsilon_squared(ranks[None], groups)[0])
            found[name] = own, max(float(np.quantile(_epsilon_squared(shuffled, groups), 0.95)), 0.0)
    return found


def _epsilon_squared(values: Floats, groups: Any) -> Floats:
    """Share of variance between groups, less what groups have by luck, of rows (k, n); never below zero."""
    n, count = len(groups), int(groups.max()) + 1
    total = values.var(axis=1) * n
    within = np.zeros(len(values))
    for group in range(count):
        part = values[:, groups == group]
        within += part.var(axis=1) * part.shape[1]
    if n <= count:
        return np.zeros(len(values))
    return np.maximum((total - within - (count - 1) * within / (n - count)) / np.maximum(total, 1e-12), 0.0)


def _groups(values: list[Any]) -> Any:
    """The number of the group of each value; neighbours share one where there are many values."""
    known = _sorted(values)
    place = np.array([known.index(value) for value in values])
    if len(known) <= MOST_GROUPS or not all(_is_number(value) for value in known):
        return place
    edges = np.quantile(place, np.arange(1, MOST_GROUPS) / MOST_GROUPS)
    return np.unique(np.searchsorted(edges, place), return_inverse=True)[1]


def parallel(scored: list[dict[str, Any]]) -> Figure | None:
    """Every trial as a line through the values of its options, the best ones marked."""
    names = _varied(scored)
    if len(scored) < 3 or not names:
        return None
    found = shares(scored)
    names = sorted(names, key=lambda name: -found.get(name, (0.0, 0.0))[0])[:MOST_AXES]
    best = sorted(scored, key=lambda trial: trial["score"])[: max(1, len(scored) // 4)]
    columns = {name: _scale([trial["values"].get(name) for trial in scored]) for name in names}
    columns["score"] = _scale([trial["score"] for trial in scored], numbers=True)
    ticks = [word(name) for name in names] + ["MASE folds"]
    data: list[dict[str, Any]] = []
    for k, trial in sorted(enumerate(scored), key=lambda pair: pair[1] in best):  # the best on top
        one: dict[str, Any] = {"type": "scatter", "mode": "lines+markers", "hoverinfo": "name"}
        line = {"color": "@gru", "width": 2.5} if trial in best else {"color": "@faint", "width": 1}
        one |= {"x": list(range(len(ticks)))}
        one |= {"y": [column[0][k] for column in columns.values()], "line": line, "marker": {"size": 4}}
        data.append({**one, "name": f"trial {trial['number']}, {number(trial['score'])}", "showlegend": False})
    marks: list[dict[str, Any]] = [
        {
            "x": x,
            "y": y,
            "text": plot_text(text),
            "showarrow": False,
            "bgcolor": "@paper",
            "xanchor": "left",
            "xshift": 5,
            "font": {"size": 11},
        }
        for x, column in enumerate(columns.values())
        for y, text in column[1]
    ]
    lines = [
        {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "line": {"color": "@rule", "width": 1}, "layer": "below"}
        for x in range(len(ticks))
    ]
    layout = {
        "xaxis": {"tickvals": list(range(len(ticks))), "ticktext": [plot_text(one) for one in ticks], "showgrid": False,
                  "range": [-0.35, len(ticks) - 0.4], "zeroline": False, "tickangle": -35},
        "yaxis": {"visible": False, "range": [-0.06, 1.06]}, "annotations": marks, "shapes": lines,
        "hovermode": "closest",
    }  # fmt: skip
    header = ("trial", "MASE folds", *map(word, names))
    rows = [
        [f"{trial['number']}", trial["score"], *[written(trial["values"].get(name)) for name in names]]
        for trial in sorted(scored, key=lambda trial: trial["score"])
    ]
    table = Table.of("Trials, best first, with the options that varied", header, rows)
    note = "A line is a trial; blue: the best quarter. The last axis is the score, low is good."
    return Figure("parallel", _shared(best, scored, names), note, data, layout, table, 400)


def _shared(best: list[dict[str, Any]], scored: list[dict[str, Any]], names: list[str]) -> str:
    """What the best trials have in common that the others do not all have."""
    same = []
    for name in names:
        values = {written(trial["values"].get(name)) for trial in best}
        everywhere = {written(trial["values"].get(name)) for trial in scored}
        if len(values) == 1 < len(everywhere):
            same.append(f"{word(name)} {next(iter(values))}")
    if len(best) == 1:
        return f"The best trial had {', '.join(same[:3])}"
    return f"The best {len(best)} trials share {', '.join(same[:3])}" if same else "The best trials share no option"


def _scale(values: list[Any], *, numbers: bool = False) -> tuple[list[float], list[tuple[float, str]]]:
    """Places (0 to 1) of values on an axis, and labels on it."""
    known = _sorted(values)
    if not numbers and (len(known) <= MOST_VALUES or not all(_is_number(value) for value in known)):
        places = np.linspace(0, 1, len(known)).tolist() if len(known) > 1 else [0.5]
        labels = list(zip(places, [written(value) for value in known], strict=True))
        return [places[known.index(value)] for value in values], labels
    low, high = float(known[0]), float(known[-1])
    far = low > 0 and high > 20 * low

    def place(value: float) -> float:
        if high == low:
            return 0.5
        return math.log(value / low) / math.log(high / low) if far else (value - low) / (high - low)

    return [place(float(value)) for value in values], [(0.0, written(low)), (1.0, written(high))]


def times(report: Report) -> Figure | None:
    """Seconds of each trial, by what they went into."""
    timed = [trial for trial in report["search"] if trial.get("seconds")]
    if not timed:
        return None
    parts = {"compiling": ("trace", "compile"), "training": ("train",), "scoring": ("validate", "evaluate")}
    numbers = [trial["number"] for trial in timed]
    sums = {
        part: [sum(trial["seconds"].get(n, 0.0) for n in names) for trial in timed] for part, names in parts.items()
    }
    colours = {"compiling": "@base", "training": "@gru", "scoring": "@lstm"}
    data = [
        {"type": "bar", "x": numbers, "y": [round(one, 3) for one in found], "name": part,
         "marker": {"color": colours[part]}}
        for part, found in sums.items()
    ]  # fmt: skip
    total = sum(map(sum, sums.values()))
    most = max(sums, key=lambda part: sum(sums[part]))
    title = f"{percent(sum(sums[most]) / total if total else 0.0)} of the trials' {total:.0f} seconds went into {most}"
    layout = {"barmode": "stack", "xaxis": axis("trial", **_whole(numbers)), "yaxis": axis("seconds of one worker")}
    rows = [[f"{n}", *[sums[part][k] for part in sums]] for k, n in enumerate(numbers)]
    table = Table.of("Seconds of one worker by trial", ("trial", *sums), rows)
    note = "A trial whose network has the shape of one before it needs no compiling."
    return Figure("times", title, note, data, layout, table, 300)


def _varied(scored: list[dict[str, Any]]) -> list[str]:
    names = dict.fromkeys(name for trial in scored for name in trial["values"])
    return [name for name in names if len({written(trial["values"].get(name)) for trial in scored}) > 1]


def _sorted(values: list[Any]) -> list[Any]:
    """The different values: numbers by size, others by name."""
    different = list(dict.fromkeys(values))
    if all(_is_number(value) for value in different):
        return sorted(different)
    return sorted(different, key=str)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _seconds(trial: dict[str, Any]) -> float | None:
    found: float | None = (trial.get("seconds") or {}).get("total")
    return found


def _whole(numbers: list[int]) -> dict[str, Any]:
    """Ticks at whole numbers."""
    return {"dtick": max(1, math.ceil(len(numbers) / 10)), "tick0": 0}


def word(name: str) -> str:
    """An option of the search in words."""
    return WORDS.get(name, name)


def written(value: Any) -> str:
    """The value of an option."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)

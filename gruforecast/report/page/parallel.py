"""Every trial of the search as a line through the values of its options: parallel coordinates."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from gruforecast.report.page.figure import Figure, Table, Trace, number, plot_text
from gruforecast.report.page.hyperparameters import Scored, Value, is_number, ordered, shares, varied, word, written
from gruforecast.serialization import Json

MAX_AXES = 6
MAX_VALUES = 6  # of an axis whose values stand evenly apart; more make a scale

Scale = tuple[list[float], list[tuple[float, str]]]


def parallel(scored: list[Scored]) -> Figure | None:
    """Return every trial as a line through the values of its options, the best ones marked."""
    names = varied([trial.values for trial in scored])
    if len(scored) < 3 or not names:
        return None
    share = shares(scored)
    ranked = sorted(names, key=lambda name: -share.get(name, (0.0, 0.0))[0])
    names = ranked[:MAX_AXES]
    by_score = sorted(scored, key=lambda trial: trial.score)
    best = by_score[: max(1, len(scored) // 4)]
    columns = [_scale([trial.values[name] for trial in scored]) for name in names]
    columns.append(_scale([trial.score for trial in scored], numbers=True))
    note = "A line is a trial; blue: the best quarter. The last axis is the score, low is good."
    if len(ranked) > len(names):
        note += f" Of {len(ranked)} options that varied the {len(names)} that go most with the score are drawn."
    return Figure(
        name="parallel",
        title=_shared(best, scored, ranked),
        note=note,
        data=_lines(scored, best, columns),
        layout=_axes([*map(word, names), "MASE folds"], columns),
        table=Table.of(
            "Trials, best first, with the options that varied",
            ("trial", "MASE folds", *map(word, names)),
            [[f"{trial.number}", trial.score, *[written(trial.values[name]) for name in names]] for trial in by_score],
        ),
        height=400,
    )


def _lines(scored: list[Scored], best: list[Scored], columns: list[Scale]) -> list[Trace]:
    """Return a trace for each trial, the best ones on top."""
    data: list[Trace] = []
    for k, trial in sorted(enumerate(scored), key=lambda pair: pair[1] in best):
        one: Json = {"x": list(range(len(columns))), "y": [column[0][k] for column in columns], "marker": {"size": 4}}
        line: Json = {"color": "@gru", "width": 2.5} if trial in best else {"color": "@faint", "width": 1}
        name = f"trial {trial.number}, {number(trial.score)}"
        common: Json = {"type": "scatter", "mode": "lines+markers", "hoverinfo": "name", "showlegend": False}
        data.append({**common, **one, "name": name, "line": line})
    return data


def _axes(ticks: list[str], columns: list[Scale]) -> Json:
    """Return an upright line for each option, with its values beside it."""
    right: Json = {"showarrow": False, "bgcolor": "@paper", "xanchor": "left", "xshift": 5, "font": {"size": 11}}
    marks: list[Json] = [
        {"x": x, "y": y, "text": plot_text(text), **right} for x, column in enumerate(columns) for y, text in column[1]
    ]
    upright: Json = {"type": "line", "y0": 0, "y1": 1, "line": {"color": "@rule", "width": 1}, "layer": "below"}
    return {
        "xaxis": {
            "tickvals": list(range(len(ticks))),
            "ticktext": [plot_text(one) for one in ticks],
            "showgrid": False,
            "range": [-0.35, len(ticks) - 0.05],
            "zeroline": False,
            "tickangle": -35,
            "ticklabeloverflow": "allow",
        },
        "yaxis": {"visible": False, "range": [-0.06, 1.06]},
        "annotations": marks,
        "shapes": [{**upright, "x0": x, "x1": x} for x in range(len(ticks))],
        "hovermode": "closest",
    }


def _shared(best: list[Scored], scored: list[Scored], names: list[str]) -> str:
    """Return what the best trials have in common that the others do not all have."""
    same = []
    for name in names:
        count = Counter(written(trial.values[name]) for trial in scored)
        value, *others = {written(trial.values[name]) for trial in best}
        if not others and len(count) > 1:
            same.append(f"{word(name)} {value} (as {count[value]} of all {len(scored)})")
    if len(best) == 1:
        return f"The best trial had {', '.join(same[:3])}"
    return f"The best {len(best)} trials share {', '.join(same[:3])}" if same else "The best trials share no option"


def _scale(values: Sequence[Value], *, numbers: bool = False) -> Scale:
    """Return the places (0 to 1) of values on an axis, and labels on it."""
    known = ordered(values)
    if not numbers and (len(known) <= MAX_VALUES or not all(map(is_number, known))):
        places = np.linspace(0, 1, len(known)).tolist() if len(known) > 1 else [0.5]
        return [places[known.index(value)] for value in values], list(zip(places, map(written, known), strict=True))
    low, high = float(known[0]), float(known[-1])
    far = low > 0 and high > 20 * low

    def place(value: float) -> float:
        if high == low:
            return 0.5
        return math.log(value / low) / math.log(high / low) if far else (value - low) / (high - low)

    return [place(float(value)) for value in values], [(0.0, f"{low:.3g}"), (1.0, f"{high:.3g}")]

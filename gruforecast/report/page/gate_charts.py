"""The section of the page on the gates: charts of what a network does, each with the table behind it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gruforecast.explain.records import Explanation, GateRecord, GradientRecord, LayerGates
from gruforecast.models.registry import KINDS
from gruforecast.report import sentences
from gruforecast.report.page.figure import Cell, Figure, Section, Table, axis, plot_text
from gruforecast.report.report import Report
from gruforecast.report.sentences import LITTLE, amount, between, percent, period
from gruforecast.serialization import Json

MIN_FOR_PROFILE = 3  # change points
HEIGHT, TALL = 340, 560  # of charts with one pair of axes, and with several
MARGIN = {"l": 60, "r": 20, "t": 10, "b": 45}


def gates_section(report: Report) -> Section | None:
    """Return the section on gates, memory, state change points and gradients; None where nothing was explained."""
    charts = gate_charts(report.explain) if report.explain is not None else []
    figures = [replace(chart, name=f"gates-{number}") for number, chart in enumerate(charts, 1)]
    return Section("gates", "A look inside the gates", [], figures) if figures else None


def gate_charts(explained: Explanation) -> list[Figure]:
    """Return the charts, in the order in which they are to be read; they have no name yet."""
    return [
        *_heat_maps(explained),
        *_memory(explained),
        *_changes(explained),
        *_profiles(explained),
        *_gradient(explained),
        *_importance(explained),
    ]


def _chart(
    title: str,
    note: str,
    data: list[Json],
    layout: Json,
    header: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    height: int = HEIGHT,
) -> Figure:
    return Figure("", title, note, data, {"margin": MARGIN, **layout}, Table.of(title, header, rows), height)


def _heat_maps(explained: Explanation) -> list[Figure]:
    """For each layer the series, and below it the gates of its units over the same time."""
    gates = explained.gates
    layout: Json = {
        "xaxis": axis("time", anchor="y3"),
        "yaxis": axis("value", domain=[0.74, 1.0]),
        "yaxis2": axis("update", domain=[0.38, 0.70], showticklabels=False),
        "yaxis3": axis("reset", domain=[0.0, 0.34], showticklabels=False),
        "showlegend": False,
    }
    charts = []
    for layer in gates.layers if gates.begin else []:
        update, reset = layer.mean_update, layer.mean_reset
        on = f"Layer {layer.layer}: on" if explained.network.layers > 1 else "On"
        chart = _chart(
            f"{on} average update gates keep {between(update)} of the "
            f"state in each step, reset gates are {between(reset)} open",
            f"{explained.network.name} along {gates.series}. {sentences.gates_sentence(explained)} Bright "
            "update gates keep what is known, dark ones write over it; dark reset gates make the new state without a "
            "look at the old one. Units from forgetful (below) to lasting.",
            [_series(gates), *_marks(gates, gates.values), *_maps(gates, layer)],
            layout,
            ["from", "to", f"mean of {gates.series}", "update gates, mean %", "reset gates, mean %"],
            zip(gates.begin, gates.end, gates.values, update, reset, strict=True),
            TALL,
        )
        charts.append(chart)
    return charts


def _maps(gates: GateRecord, layer: LayerGates) -> list[Json]:
    """Return the update gates of the units over time, and the reset gates below."""
    return [
        {
            "type": "heatmap", "name": f"{name} gate", "x": _edges(gates),
            "y": [f"unit {unit}" for unit in layer.units], "z": opened,
            "zmin": 0, "zmax": 100, "colorscale": "Viridis", "yaxis": below, "showscale": name == "update",
            "colorbar": {"title": {"text": "gate (%)"}, "len": 0.7, "y": 0.35},
            "hovertemplate": f"%{{x}}<br>%{{y}}: {name} gate %{{z}} %<extra></extra>",
        }
        for name, opened, below in (("update", layer.update, "y2"), ("reset", layer.reset, "y3"))
    ]  # fmt: skip


def _series(gates: GateRecord) -> Json:
    """Return the line of the series, in stairs where a step is several rows."""
    places, values = _edges(gates), gates.values
    line: Json = {"type": "scatter", "mode": "lines", "name": "series", "x": places, "y": values}
    return line if len(places) == len(values) else {**line, "y": [*values, values[-1]], "line": {"shape": "hv"}}


def _edges(gates: GateRecord) -> list[str]:
    """Return where steps of several rows begin, and the last one ends; stamps of steps of one row."""
    return [*gates.begin, gates.end[-1]] if gates.begin != gates.end else gates.begin


def _marks(gates: GateRecord, heights: Sequence[float | None]) -> list[Json]:
    """Return a mark at each state change point of the series shown, if it has any."""
    places = gates.moments
    marks: Json = {
        "type": "scatter", "mode": "markers", "name": "state change points", "x": [gates.begin[k] for k in places],
        "y": [heights[k] for k in places], "marker": {"symbol": "triangle-down", "size": 11, "color": "#d62728"},
    }  # fmt: skip
    return [marks] if places else []


def _memory(explained: Explanation) -> list[Figure]:
    memory, counts = explained.memory, sentences.half_lives(explained)
    if not counts:
        return []
    labels, units = zip(*counts, strict=True)
    title, header = "Most units never let go", (f"half-life ({memory.unit})", "units")
    if memory.median is not None:
        title = f"Half of what the median unit knows is gone after {amount(memory.median, memory.unit)}"
    layout: Json = {"xaxis": axis(header[0], type="category"), "yaxis": axis("units"), "showlegend": False}
    bar: Json = {"type": "bar", "name": "units", "x": labels, "y": units}
    return [_chart(title, sentences.memory_sentence(explained), [bar], layout, header, counts)]


def _changes(explained: Explanation) -> list[Figure]:
    """Return how far the memory was written over for good, with the change points above the threshold."""
    gates, changes = explained.gates, explained.resets
    scores, count = gates.rewritten, changes.n_moments
    if not changes.n_tokens or all(one is None for one in scores):
        return []
    line: Json = {"type": "scatter", "mode": "lines", "name": "written over", "x": gates.begin, "y": scores}
    limit: Json = {
        "type": "scatter", "mode": "lines", "name": "threshold", "x": [gates.begin[0], gates.begin[-1]],
        "y": [changes.threshold] * 2, "line": {"dash": "dash", "color": "#888888"},
    }  # fmt: skip
    note = sentences.change_points_sentence(explained)
    if changes.n_series > 1:
        note += f" Drawn: the newest steps of {gates.series}, with {len(gates.moments) or 'none'} of them."
    chart = _chart(
        f"The state changes for good at {count:,} of {changes.n_tokens:,} steps" if count else "No state change point",
        note,
        [line, limit, *_marks(gates, scores)],
        {"xaxis": axis("time"), "yaxis": axis("robust standard deviations"), "showlegend": False},
        ["when", "robust standard deviations above the usual", "series"],
        [(period(one), one.score, one.series) for one in changes.moments],
    )
    return [chart]


def _profiles(explained: Explanation) -> list[Figure]:
    """Return how many change points each part of the calendar has, beside its share of the steps."""
    changes, charts = explained.resets, []
    for part in changes.profile if changes.n_moments >= MIN_FOR_PROFILE else ():
        names, points, steps = part.names, part.moments, part.tokens
        expected = [round(changes.n_moments * count / sum(steps), 2) for count in steps]
        places = [plot_text(name) for name in names]
        data: list[Json] = [
            {"type": "bar", "name": "state change points", "x": places, "y": points},
            {"type": "scatter", "mode": "markers", "name": "by its share", "x": places, "y": expected},
        ]
        layout: Json = {"xaxis": axis(part.by, type="category"), "yaxis": axis("state change points")}
        most = max(points)
        best = [name for name, count in zip(names, points, strict=True) if count == most]
        has, each = ("has", "") if len(best) == 1 else ("have", " each")
        chart = _chart(
            f"By {part.by}: {', '.join(best)} {has} the most state change points, {most} of {changes.n_moments}{each}",
            "Dots: as many as if they fell by chance. With few of them, differences are luck.",
            data,
            layout,
            [part.by, "state change points", "by its share of the steps", "steps"],
            zip(names, points, expected, steps, strict=True),
        )
        charts.append(chart)
    return charts


def _gradient(explained: Explanation) -> list[Figure]:
    """Return the gradient of the forecast by rows back, on a logarithmic axis."""
    curves, per_row, unit = explained.reach, explained.per_row, explained.unit
    if not curves:
        return []
    layout: Json = {
        "xaxis": axis(f"{unit} back"),
        "yaxis": axis("gradient norm", type="log", exponentformat="power"),
    }
    others = [one for one in curves if not one.saved]
    known = [one for one in others or curves if one.oldest_to_newest is not None]
    parts = ", ".join(f"{KINDS[one.cell].title} {percent(one.oldest_to_newest)}" for one in known)
    alike = ", in networks trained alike" if others else ""
    norms = [dict(zip(one.rows_back, one.norm, strict=True)) for one in curves]
    chart = _chart(
        f"How much the oldest rows of the window move the forecast, beside the newest{alike}: "
        f"{parts or 'nothing does'}",
        sentences.gradient_sentence(explained),
        [_line(one, per_row) for one in curves],
        layout,
        [f"{unit} back", *[one.name for one in curves]],
        [(round(back * per_row, 4), *[norm.get(back) for norm in norms]) for back in sorted(set().union(*norms))],
    )
    return [chart]


def _line(curve: GradientRecord, per_row: float) -> Json:
    """Return a gradient as a line in the colour that its cell has everywhere on the page."""
    return {
        "type": "scatter", "mode": "lines", "name": plot_text(curve.name),
        "x": [round(back * per_row, 4) for back in curve.rows_back],
        "y": [norm if norm > 0 else None for norm in curve.norm],
        "line": {"dash": "dot" if curve.saved else "solid", "color": KINDS[curve.cell].colour},
    }  # fmt: skip


def _importance(explained: Explanation) -> list[Figure]:
    needs = explained.importance
    if needs is None:
        return []
    parts = needs.parts[::-1]  # the largest on top
    arms: Json = {
        "type": "data", "symmetric": False,
        "array": [one.high - one.mean for one in parts],
        "arrayminus": [one.mean - one.low for one in parts],
    }  # fmt: skip
    bar: Json = {
        "type": "bar", "orientation": "h", "name": "MASE", "y": [plot_text(one.name) for one in parts],
        "x": [one.mean for one in parts], "error_x": arms,
    }  # fmt: skip
    layout: Json = {
        "xaxis": axis("growth of MASE"),
        "yaxis": {"automargin": True, "type": "category"},
        "showlegend": False,
    }
    best, title = sentences.strongest(needs.parts), "No single part of the input is needed beyond what exchanges differ"
    if best is not None:
        title = f"The network needs most: {best.name} (MASE {best.mean:+.3f} with those of another window)"
    elif parts[-1].mean < LITTLE:
        title = f"No part of the input matters by more than {LITTLE:g} of MASE"
    note = f"{sentences.importance_sentence(explained)} Lines: least and most of {needs.permutations} exchanges."
    header = ["exchanged between windows", "MASE grows by", "least", "most", "standard deviation"]
    rows = [(one.name, one.mean, one.low, one.high, one.spread) for one in needs.parts]
    return [_chart(title, note, [bar], layout, header, rows)]

"""The section of the page on the gates: charts of what a network does, each with the table behind it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from gruforecast.models.registry import KINDS
from gruforecast.report import sentences
from gruforecast.report.page.figure import Cell, Figure, Report, Section, Table, plot_text
from gruforecast.report.sentences import LITTLE, Explained, amount, between, percent, period

MIN_FOR_PROFILE = 3  # change points
HEIGHT, TALL = 340, 560  # of charts with one pair of axes, and with several
MARGIN = {"l": 60, "r": 20, "t": 10, "b": 45}


def gates_section(report: Report) -> Section | None:
    """Return the section on gates, memory, state change points and gradients; None where nothing was explained."""
    charts = gate_charts(report["explain"]) if report.get("explain") else []
    figures = [
        replace(chart, name=f"gates-{number}", data=[_coloured(trace) for trace in chart.data])
        for number, chart in enumerate(charts, 1)
    ]
    return Section("gates", "A look inside the gates", [], figures) if figures else None


def _coloured(trace: dict[str, Any]) -> dict[str, Any]:
    """Return a line of one cell, in the colour that this cell has everywhere on the page."""
    cell = next((cell for cell in KINDS if str(trace.get("name", "")).split("-")[0].split(" ")[0] == cell), None)
    return trace if cell is None else trace | {"line": {**trace.get("line", {}), "color": KINDS[cell].colour}}


def gate_charts(explained: Explained) -> list[Figure]:
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
    data: list[dict[str, Any]],
    layout: dict[str, Any],
    header: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    height: int = HEIGHT,
) -> Figure:
    return Figure("", title, note, data, {"margin": MARGIN, **layout}, Table.of(title, header, rows), height)


def _heat_maps(explained: Explained) -> list[Figure]:
    """For each layer the series, and below it the gates of its units over the same time."""
    gates, several = explained["gates"], explained["network"]["layers"] > 1
    charts = []
    for layer in gates["layers"]:
        maps = [
            {
                "type": "heatmap", "name": f"{name} gate", "x": _edges(gates),
                "y": [f"unit {unit}" for unit in layer["units"]], "z": layer[name],
                "zmin": 0, "zmax": 100, "colorscale": "Viridis", "yaxis": f"y{k + 2}", "showscale": k == 0,
                "colorbar": {"title": {"text": "gate (%)"}, "len": 0.7, "y": 0.35},
                "hovertemplate": f"%{{x}}<br>%{{y}}: {name} gate %{{z}} %<extra></extra>",
            }
            for k, name in enumerate(("update", "reset"))
        ]  # fmt: skip
        layout = {
            "xaxis": {"anchor": "y3", "title": {"text": "time"}},
            "yaxis": {"domain": [0.74, 1.0], "title": {"text": "value"}},
            "yaxis2": {"domain": [0.38, 0.70], "title": {"text": "update"}, "showticklabels": False},
            "yaxis3": {"domain": [0.0, 0.34], "title": {"text": "reset"}, "showticklabels": False},
            "showlegend": False,
        }
        update, reset = (layer[f"mean_{name}"] for name in ("update", "reset"))
        on = f"Layer {layer['layer']}: on" if several else "On"
        chart = _chart(
            f"{on} average update gates keep {between(update)} of the "
            f"state in each step, reset gates are {between(reset)} open",
            f"{explained['network']['name']} along {gates['series']}. {sentences.gates_sentence(explained)} Bright "
            "update gates keep what is known, dark ones write over it; dark reset gates make the new state without a "
            "look at the old one. Units from forgetful (below) to lasting.",
            [_series(gates), *_marks(gates, gates["values"]), *maps],
            layout,
            ["from", "to", f"mean of {gates['series']}", "update gates, mean %", "reset gates, mean %"],
            zip(gates["from"], gates["to"], gates["values"], update, reset, strict=True),
            TALL,
        )
        charts.append(chart)
    return charts


def _series(gates: Explained) -> dict[str, Any]:
    line = {"type": "scatter", "mode": "lines", "name": "series", "x": _edges(gates), "y": gates["values"]}
    if len(line["x"]) == len(gates["values"]):
        return line
    return line | {"y": [*gates["values"], gates["values"][-1]], "line": {"shape": "hv"}}


def _edges(gates: Explained) -> list[str]:
    """Return where steps of several rows begin, and the last one ends; stamps of steps of one row."""
    return [*gates["from"], gates["to"][-1]] if gates["from"] != gates["to"] else gates["from"]


def _marks(gates: Explained, heights: list[float | None]) -> list[dict[str, Any]]:
    """Return a mark at each state change point of the series shown, if it has any."""
    places = gates["moments"]
    marks = {
        "type": "scatter", "mode": "markers", "name": "state change points", "x": [gates["from"][k] for k in places],
        "y": [heights[k] for k in places], "marker": {"symbol": "triangle-down", "size": 11, "color": "#d62728"},
    }  # fmt: skip
    return [marks] if places else []


def _memory(explained: Explained) -> list[Figure]:
    memory, counts = explained["memory"], sentences.half_lives(explained)
    if not counts:
        return []
    labels, units = zip(*counts, strict=True)
    title, header = "Most units never let go", (f"half-life ({memory['unit']})", "units")
    if memory["median"] is not None:
        title = f"Half of what the median unit knows is gone after {amount(memory['median'], memory['unit'])}"
    layout = {
        "xaxis": {"title": {"text": header[0]}, "type": "category"},
        "yaxis": {"title": {"text": "units"}},
        "showlegend": False,
    }
    bar = {"type": "bar", "name": "units", "x": list(labels), "y": list(units)}
    return [_chart(title, sentences.memory_sentence(explained), [bar], layout, header, counts)]


def _changes(explained: Explained) -> list[Figure]:
    """Return how far the memory was written over for good, with the change points above the threshold."""
    gates, changes = explained["gates"], explained["resets"]
    scores, count = gates["rewritten"], changes["n_moments"]
    if not changes["n_tokens"] or all(one is None for one in scores):
        return []
    line = {"type": "scatter", "mode": "lines", "name": "written over", "x": gates["from"], "y": scores}
    limit = {
        "type": "scatter", "mode": "lines", "name": "threshold", "x": [gates["from"][0], gates["from"][-1]],
        "y": [changes["threshold"]] * 2, "line": {"dash": "dash", "color": "#888888"},
    }  # fmt: skip
    layout = {
        "xaxis": {"title": {"text": "time"}},
        "yaxis": {"title": {"text": "robust standard deviations"}},
        "showlegend": False,
    }
    note = sentences.change_points_sentence(explained)
    if changes["n_series"] > 1:
        note += f" Drawn: the newest steps of {gates['series']}, with {len(gates['moments']) or 'none'} of them."
    title = f"The state changes for good at {count:,} of {changes['n_tokens']:,} steps"
    chart = _chart(
        title if count else "No state change point",
        note,
        [line, limit, *_marks(gates, scores)],
        layout,
        ["when", "robust standard deviations above the usual", "series"],
        [(period(one), one["score"], one["series"]) for one in changes["moments"]],
    )
    return [chart]


def _profiles(explained: Explained) -> list[Figure]:
    """Return how many change points each part of the calendar has, beside its share of the steps."""
    changes, charts = explained["resets"], []
    for part in changes["profile"] if changes["n_moments"] >= MIN_FOR_PROFILE else ():
        names, points, steps = part["names"], part["moments"], part["tokens"]
        expected = [round(changes["n_moments"] * count / sum(steps), 2) for count in steps]
        data = [
            {"type": "bar", "name": "state change points", "x": names, "y": points},
            {"type": "scatter", "mode": "markers", "name": "by its share", "x": names, "y": expected},
        ]
        layout = {
            "xaxis": {"title": {"text": part["by"]}, "type": "category"},
            "yaxis": {"title": {"text": "state change points"}},
        }
        most = max(points)
        best = [name for name, count in zip(names, points, strict=True) if count == most]
        has, each = ("has", "") if len(best) == 1 else ("have", " each")
        chart = _chart(
            f"By {part['by']}: {', '.join(best)} {has} the most state change points, {most} of "
            f"{changes['n_moments']}{each}",
            "Dots: as many as if they fell by chance. With few of them, differences are luck.",
            data,
            layout,
            [part["by"], "state change points", "by its share of the steps", "steps"],
            zip(names, points, expected, steps, strict=True),
        )
        charts.append(chart)
    return charts


def _gradient(explained: Explained) -> list[Figure]:
    """Return the gradient of the forecast by rows back, on a logarithmic axis."""
    curves, per_row, unit = explained["reach"], explained["per_row"], explained["unit"]
    if not curves:
        return []
    data = [
        {
            "type": "scatter", "mode": "lines", "name": plot_text(one["name"]),
            "x": [round(back * per_row, 4) for back in one["rows_back"]],
            "y": [norm if norm > 0 else None for norm in one["norm"]],
            "line": {"dash": "dot" if one["name"].endswith("(as saved)") else "solid"},
        }
        for one in curves
    ]  # fmt: skip
    layout = {
        "xaxis": {"title": {"text": f"{unit} back"}},
        "yaxis": {"title": {"text": "gradient norm"}, "type": "log", "exponentformat": "power"},
    }
    known = [one for one in curves[1:] or curves if one["oldest_to_newest"] is not None]
    parts = ", ".join(f"{KINDS[one['cell']].title} {percent(one['oldest_to_newest'])}" for one in known)
    alike = ", in networks trained alike" if curves[1:] else ""
    norms = [dict(zip(one["rows_back"], one["norm"], strict=True)) for one in curves]
    chart = _chart(
        f"How much the oldest rows of the window move the forecast, beside the newest{alike}: "
        f"{parts or 'nothing does'}",
        sentences.gradient_sentence(explained),
        data,
        layout,
        [f"{unit} back", *[one["name"] for one in curves]],
        [(round(back * per_row, 4), *[norm.get(back) for norm in norms]) for back in sorted(set().union(*norms))],
    )
    return [chart]


def _importance(explained: Explained) -> list[Figure]:
    needs = explained["importance"]
    if needs is None:
        return []
    parts = needs["parts"][::-1]  # the largest on top
    arms = {
        "type": "data", "symmetric": False,
        "array": [one["high"] - one["mean"] for one in parts],
        "arrayminus": [one["mean"] - one["low"] for one in parts],
    }  # fmt: skip
    bar = {
        "type": "bar", "orientation": "h", "name": "MASE", "y": [plot_text(one["name"]) for one in parts],
        "x": [one["mean"] for one in parts], "error_x": arms,
    }  # fmt: skip
    layout = {
        "xaxis": {"title": {"text": "growth of MASE"}},
        "yaxis": {"automargin": True, "type": "category"},
        "showlegend": False,
    }
    best, title = (
        sentences.strongest(needs["parts"]),
        "No single part of the input is needed beyond what exchanges differ",
    )
    if best is not None:
        title = f"The network needs most: {best['name']} (MASE {best['mean']:+.3f} with those of another window)"
    elif parts[-1]["mean"] < LITTLE:
        title = f"No part of the input matters by more than {LITTLE:g} of MASE"
    note = f"{sentences.importance_sentence(explained)} Lines: least and most of {needs['permutations']} exchanges."
    header = ["exchanged between windows", "MASE grows by", "least", "most", "standard deviation"]
    rows = [[one[name] for name in ("name", "mean", "low", "high", "spread")] for one in needs["parts"]]
    return [_chart(title, note, [bar], layout, header, rows)]

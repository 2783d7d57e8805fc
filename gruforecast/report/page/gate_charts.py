"""The section of the page on the gates: charts of what a network does, each with the table behind it."""

from __future__ import annotations

import itertools
from typing import Any

from gruforecast.models.registry import KINDS
from gruforecast.report.page.figure import Figure, Report, Section, Table
from gruforecast.report.sentences import (
    LITTLE,
    Explained,
    amount,
    between,
    bin_label,
    edges,
    gates_sentence,
    importance_sentence,
    memory_sentence,
    percent,
    period,
    reach_sentence,
    resets_sentence,
    strongest,
)

Chart = dict[str, Any]
MIN_FOR_PROFILE = 3  # moments
HEIGHT, TALL = 340, 560  # of charts with one pair of axes, and with several
MARGIN = {"l": 60, "r": 20, "t": 10, "b": 45}


def gates_section(report: Report) -> Section | None:
    """Return the section with figures of gates, memory, resets and reach; None where nothing was explained."""
    charts = gate_charts(report["explain"]) if report.get("explain") else []
    figures = [_figure(number, chart) for number, chart in enumerate(charts, 1)]
    return Section("gates", "A look inside the gates", [], figures) if figures else None


def _figure(number: int, chart: Chart) -> Figure:
    table, layout = chart["table"], chart["figure"]["layout"]
    tall = sum(name.startswith("yaxis") for name in layout) > 1
    behind = Table.of(chart["title"], table["columns"], table["rows"])
    data = [_coloured(trace) for trace in chart["figure"]["data"]]
    return Figure(f"gates-{number}", chart["title"], chart["text"], data, layout, behind, TALL if tall else HEIGHT)


def _coloured(trace: dict[str, Any]) -> dict[str, Any]:
    """Return a line of one cell, in the colour that this cell has everywhere on the page."""
    cell = next((cell for cell in KINDS if str(trace.get("name", "")).split("-")[0].split(" ")[0] == cell), None)
    return trace if cell is None else trace | {"line": {**trace.get("line", {}), "color": KINDS[cell].colour}}


def gate_charts(explained: Explained) -> list[Chart]:
    """Return the charts, in the order in which they are to be read.

    Each has `title` (what to see), `figure` (`data` and `layout` in plotly's form, text in it escaped for plotly),
    `table` (`columns` and `rows`, of plain text and numbers), and `text` (how to read it).
    """
    return [
        *_heat_maps(explained),
        *_memory(explained),
        *_moments(explained),
        *_profiles(explained),
        *_reach(explained),
        *_importance(explained),
    ]


def _chart(
    title: str, data: list[Any], layout: dict[str, Any], columns: list[str], rows: list[Any], text: str
) -> Chart:
    figure = {"data": data, "layout": {"margin": MARGIN, **layout}}
    return {"title": title, "figure": figure, "table": {"columns": columns, "rows": rows}, "text": text}


def _heat_maps(found: Explained) -> list[Chart]:
    """For each layer the series, and below it the gates of its units over the same time."""
    gates = found["gates"]
    charts = []
    for layer in gates["layers"]:
        names = [f"unit {unit}" for unit in layer["units"]]
        data: list[Chart] = [_series(gates)]
        if gates["moments"]:
            data.append(_marks(gates, gates["values"]))
        for k, name in enumerate(("update", "reset")):
            data.append(
                {
                    "type": "heatmap", "name": f"{name} gate", "x": _edges(gates), "y": names, "z": layer[name],
                    "zmin": 0, "zmax": 100, "colorscale": "Viridis", "yaxis": f"y{k + 2}", "showscale": k == 0,
                    "colorbar": {"title": {"text": "gate (%)"}, "len": 0.7, "y": 0.35},
                    "hovertemplate": f"%{{x}}<br>%{{y}}: {name} gate %{{z}} %<extra></extra>",
                }
            )  # fmt: skip
        layout = {
            "xaxis": {"anchor": "y3", "title": {"text": "time"}},
            "yaxis": {"domain": [0.74, 1.0], "title": {"text": "value"}},
            "yaxis2": {"domain": [0.38, 0.70], "title": {"text": "update"}, "showticklabels": False},
            "yaxis3": {"domain": [0.0, 0.34], "title": {"text": "reset"}, "showticklabels": False},
            "showlegend": False,
        }
        update, reset = (layer[f"mean_{name}"] for name in ("update", "reset"))
        several = f"Layer {layer['layer']}: on average " if found["network"]["layers"] > 1 else ""
        title = f"{several or 'On average '}update gates keep {between(update)} of the state in each step, "
        title += f"reset gates are {between(reset)} open"
        text = f"{found['network']['name']} along {gates['series']}. {gates_sentence(found)} "
        text += "Bright update gates keep what is known, dark ones write over it; dark reset "
        text += "gates make the new state without a look at the old one. Units from forgetful (below) to lasting."
        columns = ["from", "to", f"mean of {gates['series']}", "update gates, mean %", "reset gates, mean %"]
        rows = [list(row) for row in zip(gates["from"], gates["to"], gates["values"], update, reset, strict=True)]
        charts.append(_chart(title, data, layout, columns, rows, text))
    return charts


def _series(gates: Explained) -> Chart:
    line: Chart = {"type": "scatter", "mode": "lines", "name": "series", "x": _edges(gates), "y": gates["values"]}
    if len(line["x"]) == len(gates["values"]):
        return line
    return line | {"y": [*gates["values"], gates["values"][-1]], "line": {"shape": "hv"}}


def _edges(gates: Explained) -> list[str]:
    """Return where steps of several rows begin, and the last one ends; stamps of steps of one row."""
    return [*gates["from"], gates["to"][-1]] if gates["from"] != gates["to"] else gates["from"]


def _marks(gates: Explained, heights: list[float | None]) -> Chart:
    """Return a mark at each closed chapter of the series shown."""
    places = gates["moments"]
    return {
        "type": "scatter", "mode": "markers", "name": "closed chapters", "x": [gates["from"][k] for k in places],
        "y": [heights[k] for k in places], "marker": {"symbol": "triangle-down", "size": 11, "color": "#d62728"},
    }  # fmt: skip


def _memory(found: Explained) -> list[Chart]:
    memory = found["memory"]
    lives = [one for layer in memory["layers"] for one in layer]
    finite = sorted(one for one in lives if one)
    if not finite or found["network"]["tokens"] == 1:
        return []
    bounds = edges(finite[0], finite[-1])
    rows: list[list[Any]] = []
    for low, high in itertools.pairwise(bounds):
        count = sum(low <= one < high or one == high == bounds[-1] for one in finite)
        rows.append([bin_label(low, high), count])
    if len(finite) < len(lives):
        rows.append(["endless", len(lives) - len(finite)])
    bar = {"type": "bar", "name": "units", "x": [row[0] for row in rows], "y": [row[1] for row in rows]}
    layout = {
        "xaxis": {"title": {"text": f"half-life ({memory['unit']})"}, "type": "category"},
        "yaxis": {"title": {"text": "units"}},
        "showlegend": False,
    }
    median = "Most units never let go" if memory["median"] is None else "Half of what the median unit knows is gone "
    title = median if memory["median"] is None else f"{median}after {amount(memory['median'], memory['unit'])}"
    return [_chart(title, [bar], layout, [f"half-life ({memory['unit']})", "units"], rows, memory_sentence(found))]


def _moments(found: Explained) -> list[Chart]:
    """Return how far the memory was written over for good, with the moments above the threshold."""
    gates, resets = found["gates"], found["resets"]
    if not resets["n_tokens"] or not any(one is not None for one in gates["rewritten"]):
        return []
    scores = gates["rewritten"]
    line = {"type": "scatter", "mode": "lines", "name": "written over", "x": gates["from"], "y": scores}
    ends = [gates["from"][0], gates["from"][-1]]
    limit = {
        "type": "scatter", "mode": "lines", "name": "threshold", "x": ends, "y": [resets["threshold"]] * 2,
        "line": {"dash": "dash", "color": "#888888"},
    }  # fmt: skip
    data = [line, limit, *([_marks(gates, scores)] if gates["moments"] else [])]
    layout = {
        "xaxis": {"title": {"text": "time"}},
        "yaxis": {"title": {"text": "robust standard deviations"}},
        "showlegend": False,
    }
    count = resets["n_moments"]
    title = f"The past is closed at {count:,} of {resets['n_tokens']:,} steps" if count else "No chapter is closed"
    columns = ["when", "robust standard deviations above the usual", "series"]
    rows = [[period(one), one["score"], one["series"]] for one in resets["moments"]]
    text = resets_sentence(found)
    if resets["n_series"] > 1:
        text += f" Drawn: the newest steps of {gates['series']}, with {len(gates['moments']) or 'none'} of them."
    return [_chart(title, data, layout, columns, rows, text)]


def _profiles(found: Explained) -> list[Chart]:
    """Return how many moments each part of the calendar has, beside its share of the steps."""
    resets = found["resets"]
    if resets["n_moments"] < MIN_FOR_PROFILE:
        return []
    charts = []
    for part in resets["profile"]:
        steps = sum(part["tokens"])
        expected = [round(resets["n_moments"] * count / steps, 2) for count in part["tokens"]]
        data = [
            {"type": "bar", "name": "closed chapters", "x": part["names"], "y": part["moments"]},
            {"type": "scatter", "mode": "markers", "name": "by its share", "x": part["names"], "y": expected},
        ]
        layout = {
            "xaxis": {"title": {"text": part["by"]}, "type": "category"},
            "yaxis": {"title": {"text": "closed chapters"}},
        }
        most = max(part["moments"])
        best = [name for name, moments in zip(part["names"], part["moments"], strict=True) if moments == most]
        has = "has" if len(best) == 1 else "have"
        title = f"By {part['by']}: {', '.join(best)} {has} the most closed chapters, {most} of {resets['n_moments']}"
        title += "" if len(best) == 1 else " each"
        rows = [list(row) for row in zip(part["names"], part["moments"], expected, part["tokens"], strict=True)]
        columns = [part["by"], "closed chapters", "by its share of the steps", "steps"]
        text = "Dots: as many as if they fell by chance. With few moments, differences are luck."
        charts.append(_chart(title, data, layout, columns, rows, text))
    return charts


def _reach(found: Explained) -> list[Chart]:
    """Return the gradient of the forecast by rows back, on a logarithmic axis."""
    curves, per_row, unit = found["reach"], found["per_row"], found["unit"]
    if not curves:
        return []
    data = [
        {
            "type": "scatter", "mode": "lines", "name": _escaped(one["name"]),
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
    title = f"How much the oldest rows of the window move the forecast, beside the newest{alike}: "
    title += parts or "nothing does"
    columns = [f"{unit} back", *[one["name"] for one in curves]]
    places = sorted({back for one in curves for back in one["rows_back"]})
    norms = [dict(zip(one["rows_back"], one["norm"], strict=True)) for one in curves]
    rows = [[round(back * per_row, 4), *[norm.get(back) for norm in norms]] for back in places]
    return [_chart(title, data, layout, columns, rows, reach_sentence(found))]


def _importance(found: Explained) -> list[Chart]:
    needs = found["importance"]
    if needs is None:
        return []
    parts = needs["parts"][::-1]  # the largest on top
    arms = {
        "type": "data", "symmetric": False,
        "array": [one["high"] - one["mean"] for one in parts],
        "arrayminus": [one["mean"] - one["low"] for one in parts],
    }  # fmt: skip
    bar = {
        "type": "bar", "orientation": "h", "name": "MASE", "y": [_escaped(one["name"]) for one in parts],
        "x": [one["mean"] for one in parts], "error_x": arms,
    }  # fmt: skip
    layout = {
        "xaxis": {"title": {"text": "growth of MASE"}},
        "yaxis": {"automargin": True, "type": "category"},
        "showlegend": False,
    }
    best, title = strongest(needs["parts"]), "No single part of the input is needed beyond what exchanges differ"
    if best is not None:
        title = f"The network needs most: {best['name']} (MASE {best['mean']:+.3f} with those of another window)"
    elif needs["parts"][0]["mean"] < LITTLE:
        title = f"No part of the input matters by more than {LITTLE:g} of MASE"
    columns = ["exchanged between windows", "MASE grows by", "least", "most", "standard deviation"]
    rows = [[one[name] for name in ("name", "mean", "low", "high", "spread")] for one in needs["parts"]]
    text = f"{importance_sentence(found)} Lines: least and most of {needs['permutations']} exchanges."
    return [_chart(title, [bar], layout, columns, rows, text)]


def _escaped(text: str) -> str:
    """Return the text that plotly shows as it is, without reading it as markup."""
    seen = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return seen.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

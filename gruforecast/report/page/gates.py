"""A look inside the networks, as `gruforecast explain` found it, in the form of the page."""

from __future__ import annotations

from typing import Any

from gruforecast.models.networks.config import CELLS
from gruforecast.report.page import gate_charts as gates
from gruforecast.report.page.figure import COLOURS, Figure, Report, Section, Table

Chart = dict[str, Any]
HEIGHT, TALL = 340, 560  # of charts with one pair of axes, and with several


def gates_section(report: Report) -> Section | None:
    """Figures of gates, memory, resets and reach; None where nothing was explained.

    A chart has `title` (what to see), `text` (how to read it), `figure` (`data` and `layout` in plotly's form, text in
    it made safe by `plot_text`), and `table` (`columns` and `rows` of plain texts and numbers).
    """
    charts = gates.gates_section(report["explain"]) if report.get("explain") else []
    figures = [_figure(number, chart) for number, chart in enumerate(charts, 1)]
    return Section("gates", "A look inside the gates", [], figures) if figures else None


def _figure(number: int, chart: Chart) -> Figure:
    table, layout = chart["table"], chart["figure"]["layout"]
    tall = sum(name.startswith("yaxis") for name in layout) > 1
    behind = Table.of(chart["title"], table["columns"], table["rows"])
    data = [_coloured(trace) for trace in chart["figure"]["data"]]
    return Figure(f"gates-{number}", chart["title"], chart["text"], data, layout, behind, TALL if tall else HEIGHT)


def _coloured(trace: dict[str, Any]) -> dict[str, Any]:
    """A line of one cell, in the colour that this cell has everywhere on the page."""
    cell = next((cell for cell in CELLS if str(trace.get("name", "")).split("-")[0].split(" ")[0] == cell), None)
    return trace if cell is None else trace | {"line": {**trace.get("line", {}), "color": COLOURS[cell]}}

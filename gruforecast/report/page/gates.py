"""A look inside the networks, as `gruforecast explain` found it: `report["explain"]["figures"]`, drawn as they are.

Each is a mapping with the fields of `Figure`; its `table` has `caption`, `header` and `rows` of numbers and texts.
"""

from __future__ import annotations

from typing import Any

from gruforecast.report.page.figure import Figure, Report, Section, Table


def gates_section(report: Report) -> Section | None:
    """Figures of gates, memory, resets and reach; None where nothing was explained."""
    explained = report.get("explain") or {}
    figures = [_figure(one) for one in explained.get("figures", [])]
    words = list(explained.get("words", []))
    return Section("gates", "A look inside the gates", words, figures) if figures else None


def _figure(one: dict[str, Any]) -> Figure:
    table = one["table"]
    behind = Table.of(table["caption"], table["header"], table["rows"])
    return Figure(**{**one, "name": f"gates-{one['name']}", "table": behind})

"""A look inside the networks: what `gruforecast explain` has found, where it was asked."""

from __future__ import annotations

from gruforecast.report.page.figure import Report, Section


def gates_section(report: Report) -> Section | None:
    """Figures of gates, memory, resets and reach; None where the report has no `explain`."""
    return None

"""A saved report in the form that is asked for."""

from __future__ import annotations

import msgspec

from gruforecast.report.report import Report
from gruforecast.serialization import encoded

FORMS = ("html", "md", "json")


def rendered(report: Report, form: str) -> str:
    """Return the report as a page, as Markdown, or as it is.

    Raises:
        ResourceError: plotly's script is missing.
    """
    if form == "json":
        return f"{msgspec.json.format(encoded(report), indent=1).decode()}\n"
    from gruforecast.report.markdown import markdown
    from gruforecast.report.page.html import page

    return page(report) if form == "html" else markdown(report)

"""A saved report in the form that is asked for."""

from __future__ import annotations

import json
from typing import Any

from gruforecast.errors import ModelError

FORMS = ("html", "md", "json")


def rendered(report: Any, form: str) -> str:
    """Return the report as a page, as Markdown, or as it is.

    Raises:
        ModelError: it lacks what every report has.
        ResourceError: plotly's script is missing.
    """
    if form == "json":
        return json.dumps(report, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    from jinja2 import TemplateError

    from gruforecast.report.markdown import markdown
    from gruforecast.report.page.html import page

    try:
        return page(report) if form == "html" else markdown(report)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, TemplateError) as error:
        text = f"the report does not hold what it should ({type(error).__name__}: {error})."
        remedy = "It is damaged, or of an earlier version; fit the model again."
        raise ModelError(text, remedy=remedy, code="GF-M30", file="report.json") from error

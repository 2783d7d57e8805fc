"""The report as one file that needs nothing else: no network, no server, no script but the two that it names."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gruforecast.errors import ResourceError
from gruforecast.execution.atomic_files import write_file
from gruforecast.report.page import accuracy, words
from gruforecast.report.page.cells import cells_section
from gruforecast.report.page.figure import Section, steps_in
from gruforecast.report.page.gate_charts import gates_section
from gruforecast.report.page.hyperparameters import meanings
from gruforecast.report.page.search import search_figures, search_words, trials_table
from gruforecast.report.page.series import first_tables, page_data
from gruforecast.report.report import Report
from gruforecast.serialization import JsonValue
from gruforecast.text import harmless

if TYPE_CHECKING:
    from jinja2 import Template

T = TypeVar("T")
PAGE = "report.html"
ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def write_page(report: Report, path: Path) -> None:
    """Write the page, whole or not at all."""
    write_file(path, page(report).encode())


def page(report: Report) -> str:
    """Return the report as HTML with everything that it needs.

    Raises:
        ResourceError: plotly's script is missing.
    """
    sections, scripts = sections_of(report), [plotly_script(), _text("page.js")]
    data = page_data(report, [figure.drawn() for section in sections for figure in section.figures])
    return _template().render(
        report=report,
        headline=words.headline(report),
        facts=words.evidence_facts(report),
        answers=words.answers(report),
        ahead=steps_in(report, report.horizon),
        arguments=words.arguments(report),
        sections={section.name: section for section in sections},
        contents=[(section.name, section.title) for section in sections],
        series=data["series"],
        scored=report.extracts.losses.of - report.n_series_without_scale,
        levels=", ".join(f"{level:g}" for level in report.levels),
        machine=words.machine(report),
        repeats=words.repeats(report),
        left_out=words.left_out(report),
        first=first_tables(report),
        data=as_script(data),
        css=_text("page.css"),
        scripts=scripts,
        policy=policy(scripts),
    )


def sections_of(report: Report) -> list[Section]:
    """Return the parts of the page in order; those of what was not done are missing."""
    won = _present([accuracy.leaderboard(report), accuracy.against(report)])
    tables = _present([accuracy.folds_table(report), accuracy.models_table(report)])
    coverage, series = _present([accuracy.coverage(report)]), report.extracts.series
    sections = [
        Section("forecast", "The forecast") if series else None,
        Section("leaderboard", "Who won, and by how much", [report.verdict], won, tables),
        Section("folds", "The backtest on the time axis") if series else None,
        Section("errors", "Where the errors are", [], _present([accuracy.steps(report), accuracy.by_series(report)])),
        Section("coverage", "How sure the forecast is", [words.BANDS], coverage) if coverage else None,
        cells_section(report),
        _search_section(report),
        gates_section(report),
        Section("data", "What was done to the data", [], [], [words.plan_table(report)]),
        Section("reproduce", "How to get this again", [], [], words.reproduction_tables(report)),
    ]
    return _present(sections)


def _search_section(report: Report) -> Section:
    figures = search_figures(report)
    tables = meanings(report.search) if figures else [trials_table(report)]
    return Section("search", "The search", search_words(report), figures, tables)


def _present(parts: list[T | None]) -> list[T]:
    return [one for one in parts if one is not None]


def plotly_script() -> str:
    """Return plotly's script, which its Python package carries; the package itself is not imported.

    Raises:
        ResourceError: it is not there.
    """
    spec = importlib.util.find_spec("plotly")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(place) / "package_data" / "plotly.min.js"
        if path.is_file():
            return path.read_text(encoding="utf-8").replace("</script", "<\\/script")
    remedy = "Install it with: pip install plotly."
    raise ResourceError("the script of plotly is missing.", remedy=remedy, code="GF-E22")


def as_script(data: JsonValue) -> str:
    """Return JSON that stands in a script element and cannot end it; every hidden character is an escape."""
    text = json.dumps(_visible(data), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for mark, escape in ESCAPES.items():
        text = text.replace(mark, escape)
    return text


def _visible(data: JsonValue) -> JsonValue:
    if isinstance(data, str):
        return harmless(data)
    if isinstance(data, Mapping):
        return {name: _visible(value) for name, value in data.items()}
    if isinstance(data, Sequence):
        return [_visible(value) for value in data]
    return data


def policy(scripts: list[str]) -> str:
    """Return a content security policy under which these scripts run, and nothing else, and nothing is loaded."""
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    rest = "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    return f"default-src 'none'; script-src {allowed}; {rest}"


def _text(name: str) -> str:
    return files("gruforecast.report.page").joinpath(name).read_text(encoding="utf-8")


def _template() -> Template:
    """Return the template of the page: text is escaped and shown as it is, hidden characters as escapes."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    def shown(value: T) -> T | str:
        return harmless(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    return Environment(
        autoescape=True, undefined=StrictUndefined, finalize=shown, trim_blocks=True, lstrip_blocks=True
    ).from_string(_text("report.html.j2"))

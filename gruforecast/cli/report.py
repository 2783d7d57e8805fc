"""`gruforecast report`."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from gruforecast.cli.arguments import DEFAULT_MODEL, ModelFolder, check_places, refuse_pretrained, screen
from gruforecast.cli.error_edge import error_edge
from gruforecast.errors import UsageError
from gruforecast.text import harmless

ENDINGS = {".html": "html", ".htm": "html", ".md": "md", ".json": "json"}
_JSON, _QUIET, _VERBOSE, _DEBUG = screen(
    as_json="Print one JSON object: the report.", verbose="Also say how large it is."
)


def report(
    model: ModelFolder = DEFAULT_MODEL,
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="File to write; the page goes beside MODEL if not given.")
    ] = None,
    format: Annotated[str | None, typer.Option(help="html, md or json; by the file's ending, else html.")] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: Annotated[bool, _JSON] = False,
    quiet: Annotated[bool, _QUIET] = False,
    verbose: Annotated[bool, _VERBOSE] = False,
    debug: Annotated[bool, _DEBUG] = False,
) -> None:
    """Write the report of a model again: a page for the browser, Markdown for a pull request, or JSON.

    Examples: gruforecast report --open · gruforecast report my_model --format md · gruforecast report -o r.html
    """
    with error_edge(as_json=as_json, debug=debug):
        refuse_pretrained(model, "report")
        check_places(model, {}, {"-o": output})
        form = _form(format, output, as_json=as_json)
        if show and form != "html":
            raise UsageError(
                f"--open shows the page, and this is {form}.",
                remedy="Leave out --open, or pass --format html.",
                code="GF-U80",
            )
        from gruforecast.report.render import rendered
        from gruforecast.report.stored import stored_report

        text = rendered(stored_report(model), form)
        if output is None and form != "html":
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        from gruforecast.report.files.table import place

        target = Path(output) if output else _default_place(Path(model))
        with place(str(target)) as stream:
            stream.write(text.encode())
        if not quiet:
            size = f" ({len(text.encode()) / 1e6:.1f} MB)" if verbose else ""
            typer.echo(harmless(f"wrote {output or target.name}{size}"), err=True)
        if show and not webbrowser.open(target.absolute().as_uri()):
            typer.echo(harmless(f"warning: there is no browser; open {target} in one"), err=True)


def _default_place(folder: Path) -> Path:
    """Return the page's place if none is requested for: the model folder itself is sealed."""
    whole = folder.resolve()
    return whole.with_name(f"{whole.name}.html")


def _form(requested: str | None, output: str | None, *, as_json: bool) -> str:
    if requested is not None and requested not in ENDINGS.values():
        raise UsageError(f"--format {requested!r} is unknown.", remedy="Use html, md or json.", code="GF-U81")
    if as_json and requested not in (None, "json"):
        raise UsageError(
            f"--json and --format {requested} contradict each other.", remedy="Leave one of them out.", code="GF-U86"
        )
    if as_json:
        return "json"
    ending = Path(output).suffix.lower() if output else ""
    if requested is None and output and ending not in ENDINGS:
        raise UsageError(
            f"the ending of {output} says no format.",
            remedy="End the name in .html, .md or .json, or pass --format.",
            code="GF-U82",
        )
    return requested or ENDINGS.get(ending, "html")

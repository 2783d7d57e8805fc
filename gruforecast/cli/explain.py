"""`gruforecast explain`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gruforecast.cli.arguments import check_places
from gruforecast.cli.error_edge import error_edge
from gruforecast.cli.predict import DEFAULT_MODEL, sort_arguments
from gruforecast.errors import UsageError
from gruforecast.text import harmless

if TYPE_CHECKING:
    from gruforecast.explain.records import Explanation


def explain(
    model: Annotated[
        str | None, typer.Argument(help=f"Model folder, {DEFAULT_MODEL} if not given; a file here is DATA.")
    ] = None,
    data: Annotated[
        str | None, typer.Argument(help="CSV file to look at; without it, what fit has found in the training data.")
    ] = None,
    member: Annotated[str | None, typer.Option(help="Another network than the one with the largest weight.")] = None,
    id: Annotated[str | None, typer.Option(help="Series in the pictures; the longest if not given.")] = None,
    output: Annotated[str | None, typer.Option("-o", "--output", help="JSON file to write everything to.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say only what is wrong.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Look inside a GRU: gates, memory, state change points, input gradient, and what it needs. Without TensorFlow.

    Examples: gruforecast explain · gruforecast explain new.csv · gruforecast explain my_model new.csv -o inside.json
    """
    with error_edge(as_json=as_json, debug=debug):
        from gruforecast.serialization import encoded

        folder, file = sort_arguments(model, data)
        if output is not None and not output.endswith(".json"):
            raise UsageError(f"-o {output!r} is no JSON file.", remedy="Pass -o inside.json.", code="GF-U83")
        check_places(folder, {"DATA": file}, {"-o": output})
        explanation = _look(folder, file, member, id, quiet=quiet)
        text = encoded(explanation)
        if output is not None:
            from gruforecast.report.files.table import place

            with place(output) as stream:
                stream.write(text + b"\n")
            if not quiet:
                typer.echo(f"wrote {harmless(output)}", err=True)
        if as_json:
            typer.echo(text)
        elif not quiet:
            from gruforecast.report.terminal.explain import show_explanation

            show_explanation(explanation)


def _look(folder: str, file: str | None, member: str | None, id: str | None, *, quiet: bool) -> Explanation:
    """Return what `fit` has found, or the same anew for other rows, another network or another series."""
    from gruforecast.artifact.folder import load
    from gruforecast.explain.model import explain_model, largest
    from gruforecast.models.registry import BLEND, NETWORKS
    from gruforecast.report.stored import stored_explanation

    forecaster, stored = load(folder), stored_explanation(folder)
    if not quiet and forecaster.winner not in (NETWORKS, BLEND, *(one.name for one in forecaster.networks)):
        typer.echo(f"what won is {harmless(forecaster.winner)}; this is a look into the networks", err=True)
    default = largest(forecaster.networks).name
    if file is None and id is None and member in (None, default) and stored is not None:
        return stored
    if file is None:
        explanation = explain_model(forecaster, member=member, id=id, stored=stored)
        if not quiet:
            typer.echo("only the newest rows of the training data are in the folder; DATA shows more", err=True)
        return explanation
    from gruforecast.data.read import read_like

    reading = read_like(file, forecaster.plan)
    for warning in reading.warnings:
        typer.echo(f"warning: {harmless(warning)}", err=True)
    source = "standard input" if file == "-" else Path(file).name
    return explain_model(forecaster, reading.panel, member=member, id=id, stored=stored, source=source)

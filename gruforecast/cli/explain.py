"""`gruforecast explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gruforecast.cli.arguments import ModelOrData, check_places, refuse_pretrained, screen, sort_arguments
from gruforecast.cli.error_edge import error_edge
from gruforecast.cli.wording import print_json
from gruforecast.errors import UsageError
from gruforecast.text import harmless

if TYPE_CHECKING:
    from gruforecast.explain.records import Explanation

_JSON, _QUIET, _, _DEBUG = screen()


def explain(
    model: ModelOrData = None,
    data: Annotated[
        str | None, typer.Argument(help="CSV file to look at; without it, what fit has found in the training data.")
    ] = None,
    member: Annotated[str | None, typer.Option(help="Another network than the one with the largest weight.")] = None,
    series: Annotated[str | None, typer.Option(help="Series in the pictures; the longest if not given.")] = None,
    output: Annotated[str | None, typer.Option("-o", "--output", help="JSON file to write everything to.")] = None,
    as_json: Annotated[bool, _JSON] = False,
    quiet: Annotated[bool, _QUIET] = False,
    debug: Annotated[bool, _DEBUG] = False,
) -> None:
    """Look inside a GRU: gates, memory, state change points, input gradient, and what it needs. Without TensorFlow.

    Examples: gruforecast explain · gruforecast explain new.csv · gruforecast explain my_model new.csv -o inside.json
    """
    with error_edge(as_json=as_json, debug=debug):
        from gruforecast.serialization import encoded

        folder, file = sort_arguments(model, data)
        refuse_pretrained(folder, "explain")
        if output is not None and not output.endswith(".json"):
            raise UsageError(f"-o {output!r} is no JSON file.", remedy="Pass -o inside.json.", code="GF-U83")
        check_places(folder, {"DATA": file}, {"-o": output})
        explanation = _look(folder, file, member, series, quiet=quiet)
        if output is not None:
            from gruforecast.report.files.table import place

            with place(output) as stream:
                stream.write(encoded(explanation) + b"\n")
            if not quiet:
                typer.echo(f"wrote {harmless(output)}", err=True)
        if as_json:
            print_json(explanation)
        elif not quiet:
            from gruforecast.report.terminal.explain import show_explanation

            show_explanation(explanation)


def _look(folder: str, file: str | None, member: str | None, series: str | None, *, quiet: bool) -> Explanation:
    """Return what `fit` has found, or the same anew for other rows, another network or another series."""
    from gruforecast.api import load
    from gruforecast.models.registry import BLEND, NETWORKS

    loaded = load(folder)
    own = loaded.forecaster
    if not quiet and own.winner not in (NETWORKS, BLEND, *(one.name for one in own.networks)):
        typer.echo(f"what won is {harmless(own.winner)}; this is a look into the networks", err=True)
    return loaded.explain(file, member=member, series=series).record

"""`gruforecast show`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from gruforecast.cli.error_edge import error_edge
from gruforecast.cli.predict import DEFAULT_MODEL


def show(
    model: Annotated[str, typer.Argument(help="Model folder.")] = DEFAULT_MODEL,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say only what is wrong.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Also show every file.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Say what a model folder is, after checking all of its files. Nothing in it is executed.

    Example: gruforecast show my_model
    """
    with error_edge(as_json=as_json, debug=debug):
        from gruforecast.artifact.describe import describe
        from gruforecast.serialization import plain

        facts = describe(model)
        if as_json:
            typer.echo(json.dumps(plain(facts)))
        elif not quiet:
            from gruforecast.report.terminal.show import show_model

            show_model(facts, verbose=verbose)

"""`gruforecast explain`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from gruforecast.cli.edge import error_edge, harmless
from gruforecast.cli.predict import DEFAULT_MODEL, sort_arguments
from gruforecast.errors import ResourceError, UsageError


def explain(
    model: Annotated[
        str | None, typer.Argument(help=f"Model folder, {DEFAULT_MODEL} if not given; a file here is DATA.")
    ] = None,
    data: Annotated[
        str | None, typer.Argument(help="CSV file to look at; without it, what fit has found in the training data.")
    ] = None,
    member: Annotated[str | None, typer.Option(help="Another network than the one with the largest share.")] = None,
    id: Annotated[str | None, typer.Option(help="Series in the pictures; the longest if not given.")] = None,
    output: Annotated[str | None, typer.Option("-o", "--output", help="JSON file to write everything to.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say only what is wrong.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Look inside a GRU: gates, memory, resets, how far back it listens, and what it needs. Without TensorFlow.

    Examples: gruforecast explain · gruforecast explain new.csv · gruforecast explain my_model new.csv -o inside.json
    """
    with error_edge(as_json=as_json, debug=debug):
        folder, file = sort_arguments(model, data)
        _check_place(output, file)
        if file is not None:
            from gruforecast.data.source import require_local_file

            require_local_file(file)
        found = _look(folder, file, member, id, quiet=quiet)
        text = json.dumps(found, allow_nan=False)
        if output is not None:
            _write(output, text)
            if not quiet:
                typer.echo(f"wrote {output}", err=True)
        if as_json:
            typer.echo(text)
        elif not quiet:
            from gruforecast.report.explanation import show_explanation

            show_explanation(found)


def _look(folder: str, file: str | None, member: str | None, id: str | None, *, quiet: bool) -> dict[str, Any]:
    """What `fit` has found, or the same anew for other rows, another network or another series."""
    from gruforecast.artifact.folder import load
    from gruforecast.artifact.stored import stored_explanation
    from gruforecast.inside import largest, look_inside

    forecaster, stored = load(folder), stored_explanation(folder)
    usual = largest(forecaster.networks).name
    if file is None and id is None and member in (None, usual) and stored is not None:
        return stored
    if file is None:
        found = look_inside(forecaster, member=member, id=id, stored=stored)
        if not quiet:
            typer.echo("only the newest rows of the training data are in the folder; DATA shows more", err=True)
        return found
    from gruforecast.data.panel import read_like

    reading = read_like(file, forecaster.plan)
    for warning in reading.warnings:
        typer.echo(f"warning: {harmless(warning)}", err=True)
    source = "standard input" if file == "-" else Path(file).name
    return look_inside(forecaster, reading.panel, member=member, id=id, stored=stored, source=source)


def _check_place(output: str | None, data: str | None) -> None:
    if output is None:
        return
    if not output.endswith(".json") or Path(output).is_dir():
        raise UsageError(f"-o {output!r} is no JSON file.", remedy="Pass -o inside.json.", code="GF-U83")
    if data not in (None, "-") and Path(output).resolve() == Path(str(data)).resolve():
        raise UsageError("-o would write over DATA.", remedy="Give another name.", code="GF-U84")


def _write(output: str, text: str) -> None:
    """A file that is there whole or not at all."""
    part = Path(output).with_name(f".{Path(output).name}.part")
    try:
        part.write_text(text + "\n", encoding="utf-8")
        part.replace(output)
    except OSError as error:
        part.unlink(missing_ok=True)
        remedy = "Make room, or choose another place with -o."
        found = f"cannot write: {error.strerror or error}."
        raise ResourceError(found, remedy=remedy, code="GF-E04", file=output) from error

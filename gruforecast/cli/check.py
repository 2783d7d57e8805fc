"""`gruforecast check`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

import typer

from gruforecast.cli.arguments import COLUMNS, with_reading
from gruforecast.cli.error_edge import error_edge
from gruforecast.errors import UsageError

RESULT = "Result"


@with_reading
def check(
    data: Annotated[str | None, typer.Argument(help="CSV, gzip or Parquet file; '-' is standard input.")] = None,
    *,
    reading: Callable[[], Any],
    horizon: Annotated[
        int | None, typer.Option(help="Steps to forecast; by frequency if not given.", rich_help_panel=COLUMNS)
    ] = None,
    season: Annotated[
        int | None, typer.Option(help="Rows of one season; found if not given.", rich_help_panel=COLUMNS)
    ] = None,
    environment: Annotated[
        bool, typer.Option("--environment", help="Look at this machine instead.", rich_help_panel=RESULT)
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.", rich_help_panel=RESULT)] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Say only what is wrong.", rich_help_panel=RESULT)
    ] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Show every series.", rich_help_panel=RESULT)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.", rich_help_panel=RESULT)] = False,
) -> None:
    """Look at a file: what is odd, how it would be read, and each series. Nothing is trained.

    Example: gruforecast check sales.csv --time Date --target Sales
    """
    with error_edge(as_json=as_json, debug=debug):
        if environment:
            _show_environment(as_json=as_json)
            return
        if data is None:
            raise UsageError("there is no file to check.", remedy="Give DATA, or --environment.", code="GF-U34")
        from gruforecast.automl.data_profile import examine
        from gruforecast.automl.options import FitOptions
        from gruforecast.serialization import plain

        profile = examine(FitOptions(data, reading=reading(), horizon=horizon, season=season))
        if as_json:
            typer.echo(json.dumps(plain(profile)))
            return
        from gruforecast.report.terminal.check import show_profile

        show_profile(profile, quiet=quiet, verbose=verbose)


def _show_environment(*, as_json: bool) -> None:
    from gruforecast.execution.machine import environment
    from gruforecast.serialization import plain

    facts = environment()
    if as_json:
        typer.echo(json.dumps(plain(facts)))
        return
    for warning in facts.warnings:
        typer.echo(f"warning: {warning}")
    typer.echo(f"gruforecast {facts.gruforecast}, Python {facts.python}, {facts.system}")
    memory, free = facts.memory_bytes / 1e9, facts.free_disk_bytes / 1e9
    typer.echo(f"{facts.cores} cores, {memory:.1f} GB of memory, {free:.1f} GB free here")
    typer.echo(", ".join(f"{name} {installed}" for name, installed in facts.packages.items()))
    missing = [name for name, installed in facts.extras.items() if installed is None]
    there = [f"{name} {installed}" for name, installed in facts.extras.items() if installed]
    typer.echo(f"extras: {', '.join(there) or 'none'}{'; not installed: ' + ', '.join(missing) if missing else ''}")

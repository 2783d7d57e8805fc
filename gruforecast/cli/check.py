"""`gruforecast check`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from gruforecast.automl.options import RESULT, CheckOptions
from gruforecast.cli.arguments import in_panel, screen, with_options
from gruforecast.cli.error_edge import error_edge
from gruforecast.cli.wording import as_flags, print_json
from gruforecast.errors import UsageError
from gruforecast.text import harmless

_result = in_panel(RESULT)
_JSON, _QUIET, _VERBOSE, _DEBUG = screen(RESULT, verbose="Show every series.")


@with_options(CheckOptions)
def check(
    data: Annotated[str | None, typer.Argument(help="CSV, gzip or Parquet file; '-' is standard input.")] = None,
    *,
    options: Callable[[], CheckOptions],
    environment: Annotated[bool, _result("Look at this machine instead.", "--environment")] = False,
    as_json: Annotated[bool, _JSON] = False,
    quiet: Annotated[bool, _QUIET] = False,
    verbose: Annotated[bool, _VERBOSE] = False,
    debug: Annotated[bool, _DEBUG] = False,
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
        from msgspec import structs

        from gruforecast.automl.data_profile import examine

        profile = examine(data, options())
        texts = {name: [as_flags(text) for text in getattr(profile, name)] for name in ("found", "warnings")}
        profile = structs.replace(profile, **texts, refused=as_flags(profile.refused))
        if as_json:
            print_json(profile)
        else:
            from gruforecast.report.terminal.check import show_profile

            show_profile(profile, quiet=quiet, verbose=verbose)


def _show_environment(*, as_json: bool) -> None:
    from gruforecast.execution.machine import environment

    facts = environment()
    if as_json:
        print_json(facts)
        return
    for warning in facts.warnings:
        typer.echo(f"warning: {harmless(warning)}")
    typer.echo(f"gruforecast {facts.gruforecast}, Python {facts.python}, {facts.system}")
    memory, free = facts.memory_bytes / 1e9, facts.free_disk_bytes / 1e9
    typer.echo(f"{facts.cores} cores, {memory:.1f} GB of memory, {free:.1f} GB free here")
    if facts.program_cache:
        size = f"{facts.program_cache_bytes / 1e6:.1f} MB"
        typer.echo(f"compiled programs: {size} in {harmless(facts.program_cache)}")
    typer.echo(", ".join(f"{name} {installed}" for name, installed in facts.packages.items()))
    missing = [name for name, installed in facts.extras.items() if installed is None]
    there = [f"{name} {installed}" for name, installed in facts.extras.items() if installed]
    typer.echo(f"extras: {', '.join(there) or 'none'}{'; not installed: ' + ', '.join(missing) if missing else ''}")

"""The program `gruforecast` and its commands, one module each."""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from gruforecast.cli.backtest import backtest
from gruforecast.cli.check import check
from gruforecast.cli.explain import explain
from gruforecast.cli.export import export
from gruforecast.cli.fit import fit
from gruforecast.cli.predict import predict
from gruforecast.cli.report import report
from gruforecast.cli.serve import serve
from gruforecast.cli.show import show
from gruforecast.version import __version__

app = typer.Typer(
    name="gruforecast",
    help="Light GRU forecasts from a CSV file: searched, compared honestly, ready to ship.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(check)
app.command()(fit)
app.command()(predict)
app.command()(backtest)
app.command()(export)
app.command()(serve)
app.command()(show)
app.command()(report)
app.command()(explain)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gruforecast {__version__}")
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Light GRU forecasts from a CSV file: searched, compared honestly, ready to ship."""


def main() -> NoReturn:
    """Run the command line and exit."""
    app()
    sys.exit(0)

"""The program `gruforecast`: its commands are one module each, imported when they are called."""

from __future__ import annotations

import importlib
import sys
from typing import Annotated, NoReturn, Protocol, cast

import typer
from typer.core import TyperCommand, TyperGroup

from gruforecast.version import __version__

TASKS = {
    "Look at data": {"check": "what is odd about a file, how it would be read, and each of its series"},
    "Make a model": {
        "fit": "search networks, compare them with simple methods, save a model with its report",
        "show": "what a model folder is",
        "report": "write or open the report of a model",
        "explain": "what a network does with its input: gates, memory, importance",
    },
    "Forecast": {
        "predict": "forecast from a model, or at once from a file with the pretrained network; without TensorFlow",
        "backtest": "score a saved model, or the pretrained network, on new data, at many cutoffs",
    },
    "Ship it": {"export": "SavedModel, ONNX or LiteRT, checked against predict", "serve": "forecasts over HTTP"},
}
FIRST_STEPS = """
First steps:
  gruforecast predict pretrained data.csv
  gruforecast check data.csv
  gruforecast fit data.csv
  gruforecast predict
gruforecast COMMAND --help tells more, with examples.
"""


class _Context(Protocol):
    """What is known of a call."""

    info_name: str | None


class _Formatter(Protocol):
    """What writes a page of help."""

    def write(self, string: str) -> None:
        """Write text."""

    def write_dl(self, rows: list[tuple[str, str]]) -> None:
        """Write names and what they mean."""


class Program(TyperGroup):
    """The commands by task, and a page of help that is there at once."""

    def get_command(self, ctx: _Context, cmd_name: str) -> TyperCommand | None:  # noqa: ARG002 - as in `TyperGroup`
        """Return a command, imported now; None where there is none of this name."""
        if cmd_name not in self.commands:
            return None
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command(cmd_name)(getattr(importlib.import_module(f"{__package__}.{cmd_name}"), cmd_name))
        return cast("TyperCommand", typer.main.get_command(alone))

    def format_help(self, ctx: _Context, formatter: _Formatter) -> None:  # noqa: ARG002 - as in `TyperGroup`
        """Write what the program is for, its commands by task, and how to begin."""
        formatter.write(f"{self.help}\n\nUsage: gruforecast COMMAND [ARGS]\n")
        for task, commands in TASKS.items():
            formatter.write(f"\n{task}:\n")
            formatter.write_dl([(f"  {name}", text) for name, text in commands.items()])
        formatter.write(FIRST_STEPS)


app = typer.Typer(
    name="gruforecast",
    cls=Program,
    help="Light GRU forecasts from a CSV file: searched, compared honestly, ready to ship.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gruforecast {__version__}")
        raise typer.Exit


def _unread() -> None:
    """Stand in the place of a command until it is called."""


for _name in (name for commands in TASKS.values() for name in commands):
    app.command(_name)(_unread)


@app.callback()
def program(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - answered by its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Light GRU forecasts from a CSV file: searched, compared honestly, ready to ship."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def main() -> NoReturn:
    """Run the command line and exit."""
    app()
    sys.exit(0)

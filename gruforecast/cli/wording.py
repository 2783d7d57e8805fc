"""Messages of the library in the words of the command line: a parameter in backticks becomes a flag."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

import typer

from gruforecast.automl.options import FitOptions
from gruforecast.text import harmless

if TYPE_CHECKING:
    from gruforecast.serialization import Record

QUOTES = ("'", '"')
NAMED = re.compile(r"`([a-z][a-z_0-9]*)(?:=([^`]*))?`")
# of other commands than fit
OTHERS = ("format", "future", "member", "refit", "require_better_than", "step", "windows")
FLAGS = {one.name: one.flag for one in FitOptions.declared} | {name: f"--{name.replace('_', '-')}" for name in OTHERS}
FLAGS["output"] = "-o"


def as_flags(text: str) -> str:
    """Return a message with its options as on the command line.

    >>> as_flags("Pass `max_rows=5` or `fill=True`, see `predict`; fitted with `context=False`.")
    'Pass --max-rows 5 or --fill, see `predict`; fitted with --no-context.'
    """
    return NAMED.sub(_as_flag, text)


def _as_flag(match: re.Match[str]) -> str:
    name, written = match[1], match[2]
    if name not in FLAGS:
        return match[0]
    flag = FLAGS[name]
    if written is None or written == "True":
        return flag
    if written == "False":
        return f"--no-{flag[2:]}"
    value = shlex.quote(written[1:-1] if written[:1] in QUOTES and written[:1] == written[-1:] else written)
    return f"{flag}={value}" if value.startswith("-") else f"{flag} {value}"


def warn(text: str) -> None:
    """Print a warning on standard error."""
    typer.echo(f"warning: {harmless(as_flags(text))}", err=True)


def print_json(result: Record) -> None:
    """Print a result as one JSON object of plain characters, so that no name in it can do harm to a terminal."""
    from gruforecast.serialization import plain

    typer.echo(json.dumps(plain(result), allow_nan=False))

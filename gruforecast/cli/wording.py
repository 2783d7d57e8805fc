"""Messages of the library in the words of the command line: a parameter in backticks becomes a flag."""

from __future__ import annotations

import re
import shlex

import typer

from gruforecast.automl.options import FitOptions
from gruforecast.text import harmless

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

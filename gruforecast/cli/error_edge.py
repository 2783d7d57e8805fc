"""The edge: errors become one line and an exit code, text from files becomes harmless."""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import typer

from gruforecast.cli.wording import as_flags, warn
from gruforecast.errors import GruforecastError, GruforecastWarning, ResourceError, environment_error
from gruforecast.text import harmless, harmless_lines

NOT_BETTER, INTERRUPTED, TERMINATED = 7, 130, 143


class Terminated(KeyboardInterrupt):
    """SIGTERM, which would end the process without any clean-up."""


class Edge:
    """What is known of a command only while it runs.

    Attributes:
        log: the file that a report of a bug should include.
    """

    log: Path | None = None


@contextlib.contextmanager
def error_edge(*, as_json: bool, debug: bool, resumes: bool = False) -> Iterator[Edge]:
    """Within the block, every exception ends the program with its exit code and one line on stderr.

    Args:
        as_json: also print the error as one JSON object on stdout.
        debug: show the traceback, too.
        resumes: whether the same command goes on after an interruption.
    """
    _show_any_text()
    edge = Edge()
    try:
        with contextlib.suppress(ValueError):  # not in the main thread
            signal.signal(signal.SIGTERM, _terminate)
        with warnings.catch_warnings():
            warnings.simplefilter("always", GruforecastWarning)
            warnings.showwarning = _show_warning
            yield edge
    except (typer.Exit, SystemExit):
        raise
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; nothing is left to say
        raise typer.Exit(0) from None
    except KeyboardInterrupt as interrupt:
        again = f"; to go on: {shlex.join(['gruforecast', *sys.argv[1:]])}" if resumes else ""
        typer.echo(harmless(f"interrupted{again}"), err=True)
        raise typer.Exit(TERMINATED if isinstance(interrupt, Terminated) else INTERRUPTED) from None
    except Exception as error:  # noqa: BLE001 - this is the edge
        if debug:
            typer.echo(harmless_lines(traceback.format_exc()), err=True, nl=False)
        known = _known(error, edge.log)
        known.message, known.remedy = as_flags(known.message), as_flags(known.remedy)
        if as_json:
            typer.echo(json.dumps({"error": known.to_dict()}))
        typer.echo(harmless(f"error[{known.code}] {known}"), err=True)
        raise typer.Exit(known.exit_code) from None


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning of ours as one line; others as Python does."""
    if category is GruforecastWarning:
        warn(str(message))
    elif file is None:
        typer.echo(warnings.formatwarning(message, category, filename, lineno, line), err=True, nl=False)


def _show_any_text() -> None:
    """Characters that standard output cannot show are written as escapes, as those of standard error are."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def _terminate(*_: object) -> None:
    raise Terminated


def _known(error: Exception, log: Path | None) -> GruforecastError:
    """Return the error as one of ours: the environment's faults are exit 5, what is left is a bug, exit 1."""
    if isinstance(error, GruforecastError):
        return error
    if (known := environment_error(error)) is not None:
        return known
    if isinstance(error, OSError):
        return ResourceError(
            f"{error.strerror or error}.",
            remedy="Make room, or choose another place.",
            code="GF-E07",
            file=str(error.filename) if error.filename else None,
        )
    where = f" The log is {log}." if log and log.exists() else ""
    return GruforecastError(
        f"a bug in gruforecast: {type(error).__name__}: {error}.{where}",
        remedy="Run again with --debug and report the traceback.",
        code="GF-BUG",
    )

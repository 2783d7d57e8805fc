"""The edge: errors become one line and an exit code, text from files becomes harmless."""

from __future__ import annotations

import contextlib
import json
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import typer

from gruforecast.errors import GruforecastError, ResourceError

INTERRUPTED = 130


def harmless(text: str) -> str:
    """Text with every character that a terminal could obey, line ends included, written as an escape."""
    return "".join(mark if mark.isprintable() else mark.encode("unicode_escape").decode() for mark in text)


@contextlib.contextmanager
def error_edge(*, as_json: bool, debug: bool, log: Path | None = None) -> Iterator[None]:
    """Within the block, every exception ends the program with its exit code and one line on stderr.

    Args:
        as_json: also print the error as one JSON object on stdout.
        debug: show the traceback, too.
        log: the file that a report of a bug should include.
    """
    try:
        yield
    except (typer.Exit, SystemExit):
        raise
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; nothing is left to say
        raise typer.Exit(0) from None
    except KeyboardInterrupt:
        typer.echo("interrupted: nothing was saved; the same command starts again", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except Exception as error:  # noqa: BLE001 - this is the edge
        if debug:
            traceback.print_exc()
        known = _known(error, log)
        if as_json:
            typer.echo(json.dumps({"error": known.to_dict()}))
        typer.echo(harmless(f"error[{known.code}] {known}"), err=True)
        raise typer.Exit(known.exit_code) from None


def _known(error: Exception, log: Path | None) -> GruforecastError:
    """The error as one of ours: the environment's faults are exit 5, what is left is a bug, exit 1."""
    if isinstance(error, GruforecastError):
        return error
    if isinstance(error, MemoryError):
        remedy = "Give fewer series or rows."
        return ResourceError("the memory of this machine is not enough.", remedy=remedy, code="GF-E06")
    if isinstance(error, OSError):
        remedy = "Make room, or choose another place."
        file = str(error.filename) if error.filename else None
        return ResourceError(f"{error.strerror or error}.", remedy=remedy, code="GF-E07", file=file)
    where = f" The log is {log}." if log and log.exists() else ""
    remedy = "Run again with --debug and report the traceback."
    return GruforecastError(
        f"a bug in gruforecast: {type(error).__name__}: {error}.{where}", remedy=remedy, code="GF-BUG"
    )

"""The edge: errors become one line and an exit code, text from files becomes harmless."""

from __future__ import annotations

import contextlib
import json
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import typer

from gruforecast.errors import GruforecastError

INTERRUPTED = 130


def harmless(text: str) -> str:
    """Text with every character that a terminal could obey written as an escape."""
    return "".join(
        mark if mark.isprintable() or mark == "\n" else mark.encode("unicode_escape").decode() for mark in text
    )


@contextlib.contextmanager
def error_edge(*, as_json: bool, debug: bool, log: Path | None = None) -> Iterator[None]:
    """Within the block, every exception ends the program with its exit code and one line on stderr.

    Args:
        as_json: also print the error as one JSON object on stdout.
        debug: let unexpected exceptions and known ones show their traceback.
        log: the file that a report of a bug should include.
    """
    try:
        yield
    except GruforecastError as error:
        if debug:
            traceback.print_exc()
        if as_json:
            typer.echo(json.dumps({"error": error.to_dict()}))
        typer.echo(harmless(f"error[{error.code}] {error}"), err=True)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        typer.echo("interrupted: nothing was saved; the same command starts again", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; nothing is left to say
        raise typer.Exit(0) from None
    except (typer.Exit, SystemExit):
        raise
    except Exception as error:
        if debug:
            raise
        where = f" The log is {log}." if log and log.exists() else ""
        text = (
            f"a bug in gruforecast: {type(error).__name__}: {error}.{where} Run again with --debug for the traceback."
        )
        if as_json:
            found = {
                "code": "GF-BUG",
                "message": str(error),
                "remedy": "Run again with --debug and report the traceback.",
            }
            typer.echo(json.dumps({"error": found}))
        typer.echo(harmless(f"error[GF-BUG] {text}"), err=True)
        raise typer.Exit(1) from None

"""`gruforecast show`."""

from __future__ import annotations

from typing import Annotated

import typer

from gruforecast.cli.arguments import DEFAULT_MODEL, PRETRAINED, FolderOrWord, screen
from gruforecast.cli.error_edge import error_edge
from gruforecast.cli.wording import print_json
from gruforecast.text import harmless_lines

_JSON, _QUIET, _VERBOSE, _DEBUG = screen(verbose="Also show every file.")


def show(
    model: FolderOrWord = DEFAULT_MODEL,
    as_json: Annotated[bool, _JSON] = False,
    quiet: Annotated[bool, _QUIET] = False,
    verbose: Annotated[bool, _VERBOSE] = False,
    debug: Annotated[bool, _DEBUG] = False,
) -> None:
    """Say what a model folder is, after checking all of its files, or the pretrained network. Nothing is executed.

    Examples: gruforecast show my_model · gruforecast show pretrained
    """
    with error_edge(as_json=as_json, debug=debug):
        if model == PRETRAINED:
            _show_pretrained(as_json=as_json, quiet=quiet)
            return
        from gruforecast.artifact.describe import describe

        facts = describe(model)
        if as_json:
            print_json(facts)
        elif not quiet:
            from gruforecast.report.terminal.show import show_model

            show_model(facts, verbose=verbose)


def _show_pretrained(*, as_json: bool, quiet: bool) -> None:
    from gruforecast.models.pretrained.model import card

    if as_json:
        print_json(card())
    elif not quiet:
        typer.echo(harmless_lines(card().in_words()))

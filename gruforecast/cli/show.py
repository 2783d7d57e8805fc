"""`gruforecast show`."""

from __future__ import annotations

from typing import Annotated

from gruforecast.cli.arguments import DEFAULT_MODEL, ModelFolder, screen
from gruforecast.cli.error_edge import error_edge
from gruforecast.cli.wording import print_json

_JSON, _QUIET, _VERBOSE, _DEBUG = screen(verbose="Also show every file.")


def show(
    model: ModelFolder = DEFAULT_MODEL,
    as_json: Annotated[bool, _JSON] = False,
    quiet: Annotated[bool, _QUIET] = False,
    verbose: Annotated[bool, _VERBOSE] = False,
    debug: Annotated[bool, _DEBUG] = False,
) -> None:
    """Say what a model folder is, after checking all of its files. Nothing in it is executed.

    Example: gruforecast show my_model
    """
    with error_edge(as_json=as_json, debug=debug):
        from gruforecast.artifact.describe import describe

        facts = describe(model)
        if as_json:
            print_json(facts)
        elif not quiet:
            from gruforecast.report.terminal.show import show_model

            show_model(facts, verbose=verbose)

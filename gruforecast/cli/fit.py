"""`gruforecast fit`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from gruforecast.automl.options import RESULT, FitOptions
from gruforecast.cli.arguments import in_panel, screen, with_options
from gruforecast.cli.error_edge import NOT_BETTER, error_edge
from gruforecast.cli.wording import as_flags, print_json
from gruforecast.text import harmless

if TYPE_CHECKING:
    from gruforecast.report.report import Report

_result = in_panel(RESULT)
_JSON, _QUIET, _VERBOSE, _DEBUG = screen(
    RESULT, as_json="Print the report as JSON.", verbose="Also show seconds by part and trial."
)


@with_options(FitOptions)
def fit(
    data: Annotated[str, typer.Argument(help="CSV file with one or many series; '-' is standard input.")],
    options: Callable[[], FitOptions],
    require_better_than: Annotated[
        str | None, _result("Exit with 7 unless the test set shows that the GRU is better than this baseline.")
    ] = None,
    as_json: Annotated[bool, _JSON] = False,
    quiet: Annotated[bool, _QUIET] = False,
    verbose: Annotated[bool, _VERBOSE] = False,
    debug: Annotated[bool, _DEBUG] = False,
) -> None:
    """Search GRU networks for the series of a CSV file, combine and compare the best, save a model folder.

    Example: gruforecast fit sales.csv --horizon 12
    """
    with error_edge(as_json=as_json, debug=debug, resumes=True) as edge:
        asked = options()
        chosen = replace(asked, output=asked.folder)
        edge.log = chosen.run_folder / "log.txt"
        report = _fitted(data, chosen, require_better_than, as_json=as_json, quiet=quiet, verbose=verbose)
        if require_better_than is not None:
            _require(report, require_better_than)


def _fitted(
    data: str, options: FitOptions, baseline: str | None, *, as_json: bool, quiet: bool, verbose: bool
) -> Report:
    """Return the report of the run, which is shown, too."""
    from msgspec import structs

    from gruforecast.api import fitted
    from gruforecast.evaluation.verdict import check_baseline
    from gruforecast.report.terminal.fit import show_report
    from gruforecast.report.terminal.live import LiveProgress

    if baseline is not None:
        check_baseline(baseline)
    with LiveProgress(quiet=quiet, verbose=verbose, worded=as_flags) as progress:
        stored = fitted(data, options, progress).report.record
    report = structs.replace(stored, model_dir=str(options.folder))
    if as_json:
        print_json(report)
    elif not quiet:
        show_report(report, verbose=verbose)
    return report


def _require(report: Report, baseline: str) -> None:
    """End with 7 unless the test set shows that the GRU is better."""
    from gruforecast.evaluation.verdict import shortfall

    if (missing := shortfall(report.leaderboard, report.season_length, baseline)) is not None:
        typer.echo(harmless(f"not met: {missing}. The model is saved all the same."), err=True)
        raise typer.Exit(NOT_BETTER)

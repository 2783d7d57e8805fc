"""`gruforecast fit`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gruforecast.cli.arguments import COLUMNS, with_reading
from gruforecast.cli.error_edge import NOT_BETTER, error_edge
from gruforecast.text import harmless

if TYPE_CHECKING:
    from gruforecast.report.report import Report

SEARCH, RESULT = "Search", "Result"


@with_reading
def fit(
    data: Annotated[str, typer.Argument(help="CSV file with one or many series; '-' is standard input.")],
    reading: Callable[[], Any],
    output: Annotated[str, typer.Option("-o", "--output", help="Model folder.")] = "gruforecast_model",
    horizon: Annotated[
        int | None, typer.Option(help="Steps to forecast; by frequency if not given.", rich_help_panel=COLUMNS)
    ] = None,
    season: Annotated[
        int | None, typer.Option(help="Rows of one season; 1 = none; found if not given.", rich_help_panel=COLUMNS)
    ] = None,
    trials: Annotated[int, typer.Option(help="Trials of the search.", rich_help_panel=SEARCH)] = 16,
    max_time: Annotated[
        str | None, typer.Option(help="Time for the whole command: 90s, 10m, 2h.", rich_help_panel=SEARCH)
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Worker processes; one per core if not given.", rich_help_panel=SEARCH)
    ] = None,
    worker_memory: Annotated[
        str | None,
        typer.Option(help="Memory at which a worker is replaced: 1500MB, 2GB.", rich_help_panel=SEARCH),
    ] = None,
    trial_time: Annotated[
        str | None, typer.Option(help="Longest time of one training: 90s, 10m.", rich_help_panel=SEARCH)
    ] = "30m",
    retries: Annotated[
        int, typer.Option(help="How often a crashed training is tried again.", rich_help_panel=SEARCH)
    ] = 1,
    prune: Annotated[
        bool, typer.Option("--prune/--no-prune", help="Stop weak trials early.", rich_help_panel=SEARCH)
    ] = True,
    tuner: Annotated[str, typer.Option(help="bayesian, random or hyperband.", rich_help_panel=SEARCH)] = "bayesian",
    compare: Annotated[
        str, typer.Option(help="GRU, LSTM and simple RNN side by side: short, full or none.", rich_help_panel=SEARCH)
    ] = "short",
    blend: Annotated[
        bool,
        typer.Option(
            "--blend/--no-blend",
            help="Combine networks and simpler models, or keep the best GRU.",
            rich_help_panel=SEARCH,
        ),
    ] = True,
    stats: Annotated[
        bool,
        typer.Option(
            "--stats/--no-stats",
            help="Blend AutoETS, Theta, AutoARIMA of statsforecast too, if installed.",
            rich_help_panel=SEARCH,
        ),
    ] = True,
    audit: Annotated[
        bool,
        typer.Option(
            "--audit",
            help="Repeat all of it with noise in place of the test set: nothing may change. Doubles the time.",
            rich_help_panel=SEARCH,
        ),
    ] = False,
    folds: Annotated[
        int | None, typer.Option(help="Rolling validation folds; 3, fewer for short series.", rich_help_panel=SEARCH)
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.", rich_help_panel=SEARCH)] = 0,
    level: Annotated[
        list[float] | None,
        typer.Option(help="Interval level in percent; repeatable; 80 and 95 if not given.", rich_help_panel=RESULT),
    ] = None,
    context: Annotated[
        bool,
        typer.Option(
            "--context/--no-context",
            help="Keep the newest rows of each series in the model folder; without them predict needs DATA.",
            rich_help_panel=RESULT,
        ),
    ] = True,
    run_dir: Annotated[
        str | None,
        typer.Option(help="Folder for trials and test forecasts; <output>.run if not given.", rich_help_panel=RESULT),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Throw away an earlier search in the run folder.", rich_help_panel=RESULT)
    ] = False,
    require_better_than: Annotated[
        str | None,
        typer.Option(
            help="Exit with 7 unless the test set shows that the GRU is better than this baseline.",
            rich_help_panel=RESULT,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace another model folder.", rich_help_panel=RESULT)
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.", rich_help_panel=RESULT)] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Say only what is wrong.", rich_help_panel=RESULT)
    ] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Also show seconds by part and trial.", rich_help_panel=RESULT)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.", rich_help_panel=RESULT)] = False,
) -> None:
    """Search GRU networks for the series of a CSV file, combine and compare the best, save a model folder.

    Example: gruforecast fit sales.csv --horizon 12
    """
    log = Path(run_dir or f"{Path(output)}.run") / "log.txt"
    with error_edge(as_json=as_json, debug=debug, log=log, resumes=True):
        from gruforecast.automl.options import FitOptions, parse_duration, parse_size

        options = FitOptions(
            data=data,
            output=output,
            reading=reading(),
            horizon=horizon,
            season=season,
            trials=trials,
            max_time=parse_duration(max_time) if max_time else None,
            workers=workers,
            worker_memory=parse_size(worker_memory, "--worker-memory") if worker_memory else None,
            trial_time=parse_duration(trial_time, "--trial-time") if trial_time else None,
            retries=retries,
            prune=prune,
            tuner=tuner,
            compare=compare,
            blend=blend,
            stats=stats,
            audit=audit,
            context=context,
            folds=folds,
            levels=tuple(level) if level else None,
            seed=seed,
            run_dir=run_dir,
            fresh=fresh,
            overwrite=overwrite,
        )
        report = _fitted(options, require_better_than, as_json=as_json, quiet=quiet, verbose=verbose)
        if require_better_than is not None:
            _require(report, require_better_than)


def _fitted(options: Any, baseline: str | None, *, as_json: bool, quiet: bool, verbose: bool) -> Report:
    """Return the report of the run, which is shown, too."""
    from gruforecast.automl.fit import fit as run
    from gruforecast.evaluation.verdict import check_baseline
    from gruforecast.report.terminal.fit import show_report
    from gruforecast.report.terminal.live import LiveProgress

    if baseline is not None:
        check_baseline(baseline)
    with LiveProgress(quiet=quiet, verbose=verbose) as progress:
        report = run(options, progress)
    if as_json:
        from gruforecast.serialization import plain

        typer.echo(json.dumps(plain(report), allow_nan=False))
    elif not quiet:
        show_report(report, verbose=verbose)
    return report


def _require(report: Report, baseline: str) -> None:
    """End with 7 unless the test set shows that the GRU is better."""
    from gruforecast.evaluation.verdict import shortfall

    if (missing := shortfall(report.leaderboard, report.season_length, baseline)) is not None:
        typer.echo(harmless(f"not met: {missing}. The model is saved all the same."), err=True)
        raise typer.Exit(NOT_BETTER)

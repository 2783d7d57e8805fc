"""`gruforecast backtest`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gruforecast.automl.options import SeasonOptions
from gruforecast.cli.arguments import (
    ModelDataOrWord,
    check_places,
    for_pretrained,
    in_panel,
    pretrained_named,
    screen,
    sort_arguments,
    with_options,
)
from gruforecast.cli.error_edge import error_edge
from gruforecast.cli.predict import NOT_CSV
from gruforecast.cli.wording import as_flags, print_json
from gruforecast.errors import UsageError

if TYPE_CHECKING:
    from gruforecast.evaluation.backtest import Rolling
    from gruforecast.execution.progress import Progress
    from gruforecast.report.backtest import BacktestReport

WINDOWS, RESULT = "Windows", "Result"


_window, _result = in_panel(WINDOWS), in_panel(RESULT)
_JSON, _QUIET, _VERBOSE, _DEBUG = screen(RESULT)


@with_options(SeasonOptions)
def backtest(
    model: ModelDataOrWord = None,
    data: Annotated[str | None, typer.Argument(help="CSV file whose last rows the model has not learned from.")] = None,
    *,
    windows: Annotated[
        int | None, _window("How many cutoffs, the last ones; 10, or as many as lie after the training.")
    ] = None,
    step: Annotated[int | None, _window("Rows from one cutoff to the next; the horizon if not given.")] = None,
    horizon: Annotated[
        int | None, _window("Steps, at most those fitted; with pretrained by frequency if not given.")
    ] = None,
    member: Annotated[
        list[str] | None,
        _window("winner, networks, blend, or a model of the leaderboard; repeatable; all but single networks."),
    ] = None,
    refit: Annotated[
        bool, _window("Train the networks anew before each cutoff, on the rows before it.", "--refit")
    ] = False,
    no_adapt: Annotated[
        bool, _window("Intervals as they were calibrated, whatever newer rows say.", "--no-adapt")
    ] = False,
    no_context: Annotated[
        bool, _window("Look at DATA alone, without the rows that the model keeps.", "--no-context")
    ] = False,
    output: Annotated[str | None, _result("Forecasts of every window, CSV or Parquet.", "-o", "--output")] = None,
    scores: Annotated[str | None, _result("Scores of every window, series and model, CSV or Parquet.")] = None,
    excel_safe: Annotated[
        bool, _result("In CSV files put ' before texts that a spreadsheet would compute.", "--excel-safe")
    ] = False,
    level: Annotated[list[float] | None, _result("Interval level in percent; repeatable.")] = None,
    options: Callable[[], SeasonOptions],
    as_json: Annotated[bool, _JSON] = False,
    quiet: Annotated[bool, _QUIET] = False,
    verbose: Annotated[bool, _VERBOSE] = False,
    debug: Annotated[bool, _DEBUG] = False,
) -> None:
    """Score a saved model, or the pretrained network, at many cutoffs of new data, beside the simpler models.

    The options on columns, covariates, how the file is written and limits are for the pretrained network: a folder says
    itself how its data are read.

    Examples: gruforecast backtest new.csv · gruforecast backtest my_model new.csv --windows 30 --step 24 ·
    gruforecast backtest pretrained sales.csv
    """
    with error_edge(as_json=as_json, debug=debug):
        folder, file = sort_arguments(model, data)
        if file is None:
            raise UsageError(
                "there is no data file.",
                remedy=f"Pass it after the model: gruforecast backtest {folder} new.csv.",
                code="GF-U43",
            )
        check_places(folder, {"DATA": file}, {"-o": output, "--scores": scores})
        if excel_safe and not any(Path(place).suffix == ".csv" for place in (output, scores) if place):
            raise UsageError(NOT_CSV, remedy="Pass -o or --scores with a name that ends in .csv.", code="GF-U59")
        chosen = for_pretrained(options(), folder, file, refit=refit, no_adapt=no_adapt, no_context=no_context)
        from gruforecast.automl.backtest import warn_of
        from gruforecast.report.terminal.live import LiveProgress

        begin = time.perf_counter()
        request = _Request(windows, step, horizon, member or (), level or (), not no_context)
        with LiveProgress(quiet=quiet, verbose=verbose, worded=as_flags) as progress:
            if chosen is None:
                rolling = request.of_model(folder, file, progress, refit=refit, adapt=not no_adapt)
            else:
                rolling = request.of_pretrained(file, chosen, progress)
            warn_of(rolling, progress.warn)
            if verbose:
                progress.say(f"{', '.join(rolling.members)}; {len(rolling.cutoffs)} windows of all series together")
            report = _run(rolling, folder, output, scores, progress, begin, excel_safe=excel_safe)
        _show(report, as_json=as_json, quiet=quiet)


@dataclass(frozen=True)
class _Request:
    """What is requested of a model folder or of the pretrained network."""

    windows: int | None
    step: int | None
    horizon: int | None
    members: Sequence[str]
    levels: Sequence[float]
    context: bool

    def of_model(self, folder: str, file: str, progress: Progress, *, refit: bool, adapt: bool) -> Rolling:
        """Return the windows at which a model folder is asked."""
        from gruforecast.api import Model
        from gruforecast.automl.preparation import truth
        from gruforecast.evaluation.backtest import roll
        from gruforecast.models.new_rows import joined_to

        with pretrained_named(file):
            loaded = Model(folder)
        found = joined_to(loaded.forecaster, truth(loaded.read(file), progress.warn), context=self.context)
        for text in found.warnings:
            progress.warn(text)
        return roll(
            loaded.forecaster,
            found,
            windows=self.windows,
            step=self.step,
            horizon=self.horizon,
            members=self.members,
            levels=self.levels,
            refit=refit,
            adapt=adapt,
        )

    def of_pretrained(self, file: str, options: SeasonOptions, progress: Progress) -> Rolling:
        """Return the windows at which the pretrained network is asked."""
        from gruforecast.automl.pretrained import in_words
        from gruforecast.automl.pretrained_backtest import rolled

        rolling = rolled(
            file,
            options,
            windows=self.windows,
            step=self.step,
            horizon=self.horizon,
            members=self.members,
            levels=self.levels,
        )
        progress.say(in_words(rolling.forecaster, rolling.panel))
        return rolling


def _run(
    rolling: Rolling,
    folder: str,
    output: str | None,
    scores: str | None,
    progress: Progress,
    begin: float,
    *,
    excel_safe: bool,
) -> BacktestReport:
    """Forecast, score and write, block by block; return the report."""
    from gruforecast.automl.backtest import blocks
    from gruforecast.evaluation.aggregate import Aggregate
    from gruforecast.report.backtest import summarise
    from gruforecast.report.files.backtest import LongFile, forecast_columns, score_columns

    aggregate = Aggregate(rolling)
    with contextlib.ExitStack() as stack:
        outputs = [(path, make) for path, make in ((output, forecast_columns), (scores, score_columns)) if path]
        files = [
            (stack.enter_context(LongFile(path, rolling.panel.plan, excel_safe=excel_safe)), make)
            for path, make in outputs
        ]
        for part, block in stack.enter_context(contextlib.closing(blocks(rolling, progress))):
            aggregate.add(block)
            for long, make in files:
                long.write(make(part, block))
    for path, _ in outputs:
        progress.say(f"wrote {path}")
    return summarise(rolling, aggregate, folder, round(time.perf_counter() - begin, 3))


def _show(report: BacktestReport, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        print_json(report)
    elif not quiet:
        from gruforecast.report.terminal.backtest import show_backtest

        show_backtest(report)

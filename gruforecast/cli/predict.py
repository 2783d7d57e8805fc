"""`gruforecast predict`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gruforecast.automl.options import SeasonOptions
from gruforecast.cli.arguments import (
    ModelDataOrWord,
    check_places,
    for_pretrained,
    pretrained_named,
    screen,
    sort_arguments,
    with_options,
)
from gruforecast.cli.error_edge import error_edge
from gruforecast.errors import UsageError
from gruforecast.text import harmless

if TYPE_CHECKING:
    from gruforecast.data.panel import Adapted, Columns, Forecast, Panel
    from gruforecast.evaluation.adaptation import Adaptation
    from gruforecast.models.forecaster import Forecaster
    from gruforecast.serialization import Json

FORMATS = ("csv", "json", "table", "parquet")
NOT_CSV = "--excel-safe is for CSV, other formats tell texts from formulas."
_JSON, _QUIET, _VERBOSE, _DEBUG = screen()


@with_options(SeasonOptions)
def predict(
    model: ModelDataOrWord = None,
    data: Annotated[
        str | None,
        typer.Argument(help="CSV file, the newest rows are enough; without it, from the end of the training data."),
    ] = None,
    *,
    output: Annotated[str | None, typer.Option("-o", "--output", help="File to write.")] = None,
    format: Annotated[str | None, typer.Option(help="csv, json, table or parquet; by the file's ending.")] = None,
    member: Annotated[str, typer.Option(help="winner, networks, blend, or a model of the leaderboard.")] = "winner",
    horizon: Annotated[
        int | None, typer.Option(help="Steps, at most those fitted; with pretrained by frequency if not given.")
    ] = None,
    level: Annotated[list[float] | None, typer.Option(help="Interval level in percent; repeatable.")] = None,
    future: Annotated[str | None, typer.Option(help="File with the future covariates, for every step.")] = None,
    series: Annotated[list[str] | None, typer.Option(help="Only this series; repeatable.")] = None,
    excel_safe: Annotated[
        bool, typer.Option("--excel-safe", help="In CSV put ' before texts that a spreadsheet would compute.")
    ] = False,
    no_adapt: Annotated[
        bool, typer.Option("--no-adapt", help="Intervals as they were calibrated, whatever newer rows say.")
    ] = False,
    no_context: Annotated[
        bool, typer.Option("--no-context", help="Forecast from DATA alone, without the rows that the model keeps.")
    ] = False,
    options: Callable[[], SeasonOptions],
    as_json: Annotated[bool, _JSON] = False,
    quiet: Annotated[bool, _QUIET] = False,
    verbose: Annotated[bool, _VERBOSE] = False,
    debug: Annotated[bool, _DEBUG] = False,
) -> None:
    """Forecast from a model folder, or from any file with the pretrained network; without TensorFlow.

    The options on columns, covariates, how the file is written and limits are for the pretrained network: a folder says
    itself how its data are read.

    Examples: gruforecast predict · gruforecast predict new.csv · gruforecast predict my_model new.csv -o forecast.csv ·
    gruforecast predict pretrained sales.csv --horizon 12
    """
    with error_edge(as_json=as_json, debug=debug):
        folder, file = sort_arguments(model, data)
        check_places(folder, {"DATA": file, "--future": future}, {"-o": output})
        form = _format(format, output, as_json=as_json)
        if excel_safe and form != "csv":
            raise UsageError(NOT_CSV, remedy="Pass --format csv.", code="GF-U59")
        if file == future == "-":
            raise UsageError(
                "standard input can be read once only.", remedy="Write one of them to a file.", code="GF-U41"
            )
        if no_context and file is None:
            raise UsageError(
                "--no-context is about DATA, and there are none.",
                remedy=f"Pass a file: gruforecast predict {folder} new.csv --no-context.",
                code="GF-U89",
            )
        others = {"future": future is not None, "no_adapt": no_adapt, "no_context": no_context}
        chosen = for_pretrained(options(), folder, file, **others)
        request = _Request(folder, file, horizon, level or (), member, series or ())
        if chosen is None:
            made = request.of_model(future, adapt=not no_adapt, context=not no_context)
        else:
            made = request.of_pretrained(chosen)
        if made.note and not quiet:
            typer.echo(made.note, err=True)
        own = made.forecaster
        head: Json = {"model_dir": folder, "levels": own.levels([own.member_named(member)], level)}
        count = _Count()
        _write(count.columns(made.blocks), head, count.facts, form, output, excel_safe=excel_safe)
        count.warn()
        if not quiet and (changed := count.adaptation()) is not None:
            typer.echo(changed.in_words(), err=True)
        if verbose:
            used = own.winner if member == "winner" else member
            typer.echo(f"member {harmless(used)}, {count.series} series, {count.steps} steps", err=True)
        if form == "table" and not output and not quiet:
            _draw(count.first, own, made.panel, member)
        if output and not quiet:
            typer.echo(f"wrote {harmless(output)}", err=True)


@dataclass(frozen=True)
class _Made:
    """Who forecasts, from which rows; the forecasts; what is said before."""

    forecaster: Forecaster
    panel: Panel
    blocks: Iterator[Forecast]
    note: str = ""


@dataclass(frozen=True)
class _Request:
    """What is requested of a model folder or of the pretrained network."""

    model: str
    file: str | None
    horizon: int | None
    levels: Sequence[float]
    member: str
    series: Sequence[str]

    def of_model(self, future: str | None, *, adapt: bool, context: bool) -> _Made:
        """Return what a model folder forecasts."""
        from gruforecast.api import Model

        with pretrained_named(self.file):
            loaded = Model(self.model)
        found = loaded.join(self.file, context=context) if self.file else None
        blocks = loaded.stream(
            found,
            future=future,
            horizon=self.horizon,
            level=self.levels,
            member=self.member,
            series=self.series,
            adapt=adapt,
        )
        own = loaded.forecaster
        return _Made(own, found.panel if found else own.context, blocks, found.in_words() if found else "")

    def of_pretrained(self, options: SeasonOptions) -> _Made:
        """Return what the pretrained network forecasts."""
        from gruforecast.automl.pretrained import asked

        made = asked(self.file or "", options, self.horizon, self.levels)
        return _Made(made.forecaster, made.panel, made.stream(self.series, self.member), made.in_words())


class _Count:
    """What passed by on its way into a file.

    Attributes:
        series: how many; unknown: how many of them have no interval, though others have; steps: of each.
        first: the first block of series.
        adapted: how intervals adapt, block by block.
    """

    def __init__(self) -> None:
        self.first: Forecast | None = None
        self.series = self.unknown = self.steps = 0
        self.adapted: list[Adapted] = []

    def columns(self, blocks: Iterable[Forecast]) -> Iterator[Columns]:
        """Yield the forecasts as columns."""
        import numpy as np

        for block in blocks:
            self.first = self.first or block
            self.series += len(block.ids)
            self.steps = block.mean.shape[1]
            if block.levels:
                self.unknown += int(np.isnan(block.lower).all(axis=(1, 2)).sum())
            if block.adapted is not None:
                self.adapted.append(block.adapted)
            yield block.columns()

    def warn(self) -> None:
        """Say that some have no interval."""
        if self.unknown:
            typer.echo(f"warning: {self.unknown} series never changed or are too short: no interval for them", err=True)

    def adaptation(self) -> Adaptation | None:
        """Return what newer rows changed in the intervals; None where there are none."""
        from gruforecast.data.panel import Adapted
        from gruforecast.evaluation.adaptation import Adaptation

        return Adaptation.of(Adapted.joined(self.adapted)) if self.adapted else None

    def facts(self) -> Json:
        """Return what is known when all forecasts were made, for JSON."""
        from gruforecast.serialization import plain

        return {"adapted": plain(self.adaptation())}


def _draw(forecast: Forecast | None, forecaster: Forecaster, panel: Panel, member: str) -> None:
    """A chart of the first series, where standard output is a terminal."""
    if forecast is None or not sys.stdout.isatty():
        return
    from gruforecast.report.terminal.chart import chart, of_forecast
    from gruforecast.report.terminal.console import console_on

    key = forecast.ids[0]
    begin, end = panel.indptr[panel.ids.index(key) :][:2]
    past, alone = panel.y[begin:end], len(panel) == 1
    console, used = console_on(sys.stdout), forecaster.winner if member == "winner" else member
    drawn = chart(of_forecast(past, forecast, forecaster.season_length, used, alone=alone), console)
    if drawn is not None:
        console.print()
        console.print(drawn)


def _format(requested: str | None, output: str | None, *, as_json: bool) -> str:
    if requested is not None and requested not in FORMATS:
        raise UsageError(f"--format {requested!r} is unknown.", remedy=f"Use {', '.join(FORMATS)}.", code="GF-U20")
    if as_json and requested not in (None, "json"):
        raise UsageError(
            f"--json and --format {requested} contradict each other.", remedy="Leave one of them out.", code="GF-U86"
        )
    if as_json:
        return "json"
    ending = Path(output).suffix.lstrip(".") if output else ""
    if requested is None and output and ending not in ("csv", "json", "parquet"):
        raise UsageError(
            f"the ending of {output} says no format.",
            remedy="End the name in .csv, .json or .parquet, or pass --format.",
            code="GF-U23",
        )
    form = requested or ending or ("table" if sys.stdout.isatty() else "csv")
    if form == "parquet" and not output:
        raise UsageError("Parquet needs a file.", remedy="Pass -o forecast.parquet.", code="GF-U21")
    return form


def _write(
    blocks: Iterator[Columns],
    head: Json,
    tail: Callable[[], Json],
    form: str,
    output: str | None,
    *,
    excel_safe: bool,
) -> None:
    """Write block by block to stdout, or to a file that is there whole or not at all."""
    from gruforecast.report.files.table import place, write_csv, write_json, write_parquet
    from gruforecast.text import harmless_lines

    on_terminal = output is None and sys.stdout.isatty()
    with place(output) as stream:
        if form == "table":
            from gruforecast.report.terminal.fit import forecast_table

            stream.write(forecast_table(blocks, live=on_terminal).encode())
        elif form == "json":
            write_json(stream, blocks, head, tail)
        elif form == "parquet":
            write_parquet(stream, blocks)
        else:
            write_csv(stream, blocks, excel_safe=excel_safe, shown=harmless_lines if on_terminal else str)

"""The report as text, on a terminal or where there is none."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from gruforecast.data.panel import Columns
from gruforecast.models.registry import PRETRAINED
from gruforecast.report.page.figure import COLUMNS, chance, measure_of, unit_note, verdict_word
from gruforecast.report.terminal.chart import chart, of_report
from gruforecast.report.terminal.console import console_on, model_column, number, safe, table

if TYPE_CHECKING:
    from gruforecast.report.report import CellRecord, Report


MAX_ROWS = 60
OTHERS = {"pruned": "stopped early", "diverged": "diverged", "crashed": "crashed"}


def show_report(report: Report, *, verbose: bool) -> None:
    """Leaderboard, comparison of cells, verdict, and where the model is, on stdout; warnings came before."""
    console = console_on(sys.stdout)
    console.print(_leaderboard(report))
    networks = {one.name: one.share for one in report.networks}
    for name, weights in (("ensemble", networks if len(networks) > 1 else {}), ("saved blend", report.blend)):
        if weights:
            parts = ", ".join(f"{100 * weight:.0f} % {member}" for member, weight in weights.items())
            console.print(Text(f"weights of the {name}: {parts}", style="dim"))
    if report.levels:
        console.print(_intervals(report))
    if len(report.cells) > 1:
        console.print(_cells(report.cells))
    if verbose:
        console.print(_against(report))
        parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in report.seconds_by_part.items())
        console.print(f"seconds: {parts}; SavedModel parity {report.parity:.1e}")
        workers = report.workers
        console.print(f"{workers.count} workers, ready after {workers.start_seconds:.1f} s")
    if sys.stdout.isatty() and (picture := of_report(report)) and (drawn := chart(picture, console)):
        console.print()
        console.print(drawn)
    console.print()
    console.print(safe(report.verdict), style="bold")
    console.print(safe(f"leak audit: {report.audit.text}"), style="dim")
    trials, folder = report.trials, report.model_dir
    counts = {word: getattr(trials, name) for name, word in OTHERS.items()}
    others = "".join(f", {count} {word}" for word, count in counts.items() if count)
    ended = "1 trial" if trials.completed == 1 else f"{trials.completed} trials"
    console.print(safe(f"{ended} to the end{others}, {report.seconds:.0f} s. Model in {folder}"), soft_wrap=True)
    console.print(safe(f"Report: {folder}/report.html"), soft_wrap=True)  # what is copied is not broken into lines
    if folder == PRETRAINED:
        console.print(f"`{folder}` alone is the network in the package; other commands find your model as ./{folder}.")
        folder = f"./{folder}"
    argument = "" if folder == "gruforecast_model" else f" {folder}"
    console.print(safe(f"Next: gruforecast predict{argument}"), soft_wrap=True)


def _leaderboard(report: Report) -> Table:
    outermost = dict.fromkeys([*report.levels[:1], *report.levels[-1:]])  # all: see `_intervals`
    levels = [f"{level:g}" for level in outermost]
    title = f"test set: last {report.horizon} rows of {report.n_series_scored} series ({report.freq})"
    if report.n_series_scored < report.n_series:
        title += f", {report.n_series - report.n_series_scored} are too short"
    if constant := report.n_series_without_scale - report.n_series_repeating:
        title += f", {constant} never change and have no MASE"
    if report.n_series_repeating:
        title += f", {report.n_series_repeating} repeat exactly and have no MASE"
    board = table(
        model_column(), "MASE", *COLUMNS.values(), *(f"{level} %" for level in levels), "params", "folds", title=title
    )
    for row in report.leaderboard:
        best = row.model == report.winner
        cells = [_brief(getattr(row, name)) for name in ("mase", *COLUMNS)]
        cells += [number(row.coverage.get(level), ".0f") for level in levels]
        cells += [_brief(row.parameters, "d"), _brief(row.val_mase)]
        board.add_row(Text(f"{row.model} *" if best else row.model), *cells, style="bold" if best else None)
    note = f"* chosen by the mean {measure_of(report)} on the folds (last column)"
    if not all(row.competes or row.budget == "short" for row in report.leaderboard):
        note += "; single networks were picked on the same folds and do not compete"
    if any(row.budget == "short" for row in report.leaderboard):
        note += "; (short): one equal short budget, mean of its seeds"
    if levels:
        note += f"; {', '.join(levels)}: share inside the interval"
    board.caption = f"{note}. {unit_note(report)}"
    return board


def _brief(value: float | None, form: str | None = None) -> Text:
    """Return a number in seven characters at most."""
    if value is None or not abs(value) >= 1e6:
        return number(value, form)
    return Text(f"{value / 1e6:.1f}M" if abs(value) < 999.9e6 else f"{value:.1e}")


def _intervals(report: Report) -> Table:
    """How the intervals of the winner and of the better naive forecast held, in all and by thirds of the horizon."""
    title = "\nintervals on the test set; width and score in each series' MASE scale"
    columns = ("level", "inside %", "first third", "middle", "last third", "width", "score")
    intervals = table(model_column(), *columns, title=title)
    for name in dict.fromkeys([report.winner, report.evidence.against if report.evidence else report.winner]):
        for level, one in report.rows[name].intervals.items():
            thirds = [number(share, ".0f") for share in one.coverage_by_third]
            thirds += [Text("-")] * (3 - len(thirds))
            cells = [number(one.coverage, ".1f"), *thirds, number(one.width), number(one.score)]
            intervals.add_row(Text(name), f"{level} %", *cells)
    return intervals


def _against(report: Report) -> Table:
    """Return what the test set says of the winner against every other row."""
    title = f"\n{report.winner} against the others on the test set: how far below their MASE"
    against = table(model_column(), "below %", "95 % interval", "p", Column("the winner is"), title=title)
    for row in report.leaderboard:
        paired = row.against.get("winner")
        if paired and row.mase:
            between = "-"
            if paired.low is not None and paired.high is not None:
                low, high = 100 * paired.low / row.mase, 100 * paired.high / row.mase
                between = f"{low:.0f} to {min(high, 100.0):.0f}"
            share = paired.relative and 100 * paired.relative
            against.add_row(Text(row.model), number(share, ".0f"), between, chance(paired.p), verdict_word(paired))
    return against


def _cells(cells: list[CellRecord]) -> Table:
    columns = ("gates", "memory cell", "params", "s/epoch", "MASE folds", "MASE test")
    compared = table(Column("cell"), *columns, title="\ncells at one equal budget")
    for cell in cells:
        numbers = [number(cell.parameters, "d"), number(cell.seconds_per_epoch, ".3g")]
        numbers += [number(cell.val_mase), number(cell.mase)]
        compared.add_row(cell.cell.upper(), str(cell.gates), "yes" if cell.memory_cell else "no", *numbers)
    return compared


def forecast_table(blocks: Iterable[Columns], *, live: bool) -> str:
    """Return a table of the first rows of a forecast as text, with the number of further ones.

    Args:
        live: whether a terminal shows it.
    """
    shown: list[Columns] = []
    rows = 0
    for columns in blocks:
        if rows < MAX_ROWS:
            shown.append({name: column[: MAX_ROWS - rows] for name, column in columns.items()})
        rows += len(next(iter(columns.values())))
    stream = io.StringIO()
    width = None if live else 120
    console = Console(file=stream, highlight=False, force_terminal=live, width=width, markup=False, emoji=False)
    heads = [
        Column(safe(name), justify="left" if isinstance(column, list) else "right") for name, column in shown[0].items()
    ]
    forecast = table(*heads)
    for part in shown:
        for row in zip(*part.values(), strict=True):
            forecast.add_row(*[safe(cell) if isinstance(cell, str) else _forecast(float(cell)) for cell in row])
    console.print(forecast)
    if rows > MAX_ROWS:
        console.print(f"… and {rows - MAX_ROWS} more rows; -o forecast.csv writes them all")
    return stream.getvalue()


def _forecast(value: float) -> Text:
    """Return a number of a forecast, which may be as small as its series."""
    return number(value, ".3g" if 0 < abs(value) < 0.001 else None)

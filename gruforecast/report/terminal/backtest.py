"""The result of `backtest` as text."""

from __future__ import annotations

import sys

from rich.table import Column, Table
from rich.text import Text

from gruforecast.models.registry import PRETRAINED
from gruforecast.report.backtest import BacktestReport
from gruforecast.report.terminal.console import console_on, model_column, number, safe, table

POINTS = {"mase": "MASE", "rmsse": "RMSSE", "smape": "sMAPE", "wape": "WAPE", "mae": "MAE", "rmse": "RMSE"}


def show_backtest(report: BacktestReport) -> None:
    """Which windows, the scores of each member, and how the winner compares with the others, on standard output."""
    console = console_on(sys.stdout)
    console.print(safe(_windows(report)))
    console.print()
    console.print(_scores(report))
    if report.levels:
        console.print(_intervals(report))
    if any(row.against for row in report.scores):
        console.print(_against(report))


def _windows(report: BacktestReport) -> str:
    count, series = report.windows, report.n_series
    text = f"{_counted(count, 'window')} of {_counted(report.horizon, 'row')}"
    text += f", {_counted(report.step, 'row')} apart" if count > 1 else ""
    text += f"; {series} series"
    if report.n_forecasts < count * series:
        text += f", of which some are too short for the first windows: {report.n_forecasts} forecasts of each member"
    if report.cutoffs_by == "date":
        return f"{text}; cutoffs {report.first_cutoff} to {report.last_cutoff}"
    return f"{text}; cutoffs by position, because the series end at different times"


def _scores(report: BacktestReport) -> Table:
    columns = [Column(name, justify="right", no_wrap=True) for name in POINTS.values()]
    marked = "pretrained network" if report.winner == PRETRAINED else "winner of fit"
    caption = f"* {marked}. Means over windows; WAPE over all values"
    if all(row.mase is None for row in report.scores):
        caption += ". MASE is not defined here: before each window the rows repeat exactly"
    scores = table(model_column(), *columns, caption=caption)
    for row in report.scores:
        best = row.model == report.winner
        cells = [number(getattr(row, name)) for name in POINTS]
        scores.add_row(Text(f"{row.model} *" if best else row.model), *cells, style="bold" if best else None)
    return scores


def _intervals(report: BacktestReport) -> Table:
    """Return how the intervals of each member held."""
    title = "\nintervals; score in MASE scales, smaller is better"
    adapted = report.adapted.get(report.winner)
    caption = f"adapted to newer rows in {adapted.series} windows: {report.winner} {adapted.range}" if adapted else None
    intervals = table(model_column(), "level", "inside %", "score", title=title, caption=caption)
    for row in report.scores:
        for level in (f"{level:g}" for level in report.levels):
            if (one := row.intervals.get(level)) is not None:
                intervals.add_row(Text(row.model), f"{level} %", *(number(one.coverage, ".1f"), number(one.score)))
    return intervals


def _against(report: BacktestReport) -> Table:
    where = ["out of sample"] if report.n_trained_on else []
    where += ["that do not overlap"] if report.step < report.horizon else []
    title = f"\nby how much the MASE of {report.winner}, mean over series, is lower than that of the others"
    title += f", in windows {' and '.join(where)}" if where else ""
    model, verdict = Column("model", no_wrap=True), Column(f"{report.winner} is")
    against = table(model, "by", "95 % interval", "share", "p", verdict, title=title)
    for row in report.scores:
        if paired := row.against.get("winner"):
            share = None if paired.relative is None else round(100 * paired.relative)
            against.add_row(
                Text(row.model),
                number(paired.difference, ".3f"),
                f"{number(paired.low, '.3f')} to {number(paired.high, '.3f')}",
                f"{number(share, 'd')} %",
                number(paired.p, ".2g"),
                paired.verdict,
            )
    return against


def _counted(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"

"""What a backtest says: one plain dict, and the text of it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from gruforecast.evaluation.aggregate import Aggregate
from gruforecast.evaluation.backtest import Rolling
from gruforecast.report.terminal.console import console_on, number, safe
from gruforecast.serialization import plain

POINTS = {"mase": "MASE", "rmsse": "RMSSE", "smape": "sMAPE", "wape": "WAPE", "mae": "MAE", "rmse": "RMSE"}


def summarise(rolling: Rolling, tally: Aggregate, model_dir: str, seconds: float) -> dict[str, Any]:
    """Return the backtest as plain JSON types, the object of `--json`; NaN becomes None.

    Of each row `against` says how the winner compares with that member, as far as windows are out of sample.
    """
    cutoffs, panel, winner = rolling.cutoffs, rolling.panel, rolling.forecaster.winner
    compared = tally.against(winner)
    rows = tally.scores()
    for row in rows:
        row["against"] = {"winner": asdict(compared[row["model"]])} if row["model"] in compared else {}
    by_date = panel.ends_together
    ends = cutoffs.windows.end[[0, -1]] - 1
    first, last = panel.plan.form.joined(panel.ds[ends]) if by_date else (None, None)
    found = {
        "model_dir": model_dir,
        "winner": winner,
        "freq": panel.freq.label,
        "season_length": rolling.forecaster.season_length,
        "horizon": cutoffs.horizon,
        "step": cutoffs.step,
        "windows": cutoffs.count,
        "windows_out_of_sample": rolling.out_of_sample,
        "refit": rolling.refit,
        "n_series": len(panel),
        "n_forecasts": len(cutoffs),
        "n_trained_on": int(rolling.trained_on(cutoffs.windows).sum()),
        "cutoffs_by": "date" if by_date else "position",
        "first_cutoff": first,
        "last_cutoff": last,
        "levels": list(rolling.levels),
        "left_out": rolling.left_out,
        "scores": rows,
        "seconds": seconds,
    }
    report: dict[str, Any] = plain(found)
    return report


def show_backtest(report: dict[str, Any]) -> None:
    """Which windows, the scores of each member, and how the winner compares with the others, on standard output."""
    console = console_on(sys.stdout)
    console.print(safe(_windows(report)))
    console.print()
    console.print(_scores(report))
    if report["levels"]:
        console.print(_intervals(report))
    if any(row["against"] for row in report["scores"]):
        console.print(_against(report))


def _windows(report: dict[str, Any]) -> str:
    count, series = report["windows"], report["n_series"]
    text = f"{_counted(count, 'window')} of {_counted(report['horizon'], 'row')}"
    text += f", {_counted(report['step'], 'row')} apart" if count > 1 else ""
    text += f"; {series} series"
    if report["n_forecasts"] < count * series:
        text += f", of which some are too short for the first windows: {report['n_forecasts']} forecasts of each member"
    if report["cutoffs_by"] == "date":
        return f"{text}; cutoffs {report['first_cutoff']} to {report['last_cutoff']}"
    return f"{text}; cutoffs by position, because the series end at different times"


def _scores(report: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("model", no_wrap=True, min_width=14)
    for name in POINTS.values():
        table.add_column(name, justify="right", no_wrap=True)
    for row in report["scores"]:
        best = row["model"] == report["winner"]
        cells = [number(row[name]) for name in POINTS]
        table.add_row(Text(f"{row['model']} *" if best else row["model"]), *cells, style="bold" if best else None)
    table.caption_justify, table.caption_style = "left", "dim"
    table.caption = "* winner of fit. Means over windows; WAPE over all values"
    return table


def _intervals(report: dict[str, Any]) -> Table:
    """Return how the intervals of each member held."""
    title = "\nintervals; score in MASE scales, smaller is better"
    table = Table(title=title, title_justify="left", title_style="", box=None, pad_edge=False, header_style="bold")
    table.add_column("model", no_wrap=True, min_width=14)
    for name in ("level", "inside %", "score"):
        table.add_column(name, justify="right")
    for row in report["scores"]:
        for level in (f"{level:g}" for level in report["levels"]):
            found = row["intervals"].get(level)
            if found is not None:
                table.add_row(
                    Text(row["model"]), f"{level} %", number(found["coverage"], ".1f"), number(found["score"])
                )
    return table


def _against(report: dict[str, Any]) -> Table:
    where = ["out of sample"] if report["n_trained_on"] else []
    where += ["that do not overlap"] if report["step"] < report["horizon"] else []
    title = f"\nby how much the MASE of {report['winner']}, mean over series, is lower than that of the others"
    title += f", in windows {' and '.join(where)}" if where else ""
    table = Table(title=title, title_justify="left", title_style="", box=None, pad_edge=False, header_style="bold")
    table.add_column("model", no_wrap=True)
    for name in ("by", "95 % interval", "share", "p"):
        table.add_column(name, justify="right")
    table.add_column(f"{report['winner']} is")
    for row in report["scores"]:
        if found := row["against"].get("winner"):
            share = None if found["relative"] is None else round(100 * found["relative"])
            between = " to ".join(str(number(found[name], ".3f")) for name in ("low", "high"))
            cells: list[Text | str] = [number(found["difference"], ".3f"), between]
            cells += [f"{number(share, 'd')} %", number(found["p"], ".2g")]
            table.add_row(Text(row["model"]), *cells, found["verdict"])
    return table


def _counted(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"

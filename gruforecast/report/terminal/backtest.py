"""The result of `backtest`: one plain dict, and the text of it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

from rich.table import Column, Table
from rich.text import Text

from gruforecast.evaluation.aggregate import Aggregate
from gruforecast.evaluation.backtest import Rolling
from gruforecast.report.terminal.console import console_on, model_column, number, safe, table
from gruforecast.serialization import plain

POINTS = {"mase": "MASE", "rmsse": "RMSSE", "smape": "sMAPE", "wape": "WAPE", "mae": "MAE", "rmse": "RMSE"}


def summarise(rolling: Rolling, aggregate: Aggregate, model_dir: str, seconds: float) -> dict[str, Any]:
    """Return the backtest as plain JSON types, the object of `--json`; NaN becomes None.

    Of each row `against` says how the winner compares with that member, as far as windows are out of sample.
    """
    cutoffs, panel, winner = rolling.cutoffs, rolling.panel, rolling.forecaster.winner
    compared = {model: {"winner": asdict(paired)} for model, paired in aggregate.against(winner).items()}
    by_date = panel.ends_together
    ends = cutoffs.windows.end[[0, -1]] - 1
    first, last = panel.plan.form.joined(panel.ds[ends]) if by_date else (None, None)
    report: dict[str, Any] = plain(
        {
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
            "scores": [row | {"against": compared.get(row["model"], {})} for row in aggregate.scores()],
            "seconds": seconds,
        }
    )
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
    columns = [Column(name, justify="right", no_wrap=True) for name in POINTS.values()]
    scores = table(model_column(), *columns, caption="* winner of fit. Means over windows; WAPE over all values")
    for row in report["scores"]:
        best = row["model"] == report["winner"]
        cells = [number(row[name]) for name in POINTS]
        scores.add_row(Text(f"{row['model']} *" if best else row["model"]), *cells, style="bold" if best else None)
    return scores


def _intervals(report: dict[str, Any]) -> Table:
    """Return how the intervals of each member held."""
    title = "\nintervals; score in MASE scales, smaller is better"
    intervals = table(model_column(), "level", "inside %", "score", title=title)
    for row in report["scores"]:
        for level in (f"{level:g}" for level in report["levels"]):
            if (one := row["intervals"].get(level)) is not None:
                cells = (number(one["coverage"], ".1f"), number(one["score"]))
                intervals.add_row(Text(row["model"]), f"{level} %", *cells)
    return intervals


def _against(report: dict[str, Any]) -> Table:
    where = ["out of sample"] if report["n_trained_on"] else []
    where += ["that do not overlap"] if report["step"] < report["horizon"] else []
    title = f"\nby how much the MASE of {report['winner']}, mean over series, is lower than that of the others"
    title += f", in windows {' and '.join(where)}" if where else ""
    model, verdict = Column("model", no_wrap=True), Column(f"{report['winner']} is")
    against = table(model, "by", "95 % interval", "share", "p", verdict, title=title)
    for row in report["scores"]:
        if paired := row["against"].get("winner"):
            share = None if paired["relative"] is None else round(100 * paired["relative"])
            against.add_row(
                Text(row["model"]),
                number(paired["difference"], ".3f"),
                " to ".join(str(number(paired[name], ".3f")) for name in ("low", "high")),
                f"{number(share, 'd')} %",
                number(paired["p"], ".2g"),
                paired["verdict"],
            )
    return against


def _counted(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"

"""The report as text, on a terminal or where there is none."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gruforecast.data.panel import Columns
from gruforecast.report.page.figure import chance, told
from gruforecast.report.terminal.chart import chart, of_report
from gruforecast.report.terminal.console import console_on, number, safe

MAX_ROWS = 60
OTHERS = {"pruned": "stopped early", "diverged": "diverged", "crashed": "crashed"}


def show_report(report: dict[str, Any], *, verbose: bool) -> None:
    """Leaderboard, comparison of cells, verdict, and where the model is, on stdout; warnings were said before."""
    console = console_on(sys.stdout)
    console.print(_leaderboard(report))
    networks = {one["name"]: one["share"] for one in report["networks"]}
    for name, shares in (("networks", networks if len(networks) > 1 else {}), ("blend as saved", report["blend"])):
        if shares:
            parts = ", ".join(f"{100 * share:.0f} % {member}" for member, share in shares.items())
            console.print(Text(f"{name}: {parts}", style="dim"))
    if report["levels"]:
        console.print(_intervals(report))
    if len(report["cells"]) > 1:
        console.print(_cells(report["cells"]))
    if verbose:
        console.print(_against(report))
        parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in report["seconds_by_part"].items())
        console.print(f"seconds: {parts}; SavedModel parity {report['parity']:.1e}")
        workers = report["workers"]
        console.print(f"{workers['count']} workers, ready after {workers['start_seconds']:.1f} s")
    if sys.stdout.isatty() and (picture := of_report(report)) and (drawn := chart(picture, console)):
        console.print()
        console.print(drawn)
    console.print()
    console.print(Text(report["verdict"], style="bold"))
    console.print(Text(f"leak audit: {report['audit']['text']}", style="dim"))
    trials = report["trials"]
    folder = report["model_dir"]
    argument = "" if folder == "gruforecast_model" else f" {folder}"
    others = "".join(f", {trials[name]} {word}" for name, word in OTHERS.items() if trials[name])
    ended = "1 trial" if trials["completed"] == 1 else f"{trials['completed']} trials"
    console.print(safe(f"{ended} to the end{others}, {report['seconds']:.0f} s. Model in {folder}"), soft_wrap=True)
    console.print(safe(f"Report: {folder}/report.html"), soft_wrap=True)  # what is copied is not broken into lines
    console.print(safe(f"Next: gruforecast predict{argument}"), soft_wrap=True)


def _leaderboard(report: dict[str, Any]) -> Table:
    levels = [
        f"{level:g}" for level in dict.fromkeys([*report["levels"][:1], *report["levels"][-1:]])
    ]  # all: see `_intervals`
    title = f"test set: last {report['horizon']} rows of {report['n_series_scored']} series ({report['freq']})"
    if report["n_series_scored"] < report["n_series"]:
        title += f", {report['n_series'] - report['n_series_scored']} are too short"
    if report["n_series_without_scale"]:
        title += f", {report['n_series_without_scale']} never change and have no MASE"
    table = Table(title=title, title_justify="left", title_style="", box=None, pad_edge=False, header_style="bold")
    table.add_column("model", no_wrap=True, min_width=14)
    for name in ("MASE", "sMAPE", "RMSE", "MAE", *[f"{level} %" for level in levels], "params", "folds"):
        table.add_column(name, justify="right")
    for row in report["leaderboard"]:
        best = row["model"] == report["winner"]
        cells = [_brief(row[name]) for name in ("mase", "smape", "rmse", "mae")]
        cells += [number(row["coverage"].get(level), ".0f") for level in levels]
        cells += [_brief(row["parameters"], "d"), _brief(row["val_mase"])]
        table.add_row(Text(f"{row['model']} *" if best else row["model"]), *cells, style="bold" if best else None)
    note = "* chosen by the mean MASE on the folds (last column)"
    if not all(row["competes"] or row["budget"] == "short" for row in report["leaderboard"]):
        note += "; single networks were picked on the same folds and do not compete"
    if any(row["budget"] == "short" for row in report["leaderboard"]):
        note += "; (short): one equal short budget, mean of its seeds"
    if levels:
        note += f"; {', '.join(f'{level} %' for level in levels)}: share inside the interval"
    table.caption, table.caption_justify, table.caption_style = note, "left", "dim"
    return table


def _brief(value: float | None, form: str | None = None) -> Text:
    """Return a number in seven characters at most."""
    if value is None or not abs(value) >= 1e6:
        return number(value, form)
    return Text(f"{value / 1e6:.1f}M" if abs(value) < 999.9e6 else f"{value:.1e}")


def _intervals(report: dict[str, Any]) -> Table:
    """How the intervals of the winner and of the better naive forecast held, in all and by thirds of the horizon."""
    title = "\nintervals on the test set; width and score in each series' MASE scale"
    table = Table(title=title, title_justify="left", title_style="", box=None, pad_edge=False)
    table.add_column("model", no_wrap=True, min_width=14)
    for name in ("level", "inside %", "first third", "middle", "last third", "width", "score"):
        table.add_column(name, justify="right")
    reference = (report["evidence"] or {}).get("against")
    rows = {row["model"]: row for row in report["leaderboard"]}
    for name in dict.fromkeys([report["winner"], reference or report["winner"]]):
        for level, found in rows[name]["intervals"].items():
            thirds = [number(one, ".0f") for one in found["coverage_by_third"]]
            thirds += [Text("-")] * (3 - len(thirds))
            cells = [number(found["coverage"], ".1f"), *thirds, number(found["width"]), number(found["score"])]
            table.add_row(Text(name), f"{level} %", *cells)
    return table


def _against(report: dict[str, Any]) -> Table:
    """Return what the test set says of the winner against every other row."""
    title = f"\n{report['winner']} against the others on the test set: how far below their MASE"
    table = Table(title=title, title_justify="left", title_style="", box=None, pad_edge=False)
    table.add_column("model", no_wrap=True, min_width=14)
    for name in ("below %", "95 % interval", "p"):
        table.add_column(name, justify="right")
    table.add_column("the winner is")
    for row in report["leaderboard"]:
        found = row["against"].get("winner")
        if found and row["mase"]:
            low, high = (found[name] and 100 * found[name] / row["mase"] for name in ("low", "high"))
            between = Text("-") if low is None or high is None else Text(f"{low:.0f} to {min(high, 100.0):.0f}")
            share = found["relative"] and 100 * found["relative"]
            table.add_row(Text(row["model"]), number(share, ".0f"), between, chance(found["p"]), told(found))
    return table


def _cells(cells: list[dict[str, Any]]) -> Table:
    table = Table(title="\ncells at one equal budget", title_justify="left", title_style="", box=None, pad_edge=False)
    for name in ("cell", "gates", "memory cell", "params", "s/epoch", "MASE folds", "MASE test"):
        table.add_column(name, justify="left" if name == "cell" else "right")
    for cell in cells:
        memory = "yes" if cell["memory_cell"] else "no"
        numbers = [number(cell["parameters"], "d"), number(cell["seconds_per_epoch"], ".3g")]
        numbers += [number(cell["val_mase"]), number(cell["mase"])]
        table.add_row(cell["cell"].upper(), str(cell["gates"]), memory, *numbers)
    return table


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
    console = Console(
        file=stream,
        highlight=False,
        force_terminal=live,
        width=None if live else 120,
        markup=False,
        emoji=False,
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, column in shown[0].items():
        table.add_column(safe(name), justify="left" if isinstance(column, list) else "right")
    for part in shown:
        for row in zip(*part.values(), strict=True):
            table.add_row(*[safe(cell) if isinstance(cell, str) else _forecast(float(cell)) for cell in row])
    console.print(table)
    if rows > MAX_ROWS:
        console.print(f"… and {rows - MAX_ROWS} more rows; -o forecast.csv writes them all")
    return stream.getvalue()


def _forecast(value: float) -> Text:
    """Return a number of a forecast, which may be as small as its series."""
    return number(value, ".3g" if 0 < abs(value) < 0.001 else None)

"""The result of `check` as text."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gruforecast.report.terminal.console import safe

MAX_SERIES = 12
ENOUGH = {
    "folds": "yes",
    "test": "for the test set",
    "training": "for training",
    "forecast": "only to be forecast",
}


def show_examination(facts: dict[str, Any], *, quiet: bool, verbose: bool) -> None:
    """Warnings first, then the plan and the series, on standard output."""
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    for warning in facts["warnings"]:
        console.print(Text(f"warning: {safe_text(warning)}", style="yellow"))
    if quiet:
        return
    for note in facts["found"]:
        console.print(Text(safe_text(note)))
    console.print(Text(_seasons(facts)))
    chart = facts["chart"]
    console.print(Text(f"\n{safe_text(chart['id'])}, means from {chart['low']:.6g} to {chart['high']:.6g}"))
    console.print(Text(f"{chart['text']}\n"))
    shown = facts["series"] if verbose else facts["series"][:MAX_SERIES]
    console.print(_table(shown))
    if len(facts["series"]) > len(shown):
        console.print(f"… and {len(facts['series']) - len(shown)} more series; -v shows them all")
    missing = f", {facts['n_missing']} of them missing" if facts["n_missing"] else ""
    console.print(Text(f"\n{facts['n_series']} series, {facts['n_rows']} rows{missing}: ready for gruforecast fit"))


def safe_text(text: str) -> str:
    """Return the text without anything that a terminal could obey."""
    return str(safe(text))


def _seasons(facts: dict[str, Any]) -> str:
    season = facts["season_length"]
    text = f"season of {season} rows" if season > 1 else "no season"
    others = ", ".join(f"{one['length']} ({one['strength']:.2f})" for one in facts["seasons"])
    return f"{text}{f'; strength of seasons: {others}' if others else ''}; horizon {facts['horizon']}"


def _table(series: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("series", overflow="fold")
    for name in ("rows", "missing", "zeros"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("values", "from", "to", "enough rows"):
        table.add_column(name, no_wrap=name in ("from", "to"))
    for one in series:
        zeros = f"{100 * one['zeros']:.0f} %" if one["zeros"] else "0"
        values = f"{one['min']:.4g} to {one['max']:.4g}"
        stamps = (safe_text(one["first"]), safe_text(one["last"]))
        enough = ENOUGH[one["enough"]]
        table.add_row(safe_text(one["id"]), f"{one['rows']}", f"{one['missing']}", zeros, values, *stamps, enough)
    return table

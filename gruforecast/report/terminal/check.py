"""The result of `check` as text."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from gruforecast.report.terminal.console import safe, table
from gruforecast.text import harmless

MAX_SERIES = 12
ENOUGH = {
    "folds": "yes",
    "test": "for the test set",
    "training": "for training",
    "forecast": "only to be forecast",
}


def show_profile(facts: dict[str, Any], *, quiet: bool, verbose: bool) -> None:
    """Warnings first, then the plan and the series, on standard output."""
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    for warning in facts["warnings"]:
        console.print(Text(f"warning: {harmless(warning)}", style="yellow"))
    if quiet:
        return
    for note in facts["found"]:
        console.print(safe(note))
    console.print(Text(_seasons(facts)))
    chart = facts["chart"]
    console.print(Text(f"\n{harmless(chart['id'])}, means from {chart['low']:.6g} to {chart['high']:.6g}"))
    console.print(Text(f"{chart['text']}\n"))
    shown = facts["series"] if verbose else facts["series"][:MAX_SERIES]
    console.print(_table(shown))
    if len(facts["series"]) > len(shown):
        console.print(f"… and {len(facts['series']) - len(shown)} more series; -v shows them all")
    missing = f", {facts['n_missing']} of them missing" if facts["n_missing"] else ""
    console.print(Text(f"\n{facts['n_series']} series, {facts['n_rows']} rows{missing}: ready for gruforecast fit"))


def _seasons(facts: dict[str, Any]) -> str:
    season = facts["season_length"]
    text = f"season of {season} rows" if season > 1 else "no season"
    others = ", ".join(f"{one['length']} ({one['strength']:.2f})" for one in facts["seasons"])
    return f"{text}{f'; strength of seasons: {others}' if others else ''}; horizon {facts['horizon']}"


def _table(series: list[dict[str, Any]]) -> Table:
    counts = [Column(name, justify="right", no_wrap=True) for name in ("rows", "missing", "zeros")]
    texts = [Column(name, no_wrap=name in ("from", "to")) for name in ("values", "from", "to", "enough rows")]
    profile = table(Column("series", overflow="fold"), *counts, *texts)
    for one in series:
        zeros = f"{100 * one['zeros']:.0f} %" if one["zeros"] else "0"
        values = f"{one['min']:.4g} to {one['max']:.4g}"
        name, *stamps = (harmless(one[key]) for key in ("id", "first", "last"))
        profile.add_row(name, f"{one['rows']}", f"{one['missing']}", zeros, values, *stamps, ENOUGH[one["enough"]])
    return profile

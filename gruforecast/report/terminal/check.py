"""The result of `check` as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from gruforecast.data.calendar.frequency import season_unit, seasons_in_words
from gruforecast.report.terminal.console import safe, table
from gruforecast.text import harmless

if TYPE_CHECKING:
    from gruforecast.automl.data_profile import DataProfile, SeriesProfile

MAX_SERIES = 12
ENOUGH = {
    "folds": "yes",
    "test": "for the test set",
    "training": "for training",
    "forecast": "only to be forecast",
}


def show_profile(profile: DataProfile, *, quiet: bool, verbose: bool) -> None:
    """Warnings first, then the plan and the series, on standard output."""
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    for warning in profile.warnings:
        console.print(Text(f"warning: {harmless(warning)}", style="yellow"))
    if quiet:
        if profile.refused:
            console.print(Text(f"not ready for gruforecast fit: {harmless(profile.refused)}", style="yellow"))
        return
    for note in profile.found:
        console.print(safe(note))
    console.print(Text(_seasons(profile)))
    chart = profile.chart
    console.print(Text(f"\n{harmless(chart.id)}, means from {chart.low:.6g} to {chart.high:.6g}"))
    console.print(Text(f"{chart.text}\n"))
    shown = profile.series if verbose else profile.series[:MAX_SERIES]
    console.print(_table(shown))
    if len(profile.series) > len(shown):
        console.print(f"… and {len(profile.series) - len(shown)} more series; -v shows them all")
    missing = f", {profile.n_missing} of them missing" if profile.n_missing else ""
    ready = f"not ready for gruforecast fit: {profile.refused}" if profile.refused else "ready for gruforecast fit"
    console.print(Text(f"\n{profile.n_series} series, {profile.n_rows} rows{missing}: {harmless(ready)}"))


def _seasons(profile: DataProfile) -> str:
    """Return the seasons with their strength, the horizon, and what scores of another season say."""
    strong = [f"{one.strength:.2f} of {one.length:,}" for one in profile.seasons if one.strength is not None]
    text = seasons_in_words(profile.season_lengths) + (f"; strength {', '.join(strong)}" if strong else "")
    return f"{text}; horizon {profile.horizon}\n{season_unit(profile.season_length)}"


def _table(series: list[SeriesProfile]) -> Table:
    counts = [Column(name, justify="right", no_wrap=True) for name in ("rows", "missing", "zeros")]
    texts = [Column(name, no_wrap=name in ("from", "to")) for name in ("values", "from", "to", "enough rows")]
    shown = table(Column("series", overflow="fold"), *counts, *texts)
    for one in series:
        zeros = f"{100 * one.zeros:.0f} %" if one.zeros else "0"
        values = f"{one.min:.4g} to {one.max:.4g}"
        name, *stamps = (harmless(text) for text in (one.id, one.first, one.last))
        shown.add_row(name, f"{one.rows}", f"{one.missing}", zeros, values, *stamps, ENOUGH[one.enough])
    return shown

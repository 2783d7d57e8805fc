"""What was found inside a network, as text that fits 80 columns."""

from __future__ import annotations

import itertools
import math
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gruforecast.report.sentences import (
    Explained,
    amount,
    bin_label,
    edges,
    gates_sentence,
    importance_sentence,
    memory_sentence,
    network_sentence,
    percent,
    period,
    reach_sentence,
    resets_sentence,
)
from gruforecast.report.terminal.console import BARS, PLAIN_BARS, WIDTH, safe, shows_bars, spark

SPARK = 60  # characters
MAX_MOMENTS = 8
CURVE = 24


def show_explanation(found: Explained) -> None:
    """A sentence and a small table for each part, on standard output."""
    live = sys.stdout.isatty()
    console = Console(highlight=False, markup=False, width=None if live else WIDTH)
    bars = BARS if shows_bars(console) else PLAIN_BARS
    console.print(safe(network_sentence(found)))
    for title, sentence, table in (
        ("Gates", gates_sentence(found), _gates(found, bars)),
        ("Memory", memory_sentence(found), _memory(found, bars)),
        ("Closed chapters", resets_sentence(found), _resets(found)),
        ("Reach", reach_sentence(found), _reach(found, bars)),
        ("What it needs", importance_sentence(found), _importance(found)),
    ):
        console.print()
        console.print(Text(title, style="bold"))
        console.print(safe(sentence))
        if table is not None:
            console.print(table)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for k, name in enumerate(columns):
        table.add_column(name, justify="right" if k else "left", overflow="fold")
    return table


def _gates(found: Explained, bars: str) -> Table:
    """Return the series and the mean of each gate as lines of bars, and a mark at each closed chapter."""
    gates = found["gates"]
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_row("series", spark(gates["values"], SPARK, bars=bars), "")
    for layer in gates["layers"]:
        number = f" {layer['layer']}" if found["network"]["layers"] > 1 else ""
        for name in ("update", "reset"):
            values = layer[f"mean_{name}"]
            ends = f"{min(values):.0f}-{max(values):.0f} %" if values else ""
            table.add_row(f"{name}{number}", spark(values, SPARK, bars=bars), ends)
    marks = [" "] * min(SPARK, len(gates["from"]))
    for place in gates["moments"]:
        marks[place * len(marks) // len(gates["from"])] = "^"
    if gates["moments"]:
        table.add_row("closed", "".join(marks), "")
    if gates["from"]:
        table.add_row("", safe(f"{gates['series']}: {gates['from'][0]} to {gates['to'][-1]}"), "")
    return table


def _memory(found: Explained, bars: str) -> Table | None:
    """Return how many units have which half-life."""
    memory = found["memory"]
    lives = [one for layer in memory["layers"] for one in layer]
    finite = sorted(one for one in lives if one)
    if not finite or found["network"]["tokens"] == 1:
        return None
    bounds = edges(finite[0], finite[-1])
    table = _table("half-life", "units", "")
    table.columns[2].justify = "left"
    for low, high in itertools.pairwise(bounds):
        last = high == bounds[-1]
        count = sum(low <= one < high or (last and one == high) for one in finite)
        text = f"{bin_label(low, high)} {memory['unit']}"
        table.add_row(text, str(count), bars[-1] * math.ceil(40 * count / len(lives)))
    if len(finite) < len(lives):
        table.add_row("endless", str(len(lives) - len(finite)), "")
    return table


def _resets(found: Explained) -> Table | None:
    moments = found["resets"]["moments"]
    if not moments:
        return None
    table = _table("when", "above the usual")
    several = found["resets"]["n_series"] > 1
    if several:
        table.add_column("series")
    for one in moments[:MAX_MOMENTS]:
        table.add_row(safe(period(one)), f"{one['score']:.1f}", *([safe(one["series"])] if several else []))
    more = found["resets"]["n_moments"] - MAX_MOMENTS
    if more > 0:
        table.caption, table.caption_justify, table.caption_style = f"and {more} more", "left", "dim"
    return table


def _reach(found: Explained, bars: str) -> Table | None:
    """Return how the gradient falls from the newest row to the oldest."""
    curves = found["reach"]
    if not curves:
        return None
    table = _table("network", "oldest/newest", "90 % within", "gradient, newest to oldest (log)")
    table.columns[3].justify = "left"
    positive = [math.log10(norm) for one in curves for norm in one["norm"] if norm > 0]
    whole = (min(positive, default=0.0), max(positive, default=0.0))
    for one in curves:
        far = "-" if one["oldest_to_newest"] is None else percent(one["oldest_to_newest"])
        logs = [math.log10(norm) if norm > 0 else None for norm in one["norm"]]
        within = "-" if one["within"] is None else amount(one["within"], found["unit"])
        table.add_row(safe(one["name"]), far, within, spark(logs, CURVE, whole, bars=bars))
    return table


def _importance(found: Explained) -> Table | None:
    needs: dict[str, Any] | None = found["importance"]
    if needs is None:
        return None
    table = _table("exchanged between windows", "MASE grows by", f"in {needs['permutations']} tries")
    for part in needs["parts"]:
        between = f"{_signed(part['low'])} to {_signed(part['high'])}"
        table.add_row(safe(part["name"]), _signed(part["mean"]), between)
    return table


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{round(value, 3) + 0.0:+.3f}"  # no -0.000

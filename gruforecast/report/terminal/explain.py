"""What was found inside a network, as text that fits 80 columns."""

from __future__ import annotations

import math
import sys

from rich.table import Column, Table
from rich.text import Text

from gruforecast.explain.records import Explanation
from gruforecast.report import sentences
from gruforecast.report.sentences import ENDLESS, amount, half_lives, percent, period
from gruforecast.report.terminal.console import BARS, PLAIN_BARS, console_on, safe, shows_bars, spark, table

SPARK = 60  # characters
MAX_CHANGES = 8
CURVE = 24


def show_explanation(explained: Explanation) -> None:
    """A sentence and a small table for each part, on standard output."""
    console = console_on(sys.stdout, wrap=True)
    bars = BARS if shows_bars(console) else PLAIN_BARS
    console.print(safe(sentences.network_sentence(explained)))
    for title, sentence, below in (
        ("Gates", sentences.gates_sentence(explained), _gates(explained, bars)),
        ("Memory", sentences.memory_sentence(explained), _memory(explained, bars)),
        ("State change points", sentences.change_points_sentence(explained), _changes(explained)),
        ("Input gradient", sentences.gradient_sentence(explained), _gradient(explained, bars)),
        ("What it needs", sentences.importance_sentence(explained), _importance(explained)),
    ):
        console.print()
        console.print(Text(title, style="bold"))
        console.print(safe(sentence))
        if below is not None:
            console.print(below)


def _table(*columns: str) -> Table:
    return table(*[Column(name, justify="right" if k else "left", overflow="fold") for k, name in enumerate(columns)])


def _gates(explained: Explanation, bars: str) -> Table:
    """Return the series and the mean of each gate as lines of bars, and a mark at each state change point."""
    gates = explained.gates
    lines = table(*[Column(justify=side, no_wrap=True) for side in ("left", "left", "right")], show_header=False)
    lines.add_row("series", spark(gates.values, SPARK, bars=bars), "")
    for layer in gates.layers:
        number = f" {layer.layer}" if explained.network.layers > 1 else ""
        for name, values in (("update", layer.mean_update), ("reset", layer.mean_reset)):
            ends = f"{min(values):.0f}-{max(values):.0f} %" if values else ""
            lines.add_row(f"{name}{number}", spark(values, SPARK, bars=bars), ends)
    marks = [" "] * min(SPARK, len(gates.begin))
    for place in gates.moments:
        marks[place * len(marks) // len(gates.begin)] = "^"
    if gates.moments:
        lines.add_row("change", "".join(marks), "")
    if gates.begin:
        lines.add_row("", safe(f"{gates.series}: {gates.begin[0]} to {gates.end[-1]}"), "")
    return lines


def _memory(explained: Explanation, bars: str) -> Table | None:
    """Return how many units have which half-life."""
    counts = half_lives(explained)
    if not counts:
        return None
    units = sum(count for _, count in counts)
    lives = _table("half-life", "units", "")
    lives.columns[2].justify = "left"
    for label, count in counts:
        if label == ENDLESS:
            lives.add_row(label, str(count), "")
        else:
            lives.add_row(f"{label} {explained.memory.unit}", str(count), bars[-1] * math.ceil(40 * count / units))
    return lives


def _changes(explained: Explanation) -> Table | None:
    changes = explained.resets
    if not changes.moments:
        return None
    several, more = changes.n_series > 1, changes.n_moments - MAX_CHANGES
    points = _table("when", "above the usual")
    points.caption = f"and {more} more" if more > 0 else None
    if several:
        points.add_column("series")
    for one in changes.moments[:MAX_CHANGES]:
        points.add_row(safe(period(one)), f"{one.score:.1f}", *([safe(one.series)] if several else []))
    return points


def _gradient(explained: Explanation, bars: str) -> Table | None:
    """Return how the gradient falls from the newest row to the oldest."""
    curves = explained.reach
    if not curves:
        return None
    gradients = _table("network", "oldest/newest", "90 % within", "gradient, newest to oldest (log)")
    gradients.columns[3].justify = "left"
    positive = [math.log10(norm) for one in curves for norm in one.norm if norm > 0]
    whole = (min(positive, default=0.0), max(positive, default=0.0))
    for one in curves:
        logs = [math.log10(norm) if norm > 0 else None for norm in one.norm]
        within = "-" if one.within is None else amount(one.within, explained.unit)
        gradients.add_row(safe(one.name), percent(one.oldest_to_newest), within, spark(logs, CURVE, whole, bars=bars))
    return gradients


def _importance(explained: Explanation) -> Table | None:
    needs = explained.importance
    if needs is None:
        return None
    growth = _table("exchanged between windows", "MASE grows by", f"in {needs.permutations} tries")
    for part in needs.parts:
        growth.add_row(safe(part.name), _signed(part.mean), f"{_signed(part.low)} to {_signed(part.high)}")
    return growth


def _signed(value: float) -> str:
    return f"{round(value, 3) + 0.0:+.3f}"  # no -0.000

"""The result of `show` as text."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from rich.table import Column, Table
from rich.text import Text

from gruforecast.report.terminal.console import console_on, safe, table

MAX_INPUTS = 12  # of the SavedModel that are shown
SHORTEST = 300  # characters of what a model says of itself beyond what this version knows


def show_model(facts: dict[str, Any], *, verbose: bool) -> None:
    """What a model folder is, on standard output; 80 columns where that is no terminal."""
    console, size = console_on(sys.stdout, wrap=True), sum(facts["files"].values())
    console.print(Text.assemble((str(safe(facts["model_dir"])), "bold"), f"  format {facts['format']}"))
    console.print()
    console.print(_table([*_about(facts), *_quality(facts)]))
    console.print(_networks(facts))
    files = f"{len(facts['files'])}, {_bytes(size)}: {facts['digests_verified']} digests verified"
    memory = f"at most {_bytes(facts['memory_bytes'])} for predict, data that are passed not counted"
    console.print()
    console.print(_table([("files", files), ("memory", memory), *_origin(facts)]))
    if verbose:
        console.print(_files(facts["files"]))


def _about(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what it forecasts, from what."""
    names = ", ".join(facts["series"]) + (", …" if facts["n_series"] > len(facts["series"]) else "")
    target = "every column of numbers" if facts["target"] is None else facts["target"]
    first, last = facts["data_end"]
    season = f"season of {facts['season_length']} rows" if facts["season_length"] > 1 else "no season"
    kept = "" if facts["keeps_rows"] else "; no rows are kept: predict needs DATA"
    return [
        ("series", f"{facts['n_series']}: {names}"),
        ("columns", f"time {', '.join(facts['time'])}; target {target}; id {', '.join(facts['ids']) or 'none'}"),
        *[(role, ", ".join(names)) for role, names in facts["beside"].items()],
        ("step", f"{facts['freq']}, {facts['horizon']} ahead, {season}"),
        ("data end", (last if first == last else f"{first} to {last}") + kept),
    ]


def _quality(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return who won, and how sure that is."""
    rows = [("winner", facts["winner"])]
    for name, scores in facts.get("scores", {}).items():
        parts = ", ".join(
            f"{word} {scores[key]:.3f}"
            for key, word in (("mase", "MASE"), ("smape", "sMAPE"), ("val_mase", "MASE on the folds"))
            if isinstance(scores.get(key), (int, float))
        )
        rows.append(("scores", f"{name}: {parts}"))
    if "verdict" in facts:
        rows.append(("verdict", facts["verdict"]))
    if facts["blend"]:
        rows.append(("blend", ", ".join(f"{100 * weight:.0f} % {name}" for name, weight in facts["blend"].items())))
    levels = ", ".join(f"{level:g} %" for level in facts["levels"]) or "none"
    return [*rows, ("intervals", f"{levels} calibrated"), ("members", ", ".join(facts["members"]))]


def _origin(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return with what it was made, and the export inside."""
    versions = facts.get("versions", {}).items()
    others = ", ".join(f"{name} {version}" for name, version in versions if name != "gruforecast")
    rows = [("written by", f"gruforecast {facts['gruforecast']}" + (f" ({others})" if others else ""))]
    digest = facts.get("data", {}).get("digest")
    if isinstance(digest, str):
        rows.append(("data sha256", digest))
    if "trials" in facts:
        audit = f", leak audit {facts['audit']}" if "audit" in facts else ""
        rows.append(("search", f"{facts['trials']} trials{audit}"))
    rows += _saved_model(facts.get("saved_model"))
    if "parity" in facts:
        rows.append(("parity", f"{facts['parity']:.1e} (largest relative difference of the SavedModel)"))
    return rows


def _saved_model(described: Any) -> list[tuple[str, str]]:
    """Return what the export for other programs takes and gives, as far as it is described in a known form."""
    if described is None:
        return []
    rows = []
    for key, word in (("inputs", "takes"), ("outputs", "gives")):
        listed = described.get(key) if isinstance(described, dict) else None
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            return [("SavedModel", json.dumps(described, ensure_ascii=False)[:SHORTEST])]
        parts = [" ".join(str(one.get(name, "")) for name in ("name", "dtype", "shape")) for one in listed[:MAX_INPUTS]]
        more = f" and {len(listed) - len(parts)} more" if len(listed) > len(parts) else ""
        rows.append(("SavedModel", f"{word} {'; '.join(parts)}{more}"))
    return rows


def _table(rows: Iterable[tuple[str, str]]) -> Table:
    facts = table(Column(style="dim", no_wrap=True, min_width=11), Column(overflow="fold"), show_header=False)
    for name, text in rows:
        facts.add_row(name, safe(text))
    return facts


def _networks(facts: dict[str, Any]) -> Table:
    name, sizes = Column("name", overflow="fold"), ("layers", "units", "lookback", "segment")
    networks = table(name, Column("cell"), *sizes, Column("decoder"), "params", "weight", title="\nnetworks")
    for one in facts["networks"]:
        numbers = [str(one[size]) for size in sizes]
        last = (one["decoder"], f"{one['parameters']:,}", f"{100 * one['share']:.0f} %")
        networks.add_row(safe(one["name"]), one["cell"].upper(), *numbers, *last)
    return networks


def _files(files: dict[str, int]) -> Table:
    listed = table(Column("file", overflow="fold"), "bytes", title="\nfiles")
    for name, size in files.items():
        listed.add_row(safe(name), f"{size:,}")
    return listed


def _bytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"

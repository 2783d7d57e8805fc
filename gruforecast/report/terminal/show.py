"""The result of `show` as text."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gruforecast.report.terminal.console import WIDTH, safe

MAX_INPUTS = 12  # of the SavedModel that are shown
SHORTEST = 300  # characters of what a model says of itself beyond what this version knows


def show_card(facts: dict[str, Any], *, verbose: bool) -> None:
    """What a model folder is, on standard output; 80 columns where that is no terminal."""
    live = sys.stdout.isatty()
    console = Console(highlight=False, markup=False, width=None if live else WIDTH)
    size = sum(facts["files"].values())
    console.print(Text.assemble((str(safe(facts["model_dir"])), "bold"), f"  format {facts['format']}"))
    console.print()
    console.print(_table([*_about(facts), *_found(facts)]))
    console.print(_networks(facts))
    rest = [("files", f"{len(facts['files'])}, {_bytes(size)}: {facts['digests_verified']} digests verified")]
    rest += [("memory", f"at most {_bytes(facts['memory_bytes'])} for predict, data that are passed not counted")]
    rest += _made(facts)
    console.print()
    console.print(_table(rest))
    if verbose:
        console.print(_files(facts["files"]))


def _about(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what it forecasts, from what."""
    names = ", ".join(facts["series"]) + (", …" if facts["n_series"] > len(facts["series"]) else "")
    target = "every column of numbers" if facts["target"] is None else facts["target"]
    first, last = facts["data_end"]
    season = f"season of {facts['season_length']} rows" if facts["season_length"] > 1 else "no season"
    kept = "" if facts["keeps_rows"] else "; no rows are kept: predict needs DATA"
    found = [
        ("series", f"{facts['n_series']}: {names}"),
        ("columns", f"time {', '.join(facts['time'])}; target {target}; id {', '.join(facts['ids']) or 'none'}"),
    ]
    found += [(role, ", ".join(names)) for role, names in facts["beside"].items()]
    return [
        *found,
        ("step", f"{facts['freq']}, {facts['horizon']} ahead, {season}"),
        ("data end", (last if first == last else f"{first} to {last}") + kept),
    ]


def _found(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return who won, and how sure that is."""
    found = [("winner", facts["winner"])]
    for name, scores in facts.get("scores", {}).items():
        parts = ", ".join(
            f"{word} {scores[key]:.3f}"
            for key, word in (("mase", "MASE"), ("smape", "sMAPE"), ("val_mase", "MASE on the folds"))
            if isinstance(scores.get(key), (int, float))
        )
        found.append(("scores", f"{name}: {parts}"))
    if "verdict" in facts:
        found.append(("verdict", facts["verdict"]))
    if facts["blend"]:
        found.append(("blend", ", ".join(f"{100 * share:.0f} % {name}" for name, share in facts["blend"].items())))
    levels = ", ".join(f"{level:g} %" for level in facts["levels"]) or "none"
    return [*found, ("intervals", f"{levels} calibrated"), ("members", ", ".join(facts["members"]))]


def _made(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """With what it was made, and the export inside."""
    versions = facts.get("versions", {})
    others = ", ".join(f"{name} {found}" for name, found in versions.items() if name != "gruforecast")
    found = [("written by", f"gruforecast {facts['gruforecast']}" + (f" ({others})" if others else ""))]
    digest = facts.get("data", {}).get("digest")
    if isinstance(digest, str):
        found.append(("data sha256", digest))
    if "trials" in facts:
        found.append(
            ("search", f"{facts['trials']} trials" + (f", leak audit {facts['audit']}" if "audit" in facts else ""))
        )
    found += _saved_model(facts.get("saved_model"))
    if "parity" in facts:
        found.append(("parity", f"{facts['parity']:.1e} (largest relative difference of the SavedModel)"))
    return found


def _saved_model(described: Any) -> list[tuple[str, str]]:
    """Return what the export for other programs takes and gives, as far as it is described in a known form."""
    if described is None:
        return []
    found = []
    for key, word in (("inputs", "takes"), ("outputs", "gives")):
        listed = described.get(key) if isinstance(described, dict) else None
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            return [("SavedModel", json.dumps(described, ensure_ascii=False)[:SHORTEST])]
        parts = [" ".join(str(one.get(name, "")) for name in ("name", "dtype", "shape")) for one in listed[:MAX_INPUTS]]
        more = f" and {len(listed) - len(parts)} more" if len(listed) > len(parts) else ""
        found.append(("SavedModel", f"{word} {'; '.join(parts)}{more}"))
    return found


def _table(rows: list[tuple[str, str]]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True, min_width=11)
    table.add_column(overflow="fold")
    for name, text in rows:
        table.add_row(name, safe(text))
    return table


def _networks(facts: dict[str, Any]) -> Table:
    table = Table(
        title="\nnetworks", title_justify="left", title_style="", box=None, pad_edge=False, header_style="bold"
    )
    table.add_column("name", overflow="fold")
    table.add_column("cell")
    for name in ("layers", "units", "lookback", "segment"):
        table.add_column(name, justify="right")
    table.add_column("decoder")
    table.add_column("params", justify="right")
    table.add_column("share", justify="right")
    for one in facts["networks"]:
        numbers = [str(one[name]) for name in ("layers", "units", "lookback", "segment")]
        share = f"{100 * one['share']:.0f} %"
        table.add_row(safe(one["name"]), one["cell"].upper(), *numbers, one["decoder"], f"{one['parameters']:,}", share)
    return table


def _files(files: dict[str, int]) -> Table:
    table = Table(title="\nfiles", title_justify="left", title_style="", box=None, pad_edge=False)
    table.add_column("file", overflow="fold")
    table.add_column("bytes", justify="right")
    for name, size in files.items():
        table.add_row(safe(name), f"{size:,}")
    return table


def _bytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"

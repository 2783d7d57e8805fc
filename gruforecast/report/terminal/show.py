"""The result of `show` as text."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from msgspec import UNSET
from rich.table import Column, Table
from rich.text import Text

from gruforecast.artifact.describe import Description
from gruforecast.artifact.manifest import SignatureRecord
from gruforecast.report.terminal.console import console_on, safe, table

MAX_INPUTS = 12  # of the SavedModel that are shown


def show_model(facts: Description, *, verbose: bool) -> None:
    """What a model folder is, on standard output; 80 columns where that is no terminal."""
    console, size = console_on(sys.stdout, wrap=True), sum(facts.files.values())
    console.print(Text.assemble((str(safe(facts.model_dir)), "bold"), f"  format {facts.format}"))
    console.print()
    console.print(_table([*_about(facts), *_quality(facts)]))
    console.print(_networks(facts))
    files = f"{len(facts.files)}, {_bytes(size)}: {facts.digests_verified} digests verified"
    memory = f"at most {_bytes(facts.memory_bytes)} for predict, data that are passed not counted"
    console.print()
    console.print(_table([("files", files), ("memory", memory), *_origin(facts)]))
    if verbose:
        console.print(_files(facts.files))


def _about(facts: Description) -> list[tuple[str, str]]:
    """Return what it forecasts, from what."""
    names = ", ".join(facts.series) + (", …" if facts.n_series > len(facts.series) else "")
    target = "every column of numbers" if facts.target is None else facts.target
    first, last = facts.data_end
    season = f"season of {facts.season_length} rows" if facts.season_length > 1 else "no season"
    kept = f"; {facts.rows_kept:,} rows are kept" if facts.keeps_rows else "; no rows are kept: predict needs DATA"
    return [
        ("series", f"{facts.n_series}: {names}"),
        ("columns", f"time {', '.join(facts.time)}; target {target}; id {', '.join(facts.ids) or 'none'}"),
        *[(role, ", ".join(names)) for role, names in facts.beside.items()],
        ("step", f"{facts.freq}, {facts.horizon} ahead, {season}"),
        ("data end", (last if first == last else f"{first} to {last}") + kept),
    ]


def _quality(facts: Description) -> list[tuple[str, str]]:
    """Return who won, and how sure that is."""
    rows = [("winner", facts.winner)]
    for name, scores in facts.scores.items() if facts.scores is not UNSET else ():
        parts = ", ".join(
            f"{word} {score:.3f}"
            for key, word in (("mase", "MASE"), ("smape", "sMAPE"), ("val_mase", "MASE on the folds"))
            if isinstance(score := scores.get(key), (int, float))
        )
        rows.append(("scores", f"{name}: {parts}"))
    if facts.verdict is not UNSET:
        rows.append(("verdict", facts.verdict))
    if facts.blend:
        rows.append(("blend", ", ".join(f"{100 * weight:.0f} % {name}" for name, weight in facts.blend.items())))
    levels = ", ".join(f"{level:g} %" for level in facts.levels) or "none"
    return [*rows, ("intervals", f"{levels} calibrated"), ("members", ", ".join(facts.members))]


def _origin(facts: Description) -> list[tuple[str, str]]:
    """Return with what it was made, and the export inside."""
    versions = {} if facts.versions is UNSET else facts.versions
    others = ", ".join(f"{name} {version}" for name, version in versions.items() if name != "gruforecast")
    rows = [("written by", f"gruforecast {facts.gruforecast}" + (f" ({others})" if others else ""))]
    if facts.data is not UNSET and "digest" in facts.data:
        rows.append(("data sha256", str(facts.data["digest"])))
    if facts.trials is not UNSET:
        audit = "" if facts.audit is UNSET else f", leak audit {facts.audit}"
        rows.append(("search", f"{facts.trials} trials{audit}"))
    if facts.saved_model is not UNSET:
        rows += _saved_model(facts.saved_model, facts.holds)
    if facts.parity is not UNSET:
        rows.append(("parity", f"{facts.parity:.1e} (largest relative difference of the SavedModel)"))
    return rows


def _saved_model(signature: SignatureRecord, holds: str) -> list[tuple[str, str]]:
    """Return what the export for other programs holds, takes and gives."""
    rows = [("SavedModel", holds)]
    for word, tensors in (("takes", signature.inputs), ("gives", signature.outputs)):
        parts = [f"{one.name} {one.dtype} {one.shape}" for one in tensors[:MAX_INPUTS]]
        more = f" and {len(tensors) - len(parts)} more" if len(tensors) > len(parts) else ""
        rows.append(("SavedModel", f"{word} {'; '.join(parts)}{more}"))
    return rows


def _table(rows: Iterable[tuple[str, str]]) -> Table:
    facts = table(Column(style="dim", no_wrap=True, min_width=11), Column(overflow="fold"), show_header=False)
    for name, text in rows:
        facts.add_row(name, safe(text))
    return facts


def _networks(facts: Description) -> Table:
    name, sizes = Column("name", overflow="fold"), ("layers", "units", "lookback", "segment")
    networks = table(name, Column("cell"), *sizes, Column("decoder"), "params", "weight", title="\nnetworks")
    for one in (*facts.networks, *facts.pretrained):
        numbers = [str(size) for size in (one.layers, one.units, one.lookback, one.segment)]
        last = (one.decoder, f"{one.parameters:,}", f"{100 * one.share:.0f} %" if one.share else "-")
        networks.add_row(safe(one.name), one.cell.upper(), *numbers, *last)
    return networks


def _files(files: dict[str, int]) -> Table:
    listed = table(Column("file", overflow="fold"), "bytes", title="\nfiles")
    for name, size in files.items():
        listed.add_row(safe(name), f"{size:,}")
    return listed


def _bytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"

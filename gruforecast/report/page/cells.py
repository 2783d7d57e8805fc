"""GRU, LSTM and simple RNN at one equal budget: the table of the literature with measured values."""

from __future__ import annotations

import statistics
from typing import Any

from gruforecast.evaluation.verdict import STUDENT
from gruforecast.models.networks.config import STEPS_PER_CALL
from gruforecast.models.registry import KINDS
from gruforecast.report.page.figure import Figure, Report, Section, Table, axis, number

ROWS = (
    ("gates", "gates", "d"),
    ("memory cell beside the state", "memory_cell", ""),
    ("parameters", "parameters", "d"),
    ("steps of training", "steps", "d"),
    ("seconds per epoch", "seconds_per_epoch", ".3g"),
    (
        f"seconds to its best, the end of training, without compiling and the first {STEPS_PER_CALL} steps",
        "train_seconds",
        ".3g",
    ),
    ("milliseconds per forecast of a series", "forecast_ms", ".2f"),
    ("size of the weights on disk, kB", "weights_bytes", "kb"),
)
SCORES = (("MASE on the folds", "val_mase"), ("MASE on the test set", "mase"))


def cells_section(report: Report) -> Section | None:
    """Return what the comparison has measured, and what it says; None where nothing was compared."""
    cells = report["cells"]
    if len(cells) < 2:
        return None
    how = "One configuration, that of the best GRU trial and so to its advantage, with nothing but the cell replaced."
    header = ("", *[KINDS[cell["cell"]].title for cell in cells])
    rows = [[title, *[_written(cell.get(name), form) for cell in cells]] for title, name, form in ROWS]
    rows += [[title, *[_spread(cell, name) for cell in cells]] for title, name in SCORES]
    budget = "at one equal budget" if cells[0]["budget"] == "short" else "at the full budget"
    table = Table.of(f"Measured {budget} of steps; ± standard deviation over seeds", header, rows)
    return Section("cells", "GRU, LSTM or simple RNN", [advice(cells), how], [_figure(cells)], [table])


def advice(cells: list[dict[str, Any]]) -> str:
    """Return which cell to use here, and how sure that is: the folds choose, the test set judges, as everywhere."""
    scored = [cell for cell in cells if cell["mase"] is not None and cell["val_mase"] is not None]
    if len(scored) < 2:
        return "The cells cannot be compared: a score is missing."
    best = min(scored, key=lambda cell: cell["val_mase"])
    close = [cell for cell in scored if cell is best or not _apart(best, cell, "val_mase")]
    if min(len(cell.get("seeds", {}).get("mase", [])) for cell in scored) < 2:
        text = "One seed each does not tell the cells apart"
    elif len(close) == 1:
        text = f"On the folds the {KINDS[best['cell']].title} is more accurate by more than seeds differ"
    else:
        text = f"The folds do not tell the {_and(close)} apart: seeds of one differ as much"
    if 1 < len(close) < len(scored):
        behind = [cell for cell in scored if cell not in close]
        text += f", and the {_and(behind)} {'is' if len(behind) == 1 else 'are'} behind"
    small = min(close, key=lambda cell: cell["parameters"])
    smallest = f"Of these the {KINDS[small['cell']].title} is the smallest." if len(close) > 1 else ""
    return " ".join(part for part in (f"{text}.", smallest, _judged(scored, close), _costs(scored)) if part)


def _judged(cells: list[dict[str, Any]], close: list[dict[str, Any]]) -> str:
    """Return what the test set adds, where the folds left some `close`."""
    best = min(cells, key=lambda cell: cell["mase"])
    behind = [cell for cell in cells if cell is not best and _apart(best, cell, "mase")]
    if not behind:
        alike = len(close) == len(cells)
        return "The test set does not, either." if alike else "The test set tells none of them apart."
    return (
        f"On the test set the {KINDS[best['cell']].title} is better than the {_and(behind)} by more than seeds differ."
    )


def _and(cells: list[dict[str, Any]]) -> str:
    *others, last = [KINDS[cell["cell"]].title for cell in cells]
    return f"{', the '.join(others)} and the {last}" if others else last


def _costs(cells: list[dict[str, Any]]) -> str:
    """Return how large and how slow the GRU is beside the other cells."""
    gru = next((cell for cell in cells if cell["cell"] == "gru"), None)
    others = [cell for cell in cells if cell["cell"] != "gru"]
    if gru is None or not others:
        return ""
    sizes, ratios = (
        " and ".join(
            f"{gru[name] / cell[name]:.2f} times the {KINDS[cell['cell']].title}'s"
            for cell in others
            if cell[name] and gru[name]
        )
        for name in ("parameters", "seconds_per_epoch")
    )
    return f"The GRU's parameters are {sizes}{f', its seconds per epoch {ratios}' if ratios else ''}."


def _apart(one: dict[str, Any], other: dict[str, Any], score: str = "mase") -> bool:
    """Return whether two cells differ by more than their seeds do, by the t test of their means."""
    seeds = [cell.get("seeds", {}).get(score, []) for cell in (one, other)]
    degrees = len(seeds[0]) + len(seeds[1]) - 2
    if min(map(len, seeds)) < 2 or degrees not in STUDENT:
        return False
    error = sum(statistics.variance(scores) / len(scores) for scores in seeds) ** 0.5
    return bool(abs(one[score] - other[score]) > STUDENT[degrees] * error)


def _spread(cell: dict[str, Any], name: str) -> str:
    seeds = cell.get("seeds", {}).get(name, [])
    if len(seeds) < 2:
        return f"{number(cell[name])} (one seed)"
    return f"{number(cell[name])} ± {statistics.stdev(seeds):.3f} ({len(seeds)} seeds)"


def _written(value: Any, form: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if form == "kb":
        return number(None if value is None else value / 1000, ",.0f")
    return number(value) if form == "d" else number(value, form)


def _title(cells: list[dict[str, Any]]) -> str:
    """Return which cell has the lowest error, and beside which of the others that is more than seeds give."""
    scored = [cell for cell in cells if cell["mase"] is not None]
    if not scored:
        return "Errors of the cells at one equal budget"
    best = min(scored, key=lambda cell: cell["mase"])
    title = f"The {KINDS[best['cell']].title} has the lowest mean error at one equal budget"
    close = [KINDS[cell["cell"]].title for cell in scored if cell is not best and not _apart(best, cell)]
    if not close:
        return title
    several = all(len(cell.get("seeds", {}).get("mase", [])) > 1 for cell in scored)
    seeds = f"the seeds do not tell it from the {' and the '.join(close)}" if several else "one seed each says little"
    return f"{title}, but {seeds}"


def _figure(cells: list[dict[str, Any]]) -> Figure:
    data: list[dict[str, Any]] = []
    rows: list[tuple[str, str, float | None]] = []
    for cell in cells:
        name, colour = KINDS[cell["cell"]].title, KINDS[cell["cell"]].colour
        seeds = cell.get("seeds", {}).get("mase") or [cell["mase"]]
        ring = {"symbol": "circle-open", "size": 9, "color": colour, "line": {"width": 1.5}}
        bar = {"symbol": "line-ns-open", "size": 22, "color": colour, "line": {"width": 3}}
        common = {"type": "scatter", "mode": "markers", "showlegend": False}
        data += [
            {**common, "x": seeds, "y": [name] * len(seeds), "name": f"{name}, seeds", "marker": ring},
            {**common, "x": [cell["mase"]], "y": [name], "name": f"{name}, mean", "marker": bar},
        ]
        rows += [(name, f"{k}", seed) for k, seed in enumerate(seeds, 1)]
    return Figure(
        name="cells-scores",
        title=_title(cells),
        note="Rings: one seed each; bars: their mean. Lower is better.",
        data=data,
        layout={"xaxis": axis("MASE on the test set"), "yaxis": {"type": "category", "autorange": "reversed"}},
        table=Table.of("MASE on the test set by seed", ("cell", "seed", "MASE"), rows),
        height=240,
    )

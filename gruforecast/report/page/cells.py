"""GRU, LSTM and simple RNN at one equal budget: the table of the literature with measured values."""

from __future__ import annotations

import statistics
from typing import Any

from gruforecast.config import STEPS_PER_CALL
from gruforecast.report.page.figure import COLOURS, Figure, Report, Section, Table, axis, number
from gruforecast.verdict import STUDENT

NAMES = {"gru": "GRU", "lstm": "LSTM", "rnn": "simple RNN"}
ROWS = (
    ("gates", "gates", "d"),
    ("memory cell beside the state", "memory_cell", ""),
    ("parameters", "parameters", "d"),
    ("seconds per epoch", "seconds_per_epoch", ".3g"),
    (f"seconds of training, without compiling and the first {STEPS_PER_CALL} steps", "train_seconds", ".3g"),
    ("milliseconds per forecast of a series", "forecast_ms", ".2f"),
    ("size of the weights on disk, kB", "weights_bytes", "kb"),
)
SCORES = (("MASE on the folds", "val_mase"), ("MASE on the test part", "mase"))


def cells_section(report: Report) -> Section | None:
    """What the comparison has measured, and what it says; None where nothing was compared."""
    cells = report["cells"]
    if len(cells) < 2:
        return None
    words = [advice(cells)]
    words += ["One configuration, that of the best GRU trial, with nothing but the cell replaced."]
    header = ("", *[NAMES[cell["cell"]] for cell in cells])
    rows = [[title, *[_written(cell.get(name), form) for cell in cells]] for title, name, form in ROWS]
    rows += [[title, *[_spread(cell, name) for cell in cells]] for title, name in SCORES]
    table = Table.of("Measured at one equal budget; ± standard deviation over seeds", header, rows)
    return Section("cells", "GRU, LSTM or simple RNN", words, [_figure(cells)], [table])


def advice(cells: list[dict[str, Any]]) -> str:
    """Which cell to use here, and how sure that is."""
    by_cell = {cell["cell"]: cell for cell in cells if cell["mase"] is not None}
    gru = by_cell.get("gru")
    others = [cell for name, cell in by_cell.items() if name != "gru"]
    if gru is None or not others:
        return "The cells cannot be compared: a score is missing."
    better = [cell for cell in others if _apart(cell, gru) and cell["mase"] < gru["mase"]]
    worse = [cell for cell in others if _apart(cell, gru) and cell["mase"] > gru["mase"]]
    unclear = [cell for cell in others if cell not in better and cell not in worse]
    words = [f"the {NAMES[cell['cell']]} is more accurate by more than its seeds differ" for cell in better]
    words += [f"the GRU is more accurate than the {NAMES[cell['cell']]} by more than seeds differ" for cell in worse]
    if unclear:
        names = " and the ".join(NAMES[cell["cell"]] for cell in unclear)
        several = all(len(cell.get("seeds", {}).get("mase", [])) > 1 for cell in (gru, *unclear))
        told = "the GRU differs by no more than seeds differ among themselves"
        words.append(f"from the {names} {told if several else 'one seed each does not tell the GRU apart'}")
    start = "Another cell may pay here" if better else "Stay with the GRU here"
    if not better and any(cell["parameters"] < gru["parameters"] for cell in unclear):
        start = "The GRU is not shown to be better here than a smaller cell"
    return f"{start}: {'; '.join(words)}. {_costs(gru, others)}"


def _costs(gru: dict[str, Any], others: list[dict[str, Any]]) -> str:
    """How large and how slow the GRU is beside the other cells."""
    sizes = [f"{gru['parameters'] / cell['parameters']:.2f} times the {NAMES[cell['cell']]}'s" for cell in others]
    timed = [cell for cell in others if cell["seconds_per_epoch"] and gru["seconds_per_epoch"]]
    ratio = [
        f"{gru['seconds_per_epoch'] / cell['seconds_per_epoch']:.2f} times the {NAMES[cell['cell']]}'s"
        for cell in timed
    ]
    text = f"The GRU's parameters are {' and '.join(sizes)}"
    return f"{text}, its seconds per epoch {' and '.join(ratio)}." if ratio else f"{text}."


def _apart(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two cells differ on the test part by more than their seeds do, by the t test of their means."""
    seeds = [cell.get("seeds", {}).get("mase", []) for cell in (one, other)]
    degrees = len(seeds[0]) + len(seeds[1]) - 2
    if min(map(len, seeds)) < 2 or degrees not in STUDENT:
        return False
    error: float = sum(statistics.variance(found) / len(found) for found in seeds) ** 0.5
    return abs(one["mase"] - other["mase"]) > STUDENT[degrees] * error


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
    """Which cell has the lowest error, and beside which of the others that is more than seeds give."""
    scored = [cell for cell in cells if cell["mase"] is not None]
    if not scored:
        return "Errors of the cells at one equal budget"
    best = min(scored, key=lambda cell: cell["mase"])
    title = f"The {NAMES[best['cell']]} has the lowest mean error at one equal budget"
    close = [NAMES[cell["cell"]] for cell in scored if cell is not best and not _apart(best, cell)]
    if not close:
        return title
    several = all(len(cell.get("seeds", {}).get("mase", [])) > 1 for cell in scored)
    told = f"from the {' and the '.join(close)} it differs by no more than seeds do"
    return f"{title}; {told}" if several else f"{title}, but one seed each says little"


def _figure(cells: list[dict[str, Any]]) -> Figure:
    data = []
    for cell in cells:
        name = NAMES[cell["cell"]]
        values = cell.get("seeds", {}).get("mase") or [cell["mase"]]
        points = {"x": values, "y": [name] * len(values), "name": f"{name}, seeds", "showlegend": False}
        mean = {"x": [cell["mase"]], "y": [name], "name": f"{name}, mean", "showlegend": False}
        colour = COLOURS[cell["cell"]]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                **points,
                "marker": {"symbol": "circle-open", "size": 9, "color": colour, "line": {"width": 1.5}},
            }
        )
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                **mean,
                "marker": {"symbol": "line-ns-open", "size": 22, "color": colour, "line": {"width": 3}},
            }
        )
    layout = {"xaxis": axis("MASE on the test part"), "yaxis": {"type": "category", "autorange": "reversed"}}
    rows = []
    for cell in cells:
        seeds = cell.get("seeds", {}).get("mase") or [cell["mase"]]
        rows += [(NAMES[cell["cell"]], f"{k + 1}", value) for k, value in enumerate(seeds)]
    table = Table.of("MASE on the test part by seed", ("cell", "seed", "MASE"), rows)
    note = "Rings: one seed each; bars: their mean. Lower is better."
    return Figure("cells-scores", _title(cells), note, data, layout, table, 240)

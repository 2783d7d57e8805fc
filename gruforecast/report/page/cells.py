"""GRU, LSTM and simple RNN at one equal budget: the table of the literature with measured values."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from gruforecast.evaluation.leaderboard import Seeds
from gruforecast.evaluation.verdict import STUDENT
from gruforecast.models.networks.config import STEPS_PER_CALL
from gruforecast.models.registry import KINDS
from gruforecast.report.page.figure import Figure, Section, Table, Trace, axis, by_size, number
from gruforecast.report.report import CellRecord, Report
from gruforecast.serialization import Json

ROWS: tuple[tuple[str, Callable[[CellRecord], str]], ...] = (
    ("gates", lambda cell: number(cell.gates)),
    ("memory cell beside the state", lambda cell: "yes" if cell.memory_cell else "no"),
    ("parameters", lambda cell: number(cell.parameters)),
    ("steps of training", lambda cell: number(cell.steps)),
    ("seconds per epoch", lambda cell: number(cell.seconds_per_epoch, ".3g")),
    (
        f"seconds to its best, the end of training, without compiling and the first {STEPS_PER_CALL} steps",
        lambda cell: number(cell.train_seconds, ".3g"),
    ),
    ("milliseconds per forecast of a series", lambda cell: number(cell.forecast_ms, ".2f")),
    (
        "size of the weights on disk, kB",
        lambda cell: number(None if cell.weights_bytes is None else cell.weights_bytes / 1000, ",.0f"),
    ),
)


@dataclass(frozen=True)
class CellScore:
    """A cell by its MASE on the folds or on the test set: the mean, and each seed where there are several."""

    cell: CellRecord
    mean: float | None
    seeds: list[float]

    @classmethod
    def of(cls, cell: CellRecord, *, test: bool) -> CellScore:
        """Return it by what the test set says, which judges, or the folds, which choose."""
        mean, seeds = (cell.mase if test else cell.val_mase), cell.seeds or Seeds([], [])
        return cls(cell, mean, [one for one in (seeds.mase if test else seeds.val_mase) if one is not None])

    @property
    def title(self) -> str:
        """What the cell is called."""
        return KINDS[self.cell.cell].title

    def __str__(self) -> str:
        if len(self.seeds) < 2:
            return f"{number(self.mean)} (one seed)"
        return f"{number(self.mean)} ± {statistics.stdev(self.seeds):.3f} ({len(self.seeds)} seeds)"

    def differs(self, other: CellScore) -> bool:
        """Return whether two cells differ by more than their seeds do, by the t test of their means."""
        seeds = self.seeds, other.seeds
        degrees = len(self.seeds) + len(other.seeds) - 2
        if min(map(len, seeds)) < 2 or degrees not in STUDENT or self.mean is None or other.mean is None:
            return False
        error = sum(statistics.variance(scores) / len(scores) for scores in seeds) ** 0.5
        return bool(abs(self.mean - other.mean) > STUDENT[degrees] * error)


def _best(cells: list[CellScore]) -> CellScore:
    return min(cells, key=lambda one: by_size(one.mean))


def cells_section(report: Report) -> Section | None:
    """Return what the comparison has measured, and what it says; None where nothing was compared."""
    cells = report.cells
    if len(cells) < 2:
        return None
    how = "One configuration, that of the best GRU trial and so to its advantage, with nothing but the cell replaced."
    header = ("", *[KINDS[cell.cell].title for cell in cells])
    rows = [[title, *map(written, cells)] for title, written in ROWS]
    rows += [
        ["MASE on the folds", *[str(CellScore.of(cell, test=False)) for cell in cells]],
        ["MASE on the test set", *[str(CellScore.of(cell, test=True)) for cell in cells]],
    ]
    budget = "at one equal budget" if cells[0].budget == "short" else "at the full budget"
    table = Table.of(f"Measured {budget} of steps; ± standard deviation over seeds", header, rows)
    return Section("cells", "GRU, LSTM or simple RNN", [advice(cells), how], [_figure(cells)], [table])


def advice(cells: list[CellRecord]) -> str:
    """Return which cell to use here, and how sure that is: the folds choose, the test set judges, as everywhere."""
    known = [cell for cell in cells if cell.mase is not None and cell.val_mase is not None]
    if len(known) < 2:
        return "The cells cannot be compared: a score is missing."
    folds, test = [CellScore.of(cell, test=False) for cell in known], [CellScore.of(cell, test=True) for cell in known]
    best = _best(folds)
    close = [one for one in folds if not best.differs(one)]
    if min(len(one.seeds) for one in test) < 2:
        text = "One seed each does not tell the cells apart"
    elif len(close) == 1:
        text = f"On the folds the {best.title} is more accurate by more than seeds differ"
    else:
        text = f"The folds do not tell the {_and(close)} apart: seeds of one differ as much"
    if 1 < len(close) < len(folds):
        behind = [one for one in folds if one not in close]
        text += f", and the {_and(behind)} {'is' if len(behind) == 1 else 'are'} behind"
    small = min(close, key=lambda one: by_size(one.cell.parameters))
    smallest = f"Of these the {small.title} is the smallest." if len(close) > 1 else ""
    judged = _judged(test, alike=len(close) == len(folds))
    return " ".join(part for part in (f"{text}.", smallest, judged, _costs(known)) if part)


def _judged(test: list[CellScore], *, alike: bool) -> str:
    """Return what the test set adds; `alike`: the folds told none apart."""
    best = _best(test)
    behind = [one for one in test if best.differs(one)]
    if not behind:
        return "The test set does not, either." if alike else "The test set tells none of them apart."
    return f"On the test set the {best.title} is better than the {_and(behind)} by more than seeds differ."


def _and(cells: list[CellScore]) -> str:
    *others, last = [one.title for one in cells]
    return f"{', the '.join(others)} and the {last}" if others else last


def _costs(cells: list[CellRecord]) -> str:
    """Return how large and how slow the GRU is beside the other cells."""
    gru = next((cell for cell in cells if cell.cell == "gru"), None)
    others = [cell for cell in cells if cell.cell != "gru"]
    if gru is None or not others:
        return ""
    sizes = _ratios(gru.parameters, [(cell, cell.parameters) for cell in others])
    ratios = _ratios(gru.seconds_per_epoch, [(cell, cell.seconds_per_epoch) for cell in others])
    return f"The GRU's parameters are {sizes}{f', its seconds per epoch {ratios}' if ratios else ''}."


def _ratios(gru: float | None, others: list[tuple[CellRecord, float | None]]) -> str:
    parts = [f"{gru / one:.2f} times the {KINDS[cell.cell].title}'s" for cell, one in others if one and gru]
    return " and ".join(parts)


def _title(cells: list[CellRecord]) -> str:
    """Return which cell has the lowest error, and beside which of the others that is more than seeds give."""
    scored = [CellScore.of(cell, test=True) for cell in cells if cell.mase is not None]
    if not scored:
        return "Errors of the cells at one equal budget"
    best = _best(scored)
    title = f"The {best.title} has the lowest mean error at one equal budget"
    close = [one.title for one in scored if one is not best and not best.differs(one)]
    if not close:
        return title
    several = all(len(one.seeds) > 1 for one in scored)
    seeds = f"the seeds do not tell it from the {' and the '.join(close)}" if several else "one seed each says little"
    return f"{title}, but {seeds}"


def _figure(cells: list[CellRecord]) -> Figure:
    data: list[Trace] = []
    rows: list[tuple[str, str, float | None]] = []
    for one in [CellScore.of(cell, test=True) for cell in cells]:
        name, colour = one.title, KINDS[one.cell.cell].colour
        seeds: list[float | None] = [*one.seeds] or [one.mean]
        ring: Json = {"symbol": "circle-open", "size": 9, "color": colour, "line": {"width": 1.5}}
        bar: Json = {"symbol": "line-ns-open", "size": 22, "color": colour, "line": {"width": 3}}
        common: Json = {"type": "scatter", "mode": "markers", "showlegend": False}
        data += [
            {**common, "x": seeds, "y": [name] * len(seeds), "name": f"{name}, seeds", "marker": ring},
            {**common, "x": [one.mean], "y": [name], "name": f"{name}, mean", "marker": bar},
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

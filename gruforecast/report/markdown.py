"""The report as Markdown that fits into a pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gruforecast.report.page.accuracy import not_competing, parts_of_horizon
from gruforecast.report.page.cells import advice
from gruforecast.report.page.figure import COLUMNS, counted, number, unit_note
from gruforecast.report.page.words import headline, left_out
from gruforecast.report.report import Report
from gruforecast.text import harmless

MAX_WARNINGS = 10


def markdown(report: Report) -> str:
    """Return the verdict, leaderboard, intervals, cells, what was found in the data, and how to get it again."""
    parts = [
        f"## {headline(report)}",
        report.verdict,
        _size(report),
        "### Leaderboard\n\n" + _leaderboard(report),
        _intervals(report),
        _cells(report),
        _data(report),
        _again(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _size(report: Report) -> str:
    return (
        f"{code(report.extracts.target)}: {report.n_series:,} series, {counted(report.n_rows, 'row')}, "
        f"step {report.freq}, horizon {report.horizon}, season {report.season_length}, "
        f"{counted(report.folds, 'fold')}, then the test set."
    )


def _leaderboard(report: Report) -> str:
    levels = [f"{level:g}" for level in report.levels]
    covered = [f"in {level} %" for level in levels]
    header = ["model", "MASE folds", "MASE test", *COLUMNS.values(), "RMSE", *covered, "parameters"]
    rows = []
    for row in report.leaderboard:
        cells = [f"**{code(row.model)}**" if row.model == report.winner else code(row.model)]
        cells += [number(getattr(row, name)) for name in ("val_mase", "mase", *COLUMNS, "rmse")]
        cells += [number(row.coverage.get(level), ".0f") for level in levels]
        rows.append([*cells, number(row.parameters)])
    note = f"Bold: chosen on the folds. The test set judges. {not_competing(report)}"
    note = f"{note.strip()} {unit_note(report)}."
    return f"{_table(header, rows)}\n\n{note}"


def _intervals(report: Report) -> str:
    intervals = report.rows[report.winner].intervals
    if not intervals:
        return ""
    rows = []
    for level, one in intervals.items():
        thirds = " / ".join(number(share, ".0f") for share in one.coverage_by_third)
        rows.append([f"{level} %", number(one.coverage, ".1f"), thirds, number(one.width), number(one.score)])
    header = ["interval", "inside %", " / ".join(parts_of_horizon(intervals)), "width", "score"]
    return "### Intervals\n\n" + _table(header, rows) + "\n\nWidth and score in units of each series' MASE scale."


def _cells(report: Report) -> str:
    cells = report.cells
    if len(cells) < 2:
        return ""
    rows = [
        [
            one.cell.upper(),
            number(one.parameters),
            number(one.seconds_per_epoch, ".3g"),
            number(one.val_mase),
            number(one.mase),
        ]
        for one in cells
    ]
    table = _table(["cell", "parameters", "s/epoch", "MASE folds", "MASE test"], rows)
    return f"### GRU, LSTM, simple RNN\n\n{table}\n\n{advice(cells)}"


def _data(report: Report) -> str:
    lines = [f"- {code(text)}" for text in report.found]
    lines += [f"- warning: {code(text)}" for text in report.warnings[:MAX_WARNINGS]]
    more = len(report.warnings) - MAX_WARNINGS
    lines += [f"- and {counted(more, 'more warning')}"] * (more > 0)
    return "\n".join(["### Data", "", *lines, f"- leak audit {report.audit.text}"])


def _again(report: Report) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    command = harmless(report.reproduce.command)
    marks = "`" * max(3, _longest(command) + 1)
    text = f"### Reproduce\n\n{marks}sh\n{command}\n{marks}\n\n"
    text += f"{left_out(report)}\n\n" if left_out(report) else ""
    return f"{text}Seed {report.seed}; {versions}. Data as read: SHA-256 {code(report.reproduce.data_digest)}."


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, ["---", *["---:"] * (len(header) - 1)], *rows])


def code(text: str) -> str:
    """Return the text as it is: no markup, no link, nobody mentioned."""
    seen = harmless(text).replace("|", "\\|")
    marks = "`" * (_longest(seen) + 1)
    room = " " if marks != "`" or not seen.strip() else ""
    return f"{marks}{room}{seen}{room}{marks}"


def _longest(text: str) -> int:
    """Return the number of backticks in the longest row of them."""
    return max(map(len, re.findall("`+", text)), default=0)

"""The report and the progress of a search on a terminal; plain lines where there is none."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import IO, Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from gruforecast.data.table import Columns
from gruforecast.log import harmless, own_stderr
from gruforecast.progress import Progress

WIDTH = 80
MOST_ROWS = 60
OTHERS = {"pruned": "stopped early", "diverged": "diverged", "crashed": "crashed"}


def safe(text: str) -> Text:
    """Text from a file, shown as it is: no markup, no emoji for their names, and control characters as escapes."""
    return Text(harmless(text))


def _console(stream: IO[str]) -> Console:
    live = stream.isatty()
    width = None if live else WIDTH
    return Console(file=stream, highlight=False, soft_wrap=not live, width=width, markup=False, emoji=False)


class LiveProgress(Progress):
    """Shows the search live on a terminal, one line a trial elsewhere; everything on stderr."""

    def __init__(self, *, quiet: bool, verbose: bool) -> None:
        self._quiet = quiet
        self._verbose = verbose
        self._console: Console | None = None
        self._bar: Bar | None = None
        self._task = TaskID(0)
        self._trials: int | None = None
        self._done = 0  # by this process
        self._streams = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._console = _console(self._streams.enter_context(own_stderr()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.search_ended()
        self._streams.close()

    def say(self, text: str) -> None:
        """A fact or a step, unless quiet."""
        if not self._quiet:
            self._print(safe(text))

    def warn(self, text: str) -> None:
        """A warning, always."""
        self._print(Text.assemble(("warning: ", "yellow"), safe(text)))

    def search_begins(self, trials: int | None) -> None:
        """Open the live view."""
        self._trials = trials
        if self._quiet or self._console is None or not self._console.is_terminal:
            return
        columns = (
            TextColumn("search"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
        )
        self._bar = Bar(*columns, console=self._console, transient=True)
        self._bar.start()
        self._task = self._bar.add_task("", total=trials)

    def trial_ended(
        self, number: int, result: dict[str, Any], *, done: int, best: float, expected_seconds: float | None
    ) -> None:
        """One line, or one step of the bar."""
        if self._quiet:
            return
        self._done += 1
        if self._bar is not None:
            self._bar.update(self._task, completed=done, description=f"best MASE {best:.3f}")
        if self._bar is None or self._verbose:
            self._print(Text(f"trial {number}: {self._outcome(result)}, best {best:.3f}"))
        if self._done == 1 and expected_seconds is not None:
            self._print(Text(f"about {_duration(expected_seconds)} more for the search; --max-time sets a limit"))

    def _outcome(self, result: dict[str, Any]) -> str:
        status, score = result["status"], result["score"]
        if status == "crashed":
            return f"crashed: {safe(result['error'])}"
        text = status if score is None else f"MASE {score:.3f}" + (" (stopped early)" if status == "pruned" else "")
        seconds = result["seconds"]
        text += f", {seconds['total']:.1f} s"
        if self._verbose:
            first = f"tracing {seconds['trace']:.1f} s, compiling {seconds['compile']:.1f} s"
            text += f" ({first}, {result['steps']} steps {seconds['train']:.1f} s)"
        return text

    def search_ended(self) -> None:
        """Close the live view."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _print(self, text: Text) -> None:
        if self._console is not None:
            self._console.print(text)


def show_report(report: dict[str, Any], *, verbose: bool) -> None:
    """Leaderboard, comparison of cells, verdict, and where the model is, on stdout; warnings were said before."""
    console = _console(sys.stdout)
    console.print(_leaderboard(report))
    networks = {one["name"]: one["share"] for one in report["networks"]}
    for name, shares in (("networks", networks if len(networks) > 1 else {}), ("blend as saved", report["blend"])):
        if shares:
            parts = ", ".join(f"{100 * share:.0f} % {member}" for member, share in shares.items())
            console.print(Text(f"{name}: {parts}", style="dim"))
    if report["levels"]:
        console.print(_intervals(report))
    if len(report["cells"]) > 1:
        console.print(_cells(report["cells"]))
    if verbose:
        console.print(_against(report))
        parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in report["seconds_by_part"].items())
        console.print(f"seconds: {parts}; SavedModel parity {report['parity']:.1e}")
        workers = report["workers"]
        console.print(f"{workers['count']} workers, ready after {workers['start_seconds']:.1f} s")
    console.print()
    console.print(Text(report["verdict"], style="bold"))
    console.print(Text(f"leak audit: {report['audit']['text']}", style="dim"))
    trials = report["trials"]
    folder = report["model_dir"]
    argument = "" if folder == "gruforecast_model" else f" {folder}"
    others = "".join(f", {trials[name]} {word}" for name, word in OTHERS.items() if trials[name])
    text = f"{trials['completed']} trials to the end{others}, {report['seconds']:.0f} s. Model in {folder}"
    console.print(safe(f"{text}; next: gruforecast predict{argument}"))
    console.print(safe(f"Report: {folder}/report.html"))


def _leaderboard(report: dict[str, Any]) -> Table:
    levels = [f"{level:g}" for level in report["levels"]]
    title = f"test part: last {report['horizon']} rows of {report['n_series_scored']} series ({report['freq']})"
    if report["n_series_scored"] < report["n_series"]:
        title += f", {report['n_series'] - report['n_series_scored']} are too short"
    if report["n_series_without_scale"]:
        title += f", {report['n_series_without_scale']} never change and have no MASE"
    table = Table(title=title, title_justify="left", title_style="", box=None, pad_edge=False, header_style="bold")
    table.add_column("model", no_wrap=True, min_width=14)
    for name in ("MASE", "sMAPE", "RMSE", "MAE", *[f"in {level} %" for level in levels], "params", "folds"):
        table.add_column(name, justify="right")
    for row in report["leaderboard"]:
        best = row["model"] == report["winner"]
        cells = [_number(row[name]) for name in ("mase", "smape", "rmse", "mae")]
        cells += [_number(row["coverage"].get(level), ".0f") for level in levels]
        cells += [_number(row["parameters"], "d"), _number(row["val_mase"])]
        table.add_row(Text(f"{row['model']} *" if best else row["model"]), *cells, style="bold" if best else None)
    note = "* chosen by the mean MASE on the folds (last column)"
    if any(row["budget"] == "short" for row in report["leaderboard"]):
        note += "; (short): one equal short budget, mean of its seeds"
    table.caption, table.caption_justify, table.caption_style = note, "left", "dim"
    return table


def _intervals(report: dict[str, Any]) -> Table:
    """How the intervals of the winner and of the better naive forecast held, in all and by thirds of the horizon."""
    title = "\nintervals on the test part; width and score in units of each series' MASE scale"
    table = Table(title=title, title_justify="left", title_style="", box=None, pad_edge=False)
    table.add_column("model", no_wrap=True, min_width=14)
    for name in ("level", "inside %", "first third", "middle", "last third", "width", "score"):
        table.add_column(name, justify="right")
    reference = (report["evidence"] or {}).get("against")
    rows = {row["model"]: row for row in report["leaderboard"]}
    for name in dict.fromkeys([report["winner"], reference or report["winner"]]):
        for level, found in rows[name]["intervals"].items():
            thirds = [_number(one, ".0f") for one in found["coverage_by_third"]]
            thirds += [Text("-")] * (3 - len(thirds))
            cells = [_number(found["coverage"], ".1f"), *thirds, _number(found["width"]), _number(found["score"])]
            table.add_row(Text(name), f"{level} %", *cells)
    return table


def _against(report: dict[str, Any]) -> Table:
    """What the test part says of the winner against every other row."""
    title = f"\n{report['winner']} against the others on the test part: how far below their MASE"
    table = Table(title=title, title_justify="left", title_style="", box=None, pad_edge=False)
    table.add_column("model", no_wrap=True, min_width=14)
    for name in ("below %", "95 % interval", "p"):
        table.add_column(name, justify="right")
    table.add_column("the winner is")
    for row in report["leaderboard"]:
        found = row["against"].get("winner")
        if found and row["mase"]:
            low, high = (found[name] and 100 * found[name] / row["mase"] for name in ("low", "high"))
            between = Text("-") if low is None or high is None else Text(f"{low:.0f} to {min(high, 100.0):.0f}")
            share = found["relative"] and 100 * found["relative"]
            table.add_row(Text(row["model"]), _number(share, ".0f"), between, _number(found["p"]), found["verdict"])
    return table


def _cells(cells: list[dict[str, Any]]) -> Table:
    table = Table(title="\ncells at one equal budget", title_justify="left", title_style="", box=None, pad_edge=False)
    for name in ("cell", "gates", "memory cell", "params", "s/epoch", "MASE folds", "MASE test"):
        table.add_column(name, justify="left" if name == "cell" else "right")
    for cell in cells:
        memory = "yes" if cell["memory_cell"] else "no"
        numbers = [_number(cell["parameters"], "d"), _number(cell["seconds_per_epoch"], ".3g")]
        numbers += [_number(cell["val_mase"]), _number(cell["mase"])]
        table.add_row(cell["cell"].upper(), str(cell["gates"]), memory, *numbers)
    return table


def forecast_table(blocks: Iterable[Columns]) -> str:
    """A table of the first rows of a forecast as text, with the number of further ones."""
    shown: list[Columns] = []
    rows = 0
    for columns in blocks:
        if rows < MOST_ROWS:
            shown.append({name: column[: MOST_ROWS - rows] for name, column in columns.items()})
        rows += len(next(iter(columns.values())))
    stream = io.StringIO()
    live = sys.stdout.isatty()
    width = None if live else 120
    console = Console(file=stream, highlight=False, force_terminal=live, width=width, markup=False, emoji=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, column in shown[0].items():
        table.add_column(safe(name), justify="left" if isinstance(column, list) else "right")
    for part in shown:
        for row in zip(*part.values(), strict=True):
            table.add_row(*[safe(cell) if isinstance(cell, str) else _number(float(cell)) for cell in row])
    console.print(table)
    if rows > MOST_ROWS:
        console.print(f"… and {rows - MOST_ROWS} more rows; -o forecast.csv writes them all")
    return stream.getvalue()


def _number(value: float | None, form: str | None = None) -> Text:
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return Text("-")
    if form is None:
        size = abs(value)
        form = ".3g" if size >= 10_000_000 else ".0f" if size >= 10_000 else ".1f" if size >= 100 else ".3f"
    return Text(format(int(value) if form == "d" else value, form))


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"

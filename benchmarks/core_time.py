#!/usr/bin/env python3
"""How busy a command keeps the cores, from its start to its end, beside `import tensorflow` in the same run.

    python benchmarks/core_time.py [--every SECONDS] [--rows N] -- COMMAND ...

    python benchmarks/core_time.py -- gruforecast fit data.csv --trials 3 --fresh -o model

The processor time of the command and of every process below it is read from /proc again and again (Linux only), so
neighbours do not count; what all processes of the machine took is shown beside it, because a neighbour makes a command
wait. The time of a process that ends between two looks is missed for that last bit. `import tensorflow` runs before and
after, alone; the quicker one counts.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
CORES = len(os.sched_getaffinity(0))
BAR = 40  # characters for all cores


@dataclass(frozen=True)
class Look:
    """Seconds of processor so far, at a moment."""

    moment: float
    processes: dict[int, float]  # of the command, by pid
    machine: float


def below(root: int) -> dict[int, float]:
    """Return the seconds of processor of a process and of those below it, by pid."""
    parents, seconds = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:  # it has ended
            continue
        fields = text[text.rindex(")") + 2 :].split()
        pid = int(path.parent.name)
        parents[pid], seconds[pid] = int(fields[1]), (int(fields[11]) + int(fields[12])) / TICK
    wanted = {root} & parents.keys()
    while more := {pid for pid, parent in parents.items() if parent in wanted} - wanted:
        wanted |= more
    return {pid: seconds[pid] for pid in wanted}


def machine() -> float:
    """Return the seconds of processor that all processes took, on all cores."""
    user, nice, system, _, _, irq, softirq, *_ = Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    return sum(map(int, (user, nice, system, irq, softirq))) / TICK


def watched(command: Sequence[str], every: float) -> list[Look]:
    """Return what was seen while a command ran; its output goes on to standard error."""
    process = subprocess.Popen(command, stdout=sys.stderr)  # noqa: S603 - the user's own command
    looks = [Look(time.perf_counter(), {}, machine())]
    while process.poll() is None:
        looks.append(Look(time.perf_counter(), below(process.pid), machine()))
        time.sleep(every)
    if process.returncode:
        sys.exit(f"failed with {process.returncode}: {' '.join(command)}")
    return [*looks, Look(time.perf_counter(), {}, machine())]


def table(looks: Sequence[Look], rows: int) -> list[str]:
    """Return a line for each part of the run: cores busy with the command, of which its first process, and with all."""
    begin, end = looks[0].moment, looks[-1].moment
    first = min((pid for look in looks for pid in look.processes), default=0)
    parts = [[0.0, 0.0, 0.0] for _ in range(rows)]
    width = (end - begin) / rows
    for before, after in itertools.pairwise(looks):
        part = parts[min(int((before.moment - begin) / width), rows - 1)]
        spent = {pid: now - before.processes.get(pid, 0.0) for pid, now in after.processes.items()}
        part[0] += sum(spent.values())
        part[1] += spent.get(first, 0.0)
        part[2] += after.machine - before.machine
    lines = [f"{'from s':>7}  {'to s':>6}  {'command':>7}  {'(first':>6}  {'others)':>7}  {'machine':>7}  cores"]
    for k, (own, main, everybody) in enumerate(parts):
        bar = "#" * round(BAR * own / width / CORES)
        numbers = f"{own / width:7.2f}  {main / width:6.2f}  {(own - main) / width:7.2f}  {everybody / width:7.2f}"
        lines.append(f"{k * width:7.1f}  {(k + 1) * width:6.1f}  {numbers}  {bar}")
    own, main, everybody = (sum(column) for column in zip(*parts, strict=True))
    seconds = end - begin
    lines.append(
        f"{seconds:.1f} s; processor {own:.1f} s, of which {main:.1f} s in the first process: "
        f"{100 * own / seconds / CORES:.0f} % of {CORES} cores "
        f"(all processes {100 * everybody / seconds / CORES:.0f} %)"
    )
    return lines


def import_seconds() -> float:
    """Return the seconds that `import tensorflow` takes in a new process."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import tensorflow"], check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=float, default=0.2, help="seconds between two looks")
    parser.add_argument("--rows", type=int, default=24, help="of the table")
    parser.add_argument("command", nargs="+")
    asked = parser.parse_args()
    before = import_seconds()
    looks = watched(asked.command, asked.every)
    importing = min(before, import_seconds())
    print("\n".join(table(looks, asked.rows)))
    seconds = looks[-1].moment - looks[0].moment
    print(f"import tensorflow {importing:.2f} s: the command takes {seconds / importing:.1f} times that")


if __name__ == "__main__":
    main()

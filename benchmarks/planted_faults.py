#!/usr/bin/env python3
"""How many faults the tests notice: plants them one at a time in copies of a commit and runs the tests of that line.

    python benchmarks/planted_faults.py --out faults.jsonl [--count 100] [--seed 0] [--commit HEAD] [-j 2]
        [--modules GROUP=FILE,FILE ...] [--equivalent equivalent.json] [--confirm] [--list]

A fault is one edit at one place: a comparison turned or shifted, a number changed, a statement removed, ... (`Finder`
has them all). The sample takes as many of each group of `MODULES` and, as far as they go, of each kind, and one a line.

1. Copies of the commit are cloned; what is not committed is not seen.
2. The quick tests run once under coverage, with the processes that they start; which test ran which line is
   kept in `--coverage` (a folder beside `--out`). Tests that fail then, and again without coverage, are left out.
3. Each fault is planted and the tests that ran its statement are run until one fails, those that are short first. What
   module code does while it is imported belongs to no test, so tests of every function of the module are run for it.
   A fault that no test ran is unnoticed; one that makes the tests hang is noticed. A test that failed must pass again
   without the fault: if it does not, the fault counts as unnoticed, and is shown as "fails anyway".
4. `--out` gets a line of JSON a fault. Faults that are in it are not tried again: give the same commit to go on.
   `--confirm` runs all quick tests on what went unnoticed, in case a cache or a fixture kept a test from the line.

Faults that change nothing are told by hand: `--equivalent` is a JSON object of reasons by the line that the table shows
for the fault, without its number: {"gruforecast/a.py: x > 0 → x >= 0": "x is never 0"}. They do not count.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import cache_from_source
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import coverage
import pytest
from fault_finder import Fault, sample

ROOT = Path(__file__).parents[1]
MODULES = {
    "splits and windows": "evaluation/splits evaluation/backtest data/windows",
    "forecasts": "models/baselines models/quantile_forecast models/forecaster models/statistical "
    "models/end_forecasts models/new_rows models/short_series data/joining "
    "models/networks/features models/networks/covariates models/networks/inference automl/ensemble_selection "
    "explain/gradients",
    "figures": "evaluation/metrics evaluation/calibration evaluation/scores evaluation/significance "
    "evaluation/verdict evaluation/leaderboard evaluation/aggregate models/conformal data/scale",
    "data": "data/read data/roles data/checks data/covariates data/future_covariates data/from_arrays data/align/utc "
    "data/align/grid data/align/duplicates data/calendar/frequency data/calendar/seasonality data/calendar/time_zones "
    "data/formats/numbers data/formats/strptime data/formats/timestamps data/formats/timestamp_formats "
    "data/formats/time_columns data/files/delimited data/files/source data/files/table data/files/column",
    "files": "execution/atomic_files execution/journal artifact/manifest artifact/safe_reading artifact/folder",
}
MEMORY = 16 << 30  # bytes of address space: a fault may ask for all there is
COVERAGE = """[run]
source_pkgs = gruforecast
data_file = {folder}/.coverage
parallel = true
context = ${{PYTEST_CURRENT_TEST-}}
disable_warnings = module-not-imported, module-not-measured, no-data-collected
"""
COVERED = """
import json, os, sys, pytest
class Notes:
    def pytest_runtest_logreport(self, report):
        with open(sys.argv[1] + "/tests.jsonl", "a") as file:
            print(json.dumps([report.nodeid, report.failed, report.duration]), file=file)
os.environ["COVERAGE_PROCESS_START"] = sys.argv[1] + "/coveragerc"  # of the processes that tests start
sys.exit(pytest.main(sys.argv[2:], plugins=[Notes()]))
"""
Result = dict[str, Any]
FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)
Outcome = tuple[int | None, str]
Planted = tuple[Result, Fault]  # what the results say of a fault before it is tried, and the fault


class Copy:
    """A clone of the commit in which faults are planted, with a folder for what its tests leave behind."""

    def __init__(self, place: Path, commit: str) -> None:
        self.tree, self._place = place / "tree", place
        _git("clone", "-q", "--no-checkout", str(ROOT), str(self.tree))
        _git("-C", str(self.tree), "checkout", "-q", "--detach", commit)

    def pytest(self, *arguments: str, limit: float | None = None, start: tuple[str, ...] = ("-m", "pytest")) -> Outcome:
        """Return exit code and output of pytest; the code is None if the time limit, in seconds, was over."""
        quiet = ("-rfE", "-p", "no:cacheprovider", f"--basetemp={self._place}/left")
        shutil.rmtree(self.tree / ".hypothesis", ignore_errors=True)  # examples of another fault
        with (self._place / "output").open("w+", errors="replace") as output:
            options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": subprocess.STDOUT}
            options |= {"env": {**os.environ, "PYTHONPATH": str(self.tree)}, "start_new_session": True}
            command = [sys.executable, *start, *quiet, *arguments]
            process = subprocess.Popen(command, cwd=self.tree, **options)  # noqa: S603 - this very interpreter
            try:
                code = process.wait(limit)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            output.seek(0)
            return code, output.read()

    def run(self, tests: list[str], limit: float | None = None, *, stop: bool = True) -> Outcome:
        """Return what comes of these tests, or of their files if the fault renamed one, up to the first failure."""
        names = self._place / "names"
        names.write_text("\n".join(tests))
        code, said = self.pytest(*["-x"] * stop, f"@{names}", limit=limit)
        if code == pytest.ExitCode.USAGE_ERROR and "not found:" in said:
            return self.pytest("-x", *dict.fromkeys(name.split("::")[0] for name in tests), limit=limit)
        return code, said


class Coverage:
    """Which quick tests run which lines, and how long they take; made in `folder` unless it is there for the commit."""

    def __init__(self, copy: Copy, folder: Path, commit: str, mark: str) -> None:
        self.mark, about = mark, folder / "about.json"
        if not about.is_file() or json.loads(about.read_text())[:2] != [commit, mark]:
            about.write_text(json.dumps([commit, mark, self._cover(copy, folder)]))
        self.failing = set(json.loads(about.read_text())[2])
        self.seconds: dict[str, float] = defaultdict(float)
        for name, _, seconds in _lines_of(folder / "tests.jsonl"):
            self.seconds[name] += seconds
        data = coverage.CoverageData(str(folder / ".coverage"))
        data.read()
        self._lines = {file.rpartition("/tree/")[2]: data.contexts_by_lineno(file) for file in data.measured_files()}

    def _cover(self, copy: Copy, folder: Path) -> list[str]:
        """Run the tests under coverage; return those that fail there and without it."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "coveragerc").write_text(COVERAGE.format(folder=folder))
        options = ("--cov", f"--cov-config={folder}/coveragerc", "--cov-context=test", "--cov-report=")
        begin = time.perf_counter()
        code, said = copy.pytest("-m", self.mark, *options, start=("-c", COVERED, str(folder)))
        print(f"{said[-2000:]}\ncovered in {time.perf_counter() - begin:.0f} s", flush=True)
        if code not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            sys.exit("the tests could not be covered")
        failed = {name for name, has_failed, _ in _lines_of(folder / "tests.jsonl") if has_failed}
        return FAILED.findall(copy.run(sorted(failed), stop=False)[1]) if failed else []

    def tests(self, path: str, lines: frozenset[int]) -> list[str]:
        """Return the tests that ran one of the lines, quick files and tests first."""
        by_line, ran = self._lines.get(path, {}), set()
        for context in {context for line in lines for context in by_line.get(line, ())}:
            name, _, phase = context.rpartition("|" if "|" in context else " (")  # of a process that a test started
            ran.add(name)
            if phase.startswith("setup"):  # perhaps of a fixture that other tests of the file use, too
                ran |= {test for test in self.seconds if test.split("::")[0] == name.split("::")[0]}
        files = defaultdict(list)
        for test in sorted(ran & self.seconds.keys() - self.failing, key=self.seconds.__getitem__):
            files[test.split("::")[0]].append(test)
        return [test for file in sorted(files.values(), key=self.limit) for test in file]

    def limit(self, tests: Iterable[str]) -> float:
        """Return after how many seconds the tests hang."""
        return 60 + 4 * sum(self.seconds[test] for test in tests)


def try_fault(copy: Copy, known: Coverage, about: Result, fault: Fault, confirm: bool) -> Result:
    """Return whether a test notices the fault, which one, and what it took."""
    file, begin = copy.tree / about["path"], time.perf_counter()
    source, tests = file.read_bytes(), known.tests(about["path"], fault.lines)
    limit = known.limit(tests)
    try:
        _write(file, fault.planted(source))
        code, said = copy.run(tests, limit) if tests else (pytest.ExitCode.OK, "")
        if code == pytest.ExitCode.OK and confirm:
            left_out = [f"--deselect={test}" for test in known.failing]
            limit = known.limit(known.seconds)
            code, said = copy.pytest("-x", "-m", known.mark, *left_out, limit=limit)
    finally:
        _write(file, source)
    by = FAILED.findall(said)
    outcome = "unnoticed" if code == pytest.ExitCode.OK else "noticed"
    if by and copy.run(by, limit)[0]:
        outcome = "fails anyway"
    hint = by or (["time limit"] if code is None else [f"exit {code}" if code else ""])
    return {"outcome": outcome, "by": hint[0], "tests": len(tests), "seconds": round(time.perf_counter() - begin, 1)}


def try_all(copies: list[Copy], known: Coverage, todo: list[Planted], out: Path, confirm: bool) -> None:
    """Try the faults, one at a time in each copy, and append what comes of each to the file."""
    free: SimpleQueue[Copy] = SimpleQueue()
    for copy in copies:
        free.put(copy)

    def one(planted: Planted) -> Result:
        copy = free.get()
        try:
            return planted[0] | try_fault(copy, known, *planted, confirm)
        finally:
            free.put(copy)

    with ThreadPoolExecutor(len(copies)) as pool, out.open("a") as file:
        for result in pool.map(one, todo):
            print(json.dumps(result, ensure_ascii=False), file=file, flush=True)
            print(f"{result['outcome']}, {result['seconds']} s: {result['name']} ({result['by']})", flush=True)


def show(results: list[Result], equivalent: dict[str, str]) -> None:
    """Print the table of groups, what went unnoticed, and what changes nothing."""
    same = [result for result in results if result["name"] in equivalent]
    told = [result for result in results if result["name"] not in equivalent]
    missed = [result for result in told if result["outcome"] != "noticed"]
    print(f"\n{'group':20} {'planted':>8} {'noticed':>8} {'share':>6}")
    for group in [*dict.fromkeys(result["group"] for result in told), "all"]:
        planted, unnoticed = (sum(group in {one["group"], "all"} for one in some) for some in (told, missed))
        print(f"{group:20} {planted:8} {planted - unnoticed:8} {(planted - unnoticed) / max(planted, 1):6.0%}")
    print("\nunnoticed:" if missed else "\nnothing went unnoticed")
    for result in missed:
        difference = result["name"].removeprefix(result["path"])
        print(f"{result['path']}:{result['line']}{difference} ({result['outcome']}, {result['tests']} tests)")
    for result in same:
        print(f"changes nothing, {equivalent[result['name']]}, {result['outcome']}: {result['name']}")


def main() -> None:
    """Sample, try, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("planted_faults.jsonl"))
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--commit", default="HEAD")
    parser.add_argument("-j", dest="processes", type=int, choices=(1, 2), default=1)
    parser.add_argument("--modules", action="append", metavar="GROUP=FILE,FILE")
    parser.add_argument("--mark", default="not network", help="of the quick tests")
    parser.add_argument("--coverage", type=Path)
    parser.add_argument("--equivalent", type=Path)
    parser.add_argument("--confirm", action="store_true")
    parser.add_argument("--list", action="store_true", help="only show the sample")
    asked = parser.parse_args()
    named = [group.split("=", 1) for group in asked.modules or ()]
    groups = {group: files.split(",") for group, files in named} or {
        group: [f"gruforecast/{name}.py" for name in names.split()] for group, names in MODULES.items()
    }
    commit = _git("rev-parse", asked.commit).strip()
    planted = sampled(groups, commit, asked.count, asked.seed)
    if asked.list:
        sys.exit("\n".join(f"{about['kind']}: {about['name']}" for about, _ in planted))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # tests end with this program
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    todo = [(about, fault) for about, fault in planted if not results_of(asked.out, [about])]
    with tempfile.TemporaryDirectory(prefix="planted") as folder:
        copies = [Copy(Path(folder, str(k)), commit) for k in range(asked.processes)]
        kept = (asked.coverage or asked.out.with_suffix(".coverage")).resolve()
        try_all(copies, Coverage(copies[0], kept, commit, asked.mark), todo, asked.out, asked.confirm)
    equivalent = json.loads(asked.equivalent.read_text()) if asked.equivalent else {}
    show(results_of(asked.out, [about for about, _ in planted]), equivalent)


def sampled(groups: dict[str, list[str]], commit: str, count: int, seed: int) -> list[Planted]:
    """Return the sample: as many faults of each group, as far as the count goes."""
    found = []
    for k, (group, paths) in enumerate(groups.items()):
        sources = {path: _git("show", f"{commit}:{path}").encode() for path in paths}
        share = count // len(groups) + (k < count % len(groups))
        for path, fault in sample(sources, share, f"{seed} {group}"):
            line, difference = fault.shown(sources[path])
            about = {"commit": commit, "group": group, "path": path, "line": line, "name": f"{path}: {difference}"}
            found.append((about | {"kind": fault.kind, "start": fault.start, "text": fault.text}, fault))
    return found


def results_of(out: Path, faults: list[Result]) -> list[Result]:
    """Return what the file has about these faults."""
    return [result for result in _lines_of(out) if any(about.items() <= result.items() for about in faults)]


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603, S607
    if done.returncode:
        sys.exit(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def _lines_of(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _write(file: Path, source: bytes) -> None:
    """Write a module and forget its compiled form, which Python may take for this one's within a second."""
    file.write_bytes(source)
    Path(cache_from_source(str(file))).unlink(missing_ok=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Whether real, badly made CSV files are read right or refused with the right words.

    python benchmarks/messy.py --data PATH [--fit]

`messy_expected.json` holds what each file says, found apart from this project with the plain csv module: rows, missing
steps, first and last value, sums and spots at awkward places, and the options (two at most) that the file needs. With
`--fit` every file that can be read also goes through `fit --trials 2` to a forecast.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from gruforecast.data.options import ReadOptions
from gruforecast.data.read import Reading, read_csv

EXPECTED = Path(__file__).with_name("messy_expected.json")
NAMES = {"--target": "target", "--tz": "tz", "--on-duplicate": "on_duplicate", "--resample": "resample"}


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The program with these arguments."""
    return subprocess.run(  # noqa: S603 - this very program
        [sys.executable, "-m", "gruforecast", *arguments], capture_output=True, text=True, check=False
    )


def options_of(words: list[str]) -> ReadOptions:
    """The same options for a call from Python."""
    said: dict[str, Any] = {NAMES[a]: b for a, b in itertools.pairwise(words) if a in NAMES}
    ids = tuple(b for a, b in itertools.pairwise(words) if a == "--id")
    short = "--allow-short-rows" in words
    return ReadOptions(**said, id=ids, wide="--wide" in words, allow_short_rows=short)


def differences(reading: Reading, expected: dict[str, Any]) -> list[str]:
    """What was read otherwise than expected."""
    panel, found = reading.panel, []
    wall = panel.wall
    names = ["/".join(key) for key in panel.ids]
    for name, wanted in expected["series"].items():
        k = names.index(name) if name in names else 0
        rows = slice(panel.indptr[k], panel.indptr[k + 1])
        y, ds = panel.y[rows], wall[rows]
        seen = ~np.isnan(y)
        pairs: list[tuple[str, float, float]] = [("rows", int(seen.sum()), wanted["rows_given"])]
        pairs.append(("missing", int((~seen).sum()), wanted["missing"]))
        if "sum" in wanted:
            pairs.append(("sum", float(y[seen].sum()), wanted["sum"]))
            for title, (stamp, value) in (("first", wanted["first"]), ("last", wanted["last"])):
                at = np.flatnonzero(seen)[0 if title == "first" else -1]
                pairs.append((title, y[at], value))
                if ds[at] != np.datetime64(stamp):
                    found.append(f"{name}: {title} stamp {ds[at]}, not {stamp}")
            for stamp, value in wanted["spot"]:
                at = np.flatnonzero(ds == np.datetime64(stamp[:19]))
                pairs.append((stamp, y[at[-1]] if len(at) else np.nan, value))
        found += [f"{name}: {title} {a}, not {b}" for title, a, b in pairs if not np.isclose(a, b, rtol=1e-9)]
    if "total" in expected and not np.isclose(np.nansum(panel.y), expected["total"], rtol=1e-9):
        found.append(f"sum of all {np.nansum(panel.y)}, not {expected['total']}")
    return found


def outcome(path: Path, expected: dict[str, Any], *, fit: bool) -> str:
    """One line about a file."""
    done = command("check", str(path), *expected["options"], "--json")
    facts = json.loads(done.stdout)
    if "refused" in expected:
        right = done.returncode == 3 and facts["error"]["code"] == expected["refused"]
        return f"{'refused' if right else 'WRONG'}: {facts['error']['message'] if 'error' in facts else 'was read'}"
    if done.returncode:
        return f"WRONG: exit {done.returncode}, {facts['error']['message']}"
    wrong = differences(read_csv(str(path), options_of(expected["options"])), expected)
    text = (
        f"WRONG: {'; '.join(wrong)}"
        if wrong
        else f"read: {facts['n_series']} series, {facts['n_rows']} rows, {facts['freq']}"
    )
    return f"{text}; {fitted(path, expected['options'])}" if fit else text


def fitted(path: Path, options: list[str]) -> str:
    """Whether the file goes through to a forecast."""
    with tempfile.TemporaryDirectory() as folder:
        words = [*options, "--trials", "2", "--compare", "none", "--no-stats", "-q", "-o", f"{folder}/m"]
        done = command("fit", str(path), *words)
        if done.returncode:
            return f"fit: exit {done.returncode}, {done.stderr.strip().splitlines()[-1]}"
        forecast = command("predict", f"{folder}/m")
        if forecast.returncode:
            return f"predict: exit {forecast.returncode}, {forecast.stderr.strip()}"
        lines = forecast.stdout.splitlines()
        return f"forecast of {len(lines) - 1} rows, first {lines[1].split(',lo')[0][:70]}"


def main() -> None:
    """Print a line for each file; exit 1 if one is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the files")
    parser.add_argument("--fit", action="store_true")
    args = parser.parse_args()
    wrong = 0
    for name, expected in json.loads(EXPECTED.read_text(encoding="utf-8")).items():
        text = outcome(args.data / name, expected, fit=args.fit)
        wrong += "WRONG" in text or "exit" in text
        print(f"{name[:2]} {' '.join(expected['options'])}\n   {text}", flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

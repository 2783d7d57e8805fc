#!/usr/bin/env python3
"""Whether the present tree computes what an earlier commit computed: a change of shape must not change a number.

    python benchmarks/same_numbers.py --data PATH [--commit 75ef11b] [--only air] [--keep FOLDER]
    python benchmarks/same_numbers.py --data PATH --cache [--only air]

With `--cache` the present tree alone: without kept programs, with an empty cache, with a full one.

Three fits with few trials, first by the commit (from a git worktree), then by the present tree, one after the other on
this machine with this interpreter. Compared by equality: the leaderboard without what depends on time, place and
version, the digests of all weights, and the forecasts of every member, as text. `PATH` is the folder with the benchmark
data (or the variable GRUFORECAST_DATA); without it the two fits on its files are left out, and that is said. With
`--keep` the answers of the commit are kept in FOLDER and not computed again. Ends with 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
COMMIT = "75ef11b"
USUAL = ("--no-stats", "--seed", "0")
KNOWN = ("--known", "exogenous1", "--known", "exogenous2")
FITS = {
    "air": ("classic/air_passengers.csv", "--horizon", "12", "--trials", "4"),
    "m4": (str(ROOT / "sample_data" / "m4_hourly_6.csv"), "--trials", "2"),
    "epf": ("energy/epf_5markets.csv", *KNOWN, "--horizon", "24", "--trials", "2"),
}
OF_TIME = ("seconds", "seconds_per_epoch", "train_seconds", "forecast_ms")
TARGET = 2  # place of the target in the file with columns known ahead, whose first column is the id
RENAMED: dict[str, str] = {}  # keys of the report that have another name since the commit


def command(tree: Path, *arguments: str) -> str:
    """What `gruforecast` of a tree prints with these arguments."""
    environment = os.environ | {"PYTHONPATH": str(tree), "NO_COLOR": "1"}
    words = [sys.executable, "-m", "gruforecast", *arguments]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment, cwd=tree)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}\n{done.stderr}")
    return done.stdout


def renamed(value: Any) -> Any:
    """The value with today's names of keys, and without what depends on time."""
    if isinstance(value, dict):
        return {RENAMED.get(name, name): renamed(one) for name, one in value.items() if name not in OF_TIME}
    return [renamed(one) for one in value] if isinstance(value, list) else value


def in_form(given: dict[str, Any]) -> dict[str, Any]:
    """The answers with rows in today's form: shares apart from the configuration, and no seeds is null."""
    rows = []
    for row in given["leaderboard"]:
        shares = (row["config"] or {}).get("shares")
        moved = {"config": None, "shares": shares} if shares else {}
        rows.append({**row, "seeds": row["seeds"] or None, **moved})
    return {**given, "leaderboard": rows}


def answers(tree: Path, data: str, arguments: tuple[str, ...]) -> dict[str, Any]:
    """What a tree says of one fit: rows of the leaderboard, digests of arrays, forecasts of every member."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model = folder / "model"
        report = json.loads(command(tree, "fit", data, *arguments, *USUAL, "--json", "-o", str(model)))
        files = json.loads((model / "manifest.json").read_text())["files"]
        members = json.loads((model / "model.json").read_text())["levels"]
        begin = divided(Path(data), report["horizon"], folder) if "--known" in arguments else []
        asked = ["predict", str(model), *begin, "--format", "csv", "--member"]
        return {
            "leaderboard": renamed(report["leaderboard"]),
            "digests": {"weights": report["digests"]} | {name: files[name] for name in files if name.endswith(".npz")},
            "forecasts": {name: command(tree, *asked, name) for name in members},
        }


def divided(data: Path, horizon: int, folder: Path) -> list[str]:
    """The file but its last `horizon` rows of each series, and the columns known ahead of those: to predict from."""
    head, *rows = data.read_text().splitlines()
    series: dict[str, list[str]] = {}
    for row in rows:
        series.setdefault(row.split(",")[0], []).append(row)
    front = [row for one in series.values() for row in one[:-horizon]]
    later = [row for one in series.values() for row in one[-horizon:]]
    without = [",".join(cell for k, cell in enumerate(row.split(",")) if k != TARGET) for row in [head, *later]]
    (folder / "front.csv").write_text("\n".join([head, *front]) + "\n")
    (folder / "later.csv").write_text("\n".join(without) + "\n")
    return [str(folder / "front.csv"), "--future", str(folder / "later.csv")]


def differences(one: Any, other: Any, place: str = "") -> list[str]:
    """Where two answers differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = [*one, *(name for name in other if name not in one)]
        return [text for name in names for text in differences(one.get(name), other.get(name), f"{place}/{name}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [text for k, pair in pairs for text in differences(*pair, f"{place}/{k}")]
    return [] if one == other else [f"{place}: {str(one)[:200]} is now {str(other)[:200]}"]


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("GRUFORECAST_DATA"))
    parser.add_argument("--commit", default=COMMIT)
    parser.add_argument("--only", choices=FITS)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--cache", action="store_true")
    options = parser.parse_args()
    names = [options.only] if options.only else list(FITS)
    if options.cache:
        sys.exit(1 if sum([compare_caches(name, options) for name in names]) else 0)
    wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--detach", "-f", str(tree), options.commit], check=True, capture_output=True)  # noqa: S603
        try:
            for name in names:
                wrong += compare(name, tree, options)
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True, capture_output=True)  # noqa: S603
    sys.exit(1 if wrong else 0)


def compare_caches(name: str, options: argparse.Namespace) -> int:
    """How many differences the cache makes to one fit, printed."""
    path, *words = FITS[name]
    path = str(Path(options.data or ".").resolve() / path)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GRUFORECAST_CACHE"] = folder
        expected = answers(ROOT, path, (*words, "--no-cache"))
        for state in ("empty", "full"):
            found = differences(expected, answers(ROOT, path, tuple(words)))
            print(f"{name}, {state} cache: {'equal' if not found else f'{len(found)} differences'}")
            print("\n".join(f"  {text}" for text in found[:20]), flush=True)
            wrong += len(found)
        kept = sum(one.stat().st_size for one in Path(folder).rglob("*") if one.is_file())
        print(f"{name}: {kept / 1e6:.1f} MB in the cache")
    return wrong


def compare(name: str, tree: Path, options: argparse.Namespace) -> int:
    """How many differences one fit shows, printed."""
    path, *words = FITS[name]
    if not Path(path).is_absolute():
        if not options.data:
            print(f"{name}: left out, it needs --data")
            return 0
        path = str(Path(options.data).resolve() / path)
    kept = options.keep / f"{options.commit}-{name}.json" if options.keep else None
    if kept and kept.exists():
        before = renamed(json.loads(kept.read_text()))
    else:
        before = answers(tree, path, tuple(words))
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(before))
    found = differences(in_form(before), in_form(answers(ROOT, path, tuple(words))))
    rows, forecasts = len(before["leaderboard"]), len(before["forecasts"])
    print(f"{name}: {'equal' if not found else f'{len(found)} differences'} ({rows} rows, {forecasts} forecasts)")
    print("\n".join(f"  {text}" for text in found[:20]), flush=True)
    return len(found)


if __name__ == "__main__":
    main()

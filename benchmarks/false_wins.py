#!/usr/bin/env python3
"""Whether `fit` claims wins that cannot be: on random walks nothing forecasts better than the last value.

    python benchmarks/false_wins.py [--walks 20] [--rows 300] [--trials 16] [--out false_wins.json]

Each walk is one `fit` through the command line. The winner's MAE on the test set is divided by that of naive; over
many walks the median must be near one or above. Walks that are in `--out` are not run again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np


def walk(seed: int, rows: int, trials: int) -> dict[str, Any]:
    """The ratio and the verdict of one random walk with Gaussian steps, daily."""
    y = 1000 + np.cumsum(np.random.default_rng(seed).normal(size=rows))
    days = np.datetime64("2020-01-01") + np.arange(rows)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "walk.csv"
        data.write_text("ds,y\n" + "".join(f"{day},{value:.6f}\n" for day, value in zip(days, y, strict=True)))
        command = [sys.executable, "-m", "gruforecast", "fit", str(data), "--trials", str(trials), "--compare", "none"]
        command += ["--json", "-q", "-o", f"{folder}/m"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    report = json.loads(done.stdout)
    mae = {row["model"]: row["mae"] for row in report["leaderboard"]}
    ratio = mae[report["winner"]] / mae["naive"]
    names = ("model", "competes", "val_mase", "lead", "mae")
    rows = [{name: row[name] for name in names} for row in report["leaderboard"]]
    said = ("winner", "verdict", "evidence")
    facts = {name: report[name] for name in said} | {"season": report["season_length"]}
    return {"ratio": ratio, **facts, "rows": rows}


def main() -> None:
    """Run what is missing, print each walk and the median."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--walks", type=int, default=20)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--out", type=Path, default=Path("false_wins.json"))
    args = parser.parse_args()
    settings = {"rows": args.rows, "trials": args.trials}
    kept = json.loads(args.out.read_text()) if args.out.exists() else {}
    found = kept.get("walks", {}) if kept.get("settings") == settings else {}
    for seed in map(str, range(args.walks)):
        if seed not in found:
            found[seed] = walk(int(seed), args.rows, args.trials)
            args.out.write_text(json.dumps({"settings": settings, "walks": found}, indent=1))
        one = found[seed]
        print(f"walk {seed}: {one['winner']} (season {one['season']}), {one['ratio']:.3f} of naive's MAE", flush=True)
    ratios = [one["ratio"] for one in found.values()]
    claims = sum((one["evidence"] or {}).get("verdict") == "better" for one in found.values())
    print(f"median {np.median(ratios):.3f}, mean {np.mean(ratios):.3f}; a win on the test set is claimed in {claims}")


if __name__ == "__main__":
    main()

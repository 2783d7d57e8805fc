#!/usr/bin/env python3
"""ETTh1 as in the tables of long-horizon forecasting: seven channels as series, stride 1, MSE of standardised values.

    python benchmarks/etth1.py --data PATH [--horizons 96,192,336,720] [--max-time 10m] [--out etth1.json]

`fit` reads the first 11,520 hours (train and validation part), `backtest` asks the saved model at every hour of the
test set, rows 11,520 to 14,400, through the command line. Channels are standardised by the first 8,640 rows (train
part) when they are scored, not before. Horizons that are in `--out` are not run again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

TRAIN, VALIDATION, END = 8_640, 11_520, 14_400
PUBLISHED = {96: 0.351, 192: 0.392, 336: 0.423, 720: 0.466}  # SegRNN, Lin et al. 2023


def long_form(data: Path) -> pd.DataFrame:
    """The seven channels below each other: unique_id, ds, y."""
    wide = pd.read_csv(data / "energy" / "ETTh1.csv").head(END).drop(columns="unique_id").rename(columns={"y": "OT"})
    return wide.melt(id_vars="ds", var_name="unique_id", value_name="y")


def command(*arguments: str) -> str:
    """Standard output of `gruforecast` with these arguments."""
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-m", "gruforecast", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"gruforecast {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def run(data: Path, horizon: int, max_time: str) -> dict[str, Any]:
    """Fit and backtest for one horizon; MSE by member, and minutes of both."""
    whole = long_form(data)
    place = whole.groupby("unique_id").cumcount()
    moments = whole[place < TRAIN].groupby("unique_id")["y"].agg(["mean", lambda y: y.std(ddof=0)])
    moments.columns = pd.Index(["mean", "spread"])
    with tempfile.TemporaryDirectory() as folder:
        train, test, out = (str(Path(folder) / name) for name in ("train.csv", "all.csv", "forecast.parquet"))
        whole[place < VALIDATION].to_csv(train, index=False)
        whole.to_csv(test, index=False)
        model = f"{folder}/model"
        begin = time.time()
        options = ["--horizon", str(horizon), "--max-time", max_time, "--compare", "none", "--no-stats"]
        report = json.loads(command("fit", train, *options, "-o", model, "--json", "-q"))
        fitted = time.time()
        windows = str(END - VALIDATION - horizon + 1)
        members = ["--member", "networks", "--member", "seasonal-naive", "--member", "winner"]
        command("backtest", model, test, "--windows", windows, "--step", "1", *members, "-o", out, "-q")
        minutes = {"fit": (fitted - begin) / 60, "backtest": (time.time() - fitted) / 60}
        found = pd.read_parquet(out, columns=["unique_id", "model", "y", "y_hat"])
    error = (found["y_hat"] - found["y"]) / found["unique_id"].map(moments["spread"])
    mse = (error**2).groupby(found["model"]).mean().to_dict()
    mae = error.abs().groupby(found["model"]).mean().to_dict()
    chosen = {name: report[name] for name in ("winner", "networks", "warnings")}
    return {"mse": mse, "mae": mae, "minutes": minutes, "windows": int(windows), **chosen}


def main() -> None:
    """Run what is missing, print each horizon."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--horizons", default="96,192,336,720")
    parser.add_argument("--max-time", default="10m")
    parser.add_argument("--out", type=Path, default=Path("etth1.json"))
    args = parser.parse_args()
    found = json.loads(args.out.read_text()) if args.out.exists() else {}
    for horizon in map(int, args.horizons.split(",")):
        key = f"{horizon} {args.max_time}"
        if key not in found:
            found[key] = run(args.data, horizon, args.max_time)
            args.out.write_text(json.dumps(found, indent=1))
        one = found[key]
        scores = ", ".join(f"{name} {mse:.3f} (MAE {one['mae'][name]:.3f})" for name, mse in one["mse"].items())
        minutes = f"{one['minutes']['fit']:.1f} + {one['minutes']['backtest']:.1f} min"
        print(f"{key}: MSE {scores}; SegRNN {PUBLISHED[horizon]}; {one['windows']} windows, {minutes}", flush=True)


if __name__ == "__main__":
    main()

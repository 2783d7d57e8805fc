#!/usr/bin/env python3
"""How accurate the defaults are on published data sets with their official splits, beside published scores.

    python benchmarks/accuracy.py --data PATH [--only m3_monthly,...] [--max-time 30m] [--trials 16]
        [--out accuracy.json] [--scorer PATH] [--table docs/accuracy-table.md]

Everything goes through the public command line: `fit` on the training part, then `predict` with each member. The scores
are those of our own metrics; with `--scorer` an outside program scores the same forecast files, and the two must agree
to 1e-6. A row that is in `--out` with the same settings is not run again, so the whole may be stopped and continued.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gruforecast.data.read import read_csv
from gruforecast.data.scale import mase_scale
from gruforecast.data.windows import History
from gruforecast.evaluation.metrics import mase, smape

MEMBERS = ("winner", "blend", "networks", "gru")
AGREEMENT = 1e-6


@dataclass(frozen=True)
class Row:
    """One data set: training part, test set (None: the last `horizon` rows are cut off), and what is published.

    Attributes:
        season: of the MASE scale; `fit` finds its own.
        reference: key in the table of published scores, if it is there.
        published: further published MASE values by name.
    """

    train: str
    test: str | None
    horizon: int
    season: int
    reference: str | None = None
    published: tuple[tuple[str, float], ...] = ()


ROWS = {
    "air_passengers": Row("classic/air_passengers.csv", None, 12, 12),
    "m3_quarterly": Row(
        "m3/quarterly_train.csv", "m3/quarterly_test.csv", 8, 4, "monash_m3_quarterly", (("AutoTheta", 1.119),)
    ),
    "m3_monthly": Row(
        "m3/monthly_train.csv", "m3/monthly_test.csv", 18, 12, "monash_m3_monthly", (("TimeCopilot", 0.829),)
    ),
    "tourism_monthly": Row(
        "tourism/monthly_train.csv", "tourism/monthly_test.csv", 24, 12, "monash_tourism_monthly",
        (("TimeCopilot", 1.429),),
    ),
    "m4_hourly": Row(
        "m4_hourly/train.csv", "m4_hourly/test.csv", 48, 24, None,
        (("TiRex", 0.722), ("TimesFM-2.5", 0.734), ("Chronos-2", 0.788), ("ES-RNN, the M4 winner", 0.893)),
    ),
}  # fmt: skip


def split_files(row: Row, data: Path, folder: Path) -> tuple[Path, Path]:
    """The training and the test set as files; made in `folder` where there is no official split."""
    if row.test is not None:
        return data / row.train, data / row.test
    header, *lines = (data / row.train).read_text().splitlines(keepends=True)
    train, test = folder / "train.csv", folder / "test.csv"
    train.write_text("".join([header, *lines[: -row.horizon]]))
    test.write_text("".join([header, *lines[-row.horizon :]]))
    return train, test


def command(*arguments: str) -> str:
    """Standard output of `gruforecast` with these arguments."""
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-m", "gruforecast", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"gruforecast {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def own_scores(train: Path, test: Path, forecast: Path, row: Row) -> dict[str, float]:
    """Mean MASE and sMAPE over series, by the metrics of this package."""
    panel = read_csv(str(train)).panel
    truth, found = read_values(test, "y"), read_values(forecast, "y_hat")
    keys = ["/".join(key) for key in panel.ids]
    if len(keys) == 1:  # a file without an id column
        keys = [next(iter(truth))]
    if set(keys) != set(truth):
        raise SystemExit(f"{test}: other series than in the training part")
    actual = np.array([truth[key][: row.horizon] for key in keys])
    predicted = np.array([found[key][: row.horizon] for key in keys])
    history = History.of(panel.y, panel.indptr)
    windows = history.windows(np.arange(len(panel)), panel.indptr[1:])
    scale = mase_scale(history, windows, row.season)
    with np.errstate(invalid="ignore"):
        scaled = mase(actual, predicted, scale)
    return {"mase": float(np.nanmean(scaled)), "smape": float(np.mean(smape(actual, predicted)))}


def read_values(file: Path, column: str) -> dict[str, list[float]]:
    """One column of a long CSV by series."""
    values: dict[str, list[float]] = {}
    with file.open(newline="") as stream:
        for line in csv.DictReader(stream):
            values.setdefault(line["unique_id"], []).append(float(line[column] or "nan"))
    return values


def outside_scores(scorer: str, train: Path, test: Path, forecast: Path, row: Row) -> dict[str, Any]:
    """What the outside scorer says."""
    arguments = ["--train", str(train), "--test", str(test), "--season", str(row.season), str(forecast), "--json"]
    done = subprocess.run([sys.executable, scorer, *arguments], capture_output=True, text=True, check=True)  # noqa: S603
    return {name.lower(): value for name, value in json.loads(done.stdout).items()}


def run(row: Row, args: argparse.Namespace) -> dict[str, Any]:
    """Fit, forecast with each member, score."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch if args.keep is None else args.keep)
        folder.mkdir(parents=True, exist_ok=True)
        train, test = split_files(row, Path(args.data), folder)
        model = folder / "model"
        begin = time.time()
        options = [
            "--horizon",
            str(row.horizon),
            "--trials",
            str(args.trials),
            "--seed",
            str(args.seed),
            "--json",
            "-q",
        ]
        options += ["--max-time", args.max_time] if args.max_time else []
        report = json.loads(command("fit", str(train), *options, *args.more.split(), "-o", str(model)))
        minutes = (time.time() - begin) / 60
        scores: dict[str, Any] = {}
        known = [line["model"] for line in report["leaderboard"]]
        for member in [*MEMBERS, *(name for name in known if name not in MEMBERS and "(" not in name)]:
            if member not in ("winner", "networks") and member not in known:
                continue
            forecast = folder / f"{member}.csv"
            command("predict", str(model), "--member", member, "-o", str(forecast))
            scores[member] = own_scores(train, test, forecast, row)
            if args.scorer:
                outside = outside_scores(args.scorer, train, test, forecast, row)
                for name in ("mase", "smape"):
                    if not abs(outside[name] - scores[member][name]) <= AGREEMENT * max(1.0, outside[name]):
                        raise SystemExit(f"{member} {name}: ours {scores[member][name]}, outside {outside[name]}")
                scores[member] |= {name: value for name, value in outside.items() if "cover" in name}
    facts = (
        "winner",
        "verdict",
        "warnings",
        "networks",
        "blend",
        "leaderboard",
        "versions",
        "trials",
        "seconds_by_part",
    )
    return {"minutes": minutes, "scores": scores, **{name: report[name] for name in facts}}


def published(row: Row, data: Path) -> list[tuple[str, float]]:
    """Published MASE values, best first."""
    found = list(row.published)
    table = data / "fev_chronos_zeroshot_reference.csv"
    if row.reference and table.exists():
        with table.open(newline="") as stream:
            lines = [line for line in csv.DictReader(stream) if line["dataset_config"] == row.reference]
        found += [(line["model_name"], float(line["MASE"])) for line in lines]
    return sorted(found, key=lambda pair: pair[1])


def table(results: dict[str, Any], data: Path) -> str:
    """Published scores beside ours, as Markdown."""
    lines = [
        "| data | winner | MASE | sMAPE | networks | best single GRU | seasonal naive | best published | minutes |"
    ]
    lines += ["|---|---|---|---|---|---|---|---|---|"]
    for name, result in results.items():
        scores = result["scores"]
        best = published(ROWS[name], data)[:1]
        cells = [name, result["winner"], f"{scores['winner']['mase']:.4f}", f"{scores['winner']['smape']:.2f}"]
        cells += [f"{scores[member]['mase']:.4f}" if member in scores else "-" for member in ("networks", "gru")]
        cells += [f"{scores['seasonal-naive']['mase']:.4f}" if "seasonal-naive" in scores else "-"]
        cells += [f"{best[0][0]} {best[0][1]:.3f}" if best else "-", f"{result['minutes']:.1f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run what is missing, write results and table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("GRUFORECAST_DATA"))
    parser.add_argument("--only", default=",".join(ROWS), help="rows, joined by commas")
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--max-time", default="30m")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--more", default="", help="further options of fit")
    parser.add_argument("--out", type=Path, default=Path("accuracy.json"))
    parser.add_argument("--keep", type=Path, help="folder for model and run folders of a single row; else they go")
    parser.add_argument("--scorer", help="outside program to score with, called as score.py is")
    args = parser.parse_args()
    if not args.data:
        parser.error("say where the data are: --data PATH")
    settings = {"trials": args.trials, "max_time": args.max_time, "seed": args.seed, "more": args.more}
    kept = json.loads(args.out.read_text()) if args.out.exists() else {}
    results = kept.get("rows", {}) if kept.get("settings") == settings else {}
    for name in args.only.split(","):
        if name not in results:
            results[name] = run(ROWS[name], args)
            machine = {"cores": os.cpu_count(), "python": platform.python_version()}
            today = dt.datetime.now(tz=dt.UTC).date().isoformat()
            args.out.write_text(
                json.dumps({"settings": settings, "date": today, "machine": machine, "rows": results}, indent=1)
            )
    print(table({name: results[name] for name in ROWS if name in results}, Path(args.data)))


if __name__ == "__main__":
    main()

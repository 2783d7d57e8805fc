#!/usr/bin/env python3
"""A bank of single files: every candidate's forecasts on folds and at five later cutoffs, to compare rules in seconds.

    python benchmarks/single_files.py --data PATH --out BANK [--only NAME,…] [--jobs 2]
    python benchmarks/single_files.py --walks 40 --out WALKS [--jobs 2]

Files are each data set once (of several columns the target alone), and single series that are drawn by seed from the
training parts of competitions, or random walks. One fit each on the rows before the last cutoffs, with a fixed number
of trials; then the saved model is asked at the later cutoffs. What is in the folder is not made again, so this may be
stopped and continued. `choice_rules.py` and `adaptive_intervals.py` read the bank.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gruforecast.artifact.folder import save
from gruforecast.automl import fit as steps
from gruforecast.automl.options import FitOptions
from gruforecast.automl.preparation import Prepared, horizon_and_seasons, prepare
from gruforecast.automl.search.space import Space
from gruforecast.automl.training_jobs import TrainingJobs
from gruforecast.data.panel import Panel
from gruforecast.data.read import read_csv
from gruforecast.evaluation.backtest import roll
from gruforecast.evaluation.leaderboard import Candidate, Judged
from gruforecast.evaluation.splits import Split
from gruforecast.execution.progress import Budget, Clock, Progress
from gruforecast.models.forecaster import Forecaster
from gruforecast.serialization import plain

TRIALS, SEED, CUTOFFS = 6, 0, 5
SETS = (
    "classic/air_passengers", "classic/ausbeer_quarterly", "classic/co2_mauna_loa_weekly_1958_2001",
    "classic/daily_female_births", "classic/electricity_hourly_mean", "classic/h2o_australia_monthly",
    "classic/lynx_yearly", "classic/melbourne_daily_min_max_temp", "classic/nile_yearly", "classic/retail_sales_us",
    "classic/stocks_business_day_3series", "classic/taylor_30min", "classic/us_births_daily_1969_1988",
    "classic/us_gasoline_weekly", "classic/wp_log_peyton_manning", "energy/ETTh1", "energy/bike_sharing_hourly",
    "energy/epf_5markets", "energy/vic_electricity_hourly_local_offset", "retail/walmart_store1_7depts_weekly",
    "weather/beijing_pm25_hourly_2013_2014", "weather/seattle_newyork_daily",
)  # fmt: skip
DRAWN = {"m3/monthly_train": 25, "m3/quarterly_train": 20, "tourism/monthly_train": 20, "m4_hourly/train": 15}
MOST_ROWS = 9_000  # newest rows of a series that are kept
WALK_ROWS = 370


def items(data: Path) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield names and rows (id, ds, y) of the files, data sets first."""
    for name in SETS:
        frame = _read(data / f"{name}.csv")
        yield name.split("/")[1], frame.groupby("unique_id", sort=False).tail(MOST_ROWS)
    for name, count in DRAWN.items():
        frame = _read(data / f"{name}.csv")
        sizes = frame.groupby("unique_id").size()
        horizon = {"m3/quarterly_train": 8, "m4_hourly/train": 24}.get(name, 12)
        able = sizes[sizes >= 4 * horizon + 3 + (CUTOFFS - 1) * max(1, horizon // 4)].index.sort_values()
        folder, file = name.split("/")
        for series in np.random.default_rng(SEED).choice(able, count, replace=False):
            yield f"{folder}-{file.removesuffix('_train')}-{series}", frame[frame.unique_id == series]


def walks(count: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield daily random walks."""
    for seed in range(count):
        y = 1000 + np.cumsum(np.random.default_rng(seed).normal(size=WALK_ROWS))
        days = np.datetime64("2020-01-01") + np.arange(WALK_ROWS)
        yield f"walk-{seed:02d}", pd.DataFrame({"unique_id": "a", "ds": days, "y": y.round(6)})


def _read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"ds": str, "unique_id": str})[["unique_id", "ds", "y"]]


class Fitted(NamedTuple):
    """What a fit gave, and every candidate that was judged."""

    prepared: Prepared
    forecaster: Forecaster
    candidates: dict[str, Candidate]
    judged: list[Judged]


def fit(front: Path, horizon: int, folder: Path) -> Fitted:
    """Return what `fit` finds, without leak audit, export and report."""
    options = FitOptions(
        horizon=horizon, trials=TRIALS, seed=SEED, compare="none", workers=1, trial_time=None,
        output=folder / "model", run_dir=folder / "run",
    )  # fmt: skip
    candidates: dict[str, Candidate] = {}
    original = steps.judge

    def judge(candidate: Candidate, split: Split, levels: tuple[float, ...]) -> Judged:
        candidates[candidate.name] = candidate
        return original(candidate, split, levels)

    steps.judge = judge
    progress = Progress()
    prepared = prepare(str(front), options, progress)
    space = Space.of(prepared.split)
    facts = steps.facts_of(options, prepared.panel) | {"space": plain(space), "packages": {}}
    facts["options"] = options.values("data", "search")
    with steps.open_run(options, steps.make_run_dir(options), facts, prepared.panel.y.nbytes, progress) as (jobs, _):
        trainings = TrainingJobs(prepared.split, space, jobs, options.seed, Budget(None))
        run = steps._Run(options, prepared, trainings, progress, Clock())  # noqa: SLF001
        contest = steps._contest(run, steps._search(run), "none")  # noqa: SLF001
        ensemble = steps.refitted(trainings, contest.ensemble)
        forecaster = steps._forecaster(prepared, ensemble, contest)  # noqa: SLF001
    shutil.rmtree(folder / "run")
    return Fitted(prepared, forecaster, candidates, contest.judged)


def before(fitted: Fitted) -> dict[str, np.ndarray]:
    """Return the division of the rows, and the forecasts of the candidates."""
    split, history = fitted.prepared.split, fitted.prepared.split.history
    arrays = dict(zip(("values", "indptr"), (history.values, history.indptr), strict=True))  # noqa: PD011
    arrays |= {"test": split.test, "folds": split.folds}
    for name, one in fitted.candidates.items():
        arrays[f"folds/{name}"] = np.concatenate(one.forecasts.folds)
        for place in ("origins", "test"):
            forecast = getattr(one.forecasts, place)
            if forecast is not None:
                arrays[f"{place}/{name}"] = forecast.mean
                if forecast.quantiles is not None:
                    arrays[f"{place}-quantiles/{name}"] = forecast.quantiles
    return arrays


def after(forecaster: Forecaster, whole: Panel, step: int) -> dict[str, np.ndarray]:
    """Return the forecasts of all members at the later cutoffs, and what happened."""
    members = list(forecaster.calibrations)
    rolling = roll(forecaster, whole, windows=CUTOFFS, step=step, members=members)
    blocks = [block.evaluated for block in rolling.blocks()]
    arrays = {
        "later-actual": np.concatenate([one[members[0]].actual for one in blocks]),
        "later-scale": np.concatenate([one[members[0]].mase_scale for one in blocks]),
        "later-end": rolling.cutoffs.windows.end, "later-number": rolling.cutoffs.number,
        "whole-values": whole.y, "whole-indptr": whole.indptr,
    }  # fmt: skip
    for name in members:
        for kind, key in (("mean", "later"), ("lower", "lower"), ("upper", "upper")):
            arrays[f"{key}/{name}"] = np.concatenate([getattr(one[name], kind) for one in blocks])
    return arrays


def make(folder: Path) -> None:
    """Fit the file in `folder`, and keep all that rules need."""
    begin = time.perf_counter()
    whole = read_csv(str(folder / "whole.csv"), FitOptions()).panel
    horizon, _ = horizon_and_seasons(whole, None, None)
    rows = int(whole.lengths.min())
    step = horizon if rows >= 12 * horizon else max(1, horizon // 4)
    frame = pd.read_csv(folder / "whole.csv", dtype=str, keep_default_na=False)
    later = horizon + (CUTOFFS - 1) * step
    frame.groupby("unique_id", sort=False).head(-later).to_csv(folder / "front.csv", index=False)
    fitted = fit(folder / "front.csv", horizon, folder)
    forecaster, split = fitted.forecaster, fitted.prepared.split
    seconds = time.perf_counter() - begin
    shutil.rmtree(folder / "model", ignore_errors=True)
    (folder / "model").mkdir()
    save(forecaster, folder / "model")
    np.savez_compressed(folder / "arrays.npz", **before(fitted), **after(forecaster, whole, step))
    names = ("val_mase", "lead", "kind", "competes", "shares")
    facts: dict[str, Any] = {
        "freq": whole.freq.label, "horizon": horizon, "season": split.season_length, "step": step, "held": split.held,
        "levels": list(fitted.prepared.levels), "rows": rows, "series": len(whole), "winner": forecaster.winner,
        "blend": forecaster.blend, "weights": {one.name: one.weight for one in forecaster.networks},
        "rows_of": {one.row.model: {name: getattr(one.row, name) for name in names} for one in fitted.judged},
        "seconds": seconds,
    }  # fmt: skip
    (folder / "facts.json").write_text(json.dumps(facts, indent=1, default=float))


def make_all(wanted: Iterator[tuple[str, pd.DataFrame]], out: Path, only: set[str], jobs: int) -> None:
    """Make what is missing, `jobs` at a time, each in a process of its own."""
    waiting = []
    for name, rows in wanted:
        folder = out / name
        if not (folder / "facts.json").exists() and (not only or name in only):
            folder.mkdir(parents=True, exist_ok=True)
            rows.to_csv(folder / "whole.csv", index=False)
            waiting.append(folder)
    np.random.default_rng(SEED).shuffle(waiting)  # so that a part of the bank is a fair sample of it
    running: dict[subprocess.Popen[bytes], Path] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            folder = waiting.pop(0)
            with (folder / "log.txt").open("w") as log:
                command = [sys.executable, __file__, "--make", str(folder)]
                running[subprocess.Popen(command, stdout=log, stderr=log)] = folder  # noqa: S603
        time.sleep(0.3)
        for process in [one for one in running if one.poll() is not None]:
            folder, seconds = running.pop(process), "failed, see its log.txt"
            with contextlib.suppress(FileNotFoundError):
                seconds = f"{json.loads((folder / 'facts.json').read_text())['seconds']:.0f} s"
            print(f"{folder.name}: {seconds}", flush=True)


def main() -> None:
    """Make the bank, or one file of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--walks", type=int, help="random walks instead of data")
    parser.add_argument("--out", type=Path, default=Path("bank"))
    parser.add_argument("--only", default="", help="names, separated by commas")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--make", type=Path, help="a single folder with whole.csv")
    args = parser.parse_args()
    if args.make:
        warnings.simplefilter("ignore")
        make(args.make)
    else:
        wanted = walks(args.walks) if args.walks else items(args.data)
        make_all(wanted, args.out, set(filter(None, args.only.split(","))), args.jobs)


if __name__ == "__main__":
    main()

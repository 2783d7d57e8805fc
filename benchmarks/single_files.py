#!/usr/bin/env python3
"""A bank of single files: every candidate's forecasts on folds and at five later cutoffs, to compare rules in seconds.

    python benchmarks/single_files.py fit --data PATH --out BANK [--only NAME,…] [--jobs 2]

Files are each data set once (those with several columns: the target alone), and single series that are drawn by seed
from the training parts of competitions. One fit each on the rows before the last cutoffs, with a fixed number of
trials; then the saved model is asked at the later cutoffs. What is in BANK is not made again, so it may be stopped
and continued. `outside_models.py` sets models of other packages beside it, `choice_rules.py` reads the bank.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

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
HORIZON = {"Y": 6, "Q": 8, "M": 12}  # by the first letter of a pandas frequency; `fit` finds the others


@dataclass(frozen=True)
class Item:
    """One file of the bank: its rows, id, ds and y."""

    name: str
    rows: pd.DataFrame


def items(data: Path) -> Iterator[Item]:
    """Yield the files, data sets first."""
    for name in SETS:
        frame = pd.read_csv(data / f"{name}.csv", dtype={"ds": str, "unique_id": str})
        yield Item(name.split("/")[1], _newest(frame[["unique_id", "ds", "y"]]))
    for name, count in DRAWN.items():
        frame = pd.read_csv(data / f"{name}.csv", dtype={"ds": str, "unique_id": str})
        sizes = frame.groupby("unique_id").size()
        horizon = {"m3/quarterly_train": 8, "m4_hourly/train": 24}.get(name, 12)
        able = sizes[sizes >= 4 * horizon + 3 + (CUTOFFS - 1) * max(1, horizon // 4)].index.sort_values()
        for series in np.random.default_rng(SEED).choice(able, count, replace=False):
            rows = frame[frame.unique_id == series][["unique_id", "ds", "y"]]
            yield Item(f"{name.split('/')[0]}-{name.split('/')[1].removesuffix('_train')}-{series}", rows)


def _newest(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.groupby("unique_id", sort=False).tail(MOST_ROWS).reset_index(drop=True)


def fit_one(name: str, folder: Path) -> None:
    """Fit the file in `folder`, and keep what candidates forecast before and after."""
    from gruforecast.artifact.folder import save
    from gruforecast.automl import fit as steps
    from gruforecast.automl import reference_models
    from gruforecast.automl.options import FitOptions
    from gruforecast.automl.preparation import horizon_and_season, prepare
    from gruforecast.automl.search.space import Space
    from gruforecast.automl.search.trial import places
    from gruforecast.automl.training_jobs import TrainingJobs
    from gruforecast.data.read import read_csv
    from gruforecast.evaluation.backtest import roll
    from gruforecast.evaluation.leaderboard import Candidate
    from gruforecast.execution.progress import Budget, Clock, Progress
    from gruforecast.models.statistical import affordable, installed, rows_read
    from gruforecast.serialization import plain

    begin = time.perf_counter()
    whole = read_csv(str(folder / "whole.csv"), FitOptions()).panel
    horizon, _ = horizon_and_season(whole, None, None)
    rows = int(whole.lengths.min())
    step = horizon if rows >= 12 * horizon else max(1, horizon // 4)
    front = folder / "front.csv"
    frame = pd.read_csv(folder / "whole.csv", dtype=str, keep_default_na=False)
    later = horizon + (CUTOFFS - 1) * step
    frame.groupby("unique_id", sort=False).head(-later).to_csv(front, index=False)
    options = FitOptions(
        horizon=horizon, trials=TRIALS, seed=SEED, compare="none", workers=1, trial_time=None, output=folder / "model",
        run_dir=folder / "run",
    )  # fmt: skip
    kept: dict[str, Candidate] = {}
    original = steps.judge

    def recording(candidate, split, levels):
        kept[candidate.name] = candidate
        return original(candidate, split, levels)

    def submitted(trainings):
        """As `submit_statistical`, without the places that would take minutes and choose nothing."""
        everywhere, version = places(trainings.split), installed()
        models = affordable(sum(rows_read(one, trainings.split.season_length) for one in everywhere.values()))
        slow = {"auto-arima": 1, "auto-ets": 12, "dynamic-theta": 24}  # longest season with fits at all origins
        return {
            model: {
                place: reference_models._submit(trainings, model, place, version)  # noqa: SLF001
                for place in everywhere
                if place.kind != "origins" or trainings.split.season_length <= slow[model]
            }
            for model in models
        }

    steps.judge, steps.submit_statistical = recording, submitted
    progress = Progress()
    prepared = prepare(str(front), options, progress)
    facts = steps.facts_of(options, prepared.panel)
    space = Space.of(prepared.split)
    facts |= {"space": plain(space), "packages": {}, "options": options.values("data", "search")}
    size = prepared.panel.y.nbytes
    with steps.open_run(options, steps.make_run_dir(options), facts, size, progress) as (jobs, _pool):
        trainings = TrainingJobs(prepared.split, space, jobs, options.seed, Budget(None))
        run = steps._Run(options, prepared, trainings, progress, Clock())  # noqa: SLF001
        contest = steps._contest(run, steps._search(run), "none")  # noqa: SLF001
        forecaster = steps._forecaster(prepared, steps.refitted(trainings, contest.ensemble), contest)  # noqa: SLF001
    fitted = time.perf_counter() - begin
    shutil.rmtree(folder / "model", ignore_errors=True)
    (folder / "model").mkdir()
    save(forecaster, folder / "model")
    split = prepared.split
    arrays = {"values": split.history.values, "indptr": split.history.indptr, "days": split.history.days,
              "test": split.test, "folds": split.folds}  # fmt: skip
    for one in kept.values():
        arrays[f"folds/{one.name}"] = np.concatenate(one.forecasts.folds)
        for place in ("origins", "test"):
            forecast = getattr(one.forecasts, place)
            if forecast is not None:
                arrays[f"{place}/{one.name}"] = forecast.mean
                if forecast.quantiles is not None:
                    arrays[f"{place}-quantiles/{one.name}"] = forecast.quantiles
    members = list(forecaster.calibrations)
    rolling = roll(forecaster, whole, windows=CUTOFFS, step=step, members=members)
    blocks = list(rolling.blocks())
    for name_of_member in members:
        parts = [block.evaluated[name_of_member] for block in blocks]
        arrays[f"later/{name_of_member}"] = np.concatenate([one.mean for one in parts])
        for bound in ("lower", "upper"):
            arrays[f"{bound}/{name_of_member}"] = np.concatenate([getattr(one, bound) for one in parts])
    arrays["later-actual"] = np.concatenate([parts.actual for parts in (b.evaluated[members[0]] for b in blocks)])
    arrays["later-scale"] = np.concatenate([b.evaluated[members[0]].mase_scale for b in blocks])
    arrays["later-end"] = rolling.cutoffs.windows.end
    arrays["later-number"] = rolling.cutoffs.number
    arrays["whole-values"], arrays["whole-indptr"] = whole.y, whole.indptr
    np.savez_compressed(folder / "arrays.npz", **arrays)
    said = {
        "name": name, "freq": whole.freq.label, "horizon": horizon, "season": split.season_length, "step": step,
        "held": split.held, "levels": list(prepared.levels), "rows": rows, "series": len(whole),
        "winner": forecaster.winner, "blend": forecaster.blend, "weights": {one.name: one.weight for one in forecaster.networks},
        "rows_of": {one.row.model: {"val_mase": one.row.val_mase, "lead": one.row.lead, "kind": one.row.kind, "competes": one.row.competes, "shares": one.row.shares} for one in contest.judged},
        "seconds": fitted,
    }  # fmt: skip
    (folder / "facts.json").write_text(json.dumps(said, indent=1, default=float))
    shutil.rmtree(folder / "run", ignore_errors=True)


def fit_all(data: Path, out: Path, only: set[str], jobs: int) -> None:
    """Run what is missing, `jobs` at a time, each in a process of its own."""
    waiting = []
    for item in items(data):
        folder = out / item.name.replace("/", "-").replace(" ", "")
        if (folder / "facts.json").exists() or (only and item.name not in only):
            continue
        folder.mkdir(parents=True, exist_ok=True)
        item.rows.to_csv(folder / "whole.csv", index=False)
        waiting.append((item.name, folder))
    np.random.default_rng(SEED).shuffle(waiting)  # so that a part of the bank is a fair sample of it
    running: dict[subprocess.Popen, tuple[str, Path]] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            name, folder = waiting.pop(0)
            log = (folder / "log.txt").open("w")
            command = [sys.executable, __file__, "one", "--name", name, "--folder", str(folder)]
            running[subprocess.Popen(command, stdout=log, stderr=log)] = (name, folder)  # noqa: S603
        time.sleep(0.3)
        for process in [one for one in running if one.poll() is not None]:
            name, folder = running.pop(process)
            done = (folder / "facts.json").exists()
            print(name, json.loads((folder / "facts.json").read_text())["seconds"] if done else "FAILED", flush=True)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("fit", "one"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("bank"))
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--name")
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    if args.command == "one":
        warnings.simplefilter("ignore")
        fit_one(args.name, args.folder)
    elif args.command == "fit":
        fit_all(args.data, args.out, set(filter(None, args.only.split(","))), args.jobs)


if __name__ == "__main__":
    main()

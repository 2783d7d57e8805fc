#!/usr/bin/env python3
"""Models of other packages on the files of a bank (`single_files.py`), refitted at each of the five later cutoffs.

    python benchmarks/outside_models.py fit --bank BANK [--models auto-ets,mstl,…]
    python benchmarks/outside_models.py table --bank BANK

Prophet may live in an environment of its own, without this project: run `fit --models prophet` there, after the others
(they leave the stamps of the rows). What is in an item's `outside.npz` is not made again, so `fit` may be stopped and
continued. Models read the newest 500 rows or twenty of their longest season, missing ones on the line between their
neighbours (Prophet leaves them out). Each knows the usual season of the frequency where the series is longer than two
of them. A fit that fails forecasts like seasonal naive and is counted.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import warnings
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# the usual season first, then a longer one that users give to models of several seasons
SEASONS = {"Y": (), "Q": (4,), "M": (12,), "W": (52,), "D": (7, 365), "B": (5, 260), "h": (24, 168), "30min": (48, 336)}
GROUPS = {"A": ("Y", "Q", "M"), "B": ("W", "D", "B", "h", "30min"), "both groups": tuple(SEASONS)}
CLASSES = {
    "naive": "Naive", "seasonal-naive": "SeasonalNaive", "dynamic-theta": "DynamicOptimizedTheta", "mstl": "MSTL",
    "auto-ets": "AutoETS", "auto-ces": "AutoCES", "auto-arima": "AutoARIMA",
}  # fmt: skip
LONGEST_SEASON = {"auto-arima": 12, "auto-ets": 24, "auto-ces": 24}
MODELS = [*CLASSES, "prophet"]
MAX_ROWS, LIMIT = 500, 60.0  # LIMIT: seconds of processor time for a model on one file
OURS = ("winner", "networks", "blend", "theta", "seasonal-naive")


class Item:
    """A completed file of the bank."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts = json.loads((folder / "facts.json").read_text())
        self.arrays = dict(np.load(folder / "arrays.npz"))
        self.y, self.end = self.arrays["whole-values"], self.arrays["later-end"]
        self.series = np.searchsorted(self.arrays["whole-indptr"], self.end, side="right") - 1
        self.start = self.arrays["whole-indptr"][self.series]
        fewest = int((self.end - self.start).min())
        self.seasons = [one for one in SEASONS[self.facts["freq"]] if fewest > 2 * one]
        self.season = self.seasons[0] if self.seasons else 1

    def outside(self) -> dict[str, npt.NDArray]:
        """Return what was kept of outside models."""
        path = self.folder / "outside.npz"
        return dict(np.load(path)) if path.exists() else {}

    def keep(self, **arrays: object) -> None:
        """Add arrays to what was kept."""
        part = self.folder / "outside.part.npz"
        np.savez_compressed(part, **(self.outside() | arrays))
        part.replace(self.folder / "outside.npz")

    def rows(self, window: int, season: int) -> slice:
        """Return the newest rows before a window that a model with this longest season reads."""
        return slice(max(self.start[window], self.end[window] - max(MAX_ROWS, 20 * season)), self.end[window])

    def seasonal_naive(self, season: int) -> Floats:
        """Return the forecasts (n_windows, horizon) that repeat the last season."""
        ahead = np.arange(self.facts["horizon"]) % season - season
        return np.stack([_without_gaps(self.y[a:b])[ahead] for a, b in zip(self.start, self.end, strict=True)])

    def relative(self, forecasts: Floats) -> float:
        """Return the mean over series of the mean absolute error relative to seasonal naive, naive without a season."""
        own = self.arrays.get("later/seasonal-naive") if self.facts["season"] > 1 else None

        def errors(forecasts: Floats) -> Floats:
            size = np.abs(forecasts - self.arrays["later-actual"])
            return np.array([np.nanmean(size[self.series == one]) for one in np.unique(self.series)])

        scale = errors(self.seasonal_naive(self.season) if own is None else own)
        return float(np.mean(errors(forecasts)[scale > 0] / scale[scale > 0]))

    @cached_property
    def ours(self) -> dict[str, float]:
        """Relative error of each model of the bank."""
        own = {key[6:]: self.relative(value) for key, value in self.arrays.items() if key.startswith("later/")}
        own["winner"] = own[self.facts["winner"]]
        return {"seasonal-naive": own["naive"], "blend": own["networks"]} | own

    @cached_property
    def theirs(self) -> dict[str, float]:
        """Relative error of each outside model, NaN where it was left out."""
        kept = self.outside()
        return {name: self.relative(kept[name]) if name in kept else np.nan for name in MODELS}


def completed(bank: Path) -> list[Item]:
    """Return the files whose fit is done."""
    return [Item(path.parent) for path in sorted(bank.glob("*/facts.json"))]


def _without_gaps(y: Floats) -> Floats:
    seen = np.flatnonzero(~np.isnan(y))
    return np.interp(np.arange(seen[0], len(y)), seen, y[seen])


def statistical(name: str, item: Item) -> Callable[[int], Floats]:
    """Return the forecast (horizon,) of a model of statsforecast as a function of the window."""
    from statsforecast import models

    season = item.seasons if name == "mstl" else item.season
    settings = {} if name == "naive" else {"season_length": season}

    def forecast(window: int) -> Floats:
        model = getattr(models, CLASSES[name])(**settings)
        y = _without_gaps(item.y[item.rows(window, np.max(season))])
        return np.asarray(model.forecast(y=y, h=item.facts["horizon"])["mean"], float)

    return forecast


def prophet(item: Item) -> Callable[[int], Floats]:
    """Return the forecast (horizon,) of Prophet in its default settings as a function of the window."""
    import pandas as pd
    from prophet import Prophet

    logging.getLogger("cmdstanpy").disabled = True
    stamps = item.outside()["wall"]

    def forecast(window: int) -> Floats:
        rows, end = item.rows(window, max(item.seasons, default=1)), item.end[window]
        past = pd.DataFrame({"ds": stamps[rows], "y": item.y[rows]}).dropna()
        future = pd.DataFrame({"ds": stamps[end : end + item.facts["horizon"]]})
        return Prophet(uncertainty_samples=0).fit(past).predict(future)["yhat"].to_numpy()

    return forecast


def _processor() -> float:
    return sum(os.times()[:4])  # that of finished children too: Prophet runs a program


def fit_one(name: str, item: Item) -> dict[str, object]:
    """Return what is kept of one model on one file: its forecasts, NaN with a note where it is left out."""
    forecasts, failed, begin = item.seasonal_naive(item.season), 0, _processor()
    note = f"season {item.season} is longer than {top}" if item.season > (top := LONGEST_SEASON.get(name, 52)) else ""
    note = "no season" if name == "mstl" and not item.seasons else note
    forecast = prophet(item) if name == "prophet" else statistical(name, item)
    for window in range(len(forecasts)):
        if note or _processor() - begin > LIMIT:
            note, forecasts[:] = note or f"more than {LIMIT:.0f} s", np.nan
            break
        try:
            mean = forecast(window)
        except Exception:  # noqa: BLE001 - another package's numerical trouble with one series
            mean = np.full(1, np.nan)
        if np.isfinite(mean).all():
            forecasts[window] = mean
        else:
            failed += 1
    seconds = _processor() - begin
    return {name: forecasts, f"seconds/{name}": seconds, f"failed/{name}": failed, f"note/{name}": note}


def fit(bank: Path, models: list[str]) -> None:
    """Fit what is missing, file by file."""
    for item in completed(bank):
        there = item.outside()
        if "wall" not in there and models != ["prophet"]:
            from gruforecast.automl.options import FitOptions
            from gruforecast.data.read import read_csv

            item.keep(wall=read_csv(str(item.folder / "whole.csv"), FitOptions()).panel.wall)
        for name in models:
            if name not in there and (name != "prophet" or "wall" in there):
                kept = fit_one(name, item)
                item.keep(**kept)
                print(item.folder.name, name, f"{kept[f'seconds/{name}']:.1f} s", kept[f"note/{name}"], flush=True)


def best(errors: dict[str, float]) -> str:
    """Return the model with the smallest error."""
    return min((one for one in errors if np.isfinite(errors[one])), key=errors.__getitem__)


def mean_and_interval(ratios: list[float] | Floats) -> str:
    """Return the geometric mean with the bounds between which 95 % of its bootstrap draws lie."""
    logs = np.log(np.array(ratios)[np.isfinite(ratios)])
    if not len(logs):
        return f"{'-':>21}"
    picks = np.random.default_rng(0).integers(len(logs), size=(2_000, len(logs)))
    low, high = np.exp(np.quantile(logs[picks].mean(axis=1), [0.025, 0.975]))
    return f"{np.exp(logs.mean()):.3f} [{low:.3f}, {high:.3f}]"


def print_table(title: str, files: list[Item]) -> None:
    """Print the geometric mean of each model over the files it was fitted to, and that of today's winner on these."""
    rows = {f"ours: {name}": [item.ours[name] for item in files] for name in OURS}
    rows["ours: best afterwards"] = [item.ours[best(item.ours)] for item in files]
    rows |= {f"outside: {name}": [item.theirs[name] for item in files] for name in MODELS}
    rows["outside: best afterwards"] = [item.theirs[best(item.theirs)] for item in files]
    print(f"\n{title}, {len(files)} files\n{'':26} files  mean over files        winner on these files")
    for name, ratios in rows.items():
        there = np.isfinite(ratios)
        winner = mean_and_interval(np.array(rows["ours: winner"])[there])[:5]
        print(f"{name:26} {there.sum():5}  {mean_and_interval(ratios)}   {winner}")


def table(bank: Path) -> None:
    """Print the errors of models, and what was left out."""
    files = [item for item in completed(bank) if set(CLASSES) <= set(item.outside())]
    sets = [item for item in files if not item.folder.name.startswith(("m3-", "m4_", "tourism-"))]
    for kind, some in {"All": files, "Data sets without drawn series": sets}.items():
        for group, freqs in GROUPS.items():
            print_table(f"{kind}: {group}", [item for item in some if item.facts["freq"] in freqs])
    print("\nFiles in which an outside model beats all of ours by more than 10 %")
    for item in files:
        own, other = best(item.ours), best(item.theirs)
        if item.theirs[other] < 0.9 * item.ours[own]:
            print(f"{item.folder.name}: {other} {item.theirs[other]:.3f}, {own} {item.ours[own]:.3f}")
    print("\nmodel            seconds (median, most)  failed fits, left out")
    for name in MODELS:
        kept = [one for one in (item.outside() for item in files) if name in one]
        said = Counter(str(one[f"note/{name}"]) for one in kept) + Counter({"not yet": len(files) - len(kept)})
        failed = sum(int(one[f"failed/{name}"]) for one in kept)
        spent = [float(one[f"seconds/{name}"]) for one in kept if not one[f"note/{name}"]] or [0.0]
        out = ", ".join(f"{note}: {count}" for note, count in said.items() if note)
        print(f"{name:16} {np.median(spent):8.1f} {max(spent):8.1f}         {failed}, {out}")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("fit", "table"))
    parser.add_argument("--bank", type=Path, default=Path("bank"))
    parser.add_argument("--models", default=",".join(CLASSES))
    warnings.simplefilter("ignore")
    args = parser.parse_args()
    table(args.bank) if args.command == "table" else fit(args.bank, args.models.split(","))


if __name__ == "__main__":
    main()

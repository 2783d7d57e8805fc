#!/usr/bin/env python3
"""Intervals that adapt, judged on the bank of `single_files.py`: constants by leave-one-file-out, before and after.

    python benchmarks/adaptive_intervals.py errors --bank BANK --out ERRORS
    python benchmarks/adaptive_intervals.py rules --bank BANK --out ERRORS

`errors` keeps, for every file and member, what was forecast at every origin behind the training rows, and the shapes of
intervals (members that are fitted anew at each origin: at the later cutoffs and as far apart as these only). `rules`
reads them, so that a rule takes a second. The models of the bank must have been made without `inflation`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

MEMBERS = ("winner", "networks", "blend")
LEVELS = (80.0, 95.0)
CUTOFFS = 5
PER_HORIZON, PRIORS, HALF_LIVES = (1, 2, 3, 4), (0.25, 0.5, 1.0, 2.0, 4.0), (1.0, 2.0, 4.0, 8.0)
SHIPPED = (1, 0.5, 2.0)


def collect(folder: Path, target: Path) -> None:
    """Write what the members of one model forecast at its origins, beside what happened."""
    from gruforecast.artifact.folder import load
    from gruforecast.artifact.manifest import seal
    from gruforecast.data.read import read_like
    from gruforecast.data.scale import mase_scale
    from gruforecast.data.windows import History, gather_future
    from gruforecast.models.statistical import STATISTICAL

    facts, bank = json.loads((folder / "facts.json").read_text()), np.load(folder / "arrays.npz")
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch) / "model"
        shutil.copytree(folder / "model", model)
        seal(model)
        own = load(model)
    panel = read_like(str(folder / "whole.csv"), own.plan).panel
    history = History.of(panel.y, panel.indptr, panel.wall, own.scaling(panel.x))
    cutoff = bank["later-end"].reshape(CUTOFFS, -1)  # (n_cutoffs, n_series)
    series = np.repeat(np.arange(len(panel)), cutoff[-1] - cutoff[0] + 1)
    ends = np.concatenate([np.arange(a, b + 1) for a, b in zip(cutoff[0], cutoff[-1], strict=True)])
    windows = history.windows(series, ends)
    scale = mase_scale(history, windows, own.season_length)
    arrays = {"series": series, "end": ends, "cutoff": cutoff, "scale": scale, "never_negative": windows.use_log,
              "actual": gather_future(history.values, windows, own.horizon)}  # fmt: skip
    for name in dict.fromkeys([facts["winner"], *MEMBERS[1:]]):
        if name not in own.calibrations or own.calibrations[name].levels != LEVELS:
            continue
        slow = any(one in STATISTICAL for one in own.weights_of(name))
        use = np.flatnonzero(((cutoff[-1][series] - ends) % facts["step"] == 0) | (not slow))
        calibration = own.calibrations[name]
        forecast = own.models([name])[name].forecast(history, windows[use], own.horizon, own.season_length)
        mean = np.full((len(ends), own.horizon), np.nan)
        half = np.full((len(ends), own.horizon, len(LEVELS), 2), np.nan)
        mean[use] = forecast.mean
        half[use] = calibration.factor[:, :, None] * forecast.shape(LEVELS, scale[use], calibration.trust)
        half[:, :, 1] = np.maximum(half[:, :, 0], half[:, :, 1])
        arrays |= {f"mean/{name}": mean, f"half/{name}": half}
    np.savez_compressed(target, **arrays)


@dataclass(frozen=True)
class Item:
    """A file and a member: later forecasts, (n_cutoffs * n_series, horizon, ...), and errors behind the training rows.

    Attributes:
        ratios: (n_cutoffs * n_series, n_origins, horizon) errors by half-widths, NaN = not known at the cutoff.
        stride: rows from one origin to the next; horizons: of rows that its intervals were calibrated on.
    """

    name: str
    mean: Any
    half: Any
    actual: Any
    scale: Any
    never_negative: Any
    ratios: Any
    stride: int
    horizons: float

    @classmethod
    def of(cls, bank: Path, file: Path, member: str) -> Item | None:
        """Return the item, None where the file has no such member."""
        kept, facts = np.load(file), json.loads((bank / file.stem / "facts.json").read_text())
        name = facts["winner"] if member == "winner" else member
        if f"mean/{name}" not in kept:
            return None
        split = np.load(bank / file.stem / "arrays.npz")
        learned = np.maximum(np.minimum(split["folds"][0], split["test"] - facts["held"]), split["indptr"][:-1])
        mean, half, actual, end = kept[f"mean/{name}"], kept[f"half/{name}"], kept["actual"], kept["end"]
        horizon, cutoff, first = mean.shape[1], kept["cutoff"], kept["cutoff"][0]
        slow = bool(np.isnan(mean).all(axis=1).any())
        stride = max(-(-horizon // 2), facts["step"] if slow else 0)
        base = np.searchsorted(kept["series"], np.arange(len(first)))
        place = (base + cutoff - first).ravel()  # of the later cutoffs
        error = actual - mean
        ratio = np.abs(error) / np.where(error < 0, half[:, :, 0, 0], half[:, :, 0, 1])
        back = stride * np.arange(1, (5 if slow else 20) + 1)
        origin = place[:, None] - back
        known = end[place][:, None] - back >= np.tile(first, CUTOFFS)[:, None]
        seen = known[:, :, None] & (np.arange(horizon) < back[:, None])
        ratios = np.where(seen, ratio[np.maximum(origin, 0)], np.nan)
        parts = (mean, half, actual, kept["scale"], kept["never_negative"])
        horizons = float((split["test"] - learned).sum()) / horizon
        return cls(file.stem, *(one[place] for one in parts), ratios, stride, horizons)

    def scored(self, multiplier: Any) -> Any:
        """Return coverage and interval score of each cutoff and level, (2, n_cutoffs, n_levels)."""
        from gruforecast.evaluation.metrics import interval_score

        found = np.empty((2, len(self.mean), len(LEVELS)))
        for k, level in enumerate(LEVELS):
            half = self.half[:, :, k] * multiplier[:, k, None, None]
            lower, upper = self.mean - half[:, :, 0], self.mean + half[:, :, 1]
            lower = np.where(self.never_negative[:, None], np.maximum(lower, 0.0), lower)
            inside = np.where(np.isnan(self.actual + lower), np.nan, (self.actual >= lower) & (self.actual <= upper))
            found[0, :, k] = np.nanmean(inside, axis=1)
            found[1, :, k] = interval_score(self.actual, lower, upper, level) / self.scale
        return np.nanmean(found.reshape(2, CUTOFFS, -1, len(LEVELS)), axis=2)

    def outcome(self, per_horizon: float = 0, prior: float = 0, half_life: float = 1) -> Any:
        """Return the scores by a rule; as they were without one."""
        from gruforecast.evaluation import adaptation
        from gruforecast.evaluation.calibration import inflation

        wide = np.array([inflation(level, per_horizon * self.horizons or np.inf) for level in LEVELS])
        by = np.ones(len(self.mean))
        if prior:
            adaptation.PRIOR = prior
            horizon = self.mean.shape[1]
            age = self.stride * np.arange(1, self.ratios.shape[1] + 1)[:, None] - np.arange(horizon)
            weights = self.stride / horizon**2 * np.exp2(-age / (horizon * half_life)) * (age > 0)
            by = adaptation.multipliers(self.ratios / wide[0], weights, LEVELS[0])
        return self.scored(by[:, None] * wide)


def summary(found: Any, before: Any) -> str:
    """Return coverage, and scores relative to those before, of files (n_files, 2, n_cutoffs, n_levels)."""
    texts = []
    for k, level in enumerate(LEVELS):
        coverage, score = 100 * found[:, 0, :, k], found[:, 1, :, k].mean(axis=1)
        relative = score / before[:, 1, :, k].mean(axis=1)
        cutoffs = " ".join(f"{one:.0f}" for one in coverage.mean(axis=0))
        below = (coverage.mean(axis=1) < 60).sum()
        texts.append(
            f"{level:g} %: inside {coverage.mean():.1f} ({cutoffs}), below 60: {below}, score {score.mean():.2f}, "
            f"relative {np.exp(np.log(relative).mean()):.3f}, better in {100 * (relative < 1 - 1e-9).mean():.0f} %"
        )
    return "\n    ".join(texts)


def compare(bank: Path, files: list[Path]) -> None:
    """Print the shipped rule and that of leave-one-file-out beside the intervals as they were."""
    kept = {member: [one for file in files if (one := Item.of(bank, file, member))] for member in MEMBERS}
    grid = list(itertools.product(SHIPPED[:1], PRIORS, HALF_LIVES))
    before = {member: np.array([one.outcome() for one in items]) for member, items in kept.items()}
    after = {
        (member, rule): np.array([one.outcome(*rule) for one in kept[member]]) for member in MEMBERS for rule in grid
    }

    def loss(rule: tuple[float, ...], left_out: str) -> float:
        means = []
        for member, items in kept.items():
            use = [one.name != left_out for one in items]
            ratio = after[member, rule][use][:, 1].mean(axis=1) / before[member][use][:, 1].mean(axis=1)
            means.append(np.log(ratio).mean())
        return float(np.mean(means))

    names = [file.stem for file in files]
    chosen = {name: min(grid, key=lambda rule: loss(rule, name)) for name in names}
    print("chosen with one file left out:", {rule: list(chosen.values()).count(rule) for rule in set(chosen.values())})
    print("best:", [(rule, round(loss(rule, ""), 4)) for rule in sorted(grid, key=lambda rule: loss(rule, ""))[:5]])
    print("shipped:", round(loss(SHIPPED, ""), 4))
    for member, items in kept.items():
        honest = np.array([after[member, chosen[one.name]][k] for k, one in enumerate(items)])
        wider = np.array([one.outcome(SHIPPED[0]) for one in items])
        rows = {"before": before[member], "wider for few errors": wider, "and adapted": after[member, SHIPPED]}
        rows |= {
            f"{one} errors a horizon": np.array([k.outcome(one, *SHIPPED[1:]) for k in items]) for one in PER_HORIZON
        }
        for label, found in {**rows, "leave one file out": honest}.items():
            print(f"{member}, {len(items)} files, {label}\n    {summary(found, before[member])}", flush=True)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("errors", "rules"))
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("errors"))
    args = parser.parse_args()
    args.out.mkdir(exist_ok=True)
    if args.command == "rules":
        compare(args.bank, sorted(args.out.glob("*.npz")))
        return
    for facts in sorted(args.bank.glob("*/facts.json")):
        target = args.out / f"{facts.parent.name}.npz"
        if not target.exists():
            collect(facts.parent, target)
            print(facts.parent.name, flush=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What the intervals of the winner are worth at five later cutoffs of the bank's files: before, and as they are now.

    python benchmarks/shipped_intervals.py --bank BANK [--after BANK2]

Before: the winner and its bounds as BANK has them, see `single_files.py`. Now: winner, blend and calibrations are made
anew from the candidates by the package as it is, put into the saved model, and asked as `backtest` asks, so that
intervals adapt to the rows between the fit and each cutoff. Coverage is the mean over files; so is the interval score,
in MASE scales.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from choice_rules import File

from gruforecast.artifact.folder import load
from gruforecast.artifact.manifest import seal
from gruforecast.automl.ensemble_selection import blended
from gruforecast.data.read import ReadOptions, read_csv
from gruforecast.evaluation.backtest import roll
from gruforecast.evaluation.leaderboard import judge, winner, with_leads
from gruforecast.evaluation.metrics import interval_score
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.registry import NETWORKS

FEW = 60.0  # percent inside at 80 % that no file should be below


def as_now(file: File, folder: Path) -> Forecaster:
    """Return the saved model with the winner, the blend and the calibrations of now."""
    first = file.candidates[file.networks]
    others = [one for one in file.candidates.values() if one is not first]
    blend, weights = blended(file.split, first, others)
    levels = tuple(file.facts["levels"])
    judged = with_leads([judge(one, file.split, levels) for one in [first, *others, *blend]])
    calibrations = {one.row.model: one.calibration for one in judged}
    calibrations.setdefault(NETWORKS, calibrations[file.networks])
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch) / "model"
        shutil.copytree(folder / "model", model)
        seal(model)
        saved = load(model)
    best = winner([one.row for one in judged]).model
    pretrained = () if file.pretrained is None else (file.pretrained,)
    return replace(saved, blend=weights, winner=best, calibrations=calibrations, pretrained=pretrained)


def worth(
    actual: np.ndarray, lower: np.ndarray, upper: np.ndarray, scale: np.ndarray, level: float
) -> list[np.ndarray]:
    """Return percent inside and scaled interval score of each window, (n_windows,)."""
    inside = np.where(np.isnan(actual), np.nan, (lower <= actual) & (actual <= upper))
    return [100 * np.nanmean(inside, axis=1), interval_score(actual, lower, upper, level) / scale]


def both(folder: Path, newer: Path) -> dict[float, tuple[list[np.ndarray], list[np.ndarray], np.ndarray]]:
    """Return by level what intervals were worth before and are now, and the number of each window's cutoff."""
    old, new = File.of(folder), File.of(newer)
    own = as_now(new, newer)
    whole = read_csv(str(newer / "whole.csv"), ReadOptions()).panel
    rolling = roll(own, whole, windows=5, step=new.facts["step"], members=[own.winner])
    parts = [block.evaluated[own.winner] for block in rolling.blocks()]
    lower, upper = (np.concatenate([getattr(one, name) for one in parts]) for name in ("lower", "upper"))
    name, scale, actual = old.facts["winner"], old.arrays["later-scale"], old.arrays["later-actual"]
    before = old.arrays[f"lower/{name}"], old.arrays[f"upper/{name}"]
    levels = [level for level in parts[0].levels if level in old.facts["levels"][: before[0].shape[2]]]
    results = {}
    for level in levels:
        k, j = old.facts["levels"].index(level), parts[0].levels.index(level)
        was = worth(actual, before[0][:, :, k], before[1][:, :, k], scale, level)
        now = worth(actual, lower[:, :, j], upper[:, :, j], scale, level)
        results[level] = was, now, rolling.cutoffs.number
    return results


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("--after", type=Path)
    args = parser.parse_args()
    found: dict[float, list[tuple[list[np.ndarray], list[np.ndarray], np.ndarray]]] = {}
    for folder in (path.parent for path in sorted(args.bank.glob("*/facts.json"))):
        newer = args.after / folder.name if args.after else folder
        for level, one in both(folder, newer if (newer / "facts.json").exists() else folder).items():
            found.setdefault(level, []).append(one)
    for level, files in found.items():
        scores = [np.array([float(np.nanmean(one[side][1])) for one in files]) for side in (0, 1)]
        for side, name in enumerate(("before", "now")):
            inside = np.array([np.nanmean(one[side][0]) for one in files])
            by = [np.nanmean([np.nanmean(one[side][0][one[2] == k]) for one in files]) for k in range(5)]
            print(
                f"{level:g} %, {name}: {len(files)} files, {inside.mean():.1f} % inside, by cutoff "
                f"{' '.join(f'{share:.0f}' for share in by)}, {(inside < FEW).sum()} below {FEW:g}, "
                f"score {scores[side].mean():.2f}"
            )
        ratio = np.exp(np.log(scores[1] / scores[0]).mean())
        print(f"   better in {100 * (scores[1] < scores[0]).mean():.0f} % of the files, geometric mean {ratio:.3f}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Which model a file should be given: rules compared on the bank of `single_files.py`, in seconds.

    python benchmarks/choice_rules.py --bank BANK [--after BANK2] [--walks WALKS] [--grid]

BANK was fitted by the rule of before; of each file it has what every candidate forecast on folds, at the origins before
the test set, on the test set and at five later cutoffs. Here the blend is weighed and the winner chosen anew by the
package as it is now, with the models that are newer than the bank: these are asked once and kept beside each file
(remove `harmonic.npz` and `mstl.npz` there when such a model changes). In BANK2 are files that are read in another way
now (another season), fitted anew. A score is the geometric mean over files of the MASE at the later cutoffs relative to
seasonal naive (naive where BANK had no season), with a 90 % bootstrap interval over files. `--grid` tries other
constants, and chooses them without each data set in turn. Random walks are told apart: nothing should be better than
naive there, and the winner little worse.
"""

from __future__ import annotations

import argparse
import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gruforecast.automl import prior_weights
from gruforecast.automl.ensemble_selection import blended
from gruforecast.automl.preparation import seasons_before
from gruforecast.data.read import ReadOptions, read_csv
from gruforecast.data.windows import History
from gruforecast.evaluation.leaderboard import Candidate, judge, winner, with_leads
from gruforecast.evaluation.splits import Forecasts, Split
from gruforecast.models.model import Floored, Model
from gruforecast.models.pretrained.model import PretrainedNetwork, card, within_reach
from gruforecast.models.quantile_forecast import QuantileForecast
from gruforecast.models.registry import NETWORKS, PRETRAINED, SIMPLE
from gruforecast.models.statistical import STATISTICAL, several_seasons

DRAWN = ("m3-", "tourism-", "m4_")  # files that were drawn from panels
DRAWS = 2000
NEWER = ("harmonic", "mstl", PRETRAINED)  # models that a bank of before has not asked
GRID = {"BESIDE": (0.1, 0.2, 0.3, 0.4), "POWER": (2.0, 3.0, 5.0), "WINDOWS": (6, 12, 40)}


@dataclass
class File:
    """One file of the bank: its candidates, and the scores of forecasts at the later cutoffs."""

    name: str
    facts: dict
    arrays: dict[str, np.ndarray]
    split: Split
    candidates: dict[str, Candidate]
    pretrained: PretrainedNetwork | None  # where horizon and season are within its reach

    @classmethod
    def of(cls, folder: Path) -> File:
        """Return the file in `folder`, with models that are newer than the bank."""
        facts = json.loads((folder / "facts.json").read_text())
        with np.load(folder / "arrays.npz") as stored:
            arrays = {name: stored[name] for name in stored.files}
        panel = read_csv(str(folder / "front.csv"), ReadOptions()).panel
        history = History.of(arrays["values"], arrays["indptr"], panel.wall)
        split = Split(history, facts["horizon"], facts["season"], arrays["test"], arrays["folds"], facts["held"])
        seasons, reach = seasons_before(panel, split.horizon), within_reach(split.horizon, split.season_length)
        second = seasons[1] if len(seasons) > 1 and seasons[0] == split.season_length else None
        network = PretrainedNetwork.of(split.horizon, split.season_length, second) if reach else None
        found = cls(folder.name, facts, arrays, split, {}, network)
        found._add_models(folder)
        if not several_seasons(history, split.test_windows(), split.season_length):
            arrays.pop("folds/mstl", None)  # `fit` does not ask it there
            facts["rows_of"].pop("mstl", None)
        for name, row in facts["rows_of"].items():
            if row["competes"] and row["kind"] != "blend":
                found.candidates[name] = Candidate(name, row["kind"], found._forecasts(name))
        for name in NEWER:
            if f"folds/{name}" in arrays and name not in found.candidates:
                found.candidates[name] = Candidate(name, "baseline", found._forecasts(name))
        return found

    def _forecasts(self, name: str) -> Forecasts:
        sizes = np.cumsum([len(one) for one in self.split.fold_windows()])[:-1]
        origins = None if name in STATISTICAL else self.arrays.get(f"origins/{name}")  # as `fit` asks them now
        return Forecasts(
            np.split(self.arrays[f"folds/{name}"], sizes),
            None if origins is None else QuantileForecast(origins),
            QuantileForecast(self.arrays[f"test/{name}"]),
        )

    def _add_models(self, folder: Path) -> None:
        """Ask the models that are newer than the bank; what they say is kept beside it."""
        models = {
            name: entry.model for name, entry in SIMPLE.items() if not entry.seasonal or self.split.season_length > 1
        }
        for name in NEWER:
            model = self.pretrained if name == PRETRAINED else models.get(name)
            if model is None or f"later/{name}" in self.arrays:
                continue
            kept = folder / f"{name}-{card().sha256[:8]}.npz" if name == PRETRAINED else folder / f"{name}.npz"
            if not kept.exists():
                np.savez_compressed(kept, **self._asked(folder, model, origins=name not in STATISTICAL))
            with np.load(kept) as stored:
                self.arrays |= {f"{place}/{name}": stored[place] for place in stored.files}

    def _asked(self, folder: Path, model: Model, *, origins: bool) -> dict[str, np.ndarray]:
        """Return what a model forecasts where the bank asked the others."""
        split, end = self.split, self.arrays["later-end"]
        panel = read_csv(str(folder / "whole.csv"), ReadOptions()).panel
        history = History.of(panel.y, panel.indptr, panel.wall)
        windows = history.windows(np.searchsorted(panel.indptr, end - 1, side="right") - 1, end)
        parts = {
            "folds": np.concatenate([split.ask(model, one).mean for one in split.fold_windows()]),
            "test": split.ask(model, split.test_windows()).mean,
            "later": Floored(model).forecast(history, windows, split.horizon, split.season_length).mean,
        }
        return parts | ({"origins": split.ask(model, split.calibration_windows()).mean} if origins else {})

    @property
    def group(self) -> str:
        """`A`: months, quarters, years; `B`: weeks, days, hours and finer."""
        return "A" if self.facts["freq"] in "YQM" else "B"

    @property
    def data_set(self) -> str:
        """The panel that it was drawn from, or itself."""
        return self.name.rsplit("-", 1)[0] if self.name.startswith(DRAWN) else self.name

    @property
    def networks(self) -> str:
        """The name of the networks together, or of the only one."""
        return NETWORKS if NETWORKS in self.candidates else "gru"

    def later(self, weights: dict[str, float]) -> np.ndarray:
        """Return the weighted mean of forecasts at the later cutoffs, (n_windows, horizon)."""
        names = {NETWORKS: self.networks}
        return sum(weight * self.arrays[f"later/{names.get(name, name)}"] for name, weight in weights.items())

    def shipped(self) -> tuple[str, dict[str, float]]:
        """Return the winner by the rule of now, and the weights of what it consists of."""
        first = self.candidates[self.networks]
        others = [one for one in self.candidates.values() if one is not first]
        blend, weights = blended(self.split, first, others)
        rows = [one.row for one in with_leads([judge(one, self.split, ()) for one in [first, *others, *blend]])]
        best = winner(rows).model
        return best, weights if best == "blend" else {best: 1.0}


def score(forecast: np.ndarray, of: File) -> float:
    """Return the MASE at the later cutoffs."""
    return float(np.nanmean(np.abs(forecast - of.arrays["later-actual"]) / of.arrays["later-scale"][:, None]))


def reference(of: File) -> float:
    """Return the MASE of the naive forecast to beat."""
    return score(of.arrays["later/seasonal-naive" if of.facts["season"] > 1 else "later/naive"], of)


def interval(logs: np.ndarray) -> str:
    """Return the geometric mean with its bootstrap interval."""
    drawn = np.random.default_rng(0).integers(0, len(logs), (DRAWS, len(logs)))
    low, high = np.exp(np.quantile(logs[drawn].mean(axis=1), (0.05, 0.95)))
    return f"{np.exp(logs.mean()):.3f} ({low:.3f}-{high:.3f})"


def table(rows: dict[str, np.ndarray], files: list[File]) -> None:
    """Print each row for the groups; NaN leaves a file out."""
    group = np.array([one.group for one in files])
    sets = np.array([not one.name.startswith(DRAWN) for one in files])
    parts = {"A": group == "A", "B": group == "B", "all": group != "", "data sets": sets}
    print(f"{'':34s}" + "".join(f"{name + ' (' + str(int(part.sum())) + ')':24s}" for name, part in parts.items()))
    for name, logs in rows.items():
        cells = [interval(logs[part & np.isfinite(logs)]) for part in parts.values()]
        missing = int((~np.isfinite(logs)).sum())
        print(f"{name:34s}" + "".join(f"{cell:24s}" for cell in cells) + (f"without {missing}" if missing else ""))


def compare(before: list[File], after: list[File]) -> dict[str, np.ndarray]:
    """Return the logarithms of relative scores by rule, (n_files,); NaN where a file has no such model."""
    found = []
    for old, new in zip(before, after, strict=True):
        base, net = reference(old), old.networks
        alone = {name: score(new.later({name: 1.0}), old) for name in new.candidates if name != new.networks}
        together = score(new.later({NETWORKS: 1.0}), old)
        scores = {
            "winner before": score(old.later({old.facts["winner"]: 1.0}), old),
            "blend before": score(old.later(old.facts["blend"] or {net: 1.0}), old),
            "networks before": score(old.later({net: 1.0}), old),
            "winner now": score(new.later(new.shipped()[1]), old),
            "best of all candidates, afterwards": min(together, *alone.values()),
            "networks now": together,
        }
        found.append({name: float(np.log(one / base)) for name, one in (scores | alone).items()})
    names = dict.fromkeys(name for one in found for name in one)
    return {name: np.array([one.get(name, np.nan) for one in found]) for name in names}


def left_out(files: list[File], before: list[File]) -> None:
    """Print each choice of constants, and the score where they are chosen without each data set in turn."""
    names, results = list(GRID), {}
    base = np.array([reference(one) for one in before])
    for values in itertools.product(*GRID.values()):
        for name, value in zip(names, values, strict=True):
            setattr(prior_weights, name, value)
        scores = [score(one.later(one.shipped()[1]), old) for one, old in zip(files, before, strict=True)]
        results[values] = np.log(np.array(scores) / base)
        print(dict(zip(names, values, strict=True)), f"{np.exp(results[values].mean()):.4f}", flush=True)
    sets, chosen = np.array([one.data_set for one in files]), np.zeros(len(files))
    for name in np.unique(sets):
        best = min(results, key=lambda values: results[values][sets != name].mean())
        chosen[sets == name] = results[best][sets == name]
    table({"constants from the other data sets": chosen}, before)


def walks(folder: Path) -> None:
    """Print how the winner compares with naive on random walks, on the test set and at the later cutoffs."""
    ratios, names = [], []
    for one in (File.of(path.parent) for path in sorted(folder.glob("*/facts.json"))):
        best, weights = one.shipped()
        names.append(best)
        ratios.append(score(one.later(weights), one) / score(one.arrays["later/naive"], one))
    low, middle, high = np.quantile(ratios, (0.1, 0.5, 0.9))
    print(
        f"{len(ratios)} walks, the winner's MAE over naive's: mean {np.mean(ratios):.3f}, median {middle:.3f}, ", end=""
    )
    print(f"10 and 90 % of the walks below {low:.3f} and {high:.3f}")
    print({name: names.count(name) for name in sorted(set(names))})


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("--after", type=Path)
    parser.add_argument("--walks", type=Path)
    parser.add_argument("--grid", action="store_true")
    args = parser.parse_args()
    folders = [path.parent for path in sorted(args.bank.glob("*/facts.json"))]
    before = [File.of(path) for path in folders]
    newer = {
        path: args.after / path.name
        for path in folders
        if args.after and (args.after / path.name / "facts.json").exists()
    }
    after = [File.of(newer[path]) if path in newer else one for path, one in zip(folders, before, strict=True)]
    table(compare(before, after), before)
    if args.walks:
        walks(args.walks)
    if args.grid:
        left_out(after, before)


if __name__ == "__main__":
    main()

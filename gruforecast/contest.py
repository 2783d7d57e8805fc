"""The networks that enter the leaderboard: the best GRU, and GRU, LSTM and simple RNN at one equal budget."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeGuard

from gruforecast.backtest import Predictor, Split
from gruforecast.baselines import Baseline, baselines
from gruforecast.config import CELLS, RUNGS, Cell, NetworkConfig, TrainingConfig, to_dict
from gruforecast.durable import read_npz
from gruforecast.leaderboard import Candidate
from gruforecast.progress import Budget
from gruforecast.search.jobs import Jobs, Result
from gruforecast.search.loop import DATA, RUN_TRIAL, Search, Trial
from gruforecast.search.space import Space
from gruforecast.search.trial import point, save_split, seed_of

RUN_FIT = "gruforecast.search.trial:run_fit"
ALL_DATA = "split-all"
GATES = {"gru": 2, "lstm": 3, "rnn": 0}
COMPARISON_SEEDS = 2
SHORT_STEPS = (100, 500)  # bounds of the short comparison's half of the best trial's steps
REFIT_SHARE, REFIT_RATE = 0.2, 0.3
Entry = tuple[Cell, int]  # a cell and the number of its seed


@dataclass
class Contest:
    """What trains the networks that are judged: `begin`, then `test_fit`, `comparison` and `refit` in this order.

    Attributes:
        split: with all values.
        compare: `short`, `full` or `none`.
        given_up: what the time budget did not allow for.
        warnings: what else did not come out as it should.
        scored: the result whose weights are scored on the test part, from `test_fit` on.
    """

    split: Split
    space: Space
    found: Search
    jobs: Jobs
    seed: int
    budget: Budget
    compare: str
    given_up: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    scored: Result = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.best = self.found.best
        self._refit_cut = False

    def begin(self) -> None:
        """Put the test fit and as much of the comparison as the time budget allows for on the workers."""
        self._submit_test_fit(self.best, "gru", "test_fit")
        self._choose_entries()
        # the worker of the test fit has compiled the GRU, so it comes last
        for cell, number in sorted(self.entries, key=lambda entry: entry[0] == "gru"):
            if number == 0:
                self._submit_comparison(cell, number)

    def test_fit(self) -> Candidate:
        """The winner of the search: on the folds as its trial left it, on the test part trained up to that.

        Trained anew on all rows before the test part, for as many steps as its best took; with a time budget for as
        many as fit. If that fails, the trial's own network is judged. The refit from it is begun.
        """
        self.scored, whole = self._test_fitted(self.best, "gru")
        self.given_up += [] if whole else ["the whole test fit"]
        self._submit_refit()
        facts = _facts(self.best, self.best.result, "full") | {"seconds": self.scored["seconds"]["total"]}
        before = self._predictor(self.best.network, self.best.result)
        return Candidate("gru", "gru", before, self._predictor(self.best.network, self.scored), facts)

    def comparison(self) -> list[list[Candidate]]:
        """For each cell of the comparison that was trained whole, one candidate a seed."""
        groups: dict[str, list[Candidate]] = {}
        failed: set[str] = set()
        for cell, number in sorted(self.entries, key=lambda entry: entry[1]):
            candidate = None if cell in failed else self._compared(cell, number)
            if candidate is None:
                failed.add(cell)
            else:
                groups.setdefault(cell, []).append(candidate)
        return [group for cell, group in groups.items() if cell not in failed]

    def refit(self) -> tuple[Result, bool]:
        """The result whose weights are saved, and whether they learned from the newest rows."""
        result = self.jobs.result("refit")
        if result is None:
            self.given_up.append("the refit")
            return self.scored, False
        if result["status"] != "completed":
            self.warnings.append(f"the refit {result['status']}: the saved network is the one that was scored")
            return self.scored, False
        if result["late"] or self._refit_cut:
            self.given_up.append("the whole refit")
        return result, True

    def baselines(self) -> list[Candidate]:
        """Every baseline as a candidate."""
        return [
            Candidate(name, "baseline", predict, predict)
            for name, model in baselines(self.split.season_length).items()
            for predict in [self._baseline(model)]
        ]

    def path(self, result: Result) -> Path:
        """Where the weights of a result are."""
        return self.jobs.folder / result["file"]["name"]

    def _choose_entries(self) -> None:
        """All that is to be compared, or without what the time budget does not allow for.

        The simple RNN is given up first, then the LSTM, then the rest: a GRU alone is compared with nothing.
        """
        if self.compare == "full":
            self.entries = [(cell, 0) for cell in CELLS[1:]]
        elif self.compare == "short":
            self.entries = [(cell, number) for cell in CELLS for number in range(COMPARISON_SEEDS)]
        deadline = self.budget.deadline("comparison")
        if deadline is None:
            return
        for cell in ("rnn", "lstm", "gru"):
            if self._seconds_for(self.entries) <= self.jobs.runner.count * (deadline - time.time()):
                return
            kept = [entry for entry in self.entries if entry[0] != cell]
            self.given_up += [f"the {cell} comparison"] * (kept != self.entries)
            self.entries = kept

    def _seconds_for(self, entries: list[Entry]) -> float:
        """What the test fit and a comparison of `entries` take of one worker, as far as the trials tell."""
        seconds = self.best.result["seconds"]
        step = self.best.result["seconds_per_step"] or 0.0
        trials = [trial.result["seconds"] for trial in self.found.trials if "seconds" in trial.result]
        compiling = max(one["trace"] + one["compile"] for one in trials)
        steps = self._short_steps() if self.compare == "short" else self.space.steps + self.best.result["steps"]
        new = len({cell for cell, _ in entries} - {"gru"})
        return self.best.result["steps"] * step + new * compiling + len(entries) * (steps * step + seconds["evaluate"])

    def _short_steps(self) -> int:
        low, high = SHORT_STEPS
        return min(max(self.best.result["steps"] // 2, low), high)

    def _submit_comparison(self, cell: Cell, number: int) -> None:
        """Weights of a short comparison are trained before the first fold and scored on folds and test part alike.

        A full comparison has the configuration, the budget and the protocol of the best GRU.
        """
        network = replace(self.best.network, cell=cell)
        training = self._training(self.best)
        name = f"{self.compare}-{cell}-{number}"
        if self.compare == "short":
            training = replace(training, seed=seed_of(self.seed, -2 - number), steps=self._short_steps())
        request = self._request(network, training, name) | {"early_stop": self.compare == "full"}
        request |= {"number": self.best.number, "rungs": [None] * len(RUNGS)}
        deadline = self.budget.deadline("comparison")
        self.jobs.submit(name, RUN_TRIAL, request, shape=network.shape, deadline=deadline)

    def _compared(self, cell: Cell, number: int) -> Candidate | None:
        """The candidate of one cell and seed; None, and said why, if it was not trained whole."""
        result = self.jobs.result(f"{self.compare}-{cell}-{number}")
        if not self._is_whole(result, cell):
            return None
        if (cell, number + 1) in self.entries:  # only now, so that the same worker compiles a cell but once
            self._submit_comparison(cell, number + 1)
        network = replace(self.best.network, cell=cell)
        before = at_test = self._predictor(network, result)
        facts = _facts(self.best, result, self.compare)
        if self.compare == "full":
            trial = replace(self.best, network=network, result=result)
            self._submit_test_fit(trial, cell, "comparison")
            fitted, whole = self._test_fitted(trial, cell)
            if not whole:
                self.given_up.append(f"the {cell} comparison")
                return None
            at_test = self._predictor(network, fitted)
            facts |= {"seconds": fitted["seconds"]["total"]}
        return Candidate(f"{cell} ({self.compare})", cell, before, at_test, facts, competes=False)

    def _is_whole(self, result: Result | None, cell: Cell) -> TypeGuard[Result]:
        """Whether the training of a comparison came to its end; says why not."""
        if result is not None and result["status"] == "completed" and not result["late"]:
            return True
        if result is None or (result.get("late") and self.budget.over("comparison")):
            self.given_up.append(f"the {cell} comparison")
        else:
            reason = "was ended by --trial-time" if result.get("late") else result["status"]
            self.warnings.append(f"the {cell} comparison {reason}: left out")
        return False

    def _submit_test_fit(self, trial: Trial, name: str, part: str) -> None:
        steps = self.budget.fitting(trial.result["steps"], trial.result["seconds_per_step"], part)
        training = replace(self._training(trial), steps=steps)
        request = self._request(trial.network, training, f"test-fit-{name}") | {"data": DATA, "until": "test"}
        request |= {"initial": None, "rates": [1.0, 0.0]}
        deadline = self.budget.deadline(part)
        self.jobs.submit(f"test-fit-{name}", RUN_FIT, request, shape=trial.network.shape, deadline=deadline)

    def _test_fitted(self, trial: Trial, name: str) -> tuple[Result, bool]:
        """The result of a test fit, or that of the trial itself if it failed; whether time was enough for it."""
        result = self.jobs.result(f"test-fit-{name}")
        if result is None:
            return trial.result, False
        if result["status"] != "completed":
            text = f"the test fit of the {name} network {result['status']}: judged as its trial left it"
            self.warnings.append(text)
            return trial.result, True
        return result, not result["late"] and result["taken"] >= trial.result["steps"]

    def _submit_refit(self) -> None:
        """Go on from the scored weights with the newest rows added, for a fifth of the steps."""
        whole = replace(self.split, test=self.split.history.indptr[1:])
        save_split(self.jobs.folder, ALL_DATA, whole)
        wanted = max(round(REFIT_SHARE * self.best.result["steps"]), 1)
        steps = self.budget.fitting(wanted, self.best.result["seconds_per_step"], "refit")
        self._refit_cut = steps < wanted
        training = replace(self._training(self.best), steps=steps)
        request = self._request(self.best.network, training, "refit") | {"data": ALL_DATA, "until": "end"}
        request |= {"initial": self.scored["file"]["name"], "from": self.scored["digest"], "rates": [REFIT_RATE, 0.0]}
        deadline = self.budget.deadline("refit")
        self.jobs.submit("refit", RUN_FIT, request, shape=self.best.network.shape, deadline=deadline)

    def _training(self, trial: Trial) -> TrainingConfig:
        """The training that `trial` had."""
        return self.space.training(trial.values, seed_of(self.seed, trial.number), trial.share)

    def _baseline(self, model: Baseline) -> Predictor:
        split = self.split

        def predict(windows: Any) -> Any:
            forecast = model(split.history, windows, split.horizon, split.season_length)
            return split.history.floor_at_zero(forecast, windows)

        return predict

    def _predictor(self, network: NetworkConfig, result: Result) -> Predictor:
        weights = read_npz(self.path(result))
        return lambda windows: point(self.split.history, windows, network, weights)

    def _request(self, network: NetworkConfig, training: TrainingConfig, name: str) -> dict[str, Any]:
        return {"network": to_dict(network), "training": to_dict(training), "data": DATA, "weights": f"{name}.npz"}


def _facts(trial: Trial, result: Result, budget: str) -> dict[str, Any]:
    return {
        "parameters": result["parameters"],
        "seconds": result["seconds"]["total"],
        "seconds_per_epoch": result["seconds_per_epoch"],
        "budget": budget,
        "config": {**trial.values, "steps": result["steps"]},
    }

"""The networks that enter the leaderboard: the best GRU, and GRU, LSTM and simple RNN at one equal budget."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gruforecast.backtest import Predictor, Split
from gruforecast.baselines import Baseline, baselines
from gruforecast.config import CELLS, NetworkConfig, TrainingConfig, to_dict
from gruforecast.leaderboard import Candidate
from gruforecast.progress import Budget, Progress
from gruforecast.search.loop import Search, Trial
from gruforecast.search.space import Space
from gruforecast.search.trial import Result, load_weights, point, run_fit, run_trial, seed_of

GATES = {"gru": 2, "lstm": 3, "rnn": 0}
COMPARISON_SEEDS = 2
SHORT_STEPS = (100, 500)  # bounds of the short comparison's half of the best trial's steps
REFIT_SHARE, REFIT_RATE = 0.2, 0.3


@dataclass(frozen=True)
class Contest:
    """What trains the networks that are judged.

    Attributes:
        split: with all values; data: file for trials, in which the test part is blank.
    """

    split: Split
    space: Space
    found: Search
    data: Path
    seed: int
    budget: Budget
    progress: Progress

    def test_fit(self, trial: Trial, name: str, part: str = "test_fit") -> tuple[Result, Path]:
        """Train the network of `trial` anew on all rows before the test part, for as many steps as its best took.

        With a time budget, for as many as fit into `part` of it. If it diverges, the trial's own network is judged.
        """
        weights = self.data.with_name(f"test-fit-{name}.npz")
        steps = self.budget.fitting(trial.result["steps"], trial.result["seconds_per_step"], part)
        training = replace(self._training(trial), steps=steps)
        deadline = self.budget.deadline(part)
        result = run_fit(self._request(trial.network, training, weights, until="test", deadline=deadline))
        if result["status"] != "completed":
            self.progress.warn("the network diverged on the rows before the test part: judged as its trial left it")
            return trial.result, trial.weights
        return result | {"cut": steps < trial.result["steps"] or result["late"]}, weights

    def refit(self, trial: Trial, scored: Path, data: Path) -> tuple[Result, Path]:
        """Go on from the scored weights with the newest rows added, for a fifth of the steps."""
        weights = self.data.with_name("refit.npz")
        steps = max(round(REFIT_SHARE * trial.result["steps"]), 1)
        steps = self.budget.fitting(steps, trial.result["seconds_per_step"], "refit")
        changes: dict[str, Any] = {"initial": str(scored), "rates": [REFIT_RATE, 0.0], "data": str(data)}
        changes |= {"until": "end", "deadline": self.budget.deadline("refit")}
        request = self._request(trial.network, replace(self._training(trial), steps=steps), weights)
        return run_fit(request | changes), weights

    def best_gru(self, trial: Trial, test_fit: Result, weights: Path) -> Candidate:
        """The winner of the search: on the folds as its trial left it, on the test part trained up to that."""
        return Candidate(
            name="gru",
            kind="gru",
            before=self._predictor(trial.network, trial.weights),
            at_test=self._predictor(trial.network, weights),
            facts=_facts(trial, trial.result, "full") | {"seconds": test_fit["seconds"]["total"]},
        )

    def short_comparison(self) -> list[list[Candidate]]:
        """For each cell, one candidate a seed: the best configuration, trained briefly before the first fold.

        Weights trained before the first fold are scored on the folds and on the test part alike. A cell that the time
        budget does not give its whole training is left out.
        """
        best = self.found.best
        low, high = SHORT_STEPS
        steps = min(max(best.result["steps"] // 2, low), high)
        groups = []
        for cell in CELLS:
            network = replace(best.network, cell=cell)
            group = []
            for number in range(COMPARISON_SEEDS):
                training = replace(self._training(best), seed=seed_of(self.seed, -2 - number), steps=steps)
                weights = self.data.with_name(f"short-{cell}-{number}.npz")
                result = self._comparison_trial(network, training, weights, early_stop=False)
                if result is not None:
                    predict = self._predictor(network, weights)
                    facts = _facts(best, result, "short")
                    group.append(Candidate(f"{cell} (short)", cell, predict, predict, facts, competes=False))
            groups.append(group)
        return [group for group in groups if len(group) == COMPARISON_SEEDS]

    def full_comparison(self) -> list[list[Candidate]]:
        """LSTM and simple RNN with the configuration, the budget and the protocol of the best GRU."""
        best = self.found.best
        groups = []
        for cell in CELLS[1:]:
            network = replace(best.network, cell=cell)
            weights = self.data.with_name(f"full-{cell}.npz")
            result = self._comparison_trial(network, self._training(best), weights, early_stop=True)
            if result is None:
                continue
            trial = replace(best, network=network, result=result, weights=weights)
            fitted, fitted_weights = self.test_fit(trial, cell, part="comparison")
            if fitted.get("cut"):
                continue
            facts = _facts(trial, result, "full") | {"seconds": fitted["seconds"]["total"]}
            before, at_test = self._predictor(network, weights), self._predictor(network, fitted_weights)
            groups.append([Candidate(f"{cell} (full)", cell, before, at_test, facts, competes=False)])
        return groups

    def _comparison_trial(
        self, network: NetworkConfig, training: TrainingConfig, weights: Path, *, early_stop: bool
    ) -> Result | None:
        """The result of a trial within the comparison's time; None when it diverged or was cut short."""
        if self.budget.over("comparison"):
            return None
        request = self._request(network, training, weights, deadline=self.budget.deadline("comparison"))
        result = run_trial(request | {"number": self.found.best.result["number"], "early_stop": early_stop})
        return result if result["status"] == "completed" and not result["late"] else None

    def _training(self, trial: Trial) -> TrainingConfig:
        """The training that `trial` had."""
        return self.space.training(trial.values, seed_of(self.seed, trial.result["number"]), trial.share)

    def baselines(self) -> list[Candidate]:
        """Every baseline as a candidate."""
        return [
            Candidate(name, "baseline", predict, predict)
            for name, model in baselines(self.split.season_length).items()
            for predict in [self._baseline(model)]
        ]

    def _baseline(self, model: Baseline) -> Predictor:
        split = self.split

        def predict(windows: Any) -> Any:
            forecast = model(split.history, windows, split.horizon, split.season_length)
            return split.history.floor_at_zero(forecast, windows)

        return predict

    def _predictor(self, network: NetworkConfig, path: Path) -> Predictor:
        weights = load_weights(str(path))
        return lambda windows: point(self.split.history, windows, network, weights)

    def _request(self, network: NetworkConfig, training: TrainingConfig, weights: Path, **more: Any) -> dict[str, Any]:
        common = {"network": to_dict(network), "training": to_dict(training), "data": str(self.data)}
        return {**common, "weights": str(weights), "initial": None, "rates": [1.0, 0.0], **more}


def _facts(trial: Trial, result: Result, budget: str) -> dict[str, Any]:
    return {
        "parameters": result["parameters"],
        "seconds": result["seconds"]["total"],
        "seconds_per_epoch": result["seconds_per_epoch"],
        "budget": budget,
        "config": {**trial.values, "steps": result["steps"]},
    }

"""What is requested of the workers after the search: how long, from which weights, what is given up in short time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from makers import panel_of

from gruforecast.automl import training_jobs as module
from gruforecast.automl.cell_comparison import CellComparison
from gruforecast.automl.ensemble_members import SEED_NUMBERS, EnsembleMembers
from gruforecast.automl.reference_models import ReferenceModels
from gruforecast.automl.search.loop import Search, Trial
from gruforecast.automl.search.space import Space
from gruforecast.automl.search.trial import load_split, seed_of
from gruforecast.automl.training_jobs import REFIT, TEST_FIT, Fit, TrainingJobs, facts_of_training
from gruforecast.evaluation.splits import split
from gruforecast.execution.progress import Budget
from gruforecast.models.model import Model, Points
from gruforecast.models.networks.config import NetworkConfig
from gruforecast.models.networks.inference import forecast, weight_shapes

NOW = 2e9


@pytest.fixture(autouse=True)
def _the_clock_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gruforecast.execution.progress.time.time", lambda: NOW)


class Recorder:
    """In the place of jobs: keeps requests, and has results for those named."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runner = SimpleNamespace(count=2)
        self.requests: dict[str, dict[str, Any]] = {}
        self.calls: dict[str, str] = {}
        self.terms: dict[str, dict[str, Any]] = {}
        self.results: dict[str, Any] = {}

    def submit(self, name: str, call: str, request: dict[str, Any], **terms: Any) -> None:
        self.requests[name], self.calls[name], self.terms[name] = request, call, terms

    def result(self, name: str) -> Any:
        return self.results.get(name)


def training_jobs_of(
    folder: Path, seconds: float | None = None, n_series: int = 3
) -> tuple[TrainingJobs, Trial, Recorder]:
    generator = np.random.default_rng(0)
    panel = panel_of(*(10 + generator.random(120 + 5 * k) for k in range(n_series)))
    divided = split(panel, 6, 3, 12, "f.csv")
    space, jobs = Space.of(divided), Recorder(folder)
    result = {
        "status": "completed", "score": 0.5, "steps": 200, "seconds_per_step": 0.02, "digest": "d",
        "file": {"name": "trial-000.npz", "sha256": ""}, "late": False,
        "seconds": {"trace": 1.0, "compile": 2.0, "evaluate": 0.1, "total": 9.0},
    }  # fmt: skip
    trial = Trial(0, space.start, 1.0, space.network(space.start), result)
    return TrainingJobs(divided, space, jobs, 0, Budget(seconds)), trial, jobs  # type: ignore[arg-type]


def test_a_test_fit_passes_as_often_over_its_windows_as_a_trial_does(tmp_path: Path) -> None:
    training_jobs, trial, jobs = training_jobs_of(tmp_path, n_series=30)
    training_jobs.submit_fit(TEST_FIT, trial, "trial-000", trial.result)
    request = jobs.requests["test-fit-trial-000"]
    # series of 120, 125 … 265 rows; first fold and test set begin 24 and 6 rows before the end
    growth = sum(120 + 5 * k - 6 - 17 for k in range(30)) / sum(120 + 5 * k - 24 - 17 for k in range(30))
    assert request["training"]["steps"] == 25 * round(growth * 1000 / 25) == 1125
    assert request["initial"] is None
    assert request["rates"] == [1.0, 0.0]


def test_a_test_fit_of_small_data_takes_the_steps_of_the_trial(tmp_path: Path) -> None:
    training_jobs, trial, jobs = training_jobs_of(tmp_path)
    training_jobs.submit_fit(TEST_FIT, trial, "fit", trial.result)
    assert jobs.requests["test-fit-fit"]["training"]["steps"] == 200


def test_short_time_goes_on_from_the_trials_weights(tmp_path: Path) -> None:
    training_jobs, trial, jobs = training_jobs_of(tmp_path, seconds=4.0)  # 2.9 s for 200 steps of 0.02 s
    training_jobs.submit_fit(TEST_FIT, trial, "fit", trial.result)
    request = jobs.requests["test-fit-fit"]
    assert request["initial"] == "trial-000.npz"
    assert request["rates"][0] < 1
    assert request["training"]["steps"] <= TEST_FIT.share * 200 + 25


@pytest.mark.parametrize(("late", "steps", "kept", "whole"), [
    (False, 200, "fit", True), (True, 100, "trial", False),
])  # fmt: skip
def test_a_training_cut_before_its_rate_fell_is_not_judged(
    tmp_path: Path, late: bool, steps: int, kept: str, whole: bool
) -> None:
    training_jobs, trial, jobs = training_jobs_of(tmp_path)
    training_jobs.submit_fit(TEST_FIT, trial, "fit", trial.result)
    jobs.results["test-fit-fit"] = {"status": "completed", "late": late, "steps": steps, "name": "fit"}
    result, found_whole = training_jobs.fitted(TEST_FIT, "fit", trial.result)
    assert (result is trial.result) == (kept == "trial")
    assert found_whole == whole


def test_without_a_budget_a_cut_is_the_doing_of_trial_time(tmp_path: Path) -> None:
    training_jobs, _, _ = training_jobs_of(tmp_path)
    training_jobs.cut_short("the whole refit", "refit")
    training_jobs.cut_short("the whole refit", "refit")
    assert training_jobs.given_up == []
    assert training_jobs.warnings == ["the whole refit was ended by `trial_time`"]
    limited, _, _ = training_jobs_of(tmp_path, seconds=60)
    limited.cut_short("the whole refit", "refit")
    assert limited.given_up == ["the whole refit"]


def test_statistical_models_that_fail_are_left_out_with_a_warning(tmp_path: Path) -> None:
    training_jobs, _, jobs = training_jobs_of(tmp_path)
    references = ReferenceModels(training_jobs, statistical=True)
    references.begin()
    assert {name.rsplit("-", 1)[0] for name in jobs.requests} >= {"dynamic-theta", "auto-ets"}
    for name in jobs.requests:
        jobs.results[name] = {"status": "failed", "error": "ImportError: no symbol", "late": False}
    assert references.candidates() == []
    assert "dynamic-theta was left out: ImportError: no symbol" in training_jobs.warnings
    assert training_jobs.given_up == []


def test_statistical_models_out_of_time_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training_jobs, _, jobs = training_jobs_of(tmp_path, seconds=1e-3)
    monkeypatch.setattr("gruforecast.execution.progress.time.time", lambda: NOW + 1)
    references = ReferenceModels(training_jobs, statistical=True)
    references.begin()
    for name in jobs.requests:
        jobs.results[name] = None
    assert references.candidates() == []
    assert "auto-ets" in training_jobs.given_up
    assert training_jobs.warnings == []


def test_the_third_seeds_and_the_simple_rnn_are_given_up_first(tmp_path: Path) -> None:
    training_jobs, trial, _ = training_jobs_of(
        tmp_path, seconds=24.0
    )  # 18.7 s on each of two workers, less what the test fit takes
    trial.result["seconds_per_step"] = 0.03
    training_jobs.submit_fit(TEST_FIT, trial, "fit", trial.result)  # 6 s
    comparison = CellComparison(training_jobs, Search([trial]), "short")
    comparison.begin()
    assert set(comparison.entries) == {(cell, seed) for cell in ("gru", "lstm", "rnn") for seed in (0, 1)}
    assert training_jobs.given_up == ["the third seeds of the comparison"]
    tight, trial, _ = training_jobs_of(tmp_path, seconds=18.0)
    trial.result["seconds_per_step"] = 0.03
    tight.submit_fit(TEST_FIT, trial, "fit", trial.result)
    comparison = CellComparison(tight, Search([trial]), "short")
    comparison.begin()
    assert {cell for cell, _ in comparison.entries} == {"gru", "lstm"}
    assert tight.given_up == ["the third seeds of the comparison", "the rnn comparison"]


# --- what is requested of a worker


@pytest.mark.parametrize(("kind", "name", "until", "data"), [
    (TEST_FIT, "test-fit-x", "test", "split"), (REFIT, "refit-x", "end", "split-all"),
])  # fmt: skip
def test_the_whole_request_of_a_fit(tmp_path: Path, kind: Fit, name: str, until: str, data: str) -> None:
    training_jobs, trial, jobs = training_jobs_of(tmp_path, seconds=1e6)
    training_jobs.submit_fit(kind, trial, "x", trial.result)
    request, terms = jobs.requests[name], jobs.terms[name]
    assert (request["until"], request["data"], request["weights"]) == (until, data, f"{name}.npz")
    assert (request["from"], request["initial"], request["rates"]) == ("d", None, [1.0, 0.0])
    assert request["training"]["seed"] == seed_of(0, 0)
    assert request["network"]["lookback"] == trial.network.lookback
    assert jobs.calls[name] == "gruforecast.automl.search.trial:run_fit"
    assert terms == {
        "shape": trial.network.shape,
        "cost": trial.network.cost * 200,
        "deadline": training_jobs.budget.deadline(kind.part),
        "keep": True,
    }
    assert training_jobs.fitting == pytest.approx(200 * 0.02)
    training_jobs.submit_fit(kind, trial, "y", trial.result)
    assert training_jobs.fitting == pytest.approx(400 * 0.02)


@pytest.mark.parametrize(("kind", "steps", "rate"), [(TEST_FIT, 75, 0.5), (REFIT, 50, 0.3)])
def test_large_data_go_on_for_a_share_of_the_steps(tmp_path: Path, kind: Fit, steps: int, rate: float) -> None:
    """0.4 and 0.2 of 200 steps, in calls of 25."""
    training_jobs, trial, jobs = training_jobs_of(tmp_path)
    training_jobs.space = replace(training_jobs.space, large=True)
    training_jobs.submit_fit(kind, trial, "x", trial.result)
    request = jobs.requests[f"{kind.job}-x"]
    assert (request["training"]["steps"], request["rates"], request["initial"]) == (steps, [rate, 0.0], "trial-000.npz")


def test_a_share_of_few_steps_is_one_call_at_least(tmp_path: Path) -> None:
    training_jobs, trial, jobs = training_jobs_of(tmp_path)
    training_jobs.space = replace(training_jobs.space, large=True, steps=50)
    training_jobs.submit_fit(REFIT, trial, "x", trial.result)
    assert jobs.requests["refit-x"]["training"]["steps"] == 25


def test_trainings_that_follow_each_other_share_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training_jobs, trial, _ = training_jobs_of(tmp_path, seconds=60.0)
    requested = []
    monkeypatch.setattr(
        training_jobs.budget, "fitting", lambda steps, _each, part, rounds: requested.append((part, rounds)) or steps
    )
    for count in (1, 2, 3, 5):
        training_jobs.submit_fit(REFIT, trial, "x", trial.result, count=count)
    assert requested == [("refit", 1), ("refit", 1), ("refit", 2), ("refit", 3)]


def test_a_fit_without_a_result_or_that_failed_leaves_the_network_as_it_was(tmp_path: Path) -> None:
    training_jobs, trial, jobs = training_jobs_of(tmp_path)
    training_jobs.submit_fit(TEST_FIT, trial, "fit", trial.result)
    jobs.results["test-fit-fit"] = {"status": "diverged"}
    assert training_jobs.fitted(TEST_FIT, "fit", trial.result) == (trial.result, True)
    assert training_jobs.warnings == ["the test-fit-fit diverged: the network stays as it was"]
    jobs.results["test-fit-fit"] = None
    assert training_jobs.fitted(TEST_FIT, "fit", trial.result) == (trial.result, False)
    assert training_jobs.given_up == ["the test fit"]


@pytest.mark.parametrize(("late", "steps", "short", "kept", "whole"), [
    (False, 200, False, "fit", True), (False, 175, False, "fit", False), (True, 200, False, "trial", False),
    (True, 60, True, "fit", False), (False, 75, True, "fit", True),
])  # fmt: skip
def test_which_weights_are_judged(tmp_path: Path, late: bool, steps: int, short: bool, kept: str, whole: bool) -> None:
    """Where it went on from earlier weights, a training that the clock cut is used; anew it is not."""
    training_jobs, trial, jobs = training_jobs_of(tmp_path)
    if short:
        training_jobs.space = replace(training_jobs.space, large=True)
    training_jobs.submit_fit(TEST_FIT, trial, "fit", trial.result)
    jobs.results["test-fit-fit"] = {"status": "completed", "late": late, "steps": steps}
    result, came_to_its_end = training_jobs.fitted(TEST_FIT, "fit", trial.result)
    assert (result is trial.result, came_to_its_end) == (kept == "trial", whole)
    assert training_jobs.warnings == ([] if whole else ["the whole test fit was ended by `trial_time`"])


@pytest.mark.parametrize(("small", "growth"), [(30, 4.0), (31, 1.0)])
def test_steps_grow_with_the_windows_up_to_four_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int, growth: float
) -> None:
    """Thirty series of one window before the first fold, 21 before the test set and 41 in all."""
    divided = split(panel_of(*[np.arange(63.0) + k for k in range(30)]), 20, 1, 1, "f.csv")
    training_jobs, trial, _ = training_jobs_of(tmp_path)
    training_jobs.split = divided
    monkeypatch.setattr(module, "SMALL", small)
    assert training_jobs._growth == {"test": growth, "end": growth}
    assert training_jobs.whole(REFIT, trial).steps == 200 * growth


def test_windows_are_counted_from_the_third_row_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training_jobs, _, _ = training_jobs_of(tmp_path)
    training_jobs.split = split(panel_of(*[np.arange(100.0) + k for k in range(30)]), 10, 1, 1, "f.csv")
    monkeypatch.setattr(module, "SMALL", 1)
    assert training_jobs._growth == pytest.approx({"test": 78 / 68, "end": 88 / 68})  # rows 3 … 70, 80 and 90


def test_time_is_given_up_once_and_in_order(tmp_path: Path) -> None:
    training_jobs, _, _ = training_jobs_of(tmp_path)
    for part in ("a", "b", "a"):
        training_jobs.give_up(part)
    assert training_jobs.given_up == ["a", "b"]


def test_jobs_that_may_see_the_test_set_do(tmp_path: Path) -> None:
    training_jobs, _, _ = training_jobs_of(tmp_path)
    training_jobs.save_all_rows()
    loaded = load_split(str(tmp_path), "split-all")
    np.testing.assert_array_equal(loaded.history.values, training_jobs.split.history.values)
    assert loaded.test.tolist() == training_jobs.split.history.indptr[1:].tolist()
    assert loaded.folds.tolist() == training_jobs.split.folds.tolist()


def test_a_network_has_the_weights_of_its_result_and_its_forecasts_end_at_zero(
    tmp_path: Path,
) -> None:
    training_jobs, trial, _ = training_jobs_of(tmp_path)
    config, generator = replace(trial.network, log=False), np.random.default_rng(1)
    weights = {name: generator.normal(size=shape).astype(np.float32) for name, shape in weight_shapes(config).items()}
    np.savez(tmp_path / "trial-000.npz", **weights)
    assert training_jobs.path(trial.result) == tmp_path / "trial-000.npz"
    network, windows = training_jobs.network(config, trial.result), training_jobs.split.test_windows()
    assert (network.name, network.config, network.weight) == ("gru", config, 1.0)
    assert training_jobs.network(config, trial.result, "gru-2").name == "gru-2"
    raw = forecast(training_jobs.split.history, windows, config, weights)
    assert raw.min() < 0
    found = training_jobs.split.ask(network, windows).quantiles
    np.testing.assert_array_equal(found, np.maximum(raw, 0))


def test_facts_of_a_training(tmp_path: Path) -> None:
    _, trial, _ = training_jobs_of(tmp_path)
    result = {**trial.result, "parameters": 7, "seconds_per_epoch": 0.5}
    found = facts_of_training(trial, result, "full")
    assert found.pop("config") == {**trial.values, "steps": 200}
    assert found == {"parameters": 7, "seconds": 9.0, "seconds_per_epoch": 0.5, "budget": "full"}


# --- the networks that are judged and shipped


def ensemble_of(folder: Path, monkeypatch: pytest.MonkeyPatch, **scores: float) -> tuple[EnsembleMembers, Recorder]:
    """Trials by the constant that their forecasts are off; results of further seeds and fits follow the trials'."""
    training_jobs, first, jobs = training_jobs_of(folder, n_series=12)
    divided = training_jobs.split

    def made(number: int, bias: float) -> Trial:
        extra = {"score": abs(bias), "bias": bias, "digest": f"trial {bias}", "parameters": 10 + number}
        result = {**first.result, **extra, "seconds_per_epoch": 0.1}
        return replace(first, number=number, share=1.0 if number else 0.5, result=result)

    trials = [made(number, bias) for number, bias in enumerate(scores.values())]
    saved = training_jobs.network

    def off(config: NetworkConfig, result: dict[str, Any], name: str = "") -> Model:
        if "bias" not in result:
            return saved(config, result, name)
        return Points(lambda _history, windows, _horizon, _season_length: divided.actual(windows) + result["bias"])

    monkeypatch.setattr(training_jobs, "network", off)
    return EnsembleMembers(training_jobs, Search(trials), several=len(trials) > 1), jobs


def seeds_with(jobs: Recorder, ensemble: EnsembleMembers, *biases: float) -> None:
    """The results of the further seeds."""
    best = ensemble.search.ranked[0].result
    for k, bias in enumerate(biases):
        extra = {"score": None if np.isnan(bias) else abs(bias), "bias": bias, "digest": f"seed {bias}"}
        jobs.results[f"seed-{k}"] = {**best, **extra, "status": "completed"}


def test_the_two_best_are_trained_with_other_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ensemble, jobs = ensemble_of(tmp_path, monkeypatch, a=3.0, b=1.0, c=-2.0)
    ensemble.begin()
    assert list(jobs.requests) == ["seed-0", "seed-1", "seed-2"]
    assert set(jobs.calls.values()) == {"gruforecast.automl.search.trial:run_trial"}
    assert [one["number"] for one in jobs.requests.values()] == [SEED_NUMBERS + k for k in range(3)]
    seeds = [one["training"]["seed"] for one in jobs.requests.values()]
    assert seeds == [seed_of(0, SEED_NUMBERS + k) for k in range(3)]
    assert all(one["rungs"] is None for one in jobs.requests.values())
    assert [one["weights"] for one in jobs.requests.values()] == ["seed-0.npz", "seed-1.npz", "seed-2.npz"]
    cost = ensemble.search.trials[1].network.cost
    assert [one["cost"] for one in jobs.terms.values()] == [cost] * 3
    assert [ensemble._origin(replace(ensemble.search.trials[0], number=SEED_NUMBERS + k)) for k in range(3)] == [
        1,
        2,
        1,
    ]
    assert ensemble._origin(ensemble.search.trials[2]) == 2
    alone, jobs = ensemble_of(tmp_path, monkeypatch, a=3.0)
    alone.begin()
    assert not jobs.requests
    alone.several = True  # the only trial of a search is trained thrice more
    alone.begin()
    assert [one["cost"] for one in jobs.terms.values()] == [cost * 0.5] * 3


def test_networks_that_cancel_each_other_are_combined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ensemble, jobs = ensemble_of(tmp_path, monkeypatch, a=3.0, b=-1.5, c=9.0)
    seeds_with(jobs, ensemble, 30.0, float("nan"))  # the third has not come
    ensemble.choose()
    assert ensemble.training_jobs.given_up == ["more seeds of the best GRUs"]
    assert [(one.name, one.trial.number) for one in ensemble.members] == [("gru", 1), ("gru-2", 0)]
    assert [one.weight for one in ensemble.members] == pytest.approx([2 / 3, 1 / 3])
    assert list(jobs.requests) == ["test-fit-trial-001", "test-fit-trial-000"]
    scored = {
        "bias": 1.0,
        "status": "completed",
        "late": False,
        "steps": 200,
        "parameters": 5,
        "seconds": {"total": 4.0},
    }
    jobs.results["test-fit-trial-001"] = {**scored, "digest": "t1"}
    jobs.results["test-fit-trial-000"] = {**scored, "digest": "t0", "bias": 2.5, "parameters": 6}
    first, second, whole = ensemble.test_fit()
    assert [one.name for one in (first, second, whole)] == ["gru", "gru-2", "networks"]
    assert [one.competes for one in (first, second, whole)] == [False, False, True]
    assert [first.facts[name] for name in ("budget", "seconds", "parameters")] == ["full", 4.0, 11]
    assert second.facts["budget"] == "member"
    assert whole.facts == {
        "parameters": 11,
        "config": {"shares": {"gru": pytest.approx(2 / 3), "gru-2": pytest.approx(1 / 3)}},
    }
    divided = ensemble.training_jobs.split
    windows, origins = divided.test_windows(), divided.calibration_windows()
    assert first.forecasts.origins is not None
    np.testing.assert_allclose((first.forecasts.origins.mean - divided.actual(origins))[0, 0], -1.5)
    np.testing.assert_allclose(first.forecasts.test.mean - divided.actual(windows), 1.0)
    np.testing.assert_allclose(whole.forecasts.test.mean - divided.actual(windows), 1.5)
    assert divided.fold_scores(whole.forecasts.folds) == pytest.approx([0.0] * 3, abs=1e-9)
    assert [name for name in jobs.requests if name.startswith("refit")] == ["refit-trial-001", "refit-trial-000"]
    assert jobs.requests["refit-trial-001"]["from"] == "t1"
    jobs.results["refit-trial-001"] = {**scored, "digest": "r1"}
    jobs.results["refit-trial-000"] = {**scored, "digest": "r0"}
    ensemble.refit()
    assert ensemble.refitted
    assert ensemble.digests() == {"scored": {"gru": "t1", "gru-2": "t0"}, "saved": {"gru": "r1", "gru-2": "r0"}}
    facts = ensemble.networks_facts()
    assert [(one["name"], one["number"], one["another_seed"], one["val_mase"]) for one in facts] == [
        ("gru", 1, False, 1.5), ("gru-2", 0, False, 3.0),
    ]  # fmt: skip
    assert (facts[0]["steps"], facts[0]["parameters"], facts[0]["digest"]) == (200, 11, "trial -1.5")
    assert facts[0]["units"] == ensemble.search.trials[0].values["units"]


def test_one_network_that_did_not_learn_from_the_newest_rows_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensemble, jobs = ensemble_of(tmp_path, monkeypatch, a=3.0, b=-1.5)
    seeds_with(jobs, ensemble, 30.0, 30.0, 30.0)
    ensemble.choose()
    scored = {
        "bias": 1.0,
        "status": "completed",
        "late": False,
        "steps": 200,
        "parameters": 5,
        "seconds": {"total": 4.0},
    }
    jobs.results |= {f"test-fit-trial-00{k}": {**scored, "digest": f"t{k}"} for k in range(2)}
    ensemble.test_fit()
    jobs.results["refit-trial-000"] = {**scored, "digest": "r0"}
    ensemble.refit()
    assert not ensemble.refitted
    assert ensemble.digests()["saved"] == {"gru": "t1", "gru-2": "r0"}


def test_another_seed_that_is_best_stands_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ensemble, jobs = ensemble_of(tmp_path, monkeypatch, a=3.0, b=2.0)
    seeds_with(jobs, ensemble, 5.0, 0.5, 5.0)
    ensemble.choose()
    assert [(one.name, one.weight, one.trial.number) for one in ensemble.members] == [("gru", 1.0, SEED_NUMBERS + 1)]
    assert ensemble.combination is None
    assert list(jobs.requests) == ["test-fit-seed-1"]
    ensemble.ships = False
    jobs.results["test-fit-seed-1"] = None
    (alone,) = ensemble.test_fit()
    assert (alone.name, alone.competes, alone.facts["budget"]) == ("gru", True, "member")
    assert list(jobs.requests) == ["test-fit-seed-1"]  # nothing is refitted
    (facts,) = ensemble.networks_facts()
    assert (facts["number"], facts["another_seed"]) == (0, True)


def test_the_first_of_the_further_seeds_has_a_name_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ensemble, jobs = ensemble_of(tmp_path, monkeypatch, a=3.0, b=2.0)
    seeds_with(jobs, ensemble, 0.5, 5.0, 5.0)
    ensemble.choose()
    assert list(jobs.requests) == ["test-fit-seed-0"]
    assert [(one["number"], one["another_seed"]) for one in ensemble.networks_facts()] == [(1, True)]


def test_without_a_combination_the_best_trial_stands_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ensemble, jobs = ensemble_of(tmp_path, monkeypatch, a=3.0, b=-3.0, c=1.0)
    ensemble.several = False
    ensemble.choose()
    assert [(one.name, one.weight, one.trial.number) for one in ensemble.members] == [("gru", 1.0, 2)]
    assert list(jobs.requests) == ["test-fit-trial-002"]


def test_the_networks_that_are_saved_say_how_to_train_them_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensemble, _ = ensemble_of(tmp_path, monkeypatch, a=1.0)
    ensemble.choose()
    (member,) = ensemble.members
    np.savez(tmp_path / "refit.npz", a=np.arange(3.0))
    member.saved = {"file": {"name": "refit.npz"}}
    (found,) = ensemble.networks()
    assert (found.name, found.weight, found.config) == ("gru", 1.0, member.trial.network)
    assert found.weights["a"].tolist() == [0.0, 1.0, 2.0]
    assert found.training == ensemble.training_jobs.whole(REFIT, member.trial)


def test_equal_scores_go_to_the_earlier_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ensemble, jobs = ensemble_of(tmp_path, monkeypatch, a=2.0, b=-2.0)
    seeds_with(jobs, ensemble, 2.0, 9.0, 9.0)
    assert [trial.number for trial in ensemble._candidates()] == [
        0,
        1,
        SEED_NUMBERS,
        SEED_NUMBERS + 1,
        SEED_NUMBERS + 2,
    ]
    alone, _ = ensemble_of(tmp_path, monkeypatch, a=2.0, b=-1.0)
    alone.several = False
    assert [trial.number for trial in alone._candidates()] == [1]

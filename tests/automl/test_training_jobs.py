"""What is requested of the workers after the search: how long, from which weights, what is given up in short time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from makers import panel_of
from msgspec import structs

from gruforecast.automl import training_jobs as module
from gruforecast.automl.cell_comparison import CellComparison, submit_comparison
from gruforecast.automl.ensemble_members import (
    SEED_NUMBERS,
    Ensemble,
    PendingSeeds,
    choose_members,
    refitted,
    score_members,
    submit_seeds,
    submit_test_fits,
    with_seeds,
)
from gruforecast.automl.reference_models import statistical_models, submit_statistical, with_ends
from gruforecast.automl.search.loop import Search, Trial
from gruforecast.automl.search.results import FitResult, StatisticalResult, TrialResult
from gruforecast.automl.search.space import Space
from gruforecast.automl.search.trial import load_split, seed_of
from gruforecast.automl.training_jobs import (
    REFIT,
    TEST_FIT,
    Fit,
    Notes,
    PendingFit,
    TrainingJobs,
    facts_of_training,
)
from gruforecast.evaluation.leaderboard import RowConfig, TrainingFacts
from gruforecast.evaluation.splits import split
from gruforecast.execution.jobs import JobRequest, JobResult, SavedFile
from gruforecast.execution.progress import Budget
from gruforecast.models.model import Model, Points
from gruforecast.models.networks.config import NetworkConfig
from gruforecast.models.networks.inference import Network, forecast, weight_shapes
from gruforecast.report.report import TrainingSeconds

NOW = 2e9


@pytest.fixture(autouse=True)
def _the_clock_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gruforecast.execution.progress.time.time", lambda: NOW)


@dataclass
class Given:
    """In the place of a future: the result that is there when it is asked for."""

    name: str
    results: dict[str, JobResult | None]

    def result(self) -> Any:
        return self.results.get(self.name)


class Recorder:
    """In the place of jobs: keeps requests, and has results for those named."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runner = SimpleNamespace(count=2)
        self.requests: dict[str, Any] = {}
        self.calls: dict[str, str] = {}
        self.terms: dict[str, dict[str, Any]] = {}
        self.results: dict[str, JobResult | None] = {}

    def submit(self, name: str, call: str, request: JobRequest, kind: type[JobResult], **terms: Any) -> Given:
        self.requests[name], self.calls[name], self.terms[name] = request, call, terms
        return Given(name, self.results)


RESULT = TrialResult(
    status="completed",
    score=0.5,
    steps=200,
    seconds_per_step=0.02,
    digest="d",
    file=SavedFile("trial-000.npz", ""),
    seconds=TrainingSeconds(trace=1.0, compile=2.0, evaluate=0.1, total=9.0),
)


def training_jobs_of(
    folder: Path, seconds: float | None = None, n_series: int = 3, **changes: Any
) -> tuple[TrainingJobs, Trial, Recorder]:
    """Jobs that are only noted, and a trial; `changes`: of its result."""
    generator = np.random.default_rng(0)
    panel = panel_of(*(10 + generator.random(120 + 5 * k) for k in range(n_series)))
    divided = split(panel, 6, 3, 12, "f.csv")
    space, jobs = Space.of(divided), Recorder(folder)
    result = structs.replace(RESULT, **changes)
    trial = Trial(0, "trial-000", space.start, 1.0, space.network(space.start), result)
    return TrainingJobs(divided, space, jobs, 0, Budget(seconds)), trial, jobs  # type: ignore[arg-type]


def fit_of(
    training_jobs: TrainingJobs, trial: Trial, kind: Fit = TEST_FIT, name: str = "fit", **more: Any
) -> PendingFit:
    return training_jobs.submit_fit(kind, trial, name, trial.result, **more)


def test_a_test_fit_passes_as_often_over_its_windows_as_a_trial_does(tmp_path: Path) -> None:
    training_jobs, trial, jobs = training_jobs_of(tmp_path, n_series=30)
    fit_of(training_jobs, trial, name="trial-000")
    request = jobs.requests["test-fit-trial-000"]
    # series of 120, 125 … 265 rows; first fold and test set begin 24 and 6 rows before the end
    growth = sum(120 + 5 * k - 6 - 17 for k in range(30)) / sum(120 + 5 * k - 24 - 17 for k in range(30))
    assert request.training.steps == 25 * round(growth * 1000 / 25) == 1125
    assert request.initial is None
    assert request.rates == (1.0, 0.0)


def test_a_test_fit_of_small_data_takes_the_steps_of_the_trial(tmp_path: Path) -> None:
    training_jobs, trial, jobs = training_jobs_of(tmp_path)
    fit_of(training_jobs, trial)
    assert jobs.requests["test-fit-fit"].training.steps == 200


def test_short_time_goes_on_from_the_trials_weights(tmp_path: Path) -> None:
    training_jobs, trial, jobs = training_jobs_of(tmp_path, seconds=4.0)  # 2.9 s for 200 steps of 0.02 s
    fit_of(training_jobs, trial)
    request = jobs.requests["test-fit-fit"]
    assert request.initial == "trial-000.npz"
    assert request.rates[0] < 1
    assert request.training.steps <= TEST_FIT.share * 200 + 25


@pytest.mark.parametrize(("late", "steps", "kept", "whole"), [
    (False, 200, "fit", True), (True, 100, "trial", False),
])  # fmt: skip
def test_a_training_cut_before_its_rate_fell_is_not_judged(
    tmp_path: Path, late: bool, steps: int, kept: str, whole: bool
) -> None:
    training_jobs, trial, jobs = training_jobs_of(tmp_path)
    fit = fit_of(training_jobs, trial)
    jobs.results["test-fit-fit"] = FitResult(status="completed", late=late, steps=steps)
    result, found_whole = fit.result()
    assert (result is trial.result) == (kept == "trial")
    assert found_whole == whole


def test_without_a_budget_a_cut_is_the_doing_of_trial_time(tmp_path: Path) -> None:
    training_jobs, _, _ = training_jobs_of(tmp_path)
    training_jobs.cut_short("the whole refit", "refit")
    training_jobs.cut_short("the whole refit", "refit")
    assert training_jobs.notes.given_up == []
    assert training_jobs.notes.warnings == {"the whole refit was ended by `trial_time`": "limit"}
    limited, _, _ = training_jobs_of(tmp_path, seconds=60)
    limited.cut_short("the whole refit", "refit")
    assert limited.notes == Notes(given_up=["the whole refit"])


def test_the_cause_of_a_warning_is_not_in_its_words() -> None:
    notes = Notes()
    notes.warn("a file named 'crashed' was ended by `trial_time`", "diverged")
    assert not notes.has("limit", "crashed")
    notes.warn("all went well", "crashed")
    assert (notes.has("crashed"), notes.has("limit"), notes.has("limit", "crashed")) == (True, False, True)
    assert list(notes.warnings) == ["a file named 'crashed' was ended by `trial_time`", "all went well"]


@pytest.mark.parametrize(("result", "note"), [
    (StatisticalResult(status="failed", error="ImportError: no symbol"), ("ImportError: no symbol", "failed")),
    (StatisticalResult(status="crashed", error="signal 9"), ("signal 9", "crashed")),
    (StatisticalResult(status="completed", late=True), ("it was ended by `trial_time`", "limit")),
])  # fmt: skip
def test_statistical_models_that_fail_are_left_out_with_a_warning(
    tmp_path: Path, result: StatisticalResult, note: tuple[str, str]
) -> None:
    training_jobs, _, jobs = training_jobs_of(tmp_path)
    submitted = submit_statistical(training_jobs)
    assert set(submitted) >= {"dynamic-theta", "auto-ets"}
    assert {name.split("-learned-")[0] for name in jobs.requests if "-learned-" in name} == set(submitted)
    assert {terms["part"] for terms in jobs.terms.values()} == {"statistical"}
    for name in jobs.requests:
        jobs.results[name] = result
    found = statistical_models(training_jobs, submitted)
    assert (found.candidates, found.ends) == ([], {})
    assert training_jobs.notes.warnings[f"dynamic-theta was left out: {note[0]}"] == note[1]
    assert len(training_jobs.notes.warnings) == len(submitted)
    assert training_jobs.notes.given_up == []


def test_mstl_is_fitted_where_there_are_several_seasons(tmp_path: Path) -> None:
    training_jobs, _, _ = training_jobs_of(tmp_path)
    split = training_jobs.split
    daily = replace(split, history=replace(split.history, days=np.arange(len(split.history.values), dtype=float)))
    without = replace(split, history=replace(split.history, days=np.zeros(len(split.history.values))))
    assert "mstl" in submit_statistical(replace(training_jobs, split=daily))  # a week, and the season of 12 rows
    assert set(submit_statistical(replace(training_jobs, split=without))) == {
        "dynamic-theta", "auto-ets", "auto-arima",
    }  # fmt: skip


def test_statistical_models_out_of_time_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training_jobs, _, jobs = training_jobs_of(tmp_path, seconds=1e-3)
    monkeypatch.setattr("gruforecast.execution.progress.time.time", lambda: NOW + 1)
    submitted = submit_statistical(training_jobs)
    for k, name in enumerate(jobs.requests):
        jobs.results[name] = StatisticalResult(status="completed", late=True) if k % 2 else None
    assert statistical_models(training_jobs, submitted).candidates == []
    assert training_jobs.notes == Notes(given_up=list(submitted))


def test_a_statistical_model_is_put_together_by_place(tmp_path: Path) -> None:
    training_jobs, _, jobs = training_jobs_of(tmp_path)
    submitted = submit_statistical(training_jobs)
    assert {request.data for request in jobs.requests.values()} == {"split"}  # without the rows of the test set
    assert len({terms["cost"] for terms in jobs.terms.values()}) == 1
    assert min(terms["cost"] for terms in jobs.terms.values()) < 0.0  # behind trainings
    ended = with_ends(training_jobs, {"auto-ets": submitted["auto-ets"]})
    origins = np.full((7, 6), 5.0)
    places = {"learned": ["fold-0", "fold-1", "fold-2", "origins"], "test": ["test"], "end": ["end"]}
    for until, names in places.items():
        for series in range(3):
            arrays = {name: np.full((1, 6), 10.0 * series + k) for k, name in enumerate(names)}
            np.savez(tmp_path / f"{until}-{series}.npz", **(arrays | ({"origins": origins} if len(names) > 1 else {})))
            result = StatisticalResult(status="completed", file=SavedFile(f"{until}-{series}.npz", ""))
            jobs.results[f"auto-ets-{until}-{series}"] = result
    found = statistical_models(training_jobs, ended)
    (one,) = found.candidates
    assert [fold[:, 0].tolist() for fold in one.forecasts.folds] == [[k, 10 + k, 20 + k] for k in (0.0, 1.0, 2.0)]
    assert one.forecasts.test.mean[:, 0].tolist() == [0.0, 10.0, 20.0]
    assert found.ends["auto-ets"][:, 5].tolist() == [0.0, 10.0, 20.0]
    assert one.forecasts.origins is not None
    assert one.forecasts.origins.mean.shape == (21, 6)
    asked = [jobs.requests[f"auto-ets-end-{k}"] for k in range(3)]
    assert [(one.data, one.begin, one.end) for one in asked] == [("split-all", k, k + 1) for k in range(3)]


def test_many_series_are_spread_over_a_few_jobs_and_none_is_left_out(tmp_path: Path) -> None:
    training_jobs, _, jobs = training_jobs_of(tmp_path, n_series=19)
    submit_statistical(training_jobs)
    asked = [one for name, one in jobs.requests.items() if name.startswith("auto-ets-test")]
    assert [series for one in asked for series in range(one.begin, one.end)] == list(range(19))
    assert len(asked) == 7


def comparison_of(training_jobs: TrainingJobs, trial: Trial) -> CellComparison:
    busy = fit_of(training_jobs, trial).seconds
    return submit_comparison(training_jobs, Search([trial]), "short", busy)


def test_the_third_seeds_and_the_simple_rnn_are_given_up_first(tmp_path: Path) -> None:
    # 18.7 s on each of two workers, less the 6 s that the test fit takes
    training_jobs, trial, _ = training_jobs_of(tmp_path, seconds=24.0, seconds_per_step=0.03)
    comparison = comparison_of(training_jobs, trial)
    assert set(comparison.entries) == {(cell, seed) for cell in ("gru", "lstm", "rnn") for seed in (0, 1)}
    assert training_jobs.notes.given_up == ["the third seeds of the comparison"]
    tight, trial, _ = training_jobs_of(tmp_path, seconds=18.0, seconds_per_step=0.03)
    comparison = comparison_of(tight, trial)
    assert {cell for cell, _ in comparison.entries} == {"gru", "lstm"}
    assert tight.notes.given_up == ["the third seeds of the comparison", "the rnn comparison"]


def saved_weights(folder: Path, network: NetworkConfig, name: str) -> SavedFile:
    generator = np.random.default_rng(1)
    np.savez(folder / name, **{key: generator.normal(size=shape) for key, shape in weight_shapes(network).items()})
    return SavedFile(name, "")


def test_seeds_of_a_cell_follow_each_other_and_one_that_fails_ends_its_cell(tmp_path: Path) -> None:
    training_jobs, trial, jobs = training_jobs_of(tmp_path)
    comparison = submit_comparison(training_jobs, Search([trial]), "short", 0.0)
    assert list(jobs.requests) == ["short-lstm-0", "short-rnn-0", "short-gru-0"]
    for cell in ("gru", "lstm", "rnn"):
        file = saved_weights(tmp_path, replace(trial.network, cell=cell), f"{cell}.npz")
        for seed in range(3):
            jobs.results[f"short-{cell}-{seed}"] = structs.replace(RESULT, file=file)
    jobs.results["short-rnn-1"] = TrialResult(status="crashed", error="signal 9")
    jobs.results["short-lstm-0"] = structs.replace(RESULT, late=True)
    found = comparison.wait()
    assert list(jobs.requests)[3:] == ["short-gru-1", "short-rnn-1", "short-gru-2"]
    assert [[one.name for one in group] for group in found.groups] == [["gru (short)"] * 3]
    assert {name: len(networks) for name, networks in found.trained.items()} == {"gru (short)": 3, "rnn (short)": 1}
    assert training_jobs.notes.warnings == {
        "the lstm comparison was ended by `trial_time`: left out": "limit",
        "the rnn comparison crashed: left out": "crashed",
    }


def test_the_best_trial_is_the_gru_of_a_full_comparison(tmp_path: Path) -> None:
    training_jobs, trial, jobs = training_jobs_of(tmp_path)
    saved_weights(tmp_path, trial.network, "trial-000.npz")
    comparison = submit_comparison(training_jobs, Search([trial]), "full", 0.0)
    assert list(jobs.requests) == ["full-lstm-0", "full-rnn-0"]
    file = saved_weights(tmp_path, replace(trial.network, cell="lstm"), "lstm.npz")
    jobs.results["full-lstm-0"] = structs.replace(RESULT, file=file)
    jobs.results["test-fit-lstm"] = FitResult(
        status="completed", steps=200, file=file, seconds=TrainingSeconds(total=4.0)
    )
    found = comparison.wait()  # the simple RNN has no result
    assert list(found.trained) == ["gru (full)", "lstm (full)"]
    ((lstm,),) = found.groups
    assert (lstm.facts.budget, lstm.facts.seconds, lstm.competes, lstm.shipped) == ("full", 4.0, False, False)
    assert training_jobs.notes == Notes(given_up=["the rnn comparison"])


# --- what is requested of a worker


@pytest.mark.parametrize(("kind", "name", "until", "data"), [
    (TEST_FIT, "test-fit-x", "test", "split"), (REFIT, "refit-x", "end", "split-all"),
])  # fmt: skip
def test_the_whole_request_of_a_fit(tmp_path: Path, kind: Fit, name: str, until: str, data: str) -> None:
    training_jobs, trial, jobs = training_jobs_of(tmp_path, seconds=1e6)
    fit = fit_of(training_jobs, trial, kind, "x")
    request, terms = jobs.requests[name], jobs.terms[name]
    assert (request.until, request.data, request.weights) == (until, data, f"{name}.npz")
    assert (request.after, request.initial, request.rates) == ("d", None, (1.0, 0.0))
    assert request.training.seed == seed_of(0, 0)
    assert request.network == trial.network
    assert jobs.calls[name] == "gruforecast.automl.search.trial:run_fit"
    assert terms == {
        "part": kind.part,
        "shape": trial.network.shape,
        "cost": trial.network.cost * 200,
        "deadline": training_jobs.budget.deadline(kind.part),
        "keep": True,
    }
    assert fit.seconds == pytest.approx(200 * 0.02)


@pytest.mark.parametrize(("kind", "steps", "rate"), [(TEST_FIT, 75, 0.5), (REFIT, 50, 0.3)])
def test_large_data_go_on_for_a_share_of_the_steps(tmp_path: Path, kind: Fit, steps: int, rate: float) -> None:
    """0.4 and 0.2 of 200 steps, in calls of 25."""
    training_jobs, trial, jobs = training_jobs_of(tmp_path)
    training_jobs = replace(training_jobs, space=replace(training_jobs.space, large=True))
    fit_of(training_jobs, trial, kind, "x")
    request = jobs.requests[f"{kind.job}-x"]
    assert (request.training.steps, request.rates, request.initial) == (steps, (rate, 0.0), "trial-000.npz")


def test_a_share_of_few_steps_is_one_call_at_least(tmp_path: Path) -> None:
    training_jobs, trial, jobs = training_jobs_of(tmp_path)
    training_jobs = replace(training_jobs, space=replace(training_jobs.space, large=True, steps=50))
    fit_of(training_jobs, trial, REFIT, "x")
    assert jobs.requests["refit-x"].training.steps == 25


def test_trainings_that_follow_each_other_share_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training_jobs, trial, _ = training_jobs_of(tmp_path, seconds=60.0)
    requested = []
    monkeypatch.setattr(
        training_jobs.budget, "fitting", lambda steps, _each, part, rounds: requested.append((part, rounds)) or steps
    )
    for count in (1, 2, 3, 5):
        fit_of(training_jobs, trial, REFIT, "x", count=count)
    assert requested == [("refit", 1), ("refit", 1), ("refit", 2), ("refit", 3)]


def test_a_fit_without_a_result_or_that_failed_leaves_the_network_as_it_was(tmp_path: Path) -> None:
    training_jobs, trial, jobs = training_jobs_of(tmp_path)
    fit, notes = fit_of(training_jobs, trial), training_jobs.notes
    jobs.results["test-fit-fit"] = FitResult(status="diverged")
    assert fit.result() == (trial.result, True)
    assert notes.warnings == {"the test-fit-fit diverged: the network stays as it was": "diverged"}
    jobs.results["test-fit-fit"] = FitResult(status="crashed", error="signal 9")
    assert fit.result() == (trial.result, True)
    assert list(notes.warnings.items())[1:] == [("the test-fit-fit crashed: the network stays as it was", "crashed")]
    jobs.results["test-fit-fit"] = None
    assert fit.result() == (trial.result, False)
    assert notes.given_up == ["the test fit"]


@pytest.mark.parametrize(("late", "steps", "short", "kept", "whole"), [
    (False, 200, False, "fit", True), (False, 175, False, "fit", False), (True, 200, False, "trial", False),
    (True, 60, True, "fit", False), (False, 75, True, "fit", True),
])  # fmt: skip
def test_which_weights_are_judged(tmp_path: Path, late: bool, steps: int, short: bool, kept: str, whole: bool) -> None:
    """Where it went on from earlier weights, a training that the clock cut is used; anew it is not."""
    training_jobs, trial, jobs = training_jobs_of(tmp_path)
    if short:
        training_jobs = replace(training_jobs, space=replace(training_jobs.space, large=True))
    fit = fit_of(training_jobs, trial)
    jobs.results["test-fit-fit"] = FitResult(status="completed", late=late, steps=steps)
    result, came_to_its_end = fit.result()
    assert (result is trial.result, came_to_its_end) == (kept == "trial", whole)
    cut = {"the whole test fit was ended by `trial_time`": "limit"}
    assert training_jobs.notes.warnings == ({} if whole else cut)


@pytest.mark.parametrize(("small", "growth"), [(30, 4.0), (31, 1.0)])
def test_steps_grow_with_the_windows_up_to_four_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int, growth: float
) -> None:
    """Thirty series of one window before the first fold, 21 before the test set and 41 in all."""
    divided = split(panel_of(*[np.arange(63.0) + k for k in range(30)]), 20, 1, 1, "f.csv")
    training_jobs, trial, _ = training_jobs_of(tmp_path)
    training_jobs = replace(training_jobs, split=divided)
    monkeypatch.setattr(module, "SMALL", small)
    assert training_jobs._growth == {"test": growth, "end": growth}
    assert training_jobs.whole(REFIT, trial).steps == 200 * growth


def test_windows_are_counted_from_the_third_row_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training_jobs, _, _ = training_jobs_of(tmp_path)
    divided = split(panel_of(*[np.arange(100.0) + k for k in range(30)]), 10, 1, 1, "f.csv")
    training_jobs = replace(training_jobs, split=divided)
    monkeypatch.setattr(module, "SMALL", 1)
    assert training_jobs._growth == pytest.approx({"test": 78 / 68, "end": 88 / 68})  # rows 3 … 70, 80 and 90


def test_time_is_given_up_once_and_in_order() -> None:
    notes = Notes()
    for part in ("a", "b", "a"):
        notes.give_up(part)
    assert notes.given_up == ["a", "b"]


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
    result = structs.replace(trial.result, parameters=7, seconds_per_epoch=0.5)
    config = RowConfig(**structs.asdict(trial.values), steps=200)
    assert facts_of_training(trial, result, "full") == TrainingFacts(
        parameters=7, seconds=9.0, seconds_per_epoch=0.5, budget="full", config=config
    )


# --- the networks that are judged and shipped


@dataclass
class Stages:
    """What makes networks of trials, step by step; forecasts are off by a constant that a digest says."""

    jobs: TrainingJobs
    search: Search
    recorder: Recorder
    several: bool

    def seeds(self) -> PendingSeeds:
        return submit_seeds(self.jobs, self.search) if self.several else []

    def trials(self) -> list[Trial]:
        return with_seeds(self.jobs, self.search, self.seeds())

    def chosen(self) -> Ensemble:
        return choose_members(self.jobs, self.trials())

    def begun(self) -> tuple[Ensemble, dict[str, PendingFit]]:
        chosen = self.chosen()
        self.recorder.requests.clear()
        return chosen, submit_test_fits(self.jobs, chosen)


def stages_of(folder: Path, monkeypatch: pytest.MonkeyPatch, *biases: float) -> Stages:
    """Trials by the constant that their forecasts are off; results of further seeds and fits follow the trials'."""
    training_jobs, first, jobs = training_jobs_of(folder, n_series=12)
    divided = training_jobs.split

    def made(number: int, bias: float) -> Trial:
        extra = {"score": abs(bias), "digest": f"trial {bias}", "parameters": 10 + number, "seconds_per_epoch": 0.1}
        result, name = structs.replace(first.result, **extra), f"trial-{number:03}"
        return replace(first, number=number, name=name, share=1.0 if number else 0.5, result=result)

    saved = TrainingJobs.network

    def off(self: TrainingJobs, config: NetworkConfig, result: FitResult, name: str = "") -> Model | Network:
        if " " not in result.digest:
            return saved(self, config, result, name)
        bias = float(result.digest.split()[1])
        return Points(lambda _history, windows, _horizon, _season_length: divided.actual(windows) + bias)

    monkeypatch.setattr(TrainingJobs, "network", off)
    trials = [made(number, bias) for number, bias in enumerate(biases)]
    return Stages(training_jobs, Search(trials), jobs, several=len(trials) > 1)


def with_results(stages: Stages, *biases: float) -> Stages:
    """The same, with results of the further seeds."""
    best = stages.search.ranked[0].result
    for k, bias in enumerate(biases):
        score = None if np.isnan(bias) else abs(bias)
        stages.recorder.results[f"seed-{k}"] = structs.replace(best, score=score, digest=f"seed {bias}")
    return stages


def scored(digest: str, parameters: int = 5) -> FitResult:
    return FitResult(
        status="completed", steps=200, parameters=parameters, seconds=TrainingSeconds(total=4.0), digest=digest
    )


def test_the_two_best_are_trained_with_other_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = stages_of(tmp_path, monkeypatch, 3.0, 1.0, -2.0)
    seeds, jobs = stages.seeds(), stages.recorder
    assert list(jobs.requests) == ["seed-0", "seed-1", "seed-2"]
    assert set(jobs.calls.values()) == {"gruforecast.automl.search.trial:run_trial"}
    numbers = [SEED_NUMBERS + k for k in range(3)]
    assert [one.number for one in jobs.requests.values()] == numbers
    assert [one.training.seed for one in jobs.requests.values()] == [seed_of(0, number) for number in numbers]
    assert all(one.rungs is None for one in jobs.requests.values())
    assert [one.weights for one in jobs.requests.values()] == ["seed-0.npz", "seed-1.npz", "seed-2.npz"]
    assert {one["part"] for one in jobs.terms.values()} == {"seeds"}
    cost = stages.search.trials[1].network.cost
    assert [one["cost"] for one in jobs.terms.values()] == [cost] * 3
    assert [trial.number for trial, _ in seeds] == [1, 2, 1]
    alone = stages_of(tmp_path, monkeypatch, 3.0)
    assert alone.seeds() == []
    assert not alone.recorder.requests
    alone.several = True  # the only trial of a search is trained thrice more
    alone.seeds()
    assert [one["cost"] for one in alone.recorder.terms.values()] == [cost * 0.5] * 3


def test_networks_that_cancel_each_other_are_combined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = with_results(
        stages_of(tmp_path, monkeypatch, 3.0, -1.5, 9.0), 30.0, float("nan")
    )  # the third has not come
    jobs, divided = stages.recorder, stages.jobs.split
    chosen, fits = stages.begun()
    assert stages.jobs.notes == Notes(given_up=["more seeds of the best GRUs"])
    assert [(one.name, one.trial.number) for one in chosen.members] == [("gru", 1), ("gru-2", 0)]
    assert [one.weight for one in chosen.members] == pytest.approx([2 / 3, 1 / 3])
    assert list(jobs.requests) == ["test-fit-trial-001", "test-fit-trial-000"]
    jobs.results["test-fit-trial-001"] = scored("t 1.0")
    jobs.results["test-fit-trial-000"] = scored("t 2.5", parameters=6)
    ensemble = score_members(stages.jobs, chosen, fits, ships=True)
    first, second, whole = ensemble.candidates(stages.search.best)
    assert [one.name for one in (first, second, whole)] == ["gru", "gru-2", "networks"]
    assert [one.competes for one in (first, second, whole)] == [False, False, True]
    assert (first.facts.budget, first.facts.seconds, first.facts.parameters) == ("full", 4.0, 11)
    assert second.facts.budget == "member"
    assert whole.facts == TrainingFacts(
        parameters=11, shares={"gru": pytest.approx(2 / 3), "gru-2": pytest.approx(1 / 3)}
    )
    windows, origins = divided.test_windows(), divided.calibration_windows()
    assert first.forecasts.origins is not None
    np.testing.assert_allclose((first.forecasts.origins.mean - divided.actual(origins))[0, 0], -1.5)
    np.testing.assert_allclose(first.forecasts.test.mean - divided.actual(windows), 1.0)
    np.testing.assert_allclose(whole.forecasts.test.mean - divided.actual(windows), 1.5)
    assert divided.fold_scores(whole.forecasts.folds) == pytest.approx([0.0] * 3, abs=1e-9)
    assert [name for name in jobs.requests if name.startswith("refit")] == ["refit-trial-001", "refit-trial-000"]
    assert jobs.requests["refit-trial-001"].after == "t 1.0"
    saved_weights(tmp_path, stages.search.best.network, "refit.npz")
    file = SavedFile("refit.npz", "")
    for k in range(2):
        jobs.results[f"refit-trial-00{k}"] = structs.replace(scored(f"r{k}"), file=file)
    saved = refitted(stages.jobs, ensemble)
    assert saved.refitted
    digests = saved.digests()
    assert digests.scored == {"gru": "t 1.0", "gru-2": "t 2.5"}
    assert digests.saved == {"gru": "r1", "gru-2": "r0"}
    facts = saved.networks_facts()
    assert [(one.name, one.number, one.another_seed, one.val_mase) for one in facts] == [
        ("gru", 1, False, 1.5), ("gru-2", 0, False, 3.0),
    ]  # fmt: skip
    assert [one.share for one in facts] == [one.weight for one in saved.networks]
    assert (facts[0].steps, facts[0].parameters, facts[0].digest) == (200, 11, "trial -1.5")
    assert facts[0].values == stages.search.trials[0].values


def test_one_network_that_did_not_learn_from_the_newest_rows_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = with_results(stages_of(tmp_path, monkeypatch, 3.0, -1.5), 30.0, 30.0, 30.0)
    chosen, fits = stages.begun()
    file = saved_weights(tmp_path, stages.search.best.network, "w.npz")
    for k in range(2):
        stages.recorder.results[f"test-fit-trial-00{k}"] = structs.replace(scored(f"t{k}"), file=file)
    ensemble = score_members(stages.jobs, chosen, fits, ships=True)
    stages.recorder.results["refit-trial-000"] = structs.replace(scored("r0"), file=file)
    saved = refitted(stages.jobs, ensemble)
    assert not saved.refitted
    assert saved.digests().saved == {"gru": "t1", "gru-2": "r0"}


def test_another_seed_that_is_best_stands_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = with_results(stages_of(tmp_path, monkeypatch, 3.0, 2.0), 5.0, 0.5, 5.0)
    chosen, fits = stages.begun()
    assert [(one.name, one.weight, one.trial.number) for one in chosen.members] == [("gru", 1.0, SEED_NUMBERS + 1)]
    assert chosen.folds is None
    assert list(stages.recorder.requests) == ["test-fit-seed-1"]
    stages.recorder.results["test-fit-seed-1"] = None
    ensemble = score_members(stages.jobs, chosen, fits, ships=False)
    (alone,) = ensemble.candidates(stages.search.best)
    assert (alone.name, alone.competes, alone.facts.budget) == ("gru", True, "member")
    assert list(stages.recorder.requests) == ["test-fit-seed-1"]  # nothing is refitted
    assert ensemble.refits == ()
    assert chosen.members[0].trial.seed_of == 0


def test_the_first_of_the_further_seeds_has_a_name_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = with_results(stages_of(tmp_path, monkeypatch, 3.0, 2.0), 0.5, 5.0, 5.0)
    chosen, _ = stages.begun()
    assert list(stages.recorder.requests) == ["test-fit-seed-0"]
    assert [(one.trial.name, one.trial.seed_of) for one in chosen.members] == [("seed-0", 1)]


def test_without_a_combination_the_best_trial_stands_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = stages_of(tmp_path, monkeypatch, 3.0, -3.0, 1.0)
    stages.several = False
    chosen, _ = stages.begun()
    assert [(one.name, one.weight, one.trial.number) for one in chosen.members] == [("gru", 1.0, 2)]
    assert list(stages.recorder.requests) == ["test-fit-trial-002"]


def test_the_networks_that_are_saved_say_how_to_train_them_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = with_results(stages_of(tmp_path, monkeypatch, 2.0))
    chosen, fits = stages.begun()
    stages.recorder.results["test-fit-trial-000"] = scored("t 1.0")
    ensemble = score_members(stages.jobs, chosen, fits, ships=True)
    np.savez(tmp_path / "refit.npz", a=np.arange(3.0))
    stages.recorder.results["refit-trial-000"] = structs.replace(scored("r"), file=SavedFile("refit.npz", ""))
    saved = refitted(stages.jobs, ensemble)
    (found,), (member,) = saved.networks, chosen.members
    assert (found.name, found.weight, found.config) == ("gru", 1.0, member.trial.network)
    assert found.weights["a"].tolist() == [0.0, 1.0, 2.0]
    assert found.training == stages.jobs.whole(REFIT, member.trial)


def test_a_network_that_is_another_seed_says_of_which_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = with_results(stages_of(tmp_path, monkeypatch, 3.0, 2.0), 5.0, 0.5, 5.0)
    chosen, fits = stages.begun()
    file = saved_weights(tmp_path, stages.search.best.network, "w.npz")
    stages.recorder.results["test-fit-seed-1"] = structs.replace(scored("t"), file=file)
    saved = refitted(stages.jobs, score_members(stages.jobs, chosen, fits, ships=True))
    (facts,) = saved.networks_facts()
    assert (facts.number, facts.another_seed, facts.val_mase) == (0, True, 0.5)


def test_equal_scores_go_to_the_earlier_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = with_results(stages_of(tmp_path, monkeypatch, 2.0, -2.0), 2.0, 9.0, 9.0)
    assert [trial.number for trial in stages.trials()] == [0, 1, *(SEED_NUMBERS + k for k in range(3))]
    alone = stages_of(tmp_path, monkeypatch, 2.0, -1.0)
    alone.several = False
    assert [trial.number for trial in alone.trials()] == [1]

"""What is asked of the workers after the search: how long, from which weights, and what is said when time is short."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from makers import panel_of

from gruforecast.automl.cell_comparison import Comparison
from gruforecast.automl.reference_models import Rivals
from gruforecast.automl.search.loop import Search, Trial
from gruforecast.automl.search.space import Space
from gruforecast.automl.training_jobs import TEST_FIT, Contest
from gruforecast.evaluation.splits import split
from gruforecast.execution.progress import Budget

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
        self.results: dict[str, Any] = {}

    def submit(self, name: str, _call: str, request: dict[str, Any], **_: Any) -> None:
        self.requests[name] = request

    def result(self, name: str) -> Any:
        return self.results.get(name)


def contest_of(folder: Path, seconds: float | None = None, n_series: int = 3) -> tuple[Contest, Trial, Recorder]:
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
    return Contest(divided, space, jobs, 0, Budget(seconds)), trial, jobs  # type: ignore[arg-type]


def test_a_test_fit_passes_as_often_over_its_windows_as_a_trial_does(tmp_path: Path) -> None:
    contest, trial, jobs = contest_of(tmp_path, n_series=30)
    contest.submit_fit(TEST_FIT, trial, "trial-000", trial.result)
    request = jobs.requests["test-fit-trial-000"]
    # series of 120, 125 … 265 rows; first fold and test part begin 24 and 6 rows before the end
    growth = sum(120 + 5 * k - 6 - 17 for k in range(30)) / sum(120 + 5 * k - 24 - 17 for k in range(30))
    assert request["training"]["steps"] == 25 * round(growth * 1000 / 25) == 1125
    assert request["initial"] is None
    assert request["rates"] == [1.0, 0.0]


def test_a_test_fit_of_small_data_takes_the_steps_of_the_trial(tmp_path: Path) -> None:
    contest, trial, jobs = contest_of(tmp_path)
    contest.submit_fit(TEST_FIT, trial, "fit", trial.result)
    assert jobs.requests["test-fit-fit"]["training"]["steps"] == 200


def test_short_time_goes_on_from_the_trials_weights(tmp_path: Path) -> None:
    contest, trial, jobs = contest_of(tmp_path, seconds=4.0)  # 2.9 s for 200 steps of 0.02 s
    contest.submit_fit(TEST_FIT, trial, "fit", trial.result)
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
    contest, trial, jobs = contest_of(tmp_path)
    contest.submit_fit(TEST_FIT, trial, "fit", trial.result)
    jobs.results["test-fit-fit"] = {"status": "completed", "late": late, "steps": steps, "name": "fit"}
    result, found_whole = contest.fitted(TEST_FIT, "fit", trial.result)
    assert (result is trial.result) == (kept == "trial")
    assert found_whole == whole


def test_without_a_budget_a_cut_is_the_doing_of_trial_time(tmp_path: Path) -> None:
    contest, _, _ = contest_of(tmp_path)
    contest.cut_short("the whole refit", "refit")
    contest.cut_short("the whole refit", "refit")
    assert contest.given_up == []
    assert contest.warnings == ["the whole refit was ended by --trial-time"]
    limited, _, _ = contest_of(tmp_path, seconds=60)
    limited.cut_short("the whole refit", "refit")
    assert limited.given_up == ["the whole refit"]


def test_statistical_models_that_fail_are_left_out_with_a_warning(tmp_path: Path) -> None:
    contest, _, jobs = contest_of(tmp_path)
    rivals = Rivals(contest, statistical=True)
    rivals.begin()
    assert {name.rsplit("-", 1)[0] for name in jobs.requests} >= {"dynamic-theta", "auto-ets"}
    for name in jobs.requests:
        jobs.results[name] = {"status": "failed", "error": "ImportError: no symbol", "late": False}
    assert rivals.candidates() == []
    assert "dynamic-theta was left out: ImportError: no symbol" in contest.warnings
    assert contest.given_up == []


def test_statistical_models_out_of_time_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contest, _, jobs = contest_of(tmp_path, seconds=1e-3)
    monkeypatch.setattr("gruforecast.execution.progress.time.time", lambda: NOW + 1)
    rivals = Rivals(contest, statistical=True)
    rivals.begin()
    for name in jobs.requests:
        jobs.results[name] = None
    assert rivals.candidates() == []
    assert "auto-ets" in contest.given_up
    assert contest.warnings == []


def test_the_third_seeds_and_the_simple_rnn_are_given_up_first(tmp_path: Path) -> None:
    contest, trial, _ = contest_of(
        tmp_path, seconds=24.0
    )  # 18.7 s on each of two workers, less what the test fit takes
    trial.result["seconds_per_step"] = 0.03
    contest.submit_fit(TEST_FIT, trial, "fit", trial.result)  # 6 s
    comparison = Comparison(contest, Search([trial]), "short")
    comparison.begin()
    assert set(comparison.entries) == {(cell, seed) for cell in ("gru", "lstm", "rnn") for seed in (0, 1)}
    assert contest.given_up == ["the third seeds of the comparison"]
    tight, trial, _ = contest_of(tmp_path, seconds=18.0)
    trial.result["seconds_per_step"] = 0.03
    tight.submit_fit(TEST_FIT, trial, "fit", trial.result)
    comparison = Comparison(tight, Search([trial]), "short")
    comparison.begin()
    assert {cell for cell, _ in comparison.entries} == {"gru", "lstm"}
    assert tight.given_up == ["the third seeds of the comparison", "the rnn comparison"]

"""The fine-tuned network as a candidate: what is requested of the workers, and what is made of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_networks import make_pretrained
from makers import panel_of

from gruforecast.automl.fine_tuned_model import STEPS, FineTuned, submit_tuning, submit_tunings
from gruforecast.automl.search.results import TuningResult
from gruforecast.automl.search.space import Space
from gruforecast.automl.training_jobs import TrainingJobs
from gruforecast.evaluation.splits import split
from gruforecast.execution.atomic_files import npz, write_file
from gruforecast.execution.jobs import JobRequest, JobResult, SavedFile
from gruforecast.execution.progress import Budget, Progress
from gruforecast.models.pretrained.fine_tuning import ENOUGH
from gruforecast.models.pretrained.model import card
from gruforecast.models.registry import TUNED

PLACES = ("folds", "test", "end")


@dataclass
class Given:
    """In the place of a job: the result that is there when it is asked for."""

    name: str
    part: str
    results: dict[str, JobResult | None]

    def result(self) -> Any:
        return self.results[self.name]


@dataclass
class Recorder:
    """In the place of jobs: keeps requests, and has results for those named."""

    folder: Path
    results: dict[str, JobResult | None] = field(default_factory=dict)
    requests: dict[str, Any] = field(default_factory=dict)

    def submit(
        self, name: str, call: str, request: JobRequest, kind: type, *, part: str, deadline: float | None
    ) -> Given:
        module, function = call.split(":")
        assert callable(getattr(__import__(module, fromlist=[function]), function))
        self.requests[name] = request
        return Given(name, part, self.results)


def jobs_of(
    folder: Path, steps: int = 60, seconds: float | None = None, horizon: int = 6, rows: int = 400
) -> tuple[TrainingJobs, Recorder]:
    """Jobs that are only noted, with results of networks of other weights for each place."""
    generator = np.random.default_rng(0)
    divided = split(panel_of(*(10 + generator.random(rows + 5 * k) for k in range(3))), horizon, 3, 12, "f.csv")
    jobs = Recorder(folder)
    for place, name in zip(PLACES, ("a", "bb", "ccc"), strict=True):  # `make_pretrained` takes the seed from the length
        write_file(folder / f"{place}.npz", npz(dict(make_pretrained(name).weights)))
        file = SavedFile(f"{place}.npz", "")
        jobs.results[f"fine-tuning-{place}"] = TuningResult(status="completed", steps=steps, file=file, seconds=3.0)
    return TrainingJobs(divided, Space.of(divided), jobs, 7, Budget(seconds)), jobs  # type: ignore[arg-type]


def tuned(jobs: TrainingJobs, *, ships: bool = True) -> FineTuned | None:
    submitted = submit_tunings(jobs, submit_tuning(jobs), Progress(), ships=ships)
    return submitted and submitted.result()


def test_as_many_steps_as_help_are_taken_up_to_the_test_set_and_the_end(tmp_path: Path) -> None:
    jobs, recorder = jobs_of(tmp_path)
    found = tuned(jobs)
    asked = [recorder.requests[f"fine-tuning-{place}"] for place in PLACES]
    assert [(one.until, one.data, one.steps) for one in asked] == [
        ("folds", "split", STEPS), ("test", "split", (60,)), ("end", "split-all", (60,)),
    ]  # fmt: skip
    assert len({one.seed for one in asked}) == 1
    assert {one.digest for one in asked} == {card().sha256}
    folds, test, end = (replace(make_pretrained(name), name=TUNED) for name in ("a", "bb", "ccc"))
    assert found is not None
    np.testing.assert_array_equal(found.network.weights["head.bias"], end.weights["head.bias"])
    divided, candidate = jobs.split, found.candidate
    for windows, fold in zip(divided.fold_windows(), candidate.forecasts.folds, strict=True):
        np.testing.assert_array_equal(fold, divided.ask(folds, windows).mean)
    expected = divided.ask(test, divided.test_windows()).quantiles
    np.testing.assert_array_equal(candidate.forecasts.test.quantiles, expected)
    assert (candidate.name, candidate.kind, candidate.facts.seconds) == (TUNED, "pretrained", 3.0)


def test_no_steps_no_candidate(tmp_path: Path) -> None:
    jobs, recorder = jobs_of(tmp_path, steps=0)
    assert tuned(jobs) is None
    assert list(recorder.requests) == ["fine-tuning-folds"]
    assert (jobs.notes.given_up, jobs.notes.warnings) == ([], {})


def test_a_horizon_out_of_reach_is_not_tuned(tmp_path: Path) -> None:
    jobs, recorder = jobs_of(tmp_path, horizon=65)
    assert tuned(jobs) is None
    assert recorder.requests == {}


def test_few_windows_are_not_tuned(tmp_path: Path) -> None:
    for rows, enough in ((400, True), (380, False)):
        jobs, recorder = jobs_of(tmp_path, rows=rows)
        windows = (jobs.split.learned - jobs.split.history.indptr[:-1] - 12 - 6 + 1).sum()  # after a season of past
        assert (windows >= ENOUGH) == enough == (tuned(jobs) is not None) == bool(recorder.requests)


def test_beside_noise_nothing_is_trained_up_to_the_end(tmp_path: Path) -> None:
    jobs, recorder = jobs_of(tmp_path)
    assert tuned(jobs, ships=False) is not None
    assert "fine-tuning-end" not in recorder.requests


@pytest.mark.parametrize("place", ["folds", "test"])
@pytest.mark.parametrize(("result", "given_up", "warnings"), [
    (None, ["fine-tuning"], {}),
    (TuningResult(status="crashed", error="signal 9"), [], {"fine-tuning was left out: signal 9": "crashed"}),
    (TuningResult(status="completed", late=True), [], {"the whole fine-tuning was ended by `trial_time`": "limit"}),
])  # fmt: skip
def test_what_did_not_come_to_its_end_is_no_candidate_and_is_noted(
    tmp_path: Path, place: str, result: TuningResult | None, given_up: list[str], warnings: dict[str, str]
) -> None:
    jobs, recorder = jobs_of(tmp_path)
    recorder.results[f"fine-tuning-{place}"] = result
    assert tuned(jobs) is None
    assert (jobs.notes.given_up, jobs.notes.warnings) == (given_up, warnings)


@pytest.mark.parametrize("result", [None, TuningResult(status="completed", late=True)])
def test_without_time_for_all_rows_the_network_stays_as_it_was_judged(
    tmp_path: Path, result: TuningResult | None
) -> None:
    jobs, recorder = jobs_of(tmp_path, seconds=60)
    recorder.results["fine-tuning-end"] = result
    found = tuned(jobs)
    assert found is not None
    np.testing.assert_array_equal(found.network.weights["head.bias"], make_pretrained("bb").weights["head.bias"])
    assert len(jobs.notes.given_up) == 1

"""Everything after a cutoff becomes noise and nothing that came before may change; planted leaks must show."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import leaks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from makers import AIR, ROOT, TORTURE, panel_of, run

from gruforecast.automl.leakage_audit import (
    Audited,
    LeakageAudit,
    _text,
    decided_without_test,
    decisions,
    normalised_without_folds,
    submit_audit,
    was_cut,
)
from gruforecast.automl.options import FitOptions
from gruforecast.automl.preparation import Prepared, decide
from gruforecast.automl.search.loop import Search, Trial
from gruforecast.automl.search.results import AuditRequest, AuditResult, TrialResult
from gruforecast.automl.search.space import Space
from gruforecast.automl.search.trial import run_audit, save_split
from gruforecast.automl.training_jobs import Notes, TrainingJobs
from gruforecast.data.calendar.frequency import Frequency
from gruforecast.data.options import ReadOptions
from gruforecast.data.panel import Panel
from gruforecast.data.read import Reading, read_csv
from gruforecast.errors import GruforecastError, UsageError
from gruforecast.evaluation.perturbation import noise_from
from gruforecast.execution.progress import Budget
from gruforecast.models.networks.config import Hyperparameters, NetworkConfig
from gruforecast.report.report import AuditRecord
from gruforecast.serialization import Json, plain

FOUR_HOURS = Frequency("s", 4 * 3600)
OPTIONS = FitOptions()
DECIDED = {"season", "horizon", "folds", "levels", "normalisation", "log decision", "search space", "earlier rows"}


def reading_of(panel: Panel) -> Reading:
    return Reading(panel, (), np.zeros(len(panel.y), np.int64), np.zeros(len(panel.y), bool), "f.csv")


def wave(rows: int, length: int, seed: int = 0) -> Any:
    noise = np.random.default_rng(seed).normal(size=rows)
    return 10 + 3 * np.sin(2 * np.pi * np.arange(rows) / length) + 0.3 * noise


def moved(prepared: Prepared, options: FitOptions = OPTIONS) -> list[str]:
    """What the audit finds of the decisions, named by the place."""
    places = {"test": decided_without_test(prepared, options), "fold": normalised_without_folds(prepared)}
    return [
        f"{place} {name}"
        for place, (first, second) in places.items()
        for name in first | second
        if _text(first.get(name)) != _text(second.get(name))
    ]


def air_with_a_gap(folder: Path, rows: range) -> str:
    """The air passengers without the values in `rows`."""
    lines = AIR.read_text().splitlines()
    for k in rows:
        lines[1 + k] = lines[1 + k].rsplit(",", 1)[0] + ","
    (folder / "gap.csv").write_text("\n".join(lines) + "\n")
    return str(folder / "gap.csv")


def air_with_a_price(folder: Path) -> Reading:
    """The air passengers and a covariate that is not known in the future."""
    lines = AIR.read_text().splitlines()
    content = [lines[0] + ",price", *(f"{line},{k % 7}" for k, line in enumerate(lines[1:]))]
    (folder / "price.csv").write_text("\n".join(content) + "\n")
    return read_csv(str(folder / "price.csv"), ReadOptions(past=("price",)))


def test_noise_begins_at_the_cutoff_and_keeps_what_is_missing_or_known() -> None:
    y = np.array([1.0, 2, np.nan, 4, np.nan, 0, 0, 0, 5])
    x = np.arange(36.0).reshape(9, 4)
    found, covariates = noise_from(
        np.array([3, 7]), y, x, np.array([0, 6, 9]), ("past", "known", "static", "past flag")
    )
    np.testing.assert_array_equal(found[:3], y[:3])
    np.testing.assert_array_equal(found[6:7], y[6:7])
    np.testing.assert_array_equal(np.isnan(found), np.isnan(y))
    assert found[3] < -400 * 4
    assert found[5] < 0 < found[8]
    assert found[7] < -400 * 5
    np.testing.assert_array_equal(covariates[:, 1:3], x[:, 1:3])
    changed = np.abs(covariates[:, [0, 3]]) > 35
    np.testing.assert_array_equal(changed, np.isin(np.arange(9), [3, 4, 5, 7, 8])[:, None] * np.ones(2, bool))
    huge, _ = noise_from(np.array([1]), np.full(4, 1e299), np.zeros((4, 0)), np.array([0, 4]), ())
    assert np.isfinite(huge).all()


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from([30, 41, 57, 96, 140]), st.sampled_from([4, 6, 8, 12]), st.integers(1, 3))
def test_whatever_stands_in_the_test_set_decides_nothing(data: Any, rows: int, length: int, series: int) -> None:
    """At steps of four hours horizon and season are both found from the data."""
    panel = panel_of(*[wave(rows + 3 * k, length, k) for k in range(series)], freq=FOUR_HOURS)
    found = decide(reading_of(panel), OPTIONS)
    split = found.split
    y = panel.y.copy()
    numbers = st.floats(-1e12, 1e12, allow_nan=False)
    for first, end in zip(split.test, split.history.indptr[1:], strict=True):
        y[first:end] = data.draw(arrays(float, int(end - first), elements=numbers))
    again = decide(reading_of(replace(panel, y=y)), OPTIONS)
    one, two = (decisions(each.split, each.scaling, split.test) for each in (found, again))
    assert _text([one, found.levels]) == _text([two, again.levels])


def test_nothing_that_is_decided_moves(tmp_path: Path) -> None:
    hourly = read_csv(str(ROOT / "sample_data" / "m4_hourly_6.csv"))
    filled = read_csv(air_with_a_gap(tmp_path, range(128, 134)), ReadOptions(fill=True))
    for reading in (read_csv(str(AIR)), hourly, filled, reading_of(panel_of(wave(96, 8), freq=FOUR_HOURS))):
        found = decide(reading, OPTIONS)
        assert set(decided_without_test(found, OPTIONS)[0]) == DECIDED
        assert moved(found) == []


@pytest.mark.parametrize(
    ("leak", "expected"),
    [
        ("season", {"test season"}),
        ("unit", {"fold normalisation"}),
        ("horizon", {"test horizon"}),
        ("lines", {"test earlier rows"}),
        ("scaling", {"test normalisation"}),
    ],
)
def test_a_planted_leak_moves_decisions(
    leak: str, expected: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaks.LEAKS[leak](monkeypatch.setattr)
    reading = read_csv(str(AIR))
    if leak == "horizon":
        reading = reading_of(panel_of(wave(31, 4, 31), freq=FOUR_HOURS))
    elif leak == "lines":
        reading = read_csv(air_with_a_gap(tmp_path, range(128, 134)), ReadOptions(fill=True))
    elif leak == "scaling":
        reading = air_with_a_price(tmp_path)
    assert expected <= set(moved(decide(reading, OPTIONS)))


def test_lines_over_gaps_end_with_the_first_fold(tmp_path: Path) -> None:
    """One gap in the training part, one over the test cutoff: only the first one is filled."""
    path = Path(air_with_a_gap(tmp_path, range(128, 134)))
    lines = path.read_text().splitlines()
    lines[1 + 50] = lines[1 + 50].rsplit(",", 1)[0] + ","
    path.write_text("\n".join(lines) + "\n")
    found = decide(read_csv(str(path), ReadOptions(fill=True)), OPTIONS)
    y = found.split.history.values
    assert y[50] == pytest.approx((y[49] + y[51]) / 2)
    assert np.flatnonzero(np.isnan(y)).tolist() == list(range(128, 134))
    assert "6 missing values stay masked" in found.warnings[-1]
    assert not np.isnan(found.reading.panel.y).any()


def test_an_audit_and_a_clock_do_not_go_together() -> None:
    with pytest.raises(UsageError, match="the clock would decide"):
        FitOptions(audit=True, max_time=60.0)


class Answering:
    """In the place of jobs: answers every one with the same result."""

    def __init__(self, folder: Path, result: AuditResult | None) -> None:
        self.folder, self.requested = folder, 0
        self._result = result

    def submit(self, *_: Any, **__: Any) -> Any:
        self.requested += 1
        return self

    def result(self) -> AuditResult | None:
        return self._result


QUIET = AuditResult(status="completed", moved={"test cutoff": [], "first fold": []}, seconds=1.0)


def audit_of(folder: Path, result: AuditResult | None, seconds: float | None = None, **options: Any) -> LeakageAudit:
    """An audit whose worker answers with `result`."""
    found = decide(read_csv(str(AIR)), OPTIONS)
    space = Space.of(found.split)
    training_jobs = TrainingJobs(found.split, space, Answering(folder, result), 0, Budget(seconds))  # type: ignore[arg-type]
    result = TrialResult(status="completed", seconds_per_step=0.01)
    best = Trial(0, "trial-000", space.start, 1.0, space.network(space.start), result)
    return submit_audit(FitOptions(**options), found, training_jobs, best)


def told(audit: LeakageAudit, found: Audited | None = None, *, whole: bool = False) -> AuditRecord:
    return (found or audit.wait()).record(audit.training_jobs.jobs.folder, whole=whole)


def test_the_report_says_what_stands(tmp_path: Path) -> None:
    audit = audit_of(tmp_path, QUIET)
    found = told(audit)
    assert (found.passed, found.kind) == (True, "cheap")
    assert set(found.checked) == DECIDED - {"earlier rows"} | {"weights", "forecasts"}
    assert found.text.startswith("passed: season, horizon, ")
    assert found.seconds == round(audit.decided.seconds + 1.0, 2)


def test_what_moved_is_named_and_kept(tmp_path: Path) -> None:
    moved = {"test cutoff": ["weights"], "first fold": ["weights", "forecasts"]}
    audit = audit_of(tmp_path, AuditResult(status="completed", moved=moved))
    words = "weights at the test cutoff, weights at the first fold and forecasts at the first fold changed"
    with pytest.raises(GruforecastError, match=f"LEAK: {words} when all later values") as ended:
        told(audit)
    assert (ended.value.exit_code, ended.value.code) == (1, "GF-X03")
    assert "weights at the test cutoff" in json.loads((tmp_path / "audit.json").read_text())["moved"]


@pytest.mark.parametrize(
    ("result", "seconds", "requested"),
    [
        (QUIET, 5.0, 0),  # four trainings of 0.25 s do not fit four times into 2.85 s
        (None, 300.0, 1),
        (AuditResult(status="completed", late=True), 300.0, 1),
    ],
)
def test_where_time_is_short_nothing_is_claimed(result: Any, seconds: float, requested: int, tmp_path: Path) -> None:
    audit = audit_of(tmp_path, result, seconds)
    assert audit.training_jobs.jobs.requested == requested
    found = told(audit)
    assert audit.training_jobs.notes == Notes(given_up=["the leak audit"])
    assert (found.passed, found.checked, found.text) == (None, [], "not done: there was no time for it")


def test_a_worker_that_crashes_is_no_leak_and_noted(tmp_path: Path) -> None:
    audit = audit_of(tmp_path, AuditResult(status="crashed", error="signal 11"))
    assert told(audit).passed is None
    warnings = {"the leak audit was not done: its training crashed: signal 11": "crashed"}
    assert audit.training_jobs.notes.warnings == warnings


def test_two_searches_are_compared(tmp_path: Path) -> None:
    first = {"trials": [1.0, None], "winner": "blend"}
    audit = audit_of(tmp_path, QUIET, audit=True)
    found = audit.wait()
    same = audit.compare(found, first, dict(first), 5.0, cut=True)
    assert same == replace(found, seconds=found.seconds + 5.0)
    assert (told(audit, same, whole=True).passed, told(audit, same, whole=True).kind) == (True, "whole")
    assert {"trials", "winner"} <= set(told(audit, same, whole=True).checked)
    undone = audit.compare(found, first, first | {"winner": "naive"}, 1.0, cut=True)
    assert told(audit, undone, whole=True).passed is None
    assert audit.training_jobs.notes.has("limit")
    changed = audit.compare(found, first, first | {"winner": "naive"}, 1.0, cut=False)
    assert changed.moved == {"winner of the whole search": ["blend", "naive"]}
    with pytest.raises(GruforecastError, match="LEAK: winner of the whole search changed"):
        told(audit, changed, whole=True)


VALUES = Hyperparameters(1, 32, 0.0, 1e-3, 1e-2, 1.0, "direct", 0.5, 0.0, 0.0, True, False, "none", 24, 3)


@pytest.mark.parametrize(("result", "notes", "cut"), [
    (TrialResult(status="completed"), Notes(), False),
    (TrialResult(status="pruned"), Notes(["a part"], {"crashed by `trial_time`": "diverged"}), False),
    (TrialResult(status="completed", late=True), Notes(), True),
    (TrialResult(status="crashed", error="signal 9"), Notes(), True),
    (TrialResult(status="completed"), Notes([], {"a fit": "limit"}), True),
    (TrialResult(status="completed"), Notes([], {"a fit": "crashed"}), True),
])  # fmt: skip
def test_a_search_was_cut_where_a_limit_or_a_crash_says_so_and_not_a_word(
    result: TrialResult, notes: Notes, cut: bool
) -> None:
    trial = Trial(0, "trial-000", VALUES, 1.0, NetworkConfig(horizon=12, lookback=24), result)
    assert was_cut(Search([trial]), notes) == cut


@pytest.fixture
def request_of_audit(tmp_path: Path) -> Json:
    found = decide(air_with_a_price(tmp_path), OPTIONS)
    space = Space.of(found.split)
    network = replace(space.network(space.start), use_inputs="all")
    save_split(tmp_path, "split", found.split)
    save_split(tmp_path, "split-all", replace(found.split, test=found.split.history.indptr[1:]))
    training = replace(space.training(space.start, 1), steps=25)
    return plain(AuditRequest(network=network, training=training, data="split", rows="split-all", folder=str(tmp_path)))


@pytest.mark.network
def test_weights_and_forecasts_stand_and_planted_leaks_move_them(
    request_of_audit: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one test, so that the network is compiled once."""
    monkeypatch.setattr("gruforecast.models.pretrained.fine_tuning.ENOUGH", 1)
    expected = {
        "training": {"weights", "forecasts"},
        "tuning": {"fine-tuned weights"},
        "forecast": {"forecasts"},
        "columns": {"forecasts"},
        "regression": {"harmonic forecasts"},
        "pretrained": {"pretrained forecasts"},
        "logarithm": {"log decision", "forecasts"},
    }
    nothing: dict[str, list[str]] = {"test cutoff": [], "first fold": []}
    assert run_audit(request_of_audit)["moved"] == nothing
    for leak, names in expected.items():
        with pytest.MonkeyPatch.context() as patch:
            leaks.LEAKS[leak](patch.setattr)
            found = run_audit(request_of_audit)["moved"]
        assert found.keys() == nothing.keys()
        for place in nothing:
            assert names <= set(found[place]), (leak, place)
            assert "naive forecasts" not in found[place]
    assert run_audit(request_of_audit)["moved"] == nothing
    late = run_audit({**request_of_audit, "deadline": 1.0})
    assert late["late"]


QUICK = ["fit", str(AIR), "--horizon", "12", "--trials", "2", "--folds", "1", "--compare", "none", "--no-stats"]


def planted(name: str, cwd: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TORTURE / "leaks.py"), name, *QUICK, "--no-blend", *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


@pytest.mark.network
@pytest.mark.slow
def test_the_whole_search_stands_and_an_audit_is_done_once(tmp_path: Path) -> None:
    done = run(*QUICK, "--audit", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "the whole search once more" in done.stderr
    assert "leak audit: passed: season" in done.stdout
    report = json.loads((tmp_path / "gruforecast_model" / "report.json").read_text())["audit"]
    assert (report["passed"], report["kind"]) == (True, "whole")
    assert {"trials", "chosen configuration", "steps", "weights", "forecasts"} <= set(report["checked"])
    assert "nothing to do" in run(*QUICK, "--audit", cwd=tmp_path).stderr
    assert "nothing to do" in run(*QUICK, cwd=tmp_path).stderr


@pytest.mark.network
@pytest.mark.slow
def test_a_planted_leak_ends_a_fit_without_a_model_and_an_audit_can_follow_it(tmp_path: Path) -> None:
    done = planted("training", tmp_path)
    assert done.returncode == 1, done.stderr
    assert "error[GF-X03] LEAK: weights at the test cutoff" in done.stderr
    assert not (tmp_path / "gruforecast_model").exists()
    moved = json.loads((tmp_path / "gruforecast_model.run" / "audit.json").read_text())["moved"]
    assert "forecasts at the first fold" in moved
    mended = run(*QUICK, "--no-blend", "--json", cwd=tmp_path)
    assert mended.returncode == 0, mended.stderr
    assert json.loads(mended.stdout)["audit"]["kind"] == "cheap"
    whole = run(*QUICK, "--no-blend", "--audit", "--json", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    assert json.loads(whole.stdout)["audit"]["kind"] == "whole"


@pytest.mark.network
@pytest.mark.slow
def test_a_choice_by_the_test_set_is_found_by_the_whole_audit(tmp_path: Path) -> None:
    done = planted("choice", tmp_path, "--audit")
    assert done.returncode == 1, done.stderr
    assert "LEAK: trials" in done.stderr
    assert not (tmp_path / "gruforecast_model").exists()

"""Fine-tuning in a worker: which rows a training sees, how many steps are taken, what is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_networks import make_pretrained
from makers import panel_of
from msgspec import structs

from gruforecast.arrays import Floats
from gruforecast.automl.search.results import TuningRequest, TuningResult
from gruforecast.automl.search.trial import save_split
from gruforecast.automl.search.tuning import (
    HORIZONS,
    PATIENCE,
    PRIOR,
    SMALL,
    Comparison,
    Rolling,
    networks_of,
    rolling_cutoffs,
    run_tuning,
)
from gruforecast.data.windows import History
from gruforecast.evaluation.splits import Split, split
from gruforecast.execution.atomic_files import read_npz
from gruforecast.models.model import Points
from gruforecast.models.pretrained.fine_tuning import fine_tuned
from gruforecast.models.registry import TUNED
from gruforecast.serialization import plain, record

NETWORK = make_pretrained("pretrained")


def split_of(n_series: int = 2, rows: int = 110) -> Split:
    rng = np.random.default_rng(0)
    season = 8 * np.sin(2 * np.pi * np.arange(rows) / 12)
    series = [30 + season + rng.normal(size=rows) for _ in range(n_series)]
    return split(panel_of(*series), 6, 3, 12, "f.csv")


def off_by(by: Floats) -> Points:
    """Forecasts that are wrong by what is said for each series."""

    def forecast(history: History, windows: object, horizon: int, season_length: int) -> Floats:
        index = np.minimum(windows.end[:, None] + np.arange(horizon), len(history.values) - 1)  # type: ignore[attr-defined]
        return np.asarray(history.values[index] + by[windows.series][:, None])  # type: ignore[attr-defined]

    return Points(forecast)


def test_each_window_asks_the_newest_network_that_has_not_seen_it() -> None:
    divided = split_of()
    networks = tuple(replace(make_pretrained(name), name=TUNED) for name in ("a", "bb", "ccc"))
    cutoffs = rolling_cutoffs(divided)
    np.testing.assert_array_equal(cutoffs, [divided.learned, *divided.folds[1:]])
    model, origins = Rolling(networks, cutoffs), divided.calibration_windows()
    found = divided.ask(model, origins).quantiles
    assert found is not None
    for place in range(len(origins)):
        window = origins[place : place + 1]
        newest = max(k for k in range(3) if cutoffs[k, window.series[0]] <= window.end[0])
        np.testing.assert_allclose(found[place], divided.ask(networks[newest], window).quantiles[0], rtol=1e-6)
    for ours, theirs in zip(networks_of(divided, model.arrays()), networks, strict=True):
        assert ours.config == theirs.config
        np.testing.assert_array_equal(ours.weights["state.kernel"], theirs.weights["state.kernel"])


def test_large_data_have_one_training_for_all_folds() -> None:
    few, many = split_of(2), split_of(SMALL // 80)
    assert (len(rolling_cutoffs(few)), len(rolling_cutoffs(many))) == (3, 1)


def compared(split: Split, errors: Mapping[int, float]) -> tuple[Comparison, list[bool]]:
    """Whole steps with errors relative to those without; and whether more were of use after each of them."""
    off = np.resize([4.0, 2.0], len(split.test))
    comparison, over = Comparison(split, off_by(off)), []
    for steps, error in errors.items():
        comparison.take(steps, 1.0, off_by(error * off))
        over.append(comparison.over)
    return comparison, over


def test_the_best_number_of_steps_is_taken_and_more_are_not_tried_for_long() -> None:
    comparison, over = compared(split_of(), {10: 0.9, 20: 0.5, 40: 0.7, 80: 0.6, 160: 0.8})
    assert (comparison.best.steps, comparison.best.share) == (20, 1.0)
    assert (over, PATIENCE) == ([False, False, False, False, True], 3)
    errors = [one.error for one in comparison.scores]
    assert [error / errors[0] for error in errors] == pytest.approx([1, 0.9, 0.5, 0.7, 0.6, 0.8])


@pytest.mark.parametrize(("n_series", "error", "taken"), [
    (1, 0.95, False), (1, 0.7, True), (60, 0.93, True), (60, 1.02, False),
])  # fmt: skip
def test_few_horizons_must_speak_clearly(n_series: int, error: float, taken: bool) -> None:
    comparison, _ = compared(split_of(n_series), {30: error})
    assert (comparison.best.steps == 30) == taken


def test_what_is_promised_is_known_from_the_horizons_and_the_prior() -> None:
    comparison, _ = compared(split_of(2), {30: 0.8})
    # 2 series with 3 folds of 6 rows each
    expected = (6 * -np.log(0.8) + HORIZONS * PRIOR[1.0]) / (6 + HORIZONS)
    assert comparison.promise == pytest.approx(expected)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's network is a small one."""
    monkeypatch.setattr("gruforecast.models.pretrained.model.weights", lambda: NETWORK.weights)
    monkeypatch.setattr("gruforecast.models.pretrained.model.card", lambda: type("Card", (), {"width": 8}))


def asked(folder: Path, divided: Split, **changes: object) -> tuple[TuningResult, dict[str, np.ndarray]]:
    """Result and weights of a request."""
    save_split(folder, "split", divided)
    request = TuningRequest(
        folder=str(folder), data="split", until="folds", steps=(2, 4), seed=3, file="weights.npz", digest=""
    )
    result = record(TuningResult, run_tuning(plain(structs.replace(request, **changes))), "result")
    return result, read_npz(folder / "weights.npz") if result.file else {}


@pytest.mark.usefixtures("small")
def test_the_folds_trainings_see_nothing_from_their_cutoffs_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gruforecast.automl.search.tuning.PRIOR", {0.5: 99.0})  # is taken, however bad
    divided = split_of()
    result, arrays = asked(tmp_path, divided)
    assert [(one.steps, one.share) for one in result.scores] == [(0, 0.0), (2, 0.5), (4, 0.5)]
    assert result.steps in (2, 4)
    for k, cutoff in enumerate([divided.learned, *divided.folds[1:]]):
        before = np.arange(len(divided.history.values)) < np.repeat(cutoff, np.diff(divided.history.indptr))
        history = History.of(np.where(before, divided.history.values, -99.0), divided.history.indptr)
        expected = dict(fine_tuned(NETWORK, history, cutoff, (result.steps,), 3))[result.steps].weights
        for name, one in expected.items():
            half = (one.astype(float) + NETWORK.weights[name]) / 2
            np.testing.assert_allclose(arrays[f"{k}.{name}"], half, rtol=1e-5, atol=1e-7)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("until", ["test", "end"])
def test_the_last_trainings_take_the_steps_requested(tmp_path: Path, until: str) -> None:
    divided = split_of()
    cutoff = divided.test if until == "test" else divided.history.indptr[1:]
    result, arrays = asked(tmp_path, replace(divided, test=cutoff), until=until, steps=(4,), share=0.25)
    assert (result.steps, result.late, result.scores) == (4, False, [])
    expected = dict(fine_tuned(NETWORK, divided.history, cutoff, (4,), 3))[4].weights
    assert set(arrays) == {f"0.{name}" for name in expected}
    before, after = NETWORK.weights["head.kernel"], expected["head.kernel"]
    np.testing.assert_allclose(arrays["0.head.kernel"], 0.75 * before + 0.25 * after, rtol=1e-5, atol=1e-7)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("until", ["folds", "test"])
def test_a_deadline_ends_it_and_nothing_is_written(tmp_path: Path, until: str) -> None:
    result, arrays = asked(tmp_path, split_of(), until=until, deadline=1.0)
    assert (result.steps, result.late, len(result.scores), arrays) == (0, True, until == "folds", {})

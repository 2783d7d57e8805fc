"""Fine-tuning in a worker: which rows a training sees, how many steps are taken, what is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from made_networks import make_pretrained
from makers import panel_of
from msgspec import structs

from gruforecast.arrays import Floats, Weights
from gruforecast.automl.search.results import TuningRequest, TuningResult
from gruforecast.automl.search.trial import save_split
from gruforecast.automl.search.tuning import HANDICAP, PATIENCE, Comparison, network_of, run_tuning
from gruforecast.data.windows import History, Windows
from gruforecast.evaluation.splits import Split, split
from gruforecast.execution.atomic_files import read_npz
from gruforecast.models.networks.config import QUANTILES
from gruforecast.models.pretrained.fine_tuning import fine_tuned
from gruforecast.models.quantile_forecast import QuantileForecast
from gruforecast.models.registry import TUNED
from gruforecast.serialization import plain, record

NETWORK = make_pretrained("pretrained")


def split_of(n_series: int = 2, rows: int = 110) -> Split:
    rng = np.random.default_rng(0)
    season = 8 * np.sin(2 * np.pi * np.arange(rows) / 12)
    series = [30 + season + rng.normal(size=rows) for _ in range(n_series)]
    return split(panel_of(*series), 6, 3, 12, "f.csv")


@dataclass(frozen=True)
class OffBy:
    """In the place of a network: forecasts that are wrong by what is said for each series."""

    by: Floats
    weights: Weights = field(default_factory=dict)

    def forecast(self, history: History, windows: Windows, horizon: int, season_length: int) -> QuantileForecast:
        index = np.minimum(windows.end[:, None] + np.arange(horizon), len(history.values) - 1)
        points = history.values[index] + self.by[windows.series][:, None]
        return QuantileForecast.of(np.repeat(points[:, :, None], len(QUANTILES), axis=2))


def compared(
    monkeypatch: pytest.MonkeyPatch, errors: Mapping[int, tuple[float, float]]
) -> tuple[Comparison, list[bool]]:
    """Half of the way and the whole with errors relative to those without; whether more were of use after each."""
    divided = split_of()
    off = np.array([4.0, 2.0])

    def between(start: OffBy, tuned: OffBy, share: float) -> OffBy:
        half, whole = errors[int(tuned.by[0])]
        return OffBy(off * (half if share < 1 else whole), {"steps": tuned.by * share})

    monkeypatch.setattr("gruforecast.automl.search.tuning.between", between)
    comparison, over = Comparison(divided, OffBy(off)), []  # type: ignore[arg-type]
    for steps in errors:
        comparison.take(steps, OffBy(np.array([float(steps)])))  # type: ignore[arg-type]
        over.append(comparison.over)
    return comparison, over


def test_the_best_number_of_steps_is_taken_and_more_are_not_tried_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    comparison, over = compared(
        monkeypatch, {10: (0.9, 0.9), 20: (0.5, 0.6), 40: (0.7, 0.7), 80: (0.6, 0.6), 160: (0.8, 0.8)}
    )
    assert (comparison.best.steps, comparison.best.share) == (20, 0.5)
    np.testing.assert_array_equal(comparison.weights["steps"], [10.0])
    assert (over, PATIENCE) == ([False, False, False, False, True], 3)
    errors = [one.error for one in comparison.scores]
    assert [error / errors[0] for error in errors] == pytest.approx(
        [1, 0.9, 0.9, 0.5, 0.6, 0.7, 0.7, 0.6, 0.6, 0.8, 0.8]
    )


@pytest.mark.parametrize(("half", "whole", "share"), [
    (0.9, 0.87, 0.5), (0.9, 0.85, 1.0), (1.01, 0.97, 0.0), (1.01, 0.94, 1.0), (0.99, 0.99, 0.5),
])  # fmt: skip
def test_the_whole_way_must_gain_clearly_more(
    monkeypatch: pytest.MonkeyPatch, half: float, whole: float, share: float
) -> None:
    comparison, _ = compared(monkeypatch, {30: (half, whole)})
    assert HANDICAP == {0.5: 0.0, 1.0: 0.05}
    assert (comparison.best.share, comparison.best.steps) == (share, 30 if share else 0)
    assert bool(comparison.weights) == bool(share)


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
def test_the_training_for_the_folds_sees_nothing_from_the_first_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gruforecast.automl.search.tuning.HANDICAP", {0.5: -99.0})  # is taken, however bad
    divided = split_of()
    result, arrays = asked(tmp_path, divided)
    assert [(one.steps, one.share) for one in result.scores] == [(0, 0.0), (2, 0.5), (4, 0.5)]
    assert result.steps in (2, 4)
    before = np.arange(len(divided.history.values)) < np.repeat(divided.learned, np.diff(divided.history.indptr))
    history = History.of(np.where(before, divided.history.values, -99.0), divided.history.indptr)
    expected = dict(fine_tuned(NETWORK, history, divided.learned, (result.steps,), 3))[result.steps].weights
    for name, one in expected.items():
        half = (one.astype(float) + NETWORK.weights[name]) / 2
        np.testing.assert_allclose(arrays[name], half, rtol=1e-5, atol=1e-7)
    found = network_of(divided, arrays)
    assert (found.name, found.config.horizon, found.config.season_length) == (TUNED, 6, 12)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("until", ["test", "end"])
def test_the_last_trainings_take_the_steps_requested(tmp_path: Path, until: str) -> None:
    divided = split_of()
    cutoff = divided.test if until == "test" else divided.history.indptr[1:]
    result, arrays = asked(tmp_path, replace(divided, test=cutoff), until=until, steps=(4,), share=0.25)
    assert (result.steps, result.late, result.scores) == (4, False, [])
    expected = dict(fine_tuned(NETWORK, divided.history, cutoff, (4,), 3))[4].weights
    assert set(arrays) == set(expected)
    before, after = NETWORK.weights["head.kernel"], expected["head.kernel"]
    np.testing.assert_allclose(arrays["head.kernel"], 0.75 * before + 0.25 * after, rtol=1e-5, atol=1e-7)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("until", ["folds", "test"])
def test_a_deadline_ends_it_and_nothing_is_written(tmp_path: Path, until: str) -> None:
    result, arrays = asked(tmp_path, split_of(), until=until, deadline=1.0)
    assert (result.steps, result.late, len(result.scores), arrays) == (0, True, until == "folds", {})

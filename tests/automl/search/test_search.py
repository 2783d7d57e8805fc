"""The space follows from the data; the Oracle is asked and told; a trial is plain JSON in and out."""

from __future__ import annotations

import dataclasses
import json
import signal
from pathlib import Path

import numpy as np
import pytest
from makers import panel_of
from msgspec import structs

from gruforecast.automl.search.oracle import _signals_wait
from gruforecast.automl.search.results import FitRequest, TrialRequest, TrialResult
from gruforecast.automl.search.space import (
    Space,
    _around,
    _default_lookback,
    _lookbacks,
    _many_steps,
    _segments,
    recipe,
)
from gruforecast.automl.search.trial import asked_of_statistical, run_fit, run_trial, save_split, seed_of
from gruforecast.data.calendar.frequency import Frequency
from gruforecast.evaluation.splits import split
from gruforecast.models.networks.config import DECODERS, Hyperparameters, NetworkConfig
from gruforecast.models.registry import model_of
from gruforecast.serialization import from_dict, plain, record

HOURLY = Frequency("s", 3600)


def wave(rows: int, length: int, level: float = 10.0):
    noise = np.random.default_rng(rows).normal(size=rows)
    return level + 3 * np.sin(2 * np.pi * np.arange(rows) / length) + 0.3 * noise


def space_of(rows: int, length: int, horizon: int, series: int = 1, season: int | None = None) -> Space:
    panel = panel_of(*[wave(rows + k, length) for k in range(series)], freq=HOURLY)
    return Space.of(split(panel, horizon, 3, season or length, "f.csv"))


@pytest.mark.parametrize(
    ("rows", "length", "horizon"), [(30, 1, 3), (144, 12, 12), (60, 7, 7), (900, 24, 48), (300, 52, 13), (2000, 48, 48)]
)
def test_every_combination_of_the_space_is_a_network(rows: int, length: int, horizon: int) -> None:
    space = space_of(rows, length, horizon)
    assert space.start.lookback in space.lookbacks
    assert space.start.segment in space.segments
    assert (space.start.layers, space.start.units) in space.sizes
    assert len(space.lookbacks) * len(space.segments) * len(space.sizes) <= 12
    for lookback in space.lookbacks:
        for segment in space.segments:
            found = space.network(structs.replace(space.start, lookback=lookback, segment=segment))
            assert isinstance(found, NetworkConfig)


def test_a_step_of_a_day_is_no_season_of_a_day() -> None:
    panel = panel_of(np.random.default_rng(0).normal(size=300).cumsum(), freq=HOURLY)
    daily = dataclasses.replace(panel, ds=np.datetime64("2020-01-01", "s") + 86_400 * np.arange(300))
    space = Space.of(split(daily, 14, 3, 1, "f.csv"))
    assert space.step_days == 1.0
    assert space.start.lookback in space.lookbacks


def test_bounds_grow_with_the_data() -> None:
    small, large = space_of(144, 12, 12), space_of(4000, 24, 24, series=20)
    assert max(small.sizes) < max(large.sizes) == (2, 128)
    assert small.steps < large.steps
    assert large.start.lookback == 168
    assert large.start.segment == 24


def test_the_space_reads_no_row_from_the_first_fold_on() -> None:
    panel = panel_of(wave(200, 12))
    one = Space.of(split(panel, 12, 3, 12, "f.csv"))
    panel.y[200 - 4 * 12 :] *= -1000
    assert Space.of(split(panel, 12, 3, 12, "f.csv")) == one


@pytest.mark.parametrize(
    ("season", "horizon", "rows", "daily", "wanted"),
    [
        (1, 3, 1000, False, (4, 8, 16, 24, 48)),
        (1, 4, 1000, False, (4, 8, 16, 24, 48)),
        (1, 5, 1000, False, (8, 16, 24, 48)),
        (1, 50, 1000, False, (8, 16, 24, 48, 52)),
        (1, 3, 24, False, (4, 8, 16, 24)),
        (1, 3, 23, False, (4, 8, 16)),
        (1, 9, 2, False, (4,)),
        (7, 3, 1000, False, (14, 21, 28, 42, 56, 84)),
        (7, 3, 42, False, (14, 21, 28, 42)),
        (7, 3, 5, False, (7,)),
        (11, 3, 1000, False, (22, 33, 44, 66, 88, 132)),
        (12, 12, 1000, False, (12, 24, 36, 48)),
        (12, 13, 1000, False, (24, 36, 48)),
        (12, 61, 1000, False, (24, 36, 48, 72)),
        (24, 24, 1000, True, (24, 48, 72, 96, 168, 336)),
        (24, 24, 335, True, (24, 48, 72, 96, 168)),
    ],
)
def test_lookbacks_worth_trying(season: int, horizon: int, rows: int, daily: bool, wanted: tuple[int, ...]) -> None:
    assert _lookbacks(season, horizon, rows, daily=daily) == wanted


@pytest.mark.parametrize(
    ("season", "horizon", "choices", "wanted"),
    [
        (1, 30, (8, 16, 24, 48), 16),
        (4, 2, (8, 12, 16, 24), 16),
        (7, 3, (14, 21, 28, 42), 28),  # four seasons
        (7, 20, (14, 21, 28, 42), 42),  # two horizons
        (11, 3, (22, 33, 44, 66), 44),
        (12, 6, (24, 36, 48), 36),  # three seasons
        (12, 24, (24, 36, 48), 48),
        (2, 1, (4, 6, 8, 16, 24), 16),  # sixteen rows
        (12, 6, (24, 48), 24),  # as near: the shorter one
    ],
)
def test_the_usual_lookback(season: int, horizon: int, choices: tuple[int, ...], wanted: int) -> None:
    assert _default_lookback(season, horizon, choices) == wanted


def test_few_choices_around_the_usual_one() -> None:
    assert _around((8, 16, 24), 8) == (8, 16)
    assert _around((8, 16, 24), 16) == (16, 24)
    assert _around((8, 16, 24), 24) == (16, 24)
    assert _around((8,), 8) == (8,)


@pytest.mark.parametrize(
    ("season", "lookback", "wanted"),
    [
        (1, 40, ((1, 4), 1)),
        (1, 41, ((1, 4), 4)),
        (7, 42, ((7,), 7)),
        (7, 40, ((1, 7), 1)),
        (12, 48, ((3, 12), 3)),
        (12, 120, ((3, 12), 3)),
        (12, 121, ((4, 12), 12)),
        (10, 50, ((2, 10), 2)),  # 2 and not 5
        (24, 240, ((6, 24), 6)),
        (24, 241, ((8, 24), 24)),
        (5, 400, ((5,), 5)),
    ],
)
def test_rows_a_token(season: int, lookback: int, wanted: tuple[tuple[int, ...], int]) -> None:
    assert _segments(season, lookback) == wanted


@pytest.mark.parametrize(
    ("windows", "steps"),
    [(1, 1000), (42_667, 1000), (50_000, 1175), (100_000, 2350), (255_000, 5975), (10**7, 6000)],
)
def test_steps_for_large_data_are_three_passes_within_bounds(windows: int, steps: int) -> None:
    assert _many_steps(windows) == steps


class Noted:
    """Stands for keras-tuner's hyperparameters: what is declared, and the usual values."""

    def __init__(self) -> None:
        self.declared: dict[str, tuple[object, ...]] = {}

    def Choice(self, name: str, values: list[object], default: object, ordered: bool | None = None) -> object:  # noqa: N802 - keras-tuner's name
        self.declared[name] = (values, default, ordered)
        return default

    def Float(self, name: str, low: float, high: float, sampling: str, default: float) -> float:  # noqa: N802 - keras-tuner's name
        self.declared[name] = (low, high, sampling, default)
        return default

    def Boolean(self, name: str, default: bool) -> bool:  # noqa: N802 - keras-tuner's name
        self.declared[name] = (default,)
        return default


def test_what_is_declared_of_a_seasonal_space() -> None:
    space = space_of(144, 12, 12)
    noted = Noted()
    assert space.register(noted) == space.start
    assert noted.declared == {
        "size": ([0, 1], 0, True),
        "lookback": ([36, 48], 36, True),
        "segment": ([3, 12], 3, True),
        "decoder": (["direct"], "direct", None),
        "dropout": ([0.0, 0.1, 0.2, 0.3, 0.4, 0.5], 0.3, True),
        "learning_rate": (5e-4, 8e-3, "log", 2e-3),
        "weight_decay": (1e-3, 1e-1, "log", 1e-2),
        "length": ([0.25, 0.5, 1.0], 1.0, True),
        "own_spread": ([0.0, 0.5, 1.0], 0.5, True),
        "averaged": ([0.0, 0.5, 1.0], 0.0, True),
        "log": (True,),
    }
    assert set(space.hyperparameter_values(space.start)) == set(noted.declared)
    other = structs.replace(space.start, layers=2, units=64)
    assert space.hyperparameter_values(other)["size"] == 1


def test_what_may_be_missing_is_declared_where_it_is_there() -> None:
    flat = panel_of(np.random.default_rng(0).normal(size=300).cumsum() - 5, freq=HOURLY)
    space = Space.of(split(flat, 3, 3, 1, "f.csv"))
    noted = Noted()
    values = space.register(noted)
    assert noted.declared["trend"] == ([0.0, 0.5, 1.0], 0.0, True)
    assert "log" not in noted.declared
    assert (values.log, values.calendar, values.use_inputs) == (True, False, "none")
    seeing = dataclasses.replace(space, inputs=("known", "past"), periods=(7.0,), logged=True)
    noted = Noted()
    values = seeing.register(noted)
    assert noted.declared["use_inputs"] == (["none", "all", "ahead"], "none", None)
    assert noted.declared["calendar"] == (False,)
    assert set(seeing.hyperparameter_values(values)) == set(noted.declared)
    noted = Noted()
    dataclasses.replace(space, inputs=("past", "static")).register(noted)
    assert noted.declared["use_inputs"][0] == ["none", "all"]


def test_the_first_trials_differ_in_what_they_are_for() -> None:
    space = space_of(144, 12, 12)
    start, decoded, slower, shorter = space.portfolio
    assert start == recipe(0, lookback=36, segment=3)

    def changes(one: Hyperparameters) -> dict[str, object]:
        return {name: value for name, value in structs.asdict(one).items() if value != getattr(start, name)}

    assert changes(decoded) == {"segment": 12, "own_spread": 1.0, "log": False}
    assert changes(slower) == {"lookback": 48, "averaged": 1.0, "learning_rate": 7e-4}
    assert changes(shorter) == {"layers": 2, "units": 64, "averaged": 0.5, "length": 0.5}
    large = space_of(4000, 24, 24, series=20)
    assert large.batch_size in (64, 128)
    assert {one.decoder for one in large.portfolio} > {"direct"}
    assert large.decoders == DECODERS


def test_the_training_takes_its_share_of_the_steps_and_fifty_at_least() -> None:
    space = space_of(144, 12, 12)
    assert (space.steps, space.batch_size) == (200, 32)
    values = space.start
    found = space.training(values, 7)
    assert (found.steps, found.batch_size, found.learning_rate, found.weight_decay, found.seed) == (
        200,
        32,
        2e-3,
        1e-2,
        7,
    )
    assert space.training(values, 7, 0.3).steps == 60
    assert space.training(structs.replace(values, length=0.25), 7).steps == 50
    assert space.training(structs.replace(values, length=0.25), 7, 0.5).steps == 50
    assert space.network(structs.replace(values, dropout=0.30000000000000004)).dropout == 0.3


def test_the_unit_of_logarithms_is_the_median_spread_of_positive_series_that_change() -> None:
    generator = np.random.default_rng(9)
    noise = [np.exp(spread * generator.normal(size=120)) for spread in (0.1, 0.4, 2.0)]
    others = [np.full(120, 3.0), generator.normal(size=120), np.r_[np.full(118, np.nan), 1.0, 2.0]]
    parts = split(panel_of(*noise, *others[:2], freq=HOURLY), 3, 3, 12, "f.csv")
    space = Space.of(parts)
    lookback = space.start.lookback
    spreads = []
    for series in range(3):
        end = int(parts.learned[series])
        spreads.append(np.log(parts.history.values[end - lookback : end]).std())
    assert space.log_unit == pytest.approx(sorted(spreads)[1], rel=1e-12)
    assert Space.of(split(panel_of(others[0], others[1], freq=HOURLY), 3, 3, 12, "f.csv")).log_unit == 1.0
    assert not Space.of(split(panel_of(others[1], freq=HOURLY), 3, 3, 12, "f.csv")).logged


@pytest.mark.parametrize(("rows", "year"), [(730, False), (731, True)])
def test_a_period_of_the_calendar_must_fit_twice_before_the_first_fold(rows: int, year: bool) -> None:
    def parts_of(length: int):
        y = np.random.default_rng(0).normal(size=length).cumsum()
        return split(panel_of(y, freq=Frequency("s", 86_400)), 14, 3, 7, "f.csv")

    parts = next(found for found in map(parts_of, range(rows, rows + 400)) if found.learned[0] == rows)
    space = Space.of(parts)
    assert space.step_days == 1.0
    assert space.periods == ((365.2425,) if year else ())


def test_a_signal_waits_for_the_end_of_an_import() -> None:
    steps = []

    def interrupted() -> None:
        with _signals_wait():
            signal.raise_signal(signal.SIGINT)
            steps.append("import")
        steps.append("after")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert steps == ["import"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_seeds_differ_by_trial_and_are_never_zero() -> None:
    found = {seed_of(seed, number) for seed in (0, 1, 2) for number in range(200)}
    assert len(found) == 600
    assert 0 not in found


@pytest.mark.network
@pytest.mark.parametrize("tuner", ["bayesian", "random", "hyperband"])
def test_proposals_begin_with_the_recipe_and_repeat_with_the_seed(tuner: str) -> None:
    from gruforecast.automl.search.oracle import Proposer

    space = space_of(144, 12, 12)

    def run(seed: int):
        proposer, found, work = Proposer(tuner, space, 8, seed), [], 0.0
        while (proposal := proposer.ask()) is not None:
            found.append(proposal.values)
            work += proposal.share
            score = proposal.values.dropout + proposal.values.layers
            proposer.tell(proposal.number, np.nan if proposal.number == 2 else score)
        proposer.close()
        return found, work

    (one, work), (same, _), (other, _) = run(0), run(0), run(1)
    assert one[0] == space.start
    assert one == same != other
    assert 8 <= work < 9 + 1e-9
    for values in one:
        space.network(values)
    if tuner != "hyperband":
        assert len(one) == 8
        assert len(set(one)) == 8


@pytest.fixture
def request_of(tmp_path):
    divided = split(panel_of(wave(160, 12)), 12, 2, 12, "f.csv")
    save_split(tmp_path, "split", divided)
    space = Space.of(divided)

    def make(kind=TrialRequest, training=None, **more):
        values = structs.replace(space.start, units=16)
        whole = dataclasses.replace(space.training(values, seed=1), **{"steps": 50, **(training or {})})
        common = {"network": space.network(values), "training": whole, "data": "split", "weights": "w.npz"}
        return plain(kind(folder=str(tmp_path), **common, **more))

    return make


@pytest.mark.network
def test_a_trial_survives_json_and_its_score_is_that_of_its_weights(request_of, tmp_path) -> None:
    from gruforecast.automl.search.trial import load_split
    from gruforecast.execution.atomic_files import read_npz
    from gruforecast.models.networks.inference import Network

    request = json.loads(json.dumps(request_of(number=0, rungs=(None, None))))
    result = json.loads(json.dumps(run_trial(request)))
    assert result["status"] == "completed"
    assert result["score"] == pytest.approx(np.mean(result["fold_scores"]))
    assert record(TrialResult, result, "test").weights == "w.npz"
    divided, weights = load_split(request["folder"], "split"), read_npz(tmp_path / "w.npz")
    config = from_dict(NetworkConfig, request["network"], "test")
    network = Network("gru", config, weights)
    again = divided.fold_scores([divided.ask(network, one).mean for one in divided.fold_windows()])
    assert again == result["fold_scores"]


def test_a_statistical_model_is_asked_at_folds_and_origins_at_the_test_set_and_at_the_end() -> None:
    divided = split(panel_of(wave(160, 12), wave(150, 12)), 12, 2, 12, "f.csv")
    ends = {
        until: {name: windows.end.tolist() for name, windows in asked_of_statistical(divided, until).items()}
        for until in ("learned", "test", "end")
    }
    assert ends["learned"]["fold-0"] == [124, 274]
    assert ends["learned"]["fold-1"] == [136, 286]
    assert ends["learned"]["origins"] == divided.calibration_windows().end.tolist()
    assert (ends["test"], ends["end"]) == ({"test": [148, 298]}, {"end": [160, 310]})


def test_a_statistical_job_forecasts_its_series_and_the_test_set_changes_nothing(tmp_path: Path) -> None:
    from gruforecast.automl.search.results import StatisticalRequest, StatisticalResult
    from gruforecast.automl.search.trial import run_statistical
    from gruforecast.execution.atomic_files import read_npz

    arrays = []
    for factor in (1.0, 1000.0):
        rows = [wave(160, 12), wave(150, 12), wave(155, 12)]
        for one in rows:
            one[-12:] *= factor
        divided = split(panel_of(*rows), 12, 2, 12, "f.csv")
        folder = tmp_path / str(factor)
        folder.mkdir()
        save_split(folder, "split", divided)
        parts = []
        for until in ("learned", "test"):
            asked = StatisticalRequest(
                folder=str(folder), data="split", model="auto-ets", until=until, begin=1, end=3, file=f"{until}.npz"
            )
            result = record(StatisticalResult, run_statistical(plain(asked)), "test")
            assert (result.status, result.late) == ("completed", False)
            parts.append(read_npz(folder / f"{until}.npz"))
        arrays.append(parts[0] | parts[1])
    first, second = arrays
    assert {name: len(one) for name, one in first.items()} == {
        "fold-0": 2, "fold-1": 2, "origins": 48, "test": 2,
    }  # fmt: skip
    assert all(np.array_equal(first[name], second[name]) for name in first)
    split_again = split(panel_of(*rows), 12, 2, 12, "f.csv")
    wanted = split_again.ask(model_of("auto-ets"), split_again.test_windows()).mean[1:]
    np.testing.assert_allclose(first["test"], wanted, rtol=1e-6)


def test_data_written_anew_are_read_anew(tmp_path) -> None:
    from gruforecast.automl.search.trial import load_split

    for level in (10.0, 20.0):
        save_split(tmp_path, "split", split(panel_of(wave(160, 12, level)), 12, 2, 12, "f.csv"))
        assert load_split(str(tmp_path), "split").history.values[0] == pytest.approx(wave(160, 12, level)[0])


@pytest.mark.network
def test_a_diverging_trial_is_said_to_diverge(request_of) -> None:
    result = run_trial(request_of(number=0, rungs=(None, None), training={"learning_rate": 1e30}))
    assert (result["status"], result["score"]) == ("diverged", None)


@pytest.mark.network
def test_a_fit_until_the_end_differs_from_one_until_the_test_part(request_of) -> None:
    one, two = (run_fit(request_of(FitRequest, until=until)) for until in ("test", "end"))
    assert one["steps"] == two["steps"] == 50
    assert one["digest"] != two["digest"]


@pytest.mark.network
@pytest.mark.slow
def test_the_hypermodel_works_in_a_tuner_of_keras_tuner(tmp_path) -> None:
    import warnings

    import keras_tuner

    import gruforecast.models.training  # noqa: F401 - sets up TensorFlow first
    from gruforecast import GRUHyperModel

    panel = panel_of(wave(120, 12))
    hypermodel = GRUHyperModel(panel, horizon=6, season_length=12)
    x, y = hypermodel.examples(panel)
    assert x.shape[1] == hypermodel.space.lookbacks[-1]
    assert (x[-1, -1], y[-1, 0]) == (panel.y[-7], panel.y[-6])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tuner = keras_tuner.RandomSearch(
            hypermodel, objective="val_loss", max_trials=2, seed=1, directory=tmp_path, project_name="t", overwrite=True
        )
        tuner.search(x[:-12], y[:-12], validation_data=(x[-6:], y[-6:]), epochs=2, verbose=0)
        best = tuner.get_best_models(1)[0]
    statuses = {trial.status for trial in tuner.oracle.trials.values()}
    assert statuses == {"COMPLETED"}
    assert np.isfinite(best.predict(x[-3:], verbose=0)).all()


@pytest.mark.parametrize(("windows", "steps"), [(30_000, 1000), (80_000, 1875), (200_000, 4700), (10_000_000, 6000)])
def test_large_data_are_passed_over_three_times_within_bounds(windows: int, steps: int) -> None:
    assert _many_steps(windows) == steps

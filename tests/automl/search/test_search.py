"""The space follows from the data; the Oracle is asked and told; a trial is a dict in and a dict out."""

from __future__ import annotations

import dataclasses
import json
import signal

import numpy as np
import pytest
from makers import panel_of

from gruforecast.automl.search.oracle import _signals_wait
from gruforecast.automl.search.space import Space, _many_steps
from gruforecast.automl.search.trial import run_fit, run_trial, save_split, seed_of
from gruforecast.data.calendar.frequency import Frequency
from gruforecast.evaluation.splits import split
from gruforecast.models.networks.config import NetworkConfig
from gruforecast.serialization import from_dict, to_dict

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
    assert space.start["lookback"] in space.lookbacks
    assert space.start["segment"] in space.segments
    assert (space.start["layers"], space.start["units"]) in space.sizes
    assert len(space.lookbacks) * len(space.segments) * len(space.sizes) <= 12
    for lookback in space.lookbacks:
        for segment in space.segments:
            found = space.network({**space.start, "lookback": lookback, "segment": segment})
            assert isinstance(found, NetworkConfig)


def test_a_step_of_a_day_is_no_season_of_a_day() -> None:
    panel = panel_of(np.random.default_rng(0).normal(size=300).cumsum(), freq=HOURLY)
    daily = dataclasses.replace(panel, ds=np.datetime64("2020-01-01", "s") + 86_400 * np.arange(300))
    space = Space.of(split(daily, 14, 3, 1, "f.csv"))
    assert space.step_days == 1.0
    assert space.start["lookback"] in space.lookbacks


def test_bounds_grow_with_the_data() -> None:
    small, large = space_of(144, 12, 12), space_of(4000, 24, 24, series=20)
    assert max(small.sizes) < max(large.sizes) == (2, 128)
    assert small.steps < large.steps
    assert large.start["lookback"] == 168
    assert large.start["segment"] == 24


def test_the_space_reads_no_row_from_the_first_fold_on() -> None:
    panel = panel_of(wave(200, 12))
    one = Space.of(split(panel, 12, 3, 12, "f.csv"))
    panel.y[200 - 4 * 12 :] *= -1000
    assert Space.of(split(panel, 12, 3, 12, "f.csv")) == one


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
            score = proposal.values["dropout"] + proposal.values["layers"]
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
        assert len({json.dumps(values) for values in one}) == 8


@pytest.fixture
def request_of(tmp_path):
    divided = split(panel_of(wave(160, 12)), 12, 2, 12, "f.csv")
    save_split(tmp_path, "split", divided)
    space = Space.of(divided)

    def make(**changes):
        values = {**space.start, "units": 16}
        training = to_dict(space.training(values, seed=1)) | changes.pop("training", {"steps": 50})
        common = {"network": to_dict(space.network(values)), "training": training, "rungs": [None, None]}
        common |= {"folder": str(tmp_path), "data": "split", "weights": "w.npz", "limit": None}
        return {**common, "deadline": None, "initial": None, "rates": [1.0, 0.0], "until": "test", **changes}

    return make


@pytest.mark.network
def test_a_trial_survives_json_and_its_score_is_that_of_its_weights(request_of, tmp_path) -> None:
    from gruforecast.automl.search.trial import load_split, point
    from gruforecast.execution.atomic_files import read_npz

    request = json.loads(json.dumps(request_of()))
    result = json.loads(json.dumps(run_trial(request)))
    assert result["status"] == "completed"
    assert result["score"] == pytest.approx(np.mean(result["fold_scores"]))
    divided, weights = load_split(request["folder"], "split"), read_npz(tmp_path / "w.npz")
    config = from_dict(NetworkConfig, request["network"], "test")
    again = divided.fold_scores([point(divided.history, one, config, weights) for one in divided.fold_windows()])
    assert again == result["fold_scores"]


def test_data_written_anew_are_read_anew(tmp_path) -> None:
    from gruforecast.automl.search.trial import load_split

    for level in (10.0, 20.0):
        save_split(tmp_path, "split", split(panel_of(wave(160, 12, level)), 12, 2, 12, "f.csv"))
        assert load_split(str(tmp_path), "split").history.values[0] == pytest.approx(wave(160, 12, level)[0])


@pytest.mark.network
def test_a_diverging_trial_is_said_to_diverge(request_of) -> None:
    result = run_trial(request_of(training={"steps": 50, "learning_rate": 1e30}))
    assert (result["status"], result["score"]) == ("diverged", None)


@pytest.mark.network
def test_a_fit_until_the_end_differs_from_one_until_the_test_part(request_of) -> None:
    one, two = run_fit(request_of()), run_fit(request_of(until="end"))
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

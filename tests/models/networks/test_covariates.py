"""What a network sees of covariates: in the past, ahead, and never too early."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import panel_of

from gruforecast.automl.search.space import Space
from gruforecast.data.windows import History, gather_covariates
from gruforecast.evaluation.splits import split
from gruforecast.models.networks.config import NetworkConfig
from gruforecast.models.networks.covariates import SILENT, Scaling, future_channels, views
from gruforecast.models.networks.features import Features, encode
from gruforecast.models.networks.inference import forecast, weight_shapes

NAN = float("nan")
CONFIG = NetworkConfig(horizon=5, lookback=8, season_length=4, inputs=("known", "past", "static"), use_inputs="all")


def by_hand(column: list[float], season: int, lookback: int, *, flag: bool) -> list[float]:
    """Distance from the row a season before; from the newest known season ahead; in units of the past's spread."""
    seen = [value for value in column[:lookback] if not np.isnan(value)]
    spread = 1.0 if flag else max(float(np.std(seen)) if seen else 0.0, 0.1)
    found = []
    for k, value in enumerate(column):
        before = k - season
        while before >= lookback:
            before -= season
        known = before >= 0 and not np.isnan(value) and not np.isnan(column[before])
        found.append(float(np.clip((value - column[before]) / spread, -10, 10)) if known else 0.0)
    return found


@given(
    st.lists(st.floats(-3, 3) | st.just(NAN), min_size=13, max_size=13),
    st.sampled_from(["known", "known flag"]),
    st.sampled_from([1, 2, 4, 8]),
)
def test_differences_are_those_of_a_loop(column: list[float], kind: str, season: int) -> None:
    config = replace(CONFIG, season_length=season, inputs=(kind,))
    x = np.array(column)[None, :, None]
    wanted = by_hand(column, season, 8, flag=kind == "known flag")
    seen = views(x, (1.0, 1.0), config)
    whole = np.concatenate([np.concatenate(seen.past, axis=2), np.concatenate(seen.future, axis=2)], axis=1)[0]
    np.testing.assert_allclose(whole[:, 0], np.nan_to_num(column))
    np.testing.assert_allclose(whole[:, 1], wanted, atol=1e-9)
    if kind == "known":
        past = [one for one in column[:8] if not np.isnan(one)] or [0.0]
        size = max(float(np.std(past)), 0.1)
        expected = np.nan_to_num([(one - np.mean(past)) / size for one in column]).clip(-10, 10)
        np.testing.assert_allclose(whole[:, 2], expected, atol=1e-6)


def test_nothing_of_the_horizon_is_seen_of_columns_known_in_the_past_only() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(3, 13, 3))
    changed = x.copy()
    changed[:, 8:, 1:] = 99.0  # past only, and static, which is read at the last row of the past
    for one in (x, changed):
        one[:, :, 2] = one[:, :1, 2]
    one, other = (views(array, (1.0, 1.0), CONFIG) for array in (x, changed))
    for kept, found in zip(one.past, other.past, strict=True):
        np.testing.assert_array_equal(kept, found)
    np.testing.assert_array_equal(future_channels(one, [], CONFIG), future_channels(other, [], CONFIG))
    changed[:, 9, 0] = 99.0
    other = views(changed, (1.0, 1.0), CONFIG)
    assert not np.array_equal(future_channels(one, [], CONFIG), future_channels(other, [], CONFIG))
    for kept, found in zip(one.past, other.past, strict=True):
        np.testing.assert_array_equal(kept, found)
    first = [
        future_channels(seen, [], CONFIG)[:, 0] for seen in (one, other)
    ]  # fewer steps ahead change none before them
    np.testing.assert_array_equal(*first)


def test_inputs_switched_off_change_nothing() -> None:
    off = replace(CONFIG, use_inputs="none", decoder="sequence")
    generator = np.random.default_rng(1)
    weights = {name: generator.normal(size=one).astype("f4") for name, one in weight_shapes(off).items()}
    past = generator.normal(size=(2, 8))
    history = History.of(np.concatenate([*past]), np.array([0, 8, 16]), x=generator.normal(size=(16, 3)))
    windows = history.windows(np.arange(2), np.array([8, 16]))
    one = forecast(history, windows, off, weights)
    other = forecast(replace(history, x=history.x + 5), windows, off, weights)
    np.testing.assert_array_equal(one, other)
    on = replace(off, use_inputs="all")
    seen = forecast(history, windows, on, weights), forecast(replace(history, x=history.x + 5), windows, on, weights)
    assert not np.allclose(*seen)


def test_columns_known_ahead_may_be_left_out_of_the_past() -> None:
    x = np.random.default_rng(2).normal(size=(2, 13, 3))
    whole, ahead_only = (encode_of(x, use) for use in ("all", "ahead"))
    np.testing.assert_array_equal(whole.future, ahead_only.future)
    np.testing.assert_array_equal(whole.features[:, :, 4:7], ahead_only.features[:, :, 4:7])  # of the past column
    assert (ahead_only.features[:, :, 7:] == 0).all()
    assert (whole.features[:, :, 7] == x[:, :8, 0]).all()


def encode_of(x: np.ndarray, use: str) -> Features:
    past = np.random.default_rng(3).normal(size=(2, 8))
    return encode(past, np.zeros(2), np.zeros(2, bool), replace(CONFIG, use_inputs=use), covariates=x)


def test_windows_end_with_their_series() -> None:
    history = History.of(np.arange(12.0), np.array([0, 6, 12]), x=np.arange(12.0)[:, None])
    windows = history.windows(np.array([0, 1]), np.array([4, 12]), np.array([4, 12]))
    found = history.covariates(windows, 3, 4)[:, :, 0]
    np.testing.assert_array_equal(found, [[1, 2, 3, 4, 5, NAN, NAN], [9, 10, 11, NAN, NAN, NAN, NAN]])
    in_training = gather_covariates(history.x, windows, 3, 4)[:, :, 0]  # nothing from `stop` on
    np.testing.assert_array_equal(in_training, [[1, 2, 3, NAN, NAN, NAN, NAN], [9, 10, 11, NAN, NAN, NAN, NAN]])


def test_scaling_is_that_of_the_rows_before_the_first_fold() -> None:
    panel = panel_of(np.arange(40.0), np.arange(25.0))
    x = np.column_stack([np.arange(65.0), np.arange(65) % 2, np.full(65, 7.0)])
    x[3, 0] = NAN
    divided = split(replace(panel, x=x), 5, 3, 1, "f.csv")
    scaled, scaling = divided.scaled(("known", "known flag", "static"))
    rows = np.r_[0:3, 4 : divided.learned[0], 40 : divided.learned[1]]
    assert divided.learned.tolist() == [20, 45]
    np.testing.assert_allclose(scaling.centre, [x[rows, 0].mean(), x[np.r_[0:20, 40:45], 1].mean(), 7.0])
    np.testing.assert_allclose(scaling.spread, [x[rows, 0].std(), 1.0, SILENT])
    np.testing.assert_allclose(scaled.history.x, (x - scaling.centre) / scaling.spread)
    moved = x.copy()
    moved[20:40] *= 1000  # rows from the first fold on change nothing
    assert split(replace(panel, x=moved), 5, 3, 1, "f.csv").scaled(scaled.inputs)[1].centre == pytest.approx(
        scaling.centre
    )


def test_jobs_see_the_test_set_of_future_covariates_only() -> None:
    panel = panel_of(np.arange(40.0))
    x = np.tile(np.arange(40.0)[:, None], (1, 3))
    divided = replace(split(replace(panel, x=x), 5, 3, 1, "f.csv"), inputs=("past", "known", "past flag"))
    y, seen = divided.before_test()
    assert np.isnan(y[35:]).all()
    assert np.isnan(seen[35:, [0, 2]]).all()
    np.testing.assert_array_equal(seen[:, 1], x[:, 1])
    np.testing.assert_array_equal(seen[:35], x[:35])


def test_jobs_see_the_rows_of_every_series_before_its_test_set() -> None:
    panel = panel_of(np.arange(40.0), np.arange(30.0), [1.0, 2.0])
    x = np.tile(np.arange(72.0)[:, None], (1, 2))
    divided = replace(split(replace(panel, x=x), 5, 3, 1, "f.csv"), inputs=("past", "known"))
    y, seen = divided.before_test()
    hidden = np.zeros(72, bool)
    hidden[np.r_[35:40, 65:70, 70:72]] = True
    np.testing.assert_array_equal(np.isnan(y), hidden)
    np.testing.assert_array_equal(np.isnan(seen[:, 0]), hidden)
    np.testing.assert_array_equal(seen[:, 1], x[:, 1])
    assert not np.isnan(divided.history.values).any()  # the split itself stays as it was
    assert not np.isnan(divided.history.x).any()


def test_the_search_may_leave_the_inputs_out() -> None:
    panel = panel_of(10 + np.sin(np.arange(200) / 2))
    divided = replace(split(replace(panel, x=np.zeros((200, 1))), 12, 3, 12, "f.csv"), inputs=("known",))
    space = Space.of(divided)
    assert {values.use_inputs for values in space.portfolio} == {"none", "ahead", "all"}
    assert space.start.use_inputs == "ahead"
    past = Space.of(replace(divided, inputs=("past",)))
    assert {values.use_inputs for values in past.portfolio} == {"none", "all"}
    assert space.network(space.start).inputs == ("known",)
    assert "use_inputs" in space.hyperparameters().values
    assert "use_inputs" not in Space.of(split(panel, 12, 3, 12, "f.csv")).hyperparameters().values


@pytest.mark.network
def test_keras_operations_give_what_numpy_gives() -> None:
    import keras

    import gruforecast.models.training  # noqa: F401 - sets up TensorFlow first

    generator = np.random.default_rng(3)
    config = replace(CONFIG, step_days=1.0, periods=(7.0,), calendar=True)
    past, x = generator.normal(size=(20, 8)), generator.normal(size=(20, 13, 3))
    x[generator.random(x.shape) < 0.2] = NAN
    origin, flags = generator.integers(0, 20_000, 20).astype(float), np.zeros(20, bool)
    expected = encode(past, origin, flags, config, covariates=x)
    tensors = [keras.ops.convert_to_tensor(one) for one in (past, origin, flags, x)]
    found = encode(*tensors[:3], config, keras.ops, covariates=tensors[3])
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(a, np.asarray(b), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["known", "known flag", "past"])
@pytest.mark.parametrize("before", [4.0, 0.0, NAN])
def test_what_never_moved_before_the_first_fold_is_never_seen(kind: str, before: float) -> None:
    """No weight was learned for it: at random ones, its first move would ruin every forecast."""
    scaling = Scaling.of(np.array([[before], [before], [9.0]]), np.array([True, True, False]), (kind,))
    assert np.abs(scaling(np.array([[9.0]]))).max() < 1e-20


def test_a_standardised_value_is_never_too_large_for_single_precision() -> None:
    scaling = Scaling(np.array([0.0]), np.array([1e-25]))
    assert scaling(np.array([[1e300], [-1e300]])).tolist() == [[1e6], [-1e6]]


# --- golden numbers at the edges


def test_values_are_cut_off_at_ten_and_spreads_are_a_tenth_at_least() -> None:
    config = replace(CONFIG, lookback=4, horizon=2, season_length=2, inputs=("known",))
    x = np.array([[0.01, -0.01, 0.01, -0.01, 12.0, -12.0]])[:, :, None]
    seen = views(x, (1.0, 1.0), config)
    value, difference, inside = (one[0, :, 0] for one in seen.future)
    assert (value.tolist(), difference.tolist(), inside.tolist()) == ([10, -10], [10, -10], [10, -10])
    near = views(np.where(np.abs(x) > 1, 0.05, x), (1.0, 1.0), config)
    np.testing.assert_allclose([one[0, :, 0] for one in near.future], [[0.05, 0.05], [0.4, 0.6], [0.5, 0.5]])


def test_static_columns_are_those_of_the_last_row_and_repeated_over_the_horizon() -> None:
    config = replace(CONFIG, lookback=2, horizon=3, season_length=1, inputs=("static", "known flag", "static"))
    x = np.zeros((1, 5, 3))
    x[0, :, 0], x[0, :, 2] = [7, 2, 8, 8, 8], [7, -30, 8, 8, 8]
    x[0, :, 1] = [1, 0, 1, 1, 0]
    seen = views(x, (1.0, 1.0), config)
    assert seen.static.tolist() == [[2.0, -10.0]]
    found = future_channels(seen, [np.array([[0.1, 0.2, 0.3]])], config)
    assert found[0, :, 0].tolist() == [0.1, 0.2, 0.3]
    assert found[0, :, 1].tolist() == [1, 1, 0]
    assert found[0, :, 2].tolist() == [1, 1, 0]  # against the last row, which was 0
    assert found[0, :, 3:].tolist() == [[2.0, -10.0]] * 3
    half = views(x, (0.5, 0.25), config)
    np.testing.assert_allclose(future_channels(half, [], config), 0.5 * found[:, :, 1:])
    np.testing.assert_allclose(half.past[0], 0.25 * seen.past[0])
    assert future_channels(views(x, (1.0, 1.0), replace(config, inputs=("past",) * 3)), [], config) is None


def test_the_past_comes_first_then_what_is_known_numbers_before_flags() -> None:
    config = replace(
        CONFIG, lookback=2, horizon=1, season_length=1, inputs=("known flag", "known", "past flag", "past")
    )
    x = np.tile([1.0, 2.0, 3.0, 4.0], (1, 3, 1))
    seen = views(x, (1.0, 0.5), config)
    assert [one[0, 1, 0] for one in seen.past] == [4, 0, 0, 3, 0, 1, 0, 0, 0.5, 0]  # halves of what is known
    assert [one[0, 0, 0] for one in seen.future] == [2, 0, 0, 1, 0]
    assert seen.static is None


def test_constants_of_columns_by_hand() -> None:
    x = np.array([[1.0, 5.0, NAN, 1e9], [3.0, 5.0, NAN, 1e9 + 1e-1], [NAN, 5.0, NAN, 1e9], [100.0, 9.0, 1.0, 0.0]])
    rows = np.array([True, True, True, False])
    found = Scaling.of(x, rows, ("known", "past", "static", "known"))
    np.testing.assert_allclose(found.centre, [2.0, 5.0, 0.0, 1e9])
    np.testing.assert_allclose(found.spread, [1.0, SILENT, SILENT, SILENT])
    flags = Scaling.of(x, rows, ("known flag", "past flag", "known flag", "known"))
    np.testing.assert_allclose(flags.spread, [1.0, SILENT, SILENT, SILENT])
    wide = Scaling.of(np.array([[0.0], [8.0]]), np.array([True, True]), ("known flag",))
    assert (wide.centre.tolist(), wide.spread.tolist()) == ([4.0], [1.0])
    number = Scaling.of(np.array([[0.0], [8.0]]), np.array([True, True]), ("known",))
    assert number(np.array([[[8.0]]])).tolist() == [[[1.0]]]
    none = Scaling.of(np.zeros((3, 0)), np.ones(3, bool), ())
    assert none(np.zeros((2, 3, 0))).shape == (2, 3, 0)
    moves = Scaling.of(np.array([[-1e3], [-1e3 + 4e-6]]), np.array([True, True]), ("known",))
    assert moves.spread[0] == pytest.approx(2e-6, rel=1e-3)  # a billionth of the mean is enough to move
    stays = Scaling.of(np.array([[-1e3], [-1e3 + 1e-6]]), np.array([True, True]), ("known",))
    assert stays.spread.tolist() == [SILENT]


@pytest.mark.network
def test_training_learns_what_only_a_known_column_tells() -> None:
    from gruforecast.models.networks.config import TrainingConfig
    from gruforecast.models.training.train import Schedule, train

    generator = np.random.default_rng(0)
    x = (generator.random(1200) < 0.3).astype(float)
    y = 10 + 5 * x + 0.1 * generator.normal(size=1200)
    errors = {}
    for use in ("ahead", "none"):
        config = NetworkConfig(3, 8, 1, units=16, inputs=("known flag",), use_inputs=use)
        history = History.of(y, np.array([0, 1200]), x=(x - 0.3)[:, None])
        training = TrainingConfig(steps=300, learning_rate=5e-3, seed=1)
        trained = train(config, training, history, np.array([1000]), Schedule())
        windows = history.windows(np.zeros(60, int), np.arange(1100, 1160))
        wanted = np.stack([y[end : end + 3] for end in windows.end])
        errors[use] = np.abs(forecast(history, windows, config, trained.weights)[:, :, 2] - wanted).mean()
    assert errors["ahead"] < 0.5
    assert errors["none"] > 1.5

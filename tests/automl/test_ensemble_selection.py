"""Ensemble weights: known answers, what they cannot see, and that a combination does not flatter itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers import panel_of

from gruforecast.automl import ensemble_selection as module
from gruforecast.automl.ensemble_selection import select_weights, weighted
from gruforecast.evaluation.splits import Folds, Forecasts, Split, split
from gruforecast.models.quantile_forecast import QuantileForecast


def made(n_series: int = 12, folds: int = 3, seed: int = 0) -> Split:
    generator = np.random.default_rng(seed)
    series = [100 + np.cumsum(generator.normal(size=60)) for _ in range(n_series)]
    return split(panel_of(*series), 6, folds, 1, "f.csv")


def around(divided: Split, bias: float, noise: float = 0.0, seed: int = 0) -> Folds:
    """The truth, moved by a constant, with noise."""
    generator = np.random.default_rng(seed)
    truth = [divided.actual(windows) for windows in divided.fold_windows()]
    return [one + bias + noise * generator.normal(size=one.shape) for one in truth]


def test_opposite_errors_cancel_in_equal_weights() -> None:
    divided = made()
    ensemble = select_weights(
        divided, {"high": around(divided, 3.0), "low": around(divided, -3.0), "far": around(divided, 30.0)}
    )
    assert ensemble is not None
    assert ensemble.weights == {"high": pytest.approx(0.5), "low": pytest.approx(0.5)}
    assert divided.fold_scores(ensemble.folds) == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)


def test_one_member_that_is_right_stands_alone() -> None:
    divided = made()
    ensemble = select_weights(divided, {"wrong": around(divided, 2.0), "right": around(divided, 0.0)})
    assert ensemble is not None
    assert ensemble.weights == {"right": 1.0}


def test_unequal_opposite_errors_get_the_weights_that_cancel_them() -> None:
    divided = made()
    ensemble = select_weights(divided, {"a": around(divided, 1.0), "b": around(divided, -3.0)})
    assert ensemble is not None
    assert ensemble.weights == {"a": pytest.approx(0.75), "b": pytest.approx(0.25)}


def test_independent_noise_is_averaged_away() -> None:
    divided = made(40)
    members = {f"m{k}": around(divided, 0.0, 1.0, k) for k in range(4)}
    ensemble = select_weights(divided, members)
    assert ensemble is not None
    alone = min(np.mean(divided.fold_scores(folds)) for folds in members.values())
    assert np.mean(divided.fold_scores(ensemble.folds)) < 0.6 * alone  # half, with equal weights


def test_a_fold_is_forecast_with_weights_that_never_saw_it() -> None:
    """Whatever happened in a fold, its own cross-fitted forecast stays the same."""
    divided = made()
    members = {"a": around(divided, 1.0, 0.5, 1), "b": around(divided, -1.0, 0.5, 2)}
    before = select_weights(divided, members)
    values = divided.history.values.copy()
    for series in range(12):  # rewrite the last fold only
        values[divided.folds[2][series] : divided.test[series]] += 50.0
    changed = Split(
        type(divided.history).of(values, divided.history.indptr), 6, 1, divided.test, divided.folds, divided.held
    )
    after = select_weights(changed, members)
    assert before is not None
    assert after is not None
    np.testing.assert_allclose(before.folds[2], after.folds[2], rtol=1e-12)
    assert not np.allclose(before.folds[0], after.folds[0])


def test_one_fold_of_one_series_can_test_no_weights() -> None:
    divided = made(1, folds=1)
    assert select_weights(divided, {"a": around(divided, 1.0), "b": around(divided, -1.0)}) is None


def test_one_fold_of_many_series_is_divided_by_series() -> None:
    divided = made(12, folds=1)
    ensemble = select_weights(divided, {"a": around(divided, 1.0), "b": around(divided, -1.0)})
    assert ensemble is not None
    assert ensemble.weights == {"a": pytest.approx(0.5), "b": pytest.approx(0.5)}


def test_missing_values_and_constant_series_do_not_count() -> None:
    generator = np.random.default_rng(3)
    holes = 100 + np.cumsum(generator.normal(size=60))
    holes[38:40] = np.nan
    divided = split(panel_of(holes, np.full(60, 7.0), *(50 + generator.normal(size=(9, 60)))), 6, 3, 1, "f.csv")
    truth = [np.nan_to_num(divided.actual(windows)) for windows in divided.fold_windows()]
    ensemble = select_weights(divided, {"a": [one + 1 for one in truth], "b": [one - 1 for one in truth]})
    assert ensemble is not None
    assert all(np.isfinite(one).all() for one in ensemble.folds)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=5), st.integers(0, 3))
def test_weights_add_up_and_stay_within_the_members(biases: list[float], seed: int) -> None:
    divided = made(10, seed=seed)
    members = {f"m{k}": around(divided, bias, 0.5, k) for k, bias in enumerate(biases)}
    ensemble = select_weights(divided, members)
    assert ensemble is not None
    assert sum(ensemble.weights.values()) == pytest.approx(1.0)
    assert all(weight > 0 for weight in ensemble.weights.values())
    for fold, combined in enumerate(ensemble.folds):
        stack = np.stack([folds[fold] for folds in members.values()])
        assert (combined >= stack.min(axis=0) - 1e-9).all()
        assert (combined <= stack.max(axis=0) + 1e-9).all()


def test_at_the_origins_those_that_were_asked_speak_for_all_if_they_have_most_weight() -> None:
    folds, test = [np.ones((1, 2))], QuantileForecast(np.ones((1, 2)))
    one, other = (Forecasts(folds, QuantileForecast(size * np.ones((3, 2))), test) for size in (1.0, 4.0))
    silent = Forecasts(folds, None, QuantileForecast(3 * np.ones((1, 2))))
    members = {"one": one, "other": other, "silent": silent}
    few = [np.zeros((1, 2))]
    mixed = weighted({"one": 0.4, "other": 0.2, "silent": 0.4}, members, few)
    np.testing.assert_allclose(mixed.origins.mean, 2.0)  # two thirds of 1, a third of 4
    np.testing.assert_allclose(mixed.test.mean, 0.6 + 1.2)
    assert weighted({"one": 0.4, "silent": 0.6}, members, few).origins is None
    assert weighted({"one": 0.6, "silent": 0.4}, members, [np.zeros((200, 2))]).origins is None
    whole = weighted({"one": 0.5, "other": 0.5}, members, [np.zeros((200, 2))])
    np.testing.assert_allclose(whole.origins.mean, 2.5)


def zigzag(*lengths: int, horizon: int = 4, folds: int = 3) -> Split:
    """Series that go up and down by one, so that every MASE scale is 1."""
    return split(panel_of(*(np.arange(n) % 2 for n in lengths)), horizon, folds, 1, "f.csv")


def moved(divided: Split, *biases: float) -> Folds:
    """The truth, moved by one constant on each fold."""
    return [divided.actual(one) + bias for one, bias in zip(divided.fold_windows(), biases, strict=True)]


def weights_of(divided: Split, members: dict[str, Folds], limit: int = 8) -> dict[str, float]:
    ensemble = select_weights(divided, members, limit)
    assert ensemble is not None
    return ensemble.weights


def test_the_largest_weight_comes_first_and_stays_where_only_one_may() -> None:
    divided = made()
    members = {"small": around(divided, -3.0), "large": around(divided, 1.0)}
    assert list(weights_of(divided, members)) == ["large", "small"]
    assert weights_of(divided, members, limit=1) == {"large": 1.0}


def test_half_of_the_weight_is_divided_equally_among_near_members() -> None:
    """By hand: a, b, a, b … until 10 : 9 of 19 rounds leaves the least; c is as near and never picked."""
    divided = zigzag(*[40] * 12)
    biases = {"b": -1.1, "c": 1.05, "a": 1.0, "far": 1.2}
    ensemble = weights_of(divided, {name: around(divided, bias) for name, bias in biases.items()})
    assert ensemble == pytest.approx({"a": 5 / 19 + 1 / 6, "b": 4.5 / 19 + 1 / 6, "c": 1 / 6})
    assert list(ensemble) == ["a", "b", "c"]


def test_four_members_at_most_have_equal_weights() -> None:
    divided = zigzag(*[40] * 12)
    biases = {"a": 1.0, "b": -1.1, "c": 1.05, "d": 1.08, "e": 1.09}
    ensemble = weights_of(divided, {name: around(divided, bias) for name, bias in biases.items()})
    assert ensemble == pytest.approx({"a": 5 / 19 + 1 / 8, "b": 4.5 / 19, "c": 1 / 8, "d": 1 / 8, "e": 1 / 8})


def test_the_ninth_best_member_is_not_considered() -> None:
    divided = zigzag(*[40] * 12)
    like = {f"m{k}": around(divided, 1.0 + 0.001 * k) for k in range(8)}
    other = {"other": around(divided, -3.0)}
    assert "other" not in weights_of(divided, like | other)
    del like["m7"]
    assert "other" in weights_of(divided, like | other)


def test_members_of_little_weight_do_not_stay() -> None:
    """One of twenty rounds is enough on all groups, not on one of three."""
    divided = zigzag(*[40] * 12)
    members = {"a": moved(divided, 1, 1, 1), "b": moved(divided, -30, -30, -30)}
    assert weights_of(divided, members) == pytest.approx({"a": 0.95, "b": 0.05})
    assert weights_of(divided, members | {"b": moved(divided, -30, -30, 60)}) == {"a": 1.0}


def test_a_fold_is_forecast_by_those_who_were_chosen_on_the_others() -> None:
    divided = zigzag(*[40] * 12)
    members = {"a": moved(divided, 1, 1, 0), "b": moved(divided, 0, 0, 9)}
    ensemble = select_weights(divided, members)
    assert ensemble is not None
    assert ensemble.weights == pytest.approx({"a": 2 / 3, "b": 1 / 3})
    assert divided.fold_scores(ensemble.folds) == pytest.approx([1, 1, 9])
    alone = select_weights(divided, members, limit=1)  # b, which was chosen without the last fold, has gone
    assert alone is not None
    assert alone.weights == {"a": 1.0}
    assert divided.fold_scores(alone.folds) == pytest.approx([1, 1, 0])


def test_folds_count_alike_however_many_series_they_have() -> None:
    """Two series on the first folds, twelve on the last: by fold b is better, by window a."""
    divided = zigzag(40, 40, *[14] * 10)
    assert [len(one) for one in divided.fold_windows()] == [2, 2, 2]
    divided = zigzag(40, 40, *[15] * 10)
    assert [len(one) for one in divided.fold_windows()] == [2, 2, 12]
    ensemble = weights_of(divided, {"a": moved(divided, 3, 3, 0), "b": moved(divided, 0, 0, 2)})
    assert ensemble == pytest.approx({"b": (0.75 + 0.75 + 1) / 3, "a": 0.5 / 3})  # twice within one standard error


def test_weights_turn_errors_into_the_mean_mase() -> None:
    generator = np.random.default_rng(5)
    series = [generator.normal(size=n) * size for n, size in ((40, 1.0), (37, 100.0), (15, 0.01), (19, 7.0))]
    series[0][34:36] = np.nan
    series[1][29:33] = np.nan  # all of its last fold
    series[3][:] = 4.0
    divided = split(panel_of(*series), 4, 3, 1, "f.csv")
    for windows in divided.fold_windows():
        forecast = generator.normal(size=(len(windows), 4))
        error = np.abs(np.nan_to_num(divided.actual(windows)) - forecast)
        total = float((module._importance(divided, windows) * error).sum())
        assert total == pytest.approx(divided.mean_mase(windows, forecast), rel=1e-12)


def test_one_series_on_two_folds_can_test_weights() -> None:
    divided = made(1, folds=2)
    ensemble = select_weights(
        divided, {"a": around(divided, 1.0), "b": around(divided, -1.0), "far": around(divided, 9.0)}
    )
    assert ensemble is not None
    assert ensemble.weights == pytest.approx({"a": 0.5, "b": 0.5})


def test_a_group_without_any_score_can_test_nothing() -> None:
    values = np.arange(40) % 2.0
    values[28:32] = np.nan  # the first fold of two, of the only series
    divided = split(panel_of(values), 4, 2, 1, "f.csv")
    assert select_weights(divided, {"a": moved(divided, 1, 1), "b": moved(divided, -1, -1)}) is None
    three = split(panel_of(values), 4, 3, 1, "f.csv")
    assert select_weights(three, {"a": moved(three, 1, 1, 1), "b": moved(three, -1, -1, -1)}) is None


def test_ten_series_of_one_fold_are_enough_and_nine_are_not() -> None:
    for count, known in ((10, True), (9, False)):
        divided = made(count, folds=1)
        assert (select_weights(divided, {"a": around(divided, 1.0), "b": around(divided, -1.0)}) is not None) == known


def test_where_not_all_numbers_are_read_every_step_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second of 96 numbers would be a first or a third step: b looks right there, and is far off."""
    divided = zigzag(*[40] * 12)
    even = np.arange(4) % 2
    members = {
        "a": [one + 1 - even for one in moved(divided, 0, 0, 0)],
        "b": [one + 3 * even for one in moved(divided, 0, 0, 0)],
    }
    monkeypatch.setattr(module, "MAX_NUMBERS", 60)
    assert weights_of(divided, members) == {"a": 1.0}
    monkeypatch.setattr(module, "MAX_NUMBERS", 48)  # exactly half: 2, then 3
    assert weights_of(divided, members) == {"a": 1.0}


def test_members_that_are_equally_right_have_half_of_the_weight() -> None:
    divided = zigzag(*[40] * 12)
    ensemble = weights_of(divided, {"a": around(divided, 0.0), "b": around(divided, 0.0), "c": around(divided, 0.001)})
    assert ensemble == pytest.approx({"a": 0.75, "b": 0.25})

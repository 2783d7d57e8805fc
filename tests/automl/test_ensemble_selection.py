"""Shares of a blend: known answers, what they cannot see, and that a combination does not flatter itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers import panel_of

from gruforecast.automl.ensemble_selection import combine, mixed
from gruforecast.evaluation.splits import Folds, Forecasts, Split, split
from gruforecast.models.quantile_forecast import Fan


def made(n_series: int = 12, folds: int = 3, seed: int = 0) -> Split:
    generator = np.random.default_rng(seed)
    series = [100 + np.cumsum(generator.normal(size=60)) for _ in range(n_series)]
    return split(panel_of(*series), 6, folds, 1, "f.csv")


def around(divided: Split, bias: float, noise: float = 0.0, seed: int = 0) -> Folds:
    """The truth, moved by a constant, with noise."""
    generator = np.random.default_rng(seed)
    truth = [divided.actual(windows) for windows in divided.fold_windows()]
    return [one + bias + noise * generator.normal(size=one.shape) for one in truth]


def test_opposite_errors_cancel_in_equal_shares() -> None:
    divided = made()
    found = combine(divided, {"high": around(divided, 3.0), "low": around(divided, -3.0), "far": around(divided, 30.0)})
    assert found is not None
    assert found.shares == {"high": pytest.approx(0.5), "low": pytest.approx(0.5)}
    assert divided.fold_scores(found.folds) == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)


def test_one_member_that_is_right_stands_alone() -> None:
    divided = made()
    found = combine(divided, {"wrong": around(divided, 2.0), "right": around(divided, 0.0)})
    assert found is not None
    assert found.shares == {"right": 1.0}


def test_unequal_opposite_errors_get_the_shares_that_cancel_them() -> None:
    divided = made()
    found = combine(divided, {"a": around(divided, 1.0), "b": around(divided, -3.0)})
    assert found is not None
    assert found.shares == {"a": pytest.approx(0.75), "b": pytest.approx(0.25)}


def test_independent_noise_is_averaged_away() -> None:
    divided = made(40)
    members = {f"m{k}": around(divided, 0.0, 1.0, k) for k in range(4)}
    found = combine(divided, members)
    assert found is not None
    alone = min(np.mean(divided.fold_scores(folds)) for folds in members.values())
    assert np.mean(divided.fold_scores(found.folds)) < 0.6 * alone  # half, with equal shares


def test_a_fold_is_forecast_with_shares_that_never_saw_it() -> None:
    """Whatever happened in a fold, its own cross-fitted forecast stays the same."""
    divided = made()
    members = {"a": around(divided, 1.0, 0.5, 1), "b": around(divided, -1.0, 0.5, 2)}
    before = combine(divided, members)
    values = divided.history.values.copy()
    for series in range(12):  # rewrite the last fold only
        values[divided.folds[2][series] : divided.test[series]] += 50.0
    changed = Split(
        type(divided.history).of(values, divided.history.indptr), 6, 1, divided.test, divided.folds, divided.held
    )
    after = combine(changed, members)
    assert before is not None
    assert after is not None
    np.testing.assert_allclose(before.folds[2], after.folds[2], rtol=1e-12)
    assert not np.allclose(before.folds[0], after.folds[0])


def test_one_fold_of_one_series_can_test_no_shares() -> None:
    divided = made(1, folds=1)
    assert combine(divided, {"a": around(divided, 1.0), "b": around(divided, -1.0)}) is None


def test_one_fold_of_many_series_is_divided_by_series() -> None:
    divided = made(12, folds=1)
    found = combine(divided, {"a": around(divided, 1.0), "b": around(divided, -1.0)})
    assert found is not None
    assert found.shares == {"a": pytest.approx(0.5), "b": pytest.approx(0.5)}


def test_missing_values_and_constant_series_do_not_count() -> None:
    generator = np.random.default_rng(3)
    holes = 100 + np.cumsum(generator.normal(size=60))
    holes[38:40] = np.nan
    divided = split(panel_of(holes, np.full(60, 7.0), *(50 + generator.normal(size=(9, 60)))), 6, 3, 1, "f.csv")
    truth = [np.nan_to_num(divided.actual(windows)) for windows in divided.fold_windows()]
    found = combine(divided, {"a": [one + 1 for one in truth], "b": [one - 1 for one in truth]})
    assert found is not None
    assert all(np.isfinite(one).all() for one in found.folds)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=5), st.integers(0, 3))
def test_shares_add_up_and_stay_within_the_members(biases: list[float], seed: int) -> None:
    divided = made(10, seed=seed)
    members = {f"m{k}": around(divided, bias, 0.5, k) for k, bias in enumerate(biases)}
    found = combine(divided, members)
    assert found is not None
    assert sum(found.shares.values()) == pytest.approx(1.0)
    assert all(share > 0 for share in found.shares.values())
    for fold, combined in enumerate(found.folds):
        stack = np.stack([folds[fold] for folds in members.values()])
        assert (combined >= stack.min(axis=0) - 1e-9).all()
        assert (combined <= stack.max(axis=0) + 1e-9).all()


def test_a_mixture_has_origins_only_where_all_parts_have() -> None:
    one = Forecasts([np.ones((1, 2))], Fan(np.ones((3, 2))), Fan(np.ones((1, 2))))
    two = Forecasts([np.zeros((1, 2))], None, Fan(3 * np.ones((1, 2))))
    shares = {"one": 0.25, "two": 0.75}
    found = mixed(shares, {"one": one, "two": two}, [np.zeros((1, 2))])
    assert found.origins is None
    np.testing.assert_allclose(found.test.mean, 2.5)
    whole = mixed(shares, {"one": one, "two": one}, [])
    np.testing.assert_allclose(whole.origins.mean, 1.0)

"""The loss and its gradient: known answers, a slow twin, and what moving the weights does. Keras is a witness, too."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from made_networks import make_pretrained

from gruforecast.models.networks.config import QUANTILES
from gruforecast.models.pretrained.features import Features
from gruforecast.models.pretrained.gradients import loss_and_gradient
from gruforecast.models.pretrained.inference import forward
from gruforecast.models.pretrained.loss import COUNT, FAR, LEAST, loss, targets

RNG = np.random.default_rng(5)


def of_one(target: float, quantiles: tuple[float, ...]) -> float:
    """The same loss of one value, as it is written in books, but for the compression."""
    total = 0.0
    for level, count, quantile in zip(QUANTILES, COUNT, quantiles, strict=True):
        missed = level * (target - quantile) if target > quantile else (1 - level) * (quantile - target)
        total += count * FAR * math.asinh(missed / FAR)
    return total / len(QUANTILES)


def test_the_loss_is_the_mean_of_those_that_count() -> None:
    target, weight = np.array([[1.0, -2.0], [0.5, 99.0]], np.float32), np.array([[1, 1], [1, 0]], np.float32)
    quantiles = np.sort(RNG.normal(size=(2, 2, 5)), axis=2).astype(np.float32)
    expected = sum(of_one(target[k], tuple(quantiles[k])) for k in ((0, 0), (0, 1), (1, 0))) / 3
    assert loss(target, weight, quantiles)[0] == pytest.approx(expected, rel=1e-6)


def test_the_gradient_of_the_loss_is_what_each_quantile_changes() -> None:
    target, weight = RNG.normal(size=(3, 2)), np.array([[1, 1], [0, 1], [1, 1]])
    quantiles = np.sort(RNG.normal(size=(3, 2, 5)), axis=2)
    _, gradient = loss(target, weight, quantiles)
    for place in np.ndindex(3, 2, 5):
        moved = np.zeros((3, 2, 5))
        moved[place] = 1e-6
        up, down = (loss(target, weight, quantiles + sign * moved)[0] for sign in (1, -1))
        assert gradient[place] == pytest.approx((up - down) / 2e-6, abs=1e-6)


def test_targets_are_the_way_to_the_network_and_back() -> None:
    past, future = 20 + RNG.normal(size=(4, 40)), 20 + RNG.normal(size=(4, 6))
    past[1], future[0, 2], future[2, 3] = 7.0, np.nan, -5.0
    log = np.array([True, False, True, False])
    features = Features.of(past, 12, 6, log)
    target, weight = targets(features, past, future)
    back = features.restored(target[:, :, None])[:, :, 0]
    expected = future.copy()
    expected[2, 3] = LEAST * past[2].min()  # has no logarithm
    np.testing.assert_array_equal(weight == 0, np.isnan(future) | (np.arange(4) == 1)[:, None])
    np.testing.assert_allclose(back[weight > 0], expected[weight > 0], rtol=1e-5)


@pytest.mark.parametrize(("season", "second", "horizon"), [(12, None, 6), (4, 24, 5), (1, None, 8)])
def test_moving_each_array_along_its_gradient_changes_the_loss_as_much_as_it_says(
    season: int, second: int | None, horizon: int
) -> None:
    weights = make_pretrained("twin").weights
    past = 30 + RNG.normal(size=(6, 120)).cumsum(axis=1)
    past[2, :-20] = np.nan
    features = Features.of(past, season, horizon, np.array([True, False] * 3) & (np.nanmin(past, axis=1) > 0), second)
    far = np.where(RNG.random((6, horizon)) < 0.5, -8, 8).astype(np.float32)  # beyond all quantiles: no corner is near
    target = forward(weights, features)[:, :, 2] + far
    weight = (RNG.random((6, horizon)) < 0.8).astype(np.float32)
    value, gradient = loss_and_gradient(weights, features, target, weight)
    assert value == pytest.approx(loss(target, weight, forward(weights, features))[0], rel=1e-6)
    assert {name: one.shape for name, one in gradient.items()} == {name: one.shape for name, one in weights.items()}
    for name, one in gradient.items():
        norm = float(np.linalg.norm(one))
        assert norm > 0, name
        step = 0.01 * one / norm
        up, down = (
            loss_and_gradient(weights | {name: weights[name] + sign * step}, features, target, weight)[0]
            for sign in (1, -1)
        )
        assert (up - down) / 0.02 == pytest.approx(norm, rel=0.03, abs=3e-4), name


def test_a_horizon_that_is_no_multiple_of_the_rows_of_a_token_learns_from_its_own_steps_only() -> None:
    weights = make_pretrained("twin").weights
    features = Features.of(30 + RNG.normal(size=(3, 60)), 12, 5, np.zeros(3, bool))
    target, weight = RNG.normal(size=(3, 5)).astype(np.float32), np.ones((3, 5), np.float32)
    more = np.zeros((3, 8), np.float32)
    more[:, :5] = weight
    wide = np.concatenate([target, 100 * np.ones((3, 3), np.float32)], axis=1)
    short = loss_and_gradient(weights, features, target, weight)[1]
    long = loss_and_gradient(weights, replace(features, horizon=8), wide, more)[1]
    for name, one in short.items():
        np.testing.assert_allclose(one, long[name], rtol=1e-5, atol=1e-7)

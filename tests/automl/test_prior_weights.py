"""Weights of a blend where few windows speak: by hand, and what they cannot see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import panel_of

from gruforecast.automl.ensemble_selection import blended, select_weights
from gruforecast.automl.prior_weights import POWER, SHARE, Prior, trust_in_prior
from gruforecast.data.windows import History
from gruforecast.evaluation.leaderboard import Candidate
from gruforecast.evaluation.splits import Forecasts, Split, split
from gruforecast.models.quantile_forecast import QuantileForecast

H = 4


def zigzag(*lengths: int, folds: int = 3) -> Split:
    """Series that go up and down by one, so that every MASE scale is 1."""
    return split(panel_of(*(np.arange(n) % 2 for n in lengths)), H, folds, 1, "f.csv")


def off(divided: Split, folds: float, origins: float | None, test: float) -> Forecasts:
    """Forecasts that are too high by constants."""
    far = None if origins is None else QuantileForecast(divided.actual(divided.calibration_windows()) + origins)
    there = [divided.actual(one) + folds for one in divided.fold_windows()]
    return Forecasts(there, far, QuantileForecast(divided.actual(divided.test_windows()) + test))


def groups_of(divided: Split) -> list[np.ndarray]:
    return [np.full(len(one), fold) for fold, one in enumerate(divided.fold_windows())]


def whole(divided: Split, members: dict[str, Forecasts]) -> dict[str, float]:
    return Prior.of(divided, members).without(None, groups_of(divided))


def test_equal_errors_leave_the_shares_as_they_are() -> None:
    divided = zigzag(40)
    found = whole(divided, {name: off(divided, 1.0, 2.0, 1.0) for name in ("networks", "a", "b", "c", "d")})
    assert found == pytest.approx({"networks": SHARE} | dict.fromkeys("abcd", (1 - SHARE) / 4))


@pytest.mark.parametrize(("season", "favoured", "share"), [(1, "naive", 0.3), (4, "harmonic", 0.2)])
def test_who_is_favoured_before_any_error_follows_from_the_season(season: int, favoured: str, share: float) -> None:
    divided = replace(zigzag(40), season_length=season)
    names = ("networks", "naive", "harmonic", "theta", "drift")
    found = whole(divided, {name: off(divided, 1.0, 1.0, 1.0) for name in names})
    rest = (1 - SHARE - share) / 3
    assert found == pytest.approx(dict.fromkeys(names, rest) | {"networks": SHARE, favoured: share})


@pytest.mark.parametrize(("season", "share"), [(1, 0.24), (4, 0.4)])
def test_the_networks_of_the_fit_give_way_to_the_pretrained_one(season: int, share: float) -> None:
    divided = replace(zigzag(40), season_length=season)
    found = whole(divided, {name: off(divided, 1.0, 1.0, 1.0) for name in ("networks", "pretrained", "theta")})
    assert found == pytest.approx({"networks": 0.2, "pretrained": share, "theta": 0.8 - share})


def test_a_share_is_multiplied_by_a_power_of_the_ratio_of_errors() -> None:
    divided = zigzag(40)
    found = whole(divided, {"networks": off(divided, 1.0, 1.0, 9.0), "a": off(divided, 9.0, 2.0, 9.0)})
    assert found == pytest.approx({"networks": 3.2 / 3.8, "a": 0.6 / 3.8})  # 0.4 and 0.6 / 2 ** 3
    assert POWER == 3


def test_errors_at_the_folds_speak_for_a_member_that_was_asked_there_only() -> None:
    divided = zigzag(40)
    found = whole(divided, {"networks": off(divided, 1.0, 4.0, 1.0), "a": off(divided, 2.0, None, 1.0)})
    assert found == pytest.approx({"networks": 3.2 / 3.8, "a": 0.6 / 3.8})


def test_the_test_set_counts_as_one_more_horizon() -> None:
    divided = zigzag(40)
    assert float((divided.test - divided.learned).mean()) / H == 3
    prior = Prior.of(
        divided,
        {"networks": off(divided, 1, 1.0, 1.0), "a": off(divided, 1, 1.0, 16.0), "b": off(divided, 1, 1.0, 1.0)},
    )
    found = prior.with_test(["networks", "a"])
    assert found == pytest.approx({"networks": 32 / 35, "a": 3 / 35})  # shares 0.4 and 0.3, (1 / 16) ** (3 / 4) as good


def test_origins_that_share_a_value_with_a_left_out_fold_do_not_count() -> None:
    divided = zigzag(40)
    windows, truth = divided.calibration_windows(), divided.actual(divided.calibration_windows())
    near = np.abs(windows.end - divided.folds[1, 0]) < H
    assert 0 < near.sum() < len(near)
    there = off(divided, 1.0, 1.0, 1.0)
    odd = QuantileForecast(truth + np.where(near, 50.0, 2.0)[:, None])
    members = {"networks": there, "a": Forecasts(there.folds, odd, there.test)}
    prior = Prior.of(divided, members)
    assert prior.without(1, groups_of(divided)) == pytest.approx({"networks": 3.2 / 3.8, "a": 0.6 / 3.8})
    assert prior.without(0, groups_of(divided))["a"] < 0.001


@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3))
def test_rows_of_the_test_set_change_nothing_and_no_unit_does(seed: int, factor: float) -> None:
    random = np.random.default_rng(seed)
    y = [np.cumsum(random.normal(size=n)) for n in (40, 31)]
    members = ("networks", "a", "b")

    def found(divided: Split, unit: float) -> dict[str, float]:
        noise = np.random.default_rng(seed)
        made = {}
        for name in members:
            folds = [divided.actual(one) + unit * noise.normal(size=(len(one), H)) for one in divided.fold_windows()]
            windows = divided.calibration_windows()
            origins = divided.actual(windows) + unit * noise.normal(size=(len(windows), H))
            test = divided.test_windows()
            made[name] = Forecasts(folds, QuantileForecast(origins), QuantileForecast(np.zeros((len(test), H))))
        return whole(divided, made)

    divided = split(panel_of(*y), H, 3, 1, "f.csv")
    values = divided.history.values.copy()
    for begin, end in zip(divided.test, divided.history.indptr[1:], strict=True):
        values[begin:end] *= 1000
    after = Split(History.of(values, divided.history.indptr), H, 1, divided.test, divided.folds, divided.held)
    assert found(after, 1.0) == found(divided, 1.0)
    scaled = split(panel_of(*(factor * one for one in y)), H, 3, 1, "f.csv")
    assert found(scaled, factor) == pytest.approx(found(divided, 1.0), rel=1e-6)


def test_the_fewer_windows_the_more_the_prior_counts() -> None:
    """A member that is right on the folds would be selected alone; at the origins both are alike."""
    assert [trust_in_prior(count) for count in (0, 3, 12, 1188)] == [1.0, 0.8, 0.5, 0.01]
    few, many = zigzag(40), zigzag(*[40] * 20)
    for divided, trust in ((few, 0.8), (many, 12 / 72)):
        members = {"networks": off(divided, 1.0, 1.0, 1.0), "a": off(divided, 0.0, 1.0, 1.0)}
        prior = Prior.of(divided, members)
        found = select_weights(divided, {name: one.folds for name, one in members.items()}, prior=prior.without)
        assert found is not None
        assert found.weights["a"] == pytest.approx(trust * 0.6 + (1 - trust))


def test_one_fold_of_one_series_is_blended_by_the_prior_alone() -> None:
    divided = zigzag(30, folds=1)
    members = {"networks": off(divided, 1.0, 1.0, 1.0), "a": off(divided, -2.0, -2.0, 2.0)}
    prior = Prior.of(divided, members)
    folds = {name: one.folds for name, one in members.items()}
    assert select_weights(divided, folds) is None
    found = select_weights(divided, folds, prior=prior.without)
    assert found is not None
    assert found.weights == pytest.approx({"networks": 3.2 / 3.8, "a": 0.6 / 3.8})
    error = found.folds[0] - divided.actual(divided.fold_windows()[0])
    np.testing.assert_allclose(error, 0.4 * 1 - 0.6 * 2)  # the fold itself chose nothing


def test_the_blend_has_the_networks_first_and_ships_weights_that_saw_the_test_set() -> None:
    divided = zigzag(40)
    networks = Candidate("gru", "gru", off(divided, 1.0, 1.0, 1.0))
    other = Candidate("theta", "baseline", off(divided, -1.0, -1.0, -3.0))
    rows, shipped = blended(divided, networks, [other])
    assert [one.name for one in rows] == ["blend"]
    assert set(rows[0].facts.shares) == {"networks", "theta"}
    assert shipped["networks"] > rows[0].facts.shares["networks"] + 0.1


def test_a_member_that_leaves_nothing_to_the_others_is_the_blend_alone() -> None:
    divided = zigzag(40)
    networks = Candidate("networks", "gru", off(divided, 0.1, 0.1, 0.1))
    others = [Candidate(name, "baseline", off(divided, 9.0, 9.0, 9.0)) for name in ("naive", "drift")]
    rows, shipped = blended(divided, networks, others)
    assert rows[0].facts.shares == shipped == {"networks": 1.0}
    np.testing.assert_allclose(rows[0].forecasts.test.mean, networks.forecasts.test.mean)

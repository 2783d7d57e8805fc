"""What is said of test forecasts: foreign witnesses, slow twins, and what must not change a score."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import utilsforecast.losses as witness
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from scipy.stats import sem
from sklearn.metrics import mean_absolute_error, mean_pinball_loss

from gruforecast.evaluation.scores import Evaluated, by_series, by_step, intervals, overall
from gruforecast.serialization import plain

LEVELS = (80.0, 95.0)
INVARIANT = ("mase", "rmsse", "smape", "wape", "wql")
IN_UNITS = ("mae", "rmse", "bias")


def evaluated_of(seed: int = 0, n: int = 5, horizon: int = 7, missing: float = 0.2) -> Evaluated:
    """Random forecasts; some values are missing, and of the first two series, if there are three, one thing each."""
    generator = np.random.default_rng(seed)
    actual = generator.normal(5, 4, size=(n, horizon))
    mean = actual + generator.normal(size=(n, horizon))
    half = generator.uniform(0.1, 3, size=(n, horizon, 2)).cumsum(axis=2)
    actual[generator.random((n, horizon)) < missing] = np.nan
    scales = generator.uniform(0.5, 2, size=(2, n))
    if missing and n > 2:
        actual[0] = np.nan
        scales[:, 1] = 0.0
        half[1] = np.nan  # as of a series without a scale
    return Evaluated(actual, mean, mean[:, :, None] - half, mean[:, :, None] + half, LEVELS, *scales)


def scaled(tested: Evaluated, factor: float) -> Evaluated:
    """The same in another unit."""
    names = ("actual", "mean", "lower", "upper", "mase_scale", "rmsse_scale")
    return replace(tested, **{name: factor * getattr(tested, name) for name in names})


def taken(tested: Evaluated, series) -> Evaluated:
    names = ("actual", "mean", "lower", "upper", "mase_scale", "rmsse_scale")
    return replace(tested, **{name: getattr(tested, name)[series] for name in names})


def mean_of(numbers) -> float:
    seen = [number for number in numbers if not np.isnan(number)]
    return sum(seen) / len(seen) if seen else float("nan")


def cells(tested: Evaluated, k: int):
    """Series, step, actual value, bounds and scale (NaN for none) of all values seen that have an interval."""
    for i, t in np.ndindex(tested.actual.shape):
        y, low, high = tested.actual[i, t], tested.lower[i, t, k], tested.upper[i, t, k]
        if not np.isnan(y) and not np.isnan(low):
            yield i, t, y, low, high, tested.mase_scale[i] if tested.mase_scale[i] > 0 else float("nan")


def points(tested: Evaluated):
    """Series, step, error and scale of all values seen."""
    for i, t in np.ndindex(tested.actual.shape):
        if not np.isnan(tested.actual[i, t]):
            scale = tested.mase_scale[i] if tested.mase_scale[i] > 0 else float("nan")
            yield i, t, tested.mean[i, t] - tested.actual[i, t], scale


def scores_of(tested: Evaluated) -> dict[str, Any]:
    """`overall` by name."""
    return structs.asdict(overall(tested))


def intervals_of(tested: Evaluated) -> dict[str, dict[str, Any]]:
    """`intervals` by level and name."""
    return {level: structs.asdict(one) for level, one in intervals(tested).items()}


# --- witnesses


def test_pooled_scores_equal_scikit_learn() -> None:
    tested = evaluated_of(missing=0)
    found = scores_of(tested)
    actual, size = tested.actual.ravel(), np.abs(tested.actual).sum()
    error = mean_absolute_error(actual, tested.mean.ravel()) * actual.size
    assert found["wape"] == pytest.approx(error / size, rel=1e-12)
    quantiles = [(0.5, tested.mean)]
    quantiles += [((1 - level / 100) / 2, tested.lower[:, :, k]) for k, level in enumerate(LEVELS)]
    quantiles += [((1 + level / 100) / 2, tested.upper[:, :, k]) for k, level in enumerate(LEVELS)]
    losses = [2 * mean_pinball_loss(actual, q.ravel(), alpha=tau) * actual.size / size for tau, q in quantiles]
    assert found["wql"] == pytest.approx(np.mean(losses), rel=1e-12)


def test_means_over_series_equal_utilsforecast() -> None:
    tested = evaluated_of(missing=0)
    keys = np.repeat([f"s{i}" for i in range(5)], 7)
    frame = pd.DataFrame({"unique_id": keys, "y": tested.actual.ravel(), "model": tested.mean.ravel()})
    for k, level in enumerate(("80", "95")):
        frame[f"model-lo-{level}"] = tested.lower[:, :, k].ravel()
        frame[f"model-hi-{level}"] = tested.upper[:, :, k].ravel()
    found, each = scores_of(tested), by_series(tested)
    for name, loss, factor in (
        ("mae", witness.mae, 1),
        ("rmse", witness.rmse, 1),
        ("bias", witness.bias, 1),
        ("smape", witness.smape, 200),
    ):
        expected = factor * loss(frame, models=["model"])["model"]
        np.testing.assert_allclose(each[name], expected, rtol=1e-12)
        assert found[name] == pytest.approx(expected.mean(), rel=1e-12)
    assert found["mase"] == pytest.approx((each["mae"] / tested.mase_scale).mean(), rel=1e-12)
    assert found["rmsse"] == pytest.approx((each["rmse"] / tested.rmsse_scale).mean(), rel=1e-12)
    for level, said in intervals_of(tested).items():
        score = witness.winkler_score(frame, models=["model"], level=int(level))["model"].to_numpy()
        inside = witness.coverage(frame, models=["model"], level=int(level))["model"]
        assert said["interval_score"] == pytest.approx(score.mean(), rel=1e-12)
        assert said["score"] == pytest.approx((score / tested.mase_scale).mean(), rel=1e-12)
        assert said["coverage"] == pytest.approx(100 * inside.mean(), rel=1e-12)


# --- slow twins


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 9999), st.integers(1, 6), st.integers(1, 9))
def test_by_step_equals_a_loop(seed: int, n: int, horizon: int) -> None:
    tested = evaluated_of(seed, n, horizon)
    found = by_step(tested)
    for step in range(horizon):
        here = [(error, scale) for _, t, error, scale in points(tested) if t == step]
        expected = {
            "mase": mean_of(abs(error) / scale for error, scale in here),
            "mae": mean_of(abs(error) for error, _ in here),
            "rmse": np.sqrt(mean_of(error**2 for error, _ in here)),
            "bias": mean_of(error for error, _ in here),
        }
        for k, level in enumerate(("80", "95")):
            there = [(y, low, high, scale) for _, t, y, low, high, scale in cells(tested, k) if t == step]
            expected[f"coverage-{level}"] = 100 * mean_of(float(low <= y <= high) for y, low, high, _ in there)
            expected[f"width-{level}"] = mean_of((high - low) / scale for _, low, high, scale in there)
        assert found.keys() == expected.keys()
        for name, number in expected.items():
            assert found[name][step] == pytest.approx(number, nan_ok=True), name


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 9999), st.integers(1, 6), st.integers(1, 9))
def test_intervals_equal_a_loop(seed: int, n: int, horizon: int) -> None:
    tested = evaluated_of(seed, n, horizon)
    found = intervals_of(tested)
    assert list(found) == ["80", "95"]
    parts = [list(part) for part in np.array_split(range(horizon), 3) if len(part)]
    for k, (level, said) in enumerate(found.items()):
        inside = [(t, float(low <= y <= high)) for _, t, y, low, high, _ in cells(tested, k)]
        widths: dict[int, list[float]] = {}
        scores: dict[int, list[float]] = {}
        for i, _, y, low, high, _ in cells(tested, k):
            widths.setdefault(i, []).append(high - low)
            scores.setdefault(i, []).append(high - low + max(low - y, y - high, 0.0) * 2 / (1 - float(level) / 100))
        unit = np.where(tested.mase_scale > 0, tested.mase_scale, np.nan)
        thirds = [100 * mean_of(one for t, one in inside if t in part) for part in parts]
        assert said["coverage"] == pytest.approx(100 * mean_of(one for _, one in inside), nan_ok=True)
        assert said["coverage_by_third"] == pytest.approx(thirds, nan_ok=True)
        for raw, relative, numbers in (("mean_width", "width", widths), ("interval_score", "score", scores)):
            assert said[raw] == pytest.approx(mean_of(mean_of(one) for one in numbers.values()), nan_ok=True)
            expected = mean_of(mean_of(one) / unit[i] for i, one in numbers.items())
            assert said[relative] == pytest.approx(expected, nan_ok=True)


def test_scores_of_a_series_are_those_of_the_series_alone() -> None:
    tested = evaluated_of()
    each = by_series(tested)
    for i in range(5):
        alone = taken(tested, [i])
        said = scores_of(alone)
        for name in (*INVARIANT, *IN_UNITS):
            assert each[name][i] == pytest.approx(said[name], nan_ok=True), name
        for level, worth in intervals_of(alone).items():
            for name in ("coverage", "width", "score"):
                assert each[f"{name}-{level}"][i] == pytest.approx(worth[name], nan_ok=True)


# --- what must not change a score


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.floats(1e-6, 1e6))
def test_another_unit_changes_only_what_is_in_units(seed: int, factor: float) -> None:
    tested = evaluated_of(seed)
    here, there = scores_of(tested), scores_of(scaled(tested, factor))
    for name in INVARIANT:
        assert there[name] == pytest.approx(here[name], rel=1e-9, nan_ok=True), name
    for name in IN_UNITS:
        assert there[name] == pytest.approx(factor * here[name], rel=1e-9, nan_ok=True), name
    assert there["undefined"] == here["undefined"]
    other = intervals_of(scaled(tested, factor))
    for level, said in intervals_of(tested).items():
        for name in ("coverage", "coverage_by_third", "width", "score"):
            assert other[level][name] == pytest.approx(said[name], rel=1e-9, nan_ok=True), name
        for name in ("mean_width", "interval_score"):
            assert other[level][name] == pytest.approx(factor * said[name], rel=1e-9, nan_ok=True), name


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.permutations(range(5)))
def test_the_order_of_series_says_nothing(seed: int, order: list[int]) -> None:
    tested = evaluated_of(seed)
    other = taken(tested, order)
    here, there = scores_of(tested), scores_of(other)
    assert there.pop("undefined") == here.pop("undefined")
    assert there == pytest.approx(here, rel=1e-9, nan_ok=True)
    for level, said in intervals_of(other).items():
        assert said == {
            name: one and pytest.approx(one, rel=1e-9, nan_ok=True) for name, one in intervals_of(tested)[level].items()
        }
    for name, numbers in by_series(other).items():
        np.testing.assert_array_equal(numbers, by_series(tested)[name][order])


def test_a_forecast_of_a_missing_value_says_nothing() -> None:
    tested = evaluated_of()
    blank = np.isnan(tested.actual)
    other = replace(
        tested,
        mean=np.where(blank, 1e9, tested.mean),
        lower=np.where(blank[:, :, None], -1e9, tested.lower),
        upper=np.where(blank[:, :, None], 1e9, tested.upper),
    )
    assert scores_of(other) == scores_of(tested)
    for function in (by_series, by_step):
        for name, numbers in function(tested).items():
            np.testing.assert_array_equal(function(other)[name], numbers)


# --- conventions


def test_coverage_counts_each_value_once() -> None:
    """Three of four values inside, although the mean of the two series' coverage is 5 / 6."""
    actual = np.array([[0.0, 0.0, 9.0], [0.0, np.nan, np.nan]])
    bound = np.ones((2, 3, 1))
    tested = Evaluated(actual, np.zeros((2, 3)), -bound, bound, (80.0,), np.ones(2), np.ones(2))
    said = intervals_of(tested)["80"]
    assert said["coverage"] == 75.0
    assert said["coverage_by_third"] == [100.0, 100.0, 0.0]
    assert by_series(tested)["coverage-80"] == pytest.approx([200 / 3, 100])


@pytest.mark.parametrize(("horizon", "sizes"), [(1, [1]), (2, [1, 1]), (3, [1, 1, 1]), (8, [3, 3, 2])])
def test_a_third_of_a_short_horizon_is_a_step(horizon: int, sizes: list[int]) -> None:
    """One series whose values are inside in the first part only."""
    bound = np.ones((1, horizon, 1))
    actual = np.where(np.arange(horizon) < sizes[0], 0.0, 9.0)[None]
    tested = Evaluated(actual, np.zeros((1, horizon)), -bound, bound, (80.0,), np.ones(1), np.ones(1))
    assert intervals_of(tested)["80"]["coverage_by_third"] == [100.0, *[0.0] * (len(sizes) - 1)]


def test_undefined_scores_are_counted_and_left_out() -> None:
    actual = np.array([[1.0, 3.0], [0.0, 0.0], [np.nan, np.nan]])
    mean = np.array([[2.0, 3.0], [1.0, 1.0], [7.0, 7.0]])
    none = np.zeros((3, 2, 0))
    said = scores_of(Evaluated(actual, mean, none, none, (), np.array([2.0, 0.0, 1.0]), np.array([1.0, np.nan, 1.0])))
    assert said["undefined"] == {"mase": 2, "rmsse": 2, "smape": 1, "wape": 2, "mae": 1, "rmse": 1, "bias": 1, "wql": 2}
    assert said["mase"] == 0.25
    assert said["mae"] == 0.75
    assert said["wape"] == said["wql"] == 0.75  # the errors of the zeros are in the pool
    complete = evaluated_of(missing=0)
    assert scores_of(complete)["undefined"] == {}


def test_a_series_without_bounds_is_in_no_score_of_intervals() -> None:
    tested = evaluated_of()
    rest = taken(tested, [0, 2, 3, 4])
    assert scores_of(tested)["wql"] == pytest.approx(scores_of(rest)["wql"], rel=1e-12)
    assert scores_of(tested)["undefined"]["wql"] == 2
    assert intervals_of(tested) == {
        level: {name: one and pytest.approx(one, rel=1e-12) for name, one in said.items()}
        for level, said in intervals_of(rest).items()
    }


@pytest.mark.parametrize("n", [0, 3])
def test_nothing_seen_is_nan_everywhere(n: int) -> None:
    tested = replace(evaluated_of(n=n), actual=np.full((n, 7), np.nan))
    said = scores_of(tested)
    assert set(said.pop("undefined").values()) == ({n} if n else set())
    assert all(np.isnan(number) for number in said.values())
    for worth in intervals_of(tested).values():
        assert all(np.isnan(number).all() for number in worth.values() if number is not None)
    for function in (by_series, by_step):
        assert all(np.isnan(numbers).all() for numbers in function(tested).values())


@pytest.mark.parametrize("size", [1e-300, 1e200, 3e306])
def test_nothing_is_infinite_or_warns_at_the_ends_of_the_floats(size: float) -> None:
    tested = evaluated_of(missing=0)
    for part in (scaled(tested, size), replace(tested, mase_scale=np.full(5, 5e-324)), scaled(tested, -size)):
        said = scores_of(part)
        counts = said.pop("undefined")
        assert not np.isinf(list(said.values())).any()
        for worth in intervals_of(part).values():
            assert not any(np.isinf(number).any() for number in worth.values() if number is not None)
        for function in (by_series, by_step):
            assert not any(np.isinf(numbers).any() for numbers in function(part).values())
        assert counts == {name: count for name in said if (count := int(np.isnan(by_series(part)[name]).sum()))}


def test_what_a_report_takes_are_plain_numbers() -> None:
    tested = evaluated_of()
    said = {"overall": overall(tested), "intervals": intervals(tested)}
    assert json.loads(json.dumps(plain(said))) == {"overall": scores_of(tested), "intervals": intervals_of(tested)}
    assert intervals_of(replace(tested, lower=tested.lower[:, :, :0], upper=tested.upper[:, :, :0], levels=())) == {}


def test_the_error_of_a_coverage_counts_series_not_values() -> None:
    tested = evaluated_of(3, n=20)
    found, each = intervals_of(tested), by_series(tested)
    for level in ("80", "95"):
        assert found[level]["coverage_error"] == pytest.approx(sem(each[f"coverage-{level}"], nan_policy="omit"))
    assert intervals_of(evaluated_of(n=7, missing=0.0))["80"]["coverage_error"] is None
    assert intervals_of(evaluated_of(n=8, missing=0.0))["80"]["coverage_error"] > 0

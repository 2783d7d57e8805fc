"""Training windows: repeatable, of the season they say, with the future as target."""

from __future__ import annotations

import time
from itertools import count, islice
from multiprocessing import active_children

import numpy as np
import pytest

from gruforecast.models.networks.config import MIDDLE
from gruforecast.models.pretrained.features import Features, window_rows
from gruforecast.models.pretrained.loss import LIMIT
from gruforecast.models.pretrained.ready import READY
from tools.pretrain import windows as room
from tools.pretrain.windows import KINDS, Batch, Kind, batch, shortened, stream, surprised


def equal(one, other) -> bool:
    same = all(np.array_equal(one.arrays[name], other.arrays[name]) for name in one.arrays)
    return same and np.array_equal(one.target, other.target) and np.array_equal(one.weight, other.weight)


def test_a_batch_follows_from_seed_and_number() -> None:
    assert equal(batch(5, 17, 16), batch(5, 17, 16))
    assert not equal(batch(5, 17, 16, KINDS[0]), batch(5, 18, 16, KINDS[0]))
    assert not equal(batch(5, 17, 16, KINDS[0]), batch(6, 17, 16, KINDS[0]))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_makes_finite_windows(kind: Kind) -> None:
    found = batch(1, 2, 24, kind)
    assert found.target.shape == (24, kind.horizon)
    assert all(np.isfinite(one).all() for one in found.arrays.values())
    assert np.abs(found.target).max() <= LIMIT
    assert found.weight.mean() > 0.7


def test_the_target_is_the_future_as_the_features_scale_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = window_rows(4)
    t = np.arange(rows + 16)
    series = np.stack([np.array([5.0, 7, 1, 2])[t % 4] + 3 + 0.01 * t, np.array([5.0, 7, 1, 2])[t % 4] - 30 - 0.01 * t])
    monkeypatch.setattr(room, "synthetic", lambda *_: series)
    monkeypatch.setattr(room, "shortened", lambda *_: None)
    monkeypatch.setattr(room, "surprised", lambda _, __, future, ___: future)
    found = batch(3, 1, 2, Kind(4, 0, 16, 1))
    past = series[:, :rows]
    views = [Features.of(past, 4, 16, log) for log in (np.array([True, False]), np.array([False, False]))]
    errors = [
        np.abs(view.restored(np.repeat(found.target[:, :, None], 5, axis=2))[:, :, MIDDLE] / series[:, rows:] - 1).max()
        for view in views
    ]
    assert min(errors) < 1e-4
    drift = found.arrays["ready"][1, :, READY.index("last season with drift")]
    np.testing.assert_allclose(drift, found.target[1], rtol=1e-2)


@pytest.mark.parametrize("season", [2, 12])
def test_a_third_of_the_futures_hold_a_shift_or_a_bend_of_about_a_season_s_difference(season: int) -> None:
    unit, horizon = 3.0 * season, 50
    past = np.full((6000, 1), 3.0) * np.arange(10 * season)  # differs by one unit from season to season
    change = surprised(np.random.default_rng(4), past, np.full((6000, horizon), -1e3), season) + 1e3
    moved = np.abs(change).max(axis=1) > 0
    assert moved.mean() == pytest.approx(0.35, abs=0.03)
    change, steps = change[moved] / unit, np.diff(change[moved] / unit)
    first = (np.abs(change) > 1e-9).argmax(axis=1)
    assert 0.76 * horizon < first.max() <= 0.8 * horizon + 1
    assert first.mean() == pytest.approx(0.4 * horizon, abs=0.05 * horizon)
    shift = np.abs(steps[:, -1]) < 1e-9
    assert shift.mean() == pytest.approx(0.5, abs=0.05)
    expected = 0.8 * 0.741  # median of the absolute value of Student's t with 4 degrees of freedom
    assert np.median(np.abs(change[shift, -1])) == pytest.approx(expected, abs=0.07)
    assert np.median(np.abs(steps[~shift, -1])) * max(season, 8) == pytest.approx(expected, abs=0.07)
    for one, own, begin in zip(shift, change, first, strict=True):
        after = own[begin:] if one else np.diff(own[begin:])
        np.testing.assert_allclose(after, after[-1], atol=1e-9)  # a shift stays, a bend goes on in a line


def test_a_surprise_leaves_positive_futures_positive_and_constants_alone() -> None:
    rng = np.random.default_rng(4)
    past = np.resize([1.0, 20.0], (3000, 60)) + rng.random((3000, 60)) * 30
    future = np.resize([1.0, 2.0], (3000, 24))
    found = surprised(rng, past, future, 1)
    assert (found < 0.5 * future).any()
    assert (found >= 0.1 * future).all()
    np.testing.assert_array_equal(surprised(rng, np.full((3000, 60), -7.0), -future, 12), -future)


@pytest.mark.parametrize("kind", KINDS)
def test_surprises_are_measured_on_four_seasons_or_more_without_gaps(
    monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    """Starts are cut and gaps made afterwards."""
    pasts = []
    monkeypatch.setattr(
        room, "surprised", lambda _, past, future, season: (pasts.append((past.copy(), season)), future)[1]
    )
    batch(1, 2, 8, kind)
    ((past, season),) = pasts
    assert not np.isnan(past).any()
    assert past.shape[1] >= 4 * season


def test_windows_without_any_change_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    moving = np.arange(window_rows(4) + 16.0)
    series = np.stack([np.full_like(moving, 5.0), np.zeros_like(moving), moving, np.minimum(moving, 30.0)])

    def late(_: object, past: np.ndarray, __: int) -> None:
        past[3, :40] = np.nan

    monkeypatch.setattr(room, "synthetic", lambda *_: series)
    monkeypatch.setattr(room, "shortened", late)
    np.testing.assert_array_equal(
        batch(3, 1, 4, Kind(4, 0, 16, 1)).weight, [[0.0] * 16, [0.0] * 16, [1.0] * 16, [0.0] * 16]
    )


def test_windows_start_late_and_have_gaps_but_end_with_a_value() -> None:
    rng = np.random.default_rng(0)
    past = np.ones((4000, 240))
    shortened(rng, past, 12)
    seen = ~np.isnan(past)
    assert seen[:, -1].all()
    length = 240 - seen.argmax(axis=1)
    assert length.min() >= 12
    assert 0.3 < (length >= 239).mean() < 0.45
    gaps = [not s[-k:].all() for s, k in zip(seen, length, strict=True)]
    assert 0.05 < np.mean(gaps) < 0.13


def test_the_stream_of_two_processes_is_the_same_from_any_start(monkeypatch: pytest.MonkeyPatch) -> None:
    here: set[int] = set()
    others = set(active_children())

    def slow(seed: int, number: int, size: int) -> Batch:
        """Leave the second process time to begin, and note what was made in this one."""
        here.add(number)
        time.sleep(0.02)
        return batch(seed, number, size)

    monkeypatch.setattr(room, "batch", slow)
    made = stream(2, 7, 8)
    for number in count(7):
        assert equal(next(made), batch(2, number, 8))
        assert number < 3000
        if number > 10 and number not in here:  # the second process made this one
            break
    (process,) = set(active_children()) - others
    process.kill()
    process.join()
    with pytest.raises(RuntimeError, match="has died"):
        list(islice(made, 1000))

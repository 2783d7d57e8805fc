"""Training windows: repeatable, of the season they say, with the future as target."""

from __future__ import annotations

import numpy as np
import pytest

from gruforecast.models.networks.config import MIDDLE
from gruforecast.models.pretrained.features import Features, window_rows
from gruforecast.models.pretrained.loss import LIMIT
from gruforecast.models.pretrained.ready import READY
from tools.pretrain import windows as room
from tools.pretrain.windows import KINDS, Kind, batch, shortened, stream


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


def test_the_stream_of_two_processes_is_the_same_from_any_start() -> None:
    for number, one in zip(range(7, 12), stream(2, 7, 8), strict=False):
        assert equal(one, batch(2, number, 8))

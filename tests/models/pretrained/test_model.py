"""The pretrained network as a model: windows, both views, limits, and the files that it is read from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers import history_of
from numpy.testing import assert_allclose, assert_array_equal

from gruforecast.data.windows import History, Windows
from gruforecast.errors import ResourceError, UsageError
from gruforecast.models.pretrained import model as module
from gruforecast.models.pretrained.features import Features, window_rows
from gruforecast.models.pretrained.inference import forward
from gruforecast.models.pretrained.model import PLACE, Pretrained, card, check_reach, weights


def ends(history: History) -> Windows:
    return history.windows(np.arange(len(history.indptr) - 1), history.indptr[1:])


def forecasts(*series: Any, horizon: int = 7, season: int = 12, second: int | None = None) -> Any:
    history = history_of(*series)
    return Pretrained(weights(), second).forecast(history, ends(history), horizon, season).quantiles


def series(seed: int, rows: int, low: float = 1.0) -> Any:
    generator = np.random.default_rng(seed)
    return low + 5 * generator.random(rows) + np.resize(3 * generator.random(12), rows)


def test_a_window_is_the_mean_of_both_views_where_it_is_positive_and_one_view_elsewhere() -> None:
    """Written out for one window: geometric means, because the logarithms are averaged."""
    for low in (1.0, -4.0):
        y = series(3, 100, low)
        past = np.concatenate([np.full(window_rows(12) - 100, np.nan), y])[None]
        seen = []
        for log in (np.array([False]), np.array([True]))[: 2 if low > 0 else 1]:
            features = Features.of(past, 12, 7, log)
            seen.append(features.restored(forward(weights(), features))[0])
        expected = seen[0] if low < 0 else np.exp(np.mean(np.log(seen), axis=0))
        assert (seen[0] > 0.01).all() or low < 0  # nothing is floored here
        assert_allclose(forecasts(y)[0], expected, rtol=1e-5)


def test_blocks_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [series(k, 30 + 7 * k, low=-3.0 if k % 3 else 1.0) for k in range(9)]
    whole = forecasts(*many)
    monkeypatch.setattr(module, "BLOCK_NUMBERS", 5_000)  # two windows
    assert_allclose(forecasts(*many), whole, rtol=1e-4, atol=1e-4)
    assert_allclose([forecasts(one)[0] for one in many], whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("factor", "low"), [(1e-6, 1.0), (1e7, 1.0), (1e7, -4.0)])
def test_the_unit_does_not_matter(factor: float, low: float) -> None:
    y = series(5, 90, low)
    plain = forecasts(y)
    assert_allclose(forecasts(factor * y) / factor, plain, rtol=1e-3, atol=1e-3 * np.abs(plain).max())


def test_rows_after_the_end_and_rows_too_old_change_nothing() -> None:
    rows = window_rows(12)
    y = series(7, rows + 50)
    history = history_of(y)
    before = Windows(*(np.array([one]) for one in (0, 0, rows + 20, rows + 50)), np.array([True]))
    model = Pretrained(weights())
    expected = model.forecast(history, before, 7, 12).quantiles
    other = y.copy()
    other[rows + 20 :], other[:20] = 1e6, 77.0
    assert_array_equal(model.forecast(history_of(other), before, 7, 12).quantiles, expected)
    other[rows + 19] += 1
    assert not np.allclose(model.forecast(history_of(other), before, 7, 12).quantiles, expected)


@pytest.mark.parametrize(
    "y", [[4.0], [4.0, np.nan, 5.0], [0.0] * 30, [7.0] * 30, [1e-12, 1e12] * 20, [-1e99, 1e99] * 9]
)
@pytest.mark.parametrize(("season", "second"), [(1, None), (12, None), (7, 365), (24, 168), (288, None)])
def test_any_window_has_finite_quantiles_in_order(y: list[float], season: int, second: int | None) -> None:
    quantiles = forecasts(np.array(y), season=season, second=second)
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=2) >= 0).all()


def test_no_window_is_no_forecast() -> None:
    history = history_of(np.arange(5.0))
    none = Pretrained(weights()).forecast(history, ends(history)[:0], 3, 1)
    assert none.mean.shape == (0, 3)


@pytest.mark.parametrize(
    ("horizon", "season", "code"),
    [(65, 12, "GF-U50"), (65, 23, "GF-U50"), (169, 24, "GF-U50"), (1, 289, "GF-U49"), (0, 12, "GF-U12")],
)
def test_what_it_was_not_trained_for_is_refused(horizon: int, season: int, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        forecasts(series(1, 60), horizon=horizon, season=season)
    assert caught.value.code == code


@pytest.mark.parametrize(("horizon", "season"), [(64, 1), (64, 23), (168, 24), (168, 288), (1, 288)])
def test_its_limits_are_within(horizon: int, season: int) -> None:
    check_reach(horizon, season)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A copy of the network's files that may be damaged; what was read before is forgotten."""
    for name in ("weights.npz", "card.json"):
        shutil.copy(PLACE / name, tmp_path)
    monkeypatch.setattr(module, "PLACE", tmp_path)
    card.cache_clear()
    weights.cache_clear()
    yield tmp_path
    card.cache_clear()
    weights.cache_clear()


def sealed(place: Path, arrays: dict[str, Any]) -> None:
    """Other weights, with a card that has their digest."""
    import hashlib
    import json

    np.savez(place / "weights.npz", **arrays)
    facts = json.loads((place / "card.json").read_text())
    facts["sha256"] = hashlib.sha256((place / "weights.npz").read_bytes()).hexdigest()
    (place / "card.json").write_text(json.dumps(facts))


def test_damaged_weights_are_refused(place: Path) -> None:
    assert weights()  # the copy is good
    weights.cache_clear()
    content = bytearray((place / "weights.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (place / "weights.npz").write_bytes(content)
    with pytest.raises(ResourceError, match="not the file that was installed") as caught:
        weights()
    assert caught.value.code == "GF-E14"


@pytest.mark.parametrize("how", ["shape", "missing", "nan", "pickle", "double"])
def test_weights_of_another_kind_are_refused(place: Path, how: str) -> None:
    arrays: dict[str, Any] = dict(weights())
    weights.cache_clear()
    name = "head.kernel"
    if how == "missing":
        del arrays[name]
    else:
        arrays[name] = {
            "shape": arrays[name][:-1],
            "nan": np.where(arrays[name] == arrays[name][0, 0], np.float32(np.nan), arrays[name]),
            "pickle": np.array([{}], object),
            "double": arrays[name].astype(float),
        }[how]
    sealed(place, arrays)
    card.cache_clear()
    with pytest.raises(ResourceError, match="cannot be read"):
        weights()


@pytest.mark.parametrize("content", [None, "", "{}", '{"steps": "many"}'])
def test_a_card_that_is_none_is_refused(place: Path, content: str | None) -> None:
    (place / "card.json").unlink()
    if content is not None:
        (place / "card.json").write_text(content)
    with pytest.raises(ResourceError, match=r"card\.json"):
        card()


def test_the_card_tells_of_these_weights() -> None:
    own = card()
    assert own.parameters == sum(one.size for one in weights().values())
    assert own.bytes == (PLACE / "weights.npz").stat().st_size <= 3_000_000

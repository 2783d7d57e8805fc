"""The forward pass of the pretrained network: known answers, quantiles that never cross, the weights of the package."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

import gruforecast.models.pretrained as package
from gruforecast.models.networks.config import MIDDLE, QUANTILES
from gruforecast.models.pretrained.features import Features
from gruforecast.models.pretrained.inference import assembled, forward, weight_shapes
from gruforecast.models.pretrained.ready import READY

FOLDER = Path(package.__file__).parent


def some_features(n: int = 7, season: int = 12, horizon: int = 10) -> Features:
    rng = np.random.default_rng(1)
    past = 30 + rng.normal(size=(n, 90)).cumsum(axis=1)
    return Features.of(past, season, horizon, np.zeros(n, bool))


def test_without_weights_the_middle_is_the_mean_of_the_ready_forecasts() -> None:
    weights = {name: np.zeros(shape, np.float32) for name, shape in weight_shapes(8).items()}
    features = some_features()
    found = forward(weights, features)
    assert found.shape == (7, 10, len(QUANTILES))
    np.testing.assert_allclose(found[:, :, MIDDLE], features.ready[:, :10].mean(axis=2), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.diff(found, axis=2), np.log(2), rtol=1e-2)


def test_one_sure_weight_picks_one_ready_forecast() -> None:
    weights = {name: np.zeros(shape, np.float32) for name, shape in weight_shapes(8).items()}
    weights["head.bias"][READY.index("theta")] = 50
    weights["head.bias"][len(READY)] = 0.25
    features = some_features()
    expected = features.ready[:, :10, READY.index("theta")] + 0.25
    np.testing.assert_allclose(forward(weights, features)[:, :, MIDDLE], expected, rtol=1e-4, atol=1e-5)


def test_quantiles_never_cross() -> None:
    rng = np.random.default_rng(2)
    head = (100 * rng.normal(size=(50, 3, len(READY) + len(QUANTILES)))).astype(np.float32)
    found = assembled(head, rng.normal(size=(50, 3, len(READY))).astype(np.float32))
    assert (np.diff(found, axis=2) >= 0).all()
    assert np.isfinite(found).all()


def test_the_weights_of_the_package_are_those_of_its_card() -> None:
    path = FOLDER / "weights.npz"
    card = json.loads((FOLDER / "card.json").read_text())
    assert card["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert card["bytes"] == path.stat().st_size <= 3_000_000
    with np.load(path, allow_pickle=False) as file:
        weights = dict(file)
    assert {name: one.shape for name, one in weights.items()} == weight_shapes(card["width"])
    assert sum(one.size for one in weights.values()) == card["parameters"]
    assert all(np.isfinite(one).all() and one.dtype == np.float32 for one in weights.values())
    assert np.isfinite(forward(weights, some_features())).all()

"""Training of the pretrained network: it can be repeated, goes on after a kill, and learns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tools.pretrain.train import Trainer, loss, rate
from tools.pretrain.windows import Kind, batch

KIND = Kind(4, 0, 16, 1)


@pytest.fixture(autouse=True)
def without_compiling() -> Iterator[None]:
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def trained(trainer: Trainer, steps: range) -> list[float]:
    return [float(trainer.train(batch(1, number, 16, KIND), 1e-2)) for number in steps]


def test_pinball_loss_of_known_errors() -> None:
    target, weight = tf.constant([[1.0, 5.0]]), tf.constant([[1.0, 0.0]])
    found = float(loss(target, weight, tf.zeros((1, 2, 5))))
    parts = [0.025 * 0.5, 0.1, 0.5 * 2, 0.9, 0.975 * 0.5]
    sizes = [0.025, 0.1, 0.5, 0.9, 0.975]
    expected = sum(3 * np.arcsinh(s / 3) * p / s for s, p in zip(sizes, parts, strict=True)) / 5
    assert found == pytest.approx(expected, rel=1e-5)


def test_the_rate_rises_and_falls() -> None:
    rates = [rate(step, 10_000) for step in range(10_001)]
    assert np.argmax(rates) in range(400, 600)
    assert rates[0] < 1e-5
    assert rates[-1] == pytest.approx(2e-5)
    assert (np.diff(rates[600:]) <= 0).all()


def test_after_a_checkpoint_it_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    whole, first = Trainer(8, 3), Trainer(8, 3)
    losses = trained(whole, range(4))
    assert trained(first, range(2)) == pytest.approx(losses[:2], rel=1e-6)
    first.save(tmp_path / "checkpoint.npz")
    second = Trainer(8, 99)
    second.load(tmp_path / "checkpoint.npz")
    assert second.step == 2
    assert trained(second, range(2, 4)) == pytest.approx(losses[2:], rel=1e-5)
    for name, one in whole.averaged().items():
        np.testing.assert_allclose(second.averaged()[name], one, rtol=1e-4, atol=1e-6)


def test_the_loss_of_one_batch_falls() -> None:
    trainer = Trainer(8, 3)
    one = batch(1, 0, 32, KIND)
    losses = [float(trainer.train(one, 1e-2)) for _ in range(12)]
    assert losses[-1] < 0.9 * losses[0]

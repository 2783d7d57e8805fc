"""Training of the pretrained network: it can be repeated, goes on after a kill, and learns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain, count, islice
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from gruforecast.arrays import Weights
from gruforecast.execution.atomic_files import read_npz
from tools.pretrain import train as room
from tools.pretrain.export import export
from tools.pretrain.train import Trainer, loss, rate
from tools.pretrain.windows import Batch, Kind, batch

KIND = Kind(4, 0, 16, 1)


@pytest.fixture(autouse=True)
def without_compiling() -> Iterator[None]:
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def test_pinball_loss_of_known_errors() -> None:
    target, weight = tf.constant([[1.0, 5.0]]), tf.constant([[1.0, 0.0]])
    found = float(loss(target, weight, tf.zeros((1, 2, 5))))
    parts = [0.025 * 0.5, 0.1, 0.5 * 2, 0.9, 0.975 * 0.5]
    sizes = [0.025, 0.1, 0.5, 0.9, 0.975]
    expected = sum(3 * np.arcsinh(s / 3) * p / s for s, p in zip(sizes, parts, strict=True)) / 5
    assert found == pytest.approx(expected, rel=1e-5)


def test_the_rate_rises_and_falls() -> None:
    rates = [rate(step, 10_000) for step in range(10_001)]
    assert np.argmax(rates) in range(190, 300)
    assert rates[0] < 1e-5
    assert rates[-1] == pytest.approx(2e-5)
    assert (np.diff(rates[600:]) <= 0).all()


class Lines:
    """A check that is quick: the number of weights."""

    def line(self, weights: Weights) -> str:
        return f"{len(weights)} weights"


def ran(out: Path, trainer: Trainer, steps: int, size: int = 16) -> Weights:
    out.mkdir(exist_ok=True)
    room.run(out, trainer, Lines(), steps, 1, size, 1e-2)
    found = read_npz(out / "checkpoint.npz")
    assert found.pop("seconds") > 0
    return found


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small batches from this process, a checkpoint after every second step."""
    monkeypatch.setattr(room, "stream", lambda seed, start, size: (batch(seed, k, size, KIND) for k in count(start)))
    monkeypatch.setattr(room, "SAVE", 2)
    monkeypatch.setattr(room, "CHECK", 3)


@pytest.mark.usefixtures("quick")
def test_a_run_that_was_killed_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ran(tmp_path / "whole", Trainer(8, 3), 5)
    batches = room.stream
    monkeypatch.setattr(room, "stream", lambda *args: chain(islice(batches(*args), 3), [None]))  # fails at the fourth
    with pytest.raises(AttributeError):
        ran(tmp_path / "killed", Trainer(8, 3), 5)
    monkeypatch.setattr(room, "stream", batches)
    assert int(read_npz(tmp_path / "killed" / "checkpoint.npz")["step"]) == 2
    resumed = ran(tmp_path / "killed", Trainer(8, 99), 5)  # the seed of the first weights does not matter any more
    assert resumed.keys() == whole.keys()
    for name, one in whole.items():
        np.testing.assert_array_equal(resumed[name], one, err_msg=name)
    checks = [line for line in (tmp_path / "whole" / "log.txt").read_text().splitlines() if "check" in line]
    assert [line.split()[0] for line in checks] == ["3", "5"]


@pytest.mark.usefixtures("quick")
def test_a_run_after_another_one_counts_both(tmp_path: Path) -> None:
    ran(tmp_path / "first", Trainer(8, 3), 3)
    second = Trainer(8, 4)
    second.begin_after(tmp_path / "first" / "checkpoint.npz")
    ran(tmp_path / "second", second, 2, size=8)
    (tmp_path / "second" / "options.json").write_text('{"seed": 1, "width": 8, "commit": "abc"}')
    export(tmp_path / "second", tmp_path)
    found = json.loads((tmp_path / "card.json").read_text())
    assert (found["steps"], found["windows"], found["seed"]) == (5, 3 * 16 + 2 * 8, 1)


@pytest.mark.usefixtures("quick")
def test_the_learning_rate_follows_the_steps_and_the_average_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates, history = [], []
    train = Trainer.train

    def noted(trainer: Trainer, data: Batch, rate: float) -> tf.Tensor:
        value = train(trainer, data, rate)
        rates.append(rate)
        history.append(trainer.variables["head.bias"].numpy())
        return value

    monkeypatch.setattr(Trainer, "train", noted)
    trainer = Trainer(8, 3)
    average = trainer.variables["head.bias"].numpy()
    ran(tmp_path, trainer, 3)
    np.testing.assert_allclose(rates, [rate(step, 3, 1e-2) for step in range(3)])
    for step, one in enumerate(history, 1):
        kept = step / (step + 9)
        average = kept * average + (1 - kept) * one
    np.testing.assert_allclose(trainer.averaged()["head.bias"], average, rtol=1e-5)


def test_weights_decay() -> None:
    trainer = Trainer(8, 3)
    before = trainer.variables["row.kernel"].numpy()
    trainer.optimizer.apply([tf.zeros_like(one) for one in trainer.variables.values()], tf.constant(0.5))
    np.testing.assert_allclose(trainer.variables["row.kernel"].numpy(), before * (1 - 0.5 * 1e-3), rtol=1e-6)


def test_the_loss_of_a_check_is_that_of_the_training() -> None:
    trainer = Trainer(8, 3)
    one = batch(1, 0, 16, KIND)
    expected = float(loss(tf.constant(one.target), tf.constant(one.weight), trainer.network(one.arrays)))
    assert room._numpy_loss(trainer.averaged(), one) == pytest.approx(expected, rel=1e-4)


def test_the_loss_of_one_batch_falls() -> None:
    trainer = Trainer(8, 3)
    one = batch(1, 0, 32, KIND)
    losses = [float(trainer.train(one, 1e-2)) for _ in range(12)]
    assert losses[-1] < 0.9 * losses[0]

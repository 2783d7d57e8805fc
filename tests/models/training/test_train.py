"""Training: repeatable, reusable, unable to see past its cutoff, and able to learn."""

from __future__ import annotations

import time

import numpy as np
import pytest
from makers import history_of
from rounding import assert_close32

from gruforecast.models.baselines import seasonal_naive
from gruforecast.models.networks.config import NetworkConfig, TrainingConfig
from gruforecast.models.networks.inference import digest_of, forecast

pytestmark = pytest.mark.network

CONFIG = NetworkConfig(horizon=4, lookback=12, season_length=4, units=8, layers=2, dropout=0.2)
GENERATOR = np.random.default_rng(0)
SERIES = 10 + 3 * np.sin(np.arange(120) / 3) + GENERATOR.normal(size=120)


def trained(config=CONFIG, steps: int = 50, seed: int = 0, cutoff: int = 100, series=SERIES, **schedule):
    from gruforecast.models.training.train import Schedule, train

    history = history_of(series)
    training = TrainingConfig(steps=steps, batch_size=16, learning_rate=5e-3, seed=seed)
    return train(config, training, history, np.array([cutoff]), Schedule(**schedule))


def test_a_reused_program_equals_a_fresh_one_bit_for_bit() -> None:
    from gruforecast.models.training import train as module

    module._program.cache_clear()
    fresh = digest_of(trained(seed=3).weights)
    trained(seed=4)  # another run of the same program in between
    trained(config=NetworkConfig(horizon=4, lookback=12, season_length=4, units=8, layers=2, dropout=0.5), seed=5)
    assert module._program.cache_info().misses == 1
    assert digest_of(trained(seed=3).weights) == fresh
    module._program.cache_clear()
    assert digest_of(trained(seed=3).weights) == fresh
    assert digest_of(trained(seed=4).weights) != fresh


def test_dropout_and_decay_are_not_ignored_by_a_reused_program() -> None:
    from gruforecast.models.training.train import Schedule, train

    history = history_of(SERIES)
    digests = set()
    for dropout in (0.0, 0.5):
        for decay in (0.0, 1.0):
            config = NetworkConfig(horizon=4, lookback=12, season_length=4, units=8, layers=2, dropout=dropout)
            training = TrainingConfig(steps=25, batch_size=16, weight_decay=decay, seed=1)
            digests.add(digest_of(train(config, training, history, np.array([100]), Schedule()).weights))
    assert len(digests) == 4


def test_rows_from_the_cutoff_on_change_nothing() -> None:
    later = SERIES.copy()
    later[100:] *= -1000
    one, two = trained(), trained(series=later)
    assert digest_of(one.weights) == digest_of(two.weights)
    assert one.losses == two.losses


def test_before_the_first_step_the_forecast_is_the_seasonal_naive_one() -> None:
    from gruforecast.models.training.keras_model import build_network
    from gruforecast.models.training.train import weights_of

    history = history_of(SERIES)
    windows = history.windows(np.zeros(3, np.int64), np.array([50, 70, 120]))
    found = forecast(history, windows, CONFIG, weights_of(build_network(CONFIG, seed=1)))[:, :, 2]
    np.testing.assert_allclose(found, seasonal_naive(history, windows, 4, 4), rtol=1e-9)


@pytest.mark.parametrize("cell", ["gru", *(pytest.param(one, marks=pytest.mark.slow) for one in ("lstm", "rnn"))])
def test_an_exact_pattern_is_learned_better_than_the_seasonal_naive(cell) -> None:
    """A season whose height grows: the last season repeated is always too low."""
    y = (1 + 0.02 * np.arange(160)) * (3 + np.tile([0.0, 1.0, 2.0, 1.0], 40))
    config = NetworkConfig(horizon=4, lookback=12, season_length=4, cell=cell, units=16, log_unit=0.3)
    history = history_of(y)
    windows = history.windows(np.zeros(1, np.int64), np.array([140]))
    weights = trained(config, steps=300, cutoff=140, series=y).weights
    error = np.abs(forecast(history, windows, config, weights)[0, :, 2] - y[140:144]).mean()
    naive = np.abs(seasonal_naive(history, windows, 4, 4)[0] - y[140:144]).mean()
    assert error < 0.3 * naive


def test_a_deadline_ends_training_with_what_there_is() -> None:
    found = trained(steps=5000, deadline=time.time())
    assert found.steps == 25
    assert not found.diverged


def test_divergence_is_noticed_at_once() -> None:
    from gruforecast.models.training.train import Schedule, train

    history = history_of(SERIES)
    training = TrainingConfig(steps=5000, batch_size=16, learning_rate=1e30)
    found = train(CONFIG, training, history, np.array([100]), Schedule())
    assert found.diverged
    assert found.steps < 5000


def test_missing_values_do_not_poison_the_weights() -> None:
    y = SERIES.copy()
    y[[3, 10, 11, 12, 13, 40, 77]] = np.nan
    found = trained(series=y)
    assert all(np.isfinite(array).all() for array in found.weights.values())


def test_training_goes_on_from_given_weights() -> None:
    first = trained()
    later = trained(steps=25, initial=first.weights, rates=(1e-9, 0.0))
    for name, array in first.weights.items():
        assert_close32(later.weights[name], array)


@pytest.mark.parametrize(("limits", "steps"), [((None, None), 400), ((0.5, None), 100), ((2.0, 0.5), 200)])
def test_a_training_that_fails_a_rung_ends_there(limits: tuple[float | None, ...], steps: int) -> None:
    scores = iter(np.linspace(1.0, 0.9, 100))
    found = trained(steps=400, validate=lambda _: next(scores), rungs=limits)
    assert (found.steps, found.pruned, len(found.rungs)) == (steps, steps < 400, 1 if steps == 100 else 2)


def test_no_gradient_passes_from_the_spread_to_the_point_forecast() -> None:
    import tensorflow as tf

    from gruforecast.models.training.keras_model import build_network
    from gruforecast.models.training.train import set_weights, weights_of

    model = build_network(CONFIG, seed=1)
    generator = np.random.default_rng(0)
    set_weights(model, {name: generator.normal(size=one.shape) for name, one in weights_of(model).items()})
    features = tf.constant(generator.normal(size=(5, 12, CONFIG.channels)).astype("f4"))
    names = [one.path for one in model.trainable_variables]
    for place in range(5):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(model(features)[:, :, place])
        found = tape.gradient(total, model.trainable_variables)
        moved = {name for name, one in zip(names, found, strict=True) if one is not None and np.any(one)}
        assert {name.startswith("spread") for name in moved} == {place != 2}


def test_quantiles_learn_where_it_is_noisy() -> None:
    """The noise is ten times larger in the second half of the season, and so must the distance of the quantiles be."""
    generator = np.random.default_rng(1)
    noise = np.tile([0.1, 0.1, 1.0, 1.0], 300) * generator.normal(size=1200)
    y = 50 + np.tile([0.0, 1.0, 2.0, 1.0], 300) + noise
    config = NetworkConfig(horizon=4, lookback=12, season_length=4, units=16, log=False, averaged=1.0)
    history = history_of(y)
    weights = trained(config, steps=600, cutoff=1000, series=y).weights
    ends = np.arange(1000, 1196, 4)
    found = forecast(history, history.windows(np.zeros(len(ends), np.int64), ends), config, weights)
    width = (found[:, :, 3] - found[:, :, 1]).mean(axis=0)
    assert width[2:].min() > 3 * width[:2].max()
    actual = y[ends[:, None] + np.arange(4)]
    assert 0.6 < ((actual >= found[:, :, 1]) & (actual <= found[:, :, 3])).mean() < 0.95

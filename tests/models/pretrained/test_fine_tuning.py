"""Fine-tuning: repeatable, blind to what comes after the cutoff, and better on what it was trained on."""

from __future__ import annotations

import numpy as np
from made_networks import make_pretrained

from gruforecast.data.windows import History
from gruforecast.models.pretrained.fine_tuning import AVERAGED, CLIP, Adam, fine_tuned
from gruforecast.models.registry import TUNED

NETWORK = make_pretrained("pretrained", second=24)


def series(n: int = 3, rows: int = 90) -> tuple[np.ndarray, np.ndarray]:
    """Seasonal series with noise, one of which is sometimes negative; values and first rows."""
    rng = np.random.default_rng(1)
    season = 10 * np.sin(2 * np.pi * np.arange(rows) / 12)
    y = np.array([[40.0], [2.0], [300.0]])[:n] + season + rng.normal(size=(n, rows))
    return y.ravel(), np.arange(n + 1) * rows


def test_it_follows_from_the_seed_and_each_number_of_steps_is_that_of_a_longer_run() -> None:
    y, indptr = series()
    history = History.of(y, indptr)
    short = dict(fine_tuned(NETWORK, history, indptr[1:], (3,), 7))
    long = dict(fine_tuned(NETWORK, history, indptr[1:], (3, 11), 7))
    other = dict(fine_tuned(NETWORK, history, indptr[1:], (3,), 8))
    assert (list(short), list(long)) == ([3], [3, 11])
    for name, one in short[3].weights.items():
        np.testing.assert_array_equal(one, long[3].weights[name])
    assert any((one != other[3].weights[name]).any() for name, one in short[3].weights.items())
    assert (long[11].name, long[11].second) == (TUNED, 24)
    np.testing.assert_array_equal(NETWORK.weights["head.bias"], make_pretrained("pretrained").weights["head.bias"])


def test_rows_from_the_cutoff_on_change_nothing() -> None:
    y, indptr = series()
    cutoff = indptr[1:] - np.array([6, 20, 1])
    after = np.arange(len(y)) >= np.repeat(cutoff, np.diff(indptr))
    first, second = (
        dict(fine_tuned(NETWORK, History.of(values, indptr), cutoff, (4,), 0))[4].weights
        for values in (y, np.where(after, -1000 * y, y))
    )
    for name, one in first.items():
        np.testing.assert_array_equal(one, second[name])


def test_it_forecasts_better_what_it_has_seen() -> None:
    y, indptr = series()
    history = History.of(y, indptr)
    windows = history.windows(np.arange(3), indptr[1:] - 6)
    truth = np.stack([y[end - 6 : end] for end in indptr[1:]])

    def error(network: object) -> float:
        return float(np.abs(network.forecast(history, windows, 6, 12).mean - truth).mean())  # type: ignore[attr-defined]

    tuned = dict(fine_tuned(NETWORK, history, indptr[1:], (100,), 0, rate=3e-3))[100]
    assert error(tuned) < 0.8 * error(NETWORK)


def test_the_average_is_the_mean_of_the_newest_weights() -> None:
    y, indptr = series()
    history = History.of(y, indptr)
    averages = {k: one.weights["head.bias"] for k, one in fine_tuned(NETWORK, history, indptr[1:], range(1, 7), 0)}
    last = NETWORK.weights["head.bias"]
    steps = []
    for k, average in averages.items():  # each average tells the weights of its step
        share = (AVERAGED + 1) / (AVERAGED + k)
        steps.append((average - (1 - share) * last) / share)
        last = average
    # the sum of (k + 1) … (k + AVERAGED - 1), as a closed form of what each step weighs
    weights = np.array([np.prod(np.arange(k, k + AVERAGED)) for k in range(1, len(steps) + 1)], float)
    np.testing.assert_allclose(np.average(steps, axis=0, weights=weights), last, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(averages[1], steps[0], rtol=1e-6)


def test_the_first_step_goes_against_the_sign_of_each_gradient_however_large_it_is() -> None:
    start = {"a": np.array([1.0, 2.0], np.float32), "b": np.array([[3.0]], np.float32)}
    optimizer = Adam(start)
    optimizer.step({"b": np.array([[-500.0]], np.float32), "a": np.array([30.0, 0.0], np.float32)}, 0.01)
    np.testing.assert_allclose(optimizer.weights["a"], [0.99, 2.0], rtol=1e-4)
    np.testing.assert_allclose(optimizer.weights["b"], [[3.01]], rtol=1e-4)
    np.testing.assert_array_equal(start["a"], [1.0, 2.0])
    assert CLIP == 1.0
    optimizer.step({"b": np.array([[np.nan]], np.float32), "a": np.zeros(2, np.float32)}, 0.01)
    np.testing.assert_allclose(optimizer.weights["b"], [[3.01]], rtol=1e-4)

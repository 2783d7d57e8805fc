"""Canaries: relations that hold whatever the right forecast is. If one dies, a number somewhere is not honest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from makers import AIR, history_of, run
from rounding import assert_close32

from gruforecast.data.windows import History
from gruforecast.models.baselines import naive, seasonal_naive
from gruforecast.models.networks.config import NetworkConfig, TrainingConfig
from gruforecast.models.networks.inference import forecast

pytestmark = pytest.mark.network

CONFIG = NetworkConfig(horizon=6, lookback=24, season_length=12, units=8, log_unit=0.3)


def learned(history: History, config: NetworkConfig, cutoff: np.ndarray, steps: int = 100, batch: int = 16) -> Any:
    """Weights of a training on rows before `cutoff` (n_series,)."""
    from gruforecast.models.training.train import Schedule, train

    training = TrainingConfig(steps=steps, batch_size=batch, learning_rate=5e-3, seed=1)
    return train(config, training, history, cutoff, Schedule()).weights


def points(history: History, config: NetworkConfig, weights: Any, ends: np.ndarray) -> np.ndarray:
    """Point forecasts of all series at `ends`."""
    windows = history.windows(np.arange(len(ends)), ends)
    return forecast(history, windows, config, weights)[:, :, 2]


@pytest.mark.slow
def test_random_walks_show_no_skill() -> None:
    rng = np.random.default_rng(0)
    history = history_of(*(100 + rng.normal(size=300).cumsum() for _ in range(60)))
    ends = history.indptr[1:] - 6
    config = NetworkConfig(horizon=6, lookback=24, units=8, log=False)
    found = points(history, config, learned(history, config, ends, 300, 64), ends)
    windows = history.windows(np.arange(60), ends)
    actual = np.take(history.values, ends[:, None] + np.arange(6))
    ratio = np.abs(found - actual).mean() / np.abs(naive(history, windows, 6, 1) - actual).mean()
    assert 0.97 <= ratio <= 1.1


def test_what_is_deterministic_is_learned_to_near_zero_error() -> None:
    """Two seasons at once, of 12 and of 5 rows: the last one of 12 rows repeated is far off."""
    rows = np.arange(600)
    y = 50 + 10 * np.sin(2 * np.pi * rows / 12) + 5 * np.sin(2 * np.pi * rows / 5)
    history, end = history_of(y), np.array([590])
    config = NetworkConfig(horizon=6, lookback=36, season_length=12, units=24, log=False)
    found = points(history, config, learned(history, config, end, 800, 32), end)
    error = np.abs(found[0] - y[590:596]).mean()
    assert (
        error
        < 0.05 * np.abs(seasonal_naive(history, history.windows(np.zeros(1, int), end), 6, 12) - y[590:596]).mean()
    )


def noisy_season(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 30 + 10 * np.sin(2 * np.pi * np.arange(180) / 12) + rng.normal(size=180)


@pytest.mark.parametrize(
    ("factor", "constant", "log"), [(1000.0, 0.0, True), (1000.0, 0.0, False), (1.0, 500.0, False)]
)
def test_other_units_and_another_zero_give_the_same_forecast(factor: float, constant: float, log: bool) -> None:
    """The constant with the logarithm off, because on a logarithmic scale a constant changes shares."""
    config = NetworkConfig(**{**CONFIG.__dict__, "log": log})
    y = noisy_season()
    one, other, end = history_of(y), history_of(factor * y + constant), np.array([170])
    found = points(one, config, learned(one, config, end), end)
    again = points(other, config, learned(other, config, end), end)
    np.testing.assert_allclose((again - constant) / factor, found, rtol=1e-3)


@pytest.mark.slow
def test_names_order_and_company_of_the_series_change_nothing() -> None:
    a, b = noisy_season(1), 3 * noisy_season(2)
    one, other = history_of(a, b), history_of(b, a)
    found = points(one, CONFIG, learned(one, CONFIG, np.array([170, 350])), np.array([170, 350]))
    again = points(other, CONFIG, learned(other, CONFIG, np.array([170, 350])), np.array([170, 350]))
    np.testing.assert_array_equal(again[::-1], found)
    alone = history_of(a)
    weights = learned(one, CONFIG, np.array([170, 350]))
    assert_close32(points(alone, CONFIG, weights, np.array([170])), found[:1])


@pytest.mark.slow
def test_a_file_may_be_shuffled_renamed_shifted_and_doubled(fitted: dict[str, Any], tmp_path: Path) -> None:
    """Whole years earlier, every row twice, in any order, other names, one column more: the same model to the last bit.

    So the same command with the same seed gives the same model, too.
    """
    other = pd.read_csv(AIR).rename(columns={"unique_id": "line", "ds": "when", "y": "passengers"})
    other["line"] = "another name"
    other["when"] = [f"{int(stamp[:4]) - 40}{stamp[4:]}" for stamp in other["when"].astype(str)]
    other["note"] = "x"
    pd.concat([other, other]).sample(frac=1.0, random_state=0).to_csv(tmp_path / "other.csv", index=False)
    options = ["--time", "when", "--target", "passengers", "--id", "line", "--no-stats", "--trials", "2", "--json"]
    done = run("fit", "other.csv", "--horizon", "12", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    timing = ("seconds", "seconds_per_epoch", "train_seconds", "forecast_ms")

    def plain(report: dict[str, Any]) -> list[dict[str, Any]]:
        return [{name: row[name] for name in row if name not in timing} for row in report["leaderboard"]]

    report = json.loads(done.stdout)
    assert report["digests"] == fitted["report"]["digests"]
    assert plain(report) == plain(fitted["report"])
    frames = []
    for folder in (fitted["cwd"], tmp_path):
        assert run("predict", "-o", "canary.csv", cwd=folder).returncode == 0
        frames.append(pd.read_csv(folder / "canary.csv").iloc[:, -5:])
    np.testing.assert_array_equal(*frames)

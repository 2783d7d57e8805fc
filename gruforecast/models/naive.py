"""The forecasts to beat: the last value, and the last season. In the form of the `baselines`."""

from __future__ import annotations

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.data.windows import History, Windows


def naive(history: History, windows: Windows, horizon: int, season_length: int) -> Floats:  # noqa: ARG001
    """Return the last value, repeated."""
    return np.repeat(history.values[history.last_seen[windows.end - 1]][:, None], horizon, axis=1)


def seasonal_naive(history: History, windows: Windows, horizon: int, season_length: int) -> Floats:
    """Return the last observed value of the phase of the season; the last value where that phase was never seen."""
    phase = windows.end[:, None] - season_length + np.arange(season_length)  # (n, season)
    value = np.full(phase.shape, np.nan)
    for _ in range(4):  # a missing value is looked for up to four seasons back
        inside = np.isnan(value) & (phase >= windows.start[:, None])
        value = np.where(inside, history.values[np.maximum(phase, 0)], value)
        phase = phase - season_length
    value = np.where(np.isnan(value), naive(history, windows, season_length, 1), value)
    return np.tile(value, -(-horizon // season_length))[:, :horizon]

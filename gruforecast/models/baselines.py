"""Forecasts without learning, for all windows at once: what every network has to beat.

Each function takes the history, windows (n), the horizon and the season length, and returns (n, horizon) forecasts.
`BASELINES` at the end tells of each.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gruforecast.arrays import Bools, Floats, Ints
from gruforecast.data.windows import History, Windows, gather_past
from gruforecast.models.harmonic import Harmonic
from gruforecast.models.model import Entry, Model, Points
from gruforecast.models.naive import naive, seasonal_naive

BLOCK_NUMBERS = 4_000_000
HARMONIC = "harmonic"
THETA_ROWS = 500  # newest rows that Theta reads, or twenty seasons if that is more


def drift(history: History, windows: Windows, horizon: int, season_length: int) -> Floats:  # noqa: ARG001
    """Return the line through the first and the last value."""
    last = history.last_seen[windows.end - 1]
    slope = (history.values[last] - history.values[windows.start]) / np.maximum(last - windows.start, 1)
    return history.values[last][:, None] + slope[:, None] * (windows.end[:, None] - last[:, None] + np.arange(horizon))


def window_mean(history: History, windows: Windows, horizon: int, season_length: int) -> Floats:
    """Return the mean of the last season, or of as many rows as the horizon has when there is no season."""
    past = gather_past(history.values, windows, season_length if season_length > 1 else horizon)
    seen = ~np.isnan(past)
    mean = np.where(seen, past, 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    mean = np.where(seen.any(axis=1), mean, naive(history, windows, 1, 1)[:, 0])
    return np.repeat(mean[:, None], horizon, axis=1)


def theta(history: History, windows: Windows, horizon: int, season_length: int) -> Floats:
    """Return the Theta method (Assimakopoulos and Nikolopoulos 2000), on the newest `THETA_ROWS` rows.

    Seasonal indices are taken out where the autocorrelation test finds a season; then the linear trend and the
    exponential smoothing of the series with doubled curvature count half each.
    """
    lookback = max(THETA_ROWS, 20 * season_length)
    lookback = min(lookback, int((windows.end - windows.start).max(initial=1)))
    size = max(1, BLOCK_NUMBERS // (lookback + 32))
    blocks = [np.zeros((0, horizon))]
    for begin in range(0, len(windows), size):
        past = gather_past(history.values, windows[begin : begin + size], lookback)
        blocks.append(_theta_block(past, horizon, season_length))
    return np.concatenate(blocks)


def baselines(season_length: int, inputs: tuple[str, ...] = ()) -> dict[str, Model]:
    """Return the baselines by name; without a season the seasonal naive forecast is the naive one and is left out.

    Args:
        inputs: kind of each covariate, see `NetworkConfig`.
    """
    there = [one for one in BASELINES.values() if season_length > 1 or not one.seasonal]
    return {one.name: seeing(one.model, inputs) for one in there if one.model}


def seeing(model: Model, inputs: tuple[str, ...]) -> Model:
    """Return the model that reads what it can of covariates of these kinds."""
    return replace(model, inputs=inputs) if inputs and isinstance(model, Harmonic) else model


def _theta_block(past: Floats, horizon: int, season_length: int) -> Floats:
    """Return Theta forecasts (n, horizon) of right-aligned histories (n, lookback), which begin with NaN if short."""
    filled, inside = _filled(past)
    indices, multiply = seasonal_indices(filled, inside, season_length)  # (n, season)
    lookback = past.shape[1]
    # phase 0 is the first row after the history
    pattern = np.tile(indices, -(-(lookback + horizon) // season_length) + 1)
    back = (-lookback) % season_length
    season = pattern[:, back : back + lookback + horizon]  # (n, lookback + horizon)
    divisor = np.where(multiply[:, None], season[:, :lookback], 1.0)
    flat = np.where(multiply[:, None], filled / divisor, filled - season[:, :lookback])
    intercept, slope = _line(flat, inside)
    line = intercept[:, None] + slope[:, None] * np.arange(lookback + horizon)
    level = _smoothed(np.where(inside, 2 * flat - line[:, :lookback], 0.0), inside)
    forecast = 0.5 * (level[:, None] + line[:, lookback:])
    future = season[:, lookback:]
    return np.where(multiply[:, None], forecast * future, forecast + future)


def _filled(past: Floats) -> tuple[Floats, Bools]:
    """Return the histories with missing values replaced by the one before, and which rows are inside the series."""
    index = np.maximum.accumulate(np.where(~np.isnan(past), np.arange(past.shape[1]), -1), axis=1)
    inside = index >= 0
    return np.where(inside, np.take_along_axis(np.nan_to_num(past), np.maximum(index, 0), axis=1), 0.0), inside


def seasonal_indices(filled: Floats, inside: Bools, season_length: int) -> tuple[Floats, Bools]:
    """Return indices (n, season_length) of classical decomposition, and whether they multiply (positive values) or add.

    Phase 0 is the row after the history. Series that fail the autocorrelation test at the 10 % level, or have fewer
    than two seasons, get indices that change nothing.
    """
    n, lookback = filled.shape
    multiply = np.where(inside, filled, 1.0).min(axis=1) > 0
    neutral = np.where(multiply, 1.0, 0.0)[:, None] * np.ones(season_length)
    if season_length == 1 or lookback < 2 * season_length:
        return neutral, multiply
    centre, known = _centred_mean(filled, inside, season_length)
    ratio = np.where(multiply[:, None], filled / np.where(centre == 0, 1.0, centre), filled - centre)
    phase = (np.arange(lookback) - lookback) % season_length
    indices = np.empty((n, season_length))
    for k in range(season_length):
        rows = known & (phase == k)
        indices[:, k] = np.where(rows, ratio, 0).sum(axis=1) / np.maximum(rows.sum(axis=1), 1)
    mean = indices.mean(axis=1, keepdims=True)
    indices = np.where(multiply[:, None], indices / np.where(mean == 0, 1.0, mean), indices - mean)
    sound = np.where(multiply, indices.min(axis=1) > 1e-3, True)
    use = _seasonal(filled, inside, season_length) & sound & (inside.sum(axis=1) >= 2 * season_length)
    return np.where(use[:, None], indices, neutral), multiply


def _centred_mean(filled: Floats, inside: Bools, m: int) -> tuple[Floats, Bools]:
    """Return the centred moving average over one season (2 x m for even m) and where it is whole."""
    n, lookback = filled.shape
    width = m if m % 2 else m + 1
    weights = np.ones(width) / m
    if m % 2 == 0:
        weights[[0, -1]] /= 2
    views = np.lib.stride_tricks.sliding_window_view(filled, width, axis=1)  # (n, lookback - width + 1, width)
    whole = np.lib.stride_tricks.sliding_window_view(inside, width, axis=1)[:, :, 0]  # inside never ends early
    half = width // 2
    centre, known = np.zeros((n, lookback)), np.zeros((n, lookback), bool)
    centre[:, half : lookback - half] = views @ weights
    known[:, half : lookback - half] = whole
    return centre, known


def _seasonal(filled: Floats, inside: Bools, m: int) -> Bools:
    """Return the autocorrelation test at lag m, two-sided 10 % level, as in the code of the M4 competition."""
    count = inside.sum(axis=1)
    mean = filled.sum(axis=1) / np.maximum(count, 1)
    x = np.where(inside, filled - mean[:, None], 0.0)
    power = np.maximum((x * x).sum(axis=1), 1e-300)
    correlation = np.stack([(x[:, lag:] * x[:, : x.shape[1] - lag]).sum(axis=1) / power for lag in range(1, m + 1)])
    bound = 1.645 * np.sqrt((1 + 2 * (correlation[:-1] ** 2).sum(axis=0)) / np.maximum(count, 1))
    return np.abs(correlation[-1]) > bound


def _line(values: Floats, inside: Bools) -> tuple[Floats, Floats]:
    """Return the intercept and slope (n,) of least squares over the rows inside; row 0 is the first column."""
    t = np.arange(values.shape[1], dtype=float)
    count = np.maximum(inside.sum(axis=1), 1)
    mean_t = (inside * t).sum(axis=1) / count
    mean_y = (inside * values).sum(axis=1) / count
    centred = inside * (t - mean_t[:, None])
    spread = (centred**2).sum(axis=1)
    slope = (centred * values).sum(axis=1) / np.where(spread > 0, spread, 1.0)
    return mean_y - slope * mean_t, slope


def _smoothed(values: Floats, inside: Bools) -> Floats:
    """Return the last level (n,) of exponential smoothing, its rate chosen by least squares of one-step errors."""
    first = np.argmax(inside, axis=1)
    coarse = np.tile(np.linspace(0.02, 0.98, 17), (len(values), 1))
    errors, _ = _filter(values, first, coarse)
    best = np.take_along_axis(coarse, errors.argmin(axis=1)[:, None], axis=1)
    errors, level = _filter(values, first, np.clip(best + np.linspace(-0.06, 0.06, 13), 0.005, 0.995))
    return np.take_along_axis(level, errors.argmin(axis=1)[:, None], axis=1)[:, 0]


def _filter(values: Floats, first: Ints, rates: Floats) -> tuple[Floats, Floats]:
    """Return the squared one-step errors summed and the last level, both (n, n_rates), from each first value on."""
    level = np.repeat(values[np.arange(len(values)), first][:, None], rates.shape[1], axis=1)
    squares = np.zeros_like(level)
    for t in range(1, values.shape[1]):
        error = np.where((t > first)[:, None], values[:, t : t + 1] - level, 0.0)
        squares += error**2
        level += rates * error
    return squares, level


BASELINES = {
    one.name: one
    for one in (
        Entry("naive", "the last value again", model=Points(naive)),
        Entry("seasonal-naive", "the last season again", "seasonal naive", model=Points(seasonal_naive), seasonal=True),
        Entry("drift", "a line from the first value to the last, continued", model=Points(drift)),
        Entry("window-mean", "the mean of the newest values", "window mean", model=Points(window_mean)),
        Entry(
            "theta",
            "Theta: trend and exponential smoothing of what is left without the season",
            title="Theta",
            model=Points(theta),
        ),
        Entry(
            HARMONIC,
            "harmonic regression: waves of day, week and year, a trend that bends, errors that fade, known covariates",
            "harmonic regression",
            model=Harmonic(),
        ),
    )
}

"""Dynamic harmonic regression: waves of day, week and year, a trend that bends, and errors that fade.

Each window is a ridge regression in closed form on its newest rows:

    value = line + bends + waves + error,    error of a row = rho x error of the row before + noise

on the logarithms of positive values, beside the values themselves. Bends and waves are held back by ridges; ahead, the
bends and the last error fade. How strong the ridges are, rho, whether the line goes on or fades, and whether all rows
are read or the newest quarter, is weighed by forecasts from earlier rows of the same window. A ridge is the same for
both parts of a wave, so that no phase matters: the columns depend on the number of rows and the step of the stamps
only, and windows that read equally many rows are solved together.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from gruforecast.arrays import Bools, Floats, Ints
from gruforecast.data.windows import History, Windows, gather_past
from gruforecast.execution.machine import one_thread
from gruforecast.models.covariate_effects import Effects, Place, coefficients, known_places
from gruforecast.models.naive import seasonal_naive
from gruforecast.models.quantile_forecast import QuantileForecast

MAX_ROWS, MIN_ROWS = 3000, 6  # newest rows that a window reads; with fewer than these there is no regression
BENDS, REACH = 25, 2.0  # bends, and how far ahead their slope lasts, in distances between bends
PARTS, PARTED_ROWS = (1, 4), 192  # all rows, and the newest quarter of them where there are so many
WAVES = {"day": 12, "week": 31, "year": 10, "other": 12}  # at most; those of a week hold what differs between its days
SEASON_RIDGES, TREND_RIDGES, RHOS = (0.3, 30.0), (1e-5, 1e-3, 0.1, 1e4), (0.0, 0.7, 0.95)
MIDDLE_RIDGES = (1.0, 1e-3)  # with which gaps are filled and outliers found
ORIGINS = 5  # earlier rows of a window from which the ridges are tried
LINES = (np.inf, 0.12)  # how far ahead the slope of the line lasts, in windows
SHARPNESS, SHARPER = 8.0, 0.15  # weights fall with at most this power of the error; by so much more for each error
FILL_STEPS, DRAW_STEPS, OUTLIER = 5, 2, 4.0  # outliers are beyond so many robust standard deviations
BLOCK_NUMBERS = 2_000_000  # values of a block, or a hundred times its forecasts


@dataclass(frozen=True)
class Harmonic:
    """The model.

    Attributes:
        inputs: kind of each covariate, see `NetworkConfig`; those known in the horizon are read, too.
    """

    inputs: tuple[str, ...] = ()

    def forecast(self, history: History, windows: Windows, horizon: int, season_length: int) -> QuantileForecast:
        """Return the forecasts of dynamic harmonic regression; seasonal naive ones of windows too short."""
        known = known_places(self.inputs)
        forecasts, effects = regressed(history, windows, horizon, season_length, known)
        if len(known):
            forecasts = effects.onto(forecasts, history.covariates(windows, 0, horizon)[:, :, known])
        return QuantileForecast(forecasts)


def regressed(
    history: History, windows: Windows, horizon: int, season_length: int, known: Ints
) -> tuple[Floats, Effects]:
    """Return the forecasts (n, horizon) with all covariates at their mean, and what these do to them.

    Args:
        known: places of the covariates that are read.
    """
    forecasts = seasonal_naive(history, windows, horizon, season_length)
    effects = Effects.none(len(windows), len(known))
    step = step_of(history)
    rows = rounded(np.minimum(windows.end - windows.start, MAX_ROWS))
    for n in np.unique(rows[rows >= MIN_ROWS]).tolist():
        places, size = np.flatnonzero(rows == n), max(1, BLOCK_NUMBERS // max(n * (1 + len(known)), 100 * horizon))
        for block in np.split(places, range(size, len(places), size)):
            past = gather_past(history.values, windows[block], n)
            able = (~np.isnan(past)).sum(axis=1) >= MIN_ROWS
            if not able.any():
                continue
            past, some = past[able], block[able]
            with one_thread():
                if len(known):
                    x = history.covariates(windows[some], n, 0)[:, :, known]
                    found = _effects(past, x, horizon, step, season_length)
                    past = found.onto(past, x, sign=-1)
                    effects.put(some, found)
                here = _forecast(past, horizon, step, season_length)
            forecasts[some] = np.where(np.isfinite(here), here, forecasts[some])
    return forecasts, effects


def _effects(past: Floats, x: Floats, horizon: int, step: float, season_length: int) -> Effects:
    """Return what covariates (n, rows, k) do in pasts (n, rows)."""
    rows = past.shape[1]
    scale = Scale.of(past, use_log=True)
    places = []
    for end, ahead in _places(rows, horizon):
        design = Design.of(end, ahead, waves_of(end, step, season_length))
        places.append(Place(design.past, design.future, design.ridge(*MIDDLE_RIDGES)))
    z, missing = _filled(scale.to(past), places[0].past, places[0].ridge), np.isnan(past)
    return Effects.of(scale.log[:, 0], x, coefficients(z, missing, x, places) * scale.spread)


def _places(rows: int, horizon: int) -> list[tuple[int, int]]:
    """Return the rows before each forecast of a window and its steps: from the end, then from earlier rows."""
    ahead = max(1, min(horizon, rows // 4))
    origins = [rows - k * ahead for k in range(1, ORIGINS + 1) if rows - k * ahead >= max(MIN_ROWS, rows // 2)]
    return [(rows, horizon), *((origin, ahead) for origin in origins)]


def rounded(rows: Ints) -> Ints:
    """Return the rows that are read of `rows`: at least 97 % of them, and few different numbers."""
    unit = 2 ** np.maximum(np.log2(np.maximum(rows, 1)).astype(np.int64) - 5, 0)
    return rows // unit * unit


def step_of(history: History) -> float:
    """Return the days from one row to the next, on average over years; 0 without stamps."""
    inside = np.ones(max(len(history.days) - 1, 0), bool)
    inside[history.indptr[1:-1] - 1] = False  # from one series to the next
    gaps = np.diff(history.days)[inside][:1000]
    if not len(gaps) or gaps.max() <= 0:
        return 0.0
    usual, uneven = float(np.median(gaps)), gaps.min() < gaps.max()
    for average, shortest, longest in ((365.25 / 12, 28, 31), (365.25 / 4, 90, 92), (365.25, 365, 366), (7 / 5, 1, 3)):
        if uneven and shortest <= gaps.min() and gaps.max() <= longest:
            return average
    return usual


def seasons_of(step: float, season_length: int) -> list[tuple[float, str]]:
    """Return the rows and the names of day, week and year that last two rows or more, and of a season of its own."""
    seasons = [] if step <= 0 else [(1 / step, "day"), (7 / step, "week"), (365.25 / step, "year")]
    seasons = [(length, name) for length, name in seasons if length > 1.99]
    if season_length > 1 and all(abs(length / season_length - 1) > 0.02 for length, _ in seasons):
        seasons.append((float(season_length), "other"))
    return seasons


def waves_of(rows: int, step: float, season_length: int) -> tuple[Floats, Floats]:
    """Return the frequency per row of each wave, and which wave of its season it is.

    Seasons are taken that are there twice, or nearly.
    """
    found: dict[float, int] = {}
    for length, name in seasons_of(step, season_length):
        if rows >= 1.9 * length:
            for k in range(1, min(WAVES[name], int(length / 2 + 0.01)) + 1):
                found.setdefault(round(k / length, 9), k)
    return np.array(list(found)), np.array(list(found.values()), float)


@dataclass(frozen=True)
class Design:
    """The columns of a regression.

    Attributes:
        past: (rows, p) line, bends, waves; future: (horizon, p) the same columns continued.
        season: (p,) by which the ridge of the waves is multiplied; trend: (p,) that of the bends.
    """

    past: Floats
    future: Floats
    season: Floats
    trend: Floats

    @classmethod
    def of(cls, rows: int, horizon: int, waves: tuple[Floats, Floats]) -> Design:
        """Return the columns for the newest `rows` rows of a window."""
        t = np.arange(1.0 - rows, horizon + 1.0)  # 0 is the newest row
        line = np.stack([np.ones(len(t)), t / rows], axis=1)  # (rows + horizon, 2)
        bends = _bends(t, rows, line)
        frequency, number = waves
        angle = 2 * np.pi * t[:, None] * frequency
        whole = np.concatenate([line, bends, np.cos(angle), np.sin(angle)], axis=1)
        season, trend = np.zeros(whole.shape[1]), np.zeros(whole.shape[1])
        season[2 + bends.shape[1] :] = np.tile(number**2, 2)
        trend[2 : 2 + bends.shape[1]] = 1
        return cls(whole[:rows], whole[rows:], season, trend)

    def ridge(self, season: float, trend: float) -> Floats:
        """Return the matrix (p, p) that is added to the squares of the columns."""
        return np.diag(season * self.season + trend * self.trend + 1e-8)


def _bends(t: Floats, rows: int, line: Floats) -> Floats:
    """Return what each bend adds to a line, (rows + horizon, n_bends).

    The part of it that is a line is taken out, so that the line alone is the mean slope; ahead it fades.
    """
    count = min(BENDS, rows // 4)
    spacing = rows / (count + 1)
    bends = np.maximum(t[:, None] + rows - spacing * np.arange(1, count + 1), 0) / spacing / count**1.5
    bends -= line @ np.linalg.lstsq(line[:rows], bends[:rows])[0]
    reach = max(REACH * spacing, 1.0)
    bends[rows:] = bends[rows - 1] + (bends[rows - 1] - bends[rows - 2]) * _faded(t[rows:], reach)[:, None]
    return bends


def _forecast(past: Floats, horizon: int, step: float, season_length: int) -> Floats:
    """Return the forecasts (n, horizon) from pasts (n, rows): a weighted mean over scales, rows read and ridges."""
    rows = past.shape[1]
    places = _places(rows, horizon)
    designs = [
        [Design.of(end // part, steps, waves_of(rows // part, step, season_length)) for end, steps in places]
        for part in (PARTS if rows >= PARTED_ROWS else PARTS[:1])
    ]
    found, errors = [], []
    for scale in (Scale.of(past, use_log=True), Scale.of(past, use_log=False)):
        z = _without_gaps(scale.to(past), designs[0][0])
        for part in designs:
            here, *earlier = (
                scale.back(_candidates(z[:, :end], one)) for (end, _), one in zip(places, part, strict=True)
            )
            misses = [np.abs(one - past[:, o : o + steps]) for (o, steps), one in zip(places[1:], earlier, strict=True)]
            found.append(here)  # (n_candidates, n, horizon)
            errors.append(_mean(np.concatenate(misses, axis=2)) if misses else np.ones(here.shape[:2]))
    seen = sum(steps for _, steps in places[1:])
    weights = _weights(np.concatenate(errors), min(SHARPNESS, max(1.0, SHARPER * seen)))
    return np.einsum("cn,cnh->nh", weights, np.concatenate(found))


def _mean(values: Floats) -> Floats:
    """Return the mean over the last axis of what is not NaN; 0 if all are."""
    seen = ~np.isnan(values)
    return np.where(seen, values, 0.0).sum(axis=-1) / np.maximum(seen.sum(axis=-1), 1)


def _weights(errors: Floats, sharpness: float) -> Floats:
    """Return the weights (n_candidates, n) that mean errors of the same shape give."""
    floor = np.maximum(errors.min(axis=0), 1e-9 * errors.max(axis=0))
    weights = np.where(errors > 0, np.where(floor > 0, floor, 1) / np.maximum(errors, floor + (floor == 0)), 1.0)
    weights = weights**sharpness
    return weights / weights.sum(axis=0)


@dataclass(frozen=True)
class Scale:
    """The scale on which windows (n) are seen: logarithms or not, less the mean, by the standard deviation.

    Forecasts stay within the range of the past widened by itself.
    """

    log: Bools
    centre: Floats
    spread: Floats
    low: Floats
    high: Floats

    @classmethod
    def of(cls, past: Floats, *, use_log: bool) -> Scale:
        """Return the scale of pasts (n, rows); logarithms only of those that are positive."""
        log = (np.nanmin(past, axis=1, keepdims=True) > 0) & use_log
        y = np.log(np.where(log, past, 1.0)) + np.where(log, 0.0, past)
        centre, spread = np.nanmean(y, axis=1, keepdims=True), np.nanstd(y, axis=1, keepdims=True)
        spread = np.where(spread > 1e-12 * np.abs(centre), spread, 1.0)
        low, high = np.nanmin(y, axis=1, keepdims=True), np.nanmax(y, axis=1, keepdims=True)
        return cls(log, centre, spread, 2 * low - high, 2 * high - low)

    def to(self, past: Floats) -> Floats:
        """Return the values (n, rows) on this scale."""
        y = np.where(self.log, np.log(np.where(self.log, past, 1.0)), past)
        return (y - self.centre) / self.spread

    def back(self, z: Floats) -> Floats:
        """Return (..., n, horizon) in the unit of the values."""
        y = np.clip(z * self.spread + self.centre, self.low, self.high)
        return np.where(self.log, np.exp(np.where(self.log, y, 0.0)), y)


def _candidates(z: Floats, design: Design) -> Floats:
    """Return the forecasts (n_candidates, n, horizon) with every rho, pair of ridges and line, from the newest rows.

    With rho it is the regression of what each row adds to rho times the row before.
    """
    x, y = design.past, z[:, -len(design.past) :].T
    squares, lagged = x.T @ x, x[1:].T @ x[:-1]
    right, crossed = x.T @ y, x[1:].T @ y[:-1] + x[:-1].T @ y[1:]
    ends = (0, -1)  # the first row has none before it, the last is before none
    inner = squares - sum(np.outer(x[k], x[k]) for k in ends)
    inner_right = right - sum(np.outer(x[k], y[k]) for k in ends)
    steps, found = np.arange(1, len(design.future) + 1), []
    fades = [_faded(steps / len(x), reach) - steps / len(x) for reach in LINES]
    for rho in RHOS:
        gram = squares - rho * (lagged + lagged.T) + rho**2 * inner
        target = right - rho * crossed + rho**2 * inner_right
        for season, trend in product(SEASON_RIDGES, TREND_RIDGES):
            b = np.linalg.solve(gram + design.ridge(season, trend), target)  # (p, n)
            error = y[-1] - x[-1] @ b
            whole = (design.future @ b).T + error[:, None] * rho**steps
            found += [whole + b[1][:, None] * fade for fade in fades]
    return np.stack(found)


def _faded(ahead: Floats, reach: float) -> Floats:
    """Return how far a slope has come after `ahead`, if it fades with `reach`."""
    return ahead if reach == np.inf else -reach * np.expm1(-ahead / reach)


def _without_gaps(z: Floats, design: Design) -> Floats:
    """Return the values (n, rows) with gaps filled and outliers drawn in, by a regression with middling ridges."""
    x, ridge = design.past, design.ridge(*MIDDLE_RIDGES)
    z = drawn = _filled(z, x, ridge)
    solved = np.linalg.solve(x.T @ x + ridge, x.T)  # (p, rows)
    for _ in range(DRAW_STEPS):
        fitted = (x @ (solved @ drawn.T)).T
        error = z - fitted
        far = OUTLIER * 1.4826 * np.median(np.abs(error), axis=1, keepdims=True)
        drawn = np.where((far > 0.05) & (np.abs(error) > far), fitted + np.sign(error) * far, z)
    return drawn


def _filled(z: Floats, x: Floats, ridge: Floats) -> Floats:
    """Return the values (n, rows) with gaps filled by a regression on columns (rows, p).

    What is filled has next to no error, as if it were left out.
    """
    missing, t = np.isnan(z), np.arange(z.shape[1])
    some = np.flatnonzero(missing.any(axis=1))
    z = z.copy()
    for k in some:
        z[k] = np.interp(t, t[~missing[k]], z[k, ~missing[k]])
    if len(some):
        solved = np.linalg.solve(x.T @ x + ridge, x.T)  # (p, rows)
        for _ in range(FILL_STEPS):
            z[some] = np.where(missing[some], (x @ (solved @ z[some].T)).T, z[some])
    return z

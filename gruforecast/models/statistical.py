"""Models of the optional package statsforecast: each series fitted by itself, anew at every cutoff or taken forward.

They have the form of the baselines. One fit takes from five milliseconds to some seconds, so `affordable` bounds how
many rows each may fit in all, and `fit` runs them on its workers. To take a fitted model forward over newer rows, its
parameters as they were, costs next to nothing, and sees no row behind the one it is asked from.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from gruforecast.arrays import Floats, Ints
from gruforecast.data.windows import History, Windows
from gruforecast.errors import ResourceError
from gruforecast.models.harmonic import seasons_of, step_of
from gruforecast.models.model import Entry, Points
from gruforecast.models.naive import seasonal_naive
from gruforecast.models.quantile_forecast import QuantileForecast

if TYPE_CHECKING:
    from statsforecast.models import _TS

Found = TypeVar("Found")

CLASSES = {"dynamic-theta": "DynamicOptimizedTheta", "auto-ets": "AutoETS", "auto-arima": "AutoARIMA", "mstl": "MSTL"}
MAX_ROWS = 500  # newest rows that a fit reads, or twenty seasons if that is more


def installed() -> str | None:
    """Return the version of statsforecast that is there, None without it."""
    import importlib.metadata

    try:
        return importlib.metadata.version("statsforecast")
    except importlib.metadata.PackageNotFoundError:
        return None


def affordable(rows: int, season_length: int) -> list[str]:
    """Return the names of the models that may fit `rows` rows in all."""
    return [
        one.name
        for one in STATISTICAL.values()
        if (one.max_rows is None or rows <= one.max_rows)
        and (one.max_season is None or season_length <= one.max_season)
    ]


def rows_read(windows: Windows, season_length: int) -> int:
    """Return the rows that fits at `windows` read in all."""
    return int(np.minimum(windows.end - windows.start, _max_rows(season_length)).sum())


def trouble_with(name: str) -> str | None:
    """Return why a statistical model cannot be used here, None if it can."""
    try:
        _class(name)
    except Exception as error:  # noqa: BLE001 - another package's import may fail in any way
        return f"{type(error).__name__}: {error.__cause__ or error}"
    return None


def _forecast(name: str, history: History, windows: Windows, horizon: int, season_length: int) -> Floats:
    """Return the forecasts (n, horizon); seasonal naive ones where a fit fails."""
    forecasts = seasonal_naive(history, windows, horizon, season_length)
    step = _step(name, history)
    for k, end in enumerate(windows.end.tolist()):
        first, seasons = _newest(int(windows.start[k]), end, step, season_length)
        rows = history.values[first:end]
        if (model := _model(name, rows, seasons)) is not None:
            forecasts[k] = _tried(lambda y: model.forecast(y=y, h=horizon)["mean"], rows, forecasts[k])
    return forecasts


@dataclass(frozen=True)
class TakenForward:
    """A statistical model that was fitted to the rows before a cutoff, its parameters kept for all windows after it.

        rows of one series  |------- fitted -------|
        window 1            |----------------------------|  filtered, as the parameters say
        window 2            |---------------------------------|

    A window that begins so late that there is hardly a row before the cutoff is fitted by itself.

    Attributes:
        cutoff: (n_series,) of each series of the history; rows: that a fit before it needs at least.
    """

    name: str
    cutoff: Ints
    rows: int
    _fits: dict[tuple[int, int], tuple[int, _TS | None]] = field(default_factory=dict, repr=False)

    def forecast(self, history: History, windows: Windows, horizon: int, season_length: int) -> QuantileForecast:
        """Return the forecasts; seasonal naive ones where a fit fails."""
        forecasts = seasonal_naive(history, windows, horizon, season_length)
        for k, (series, end) in enumerate(zip(windows.series.tolist(), windows.end.tolist(), strict=True)):
            start, cutoff = int(windows.start[k]), min(int(self.cutoff[series]), end)
            key = series, cutoff if cutoff - start >= self.rows else end
            if key not in self._fits:
                self._fits[key] = self._fitted(history, start, key[1], season_length)
            first, model = self._fits[key]
            if model is not None:
                rows = history.values[first:end]
                forecasts[k] = _tried(lambda y: model.forward(y=y, h=horizon)["mean"], rows, forecasts[k])  # noqa: B023
        return QuantileForecast(forecasts)

    def _fitted(self, history: History, start: int, end: int, season_length: int) -> tuple[int, _TS | None]:
        """Return the first row that a fit reads, and the fitted model; None where it cannot be fitted."""
        first, seasons = _newest(start, end, _step(self.name, history), season_length)
        rows = history.values[first:end]
        model = _model(self.name, rows, seasons)
        return first, None if model is None else _tried(model.fit, rows, None)


def _seasons(rows: int, step: float, season_length: int) -> list[int]:
    """Return the lengths in rows of the season and, with a step, of day, week and year; each twice in `rows`, or 1."""
    lengths = {season_length} | {round(length) for length, _ in seasons_of(step, season_length)}
    return sorted(one for one in lengths if one > 1 and rows >= 2 * one) or [1]


def several_seasons(history: History, windows: Windows, season_length: int) -> bool:
    """Return whether some window is long enough for two seasons: with one, MSTL is little else than AutoETS."""
    rows = int((windows.end - windows.start).max(initial=0))
    return len(_seasons(rows, step_of(history), season_length)) > 1


def _max_rows(season_length: int) -> int:
    return max(MAX_ROWS, 20 * season_length)


def _step(name: str, history: History) -> float:
    """Return the step in days for a model that looks for the seasons of day, week and year; 0 for others."""
    return step_of(history) if name == "mstl" else 0.0


def _newest(start: int, end: int, step: float, season_length: int) -> tuple[int, list[int]]:
    """Return the first row that a fit to the rows before `end` reads, and the seasons of the model."""
    seasons = _seasons(end - start, step, season_length)
    return max(start, end - max(_max_rows(season_length), 3 * max(seasons))), seasons


def _model(name: str, rows: Floats, seasons: list[int]) -> _TS | None:
    """Return a model for one series; None where there is none for it."""
    y = _without_gaps(rows)
    if len(y) < 3 or y.min() == y.max():
        return None
    seasons = [one for one in seasons if len(y) >= 2 * one] or [1]  # gaps at the beginning are no rows
    if name == "mstl" and seasons == [1]:
        return None
    return _class(name)(season_length=seasons if name == "mstl" else seasons[0])


def _tried(call: Callable[[Floats], Found], rows: Floats, otherwise: Found) -> Found:
    """Return what a call of the library gives for rows without gaps; `otherwise` where it fails, or is not finite."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = call(_without_gaps(rows))
        except Exception:  # noqa: BLE001 - a library's numerical trouble with one series; there is a forecast without it
            return otherwise
    return otherwise if isinstance(found, np.ndarray) and not np.isfinite(found).all() else found


def _without_gaps(rows: Floats) -> Floats:
    """Return the rows from the first value on, missing ones on the line between their neighbours."""
    seen = np.flatnonzero(~np.isnan(rows))
    if not len(seen):
        return rows[:0]
    return np.interp(np.arange(seen[0], len(rows)), seen, rows[seen])


@functools.cache
def _class(name: str) -> type[_TS]:
    try:
        from statsforecast import models
    except ImportError as error:
        raise ResourceError(
            f"the model {name!r} needs the package statsforecast, which is not installed.",
            remedy="Install gruforecast[stats], or pass `member='networks'`.",
            code="GF-E20",
        ) from error
    return getattr(models, CLASSES[name])


# the rows are worth some ten minutes of one core
STATISTICAL = {
    name: Entry(
        name,
        f"{description} (statsforecast)",
        title,
        model=Points(functools.partial(_forecast, name)),
        max_rows=max_rows,
        max_season=12 if name == "auto-arima" else None,
    )
    for name, description, title, max_rows in (
        ("dynamic-theta", "dynamic optimised Theta", "dynamic Theta", 10_000_000),
        ("auto-ets", "exponential smoothing, its form chosen by AICc", "AutoETS", 1_000_000),
        ("mstl", "the seasons of day, week and year by loess, the rest by exponential smoothing", "MSTL", 500_000),
        ("auto-arima", "ARIMA, its orders chosen by AICc", "AutoARIMA", 3_000),
    )
}

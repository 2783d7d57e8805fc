"""What forecasts of short series are worth: the calibration origins asked again, with their newest rows alone.

    rows of one series  |------------- past --------------|- horizon -|     as calibrated
                                                |- k rows-|- horizon -|     as if the series had begun there

For each k the factor is the 80 % quantile of errors in half-widths, over that with all rows. An interval holds with k
rows where the factor of one half of the series covers the other half.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gruforecast.arrays import Bools, Floats
from gruforecast.data.scale import error_unit
from gruforecast.data.windows import Windows, evenly, gather_past
from gruforecast.evaluation.adaptation import LEVEL, in_half_widths
from gruforecast.evaluation.splits import Split
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.model import Model
from gruforecast.models.short_series import ENOUGH, ShortSeries, levels
from gruforecast.models.statistical import STATISTICAL

FEWEST = 3  # rows that are tried
MOST = 600  # origins
MIN_ERRORS = 30  # of each half, without which nothing is measured
MISSED = 0.05  # by how much the share covered may be below the level
STAND_IN = "theta"  # for statistical models, which would be fitted at each origin


def short_series(forecaster: Forecaster, split: Split) -> ShortSeries:
    """Return what the members of a forecaster, whose networks have not seen the origins, make of few rows."""
    windows = split.calibration_windows()
    windows = windows[evenly(len(windows), MOST)]
    models = replace(forecaster, blend=_affordable(forecaster.blend)).models(list(map(_asked, forecaster.members)))
    m, history = split.season_length, split.history
    unit = error_unit(history, windows, m)
    size = levels(history, windows, max(2 * m, ENOUGH))
    usable = (unit > 0) & (size > 0)
    if not usable.any():
        return ShortSeries()
    found = ShortSeries(ratio=float(np.median((unit / np.where(size > 0, size, 1.0))[usable])))
    whole = _ratios(forecaster, split, windows, unit, models)
    tried: list[int] = []
    factors: dict[str, list[float]] = {name: [] for name in forecaster.members}
    held: list[bool] = []
    for rows in sorted({max(FEWEST, one) for one in (FEWEST, m // 2, m, 2 * m, forecaster.lookback)}):
        some, where = with_rows(split, windows, rows)
        halves = _halves(some)
        if min(halves.sum(), (~halves).sum()) * split.horizon < MIN_ERRORS:
            continue
        tried.append(rows)
        ratios = _ratios(forecaster, split, some, found.unit(history, some, m), models)
        for name, ratio in ratios.items():
            factors[name].append(max(1.0, _quantile(ratio) / max(_quantile(whole[name][where]), 1e-9)))
        held.append(_holds(ratios[forecaster.winner], halves))
    needed = next((rows for k, rows in enumerate(tried) if all(held[k:])), tried[-1] if tried else 0)
    falling = {name: tuple(np.maximum.accumulate(one[::-1])[::-1].tolist()) for name, one in factors.items()}
    return replace(found, rows=tuple(tried), factors=falling, needed=needed)


def with_rows(split: Split, windows: Windows, rows: int) -> tuple[Windows, Bools]:
    """Return the windows that have more rows with the newest so many alone, and which these are.

    They begin with a value, as series do.
    """
    past = gather_past(split.history.values, windows, rows)
    seen = ~np.isnan(past)
    where = (windows.end - windows.start > rows) & seen.any(axis=1)
    start = windows.end - rows + seen.argmax(axis=1)
    return replace(windows, start=start, use_log=np.asarray(~(past < 0).any(axis=1)))[where], where


def _asked(name: str) -> str:
    return STAND_IN if name in STATISTICAL else name


def _affordable(blend: dict[str, float]) -> dict[str, float]:
    """Return the weights with those of statistical models given to their stand-in."""
    weights: dict[str, float] = {}
    for name, weight in blend.items():
        weights[_asked(name)] = weights.get(_asked(name), 0.0) + weight
    return weights


def _ratios(
    own: Forecaster, split: Split, windows: Windows, unit: Floats, models: dict[str, Model]
) -> dict[str, Floats]:
    """Return the errors of members by half-widths at windows, (n, horizon), NaN = not known."""
    actual, found = split.actual(windows), {}
    for name, calibration in own.calibrations.items():
        if calibration.levels:
            forecast = split.ask(models[_asked(name)], windows)
            level = min(calibration.levels, key=lambda one: abs(one - LEVEL))
            found[name] = in_half_widths(calibration, forecast, actual, unit, level)
        else:
            found[name] = np.ones_like(actual)
    return found


def _halves(windows: Windows) -> Bools:
    """Return which windows are of the first half: every other series, or of a single one the earlier windows."""
    several = len(np.unique(windows.series)) > 1
    return windows.series % 2 == 0 if several else np.arange(len(windows)) < len(windows) // 2


def _quantile(ratios: Floats) -> float:
    """Return the conformal quantile at `LEVEL` of ratios that are known; 1 without any."""
    known = np.sort(ratios[~np.isnan(ratios)])
    rank = int(np.ceil((len(known) + 1) * LEVEL / 100))
    return float(known[min(rank, len(known)) - 1]) if len(known) else 1.0


def _holds(ratios: Floats, halves: Bools) -> bool:
    """Return whether the quantile of each half covers enough of the other."""
    shares = [(ratios[other] <= _quantile(ratios[~other]))[~np.isnan(ratios[other])] for other in (halves, ~halves)]
    return float(np.concatenate(shares).mean()) >= LEVEL / 100 - MISSED

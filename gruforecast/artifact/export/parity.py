"""Whether an export forecasts what `predict` forecasts: the windows on which both are asked, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gruforecast.arrays import Floats, Ints, Stamps
from gruforecast.artifact.export.saved_model import difference, newest_of, reference
from gruforecast.artifact.export.signature import Served
from gruforecast.data.panel import Panel
from gruforecast.data.scale import mase_scale
from gruforecast.data.windows import History, gather_future, gather_past
from gruforecast.errors import DataError
from gruforecast.evaluation.metrics import mase
from gruforecast.models.forecaster import Forecaster
from gruforecast.serialization import Record

MAX_WINDOWS = 100  # of data
N_SYNTHETIC = 24  # windows
SHORT = 3  # rows of short windows
MIN_ROWS = 3  # before a cutoff
LIMIT = 5.0  # percent by which MASE may be worse where weights are whole numbers


class Difference(Record, frozen=True):
    """The largest differences of an export from the numpy pass.

    Attributes:
        windows: on how many.
        max_relative: in units of the largest number of the series; infinite where one of both knows a number that the
            other does not.
        max_absolute: in the user's unit.
    """

    windows: int
    max_relative: float
    max_absolute: float


@dataclass(frozen=True)
class Sample:
    """Windows that an export is asked for.

    Attributes:
        y: (n, time) in the user's unit; at least one value of each is seen.
        last: (n,) wall clock of the last row.
        x: (n, time + horizon, n_columns) covariates in the user's units.
        actual: (n, horizon) what happened, NaN = not known; scale: (n,) MASE scale. None where nothing happened.
    """

    y: Floats
    last: Stamps
    x: Floats
    actual: Floats | None = None
    scale: Floats | None = None

    def __len__(self) -> int:
        return len(self.y)

    def newest(self, time: int) -> Sample:
        """Return the same with the newest rows only, without windows where nothing is seen then."""
        seen = ~np.isnan(self.y[:, -time:]).all(axis=1)
        rows = time + self.x.shape[1] - self.y.shape[1]
        return Sample(self.y[seen, -time:], self.last[seen], self.x[seen, -rows:])


def of_panel(panel: Panel, time: int, forecaster: Forecaster) -> Sample:
    """Return up to `MAX_WINDOWS` windows of a panel, the latest that end a horizon before each other.

    Raises:
        DataError: no series has enough rows.
    """
    horizon = forecaster.horizon
    history = History.of(panel.y, panel.indptr, panel.wall, panel.x)
    series, end = _latest(panel, horizon)
    windows = history.windows(series, end)
    y = gather_past(history.values, windows, time)
    seen = np.asarray(~np.isnan(y).all(axis=1))
    series, end, y, windows = series[seen], end[seen], y[seen], windows[seen]
    if not len(y):
        raise DataError(
            f"no series has {horizon + MIN_ROWS} rows, of which the last {horizon} are to be forecast.",
            remedy="Give more rows, or leave DATA out.",
            code="GF-D67",
        )
    return Sample(
        y=y,
        last=panel.wall[end - 1],
        x=history.covariates(windows, time, horizon),
        actual=np.asarray(gather_future(history.values, windows, horizon)),
        scale=mase_scale(history, windows, forecaster.season_length),
    )


def _latest(panel: Panel, horizon: int) -> tuple[Ints, Ints]:
    """Return series and end of the latest windows, of those of the last cutoff evenly chosen ones if too many.

    Cutoffs are a horizon apart, less where that gives too few windows.
    """
    room = np.maximum(panel.lengths - horizon - MIN_ROWS + 1, 0)  # possible cutoffs of each series
    step = int(np.clip(room.sum() // MAX_WINDOWS, 1, horizon))
    end = panel.indptr[1:] - horizon - step * np.arange(MAX_WINDOWS)[:, None]  # (n_cutoffs, n_series)
    number, series = np.nonzero(end - panel.indptr[:-1] >= MIN_ROWS)
    newest = int((number == 0).sum())  # windows of the last cutoff
    chosen = (
        np.linspace(0, newest - 1, MAX_WINDOWS).astype(int)
        if newest > MAX_WINDOWS
        else np.arange(min(MAX_WINDOWS, len(number)))
    )
    return series[chosen], end[number[chosen], series[chosen]]


def of_context(forecaster: Forecaster) -> Sample | None:
    """Return the ends of training series that the model folder keeps; None where it keeps none."""
    if not forecaster.keeps_rows:
        return None
    return Sample(*newest_of(forecaster, MAX_WINDOWS))


def odd(served: Served, time: int, columns: int) -> Sample:
    """Return synthetic windows: gaps, zeros, numbers below zero, constant, short, with nothing new, huge and tiny."""
    generator = np.random.default_rng(0)
    horizon, m = served.networks[0].config.horizon, served.networks[0].config.season_length
    waves = np.sin(2 * np.pi * (np.arange(time) + generator.random((N_SYNTHETIC, 1)) * m) / max(m, 3))
    y = 50.0 + 20.0 * waves + generator.normal(size=(N_SYNTHETIC, time)).cumsum(axis=1)
    kind = np.arange(N_SYNTHETIC) % 9
    y[kind > 0] = np.abs(y[kind > 0])
    y[np.ix_(kind == 1, generator.random(time - 1) < 0.3)] = np.nan
    y[np.ix_(kind == 2, np.arange(time) % 3 == 0)] = 0.0
    y[kind == 3] -= 50.0
    y[kind == 4] = 7.0
    y[kind == 5, :-2] = np.nan
    y[kind == 6, time // 2 + 1 :] = np.nan
    y[kind == 7] *= 1e9
    y[kind == 8] *= 1e-9
    last = np.datetime64("1951-02-28T23:00:00", "s") + np.arange(N_SYNTHETIC) * 1_237 * np.timedelta64(86_400, "s")
    return Sample(y, last.astype("datetime64[s]"), _covariates(served, time + horizon, columns, generator))


def _covariates(served: Served, rows: int, columns: int, generator: np.random.Generator) -> Floats:
    """Return the random columns (N_SYNTHETIC, rows, columns), one in ten missing; of a category's columns one is 1."""
    x = generator.normal(size=(N_SYNTHETIC, rows, columns))
    spread = np.where(served.scaling.spread < np.inf, np.minimum(served.scaling.spread, 1e6), 1.0)
    x = served.scaling.centre + spread * x
    place = 0
    for one in served.covariates:
        part = slice(place, place + one.numbers)
        if one.categories:
            x[:, :, part] = np.eye(one.numbers)[generator.integers(one.numbers, size=(N_SYNTHETIC, rows))]
        if one.kind == "static":
            x[:, :, part] = x[:, -1:, part]
            x[::10, :, part] = np.nan
        else:
            x[:, generator.random(rows) < 0.1, part] = np.nan
        place += one.numbers
    return x


def compared(served: Served, sample: Sample, forecasts: Mapping[str, Floats]) -> Difference:
    """Return the largest differences of the outputs from those of the numpy pass."""
    expected = reference(served, sample.y, sample.last, sample.x)
    absolute = [np.nan_to_num(np.abs(forecasts[name] - one)).max(initial=0.0) for name, one in expected.items()]
    worst = max(difference(forecasts[name], one, sample.y) for name, one in expected.items())
    return Difference(len(sample), worst, float(max(absolute)))


def accuracies(served: Served, sample: Sample, forecast: Floats) -> tuple[float, float]:
    """Return the mean MASE on windows of data of what `predict` forecasts, and of `forecast`; NaN without a scale."""
    if sample.actual is None or sample.scale is None:
        return float("nan"), float("nan")
    expected = reference(served, sample.y, sample.last, sample.x)["y_hat"]
    scores = [mase(sample.actual, one, sample.scale) for one in (expected, forecast)]
    known = ~np.isnan(scores[0])
    exact, exported = (float(one[known].mean()) if known.any() else float("nan") for one in scores)
    return exact, exported

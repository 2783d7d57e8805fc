"""A fitted model that forecasts: a network and the baselines, their intervals, and where the training data ended."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gruforecast.arrays import Bools, Floats, Stamps
from gruforecast.baselines import baselines
from gruforecast.config import NetworkConfig
from gruforecast.data.frequency import Frequency
from gruforecast.data.stamps import StampForm
from gruforecast.data.table import Forecast, Names, Panel
from gruforecast.errors import DataError, UsageError, did_you_mean, shorten
from gruforecast.forward import Weights, forecast_past
from gruforecast.intervals import Calibration
from gruforecast.metrics import mase_scale
from gruforecast.windows import History

NETWORKS = "networks"


@dataclass(frozen=True)
class Ends:
    """What a forecast needs to know of each series where it ends.

    Attributes:
        past: (n_series, lookback) newest rows, NaN = missing or not yet begun.
        use_log: (n_series,) all values positive; never_negative: (n_series,) none below zero.
        scale: (n_series,) MASE scale, the unit of interval widths; 0 or NaN for series that never changed.
        last: (n_series,) stamp of the newest row.
        baselines: name to forecasts (n_series, horizon) from the end on.
    """

    ids: tuple[tuple[str, ...], ...]
    past: Floats
    use_log: Bools
    never_negative: Bools
    scale: Floats
    last: Stamps
    baselines: dict[str, Floats]

    @classmethod
    def of(cls, panel: Panel, config: NetworkConfig) -> Ends:
        """The ends of all series of a panel."""
        history = History.of(panel.y, panel.indptr)
        series, end = np.arange(len(panel)), panel.indptr[1:]
        windows = history.windows(series, end)
        m, horizon = config.season_length, config.horizon
        return cls(
            ids=panel.ids,
            past=history.past(windows, config.lookback),
            use_log=windows.use_log,
            never_negative=history.nonnegative_until >= end,
            scale=mase_scale(history, windows, m),
            last=panel.ds[end - 1],
            baselines={name: model(history, windows, horizon, m) for name, model in baselines(m).items()},
        )

    def only(self, keys: list[str]) -> Ends:
        """The ends of the series whose key (parts joined by `/`) is in `keys`."""
        known = ["/".join(key) for key in self.ids]
        for key in keys:
            if key not in known:
                remedy = f"The series are {shorten(known)}."
                raise UsageError(f"there is no series {key!r}.{did_you_mean(key, known)}", remedy=remedy, code="GF-U04")
        keep = np.flatnonzero([key in keys for key in known])
        return replace(
            self,
            ids=tuple(self.ids[k] for k in keep),
            past=self.past[keep],
            use_log=self.use_log[keep],
            never_negative=self.never_negative[keep],
            scale=self.scale[keep],
            last=self.last[keep],
            baselines={name: values[keep] for name, values in self.baselines.items()},
        )


@dataclass(frozen=True)
class Forecaster:
    """A model that forecasts any series of its frequency.

    Attributes:
        winner: name of the member that the report called the winner.
        calibrations: intervals by member name.
        context: ends of the training series, from which a forecast without new data starts.
    """

    config: NetworkConfig
    weights: Weights
    winner: str
    calibrations: dict[str, Calibration]
    names: Names
    freq: Frequency
    form: StampForm
    context: Ends

    @property
    def members(self) -> list[str]:
        """Names that `predict` takes: the networks and the baselines."""
        return list(self.calibrations)

    def predict(
        self,
        panel: Panel | None = None,
        *,
        horizon: int | None = None,
        levels: tuple[float, ...] | None = None,
        member: str = "winner",
        ids: list[str] | None = None,
    ) -> Forecast:
        """Forecasts from the end of each series of `panel`, or from the end of the training data.

        Args:
            horizon: steps, at most those fitted.
            levels: interval levels in percent, of those calibrated; all by default.
            member: `winner`, `networks`, or the name of a baseline.
            ids: keys of the only series to forecast; parts of a compound key are joined by `/`.

        Raises:
            UsageError: an argument asks for what the model does not have.
            DataError: `panel` has another step than the data that the model was fitted on.
        """
        if panel is not None and (panel.freq.unit, panel.freq.step) != (self.freq.unit, self.freq.step):
            found = f"the step is {panel.freq.label!r}, the model was fitted on {self.freq.label!r}."
            raise DataError(found, remedy="Give data of that step, or fit a model on these.", code="GF-D42")
        ends = self.context if panel is None else Ends.of(panel, self.config)
        ends = ends.only(ids) if ids else ends
        name = self._member(member)
        steps = self._horizon(horizon)
        calibration = self._levels(name, levels)
        floor = ends.never_negative[:, None]
        mean = self._mean(ends, name)[:, :steps]
        mean = np.where(floor, np.maximum(mean, 0.0), mean)
        lower, upper = calibration.bounds(mean, ends.scale)
        lower = np.where(floor[:, :, None], np.maximum(lower, 0.0), lower)
        calendar: Forecaster | Panel = self if panel is None else panel
        ds = calendar.freq.after(ends.last, steps)
        return Forecast(ends.ids, ds, mean, calibration.levels, lower, upper, calendar.form, calendar.names)

    def _mean(self, ends: Ends, name: str) -> Floats:
        if name != NETWORKS:
            return ends.baselines[name]
        middle = self.config.levels.index(0.5)
        return forecast_past(ends.past, ends.use_log, self.config, self.weights)[:, :, middle]

    def _member(self, member: str) -> str:
        name = self.winner if member == "winner" else member
        if name not in self.calibrations:
            known = ["winner", *self.members]
            remedy = f"The members are {shorten(known, 12)}."
            text = f"there is no member {member!r}.{did_you_mean(member, known)}"
            raise UsageError(text, remedy=remedy, code="GF-U05")
        return name

    def _horizon(self, horizon: int | None) -> int:
        if horizon is not None and not 1 <= horizon <= self.config.horizon:
            remedy = f"Fit again with --horizon {horizon}." if horizon > 0 else "Pass a positive number."
            text = f"--horizon {horizon} is not within 1 and {self.config.horizon}, the horizon fitted."
            raise UsageError(text, remedy=remedy, code="GF-U06")
        return horizon or self.config.horizon

    def _levels(self, name: str, levels: tuple[float, ...] | None) -> Calibration:
        calibration = self.calibrations[name]
        for level in levels or ():
            if level not in calibration.levels:
                known = ", ".join(f"{known:g}" for known in calibration.levels) or "none"
                text = f"--level {level:g} is not calibrated; there are {known}."
                raise UsageError(text, remedy=f"Fit again with --level {level:g}.", code="GF-U07")
        return calibration.only(tuple(sorted(set(levels)))) if levels else calibration

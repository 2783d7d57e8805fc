"""Split-conformal intervals applied: the shape of a forecast's own doubt times a factor for each step and level."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gruforecast.arrays import ArrayModule, Floats
from gruforecast.data.windows import Windows
from gruforecast.models.quantile_forecast import QuantileForecast


@dataclass(frozen=True)
class Calibration:
    """What makes intervals of a model's shapes.

    Attributes:
        levels: in percent, ascending.
        factor: (horizon, n_levels) of the shape, or (n, horizon, n_levels) for windows that differ in it.
        trust: of the model's own quantiles in the shape, see `QuantileForecast.shape`.
    """

    levels: tuple[float, ...]
    factor: Floats
    trust: float = 0.0

    def bounds(
        self, forecast: QuantileForecast, scale: Floats, levels: tuple[float, ...] | None = None, xp: ArrayModule = np
    ) -> tuple[Floats, Floats]:
        """Return lower and upper bounds, each (n, horizon, n_levels), for the horizon or fewer steps.

        A higher level is never narrower than a lower one.
        """
        half = self.factor[..., : forecast.mean.shape[1], :, None] * forecast.shape(self.levels, scale, self.trust, xp)
        widest = [half[:, :, k] for k in range(len(self.levels))]  # (n, horizon, 2) each
        for k in range(1, len(widest)):
            widest[k] = xp.maximum(widest[k - 1], widest[k])
        wanted = [widest[self.levels.index(level)] for level in (self.levels if levels is None else levels)]
        if not wanted:
            return half[:, :, :0, 0], half[:, :, :0, 1]
        below, above = (xp.stack([one[:, :, side] for one in wanted], axis=2) for side in (0, 1))
        return forecast.mean[:, :, None] - below, forecast.mean[:, :, None] + above

    def bounds_at(
        self,
        windows: Windows,
        forecast: QuantileForecast,
        scale: Floats,
        levels: tuple[float, ...] | None = None,
        multiplier: Floats | None = None,
    ) -> tuple[Floats, Floats]:
        """Return the bounds of forecasts at `windows`; the lower is never below zero where the series never was.

        Args:
            multiplier: (n,) of half-widths.
        """
        wide = self if multiplier is None else replace(self, factor=self.factor * multiplier[:, None, None])
        lower, upper = wide.bounds(forecast, scale, levels)
        return windows.floor_at_zero(lower), upper

"""Point forecasts and what a model says of its own doubt, for many windows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from gruforecast.arrays import ArrayModule, Floats, Ints
from gruforecast.models.networks.config import MIDDLE, QUANTILES

DEVIATE = NormalDist().inv_cdf  # quantiles of the standard normal distribution
MIN_SHAPE = 0.1  # of a shape in units of the series' scale: no model may be so sure that one error outweighs all


@dataclass(frozen=True)
class QuantileForecast:
    """Forecasts and, where a model gives them, their quantiles.

    Attributes:
        mean: (n, horizon) point forecasts in the user's unit.
        quantiles: (n, horizon, n_quantiles) of the levels `config.QUANTILES`, None for a model that has none.
    """

    mean: Floats
    quantiles: Floats | None = None

    @classmethod
    def of(cls, quantiles: Floats) -> QuantileForecast:
        """Return the forecast of a network's quantiles (n, horizon, n_quantiles)."""
        return cls(quantiles[:, :, MIDDLE], quantiles)

    @classmethod
    def joined(cls, forecasts: list[QuantileForecast]) -> QuantileForecast:
        """Return the windows of several forecasts together, with quantiles where all have them."""
        quantiles = [one.quantiles for one in forecasts if one.quantiles is not None]
        whole = np.concatenate(quantiles) if len(quantiles) == len(forecasts) else None
        return cls(np.concatenate([one.mean for one in forecasts]), whole)

    @classmethod
    def mixed(cls, weights: list[float], forecasts: Iterable[QuantileForecast]) -> QuantileForecast:
        """Return the weighted mean, with quantiles as far from it as from the forecasts that have some, on average."""
        pairs = list(zip(weights, forecasts, strict=True))
        mean = np.asarray(sum(weight * one.mean for weight, one in pairs))
        around = [(weight, one.quantiles - one.mean[:, :, None]) for weight, one in pairs if one.quantiles is not None]
        if not around:
            return cls(mean)
        distance = sum(weight * one for weight, one in around) / sum(weight for weight, _ in around)
        return cls(mean, mean[:, :, None] + distance)

    @classmethod
    def averaged(cls, weights: list[float], forecasts: Iterable[QuantileForecast]) -> QuantileForecast:
        """Return the weighted mean of forecasts that all have quantiles, quantile by quantile."""
        whole = sum(weights)
        mean = sum(weight / whole * np.asarray(one.quantiles) for weight, one in zip(weights, forecasts, strict=True))
        return cls.of(np.asarray(mean))

    def windows(self, index: Ints) -> QuantileForecast:
        """Return some of the windows only."""
        return QuantileForecast(self.mean[index], None if self.quantiles is None else self.quantiles[index])

    def first(self, steps: int) -> QuantileForecast:
        """Return the first steps of the horizon only."""
        return QuantileForecast(self.mean[:, :steps], None if self.quantiles is None else self.quantiles[:, :steps])

    def shape(self, levels: tuple[float, ...], scale: Floats, trust: float = 1.0, xp: ArrayModule = np) -> Floats:
        """Return the distances of uncalibrated bounds below and above, (n, horizon, n_levels, 2).

        Those of the quantiles count with the power `trust`, `scale` (n,), which is the same for all steps, with the
        rest of 1. Between and beyond the levels of `QUANTILES` distances grow as those of a normal distribution do.
        Where the scale is zero or NaN, how far off a forecast may be is not known: NaN.
        """
        known = xp.where(scale > 0, scale, float("nan"))[:, None, None, None]
        if self.quantiles is None or trust == 0.0 or not levels:
            return known * np.ones((1, self.mean.shape[1], len(levels), 2))
        away = xp.abs(self.quantiles - self.quantiles[:, :, MIDDLE, None])
        inner = xp.stack([away[:, :, MIDDLE - 1], away[:, :, MIDDLE + 1]], axis=2)  # (n, horizon, 2)
        outer = xp.stack([away[:, :, 0], away[:, :, -1]], axis=2)
        near, far = DEVIATE(QUANTILES[MIDDLE + 1]), DEVIATE(QUANTILES[-1])
        distances = []
        for level in levels:
            beyond = (DEVIATE(0.5 + level / 200) - near) / (far - near)
            distances.append(
                inner * (1 + beyond * (far - near) / near) if beyond < 0 else inner + beyond * (outer - inner)
            )
        own = xp.maximum(xp.stack(distances, axis=2), MIN_SHAPE * known)
        return own**trust * known ** (1.0 - trust)

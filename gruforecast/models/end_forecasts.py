"""Forecasts of models beside the networks from the end of each series: made now, or at fit and kept in the folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gruforecast.arrays import Floats, Ints
from gruforecast.data.panel import Panel
from gruforecast.data.windows import History
from gruforecast.models.baselines import HARMONIC
from gruforecast.models.covariate_effects import Effects, known_places
from gruforecast.models.harmonic import regressed
from gruforecast.models.networks.covariates import Scaling
from gruforecast.models.quantile_forecast import QuantileForecast
from gruforecast.models.registry import Named, model_of


@dataclass(frozen=True)
class EndForecasts:
    """Forecasts of n series from their ends on.

    Attributes:
        forecasts: by name of the model that is no network of the ensemble.
        effects: what covariates do to the forecast of harmonic regression, which has them at their mean; None if none
            is read.
    """

    forecasts: dict[str, QuantileForecast]
    effects: Effects | None = None

    @classmethod
    def of(
        cls,
        panel: Panel,
        models: Iterable[str],
        size: tuple[int, int],
        scaling: Scaling | None = None,
        own: Sequence[Named] = (),
    ) -> EndForecasts:
        """Return the forecasts of the `models` named, see `model_of`.

        Args:
            size: horizon and season length.
            scaling: of the covariates; without it none of the `models` reads them.
        """
        history = History.of(panel.y, panel.indptr, panel.wall, panel.x)
        windows = history.windows(np.arange(len(panel)), panel.indptr[1:])
        found, effects = {}, None
        known = known_places(panel.plan.inputs)
        for name in models:
            if name == HARMONIC and scaling is not None and len(known):
                seen = replace(history, x=scaling(panel.x))
                mean, effects = regressed(seen, windows, *size, known)
                found[name] = QuantileForecast(mean)
            else:
                found[name] = model_of(name, own=own).forecast(history, windows, *size)
        return cls(found, effects)

    def at(self, places: Ints) -> EndForecasts:
        """Return those of some of the series."""
        effects = None if self.effects is None else self.effects.at(places)
        return EndForecasts({name: one.windows(places) for name, one in self.forecasts.items()}, effects)

    def seeing(self, known: Floats) -> dict[str, QuantileForecast]:
        """Return the forecasts with what covariates (n, horizon, k), standardised, do to them."""
        if self.effects is None or HARMONIC not in self.forecasts:
            return self.forecasts
        mean = self.effects.onto(self.forecasts[HARMONIC].mean, known)
        return {**self.forecasts, HARMONIC: QuantileForecast(mean)}

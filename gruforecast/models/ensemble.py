"""Models that consist of others: networks together, the blend, and what both are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gruforecast.arrays import Floats
from gruforecast.data.windows import History, Windows
from gruforecast.models.model import Floored, Model
from gruforecast.models.networks.inference import Network
from gruforecast.models.quantile_forecast import Fan
from gruforecast.models.registry import NETWORKS


@dataclass(frozen=True)
class Stored:
    """A model whose forecasts (n_series, horizon) from the end of each series were made before."""

    forecasts: Floats

    def forecast(self, history: History, windows: Windows, horizon: int, season_length: int) -> Fan:  # noqa: ARG002
        """Return the forecasts of the windows' series."""
        return Fan(self.forecasts[windows.series, :horizon])


@dataclass
class Once:
    """A model, floored, that takes part in several others: asked again for the same windows, it answers as before."""

    model: Model
    _answer: tuple[Windows, Fan] | None = field(default=None, repr=False)

    def forecast(self, history: History, windows: Windows, horizon: int, season_length: int) -> Fan:
        """Return the forecasts of the model."""
        if self._answer is None or self._answer[0] is not windows:
            self._answer = windows, Floored(self.model).forecast(history, windows, horizon, season_length)
        return self._answer[1]


@dataclass(frozen=True)
class Ensemble:
    """Networks together: the means of their quantiles, by shares."""

    shares: Sequence[float]
    networks: Sequence[Model]

    def forecast(self, history: History, windows: Windows, horizon: int, season_length: int) -> Fan:
        """Return the forecasts with quantiles."""
        whole = sum(self.shares)
        fans = (one.forecast(history, windows, horizon, season_length) for one in self.networks)
        total = sum(share / whole * np.asarray(fan.quantiles) for share, fan in zip(self.shares, fans, strict=True))
        return Fan.of(np.asarray(total))


@dataclass(frozen=True)
class Blend:
    """Models of all kinds together, by shares; see `Fan.mixed`."""

    shares: Sequence[float]
    models: Sequence[Model]

    def forecast(self, history: History, windows: Windows, horizon: int, season_length: int) -> Fan:
        """Return the forecasts, with quantiles where a model gives some."""
        fans = [one.forecast(history, windows, horizon, season_length) for one in self.models]
        return Fan.mixed(list(self.shares), fans)


def parts_of(
    networks: Sequence[Network], others: Mapping[str, Model], wrapped: Callable[[Model], Model] = Floored
) -> dict[str, Model]:
    """Return what members consist of by name: all networks together, each alone, and models that are no networks."""
    single = {one.name: wrapped(one) for one in networks}
    together = Ensemble([one.share for one in networks], list(single.values()))
    return {NETWORKS: together, **single, **{name: wrapped(model) for name, model in others.items()}}

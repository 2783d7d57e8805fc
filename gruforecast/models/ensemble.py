"""Models that consist of others: networks together, the blend, and what both are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gruforecast.data.windows import History, Windows
from gruforecast.models.model import Floored, Model
from gruforecast.models.networks.inference import Network
from gruforecast.models.quantile_forecast import QuantileForecast
from gruforecast.models.registry import NETWORKS


@dataclass
class Once:
    """A model, floored, that takes part in several others: asked again for the same windows, it answers as before."""

    model: Model
    _answer: tuple[Windows, QuantileForecast] | None = field(default=None, repr=False)

    def forecast(self, history: History, windows: Windows, horizon: int, season_length: int) -> QuantileForecast:
        """Return the forecasts of the model."""
        if self._answer is None or self._answer[0] is not windows:
            self._answer = windows, Floored(self.model).forecast(history, windows, horizon, season_length)
        return self._answer[1]


@dataclass(frozen=True)
class Combined:
    """Models together, by weights: networks by `averaged`, a blend of all kinds by `mixed` of `QuantileForecast`."""

    weights: list[float]
    models: list[Model]
    mean: Callable[[list[float], Iterable[QuantileForecast]], QuantileForecast] = QuantileForecast.mixed

    def forecast(self, history: History, windows: Windows, horizon: int, season_length: int) -> QuantileForecast:
        """Return the weighted mean of the forecasts."""
        return self.mean(self.weights, (one.forecast(history, windows, horizon, season_length) for one in self.models))


@dataclass(frozen=True)
class Stored:
    """A model whose forecasts from the end of each series were made before."""

    forecasts: QuantileForecast

    def forecast(self, history: History, windows: Windows, horizon: int, season_length: int) -> QuantileForecast:  # noqa: ARG002
        """Return those of the series of the windows."""
        return self.forecasts.windows(windows.series)


def parts_of(
    networks: Sequence[Network], others: Mapping[str, Model], wrapped: Callable[[Model], Model] = Floored
) -> dict[str, Model]:
    """Return what members consist of by name: models that are no networks, each network, all of them together."""
    single = {one.name: wrapped(one) for one in networks}
    together = Combined([one.weight for one in networks], list(single.values()), QuantileForecast.averaged)
    return {name: wrapped(model) for name, model in others.items()} | single | {NETWORKS: together}


def blend_of(weights: Mapping[str, float], parts: Mapping[str, Model]) -> Model:
    """Return the model that consists of some parts by weights."""
    return Combined(list(weights.values()), [parts[name] for name in weights])

"""What every model is: forecasts of windows from the rows before them, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from gruforecast.arrays import Floats
from gruforecast.data.windows import History, Windows
from gruforecast.models.quantile_forecast import QuantileForecast

Kind = Literal["gru", "lstm", "rnn", "pretrained", "baseline", "blend"]


class Model(Protocol):
    """A baseline, a statistical model, a network, or several of them together."""

    def forecast(self, history: History, windows: Windows, horizon: int, season_length: int) -> QuantileForecast:
        """Return the forecasts of all windows (n), each `horizon` steps from its end.

        Of the rows from a window's end on only covariates are read, as far as they are known.
        """


@dataclass(frozen=True)
class Points:
    """A model without quantiles: a function of the same arguments that returns point forecasts (n, horizon)."""

    function: Callable[[History, Windows, int, int], Floats]

    def forecast(self, history: History, windows: Windows, horizon: int, season_length: int) -> QuantileForecast:
        """Return what the function gives."""
        return QuantileForecast(self.function(history, windows, horizon, season_length))


@dataclass(frozen=True)
class Floored:
    """A model that is never below zero where the series never was before the window's end."""

    model: Model

    def forecast(self, history: History, windows: Windows, horizon: int, season_length: int) -> QuantileForecast:
        """Return the forecasts of the model, negative numbers replaced."""
        forecast = self.model.forecast(history, windows, horizon, season_length)
        quantiles = None if forecast.quantiles is None else windows.floor_at_zero(forecast.quantiles)
        return QuantileForecast(windows.floor_at_zero(forecast.mean), quantiles)


@dataclass(frozen=True)
class Entry:
    """What is told of a model, and how it is made.

    Attributes:
        name: in the leaderboard, of `member` and in the model folder; title: in a sentence, the name if empty.
        description: in the table of the report.
        model: None for one that `fit` trains or puts together.
        seasonal: whether it is another model where there is no season.
        max_rows: rows that its fits of one run may have in all, None where it costs next to nothing; max_season: the
            longest season with which it is quick enough, None for any.
    """

    name: str
    description: str
    title: str = ""
    kind: Kind = "baseline"
    model: Model | None = None
    seasonal: bool = False
    max_rows: int | None = None
    max_season: int | None = None

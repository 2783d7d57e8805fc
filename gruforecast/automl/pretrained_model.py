"""The pretrained network in Python: what `load("pretrained")` returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, NoReturn, get_args

from gruforecast.automl.backtest import Detail, frame, warn_of
from gruforecast.automl.options import RESULT, SeasonOptions, by_use
from gruforecast.automl.pretrained import asked
from gruforecast.automl.pretrained_backtest import rolled
from gruforecast.data.files.source import Data
from gruforecast.data.keywords import method_with_keywords
from gruforecast.data.option import Option, numbers, texts
from gruforecast.data.options import COLUMNS
from gruforecast.data.panel import Forecast
from gruforecast.data.to_frame import numbered_keys
from gruforecast.errors import UsageError
from gruforecast.execution.progress import warn
from gruforecast.models.pretrained.model import NAME, Card, card

if TYPE_CHECKING:
    import pandas as pd

    from gruforecast.data.panel import Panel

WINDOWS = "Windows"
ONLY_FITTED = ("explain", "folder", "forecaster", "join", "lookback", "members", "read", "report", "save", "stream")


@dataclass(frozen=True, kw_only=True)
class ForecastArguments(SeasonOptions):
    """What `predict` of the pretrained network takes beside the data."""

    horizon: Annotated[int | None, Option("Steps to forecast; by frequency if not given.", COLUMNS)] = None
    level: Annotated[
        float | Sequence[float], Option("Interval level in percent; several in a list; 80 and 95 if not given.", RESULT)
    ] = ()
    series: Annotated[str | Sequence[str], Option("Only these series; parts of a key are joined by /.", RESULT)] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "series", texts("series", self.series))  # whole numbers, too
        super().__post_init__()


@dataclass(frozen=True, kw_only=True)
class BacktestArguments(SeasonOptions):
    """What `backtest` of the pretrained network takes beside the data."""

    windows: Annotated[int | None, Option("How many cutoffs, the last ones; 10 if so many fit.", WINDOWS)] = None
    step: Annotated[int | None, Option("Rows from one cutoff to the next; the horizon if not given.", WINDOWS)] = None
    horizon: Annotated[int | None, Option("Steps to forecast; by frequency if not given.", WINDOWS)] = None
    member: Annotated[
        str | Sequence[str], Option("pretrained, or a simple model; all of them if not given.", WINDOWS)
    ] = ()
    level: Annotated[
        float | Sequence[float], Option("Interval level in percent; several in a list; 80 and 95 if not given.", RESULT)
    ] = ()
    detail: Annotated[
        str, Option("A row for each of the models, windows or forecasts.", RESULT, choices=get_args(Detail))
    ] = "models"


class PretrainedModel:
    """The pretrained network, which forecasts series that nothing was fitted on.

    What needs a model of your own (`fit`) raises a `UsageError`.

    Attributes:
        card: what it was trained on, and how.
    """

    @property
    def card(self) -> Card:
        """What the network was trained on, and how."""
        return card()

    @method_with_keywords(ForecastArguments, by_use(ForecastArguments))
    def predict(self, data: Data, options: ForecastArguments) -> pd.DataFrame:
        """Return a row for each series and step: keys and time as in the data, `y_hat`, `lo-80`, `hi-80` and so on.

        >>> import gruforecast as gf
        >>> forecast = gf.load("pretrained").predict("air_passengers.csv", horizon=3, level=80)
        >>> forecast.columns.tolist()
        ['unique_id', 'ds', 'y_hat', 'lo-80', 'hi-80']

        Args:
            data: path, data frame, or series with a DatetimeIndex.

        Raises:
            UsageError: the season or the horizon is too long for the network, or there is no such series.
            DataError: the data cannot be read without guessing, or are too few for a level.
        """
        made = asked(data, options, options.horizon, numbers("level", options.level))
        return Forecast.joined(list(made.stream(options.series))).to_frame(_numbered(made.panel))

    @method_with_keywords(BacktestArguments, by_use(BacktestArguments))
    def backtest(self, data: Data, options: BacktestArguments) -> pd.DataFrame:
        """Return how well the network and simple models would have forecast data at many cutoffs, best first.

        The season is found, and intervals are measured, on the rows before the cutoffs only.

        Args:
            data: path, data frame, or series with a DatetimeIndex.

        Raises:
            UsageError: the season or the horizon is too long for the network, or there is no such model.
            DataError: the data cannot be read without guessing, or are too few.
        """
        rolling = rolled(
            data,
            options,
            windows=options.windows,
            step=options.step,
            horizon=options.horizon,
            members=texts("member", options.member),
            levels=numbers("level", options.level),
        )
        warn_of(rolling, warn)
        detail: Detail = options.detail  # type: ignore[assignment]  # one of its choices, as was checked
        return frame(rolling, detail, _numbered(rolling.panel))

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            """Refuse what models of `fit` have, with a word."""
            if name not in ONLY_FITTED:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            raise UsageError(
                f"the pretrained network has no `{name}`: it forecasts, and can be backtested.",
                remedy=f"Fit a model for that. A model folder of this name is loaded by load('./{NAME}').",
                code="GF-U52",
            )

    def __repr__(self) -> str:
        return f"PretrainedModel: a GRU of {card().parameters:,} weights, trained on {card().trained_on}"


def _numbered(panel: Panel) -> frozenset[str]:
    return numbered_keys(panel.names.ids or ("unique_id",), panel.ids)

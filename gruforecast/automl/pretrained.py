"""The pretrained network on data that nothing was fitted on: season and horizon found, forecaster and forecasts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from msgspec import structs

from gruforecast.automl.options import SeasonOptions
from gruforecast.automl.preparation import default_horizon, seasons_before, truth
from gruforecast.data.calendar.frequency import seasons_in_words
from gruforecast.data.files.source import Data
from gruforecast.data.panel import Forecast, Panel
from gruforecast.data.read import read_csv, zone_of
from gruforecast.data.windows import History
from gruforecast.errors import UsageError
from gruforecast.evaluation.calibration import LEVELS
from gruforecast.evaluation.own_history import measured_at, own_quantiles
from gruforecast.execution.progress import warn
from gruforecast.models.baselines import baselines
from gruforecast.models.conformal import Calibration
from gruforecast.models.end_forecasts import EndForecasts
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.networks.covariates import Scaling
from gruforecast.models.pretrained.model import MAX_SEASON, NAME, PretrainedNetwork, longest_horizon

NO_COLUMNS = Scaling(np.zeros(0), np.zeros(0))


@dataclass(frozen=True)
class Asked:
    """What the pretrained network is asked: the rows that it sees, and the forecaster that was made for them."""

    panel: Panel
    forecaster: Forecaster

    def in_words(self) -> str:
        """Return what was decided, as a line."""
        return in_words(self.forecaster, self.panel)

    def stream(self, ids: Sequence[str] = (), member: str = "winner") -> Iterator[Forecast]:
        """Forecasts from the end of each series, some series at a time; of a simple model, where one is named."""
        return self.forecaster.stream(self.panel, member=member, ids=list(ids) or None)


def asked(data: Data, options: SeasonOptions, horizon: int | None = None, levels: Sequence[float] = ()) -> Asked:
    """Return what the network is asked at the end of each series, with intervals measured on the rows before.

    Raises:
        UsageError: the season or the horizon is too long for it, or a level is no percentage.
        DataError: the data cannot be read without guessing, or are too few for a level.
    """
    panel = rows_seen(data, options)
    seasons = seasons_before(panel, 0) if options.season is None else [options.season]
    own = forecaster_for(panel, horizon_for(panel, options, horizon, seasons[0]), seasons, levels)
    history = History.of(panel.y, panel.indptr, panel.wall)
    return Asked(panel, measured_at(own, history, panel.indptr[1:]))


def in_words(own: Forecaster, panel: Panel) -> str:
    """Return what was decided about a panel, as a line."""
    longer = [one.second for one in own.networks if isinstance(one, PretrainedNetwork) and one.second]
    found = seasons_in_words([own.season_length, *longer])
    return f"pretrained network: {found}, {len(panel.y):,} rows read, horizon {own.horizon}"


def rows_seen(data: Data, options: SeasonOptions) -> Panel:
    """Return the series in data without what the network does not see; what is odd, or left out, is a warning.

    Raises:
        DataError: the data cannot be read without guessing.
    """
    reading = read_csv(data, replace(options, tz=options.tz or zone_of(data)))
    for text in reading.warnings:
        warn(text)
    return _without_covariates(truth(reading, warn))


def _without_covariates(panel: Panel) -> Panel:
    plan = panel.plan
    unseen = [one.name for one in plan.covariates] + [f"holidays of {plan.holidays}"] * bool(plan.holidays)
    if unseen:
        text = f"the pretrained network sees no covariates, so {', '.join(unseen)} change nothing"
        warn(f"{text}; a model that is fitted learns from them")
    return replace(panel, x=np.zeros((len(panel.y), 0)), plan=structs.replace(plan, covariates=(), holidays=""))


def horizon_for(panel: Panel, options: SeasonOptions, horizon: int | None, season: int = MAX_SEASON) -> int:
    """Return the horizon that is requested; if none is, that of `fit`, or the longest that a season allows."""
    return min(default_horizon(panel, options.season), longest_horizon(season)) if horizon is None else horizon


def forecaster_for(panel: Panel, horizon: int, seasons: list[int], levels: Sequence[float] = ()) -> Forecaster:
    """Return the forecaster, with the network's own quantiles as intervals.

    Args:
        seasons: the main one first, as of `find_seasons`.
        levels: in percent; 80 and 95 if none are given.

    Raises:
        UsageError: the season or the horizon is too long for the network, or a level is no percentage.
    """
    for level in levels:
        if not 1 <= level < 100:
            raise UsageError(f"`level` {level:g} is no percentage.", remedy="Pass 80, for example.", code="GF-U10")
    season, second = seasons[0], seasons[1] if len(seasons) > 1 else None
    wanted = tuple(sorted(set(levels) or LEVELS))
    simple = dict.fromkeys(baselines(season), Calibration((), np.zeros((horizon, 0))))
    return Forecaster(
        networks=(PretrainedNetwork.of(horizon, season, second),),
        blend={},
        winner=NAME,
        calibrations={NAME: own_quantiles(horizon, wanted), **simple},
        plan=panel.plan,
        context=panel.part(0, 0),
        ends=EndForecasts({}),
        scaling=NO_COLUMNS,
    )

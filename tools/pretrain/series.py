"""Synthetic series for pretraining: which kinds there are, how many of each, in which units."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tools.pretrain import demand, priors, sensors, structural
from tools.pretrain.draws import Ask, Floats, pick


class Kind(NamedTuple):
    """A kind of series and its weight among the others, by what the season is."""

    make: Callable[[Ask, int], Floats]
    none: float  # season 1
    few: float  # 2 to 6: quarters
    year: float  # 8 to 19, 26, 52 and 53: months or weeks of a year, and periods of no name
    week: float  # 7 days
    day: float  # 20 and more: hours, minutes


KINDS = (
    Kind(structural.multiplied, 30, 32, 35, 34, 13),  # business, tourism, demand: the home ground
    Kind(structural.above_zero, 14, 13, 16, 15, 7),  # the same, added: the lowest row near zero or far above
    Kind(structural.growing, 22, 26, 13, 4, 1),  # output, prices, staff: mostly trend
    Kind(structural.thriving, 0, 10, 19, 3, 2),  # visitors: growing seasons on a growing level
    Kind(structural.loads, 0, 0, 0, 0, 38),  # electricity, traffic: smooth days and weeks, weather that lasts
    Kind(structural.any_sign, 8, 5, 5, 6, 4),  # balances, differences
    Kind(priors.gaussian, 8, 7, 7, 8, 6),  # smooth trends and periods of any form; at most `priors.MOST_ROWS` rows
    Kind(demand.counts, 4, 2, 3, 8, 6),  # visits, incidents, births
    Kind(demand.intermittent, 2, 1, 2, 6, 2),  # spare parts, shop items
    Kind(demand.nights, 0, 0, 0, 0, 10),  # solar power, shops by the hour: zero at the same hours
    Kind(demand.closed, 0, 0.2, 0.5, 6, 2),  # closed weekends, shut months
    Kind(demand.light, 0.5, 0.5, 1, 2, 2),  # rain, heating, ice-cream: bursts by season
    Kind(sensors.prices, 5, 2, 2, 4, 2),  # markets
    Kind(sensors.cycles, 5, 1, 1, 1, 1),  # sunspots, lynx
    Kind(sensors.temperatures, 0, 0.5, 1, 3, 8),  # a daily (or yearly) wave under weather
    Kind(sensors.tanks, 0.5, 0.2, 0.2, 1, 1),  # slowly filling, emptied at once
    Kind(sensors.machines, 0.5, 0.2, 0.2, 1, 2),  # on and off
    Kind(sensors.saturating, 1, 0.5, 0.5, 1, 2),  # car parks, sensors at their limit
    Kind(sensors.bursts, 1, 0.5, 0.5, 2, 3),  # clicks, epidemics
    Kind(sensors.steps, 1.5, 0.5, 0.5, 1, 1),  # tariffs, staff; nearly constant series
)


def weights(ask: Ask) -> tuple[float, ...]:
    """Return the weight of each of `KINDS` for the season and rows that are asked for."""
    named = {1: "none", 7: "week"} | dict.fromkeys(range(2, 7), "few")
    column = "day" if ask.daily else named.get(ask.season, "year")
    return tuple(
        0.0 if kind.make is priors.gaussian and ask.rows > priors.MOST_ROWS else float(getattr(kind, column))
        for kind in KINDS
    )


def synthetic(rng: np.random.Generator, n: int, season: int, rows: int, second: int | None = None) -> Floats:
    """Return n synthetic series of one season length (n, rows), finite, in units of any size.

    Args:
        rng: alone decides what is drawn.
        season: rows of a season; 1 for none.
        second: rows of a longer season that most of the series then have, too: a week of hours, a year of days.
    """
    ask = Ask(rng, season, rows, second)
    which = pick(rng, n, weights(ask))
    out = np.empty((n, rows))
    for number, kind in enumerate(KINDS):
        who = which == number
        if who.any():
            out[who] = in_units(
                ask, kind.make(ask, int(who.sum())), whole=kind.make in {demand.counts, demand.intermittent}
            )
    return out


def in_units(ask: Ask, series: Floats, *, whole: bool) -> Floats:
    """Return the series (n, rows) times a unit of any size, some rounded to a few digits, a few turned over.

    Args:
        whole: counts stay as they are.
    """
    series, n = series.astype(float), len(series)
    if whole:
        return series
    unit = ask.log_uniform(1e-4, 1e7, n).astype(float) * np.where(ask.some(n, 0.02), -1, 1)[:, None]
    rounded = ask.some(n, 0.5)
    digits = np.abs(series[rounded]).mean(axis=1, keepdims=True) * ask.log_uniform(1e-4, 4e-2, int(rounded.sum()))
    digits[digits <= 0] = 1
    series[rounded] = np.round(series[rounded] / digits) * digits
    return series * unit

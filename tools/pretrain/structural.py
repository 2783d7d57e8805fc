"""The home ground: level, season, calendar and noise, multiplied or added, in units of any size."""

import numpy as np

from tools.pretrain.draws import Ask, Floats
from tools.pretrain.levels import levels
from tools.pretrain.months import calendar
from tools.pretrain.noise import remainder
from tools.pretrain.shapes import seasons


def paths(ask: Ask, n: int) -> Floats:
    """Return series without a unit (n, rows): level, season, calendar and noise added."""
    series = levels(ask, n) + seasons(ask, n) + remainder(ask, n)
    if ask.season in {4, 12}:
        who = ask.some(n, 0.3)
        series[who] += ask.log_uniform(0.01, 0.15, int(who.sum())) * calendar(ask, int(who.sum()))
    return series


def multiplied(ask: Ask, n: int) -> Floats:
    """Return positive series whose parts multiply (n, rows): sales, visitors, demand."""
    return exponential(ask, paths(ask, n))


def exponential(ask: Ask, series: Floats) -> Floats:
    """Return positive series whose logarithm is that of `series` (n, rows), times a spread."""
    return np.exp(np.clip(series * ask.log_uniform(0.03, 1, len(series)), -12, 12))


def above_zero(ask: Ask, n: int) -> Floats:
    """Return positive series whose parts add (n, rows): the lowest row lies near zero or far above."""
    series = paths(ask, n)
    return series - series.min(axis=1, keepdims=True) + ask.log_uniform(0.05, 20, n)


def any_sign(ask: Ask, n: int) -> Floats:
    """Return series of any sign (n, rows): balances, temperatures, changes."""
    return paths(ask, n) + 10 * ask.mostly(ask.normal(n, 1), 0.7)

"""What the calendar does to months and quarters: working days, lengths of months, Easter that moves."""

from functools import cache

import numpy as np

from gruforecast.arrays import Array, Single
from tools.pretrain.draws import Ask

FIRST, LAST = 1850, 2250


@cache
def weekdays() -> Single:
    """Return how often each weekday falls in each month of four centuries (months, 7), without the mean of 30.44/7."""
    days = np.arange(f"{FIRST}-01-01", f"{LAST}-01-01", dtype="datetime64[D]")
    month = days.astype("datetime64[M]").astype(int)
    month -= month[0]
    counts = np.zeros((month[-1] + 1, 7), np.float32)
    np.add.at(counts, (month, days.astype(int) % 7), 1)
    return counts - counts.mean(axis=0)


@cache
def easter() -> Single:
    """Return the share of Easter, Good Friday to Monday, in each month of four centuries (months,)."""
    shares = np.zeros(12 * (LAST - FIRST), np.float32)
    for year in range(FIRST, LAST):
        # Gauss's rule for the Gregorian calendar, in Lichtenberg's form.
        k, a = year // 100, year % 19
        d = (19 * a + 15 + (3 * k + 3) // 4 - (8 * k + 13) // 25) % 30
        full_moon = 21 + d - (d + a // 11) // 29
        first_sunday = 7 - (year + year // 4 + 2 - (3 * k + 3) // 4) % 7
        sunday = full_moon + 7 - (full_moon - first_sunday) % 7  # of March; 32 is the first of April
        march = min(max(34 - sunday, 0), 4) / 4
        shares[12 * (year - FIRST) + 2] = march
        shares[12 * (year - FIRST) + 3] = 1 - march
    return shares - shares.mean()


def calendar(ask: Ask, n: int) -> Array:
    """Return effects of the calendar on monthly or quarterly series (n, rows), about 1 in size.

    A weekday counts for as much as its trade: offices from Monday to Friday, shops on Saturdays, anything.
    """
    months = 12 // ask.season
    length = len(weekdays()) // months
    trade = np.where(ask.some(n, 0.5)[:, None], np.arange(7) < 5, 1 + 0.5 * ask.normal(n, 7)).astype(np.float32)
    moving = ask.mostly(2 * ask.normal(n, 1), 0.4)
    rows = (np.arange(ask.rows) + ask.rng.integers(0, length, (n, 1))) % length
    counts = weekdays().reshape(length, months, 7).mean(axis=1)[rows]  # (n, rows, 7)
    return (counts @ trade[:, :, None])[:, :, 0] + moving * easter().reshape(length, months).mean(axis=1)[rows]

"""Public holidays of a country or a part of it, from the package `holidays`."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterable

import numpy as np

from gruforecast.arrays import Floats, Stamps
from gruforecast.errors import UsageError, did_you_mean

NAME = "holiday"  # of the column that they become


def check_code(code: str) -> None:
    """Refuse a code that names no country.

    Raises:
        UsageError: there is no such country or part of it.
    """
    _calendar(code, range(2024, 2025))


def holiday_counts(code: str, begin: Stamps, end: Stamps) -> Floats:
    """Return the number of public holidays from the day of `begin` to before that of `end`, a day at least, (n,).

    Args:
        code: of a country (`DE`), a part of it (`AU-VIC`) or an exchange (`XNYS`).
    """
    first = begin.astype("datetime64[D]")
    last = np.maximum(end.astype("datetime64[D]"), first + np.timedelta64(1, "D"))
    if not len(first):
        return np.zeros(0)
    low, high = (int(day.astype("datetime64[Y]").astype(int)) + 1970 for day in (first.min(), last.max()))
    days = np.array(sorted(_calendar(code, range(low, high + 1))), "datetime64[D]")
    return (np.searchsorted(days, last) - np.searchsorted(days, first)).astype(float)


def _calendar(code: str, years: range) -> Iterable[dt.date]:
    import holidays

    country, dash, part = code.partition("-")
    countries = holidays.list_supported_countries()
    if country in holidays.list_supported_financial() and not dash:
        return holidays.financial_holidays(country, years=years)
    if country not in countries:
        raise UsageError(
            f"--holidays {code!r} is no country.{did_you_mean(country.upper(), list(countries))}",
            remedy="Pass the code of a country, such as DE, or of a part of it, such as AU-VIC.",
            code="GF-U40",
        )
    if dash and part not in countries[country]:
        parts = list(countries[country])
        raise UsageError(
            f"--holidays {code!r}: {country} has no part {part!r}.{did_you_mean(part.upper(), parts)}",
            remedy=f"Its parts are {', '.join(parts) or 'none'}.",
            code="GF-U40",
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some calendars are known for some decades only
        return holidays.country_holidays(country, subdiv=part or None, years=years)

"""Which column is the target when the user does not say: evidence over all columns of numbers, or a question."""

from __future__ import annotations

from gruforecast.data.content import free, meant_as_numbers, sampled
from gruforecast.data.files.table import Table
from gruforecast.data.formats.time_columns import is_part_name, words_of
from gruforecast.data.totals import total_of_columns
from gruforecast.errors import DataError, shorten

SURE = ("y", "value", "target")
QUANTITY = ("sales", "demand", "load", "count", "consumption")
PRICE = ("price", "close")
USUAL = (*SURE, *QUANTITY, *PRICE)
# words in longer names: of what is forecast, of what drives it, and of what is known of another time
QUANTITIES = {*QUANTITY, "sold", "quantity", "qty", "units", "volume", "visitors", "orders", "revenue", "turnover"}
QUANTITIES |= {"production", "usage"}
DRIVERS = {*PRICE, "prices", "cost", "discount", "promo", "promotion", "holiday", "weekday", "temperature", "temp"}
DRIVERS |= {"humidity", "wind", "rain"}
OTHER_TIME = {"forecast", "predicted", "plan", "planned", "budget", "lag", "lagged", "previous", "prev", "last"}
OTHER_TIME |= {"capacity", "max", "min", "mean", "avg"}


def find_target(table: Table, taken: set[str]) -> str:
    """Return the column of numbers to forecast, of those that are not `taken`.

    A sure name decides. So does a single usual one; a price is the target only where no quantity stands beside it, as
    it may drive that as well. A word in a longer name decides where all other columns are known for driving something.
    All else is asked.

    Raises:
        DataError: several would do, or none.
    """
    names = free(table, taken, USUAL)
    usual = [name for name in names if name.lower() in USUAL]
    numeric = [name for name in names if meant_as_numbers(sampled(table, name))]
    numeric = [name for name in numeric if not is_part_name(name)] or numeric
    if sure := [name for name in usual if name.lower() in SURE]:
        return sure[0]
    able = _able(usual, numeric)
    if len(able) == 1:
        return able[0]
    if not able and len(names) == 1:
        return names[0]  # its cells are refused one by one, with the line
    text, remedy = "no column holds numbers.", "Name the target with `target`."
    if able:
        total, _ = total_of_columns(table, numeric)
        text = f"{len(able)} columns could be the target: {shorten(able, 8)}.{f' {total}.' if total else ''}"
        remedy = "Name the target with `target`, or pass `wide=True` if each is a series."
    raise DataError(text, remedy=remedy, code="GF-D16", file=table.file)


def _able(usual: list[str], numeric: list[str]) -> list[str]:
    """Return the columns that could be the target, by the names of all columns of numbers."""
    quantities = [name for name in numeric if _is_quantity(name)]
    if usual:
        prices_only = all(name.lower() in PRICE for name in usual)
        return usual + ([name for name in quantities if name not in usual] if prices_only else [])
    drivers = [name for name in numeric if words_of(name) & (DRIVERS | OTHER_TIME)]
    return quantities if quantities and len(quantities) + len(drivers) == len(numeric) else numeric


def _is_quantity(name: str) -> bool:
    words = words_of(name)
    return bool(words & QUANTITIES) and not words & (DRIVERS | OTHER_TIME)

"""Numbers as people write them: how a column writes them is decided by all its cells, and kept for later files.

What could be read in two ways is refused; a sign of currency, a percent sign or a unit that all cells share is left
out and said.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from gruforecast.arrays import Floats, Ints
from gruforecast.data.cells import Column
from gruforecast.errors import DataError, UsageError

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "nat", "-", "--", ".", "?", "missing", "#n/a"})
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
UNIT = r"[$€£¥₹%°]?[A-Za-z$€£¥₹%°/²³]{0,8}"
WITH_UNIT = re.compile(rf"(?P<before>{UNIT})\s?(?P<number>[+-]?[\d.,' \u00a0\u202f]*\d[.,]?)\s?(?P<after>{UNIT})")
GROUPED = {mark: re.compile(rf"[+-]?\d{{1,3}}({re.escape(mark)}\d{{3}})+") for mark in (",", ".", " ", "'")}
BOOLEANS = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}
SENTINELS = (0.0, -1.0, -9.0, -99.0, -200.0, -999.0, -9999.0, -99999.0, -9.99, -99.99, -999.99, 999.0, 9999.0, 99999.0)
MOST_SIZE = 1e30  # larger values overflow 32-bit arithmetic inside a network
Known = Literal["nothing", "marks", "all"]
FAR = 8.0  # interquartile ranges from the quartiles at which a value is an outlier


@dataclass(frozen=True)
class NumberForm:
    """How numbers are written.

    Attributes:
        decimal: the mark before the fraction; thousands: the mark between groups of three digits, or empty.
        before, after: text that every number carries, such as a sign of currency or a unit.
        missing: further words for a missing value, as they are written.
        booleans: whether true and false are one and zero.
    """

    decimal: str = "."
    thousands: str = ""
    before: str = ""
    after: str = ""
    missing: tuple[str, ...] = ()
    booleans: bool = False

    def __post_init__(self) -> None:
        marks = all(isinstance(text, str) and len(text) < 12 for text in (self.before, self.after))
        if not marks or self.decimal not in (".", ",") or self.thousands not in ("", *GROUPED):
            raise ValueError(f"impossible form of numbers: {self}")
        if self.decimal == self.thousands or not all(isinstance(word, str) for word in self.missing):
            raise ValueError(f"impossible form of numbers: {self}")

    @property
    def plain(self) -> bool:
        """Whether numbers are written as Python writes them."""
        return replace(self, missing=(), booleans=False) == NumberForm()

    def is_missing(self, cell: str) -> bool:
        """Whether a cell says that there is no value."""
        return cell.lower() in MISSING or cell in self.missing

    def value(self, cell: str) -> float | None:
        """The number in a cell, NaN where it is missing, None where it is no number."""
        if NUMBER.fullmatch(cell) and self.plain and cell not in self.missing:
            return float(cell)
        if self.is_missing(cell):
            return math.nan
        if self.booleans and cell.lower() in BOOLEANS:
            return BOOLEANS[cell.lower()]
        text = cell.replace("\u2212", "-").replace("\u00a0", " ").replace("\u202f", " ")
        text = text.removeprefix(self.before).removesuffix(self.after).strip()
        sign, text = (text[0], text[1:].removeprefix(self.before).strip()) if text[:1] in ("+", "-") else ("", text)
        if self.thousands and self.thousands in text:
            whole, mark, rest = text.partition(self.decimal)
            if not GROUPED[self.thousands].fullmatch(whole):
                return None
            text = whole.replace(self.thousands, "") + mark + rest
        if self.decimal == "," and "." in text:
            return None
        text = sign + text.replace(self.decimal, ".")
        return float(text) if NUMBER.fullmatch(text) else None


def is_number(text: str) -> bool:
    """Whether `text` is written as a plain finite number."""
    return NUMBER.fullmatch(text) is not None and math.isfinite(float(text))


def parse_numbers(column: Column, form: NumberForm, known: Known = "nothing") -> tuple[Floats, NumberForm, list[str]]:
    """Numbers (n,), NaN for missing ones, the form they are written in, and warnings.

    Args:
        known: how much of `form` is settled; the rest is found.

    Raises:
        DataError: a cell is neither a number nor missing, may be read in two ways, or is too large to compute with.
    """
    warnings: list[str] = []
    numbers = _converted(column, form)
    if numbers is None and known != "all":
        form, warnings = _found_form(column, form, settled=known == "marks")
        numbers = _converted(column, form)
    if numbers is None or np.isinf(numbers).any():
        raise _no_number(column, form)
    if known == "nothing":
        _check_thousands(column, form)
    large = np.flatnonzero(np.abs(numbers) > MOST_SIZE)
    if len(large):
        found = f"{column.cells[large[0]]} is too large to compute with."
        raise column.refused_at(int(large[0]), found, "Give the column in a larger unit.", "GF-D32")
    if np.isnan(numbers).all():
        remedy = "Name another column with --target."
        raise DataError("every value is missing.", remedy=remedy, code="GF-D33", file=column.file, column=column.name)
    return numbers, form, warnings


def _converted(column: Column, form: NumberForm) -> Floats | None:
    """All cells as numbers; None if one is none."""
    quick = form.plain and not form.missing
    known: dict[str, float | None] = {}
    numbers = np.empty(len(column.cells))
    for k, cell in enumerate(column.cells):
        if quick and NUMBER.fullmatch(cell):
            numbers[k] = float(cell)
            continue
        if cell not in known:
            known[cell] = form.value(cell)
        value = known[cell]
        if value is None:
            return None
        numbers[k] = value
    return numbers


def _found_form(column: Column, form: NumberForm, *, settled: bool) -> tuple[NumberForm, list[str]]:
    """The form that all cells have, and what to say about it; the one given where none fits."""
    distinct = [cell for cell in column.distinct() if not form.is_missing(cell)]
    if distinct and all(cell.lower() in BOOLEANS for cell in distinct) and not form.booleans:
        remedy = "Pass --bool-as-number to read true as 1 and false as 0."
        raise column.refused(distinct[0], f"{distinct[0]!r} is no number.", remedy, "GF-D30")
    matches = [WITH_UNIT.fullmatch(cell.replace("\u2212", "-")) for cell in distinct]
    sides = {(match["before"], match["after"]) for match in matches if match} or {("", "")}
    before, after = sides.pop() if len(sides) == 1 else ("", "")
    name = column.name
    warnings = [f"{name}: {before or after!r} is left out of every value"] if before or after else []
    form = replace(form, before=before, after=after)
    bodies = {cell: match["number"].strip() if match else cell for match, cell in zip(matches, distinct, strict=True)}
    if not settled:
        decimal, thousands = _marks(bodies, column)
        form = replace(form, decimal=decimal, thousands=thousands)
        warnings += [f"{name}: the comma is the decimal mark"] * (decimal == ",")
        warnings += [f"{name}: {thousands!r} marks thousands"] * bool(thousands)
    return form, warnings


def _marks(bodies: dict[str, str], column: Column) -> tuple[str, str]:
    """Decimal and thousands mark of numbers that are not all plain.

    Args:
        bodies: what is left of each cell without sign of currency and unit.

    Raises:
        DataError: the comma may be either.
    """
    texts = list(bodies.values())
    commas = [text for text in texts if "," in text]
    for mark in (" ", "'"):
        if any(mark in text for text in texts):
            return ("," if commas else "."), mark
    if not commas:
        return ".", "." if any(text.count(".") > 1 for text in texts) else ""
    if any("." in text for text in texts):
        last = {max(",.", key=text.rindex) for text in texts if "," in text and "." in text}
        decimal = last.pop() if len(last) == 1 else "."
        return decimal, "," if decimal == "." else "."
    if any(text.count(",") > 1 for text in commas):
        return ".", ","
    if not all(GROUPED[","].fullmatch(text) for text in commas):
        return ",", ""
    cell = next(cell for cell, text in bodies.items() if "," in text)
    found = f"the comma in {cell!r} could mark thousands or decimals, and no row settles it."
    raise column.refused(cell, found, "Pass --thousands , or --decimal , to say which.", "GF-D31")


def _check_thousands(column: Column, form: NumberForm) -> None:
    """Refuse numbers such as 1.010 beside 998, or in a file with semicolons, where the point may mark thousands."""
    few = [cell for cell in column.cells[:200] if not form.is_missing(cell)]
    if not form.plain or not all(GROUPED["."].fullmatch(cell) or (cell.isdecimal() and len(cell) <= 3) for cell in few):
        return
    distinct = [cell for cell in column.distinct() if not form.is_missing(cell)]
    grouped = [cell for cell in distinct if GROUPED["."].fullmatch(cell)]
    others = [cell for cell in distinct if not GROUPED["."].fullmatch(cell)]
    if not grouped or any(cell.lstrip("+-").startswith("0") for cell in grouped):
        return
    if all(cell.isdecimal() and len(cell) <= 3 for cell in others) and (others or column.delimiter == ";"):
        found = f"the point in {grouped[0]!r} could mark thousands or decimals, and no row settles it."
        raise column.refused(grouped[0], found, "Pass --thousands . or --decimal . to say which.", "GF-D31")


def _no_number(column: Column, form: NumberForm) -> DataError:
    def bad(cell: str) -> bool:
        value = form.value(cell)
        return value is None or math.isinf(value)

    wrong = [k for k, cell in enumerate(column.cells) if bad(cell)]
    cell, more = column.cells[wrong[0]], ""
    if len(wrong) > 1:
        more = f" ({len(wrong) - 1} further cells are not either)"
    remedy = f"Correct the cell, or pass --na-values={cell} if it means that there is no value."
    if any(mark.isdigit() for mark in cell):
        remedy = "Correct the cell; --decimal and --thousands say how numbers are written."
    return column.refused_at(wrong[0], f"{cell!r} is not a number{more}.", remedy, "GF-D30")


def number_form(decimal: str | None, thousands: str | None, missing: tuple[str, ...], *, booleans: bool) -> NumberForm:
    """The form that a user asked for.

    Raises:
        UsageError: the marks are impossible or the same.
    """
    try:
        return NumberForm(
            decimal or ("," if thousands == "." else "."), thousands or "", missing=missing, booleans=booleans
        )
    except ValueError:
        remedy = "--decimal takes . or , and --thousands another one of . , ' or a space."
        raise UsageError("these marks of numbers do not go together.", remedy=remedy, code="GF-U31") from None


def sentinel(values: Floats) -> tuple[float, int] | None:
    """A number that seems to stand for missing values, and how often it does; None where there is none.

    It is one of those in use, comes at least twice, and lies far from all other values.
    """
    seen = values[~np.isnan(values)]
    counts = Counter(float(value) for value in seen[np.isin(seen, SENTINELS)])
    for value, count in counts.most_common():
        rest = seen[seen != value]
        if count < 2 or len(rest) < 10:
            continue
        low, high = np.quantile(rest, [0.25, 0.75])
        far = min(abs(value - low), abs(value - high)) > 3 * max(high - low, 1e-9)
        if far and (value < rest.min() or value > rest.max()):
            return value, count
    return None


def outliers(values: Floats) -> Ints:
    """Positions of values that lie many interquartile ranges away from the quartiles."""
    seen = values[~np.isnan(values)]
    if len(seen) < 10:
        return np.zeros(0, int)
    low, high = np.quantile(seen, [0.25, 0.75])
    reach = FAR * (high - low)
    return np.flatnonzero((values < low - reach) | (values > high + reach)) if reach > 0 else np.zeros(0, int)

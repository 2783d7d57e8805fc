"""Numbers as people write them: how a column writes them is decided by all its cells, and kept for later files.

What could be read in two ways is refused; a sign of currency, a percent sign or a unit that all cells share is left
out, with a finding.
"""

from __future__ import annotations

import functools
import math
import re

import numpy as np
from msgspec.structs import replace

from gruforecast.arrays import Floats
from gruforecast.data.files.column import Column
from gruforecast.data.finding import Finding, Findings
from gruforecast.errors import DataError, FormError, UsageError
from gruforecast.serialization import Record

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "nat", "-", "--", ".", "?", "missing", "#n/a"})
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
UNIT = r"[$€£¥₹%°]?[A-Za-z$€£¥₹%°/²³]{0,8}"
WITH_UNIT = re.compile(
    rf"(?P<sign>[+-]?)(?P<before>{UNIT})\s?(?P<number>[+-]?[\d.,' \u00a0\u202f]*\d[.,]?)\s?(?P<after>{UNIT})"
)
WHOLE, SHORT = re.compile(r"[+-]?\d*"), re.compile(r"[+-]?\d{1,3}")
GROUPED = {mark: re.compile(rf"[+-]?[1-9]\d{{0,2}}({re.escape(mark)}\d{{3}})+") for mark in (",", ".", " ", "'")}
# the minus, and the blanks and quotes, of typesetters as those of a keyboard
TYPESET = {0x2212: "-", 0x00A0: " ", 0x202F: " ", 0x2009: " ", 0x2019: "'"}
BOOLEANS = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}
MAX_SIZE = 1e30  # larger values overflow 32-bit arithmetic inside a network


class NumberForm(Record, frozen=True, dict=True):
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
        short = len(self.before) < 12 and len(self.after) < 12
        known = self.decimal in (".", ",") and self.thousands in ("", *GROUPED) and self.decimal != self.thousands
        if not short or not known:
            raise ValueError(f"impossible form of numbers: {self}")

    @property
    def plain(self) -> bool:
        """Whether numbers are written as Python writes them."""
        return replace(self, missing=(), booleans=False) == NumberForm()

    def is_missing(self, cell: str) -> bool:
        """Return whether a cell says that there is no value."""
        return cell.lower() in MISSING or cell in self.missing

    def value(self, cell: str) -> float | None:
        """Return the number in a cell, NaN where it is missing, None where it is no number."""
        if self.is_missing(cell):
            return math.nan
        if self.booleans and cell.lower() in BOOLEANS:
            return BOOLEANS[cell.lower()]
        text = self.body(cell)
        if self.thousands and self.thousands in text:
            whole, mark, rest = text.partition(self.decimal)
            if not GROUPED[self.thousands].fullmatch(whole):
                return None
            text = whole.replace(self.thousands, "") + mark + rest
        plain = text.replace(self.decimal, ".")
        if (self.decimal == "," and "." in text) or not NUMBER.fullmatch(plain):
            return None
        number = float(plain)
        return math.nan if number in self.missing_numbers else number

    def body(self, cell: str) -> str:
        """Return what is left of a cell without unit: sign, digits and marks."""
        text = cell.translate(TYPESET).removeprefix(self.before).removesuffix(self.after).strip()
        if text[:1] in ("+", "-"):
            text = text[0] + text[1:].removeprefix(self.before).strip()
        return text

    @functools.cached_property
    def missing_numbers(self) -> frozenset[float]:
        """Numbers that stand for a missing value."""
        return frozenset(float(word) for word in self.missing if NUMBER.fullmatch(word))


def is_number(text: str) -> bool:
    """Return whether `text` is written as a plain finite number."""
    return NUMBER.fullmatch(text) is not None and math.isfinite(float(text))


def infer_numbers(column: Column, form: NumberForm, *, settled: bool) -> tuple[NumberForm, Findings]:
    """Return the form that the numbers of a column have, `form` where that fits, and findings.

    Args:
        form: as far as it is known; settled: whether its marks are.

    Raises:
        DataError: numbers may be read in two ways.
    """
    findings: Findings = ()
    if column.once(_converted, form) is None:
        form, findings = _form_of(column, form, settled=settled)
    if not settled:
        _check_thousands(column, form)
    return form, findings


def apply_numbers(column: Column, form: NumberForm, *, may_miss: bool = False) -> Floats:
    """Return the numbers (n,) of cells that have the form, NaN for missing ones.

    Args:
        may_miss: whether all of them may be missing.

    Raises:
        DataError: a cell is neither a number nor missing, or is too large to compute with.
    """
    if column.plain:
        form = replace(form, decimal=".", thousands="", before="", after="")
    numbers = column.once(_converted, form)
    if numbers is None or np.isinf(numbers).any():
        raise _no_number(column, form)
    column.refuse_first(
        np.abs(numbers) > MAX_SIZE,
        lambda k: f"{column.cells[k]} is too large to compute with.",
        "Give the column in a larger unit.",
        "GF-D32",
    )
    if np.isnan(numbers).all() and not may_miss:
        raise DataError(
            "every value is missing.",
            remedy="Name another column with `target`.",
            code="GF-D33",
            file=column.file,
            column=column.name,
        )
    return numbers


def _converted(column: Column, form: NumberForm) -> Floats | None:
    """Return all cells as numbers; None if one is none."""
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


def _form_of(column: Column, form: NumberForm, *, settled: bool) -> tuple[NumberForm, Findings]:
    """Return the form that all cells have, the one given where none fits, and findings."""
    distinct = [cell for cell in column.distinct if not form.is_missing(cell)]
    if distinct and all(cell.lower() in BOOLEANS for cell in distinct) and not form.booleans:
        raise column.refused(
            distinct[0],
            f"{distinct[0]!r} is no number.",
            "Pass `bool_as_number=True` to read true as 1 and false as 0.",
            "GF-D30",
            FormError,
        )
    sides = set(map(_unit, distinct))
    before, after = sides.pop() if len(sides) == 1 else ("", "")
    name = column.name
    texts = [f"{name}: {before or after!r} is left out of every value"] if before or after else []
    form = replace(form, before=before, after=after)
    if not settled:
        decimal, thousands = _marks({cell: form.body(cell) for cell in distinct}, column)
        form = replace(form, decimal=decimal, thousands=thousands)
        texts += [f"{name}: the comma is the decimal mark"] * (decimal == ",")
        texts += [f"{name}: {thousands!r} marks thousands"] if thousands else []
    return form, tuple(Finding(text, column=name) for text in texts)


def _unit(cell: str) -> tuple[str, str]:
    """Return the text before and after the number in a cell; none where there is no such form."""
    match = WITH_UNIT.fullmatch(cell.translate(TYPESET))
    return (match["before"], match["after"]) if match else ("", "")


def _marks(bodies: dict[str, str], column: Column) -> tuple[str, str]:
    """Return the decimal and thousands mark of numbers that are not all plain.

    Args:
        bodies: what is left of each cell without sign of currency and unit.

    Raises:
        DataError: a mark may be either.
    """
    texts = list(bodies.values())
    for mark in (" ", "'"):
        if any(mark in text for text in texts):
            return ("," if any("," in text for text in texts) else "."), mark
    both = {max(",.", key=text.rindex) for text in texts if "," in text and "." in text}
    if len(both) == 1:
        return (".", ",") if "." in both else (",", ".")
    marked = [text for text in texts if "," in text or "." in text]
    fitting = [pair for pair in ((".", ","), (",", ".")) if all(_fits(text, *pair) for text in marked)]
    if len(fitting) == 1:
        decimal, thousands = fitting[0]
        return decimal, thousands if any(thousands in text for text in texts) else ""
    if not fitting or not any("," in text for text in texts):
        return ".", ""
    cell = next(cell for cell, text in bodies.items() if "," in text)
    raise column.refused(
        cell,
        f"the comma in {cell!r} could mark thousands or decimals, and no row settles it.",
        "Pass `thousands=','` or `decimal=','` to say which.",
        "GF-D31",
        FormError,
    )


def _fits(text: str, decimal: str, thousands: str) -> bool:
    """Return whether a number can be read with these marks."""
    whole, mark, rest = text.partition(decimal)
    digits = not mark or rest.isdecimal() or (not rest and decimal == ".")
    return digits and (GROUPED[thousands].fullmatch(whole) is not None or WHOLE.fullmatch(whole) is not None)


def _check_thousands(column: Column, form: NumberForm) -> None:
    """Refuse numbers such as 1.010 beside 998, or in a file with semicolons, where the point may mark thousands."""
    if form.decimal != "." or form.thousands:
        return

    def doubtful(text: str) -> bool:
        return GROUPED["."].fullmatch(text) is not None or SHORT.fullmatch(text) is not None

    few = [cell for cell in column.cells[:200] if not form.is_missing(cell)]
    if not all(doubtful(form.body(cell)) for cell in few):
        return
    bodies = {cell: form.body(cell) for cell in column.distinct if not form.is_missing(cell)}
    grouped = [cell for cell, text in bodies.items() if GROUPED["."].fullmatch(text)]
    if not grouped or any(bodies[cell].lstrip("+-").startswith("0") for cell in grouped):
        return
    if all(doubtful(text) for text in bodies.values()) and (len(grouped) < len(bodies) or column.delimiter == ";"):
        raise column.refused(
            grouped[0],
            f"the point in {grouped[0]!r} could mark thousands or decimals, and no row settles it.",
            "Pass `thousands='.'` or `decimal='.'` to say which.",
            "GF-D31",
            FormError,
        )


def check_unit(column: Column, form: NumberForm) -> None:
    """Refuse numbers that carry another unit than those of earlier data.

    Raises:
        DataError: a cell carries another one.
    """
    for cell in () if column.plain else column.distinct:
        if not form.is_missing(cell) and _unit(cell) != (form.before, form.after):
            wanted = form.before or form.after or "none"
            raise column.refused(
                cell,
                f"{cell!r} does not carry the unit of the data that were fitted ({wanted}).",
                "Convert the values, and write them as those were.",
                "GF-D55",
                FormError,
            )


def common_marks(columns: list[Column], form: NumberForm) -> NumberForm:
    """Return `form` with the marks that the numbers of all columns together have.

    Raises:
        DataError: a mark may be either.
    """
    columns = [column for column in columns if not column.plain]
    if not columns:
        return form
    first = columns[0]
    cells = [_stripped(cell) for column in columns for cell in column.distinct]
    lines = [line for column in columns for line in [column.lines[0]] * len(column.distinct)]
    pooled = Column(first.file, first.name, cells, lines, first.delimiter)
    if pooled.once(_converted, form) is None:
        decimal, thousands = _marks({cell: cell for cell in pooled.distinct if not form.is_missing(cell)}, pooled)
        return replace(form, decimal=decimal, thousands=thousands)
    _check_thousands(pooled, form)
    return form


def _stripped(cell: str) -> str:
    """Return a cell without its unit."""
    before, after = _unit(cell)
    return NumberForm(before=before, after=after).body(cell)


def _no_number(column: Column, form: NumberForm) -> DataError:
    """Return the error that names the first cell that is no number."""
    wrong = [k for k, cell in enumerate(column.cells) if form.value(cell) in (None, math.inf, -math.inf)]
    cell = column.cells[wrong[0]]
    more = f" ({len(wrong) - 1} further cells are not either)" if len(wrong) > 1 else ""
    if any(mark.isdigit() for mark in cell):
        remedy = "Correct the cell; `decimal` and `thousands` say how numbers are written."
    else:
        how = f"pass `na_values={cell!r}`" if len(cell) < 20 else "name the word with `na_values`"
        remedy = f"Correct the cell, or {how} if it means that there is no value."
    return column.refused_at(wrong[0], f"{cell!r} is not a number{more}.", remedy, "GF-D30", FormError)


def number_form(decimal: str | None, thousands: str | None, missing: tuple[str, ...], *, booleans: bool) -> NumberForm:
    """Return the form that a user gave.

    Raises:
        UsageError: the marks are impossible or the same.
    """
    try:
        return NumberForm(
            decimal or ("," if thousands == "." else "."), thousands or "", missing=missing, booleans=booleans
        )
    except ValueError:
        raise UsageError(
            "these marks of numbers do not go together.",
            remedy="`decimal` takes . or , and `thousands` another one of . , ' or a space.",
            code="GF-U31",
        ) from None

"""What was decided about a file: the plan is kept with the model and followed at predict."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from msgspec import Meta, structs

from gruforecast.arrays import Floats, Stamps
from gruforecast.data.calendar.frequency import DAY, Frequency
from gruforecast.data.calendar.holidays import NAME as HOLIDAY
from gruforecast.data.calendar.holidays import check_code, holiday_counts
from gruforecast.data.files.column import Column
from gruforecast.data.finding import Finding, Findings
from gruforecast.data.formats.numbers import NumberForm, apply_numbers, check_unit
from gruforecast.data.formats.time_columns import TimeForm
from gruforecast.data.options import AGGREGATES, ROLES, Role
from gruforecast.errors import UsageError, shorten
from gruforecast.serialization import Record

LAST_DAY = 31  # `Frequency.day` of stamps at the end of a month
MAX_CATEGORIES = 32


class Names(Record, frozen=True):
    """The user's own column names.

    Attributes:
        time: one column, or several that hold parts of the time.
        ids: may be empty (one series without an id column) or several (a compound key).
    """

    time: tuple[str, ...]
    target: str
    ids: tuple[str, ...] = ()


class Covariate(Record, frozen=True):
    """A covariate, and the numbers that it becomes.

    Attributes:
        role: `known` in the future, too, seen in the `past` only, or `static`: constant in each series.
        numbers: how its numbers are written; flag: whether they are 0 and 1 only.
        categories: the texts that have a number of their own, 1 where a row has it; empty for a column of numbers. The
            empty one is that of blank cells and words such as none. The only one of a flag is 0 where a cell is blank.
    """

    name: str
    role: Role
    numbers: NumberForm = NumberForm()
    flag: bool = False
    categories: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not len(set(self.categories)) == len(self.categories) <= (1 if self.flag else MAX_CATEGORIES):
            raise ValueError(f"impossible covariate: {self}")
        "".join((self.name, *self.categories)).encode()  # text that cannot be written is refused

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the numbers: the column's own, or one for each category."""
        return tuple(f"{self.name}={category}" for category in self.categories) or (self.name,)

    @property
    def kinds(self) -> tuple[str, ...]:
        """What each of them is to a network, see `NetworkConfig.inputs`."""
        flag = " flag" if (self.flag or self.categories) and self.role != "static" else ""
        return (f"{self.role}{flag}",) * len(self.columns)

    def values(self, column: Column) -> tuple[Floats, Findings]:
        """Return the numbers (n, n_columns) of cells, and findings.

        They are NaN where cells are missing, or a category that was not there at fit.

        Raises:
            DataError: a cell of a column of numbers is none.
        """
        if self.flag:
            return self._flags(column)
        if not self.categories:
            check_unit(column, self.numbers)
            return apply_numbers(column, self.numbers, may_miss=True)[:, None], ()
        code = {category: k for k, category in enumerate(self.categories)}
        cells = ["" if self.numbers.is_missing(cell) else cell for cell in column.cells]
        codes = np.array([code.get(cell, -1) for cell in cells])[:, None]
        values = (codes == np.arange(len(code))).astype(float)
        return np.where(codes < 0, np.nan, values), self._unknown([cell for cell in cells if cell and cell not in code])

    def _flags(self, column: Column) -> tuple[Floats, Findings]:
        """Return the numbers (n, 1) of a flag, however a later file writes yes and no, and findings.

        Raises:
            DataError: a cell of a flag of numbers is neither.
        """
        form = structs.replace(self.numbers, booleans=True)
        meant = {cell: form.value(cell) for cell in column.distinct}
        if self.categories:
            word = self.categories[0]
            yes = {cell for cell, number in meant.items() if cell == word or number == form.value(word) == 1}
            no = {cell for cell, number in meant.items() if number == 0 or form.is_missing(cell)} - yes
            values = [1.0 if cell in yes else 0.0 if cell in no else math.nan for cell in column.cells]
            return np.array(values)[:, None], self._unknown([c for c in column.cells if c not in yes | no])
        odd = {cell for cell, number in meant.items() if number not in (0, 1) and not form.is_missing(cell)}
        column.refuse_first(
            np.array([cell in odd for cell in column.cells], bool),
            lambda k: f"{column.cells[k]!r} is neither 0 nor 1, the only values that were fitted.",
            "Write 1 or yes where it holds, 0 or no where it does not, or fit again.",
            "GF-D62",
        )
        return np.array([meant[cell] for cell in column.cells], float)[:, None], ()

    def _unknown(self, cells: list[str]) -> Findings:
        """Return a finding about cells that are no category of the model, if there are some."""
        text = f"{self.name}: {len(cells)} rows have other categories than the model knows"
        return (Finding(f"{text} ({shorten(sorted(set(cells)), 3)})"),) if cells else ()


class Plan(Record, frozen=True):
    """How a file is read: everything that was given or inferred, and is done again at predict.

    Attributes:
        header: whether the file has names of columns; wide: whether every column of numbers is a series.
        stepped: whether the step was given, so that what lies between may be missing.
        on_duplicate, resample, fill, strip_ids: as in `ReadOptions`.
        delimiter: the mark between fields where it is none of the usual ones.
        short_rows, encoding, skip: as in `Layout`, where they were given.
        left_out: covariates that hold no information; holidays: as in `ReadOptions`.
    """

    names: Names
    freq: Frequency
    form: TimeForm
    numbers: NumberForm = NumberForm()
    header: bool = True
    wide: bool = False
    on_duplicate: str = ""
    resample: str = ""
    fill: bool = False
    strip_ids: bool = False
    stepped: bool = False
    delimiter: Annotated[str, Meta(max_length=1)] = ""
    short_rows: bool = False
    encoding: str = ""
    skip: Annotated[int, Meta(ge=0)] | None = None
    covariates: tuple[Covariate, ...] = ()
    left_out: tuple[str, ...] = ()
    holidays: str = ""

    def __post_init__(self) -> None:
        self._check_covariates()
        if not {self.on_duplicate, self.resample} <= {"", *AGGREGATES}:
            raise ValueError(f"impossible plan: {self}")
        time, target, ids = structs.astuple(self.names)
        if len(time) != max(len(self.form.parts), 1):
            raise ValueError(f"impossible names of columns: {self.names}")
        # text that cannot be written is refused
        "".join((*time, target, *ids, self.form.stamp.mark, self.delimiter)).encode()

    def _check_covariates(self) -> None:
        names = [one.name for one in self.covariates]
        taken = {*self.names.time, *(() if self.wide else (self.names.target,))}
        places = [ROLES.index(one.role) for one in self.covariates]
        if len(set(names)) < len(names) or taken & set(names) or places != sorted(places):
            raise ValueError(f"impossible covariates: {names}")
        if self.holidays:
            try:
                check_code(self.holidays)
            except UsageError as error:
                raise ValueError(str(error)) from error

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the numbers that the covariates become."""
        return tuple(name for one in self.covariates for name in one.columns) + ((HOLIDAY,) if self.holidays else ())

    @property
    def inputs(self) -> tuple[str, ...]:
        """What each of them is to a network, see `NetworkConfig`; holidays within a week or a month are counted."""
        daily = self.freq.unit == "B" or (self.freq.unit == "s" and self.freq.step <= DAY)
        holiday = ("known flag" if daily else "known",) if self.holidays else ()
        return (*(kind for one in self.covariates for kind in one.kinds), *holiday)

    @property
    def roles(self) -> tuple[Role, ...]:
        """The role of each of `columns` but that of the holidays."""
        return tuple(one.role for one in self.covariates for _ in one.columns)

    @property
    def future(self) -> tuple[Covariate, ...]:
        """Future covariates: a forecast needs their values for each of its steps."""
        return tuple(one for one in self.covariates if one.role == "known")

    @property
    def future_names(self) -> tuple[str, ...]:
        """Names of the future covariates."""
        return tuple(one.name for one in self.future)

    def holiday_column(self, ds: Stamps) -> Floats:
        """Return the public holidays of stamps (n,) as a column, (n, 1), or (n, 0) where there are none."""
        if not self.holidays:
            return np.zeros((len(ds), 0))
        begin, end = self.form.wall(ds), self.form.wall(self.freq.after(ds, 1)[:, 0])
        if self.freq.unit == "B":
            end = begin  # the first day counts only
        if self.freq.unit == "M" and self.freq.day == LAST_DAY:  # the months that end with the stamp
            month: Stamps = ds.astype("datetime64[M]")
            begin = month - np.timedelta64(self.freq.step - 1, "M")
            end = month + np.timedelta64(1, "M")
        return holiday_counts(self.holidays, begin, end)[:, None]

    def described(self) -> str:
        """Return the plan in words, for a message about a file that contradicts it."""
        example = " ".join(self.form.joined(np.array(["2024-12-31"], "datetime64[s]")))
        time = f"time {' and '.join(map(repr, self.names.time))} written like {example!r}"
        zone = f" in {self.form.stamp.tz}" if self.form.stamp.tz else ""
        target = "a series in each column" if self.wide else f"target {self.names.target!r}"
        return f"{time}{zone}, step {self.freq.label!r}, {target}, {self.numbers.decimal!r} before decimals"

    def facts(self) -> Findings:
        """Return what is settled, for the user."""
        words = {"known": "future covariates", "past": "past covariates", "static": "static covariates"}
        roles = {role: tuple(one.name for one in self.covariates if one.role == role) for role in words}
        texts = [
            f"time column {_listed(self.names.time)}",
            "every column of numbers is a series" if self.wide else f"target column {self.names.target!r}",
            f"series by {'/'.join(self.names.ids)!r}" if self.names.ids else "one series",
            *(f"{words[role]}: {_listed(those)}" for role, those in roles.items() if those),
            *([f"public holidays of {self.holidays}"] if self.holidays else []),
            f"frequency {self.freq.label}",
        ]
        return tuple(Finding(text, level="info") for text in texts)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(map(repr, names))

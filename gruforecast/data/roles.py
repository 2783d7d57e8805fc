"""Which columns are the time, which the target, which the series id, when the user does not say."""

from __future__ import annotations

import contextlib
import itertools
import unicodedata

from gruforecast.data.content import SAMPLE, free, is_part_of_time, meant_as_numbers, sampled
from gruforecast.data.files.column import Column
from gruforecast.data.files.delimited import no_header
from gruforecast.data.files.table import Table
from gruforecast.data.finding import Finding, Findings
from gruforecast.data.formats.numbers import MISSING, NumberForm, is_number
from gruforecast.data.formats.time_columns import NAMED, is_part, is_part_name
from gruforecast.data.formats.timestamp_formats import FORMS
from gruforecast.data.formats.timestamps import look_like_stamps
from gruforecast.data.options import ReadOptions
from gruforecast.data.plan import Names
from gruforecast.data.target import USUAL, find_target
from gruforecast.data.totals import total_of_columns
from gruforecast.errors import DataError, shorten

TIME = ("ds", "date", "datetime", "timestamp", "time", "day", "week", "month", "quarter", "year", "period")
IDS = (
    "unique_id",
    "series_id",
    "item_id",
    "series",
    "id",
    "item",
    "store",
    "sensor",
    "symbol",
    "ticker",
    "name",
    "key",
)
SURE_IDS = ("unique_id", "series_id", "item_id")
WIDE_ID, WIDE_TARGET = "unique_id", "y"  # what stands for the names and the values of the columns of a wide file
PART_NAMES = ("weekday", "time", "quarter", "week")
ONE_SERIES, NO_DUPLICATES = 0.95, 0.98  # share of different stamps, of different pairs of name and stamp


def find_names(table: Table, options: ReadOptions) -> Names:
    """Return the names of the columns to use: those given, the others inferred.

    A usual name decides first, then the content: stamps in every sampled row and a column that tells series apart where
    stamps repeat. Where they repeat because another column holds a part of the time, that one is taken as well. The
    target is found last, see `find_target`.

    Raises:
        DataError: a column is not there, or several would do.
    """
    given = [name for name in (*options.time, options.target, *options.id, *options.covariates) if name is not None]
    for name in given:
        table.column(name)
        _check_alike(table, name)
    taken = set(given)
    time, ids = tuple(options.time), tuple(options.id)
    if not time:
        time = _with_parts(table, _find_time(table, taken), taken, ids, tuple(options.static))
        if table.header_line and look_like_stamps(_cells(table, time[0], [time[0]]), named=False):
            raise no_header(table.file, table.header_line)
    taken |= set(time)
    if options.wide:
        return Names(time, WIDE_TARGET, (WIDE_ID,))
    keys = ids or _ids_or_static(table, time, taken, set(options.static))
    target = options.target or find_target(table, taken | set(keys))
    if not options.target:
        _check_alike(table, target)
        if table.header_line and (is_number(target) or target.lower() in MISSING):
            raise no_header(table.file, table.header_line)
    return Names(time, target, keys)


def beside(table: Table, options: ReadOptions, names: Names) -> Findings:
    """Return what is said of columns beside those used: a total beside its parts, a name that tells no series apart."""
    found: Findings = ()
    free_ones = [name for name in table.columns if name not in (*names.time, *names.ids)]
    if not options.wide:
        numeric = [one for one in free_ones if meant_as_numbers(sampled(table, one)) and not is_part_name(one)]
        text, those = total_of_columns(table, numeric)
        told = options.target and not (names.target in those and set(options.known) & set(those))
        found = (Finding(text, level="info" if told else "warning", column=those[0]),) if text else ()
    if names.ids:
        return found
    unused = [one for one in free_ones if one.lower() in IDS and one not in {*options.covariates, names.target}]
    return found + tuple(
        Finding(
            f"{one!r} is not used: with one row a stamp it names no series. Pass `known={one!r}` if it is known ahead,"
            f" `past={one!r}` if not, `id={one!r}` if it does name series",
            column=one,
        )
        for one in unused
        if 2 * len(set(table.columns[one])) <= len(table)
    )


def wide_columns(table: Table, taken: tuple[str, ...], form: NumberForm) -> tuple[list[Column], Findings]:
    """Return the columns of numbers but those `taken`, each a series, and findings about the others.

    Raises:
        DataError: there is none.
    """
    names: dict[str, list[str]] = {"numbers": [], "no values": [], "no numbers": []}
    for name in table.columns:
        if name not in taken:
            cells = [cell for cell in table.columns[name] if not form.is_missing(cell)]
            numeric = meant_as_numbers(cells[:: max(1, len(cells) // SAMPLE)])
            names["numbers" if numeric else "no numbers" if cells else "no values"].append(name)
    if not names["numbers"]:
        raise DataError(
            "no column holds numbers.",
            remedy="Name the time column with `time`, or leave `wide` out.",
            code="GF-D16",
            file=table.file,
        )
    columns = [table.cells(name) for name in names.pop("numbers")]
    return columns, tuple(Finding(f"{shorten(those)}: {what}, left out") for what, those in names.items() if those)


def _check_alike(table: Table, name: str) -> None:
    """Refuse a name that another column has but for its case or the form of its letters."""

    def plain(text: str) -> str:
        return unicodedata.normalize("NFKC", text).casefold()

    alike = [other for other in table.columns if plain(other) == plain(name)]
    if len(alike) > 1:
        raise DataError(
            f"{' and '.join(map(repr, alike))} are ambiguous: they differ in the form of their letters only.",
            remedy="Rename one of the columns.",
            code="GF-D19",
            file=table.file,
            line=table.header_line,
            column=name,
        )


def _find_time(table: Table, taken: set[str]) -> str:
    """Return the column of stamps: by a usual name, then the only other one, then one named as a part of a date.

    Raises:
        DataError: there is none, or several without a usual name.
    """

    def holds(name: str, *, named: bool) -> bool:
        sample = sampled(table, name)
        return bool(sample) and look_like_stamps(_cells(table, name, sample), named=named)

    usual = [name for name in free(table, taken, TIME) if name.lower() in TIME]
    for name in usual:
        if NAMED.get(name.lower()) is None and holds(name, named=True):
            return name
    others = [name for name in table.columns if name not in {*taken, *usual} and holds(name, named=False)]
    if len(others) > 1:
        raise DataError(
            f"{len(others)} columns could be the time: {shorten(others, 8)}.",
            remedy="Name the right one with `time`.",
            code="GF-D15",
            file=table.file,
        )
    parts = [name for name in usual if holds(name, named=True)]
    if others or parts or usual:
        return [*others, *parts, *usual][0]  # the cells of the last ones are refused one by one, with the line
    years = [name for name in table.columns if FORMS["year"].fullmatch(name)]
    if len(years) >= 5:
        raise DataError(
            f"years stand as columns ({years[0]} to {years[-1]}), so no column holds time stamps.",
            remedy="Turn the table round first: one row for each stamp, and totals left out.",
            code="GF-D15",
            file=table.file,
            line=table.header_line,
        )
    raise DataError(
        "no column holds time stamps.",
        remedy=f"Name it with `time`; the columns are {shorten(list(table.columns), 12)}"
        f"{'' if table.header_line else ', and the index has no stamps either'}.",
        code="GF-D15",
        file=table.file,
    )


def _cells(table: Table, name: str, cells: list[str]) -> Column:
    return Column(table.file, name, cells, [0] * len(cells))


def _with_parts(
    table: Table, time: str, taken: set[str], ids: tuple[str, ...], static: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the time column, and those that hold the rest of the time where stamps of it repeat."""
    stamps = table.columns[time]
    keys = [table.columns[name] for name in ids]
    if len(set(zip(stamps, *keys, strict=True))) == len(stamps) or _has_clock(table, time):
        return (time,)
    names = [name for name in table.columns if name not in taken | {time}]
    if not ids and any(
        name.lower() in SURE_IDS or (name.lower() in IDS and _tells_apart(table, name, stamps))
        for name in (*names, *static)
    ):
        return (time,)
    parts = [name for name in names if is_part(_cells(table, name, table.columns[name]))]
    order = {"year": 0, "month": 1, "day": 2, "hour": 3}
    first = sampled(table, time)[:1]
    years = NAMED.get(time.lower()) == "year" or (first and FORMS["year"].fullmatch(first[0]))
    unfit = (None,) if years else ("year", "month", "day")
    parts = [name for name in parts if NAMED.get(name.lower()) not in unfit]
    return tuple(
        sorted([time, *parts], key=lambda name: order.get(NAMED.get(name.lower(), ""), 4 if name != time else -1))
    )


def _has_clock(table: Table, time: str) -> bool:
    """Return whether the stamps say more than the day."""
    sample = sampled(table, time)
    return any(":" in cell for cell in sample) and not all("00:00" in cell for cell in sample)


def _ids_or_static(table: Table, time: tuple[str, ...], taken: set[str], static: set[str]) -> tuple[str, ...]:
    """Return the id columns; one that is constant in each series only where no other is found."""
    if static:
        with contextlib.suppress(DataError):
            if ids := _find_ids(table, time, taken):
                return ids
    return _find_ids(table, time, taken - static)


def _find_ids(table: Table, time: tuple[str, ...], taken: set[str]) -> tuple[str, ...]:
    names = free(table, taken, IDS)
    stamps = ["\0".join(row) for row in zip(*(table.columns[name] for name in time), strict=True)]
    for name in names:
        if name.lower() in SURE_IDS:
            return (name,)
    usual = [name for name in names if name.lower() in IDS]
    if len(set(stamps)) == len(stamps):  # one series, or several that never meet
        named = [name for name in usual if not is_part_of_time(sampled(table, name))]
        return tuple(name for name in named if _in_blocks(table, name))[:1]
    parts = [name for name in names if is_part_of_time(sampled(table, name)) or _counts_time(table, name, stamps)]
    others = [name for name in names if name not in parts and name.lower() not in USUAL]
    able = [name for name in others if _tells_apart(table, name, stamps)]
    numeric = [name for name in names if meant_as_numbers(sampled(table, name))]
    few = len(set(stamps)) > ONE_SERIES * len(stamps)  # stamps that come twice: no second series, unless so named
    able = [name for name in able if name in usual or not (few or numeric == [name])]  # the only numbers are the target
    known = [name for name in able if name in usual]
    if parts and not known and not _has_clock(table, time[0]):
        raise DataError(
            f"stamps repeat, and {parts[0]!r} seems to hold the rest of the time.",
            remedy=f"Name all parts with `time`, such as {time[0]!r} and {parts[0]!r}, or the series with `id`.",
            code="GF-D18",
            file=table.file,
            column=parts[0],
        )
    ids = known or able
    if len(ids) > 1:
        raise DataError(
            f"stamps repeat, and {len(ids)} columns could tell series apart: {shorten(ids, 8)}.",
            remedy="Name the right one with `id`.",
            code="GF-D17",
            file=table.file,
        )
    return tuple(ids)


def _in_blocks(table: Table, name: str) -> bool:
    """Return whether each value of a column stands in several rows one below the other, and never comes back.

    So do the names of series that follow each other; an event or a state of one series comes and goes.
    """
    blocks = [len(list(rows)) for _, rows in itertools.groupby(table.columns[name])]
    return len(blocks) == len(set(table.columns[name])) and min(blocks) > 1


def _counts_time(table: Table, name: str, stamps: list[str]) -> bool:
    """Return whether a column seems to number the hours or other parts of each day, by its name or its changes."""
    if name.lower() in PART_NAMES or is_part_name(name):
        return True
    cells = table.columns[name]
    count = len(set(cells))
    even = abs(len(cells) / len(set(stamps)) - count) < 0.1 * count
    return count in (24, 25, 48, 50, 96, 100) and even and all(any(mark.isdigit() for mark in cell) for cell in cells)


def _tells_apart(table: Table, name: str, stamps: list[str]) -> bool:
    """Return whether hardly a value of the column has a stamp twice, and they come back often enough to be names."""
    cells = table.columns[name]
    pairs = set(zip(cells, stamps, strict=True))
    return len(pairs) >= NO_DUPLICATES * len(stamps) and 2 * len(set(cells)) <= len(cells)

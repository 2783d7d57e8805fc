"""Which columns are the time, the target and the ids: by name, by cells, in which order, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from gruforecast.data.files.table import Table
from gruforecast.data.finding import Finding
from gruforecast.data.formats.numbers import NumberForm
from gruforecast.data.options import ReadOptions
from gruforecast.data.plan import Names
from gruforecast.data.roles import find_names, meant_as_numbers, wide_columns
from gruforecast.errors import DataError, FormError

DAYS = [f"2024-01-{d:02}" for d in range(1, 25)]


def table(columns: dict[str, Any]) -> Table:
    cells = {name: list(map(str, those)) for name, those in columns.items()}
    return Table("f.csv", cells, list(range(2, len(next(iter(cells.values()))) + 2)))


def names(columns: dict[str, Any], **options: Any) -> Names:
    return find_names(table(columns), ReadOptions(**options))


def refused(columns: dict[str, Any], **options: Any) -> tuple[str, str, str, int | None, str | None]:
    with pytest.raises(DataError) as caught:
        names(columns, **options)
    error = caught.value
    assert error.file == "f.csv"
    return error.message, error.remedy, error.code, error.line, error.column


PARTS = {
    "date": [day for day in DAYS[:4] for _ in range(6)],
    "year": [2020 + k // 12 for k in range(24)],
    "month": [k % 12 + 1 for k in range(24)],
    "day": [1] * 24,
    "hour": [k % 6 for k in range(24)],
    "minute": [0] * 24,
    "period": [k % 6 + 1 for k in range(24)],
    "slot": [k % 6 + 1 for k in range(24)],
    "quarter": [k % 4 + 1 for k in range(24)],
    "week": [k % 12 + 1 for k in range(24)],
}


@pytest.mark.parametrize(
    ("order", "time"),
    [
        ("y month year", "year month"),
        ("y day month year", "year month day"),
        ("minute hour day month year y", "year month day hour minute"),
        ("week quarter year y", "year week quarter"),
        ("quarter week year y", "year quarter week"),
        ("hour date y", "date hour"),
        ("minute hour date y", "date hour minute"),
        ("slot period date y", "date slot period"),
        ("period slot date y", "date period slot"),
        ("slot hour date y", "date hour slot"),
        ("month hour date day year y", "date hour"),
        ("slot month year y", "year month"),
    ],
)
def test_parts_of_the_time_come_from_the_coarsest_to_the_finest_whatever_the_order_of_the_file(
    order: str, time: str
) -> None:
    found = names({name: PARTS.get(name, range(24)) for name in order.split()}, target="y")
    assert found == Names(tuple(time.split()), "y")


def test_no_part_is_added_where_stamps_differ_or_have_a_clock() -> None:
    assert names({"hour": PARTS["hour"], "date": DAYS, "y": range(24)}).time == ("date",)
    clocks = [f"{day} 05:30" for day in PARTS["date"]]
    assert names({"hour": PARTS["hour"], "date": clocks, "y": range(24)}, target="y").time == ("date",)
    mixed = [f"{day} {('00:00', '05:30')[k % 2]}" for k, day in enumerate(PARTS["date"])]
    assert names({"hour": PARTS["hour"], "date": mixed, "y": range(24)}, target="y").time == ("date",)
    midnights = [f"{day} 00:00" for day in PARTS["date"]]
    assert names({"hour": PARTS["hour"], "date": midnights, "y": range(24)}, target="y").time == ("date", "hour")
    ids = ["a", "b", "c", "d", "e", "f"] * 4
    for key in ("series_id", "store"):
        assert names({"hour": PARTS["hour"], "date": PARTS["date"], key: ids, "y": range(24)}).time == ("date",)
    for key, time in (("series_id", ("date",)), ("store", ("date", "hour"))):  # the same in all rows
        columns = {"hour": PARTS["hour"], "date": PARTS["date"], key: ["a"] * 24, "y": range(24)}
        assert names(columns, target="y").time == time


def test_a_usual_name_decides_before_the_cells_and_in_the_usual_order() -> None:
    assert names({"timestamp": DAYS, "date": DAYS, "y": range(24)}).time == ("date",)
    assert names({"at": DAYS, "DATE": DAYS, "y": range(24)}).time == ("DATE",)
    assert names({"date": ["x"] * 24, "at": DAYS, "y": range(24)}).time == ("at",)
    assert names({"other": range(24), "sales": range(24), "ds": DAYS}).target == "sales"
    assert names({"sales": range(24), "Value": range(24), "ds": DAYS}).target == "Value"
    assert names({"value": range(24), "y": range(24), "ds": DAYS}).target == "y"
    assert names({"note": ["x1", "y"] * 12, "size": range(24), "ds": DAYS}).target == "size"
    twice = [day for day in DAYS[:12] for _ in range(2)]
    keys = ["a", "b"] * 12
    assert names({"store": keys, "item_id": keys, "ds": twice, "y": range(24)}).ids == ("item_id",)
    assert names({"zone": keys, "store": keys, "ds": twice, "y": range(24)}).ids == ("store",)


def test_several_that_would_do_are_named_in_the_order_of_the_file() -> None:
    assert refused({"b": DAYS, "a": DAYS, "y": range(24)}) == (
        "2 columns could be the time: 'b', 'a'.",
        "Name the right one with `time`.",
        "GF-D15",
        None,
        None,
    )
    assert refused({"ds": DAYS, "q": range(24), "p": range(24)}) == (
        "2 columns could be the target: 'q', 'p'.",
        "Name the target with `target`, or pass `wide=True` if each is a series.",
        "GF-D16",
        None,
        None,
    )
    assert refused({"ds": DAYS, "load": range(24), "other": range(24), "sales": range(24)})[0] == (
        "2 columns could be the target: 'sales', 'load'."
    )
    twice, keys = [day for day in DAYS[:12] for _ in range(2)], ["a", "b"] * 12
    assert refused({"ds": twice, "zone": keys, "area": keys, "y": range(24)}) == (
        "stamps repeat, and 2 columns could tell series apart: 'zone', 'area'.",
        "Name the right one with `id`.",
        "GF-D17",
        None,
        None,
    )


def test_what_is_not_there_is_refused_in_these_words() -> None:
    assert refused({"a": ["x"] * 3, "b": [1, 2, 3]}) == (
        "no column holds time stamps.",
        "Name it with `time`; the columns are 'a', 'b'.",
        "GF-D15",
        None,
        None,
    )
    assert refused({"ds": DAYS, "a": ["x"] * 24, "b": ["y"] * 24}) == (
        "no column holds numbers.",
        "Name the target with `target`.",
        "GF-D16",
        None,
        None,
    )
    years = {f"{2015 + k}": [1, 2, 3] for k in range(5)}
    assert refused({"country": ["x", "y", "z"], **years}) == (
        "years stand as columns (2015 to 2019), so no column holds time stamps.",
        "Turn the table round first: one row for each stamp, and totals left out.",
        "GF-D15",
        1,
        None,
    )
    years.pop("2019")
    assert refused({"country": ["x", "y", "z"], **years})[0] == "no column holds time stamps."
    assert names({"ds": DAYS, "a": ["x"] * 24}).target == "a"  # the only one is refused by its cells


@pytest.mark.parametrize("options", [{}, {"target": "y"}, {"target": "Y"}, {"known": ("y",), "target": "ds"}])
def test_names_that_differ_in_case_only_are_refused(options: dict[str, Any]) -> None:
    first = options.get("known", (options.get("target", "y"),))[0]
    assert refused({"date": DAYS, "ds": DAYS, "y": range(24), "Y": range(24)}, **options) == (
        "'y' and 'Y' are ambiguous: they differ in the form of their letters only.",
        "Rename one of the columns.",
        "GF-D19",
        1,
        first,
    )


@pytest.mark.parametrize("columns", [{"2024-01-01": DAYS, "y": range(24)}, {"ds": DAYS, "17.5": range(24)}])
def test_a_first_line_of_data_is_no_header(columns: dict[str, Any]) -> None:
    assert refused(columns) == (
        "the first line looks like data, not like a header.",
        "Add a header line such as ds,y, or pass `header=False`.",
        "GF-D13",
        1,
        None,
    )
    first, second = columns
    assert names(columns, time=(first,), target=second) == Names((first,), second)


def test_columns_of_a_wide_file_and_what_is_left_out_in_which_order() -> None:
    of = table({"b": [1, "", 3], "ds": DAYS[:3], "w": ["x", "y", "z"], "v": ["", "", ""], "a": [1, 2, 3], "u": "xyz"})
    columns, findings = wide_columns(of, ("ds",), NumberForm())
    assert [one.name for one in columns] == ["b", "a"]
    assert findings == (Finding("'v': no values, left out"), Finding("'w', 'u': no numbers, left out"))
    with pytest.raises(DataError) as caught:
        wide_columns(of, ("a", "b"), NumberForm())
    error = caught.value
    assert (error.message, error.code, error.file) == ("no column holds numbers.", "GF-D16", "f.csv")
    assert error.remedy == "Name the time column with `time`, or leave `wide` out."


@pytest.mark.parametrize(
    ("sample", "meant"),
    [
        (["1", "x", "2"], True),
        (["1", "x"], False),
        (["1x", "x2", "$3"], True),
        (["13:00", "14:00"], False),
        (["13:00", "1"], True),
        (["2024-01-01", "2024-01-02"], False),
        (["2024-01-01", "5"], True),
        ([], False),
    ],
)
def test_most_cells_with_digits_are_meant_as_numbers(sample: list[str], meant: bool) -> None:
    assert meant_as_numbers(sample) == meant


def test_a_table_has_names_and_commas_unless_said_otherwise() -> None:
    of = Table("f.csv", {"ds": ["a"], "sales": ["b"]}, [7])
    assert (of.delimiter, of.header, of.findings, of.padded, len(of)) == (",", True, (), {}, 1)
    cells = Table("f.csv", {"ds": ["a"], "sales": ["b"]}, [7], ";").cells("sales")
    assert (cells.file, cells.name, cells.cells, cells.lines, cells.delimiter) == ("f.csv", "sales", ["b"], [7], ";")
    with pytest.raises(FormError) as caught:
        of.cells("sale")
    error = caught.value
    assert error.message == "there is no column 'sale'. Did you mean 'sales'?"
    assert (error.remedy, error.code) == ("The columns are 'ds', 'sales'.", "GF-D10")
    assert (error.file, error.line) == ("f.csv", None)

"""Numbers as people write them: marks, units and words at their bounds; what is read beside what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from gruforecast.data.files.column import Column
from gruforecast.data.formats.numbers import (
    NumberForm,
    apply_numbers,
    infer_numbers,
    is_number,
    number_form,
)
from gruforecast.data.options import ReadOptions
from gruforecast.data.read import read_csv
from gruforecast.errors import DataError, ModelError, UsageError
from gruforecast.serialization import record

NAN = math.nan


def column(cells: list[str], delimiter: str = ",") -> Column:
    return Column("f.csv", "y", cells, list(range(2, len(cells) + 2)), delimiter)


def parse(*cells: str, delimiter: str = ",", **form: Any) -> tuple[list[float], NumberForm, list[str]]:
    one = column(list(cells), delimiter)
    found, findings = infer_numbers(one, NumberForm(**form), settled=False)
    return apply_numbers(one, found).tolist(), found, [str(finding) for finding in findings]


def refused(*cells: str, delimiter: str = ",", **form: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        parse(*cells, delimiter=delimiter, **form)
    assert caught.value.column == "y"
    return caught.value


@pytest.mark.parametrize(
    ("cells", "numbers", "marks"),
    [
        (["1.234", "2.345"], [1.234, 2.345], (".", "")),  # a comma file: the point is a decimal one
        (["1.234", "12.345", "123.456"], [1.234, 12.345, 123.456], (".", "")),
        (["1.234", "998.5"], [1.234, 998.5], (".", "")),
        (["0.234", "998"], [0.234, 998], (".", "")),
        (["-0.234", "998"], [-0.234, 998], (".", "")),
        (["1.234", "1234"], [1.234, 1234], (".", "")),
        (["1,5", "2,25"], [1.5, 2.25], (",", "")),
        (["1.234,5", "998"], [1234.5, 998], (",", ".")),
        (["1,234.5", "998"], [1234.5, 998], (".", ",")),
        (["1,234,567", "998"], [1234567, 998], (".", ",")),
        (["1 234,5", "2"], [1234.5, 2], (",", " ")),
        (["1 234.5", "2"], [1234.5, 2], (".", " ")),
        (["1'234.5", "-2"], [1234.5, -2], (".", "'")),
        (["1\u2019234", "2"], [1234, 2], (".", "'")),
        ([".5", "5.", "+7", "1e3", "-2.5E-1"], [0.5, 5, 7, 1000, -0.25], (".", "")),
        (["1,234,567", "1.5"], [1234567, 1.5], (".", ",")),
        (["0,5", "0,250"], [0.5, 0.25], (",", "")),
    ],
)
def test_marks_that_must_be_read(cells: list[str], numbers: list[float], marks: tuple[str, str]) -> None:
    found, form, _ = parse(*cells)
    assert found == numbers
    assert (form.decimal, form.thousands) == marks


def test_what_was_found_is_said() -> None:
    assert parse("1.234,5", "998")[2] == ["y: the comma is the decimal mark", "y: '.' marks thousands"]
    assert parse("1,5", "2")[2] == ["y: the comma is the decimal mark"]
    assert parse("1,234.5", "9")[2] == ["y: ',' marks thousands"]
    assert parse("5 kW", "6 kW")[2] == ["y: 'kW' is left out of every value"]
    assert parse("$5", "-$6")[2] == ["y: '$' is left out of every value"]
    assert parse("5", "6")[2] == []


@pytest.mark.parametrize(
    ("cells", "delimiter", "cell", "line"),
    [
        (["1.234", "998"], ",", "1.234", 2),
        (["998", "1.234"], ",", "1.234", 3),
        (["-998", "-1.234"], ",", "-1.234", 3),
        (["1.234", "2.345"], ";", "1.234", 2),
        (["1.234.567", "998"], ",", None, None),
    ],
)
def test_points_that_may_mark_thousands(cells: list[str], delimiter: str, cell: str | None, line: int | None) -> None:
    if cell is None:
        assert parse(*cells, delimiter=delimiter)[0] == [1234567, 998]
        return
    error = refused(*cells, delimiter=delimiter)
    assert error.message == f"the point in {cell!r} could mark thousands or decimals, and no row settles it."
    assert error.remedy == "Pass --thousands . or --decimal . to say which."
    assert (error.code, error.line, error.value) == ("GF-D31", line, cell)


def test_points_are_settled_by_any_row_of_the_file() -> None:
    cells = ["1.234"] + ["998"] * 300
    assert refused(*cells).code == "GF-D31"
    assert parse(*cells, "7.5")[0][-1] == 7.5  # only the last of 302 rows says so
    assert refused(*["", "NA"] * 100, "1.234", "998").line == 202


def test_commas_that_may_be_either() -> None:
    error = refused("998", "1,234", "2,345")
    assert error.message == "the comma in '1,234' could mark thousands or decimals, and no row settles it."
    assert error.remedy == "Pass --thousands , or --decimal , to say which."
    assert (error.code, error.line, error.value) == ("GF-D31", 3, "1,234")


@pytest.mark.parametrize(
    ("cells", "form", "numbers"),
    [
        (["1,234", "998"], {"decimal": ","}, [1.234, 998]),
        (["1,234", "998"], {"thousands": ","}, [1234, 998]),
        (["1.234", "998"], {"decimal": ",", "thousands": "."}, [1234, 998]),
        (["1.234,5", "998"], {"decimal": ",", "thousands": "."}, [1234.5, 998]),
        (["x", "-", "?", "#N/A", "7"], {"missing": ("x",)}, [NAN, NAN, NAN, NAN, 7]),
        (["-999.0", "-999", "999", "5"], {"missing": ("-999",)}, [NAN, NAN, 999, 5]),
        (["true", "No", "YES", "0.5"], {"booleans": True}, [1, 0, 1, 0.5]),
        (["5\u00a0%", "6\u00a0%"], {"after": "%"}, [5, 6]),
        (["-$5", "$-6", "+$7"], {"before": "$"}, [-5, -6, 7]),
    ],
)
def test_a_form_that_is_settled(cells: list[str], form: dict[str, Any], numbers: list[float]) -> None:
    np.testing.assert_array_equal(apply_numbers(column(cells), NumberForm(**form)), numbers)


@pytest.mark.parametrize(
    ("cell", "form"),
    [
        ("12,34", {"thousands": ","}),
        ("0,123", {"thousands": ","}),
        ("1,2345", {"thousands": ","}),
        ("1.5", {"decimal": ","}),
        ("1.5.5", {"decimal": ",", "thousands": "."}),
        ("true", {}),
        ("1 000", {}),
        ("0x10", {}),
        ("٣", {}),
    ],
)
def test_a_cell_that_breaks_a_settled_form_is_named(cell: str, form: dict[str, Any]) -> None:
    with pytest.raises(DataError) as caught:
        apply_numbers(column(["7", cell, "8"]), NumberForm(**form))
    assert caught.value.message == f"{cell!r} is not a number."
    assert (caught.value.code, caught.value.line, caught.value.value) == ("GF-D30", 3, cell)


@pytest.mark.parametrize(
    ("cell", "remedy"),
    [
        ("oops", "Correct the cell, or pass --na-values=oops if it means that there is no value."),
        ("o" * 19, f"Correct the cell, or pass --na-values={'o' * 19} if it means that there is no value."),
        ("o" * 20, "Correct the cell, or name the word with --na-values if it means that there is no value."),
        ("7 or 8", "Correct the cell; --decimal and --thousands say how numbers are written."),
    ],
)
def test_the_remedy_depends_on_the_cell(cell: str, remedy: str) -> None:
    assert refused("1", cell).remedy == remedy


def test_further_cells_are_counted_and_infinite_ones_are_none() -> None:
    assert refused("1", "a", "2", "b", "a").message == "'a' is not a number (2 further cells are not either)."
    error = refused("1", "2", "1e400", "x")
    assert (error.message, error.line) == ("'1e400' is not a number (1 further cells are not either).", 4)
    assert refused("-1e999").line == 2


def test_true_and_false_are_read_when_asked_only() -> None:
    error = refused("", "true", "False")
    assert error.message == "'true' is no number."
    assert error.remedy == "Pass --bool-as-number to read true as 1 and false as 0."
    assert (error.code, error.line) == ("GF-D30", 3)
    assert refused("true", "7").message == "'true' is not a number."  # a word among numbers
    assert parse("true", "False", booleans=True)[0] == [1, 0]


@pytest.mark.parametrize("number", [1e30, -1e30])
def test_the_largest_number_is_read_and_a_larger_one_refused(number: float) -> None:
    assert parse(repr(number), "1")[0] == [number, 1]
    more = repr(1.0001 * number)
    error = refused("1", more)
    assert error.message == f"{more} is too large to compute with."
    assert error.remedy == "Give the column in a larger unit."
    assert (error.code, error.line) == ("GF-D32", 3)


def test_a_column_without_a_value() -> None:
    error = refused("", "NA", "null")
    assert (error.message, error.code) == ("every value is missing.", "GF-D33")
    assert "--target" in error.remedy
    assert np.isnan(apply_numbers(column(["", "NA"]), NumberForm(), may_miss=True)).all()
    assert parse("", "7")[0][1] == 7


def test_units_must_be_shared_by_all() -> None:
    assert parse("5 kW", "-6 kW", "")[0][:2] == [5, -6]
    assert parse("$1,234.50", "$998", "NA")[0][:2] == [1234.5, 998]
    for cells in (("5 kW", "6 MW"), ("5 kW", "6"), ("5%", "0.1")):
        error = refused(*cells)
        assert (error.code, error.line) == ("GF-D30", 2)


def test_wide_columns_share_marks_and_keep_their_own_units(csv: Any) -> None:
    lines = ["ds;a;b", *(f"2024-01-0{k};{k}.234,5 €;{k} kW" for k in range(1, 5))]
    panel = read_csv(csv("\n".join(lines)), ReadOptions(wide=True)).panel
    assert panel.y.tolist() == [1234.5, 2234.5, 3234.5, 4234.5, 1, 2, 3, 4]
    doubtful = ["ds;a;b", *(f"2024-01-0{k};{k}.234;99{k}" for k in range(1, 5))]
    with pytest.raises(DataError, match=r"the point in '1\.234' could mark thousands"):
        read_csv(csv("\n".join(doubtful)), ReadOptions(wide=True))


@pytest.mark.parametrize(
    "form",
    [
        {"decimal": ";"},
        {"thousands": "_"},
        {"decimal": ",", "thousands": ","},
        {"before": "x" * 12},
        {"after": 5},
        {"missing": (5,)},
    ],
)
def test_forms_that_cannot_be(form: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"impossible form of numbers|Expected `str`, got `int`"):
        record(NumberForm, form, "model.json")


def test_forms_that_may_be() -> None:
    assert NumberForm(before="x" * 11, after="y" * 11).value("x" * 11 + "7" + "y" * 11) == 7
    assert NumberForm().plain
    assert NumberForm(missing=("x",), booleans=True).plain
    assert not NumberForm(after="%").plain
    assert number_form(None, ".", (), booleans=False) == NumberForm(",", ".")
    assert number_form(None, " ", ("x",), booleans=True) == NumberForm(".", " ", missing=("x",), booleans=True)
    assert number_form(",", None, (), booleans=False) == NumberForm(",")
    with pytest.raises(UsageError) as caught:
        number_form(",", ",", (), booleans=False)
    assert caught.value.code == "GF-U31"
    assert "--decimal" in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "known"), [("1.5e3", True), ("-.5", True), ("1e999", False), ("1,5", False), ("", False), ("nan", False)]
)
def test_what_is_a_plain_number(text: str, known: bool) -> None:
    assert is_number(text) == known

"""The plan of a file is followed again: what was clear in many rows stays clear in two."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gruforecast.data.options import ReadOptions
from gruforecast.data.plan import Plan
from gruforecast.data.read import read_csv, read_like
from gruforecast.errors import DataError, ModelError, UsageError
from gruforecast.serialization import plain, record

DAYS = [np.datetime64("2024-01-01") + k for k in range(40)]


def plan_of(csv: Any, content: str, **options: Any) -> Plan:
    plan = read_csv(csv(content, "training.csv"), ReadOptions(**options)).panel.plan
    again = record(Plan, plain(plan), "model.json")
    assert again == plan
    return again


def dmy(day: np.datetime64) -> str:
    year, month, number = str(day).split("-")
    return f"{number}/{month}/{year}"


@pytest.mark.parametrize(
    ("training", "options", "later", "values", "first"),
    [
        (
            "ds;y\n" + "".join(f"{day};{k},{k % 10}5\n" for k, day in enumerate(DAYS)),
            {},
            "ds;y\n2024-03-01;1,234\n2024-03-02;2,345\n",
            [1.234, 2.345],
            "2024-03-01",
        ),
        (
            "ds,y\n" + "".join(f"{dmy(day)},{k}\n" for k, day in enumerate(DAYS)),
            {},
            "ds,y\n01/03/2024,1\n02/03/2024,2\n",
            [1, 2],
            "2024-03-01",
        ),
        (
            "ds,a,b\n" + "".join(f"{day},{k},{2 * k}\n" for k, day in enumerate(DAYS)),
            {"wide": True},
            "ds,b,a\n2024-03-01,1,3\n2024-03-02,2,4\n",
            [1, 2, 3, 4],
            "2024-03-01",
        ),
        (
            "date,hour,y\n" + "".join(f"{day},{h},{h}\n" for day in DAYS[:4] for h in range(1, 25)),
            {},
            "date,hour,y\n2024-03-01,1,1\n2024-03-01,2,2\n",
            [1, 2],
            "2024-03-01",
        ),
        (
            "ds,y\n" + "".join(f"2024-03-10 {h:02}:00,{h}\n" for h in range(24)),
            {"tz": "Europe/Paris"},
            "ds,y\n2024-10-27 02:00,1\n2024-10-27 02:00,2\n2024-10-27 03:00,3\n",
            [1, 2, 3],
            "2024-10-27",
        ),
        (
            "".join(f"{day},{k}\n" for k, day in enumerate(DAYS)),
            {},
            "2024-03-01,1\n2024-03-02,2\n",
            [1, 2],
            "2024-03-01",
        ),
        (
            "ds,y\n" + "".join(f"{day},{k}\n" for k, day in enumerate(DAYS)),
            {"na_values": ("-9",), "fill": True},
            "ds,y\n2024-03-01,1\n2024-03-02,-9\n2024-03-03,3\n",
            [1, 2, 3],
            "2024-03-01",
        ),
        (
            "ds,y\n" + "".join(f"{day} {h}:15,{h}\n" for day in DAYS for h in (10, 20)),
            {"resample": "sum", "freq": "D"},
            "ds,y\n2024-03-01 05:00,1\n2024-03-01 07:00,2\n2024-03-02 05:00,5\n",
            [3, 5],
            "2024-03-01",
        ),
        (
            "ds,y\n"
            + "".join(
                f"{str(day).replace('-01-', '-JAN-').replace('-02-', '-FEB-')},{k}$\n" for k, day in enumerate(DAYS)
            ),
            {"date_format": "%Y-%b-%d"},
            "ds,y\n2024-MAR-01,1$\n2024-MAR-02,2$\n",
            [1, 2],
            "2024-03-01",
        ),
    ],
    ids=[
        "decimal comma",
        "day first",
        "wide",
        "hours from 1",
        "zone",
        "no header",
        "missing and fill",
        "resample",
        "format",
    ],
)
def test_a_short_later_file_is_read_by_the_plan(
    csv: Any, training: str, options: dict[str, Any], later: str, values: list[float], first: str
) -> None:
    plan = plan_of(csv, training, **options)
    panel = read_like(csv(later, "later.csv"), plan).panel
    assert panel.y.tolist() == values
    assert str(panel.wall[0])[:10] == first
    assert (panel.freq.unit, panel.freq.step) == (plan.freq.unit, plan.freq.step)


@pytest.mark.parametrize(
    ("later", "words"),
    [
        ("ds;y\n2024-03-01;1.5\n2024-03-02;2.5\n", "'1.5' is not a number.*',' before decimals"),
        ("day;y\n2024-03-01;1\n2024-03-02;2\n", "no column 'ds'.*time 'ds' written like '2024-12-31'"),
        ("ds;y\n2024-03-01 05:00;1\n2024-03-01 06:00;2\n", "does not fit the step 'D'.*step 'D'"),
    ],
)
def test_a_file_that_contradicts_the_plan_is_refused_with_both_sides(csv: Any, later: str, words: str) -> None:
    plan = plan_of(csv, "ds;y\n" + "".join(f"{day};{k},{k % 10}5\n" for k, day in enumerate(DAYS)))
    with pytest.raises(DataError, match=words):
        read_like(csv(later, "later.csv"), plan)


def test_remedies_name_no_option_of_fit(csv: Any) -> None:
    options = ReadOptions(static=("size",), id=("shop",))
    days = [(day, f"{k},{40 + k}") for k, day in enumerate(DAYS)]
    rows = "".join(f"{day},{shop},{y}\n" for day, both in days for shop, y in zip("ab", both.split(","), strict=True))
    text = "ds,shop,y,size\n" + "".join(f"{row},{3 + ('b' in row)}\n" for row in rows.splitlines())
    plan = read_csv(csv(text), options).panel.plan
    for later, code, remedy in (
        ("2024-03-01,a,oops,3\n", "GF-D30", "Correct the cell, or leave it blank if there is no value. The model was"),
        ("2024-03-01,a,1,3\n2024-03-02,a,1,4\n", "GF-D58", "Correct the cell: the column was fitted as one that"),
    ):
        with pytest.raises(DataError) as caught:
            read_like(csv(f"ds,shop,y,size\n{later}", "later.csv"), plan)
        assert caught.value.code == code
        assert caught.value.remedy.startswith(remedy)
        assert "`" not in caught.value.remedy


def test_rows_without_an_id_column_are_one_series_where_that_is_wanted(csv: Any) -> None:
    plan = plan_of(csv, "unique_id,ds,y\n" + "".join(f"a,{day},{k}\n" for k, day in enumerate(DAYS)))
    later = csv("ds,y\n2024-03-01,5\n2024-03-02,6\n", "later.csv")
    with pytest.raises(DataError, match="no column 'unique_id'"):
        read_like(later, plan)
    found = read_like(later, plan, one=True).panel
    assert (found.ids, found.names.ids, found.y.tolist()) == ((("series",),), (), [5, 6])
    named = csv("unique_id,ds,y\nb,2024-03-01,5\n", "named.csv")
    assert read_like(named, plan, one=True).panel.ids == (("b",),)


@pytest.mark.parametrize(
    "options",
    [{"on_duplicate": "min"}, {"resample": "x"}, {"time_unit": "days"}, {"wide": True, "target": "y"}],
)
def test_options_that_cannot_be_are_a_usage_error(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        ReadOptions(**options)


@pytest.mark.parametrize(("tz", "code"), [("Mars/Base", "GF-U32"), ("../../etc/passwd", "GF-U32")])
def test_a_zone_that_is_none(csv: Any, tz: str, code: str) -> None:
    content = "ds,y\n" + "".join(f"2024-03-10 {h:02}:00,{h}\n" for h in range(24))
    with pytest.raises(UsageError) as caught:
        read_csv(csv(content), ReadOptions(tz=tz))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("part", "key", "value", "said"),
    [
        ("numbers", "decimal", "x", r"impossible form of numbers: .* - at `\$\.numbers`"),
        ("form", "stamp", {"kind": "no"}, r"impossible form of stamps: .* - at `\$\.form\.stamp`"),
        ("form", "more", 1, r"unknown field `more` - at `\$\.form`"),
        ("names", "ids", "shop", r"Expected `array`, got `str` - at `\$\.names\.ids`"),
        ("freq", "step", True, r"Expected `int`, got `bool` - at `\$\.freq\.step`"),
        (None, "more", 1, "unknown field `more`"),
        (None, "fill", "yes", r"Expected `bool`, got `str` - at `\$\.fill`"),
        (None, "skip", -1, r"Expected `int` >= 0 - at `\$\.skip`"),
        (None, "delimiter", ";;", r"Expected `str` of length <= 1 - at `\$\.delimiter`"),
    ],
)
def test_a_damaged_plan_is_refused(csv: Any, part: str | None, key: str, value: Any, said: str) -> None:
    stored: Any = plain(plan_of(csv, "ds,y\n" + "".join(f"{day},{k}\n" for k, day in enumerate(DAYS))))
    assert plain(record(Plan, stored, "model.json")) == stored
    (stored[part] if part else stored)[key] = value
    with pytest.raises(ModelError, match=said) as caught:
        record(Plan, stored, "model.json")
    assert (caught.value.code, caught.value.file) == ("GF-M03", "model.json")


def test_catalogue_78_columns_go_by_name(csv: Any) -> None:
    plan = plan_of(csv, "unique_id,ds,y\n" + "".join(f"a,{day},{k}\n" for k, day in enumerate(DAYS)))
    panel = read_like(csv("y,note,ds,unique_id\n1,x,2024-03-01,b\n2,x,2024-03-02,b\n", "later.csv"), plan).panel
    assert panel.ids == (("b",),)
    assert panel.y.tolist() == [1, 2]

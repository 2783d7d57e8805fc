"""Reading CSV files: what is read, and what is refused with which words."""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gruforecast.data.calendar.frequency import Frequency
from gruforecast.data.formats.time_columns import TimeForm
from gruforecast.data.formats.timestamp_formats import StampForm
from gruforecast.data.options import ReadOptions
from gruforecast.data.plan import Names, Plan
from gruforecast.data.read import read_csv, read_like
from gruforecast.errors import DataError, GruforecastError, UsageError

GOOD = "ds,y\n" + "".join(f"2024-01-{day:02},{day}.5\n" for day in range(1, 11))

REFUSED = [
    # content, code, line, words
    ("", "GF-D01", None, "empty"),
    ("\n\n", "GF-D01", None, "empty"),
    ("ds,y\n", "GF-D02", None, "no rows"),
    (b"PK\x03\x04rest", "GF-D07", None, "Excel"),
    (b"PAR1rest", "GF-D04", None, "Parquet"),
    (b"ds,y\n2024-01-01,1\x81\x02\n", "GF-D08", 2, "UTF-8"),
    ("ds,y\n2024-01-01,1\n2024-01-02,1\0\n", "GF-D09", 3, "NUL"),
    ('ds,y\n2024-01-01,"1\n2024-01-02,2\n', "GF-D11", 2, "never closed"),
    ("ds,y,y\n2024-01-01,1,2\n", "GF-D12", 1, "appears 2 times"),
    ("2024-01-01,1\n2024-01-02,2\n", "GF-D13", 1, "not like a header"),
    ("ds,y\n2024-01-01,1\n2024-01-02,1,5\n", "GF-D14", 3, "3 fields, the header has 2"),
    ("ds,y\n2024-01-01,1,5\n2024-01-02,1,5\n", "GF-D14", 2, "3 fields"),
    ("ds,y\n2024-01-01,1\n2024-01-02\n", "GF-D14", 3, "1 fields"),
    ("a,b\nx,1\ny,2\n", "GF-D15", None, "time stamps"),
    ("ds,a,b\n2024-01-01,1,2\n2024-01-02,1,2\n", "GF-D16", None, "2 columns could be the target"),
    ("ds,y\n2024-01-01,1\n\n2024-01-02,oops\n", "GF-D30", 4, "'oops' is not a number"),
    ("ds,y\n2024-01-01,1\n2024-01-02,inf\n", "GF-D30", 3, "'inf'"),
    ("ds,y\n2024-01-01,1\n2024-01-02,1e400\n", "GF-D30", 3, "'1e400'"),
    ("ds,y\n2024-01-01,1_000\n2024-01-02,2\n", "GF-D30", 2, "'1_000'"),
    ("ds,y\n2024-01-01,1\n2024-01-02,1e35\n", "GF-D32", 3, "too large"),
    ("ds,y\n2024-01-01,\n2024-01-02,NA\n", "GF-D33", None, "every value is missing"),
    ("unique_id,ds,y\na,2024-01-01,1\n,2024-01-02,1\n", "GF-D34", 3, "blank"),
    ("ds,y\n2024-01-01,1\n2024-01-01,2\n", "GF-D35", 3, "same time stamp with different values"),
    ("ds,y\n2024-01-01,1\n", "GF-D36", None, "no two stamps"),
    ("ds,y\n2024-01-01 00:00,1\n2024-01-01 01:00,2\n2024-01-01 02:00,3\n2024-01-01 02:20,4\n", "GF-D37", 5, "step 'h'"),
    ("ds,y\n2024-02-29,1\n2024-02-30,2\n", "GF-D22", 3, "not a date that exists"),
    ("ds,y\n01/02/2024,1\n02/03/2024,2\n", "GF-D21", 2, "day first or month first"),
    ("ds,y\ntoday,1\n2024-01-02,2\n", "GF-D20", 2, "not a time stamp"),
    ("ds,y\n1-01,1\n1-02,2\n", "GF-D24", 2, "no year"),
    ("ds,y\n2024-01-01,1\n,2\n", "GF-D20", 3, "blank"),
]


@pytest.mark.parametrize(("content", "code", "line", "words"), REFUSED)
def test_refused_with_place_and_remedy(csv: Any, content: str | bytes, code: str, line: int | None, words: str) -> None:
    with pytest.raises(DataError) as caught:
        read_csv(csv(content))
    error = caught.value
    assert (error.code, error.line, error.exit_code) == (code, line, 3)
    assert words in error.message
    assert error.file == "data.csv"
    assert len(error.remedy) > 5


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        GOOD.replace(",", ";"),
        GOOD.replace(",", "\t"),
        GOOD.replace("ds,y", '"ds","y"'),
        GOOD.replace("ds,y", " ds , y "),
        "extra," + GOOD.replace("\n", "\nword,").removesuffix("word,"),
        GOOD.replace("2024-01-", "2024/01/"),
        GOOD + "\n\n",
        GOOD + "2024-01-10,10.5\n",
        GOOD[:5] + "".join(reversed(GOOD[5:].splitlines(keepends=True))),
    ],
)
def test_the_same_panel_however_written(csv: Any, content: str) -> None:
    reading = read_csv(csv(content))
    assert reading.panel.y.tolist() == [day + 0.5 for day in range(1, 11)]
    assert reading.panel.ds[0] == np.datetime64("2024-01-01")
    assert reading.panel.freq.label == "D"


def test_gzip_and_damaged_gzip(csv: Any) -> None:
    packed = gzip.compress(GOOD.encode())
    assert read_csv(csv(packed, "a.csv.gz")).panel.y.sum() == pytest.approx(60.0)
    with pytest.raises(DataError, match="packed data are damaged"):
        read_csv(csv(packed[:-9], "b.csv.gz"))


def test_ids_stay_text(csv: Any) -> None:
    ids = ["007", "NA", "1e5", "True", "9007199254740993", "a,b"]
    rows = "".join(f'"{key}",2024-01-0{day},{day}\n' for key in ids for day in range(1, 5))
    panel = read_csv(csv("unique_id,ds,y\n" + rows)).panel
    assert [key for (key,) in panel.ids] == ids


def test_a_blank_target_is_missing_and_said(csv: Any) -> None:
    reading = read_csv(csv("ds,y\n2024-01-01,1\n2024-01-02,\n2024-01-03,n/a\n2024-01-04,4\n"))
    assert np.isnan(reading.panel.y).tolist() == [False, True, True, False]
    assert reading.warnings == ["2 values are missing: masked, never filled in; a series ends at its last value"]


def test_absent_rows_become_missing_steps(csv: Any) -> None:
    reading = read_csv(csv(GOOD.replace("2024-01-04,4.5\n", "")))
    assert len(reading.panel.y) == 10
    assert np.isnan(reading.panel.y[3])
    assert "1 value is missing, 1 of them because the row is absent" in reading.warnings[0]


def test_columns_are_found_by_content(csv: Any) -> None:
    rows = [f"2024-{month:02},{store},{month}\n" for store in ("north", "south") for month in range(1, 13)]
    reading = read_csv(csv("Month,Store,Pounds sold\n" + "".join(rows)))
    assert reading.panel.names.time == ("Month",)
    assert reading.panel.names.target == "Pounds sold"
    assert reading.panel.names.ids == ("Store",)
    assert reading.panel.ids == (("north",), ("south",))


def test_a_key_in_two_columns(csv: Any) -> None:
    rows = "".join(f"{a},{b},2024-01-0{d},{d}\n" for a in "xy" for b in "pq" for d in range(1, 5))
    panel = read_csv(csv("shop,item,ds,y\n" + rows), ReadOptions(id=("shop", "item"))).panel
    assert panel.ids == (("x", "p"), ("x", "q"), ("y", "p"), ("y", "q"))


def test_a_wrong_name_is_answered_with_the_right_one(csv: Any) -> None:
    with pytest.raises(DataError, match="Did you mean 'y'"):
        read_csv(csv(GOOD), ReadOptions(target="yy"))


@pytest.mark.parametrize("path", ["http://host/x.csv", "s3://b/x.csv", "file:///etc/passwd"])
def test_only_local_paths(path: str) -> None:
    with pytest.raises(UsageError, match="local file"):
        read_csv(path)


def test_a_folder_is_refused(tmp_path: Any) -> None:
    with pytest.raises(DataError, match="regular file"):
        read_csv(str(tmp_path))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | st.text(alphabet="ds,y;\n\"'0123456789-:. TZabc\r\t", max_size=300).map(str.encode))
def test_any_bytes_are_read_or_refused(tmp_path_factory: Any, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    try:
        read_csv(str(path))
    except GruforecastError as error:
        assert error.exit_code == 3
        assert error.remedy


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e29, 1e29, allow_subnormal=False), min_size=3, max_size=30))
def test_numbers_come_back_bit_for_bit(tmp_path_factory: Any, numbers: list[float]) -> None:
    path = tmp_path_factory.getbasetemp() / "numbers.csv"
    days = np.datetime64("2024-01-01") + np.arange(len(numbers)).astype("timedelta64[D]")
    path.write_text("ds,y\n" + "".join(f"{day},{number!r}\n" for day, number in zip(days, numbers, strict=True)))
    assert read_csv(str(path)).panel.y.tolist() == numbers


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("date,revenue,visits\n2024-01-01,$5,3\n2024-01-02,$6,4\n2024-01-03,$7,4\n", "GF-D16"),
        ("date,temp,hum\n2024-01-01,1,3\n2024-01-02,?,4\n2024-01-03,2,4\n", "GF-D16"),
        ("a,2024-01-01,1\na,2024-01-02,2\na,2024-01-03,3\n", "GF-D13"),
        ("date,y\n230101,1\n230201,2\n230301,2\n", "GF-D20"),
        ("ds;y\n2024-01-01;980\n2024-01-02;1.010\n2024-01-03;1.020\n", "GF-D31"),
        ("ds,y\n2024-01-01 00:00+02:00,1\n2024-01-01 01:00,2\n", "GF-D23"),
        ("ds,y\n02/01/2024,1\n13.01.2024,2\n", "GF-D23"),
        ("ds,y\n2024-01-01 00:00:00.0,1\n2024-01-01 00:00:00.5,1\n", "GF-D20"),
        ("ds,y\n2024-01-01-00,1\n2024-01-01-01,1\n", "GF-D20"),
        (
            "ds,y\n"
            + "".join(f"2024-{md},1\n" for md in ("01-01", "01-02", "03-05", "04-01", "05-09", "07-30", "07-31")),
            "GF-D38",
        ),
        (
            "id,ds,y\n"
            + "".join(f"a,{np.datetime64('2024-01-01') + np.timedelta64(k, 'D')},1\n" for k in range(60))
            + "".join(f"b,2024-{m:02}-01,1\n" for m in range(1, 13)),
            "GF-D38",
        ),
    ],
)
def test_what_would_be_misread_is_refused(csv: Any, content: str, code: str) -> None:
    with pytest.raises(DataError) as caught:
        read_csv(csv(content))
    assert caught.value.code == code


def test_a_numeric_id_is_kept(csv: Any) -> None:
    one = read_csv(csv("unique_id,ds,y\n" + "".join(f"7,2024-01-0{d},{d}\n" for d in range(1, 6)))).panel
    assert one.ids == (("7",),)
    rows = [f"{1 + d // 5},2024-01-{d + 1:02},{d}\n" for d in range(10)]
    two = read_csv(csv("unique_id,ds,y\n" + "".join(rows))).panel
    assert two.ids == (("1",), ("2",))


def test_a_column_of_weekdays_is_no_id(csv: Any) -> None:
    days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] * 2
    panel = read_csv(csv("ds,name,y\n" + "".join(f"2024-01-{k + 1:02},{d},{k}\n" for k, d in enumerate(days)))).panel
    assert panel.ids == (("series",),)


def test_a_long_cell_of_digits_is_refused_at_once(csv: Any) -> None:
    with pytest.raises(DataError, match="not a number"):
        read_csv(csv("ds,y\n2024-01-01,1\n2024-01-02," + "1" * 50_000 + "x\n2024-01-03,3\n"))


@pytest.mark.parametrize("freq", ["h", "2B", "W-MON", "99999999999999999999h", "s"])
def test_a_step_that_cannot_be_is_refused(csv: Any, freq: str) -> None:
    with pytest.raises(UsageError):
        read_csv(csv(GOOD), ReadOptions(freq=freq))


def test_a_named_step_lets_the_rest_be_missing(csv: Any) -> None:
    text = "ds,y\n" + "".join(f"2024-01-{d:02},{d}\n" for d in (1, 8, 15, 22, 29))
    assert len(read_csv(csv(text)).panel.y) == 5
    assert len(read_csv(csv(text), ReadOptions(freq="D")).panel.y) == 29


class TestReadLike:
    """Data that a model is to forecast are read with the model's step, stamps and columns."""

    def read(self, path: str, freq: Frequency, form: StampForm | None = None) -> Any:
        return read_like(path, Plan(Names(("ds",), "y"), freq, TimeForm(form or StampForm("ymd")))).panel

    def test_one_row_on_another_day_of_the_month(self, csv: Any) -> None:
        panel = self.read(csv("ds,y\n2024-01-31,1\n"), Frequency("M", 1))
        assert [str(d)[:10] for d in panel.freq.after(panel.ds, 3)[0]] == ["2024-02-29", "2024-03-31", "2024-04-30"]

    def test_a_week_of_business_days(self, csv: Any) -> None:
        days = [f"2024-01-{d:02},1\n" for d in (4, 5, 8, 9)]
        panel = self.read(csv("ds,y\n" + "".join(days)), Frequency("B", 1))
        assert str(panel.freq.after(panel.ds[-1:], 4)[0, -1])[:10] == "2024-01-15"
        with pytest.raises(DataError, match="does not fit"):
            self.read(csv("ds,y\n2024-01-05,1\n2024-01-06,1\n"), Frequency("B", 1))

    def test_day_first_is_settled_by_the_model(self, csv: Any) -> None:
        form = StampForm("dmy", mark="/")
        panel = self.read(csv("ds,y\n01/02/2024,1\n01/03/2024,2\n"), Frequency("M", 1), form)
        assert str(panel.ds[0])[:10] == "2024-02-01"

    @pytest.mark.parametrize("step", [Frequency("M", 1), Frequency("s", 7 * 86400)])
    def test_another_step_is_refused(self, csv: Any, step: Frequency) -> None:
        with pytest.raises(DataError):
            self.read(csv(GOOD), step)

"""Rows with one stamp, and rows brought to a step: sums, means and last values that can be reckoned by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gruforecast.data.align.duplicates import step_begin, usual_step
from gruforecast.data.calendar.frequency import DAY, Frequency, parse_frequency
from gruforecast.data.options import ReadOptions
from gruforecast.data.read import Reading, read_csv
from gruforecast.errors import DataError

NAN = float("nan")


def read(csv: Any, rows: str, header: str = "unique_id,ds,y", **options: Any) -> Reading:
    return read_csv(csv("\n".join([header, *(row.replace("_", " ") for row in rows.split())])), ReadOptions(**options))


TWICE = "a,2024-01-01,1 a,2024-01-02,2 a,2024-01-02,6 a,2024-01-02, a,2024-01-03, a,2024-01-03, a,2024-01-04,7"
TWICE += " b,2024-01-01,5 b,2024-01-01,9 b,2024-01-02,4 b,2024-01-04,3"


@pytest.mark.parametrize(
    ("rule", "a", "b"),
    [
        ("mean", [1, 4, NAN, 7], [7, 4, NAN, 3]),
        ("sum", [1, 8, NAN, 7], [14, 4, NAN, 3]),
        ("last", [1, 6, NAN, 7], [9, 4, NAN, 3]),
    ],
)
def test_values_of_one_stamp(csv: Any, rule: str, a: list[float], b: list[float]) -> None:
    reading = read(csv, TWICE, on_duplicate=rule)
    np.testing.assert_array_equal(reading.panel.y, [*a, *b])
    assert reading.warnings[0] == f"4 rows have the stamp of another one: their {rule} is used"
    assert reading.lines.tolist() == [2, 3, 6, 8, 9, 11, 0, 12]


def test_columns_beside_the_target_become_their_mean_whatever_the_rule(csv: Any) -> None:
    rows = "a,2024-01-01,1,2 a,2024-01-01,9,4 a,2024-01-01,9, a,2024-01-02,2, a,2024-01-02,2, a,2024-01-03,3,5"
    for rule, first in (("last", 9), ("sum", 19), ("mean", 19 / 3)):
        panel = read(csv, rows, "unique_id,ds,y,x", on_duplicate=rule, past=("x",)).panel
        assert panel.y[0] == first
        np.testing.assert_array_equal(panel.x[:, 0], [3, NAN, 5])


def test_equal_rows_are_dropped_and_said(csv: Any) -> None:
    reading = read(
        csv, "a,2024-01-01,1 a,2024-01-02, a,2024-01-02, a,2024-01-03,3 a,2024-01-03,3 a,2024-01-03,3 b,2024-01-03,3"
    )
    np.testing.assert_array_equal(reading.panel.y, [1, NAN, 3, 3])
    assert reading.warnings[0] == "3 rows were exact duplicates: dropped"


def test_a_value_and_a_blank_at_one_stamp_differ(csv: Any) -> None:
    for pair in ("a,2024-01-03,3 a,2024-01-03,", "a,2024-01-03, a,2024-01-03,3"):
        with pytest.raises(DataError, match="lines 4 and 5 of one series have the same time stamp"):
            read(csv, f"a,2024-01-01,1 a,2024-01-02,2 {pair}")


def test_three_pairs_are_named_in_the_order_of_the_file(csv: Any) -> None:
    rows = "b,2024-01-01,1 a,2024-01-02,2 a,2024-01-01,2 a,2024-01-01,3 b,2024-01-01,5 a,2024-01-02,7 a,2024-01-02,8"
    with pytest.raises(DataError) as caught:
        read(csv, rows)
    error = caught.value
    said = "lines 2 and 6, lines 4 and 5, lines 3 and 7 of one series have the same time stamp with different values"
    assert error.message == f"{said} (4 such pairs)."
    assert (error.code, error.line, error.column) == ("GF-D35", 6, "ds")
    assert error.remedy.startswith("Keep one row a stamp, pass `on_duplicate` (mean, sum or last)")
    with pytest.raises(DataError, match=r"lines 2 and 3 have the same time stamp with different values \(1 such"):
        read(csv, "2024-01-01,1 2024-01-01,2 2024-01-02,3", "ds,y")


@pytest.mark.parametrize(
    ("stamp", "clock"), [("2024-10-27_02:00", True), ("2024-03-31_03:00", True), ("2024-10-27_04:00", False),
                         ("2024-06-27_02:00", False), ("2024-12-27_02:00", False)],
)  # fmt: skip
def test_an_hour_of_the_night_in_autumn_or_spring_looks_like_a_clock(csv: Any, stamp: str, clock: bool) -> None:
    with pytest.raises(DataError) as caught:
        read(csv, f"{stamp},1 {stamp},2 {stamp[:11]}05:00,3 {stamp[:11]}06:00,4", "ds,y")
    assert ("`tz='Europe/London'`" in caught.value.remedy) == clock
    assert "Keep one row a stamp" in caught.value.remedy


@pytest.mark.parametrize(
    ("rows", "sorted_"),
    [
        ("a,2024-01-01,1 b,2024-01-01,4 a,2024-01-02,2 b,2024-01-02,5", False),
        ("b,2024-01-05,1 b,2024-01-06,4 a,2024-01-01,2 a,2024-01-02,5", False),
        ("a,2024-01-01,1 a,2024-01-01,1 a,2024-01-02,2", False),
        ("a,2024-01-02,1 a,2024-01-01,4 a,2024-01-03,2", True),
        ("a,2024-01-01,1 b,2024-01-02,4 a,2024-01-02,2 b,2024-01-01,5", True),
    ],
)
def test_rows_out_of_order_are_said_and_others_are_not(csv: Any, rows: str, sorted_: bool) -> None:
    assert ("the rows were not in order of time: sorted" in read(csv, rows).warnings) == sorted_


@pytest.mark.parametrize(
    ("freq", "ds", "begin"),
    [
        ("h", "2024-05-15T13:59:59", "2024-05-15T13:00"),
        ("6h", "2024-05-15T13:59:59", "2024-05-15T12:00"),
        ("D", "2024-05-15T23:59", "2024-05-15"),
        ("2D", "1970-01-04T12:00", "1970-01-03"),
        ("W", "2024-05-13T00:00", "2024-05-13"),  # a Monday
        ("W", "2024-05-19T23:59", "2024-05-13"),
        ("2W", "1970-01-18T12:00", "1970-01-05"),
        ("2W", "1970-01-19T12:00", "1970-01-19"),
        ("B", "2024-05-18T12:00", "2024-05-17"),
        ("B", "2024-05-20T12:00", "2024-05-20"),
        ("M", "2024-02-29T12:00", "2024-02-01"),
        ("Q", "2024-06-30T12:00", "2024-04-01"),
        ("Q", "1969-12-31T12:00", "1969-10-01"),
        ("Y", "2024-12-31T12:00", "2024-01-01"),
    ],
)
def test_where_a_step_begins(freq: str, ds: str, begin: str) -> None:
    stamps = np.array([ds], "datetime64[s]")
    assert step_begin(stamps, parse_frequency(freq, stamps))[0] == np.datetime64(begin)


@pytest.mark.parametrize(("rule", "wanted"), [("sum", [6, 4, 5]), ("mean", [3, 4, 5]), ("last", [5, 4, 5])])
def test_months_of_uneven_rows(csv: Any, rule: str, wanted: list[float]) -> None:
    rows = "2024-01-05,1 2024-01-20,5 2024-01-21, 2024-02-11,4 2024-03-01,5"
    reading = read(csv, rows, "ds,y", resample=rule, freq="M")
    assert reading.panel.y.tolist() == wanted
    assert [str(stamp)[:10] for stamp in reading.panel.ds] == ["2024-01-01", "2024-02-01", "2024-03-01"]
    assert reading.warnings == [f"5 rows became 3 steps of 'M': the {rule} of each step"]


def test_equal_stamps_count_each_when_resampled(csv: Any) -> None:
    reading = read(csv, "2024-01-01,1 2024-01-01,1 2024-01-01,7 2024-01-02,2", "ds,y", resample="sum", freq="D")
    assert reading.panel.y.tolist() == [9, 2]
    assert reading.warnings == [
        "2 rows have the stamp of another one: each counts",
        "4 rows became 2 steps of 'D': the sum of each step",
    ]


def test_series_are_resampled_apart(csv: Any) -> None:
    rows = "a,2024-01-01_22:00,1 a,2024-01-01_23:00,2 b,2024-01-01_23:30,40 b,2024-01-02_01:00,50 a,2024-01-02_05:00,3"
    panel = read(csv, rows, resample="sum", freq="D").panel
    assert (panel.ids, panel.indptr.tolist()) == ((("a",), ("b",)), [0, 2, 4])
    assert panel.y.tolist() == [3, 3, 40, 50]


@pytest.mark.parametrize(
    ("seconds", "label"),
    [
        (1, "min"),
        (66, "min"),
        (67, "5min"),
        (333, "5min"),
        (334, "15min"),
        (1000, "15min"),
        (1001, "30min"),
        (2000, "30min"),
        (2001, "h"),
        (4000, "h"),
        (4001, "D"),
        (DAY, "D"),
        (96_001, "W"),
        (7 * DAY, "W"),
        (672_001, "M"),
        (31 * DAY, "M"),
        (35 * DAY, "Q"),
        (92 * DAY, "Q"),
        (103 * DAY, "Y"),
        (366 * DAY, "Y"),
    ],
)
def test_the_usual_step_is_the_shortest_that_is_hardly_shorter_than_the_gaps(seconds: int, label: str) -> None:
    ds = np.datetime64("2024-01-01", "s") + seconds * np.array([0, 0, 1, 2, 2, 3, 300])
    assert usual_step(ds, np.arange(6)) == label


def test_without_a_gap_the_usual_step_is_a_day() -> None:
    ds = np.array(["2024-01-01"] * 3, "datetime64[s]")
    assert usual_step(ds, np.arange(2)) == usual_step(ds[:1], np.zeros(0, int)) == "D"


def test_a_step_is_found_where_rows_are_to_be_resampled_and_none_is_named(csv: Any) -> None:
    rows = " ".join(f"2024-01-01_{10 + k // 40}:{k % 40 + 10}:{3 * k % 60:02},1" for k in range(80))
    panel = read(csv, rows, "ds,y", resample="sum").panel
    assert panel.freq == Frequency("s", 60)
    assert np.nansum(panel.y) == 80

"""The regular axis of each series: uneven panels, holes that are just allowed, and what is refused in which words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gruforecast.data.options import ReadOptions
from gruforecast.data.read import Reading, read_csv
from gruforecast.errors import DataError


def rows(key: str, days: list[int], first: str = "2024-01-01") -> str:
    return "".join(f"{key},{np.datetime64(first) + day},{day}\n" for day in days)


def read(csv: Any, *series: str, **options: Any) -> Reading:
    return read_csv(csv("unique_id,ds,y\n" + "".join(series)), ReadOptions(**options))


def refused(csv: Any, *series: str, **options: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        read(csv, *series, **options)
    return caught.value


def test_a_series_of_one_row_may_be_anywhere(csv: Any) -> None:
    whole = rows("a", list(range(5)))
    for order in ((whole, rows("b", [2])), (rows("b", [2]), whole), (rows("b", [2]), rows("c", [9]), whole)):
        panel = read(csv, *order).panel
        assert sorted(panel.lengths.tolist()) == [1] * (len(order) - 1) + [5]
        assert panel.freq.label == "D"
    panel = read(csv, whole, rows("b", [2])).panel
    assert panel.y.tolist() == [0, 1, 2, 3, 4, 2]
    assert str(panel.ds[-1])[:10] == "2024-01-03"


def test_series_of_very_different_sizes_lie_each_on_its_own_axis(csv: Any) -> None:
    reading = read(csv, rows("b", [3, 5]), rows("a", list(range(200))), rows("c", [7]))
    panel = reading.panel
    assert panel.ids == (("b",), ("a",), ("c",))
    assert panel.indptr.tolist() == [0, 3, 203, 204]
    assert np.isnan(panel.y).tolist() == [False, True] + [False] * 202
    assert reading.lines[:4].tolist() == [2, 0, 3, 4]
    assert [str(panel.ds[k])[8:10] for k in (0, 1, 2, 3, -1)] == ["04", "05", "06", "01", "08"]


def test_half_of_the_gaps_of_one_step_are_just_enough(csv: Any) -> None:
    steady = rows("a", list(range(30)))
    assert len(read(csv, steady, rows("b", [0, 1, 2, 5, 8])).panel.y) == 39
    error = refused(csv, steady, rows("b", [0, 1, 4, 7]))
    said = "series 'b' (steps of '3D', others of 'D'): the stamps are not regular: 1 of 3 gaps are one step of 'D'."
    assert error.message == said
    assert (error.code, error.line, error.column) == ("GF-D38", 32, "ds")
    assert "`resample`" in error.remedy
    assert "`freq`" in error.remedy
    assert len(read(csv, steady, rows("b", [0, 3, 6])).panel.y) == 37  # two gaps say nothing


def test_the_own_step_of_a_series_is_told_where_it_is_another_one(csv: Any) -> None:
    error = refused(csv, rows("a", list(range(30))), rows("b", list(range(0, 70, 7))))
    assert error.message.startswith("series 'b' (steps of 'W', others of 'D'): the stamps are not regular: 0 of 9 gaps")


@pytest.mark.parametrize(("last", "fits"), [(31, True), (32, False)])
def test_a_series_may_have_four_times_its_rows_and_a_dozen_more(csv: Any, last: int, fits: bool) -> None:
    holed = rows("b", [0, 1, 2, 3, last])  # 5 rows over last + 1 days
    steady = rows("a", list(range(30)))
    if fits:
        assert len(read(csv, steady, holed).panel.y) == 62
    else:
        error = refused(csv, steady, holed)
        assert "3 of 4 gaps are one step" in error.message
        assert error.line == 32


def test_a_named_step_allows_holes_up_to_the_limit_of_memory(csv: Any) -> None:
    def stamps(minutes: int) -> str:
        later = str(np.datetime64("2024-01-01T00:00") + minutes).replace("T", " ")
        return f"ds,y\n2024-01-01 00:00,1\n{later},2\n"

    most = 100 * 2 + 10_000
    panel = read_csv(csv(stamps(most - 1)), ReadOptions(freq="min")).panel
    assert len(panel.y) == most
    assert np.nansum(panel.y) == 3
    with pytest.raises(DataError) as caught:
        read_csv(csv(stamps(most)), ReadOptions(freq="min"))
    assert caught.value.message == "at this step there would be 10201 rows, 2 are given."
    assert caught.value.remedy == "Pass a longer step with `freq`."
    assert (caught.value.code, caught.value.column, caught.value.file) == ("GF-D46", "ds", "data.csv")


def test_the_limit_counts_the_rows_of_all_series_together(csv: Any) -> None:
    far = rows("b", [0, 2000])
    near = rows("a", list(range(30)))
    assert len(read(csv, near, far, freq="D").panel.y) == 2031
    with pytest.raises(DataError, match="at this step there would be 16034 rows, 38 are given"):
        read(csv, near, *(rows(key, [0, 4000]) for key in "bcde"), freq="D")


def test_a_stamp_off_the_step_is_named_with_its_line_and_how_many_there_are(csv: Any) -> None:
    hours = "".join(f"a,2024-01-01 {h:02}:00,{h}\n" for h in range(9))
    error = refused(csv, hours, "a,2024-01-01 09:20,9\n", "a,2024-01-01 10:40,9\n")
    assert error.message == "series 'a': 2024-01-01T09:20:00 does not fit the step 'h' (2 of 11 rows do not)."
    assert (error.code, error.line, error.column, error.value) == ("GF-D37", 11, "ds", "2024-01-01T09:20:00")
    assert "`resample` (mean, sum or last)" in error.remedy


def test_each_series_may_have_its_own_minute_of_the_hour(csv: Any) -> None:
    one = "".join(f"a,2024-01-01 {h:02}:00,{h}\n" for h in range(6))
    other = "".join(f"b,2024-01-01 {h:02}:30,{h}\n" for h in range(3, 9))
    panel = read(csv, one, other).panel
    assert panel.lengths.tolist() == [6, 6]
    assert [str(stamp)[11:16] for stamp in panel.ds[[0, 6, 11]]] == ["00:00", "03:30", "08:30"]


def test_quarters_that_begin_in_different_months_are_no_quarters_of_one_series(csv: Any) -> None:
    months = [f"a,{2020 + k // 12}-{k % 12 + 1:02}-01,1\n" for k in range(0, 36, 3)]
    shifted = [f"b,{2020 + k // 12}-{k % 12 + 1:02}-01,1\n" for k in range(1, 36, 3)]
    panel = read(csv, *months, *shifted).panel
    assert panel.freq.label == "Q"
    assert panel.lengths.tolist() == [12, 12]
    error = refused(csv, *months, "a,2023-02-01,1\n")
    assert error.message == "series 'a': 2023-02-01T00:00:00 does not fit the step 'Q' (1 of 13 rows do not)."
    assert error.line == 14


def test_weekend_days_of_a_weekday_series_fit_nowhere(csv: Any) -> None:
    days = [day for day in range(28) if day % 7 < 5]  # 2024-01-01 is a Monday
    assert read(csv, rows("a", days)).panel.freq.label == "B"
    error = refused(csv, rows("a", [*days, 33]), freq="B")
    assert error.line == 22
    assert error.value == "2024-02-03T00:00:00"


def test_lines_are_drawn_between_values_and_never_beyond(csv: Any) -> None:
    text = "unique_id,ds,y\n" + "".join(
        f"{key},2024-01-{k + 1:02},{value}\n"
        for key, values in (("a", ["", 1, "", "", 7, ""]), ("b", [5, "", 8]), ("c", ["", "", 3]))
        for k, value in enumerate(values)
    )
    reading = read_csv(csv(text), ReadOptions(fill=True))
    assert reading.panel.y.tolist() == [1, 3, 5, 7, 5, 6.5, 8, 3]
    assert reading.panel.indptr.tolist() == [0, 4, 7, 8]
    assert reading.filled.tolist() == [False, True, True, False, False, True, False, False]
    assert reading.lines.tolist() == [3, 4, 5, 6, 8, 9, 10, 13]
    assert reading.warnings == [
        "7 values are missing: filled by lines between their neighbours; a series ends at its last value"
    ]


def test_series_without_a_value_are_left_out_and_named(csv: Any) -> None:
    blank = [f"{key},2024-01-0{day},\n" for key in "uvwxyz" for day in (1, 2)]
    reading = read(csv, *blank[:10], rows("a", [0, 1, 2]), rows("b", [0, 1]))
    assert reading.panel.ids == (("a",), ("b",))
    assert reading.panel.indptr.tolist() == [0, 3, 5]
    assert reading.warnings[-1] == "5 series have no value at all: left out ('u', 'v', 'w', 'x', 'y')"
    reading = read(csv, rows("a", [0, 1, 2]), *blank)
    assert reading.warnings[-1] == "6 series have no value at all: left out ('u', 'v', 'w', 'x', 'y' and more)"


def test_a_static_column_stands_in_steps_that_are_absent_and_others_do_not(csv: Any) -> None:
    text = "unique_id,ds,y,size,price\n" + "".join(
        f"{key},2024-01-0{day},{day},{size},{day + size}\n"
        for key, size, days in (("a", 3, (1, 2, 4, 5)), ("b", 8, (2, 3, 4)))
        for day in days
    )
    panel = read_csv(csv(text), ReadOptions(known=("price",), static=("size",))).panel
    np.testing.assert_array_equal(panel.x[:, 0], [4, 5, np.nan, 7, 8, 10, 11, 12])
    assert panel.x[:, 1].tolist() == [3] * 5 + [8] * 3

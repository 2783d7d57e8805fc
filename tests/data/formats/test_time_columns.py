"""Time in several columns: parts at their bounds, written back as they were, and what is refused in which words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gruforecast.data.files.column import Column
from gruforecast.data.finding import Finding
from gruforecast.data.formats.time_columns import TimeForm, apply_time, infer_time, is_part
from gruforecast.data.formats.timestamp_formats import StampForm
from gruforecast.data.options import ReadOptions
from gruforecast.data.read import Reading, read_csv
from gruforecast.errors import DataError, FormError

DAYS = [f"2024-01-{d:02}" for d in range(1, 5)]


def read(csv: Any, header: str, rows: list[str], **options: Any) -> Reading:
    lines = [header, *(f"{row},{k}" for k, row in enumerate(rows))]
    return read_csv(csv("\n".join(lines)), ReadOptions(time=tuple(header.split(",")[:-1]), **options))


@pytest.mark.parametrize(
    ("header", "rows", "first", "label"),
    [
        ("date,hour,y", [f"{d},{h}" for d in DAYS for h in range(24)], "2024-01-01T00:00", "h"),
        ("date,hour,y", [f"{d},{h}" for d in DAYS for h in range(1, 25)], "2024-01-01T00:00", "h"),
        ("date,clock,y", [f"{d},{h:02}:30" for d in DAYS for h in range(24)], "2024-01-01T00:30", "h"),
        ("date,clock,y", [f"{d},{h:02}:30:15" for d in DAYS for h in range(24)], "2024-01-01T00:30:15", "h"),
        ("date,clock,y", [f"{d},{h:02}.30.15" for d in DAYS for h in range(24)], "2024-01-01T00:30:15", "h"),
        ("date,period,y", [f"{d},{p}" for d in DAYS for p in range(1, 49)], "2024-01-01T00:00", "30min"),
        ("date,period,y", [f"{d},{p}" for d in DAYS for p in range(1, 97)], "2024-01-01T00:00", "15min"),
        ("date,period,y", [f"{d},{p}" for d in DAYS for p in range(1, 289)], "2024-01-01T00:00", "5min"),
        ("year,month,y", [f"{2020 + k // 12},{k % 12 + 1}" for k in range(30)], "2020-01-01T00:00", "M"),
        ("year,quarter,y", [f"{2020 + k // 4},{k % 4 + 1}" for k in range(9)], "2020-01-01T00:00", "Q"),
        ("year,quarter,y", [f"{2020 + k // 4},Q{k % 4 + 1}" for k in range(9)], "2020-01-01T00:00", "Q"),
        ("year,week,y", [f"2020,{k}" for k in range(1, 54)] + ["2021,1"], "2019-12-30T00:00", "W"),
        (
            "year,month,day,y",
            [f"2024,{2 + (d > 29)},{d - 29 * (d > 29)}" for d in range(20, 40)],
            "2024-02-20T00:00",
            "D",
        ),
        (
            "year,month,day,hour,minute,y",
            [f"2024,1,1,{k // 60},{k % 60}" for k in range(0, 300, 20)],
            "2024-01-01T00:00",
            "20min",
        ),
        (
            "year,month,y",
            [f"2024,{m}" for m in ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")],
            "2024-01-01T00:00",
            "M",
        ),
    ],
)
def test_parts_are_read_and_written_back(csv: Any, header: str, rows: list[str], first: str, label: str) -> None:
    panel = read(csv, header, rows).panel
    assert panel.y.tolist() == list(range(len(rows)))
    assert panel.ds[0] == np.datetime64(first)
    assert panel.freq.label == label
    written = [",".join(parts) for parts in zip(*panel.plan.form.write(panel.ds), strict=True)]
    assert written == rows


@pytest.mark.parametrize(
    ("header", "rows", "words", "code", "line"),
    [
        ("date,hour,y", ["2024-01-01,0", "2024-01-01,25"], "'25' is not within 0 and 23.", "GF-D27", 3),
        (
            "date,hour,y",
            ["2024-01-01,1", "2024-01-01,24", "2024-01-02,25"],
            "'24' is not within 0 and 23.",
            "GF-D27",
            3,
        ),
        ("date,clock,y", ["2024-01-01,23:59", "2024-01-02,24:00"], "'24:00' is no time of day.", "GF-D27", 3),
        ("date,clock,y", ["2024-01-01,23:60", "2024-01-02,23:00"], "'23:60' is no time of day.", "GF-D27", 2),
        ("year,month,y", ["2024,12", "2025,13"], "'13' is not within 1 and 12.", "GF-D27", 3),
        ("year,month,y", ["2024,0", "2025,1"], "'0' is not within 1 and 12.", "GF-D27", 2),
        ("year,quarter,y", ["2024,4", "2025,5"], "'5' is not within 1 and 4.", "GF-D27", 3),
        ("year,week,y", ["2020,53", "2021,53"], "2021 has no week 53.", "GF-D22", 3),
        ("year,month,day,y", ["2024,2,29", "2023,2,29"], "there is no day 29 in 2023-02.", "GF-D22", 3),
        ("year,month,day,y", ["2024,1,31", "2024,1,32"], "'32' is not within 1 and 31.", "GF-D27", 3),
        (
            "date,period,y",
            [f"2024-01-01,{p}" for p in range(1, 51)],
            "a day with 50 periods of 30 minutes",
            "GF-D28",
            50,
        ),
        ("hour,minute,y", ["1,2", "1,3"], "the time columns seem to hold hour, minute.", "GF-D18", None),
        ("date,hour,y", ["2024-01-01 05:00,1", "2024-01-01 06:00,2"], "has a clock already, beside hour", "GF-D18", 2),
    ],
)
def test_parts_that_cannot_be_are_named(
    csv: Any, header: str, rows: list[str], words: str, code: str, line: int | None
) -> None:
    with pytest.raises(DataError) as caught:
        read(csv, header, rows)
    assert words in caught.value.message
    assert (caught.value.code, caught.value.line) == (code, line)
    assert caught.value.remedy


def test_periods_of_a_day_with_a_change_of_the_clock(csv: Any) -> None:
    rows = [f"2024-10-{d},{p}" for d, count in ((26, 48), (27, 50), (28, 48)) for p in range(1, count + 1)]
    panel = read(csv, "date,period,y", rows, tz="Europe/London").panel
    assert panel.y.tolist() == list(range(146))
    written = [",".join(parts) for parts in zip(*panel.plan.form.write(panel.ds), strict=True)]
    assert written == rows
    short = [f"2024-03-{d},{p}" for d, count in ((30, 48), (31, 46)) for p in range(1, count + 1)]
    panel = read(csv, "date,period,y", short, tz="Europe/London").panel
    assert panel.y.tolist() == list(range(94))


@pytest.mark.parametrize("parts", [("date",), ("date", "century"), ("hour",)])
def test_forms_that_cannot_be(parts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="impossible form of time"):
        TimeForm(StampForm("ymd"), parts)


def column(name: str, cells: Any) -> Column:
    cells = list(map(str, cells))
    return Column("f.csv", name, cells, list(range(2, len(cells) + 2)))


def beside_a_date(name: str, cells: Any) -> list[Column]:
    part = column(name, cells)
    return [column("day", ["2024-01-01"] * len(part.cells)), part]


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("h", range(24), "hour"),
        ("h", range(1, 25), "hour-1"),
        ("h", range(25), "hour"),
        ("h", range(1, 24), "hour"),
        ("Hour", range(5), "hour"),
        ("hr", range(5), "hour"),
        ("utc hour", range(5), "hour"),
        ("minute", range(24), "minute"),
        ("month", range(24), "month"),
        ("minute", range(1, 60), "minute"),
        ("week", range(1, 54), "week"),
        ("hour", range(1, 32), "hour"),
        ("hour", range(1, 33), "48"),
        ("hour", range(33), "hour"),
        ("slot", range(1, 33), "48"),
        ("period", range(4), "24"),
        ("trading period", range(1, 26), "24"),
        ("period", range(1, 27), "48"),
        ("period", range(1, 51), "48"),
        ("period", range(1, 52), "96"),
        ("period", range(1, 101), "96"),
        ("period", range(1, 102), "288"),
        ("period", range(1, 304), "288"),
        ("h", ["", "0", "23.0"], "hour"),
        ("a", [1501, 1502], "year"),
        ("a", ["1:00", "13:59"], "clock-short"),
        ("a", ["1:00:00", "13:59:59"], "clock"),
        ("a", ["01.00.00", "13.59.59"], "clock-dots"),
        ("a", ["Jan", "december", ""], "month-name"),
        ("a", ["q1", "Q4"], "quarter-name"),
    ],
)
def test_what_a_column_beside_a_date_holds(name: str, cells: Any, kind: str) -> None:
    form, findings = infer_time(beside_a_date(name, cells))
    assert (form.parts, findings) == (("date", kind), ())


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("h", range(23)),
        ("h", range(26)),
        ("slot", range(1, 32)),
        ("slot", range(32)),
        ("a", [1500, 1501]),
        ("hour", ["0", "1", "noon"]),
        ("a", ["13:00", "12"]),
        ("a", ["13:00", "noon"]),
        ("a", ["Jan", "Q1"]),
        ("a", ["Jan", "jan."]),
        ("a", ["Q1", "Q5"]),
    ],
)
def test_one_cell_of_another_kind_is_no_part_of_the_time(name: str, cells: Any) -> None:
    with pytest.raises(DataError) as caught:
        infer_time(beside_a_date(name, cells))
    error = caught.value
    assert error.message == "the time columns seem to hold date, date."
    assert error.remedy == (
        "Name with `time` one column with a date, or with a year, and each further part of the time once."
    )
    assert (error.code, error.file, error.line, error.column) == ("GF-D18", "f.csv", None, "day")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (beside_a_date("h", range(1, 25)), ["h: hours are counted from 1: hour 1 is the one that begins at midnight"]),
        (beside_a_date("h", range(24)), []),
        (beside_a_date("period", range(1, 25)), ["period: periods of 60 minutes, counted from 1"]),
        (beside_a_date("period", range(1, 49)), ["period: periods of 30 minutes, counted from 1"]),
        (beside_a_date("p", range(1, 97)), ["p: periods of 15 minutes, counted from 1"]),
        (beside_a_date("p", range(1, 289)), ["p: periods of 5 minutes, counted from 1"]),
    ],
)
def test_what_counts_from_1_is_said(columns: list[Column], said: list[str]) -> None:
    form, _ = infer_time(columns)
    parsed = apply_time(columns, form, "")
    assert parsed.findings == tuple(map(Finding, said))
    assert parsed.ds[0] == np.datetime64("2024-01-01")


@pytest.mark.parametrize(
    ("name", "cells", "kind", "text", "line"),
    [
        ("h", [0, 23, 24], "hour", "'24' is not within 0 and 23.", 4),
        ("h", [1, 24, 25], "hour-1", "'25' is not within 1 and 24.", 4),
        ("h", [1, 24, 0], "hour-1", "'0' is not within 1 and 24.", 4),
        ("h", ["1", "", "25"], "hour", "'' is not within 0 and 23.", 3),
        ("m", [0, 59, 60], "minute", "'60' is not within 0 and 59.", 4),
        ("c", ["23:59:59", "24:00:00", "x"], "clock", "'24:00:00' is no time of day.", 3),
        ("c", ["00:00:00", "00:60:00"], "clock", "'00:60:00' is no time of day.", 3),
        ("c", ["00:00:00", "00:00:60"], "clock", "'00:00:60' is no time of day.", 3),
        ("c", ["00:00:00", "noon"], "clock", "'noon' is no time of day.", 3),
        ("p", [1, 25, 26], "24", "'26' is not within 1 and 25.", 4),
        ("p", [1, 50, 51], "48", "'51' is not within 1 and 50.", 4),
        ("p", [1, 0], "48", "'0' is not within 1 and 50.", 3),
        ("p", [1, 300, 301], "288", "'301' is not within 1 and 300.", 4),
    ],
)
def test_a_part_out_of_its_bounds(name: str, cells: list[Any], kind: str, text: str, line: int) -> None:
    columns = beside_a_date(name, cells)
    form, _ = infer_time(columns[:1])
    with pytest.raises(FormError) as caught:
        apply_time(columns, TimeForm(form.stamp, ("date", kind)), "Europe/London" if kind.isdigit() else "")
    error = caught.value
    assert (error.message, error.remedy, error.code) == (text, "Correct the cell.", "GF-D27")
    assert (error.file, error.line, error.column, error.value) == ("f.csv", line, name, str(cells[line - 2]))


def test_a_period_more_than_a_day_has_takes_a_zone() -> None:
    columns = beside_a_date("p", [1, 48, 49, 50])
    form = TimeForm(infer_time(columns[:1])[0].stamp, ("date", "48"))
    with pytest.raises(FormError) as caught:
        apply_time(columns, form, "")
    error = caught.value
    assert error.message == "a day with 50 periods of 30 minutes has a change of the clock."
    assert error.remedy == "Pass `tz`, such as `tz='Europe/London'`."
    assert (error.code, error.line, error.column, error.value) == ("GF-D28", 4, "p", "49")


def test_a_clock_beside_an_hour_is_refused_with_every_other_part() -> None:
    columns = [
        column("at", ["2024-01-01 00:00", "2024-01-01 05:00"]),
        column("hour", [0, 5]),
        column("minute", [0, 0]),
    ]
    form, _ = infer_time(columns)
    with pytest.raises(DataError) as caught:
        apply_time(columns, form, "")
    error = caught.value
    assert error.message == "'2024-01-01 05:00' has a clock already, beside hour, minute."
    assert (error.remedy, error.code, error.line, error.column) == ("Pass `time='at'` alone.", "GF-D18", 3, "at")


@pytest.mark.parametrize(
    ("year", "text"),
    [
        ("1499", "'1499' is not within 1500 and 2262."),
        ("2263", "'2263' is not within 1500 and 2262."),
        ("1500", None),
        ("2262", None),
    ],
)
def test_years_are_those_that_stamps_can_hold(year: str, text: str | None) -> None:
    columns, form = [column("year", [year]), column("month", [1])], TimeForm(StampForm("ymd"), ("year", "month"))
    if text is None:
        assert str(apply_time(columns, form, "").ds[0])[:10] == f"{year}-01-01"
        return
    with pytest.raises(FormError) as caught:
        apply_time(columns, form, "")
    assert (caught.value.message, caught.value.line) == (text, 2)


@pytest.mark.parametrize(
    ("name", "cells", "part"),
    [
        ("a", ["13:00", "", "14:00:00"], True),
        ("a", ["13:00", "noon"], False),
        ("hour", ["1", "2"], True),
        ("hour", ["1", "one o'clock"], False),
        ("Slot", ["1", "2.0", "Q1", "may"], True),
        ("interval", ["1"], True),
        ("PERIOD", ["12345"], False),
        ("a", ["1", "2"], False),
        ("hour", ["", ""], False),
        ("hour", [], False),
    ],
)
def test_parts_of_the_time_by_their_cells_and_their_name(name: str, cells: list[str], part: bool) -> None:
    assert is_part(column(name, cells)) == part

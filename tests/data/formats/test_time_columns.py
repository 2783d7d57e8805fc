"""Time in several columns: parts at their bounds, written back as they were, and what is refused in which words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gruforecast.data.formats.time_columns import TimeForm
from gruforecast.data.formats.timestamp_formats import StampForm
from gruforecast.data.options import ReadOptions
from gruforecast.data.read import Reading, read_csv
from gruforecast.errors import DataError

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

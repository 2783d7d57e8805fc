"""Clocks of a place: skipped and repeated hours, both orders of a file, odd offsets, and which axis stamps lie on."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from gruforecast.data.calendar.time_zones import clock_change, to_utc, to_wall, wall_offset, zone_named
from gruforecast.data.options import ReadOptions
from gruforecast.data.read import Reading, read_csv, read_like
from gruforecast.errors import DataError, UsageError

BERLIN, LORD_HOWE = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")


def stamps(*texts: str):
    return np.array(texts, "datetime64[s]")


def utc_of(texts: list[str], keys: list[int] | None = None, zone: ZoneInfo = BERLIN):
    ds, skipped, alone = to_utc(stamps(*texts), np.array(keys or [0] * len(texts)), zone)
    return [str(one)[11:16] for one in ds], skipped.tolist(), alone


def test_hours_of_an_ordinary_night_are_one_hour_off() -> None:
    assert utc_of(["2024-01-01T01:00", "2024-01-01T02:00"]) == (["00:00", "01:00"], [], 0)
    assert utc_of(["2024-07-01T01:00"]) == (["23:00"], [], 0)


def test_a_repeated_hour_is_told_apart_by_the_order_of_the_file() -> None:
    forth = ["2024-10-27T01:00", "2024-10-27T02:00", "2024-10-27T02:00", "2024-10-27T03:00"]
    assert utc_of(forth) == (["23:00", "00:00", "01:00", "02:00"], [], 0)
    assert utc_of(forth[::-1]) == (["02:00", "01:00", "00:00", "23:00"], [], 0)


def test_a_repeated_hour_that_stands_there_once_is_the_earlier_one() -> None:
    assert utc_of(["2024-10-27T01:00", "2024-10-27T02:00", "2024-10-27T02:30", "2024-10-27T03:00"]) == (
        ["23:00", "00:00", "00:30", "02:00"],
        [],
        2,
    )


def test_series_have_repeated_hours_of_their_own() -> None:
    texts = ["2024-10-27T02:00"] * 5
    found, _, alone = utc_of(texts, [0, 1, 0, 1, 2])
    assert found == ["00:00", "00:00", "01:00", "01:00", "00:00"]
    assert alone == 1


def test_the_order_of_a_file_is_that_within_its_series() -> None:
    texts = ["2024-10-27T04:00", "2024-10-27T02:00", "2024-10-27T02:00", "2024-10-27T09:00", "2024-10-27T08:00"]
    assert utc_of(texts, [0, 0, 0, 1, 1])[0] == ["03:00", "01:00", "00:00", "08:00", "07:00"]
    assert utc_of(texts, [0, 1, 1, 2, 3])[0] == ["03:00", "00:00", "01:00", "08:00", "07:00"]


def test_a_skipped_hour_is_named_by_its_place() -> None:
    texts = ["2024-03-31T01:59", "2024-03-31T02:00", "2024-03-31T02:59", "2024-03-31T03:00", "2024-03-31T02:00"]
    assert utc_of(texts)[1] == [1, 2, 4]


def test_half_an_hour_of_lord_howe() -> None:
    utc = stamps("2024-04-06T14:45", "2024-04-06T15:00", "2024-04-06T15:15", "2024-10-05T15:29", "2024-10-05T15:30")
    wall, offset = to_wall(utc, LORD_HOWE)
    assert [str(one)[11:16] for one in wall] == ["01:45", "01:30", "01:45", "01:59", "02:30"]
    assert offset.tolist() == [39600, 37800, 37800, 37800, 39600]
    back, skipped, alone = to_utc(wall, np.zeros(5, int), LORD_HOWE)
    earlier = stamps("2024-04-06T14:45", "2024-04-06T14:30", "2024-04-06T15:15", "2024-10-05T15:29", "2024-10-05T15:30")
    assert back.tolist() == earlier.tolist()
    assert (skipped.tolist(), alone) == ([], 1)


def test_shapes_are_kept() -> None:
    utc = stamps("2024-01-01T00:00", "2024-07-01T00:00", "2024-01-01T00:20", "2024-07-01T00:59:59").reshape(2, 2)
    wall, offset = to_wall(utc, BERLIN)
    assert offset.tolist() == [[3600, 7200], [3600, 7200]]
    assert str(wall[1, 1]) == "2024-07-01T02:59:59"
    assert wall_offset(wall, BERLIN).tolist() == offset.tolist()
    assert wall_offset(stamps("2024-10-27T02:30"), BERLIN).tolist() == [7200]  # the first reading


def test_a_zone_that_is_none_is_answered_with_some() -> None:
    assert zone_named("UTC").key == "UTC"
    with pytest.raises(UsageError) as caught:
        zone_named("Mars/Base")
    assert caught.value.message == "`tz` 'Mars/Base' is not a time zone."
    assert caught.value.code == "GF-U32"
    assert "Europe/London" in caught.value.remedy


NONE = stamps()


@pytest.mark.parametrize(
    ("missing", "repeated", "found"),
    [
        (NONE, stamps("2024-10-27T02:00"), True),
        (NONE, stamps("2024-09-01T03:59"), True),
        (NONE, stamps("2024-10-27T04:00"), False),
        (NONE, stamps("2024-08-27T02:00"), False),
        (NONE, stamps("2024-10-27T02:00", "2024-08-27T02:00"), False),
        (NONE, stamps("2024-10-27T02:00", "2024-08-27T12:00"), True),
        (NONE, NONE, False),
        (stamps("2024-03-31T02:00"), stamps("2024-10-27T02:00"), True),
        (stamps("2024-06-30T02:00"), stamps("2024-10-27T02:00"), False),
        (stamps("2024-06-30T02:00", "2024-04-01T02:00"), stamps("2024-10-27T02:00"), True),
        (stamps("2024-06-30T12:00"), stamps("2024-10-27T02:00"), True),
    ],
)
def test_what_looks_like_a_change_of_the_clock(missing: Any, repeated: Any, found: bool) -> None:
    assert clock_change(missing, repeated) == found


def read(csv: Any, texts: list[str], **options: Any) -> Reading:
    return read_csv(csv("ds,y\n" + "".join(f"{one},{k}\n" for k, one in enumerate(texts))), ReadOptions(**options))


SPRING = [f"2024-03-31 {h:02}:00" for h in (0, 1, 3, 4, 5)]
AUTUMN = [f"2024-10-27 {h:02}:00" for h in (0, 1, 2, 2, 3, 4)]


def test_hours_of_a_named_zone_become_utc(csv: Any) -> None:
    for texts in (SPRING, AUTUMN):
        panel = read(csv, texts, tz="Europe/Berlin").panel
        assert len(panel.y) == len(texts)
        assert panel.plan.form.stamp.tz == "Europe/Berlin"
        assert not panel.plan.form.stamp.local
        assert panel.plan.form.write(panel.ds)[0] == texts
    assert str(panel.ds[0]) == "2024-10-26T22:00:00"


def test_a_stamp_that_never_was_is_named(csv: Any) -> None:
    with pytest.raises(DataError) as caught:
        read(csv, [f"2024-03-31 {h:02}:00" for h in range(6)], tz="Europe/Berlin")
    error = caught.value
    assert error.message == "'2024-03-31 02:00' never was in Europe/Berlin: the clock was put forward (1 such rows)."
    assert (error.code, error.line, error.column) == ("GF-D29", 4, "ds")
    assert "leave `tz` out" in error.remedy


def test_a_repeated_hour_that_is_there_once_is_said(csv: Any) -> None:
    reading = read(csv, [f"2024-10-27 {h:02}:00" for h in range(6)], tz="Europe/Berlin")
    said = "1 stamps in an hour that Europe/Berlin has twice stand there once: read as the earlier one"
    assert said in reading.warnings
    assert np.isnan(reading.panel.y).tolist() == [False, False, False, True, False, False, False]


def test_offsets_and_a_zone_give_the_same_instants(csv: Any) -> None:
    written = ["2024-10-27T01:00+02:00", "2024-10-27T02:00+02:00", "2024-10-27T02:00+01:00", "2024-10-27T03:00+01:00"]
    panel = read(csv, written, tz="Europe/Berlin").panel
    assert [str(one)[11:16] for one in panel.ds] == ["23:00", "00:00", "01:00", "02:00"]
    assert panel.plan.form.write(panel.ds)[0] == written
    other = read(csv, written, tz="America/New_York").panel
    assert other.ds.tolist() == panel.ds.tolist()
    assert str(other.wall[0]) == "2024-10-26T19:00:00"


def test_several_offsets_without_a_zone_are_utc_and_said(csv: Any) -> None:
    written = ["2024-10-27T01:00+02:00", "2024-10-27T02:00+02:00", "2024-10-27T02:00+01:00", "2024-10-27T03:00+01:00"]
    reading = read(csv, written)
    said = "the time stamps have several UTC offsets: read and forecast in UTC; `tz` names their zone"
    assert said in reading.warnings
    assert [str(one)[11:16] for one in reading.panel.ds] == ["23:00", "00:00", "01:00", "02:00"]
    assert reading.panel.plan.form.write(reading.panel.ds[:1])[0] == ["2024-10-26T23:00+00:00"]


def test_one_offset_is_the_wall_clock_and_another_one_later_is_brought_to_it(csv: Any) -> None:
    hours = [f"2024-07-01T{h:02}:00+02:00" for h in range(5)]
    reading = read(csv, hours)
    assert reading.warnings == []
    assert str(reading.panel.ds[0]) == "2024-07-01T00:00:00"
    later = csv("ds,y\n2024-07-01T04:00+01:00,1\n2024-07-01T05:00+01:00,2\n", "later.csv")
    panel = read_like(later, reading.panel.plan).panel
    assert str(panel.ds[0]) == "2024-07-01T05:00:00"
    assert panel.plan.form.write(panel.ds[:1])[0] == ["2024-07-01T05:00+02:00"]


def test_days_keep_their_wall_clock_and_the_last_offset(csv: Any) -> None:
    written = [f"2024-03-{d}T00:00+01:00" for d in (29, 30, 31)] + [f"2024-04-0{d}T00:00+02:00" for d in (1, 2)]
    reading = read(csv, written)
    said = "the time stamps have several UTC offsets: their local days are used, the last offset is written"
    assert said in reading.warnings
    assert reading.panel.freq.label == "D"
    assert reading.panel.plan.form.write(reading.panel.ds[:1])[0] == ["2024-03-29T00:00+02:00"]


@pytest.mark.parametrize(("hours", "local"), [(1, False), (2, True), (6, True)])
def test_steps_of_two_hours_and_more_stay_on_the_wall_clock(csv: Any, hours: int, local: bool) -> None:
    texts = [f"2024-01-{1 + h // 24:02} {h % 24:02}:00" for h in range(0, 72, hours)]
    panel = read(csv, texts, tz="Europe/Berlin").panel
    assert panel.plan.form.stamp.local == local
    assert str(panel.ds[0]) == ("2024-01-01T00:00:00" if local else "2023-12-31T23:00:00")
    assert str(panel.wall[0]) == "2024-01-01T00:00:00"
    assert panel.plan.form.write(panel.ds)[0] == texts


@pytest.mark.parametrize(("hours", "first"), [(1, "2024-07-01T03:00:00"), (2, "2024-07-01T04:00:00")])
def test_a_later_file_of_other_offsets_follows_the_axis_of_the_plan(csv: Any, hours: int, first: str) -> None:
    texts = [f"2024-01-{1 + h // 24:02}T{h % 24:02}:00+01:00" for h in range(0, 72, hours)]
    plan = read(csv, texts).panel.plan
    rows = "".join(f"2024-07-01T{h:02}:00+02:00,{h}\n" for h in (4, 4 + hours, 4 + 2 * hours))
    panel = read_like(csv(f"ds,y\n{rows}", "later.csv"), plan).panel
    assert str(panel.ds[0]) == first  # hours are instants, longer steps what the clock shows
    assert panel.y.tolist() == [4, 4 + hours, 4 + 2 * hours]


@pytest.mark.parametrize("hours", [1, 2])
def test_a_later_file_of_a_named_zone_follows_the_axis_of_the_plan(csv: Any, hours: int) -> None:
    texts = [f"2024-01-{1 + h // 24:02} {h % 24:02}:00" for h in range(0, 72, hours)]
    plan = read(csv, texts, tz="Europe/Berlin").panel.plan
    for step in (hours, 2 * hours):  # whatever the step of the later file seems to be
        rows = "".join(f"2024-07-01 {h:02}:00,{h}\n" for h in (4, 4 + step, 4 + 3 * step))
        panel = read_like(csv(f"ds,y\n{rows}", "later.csv"), plan).panel
        assert str(panel.ds[0]) == ("2024-07-01T02:00:00" if hours == 1 else "2024-07-01T04:00:00")
        assert str(panel.wall[0]) == "2024-07-01T04:00:00"

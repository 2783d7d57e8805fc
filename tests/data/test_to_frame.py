"""Forecasts as data frames: keys as pandas would read them, and datetimes on the clock of the user."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gruforecast.data.options import ReadOptions
from gruforecast.data.read import read_csv
from gruforecast.data.to_frame import datetimes, frame_of


def panel_of_stamps(stamps: list[str], path: Any, **options: Any) -> Any:
    path.write_text("ds,y\n" + "\n".join(f"{stamp},{k}" for k, stamp in enumerate(stamps)))
    return read_csv(str(path), ReadOptions(**options)).panel


HOURS = [f"2024-10-27T0{h}:00" for h in range(6)]
CASES = {
    "days": (["2024-01-01", "2024-01-02", "2024-01-03"], {}, ["2024-01-01", "2024-01-02", "2024-01-03"]),
    "day first": (["30/01/2024", "31/01/2024", "01/02/2024"], {}, ["2024-01-30", "2024-01-31", "2024-02-01"]),
    "quarters": (["2024Q1", "2024Q2", "2024Q3"], {}, ["2024-01-01", "2024-04-01", "2024-07-01"]),
    "one offset": ([f"{one}:00+05:30" for one in HOURS], {}, [f"{one}:00+05:30" for one in HOURS]),
    "UTC": ([f"{one}:00Z" for one in HOURS], {}, [f"{one}:00+00:00" for one in HOURS]),
    "a zone, offsets": (
        ["2024-10-27T00:00+01:00", "2024-10-27T01:00+01:00", "2024-10-27T01:00+00:00", "2024-10-27T02:00+00:00"],
        {"tz": "Europe/London"},
        ["2024-10-27T00:00+01:00", "2024-10-27T01:00+01:00", "2024-10-27T01:00+00:00", "2024-10-27T02:00+00:00"],
    ),
    "a zone, its clock": (
        ["2024-10-27T00:00", "2024-10-27T01:00", "2024-10-27T01:00", "2024-10-27T02:00"],
        {"tz": "Europe/London"},
        ["2024-10-27T00:00", "2024-10-27T01:00", "2024-10-27T01:00", "2024-10-27T02:00"],
    ),
    "seconds": ([str(1704067200 + 3600 * h) for h in range(4)], {}, [f"2024-01-01T0{h}:00" for h in range(4)]),
    "days of a zone": (
        ["2024-10-26T00:00+01:00", "2024-10-27T00:00+01:00", "2024-10-28T00:00+00:00"],
        {"tz": "Europe/London"},
        ["2024-10-26T00:00+01:00", "2024-10-27T00:00+01:00", "2024-10-28T00:00+00:00"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_datetimes_are_those_of_the_file(name: str, tmp_path: Any) -> None:
    stamps, options, expected = CASES[name]
    panel = panel_of_stamps(stamps, tmp_path / "a.csv", **options)
    found = datetimes(panel.plan, panel.ds)
    assert [one.isoformat() for one in found] == [pd.Timestamp(one).isoformat() for one in expected]
    assert panel.to_frame()["ds"].tolist() == list(found)


def test_a_zone_goes_on_beyond_the_change_of_the_clock(tmp_path: Any) -> None:
    stamps = [f"2024-10-26T{h:02}:00+01:00" for h in range(20, 24)]
    plan = panel_of_stamps(stamps, tmp_path / "a.csv", tz="Europe/London").plan
    later = plan.freq.after(np.array(["2024-10-26T22:00"], "datetime64[s]"), 4)[0]
    found = datetimes(plan, later)
    assert str(found.tz) == "Europe/London"
    assert [one.isoformat() for one in found][1:] == [
        "2024-10-27T01:00:00+01:00", "2024-10-27T01:00:00+00:00", "2024-10-27T02:00:00+00:00"]  # fmt: skip


def test_time_in_several_columns_becomes_one(tmp_path: Any) -> None:
    path = tmp_path / "a.csv"
    path.write_text("year;month;y\n" + "\n".join(f"{2000 + k // 12};{k % 12 + 1};{k}" for k in range(24)))
    panel = read_csv(str(path), ReadOptions(time=("year", "month"), target="y")).panel
    frame = panel.to_frame()
    assert list(frame.columns) == ["ds", "y"]
    assert frame["ds"].iloc[13] == pd.Timestamp("2001-02-01")


@given(st.lists(st.one_of(st.integers(-(10**17), 10**17).map(str), st.text("0123456789-+. a", max_size=5)), min_size=1))
def test_keys_are_read_as_pandas_reads_whole_numbers_and_nothing_else(keys: list[str]) -> None:
    plan = read_csv_plan()
    ds = np.full(len(keys), np.datetime64("2024-01-01", "s"))
    found = frame_of({"unique_id": keys, "ds": [], "y_hat": np.zeros(len(keys))}, plan, ds)["unique_id"]
    whole = all(key.lstrip("-").isdecimal() and str(int(key)) == key for key in keys)
    assert (found.dtype == np.int64) == whole
    assert [str(one) for one in found] == keys
    if whole:
        text = io.StringIO("unique_id\n" + "\n".join(keys))
        assert pd.read_csv(text)["unique_id"].tolist() == found.tolist()


def read_csv_plan() -> Any:
    from makers import panel_of

    return panel_of(np.arange(5.0)).plan


def test_dates_beyond_the_years_of_nanoseconds_are_dates(tmp_path: Any) -> None:
    panel = panel_of_stamps(["1500-01-01", "1501-01-01", "1502-01-01"], tmp_path / "a.csv")
    assert panel.to_frame()["ds"].dt.year.tolist() == [1500, 1501, 1502]

"""Files that two hostile readers of the code found to be read wrongly, and what is right."""

from __future__ import annotations

import io
import itertools
import zipfile
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gruforecast.data.options import ReadOptions
from gruforecast.data.plan import Plan
from gruforecast.data.read import read_csv, read_like
from gruforecast.errors import DataError, ModelError, UsageError
from gruforecast.serialization import plain, record

DAYS = [str(np.datetime64("2024-01-01") + k) for k in range(60)]
HOURS = [str(np.datetime64("2024-03-30T00") + k).replace("T", " ") + ":00" for k in range(72)]


def table(values: list[Any], days: list[str] | None = None, header: str = "ds;y") -> str:
    days = days or DAYS[: len(values)]
    return header + "\n" + "".join(f"{day};{value}\n" for day, value in zip(days, values, strict=True))


def read(csv: Any, content: str | bytes, name: str = "data.csv", **options: Any) -> Any:
    return read_csv(csv(content, name), ReadOptions(**options)).panel


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["1.234.567", "2.345.678", "998"], [1234567, 2345678, 998]),
        (["1.234", "5,75", "998"], [1234, 5.75, 998]),
        (["2.5", "0,123", "3,25"], None),
        (["0,023", "0,123"], [0.023, 0.123]),
        (["1\u00a0234,50", "998,00"], [1234.5, 998]),
        (["-$2,345.50", "$998"], [-2345.5, 998]),
        (["1.234 €", "998 €", "2.345 €"], "GF-D31"),
        (["1.234", "-567", "2.345"], "GF-D31"),
        (["$1,234", "-$2,345", "$998"], "GF-D31"),
        (["1.234", "5,750"], "GF-D31"),
        (["5%", "0.1"], "GF-D30"),
        (["\u22125", "7"], [-5, 7]),
    ],
)
def test_numbers(csv: Any, values: list[str], found: list[float] | str | None) -> None:
    if isinstance(found, list):
        assert read(csv, table(values)).y.tolist() == found
        return
    with pytest.raises(DataError) as caught:
        read(csv, table(values))
    assert found is None or caught.value.code == found


def test_wide_columns_share_their_marks(csv: Any) -> None:
    one = read(csv, "ds;a;b\n" + "".join(f"{d};1,0;1.034,5\n" for d in DAYS[:4]), wide=True)
    two = read(csv, "ds;b;a\n" + "".join(f"{d};1.034,5;1,0\n" for d in DAYS[:4]), wide=True)
    assert sorted(set(one.y)) == sorted(set(two.y)) == [1.0, 1034.5]
    months = read(csv, "ds;a;b\n" + "".join(f"{d};1200.10;2\n" for d in DAYS[:4]), wide=True)
    assert months.ids == (("a",), ("b",))


def test_numbers_for_missing_are_compared_as_numbers(csv: Any) -> None:
    assert np.isnan(read(csv, table(["1", "-999.0", "3"]), na_values=("-999",)).y).sum() == 1


@pytest.mark.parametrize(
    ("stamps", "step", "first"),
    [
        ([f"20240101{h:02}" for h in range(24)], "h", "2024-01-01"),
        ([f"20240101{h:02}30" for h in range(24)], "h", "2024-01-01"),
        ([day.replace("-", "") + "00" for day in DAYS], "D", "2024-01-01"),
        ([day[2:] for day in DAYS], "D", "2024-01-01"),
        (
            [f"2024-03-{d:02}T00:00:00+01:00" for d in range(25, 32)]
            + [f"2024-04-0{d}T00:00:00+02:00" for d in range(1, 9)],
            "D",
            "2024-03-25",
        ),
    ],
)
def test_stamps_come_back(csv: Any, stamps: list[str], step: str, first: str) -> None:
    panel = read(csv, table(list(range(len(stamps))), stamps))
    assert panel.freq.label == step
    assert str(panel.ds[0])[:10] == first
    newest = panel.plan.form.write(panel.freq.after(panel.ds[-2:-1], 1))[0]
    assert newest == stamps[-1:]


def test_resampled_days_are_local_days(csv: Any) -> None:
    stamps = [str(np.datetime64("2024-07-01T00") + k).replace("T", " ") + ":00" for k in range(96)]
    panel = read(csv, table([1] * 96, stamps), tz="America/New_York", resample="sum", freq="D")
    assert panel.y.tolist() == [24.0] * 4
    assert panel.plan.form.write(panel.freq.after(panel.ds[-1:], 1))[0] == ["2024-07-05 00:00"]


def test_six_hourly_local_stamps_cross_a_change_of_the_clock(csv: Any) -> None:
    stamps = [f"2024-03-{d} {h:02}:00" for d in range(29, 32) for h in (0, 6, 12, 18)]
    panel = read(csv, table(list(range(12)), stamps), tz="Europe/Berlin")
    assert panel.freq.label == "6h"
    assert len(panel.y) == 12


def test_local_midnights_written_in_utc_are_days(csv: Any) -> None:
    stamps = ["2024-03-29T23:00:00Z", "2024-03-30T23:00:00Z", "2024-03-31T22:00:00Z", "2024-04-01T22:00:00Z"]
    panel = read(csv, table([1, 2, 3, 4], stamps), tz="Europe/Berlin")
    assert panel.freq.label == "D"
    assert [str(day)[:10] for day in panel.wall] == ["2024-03-30", "2024-03-31", "2024-04-01", "2024-04-02"]


def test_seconds_since_1970_are_utc_whatever_the_zone(csv: Any) -> None:
    stamps = [str(1704067200 + 3600 * k) for k in range(48)]
    panel = read(csv, table(list(range(48)), stamps), tz="America/New_York")
    assert str(panel.ds[0]) == "2024-01-01T00:00:00"
    assert str(panel.wall[0]) == "2023-12-31T19:00:00"
    assert panel.plan.form.write(panel.ds[:1])[0] == stamps[:1]


def test_a_file_that_runs_backwards_has_its_repeated_hour_the_other_way_round(csv: Any) -> None:
    utc = pd.date_range("2024-10-26 12:00", periods=36, freq="h", tz="UTC")
    wall = utc.tz_convert("Europe/Berlin").strftime("%Y-%m-%d %H:%M").tolist()
    panel = read(csv, table(list(range(36))[::-1], wall[::-1]), tz="Europe/Berlin")
    assert panel.y.tolist() == list(range(36))


@pytest.mark.parametrize(
    ("header", "cells", "code"),
    [
        ("date;hour;y", [f"{d};{h:02}h" for d in DAYS[:4] for h in range(24)], "GF-D18"),
        ("date;slot;y", [f"{d};s{h}" for d in DAYS[:4] for h in range(48)], "GF-D18"),
        ("date;HE;y", [f"{d};HE{h}" for d in DAYS[:4] for h in range(24)], "GF-D18"),
        ("created;delivered;y", [f"{a};{b}" for a, b in itertools.pairwise(DAYS)], "GF-D15"),
        ("ds;price;sales", [f"{d};7" for d in DAYS], "GF-D16"),
        ("ds;Y;y", [f"{d};7" for d in DAYS], "GF-D19"),
        (
            "timestamp;hour;meter;kwh",
            [f"{d} {h:02}:00;{h};{m}" for d in DAYS[:3] for h in range(24) for m in "AB"],
            None,
        ),
        ("store;ds;y", [f"{'AB'[k // 30]};{d}" for k, d in enumerate(DAYS)], None),
        ("fecha;year;month;y", [f"{d};{d[:4]};{int(d[5:7])}" for d in DAYS], None),
        ("year;week;y", [f"{year};{week}" for year in (2022, 2023) for week in range(1, 53)], None),
        ("year;quarter;y", [f"{year};Q{k}" for year in range(2000, 2010) for k in range(1, 5)], None),
    ],
)
def test_columns(csv: Any, header: str, cells: list[str], code: str | None) -> None:
    content = header + "\n" + "".join(f"{cell};{k}\n" for k, cell in enumerate(cells))
    if code:
        with pytest.raises(DataError) as caught:
            read(csv, content)
        assert caught.value.code == code
        return
    panel = read(csv, content)
    assert len(panel) == (2 if header.startswith(("store", "timestamp")) else 1)
    expected = {"fecha": "D", "store": "D", "times": "h"}.get(header[:5]) or ("W" if "week" in header else "Q")
    assert panel.freq.label == expected


def test_day_of_the_year_is_no_period(csv: Any) -> None:
    with pytest.raises(DataError):
        read(csv, "year;day;y\n" + "".join(f"2023;{k};{k}\n" for k in range(1, 200)))


def test_a_date_with_midnight_beside_an_hour_is_written_once(csv: Any) -> None:
    panel = read(csv, "date;hour;y\n" + "".join(f"{d} 00:00:00;{h};{h}\n" for d in DAYS[:3] for h in range(24)))
    assert panel.plan.form.write(panel.freq.after(panel.ds[-1:], 2)) == [["2024-01-04 00:00:00"] * 2, ["0", "1"]]


def test_equal_rows_count_in_a_sum(csv: Any) -> None:
    days = [DAYS[0], DAYS[0], DAYS[1], DAYS[2]]
    assert read(csv, table([5, 5, 1, 2], days), on_duplicate="sum").y.tolist() == [10, 1, 2]
    assert read(csv, table([1, 1, 1, 1], days), resample="sum", freq="D").y.tolist() == [2, 1, 1]


@pytest.mark.parametrize(
    ("content", "freq"),
    [
        ("year;month;y\n" + "".join(f"{2020 + k // 12};{k % 12 + 1};1\n" for k in range(36)), "D"),
        ("ds;y\n" + "".join(f"{2000 + k};{k}\n" for k in range(20)), "M"),
        (table(list(range(24)), HOURS[:24]), "10s"),
    ],
)
def test_a_step_that_the_stamps_cannot_show_is_refused(csv: Any, content: str, freq: str) -> None:
    with pytest.raises(UsageError, match="finer than the stamps"):
        read(csv, content, freq=freq)


@pytest.mark.parametrize(
    ("options", "content"),
    [
        ({"date_format": "%d/%m/%d"}, table([1, 2])),
        ({"date_format": "%d %b"}, table([1, 2])),
        ({"date_format": "%Y %Y"}, table([1, 2])),
        ({"sep": ";;"}, table([1, 2])),
        ({"skip_lines": -1}, table([1, 2])),
        ({"encoding": "punycode"}, table([1, 2])),
        ({"max_field": 10**20}, table([1, 2])),
        ({"tz": "nonsense"}, table([1, 2])),
    ],
)
def test_options_that_mean_nothing_are_usage_errors(csv: Any, options: dict[str, Any], content: str) -> None:
    with pytest.raises(UsageError):
        read(csv, content, **options)


@pytest.mark.parametrize("unit", ["s", "ms"])
def test_a_time_unit_that_does_not_fit_is_refused(csv: Any, unit: str) -> None:
    stamps = [str((1704067200 + 3600 * k) * (1000 if unit == "s" else 1)) for k in range(5)]
    for days in (stamps, DAYS[:5]):
        with pytest.raises(DataError, match="since 1970"):
            read(csv, table([1, 2, 3, 4, 5], days), time_unit=unit)


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("".join(f"{d};{k},5\n" for k, d in enumerate(DAYS)), ("column_1", "column_2")),
        ("".join(f"{d},{k}\n" for k, d in enumerate(DAYS)), ("column_1", "column_2")),
        ("#store,ds,y\n" + "".join(f"A,{d},{k}\n" for k, d in enumerate(DAYS)), ("ds", "y")),
        (",y\n" + "".join(f"{d},{k}\n" for k, d in enumerate(DAYS)), ("column_1", "y")),
        ("ds,y,\n" + "".join(f"{d},{k}\n" for k, d in enumerate(DAYS)), ("ds", "y")),
        ("Source: X\nMore\n\nds,101\n" + "".join(f"{d},{k}\n" for k, d in enumerate(DAYS)), ("ds", "101")),
        ("ds;note;y\r" + "".join(f"{d};a, b, c;{k}\r" for k, d in enumerate(DAYS)), ("ds", "y")),
    ],
)
def test_heads_of_files(csv: Any, content: str, columns: tuple[str, str]) -> None:
    panel = read(csv, content, target=columns[1])
    assert (panel.names.time[0], panel.names.target) == columns
    assert len(panel.y) == 60


def test_a_header_with_a_date_is_none(csv: Any) -> None:
    for wide in (False, True):
        with pytest.raises(DataError, match="looks like data"):
            read(csv, "".join(f"{k:02}-Jan-2024,${k},0\n" for k in range(1, 9)), wide=wide)


def test_zip_files_as_they_come(csv: Any) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("a.csv", table([1, 2, 3]))
        archive.writestr("__MACOSX/._a.csv", b"\0")
    assert len(read(csv, whole.getvalue(), "a.zip").y) == 3


def test_parquet_keeps_ids_zones_and_refuses_fractions(csv: Any) -> None:
    def packed(frame: pd.DataFrame) -> bytes:
        stream = io.BytesIO()
        frame.to_parquet(stream)
        return stream.getvalue()

    days = pd.date_range("2024-03-28", periods=6, freq="D", tz="Europe/Berlin")
    frame = pd.DataFrame({"ds": days, "y": range(6), "tags": [[1, 2]] * 6})
    panel = read(csv, packed(frame), "a.parquet")
    assert panel.freq.label == "D"
    ids = pd.DataFrame(
        {"unique_id": ["a", "a "] * 3, "ds": np.repeat(pd.date_range("2024-01-01", periods=3), 2), "y": range(6)}
    )
    assert len(read(csv, packed(ids), "b.parquet")) == 2
    fine = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=5, freq="250ms"), "y": range(5)})
    with pytest.raises(DataError):
        read(csv, packed(fine), "c.parquet")


@pytest.mark.parametrize(
    ("training", "options", "later", "code"),
    [
        (table([f"{k}%" for k in range(20)]), {}, table(["0.05", "0.06"]), "GF-D55"),
        (table([f"{k} kW" for k in range(20)]), {}, table(["5 MW", "6 MW"]), "GF-D55"),
        (
            table(list(range(20)), [f"{d:02}/01/2024" for d in range(1, 21)]),
            {},
            table([1, 2], ["01/13/2024", "01/14/2024"]),
            "GF-D44",
        ),
        (
            "date;p;y\n" + "".join(f"{d};{p};1\n" for d in DAYS[:3] for p in range(1, 49)),
            {"time": ("date", "p")},
            "date;p;y\n2024-03-01;99;1\n",
            "GF-D27",
        ),
    ],
)
def test_what_contradicts_the_plan(csv: Any, training: str, options: dict[str, Any], later: str, code: str) -> None:
    plan = read(csv, training, **options).plan
    with pytest.raises(DataError) as caught:
        read_like(csv(later), plan)
    assert caught.value.code == code


def test_the_plan_remembers_the_zone_of_the_clock(csv: Any) -> None:
    several = [f"2024-03-31T0{h}:00+0{1 + (h > 1)}:00" for h in (0, 1, 3, 4, 5)]
    plan = read(csv, table([1, 2, 3, 4, 5], several)).plan
    later = read_like(csv(table([1, 2, 3], [f"2024-06-01T0{h}:00+02:00" for h in (2, 3, 4)])), plan).panel
    assert str(later.ds[0]) == "2024-06-01T00:00:00"


@pytest.mark.parametrize(
    ("training", "options"),
    [
        (table(list(range(1, 13)), [f"{d:02}/01/2024" for d in range(1, 13)]), {"date_format": "%d/%m/%Y"}),
        (table(list(range(20)), [str(45292 + k) for k in range(20)]), {"time_unit": "excel"}),
        (table(list(range(20)), DAYS[:60:3]), {"freq": "D"}),
        ("ds^y\n" + "".join(f"{d}^{k}\n" for k, d in enumerate(DAYS)), {"sep": "^"}),
        ("more, words\nds,y\n" + "".join(f"{d},{k}\n" for k, d in enumerate(DAYS)), {"skip_lines": 1}),
        ("ds,caf\u00e9\n" + "".join(f"{d},{k}\n" for k, d in enumerate(DAYS)), {"encoding": "latin-1"}),
        ("ds,y,z\n" + "".join(f"{d},{k}\n" for k, d in enumerate(DAYS)), {"allow_short_rows": True}),
    ],
)
def test_the_training_file_itself_is_read_by_its_plan(csv: Any, training: str, options: dict[str, Any]) -> None:
    panel = read(csv, training, **options)
    plan = record(Plan, plain(panel.plan), "model.json")
    assert (plan.skip, plan.encoding) == (panel.plan.skip, panel.plan.encoding)
    again = read_like(csv(training), plan).panel
    assert again.y.tolist() == pytest.approx(panel.y.tolist(), nan_ok=True)
    assert again.ds.tolist() == panel.ds.tolist()


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("form", {"parts": ["date", "hour"]}),
        ("names", {"time": ["a", "b"]}),
        ("names", {"time": "ds"}),
        ("freq", {"unit": "M", "step": 3162240000}),
        ("delimiter", ";;"),
    ],
)
def test_plans_that_cannot_be(csv: Any, part: str, value: Any) -> None:
    plan = plain(read(csv, table(list(range(20)))).plan)
    plan[part] = {**plan[part], **value} if isinstance(value, dict) else value
    with pytest.raises(ModelError):
        record(Plan, plan, "model.json")


def test_many_blank_lines_and_many_columns_of_numbers_are_quick(csv: Any) -> None:
    import time

    begin = time.process_time()
    read(csv, table([1, 2, 3]) + "\n" * 2_000_000)
    header = ";".join(f"c{k}" for k in range(300)) + ";Datum"
    rows = "".join(";".join(f"{k}.45" for k in range(300)) + f";{day}\n" for day in DAYS[:20])
    read(csv, f"{header}\n{rows}", wide=True)
    assert time.process_time() - begin < 60  # it was minutes


def test_a_huge_cell_is_not_printed_whole(csv: Any) -> None:
    with pytest.raises(DataError) as caught:
        read(csv, table(["1", "x" * 900_000]))
    assert len(str(caught.value)) < 1000
    assert len(caught.value.value or "") < 100

"""Time stamps: read by all values, written back in the same form."""

from __future__ import annotations

import numpy as np
import pytest

from gruforecast.data.stamps import parse_stamps
from gruforecast.errors import DataError


def parse(*cells: str):
    return parse_stamps(list(cells), list(range(2, len(cells) + 2)), "f.csv", "ds")


@pytest.mark.parametrize(
    ("cells", "first"),
    [
        (["2024-01-31", "2024-02-29"], "2024-01-31"),
        (["2024/1/5", "2024/11/15"], "2024-01-05"),
        (["31.12.2023", "01.01.2024"], "2023-12-31"),
        (["12/31/2023", "01/01/2024"], "2023-12-31"),
        (["20240131", "20240201"], "2024-01-31"),
        (["2024-01", "2024-12"], "2024-01-01"),
        (["2024Q4", "2025Q1"], "2024-10-01"),
        (["1999", "2000"], "1999-01-01"),
        (["2024-01-31 05:00", "2024-01-31 06:00"], "2024-01-31T05:00"),
        (["2024-01-31T05:00:07Z", "2024-01-31T06:00:07Z"], "2024-01-31T05:00:07"),
        (["2024-01-31 05:00:00+02:00", "2024-01-31 06:00:00+02:00"], "2024-01-31T05:00"),
        (["13/02/2024 7:05", "01/02/2024 8:05"], "2024-02-13T07:05"),
    ],
)
def test_read_and_written_back(cells: list[str], first: str) -> None:
    ds, form, warnings = parse(*cells)
    assert ds[0] == np.datetime64(first)
    assert not warnings
    padded = [cell.replace(" 7:", " 07:").replace(" 8:", " 08:") for cell in cells]
    assert form.write(ds) == padded


def test_several_offsets_become_utc_and_are_said() -> None:
    ds, form, warnings = parse("2024-03-31 01:00+01:00", "2024-03-31 03:00+02:00")
    assert [str(d) for d in ds] == ["2024-03-31T00:00:00", "2024-03-31T01:00:00"]
    assert form.write(ds)[0] == "2024-03-31 00:00+00:00"
    assert len(warnings) == 1


@pytest.mark.parametrize(
    ("cells", "line", "words"),
    [
        (["2024-01-01", "01.01.2024"], 3, "not a time stamp like '2024-01-01'"),
        (["2024-01-01", "2023-02-29"], 3, "not a date that exists"),
        (["2024-01-01 24:00", "2024-01-02 00:00"], 2, "not a date that exists"),
        (["Jan-24", "Feb-24"], 2, "not a time stamp"),
        (["now", "now"], 2, "not a time stamp"),
        (["05/04/2024", "06/04/2024"], 2, "day first or month first"),
        (["31/04/2024", "05/13/2024"], 2, "day first or month first"),
        (["1167609600000", "1167696000000"], 2, "not a time stamp"),
        (["45292", "45293"], 2, "not a time stamp"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(cells: list[str], line: int, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        parse(*cells)
    assert caught.value.line == line

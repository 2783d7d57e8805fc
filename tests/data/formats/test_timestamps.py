"""Time stamps: read by all values, written back in the same form."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from gruforecast.data.files.column import Column
from gruforecast.data.formats.time_columns import TimeForm
from gruforecast.data.formats.timestamp_formats import StampForm
from gruforecast.data.formats.timestamps import Parsed, apply_stamps, infer_stamps
from gruforecast.errors import DataError

WEEKS = [f"{d[8:]}/{d[5:7]}/{d[2:4]}" for d in map(str, np.datetime64("2010-02-05") + 7 * np.arange(20))]


@dataclass(frozen=True)
class Read(Parsed):
    """Stamps with the form that they were found in, and all that is said."""

    form: StampForm = field(default_factory=lambda: StampForm("ymd"))

    @property
    def warnings(self) -> list[str]:
        return [str(one) for one in self.findings]


def parse(*cells: str, **said: str) -> Read:
    column = Column("f.csv", "ds", list(cells), list(range(2, len(cells) + 2)))
    form, findings = infer_stamps(column, **said)
    parsed = apply_stamps(column, form)
    return Read(parsed.ds, parsed.offset, findings + parsed.findings, form)


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
        (["2024-W01", "2024-W02"], "2024-01-01"),
        (["31-MAR-2024", "01-APR-2024"], "2024-03-31"),
        (["Mar 2024", "Apr 2024"], "2024-03-01"),
        (["March 31, 2024", "April 01, 2024"], "2024-03-31"),
        (["2024-01-31 01:05 PM", "2024-01-31 02:05 AM"], "2024-01-31T13:05"),
    ],
)
def test_read_and_written_back(cells: list[str], first: str) -> None:
    found = parse(*cells)
    assert found.ds[0] == np.datetime64(first)
    assert not found.warnings
    padded = [cell.replace(" 7:", " 07:").replace(" 8:", " 08:") for cell in cells]
    assert found.form.write(found.ds) == padded


@pytest.mark.parametrize(
    ("cells", "first", "words"),
    [
        (["1167609600000", "1167696000000"], "2007-01-01", "milliseconds"),
        (["1704067200", "1704070800"], "2024-01-01", "seconds since 1970"),
        (WEEKS, "2010-02-05", "only so are the steps equal"),
        ([f"01/{k % 12 + 1:02}/{2024 + k // 12}" for k in range(14)], "2024-01-01", "day comes first"),
    ],
)
def test_read_with_a_warning(cells: list[str], first: str, words: str) -> None:
    found = parse(*cells)
    assert found.ds[0] == np.datetime64(first)
    assert words in found.warnings[0]
    assert found.form.write(found.ds) == cells


def test_what_the_user_says_settles_the_form() -> None:
    assert str(parse("01/02/2024", "02/02/2024", pattern="%d/%m/%Y").ds[0]) == "2024-02-01T00:00:00"
    assert str(parse("45292", "45293", unit="excel").ds[0]) == "2024-01-01T00:00:00"
    assert parse("45292.5", unit="excel").form.write(parse("45292.5", unit="excel").ds) == ["45292.5"]
    with pytest.raises(DataError, match="is not written as"):
        parse("01/02/2024", "2024-01-01", pattern="%d/%m/%Y")


def test_an_interval_is_its_begin_and_is_written_whole() -> None:
    found = parse("31.01.2018 00:00 - 31.01.2018 01:00", "31.01.2018 01:00 - 31.01.2018 02:00")
    assert str(found.ds[0]) == "2018-01-31T00:00:00"
    ends = found.ds + np.timedelta64(1, "h")
    assert TimeForm(found.form).write(found.ds, ends)[0][0] == "31.01.2018 00:00 - 31.01.2018 01:00"


def test_offsets_are_told() -> None:
    found = parse("2024-03-31 01:00+01:00", "2024-03-31 03:00+02:00")
    assert found.offset.tolist() == [3600, 7200]
    assert found.form.write(found.ds, found.offset) == ["2024-03-31 01:00+01:00", "2024-03-31 03:00+02:00"]


@pytest.mark.parametrize(
    ("cells", "line", "words"),
    [
        (["2024-01-01", "01.01.2024"], 3, "not a time stamp like '2024-01-01'"),
        (["2024-01-01", "2023-02-29"], 3, "not a date that exists"),
        (["2024-01-01 24:00", "2024-01-02 00:00"], 2, "not a date that exists"),
        (["Jan-24", "Feb-24"], 2, "no year in 'Jan-24'"),
        (["now", "now"], 2, "not a time stamp"),
        (["05/04/2024", "06/04/2024"], 2, "day first or month first"),
        (["31/04/2024", "05/13/2024"], 3, "is month first, '31/04/2024' day first"),
        (["2024-01-01 - 13:00", "2024-01-01 - 14:00"], 2, "not a time stamp"),
        (["01-Jan-2024", "02-Jan-2024", "31-Feb-2024"], 4, "'31-Feb-2024' is not a time stamp"),
        (["24-01-01", "24-01-02"], 2, "day first or month first"),
        (["2024-01-01 05:00 EST", "2024-01-01 06:00 EST"], 2, "no unique meaning"),
        (["01/02/03", "02/02/03"], 2, "day first or month first"),
        (["45292", "45293"], 2, "not a time stamp"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(cells: list[str], line: int, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        parse(*cells)
    assert caught.value.line == line

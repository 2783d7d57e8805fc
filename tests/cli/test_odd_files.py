"""The catalogue of odd inputs, one test a row: the file, the exit code, and what is said.

Numbers are those of the catalogue. Rows 57, 70, 79 and 80 need a model and are in `test_folder.py`, 78 is in
`test_plan.py`, 73 in `test_metrics.py`; rows 63, 76 and 77 are about covariates and come with them.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from gruforecast.cli.app import app

DAYS = [str(np.datetime64("2024-01-01") + k) for k in range(60)]
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
RUNNER = CliRunner()


def rows(*cells: str, days: list[str] | None = None) -> str:
    """`ds,y` with the cells given first, then whole numbers."""
    days = days or DAYS
    values = [*cells, *(str(10 + k % 7) for k in range(len(days) - len(cells)))]
    return "".join(f"{day},{value}\n" for day, value in zip(days, values, strict=True))


def table(*cells: str, days: list[str] | None = None) -> str:
    return "ds,y\n" + rows(*cells, days=days)


def zipped(*names: str) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name in names:
            archive.writestr(name, table())
    return whole.getvalue()


def parquet() -> bytes:
    whole = io.BytesIO()
    pd.DataFrame({"ds": pd.to_datetime(DAYS), "y": np.arange(60.0)}).to_parquet(whole)
    return whole.getvalue()


def hours(*, skip: str = "", twice: str = "") -> str:
    """Hourly local stamps of 2024 around a change of the clock."""
    begin = np.datetime64(f"{(skip or twice)[:10]}T00") - np.timedelta64(48, "h")
    stamps = [str(begin + np.timedelta64(k, "h")).replace("T", " ") + ":00" for k in range(120)]
    stamps = [stamp for stamp in stamps for _ in range(2 if stamp == twice else 1) if stamp != skip]
    return "ds,y\n" + "".join(f"{stamp},{k}\n" for k, stamp in enumerate(stamps))


def months(form: Callable[[int, int], str], count: int = 48) -> str:
    return "ds,y\n" + "".join(f"{form(2020 + k // 12, k % 12 + 1)},{10 + k % 12}\n" for k in range(count))


def beside(*cells: str) -> str:
    """`ds,y,x` with these cells of `x`, again and again."""
    return "ds,y,x\n" + "".join(f"{day},{10 + k % 7},{cells[k % len(cells)]}\n" for k, day in enumerate(DAYS))


SERIES = "".join(f"{name},{day},{k}\n" for name in ("NA", "None", "null") for k, day in enumerate(DAYS))
CASES: list[tuple[str, str | bytes, str, int, str]] = [
    # row, content, options, exit code, what is said
    ("1", "", "", 3, r"the file is empty"),
    ("1 blank lines", "\n\n \n", "", 3, r"the file is empty"),
    ("2", "ds,y\n", "", 3, r"a header but no rows"),
    ("3", rows(), "", 0, r"the first line holds data, not names.*column_1"),
    ("3 said", rows(), "--no-header", 0, r"time column 'column_1'"),
    ("4", b"\xef\xbb\xbf" + table().encode(), "", 0, r"time column 'ds'"),
    ("5 utf-16", table().encode("utf-16"), "", 0, r"read as UTF-16"),
    ("5 latin-1", table().replace("y", "prix ét").encode("latin-1"), "", 0, r"not UTF-8 \(byte 0xe9\): read as cp1252"),
    ("5 shift-jis", table().replace("y", "売上").encode("shift_jis"), "", 0, r"target column '売上'"),
    ("5 said", table().replace("y", "é").encode("latin-1"), "--encoding utf-8", 3, r"line 1: byte 0xe9 is not UTF-8"),
    ("6", table("1\0002"), "", 3, r"line 2: there is a NUL byte"),
    ("7 xlsx", b"PK\x03\x04rest", "", 3, r"a zip or Excel file, not text"),
    ("7 png", b"\x89PNG\r\n", "", 3, r"a picture, not text"),
    ("8 cr only", table().replace("\n", "\r"), "", 0, r"60 rows"),
    (
        "8 mixed",
        "ds,y\r\n2024-01-01,1\n2024-01-02,oops\r\n" + rows(days=DAYS[2:]),
        "",
        3,
        r"line 3, column .y.: 'oops'",
    ),
    ("9", table().replace(",", ";"), "", 0, r"separated by semicolons"),
    ("9 tab", table().replace(",", "\t"), "", 0, r"separated by tabs"),
    ("9 said", table().replace(",", "@"), "--sep @", 0, r"time column 'ds'"),
    ("10", "# made by hand\n" + table(), "", 0, r"lines 1 to 1 stand before the table"),
    ("10 said", "some words\nmore, of, them\n" + table(), "--skip-lines 2", 0, r"time column 'ds'"),
    ("10 line", "# note\n\n" + table("1", "oops"), "", 3, r"line 5, column .y.: 'oops'"),
    (
        "11",
        "ds,y\n2024-01-01,1\n2024-01-02,1,5\n" + rows(days=DAYS[2:]),
        "",
        3,
        r"line 3: this row has 3 fields, the header has 2",
    ),
    ("12", "ds,y\n" + rows().replace("\n", ",7\n"), "", 3, r"line 2: this row has 3 fields, the header has 2"),
    ("13", "ds,y\n" + rows().replace("\n", ",\n"), "", 0, r"60 rows end in a mark .* left out"),
    ("14", table().replace(",13\n", "\n", 1), "", 3, r"line 5: this row has 1 fields, the header has 2: 1 missing"),
    ("14 said", table().replace(",13\n", "\n", 1), "--allow-short-rows", 0, r"1 rows are shorter .* line 5"),
    ("15", table('"1'), "", 3, r"line 2: a quote that opens here is never closed"),
    (
        "16",
        'unique_id,ds,y\n"a\nb",2024-01-01,1\n"a\nb",2024-01-02,x\n' + rows(days=DAYS[:2]).replace("2024", "c,2024"),
        "",
        3,
        r"line 4, column .y.: 'x'",
    ),
    ("17", table("1" * 2_000_000), "", 3, r"line 2: a field is too long.*--max-field"),
    (
        "18 columns",
        "ds," + ",".join(f"c{k}" for k in range(5000)) + "\n",
        "",
        3,
        r"more than 2000 columns.*--max-columns",
    ),
    ("18 rows", table(), "--max-rows 50", 3, r"more than 50 rows.*--max-rows"),
    ("18 bytes", table(), "--max-bytes 100", 3, r"more than 100 bytes.*--max-bytes"),
    (
        "19",
        "ds,y,y\n" + rows().replace("\n", ",1\n"),
        "",
        3,
        r"column .y.: the column name appears 2 times \(columns 2, 3\)",
    ),
    (
        "20 blank",
        ",ds,y\n" + "".join(f"{k},{line}\n" for k, line in enumerate(rows().splitlines())),
        "",
        0,
        r"column 1 has no name and numbers the rows: left out",
    ),
    ("20 blanks around", table().replace("ds,y", " ds , y "), "", 0, r"time column 'ds'"),
    ("21", "ds,Y,y\n" + rows().replace("\n", ",1\n"), "--target y", 3, r"'Y' and 'y' are ambiguous"),
    ("21 unicode", "ds,e\u0301,\u00e9\n" + rows().replace("\n", ",1\n"), "--target \u00e9", 3, r"ambiguous"),
    (
        "22",
        table().replace("y", "sales"),
        "--target sale",
        3,
        r"no column 'sale'. Did you mean 'sales'\? The columns are 'ds', 'sales'",
    ),
    (
        "26",
        "ds,y\n01/02/2024,1\n02/03/2024,2\n03/04/2024,3\n",
        "",
        3,
        r"'01/02/2024' could be day first or month first.*--date-format",
    ),
    (
        "26 said",
        "ds,y\n" + "".join(f"{d:02}/01/2024,1\n" for d in range(1, 13)),
        "--date-format %d/%m/%Y",
        0,
        r"frequency D",
    ),
    ("27", "ds,y\n" + "".join(f"{d:02}/02/2024,{d}\n" for d in range(4, 24)), "", 0, r"frequency D"),
    (
        "28 february",
        table(days=["2024-02-29", "2024-02-30"]),
        "",
        3,
        r"line 3, column .ds.: '2024-02-30' is not a date that exists",
    ),
    (
        "28 midnight",
        table(days=["2024-01-01 23:00", "2024-01-01 24:00"]),
        "",
        3,
        r"line 3.*'2024-01-01 24:00' is not a date",
    ),
    (
        "28 leap second",
        table(days=["2016-12-31 23:59:59", "2016-12-31 23:59:60"]),
        "",
        3,
        r"line 3.*not a date that exists",
    ),
    ("29", table(days=[DAYS[0], *(f"{day} 00:00:00" for day in DAYS[1:])]), "", 0, r"frequency D"),
    (
        "29 other",
        table(days=["2024-01-01", "02.01.2024"]),
        "",
        3,
        r"line 3.*'02.01.2024' is not a time stamp like '2024-01-01'",
    ),
    (
        "30",
        table(days=[f"2024-03-31 0{h}:00{z}" for h, z in ((0, "+01:00"), (1, "+01:00"), (3, "+02:00"), (4, "+02:00"))]),
        "",
        0,
        r"several UTC offsets: read and forecast in UTC",
    ),
    (
        "31",
        table(days=[f"{day} 05:00 EST" for day in DAYS]),
        "",
        3,
        r"zone in '2024-01-01 05:00 EST' has no unique meaning.*--tz America/New_York",
    ),
    ("32 skipped, no zone", hours(skip="2024-03-31 02:00"), "", 0, r"as where a clock is put forward: pass --tz"),
    (
        "32 repeated, no zone",
        hours(twice="2024-10-27 02:00"),
        "",
        3,
        r"looks like a clock that was put back: pass --tz",
    ),
    ("32 repeated", hours(twice="2024-10-27 02:00"), "--tz Europe/Paris", 0, r"121 rows: ready"),
    ("32 skipped", hours(skip="2024-03-31 02:00"), "--tz Europe/Paris", 0, r"119 rows: ready"),
    (
        "32 never was",
        hours(twice="2024-03-31 02:00"),
        "--tz Europe/Paris",
        3,
        r"'2024-03-31 02:00' never was in Europe/Paris",
    ),
    ("33", table(days=[f"2024-03-{d} 00:00:00+0{1 + (d > 31)}:00" for d in range(20, 32)]), "", 0, r"frequency D"),
    (
        "33 change",
        table(
            days=[
                *(f"2024-03-{d} 00:00+01:00" for d in range(25, 32)),
                *(f"2024-04-0{d} 00:00+02:00" for d in range(1, 8)),
            ]
        ),
        "",
        0,
        r"frequency D",
    ),
    ("34", table(days=[day.replace("-", "") for day in DAYS]), "", 0, r"frequency D"),
    ("35 seconds", table(days=[str(1704067200 + 3600 * k) for k in range(60)]), "", 0, r"seconds since 1970 in UTC"),
    (
        "35 milliseconds",
        table(days=[str(1704067200000 + 3600000 * k) for k in range(60)]),
        "",
        0,
        r"milliseconds since 1970",
    ),
    ("36", table(days=[str(45292 + k) for k in range(60)]), "", 3, r"'45292' is not a time stamp"),
    ("36 said", table(days=[str(45292 + k) for k in range(60)]), "--time-unit excel", 0, r"frequency D"),
    (
        "37",
        months(lambda y, m: f"{MONTHS[m - 1]}-{y % 100}"),
        "",
        3,
        r"no year in 'Jan-20'",
    ),
    ("38", table(days=["today", *DAYS[1:]]), "", 3, r"'today' is not a time stamp"),
    ("39 year 0", table(days=["0000-01-01", "0000-01-02"]), "", 3, r"line 2.*'0000-01-01' is not within the years"),
    ("39 far", table(days=[day.replace("2024", "3024") for day in DAYS]), "", 3, r"'3024-01-01' is not within"),
    ("39 ahead", table(days=[day.replace("2024", "2124") for day in DAYS]), "", 0, r"more than 10 years from now"),
    (
        "40 quarters",
        "ds,y\n" + "".join(f"{2000 + k // 4}Q{k % 4 + 1},{k % 4}\n" for k in range(40)),
        "",
        0,
        r"frequency Q",
    ),
    ("40 weeks", "ds,y\n" + "".join(f"2024-W{k:02},{k}\n" for k in range(1, 53)), "", 0, r"frequency W"),
    ("41", table(days=[DAYS[0], "", "", *DAYS[3:]]), "", 3, r"line 3, column .ds.: the cell is blank \(lines 3, 4\)"),
    ("42", "ds,y\n" + "".join(reversed(rows().splitlines(keepends=True))), "", 0, r"not in order of time: sorted"),
    ("43", table() + "2024-01-05,14\n", "", 0, r"1 rows were exact duplicates: dropped"),
    ("44", table() + "2024-01-05,99\n", "", 3, r"lines 6 and 62 have the same time stamp with different values"),
    ("44 mean", table() + "2024-01-05,99\n", "--on-duplicate mean", 0, r"their mean is used"),
    (
        "45",
        table().replace("2024-01-09,11\n", ""),
        "",
        0,
        r"1 value is missing, 1 of them because the row is absent: masked",
    ),
    ("45 filled", table().replace("2024-01-09,11\n", ""), "--fill", 0, r"filled by lines between their neighbours"),
    (
        "46",
        table(days=[f"2024-01-01 {h:02}:{m:02}" for h in range(24) for m in (0, (7 * h) % 50 + 3)]),
        "",
        3,
        r"does not fit the step|not regular.*--resample",
    ),
    (
        "46 said",
        table(days=[f"2024-01-01 {h:02}:{m:02}" for h in range(24) for m in (0, (7 * h) % 50 + 3)]),
        "--resample mean --freq h",
        0,
        r"48 rows became 24 steps of 'h'",
    ),
    (
        "47 month ends",
        months(lambda y, m: str((np.datetime64(f"{y}-{m:02}") + 1).astype("datetime64[D]") - 1)),
        "",
        0,
        r"frequency M",
    ),
    ("47 business days", table(days=[day for day in DAYS if np.is_busday(np.datetime64(day))]), "", 0, r"frequency B"),
    ("48", "ds,y\n2024-01-01,1\n", "", 3, r"no two stamps follow each other"),
    (
        "49",
        "unique_id,ds,y\n"
        + "".join(f"a,{d},1\n" for d in DAYS)
        + "".join(f"b,2024-01-01 {h:02}:00,1\n" for h in range(24)),
        "",
        3,
        r"series 'b' \(steps of 'h', others of 'D'\)",
    ),
    ("51", "unique_id,ds,y\n" + SERIES, "", 0, r"3 series, 180 rows"),
    (
        "52",
        "unique_id,ds,y\n" + SERIES.replace("NA", "007").replace("None", "1e5").replace("null", "True"),
        "",
        0,
        r"007.*\n.*1e5.*\n.*True",
    ),
    ("53", "unique_id,ds,y\n" + SERIES.replace("NA", "9007199254740993"), "", 0, r"9007199254740993"),
    (
        "53 blank",
        "unique_id,ds,y\n" + SERIES.replace("NA", ""),
        "",
        3,
        r"line 2, column .unique_id.: the cell is blank",
    ),
    (
        "54",
        "unique_id,ds,y\n" + SERIES.replace("NA", "A").replace("None", "A "),
        "",
        0,
        r"differ from others by blanks around them only: --strip-ids",
    ),
    (
        "55",
        "unique_id,ds,y\n"
        + SERIES.replace("NA", "../../x").replace("None", "\x1b]0;pwn\x07").replace("null", "[/bold]=cmd"),
        "",
        0,
        r"\.\./\.\./x(.|\n)*\\x1b\]0;pwn(.|\n)*\[/bold\]=cmd",
    ),
    ("58", table("1", "oops"), "", 3, r"line 3, column .y.: 'oops' is not a number.*--na-values oops"),
    ("58 count", table("1", "oops", "what"), "", 3, r"'oops' is not a number \(1 further cells are not either\)"),
    ("59 decimal comma", table('"1,5"', '"2,25"'), "", 0, r"the comma is the decimal mark"),
    (
        "59 either",
        table(*[f'"1,{k}"' for k in range(100, 160)]),
        "",
        3,
        r"the comma in '1,100' could mark thousands or decimals.*--thousands",
    ),
    ("59 said", table(*[f'"1,{k}"' for k in range(100, 160)]), "--thousands ,", 0, r"1100 to 1159"),
    ("59 currency", table(*[f"${k}" for k in range(1, 61)]), "", 0, r"'\$' is left out of every value"),
    ("59 percent", table(*[f"{k}%" for k in range(1, 61)]), "", 0, r"'%' is left out of every value"),
    ("59 hex", table("0x10"), "", 3, r"'0x10' is not a number"),
    ("59 underscore", table("1_000"), "", 3, r"'1_000' is not a number"),
    ("59 complex", table("1+2j"), "", 3, r"'1\+2j' is not a number"),
    (
        "60",
        "id,ds,y\n"
        + "".join(f"a,{d},{k}\n" for k, d in enumerate(DAYS))
        + "".join(f"b,{d},{k}\n" for k, d in enumerate(DAYS[:12])),
        "--horizon 7",
        0,
        r"b .*for training",
    ),
    ("61", table("1", "", "NA"), "", 0, r"2 values are missing: masked"),
    ("62", table(*["NA"] * 60), "", 3, r"every value is missing"),
    ("64", table("1", "-Infinity"), "", 3, r"line 3.*'-Infinity' is not a number"),
    ("64 overflow", table("1", "1e400"), "", 3, r"line 3.*'1e400' is not a number"),
    ("65", table("1", "1e300"), "", 3, r"line 3.*1e300 is too large to compute with"),
    ("66", table("1", "-1e308"), "", 3, r"line 3.*too large"),
    ("67", table(*[f"{1e9 + 1e-3 * k:.3f}" for k in range(60)]), "", 0, r"1 series, 60 rows"),
    ("68", table("1", "1e-320"), "", 0, r"1 values are too small for 32-bit arithmetic \(line 3\)"),
    ("69", table(*["5"] * 60), "", 0, r"1 series never change"),
    ("71", table("1", "1e12"), "", 0, r"1e\+12 in line 3"),
    ("71 sentinel", table("1", "-999", "2", "-999"), "", 0, r"-999 stands there 2 times.*--na-values=-999"),
    ("71 said", table("1", "-999", "2", "-999"), "--na-values=-999", 0, r"2 values are missing"),
    ("72", table("0", "-3"), "", 0, r"1 series, 60 rows"),
    ("74", table(*["True", "False"] * 30), "", 3, r"'True' is no number.*--bool-as-number"),
    ("74 said", table(*["True", "False"] * 30), "--bool-as-number", 0, r"1 series, 60 rows"),
    ("75", table(), "", 0, r"1 series, 60 rows"),
    ("76", beside("1", "2"), "--target y --known y", 2, r"column 'y' is passed with --known and with --target"),
    (
        "76 shifted",
        beside(*[str(10 + k % 7) for k in range(1, 61)]),
        "--known x",
        0,
        r"GF-W21 'x' looks like the target",
    ),
    ("77 constant", beside("5"), "--known x", 0, r"x never changes \(5\): left out"),
    ("77 missing", beside("NA", ""), "--past x", 0, r"x has no values: left out"),
    (
        "77 text",
        beside(*[f"note {k * k}" for k in range(60)]),
        "--known x",
        3,
        r"column .x.: it holds text that hardly ever repeats \(60 different cells in 60\)",
    ),
    ("77 category", beside("sun", "rain", "NA"), "--known x", 0, r"20 of 60 values are missing"),
    ("81 zero", table(), "--horizon 0", 2, r"--horizon 0 is out of range"),
    ("81 huge", table(), "--horizon 1000000000", 2, r"out of range"),
    ("81 text", table(), "--horizon abc", 2, r"valid integer"),
    ("82", table(), "--season 100001", 2, r"out of range"),
]


def checked(path: str, options: str = "", **given: Any) -> tuple[int, str]:
    found = RUNNER.invoke(app, ["check", path, *options.split()], **given)
    return found.exit_code, found.output + (found.stderr if found.exit_code else "")


@pytest.mark.parametrize(
    ("content", "options", "code", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_row(csv: Any, content: str | bytes, options: str, code: int, said: str) -> None:
    found, text = checked(csv(content), options)
    assert found == code, text
    assert re.search(said, text), text
    assert "Traceback" not in text


def test_row_7_parquet(csv: Any) -> None:
    assert checked(csv(parquet(), "a.parquet"))[0] == 0


def test_row_23(csv: Any) -> None:
    packed = gzip.compress(table().encode())
    assert checked(csv(packed, "a.csv.gz"))[0] == 0
    assert checked(csv(zipped("a.csv"), "a.zip"))[0] == 0
    assert "holds 2 files" in checked(csv(zipped("a.csv", "b.csv"), "b.zip"))[1]
    assert "packed data are damaged" in checked(csv(packed[:-9], "b.csv.gz"))[1]
    bomb = csv(gzip.compress(b"ds,y\n" + b"\n" * 120_000_000, 9), "bomb.csv.gz")
    assert Path(bomb).stat().st_size < 200_000
    code, text = checked(bomb)
    assert code == 3
    assert "more than 100000000 bytes" in text


def test_row_24(tmp_path: Path) -> None:
    assert checked("http://127.0.0.1/x.csv")[0] == 2
    assert checked("file:///etc/passwd")[0] == 2
    assert checked(str(tmp_path / "nothing.csv"))[0] == 2
    for path in (str(tmp_path), "/dev/zero"):
        code, text = checked(path)
        assert code == 3
        assert "not a regular file" in text
    os.mkfifo(tmp_path / "pipe")
    assert checked(str(tmp_path / "pipe"))[0] == 3


def test_row_25(csv: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from gruforecast.data.files import source

    path, read = csv(table()), source._up_to

    def grows(*given: Any) -> bytes:
        with Path(path).open("a") as stream:
            stream.write("2024-03-01,1\n")
        return read(*given)

    monkeypatch.setattr(source, "_up_to", grows)
    code, text = checked(path)
    assert code == 3
    assert "changed while it was read" in text


def test_row_45_standard_input() -> None:
    assert checked("-", input=table())[0] == 0


def test_row_56_a_million_rows_of_short_series_take_bounded_time(csv: Any) -> None:
    text = "id,ds,y\n" + "".join(f"{k},{day},{k % 5}\n" for k in range(30_000) for day in DAYS[:3])
    code, said = checked(csv(text), "--horizon 2")
    assert code == 0
    assert "30000 series" in said


def test_json_of_findings_and_of_an_error(csv: Any) -> None:
    facts = json.loads(checked(csv(table("1", "-999", "2", "-999")), "--json")[1])
    assert facts["n_rows"] == 60
    assert facts["plan"]["names"] == {"time": ["ds"], "target": "y", "ids": []}
    assert facts["series"][0]["enough"] == "folds"
    found = RUNNER.invoke(app, ["check", csv("ds,y\n2024-01-01,1\n2024-01-02,oops\n"), "--json"])
    error = json.loads(found.stdout)["error"]
    assert (error["code"], error["line"], error["column"], error["value"]) == ("GF-D30", 3, "y", "oops")


def test_the_environment_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = json.loads(RUNNER.invoke(app, ["check", "--environment", "--json"]).stdout)
    assert facts["cores"] >= 1
    assert "keras" in facts["packages"]
    from gruforecast.execution import machine

    real = machine._version
    monkeypatch.setattr(machine, "_version", lambda name: "3.14.0" if name == "keras" else real(name))
    found = RUNNER.invoke(app, ["check", "--environment"])
    assert found.exit_code == 5
    assert "keras 3.14.0 is too old (earlier versions have known faults" in found.output
    assert RUNNER.invoke(app, ["check"]).exit_code == 2


def test_the_environment_says_where_compiled_programs_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRUFORECAST_CACHE", str(tmp_path))
    (tmp_path / "programs").mkdir(0o700)
    (tmp_path / "programs" / ("0" * 64)).write_bytes(bytes(2_340_000))
    facts = json.loads(RUNNER.invoke(app, ["check", "--environment", "--json"]).stdout)
    assert (facts["program_cache"], facts["program_cache_bytes"]) == (str(tmp_path / "programs"), 2_340_000)
    assert f"compiled programs: 2.3 MB in {tmp_path}/programs" in RUNNER.invoke(app, ["check", "--environment"]).output
    (tmp_path / "programs").chmod(0o770)
    facts = json.loads(RUNNER.invoke(app, ["check", "--environment", "--json"]).stdout)
    assert facts["program_cache_bytes"] == 0
    assert any("is open to other users; run chmod 700" in text for text in facts["warnings"])

"""Tables written block by block: CSV against pandas and the csv module, JSON, Parquet, and places to write."""

from __future__ import annotations

import contextlib
import csv as witness
import io
import json
import math
import os
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gruforecast.errors import ResourceError
from gruforecast.report.files.table import csv_head, csv_lines, place, write_csv, write_json, write_parquet

TEXTS = st.lists(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=6), min_size=1, max_size=5)
BLOCKS = [
    {"id": ["a", '"b", c'], "y": np.array([1.5, np.nan])},
    {"id": ["=d", "é\n"], "y": np.array([-0.1, 1e300])},
]


def as_csv(columns: dict) -> str:
    return csv_head(columns) + csv_lines(columns)


@given(numbers=st.lists(st.floats(), min_size=1))
def test_numbers_are_written_as_pandas_writes_them(numbers) -> None:
    columns = {"id": ["a"] * len(numbers), "y": np.array(numbers), "k": np.arange(len(numbers))}
    assert as_csv(columns) == pd.DataFrame(columns).to_csv(index=False)


@given(texts=TEXTS)
def test_the_csv_module_reads_back_what_is_written(texts: list[str]) -> None:
    columns = {"a": texts, '"x",\r=y': texts[::-1], "y": np.ones(len(texts))}
    rows = list(witness.reader(io.StringIO(as_csv(columns), newline="")))
    assert rows == [list(columns), *[[one, other, "1.0"] for one, other in zip(texts, texts[::-1], strict=True)]]


@given(texts=TEXTS)
def test_texts_without_line_ends_are_quoted_as_pandas_quotes_them(texts: list[str]) -> None:
    columns = {"a": [text.replace("\r", "") for text in texts], "y": np.ones(len(texts))}
    assert as_csv(columns) == pd.DataFrame(columns).to_csv(index=False, lineterminator="\n")


def test_blocks_become_one_csv_file() -> None:
    stream = io.BytesIO()
    write_csv(stream, iter(BLOCKS))
    assert stream.getvalue().decode() == 'id,y\na,1.5\n"""b"", c",\n=d,-0.1\n"é\n",1e+300\n'


@pytest.mark.parametrize("mark", ["=", "+", "-", "@", "\t", "\r"])
def test_texts_that_a_spreadsheet_would_compute_get_a_quote_and_numbers_do_not(mark: str) -> None:
    columns = {f"{mark}name": [f"{mark}1+1", f"a{mark}"], "y": np.array([-5.0, 1.0])}
    raw = list(witness.reader(io.StringIO(as_csv(columns), newline="")))
    assert raw == [[f"{mark}name", "y"], [f"{mark}1+1", "-5.0"], [f"a{mark}", "1.0"]]
    lines = csv_head(columns, excel_safe=True) + csv_lines(columns, excel_safe=True)
    safe = list(witness.reader(io.StringIO(lines, newline="")))
    assert safe == [[f"'{mark}name", "y"], [f"'{mark}1+1", "-5.0"], [f"a{mark}", "1.0"]]


@pytest.mark.parametrize("blocks", [BLOCKS, BLOCKS[:1], []])
def test_json_is_one_strict_object(blocks: list) -> None:
    stream = io.BytesIO()
    write_json(stream, iter(blocks), {"levels": [80.0]})
    rows = [
        {"id": one, "y": None if math.isnan(y) else y}
        for columns in blocks
        for one, y in zip(columns["id"], columns["y"].tolist(), strict=True)
    ]
    text = stream.getvalue().decode()
    assert text == json.dumps({"levels": [80.0], "forecast": rows}, allow_nan=False) + "\n"


def test_json_has_no_infinite_numbers() -> None:
    stream = io.BytesIO()
    write_json(stream, iter([{"y": np.array([np.inf, 1.0])}]), {})
    assert json.loads(stream.getvalue()) == {"forecast": [{"y": None}, {"y": 1.0}]}


def test_parquet_has_a_group_for_each_block(tmp_path: Path) -> None:
    from pyarrow import parquet

    path = str(tmp_path / "a.parquet")
    with place(path) as stream:
        write_parquet(stream, iter(BLOCKS))
    assert parquet.ParquetFile(path).num_row_groups == 2
    frame = pd.read_parquet(path)
    assert frame["id"].tolist() == ["a", '"b", c', "=d", "é\n"]
    np.testing.assert_array_equal(frame["y"], [1.5, np.nan, -0.1, 1e300])
    assert parquet.read_table(path)["y"].null_count == 1


def test_a_place_keeps_what_was_there_until_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("before")
    with contextlib.suppress(ZeroDivisionError), place(str(path)) as stream:
        stream.write(b"half")
        raise ZeroDivisionError
    assert path.read_text() == "before"
    with place(str(path)) as stream:
        stream.write(b"whole")
        assert path.read_text() == "before"
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    path, link = tmp_path / "a.csv", tmp_path / "link.csv"
    path.write_text("before")
    link.symlink_to(path)
    with place(str(link)) as stream:
        stream.write(b"whole")
    assert link.is_symlink()
    assert path.read_text() == "whole"


def test_a_device_is_written_and_not_replaced() -> None:
    with place(os.devnull) as stream:
        stream.write(b"nothing")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_a_place_that_cannot_be_written_is_the_machines_fault(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="cannot write"), place(str(tmp_path / "missing" / "a.csv")):
        pass
    if Path("/dev/full").exists():
        with pytest.raises(ResourceError, match="No space"), place("/dev/full") as stream:
            stream.write(b"too much")  # fails when it is flushed
    assert list(tmp_path.iterdir()) == []

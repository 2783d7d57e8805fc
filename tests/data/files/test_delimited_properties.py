"""What must hold for any file: bytes are read or refused, frames come back bit for bit, dress changes nothing."""

from __future__ import annotations

import csv as csv_module
import gzip
import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from gruforecast.cli.app import app
from gruforecast.data.options import ReadOptions
from gruforecast.data.panel import Panel
from gruforecast.data.read import read_csv

STEPS = {"h": np.timedelta64(1, "h"), "D": np.timedelta64(1, "D"), "15min": np.timedelta64(15, "m")}
IDS = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff\r\n"), min_size=1, max_size=8).filter(
    lambda text: not text.isspace() and not text.lstrip().startswith(("#", "%", "//", "\\"))
)
VALUES = st.floats(-1e29, 1e29, allow_subnormal=False)
FRAMES = st.dictionaries(IDS, st.lists(VALUES, min_size=4, max_size=12), min_size=1, max_size=4)


def frame_rows(frame: dict[str, list[float]], step: str) -> list[list[str]]:
    begin = np.datetime64("2023-12-30T00:00:00")
    return [
        [name, str(begin + k * STEPS[step]).replace("T", " "), repr(value)]
        for name, values in frame.items()
        for k, value in enumerate(values)
    ]


def text_of(rows: list[list[str]], header: list[str], delimiter: str = ",", quoting: Any = csv_module.QUOTE_ALL) -> str:
    stream = io.StringIO()
    writer = csv_module.writer(stream, delimiter=delimiter, quoting=quoting, lineterminator="\n")
    writer.writerows([header, *rows])
    return stream.getvalue()


def by_name(panel: Panel) -> dict[str, tuple[list[str], list[float]]]:
    return {
        key: (panel.ds[a:b].astype(str).tolist(), panel.y[a:b].tolist())
        for (key,), a, b in zip(panel.ids, panel.indptr, panel.indptr[1:], strict=False)
    }


@settings(max_examples=100, deadline=None)
@given(FRAMES, st.sampled_from(sorted(STEPS)))
def test_any_frame_comes_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, frame: dict[str, list[float]], step: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "frame.csv"
    rows = frame_rows(frame, step)
    path.write_text(text_of(rows, ["unique_id", "ds", "y"]), encoding="utf-8")
    panel = read_csv(str(path)).panel
    assert panel.freq.label == step
    found = by_name(panel)
    assert {name: values for name, (_, values) in found.items()} == frame
    assert list(found) == list(frame)
    written = panel.plan.form.write(panel.ds)[0]
    assert written == [stamp for _, stamp, _ in rows]


@settings(max_examples=40, deadline=None)
@given(FRAMES, st.randoms(use_true_random=False))
def test_dress_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, frame: dict[str, list[float]], chance: random.Random
) -> None:
    rows, header = frame_rows(frame, "D"), ["unique_id", "ds", "y"]
    shuffled = chance.sample(rows, len(rows))
    plain = text_of(rows, header)
    dressed: dict[str, bytes] = {
        "plain.csv": plain.encode(),
        "bom.csv": b"\xef\xbb\xbf" + plain.encode(),
        "crlf.csv": plain.replace("\n", "\r\n").encode(),
        "semicolon.csv": text_of(rows, header, ";").encode(),
        "tab.tsv": text_of(rows, header, "\t").encode(),
        "packed.csv.gz": gzip.compress(plain.encode()),
        "shuffled.csv": text_of(shuffled, header).encode(),
        "doubled.csv": text_of([*rows, *rows], header).encode(),
        "utf16.csv": plain.encode("utf-16"),
        "columns.csv": text_of([[y, ds, key] for key, ds, y in rows], ["y", "ds", "unique_id"]).encode(),
        "extra.csv": text_of([[*row, "word"] for row in rows], [*header, "note"]).encode(),
    }
    folder = tmp_path_factory.getbasetemp()
    read = {}
    for name, content in dressed.items():
        (folder / name).write_bytes(content)
        read[name] = by_name(read_csv(str(folder / name)).panel)
    for name, found in read.items():
        assert found == read["plain.csv"], name


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"ds,y\n{text}".encode("utf-8", "replace")))
def test_any_bytes_end_in_0_or_3(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.csv"
    path.write_bytes(content)
    found = CliRunner().invoke(app, ["check", str(path), "--json"])
    assert found.exit_code in (0, 3), found.output
    assert "Traceback" not in found.output


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"])
def test_every_hour_of_a_year_comes_back_through_the_wall_clock(tmp_path: Path, zone: str) -> None:
    """Written by pandas, a foreign witness, and read back to the same hours of UTC."""
    import pandas as pd

    utc = pd.date_range("2011-03-01", periods=9000, freq="30min", tz="UTC")
    wall = utc.tz_convert(zone).tz_localize(None)
    path = tmp_path / "local.csv"
    pd.DataFrame({"ds": wall.strftime("%Y-%m-%d %H:%M"), "y": np.arange(9000)}).to_csv(path, index=False)
    panel = read_csv(str(path), ReadOptions(tz=zone)).panel
    assert panel.ds.tolist() == utc.tz_localize(None).to_numpy("datetime64[s]").tolist()
    assert panel.y.tolist() == list(range(9000))
    assert panel.plan.form.write(panel.ds)[0] == wall.strftime("%Y-%m-%d %H:%M").tolist()

"""Forecasts of many series at once: the same numbers, bounded memory, nothing heavy loaded."""

from __future__ import annotations

import dataclasses
import io
import json
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_networks import MEMBERS, make_forecaster
from makers import panel_of
from msgspec import structs
from rounding import assert_close32, rounding
from typer.testing import CliRunner

from gruforecast.artifact.folder import save
from gruforecast.artifact.manifest import FitFacts, seal
from gruforecast.cli import app
from gruforecast.data.panel import Forecast, Panel
from gruforecast.models.end_forecasts import EndForecasts
from gruforecast.report.files.table import write_csv

HEAVY = {"tensorflow", "keras", "keras_tuner", "pandas", "scipy", "sklearn", "pyarrow", "plotly", "statsforecast"}
SIDES = ("mean", "lower", "upper")


def many(series: int, rows: int = 40) -> Panel:
    """Series of all sizes, some below zero, some with holes; of one length, so that it is quickly made."""
    generator = np.random.default_rng(3)
    one = panel_of(np.arange(float(rows)))
    size = 10.0 ** generator.uniform(-3, 6, size=(series, 1))
    y = size * (generator.random((series, rows)) - np.where(generator.random((series, 1)) < 0.3, 0.5, 0.0))
    y[generator.random((series, rows)) < 0.05] = np.nan
    y[:, 0] = size[:, 0]
    ids = tuple((f"s{k}",) for k in range(series))
    return Panel(ids, np.arange(series + 1) * rows, np.tile(one.ds, series), y.ravel(), one.plan)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    save(make_forecaster(many(7)), folder)
    seal(folder, FitFacts(fingerprint="x", trials=1))
    return folder


@pytest.mark.parametrize("member", MEMBERS)
def test_r73_1_7_32_and_1000_series_at_once_are_forecast_alike(member: str) -> None:
    panel = many(1000)
    forecaster = make_forecaster(panel)
    whole = forecaster.predict(panel, member=member)
    for count in (1, 7, 32):
        for first in (0, 500, 1000 - count):
            some = forecaster.predict(panel.part(first, first + count), member=member)
            assert some.ids == whole.ids[first : first + count]
            for side in SIDES:
                expected = getattr(whole, side)[first : first + count]
                size = np.abs(expected).max(axis=1, keepdims=True)
                assert (np.abs(getattr(some, side) - expected) <= rounding() * size).all(), (count, first, side)


@pytest.mark.parametrize("member", ["winner", "blend", "theta"])
@pytest.mark.parametrize("ids", [None, ["s3", "s11", "s0"]])
def test_a_stream_is_the_forecast_in_parts(monkeypatch: pytest.MonkeyPatch, member: str, ids: Any) -> None:
    panel = many(23)
    forecaster = make_forecaster(panel)
    asked: dict[str, Any] = {"member": member, "ids": ids, "horizon": 4, "levels": (95.0,)}
    whole = forecaster.predict(panel, **asked)
    monkeypatch.setattr("gruforecast.models.forecaster.BLOCK_NUMBERS", 150)  # two series
    for source in (panel, None):
        parts = list(forecaster.stream(source, **asked))
        assert [len(part.ids) for part in parts] == ([2, 1] if ids else [2] * 11 + [1])
        joined = Forecast.joined(parts)
        assert joined.ids == whole.ids
        assert (joined.levels, joined.plan) == (whole.levels, whole.plan)
        np.testing.assert_array_equal(joined.ds, whole.ds)
        for side in SIDES:
            assert_close32(getattr(joined, side), getattr(whole, side), axis=1)


def test_ends_of_parts_are_parts_of_ends() -> None:
    panel = many(11)
    whole, part = (EndForecasts.of(one, ["theta"], (6, 12)) for one in (panel, panel.part(4, 9)))
    some = whole.at(np.arange(4, 9))
    assert some.effects is None
    np.testing.assert_allclose(some.forecasts["theta"].mean, part.forecasts["theta"].mean)


def test_what_can_be_refused_is_refused_before_the_first_forecast() -> None:
    forecaster = make_forecaster(many(3))
    for wrong in ({"horizon": 7}, {"levels": (90.0,)}, {"member": "thetta"}, {"ids": ["s9"]}):
        for source in (None, many(5)):
            with pytest.raises(Exception, match=r"`horizon`|`level`|thetta|s9"):
                forecaster.stream(source, **wrong)  # nothing is asked of the stream


def test_a_stream_given_up_leaves_no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gruforecast.models.forecaster.BLOCK_NUMBERS", 150)
    panel = many(23)
    before = threading.active_count()
    stream = make_forecaster(panel).stream(panel)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_an_error_in_a_block_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = many(5)

    def broken(*ignored: Any, **more: Any) -> None:
        raise MemoryError("no more")

    monkeypatch.setattr("gruforecast.models.networks.inference.residuals", broken)
    with pytest.raises(MemoryError, match="no more"):
        make_forecaster(panel).predict(panel)


def peak_above_the_panel(series: int) -> int:
    """Most bytes held at a time while a panel is forecast and written as CSV."""
    panel = many(series)
    forecaster = make_forecaster(panel.part(0, 3))
    tracemalloc.start()
    try:
        write_csv(open_sink(), (block.columns() for block in forecaster.stream(panel)))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def open_sink() -> io.BufferedIOBase:
    class Sink(io.BytesIO):
        def write(self, text: Any) -> int:
            return len(text)

    return Sink()


def test_memory_does_not_grow_with_the_number_of_series(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gruforecast.models.forecaster.BLOCK_NUMBERS", 20_000)  # 277 series
    few, more = peak_above_the_panel(2_000), peak_above_the_panel(20_000)
    assert more < 1.1 * few + 1_000_000  # ids of all series are looked at once; 20,000 forecasts would be 30 MB


def test_predict_loads_nothing_heavy(model: Path) -> None:
    code = (
        "import sys; from gruforecast.cli import main\n"
        "sys.argv = ['gruforecast', *sys.argv[1:]]\n"
        "try: main()\n"
        "finally: print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, "predict", str(model)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1 + 7 * 6
    assert not set(done.stderr.split()) & HEAVY


def test_all_formats_say_the_same(model: Path, tmp_path: Path) -> None:
    for form in ("csv", "json", "parquet"):
        done = CliRunner().invoke(app, ["predict", str(model), "-o", str(tmp_path / f"f.{form}")])
        assert done.exit_code == 0, done.output
    frame = pd.read_csv(tmp_path / "f.csv")
    content = json.loads((tmp_path / "f.json").read_text())
    assert content["levels"] == [80.0, 95.0]
    pd.testing.assert_frame_equal(pd.DataFrame(content["forecast"]), frame, rtol=1e-14)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "f.parquet"), frame, check_exact=True, check_dtype=False)
    printed = CliRunner().invoke(app, ["predict", str(model), "--format", "csv"]).stdout
    assert printed == (tmp_path / "f.csv").read_text()
    assert (
        CliRunner().invoke(app, ["predict", str(model), "--json"]).stdout
        == json.dumps(content | {"model_dir": str(model)}) + "\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.csv", "f.json", "f.parquet", "model"]


@pytest.mark.parametrize("more", [["--json"], ["--format", "json"], ["-o", "f.parquet"], ["--format", "table"]])
def test_excel_safe_is_for_csv(model: Path, more: list[str]) -> None:
    done = CliRunner().invoke(app, ["predict", str(model), "--excel-safe", *more])
    assert done.exit_code == 2
    assert "GF-U59" in done.stderr


@pytest.mark.parametrize("name", ["y_hat", "lo-80", "hi-95"])
def test_a_column_of_the_user_named_like_one_of_the_forecast_is_refused(name: str) -> None:
    panel = many(2)
    for names in ({"ids": (name,)}, {"time": (name,)}):
        plan = structs.replace(panel.plan, names=structs.replace(panel.plan.names, **names))
        own = dataclasses.replace(panel, plan=plan)
        with pytest.raises(Exception, match=f"two columns '{name}'"):
            make_forecaster(own).predict().columns()


def test_a_time_column_named_unique_id_is_refused_where_the_forecast_needs_that_name() -> None:
    panel = many(1)
    names = structs.replace(panel.plan.names, time=("unique_id",), ids=())
    own = dataclasses.replace(panel, plan=structs.replace(panel.plan, names=names))
    with pytest.raises(Exception, match="two columns 'unique_id'"):
        make_forecaster(own).predict().columns()

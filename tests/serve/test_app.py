"""What a server is asked and what it answers: the numbers of `predict`, for every kind of series."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_networks import MEMBERS, make_forecaster
from makers import ROOT, panel_of, run
from rounding import assert_close32
from serving import Server, folder_of, numbers, served, served_here, small_model

from gruforecast.data.options import ReadOptions
from gruforecast.data.read import read_csv
from gruforecast.models.short_series import ShortSeries

GENERATOR = np.random.default_rng(5)
LENGTHS = (60, 40, 3)


def values(length: int, at: float = 50) -> list[float | None]:
    """Made up numbers, one of them missing where there are many."""
    found: list[float | None] = (at + GENERATOR.normal(size=length).cumsum()).tolist()
    if length > 12:
        found[length // 2] = None
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    panel = panel_of(5 + GENERATOR.random(60), GENERATOR.normal(size=40), np.arange(3.0))
    return folder_of(make_forecaster(panel), tmp_path_factory.mktemp("monthly") / "monthly")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with served(folder) as found:
        yield found


def predicted(folder: Path, *options: str) -> dict[str, np.ndarray]:
    """The columns of what `gruforecast predict` writes."""
    done = run("predict", str(folder), *options, "--no-adapt", "--format", "csv")
    assert done.returncode == 0, done.stderr
    frame = pd.read_csv(io.StringIO(done.stdout))
    return {name: frame[name].to_numpy() for name in frame}


def assert_same(answer: dict[str, Any], frame: dict[str, np.ndarray]) -> None:
    rows = answer["forecast"]
    for name, found in numbers(rows).items():
        assert_close32(found, frame[name])
    assert [stamp for row in rows for stamp in row["ds"]] == list(frame["ds"])


def long_csv(path: Path, series: dict[str, tuple[list[str], list[float | None]]]) -> str:
    lines = ["unique_id,ds,y"]
    for name, (stamps, y) in series.items():
        texts = ("" if value is None else repr(value) for value in y)
        lines += [f"{name},{ds},{text}" for ds, text in zip(stamps, texts, strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def months(first: str, count: int) -> list[str]:
    return [str(day) for day in (np.datetime64(first[:7], "M") + np.arange(count)).astype("datetime64[D]")]


@pytest.mark.parametrize("member", ["winner", "blend", "gru-2", "theta"])
def test_the_numbers_are_those_of_predict(server: Server, folder: Path, tmp_path: Path, member: str) -> None:
    series = {f"n{k}": (months("2010-03", length), values(length)) for k, length in enumerate(LENGTHS)}
    csv = long_csv(tmp_path / "new.csv", series)
    wanted = predicted(folder, csv, "--member", member)
    starts = [{"id": name, "start": ds[0], "y": y} for name, (ds, y) in series.items()]
    answer = server.ask(series=starts, member=member).json()
    assert_same(answer, wanted)
    assert [row["id"] for row in answer["forecast"]] == list(series)
    assert answer["levels"] == [80, 95]
    rows = [{"id": name, "ds": ds, "y": y} for name, (ds, y) in series.items()]
    assert server.ask(series=rows, member=member).json()["forecast"] == answer["forecast"]


def test_without_rows_it_starts_where_the_training_data_end(server: Server, folder: Path) -> None:
    wanted = predicted(folder)
    answer = server.ask().json()
    assert_same(answer, wanted)
    assert [row["id"] for row in answer["forecast"]] == ["s0", "s1", "s2"]
    one = server.ask(series=[{"id": "s1"}], horizon=2, levels=[95]).json()
    assert_same(one, predicted(folder, "--series", "s1", "--horizon", "2", "--level", "95"))
    assert list(one["forecast"][0]) == ["id", "ds", "y_hat", "lo-95", "hi-95"]
    none = server.ask(levels=[]).json()
    assert list(none["forecast"][0]) == ["id", "ds", "y_hat"]
    assert none["levels"] == []


def test_rows_of_a_known_series_go_on_from_those_that_the_model_keeps(tmp_path: Path) -> None:
    y, short = 5 + GENERATOR.random(66), ShortSeries((3, 12), dict.fromkeys(MEMBERS, (2.0, 1.5)), 0.1, 3)
    one, several = panel_of(y[:60]), panel_of(y[:60], 9 + GENERATOR.random(60))
    place = folder_of(replace(make_forecaster(several), short=short), tmp_path / "several")
    new: dict[str, Any] = {"start": "2005-01-01", "y": y[60:].tolist()}
    whole: dict[str, Any] = {"start": "2000-01-01", "y": y.tolist()}
    with served(place) as found:
        rows = found.ask(series=[{"id": "s0", **new}, {"id": "other", **new}, {"id": "s1", **whole}]).json()
        alone = found.ask(series=[{"id": "s0", **whole}]).json()["forecast"][0]
        for name, found_there in numbers([rows["forecast"][0]]).items():  # asked with others, to rounding
            assert_close32(found_there, numbers([alone])[name])
        assert rows["forecast"][1]["y_hat"] != alone["y_hat"]
        assert [row["id"] for row in rows["forecast"]] == ["s0", "other", "s1"]
        nameless = found.ask(series=[new]).json()["forecast"][0]
        for name, found_there in numbers([nameless]).items():  # of two series nobody knows which
            assert_close32(found_there, numbers([rows["forecast"][1]])[name])
        old = found.ask(series=[{"id": "s1", **new}, {"id": "s0", "start": "2001-01-01", "y": y[12:30].tolist()}])
        assert any("('s0') end at 2002-06-01, before the training rows" in text for text in old.json()["warnings"])
        refused = found.ask(series=[{"id": "s0", **new}, {"id": "other", "start": "2005-01-01", "y": [1, 2]}])
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "GF-D72")
        assert refused.json()["error"]["field"] == "series[1].y"
    with served(folder_of(make_forecaster(one), tmp_path / "one")) as found:
        nameless, named = (
            found.ask(series=[{**asked}]).json()["forecast"][0] for asked in (new, {"id": "s0", **whole})
        )
        assert nameless["y_hat"] == named["y_hat"]
        other = found.ask(series=[{"start": "2004-09-01", "y": (2 * y[56:]).tolist()}]).json()
        assert any("4 of 4 values differ" in text for text in other["warnings"])


def test_gaps_missing_ends_and_other_days_of_the_month_are_as_in_a_file(
    server: Server, folder: Path, tmp_path: Path
) -> None:
    stamps, y = months("2015-01", 30), values(30)
    keep = [k for k in range(30) if k not in (4, 20)]
    y[-1] = None
    given = [stamps[k] for k in keep], [y[k] for k in keep]
    wanted = predicted(folder, long_csv(tmp_path / "gaps.csv", {"a": given}))
    answer = server.ask(series=[{"id": "a", "ds": given[0], "y": given[1]}]).json()
    assert_same(answer, wanted)
    assert "missing" in answer["warnings"][0]
    ends = [str(np.datetime64(stamp[:7], "M") + 1 - np.timedelta64(1, "D")) for stamp in stamps]
    wanted = predicted(folder, long_csv(tmp_path / "ends.csv", {"a": (ends, values(30))}))
    assert list(wanted["ds"]) == [
        str((np.datetime64("2017-07", "M") + 1 + k).astype("datetime64[D]") - np.timedelta64(1, "D")) for k in range(6)
    ]
    answer = server.ask(series=[{"id": "a", "start": ends[0], "y": values(30)}]).json()
    assert answer["forecast"][0]["ds"] == list(wanted["ds"])


def test_what_is_not_known_is_null_and_said(server: Server) -> None:
    answer = server.ask(series=[{"start": "2020-01-01", "y": [5]}, {"start": "2020-01-01", "y": values(40)}])
    assert "NaN" not in answer.text
    first, second = answer.json()["forecast"]
    assert first["lo-80"] == [None] * 6
    assert None not in second["lo-80"]
    assert [first["id"], second["id"]] == ["0", "1"]
    assert any("no interval" in text for text in answer.json()["warnings"])


def test_no_negative_forecast_where_none_was_negative(server: Server) -> None:
    row = server.ask(series=[{"start": "2020-01", "y": [1, 0, 0, 2, 0, 0, 1, 0] * 4}]).json()["forecast"][0]
    assert min(row["lo-95"]) >= 0


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ({"horizon": 7}, "horizon", "more than 6"),
        ({"member": "blendd"}, "member", "Did you mean 'blend'?"),
        ({"levels": [80, 81]}, "levels[1]", "80, 95"),
        ({"series": [{"id": "ss1"}]}, "series[0].id", "Did you mean"),
        ({"series": [{}]}, "series[0]", "give y, or the id"),
        ({"series": [{"id": "s0"}, {"start": "2020-01", "y": [1]}]}, "series[0].y", "for all series"),
        ({"series": [{"y": [1, 2]}]}, "series[0].start", "either start or ds"),
        ({"series": [{"start": "2020-01", "ds": ["2020-01"], "y": [1]}]}, "series[0].start", "either start or ds"),
        ({"series": [{"ds": ["2020-01"], "y": [1, 2]}]}, "series[0].ds", "1 stamps and 2 values"),
        ({"series": [{"id": "s0", "start": "2020-01"}]}, "series[0].start", "goes with y"),
        ({"series": [{"start": "yesterday", "y": [1, 2]}]}, "series[0].start", "not a time stamp"),
        ({"series": [{"ds": ["2020-01-01", "2020-01-32"], "y": [1, 2]}]}, "series[0].ds[1]", "date"),
        ({"series": [{"ds": ["2020-01", "2020-02", "2020-02"], "y": [1, 2, 3]}]}, "series[0].ds[2]", "same time stamp"),
        ({"series": [{"start": "2020-01", "y": [1] * 9}, {"start": "x", "y": [1]}]}, "series[1].start", "'x'"),
        ({"series": [{"ds": ["2020-01-01", "2020-02-03"], "y": [1, 2]}]}, "series[0].ds[0]", "does not fit the step"),
        ({"series": [{"start": "2020-01", "y": [None, None]}]}, "series[0].y", "no value at all"),
        ({"series": [{"start": "2020-01", "y": [1, 1e31]}]}, "series[0].y[1]", "too large"),
        ({"series": [{"id": ["a", "b"], "start": "2020-01", "y": [1]}]}, "series[0].id", "2 parts"),
        ({"series": [{"id": "a", "start": "2020-01", "y": [1]}] * 2}, "series[0].id", "twice"),
        ({"series": [{"start": "2020-01", "y": [1], "past": {"rain": [1]}}]}, "series[0].past.rain", "no such column"),
        ({"series": [{"ds": ["1800-01", "2200-01"], "y": [1, 2]}]}, "series[0].ds[0]", "not"),
    ],
)
def test_what_does_not_fit_the_model_is_refused_with_its_field(
    server: Server, query: dict[str, Any], field: str, words: str
) -> None:
    answer = server.ask(**query)
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert error["field"] == field, error
    assert words in error["message"], error
    assert error["code"].startswith("GF-")


def test_it_says_what_the_model_is(server: Server, folder: Path) -> None:
    found = server.get("/v1/model").json()
    assert found["model"] == folder.name
    assert (found["frequency"], found["horizon"], found["season_length"], found["series"]) == ("M", 6, 12, 3)
    assert [one["name"] for one in found["members"]] == ["networks", "gru", "gru-2", "blend", "theta", "naive"]
    assert found["limits"] == {"horizon": 6, "series": 10_000, "rows": 500_000, "body": 8_000_000}
    assert str(folder.parent) not in json.dumps(found)
    assert server.get("/health").json() == {"status": "ok"}
    assert server.get("/ready").status_code == 200


def test_the_description_is_whole_and_loads_nothing(server: Server) -> None:
    found = server.get("/openapi.json").json()
    text = json.dumps(found)
    for name in found["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in text or name in ("Query", "Answer"), name
    for part in text.split('"$ref": "#/components/schemas/')[1:]:
        assert part.partition('"')[0] in found["components"]["schemas"]
    assert found["components"]["schemas"]["Series"]["additionalProperties"] is False
    assert set(found["paths"]) == {"/v1/forecast", "/v1/model", "/health", "/ready", "/metrics"}
    page = server.get("/docs")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert "http" not in page.text.replace("/openapi.json", "")


def test_metrics_count(server: Server) -> None:
    def count(name: str) -> float:
        lines = server.get("/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    before = {name: count(name) for name in ("gruforecast_series_total", "gruforecast_forecast_seconds_count")}
    good, bad = 'gruforecast_requests_total{route="/v1/forecast",status="200"}', count("gruforecast_requests_total")
    was = count(good)
    server.ask()
    server.get("/<script>")
    assert count(good) == was + 1
    assert count("gruforecast_series_total") == before["gruforecast_series_total"] + 3
    assert count("gruforecast_forecast_seconds_count") == before["gruforecast_forecast_seconds_count"] + 1
    assert count('gruforecast_requests_total{route="other",status="404"}') >= 1
    assert count("gruforecast_requests_total") > bad
    assert count("process_resident_memory_bytes") > 1e7


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
def test_tensorflow_is_not_loaded(server: Server) -> None:
    server.ask()
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    assert "numpy" in maps
    for name in ("tensorflow", "keras", "site-packages/scipy/", "sklearn", "h5py"):
        assert name not in maps


def test_the_application_imports_no_tensorflow() -> None:
    heavy = "{'tensorflow', 'keras', 'keras_tuner', 'scipy', 'sklearn', 'pandas'}"
    code = f"import sys, gruforecast.serve.server; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()", done.stdout


def test_requests_that_come_together_are_answered_in_one_call_as_alone(folder: Path) -> None:
    queries = [{"series": [{"id": "a", "start": "2020-01", "y": values(20 + k, 10 * k)}]} for k in range(24)]
    queries += [{"horizon": 1 + k % 6} for k in range(6)]
    queries += [{"series": [{"id": "a", "start": "2020-01", "y": values(30)}], "member": "theta"}] * 3
    with served_here(folder) as (service, server):
        alone = [server.ask(**query).json() for query in queries]
        calls = service.metrics.calls
        with ThreadPoolExecutor(len(queries)) as pool:
            together = list(pool.map(lambda query: server.ask(**query).json(), queries))
        assert service.metrics.calls - calls < len(queries)
    for one, other in zip(alone, together, strict=True):
        for name, found in numbers(one["forecast"]).items():
            assert_close32(numbers(other["forecast"])[name], found)
        assert [row["ds"] for row in one["forecast"]] == [row["ds"] for row in other["forecast"]]


DAYS = 120


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame, pd.DataFrame]:
    """A daily model with all kinds of columns and two id columns, new rows, and what is known ahead of them."""
    where = tmp_path_factory.mktemp("shop")
    generator = np.random.default_rng(9)
    frames = []
    for store, region in (("A", "north"), ("B", "south")):
        ds = pd.date_range("2024-01-01", periods=DAYS).strftime("%Y-%m-%d")
        frame = pd.DataFrame({"store": store, "item": "milk", "ds": ds, "y": 20 + generator.random(DAYS).round(3)})
        frame["price"] = generator.random(DAYS).round(2)
        frame["open"] = (np.arange(DAYS) % 7 != 6).astype(int)
        frame["weather"] = np.array(["sun", "rain", "snow"])[generator.integers(0, 3, DAYS)]
        frame["visits"] = generator.integers(50, 90, DAYS).astype(float)
        frame["region"] = region
        frames.append(frame)
    rows = pd.concat(frames)
    rows.to_csv(where / "train.csv", index=False)
    options = ReadOptions(
        id=("store", "item"),
        time=("ds",),
        target="y",
        known=("price", "open", "weather"),
        past=("visits",),
        static=("region", "store"),
    )
    folder = folder_of(small_model(read_csv(str(where / "train.csv"), options).panel, season=7), where / "shop")
    cut = rows[rows.ds < "2024-04-20"]
    later = rows[(rows.ds >= "2024-04-20") & (rows.ds < "2024-04-26")]
    cut.to_csv(where / "new.csv", index=False)
    later.drop(columns=["y", "visits"]).to_csv(where / "future.csv", index=False)
    return folder, cut, later


def shop_series(cut: pd.DataFrame, later: pd.DataFrame) -> list[dict[str, Any]]:
    found = []
    for store, frame in cut.groupby("store"):
        ahead = later[later.store == store]
        found.append(
            {
                "id": [store, "milk"],
                "start": frame.ds.iloc[0],
                "y": frame.y.tolist(),
                "past": {"visits": frame.visits.tolist()},
                "known": {
                    name: [*frame[name].tolist(), *ahead[name].tolist()] for name in ("price", "open", "weather")
                },
                "static": {"region": frame.region.iloc[0]},
            }
        )
    return found


def test_columns_beside_the_target_are_read_as_from_files(shop: tuple[Path, pd.DataFrame, pd.DataFrame]) -> None:
    folder, cut, later = shop
    series = shop_series(cut, later)
    with served(folder) as server:
        wanted = predicted(folder, str(folder.parent / "new.csv"), "--future", str(folder.parent / "future.csv"))
        answer = server.ask(series=series).json()
        assert_same(answer, wanted)
        assert [row["id"] for row in answer["forecast"]] == [["A", "milk"], ["B", "milk"]]
        for one in series:
            one["known"]["open"] = [bool(flag) for flag in one["known"]["open"]]
        assert server.ask(series=series).json() == answer
        changed = json.loads(json.dumps(series))
        changed[0]["known"]["price"][-1] = 5
        other = server.ask(series=changed).json()
        assert other["forecast"][0] != answer["forecast"][0]
        assert_close32(other["forecast"][1]["y_hat"], answer["forecast"][1]["y_hat"])
        context = [{"id": ["A", "milk"], "known": {"price": [1] * 6, "open": [1] * 6, "weather": ["sun"] * 6}}]
        row = server.ask(series=context).json()["forecast"][0]
        assert row["ds"][0] == "2024-04-30"
        assert server.ask(series=[{**context[0], "id": "A/milk"}]).json()["forecast"][0] == row
        stamps = pd.date_range(series[0]["start"], periods=len(series[0]["y"])).strftime("%Y-%m-%d").tolist()
        turned = [{**{name: series[0][name] for name in series[0] if name != "start"}, "ds": stamps[::-1]}]
        for query, field, code in (
            ({}, "series[0].known", "GF-U38"),
            ({"series": turned}, "series", "GF-H09"),
            ({"series": [{**context[0], "known": {}}]}, "series[0].known", "GF-U38"),
            ({"series": _but(series, "known", "price", [1.0])}, "series[0].known.price", "GF-H09"),
            ({"series": _but(series, "known", "weather", None)}, "series[0].known.weather", None),
            ({"series": _but(series, "past", "visits", None)}, "series[0].past.visits", None),
            ({"series": _but(series, "static", "region", None)}, "series[0].static.region", None),
            ({"series": _but(series, "static", "region", 3)}, "series[0].static.region", "GF-D62"),
            ({"series": _but(series, "static", "price", 3)}, "series[0].static.price", "GF-H14"),
            ({"series": _but(series, "known", "open", [2] * 116)}, "series[0].known.open[0]", "GF-D62"),
            ({"series": _but(series, "known", "price", ["x"] * 116)}, "series[0].known.price[0]", "GF-D30"),
            ({"series": _but(series, "known", "price", [1] * 115 + [None])}, "series[0].known.price[115]", "GF-D60"),
        ):
            found = server.ask(**query)
            assert found.status_code == 422, (query, found.text)
            assert found.json()["error"]["field"] == field, found.text
            assert code in (None, found.json()["error"]["code"]), found.text
        assert server.ask(member="theta").status_code == 200  # it sees no other columns


def _but(series: list[dict[str, Any]], role: str, name: str, value: Any) -> list[dict[str, Any]]:
    """The series with another value of one column in the first; without it if that is None."""
    copy = json.loads(json.dumps(series))
    copy[0][role][name] = value
    if value is None:
        del copy[0][role][name]
    return copy


def test_the_clock_of_a_place_goes_on_over_its_changes(tmp_path: Path) -> None:
    utc = pd.date_range("2024-03-01", periods=30 * 24 + 18, freq="h", tz="Europe/London")
    y = (20 + GENERATOR.random(len(utc))).round(3)
    train = pd.DataFrame({"ds": utc.strftime("%Y-%m-%d %H:%M"), "y": y})
    train.to_csv(tmp_path / "train.csv", index=False)
    panel = read_csv(str(tmp_path / "train.csv"), ReadOptions(tz="Europe/London")).panel
    folder = folder_of(small_model(panel, horizon=12, season=24), tmp_path / "hourly")
    wanted = predicted(folder, str(tmp_path / "train.csv"))
    with served_here(folder) as (_, server):
        answer = server.ask(series=[{"start": "2024-03-01 00:00", "y": y.tolist()}]).json()
        assert_same(answer, wanted)
        short = server.ask(series=[{"start": "2024-03-01", "y": y[:720].tolist()}]).json()["forecast"][0]["ds"]
        assert short[:4] == ["2024-03-31 00:00", "2024-03-31 02:00", "2024-03-31 03:00", "2024-03-31 04:00"]
        refused = server.ask(series=[{"start": "2024-03-31 01:30", "y": [1, 2, 3]}]).json()["error"]
        assert refused["field"] == "series[0].start"


def test_a_date_and_an_hour_in_two_columns_become_one_stamp(tmp_path: Path) -> None:
    lines = ["date,hour,load"] + [f"2024-01-{1 + k // 24:02},{k % 24},{20 + k % 24 + k / 100}" for k in range(240)]
    (tmp_path / "two.csv").write_text("\n".join(lines) + "\n")
    panel = read_csv(str(tmp_path / "two.csv"), ReadOptions(time=("date", "hour"), target="load")).panel
    folder = folder_of(small_model(panel, season=24), tmp_path / "two")
    with served_here(folder) as (_, server):
        ends = server.ask().json()["forecast"][0]
        rows = server.ask(series=[{"start": "2024-01-01 00:00", "y": panel.y.tolist()}]).json()["forecast"][0]
    assert ends["ds"][:2] == rows["ds"][:2] == ["2024-01-11 00:00", "2024-01-11 01:00"]
    assert_close32(rows["y_hat"], ends["y_hat"])


def test_all_that_is_imported_is_in_the_light_install(folder: Path, tmp_path: Path) -> None:
    code = f"""
import sys
from importlib.metadata import packages_distributions
import gruforecast.serve.server
from typer.testing import CliRunner
from gruforecast.cli import app
for form in ("csv", "table", "json"):
    done = CliRunner().invoke(app, ["predict", {str(folder)!r}, "--format", form])
    assert done.exit_code == 0, done.output
known = packages_distributions()
tops = {{name.partition(".")[0] for name in sys.modules}}
print(*{{found for name in tops for found in known.get(name, [])}})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    pinned = {line.partition("==")[0] for line in (ROOT / "requirements" / "predict.txt").read_text().splitlines()}
    used = {name.lower().replace("_", "-") for name in done.stdout.split()} - {"gruforecast", "setuptools"}

    assert used <= pinned, used - pinned
    assert {"numpy", "fastapi", "uvicorn"} <= used
    assert not {"tensorflow", "scipy"} & pinned

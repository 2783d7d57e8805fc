"""What is said of the inside of a network: half-lives, moments, importance, the dict, its text and its charts."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest
from made_networks import random_weights
from makers import AIR, MONTHLY, history_of, panel_of, run
from rounding import assert_close32

from gruforecast.data.calendar.frequency import Frequency
from gruforecast.explain.explanation import Subject, explain_gates, explain_gradients, explain_importance, unit_of
from gruforecast.explain.gate_timeline import Timeline, lasting, watch
from gruforecast.explain.gates import replay
from gruforecast.explain.memory import change_points, half_lives, profile
from gruforecast.explain.permutation import ALL_ROWS, importance, parts_of
from gruforecast.models.networks.config import NetworkConfig
from gruforecast.models.networks.features import encode_windows
from gruforecast.models.networks.inference import Network
from gruforecast.report.page.gate_charts import gate_charts
from gruforecast.report.sentences import (
    amount,
    between,
    bin_label,
    calendar_sentence,
    change_points_sentence,
    edges,
    gradient_sentence,
    importance_sentence,
    memory_sentence,
    percent,
)
from gruforecast.report.terminal.console import spark
from gruforecast.report.terminal.explain import show_explanation

CONFIG = NetworkConfig(horizon=4, lookback=24, season_length=4, units=5, segment=2, layers=2)


def season(rows: int, seed: int = 0):
    generator = np.random.default_rng(seed)
    return 10 + np.tile([1.0, 2, 3, 2], rows)[:rows] + 0.1 * generator.normal(size=rows)


def timeline_of(rewritten, gate: float = 0.5, series=None) -> Timeline:
    n = len(rewritten)
    gates = np.full((n, 1, 2), gate)
    rows = np.arange(n)
    which = np.zeros(n, int) if series is None else np.asarray(series)
    return Timeline(which, rows, rows, gates, gates, np.log(gates), np.asarray(rewritten, float))


@pytest.mark.parametrize(("gate", "tokens"), [(0.5, 1.0), (0.25, 0.5), (0.5**0.1, 10.0)])
def test_a_gate_that_keeps_half_has_a_half_life_of_one_token(gate: float, tokens: float) -> None:
    np.testing.assert_allclose(half_lives(timeline_of(np.zeros(9), gate)), tokens)


def test_a_gate_that_never_opens_never_forgets() -> None:
    assert np.isinf(half_lives(timeline_of(np.zeros(9), 1.0))).all()


def test_half_of_the_state_is_gone_after_the_half_life() -> None:
    """The share of a number that was put into the state, followed step by step, as its definition says."""
    gates = np.random.default_rng(1).uniform(0.8, 0.95, 400)
    timeline = replace(timeline_of(np.zeros(400)), log_update=np.log(gates)[:, None, None])
    h = half_lives(timeline)[0, 0]
    assert np.prod(gates) == pytest.approx(0.5 ** (400 / h))


@pytest.mark.parametrize("rows", [9, 24, 25, 61, 200])
def test_a_timeline_has_every_token_once_and_its_own_rows(rows: int) -> None:
    history = history_of(season(rows), season(30))
    found = watch(history, CONFIG, random_weights(CONFIG))
    for series, length in ((0, rows), (1, 30)):
        first, last = found.first[found.series == series], found.last[found.series == series]
        begin = 0 if series == 0 else rows
        assert first[0] == begin
        assert last[-1] == begin + length - 1
        np.testing.assert_array_equal(first[1:], last[:-1] + 1)
        assert set((last - first + 1)[1:]) <= {2}
    assert ((found.update > 0) & (found.update < 1)).all()


def test_the_newest_tokens_are_those_of_the_newest_window() -> None:
    history, weights = history_of(season(24)), random_weights(CONFIG)
    found = watch(history, CONFIG, weights)
    windows = history.windows(np.array([0]), np.array([24]))
    gates = replay(encode_windows(history, windows, CONFIG).features, CONFIG, weights)
    assert_close32(found.update, gates.update[0])
    assert_close32(found.reset, gates.reset[0])


def test_lasting_is_the_distance_between_pairs() -> None:
    states = np.zeros((1, 9, 2), np.float32)
    states[0, 4:] = [3, 4]
    np.testing.assert_allclose(lasting(states)[0], [np.nan, np.nan, 0, 2.5, 5, 2.5, 0, 0, np.nan])
    states[0, 5:] = 0  # taken back at once
    assert np.nanmax(lasting(states)) == 2.5
    assert np.isnan(lasting(states[:, :3])).all()


def test_a_change_point_is_where_something_unusual_begins() -> None:
    rewritten = 1 + 0.1 * np.random.default_rng(2).normal(size=60)
    rewritten[[19, 20, 21, 23, 40]] = 1.8, 4, 5, 4, 3  # less than a third of it; and what goes on is one change point
    rewritten[0] = np.nan
    found = change_points(timeline_of(rewritten), np.zeros(60, int), 12)
    assert found.at.tolist() == [20, 40]
    assert found.strength.tolist() == [found.score[21], found.score[40]]
    assert np.isnan(found.score[0])


def test_networks_of_few_tokens_have_no_change_points() -> None:
    """Those that learned from known breaks found none of them, and others where nothing breaks."""
    rewritten = 1 + 0.1 * np.random.default_rng(2).normal(size=60)
    rewritten[40] = 5
    assert change_points(timeline_of(rewritten), np.zeros(60, int), 12).at.tolist() == [40]
    few = change_points(timeline_of(rewritten), np.zeros(60, int), 11)
    assert not len(few.at)
    assert np.isnan(few.score).all()


def test_moments_of_two_series_do_not_hide_each_other() -> None:
    rewritten = 1 + 0.1 * np.random.default_rng(2).normal(size=60)
    rewritten[[29, 30]] = 5
    found = change_points(timeline_of(rewritten, series=[0] * 30 + [1] * 30), np.zeros(60, int), 12)
    assert found.at.tolist() == [29, 30]


def test_what_happens_every_season_is_no_moment() -> None:
    rewritten = np.tile([5.0, 1, 1, 1], 25) + 0.1 * np.random.default_rng(4).normal(size=100)
    rewritten[50] = 5
    found = change_points(timeline_of(rewritten), np.arange(100) % 4, 12)
    assert found.phased
    assert found.at.tolist() == [50]


@pytest.mark.parametrize("rewritten", [np.ones(40), np.full(40, np.nan), np.arange(5.0), np.zeros(0)])
def test_where_nothing_is_unusual_there_are_no_moments(rewritten) -> None:
    assert not len(change_points(timeline_of(rewritten), np.zeros(len(rewritten), int), 12).at)


def test_the_profile_counts_by_the_calendar() -> None:
    stamps = np.datetime64("2024-01-01T00", "h") + np.arange(24 * 14)  # begins on a Monday
    flags = (np.arange(len(stamps)) % 24 == 6) & (np.arange(len(stamps)) >= 24 * 7)
    by = {one["by"]: one for one in profile(stamps.astype("datetime64[s]"), flags, 3600)}
    assert by["hour"]["moments"][6] == 7 == sum(by["hour"]["moments"])
    assert by["weekday"]["moments"] == [1] * 7
    assert by["weekday"]["tokens"] == [48] * 7
    assert "month" not in by  # there is one
    assert not profile(stamps.astype("datetime64[s]"), flags, 40 * 86_400)


@pytest.mark.parametrize(
    ("freq", "unit"),
    [
        (Frequency("s", 300), ("minutes", 5.0)), (Frequency("s", 1800), ("hours", 0.5)),
        (Frequency("s", 86_400), ("days", 1.0)), (Frequency("s", 7 * 86_400), ("weeks", 1.0)),
        (Frequency("M", 3), ("months", 3.0)), (Frequency("M", 12), ("years", 1.0)),
        (Frequency("B", 1), ("business days", 1.0)),
    ],
)  # fmt: skip
def test_the_unit_of_time_is_the_users(freq: Frequency, unit) -> None:
    assert unit_of(freq) == unit


def test_stamps_go_backwards_as_they_go_forwards() -> None:
    for freq in (Frequency("s", 3600), Frequency("M", 1, 31), Frequency("B", 1)):
        begin = np.array(["2024-01-31T00:00:00"], "datetime64[s]")
        later = freq.after(begin, 30)
        np.testing.assert_array_equal(freq.until(later[:, -1], 31)[0], np.append(begin, later))


def test_parts_cover_the_window_once() -> None:
    for m in (1, 4, 24):
        config = replace(CONFIG, season_length=m)
        rows = [one.rows for one in parts_of(config) if "together" not in one.name]
        assert sorted(k for first, end in rows for k in range(first, end)) == list(range(24))


def test_groups_of_one_row_are_named_as_one() -> None:
    names = [one.name for one in parts_of(replace(CONFIG, season_length=2, lookback=6))]
    assert names[:4] == ["last row", "2 rows back", "season 2 back", "season 3 back"]


def test_only_what_the_head_reads_is_important() -> None:
    """A network whose state is cut off from its head sees the newest season only, and nothing of the weather."""
    config = replace(CONFIG, segment=1, inputs=("known",), use_inputs="all")
    weights = random_weights(config)
    weights["hidden.kernel"][:5] = 0
    weights["context.kernel"][:] = 0
    weights["row.kernel"][: config.future_channels] = 0
    values = season(80)
    history = history_of(values)
    history = replace(history, x=np.random.default_rng(4).normal(size=(80, 1)))
    windows = history.windows(np.zeros(30, int), np.arange(40, 70))
    found = importance(history, windows, config, weights, ("weather",))
    assert found is not None
    by = {one["name"]: one for one in found["parts"]}
    for name in ("season 2 back", "season 3 back", "season 4 back", "weather"):
        assert by[name]["low"] == by[name]["high"] == 0
    assert by["last row"]["mean"] != 0
    assert found == importance(history, windows, config, weights, ("weather",))  # the seed is fixed


def explained(columns=()):
    config = replace(CONFIG, inputs=("past",) * len(columns), use_inputs="all" if columns else "none")
    panel = panel_of(season(90), season(40))
    history = history_of(season(90), season(40))
    history = replace(history, x=np.random.default_rng(4).normal(size=(130, len(columns))))
    network = Network("gru", config, random_weights(config))
    subject = Subject(network, history, panel.wall, panel.ids, MONTHLY, columns, "a test", 0)
    found = explain_gates(subject)
    windows = history.windows(np.zeros(30, int), np.arange(50, 80))
    other = replace(config, cell="lstm")
    kinds = {"gru (as saved)": [network], "lstm": [Network("l", other, random_weights(other))]}
    found["reach"] = explain_gradients(kinds, history, windows, MONTHLY)
    found["importance"] = explain_importance(network, history, windows, columns, "a test")
    return found


HOSTILE = "<img src=x onerror=alert(1)>[/bold]\x1b]0;x\x07"


def test_the_dict_is_small_plain_json_and_every_chart_is_one_of_plotly(capsys) -> None:
    found = explained((HOSTILE,))
    text = json.dumps(found, allow_nan=False)
    assert len(text) < 300_000
    assert json.loads(text) == found
    found["importance"]["parts"][-1] |= {"low": -0.0004, "high": -0.0001}
    charts = gate_charts(found)
    assert len(charts) >= 5  # two layers, memory, moments, reach, importance
    for chart in charts:
        go.Figure({"data": chart.data, "layout": chart.layout})
        assert chart.title
        assert chart.note
        assert all(len(row) == len(chart.table.header) for row in chart.table.rows)
        assert "<img" not in json.dumps(chart.drawn())
    show_explanation(found)
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "-0.000" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_bars_span_the_values() -> None:
    assert spark([0, None, 1], 9) == "▁ █"
    assert spark([], 9) == ""
    assert len(spark([1.0] * 100, 60)) == 60


@pytest.mark.parametrize(("low", "high"), [(0.3, 40), (5, 5), (1e-3, 1e5)])
def test_bins_hold_all_values(low: float, high: float) -> None:
    bounds = edges(low, high)
    assert bounds[0] <= low
    assert bounds[-1] >= high
    assert len(bounds) <= 9


def test_shares_and_bins_are_written_once_and_in_full() -> None:
    assert between([49.8, 50.2]) == "50 %"
    assert between([49.0, 54.0]) == "49 to 54 %"
    assert bin_label(90.5, 181.0) == "90 to 181"
    assert amount(99.7, "months") == "100 months"
    assert [percent(share) for share in (1.82, 0.997, 0.05, 0.0)] == ["182 %", "100 %", "5 %", "0 %"]


def test_a_few_units_are_not_none() -> None:
    found = explained()
    found["memory"] |= {"within_a_token": 0.002, "beyond_the_window": 0.003}
    text = memory_sentence(found)
    assert "under 1 % of the units forget" in text
    assert "under 1 % still know half" in text


def test_nothing_is_usual_where_half_of_all_is_more_than_usual() -> None:
    found = explained()
    found["resets"] |= {"n_moments": 0, "moments": [], "n_tokens": 7669}
    assert "In 7,669 steps" in change_points_sentence(found)
    assert "for good far more than usual" in change_points_sentence(found)


def test_the_calendar_names_what_it_looked_at_and_every_part_that_has_most() -> None:
    found = explained()
    part = {"by": "month", "names": ["Jan", "Feb", "Mar"], "moments": [4, 4, 0], "tokens": [10, 10, 10]}
    found["resets"] |= {"n_moments": 8, "profile": [part]}
    assert calendar_sentence(found["resets"]) == " No month stands out."
    title = next(chart.title for chart in gate_charts(found) if chart.title.startswith("By month"))
    assert title == "By month: Jan, Feb have the most state change points, 4 of 8 each"


def test_the_ends_of_the_window_are_as_long_as_they_are() -> None:
    """A window of four steps has no tenth: its end is a quarter."""
    config = replace(CONFIG, segment=6)
    history = history_of(season(90))
    windows = history.windows(np.zeros(30, int), np.arange(50, 80))
    networks = [Network("gru", config, random_weights(config))]
    curves = explain_gradients(dict.fromkeys(("a", "b"), networks), history, windows, MONTHLY)
    assert [one["end"] for one in curves] == [6.0, 6.0]
    found = {"reach": [curves[0], curves[1] | {"cell": "lstm"}], "unit": "months"}
    assert "a row in the oldest 6 months of the window" in gradient_sentence(found)
    assert "tenth" not in gradient_sentence(found)


def test_what_does_not_matter_is_not_needed_most() -> None:
    found = explained()
    for part in found["importance"]["parts"]:
        part |= {"mean": -0.016, "low": -0.03, "high": -0.001}
    assert gate_charts(found)[-1].title == "No part of the input matters by more than 0.01 of MASE"
    first = next(part for part in found["importance"]["parts"] if part["name"] != ALL_ROWS)
    first |= {"mean": 0.2, "low": 0.1, "high": 0.3}
    found["importance"]["parts"].sort(key=lambda part: -part["mean"])
    title = f"The network needs most: {first['name']} (MASE +0.200 with those of another window)"
    assert gate_charts(found)[-1].title == title
    assert f"it needs most: {first['name']}, with a growth of 0.200." in importance_sentence(found)
    first["low"] = -0.01  # in one exchange it did not matter
    assert gate_charts(found)[-1].title == "No single part of the input is needed beyond what exchanges differ"
    assert "seasonal naive" not in importance_sentence(found)


def test_gates_that_stand_half_open_are_no_memory() -> None:
    found = explained()
    for layer in found["gates"]["layers"]:
        layer["mean_update"] = [48.0, 52.0]
    assert "stand half open" in memory_sentence(found)
    found["gates"]["layers"][0]["mean_update"] = [80.0]
    assert "half open" not in memory_sentence(found)


def test_steps_of_several_rows_are_drawn_from_their_begin_to_their_end() -> None:
    found = explained()
    gates = found["gates"]
    assert gates["from"] != gates["to"]
    line, *maps = gate_charts(found)[0].data
    assert line["x"] == [*gates["from"], gates["to"][-1]]
    assert len(line["y"]) == len(line["x"])
    assert [one["x"] for one in maps if one["type"] == "heatmap"] == [line["x"]] * 2


def test_half_lives_are_exact_enough_for_their_bins() -> None:
    lives = [one for layer in explained()["memory"]["layers"] for one in layer if one]
    assert any(float(f"{one:.3g}") != one for one in lives)


@pytest.mark.network
def test_explain_on_the_command_line(fitted, tmp_path) -> None:
    cwd = fitted["cwd"]
    stored = run("explain", "--json", cwd=cwd)
    assert json.loads(stored.stdout) == fitted["report"]["explain"]
    assert {one["cell"] for one in fitted["report"]["explain"]["reach"]} == {"gru", "lstm", "rnn"}
    assert fitted["report"]["explain"]["importance"]["parts"]
    data = tmp_path / "later.csv"
    data.write_text(
        "unique_id,ds,y\n" + "".join(f"a,{2000 + k // 12}-{k % 12 + 1:02}-01,{100 + k % 7 + k}\n" for k in range(90))
    )
    target = tmp_path / "inside.json"
    done = run("explain", "gruforecast_model", str(data), "-o", str(target), cwd=cwd)
    assert done.returncode == 0, done.stderr
    found = json.loads(target.read_text())
    assert found["source"] == "later.csv"
    assert "not learned from" in found["importance"]["seen"]
    assert len(found["reach"]) == len(fitted["report"]["explain"]["reach"])
    for wrong in (("--member", "lstm"), ("--id", "nobody"), ("-o", "x.html")):
        assert run("explain", *wrong, cwd=cwd).returncode == 2


@pytest.mark.network
def test_without_data_the_kept_rows_are_looked_at(fitted) -> None:
    from gruforecast.artifact.folder import load
    from gruforecast.data.read import read_like
    from gruforecast.explain.model import explain_model

    forecaster = load(fitted["cwd"] / "gruforecast_model")
    name = forecaster.networks[-1].name
    kept, whole = (
        explain_model(forecaster, panel, member=name) for panel in (None, read_like(str(AIR), forecaster.plan).panel)
    )
    assert kept["gates"]["to"][-1] == whole["gates"]["to"][-1] == "1960-12-01"
    for mine, theirs in zip(kept["gates"]["layers"], whole["gates"]["layers"], strict=True):  # newest
        assert mine["mean_update"][-1] == pytest.approx(theirs["mean_update"][-1], abs=2e-4)
        assert mine["mean_reset"][-1] == pytest.approx(theirs["mean_reset"][-1], abs=2e-4)
    assert kept["reach"][0]["norm"] == pytest.approx(whole["reach"][0]["norm"], rel=1e-3)
    assert kept["importance"] is None
    assert len(kept["reach"]) == 1
    show_explanation(kept)

"""What is said of the inside of a network: half-lives, moments, importance, the record, its text and its charts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
from made_networks import random_weights
from makers import AIR, GOLDEN, MONTHLY, history_of, panel_of, run
from msgspec.structs import replace as changed
from rounding import assert_close32
from typer.testing import CliRunner

from gruforecast.cli import app
from gruforecast.data.calendar.frequency import Frequency
from gruforecast.errors import ModelError
from gruforecast.explain.explanation import Subject, explain, explain_gradients, explain_importance, unit_of
from gruforecast.explain.gate_timeline import Timeline, lasting, watch
from gruforecast.explain.gates import replay
from gruforecast.explain.memory import change_points, half_lives, profile
from gruforecast.explain.permutation import importance, parts_of
from gruforecast.explain.records import CalendarProfile, ChangePoint, Explanation, PartImportance
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
from gruforecast.serialization import encoded, plain, record

MODEL = GOLDEN / "format-1" / "model"
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
    by = {one.by: one for one in profile(stamps.astype("datetime64[s]"), flags, 3600)}
    assert by["hour"].moments[6] == 7 == sum(by["hour"].moments)
    assert by["weekday"].moments == [1] * 7
    assert by["weekday"].tokens == [48] * 7
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
        np.testing.assert_array_equal(freq.moved(later[0, -1], np.arange(-30, 1)), np.append(begin, later))


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
    by = {one.name: one for one in found.parts}
    for name in ("season 2 back", "season 3 back", "season 4 back", "weather"):
        assert by[name].low == by[name].high == 0
    assert by["last row"].mean != 0
    assert found == importance(history, windows, config, weights, ("weather",))  # the seed is fixed


def explained(columns: tuple[str, ...] = ()) -> Explanation:
    config = replace(CONFIG, inputs=("past",) * len(columns), use_inputs="all" if columns else "none")
    panel = panel_of(season(90), season(40))
    history = history_of(season(90), season(40))
    history = replace(history, x=np.random.default_rng(4).normal(size=(130, len(columns))))
    network = Network("gru", config, random_weights(config))
    subject = Subject(network, history, panel.wall, panel.ids, MONTHLY, columns, "a test", 0)
    windows = history.windows(np.zeros(30, int), np.arange(50, 80))
    other = replace(config, cell="lstm")
    kinds = {"lstm": [Network("l", other, random_weights(other))]}
    reach = explain_gradients(network, kinds, history, windows, MONTHLY)
    return explain(subject, reach, explain_importance(network, history, windows, columns, "a test"))


def test_the_gates_in_the_record_are_those_of_the_first_and_the_last_layer() -> None:
    """Of the newest tokens of one series, and of some units, from forgetful to lasting; the means are of all units."""
    config = replace(CONFIG, layers=3, units=30)
    panel, history = panel_of(season(90), season(40)), history_of(season(90), season(40))
    network = Network("gru", config, random_weights(config))
    found = explain(Subject(network, history, panel.wall, panel.ids, MONTHLY, (), "a test", 1), [], None)
    timeline = watch(history, config, network.weights, 1)
    tokens = [k for k in range(len(timeline)) if timeline.series[k] == 1]
    assert found.gates.begin == [str(panel.wall[timeline.first[k]].astype("datetime64[D]")) for k in tokens]
    assert [layer.layer for layer in found.gates.layers] == [1, 3]
    for layer in found.gates.layers:
        assert len(set(layer.units)) == 24
        lives = [found.memory.layers[layer.layer - 1][unit] or np.inf for unit in layer.units]
        assert lives == sorted(lives)
        for shown, means, gates in (
            (layer.update, layer.mean_update, timeline.update),
            (layer.reset, layer.mean_reset, timeline.reset),
        ):
            for unit, row in zip(layer.units, shown, strict=True):
                assert row == [round(100 * gates[k, layer.layer - 1, unit]) for k in tokens]
            assert means == pytest.approx([100 * gates[k, layer.layer - 1].mean() for k in tokens], abs=0.05 + 1e-9)


def test_the_part_that_matters_most_comes_first() -> None:
    means = [one.mean for one in parts_in(explained(("weather",)))]
    assert means == sorted(means, reverse=True)
    assert means[0] != means[-1]


def with_parts(found: Explanation, parts: list[PartImportance]) -> Explanation:
    assert found.importance is not None
    return changed(found, importance=changed(found.importance, parts=parts))


def parts_in(found: Explanation) -> list[PartImportance]:
    assert found.importance is not None
    return found.importance.parts


POINT = ChangePoint(series="a", score=4.0, begin="2001-01-01", end="2001-02-01")
HOSTILE = "<img src=x onerror=alert(1)>[/bold]\x1b]0;x\x07"


def test_the_record_is_small_json_and_every_chart_is_one_of_plotly(capsys) -> None:
    found = explained((HOSTILE,))
    text = encoded(found)
    assert len(text) < 300_000
    assert record(Explanation, json.loads(text), "") == found
    *others, last = parts_in(found)
    found = with_parts(found, [*others, changed(last, low=-0.0004, high=-0.0001)])
    charts = gate_charts(found)
    assert len(charts) >= 5  # two layers, memory, moments, reach, importance
    for chart in charts:
        drawn = json.dumps(chart.drawn())
        plotly = json.loads(re.sub(r'"@\w+"', '"#123456"', drawn))  # names of colours are the page's own
        go.Figure({"data": plotly["data"], "layout": plotly["layout"]})
        assert chart.title
        assert chart.note
        assert all(len(row) == len(chart.table.header) for row in chart.table.rows)
        assert "<img" not in drawn
    show_explanation(found)
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "-0.000" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_text_of_a_stranger_is_no_markup_in_a_chart() -> None:
    found = explained()
    part = CalendarProfile(by="month", names=[HOSTILE, "Feb"], moments=[4, 4], tokens=[10, 10])
    found = changed(found, unit=HOSTILE, memory=changed(found.memory, unit=HOSTILE))
    found = changed(found, resets=changed(found.resets, n_moments=8, moments=[POINT], profile=[part]))
    assert "<img" not in json.dumps([chart.drawn() for chart in gate_charts(found)])


def test_lines_have_the_colour_of_their_cell_and_the_saved_network_is_dotted() -> None:
    """Whatever they are called."""
    found = explained()
    saved, other = found.reach
    assert (saved.name, saved.saved, other.name, other.saved) == ("gru (as saved)", True, "lstm", False)
    reach = [changed(saved, name="lstm-3 (short)"), changed(other, name="gru (as saved)", cell="rnn")]
    (chart,) = (one for one in gate_charts(changed(found, reach=reach)) if one.title.startswith("How much the oldest"))
    assert [(line["name"], line["line"]) for line in chart.drawn()["data"]] == [
        ("lstm-3 (short)", {"dash": "dot", "color": "@gru"}),
        ("gru (as saved)", {"dash": "solid", "color": "@rnn"}),
    ]


def test_what_is_said_of_the_saved_network_is_not_said_of_another() -> None:
    found = explained()
    saved, other = found.reach
    assert "of the forecast of gru (as saved) through" in gradient_sentence(changed(found, reach=[other, saved]))
    still = changed(found, reach=[changed(saved, oldest_to_newest=None, within=None), other])
    assert gradient_sentence(still).startswith("The forecast does not move")


EMPTY = {"layer": 2, "units": [], "update": [], "reset": [], "mean_update": [], "mean_reset": []}


def broken(found: Explanation, path: str, value: object) -> object:
    """What a stranger may have written: the JSON of a record with one value changed, at a path like `gates/from/0`."""
    whole = json.loads(encoded(found))
    place, *rest = path.split("/")
    here = whole
    for name in rest:
        here, place = here[int(place) if isinstance(here, list) else place], name
    here[int(place) if isinstance(here, list) else place] = value
    return whole


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("gates/to", [], "the lengths of stamps, values and gates differ"),
        ("gates/values", [1.0], "the lengths of stamps, values and gates differ"),
        ("gates/rewritten", [], "the lengths of stamps, values and gates differ"),
        ("gates/moments", [45], "a state change point is at no token"),
        ("gates/moments", [-1], "a state change point is at no token"),
        ("gates/from/0", "<img>", "regex"),
        ("gates/from", ["2000-01-01"] * 5_000, "4096"),
        ("gates/layers/0/units", [1], "the lengths of units and gates differ"),
        ("gates/layers/1/reset", [], "the lengths of units and gates differ"),
        ("gates/layers/0/reset/4", [1], "the lengths of gates and their means differ"),
        ("gates/layers/1", EMPTY, "the lengths of stamps, values and gates differ"),
        ("gates/layers/1/update/2", [1], "the lengths of gates and their means differ"),
        ("gates/layers/1/mean_reset", [1.0], "the lengths of gates and their means differ"),
        ("memory/layers/0/0", 0.0, "> 0.0"),
        ("memory/layers/0", [1.0] * 5_000, "4096"),
        ("resets/moments", [], "0 of 2 state change points are listed"),
        ("resets/n_moments", 1, "2 of 1 state change points are listed"),
        (
            "resets/profile",
            [{"by": "month", "names": ["Jan"], "moments": [], "tokens": [1]}],
            "and their counts differ",
        ),
        ("resets/profile", [{"by": "month", "names": [], "moments": [], "tokens": []}], ">= 1"),
        ("resets/profile", [{"by": "month", "names": ["Jan"], "moments": [1], "tokens": [0]}], "no token falls on"),
        ("resets/profile", [{"by": "year", "names": ["Jan"], "moments": [1], "tokens": [1]}], "year"),
        ("reach/0/rows_back", [1], "the lengths of rows and their gradients differ"),
        ("reach/0/norm/0", 1e300, "1e+100"),
        ("reach/0/cell", "transformer", "transformer"),
        ("reach/0/saved", 1, "bool"),
        ("importance/parts", [], ">= 1"),
        ("importance/mase", None, "null"),
        ("format", 2, "2"),
        ("more", 1, "unknown field"),
    ],
)
def test_what_cannot_be_drawn_is_refused_when_it_is_read(path: str, value: object, words: str) -> None:
    found = explained()
    assert len(found.gates.begin) == 45
    with pytest.raises(ModelError, match=re.escape(words)) as caught:
        record(Explanation, broken(found, path, value), "report.json")
    assert caught.value.code == "GF-M03"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("memory/layers", [[None] * 5] * 2),
        ("memory/layers", []),
        ("memory/median", None),
        ("memory/layers/0", [1e-100, 1e100]),
        ("gates/values", [None, 1e100, *[-1e100] * 43]),
        ("gates/layers", []),
        ("reach", []),
        ("reach/0/norm", [0.0] * 12),
        ("reach/0/oldest_to_newest", None),
        ("reach/0/within", None),
        ("importance", None),
        ("network/tokens", 1),
        ("per_row", -(10**19)),
    ],
)
def test_what_is_read_can_be_drawn(path: str, value: object, capsys) -> None:
    """Nothing fails, and no number becomes one that is not finite."""
    found = record(Explanation, broken(explained(), path, value), "report.json")
    show_explanation(found)
    drawn = json.dumps([chart.drawn() for chart in gate_charts(found)], allow_nan=False)
    for text in (capsys.readouterr().out, drawn):
        assert not re.search(r"\b(nan|inf)\b", text)


def test_nothing_is_drawn_along_no_token() -> None:
    found = explained()
    layers = [
        changed(one, update=[[]] * 5, reset=[[]] * 5, mean_update=[], mean_reset=[]) for one in found.gates.layers
    ]
    gates = changed(found.gates, begin=[], end=[], values=[], rewritten=[], moments=[], layers=layers)
    show_explanation(changed(found, gates=gates))
    assert len(gate_charts(changed(found, gates=gates))) == len(gate_charts(found)) - 3  # two layers, change points


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
    text = memory_sentence(changed(found, memory=changed(found.memory, within_a_token=0.002, beyond_the_window=0.003)))
    assert "under 1 % of the units forget" in text
    assert "under 1 % still know half" in text


def test_nothing_is_usual_where_half_of_all_is_more_than_usual() -> None:
    found = explained()
    text = change_points_sentence(changed(found, resets=changed(found.resets, n_moments=0, moments=[], n_tokens=7669)))
    assert "In 7,669 steps" in text
    assert "for good far more than usual" in text


def test_the_calendar_names_what_it_looked_at_and_every_part_that_has_most() -> None:
    found = explained()
    part = CalendarProfile(by="month", names=["Jan", "Feb", "Mar"], moments=[4, 4, 0], tokens=[10, 10, 10])
    found = changed(found, resets=changed(found.resets, n_moments=8, moments=[POINT] * 8, profile=[part]))
    assert calendar_sentence(found.resets) == " No month stands out."
    title = next(chart.title for chart in gate_charts(found) if chart.title.startswith("By month"))
    assert title == "By month: Jan, Feb have the most state change points, 4 of 8 each"


def test_the_ends_of_the_window_are_as_long_as_they_are() -> None:
    """A window of four steps has no tenth: its end is a quarter."""
    config = replace(CONFIG, segment=6)
    history = history_of(season(90))
    windows = history.windows(np.zeros(30, int), np.arange(50, 80))
    network = Network("gru", config, random_weights(config))
    saved, other = explain_gradients(network, {"b": [network]}, history, windows, MONTHLY)
    assert saved.end == other.end == 6.0
    text = gradient_sentence(changed(explained(), reach=[saved, changed(other, cell="lstm")]))
    assert "a row in the oldest 6 months of the window" in text
    assert "tenth" not in text


def test_what_does_not_matter_is_not_needed_most() -> None:
    found = explained()
    parts = [changed(part, mean=-0.016, low=-0.03, high=-0.001) for part in parts_in(found)]
    title = "No part of the input matters by more than 0.01 of MASE"
    assert gate_charts(with_parts(found, parts))[-1].title == title
    first = next(part for part in parts if part.kind != "all")
    needed = changed(first, mean=0.2, low=0.1, high=0.3)
    others = [part for part in parts if part is not first]
    found = with_parts(found, [needed, *others])
    title = f"The network needs most: {first.name} (MASE +0.200 with those of another window)"
    assert gate_charts(found)[-1].title == title
    assert f"it needs most: {first.name}, with a growth of 0.200." in importance_sentence(found)
    found = with_parts(found, [changed(needed, low=-0.01), *others])  # in one exchange it did not matter
    assert gate_charts(found)[-1].title == "No single part of the input is needed beyond what exchanges differ"
    assert "seasonal naive" not in importance_sentence(found)


def test_a_column_is_a_single_part_whatever_it_is_called() -> None:
    found = explained(("all rows together",))
    whole, column = (one for one in parts_in(found) if one.name == "all rows together")
    whole, column = sorted((whole, column), key=lambda one: one.kind)
    assert (whole.kind, column.kind) == ("all", "column")
    parts = [changed(whole, mean=0.5, low=0.4, high=0.6), changed(column, mean=0.2, low=0.1, high=0.3)]
    text = importance_sentence(with_parts(found, parts))
    assert "With all rows of another window the MASE grows by 0.500." in text
    assert "it needs most: all rows together, with a growth of 0.200." in text


def test_gates_that_stand_half_open_are_no_memory() -> None:
    found = explained()

    def with_means(*means: float) -> Explanation:
        layers = [changed(one, mean_update=[mean] * 45) for one, mean in zip(found.gates.layers, means, strict=True)]
        return changed(found, gates=changed(found.gates, layers=layers))

    assert "stand half open" in memory_sentence(with_means(48.0, 52.0))
    assert "half open" not in memory_sentence(with_means(80.0, 50.0))


def test_steps_of_several_rows_are_drawn_from_their_begin_to_their_end() -> None:
    found = explained()
    gates = found.gates
    assert gates.begin != gates.end
    line, *maps = gate_charts(found)[0].drawn()["data"]
    assert line["x"] == [*gates.begin, gates.end[-1]]
    assert len(line["y"]) == len(line["x"])
    assert [one["x"] for one in maps if one["type"] == "heatmap"] == [line["x"]] * 2


def test_half_lives_are_exact_enough_for_their_bins() -> None:
    lives = [one for layer in explained().memory.layers for one in layer if one]
    assert any(float(f"{one:.3g}") != one for one in lives)


def test_the_command_line_gives_what_fit_has_found_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = changed(explained(), source="ein Gerät")
    monkeypatch.setattr("gruforecast.report.stored.stored_explanation", lambda folder: found)
    file = tmp_path / "inside.json"
    done = CliRunner().invoke(app, ["explain", str(MODEL), "--json", "-o", str(file)])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == json.loads(file.read_bytes()) == plain(found)
    shown = CliRunner().invoke(app, ["explain", str(MODEL)])
    assert shown.stdout.startswith("gru: 2 layers of 5 units")


def test_of_what_fit_has_found_only_other_cells_stay_with_other_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The saved network is looked at anew, whatever the others are called."""
    saved, other = explained().reach
    stored = changed(explained(), reach=[saved, changed(other, name="lstm (as saved)")])
    monkeypatch.setattr("gruforecast.report.stored.stored_explanation", lambda folder: stored)
    done = CliRunner().invoke(app, ["explain", str(MODEL), str(AIR), "--json", "-q"])
    assert done.exit_code == 0, done.output
    found = record(Explanation, json.loads(done.stdout), "")
    assert found.source == AIR.name
    assert [(one.name, one.saved) for one in found.reach] == [("gru-2 (as saved)", True), ("lstm (as saved)", False)]
    assert found.reach[1] == stored.reach[1]
    assert found.importance is not None


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
    for wrong in (("--member", "lstm"), ("--series", "nobody"), ("-o", "x.html")):
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
    assert kept.gates.end[-1] == whole.gates.end[-1] == "1960-12-01"
    for mine, theirs in zip(kept.gates.layers, whole.gates.layers, strict=True):  # newest
        assert mine.mean_update[-1] == pytest.approx(theirs.mean_update[-1], abs=2e-4)
        assert mine.mean_reset[-1] == pytest.approx(theirs.mean_reset[-1], abs=2e-4)
    assert kept.reach[0].norm == pytest.approx(whole.reach[0].norm, rel=1e-3)
    assert kept.importance is None
    assert len(kept.reach) == 1
    show_explanation(kept)

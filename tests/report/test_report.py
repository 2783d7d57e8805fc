"""The report without a browser: what it says, what it holds, and what cannot get into it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edited import edited, with_rows, with_series
from made_report import HOSTILE, made_report
from makers import run
from typer.testing import CliRunner

import gruforecast.automl.fit
from gruforecast.artifact.manifest import seal
from gruforecast.automl.options import FitOptions
from gruforecast.automl.reproduce import arguments
from gruforecast.cli import app
from gruforecast.errors import ModelError
from gruforecast.evaluation.leaderboard import Reference, Seeds
from gruforecast.report.chart_data import MAX_SERIES, ShownModels, rounded
from gruforecast.report.markdown import code, markdown
from gruforecast.report.page.cells import advice
from gruforecast.report.page.figure import Figure, Table, number, plot_text
from gruforecast.report.page.html import as_script, page
from gruforecast.report.page.hyperparameters import scored_trials, shares
from gruforecast.report.page.words import headline
from gruforecast.report.report import CellRecord, Report
from gruforecast.report.stored import stored_report
from gruforecast.report.terminal.console import stamps
from gruforecast.serialization import encoded, plain, record


class Read(HTMLParser):
    """What a browser would find in a page: text by element, scripts, and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.texts.setdefault(tag, []).append("")
        if tag not in ("meta", "link", "br", "img"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data


@pytest.fixture(scope="module")
def one() -> Report:
    return made_report()


@pytest.fixture(scope="module")
def panel() -> Report:
    return made_report(45)


def test_the_page_says_what_the_report_holds(one: Report) -> None:
    read = Read(page(one))
    assert read.texts["h1"] == [headline(one)]
    assert f"MASE {one.rows['networks'].mase:.3f} on the test set" in "".join(read.texts["dd"])
    assert one.verdict in read.texts["p"]
    header = "model|MASE folds|MASE test"
    assert header in "|".join(read.texts["th"])
    for row in one.leaderboard:
        assert f"{row.mase:.3f}" in read.texts["td"]
    assert one.digests.saved["gru"] in read.texts["td"]
    assert "".join(read.texts["pre"]).split() == one.reproduce.command.split()
    assert [text for text in read.texts["h2"] if "gates" in text] == []
    assert read._open == []


def test_every_figure_has_a_title_a_unit_and_a_table(panel: Report) -> None:
    text = page(panel)
    read = Read(text)
    charts = [attrs for _, attrs in read.elements if attrs.get("class") == "chart"]
    assert len(charts) == len({attrs["id"] for attrs in charts}) >= 12
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in charts)
    data = _data(text)
    for figure in data["figures"]:
        axes = [figure["layout"].get(name, {}) for name in ("xaxis", "yaxis")]
        assert any(one.get("title") or one.get("ticktext") for one in axes), figure["name"]
    assert len(read.texts["figcaption"]) == len(charts)
    assert len([1 for tag, _ in read.elements if tag == "details"]) == len(charts)
    ids = [attrs["id"] for _, attrs in read.elements if attrs.get("id")]
    assert len(ids) == len(set(ids))
    places = [attrs["href"] for tag, attrs in read.elements if tag == "a"]
    assert {place.removeprefix("#") for place in places if place} <= set(ids)


def test_what_was_found_inside_the_network_is_a_section_of_its_own(
    one: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    bar = {"type": "bar", "x": ["1 to 2"], "y": [3]}
    title, table = "Half is gone after <2> months", Table.of("lives", ("half-life", "units"), [("1 to 2", 3)])
    chart = Figure("", title, "How to read it.", [bar], {}, table)
    monkeypatch.setattr("gruforecast.report.page.gate_charts.gate_charts", lambda explained: explained)
    text = page(edited(one, explain=[chart]))
    read = Read(text)
    assert "A look inside the gates" in read.texts["h2"]
    assert title in read.texts["h3"]
    assert {"half-life", "units", "1 to 2"} <= set(read.texts["th"])
    assert _data(text)["figures"][-1] == {"name": "gates-1", "data": [bar], "layout": {"height": 340}}


def test_the_policy_names_the_digests_of_the_scripts(one: Report) -> None:
    text = page(one)
    policy = next(a["content"] for tag, a in Read(text).elements if a.get("http-equiv") == "Content-Security-Policy")
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert len(scripts) == 2
    assert set(re.findall(r"'sha256-(.*?)'", policy or "")) == set(digests)
    assert str(policy).startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in str(policy)
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", text.replace(scripts[0], ""))


def test_sizes_and_seconds_stay_small(one: Report) -> None:
    assert len(page(one).encode()) < 6_000_000
    many = made_report(1428, rows=120, horizon=18)
    begin = time.process_time()
    text = page(many)
    assert time.process_time() - begin < 60  # some seconds are usual
    assert len(text.encode()) < 8_000_000
    assert len(many.extracts.series) == MAX_SERIES
    assert len(many.extracts.losses.ids) == 1428
    assert "60 of 1,428 series" in text


def test_worst_median_and_best_series_come_first(panel: Report) -> None:
    series, losses = panel.extracts.series, panel.extracts.losses
    assert [one.rank for one in series[:3]] == [1, 23, 45]
    assert sorted(one.rank for one in series) == list(range(1, 46))
    assert losses.winner == sorted(losses.winner, reverse=True)
    assert [one.id for one in series[:3]] == [losses.ids[k] for k in (0, 22, 44)]
    assert np.mean(losses.winner) == pytest.approx(panel.rows[panel.winner].mase, rel=1e-4)
    labels = Read(page(panel)).texts["option"]
    assert labels[0].startswith("worst: ")
    assert labels[1].startswith("median: ")
    assert labels[2].startswith("best: ")


def test_a_series_is_told_from_history_to_the_steps_ahead(one: Report) -> None:
    (shown,) = one.extracts.series
    assert len(shown.ds) == len(shown.y) == 96
    assert (shown.ds[0], shown.ds[-1]) == ("2000-01-01", "2007-12-01")
    assert [fold.begin for fold in shown.folds] == [48, 60, 72]
    assert shown.test.begin == 84
    assert (shown.ahead.ds[0], len(shown.ahead.mean)) == ("2008-01-01", 12)
    actual, mean = np.array(shown.y[84:]), np.array(shown.test.mean)
    scale = np.abs(np.array(shown.y[12:84]) - np.array(shown.y[:72])).mean()
    assert np.abs(actual - mean).mean() / scale == pytest.approx(one.rows[one.winner].mase, rel=1e-3)
    steps = one.extracts.steps[one.winner]["mase"]
    np.testing.assert_allclose(steps, np.abs(actual - mean) / scale, atol=1e-3)  # of six digits


def test_without_rows_of_the_data_only_errors_are_kept(one: Report) -> None:
    bare = made_report(data=False)
    assert bare.extracts.series == []
    text = encoded(bare.extracts).decode()
    assert bare.extracts.steps == one.extracts.steps
    assert all(f"{value:.6g}" not in text for value in one.extracts.series[0].y)
    read = Read(page(bare))
    assert "The forecast" not in read.texts["h2"]
    assert "Where the errors are" in read.texts["h2"]


@pytest.mark.slow
def test_many_steps_leave_room_for_three_series_at_least() -> None:
    report = made_report(8, rows=2_600, horizon=700, trials=1)
    assert 3 <= len(report.extracts.series) <= 8
    assert len(encoded(report.extracts)) < 3_000_000


def test_nothing_hostile_gets_into_the_page() -> None:
    report = edited(made_report(6, ids=HOSTILE), extracts__target=HOSTILE[1])
    report = edited(report, warnings=[*HOSTILE, "\x1b[31m\u202e\u2028\x00"])
    text = page(report)
    read = Read(text)
    assert [tag for tag, _ in read.elements if tag in ("img", "iframe")] == []
    assert len(re.findall("<script", text)) == 3
    assert all(not name.startswith("on") for _, attrs in read.elements for name in attrs)
    assert set(HOSTILE) <= set(read.texts["li"])
    assert "\\x1b[31m\\u202e\\u2028\\x00" in read.texts["li"]
    assert not {"\x1b", "\u202e", "\u2028", "\x00"} & set(text)
    assert [one["id"] for one in _data(text)["series"]] == [one.id for one in report.extracts.series]


def test_json_in_a_script_cannot_end_it() -> None:
    hostile = {"a": "</script><!--&\u2028\u2029", "b": ["\x1b"]}
    text = as_script(hostile)
    assert not {"<", ">", "&", "\u2028", "\u2029"} & set(text)
    assert json.loads(text) == {"a": "</script><!--&\\u2028\\u2029", "b": ["\\x1b"]}


def test_text_in_charts_is_no_markup_no_formula_and_no_colour() -> None:
    assert plot_text("<b>x</b> & $a$ @gru %{y}") == "&lt;b&gt;x&lt;/b&gt; &amp; &#36;a&#36; &#64;gru %&#123;y}"
    assert plot_text("x" * 50, 10) == "x" * 9 + "…"


def test_numbers_have_as_many_digits_as_help() -> None:
    written = [number(value) for value in (None, float("nan"), 3, 12345, 0.5, 123.45, 12345.6, 0.0001, 2e9, 0.0)]
    assert written == ["-", "-", "3", "12,345", "0.500", "123.5", "12,346", "0.0001", "2e+09", "0.000"]
    assert rounded(np.array([1.23456789, np.nan, np.inf, 1e9])) == [1.23457, None, None, 1e9]
    assert stamps(np.array(["2020-01-01", "2020-01-02"], "datetime64[s]")) == ["2020-01-01", "2020-01-02"]
    assert stamps(np.array(["2020-01-01T05:00"], "datetime64[s]")) == ["2020-01-01 05:00:00"]


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        ({"verdict": "better", "relative": 0.25}, "The GRU ensemble errs 25 % less than seasonal naive"),
        ({"verdict": "better", "relative": 0.25}, "and that is more than luck"),
        ({"verdict": "cannot tell", "relative": 0.25}, "but that may be luck"),
        ({"verdict": "not better", "relative": -0.25}, "no better than seasonal naive"),
        (None, "so it is kept"),
    ],
)
def test_the_headline_claims_no_more_than_the_evidence(
    one: Report, evidence: dict[str, Any] | None, words: str
) -> None:
    none = {"difference": None, "low": None, "high": None, "p": None, "method": None}
    whole = Reference(against="seasonal-naive", **none, **evidence) if evidence else None
    models = ShownModels("networks", "seasonal-naive")
    report = edited(one, evidence=whole, extracts__models=models, winner="networks")
    assert words in headline(report)
    assert words in Read(page(report)).texts["h1"][0]


def test_what_mattered_in_the_search_is_told_from_luck(one: Report) -> None:
    """The made-up scores follow the logarithm; with two groups the share is that of an analysis of variance by hand."""
    result = shares(scored_trials(one.search))
    assert set(result) == {"log", "learning_rate"}
    share, luck = result["log"]
    assert share > luck
    assert result["learning_rate"][0] < result["learning_rate"][1]
    ranks = np.argsort(np.argsort([trial.score for trial in one.search]))
    groups = [ranks[::2], ranks[1::2]]
    within = sum(((part - part.mean()) ** 2).sum() for part in groups)
    total = ((ranks - ranks.mean()) ** 2).sum()
    assert share == pytest.approx((total - within - within / (len(ranks) - 2)) / total)
    assert "Logarithm mattered most" in Read(page(one)).texts["h3"]


def test_few_trials_say_nothing_of_what_mattered() -> None:
    read = Read(page(made_report(trials=4)))
    assert "Which options mattered cannot be told from fewer than 8 trials." in read.texts["p"]
    assert not any("mattered most" in text for text in read.texts["h3"])
    assert "All trials" in Read(page(made_report(trials=1))).texts["caption"]


def compared(name: Any, folds: list[float], test: list[float], parameters: int = 100) -> CellRecord:
    """A cell with the scores of its seeds on the folds and on the test set."""
    seeds = Seeds(folds, test) if len(folds) > 1 else None
    means = float(np.mean(folds)), float(np.mean(test))
    return CellRecord(name, "short", 2, False, parameters, seeds, 100, 1.0, 1.0, 0.5, 400, *means)


def test_the_folds_choose_a_cell_and_the_test_set_judges() -> None:
    gru = compared("gru", [0.98, 1.0, 1.02], [1.18, 1.2, 1.22])
    lstm = compared("lstm", [0.48, 0.5, 0.52], [1.28, 1.3, 1.32], 200)
    text = advice([gru, lstm])
    assert text.startswith("On the folds the LSTM is more accurate by more than seeds differ.")
    assert "On the test set the GRU is better than the LSTM by more than seeds differ." in text
    assert "0.50 times the LSTM's" in text
    rnn = compared("rnn", [0.47, 0.5, 0.54], [1.0, 1.2, 1.4], 50)
    text = advice([gru, lstm, rnn])
    assert text.startswith("The folds do not tell the LSTM and the simple RNN apart: seeds of one differ as much, and")
    assert "and the GRU is behind. Of these the simple RNN is the smallest. On the test set the GRU is better" in text


def test_one_seed_each_does_not_tell_cells_apart() -> None:
    text = advice([compared("gru", [1.0], [1.0]), compared("lstm", [0.5], [0.5], 200)])
    assert text.startswith("One seed each does not tell the cells apart. Of these the GRU is the smallest. The test")


def test_markdown_fits_into_a_pull_request(one: Report) -> None:
    lines = markdown(one).splitlines()
    best = one.rows["networks"]
    numbers = " | ".join(
        f"{value:.3f}" for value in (best.val_mase, best.mase, best.rmsse, best.mae, best.smape, best.rmse)
    )
    inside = " | ".join(f"{best.coverage[level]:.0f}" if level in best.coverage else "-" for level in ("80", "95"))
    assert lines[0] == f"## {headline(one)}"
    assert f"| **`networks`** | {numbers} | {inside} | - |" in lines
    assert "gruforecast fit made.csv --horizon=12 --trials=12 --seed 0 --workers 2" in lines
    headings = [line for line in lines if line.startswith("### ")]
    assert headings == ["### Leaderboard", "### Intervals", "### GRU, LSTM, simple RNN", "### Data", "### Reproduce"]
    assert "secret" not in "\n".join(lines)


def test_markdown_quotes_what_a_user_wrote() -> None:
    assert code("a|b") == "`a\\|b`"
    assert code("`") == "`` ` ``"
    assert code("@team #1 <img>\x1b") == "`@team #1 <img>\\x1b`"
    report = edited(made_report(1, ids=("[x](http://y)",)), warnings=["``` @all <b>"])
    assert "- warning: ```` ``` @all <b> ````" in markdown(report).splitlines()


OPTIONS = (
    ["--horizon", "7", "--seed", "3", "--level", "80", "--level", "97.5", "--no-blend", "--tuner", "random"],
    ["--time", "a b", "--id", "x", "--id", "y", "--sep", "tab", "--no-header", "--na-values", "-1", "--fill"],
    ["--max-time", "90s", "--trial-time", "5m", "--bool-as-number", "--allow-short-rows", "--skip-lines", "2"],
    ["--known", "p", "--past", "q", "--static", "r", "--holidays", "DE", "--folds", "2", "--season", "1", "--no-prune"],
)


@pytest.mark.parametrize("given", OPTIONS)
def test_the_command_in_the_report_asks_for_the_same(monkeypatch: pytest.MonkeyPatch, given: list[str]) -> None:
    requested: list[FitOptions] = []

    def catch(data: str, options: FitOptions, *_: object) -> None:
        assert data == "data.csv"
        requested.append(options)
        raise KeyboardInterrupt

    monkeypatch.setattr(gruforecast.automl.fit, "fit", catch)
    CliRunner().invoke(app, ["fit", "data.csv", *given])
    CliRunner().invoke(app, ["fit", *arguments("data.csv", requested[0])])
    assert requested[0] == requested[1]


@pytest.fixture
def model(tmp_path: Path, one: Report) -> Path:
    """A sealed folder that holds a report."""
    folder = tmp_path / "model.v1"
    folder.mkdir()
    (folder / "report.json").write_bytes(encoded(one))
    seal(folder)
    return folder


def test_the_command_writes_the_page_beside_the_model(model: Path, one: Report) -> None:
    before = sorted(model.iterdir())
    done = CliRunner().invoke(app, ["report", str(model)])
    assert done.exit_code == 0, done.output
    assert (model.parent / "model.v1.html").read_text() == page(one)
    assert sorted(model.iterdir()) == before
    assert "wrote model.v1.html" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("name", ["extracts", "leaderboard", "plan", "evidence", "audit"])
def test_a_report_that_lacks_something_is_refused(model: Path, one: Report, name: str) -> None:
    lacking = {key: value for key, value in plain(one).items() if key != name}
    for content in (lacking, plain(one) | {name: [1]}, plain(one) | {"unheard": 1}, []):
        (model / "report.json").write_bytes(encoded(content))
        seal(model)
        with pytest.raises(ModelError, match="another version") as refused:
            stored_report(model)
        assert refused.value.code == "GF-M30"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("winner", "unheard"),
        ("winner", "rnn (short)"),  # has a row, but no errors by step
        ("extracts models beside", "unheard"),
        ("evidence against", "unheard"),
        ("n_series_without_scale", 2),
        ("n_series_repeating", 1),
        ("extracts losses ids", []),
        ("extracts steps naive", {}),
        ("extracts series 0 y", [1.0]),
        ("extracts series 0 folds 0 begin", 90),
        ("extracts series 0 folds 0 begin", -1),
        ("extracts series 0 test begin", 83),
        ("extracts series 0 test upper 80", [1.0]),
        ("extracts series 0 ahead lower", {}),
        ("extracts series 0 ahead ds", []),
        ("leaderboard 0 intervals 80 coverage", 1e300),
        ("leaderboard 0 intervals 80 coverage_by_third", []),
        ("leaderboard 0 intervals", {"x": None}),
        ("reproduce command", "gruforecast fit '"),
        ("versions", {}),
    ],
)
def test_a_report_whose_parts_do_not_belong_together_is_refused(one: Report, place: str, value: Any) -> None:
    content = plain(one)
    part, names = content, [int(name) if name.isdigit() and name != "80" else name for name in place.split()]
    for name in names[:-1]:
        part = part[name]
    if place.endswith("intervals"):
        value = dict.fromkeys(value, part[names[-1]]["80"])
    part[names[-1]] = value
    with pytest.raises(ModelError):
        record(Report, content, "report.json")


def test_markdown_and_json_go_to_standard_output(model: Path, one: Report) -> None:
    assert CliRunner().invoke(app, ["report", str(model), "--format", "md"]).stdout == markdown(one)
    for option in (["--format", "json"], ["--json"]):
        assert json.loads(CliRunner().invoke(app, ["report", str(model), *option]).stdout) == plain(one)
    place = model.parent / "r.md"
    assert CliRunner().invoke(app, ["report", str(model), "-o", str(place), "-q"]).output == ""
    assert place.read_text() == markdown(one)


def test_the_command_has_help_with_an_example() -> None:
    done = CliRunner().invoke(app, ["report", "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    assert "Examples: gruforecast report --open" in done.stdout


@pytest.mark.parametrize(
    "shape",
    [
        {"rows": 40, "horizon": 1},
        {"series": 3, "rows": 60, "horizon": 2, "trials": 2},
        {"rows": 500, "horizon": 60, "trials": 1},
    ],
)
def test_short_and_long_horizons_have_a_page_too(shape: dict[str, int]) -> None:
    report = made_report(**shape)
    read = Read(page(report))
    assert len(_data(page(report))["series"][0]["ahead"]["mean"]) == shape["horizon"]
    assert "as large at step 2 as at step 1" in "".join(read.texts["h3"]) or shape["horizon"] != 2
    assert markdown(report)


def test_what_is_not_known_is_left_out(one: Report) -> None:
    """Future covariates that nobody gave, too few errors for intervals, no comparison, holes in the data."""
    y = [None if k == 85 else value for k, value in enumerate(one.extracts.series[0].y)]
    report = with_series(one, y=y, ahead=None, test__lower={}, test__upper={})
    report = with_rows(edited(report, cells=[], levels=[]), lambda row: edited(row, intervals={}, coverage={}))
    read = Read(page(report))
    assert any("gruforecast predict --future FILE" in text for text in read.texts["p"])
    assert not {"How sure the forecast is", "GRU, LSTM or simple RNN"} & set(read.texts["h2"])
    assert "There are too few past errors for intervals." in "".join(read.texts["dd"])
    assert "### Intervals" not in markdown(report)


def test_open_shows_the_page(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: bool(seen.append(url)))
    done = CliRunner().invoke(app, ["report", str(model), "--open", "-o", str(model.parent / "x.html")])
    assert seen == [(model.parent / "x.html").as_uri()]
    assert "there is no browser" in done.stderr
    assert CliRunner().invoke(app, ["report", str(model), "--open", "--format", "md"]).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--format", "pdf"], 2), (["-o", "x.pdf"], 2), (["-o", "."], 2), (["-o", "no/where.html"], 5)],
)
def test_what_the_command_refuses(model: Path, arguments: list[str], code: int) -> None:
    assert CliRunner().invoke(app, ["report", str(model), *arguments]).exit_code == code


def test_a_folder_without_a_report_or_with_another_is_refused(model: Path, tmp_path: Path) -> None:
    (model / "report.json").write_text((model / "report.json").read_text() + " ")
    assert CliRunner().invoke(app, ["report", str(model)]).exit_code == 4
    (model / "report.json").unlink()
    seal(model)
    assert CliRunner().invoke(app, ["report", str(model)]).exit_code == 4
    assert CliRunner().invoke(app, ["report", str(tmp_path)]).exit_code == 4


def test_the_report_is_made_without_tensorflow_and_without_plotlys_python(model: Path) -> None:
    code = "import sys; from gruforecast.cli import app; app(sys.argv[1:], standalone_mode=False); "
    code += "assert not {'tensorflow', 'keras', 'plotly', 'sklearn', 'scipy'} & set(sys.modules), sys.modules"
    subprocess.run([sys.executable, "-c", code, "report", str(model)], check=True, capture_output=True)


@pytest.mark.network
def test_fit_writes_the_page_into_the_model_folder(fitted: dict[str, Any]) -> None:
    folder = fitted["cwd"] / "gruforecast_model"
    text = (folder / "report.html").read_text()
    report = record(Report, fitted["report"], "standard output")
    assert text == page(report)
    assert "report.html" in json.loads((folder / "manifest.json").read_text())["files"]
    shown = report.extracts.series[0]
    forecast = run("predict", "--json", cwd=fitted["cwd"])
    rows = json.loads(forecast.stdout)["forecast"]
    np.testing.assert_allclose(shown.ahead.mean, [row["y_hat"] for row in rows], rtol=1e-5)
    np.testing.assert_allclose(shown.ahead.lower["80"], [row["lo-80"] for row in rows], rtol=1e-5)
    for cell in report.cells:
        assert cell.forecast_ms > 0
        assert cell.weights_bytes > 4 * cell.parameters
        assert len(cell.seeds.mase) == 3
    again = run("report", "--json", cwd=fitted["cwd"])
    assert json.loads(again.stdout) == fitted["report"]


def _data(text: str) -> dict[str, Any]:
    result = re.search(r'<script type="application/json" id="page-data">(.*?)</script>', text, re.DOTALL)
    assert result
    return json.loads(result[1])

"""What is seen on a terminal while `fit` runs and afterwards, and that nothing of it reaches a pipe."""

from __future__ import annotations

import io
import itertools
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from edited import edited, with_rows, with_series
from hypothesis import given
from hypothesis import strategies as st
from made_report import made_report
from makers import GOLDEN, ROOT
from pseudoterminal import lines, shown
from rich.console import Console

from gruforecast.evaluation.aggregate import IntervalMeans, MemberScores
from gruforecast.evaluation.significance import Paired
from gruforecast.execution.progress import TrialEnd, Working
from gruforecast.report.backtest import BacktestReport
from gruforecast.report.report import Report
from gruforecast.report.terminal.chart import HEIGHT, Picture, chart, of_report
from gruforecast.report.terminal.fit import show_report
from gruforecast.report.terminal.live import LiveProgress, View, is_live
from gruforecast.serialization import encoded

MODEL = GOLDEN / "format-1" / "model"
BRAILLE = re.compile("[\u2800-\u28ff]")

# as `fit` would speak, in a process of its own: what a live view draws, somebody has to see
SEARCH = """
import sys, time
from gruforecast.execution.progress import TrialEnd, Working
from gruforecast.report.terminal.live import LiveProgress

quiet = "--quiet" in sys.argv
with LiveProgress(quiet=quiet, verbose=False) as progress:
    progress.stage("reading air.csv")
    time.sleep(0.6)
    progress.say("season of 12 rows")
    progress.warn("[red]one[/red] value is odd")
    progress.workers(lambda: Working(2, ("trial-001", "trial-002"), 3, (10**9, 4 * 10**8)))
    progress.search_begins(6)
    for number, score in enumerate((0.9, 0.7, 0.8)):
        time.sleep(0.6)
        result = TrialEnd("completed", score, steps=100, seconds=3.0)
        best = min(0.9, score) if number == 0 else 0.7
        progress.trial_ended(number, result, done=number + 1, best=best, expected_seconds=42.0)
    time.sleep(0.6)
    crashed = TrialEnd("crashed", error="signal 9")
    progress.trial_ended(3, crashed, done=4, best=0.7, expected_seconds=None)
    progress.search_ended()
    progress.stage("training the networks once more")
    time.sleep(0.6)
if "--fail" in sys.argv:
    raise SystemExit(3)
"""

BRISK = SEARCH.replace("time.sleep(0.6)", "time.sleep(0.3)")  # where nothing is drawn


def trial_result(status: str = "completed", score: float | None = 0.5) -> TrialEnd:
    return TrialEnd(status, score, "signal 9", 100, seconds=3.0, tracing=0.1, compiling=0.2, training=2.7)


def drawn(view: View, width: int = 80, encoding: str = "utf-8") -> list[str]:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    Console(file=stream, width=width, force_terminal=False, color_system=None).print(view)
    return [line.rstrip() for line in stream.buffer.getvalue().decode(encoding).splitlines()]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class TestView:
    def searching(self, clock: Clock, until: float | None = None) -> View:
        view = View(clock)
        view.stage("search")
        view.search_begins(16, until)
        view.look = lambda: Working(2, ("trial-003", "trial-004"), 1, (900_000_000, 1_200_000_000))
        clock.now += 61
        for number, score in enumerate((0.9, 0.6, 0.75)):
            view.trial_ended(
                number, trial_result(score=score), number + 1, min(0.9, score, 0.6 if number else 1), 130.0
            )
        return view

    def test_says_what_a_waiting_person_asks(self, clock: Clock) -> None:
        view = self.searching(clock)
        clock.now += 10
        text = "\n".join(drawn(view))
        assert "3 of 16 trials, 1:11, about 2:00 left" in text
        assert "MASE 0.600 in trial 1" in text
        assert "0: 0.900   1: 0.600   2: 0.750" in text
        assert "2 of 2: trial-003, trial-004; 1 more to do" in text
        assert "1:11; memory 2.1 GB in 2 processes" in text

    def test_sparkline_falls_where_the_best_does(self, clock: Clock) -> None:
        line = next(line for line in drawn(self.searching(clock)) if line.startswith("best"))
        assert line.endswith("█▁▁")

    def test_the_time_budget_counts_where_it_is_shorter(self, clock: Clock) -> None:
        assert any("at most 0:30 left" in line for line in drawn(self.searching(clock, until=clock.now + 91)))
        assert any("about 2:10 left" in line for line in drawn(self.searching(clock, until=clock.now + 900)))

    def test_no_time_left_is_not_negative(self, clock: Clock) -> None:
        view = self.searching(clock)
        clock.now += 5000
        assert any("about 0:00 left" in line for line in drawn(view))

    def test_ends_with_one_line_once(self, clock: Clock) -> None:
        view = self.searching(clock)
        assert view.search_ended() == "search: 3 trials in 1:01, best MASE 0.600 in trial 1"
        assert view.search_ended() == ""
        view.stage("refit")
        clock.now += 5
        assert drawn(view)[0].split() == ["now", "refit,", "0:05"]

    def test_without_a_score(self, clock: Clock) -> None:
        view = View(clock)
        view.search_begins(None, None)
        view.trial_ended(0, trial_result("diverged", None), 1, float("nan"), None)
        view.trial_ended(1, trial_result("crashed", None), 2, float("nan"), None)
        assert "0: diverged   1: crashed" in "\n".join(drawn(view))
        assert view.search_ended() == ""

    @pytest.mark.parametrize("width", [40, 80])
    def test_no_line_is_wider_than_the_terminal(self, clock: Clock, width: int) -> None:
        view = self.searching(clock)
        view.look = lambda: Working(64, tuple(f"trial-{k:03}" for k in range(64)), 9, (10**9,) * 65)
        assert max(map(len, drawn(view, width))) <= width

    def test_plain_letters_where_the_terminal_has_no_others(self, clock: Clock) -> None:
        assert any("MASE 0.600" in line for line in drawn(self.searching(clock), encoding="ascii"))

    @pytest.mark.parametrize("width", [20, 40, 50])
    def test_a_narrow_terminal_loses_the_bar_and_the_ends_of_lines(self, clock: Clock, width: int) -> None:
        drawing = drawn(self.searching(clock), width)
        assert [line.split()[0] for line in drawing] == ["search", "best", "newest", "workers", "so"]
        assert drawing[0].startswith("search   3 of 16 tr")
        assert drawing[0].endswith("…") or width == 50
        assert drawing[2].endswith("…") or width > 20
        assert max(map(len, drawing)) <= width

    def test_a_long_name_of_a_file_leaves_room_for_the_time(self, clock: Clock) -> None:
        view = View(clock)
        view.stage(f"reading {'日本' * 50}.csv")
        clock.now += 5
        assert drawn(view)[0].endswith("…, 0:05")
        assert len(drawn(view)) == 1

    def test_a_search_that_goes_on_counts_and_names_the_trials_before(self, clock: Clock) -> None:
        view = View(clock)
        view.stage("search")
        view.search_begins(4, None)
        view.trial_known(0, trial_result(score=0.6))
        view.trial_known(1, trial_result("crashed", None))
        text = "\n".join(drawn(view))
        assert "2 of 4 trials" in text
        assert "MASE 0.600 in trial 0" in text
        assert view.search_ended() == ""  # nothing new: was said when it went on
        view.search_begins(4, None)
        view.trial_known(0, trial_result(score=0.6))
        clock.now += 7
        view.trial_ended(2, trial_result(score=0.8), 2, 0.6, None)
        assert "MASE 0.600 in trial 0" in "\n".join(drawn(view))
        assert view.search_ended() == "search: 2 trials (1 of an earlier run) in 0:07, best MASE 0.600 in trial 0"

    def test_one_process_or_trial_is_one(self, clock: Clock) -> None:
        view = View(clock)
        view.look = lambda: Working(2, (), 0, (10**9,))
        assert drawn(view)[-1].endswith("memory 1.0 GB in 1 process")
        view.search_begins(None, None)
        view.trial_ended(0, trial_result(), 1, 0.5, None)
        assert drawn(view)[0].startswith("search   1 trial, 0:00")
        assert view.search_ended().startswith("search: 1 trial in")


class TestOnATerminal:
    def test_draws_while_it_runs_and_leaves_a_clean_screen(self) -> None:
        seen = shown([sys.executable, "-c", SEARCH])
        text = [" ".join(lines(screen)) for _, screen in seen.screens()]
        assert any(re.search(r"now +reading air.csv, \d+:\d\d", one) for one in text)
        assert any("2 of 6 trials" in one and "left" in one and "memory 1.4 GB" in one for one in text)
        assert any("training the networks once more" in one for one in text)
        assert re.sub(r"in \d+:\d\d", "in T", seen.last).splitlines() == [
            "season of 12 rows",
            "warning: [red]one[/red] value is odd",
            "trial 3: crashed: signal 9, best 0.700",
            "search: 4 trials in T, best MASE 0.700 in trial 1",
        ]
        assert b"\x1b[?25h" in seen.raw.split(b"training")[-1]  # the cursor is back

    @pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}, {"TTY_INTERACTIVE": "0"}])
    def test_no_live_view_where_it_is_not_wanted(self, env: dict[str, str]) -> None:
        seen = shown([sys.executable, "-c", BRISK], env=env)
        assert b"\x1b[2K" not in seen.raw
        assert b"\x1b[1A" not in seen.raw
        assert "trial 1: MASE 0.700, 3.0 s, best 0.700" in seen.last
        assert "memory" not in seen.last

    def test_quiet_says_warnings_only(self) -> None:
        assert shown([sys.executable, "-c", BRISK, "--quiet"]).last == "warning: [red]one[/red] value is odd"

    def test_only_what_the_terminal_can_show(self) -> None:
        seen = shown([sys.executable, "-c", SEARCH], env={"PYTHONIOENCODING": "ascii"})
        assert seen.raw.isascii()
        assert b"3 of 6 trials" in seen.raw

    def test_a_pipe_gets_plain_lines(self) -> None:
        done = subprocess.run([sys.executable, "-c", BRISK], capture_output=True, text=True, check=True)
        assert done.stdout == ""
        assert done.stderr.splitlines() == [
            "season of 12 rows",
            "warning: [red]one[/red] value is odd",
            "trial 0: MASE 0.900, 3.0 s, best 0.900",
            "about 42 s more for the search; `max_time` sets a limit",
            "trial 1: MASE 0.700, 3.0 s, best 0.700",
            "trial 2: MASE 0.800, 3.0 s, best 0.700",
            "trial 3: crashed: signal 9, best 0.700",
        ]

    def test_predict_draws_the_forecast_below_its_table(self) -> None:
        seen = shown([sys.executable, "-m", "gruforecast", "predict", str(MODEL)])
        assert seen.status == 0
        table, title, *picture = seen.last.partition("and the forecast by")
        assert not BRAILLE.search(table)
        assert title
        assert BRAILLE.search(picture[0])
        assert max(map(len, seen.last.splitlines())) <= 80

    def test_predict_draws_nothing_into_a_pipe(self) -> None:
        command = [sys.executable, "-m", "gruforecast", "predict", str(MODEL), "--format", "table"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "y_hat" in done.stdout
        assert not BRAILLE.search(done.stdout)

    def test_explain_where_only_plain_letters_can_be_shown(self) -> None:
        data = str(ROOT / "sample_data" / "air_passengers.csv")
        command = [sys.executable, "-m", "gruforecast", "explain", str(MODEL), data]
        seen = shown(command, env={"PYTHONIOENCODING": "ascii"})
        assert seen.status == 0
        assert seen.raw.isascii()
        assert "\\u" not in seen.last

    def test_a_table_in_a_file_is_clean_text(self, tmp_path: Path) -> None:
        file = tmp_path / "forecast.txt"
        seen = shown([sys.executable, "-m", "gruforecast", "predict", str(MODEL), "--format", "table", "-o", str(file)])
        assert seen.status == 0
        text = file.read_text(encoding="utf-8")
        assert "y_hat" in text
        assert "\x1b" not in text

    def test_predict_names_the_series_that_it_draws(self, tmp_path: Path) -> None:
        rows = (ROOT / "sample_data" / "air_passengers.csv").read_text(encoding="utf-8").splitlines()
        data = tmp_path / "two.csv"
        tiny = [f"b{row[row.index(',') :]}e-9" for row in rows[1:]]
        data.write_text("\n".join([*rows, *tiny]), encoding="utf-8")
        seen = shown([sys.executable, "-m", "gruforecast", "predict", str(MODEL), str(data), "--series", "b"])
        assert seen.status == 0
        assert "\nb, and the forecast by" in seen.last
        assert "0.000" not in seen.last


class TestPlainLines:
    def test_a_stream_that_is_no_terminal_is_not_live(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        assert not is_live(io.StringIO())

    def test_a_crash_without_times_is_told(self, capsys: pytest.CaptureFixture[str]) -> None:
        with LiveProgress(quiet=False, verbose=True) as progress:
            progress.search_begins(2)
            progress.trial_ended(
                0, TrialEnd("crashed", error="signal 9"), done=1, best=float("nan"), expected_seconds=None
            )
            progress.trial_ended(1, trial_result("pruned", 0.5), done=2, best=0.5, expected_seconds=None)
        told_lines = capsys.readouterr().err.splitlines()
        assert told_lines[0] == "trial 0: crashed: signal 9, best nan"
        assert told_lines[1].startswith("trial 1: MASE 0.500 (stopped early), 3.0 s (tracing 0.1 s, compiling 0.2 s")


def console(width: int = 80, encoding: str = "utf-8") -> Console:
    return Console(file=io.TextIOWrapper(io.BytesIO(), encoding=encoding), width=width, legacy_windows=False)


def rows_of(picture: Picture, width: int = 80) -> list[str]:
    drawing = chart(picture, console(width))
    assert drawing is not None
    return drawing.plain.split("\n")


def columns_with_dots(row: str) -> list[int]:
    return [place for place, mark in enumerate(row) if BRAILLE.match(mark) and mark != "\u2800"]


RISING = Picture(
    "title", [f"d{k}" for k in range(40)], [float(k) for k in range(30)], 30, [float(k) for k in range(30, 40)]
)


class TestChart:
    def test_a_rising_line_rises_from_corner_to_corner(self) -> None:
        title, *rows = rows_of(RISING)
        places = [columns_with_dots(row) for row in rows if columns_with_dots(row)]
        assert title == "title"
        assert len(rows) == HEIGHT
        assert [min(row) for row in places] == sorted((min(row) for row in places), reverse=True)
        assert places[0][-1] == max(map(max, places))
        assert places[-1][0] == min(map(min, places))

    def test_axes_name_bounds_and_dates(self) -> None:
        _, *rows = rows_of(RISING)
        assert rows[0].startswith("39.000")
        assert rows[-2].strip().startswith("0.000")
        assert rows[-1].split() == ["d0", "d30", "d39"]
        assert rows[-1].index("d30") == pytest.approx(7 + 30 / 39 * 72, abs=3)

    @pytest.mark.parametrize(
        ("values", "labels"),
        [
            ([1e-12, 2e-12, 3e-12], ["3e-12", "2e-12", "1e-12"]),
            ([2e-12, 2e-12, 2e-12], ["2e-12"]),
            ([1e6, 1e6 + 0.5, 1e6 + 1], ["1000001", "1000000.5", "1000000"]),
            ([-5.0, 0.0, 5.0], ["5.000", "0.000", "-5.000"]),
        ],
    )
    def test_numbers_beside_the_axis_tell_from_each_other(self, values: list[float], labels: list[str]) -> None:
        _, *rows = rows_of(Picture("t", [], values, 3, values[-1:]))
        written = [row.split()[0] for row in rows if re.match(r" *-?\d", row)]
        assert written == labels

    def test_a_gap_stays_open(self) -> None:
        flat = Picture("t", [], [1.0] * 10 + [None] * 20 + [1.0] * 10, 40, [1.0] * 10)
        _, *rows = rows_of(flat)
        places = next(columns_with_dots(row) for row in rows if columns_with_dots(row))
        steps = [after - before for before, after in itertools.pairwise(places)]
        assert sum(step > 1 for step in steps) == 1
        assert max(steps) == pytest.approx(21 / 49 * 74, abs=3)

    def test_forecast_goes_on_from_the_last_value(self) -> None:
        _, *rows = rows_of(Picture("t", [], [1.0] * 10, 10, [1.0] * 10))
        places = next(columns_with_dots(row) for row in rows if columns_with_dots(row))
        assert places == list(range(places[0], places[-1] + 1))

    def test_nothing_where_it_cannot_be_shown(self) -> None:
        assert chart(RISING, console(width=39)) is None
        assert chart(RISING, console(encoding="ascii")) is None
        assert chart(Picture("t", [], [None], 1, [None]), console()) is None

    def test_hostile_title_is_shown_as_text(self) -> None:
        title, *_ = rows_of(replace(RISING, title="\x1b]0;pwn\x07[red]y[/red]"))
        assert title == "\\x1b]0;pwn\\x07[red]y[/red]"

    @given(
        st.lists(st.none() | st.floats(), max_size=60),
        st.lists(st.none() | st.floats(), min_size=1, max_size=30),
        st.integers(40, 200),
    )
    def test_any_numbers_fit_the_terminal(self, y: list[float | None], mean: list[float | None], width: int) -> None:
        drawing = chart(Picture("t", [f"2000-01-{k}" for k in range(90)], y, len(y), mean, mean, mean), console(width))
        assert drawing is None or max(map(len, drawing.plain.split("\n"))) <= min(width, 80)

    def test_report_shows_the_series_in_the_middle(self) -> None:
        report = made_report(series=9)
        picture = of_report(report)
        assert picture is not None
        assert "(series 5 of 9 by error)" in picture.title
        one = next(one for one in report.extracts.series if one.rank == 5)
        assert one.ahead is not None
        assert picture.mean == one.ahead.mean
        assert list(picture.y)[-1] == one.y[-1]
        assert picture.ds[picture.begin] == one.ahead.ds[0]

    def test_report_without_a_forecast_ahead_shows_the_test_set(self) -> None:
        report = made_report()
        picture = of_report(with_series(report, ahead=None))
        assert picture is not None
        assert "test set" in picture.title
        assert picture.mean == report.extracts.series[0].test.mean
        assert picture.begin == len(picture.y) - report.horizon

    def test_report_without_rows_has_none(self) -> None:
        assert of_report(made_report(data=False)) is None


LOSS = Paired("bootstrap", -12.345, -0.5, -123.456, 100.0, 1.2e-7, "cannot tell")
BACKTEST = BacktestReport(
    model_dir="model",
    winner="networks",
    freq="B",
    season_length=5,
    horizon=13,
    step=13,
    windows=9,
    windows_out_of_sample=0,
    refit=False,
    n_series=45,
    n_forecasts=405,
    n_trained_on=405,
    cutoffs_by="date",
    first_cutoff="2010-07-30",
    last_cutoff="2012-07-27",
    levels=[50.0, 80.0, 95.0, 99.5],
    left_out={},
    scores=[
        MemberScores(
            model=name,
            mase=123.4,
            rmsse=99.9,
            smape=199.99,
            mae=9_999_999.0,
            rmse=3.4e38,
            bias=0.0,
            wape=12.3,
            intervals=dict.fromkeys(("50", "80", "95", "99.5"), IntervalMeans(100.0, 1.0, 123456.0)),
            against={"winner": LOSS},
        )
        for name in ("networks", "seasonal-naive", "dynamic-theta")
    ],
    seconds=1.0,
)


class TestTables:
    def test_what_is_copied_is_one_line(self, report: Report, tmp_path: Path) -> None:
        folder = "long-name/" * 12 + "model"
        file = tmp_path / "report.json"
        file.write_bytes(encoded(edited(report, model_dir=folder)))
        code = "import json, sys; from gruforecast.report.report import Report; "
        code += (
            "from gruforecast.report.terminal.fit import show_report; from gruforecast.serialization import record; "
        )
        code += "show_report(record(Report, json.load(open(sys.argv[1])), 'made'), verbose=False)"
        seen = shown([sys.executable, "-c", code, str(file)])
        assert f"Next: gruforecast predict {folder}\r\n".encode() in seen.raw
        assert f"Report: {folder}/report.html\r\n".encode() in seen.raw

    def test_a_folder_with_the_name_of_the_pretrained_network_is_called_by_its_path(
        self, report: Report, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for folder, there in (("pretrained", True), ("other", False)):
            show_report(edited(report, model_dir=folder), verbose=False)
            out = capsys.readouterr().out
            assert ("find your model as ./pretrained" in out) == there
            assert out.endswith(f"Next: gruforecast predict {'./' * there}{folder}\n")

    @pytest.fixture
    def report(self) -> Report:
        return made_report(series=3)

    def test_fit_80_columns_with_any_number_of_levels(self, report: Report, capsys: pytest.CaptureFixture[str]) -> None:
        wide = with_rows(report, lambda row: edited(row, coverage={**row.coverage, "50": 50.0, "99.5": 100.0}))
        first, *others = wide.leaderboard
        first = edited(first, parameters=12_345_678, mae=9_999_999.0)
        second = edited(others[0], model="dynamic-theta *", mae=3.4e38, mase=123456.0, smape=199.9, rmsse=123456.7)
        show_report(edited(wide, levels=[50.0, 80.0, 95.0, 99.5], leaderboard=[first, second, *others]), verbose=True)
        shown_lines = capsys.readouterr().out.splitlines()
        tables = [line for line in shown_lines if re.search(r"\d  +\S", line)]
        assert len(tables) >= 20
        assert max(map(len, tables)) <= 80
        assert "50 %  99.5 %" in shown_lines[1]
        assert "10.0M" in shown_lines[2]
        assert "3.4e+38" in shown_lines[3]
        assert "…" not in "".join(tables)

    def test_of_a_backtest_fit_80_columns(self, capsys: pytest.CaptureFixture[str]) -> None:
        from gruforecast.report.terminal.backtest import show_backtest

        show_backtest(BACKTEST)
        shown_lines = capsys.readouterr().out.splitlines()
        assert max(len(line) for line in shown_lines if not line.startswith("by how much")) <= 80
        assert sum("99.5 %" in line for line in shown_lines) == 3
        assert "cutoffs 2010-07-30 to 2012-07-27" in "".join(shown_lines)
        assert sum(line.split()[1:5] == ["-12.345", "-123.456", "to", "100.000"] for line in shown_lines) == 3

    @pytest.mark.parametrize(("folder", "marked"), [("pretrained", "pretrained network"), ("model", "winner of fit")])
    def test_a_backtest_says_whose_scores_are_marked(
        self, folder: str, marked: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The network may be the winner of a fit, too."""
        from gruforecast.report.terminal.backtest import show_backtest

        show_backtest(edited(BACKTEST, model_dir=folder, winner="pretrained"))
        assert f"* {marked}. Means over windows" in capsys.readouterr().out

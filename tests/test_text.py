"""Ids, column names and file names that would do harm where they are shown (R60 to R62)."""

from __future__ import annotations

import csv as witness
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers import run
from typer.testing import CliRunner

from gruforecast.cli import app
from gruforecast.text import harmless, harmless_lines

MARKUP = ("[/bold]x", "[red]y", "[a]b", ":smile:", "<img src=x>", "{{7*7}}", "'q", "café 名")
ESCAPES = ("\x1b]0;pwn\x07", "a\rb", "\u202egnp.exe", "a\u2028ls", "\x9b31m", "new\nline")
FORMULAS = ("=1+1", "@x", "+1", "-5", "\tx", "\rx")
LONG = "long " * 30 + "end"
IDS = (*MARKUP, *ESCAPES, *FORMULAS, LONG)
ID, TIME, TARGET, KNOWN = "[/bold]id\x1b[31m", "=time", "[red]y\u202e", "[b]promo\x07"
ROWS = 30
HARM = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def hostile_table(ids: tuple[str, ...] = IDS, first: int = 0, rows: int = ROWS, beside: bool = True) -> str:
    """CSV text of monthly series with hostile names."""
    stream = io.StringIO(newline="")
    writer = witness.writer(stream, lineterminator="\r\n")
    writer.writerow([ID, TIME, TARGET, *([KNOWN] if beside else [])])
    generator = np.random.default_rng(0)
    for key in ids:
        for k in range(first, first + rows):
            month = k % 12
            value = round(100 + 20 * float(np.sin(month / 2)) + float(generator.normal()), 3)
            writer.writerow(
                [key, f"{2015 + k // 12}-{month + 1:02}-01", value, *([int(month == 11)] if beside else [])]
            )
    return stream.getvalue()


def columns_of(text: str) -> dict[str, list[str]]:
    """The columns of CSV text, as another program reads them."""
    names, *rows = list(witness.reader(io.StringIO(text, newline="")))
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def flat(text: str) -> str:
    """Shown text without the blanks and ends of lines with which tables and narrow terminals break it."""
    return re.sub(r"\s+", "", text)


def assert_shown_harmless(*texts: str) -> None:
    for text in texts:
        assert not HARM.search(text), HARM.search(text)


def column_options() -> list[str]:
    return ["--id", ID, "--time", TIME, "--target", TARGET, "--known", KNOWN]


@pytest.fixture(scope="module")
def fitted_hostile(made_once: Any) -> dict[str, Any]:
    """A model of the hostile series, with everything that was said while it was made."""
    return made_once(hostile_fit)


def hostile_fit(cwd: Path) -> dict[str, Any]:
    (cwd / "data.csv").write_bytes(hostile_table().encode())
    (cwd / "future.csv").write_bytes(hostile_table(first=ROWS, rows=3).encode())
    options = ["--horizon", "3", "--trials", "1", "--compare", "none", "--no-stats", "--folds", "1", "-v"]
    done = run("fit", "data.csv", *column_options(), *options, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return {"stdout": done.stdout, "stderr": done.stderr}


@pytest.fixture
def hostile(fitted_hostile: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(fitted_hostile["cwd"])
    return fitted_hostile["cwd"]


def invoke(*arguments: str, **options: Any) -> Any:
    done = CliRunner().invoke(app, list(arguments), **options)
    assert done.exit_code == 0, done.output
    return done


def test_what_is_harmless() -> None:
    for text in (*IDS, ID, TARGET, KNOWN, "\x00", "\udc9b", "\u200f", "\x7f"):
        assert harmless(text).isprintable()
        assert HARM.search(harmless(text)) is None
    for text in MARKUP:
        assert harmless(text) == text
    assert [harmless(text) for text in ESCAPES[:3]] == ["\\x1b]0;pwn\\x07", "a\\rb", "\\u202egnp.exe"]
    assert harmless_lines("a\n\x1b\n") == "a\n\\x1b\n"


def test_a_nul_byte_is_refused_by_its_line(csv: Any) -> None:
    done = CliRunner().invoke(app, ["check", csv(hostile_table(("a", "nul\x00x")))])
    assert done.exit_code == 3
    assert "line 32" in done.stderr
    assert "NUL" in done.stderr
    assert_shown_harmless(done.output)


@pytest.mark.parametrize("more", [[], ["-v"]])
def test_check_shows_names_as_they_are(csv: Any, more: list[str]) -> None:
    done = invoke("check", csv(hostile_table()), *column_options(), *more, env={"COLUMNS": "400"})
    assert_shown_harmless(done.stdout, done.stderr)
    for name in (ID, TIME, TARGET, KNOWN, *(IDS if more else IDS[:12])):
        assert flat(harmless(name)) in flat(done.stdout), name
    assert "…" not in done.stdout.replace("… and", "")  # nothing is cut off, stamps least of all
    assert "2015-01-01" in done.stdout


def test_check_as_json_keeps_every_character(csv: Any) -> None:
    done = invoke("check", csv(hostile_table()), *column_options(), "--json")
    assert_shown_harmless(done.stdout)
    facts = json.loads(done.stdout)
    assert facts["plan"]["names"] == {"time": [TIME], "target": TARGET, "ids": [ID]}
    assert [one["id"] for one in facts["series"]] == list(IDS)


@pytest.mark.parametrize("more", [[], ["--json"], ["--debug"]])
@pytest.mark.parametrize("key", ESCAPES)
def test_errors_show_escapes_as_text(csv: Any, more: list[str], key: str) -> None:
    text = f'ds,"{key}"\n2024-01-01,1\n2024-01-02,"{key}"\n'
    done = CliRunner().invoke(app, ["check", csv(text), "--target", key, *more])
    assert done.exit_code == 3, done.output
    assert_shown_harmless(done.stdout, done.stderr)
    if more == ["--json"]:
        assert json.loads(done.stdout)["error"]["value"] == key


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "[/bold]x\x1b[31m"],
        ["predict", "--horizon", "[/bold]x\x1b[31m"],
        ["predict", "--[/bold]x\x1b[31m"],
        ["predict", "[/bold]\x1b]0;pwn\x07.csv"],
        ["predict", "-o", "[/bold]\x1b]0;pwn\x07.xyz"],
        ["backtest", "[/bold]\x1b]0;pwn\x07.csv"],
        ["fit", "[/bold]\x1b]0;pwn\x07.csv"],
        ["fit", "--freq", "[/bold]\x1b]0;pwn\x07", "x.csv"],
        ["check", "[/bold]\x1b]0;pwn\x07.csv", "--debug"],
    ],
)
def test_what_is_typed_is_shown_harmless(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code in (2, 3, 4), done.output
    assert_shown_harmless(done.stdout, done.stderr)


@pytest.mark.network
class TestModel:
    def test_fit_says_nothing_that_a_terminal_could_obey(self, fitted_hostile: dict[str, Any]) -> None:
        assert_shown_harmless(fitted_hostile["stdout"], fitted_hostile["stderr"])
        said = flat(fitted_hostile["stderr"])
        for name in (ID, TIME, TARGET, KNOWN):
            assert flat(harmless(name)) in said
        log = fitted_hostile["cwd"] / "gruforecast_model.run" / "log.txt"
        assert_shown_harmless(log.read_text(encoding="utf-8"))

    def test_the_run_folder_gives_the_ids_back(self, fitted_hostile: dict[str, Any]) -> None:
        folder = fitted_hostile["cwd"] / "gruforecast_model.run"
        for name in ("train", "test", "test-forecast-naive", "scores-by-series"):
            with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
                assert set(columns_of(stream.read())["unique_id"]) == set(IDS), name

    def test_the_report_keeps_every_character(self, fitted_hostile: dict[str, Any]) -> None:
        from gruforecast import load

        forecaster = load(fitted_hostile["cwd"] / "gruforecast_model").forecaster
        assert [key for (key,) in forecaster.context.ids] == list(IDS)
        assert forecaster.plan.names.ids == (ID,)

    def test_csv_is_raw_by_default(self, hostile: Path) -> None:
        done = invoke("predict", "--future", "future.csv", "-o", "raw.csv")
        assert_shown_harmless(done.stdout, done.stderr)
        with Path("raw.csv").open(encoding="utf-8", newline="") as stream:
            columns = columns_of(stream.read())
        assert list(columns) == [ID, TIME, *list(columns)[2:]]
        assert columns[ID] == [key for key in IDS for _ in range(3)]

    def test_excel_safe_marks_texts_and_no_numbers(self, hostile: Path) -> None:
        invoke("predict", "--future", "future.csv", "-o", "raw.csv")
        invoke("predict", "--future", "future.csv", "-o", "safe.csv", "--excel-safe")
        raw, safe = (columns_of(Path(name).read_bytes().decode()) for name in ("raw.csv", "safe.csv"))
        assert list(safe)[:2] == [ID, f"'{TIME}"]
        assert safe[ID] == [f"'{key}" if key in FORMULAS else key for key in IDS for _ in range(3)]
        for name in list(raw)[2:]:
            assert raw[name] == safe[name]

    def test_a_table_shows_ids_as_they_are(self, hostile: Path) -> None:
        done = invoke("predict", "--future", "future.csv", "--format", "table", "-v")
        assert_shown_harmless(done.stdout, done.stderr)
        for name in (ID, TIME, *IDS[:19]):
            assert flat(harmless(name)) in flat(done.stdout), name
        long = invoke("predict", "--future", "future.csv", "--format", "table", "--series", LONG)
        assert "end" in long.stdout
        assert "2017-07-01" in long.stdout

    def test_json_keeps_every_character(self, hostile: Path) -> None:
        done = invoke("predict", "--future", "future.csv", "--json")
        assert_shown_harmless(done.stdout, done.stderr)
        rows = json.loads(done.stdout)["forecast"]
        assert [row[ID] for row in rows] == [key for key in IDS for _ in range(3)]

    def test_parquet_keeps_every_character(self, hostile: Path) -> None:
        from pyarrow import parquet

        invoke("predict", "--future", "future.csv", "-o", "raw.parquet")
        assert parquet.read_table("raw.parquet")[ID].to_pylist() == [key for key in IDS for _ in range(3)]

    def test_csv_on_a_terminal_shows_escapes_as_text(self, hostile: Path) -> None:
        import os
        import pty
        import subprocess
        import sys

        master, slave = pty.openpty()
        command = [sys.executable, "-m", "gruforecast", "predict", "--future", "future.csv", "--format", "csv"]
        with subprocess.Popen(command, stdout=slave, stderr=slave) as process:
            os.close(slave)
            shown = b""
            while True:
                try:
                    part = os.read(master, 65536)
                except OSError:
                    break
                if not part:
                    break
                shown += part
        os.close(master)
        assert process.returncode == 0
        text = shown.decode().replace("\r\n", "\n")
        assert_shown_harmless(text)
        assert "\\x1b]0;pwn\\x07" in text

    @pytest.mark.parametrize("more", [[], ["--excel-safe"]])
    def test_backtest(self, hostile: Path, more: list[str]) -> None:
        Path("later.csv").write_bytes(hostile_table(rows=ROWS + 6).encode())
        places = ["-o", "all.csv", "--scores", "scores.csv", *more]
        done = invoke("backtest", "later.csv", "--member", "networks", "--member", "naive", "-v", *places)
        assert_shown_harmless(done.stdout, done.stderr)
        ids = {f"'{key}" if more and key in FORMULAS else key for key in IDS}
        for name in ("all.csv", "scores.csv"):
            columns = columns_of(Path(name).read_bytes().decode())
            assert set(columns[ID]) == ids
        assert not any(text.startswith("'") for text in columns["mase"])
        assert_shown_harmless(invoke("backtest", "later.csv", "--json").stdout)

    def test_excel_safe_of_backtest_needs_a_csv_file(self, hostile: Path) -> None:
        for more in ([], ["-o", "all.parquet"]):
            done = CliRunner().invoke(app, ["backtest", "data.csv", "--excel-safe", *more])
            assert done.exit_code == 2
            assert "GF-U59" in done.stderr

    def test_a_wrong_id_is_named_harmless(self, hostile: Path) -> None:
        done = CliRunner().invoke(app, ["predict", "--future", "future.csv", "--series", "[red]\x1b[31m"])
        assert done.exit_code == 2
        assert_shown_harmless(done.stderr)
        assert "[/bold]x" in done.stderr

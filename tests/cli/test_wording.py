"""What the library says of parameters, the command line says of flags."""

from __future__ import annotations

import ast
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from makers import AIR, GOLDEN
from typer.testing import CliRunner

import gruforecast
from gruforecast.automl.options import FitOptions
from gruforecast.automl.reproduce import arguments
from gruforecast.cli import app
from gruforecast.cli.wording import FLAGS, NAMED, as_flags

PACKAGE = Path(gruforecast.__file__).parent
# makes the command, a terminal's hints, an option of XLA, the names of options in a report
OF_THE_COMMAND_LINE = (
    "automl/reproduce.py", "automl/options.py", "data/option.py", "report/terminal/fit.py", "execution/pool.py",
    "report/page/words.py",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("`horizon` 40 is out of range.", "--horizon 40 is out of range."),
        ("Pass `horizon=5` or less.", "Pass --horizon 5 or less."),
        ("Pass `max_rows` with a larger number.", "Pass --max-rows with a larger number."),
        ("(fit `context=False`)", "(fit --no-context)"),
        ("pass `fill=True`", "pass --fill"),
        ("another place with `output`", "another place with -o"),
        ("`tz='Europe/London'`", "--tz Europe/London"),
        ("`sep=';'` or `sep='tab'`", "--sep ';' or --sep tab"),
        ("`date_format='%d/%m/%Y %H:%M'`", "--date-format '%d/%m/%Y %H:%M'"),
        ("`na_values='-999'`", "--na-values=-999"),
        ('`na_values="it\'s"`', "--na-values 'it'\"'\"'s'"),
        ("`id=COLUMN`", "--id COLUMN"),
        ("`fit` of `columns`, `unknown=1` and ` horizon `", "`fit` of `columns`, `unknown=1` and ` horizon `"),
        ("no backticks: horizon, output", "no backticks: horizon, output"),
    ],
)
def test_parameters_become_flags(text: str, shown: str) -> None:
    assert as_flags(text) == shown


def test_every_flag_is_one_of_the_program() -> None:
    pages = "".join(
        CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).stdout
        for command in ("fit", "predict", "backtest", "export")
    ).split()
    assert set(FLAGS.values()) <= set(pages)


def messages() -> list[tuple[str, str]]:
    """Texts of the library that are no docstrings, each with its module."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        place = str(path.relative_to(PACKAGE))
        if place.startswith(("cli/", "serve/")) or place in OF_THE_COMMAND_LINE:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in alone]
        found += [(place, node.value) for node in texts if isinstance(node.value, str)]
    return found


def test_the_library_speaks_of_parameters_that_there_are_and_of_no_flags() -> None:
    flags = [one for one in messages() if re.search(r"(?<![\w-])(--[a-z]{2}|-o\b)", one[1])]
    assert flags == []
    named = {name for _, text in messages() for name, _ in NAMED.findall(text)}
    assert named - set(FLAGS) == {"detail"}  # of Python alone
    assert {"horizon", "output", "context", "future", "tz", "max_rows"} <= named


def test_errors_and_warnings_are_shown_with_flags(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["predict", str(GOLDEN / "format-1" / "model"), "--horizon", "99", "--json"])
    error = json.loads(done.stdout)["error"]
    assert error["message"] == "--horizon 99 is not within 1 and 6, the horizon fitted."
    assert error["remedy"] == "Fit again with --horizon 99."
    assert f"{error['message']} {error['remedy']}" in done.stderr
    odd = AIR.read_text().replace("118", "-999", 1).replace("132", "-999", 1).replace("129", "-999", 1)
    (tmp_path / "odd.csv").write_text(odd)
    for more in ([], ["--json"]):
        done = CliRunner().invoke(app, ["check", str(tmp_path / "odd.csv"), *more], env={"COLUMNS": "300"})
        assert "pass --na-values=-999 if it means missing" in done.stdout + done.stderr
        assert "`" not in done.stdout


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        ({}, []),
        ({"fill": True, "header": False, "context": False}, ["--fill", "--no-header", "--no-context"]),
        ({"header": True, "id": ["a", "b c"], "horizon": 7}, ["--id=a", "--id=b c", "--header", "--horizon=7"]),
        ({"level": [80, 97.5], "sep": "\t"}, ["--sep=tab", "--level=80", "--level=97.5"]),
        ({"max_time": "1.5m", "trial_time": 9}, ["--max-time=90s", "--trial-time=9s"]),
        ({"output": "m", "run_dir": "r", "fresh": True, "overwrite": True, "workers": 1, "worker_memory": "1GB"}, []),
        ({"max_rows": 10, "skip_lines": 0, "retries": 0}, ["--skip-lines=0", "--max-rows=10", "--retries=0"]),
        ({"stats": False, "compare": "none"}, ["--compare=none", "--no-stats"]),
    ],
)
def test_options_as_they_are_given_on_the_command_line(given: dict[str, Any], flags: list[str]) -> None:
    assert arguments("data/a.csv", FitOptions(**given)) == ["a.csv", *flags, "--seed", "0"]
    assert shlex.split(shlex.join(flags)) == flags


def test_a_name_like_an_option_and_standard_input() -> None:
    assert arguments("x/-a.csv", FitOptions(seed=3)) == ["./-a.csv", "--seed", "3"]
    assert arguments("-", FitOptions()) == ["-", "--seed", "0"]

"""Rows 1 to 45 of a list of wild cases that are about columns, options and `check`, each with the command that failed.

The files were invented for the list (60 rows, or 20); they are written here by the formula behind them.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from gruforecast.cli.app import app

DAYS = [str(np.datetime64("2024-01-01") + k) for k in range(60)]


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.output


def text(header: str, *columns: list[object]) -> str:
    return "\n".join([header, *(",".join(map(str, row)) for row in zip(DAYS, *columns, strict=False))]) + "\n"


GAS, POWER, WATER = ([base + (step * k) % 21 for k in range(60)] for base, step in ((50, 1), (100, 3), (7, 2)))
USAGE = text("date,electricity,gas,water", POWER, GAS, WATER)


def test_row_43_two_targets_are_refused_with_what_works(csv: Any) -> None:
    path = csv(USAGE)
    for command in ("check", "fit"):
        code, said = run(command, path, "--target", "electricity", "--target", "gas")
        assert code == 2
        assert "--target is given 2 times: 'electricity', 'gas'. Give one. Fit once for each, or pass --wide" in said
    assert run("check", path, "--target", "gas", "--target", "gas")[0] == 0
    code, said = run("check", path, "--wide")
    assert "3 series, 180 rows: ready for gruforecast fit" in said
    code, said = run("check", path, "--target", "gas", "--freq", "D", "--freq", "W")
    assert code == 2
    assert "--freq is given 2 times: 'D', 'W'" in said


def test_row_38_and_40_and_41(csv: Any) -> None:
    said = run("check", csv(text("date,hourly_sales,temperature", POWER, GAS)))[1]
    assert "target column 'hourly_sales'" in said
    code, said = run("check", csv(text("date,units_sold,price,promo", POWER, GAS, WATER)))
    assert code == 3
    assert "2 columns could be the target: 'price', 'units_sold'. Name the target with --target" in said
    names = ["New Year", *["none"] * 30, "Easter", *["none"] * 28]
    code, said = run("check", csv(text("date,sales,name", POWER, names)))
    assert code == 0
    assert "warning: 'name' is not used: with one row a stamp it names no series. Pass --known name" in said
    assert "one series" in said


def test_row_31_what_repeats_exactly_is_taken_by_check_and_by_fit(csv: Any) -> None:
    said = run("check", csv(text("date,y", [k % 7 for k in range(60)])))[1]
    assert "1 series, 60 rows: ready for gruforecast fit" in said  # tests/automl/test_preparation.py has fit's side


@pytest.mark.parametrize("values", [GAS[:20], [5] * 60, [1] * 59 + [2], [k % 5 for k in range(8)]])
def test_what_check_calls_ready_is_what_fit_takes(csv: Any, values: list[int]) -> None:
    """`fit` refuses with the same sentence, and the remedy of `check` is taken by both."""
    path = csv(text("date,y", values))
    code, said = run("check", path)
    assert code == 0
    refusal = said.split("not ready for gruforecast fit: ")[1].strip()
    code, other = run("fit", path, "-o", f"{path}.model", "--trials", "1")
    assert code == 3
    assert refusal in other
    assert json.loads(run("check", path, "--json")[1])["refused"] == refusal
    assert refusal in run("check", path, "-q")[1]
    if "Pass --horizon" in refusal:
        horizon = refusal.split("Pass --horizon ")[1].split()[0]
        assert ": ready for gruforecast fit" in run("check", path, "--horizon", horizon)[1]
        assert "not ready" in run("check", path, "--horizon", str(int(horizon) + 1))[1]

"""Titles and sentences of the report follow from its numbers, also where these are odd."""

from __future__ import annotations

import copy
import re
from typing import Any

import numpy as np
import pytest
from made_report import made_report

from gruforecast.report.markdown import markdown
from gruforecast.report.page import accuracy, cells, words
from gruforecast.report.page.html import page
from gruforecast.report.page.importance import shares
from gruforecast.report.page.parallel import parallel
from gruforecast.report.page.search import scores, times
from gruforecast.report.page.series import chosen_series


@pytest.fixture
def panel() -> dict[str, Any]:
    return made_report(series=6)


def told(report: dict[str, Any]) -> str:
    """All that is read first, and the titles, as one text."""
    facts = " | ".join(" ".join(one) for one in (*words.evidence_facts(report), *words.answers(report)))
    return f"{words.headline(report)} | {facts} | {markdown(report)}"


@pytest.mark.parametrize(
    ("relative", "low", "high", "effect", "between"),
    [
        (0.003, -0.0005, 0.02, "under 1 % less", "-0.05 to 2 %"),
        (-0.004, -0.02, 0.004, "under 1 % more", "-2 to 0.4 %"),
        (0.998, 0.9, 1.2, "over 99 % less", "90 to 100 %"),
        (0.0, -0.1, 0.1, "no less", "-10 to 10 %"),
    ],
)
def test_small_effects_are_not_written_as_nothing(
    panel: dict[str, Any], relative: float, low: float, high: float, effect: str, between: str
) -> None:
    mase = next(row["mase"] for row in panel["leaderboard"] if row["model"] == panel["evidence"]["against"])
    verdict = "cannot tell" if relative > 0 else "not better"
    ends = {"low": low * mase, "high": high * mase}
    panel["evidence"] |= {"relative": relative, "verdict": verdict, "p": 0.2, **ends}
    facts = {name: value for name, value, _ in words.evidence_facts(panel)}
    assert facts["Error"] == effect
    assert facts["95 % interval"] == between
    assert not re.search(r"(?<![\d.])-?0 %|-0 to", told(panel).split("###")[0])


def test_the_p_is_that_of_at_least_such_a_difference_and_only_said_of_a_test(panel: dict[str, Any]) -> None:
    meaning = {name: text for name, _, text in words.evidence_facts(panel)}
    assert meaning["p"].endswith("chance of at least such a difference if both were equally good")
    panel["evidence"] |= {"p": None, "low": None, "high": None, "method": None, "verdict": "cannot tell"}
    assert {name: text for name, _, text in words.evidence_facts(panel)}["p"] == "too few steps to test"


def test_counts_have_the_right_number(panel: dict[str, Any]) -> None:
    panel["folds"], panel["plan"]["left_out"] = 1, ["a"]
    panel["warnings"] = [f"w{k}" for k in range(11)]
    panel["reproduce"]["machine"] |= {"workers": 1, "cores": 1}
    text = f"{told(panel)} {page(panel)}"
    for right in ("1 fold, then", "1 column left out", "and 1 more warning\n", "1 worker on 1 core ·"):
        assert right in text
    assert not re.search(r"\b1 (folds|columns|more warnings|workers|cores)\b", text)


@pytest.mark.parametrize(("levels", "said"), [([], "and ahead."), ([99.05, 80.0], "its intervals (99.05, 80 %)")])
def test_levels_are_written_as_they_are(panel: dict[str, Any], levels: list[float], said: str) -> None:
    assert said in page(panel | {"levels": levels})

"""A report read back from a model folder, and the look inside that is a part of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from edited import edited
from made_report import made_report

from gruforecast.artifact.manifest import seal
from gruforecast.errors import ModelError
from gruforecast.explain.records import ChangeRecord, Explanation, GateRecord, MemoryRecord, WatchedNetwork
from gruforecast.report.report import Report
from gruforecast.report.stored import stored_explanation, stored_report
from gruforecast.serialization import encoded, plain

EXPLANATION = Explanation(
    source="the training data",
    freq="M",
    unit="months",
    per_row=1.0,
    network=WatchedNetwork("gru", 1.0, 1, 32, 24, 1, 24, "direct", 12, 12),
    gates=GateRecord("s0", ["2000-01-01"], ["2000-01-01"], [1.0], [None], [], []),
    memory=MemoryRecord("months", 24.0, 1.0, [[None, 2.0]], 2.0, 2.0, None, 0.0, 0.5),
    resets=ChangeRecord(3.5, 1, "the other windows", 0, 1, 1, [], []),
)


def sealed(folder: Path, content: Any) -> Path:
    """A model folder that holds nothing but this as its report."""
    (folder / "report.json").write_bytes(encoded(content))
    seal(folder)
    return folder


@pytest.fixture(scope="module")
def report() -> Report:
    return edited(made_report(3), explain=EXPLANATION)


def test_what_is_written_is_read(report: Report, tmp_path: Path) -> None:
    assert stored_report(sealed(tmp_path, report)) == report
    assert stored_explanation(tmp_path) == EXPLANATION
    assert stored_explanation(sealed(tmp_path, edited(report, explain=None))) is None


def test_a_number_that_is_none_is_none_again(report: Report, tmp_path: Path) -> None:
    row, *others = report.leaderboard
    odd = edited(report, leaderboard=[edited(row, mase=float("nan"), wape=float("inf")), *others])
    read = stored_report(sealed(tmp_path, odd)).leaderboard[0]
    assert read == edited(row, mase=None, wape=None)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("horizon", "Expected `int`, got `null` - at `$.horizon`"),
        ("plan__freq__unit", "at `$.plan"),
        ("explain__format", "at `$.explain"),
        ("audit__kind", "Expected `str`, got `null` - at `$.audit.kind`"),
    ],
)
def test_a_report_of_another_version_is_refused_with_what_to_do(
    report: Report, tmp_path: Path, place: str, words: str
) -> None:
    content = plain(report)
    inner: Any = content
    *places, last = place.split("__")
    for name in places:
        inner = inner[name]
    inner[last] = None
    with pytest.raises(ModelError) as refused:
        stored_report(sealed(tmp_path, content))
    error = refused.value
    assert error.message.startswith("another version of gruforecast wrote this report: ")
    assert words in error.message
    assert (error.code, error.remedy) == ("GF-M30", "Fit again with `overwrite=True`.")
    assert error.file == str(tmp_path / "report.json")
    assert stored_explanation(tmp_path) is None  # looked for anew


def test_a_folder_without_a_report_says_so(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")
    seal(tmp_path)
    for read in (stored_report, stored_explanation):
        with pytest.raises(ModelError, match="holds no report"):
            read(tmp_path)


def test_a_report_that_was_changed_is_refused(report: Report, tmp_path: Path) -> None:
    file = sealed(tmp_path, report) / "report.json"
    file.write_bytes(file.read_bytes().replace(b'"made"', b'"evil"'))
    for read in (stored_report, stored_explanation):
        with pytest.raises(ModelError, match=r"report\.json"):
            read(tmp_path)

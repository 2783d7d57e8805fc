"""Reading is infer, then apply: the plan of a table is all that is needed to read it again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gruforecast.data.files.column import Column
from gruforecast.data.files.delimited import read_table
from gruforecast.data.finding import Finding, shown
from gruforecast.data.formats.numbers import NumberForm, apply_numbers, infer_numbers
from gruforecast.data.formats.timestamp_formats import StampForm
from gruforecast.data.formats.timestamps import apply_stamps, follow_stamps
from gruforecast.data.options import ReadOptions
from gruforecast.data.plan import Plan
from gruforecast.data.read import apply_plan, infer_plan, read_csv, read_like
from gruforecast.errors import DataError, FormError
from gruforecast.serialization import plain, record

DAYS = np.datetime64("2024-03-01") + np.arange(40)
HOURS = np.datetime64("2024-03-30T00", "h") + np.arange(24)  # none of the hour that Vienna skips on the 31st


def column(*cells: str) -> Column:
    return Column("f.csv", "y", list(cells), list(range(2, len(cells) + 2)))


def rows(*parts: Any) -> str:
    return "".join(f"{';'.join(map(str, row))}\n" for row in zip(*parts, strict=True))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ds;y\n" + rows(DAYS, [f"{k},5 kg" for k in range(40)]), {}),
        ("ds;y\n" + rows([f"{str(d)[8:]}/{str(d)[5:7]}/24" for d in DAYS], range(40)), {}),
        ("ds;a;b\n" + rows(DAYS, [f"{k}%" for k in range(40)], range(40)), {"wide": True}),
        ("ds;y\n" + rows([str(h).replace("T", " ") + ":00" for h in HOURS], range(24)), {"tz": "Europe/Vienna"}),
        ("ds;y\n" + rows(DAYS[:20], range(20)) + rows(DAYS[:20], range(20)), {"on_duplicate": "sum"}),
        ("date;hour;y\n" + rows(np.repeat(DAYS, 24), list(range(1, 25)) * 40, range(960)), {}),
        (
            "id;ds;y;t\n" + rows(["a", "b"] * 40, np.repeat(DAYS, 2), range(80), ["x", "y", "z", ""] * 20),
            {"past": ("t",)},
        ),
    ],
    ids=["units", "names of days", "wide", "zone", "duplicates", "parts", "covariate"],
)
def test_the_plan_is_all_that_is_needed_to_read_the_table_again(csv: Any, text: str, said: dict[str, Any]) -> None:
    path, options = csv(text), ReadOptions(**said)
    plan = infer_plan(read_table(path), options)
    stored = record(Plan, plain(plan), "model.json")
    once, again = read_csv(path, options), apply_plan(read_table(path), stored)
    assert once.panel.plan == again.panel.plan
    assert once.panel.ids == again.panel.ids
    for name in ("indptr", "ds", "y", "x"):
        np.testing.assert_array_equal(getattr(once.panel, name), getattr(again.panel, name))
    np.testing.assert_array_equal(once.lines, again.lines)
    assert shown(once.findings, "info") == shown(again.findings, "info")


def test_a_form_is_found_once_and_holds_for_other_cells() -> None:
    form, findings = infer_numbers(column("1.234,5 kg", "2,0 kg"), NumberForm(), settled=False)
    assert (form.decimal, form.thousands, form.after) == (",", ".", "kg")
    assert [one.column for one in findings] == ["y"] * 3
    assert apply_numbers(column("7,25 kg", "NA"), form)[0] == 7.25
    with pytest.raises(FormError) as caught:
        apply_numbers(column("7.25 lb"), form)
    assert caught.value.line == 2


def test_what_was_made_of_cells_is_not_that_of_other_cells() -> None:
    first = column("1", "2")
    other = Column(first.file, first.name, ["3", "4"], first.lines)
    assert apply_numbers(first, NumberForm()).tolist() == [1, 2]
    assert apply_numbers(other, NumberForm()).tolist() == [3, 4]
    assert first == column("1", "2")


@pytest.mark.parametrize(
    ("earlier", "cells", "kind", "first"),
    [
        (StampForm("mdy", "/"), ["01/02/2024", "01/03/2024"], "mdy", "2024-01-02"),
        (StampForm("dmy", "/"), ["01/02/2024", "01/03/2024"], "dmy", "2024-02-01"),
        (StampForm("dmy", "/"), ["2024-01-02", "2024-01-03"], "ymd", "2024-01-02"),
        (StampForm("pattern", "%y/%m/%d"), ["01/02/03", "01/02/04"], "pattern", "2001-02-03"),
        (StampForm("excel"), ["45292", "45293"], "excel", "2024-01-01"),
    ],
)
def test_an_earlier_form_settles_what_later_cells_leave_open(
    earlier: StampForm, cells: list[str], kind: str, first: str
) -> None:
    later = column(*cells)
    form, _ = follow_stamps(later, earlier)
    assert form.kind == kind
    assert str(apply_stamps(later, form).ds[0])[:10] == first


def test_cells_that_do_not_have_the_form_are_refused() -> None:
    with pytest.raises(FormError) as caught:
        apply_stamps(column("2024-01-01", "01.02.2024"), StampForm("ymd"))
    assert (caught.value.code, caught.value.line) == ("GF-D20", 3)


@pytest.mark.parametrize(("cell", "kind", "named"), [("1 lb", FormError, True), ("1e31", DataError, False)])
def test_only_an_error_of_the_form_names_the_plan(csv: Any, cell: str, kind: type[DataError], named: bool) -> None:
    plan = read_csv(csv("ds;y\n" + rows(DAYS, range(40)))).panel.plan
    with pytest.raises(DataError) as caught:
        read_like(csv(f"ds;y\n2024-05-01;{cell}\n2024-05-02;2\n", "later.csv"), plan)
    assert type(caught.value) is kind
    assert ("The model was fitted on data with" in caught.value.remedy) == named


def test_a_finding_is_shown_with_its_code() -> None:
    found = [Finding("late", "GF-W21", line=3), Finding("step D", level="info"), Finding("odd")]
    assert shown(found, "warning") == ["GF-W21 late", "odd"]
    assert shown(found, "info") == ["step D"]


def said(csv: Any, text: str, **options: Any) -> list[tuple[str, str]]:
    return [(one.level, one.text) for one in read_csv(csv(text), ReadOptions(**options)).findings]


def test_what_a_plan_settles_is_said_first_and_in_this_order(csv: Any) -> None:
    keys, days = ["a"] * 8 + ["b"] * 8, [*map(str, DAYS[:8])] * 2
    head, numbers = "id;ds;y;p;k;q;s\n", [k * k % 7 for k in range(16)]
    text = head + rows(keys, days, numbers, numbers, numbers, numbers, [len(key) + (key == "b") for key in keys])
    found = said(csv, text, known=("k",), past=("q", "p"), static=("s",), holidays="AT")
    assert found == [
        ("info", "time column 'ds'"),
        ("info", "target column 'y'"),
        ("info", "series by 'id'"),
        ("info", "future covariates: 'k'"),
        ("info", "past covariates: 'q', 'p'"),
        ("info", "static covariates: 's'"),
        ("info", "public holidays of AT"),
        ("info", "frequency D"),
        ("warning", "fields are separated by semicolons"),
    ]


def test_missing_values_are_counted_with_the_rows_that_are_absent(csv: Any) -> None:
    facts = [
        ("info", "time column 'ds'"),
        ("info", "target column 'y'"),
        ("info", "one series"),
        ("info", "frequency D"),
        ("warning", "fields are separated by semicolons"),
    ]
    cells = [str(k) if k not in (3, 9) else "" for k in range(12)]
    text = "ds;y\n" + rows(DAYS[:12], cells)
    end = "a series ends at its last value"
    assert said(csv, text) == [
        *facts,
        ("warning", f"2 values are missing: masked, never filled in; {end}"),
    ]
    text = text.replace("2024-03-06;5\n", "")
    assert said(csv, text) == [
        *facts,
        ("warning", f"3 values are missing, 1 of them because the row is absent: masked, never filled in; {end}"),
    ]
    filled = "filled by lines between their neighbours"
    assert said(csv, text, fill=True) == [
        *facts,
        ("warning", f"3 values are missing, 1 of them because the row is absent: {filled}; {end}"),
    ]
    assert said(csv, "ds;y\n" + rows(DAYS[:12][::-1], range(12))) == [
        *facts,
        ("warning", "the rows were not in order of time: sorted"),
    ]


def test_one_row_has_no_step_unless_it_is_given(csv: Any) -> None:
    with pytest.raises(DataError) as caught:
        read_csv(csv("ds;y\n2024-03-01;1\n"), ReadOptions(time=("ds",), target="y"))
    error = caught.value
    assert error.message == "no two stamps follow each other."
    assert error.remedy == "A series needs at least two rows; pass `freq` if that is wanted."
    assert (error.code, error.line, error.column) == ("GF-D36", None, "ds")

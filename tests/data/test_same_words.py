"""What `fit` reads, `predict` reads in the same words, and its errors name nothing that `predict` does not have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gruforecast.data.future_covariates import FutureCovariates, read_future
from gruforecast.data.options import ReadOptions
from gruforecast.data.plan import Plan
from gruforecast.data.read import read_csv, read_like
from gruforecast.errors import DataError

DAYS = [str(np.datetime64("2024-01-01") + k) for k in range(44)]


def text(cells: list[str], days: list[str], *, target: bool = True) -> str:
    rows = [
        f"{day},{f'{k % 7 + k},' if target else ''}{cell}"
        for k, (day, cell) in enumerate(zip(days, cells, strict=True))
    ]
    return "\n".join([f"date,{'sales,' if target else ''}event", *rows]) + "\n"


def plan_of(csv: Any, cells: list[str], **options: Any) -> Plan:
    return read_csv(csv(text(cells, DAYS[:40])), ReadOptions(known=("event",), **options)).panel.plan


def ahead(csv: Any, plan: Plan, cells: list[str]) -> FutureCovariates:
    return read_future(csv(text(cells, DAYS[40 : 40 + len(cells)], target=False), "future.csv"), plan)


@pytest.mark.parametrize("usual", ["none", "", "None", "NA"])
def test_a_level_that_is_written_none_is_a_level(csv: Any, usual: str) -> None:
    """Row 7 of the wild cases: the usual level of an event is the word none, in the training file and ahead."""
    cells = ["Fair", "Sale", *[usual] * 8] * 4
    plan = plan_of(csv, cells)
    assert plan.columns == ("event=", "event=Fair", "event=Sale")
    found = read_csv(csv(text(cells, DAYS[:40])), ReadOptions(known=("event",)))
    assert found.panel.x.sum(axis=0).tolist() == [32, 4, 4]
    assert "event: 32 of 40 values are missing (blank, NA, none): that is a category as well" in found.warnings
    assert ahead(csv, plan, [usual, "Sale", "none", ""]).x.tolist() == [[1, 0, 0], [0, 0, 1], [1, 0, 0], [1, 0, 0]]
    whole = text(cells, DAYS[:40])
    assert read_future(csv(whole), plan).x.tolist() == found.panel.x.tolist()  # the training file itself


def test_a_blank_that_was_never_fitted_is_refused_ahead(csv: Any) -> None:
    plan = plan_of(csv, ["Fair", "Sale"] * 20)
    for cell in ("", "none"):
        with pytest.raises(DataError, match="a category is missing") as caught:
            ahead(csv, plan, ["Fair", cell])
        assert (caught.value.line, caught.value.code) == (3, "GF-D60")


ZERO_ONE, TRUE_FALSE, YES_NO, ONE_BLANK = ("0", "1"), ("False", "True"), ("no", "Yes"), ("", "1")


@pytest.mark.parametrize("fitted", [ZERO_ONE, TRUE_FALSE, YES_NO, ONE_BLANK, ("", "yes"), ("", "true")])
@pytest.mark.parametrize("later", [ZERO_ONE, TRUE_FALSE, YES_NO, ("0.0", "1.0"), ("FALSE", "TRUE")])
def test_a_flag_is_read_however_the_future_writes_it(csv: Any, fitted: tuple[str, str], later: tuple[str, str]) -> None:
    """Rows 15 and 16 of the wild cases."""
    plan = plan_of(csv, [fitted[k % 5 == 0] for k in range(40)])
    made = ahead(csv, plan, [later[k] for k in (1, 0, 0, 1)])
    assert (made.x.ravel().tolist(), made.warnings) == ([1, 0, 0, 1], [])


def test_a_flag_of_a_word_knows_no_other_word(csv: Any) -> None:
    plan = plan_of(csv, [("", "Easter")[k % 5 == 0] for k in range(40)])
    made = ahead(csv, plan, ["Easter", "", "no", "Christmas"])
    assert made.x.ravel()[:3].tolist() == [1, 0, 0]
    assert np.isnan(made.x[3, 0])
    assert made.warnings == ["event: 1 rows have other categories than the model knows ('Christmas')"]
    assert np.isnan(ahead(csv, plan, ["1"]).x[0, 0])
    zero_one = plan_of(csv, [str(k % 2) for k in range(40)])
    with pytest.raises(DataError, match="'2' is neither 0 nor 1"):
        ahead(csv, zero_one, ["1", "2"])
    with pytest.raises(DataError, match="'maybe' is neither 0 nor 1"):
        ahead(csv, zero_one, ["1", "maybe"])


@pytest.mark.parametrize(
    ("step", "cell", "said"), [(7, "", "repeat|regular|step|stamps"), (1, "x12", "'x12'"), (1, "12;3", "12;3")]
)
def test_an_error_at_predict_names_no_option_of_fit(csv: Any, step: int, cell: str, said: str) -> None:
    """Row 22 of the wild cases: weekly rows for a daily model."""
    plan = read_csv(csv("date,sales\n" + "".join(f"{day},{k % 9 + k}\n" for k, day in enumerate(DAYS)))).panel.plan
    days = [str(np.datetime64("2024-03-01") + step * k) for k in range(30)]
    rows = [f"{day},{cell if cell and k == 3 else k + 2}" for k, day in enumerate(days)]
    with pytest.raises(DataError, match=said) as caught:
        read_like(csv("\n".join(["date,sales", *rows]) + "\n", "new.csv"), plan)
    for one in ReadOptions.declared:
        assert f"`{one.name}" not in caught.value.remedy
    assert "The model was fitted on data with time 'date'" in caught.value.remedy

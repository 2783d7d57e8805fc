"""New rows joined to kept ones: what stands where, and what is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers import MONTHLY, panel_of
from msgspec import structs

from gruforecast.data import joining
from gruforecast.data.calendar.frequency import Frequency
from gruforecast.data.joining import ended_early, joined, kept_rows, newer_rows, without_values
from gruforecast.data.panel import Panel
from gruforecast.data.plan import Covariate

FREQS = (MONTHLY, Frequency("M", 3), Frequency("s", 3600), Frequency("B", 1))
NAN = float("nan")


def later(panel: Panel, steps: int) -> Panel:
    """The same panel, so many steps later."""
    return replace(panel, ds=panel.freq.moved(panel.ds, np.full(len(panel.ds), steps)))


def unnamed(panel: Panel) -> Panel:
    names = structs.replace(panel.plan.names, ids=())
    return replace(panel, ids=(("series",),), plan=structs.replace(panel.plan, names=names))


def texts(found: Any) -> str:
    return " | ".join(found.warnings)


KNOWN = panel_of(np.arange(10.0), 100 + np.arange(5.0))


@settings(deadline=None)
@given(
    st.sampled_from(FREQS),
    st.lists(st.tuples(st.integers(1, 12), st.integers(1, 9), st.integers(-12, 30)), min_size=1, max_size=4),
)
def test_rows_stand_where_a_dictionary_of_stamps_has_them(freq: Frequency, cases: list[tuple[int, int, int]]) -> None:
    """Values are a function of series and stamp, so that no two rows differ."""
    first = np.datetime64("2001-01-01", "s")

    def series(k: int, begin: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
        at = np.arange(begin, begin + rows)
        return freq.moved(np.full(rows, first), at), 1000.0 * k + at

    def panel(parts: list[tuple[np.ndarray, np.ndarray]]) -> Panel:
        some = panel_of(*(y for _, y in parts), freq=freq)
        return replace(some, ds=np.concatenate([ds for ds, _ in parts]))

    known = panel([series(k, 0, rows) for k, (rows, _, _) in enumerate(cases)])
    new = panel([series(k, begin, rows) for k, (_, rows, begin) in enumerate(cases)])
    found = joined(known, new)
    assert found.panel.ids == new.ids
    for k, (kept, rows, begin) in enumerate(cases):
        before = min(max(begin, 0), kept)
        if begin + rows > 4 * (before + rows) + 12:
            before = 0
        start = 0 if before else begin
        part = found.panel.part(k, k + 1)
        ds, y = series(k, start, begin + rows - start)
        y[before : begin - start] = NAN
        np.testing.assert_array_equal(part.ds, ds)
        np.testing.assert_array_equal(part.y, y)
        assert found.before[k] == before


def test_the_new_rows_win_and_later_kept_ones_are_never_used() -> None:
    new = later(panel_of([4.0000001, 5, 6, NAN, 8]), 4)  # one is written with fewer digits
    found = joined(KNOWN, new)
    assert found.findings == ()
    assert found.panel.y.tolist()[:4] == [0, 1, 2, 3]
    np.testing.assert_array_equal(found.panel.y[4:], new.y)
    assert found.panel.last == new.last
    assert found.in_words() == "4 rows that the model keeps come before those of the data"


def test_only_series_of_the_data_are_there_and_unknown_ones_stay_as_they_are() -> None:
    new = replace(later(panel_of([7.0], [105.0, 106.0]), 5), ids=(("new",), ("s1",)))
    found = joined(KNOWN, new)
    assert found.panel.ids == new.ids
    assert found.panel.y.tolist() == [7, 100, 101, 102, 103, 104, 105, 106]
    assert found.before.tolist() == [0, 5]
    assert found.in_words() == "5 rows that the model keeps come before those of the data, in 1 of 2 series"


@pytest.mark.parametrize(("wrong", "is_other"), [(0, False), (1, False), (2, True)])
def test_more_than_a_tenth_of_differing_values_are_another_series(wrong: int, *, is_other: bool) -> None:
    known = panel_of(1.0 + np.arange(30.0))
    y = 1.0 + np.arange(10.0, 32.0)  # 20 are in both
    y[1] = NAN  # of which one is not compared: 1 of 19 is less than a tenth, 2 are more
    y[5 : 5 + wrong] *= 1.001
    found = joined(known, later(panel_of(y), 10))
    assert found.before.tolist() == [0 if is_other else 10]
    assert found.same.tolist() == [not is_other]
    assert ("2 of 19 values differ from those that the model keeps of the series" in texts(found)) == is_other
    assert ("nothing is joined, and they are taken as they are" in texts(found)) == is_other


def test_a_gap_is_masked_and_said() -> None:
    found = joined(KNOWN, later(panel_of([13.0, 14.0]), 13))
    np.testing.assert_array_equal(found.panel.y, [*range(10), NAN, NAN, NAN, 13, 14])
    assert texts(found).startswith("3 steps between the rows that the model keeps and those of the data are missing")
    far = joined(KNOWN, later(panel_of([13.0, 14.0]), 100))  # a file of both would be refused for its holes
    assert far.before.tolist() == [0]
    assert "begin too long after the rows that the model keeps (to 2000-10-01)" in texts(far)


@pytest.mark.parametrize(
    ("begin", "y", "before"),
    [
        (10, [50.0, 51.0], 10),  # follows at once
        (8, [8.0, 9.0, 10.0], 8),  # overlaps, and is the same
        (8, [50.0, 51.0], 0),  # overlaps with other values
        (11, [50.0, 51.0], 0),  # a gap
        (8, [NAN, NAN, 50.0], 0),  # overlaps with nothing
    ],
)
def test_rows_without_an_id_have_to_overlap_or_follow_at_once(begin: int, y: list[float], before: int) -> None:
    known = panel_of(np.arange(10.0))
    found = joined(known, unnamed(later(panel_of(y), begin)))
    assert found.before.tolist() == [before]
    assert (found.panel.ids, found.panel.names.ids) == (
        ((("s0",),), ("unique_id",)) if before else ((("series",),), ())
    )
    assert bool(found.warnings) == (before == 0)
    if begin == 11:
        assert "the data have no id, and neither overlap" in texts(found)
        assert texts(found).endswith("Begin at 2000-10-01 to join them")
    both = joined(KNOWN, unnamed(later(panel_of(y), begin)))  # of two series nobody can know which
    assert both.before.tolist() == [0]


def test_the_whole_history_without_an_id_is_recognised() -> None:
    whole = unnamed(panel_of(np.arange(12.0)))
    found = joined(panel_of(np.arange(10.0)), whole)
    assert found.panel.ids == (("s0",),)
    np.testing.assert_array_equal(found.panel.y, whole.y)


def test_stamps_between_the_kept_ones_are_not_joined() -> None:
    quarters = panel_of(np.arange(10.0), freq=Frequency("M", 3))
    found = joined(quarters, replace(quarters, ds=MONTHLY.moved(quarters.ds, np.full(10, 31))))
    assert found.before.tolist() == [0]
    assert "lie between those of the rows that the model keeps" in texts(found)
    hours = panel_of(np.arange(5.0), freq=Frequency("s", 3600))
    found = joined(hours, replace(hours, ds=hours.ds + np.timedelta64(5 * 3600 + 60, "s")))
    assert found.before.tolist() == [0]


def test_months_may_be_written_at_their_beginning_or_their_end() -> None:
    new = later(panel_of([10.0, 11.0]), 10)
    ds = new.ds.astype("datetime64[M]") + np.timedelta64(1, "M")
    new = replace(new, ds=(ds.astype("datetime64[D]") - 1).astype("datetime64[s]"))
    new = replace(new, plan=structs.replace(new.plan, freq=structs.replace(MONTHLY, day=31)))
    found = joined(panel_of(np.arange(10.0)), new)
    assert found.panel.y.tolist() == list(range(12))
    assert [str(one)[:10] for one in found.panel.ds[[0, 1, 9, 10]]] == [
        "2000-01-31",
        "2000-02-29",
        "2000-10-31",
        "2000-11-30",
    ]


def test_columns_come_along_and_constants_and_holidays_are_known_in_the_gap() -> None:
    covariates = (Covariate("rain", "past"), Covariate("size", "static"))

    def with_columns(panel: Panel) -> Panel:
        plan = structs.replace(panel.plan, covariates=covariates, holidays="AT")
        x = np.column_stack([10 + panel.y, np.full(len(panel.y), 3.0), plan.holiday_column(panel.ds)[:, 0]])
        return replace(panel, plan=plan, x=x)

    days = Frequency("s", 86_400)
    known, new = with_columns(panel_of(np.arange(5.0), freq=days)), with_columns(panel_of([7.0, 8.0], freq=days))
    found = joined(known, later(new, 7))  # the gap is 2000-01-06, a holiday, and the day after it
    np.testing.assert_array_equal(found.panel.x[:, 0], [*range(10, 15), NAN, NAN, 17, 18])
    assert (found.panel.x[:, 1] == 3).all()
    assert found.panel.x[:, 2].tolist() == [1, 0, 0, 0, 0, 1, 0, 0, 0]


def test_a_model_that_keeps_no_rows_joins_none_but_knows_what_is_new() -> None:
    none = without_values(KNOWN)
    assert none.last.tolist() == KNOWN.last.tolist()
    assert np.isnan(none.y).all()
    new = later(panel_of(np.arange(4.0), np.arange(4.0)), 3)  # to the 7th month, where the first had ten
    found = joined(none, new)
    assert found.panel is new
    assert newer_rows(none, new).tolist() == [4, 6]
    assert found.same.tolist() == [False, False]


def test_series_that_ended_more_than_a_horizon_before_others_are_named() -> None:
    assert ended_early(KNOWN, 5) == ()
    (finding,) = ended_early(KNOWN, 4)
    assert finding.text == (
        "1 of 2 series ('s1') ended more than 4 steps before the newest one (at 2000-05-01, not 2000-10-01):"
        " their forecasts lie in the past"
    )


def test_the_newest_rows_are_kept_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    y = [np.arange(1.0, 901.0), np.arange(1.0, 31.0), np.arange(1.0, 901.0)]
    y[0][390:405] = NAN  # the newest 500 rows would begin in these
    y[2][100] = -1.0
    panel = panel_of(*y)
    assert kept_rows(panel, 12, 24) is panel
    monkeypatch.setattr(joining, "NUMBERS", len(panel.y) - 1)
    assert kept_rows(panel, 12, 24).lengths.tolist() == [495, 30, 800]
    assert kept_rows(panel, 30, 24).lengths.tolist() == [600, 30, 800]
    assert kept_rows(panel, 12, 880).lengths.tolist() == [880, 30, 880]
    np.testing.assert_array_equal(kept_rows(panel, 12, 24).part(0, 1).y, y[0][405:])
    monkeypatch.setattr(joining, "NUMBERS", 2 * len(panel.y) - 1)  # columns are numbers, too
    assert kept_rows(replace(panel, x=np.zeros((len(panel.y), 1))), 12, 24).lengths.tolist() == [495, 30, 800]

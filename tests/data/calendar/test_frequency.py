"""The step of time: found from gaps, continued in the series' own calendar."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gruforecast.data.calendar.frequency import (
    DAY,
    MAX_MONTHS,
    MAX_SECONDS,
    Frequency,
    infer_frequency,
    parse_frequency,
)
from gruforecast.errors import UsageError


def stamps(*texts: str):
    return np.array(texts, "datetime64[s]")


def infer(ds) -> Frequency | None:
    return infer_frequency(ds, np.arange(len(ds) - 1))


def days(first: str, count: int, step: int = 1):
    return (np.datetime64(first, "D") + (step * np.arange(count)).astype("timedelta64[D]")).astype("datetime64[s]")


@pytest.mark.parametrize(
    ("ds", "label", "following"),
    [
        (days("2024-01-01", 40), "D", "2024-02-10"),
        (days("2024-01-05", 40, 7), "W", "2024-10-11"),
        (days("2024-01-01", 40)[np.is_busday(days("2024-01-01", 40).astype("datetime64[D]"))], "B", "2024-02-12"),
        (stamps("2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"), "M", "2024-05-01"),
        (stamps("2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31"), "M", "2024-04-30"),
        (stamps("2023-11-30", "2023-12-30", "2024-01-30", "2024-02-29"), "M", "2024-03-30"),
        (stamps("2024-01-15", "2024-02-15", "2024-03-15"), "M", "2024-04-15"),
        (stamps("2023-03-31", "2023-06-30", "2023-09-30"), "Q", "2023-12-31"),
        (stamps("2000-01-01", "2001-01-01", "2002-01-01"), "Y", "2003-01-01"),
        (stamps("2024-01-01T00:15", "2024-01-01T00:30", "2024-01-01T00:45"), "15min", "2024-01-01T01:00"),
        (stamps("2024-02-28T23:00", "2024-02-29T00:00", "2024-02-29T01:00"), "h", "2024-02-29T02:00"),
    ],
)
def test_found_and_continued(ds, label: str, following: str) -> None:
    freq = infer(ds)
    assert freq is not None
    assert freq.label == label
    assert freq.after(ds[-1:], 1)[0, 0] == np.datetime64(following)


def test_the_modal_gap_survives_holes() -> None:
    ds = np.delete(days("2024-01-01", 60), [3, 4, 10, 30, 31, 32])
    freq = infer(ds)
    assert freq == Frequency("s", DAY)


def test_one_row_gives_no_frequency() -> None:
    assert infer(stamps("2024-01-01")) is None


@pytest.mark.parametrize("label", ["s", "15min", "h", "6h", "D", "W", "B", "M", "2M", "Q", "Y"])
def test_labels_are_read_back(label: str) -> None:
    assert parse_frequency(label, stamps("2024-01-01")).label == label


@pytest.mark.parametrize("text", ["", "H1", "0h", "fortnight", "-1D", "1.5h"])
def test_what_is_no_frequency(text: str) -> None:
    with pytest.raises(UsageError):
        parse_frequency(text, stamps("2024-01-01"))


@given(
    st.sampled_from(["30min", "h", "D", "W", "B", "M", "Q", "Y"]),
    st.integers(0, 20_000),
    st.integers(1, 40),
)
def test_numbers_of_continued_stamps_are_consecutive(label: str, day: int, horizon: int) -> None:
    first = days("1950-01-02", 1) + np.timedelta64(day * DAY, "s")
    freq = parse_frequency(label, first)
    if label == "B" and not np.is_busday(first.astype("datetime64[D]"))[0]:
        first = first + np.timedelta64(2 * DAY, "s")
    ds = np.append(first, freq.after(first, horizon)[0])
    number, left = freq.number(ds)
    stride = freq.step if freq.unit == "M" else 1
    assert (np.diff(number) == stride).all()
    assert len(set(left.tolist())) == 1
    assert (np.diff(ds) > np.timedelta64(0, "s")).all()


WEEKDAYS = days("2024-01-01", 40)[np.is_busday(days("2024-01-01", 40).astype("datetime64[D]"))]


@pytest.mark.parametrize(
    ("ds", "label"),
    [
        (np.delete(days("2024-01-01", 40), [9, 10, 23, 24]), "D"),  # two holes of two days, and there are weekends
        (WEEKDAYS[:11], "B"),  # two weekends between them
        (WEEKDAYS[:10], "D"),  # one weekend is no proof
        (days("2024-01-01", 4, 28), "4W"),  # four weeks are a month in February only
        (days("2023-02-01", 2, 28), "M"),
        (stamps("2024-01-10", "2024-02-10", "2024-03-11"), "30D"),  # no common day of the month
        (stamps("2024-01-01", "2024-02-01", "2024-05-01", "2024-06-01", "2024-09-01", "2024-10-01"), "M"),
        (stamps("2024-01-01", "2024-01-03", "2024-01-04"), "D"),  # equally often: the shorter step
        (stamps("2024-01-01", "2024-01-01", "2024-01-01", "2024-01-03"), "2D"),  # equal stamps are no step
        (stamps("1900-01-01", "2000-01-02"), "36525D"),
        (stamps("1600-01-01", "1900-01-01"), None),  # longer than a century
    ],
)
def test_where_one_step_ends_and_another_begins(ds, label: str | None) -> None:
    freq = infer(ds)
    assert (freq.label if freq else None) == label


def test_gaps_between_series_are_no_steps() -> None:
    ds = np.concatenate([days("2024-01-01", 1), days("2024-01-03", 3), days("2020-01-01", 2, 7)])
    assert infer_frequency(ds, np.array([1, 2, 4])) == Frequency("s", DAY)
    assert infer_frequency(ds, np.array([4])) == Frequency("s", 7 * DAY)


@pytest.mark.parametrize(
    ("unit", "step", "day", "label"),
    [
        ("s", 1, 1, "s"),
        ("s", 90, 1, "90s"),
        ("s", 5400, 1, "90min"),
        ("s", 36 * 3600, 1, "36h"),
        ("s", 14 * DAY, 1, "2W"),
        ("s", MAX_SECONDS, 1, "36600D"),
        ("M", 6, 31, "2Q"),
        ("M", 9, 1, "3Q"),
        ("M", 14, 1, "14M"),
        ("M", 24, 1, "2Y"),
        ("M", MAX_MONTHS, 1, "100Y"),
        ("B", 1, 1, "B"),
    ],
)
def test_labels_of_steps_that_may_be(unit: str, step: int, day: int, label: str) -> None:
    assert Frequency(unit, step, day).label == label


@pytest.mark.parametrize(
    ("unit", "step", "day"),
    [
        ("s", 0, 1),
        ("s", MAX_SECONDS + 1, 1),
        ("M", MAX_MONTHS + 1, 1),
        ("s", 1.0, 1),
        ("s", True, 1),
        ("M", 1, 0),
        ("M", 1, 32),
        ("M", 1, True),
        ("B", 2, 1),
        ("D", 1, 1),
    ],
)
def test_steps_that_may_not_be(unit: str, step: int, day: int) -> None:
    with pytest.raises(ValueError, match="impossible frequency"):
        Frequency(unit, step, day)


@pytest.mark.parametrize(
    ("text", "unit", "step"),
    [("s", "s", 1), (" 15min ", "s", 900), ("MS", "M", 1), ("2QE", "M", 6), ("YE", "M", 12), ("3W", "s", 21 * DAY)],
)
def test_what_a_user_may_write(text: str, unit: str, step: int) -> None:
    assert parse_frequency(text, stamps("2024-01-31", "2024-02-29")) == Frequency(unit, step, 31 if unit == "M" else 1)


def test_a_step_that_is_none_is_answered_with_those_that_are() -> None:
    with pytest.raises(UsageError) as caught:
        parse_frequency("fortnight", stamps("2024-01-01"))
    assert caught.value.message == "`freq` 'fortnight' is not a frequency."
    assert "s, min, h, D, B, W, M, Q, Y" in caught.value.remedy
    assert caught.value.code == "GF-U03"


@pytest.mark.parametrize(
    ("freq", "ds", "numbers", "left"),
    [
        (Frequency("s", 3600), ["1970-01-01T02:00", "1970-01-01T03:20", "1969-12-31T23:00"], [2, 3, -1], [0, 1200, 0]),
        (Frequency("M", 1, 15), ["1970-03-15T06:00", "1970-04-14"], [2, 3], [6 * 3600, -DAY]),
        (Frequency("M", 1, 31), ["1970-02-28", "1970-04-30"], [1, 3], [0, 0]),
        (Frequency("B", 1), ["1970-01-02T09:00", "1970-01-05"], [1, 2], [9 * 3600, 0]),
    ],
)
def test_numbers_on_the_axis(freq: Frequency, ds: list[str], numbers: list[int], left: list[int]) -> None:
    found, over = freq.number(stamps(*ds))
    assert (found.tolist(), over.tolist()) == (numbers, left)


def test_no_two_days_of_a_weekend_fit_together() -> None:
    _, left = Frequency("B", 1).number(stamps("2024-01-05", "2024-01-06", "2024-01-07", "2024-01-13"))
    assert left[0] == 0
    assert (left[1:] < 0).all()
    assert len(set(left.tolist())) == 4


@pytest.mark.parametrize(
    ("freq", "last", "until", "after"),
    [
        (Frequency("M", 1, 31), "2024-03-31T12:00", ["2024-01-31", "2024-02-29", "2024-03-31"], ["2024-04-30"]),
        (Frequency("M", 3, 1), "2024-01-01T12:00", ["2023-07-01", "2023-10-01", "2024-01-01"], ["2024-04-01"]),
        (Frequency("B", 1), "2024-01-08T12:00", ["2024-01-04", "2024-01-05", "2024-01-08"], ["2024-01-09"]),
        (Frequency("s", 2 * DAY), "2024-01-08T12:00", ["2024-01-04", "2024-01-06", "2024-01-08"], ["2024-01-10"]),
    ],
)
def test_stamps_until_one_and_after_it_keep_their_clock(
    freq: Frequency, last: str, until: list[str], after: list[str]
) -> None:
    assert freq.moved(stamps(last), np.arange(-2, 1)).tolist() == stamps(*(f"{day}T12:00" for day in until)).tolist()
    assert freq.after(stamps(last), 1)[0].tolist() == stamps(*(f"{day}T12:00" for day in after)).tolist()
    both = freq.after(stamps("2024-01-08T12:00", last), 2)
    assert both.shape == (2, 2)
    assert both[1, 0] == freq.after(stamps(last), 1)[0, 0]

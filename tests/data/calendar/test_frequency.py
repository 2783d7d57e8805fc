"""The step of time: found from gaps, continued in the series' own calendar."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gruforecast.data.calendar.frequency import DAY, Frequency, infer_frequency, parse_frequency
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

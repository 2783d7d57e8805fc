"""What is said about odd values: at the bounds where it begins, and that ordinary data are left in peace."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest
from makers import panel_of

from gruforecast.data.calendar.frequency import DAY, Frequency
from gruforecast.data.checks import SENTINELS, odd_values, outliers, sentinel, share_of_zeros
from gruforecast.data.covariates import leak
from gruforecast.data.finding import Finding
from gruforecast.data.options import ReadOptions
from gruforecast.data.panel import Panel
from gruforecast.data.read import read_csv

NAN = float("nan")
WAVE = 10 + np.sin(np.arange(60.0))


def said(panel: Panel) -> list[str]:
    return [str(one) for one in odd_values(panel, np.arange(len(panel.y)) + 2)]


def with_(values: Any, **changes: float) -> Any:
    changed = np.array(values, float)
    for place, value in changes.items():
        changed[int(place[1:])] = value
    return changed


def test_ordinary_series_are_left_in_peace() -> None:
    assert said(panel_of(WAVE, -WAVE[:7], [NAN, 1.0, 2.0])) == []


def test_a_number_for_missing_is_named_with_its_lines() -> None:
    found = said(panel_of(with_(WAVE, _3=-999, _50=-999)))
    place = "far from all other values (lines 5, 52)"
    assert found == [f"-999 stands there 2 times, {place}: pass `na_values='-999'` if it means missing"]
    many = said(panel_of(with_(WAVE, _3=-999, _5=-999, _8=-999, _9=-999)))
    assert "(lines 5, 7, 10 and more)" in many[0]
    assert "(lines 5, 7, 10)" in said(panel_of(with_(WAVE, _3=-999, _5=-999, _8=-999)))[0]


def test_values_far_off_are_named_by_their_series_and_lines() -> None:
    found = said(panel_of(WAVE, with_(WAVE, _4=500, _7=-700)))
    assert found == [
        "2 values lie far from most others of their series (500 in line 66, -700 in line 69): they are kept"
    ]
    four = said(panel_of(with_(WAVE, _1=500, _2=600, _4=700, _7=800)))
    assert "4 values" in four[0]
    assert "(500 in line 3, 600 in line 4, 700 in line 6 and more)" in four[0]


@pytest.mark.parametrize(("count", "shown"), [(1, True), (5, True), (6, False)])
def test_so_many_outliers_are_the_nature_of_the_data(count: int, shown: bool) -> None:
    values = WAVE.copy()
    values[5 : 5 + 2 * count : 2] = 500 + np.arange(count)
    assert bool(said(panel_of(values))) == shown


def test_the_limit_of_outliers_grows_with_the_rows() -> None:
    values = np.tile(WAVE, 200)  # 12,000 rows: twelve may be far off
    for count, shown in ((12, True), (13, False)):
        changed = values.copy()
        changed[100 : 100 + 10 * count : 10] = 500 + np.arange(count)
        assert bool(said(panel_of(changed, freq=Frequency("s", 3600)))) == shown


def test_series_that_never_change_are_named() -> None:
    found = said(panel_of(WAVE, np.full(5, 2.0), [NAN, 3.0, NAN, 3.0], [7.0, 7.0, 7.1]))
    assert found == ["2 series never change ('s1', 's2'): their MASE is not defined"]


def test_numbers_too_small_for_single_precision() -> None:
    values = with_(WAVE, _3=1.1e-38, _4=-1e-40, _5=0.0, _6=1.2e-38)
    found = said(panel_of(values))
    assert found[-1] == "2 values are too small for 32-bit arithmetic (lines 5, 6): zero in a network"
    assert "(line 5)" in said(panel_of(with_(WAVE, _3=1.1e-38)))[-1]


def test_stamps_of_the_far_future_are_doubted() -> None:
    today = np.datetime64(dt.datetime.now(dt.UTC).date())
    for days, doubted in ((3650, False), (3651, True)):
        panel = panel_of(WAVE, freq=Frequency("s", DAY))
        panel.ds[:] = (today + days).astype("datetime64[s]") - DAY * np.arange(60)[::-1]
        found = [text for text in said(panel) if "10 years from now" in text]
        assert found == ([f"the newest stamp is {panel.ds[-1]}, more than 10 years from now"] if doubted else [])


def test_weekdays_without_a_value_are_holidays_where_no_series_has_one() -> None:
    panel = panel_of(
        with_(WAVE, _3=NAN, _9=NAN, _20=NAN, _30=NAN, _40=NAN),
        with_(WAVE, _3=NAN, _9=NAN, _20=NAN, _30=NAN),
        freq=Frequency("B", 1),
    )
    shown = ", ".join(str(panel.ds[k])[:10] for k in (3, 9, 20))
    assert said(panel) == [f"4 weekdays have no value in any series ({shown} …): taken for holidays, masked"]
    assert said(panel_of(with_(WAVE, _3=NAN), WAVE, freq=Frequency("B", 1))) == []
    assert said(panel_of(with_(WAVE, _3=NAN), freq=Frequency("s", DAY))) == []


@pytest.mark.parametrize(
    ("skipped", "tz", "doubted"),
    [
        (["2024-03-31T02"], None, True),
        (["2024-03-31T03"], None, True),
        (["2024-03-31T04"], None, False),
        (["2024-02-25T02"], None, False),
        (["2024-03-31T02", "2024-03-20T12"], None, False),
        ([f"2024-03-{d}T02" for d in (10, 20, 31)], None, True),
        ([f"2024-03-{d}T02" for d in (10, 12, 20, 31)], None, False),
        ([], None, False),
    ],
)
def test_a_skipped_hour_of_the_night_in_spring(csv: Any, skipped: list[str], tz: str | None, doubted: bool) -> None:
    hours = [np.datetime64("2024-02-20T00") + k for k in range(24 * 60)]
    rows = [f"{str(h).replace('T', ' ')}:00,{k % 24}\n" for k, h in enumerate(hours) if str(h) not in skipped]
    reading = read_csv(csv("ds,y\n" + "".join(rows)), ReadOptions(tz=tz))
    found = [one.text for one in odd_values(reading.panel, reading.lines) if "pass `tz`" in one.text]
    assert bool(found) == doubted
    if doubted:
        assert found[0].startswith(
            f"only hours such as {skipped[0]}:00:00 are missing, as where a clock is put forward"
        )


Y = np.random.default_rng(3).normal(size=40).cumsum()


@pytest.mark.parametrize("lag", [-3, -2, -1, 0, 1, 2, 3])
def test_a_column_that_is_the_target_some_rows_apart(lag: int) -> None:
    x = np.full(40, NAN)
    if lag >= 0:
        x[lag:] = Y[: 40 - lag]
    else:
        x[:lag] = Y[-lag:]
    text = f"'x' looks like the target (r=1.000 at lag {lag}): is it known in time?"
    assert leak(Y, 3 * x + 1, "x", (lag,)) == Finding(text, "GF-W21", column="x", level="warning")
    for other in {-3, -2, -1, 0, 1, 2, 3} - {lag}:
        assert leak(Y, x, "x", (other,)) is None
    assert "(r=-1.000" in str(leak(Y, -x, "x", (lag,)))  # turned round it says as much


def test_a_leak_takes_eight_rows_that_change() -> None:
    for rows, found in ((8, False), (9, True)):  # the steps between them are one less
        assert (leak(Y[:rows], Y[:rows], "x", (0,)) is not None) == found
    assert leak(np.full(40, 2.0), np.full(40, 2.0), "x", (0,)) is None
    assert leak(np.arange(40.0), np.arange(40.0), "x", (0,)) is None  # steps that never change say nothing


def test_levels_that_agree_are_no_leak_where_steps_do_not() -> None:
    noise = np.random.default_rng(5).normal(size=40)
    trend = 1000 * np.arange(40.0)
    assert leak(trend + noise, trend + noise[::-1], "x", (0,)) is None
    assert leak(trend + Y, trend + Y, "x", (0,)) is not None


def test_columns_beside_the_target_are_looked_at_by_their_role(csv: Any) -> None:
    days = [np.datetime64("2024-01-01") + k for k in range(40)]
    rows = "".join(
        f"{day},{Y[k]:.6f},{Y[k - 1]:.6f},{Y[(k + 1) % 40]:.6f},{k % 2}\n" for k, day in enumerate(days) if k
    )
    content = "ds,y,late,early,flag\n" + rows
    for role, leaks in (("known", ["late", "early"]), ("past", ["early"])):
        reading = read_csv(csv(content), ReadOptions(**{role: ("late", "early", "flag")}))
        found = [one for one in odd_values(reading.panel, reading.lines) if one.code == "GF-W21"]
        assert [one.column for one in found] == leaks


def test_shares_of_zeros() -> None:
    assert share_of_zeros(np.array([0.0, 1.0, NAN, 0.0, -2.0])) == 0.5
    assert share_of_zeros(np.array([NAN])) == share_of_zeros(np.zeros(0)) == 0.0
    assert share_of_zeros(np.zeros(3)) == 1.0


@pytest.mark.parametrize(
    ("rest", "code", "found"),
    [
        (np.arange(9_900.0, 9_990.0), 9999.0, None),  # near all others
        (np.arange(20.0), 999.0, (999.0, 2)),
        (np.arange(20.0), -9.0, None),  # not far enough below
        (np.arange(20.0), -99.0, (-99.0, 2)),
        (np.arange(10.0), -99.0, (-99.0, 2)),
        (np.arange(9.0), -99.0, None),  # too few others to judge by
        (np.arange(20.0), 99.0, None),  # no number in use
        (np.r_[np.arange(40.0), 5000.0], 999.0, None),  # between others
        (np.r_[np.arange(40.0), -5000.0], -999.0, None),
        (np.full(20, 5.0), 0.0, (0.0, 2)),
    ],
)
def test_numbers_that_stand_for_missing(rest: Any, code: float, found: tuple[float, int] | None) -> None:
    assert sentinel(np.r_[code, rest, NAN, code]) == found
    assert sentinel(np.r_[rest, code]) is None  # once is no habit


def test_the_distance_of_a_number_for_missing_is_three_ranges_of_the_middle_half() -> None:
    rest = np.r_[np.zeros(5), np.full(10, 111.0), np.full(5, 222.0)]  # quartiles: 83.25 and 138.75
    low, high = np.quantile(rest, [0.25, 0.75])
    assert -99.0 in SENTINELS
    near = rest - (low - 3 * (high - low) + 99.0)  # -99 is exactly three ranges below the quartile
    assert sentinel(np.r_[near, -99.0, -99.0]) is None
    assert sentinel(np.r_[near + 0.01, -99.0, -99.0]) == (-99.0, 2)


def test_the_most_frequent_number_for_missing_that_lies_far_off() -> None:
    values = np.r_[np.arange(50.0), [0.0] * 5, [-999.0] * 3, [-9999.0] * 2]
    assert sentinel(values) == (-999.0, 3) or sentinel(values) == (-9999.0, 2)
    assert sentinel(np.r_[np.arange(50.0), [-99.0] * 3]) == (-99.0, 3)


def test_outliers_lie_more_than_eight_ranges_off() -> None:
    values = np.r_[np.arange(41.0), NAN]  # quartiles 10 and 30
    for far in (30 + 8 * 20 + 7.0, 10 - 8 * 20 - 7.0):
        one = np.r_[values, far]
        assert outliers(one).tolist() == [42]
    assert outliers(np.r_[values, 30 + 8 * 20 - 7.0, 10 - 8 * 20 + 7.0]).tolist() == []
    assert outliers(np.r_[np.arange(8.0), 1e6]).tolist() == []  # nine are too few
    assert outliers(np.r_[np.arange(9.0), 1e6]).tolist() == [9]
    assert outliers(np.r_[np.full(20, 5.0), 1e6]).tolist() == []

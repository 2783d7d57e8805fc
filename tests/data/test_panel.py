"""Parts of a panel and of a forecast, and the names of their columns."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from makers import panel_of
from msgspec import structs

from gruforecast.data.calendar.frequency import Frequency
from gruforecast.data.panel import Forecast, Panel
from gruforecast.data.plan import Names
from gruforecast.errors import UsageError

A, B, C = np.arange(5.0), np.array([10.0]), np.arange(20.0, 23.0)


@pytest.fixture
def panel() -> Panel:
    made = panel_of(A, B, C)
    return dataclasses.replace(made, x=np.arange(18.0).reshape(9, 2))


def test_a_part_keeps_series_and_their_columns(panel: Panel) -> None:
    for first, last, y, x in ((0, 1, A, range(10)), (1, 3, [*B, *C], range(10, 18)), (1, 2, B, range(10, 12))):
        part = panel.part(first, last)
        assert part.ids == panel.ids[first:last]
        assert part.y.tolist() == list(y)
        assert part.x.ravel().tolist() == list(x)
        assert part.indptr[0] == 0
        assert part.lengths.tolist() == panel.lengths[first:last].tolist()
        assert part.ds.tolist() == panel.ds[panel.indptr[first] : panel.indptr[last]].tolist()


def test_rows_of_each_series(panel: Panel) -> None:
    found = panel.rows(panel.indptr[:-1] + np.array([1, 0, 2]), panel.indptr[1:] - np.array([1, 0, 0]))
    assert found.y.tolist() == [1, 2, 3, 10, 22]
    assert found.indptr.tolist() == [0, 3, 4, 5]
    assert found.x[:, 0].tolist() == [2, 4, 6, 10, 16]
    assert [str(one)[:7] for one in found.ds] == ["2000-02", "2000-03", "2000-04", "2000-01", "2000-03"]


def test_only_some_series_in_the_order_of_the_panel(panel: Panel) -> None:
    found = panel.at(panel.places_of(["s2", "s0"]))
    assert found.ids == (("s0",), ("s2",))
    assert found.y.tolist() == [*A, *C]
    assert found.indptr.tolist() == [0, 5, 8]
    two = dataclasses.replace(panel, ids=(("a", "x"), ("a", "y"), ("b", "x")))
    assert two.at(two.places_of(["a/y"])).y.tolist() == [10]


def test_series_that_end_together(panel: Panel) -> None:
    assert not panel.ends_together
    assert panel.part(1, 2).ends_together
    last = panel.ds.copy()
    last[[4, 5, 8]] = last[4]
    assert dataclasses.replace(panel, ds=last).ends_together
    last[4] += np.timedelta64(1, "s")
    assert not dataclasses.replace(panel, ds=last).ends_together


def test_whatever_a_model_could_learn_from_changes_the_digest(panel: Panel) -> None:
    changes = (
        {},
        {"ids": (("s0",), ("s1",), ("s3",))},
        {"indptr": np.array([0, 4, 6, 9])},
        {"ds": panel.ds + np.timedelta64(1, "s")},
        {"y": panel.y[::-1]},
        {"x": panel.x[::-1]},
        {"plan": structs.replace(panel.plan, freq=Frequency("M", 2))},
        {"plan": structs.replace(panel.plan, holidays="AT")},
    )
    digests = [dataclasses.replace(panel, **change).digest() for change in changes]
    assert len(set(digests)) == len(digests)
    assert dataclasses.replace(panel, y=panel.y.copy()).digest() == digests[0]
    assert dataclasses.replace(panel, plan=structs.replace(panel.plan, fill=True)).digest() == digests[0]


def test_a_frame_has_the_columns_of_the_user(panel: Panel) -> None:
    frame = panel.to_frame()
    assert list(frame.columns) == ["unique_id", "ds", "y"]
    assert frame["unique_id"].tolist() == ["s0"] * 5 + ["s1"] + ["s2"] * 3
    assert frame["ds"].tolist()[4:6] == [pd.Timestamp("2000-05-01"), pd.Timestamp("2000-01-01")]
    assert frame["y"].tolist() == panel.y.tolist()


def forecast_of(panel: Panel, levels: tuple[float, ...] = (80.0, 97.5)) -> Forecast:
    ends = panel.ds[panel.indptr[1:] - 1]
    mean = np.arange(2.0 * len(panel)).reshape(-1, 2)
    widths = np.array([1.0, 3.0])[: len(levels)]
    lower, upper = mean[:, :, None] - widths, mean[:, :, None] + 10 * widths
    return Forecast(panel.ids, panel.freq.after(ends, 2), mean, levels, lower, upper, panel.plan)


def test_columns_of_a_forecast(panel: Panel) -> None:
    found = forecast_of(panel).columns()
    assert list(found) == ["unique_id", "ds", "y_hat", "lo-80", "hi-80", "lo-97.5", "hi-97.5"]
    assert found["unique_id"] == ["s0", "s0", "s1", "s1", "s2", "s2"]
    assert found["ds"] == ["2000-06-01", "2000-07-01", "2000-02-01", "2000-03-01", "2000-04-01", "2000-05-01"]
    assert list(found["y_hat"]) == [0, 1, 2, 3, 4, 5]
    assert list(found["lo-80"]) == [-1, 0, 1, 2, 3, 4]
    assert list(found["hi-97.5"]) == [30, 31, 32, 33, 34, 35]
    assert list(forecast_of(panel).to_frame().columns) == list(found)


def test_forecasts_of_parts_are_that_of_the_whole(panel: Panel) -> None:
    whole = forecast_of(panel)
    parts = [
        dataclasses.replace(
            whole,
            ids=whole.ids[a:b],
            ds=whole.ds[a:b],
            mean=whole.mean[a:b],
            lower=whole.lower[a:b],
            upper=whole.upper[a:b],
        )
        for a, b in ((0, 2), (2, 3))
    ]
    found = Forecast.joined(parts)
    assert found.ids == whole.ids
    for name in ("ds", "mean", "lower", "upper"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
    assert Forecast.joined(parts[:1]) is parts[0]


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        (Names(("ds",), "y", ("shop", "item")), None),
        (Names(("ds",), "y"), None),
        (Names(("ds",), "y_hat"), None),
        (Names(("y_hat",), "y"), "y_hat"),
        (Names(("ds",), "y", ("lo-80",)), "lo-80"),
        (Names(("ds",), "y", ("hi-97.5",)), "hi-97.5"),
        (Names(("ds",), "y", ("lo-90",)), None),
        (Names(("unique_id",), "y"), "unique_id"),
        (Names(("unique_id",), "y", ("shop",)), None),
    ],
)
def test_names_that_a_forecast_would_have_twice(panel: Panel, names: Names, taken: str | None) -> None:
    plan = structs.replace(panel.plan, names=names)
    forecast = dataclasses.replace(forecast_of(panel), ids=(("a", "x"), ("a", "y"), ("b", "x")), plan=plan)
    if taken is None:
        found = forecast.columns()
        assert list(found)[: len(names.ids) or 1] == list(names.ids or ("unique_id",))
        return
    with pytest.raises(UsageError) as caught:
        forecast.columns()
    assert caught.value.message == f"the forecast would have two columns {taken!r}: yours, and one of its own."
    assert caught.value.code == "GF-U44"

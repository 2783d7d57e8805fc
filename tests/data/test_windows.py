"""Windows by index: what is gathered, and what never is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers import history_of, panel_of

from gruforecast.data.windows import History, Sampler, days_of, gather_covariates, gather_future, gather_past, newest


def slow_past(series, end: int, lookback: int):
    return [series[t] if t >= 0 else np.nan for t in range(end - lookback, end)]


def slow_future(series, end: int, stop: int, horizon: int):
    return [series[t] if t < stop else np.nan for t in range(end, end + horizon)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(2, 30), min_size=1, max_size=5), st.integers(1, 12), st.integers(1, 8), st.integers(0, 99))
def test_gathering_equals_a_loop_over_rows(lengths: list[int], lookback: int, horizon: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    series = [generator.normal(size=n) for n in lengths]
    history = history_of(*series)
    number = generator.integers(len(lengths), size=10)
    end = generator.integers(1, np.array(lengths)[number] + 1)
    stop = np.maximum(end, generator.integers(1, np.array(lengths)[number] + 1))
    first = history.indptr[number]
    windows = history.windows(number, first + end, first + stop)
    past, future = gather_past(history.values, windows, lookback), gather_future(history.values, windows, horizon)
    for k, n in enumerate(number):
        np.testing.assert_array_equal(past[k], slow_past(series[n], end[k], lookback))
        np.testing.assert_array_equal(future[k], slow_future(series[n], end[k], stop[k], horizon))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(1, 10), st.integers(1, 12), st.integers(0, 99))
def test_training_never_reads_a_target_at_or_after_the_cutoff(
    lengths: list[int], horizon: int, min_past: int, seed: int
) -> None:
    """Rows from the cutoff on hold a sentinel; every series holds its own number: neither may leak."""
    generator = np.random.default_rng(seed)
    cuts = [int(generator.integers(0, n + 1)) for n in lengths]
    series = [
        np.where(np.arange(n) < cut, 100.0 + k, -999.0) for k, (n, cut) in enumerate(zip(lengths, cuts, strict=True))
    ]
    history = history_of(*series)
    sampler = Sampler.before(history, history.indptr[:-1] + np.array(cuts), horizon, min_past)
    if not len(sampler.series):
        assert max(cuts) < 2
        return
    windows = sampler.draw(generator, (4, 25))
    for row in range(4):
        part = windows[row]
        past = gather_past(history.values, part, 15)
        future = gather_future(history.values, part, horizon)
        both = np.concatenate([past, future], axis=1)
        own = np.broadcast_to(100.0 + part.series[:, None], both.shape)
        np.testing.assert_array_equal(both[~np.isnan(both)], own[~np.isnan(both)])
        assert (~np.isnan(future)).any(axis=1).all()
        assert (~np.isnan(past)).any(axis=1).all()


def test_series_are_drawn_uniformly_whatever_their_length() -> None:
    history = history_of(np.arange(20.0), np.arange(500.0))
    windows = Sampler.before(history, history.indptr[1:], 4, 3).draw(np.random.default_rng(0), (1, 20_000))
    assert abs((windows.series == 0).mean() - 0.5) < 0.02


def test_order_and_names_of_series_change_nothing() -> None:
    a, b = np.arange(1.0, 30.0), np.arange(50.0, 90.0)
    one, two = history_of(a, b), history_of(b, a)
    values = []
    for history in (one, two):
        windows = Sampler.before(history, history.indptr[1:], 4, 3).draw(np.random.default_rng(7), (2, 50))
        values.append([gather_past(history.values, windows[k], 6) for k in range(2)])
    np.testing.assert_array_equal(values[0], values[1])


def test_equal_series_are_told_apart_by_what_stands_beside_them() -> None:
    y, x = np.tile(np.arange(30.0), 2), np.repeat([1.0, 2.0], 30)[:, None]
    drawn = []
    for beside in (x, x[::-1]):
        history = History.of(y, np.array([0, 30, 60]), x=beside)
        windows = Sampler.before(history, history.indptr[1:], 4, 3).draw(np.random.default_rng(7), (1, 50))
        drawn.append(beside[windows.start[0], 0])
    np.testing.assert_array_equal(*drawn)


def test_the_log_decision_reads_only_rows_before_the_end() -> None:
    history = history_of([1.0, 2.0, 0.0, -1.0, 5.0], [1.0, np.nan, 2.0, 3.0, 4.0])
    windows = history.windows(np.array([0, 0, 1]), np.array([3, 4, 10]))
    assert windows.use_log.tolist() == [True, False, True]


def test_a_floor_only_where_no_value_was_negative_before() -> None:
    history = history_of([1.0, 0.0, 3.0, -1.0], [1.0, 2.0, 3.0, 4.0])
    windows = history.windows(np.array([0, 0, 1]), np.array([3, 4, 8]))
    floored = windows.floor_at_zero(np.full((3, 2), -5.0))
    assert floored[:, 0].tolist() == [0.0, -5.0, 0.0]


def test_memory_of_windows_is_that_of_the_data() -> None:
    panel = panel_of(np.arange(50_000.0))
    history = History.of(panel.y, panel.indptr)
    sampler = Sampler.before(history, history.indptr[1:], 100, 3)
    assert sampler.total > 49_000
    assert sum(np.asarray(v).nbytes for v in (sampler.series, sampler.first, sampler.count, sampler.stop)) < 100


@pytest.mark.parametrize("rows", [2, 3, 5])
def test_series_shorter_than_the_horizon_still_give_windows(rows: int) -> None:
    history = history_of(np.arange(1.0, rows + 1))
    sampler = Sampler.before(history, history.indptr[1:], 12, 12)
    windows = sampler.draw(np.random.default_rng(0), (1, 8))
    assert (windows.end > windows.start).all()
    assert (windows.end < windows.stop).all()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000))
def test_the_newest_rows_are_those_of_the_history(seed: int) -> None:
    """However many of them are missing: cut from a longer window, or taken from the history, the same."""
    generator = np.random.default_rng(seed)
    y = generator.normal(size=(5, 20))
    y[:, 1:][generator.random((5, 19)) < generator.random()] = np.nan
    history = history_of(*y)
    windows = history.windows(np.arange(5), history.indptr[1:])
    np.testing.assert_array_equal(newest(history.past(windows, 20), 6), history.past(windows, 6))


# --- exactly at the edge


def test_facts_of_uneven_series_by_hand() -> None:
    """A single row, a negative first and last one, holes at the end, and nothing negative but zero."""
    nan = np.nan
    history = history_of([5.0], [-1.0, 2.0], [3.0, nan, 0.0, nan], [1.0, nan, -2.0], [-0.0])
    assert history.nonnegative_until.tolist() == [1, 1, 7, 9, 11]
    assert history.last_seen.tolist() == [0, 1, 2, 3, 3, 5, 5, 7, 7, 9, 10]
    series, end = np.array([0, 1, 2, 3, 3, 4]), np.array([1, 3, 7, 9, 10, 11])
    windows = history.windows(series, end)
    assert windows.use_log.tolist() == [True, False, True, True, False, True]
    assert windows.stop.tolist() == [1, 3, 7, 10, 10, 11]
    assert windows.start.tolist() == [0, 1, 3, 7, 7, 10]
    floored = windows.floor_at_zero(np.full((6, 2, 3), -4.0))
    assert (floored == 0).all(axis=(1, 2)).tolist() == windows.use_log.tolist()
    assert floored.min() == -4.0
    assert (windows.floor_at_zero(np.full((6, 1), 4.0)) == 4.0).all()


def test_the_past_of_a_window_without_any_value_in_it_ends_with_the_last_one_seen() -> None:
    nan = np.nan
    history = history_of([9.0, 9.0], [1.0, 7.0, nan, nan, nan], [2.0, nan, 4.0])
    windows = history.windows(np.array([1, 1, 2]), np.array([7, 5, 10]))
    found = history.past(windows, 2)
    np.testing.assert_array_equal(found, [[nan, 7.0], [7.0, nan], [nan, 4.0]])
    np.testing.assert_array_equal(history.past(windows, 4), [[7, nan, nan, nan], [nan, 1, 7, nan], [nan, 2, nan, 4]])
    np.testing.assert_array_equal(newest(np.full((1, 3), nan), 2), [[nan, nan]])


def test_origins_are_days_of_the_row_before() -> None:
    ds = np.array(["1970-01-02T00", "1970-01-02T12", "1970-01-03T00", "1969-12-31T00"], "datetime64[s]")
    assert days_of(ds).tolist() == [1.0, 1.5, 2.0, -1.0]
    history = History.of(np.arange(4.0), np.array([0, 3, 4]), ds)
    windows = history.windows(np.array([0, 0, 1]), np.array([1, 3, 4]))
    assert history.origin(windows).tolist() == [1.0, 2.0, -1.0]
    assert history_of([1.0, 2.0]).days.tolist() == [0.0, 0.0]


def test_columns_beside_are_those_of_the_rows_of_the_series() -> None:
    nan = np.nan
    x = np.column_stack([np.arange(6.0), 10 * np.arange(6.0)])
    history = History.of(np.arange(6.0), np.array([0, 2, 6]), x=x)
    windows = history.windows(np.array([0, 1]), np.array([1, 4]), np.array([2, 5]))
    found = gather_covariates(x, windows, 2, 3)
    np.testing.assert_array_equal(found[:, :, 0], [[nan, 0, 1, nan, nan], [2, 3, 4, nan, nan]])
    np.testing.assert_array_equal(found[:, :, 1], 10 * found[:, :, 0])
    whole = history.covariates(windows, 3, 2)[:, :, 0]
    np.testing.assert_array_equal(whole, [[nan, nan, 0, 1, nan], [nan, 2, 3, 4, 5]])


@pytest.mark.parametrize(
    ("rows", "horizon", "min_past", "first", "count"),
    [
        (10, 3, 4, 4, 4),  # ends 4 … 7
        (7, 3, 4, 4, 1),  # exactly one with a whole past and horizon
        (6, 3, 4, 3, 1),  # a row too few: less past
        (4, 3, 4, 1, 1),
        (3, 3, 4, 1, 1),  # less of the horizon, too
        (2, 3, 4, 1, 1),
        (10, 9, 1, 1, 1),
        (10, 1, 9, 9, 1),
        (10, 1, 12, 9, 1),
    ],
)
def test_which_windows_there_are(rows: int, horizon: int, min_past: int, first: int, count: int) -> None:
    history = history_of(np.arange(50.0), [1.0], np.arange(float(rows)))
    sampler = Sampler.before(history, np.array([0, 51, 51 + rows]), horizon, min_past)
    assert sampler.series.tolist() == [2]  # one row teaches nothing
    assert (sampler.first - 51).tolist() == [first]
    assert (sampler.count.tolist(), sampler.total) == ([count], count)
    drawn = sampler.draw(np.random.default_rng(0), (3, 50))
    assert set((drawn.end - 51).ravel().tolist()) == set(range(first, first + count))
    assert (drawn.stop == 51 + rows).all()
    assert drawn.end.shape == (3, 50)


def test_a_training_window_is_logged_where_nothing_before_the_cutoff_is_negative() -> None:
    history = history_of([1.0, 2.0, 3.0, 4.0, -1.0, 2.0])
    for cutoff, logged in ((4, True), (5, False)):
        drawn = Sampler.before(history, np.array([cutoff]), 1, 1).draw(np.random.default_rng(0), (1, 30))
        assert drawn.use_log.all() == drawn.use_log.any() == logged


def test_some_of_many_windows() -> None:
    history = history_of(np.arange(5.0), -np.arange(5.0))
    windows = history.windows(np.array([0, 1, 1]), np.array([2, 7, 9]), np.array([3, 8, 10]))
    some = windows[[2, 0]]
    assert (some.series.tolist(), some.start.tolist()) == ([1, 0], [5, 0])
    assert (some.end.tolist(), some.stop.tolist()) == ([9, 2], [10, 3])
    assert some.use_log.tolist() == [False, True]
    assert len(some) == 2

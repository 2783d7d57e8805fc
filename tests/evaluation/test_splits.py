"""Folds, test set and origins: where each model's past ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import panel_of

from gruforecast.automl.search.trial import load_split, save_split
from gruforecast.data.windows import Windows, gather_past
from gruforecast.errors import DataError
from gruforecast.evaluation import splits as room
from gruforecast.evaluation.splits import Forecasts, Split, average, split
from gruforecast.models.baselines import naive
from gruforecast.models.model import Points


def test_cutoffs_by_hand() -> None:
    found = split(panel_of(np.arange(100.0)), 10, 3, 1, "f.csv")
    assert found.test.tolist() == [90]
    assert found.folds.tolist() == [[60], [70], [80]]
    assert found.learned.tolist() == [60]  # a tenth of the rows is less than three horizons


def test_few_long_series_keep_twenty_horizons_from_training_to_measure_intervals_on() -> None:
    found = split(panel_of(np.arange(1_000.0)), 4, 3, 12, "f.csv")
    assert found.learned.tolist() == [1_000 - 4 - 20 * 4]
    windows = found.calibration_windows()
    assert windows.end[0] == 916
    assert set(np.diff(windows.end)) == {
        7
    }  # about as many as the 12 rows of three folds, but no part of a season apart
    pair = split(panel_of(np.arange(1_000.0), np.arange(1_000.0)), 4, 3, 12, "f.csv")
    assert (np.array([1_000, 2_000]) - pair.learned).tolist() == [4 + 10 * 4] * 2
    many = split(panel_of(*np.arange(20_000.0).reshape(20, -1)), 4, 3, 12, "f.csv")
    np.testing.assert_array_equal(many.learned, many.folds[0])
    assert len(many.calibration_windows()) == 20 * 12


def test_all_series_of_a_panel_keep_as_many_rows() -> None:
    found = split(
        panel_of(np.arange(10_000.0), np.arange(800.0), np.arange(800.0), np.arange(90.0)), 24, 3, 24, "f.csv"
    )
    assert (found.test - found.learned).tolist()[:3] == [80] * 3
    assert found.learned[3] == 11_600


def test_a_fold_that_is_dropped_gives_its_rows_back() -> None:
    y = np.arange(100.0)
    y[52:64] = np.nan
    found = split(panel_of(y), 12, 3, 12, "f.csv").scorable()
    assert len(found.folds) == 2
    assert found.learned.tolist() == found.folds[0].tolist()
    assert len(found.calibration_windows()) == 24


def test_too_many_origins_are_taken_at_all_phases_of_a_season() -> None:
    found = split(panel_of(*np.arange(414 * 748.0).reshape(414, -1)), 48, 3, 24, "f.csv")
    windows = found.calibration_windows()
    assert len(windows) <= 5_000
    rows = windows.end - found.history.indptr[windows.series]
    assert len(set(rows[windows.series == 0] % 24)) > 6


def test_the_test_set_can_be_one_more_fold() -> None:
    found = split(panel_of(np.arange(100.0), np.arange(45.0)), 10, 3, 1, "f.csv")
    whole = found.with_test_as_fold()
    *folds, last = whole.fold_windows()
    for one, other in zip([*folds, last], [*found.fold_windows(), found.test_windows()], strict=True):
        assert one.series.tolist() == other.series.tolist()
        np.testing.assert_array_equal(whole.actual(one), found.actual(other))
    assert whole.actual(last)[0].tolist() == list(range(90, 100))


def test_the_clock_shows_where_a_forecast_starts() -> None:
    """With y = t, the first target of each fold is its cutoff, and the last past value the row before."""
    found = split(panel_of(np.arange(100.0)), 10, 3, 1, "f.csv")
    for windows, cutoff in zip([*found.fold_windows(), found.test_windows()], (60, 70, 80, 90), strict=True):
        assert found.actual(windows)[0].tolist() == list(range(cutoff, cutoff + 10))
        assert gather_past(found.history.values, windows, 2)[0].tolist() == [cutoff - 2, cutoff - 1]


def test_a_short_series_takes_part_in_later_folds_only() -> None:
    found = split(panel_of(np.arange(100.0), np.arange(45.0), np.arange(25.0), np.arange(8.0)), 10, 3, 1, "f.csv")
    # rows before the folds: 60 70 80 | 5 15 25 | none; 13 are needed
    assert [windows.series.tolist() for windows in found.fold_windows()] == [[0], [0, 1], [0, 1]]
    assert found.test_windows().series.tolist() == [0, 1, 2]


@pytest.mark.parametrize(("rows", "folds"), [(33, 1), (42, 1), (43, 2), (53, 3), (200, 3)])
def test_short_data_get_fewer_folds(rows: int, folds: int) -> None:
    assert len(split(panel_of(np.arange(float(rows))), 10, 3, 1, "f.csv").folds) == folds


def test_too_few_rows_are_refused_with_the_horizon_that_fits() -> None:
    with pytest.raises(DataError, match="`horizon=9` or less"):
        split(panel_of(np.arange(32.0)), 10, 3, 1, "f.csv")
    with pytest.raises(DataError, match="Give more rows"):
        split(panel_of(np.arange(3.0)), 1, 3, 1, "f.csv")


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.integers(1, 8), st.integers(1, 4))
def test_nothing_before_the_test_set_reads_it(lengths: list[int], horizon: int, folds: int) -> None:
    """Rows of the test set hold a sentinel that no fold or origin may show."""
    if max(lengths) < 3 * horizon + 3:
        return
    series = [np.where(np.arange(n) < n - horizon, 1.0, -999.0) for n in lengths]
    found = split(panel_of(*series), horizon, folds, 1, "f.csv")
    groups = [*found.fold_windows(), found.calibration_windows()]
    for windows in groups:
        assert (found.actual(windows) != -999).all()
        assert (gather_past(found.history.values, windows, 10) != -999).all()


def test_trials_cannot_see_the_test_set(tmp_path) -> None:
    found = split(panel_of(np.arange(1.0, 101.0), np.arange(1.0, 51.0)), 10, 2, 1, "f.csv")
    save_split(tmp_path, "split", found)
    loaded = load_split(str(tmp_path), "split")
    for cutoff, end in zip(loaded.test, loaded.history.indptr[1:], strict=True):
        assert np.isnan(loaded.history.values[cutoff:end]).all()
        assert np.isnan(np.load(tmp_path / "split-y.npy")[cutoff:end]).all()
    assert loaded.folds.tolist() == found.folds.tolist()


def test_scores_of_the_folds_by_hand() -> None:
    found = split(panel_of(np.arange(100.0)), 10, 3, 1, "f.csv")
    scores = found.fold_scores([naive(found.history, windows, 10, 1) for windows in found.fold_windows()])
    assert scores == pytest.approx([5.5, 5.5, 5.5])  # errors 1 … 10, scale 1


def test_a_forecast_that_is_no_number_scores_infinite() -> None:
    found = split(panel_of(np.arange(100.0)), 10, 1, 1, "f.csv")
    windows = found.fold_windows()[0]
    assert found.mean_mase(windows, np.full((1, 10), np.nan)) == float("inf")


def test_folds_that_cannot_be_scored_are_left_out() -> None:
    y = 10 + np.sin(np.arange(100.0))
    y[60:70] = np.nan
    found = split(panel_of(y), 10, 3, 1, "f.csv").scorable()
    assert found.folds.tolist() == [[70], [80]]
    assert found.can_judge()
    flat = split(panel_of(np.full(100, 5.0)), 10, 3, 1, "f.csv")
    assert not len(flat.scorable().folds)
    assert not flat.can_judge()


# --- exactly enough


def cutoffs_of(found: Split, windows: Windows) -> list[tuple[int, int]]:
    """Series and row of each window."""
    rows = windows.end - found.history.indptr[windows.series]
    return list(zip(windows.series.tolist(), rows.tolist(), strict=True))


def test_three_rows_and_a_horizon_before_a_cutoff_are_enough() -> None:
    """Of 12 and 13, 7 and 8, and a single row; a fold and the test set are 5 rows each."""
    found = split(panel_of(*(np.arange(float(n)) for n in (60, 17, 18, 12, 13, 1))), 5, 2, 1, "f.csv")
    assert cutoffs_of(found, found.test_windows()) == [(0, 55), (1, 12), (2, 13), (4, 8)]
    assert [cutoffs_of(found, one) for one in found.fold_windows()] == [[(0, 45)], [(0, 50), (2, 8)]]
    assert cutoffs_of(found, found.learned_windows()) == [(0, 45)]


def test_origins_begin_after_three_rows_and_need_a_row_to_forecast() -> None:
    found = split(panel_of(*(np.arange(float(n)) for n in (60, 17, 18, 12))), 5, 2, 1, "f.csv")
    begin, end = (found.history.indptr[:-1] + np.array(rows) for rows in ([50, 3, 2, 4], [55, 7, 9, 4]))
    windows = found.origins(begin, end, 2)
    assert cutoffs_of(found, windows) == [(0, 50), (0, 52), (0, 54), (1, 3), (1, 5)]
    assert (windows.stop - found.history.indptr[windows.series]).tolist() == [55, 55, 55, 7, 7]
    none = found.origins(end, end)
    assert len(none) == 0


def test_calibration_takes_series_with_exactly_enough_rows_before_what_was_learned() -> None:
    found = split(panel_of(*(np.arange(float(n)) for n in (60, 18, 17))), 5, 1, 1, "f.csv")
    assert (found.learned - found.history.indptr[:-1]).tolist() == [50, 8, 7]
    assert cutoffs_of(found, found.calibration_windows()) == [
        *((0, row) for row in range(50, 55)), *((1, row) for row in range(8, 13))
    ]  # fmt: skip


def test_a_stride_shares_no_factor_with_the_season_in_either_direction() -> None:
    found = split(panel_of(np.arange(1_000.0)), 4, 3, 5, "f.csv")
    gaps = set(np.diff(found.calibration_windows().end).tolist())
    assert gaps == {7}  # 80 rows, 12 after the first fold
    fewer = split(panel_of(np.arange(1_000.0)), 4, 3, 7, "f.csv")
    assert set(np.diff(fewer.calibration_windows().end).tolist()) == {6}
    given = fewer.origins(np.array([100]), np.array([200]), 14)
    assert np.diff(given.end).tolist() == [15] * 6


def test_as_many_origins_as_allowed_are_all_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    found = split(panel_of(np.arange(1_000.0)), 4, 3, 1, "f.csv")
    monkeypatch.setattr(room, "MAX_ORIGINS", 100)
    assert len(found.origins(np.array([500]), np.array([600]))) == 100
    assert len(found.origins(np.array([500]), np.array([601]))) == 51


@pytest.mark.parametrize(
    ("rows", "horizon", "held"),
    [
        (400, 2, 40),  # twenty horizons are a tenth of the rows
        (399, 2, 39),
        (401, 2, 40),
        (13, 2, 1),  # the shortest for three folds, and a test set
        (2_000, 3, 60),
    ],
)
def test_rows_that_are_kept_from_training(rows: int, horizon: int, held: int) -> None:
    assert split(panel_of(np.arange(float(rows))), horizon, 3, 1, "f.csv").held == held


def test_rows_are_kept_of_as_many_series_as_have_all_folds() -> None:
    """Twenty horizons over three series are seven each; the tenth is that of the shortest with all folds."""
    lengths = (900, 700, 800, 12)  # 13 rows are needed for three folds of 2
    assert split(panel_of(*(np.arange(float(n)) for n in lengths)), 2, 3, 1, "f.csv").held == 14
    assert split(panel_of(*(np.arange(float(n)) for n in (*lengths[:3], 13))), 2, 3, 1, "f.csv").held == 1
    assert split(panel_of(*(np.arange(float(n)) for n in (900, 130, 800))), 2, 3, 1, "f.csv").held == 13


@pytest.mark.parametrize(("rows", "horizon"), [(32, 10), (33, 11), (6, 2), (7, 2), (20, 7)])
def test_the_horizon_that_is_named_fits_and_one_more_does_not(rows: int, horizon: int) -> None:
    with pytest.raises(DataError) as caught:
        split(panel_of(np.arange(float(rows)), [1.0]), horizon, 3, 1, "f.csv")
    fitting = (rows - 3) // 3
    assert str(caught.value) == (
        f"f.csv: the longest series has {rows} rows; horizon {horizon} needs {3 * horizon + 3} (past, one fold, test "
        f"set). Pass `horizon={fitting}` or less, or give more rows."
    )
    assert caught.value.code == "GF-D40"
    panel = panel_of(np.arange(float(rows)), [1.0])
    assert len(split(panel, fitting, 3, 1, "f.csv").fold_windows()[0]) == 1
    with pytest.raises(DataError):
        split(panel, fitting + 1, 3, 1, "f.csv")


def test_cutoffs_of_series_shorter_than_the_folds_stay_inside_them() -> None:
    found = split(panel_of(np.arange(50.0), np.arange(3.0), np.arange(12.0)), 5, 3, 1, "f.csv")
    assert (found.test - found.history.indptr[:-1]).tolist() == [45, 0, 7]
    assert (found.folds - found.history.indptr[:-1]).tolist() == [[30, 0, 0], [35, 0, 0], [40, 0, 2]]
    assert found.learned.tolist() == [30, 50, 53]


# --- scores


def test_every_score_of_a_window_by_hand() -> None:
    found = split(panel_of([0.0, 2.0] * 10, [0.0, 4.0] * 7), 4, 1, 1, "f.csv")
    windows = found.test_windows()
    forecast = found.actual(windows) + np.array([[1.0], [-2.0]]) * np.array([1.0, 1.0, 3.0, 3.0])
    scores = found.scores(windows, forecast)
    assert scores["mae"].tolist() == [2.0, 4.0]
    assert scores["mase"].tolist() == [1.0, 1.0]
    np.testing.assert_allclose(scores["rmse"], [np.sqrt(5), 2 * np.sqrt(5)])
    # of the truth 0, 2, 0, 2 and 0, 4, 0, 4 the forecasts 1, 3, 3, 5 and -2, 2, -6, -2
    np.testing.assert_allclose(scores["smape"], [50 * (1 + 1 / 5 + 1 + 3 / 7), 50 * (1 + 2 / 6 + 1 + 1)])
    assert found.mean_mase(windows, forecast) == 1.0


def test_a_series_without_a_scale_is_left_out_of_the_mean() -> None:
    assert average(np.array([1.0, np.nan, 3.0])) == 2.0
    assert np.isnan(average(np.array([np.nan])))
    found = split(panel_of(np.arange(30.0), np.full(30, 5.0)), 5, 2, 1, "f.csv")
    windows = found.fold_windows()[0]
    assert found.mean_mase(windows, found.actual(windows) + 2) == 2.0
    one_bad = found.actual(windows) + 2
    one_bad[1, 4] = np.inf
    assert found.mean_mase(windows, one_bad) == float("inf")


def test_one_series_that_can_be_scored_is_enough_to_keep_a_fold_and_to_judge() -> None:
    y = 10 + np.arange(50.0) % 3
    hole, tested = y.copy(), y.copy()
    hole[40:45] = np.nan  # the only fold
    tested[45:] = np.nan
    both = split(panel_of(hole, tested), 5, 1, 1, "f.csv")
    assert len(both.scorable().folds) == 1
    assert both.can_judge()
    alone = [split(panel_of(one), 5, 1, 1, "f.csv") for one in (hole, tested)]
    assert [(len(one.scorable().folds), one.can_judge()) for one in alone] == [(0, True), (1, False)]


def test_forecasts_before_and_at_the_test_set_are_of_two_models() -> None:
    found = split(panel_of(np.arange(60.0), np.arange(18.0)), 5, 2, 1, "f.csv")
    before, at_test = (Points(lambda _h, at, n, _m, value=k: np.full((len(at), n), value)) for k in (0.0, 1.0))
    made = Forecasts.of(found, before, at_test)
    assert [one.shape for one in made.folds] == [(1, 5), (2, 5)]
    assert not np.concatenate(made.folds).any()
    assert made.origins is not None
    assert made.origins.mean.tolist() == np.zeros((len(found.calibration_windows()), 5)).tolist()
    assert made.test.mean.tolist() == np.ones((2, 5)).tolist()

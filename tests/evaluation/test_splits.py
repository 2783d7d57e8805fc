"""Folds, test part and origins: where each model's past ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import panel_of

from gruforecast.automl.search.trial import load_split, save_split
from gruforecast.data.windows import gather_past
from gruforecast.errors import DataError
from gruforecast.evaluation.splits import split
from gruforecast.models.baselines import naive


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


def test_the_test_part_can_be_one_more_fold() -> None:
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
    with pytest.raises(DataError, match="--horizon 9 or less"):
        split(panel_of(np.arange(32.0)), 10, 3, 1, "f.csv")
    with pytest.raises(DataError, match="Give more rows"):
        split(panel_of(np.arange(3.0)), 1, 3, 1, "f.csv")


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.integers(1, 8), st.integers(1, 4))
def test_nothing_before_the_test_part_reads_it(lengths: list[int], horizon: int, folds: int) -> None:
    """Rows of the test part hold a sentinel that no fold or origin may show."""
    if max(lengths) < 3 * horizon + 3:
        return
    series = [np.where(np.arange(n) < n - horizon, 1.0, -999.0) for n in lengths]
    found = split(panel_of(*series), horizon, folds, 1, "f.csv")
    groups = [*found.fold_windows(), found.calibration_windows()]
    for windows in groups:
        assert (found.actual(windows) != -999).all()
        assert (gather_past(found.history.values, windows, 10) != -999).all()


def test_trials_cannot_see_the_test_part(tmp_path) -> None:
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

"""The pretrained network as a row of the leaderboard: what it is asked, with which seasons, and what it may see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from makers import panel_of

from gruforecast.automl.ensemble_selection import blended
from gruforecast.automl.leakage_audit import decisions
from gruforecast.automl.options import FitOptions
from gruforecast.automl.preparation import decide
from gruforecast.automl.reference_models import pretrained_candidate
from gruforecast.automl.search.trial import load_split, pretrained_network, save_split
from gruforecast.data.calendar.frequency import Frequency
from gruforecast.data.panel import Panel
from gruforecast.data.read import Reading
from gruforecast.data.windows import History
from gruforecast.evaluation.leaderboard import Candidate, judge
from gruforecast.evaluation.splits import Forecasts, Split, split
from gruforecast.models.networks.covariates import Scaling
from gruforecast.models.quantile_forecast import QuantileForecast

HOUR = Frequency("s", 3600)
NO_COLUMNS = Scaling(np.zeros(0), np.zeros(0))


def reading_of(panel: Panel) -> Reading:
    return Reading(panel, (), np.zeros(len(panel.y), np.int64), np.zeros(len(panel.y), bool), "f.csv")


def months(*lengths: int) -> Panel:
    """Positive, with a season and noise."""
    generator = np.random.default_rng(4)
    return panel_of(*(20 + 6 * np.sin(np.arange(n) * np.pi / 6) + generator.normal(size=n) for n in lengths))


def hours(weeks: int) -> Panel:
    """Hours with a day, and a weekend."""
    hour = np.arange(168 * weeks)
    noise = np.random.default_rng(2).normal(size=len(hour))
    return panel_of(30 + 9 * np.sin(hour * np.pi / 12) - 8 * (hour // 24 % 7 > 4) + noise, freq=HOUR)


def candidate_of(divided: Split) -> Candidate:
    network = pretrained_network(divided)
    assert network is not None
    return pretrained_candidate(divided, network)


def test_a_window_is_forecast_from_the_rows_before_it_alone() -> None:
    """The slow way: one window at a time, of a history that ends there."""
    divided = split(months(90, 61), 6, 2, 12, "f.csv")
    made = candidate_of(divided).forecasts
    network = pretrained_network(divided)
    assert network is not None
    assert made.origins is not None
    asked = [*zip(divided.fold_windows(), made.folds, strict=True)]
    asked += [(divided.calibration_windows(), made.origins.mean), (divided.test_windows(), made.test.mean)]
    for windows, forecasts in asked:
        for start, end, forecast in zip(windows.start, windows.end, forecasts, strict=True):
            rows = divided.history.values[start:end]
            alone = History.of(rows, np.array([0, len(rows)]))
            last = alone.windows(np.array([0]), np.array([len(rows)]))
            np.testing.assert_allclose(network.forecast(alone, last, 6, 12).mean[0], forecast, rtol=1e-9)


def test_its_quantiles_are_there_to_be_calibrated_and_ordered() -> None:
    divided = split(months(90, 61), 6, 2, 12, "f.csv")
    made = candidate_of(divided)
    for one in (made.forecasts.origins, made.forecasts.test):
        assert one is not None
        assert one.quantiles is not None
        assert (np.diff(one.quantiles, axis=2) >= 0).all()
        assert (one.quantiles >= 0).all()  # no series was ever negative
    assert (made.kind, made.competes, made.shipped) == ("pretrained", True, True)
    row = judge(made, divided, (80.0,)).row
    assert row.kind == "pretrained"
    assert np.isfinite(row.val_mase)


def test_it_is_no_row_where_horizon_or_season_are_too_long_for_it() -> None:
    for horizon, season, there in ((64, 12, True), (65, 12, False), (168, 24, True), (169, 24, False), (6, 289, False)):
        divided = Split(History.of(np.ones(9), np.array([0, 9])), horizon, season, np.array([9]), np.array([[9]]))
        assert (pretrained_network(divided) is not None) == there, (horizon, season)


def test_a_longer_season_that_was_found_goes_with_the_data_to_the_workers_and_the_network(tmp_path: Path) -> None:
    found = decide(reading_of(hours(6)), FitOptions(horizon=24)).split
    assert (found.season_length, found.second) == (24, 168)
    save_split(tmp_path, "split", found)
    loaded = load_split(str(tmp_path), "split")
    assert (loaded.season_length, loaded.second) == (24, 168)
    network = pretrained_network(loaded)
    assert network is not None
    assert network.second == 168
    given = decide(reading_of(hours(6)), FitOptions(horizon=24, season=24)).split
    assert given.second is None  # a season that is given is the only one
    assert np.abs(candidate_of(found).forecasts.test.mean - candidate_of(given).forecasts.test.mean).max() > 0.01


def test_the_audit_looks_at_the_longer_season_too() -> None:
    found = decide(reading_of(hours(6)), FitOptions(horizon=24)).split
    other = replace(found, second=None)
    both = [decisions(one, NO_COLUMNS, found.test) for one in (found, other)]
    assert [name for name in both[0] if both[0][name] != both[1][name]] == ["season"]


@pytest.mark.parametrize("off", [0.0, 30.0])
def test_it_may_be_a_part_of_the_blend(off: float) -> None:
    """Where it is right and the networks are not it has most weight; the other way round it has none."""
    divided = split(months(90, 61), 6, 2, 12, "f.csv")
    made = candidate_of(divided)
    right = Forecasts(
        [divided.actual(one) + off for one in divided.fold_windows()],
        QuantileForecast(divided.actual(divided.calibration_windows()) + off),
        QuantileForecast(divided.actual(divided.test_windows()) + off),
    )
    networks = Candidate("networks", "gru", made.forecasts)
    rows, weights = blended(divided, networks, [replace(made, forecasts=right)])
    assert [one.name for one in rows] == ["blend"]
    assert weights.get("pretrained", 0.0) == pytest.approx(1.0 if off == 0.0 else 0.0, abs=0.06)

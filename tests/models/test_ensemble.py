"""Models that consist of others: weights, the floor at zero, and nothing computed twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from made_networks import make_network
from makers import ROOT, history_of

from gruforecast.data.windows import History
from gruforecast.models.ensemble import Once, Stored, blend_of, parts_of
from gruforecast.models.model import Floored, Points
from gruforecast.models.quantile_forecast import QuantileForecast
from gruforecast.models.registry import BLEND, KINDS, NETWORKS, SIMPLE, model_of, title_of

HISTORY = history_of([3.0, 4.0, 5.0], [3.0, -1.0, 5.0])
WINDOWS = HISTORY.windows(np.arange(2), HISTORY.indptr[1:])


class Constant:
    """A network that always says the same, and counts how often it is asked."""

    def __init__(self, *quantiles: float) -> None:
        self.quantiles, self.asked = np.array(quantiles), 0

    def forecast(self, history: Any, windows: Any, horizon: int, season_length: int) -> QuantileForecast:
        self.asked += 1
        return QuantileForecast.of(np.tile(self.quantiles, (len(windows), horizon, 1)))


def ask(model: Any, horizon: int = 2) -> QuantileForecast:
    return model.forecast(HISTORY, WINDOWS, horizon, 1)


def test_only_series_that_were_negative_may_be() -> None:
    found = ask(Floored(Constant(-3.0, -2.0, -1.0, 0.5, 2.0)))
    np.testing.assert_array_equal(found.mean, [[0.0, 0.0], [-1.0, -1.0]])
    assert found.quantiles is not None
    np.testing.assert_array_equal(found.quantiles[:, 0], [[0.0, 0.0, 0.0, 0.5, 2.0], [-3.0, -2.0, -1.0, 0.5, 2.0]])


def test_parts_are_floored_before_they_are_combined() -> None:
    low, high = (Points(lambda *asked, one=one: np.full((2, 2), one)) for one in (-4.0, 8.0))
    parts = parts_of([], {"low": low, "high": high})
    np.testing.assert_array_equal(ask(blend_of({"low": 0.25, "high": 0.75}, parts)).mean, [[6.0, 6.0], [5.0, 5.0]])


def test_networks_together_are_means_of_quantiles_by_weights_that_need_not_add_up_to_one() -> None:
    networks = [make_network("gru", 24, 0.6), make_network("gru-2", 36, 0.2)]
    answers = {"gru": Constant(0.0, 1.0, 2.0, 3.0, 8.0), "gru-2": Constant(4.0, 5.0, 6.0, 7.0, 8.0)}
    parts = parts_of(networks, {}, lambda one: answers[one.name])  # type: ignore[attr-defined]
    found = ask(parts[NETWORKS])
    assert found.quantiles is not None
    np.testing.assert_allclose(found.quantiles[0, 0], [1.0, 2.0, 3.0, 4.0, 8.0], rtol=1e-15)
    np.testing.assert_array_equal(found.mean, found.quantiles[:, :, 2])
    assert ask(parts["gru-2"]).mean[0, 0] == 6.0


def test_a_part_of_several_members_forecasts_once_for_the_same_windows() -> None:
    network = Constant(1.0, 2.0, 3.0, 4.0, 5.0)
    part = Once(network)
    members = [
        blend_of({"a": 1.0}, {"a": part}),
        blend_of({"a": 0.5, "b": 0.5}, {"a": part, "b": Stored(QuantileForecast(np.ones((2, 2))))}),
    ]
    assert [ask(member).mean[0, 0] for member in members] == [3.0, 2.0]
    assert network.asked == 1
    other = HISTORY.windows(np.array([1]), HISTORY.indptr[2:])
    assert members[0].forecast(HISTORY, other, 2, 1).mean.shape == (1, 2)
    assert network.asked == 2


def test_stored_forecasts_are_those_of_the_series_of_each_window() -> None:
    found = Stored(QuantileForecast(np.array([[1.0, 2.0], [3.0, 4.0]]))).forecast(
        HISTORY, WINDOWS[np.array([1, 0, 1])], 2, 1
    )
    np.testing.assert_array_equal(found.mean, [[3.0, 4.0], [1.0, 2.0], [3.0, 4.0]])
    assert found.quantiles is None


def test_a_network_with_the_name_of_a_model_is_the_network() -> None:
    parts = parts_of([make_network("theta", 24, 1.0)], {"theta": Stored(QuantileForecast(np.zeros((2, 6))))})
    assert ask(parts["theta"], 6).quantiles is not None


@pytest.mark.parametrize("use", ["panel", "columns"])
def test_newest_rows_give_the_forecast_of_the_whole_history(use: str) -> None:
    """Gaps, a series shorter than the window, one without news, and one whose negative values are long past."""
    generator = np.random.default_rng(4)
    rows = [5 + generator.random(60) for _ in range(4)]
    rows[0][[3, 40, 59]] = np.nan
    rows[2][20:] = np.nan
    rows[3][0] = -1.0
    rows[1] = rows[1][:7]
    whole = history_of(*rows)
    windows = whole.windows(np.arange(4), whole.indptr[1:])
    network = make_network("gru", 24, 1.0)
    x = np.zeros((4, 36 + 6, 1)) if use == "columns" else None
    history, ends = History.of_ends(whole.past(windows, 36), whole.origin(windows), windows.use_log, x)
    np.testing.assert_array_equal(ends.use_log, [True, True, True, False])
    expected, found = (Floored(network).forecast(*one, 6, 12) for one in ((whole, windows), (history, ends)))
    np.testing.assert_array_equal(found.quantiles, expected.quantiles)


def test_a_series_without_a_value_reads_none_of_its_neighbour() -> None:
    history, ends = History.of_ends(np.array([[1.0, 2.0], [np.nan, np.nan]]), np.zeros(2), np.ones(2, bool))
    np.testing.assert_array_equal(history.past(ends, 2), [[1.0, 2.0], [np.nan, np.nan]])


def test_the_registry_tells_and_makes_every_model() -> None:
    for name, entry in SIMPLE.items():
        assert (entry.name, entry.kind) == (name, "baseline")
        assert entry.description
        assert model_of(name) is entry.model
    with pytest.raises(KeyError):
        model_of(NETWORKS)
    assert (title_of("auto-ets"), title_of(BLEND), title_of("drift"), title_of("gru-2")) == (
        "AutoETS",
        "the blend",
        "drift",
        "gru-2",
    )


def test_the_style_sheet_knows_the_colour_of_every_kind() -> None:
    sheet = (ROOT / "gruforecast" / "report" / "page" / "page.css").read_text()
    for look in KINDS.values():
        assert sheet.count(f"--{look.colour[1:]}: #") >= 2, look  # light and dark

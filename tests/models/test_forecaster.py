"""A fitted model asked: what it is made of, in which order it answers, and how it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made_networks import make_covariate_forecaster, make_forecaster
from makers import panel_of
from msgspec import structs
from rounding import assert_close32

from gruforecast.data.calendar.frequency import Frequency
from gruforecast.data.future_covariates import FutureCovariates
from gruforecast.data.panel import Panel
from gruforecast.data.scale import mase_scale
from gruforecast.data.windows import History
from gruforecast.errors import DataError, UsageError
from gruforecast.models import forecaster as room
from gruforecast.models.baselines import theta
from gruforecast.models.conformal import Calibration
from gruforecast.models.networks.inference import forecast


@pytest.fixture
def panel() -> Panel:
    """Positive, of any sign, three rows only, a single one, one that falls towards zero."""
    generator = np.random.default_rng(1)
    return panel_of(
        5 + generator.random(60), generator.normal(size=40), np.arange(3.0), [4.0], np.linspace(9.0, 0.5, 20)
    )


def alone(panel: Panel, network: Any) -> np.ndarray:
    """What one network says of the ends of a panel."""
    history = History.of(panel.y, panel.indptr, panel.wall)
    windows = history.windows(np.arange(len(panel)), panel.indptr[1:])
    return windows.floor_at_zero(forecast(history, windows, network.config, network.weights))[:, :, 2]


def test_members_are_what_they_are_made_of(panel: Panel) -> None:
    forecaster = make_forecaster(panel)
    gru, second = (alone(panel, one) for one in forecaster.networks)
    found = {name: forecaster.predict(panel, member=name).mean for name in forecaster.members}
    assert_close32(found["gru"], gru, axis=1)  # its share of three quarters counts among all only
    assert_close32(found["gru-2"], second, axis=1)
    assert_close32(found["networks"], 0.75 * gru + 0.25 * second, axis=1)
    np.testing.assert_allclose(found["blend"], 0.5 * found["networks"] + 0.5 * found["theta"], rtol=1e-9)
    history = History.of(panel.y, panel.indptr)
    windows = history.windows(np.arange(5), panel.indptr[1:])
    np.testing.assert_allclose(found["theta"], windows.floor_at_zero(theta(history, windows, 6, 12)), rtol=1e-9)
    np.testing.assert_array_equal(found["networks"], forecaster.predict(panel).mean)
    uneven = replace(forecaster, blend={"theta": 0.2, "gru-2": 0.8})
    expected = 0.2 * found["theta"] + 0.8 * found["gru-2"]
    np.testing.assert_allclose(uneven.predict(panel, member="blend").mean, expected, rtol=1e-9)


def test_bounds_are_the_factors_times_the_scale_and_end_at_zero(panel: Panel) -> None:
    forecaster = make_forecaster(panel)
    history = History.of(panel.y, panel.indptr)
    scale = mase_scale(history, history.windows(np.arange(5), panel.indptr[1:]), 12)
    found = forecaster.predict(panel, member="naive")
    factor = np.linspace(1, 2, 12).reshape(6, 2)
    half = factor[None] * scale[:, None, None]
    np.testing.assert_allclose(found.upper, found.mean[:, :, None] + half)
    lower = found.mean[:, :, None] - half
    np.testing.assert_allclose(
        found.lower, np.where(np.array([1, 0, 1, 1, 1])[:, None, None] > 0, np.maximum(lower, 0), lower)
    )
    assert np.isnan(found.upper[3]).all()  # a single row has no scale
    assert np.nanmin(found.lower[1]) < 0
    assert found.mean[1, 0] == panel.y[99]


def test_fewer_steps_are_the_first_ones_and_levels_ascend(panel: Panel) -> None:
    forecaster = make_forecaster(panel)
    whole = forecaster.predict(panel)
    for steps in (1, 6):
        found = forecaster.predict(panel, horizon=steps, levels=(95.0, 80.0, 95.0))
        assert found.levels == whole.levels == (80.0, 95.0)
        assert found.ds.tolist() == whole.ds[:, :steps].tolist()
        for side in ("mean", "lower", "upper"):
            np.testing.assert_array_equal(getattr(found, side), getattr(whole, side)[:, :steps])
    only = forecaster.predict(panel, levels=(95.0,))
    np.testing.assert_array_equal(only.upper, whole.upper[:, :, 1:])
    assert forecaster.steps(None) == forecaster.horizon == 6


@pytest.mark.parametrize("source", ["panel", "context"])
def test_chosen_series_come_in_the_order_of_the_data(panel: Panel, source: str) -> None:
    forecaster = make_forecaster(panel)
    given = panel if source == "panel" else None
    whole, some = forecaster.predict(given), forecaster.predict(given, ids=["s4", "s1", "s1"])
    assert some.ids == (("s1",), ("s4",))
    assert_close32(some.mean, whole.mean[[1, 4]], axis=1)
    assert_close32(some.upper, whole.upper[[1, 4]], axis=1)
    assert some.ds.tolist() == whole.ds[[1, 4]].tolist()
    with pytest.raises(UsageError) as caught:
        forecaster.predict(given, ids=["s1", "s7"])
    assert str(caught.value) == "there is no series 's7'. The series are 's0', 's1', 's2', 's3', 's4'."
    assert caught.value.code == "GF-U04"
    with pytest.raises(UsageError, match="there is no series 'a0'"):  # of several the first in the alphabet
        forecaster.predict(given, ids=["s1", *(f"a{k}" for k in range(9, -1, -1))])


def test_blocks_of_any_size_say_the_same(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    forecaster = make_forecaster(panel)
    assert forecaster.block == 500_000 // (6 * 5 + (36 + 6) * 1)
    whole = forecaster.predict(panel)
    for numbers, blocks in ((72, 5), (2 * 72, 3), (3 * 72 - 1, 3), (5 * 72, 1), (1, 5)):
        monkeypatch.setattr(room, "BLOCK_NUMBERS", numbers)
        for given in (panel, None):
            parts = list(forecaster.stream(given))
            assert len(parts) == blocks
            assert sum((part.ids for part in parts), ()) == panel.ids
            assert_close32(np.concatenate([one.mean for one in parts]), whole.mean, axis=1)
    empty = replace(forecaster, context=forecaster.context.at(np.zeros(0, int)))
    assert [len(one.ids) for one in empty.stream(empty.context)] == [0]


# --- refusals, word by word


@pytest.mark.parametrize(
    ("asked", "text", "remedy", "code"),
    [
        (
            {"horizon": 7},
            "`horizon` 7 is not within 1 and 6, the horizon fitted.",
            "Fit again with `horizon=7`.",
            "GF-U06",
        ),
        ({"horizon": 0}, "`horizon` 0 is not within 1 and 6, the horizon fitted.", "Pass a positive number.", "GF-U06"),
        (
            {"horizon": -1},
            "`horizon` -1 is not within 1 and 6, the horizon fitted.",
            "Pass a positive number.",
            "GF-U06",
        ),
        (
            {"levels": (80.0, 90.0)},
            "`level` 90 is not calibrated; there are 80, 95.",
            "Fit again with `level=90`.",
            "GF-U07",
        ),
        (
            {"member": "thetta"},
            "there is no member 'thetta'. Did you mean 'theta'?",
            "The members are 'winner', 'networks', 'gru', 'gru-2', 'blend', 'theta', 'naive'.",
            "GF-U05",
        ),
    ],
)
def test_what_the_model_does_not_have(panel: Panel, asked: dict[str, Any], text: str, remedy: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_forecaster(panel).predict(**asked)
    assert str(caught.value) == f"{text} {remedy}"
    assert caught.value.code == code


def test_a_member_without_levels_has_none(panel: Panel) -> None:
    forecaster = make_forecaster(panel)
    bare = replace(forecaster, calibrations={**forecaster.calibrations, "naive": Calibration((), np.zeros((6, 0)))})
    assert bare.predict(member="naive").upper.shape == (5, 6, 0)
    with pytest.raises(UsageError, match="`level` 80 is not calibrated; there are none"):
        bare.predict(member="naive", levels=(80.0,))
    assert bare.predict(levels=(80.0,)).levels == (80.0,)


def test_data_of_another_step_or_columns_are_refused_with_what_to_do(panel: Panel) -> None:
    forecaster = make_forecaster(panel)
    for freq in (Frequency("M", 3), Frequency("s", 86400)):  # another number of months, and another unit
        with pytest.raises(DataError) as caught:
            forecaster.check(panel_of(np.arange(50.0), freq=freq))
        expected = f"the step is {freq.label!r}, the model was fitted on {panel.freq.label!r}."
        assert str(caught.value) == f"{expected} Give data of that step, or fit a model on these."
        assert caught.value.code == "GF-D42"
    seeing, other = make_covariate_forecaster()
    seeing.check(other)
    for plan in (
        structs.replace(other.plan, holidays=""),
        structs.replace(other.plan, covariates=other.plan.covariates[:-1]),
    ):
        with pytest.raises(DataError, match="read in another way than those that were fitted") as caught:
            seeing.check(replace(other, plan=plan))
        assert caught.value.code == "GF-D64"


def test_columns_known_ahead_are_asked_for_where_a_network_needs_them() -> None:
    forecaster, panel = make_covariate_forecaster()
    with pytest.raises(UsageError) as caught:
        forecaster.predict(panel, horizon=2)
    assert str(caught.value) == (
        "the model needs promo, price for the 2 steps ahead. Pass `future` with ds and these columns."
    )
    assert caught.value.code == "GF-U38"
    assert forecaster.predict(panel, member="naive").mean.shape == (2, 6)  # sees none of them
    blind = [replace(one, config=replace(one.config, use_inputs="none")) for one in forecaster.networks]
    assert replace(forecaster, networks=tuple(blind)).predict(panel).mean.shape == (2, 6)
    half = replace(forecaster, networks=(blind[0], forecaster.networks[1]))  # one that sees is enough
    with pytest.raises(UsageError, match="needs promo, price for the 6 steps"):
        half.predict(panel)
    assert half.predict(panel, member="gru").mean.shape == (2, 6)


@pytest.mark.parametrize("steps", [6, 2])
def test_columns_known_ahead_are_those_of_the_steps_that_are_asked(steps: int) -> None:
    """From the data, and from what the model keeps; later steps change nothing."""
    forecaster, panel = make_covariate_forecaster()
    later = panel.freq.after(panel.ds[[59, 106]], 6)
    generator = np.random.default_rng(5)
    numbers = np.column_stack([generator.integers(0, 2, 12), generator.normal(size=12)]).astype(float)
    keys = [(panel.ids[k // 6], at) for k, at in enumerate(later.ravel().astype(np.int64).tolist())]

    def answer(given: Panel | None, x: np.ndarray) -> np.ndarray:
        future = FutureCovariates("f.csv", panel.plan, {key: k for k, key in enumerate(keys)}, x, [])
        return forecaster.predict(given, horizon=steps, future=future).mean

    first = answer(panel, numbers)
    np.testing.assert_allclose(answer(None, numbers), first, rtol=1e-9)
    for step in range(6):
        other = numbers.copy()
        other[step, 1] += 1.0  # of the first series
        moved = answer(panel, other)
        assert (not np.array_equal(moved[0], first[0])) == (step < steps)
        np.testing.assert_array_equal(moved[1], first[1])


def test_a_step_that_the_future_lacks_is_refused_before_the_first_block() -> None:
    forecaster, panel = make_covariate_forecaster()
    lacking = FutureCovariates("later.csv", forecaster.plan, {}, np.zeros((0, 3)), ())
    with pytest.raises(DataError) as caught:
        forecaster.stream(panel, future=lacking, member="networks")  # nothing is taken from it
    assert caught.value.file == "later.csv"

"""Intervals that adapt: the weighted quantile against a slow twin, what it may look at, and what it says."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_networks import make_forecaster
from makers import panel_of

from gruforecast.data.panel import Adapted, Panel
from gruforecast.errors import UsageError
from gruforecast.evaluation import adaptation as room
from gruforecast.evaluation.adaptation import Adaptation, adapted_to, multipliers
from gruforecast.evaluation.backtest import roll
from gruforecast.models.conformal import Calibration
from gruforecast.models.forecaster import Forecaster

NAN = np.nan
HORIZON = 6  # of `make_forecaster`; origins lie 3 rows apart


def naive_model(trained: Panel, half: float = 1.0, levels: tuple[float, ...] = (80.0, 95.0)) -> Forecaster:
    """A model whose naive member has intervals of `half` times the MASE scale, and twice that at the higher level."""
    calibration = Calibration(levels, np.tile(half * np.arange(1.0, len(levels) + 1), (HORIZON, 1)))
    own = make_forecaster(trained)
    networks = tuple(replace(one, config=replace(one.config, season_length=1)) for one in own.networks)
    return replace(own, networks=networks, winner="naive", calibrations=dict.fromkeys(own.members, calibration))


def steps(rows: int, size: float = 1.0) -> np.ndarray:
    """A zigzag whose MASE scale is `size`: naive is off by it at every other step."""
    return 10 + size * (np.arange(rows) % 2)


def slow_multiplier(ratios: list[float], weights: list[float], level: float) -> float:
    """Lay out all errors, the prior's as well, and count up to the level."""
    normal = NormalDist()
    at_level = normal.inv_cdf(0.5 + level / 200)
    prior = [normal.inv_cdf(0.5 + min(k, 99.5) / 200) / at_level for k in range(1, 101)]
    laid = sorted([*zip(ratios, weights, strict=True), *((one, room.PRIOR / 100) for one in prior)])
    whole, reached = sum(weight for _, weight in laid), 0.0
    for ratio, weight in laid:
        reached += weight
        if reached >= whole * level / 100 - 1e-9:
            return ratio
    raise AssertionError


class TestMultiplier:
    @settings(max_examples=60, deadline=None)
    @given(st.integers(1, 30), st.integers(0, 1000), st.sampled_from([50.0, 80.0, 90.0]))
    def test_it_is_that_of_a_slow_twin(self, n: int, seed: int, level: float) -> None:
        generator = np.random.default_rng(seed)
        ratios, weights = generator.exponential(size=(2, n)), generator.random(n)
        ratios[1, generator.random(n) < 0.3] = NAN
        found = multipliers(ratios, weights, level)
        for row, one in zip(ratios, found, strict=True):
            known = ~np.isnan(row)
            if known.any():
                assert one == pytest.approx(slow_multiplier(row[known].tolist(), weights[known].tolist(), level))

    def test_without_errors_it_is_one(self) -> None:
        np.testing.assert_array_equal(multipliers(np.full((2, 3, 4), NAN), np.ones((3, 4)), 92.5), 1.0)

    def test_many_errors_as_calibrated_leave_it_at_one_and_many_others_decide(self) -> None:
        normal = np.abs(np.random.default_rng(0).normal(size=(1, 20_000)))
        for size in (0.5, 1.0, 3.0):
            ratios = size * normal / NormalDist().inv_cdf(0.9)
            assert multipliers(ratios, np.ones(20_000), 80.0)[0] == pytest.approx(size, rel=0.03)

    def test_few_errors_move_it_less_than_many(self) -> None:
        found = [multipliers(np.full((1, 10), 3.0), np.full(10, weight), 80.0)[0] for weight in (0.001, 0.01, 1.0)]
        assert 1 <= found[0] < found[1] < found[2] == 3.0


class TestWhatItLooksAt:
    def test_errors_of_known_size_widen_by_a_known_factor(self) -> None:
        """Naive is off by twice the half-width at half of the steps and by nothing at the others."""
        trained, whole = panel_of(steps(60)), panel_of(steps(60 + 60 * HORIZON))
        found = adapted_to(naive_model(trained, 0.5), whole)
        assert found is not None
        assert found.multiplier.tolist() == [2.0]
        assert abs(found.missed[0] - found.seen[0] / 2) <= 1
        quiet = adapted_to(naive_model(trained, 4.0), whole)
        assert quiet is not None
        assert 0.2 < quiet.multiplier[0] < 0.3  # 1 / 4 and the prior's smallest ratios
        assert quiet.missed.tolist() == [0]

    def test_rows_that_were_learned_from_and_half_a_horizon_of_new_ones_change_nothing(self) -> None:
        trained = panel_of(steps(60))
        model = naive_model(trained, 0.5)
        assert adapted_to(model, trained) is None
        wild = np.append(steps(60), np.tile([100.0, -100.0], 20))
        for newer, adapts in ((2, False), (3, True), (6, True)):
            found = adapted_to(model, panel_of(wild[: 60 + newer]))
            assert found is not None
            assert (found.multiplier[0] > 1, found.seen[0] > 0) == (adapts, adapts)
        known = wild.copy()
        known[:60] = 10 + 50 * (np.arange(60) % 2)  # errors at origins in the training rows do not count
        calm = adapted_to(model, panel_of(np.append(known[:60], known[59] * np.ones(6))))
        assert calm is not None
        assert calm.missed[0] == 0

    def test_it_has_a_finite_memory(self) -> None:
        """Errors before the oldest of 20 origins change nothing, so it does not matter where a replay began."""
        model = naive_model(panel_of(steps(60)), 0.5)
        shift = np.append(np.tile([0.0, 1.0], 90), 10 + np.tile([0.0, 1.0], 90))  # the level jumps between two zigzags
        found = [adapted_to(model, panel_of(shift[: 180 + rows])) for rows in (30, 60, 61, 100)]
        missed = [(int(one.missed[0]), int(one.seen[0])) for one in found if one is not None]
        assert missed[0][0] > missed[0][1] / 2 + 1  # the jump is among what is looked at
        assert missed[1][0] > missed[1][1] / 2 + 1  # 20 origins of 3 rows each go back 60 rows
        assert all(abs(count - seen / 2) <= 1 for count, seen in missed[2:])
        short = adapted_to(replace(model, context=panel_of(shift[:220])), panel_of(shift))
        whole = adapted_to(model, panel_of(shift))
        assert short is not None
        assert whole is not None
        assert (short.seen, short.missed) == (whole.seen, whole.missed)

    def test_a_new_series_has_new_rows_only(self) -> None:
        model = naive_model(panel_of(steps(60)), 0.5)
        other = replace(panel_of(steps(120)), ids=(("new",),))
        found = adapted_to(model, other)
        assert found is not None
        assert found.multiplier[0] == 2.0
        assert adapted_to(model, replace(panel_of(steps(38)), ids=(("new",),))).seen.tolist() == [0]  # lookback 36

    def test_series_with_gaps_without_scale_and_without_new_rows_stand_beside_each_other(self) -> None:
        gap = steps(120)
        gap[70:80] = NAN
        panel = panel_of(steps(120), gap, np.full(120, 5.0), steps(60))
        model = naive_model(panel.rows(panel.indptr[:-1], panel.indptr[:-1] + 60), 0.5)
        found = adapted_to(model, panel)
        assert found is not None
        assert found.multiplier[[0, 2, 3]].tolist() == [2.0, 1.0, 1.0]
        assert found.multiplier[1] == pytest.approx(2.0)
        assert found.seen[1] < found.seen[0]
        assert found.seen[2:].tolist() == [0, 0]
        alone = adapted_to(model, panel, ids=["/".join(panel.ids[1])])
        assert alone is not None
        assert alone.multiplier.tolist() == [1.0, found.multiplier[1], 1.0, 1.0]

    @pytest.mark.parametrize("size", [1, 7, 10_000])
    def test_the_size_of_blocks_changes_nothing(self, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
        generator = np.random.default_rng(1)
        panel = panel_of(*(10 + generator.normal(size=n).cumsum() for n in (100, 140, 90)))
        model = naive_model(panel.rows(panel.indptr[:-1], panel.indptr[:-1] + 50))
        expected = adapted_to(model, panel)
        monkeypatch.setattr(room, "BLOCK_WINDOWS", size)
        monkeypatch.setattr(room, "BLOCK_NUMBERS", 5 * size)
        found = adapted_to(model, panel)
        assert expected is not None
        assert found is not None
        np.testing.assert_array_equal(found.multiplier, expected.multiplier)
        np.testing.assert_array_equal(found.missed, expected.missed)

    def test_rows_after_a_cutoff_change_no_interval_before_it(self) -> None:
        generator = np.random.default_rng(2)
        y = 10 + generator.normal(size=140).cumsum()
        model = naive_model(panel_of(y[:60]))
        later = y.copy()
        later[120:] *= 1000
        found = [roll(model, panel_of(one), windows=6, step=4, members=["naive"]).adapted for one in (y, later)]
        before = np.arange(140 - HORIZON - 20, 140 - HORIZON + 1, 4) <= 120
        for name in ("multiplier", "seen", "missed"):
            one, other = (getattr(each["naive"], name) for each in found)
            np.testing.assert_array_equal(one[before], other[before])
            assert name == "seen" or one[-1] != other[-1]

    def test_levels_keep_their_ratio_and_the_one_nearest_to_80_is_looked_at(self) -> None:
        trained, panel = panel_of(steps(60)), panel_of(steps(200))
        model = naive_model(trained, 0.5)
        found = adapted_to(model, panel)
        wide, plain = model.predict(panel, adapted=found), model.predict(panel)
        np.testing.assert_allclose(wide.upper - wide.mean[:, :, None], 2 * (plain.upper - plain.mean[:, :, None]))
        odd = adapted_to(naive_model(trained, 0.5, (50.0, 90.0)), panel)
        assert odd is not None
        assert odd.level == 90.0
        assert adapted_to(naive_model(trained, levels=()), panel) is None
        with pytest.raises(UsageError, match="no series 'x'"):
            adapted_to(model, panel, ids=["x"])


class TestWhatIsSaid:
    def test_of_one_series(self) -> None:
        def said(by: float, seen: int = 12, missed: int = 7) -> str:
            found = Adaptation.of(Adapted(np.array([by]), np.array([seen]), np.array([missed]), 80.0))
            return "" if found is None else found.in_words()

        assert said(1.63) == "intervals widened by 1.6: 7 of 12 recent errors are larger than those of 80 % allow"
        assert (
            said(0.5, 12, 0)
            == "intervals narrowed to 0.5 of their width: 0 of 12 recent errors are larger than those of 80 % allow"
        )
        assert (
            said(1.0, 10, 2) == "intervals left as they are: 2 of 10 recent errors are larger than those of 80 % allow"
        )
        assert said(1.0, 0, 0) == ""

    def test_of_many(self) -> None:
        found = Adaptation.of(Adapted(np.array([0.5, 1, 3, 1]), np.array([6, 6, 6, 0]), np.array([0, 1, 6, 0]), 90.0))
        assert found is not None
        assert found.in_words() == (
            "intervals of 3 series adapted, half-widths times 0.5 to 3, median 1: "
            "7 of 18 recent errors are larger than those of 90 % allow"
        )

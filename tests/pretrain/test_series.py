"""The generator of synthetic series: what it promises to the training, and what each kind is."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.pretrain import demand, priors, sensors, series, structural
from tools.pretrain.draws import Ask
from tools.pretrain.series import KINDS, in_units, synthetic, weights

SEASONS = st.integers(1, 168) | st.sampled_from([96, 144, 288])


def ask(season=12, rows=120, second=None, seed=0):
    return Ask(np.random.default_rng(seed), season, rows, second)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(1, 40), season=SEASONS, rows=st.integers(1, 400), data=st.data())
def test_any_season_gives_finite_series(seed, n, season, rows, data):
    second = data.draw(st.sampled_from([None, 7 * season, 365]) | st.integers(2, 9000))
    batch = synthetic(np.random.default_rng(seed), n, season, rows, second)
    assert batch.shape == (n, rows)
    assert batch.dtype == np.float64
    assert np.isfinite(batch).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), season=SEASONS, rows=st.integers(1, priors.MOST_ROWS), kind=st.sampled_from(KINDS))
def test_each_kind_takes_any_season(seed, season, rows, kind):
    made = kind.make(ask(season, rows, seed=seed), 9)
    assert made.shape == (9, rows)
    assert np.isfinite(made).all()


@pytest.mark.parametrize(("season", "second"), [(1, None), (4, None), (12, None), (7, 365), (24, 168), (288, None)])
def test_the_seed_alone_decides(season, second):
    first, again, other = (synthetic(np.random.default_rng(seed), 60, season, 200, second) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.isclose(first, other).all(axis=1).any()


def test_no_two_series_of_a_batch_are_the_same():
    batch = synthetic(np.random.default_rng(0), 400, 12, 100)
    moving = batch[np.ptp(batch, axis=1) > 0]
    assert len(moving) > 380
    assert len(np.unique(moving, axis=0)) == len(moving)


def test_units_differ_by_many_orders_of_magnitude():
    sizes = np.log10(np.abs(synthetic(np.random.default_rng(0), 500, 12, 100)).mean(axis=1) + 1e-12)
    assert np.quantile(sizes, 0.9) - np.quantile(sizes, 0.1) > 6


def test_whole_numbers_keep_their_unit():
    counts = demand.counts(ask(), 50)
    assert np.array_equal(in_units(ask(), counts, whole=True), counts)


def test_rounding_leaves_the_shape_and_few_values():
    smooth = np.linspace(1, 2, 500) * np.ones((200, 1))
    made = in_units(ask(rows=500), smooth, whole=False)
    shape = made / made.mean(axis=1, keepdims=True) * 1.5
    assert np.abs(shape - smooth).max() < 0.04 * 1.5  # the coarsest unit is 4 % of the mean
    few = np.array([len(np.unique(row)) for row in made]) < 400
    assert 0.2 < few.mean() < 0.7


def test_every_kind_has_a_place_and_every_season_its_kinds():
    drawn = np.array([weights(ask(season)) for season in (1, 4, 12, 7, 24)])
    assert (drawn.sum(axis=1) > 0).all()
    assert (drawn.sum(axis=0) > 0).all()
    assert weights(ask(24, rows=priors.MOST_ROWS + 1))[[kind.make for kind in KINDS].index(priors.gaussian)] == 0


def test_a_kind_that_is_alone_in_the_table_makes_all_series(monkeypatch):
    monkeypatch.setattr(series, "KINDS", tuple(kind for kind in KINDS if kind.make is demand.intermittent))
    batch = synthetic(np.random.default_rng(0), 100, 12, 100)
    assert np.array_equal(batch, np.round(batch))
    assert (batch == 0).mean() > 0.5


def test_it_reads_no_file_and_starts_nothing():
    program = """
import sys
import numpy as np
from tools.pretrain.series import synthetic
seen = []
sys.addaudithook(lambda event, args: seen.append((event, args)) if event.split(".")[0] in
    {"open", "import", "os", "socket", "subprocess"} else None)
for season, second in ((1, None), (4, None), (12, None), (7, 365), (24, 168), (288, None)):
    synthetic(np.random.default_rng(0), 300, season, 100, second)
assert not seen, seen
open(__file__ if "__file__" in globals() else sys.executable, "rb").close()
assert seen  # the hook does see files
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def lag_correlation(rows, lag):
    rows = rows - rows.mean(axis=1, keepdims=True)
    return (rows[:, lag:] * rows[:, :-lag]).mean(axis=1) / rows.var(axis=1)


@pytest.mark.parametrize("season", [24, 48, 96])
def test_loads_repeat_after_a_day(season):
    loads = structural.loads(ask(season, 14 * season), 300)
    day, half = lag_correlation(loads, season), lag_correlation(loads, season // 2)
    assert np.mean(day > half + 0.1) > 0.85
    assert np.mean(lag_correlation(loads, 1) > 0.8) > 0.8  # smooth from row to row


def test_thriving_series_rise_and_repeat():
    made = np.log(structural.thriving(ask(12, 144), 400))
    yearly = made.reshape(400, 12, 12).mean(axis=2)
    assert np.mean(yearly[:, -1] > yearly[:, 0]) > 0.8
    inner = np.diff(made, axis=1)
    assert np.mean(lag_correlation(inner, 12) > lag_correlation(inner, 5)) > 0.8


@pytest.mark.parametrize("season", [1, 4, 12])
def test_growing_series_mostly_rise(season):
    made = structural.growing(ask(season, 80), 500)
    assert 0.72 < np.mean(made[:, -8:].mean(axis=1) > made[:, :8].mean(axis=1)) < 0.97
    time = np.arange(80.0)
    straight = np.array([np.corrcoef(time, row)[0, 1] ** 2 for row in made])
    assert np.median(straight) > 0.6


def test_multiplied_series_are_positive_and_above_zero_ones_too():
    assert (structural.multiplied(ask(), 300) > 0).all()
    assert (structural.above_zero(ask(), 300) > 0).all()
    assert (structural.any_sign(ask(), 300) < 0).any()


def test_counts_are_whole_numbers_of_any_size():
    made = demand.counts(ask(7, 140), 300)
    assert np.array_equal(made, np.round(made))
    assert (made >= 0).all()
    means = made.mean(axis=1)
    assert np.quantile(means, 0.1) < 2
    assert np.quantile(means, 0.9) > 30


def test_intermittent_demand_is_mostly_zero():
    made = demand.intermittent(ask(12, 200), 400)
    assert np.array_equal(made, np.round(made))
    assert (made >= 0).all()
    assert 0.6 < (made == 0).mean() < 0.95
    assert np.mean((made > 0).any(axis=1)) > 0.97


@pytest.mark.parametrize("season", [24, 96])
def test_nights_are_exactly_zero_at_the_same_hours(season):
    days = demand.nights(ask(season, 14 * season), 200).reshape(200, 14, season)
    open_days = (days > 0).any(axis=2)
    dark = ~(days > 0).any(axis=1)  # (200, season)
    same = (days == 0) == dark[:, None, :]
    assert same[open_days].all()
    assert np.mean(dark.any(axis=1)) > 0.8
    assert np.mean(~open_days.all(axis=1)) > 0.05  # some have closed days


def test_weekends_are_closed_on_the_same_days():
    made = demand.closed(ask(7, 140), 200).reshape(200, 20, 7)
    shut = made == 0
    assert (shut == shut[:, :1]).all()
    assert set(shut[:, 0].sum(axis=1)) == {1, 2}


def test_prices_have_no_memory_in_their_changes():
    changes = np.diff(np.log(sensors.prices(ask(1, 300), 300)), axis=1)
    assert np.quantile(np.abs(lag_correlation(changes, 1)), 0.7) < 0.15


def test_cycles_of_yearly_series_take_six_to_fourteen_rows_and_never_go_below_zero():
    made = sensors.cycles(ask(1, 256), 300)
    assert (made >= 0).all()
    power = np.abs(np.fft.rfft(made - made.mean(axis=1, keepdims=True), axis=1)) ** 2
    length = 256 / np.maximum(power.argmax(axis=1), 1)
    assert np.mean((length > 5) & (length < 18)) > 0.7


def test_tanks_fill_slowly_and_empty_at_once_or_the_reverse():
    moves = np.diff(sensors.tanks(ask(1, 300), 200), axis=1)
    up, down = moves.max(axis=1), -moves.min(axis=1)
    assert np.median(np.maximum(up, down) / np.minimum(up, down)) > 4
    assert 0.2 < np.mean(up > down) < 0.6


def test_machines_are_on_or_off():
    made = sensors.machines(ask(24, 480), 200)
    near = np.abs(made - 1) < 0.25
    assert 0.2 < near.mean() < 0.8
    assert np.mean((made == 0).any(axis=1)) > 0.3


def test_saturated_sensors_stay_at_their_limit():
    made = sensors.saturating(ask(24, 480), 200)
    assert np.mean((made == made.max(axis=1, keepdims=True)).sum(axis=1) > 3) > 0.5


def test_bursts_fade():
    made = sensors.bursts(ask(24, 480), 300)
    jumps = np.diff(made, axis=1)
    assert np.mean(jumps.max(axis=1) > -jumps.min(axis=1)) > 0.6


def test_steps_stand_still_between_changes():
    made = sensors.steps(ask(1, 200), 300)
    still = (np.diff(made, axis=1) == 0).mean(axis=1)
    assert 0.4 < np.mean(still > 0.7) < 0.8


def test_temperatures_swing_once_a_day():
    made = sensors.temperatures(ask(24, 480), 200)
    assert np.mean(lag_correlation(made, 24) > lag_correlation(made, 12)) > 0.8

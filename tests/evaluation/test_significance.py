"""Paired tests against R, scipy and slow twins, and what they must never do."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from gruforecast.evaluation import significance
from gruforecast.evaluation.significance import (
    MANY_SERIES,
    MIN_TIMES,
    Paired,
    Spread,
    block_bootstrap,
    compare,
    diebold_mariano,
    whole_path,
)
from gruforecast.serialization import encoded

# Errors of two forecasts of a random walk, to five digits: R/data/dm_e1.csv and dm_e2.csv of the repository
# sipemu/anofox-statistics-rs (MIT), made by its R/generate_refs.R with set.seed(123).
FIRST = """
-0.20527 -0.35862 1.68205 0.24428 0.60510 1.73758 0.85337 -0.43109 -0.49674 -0.90516 1.51176 0.05583 1.20971 0.13846
-0.81554 1.63634 0.44501 -1.64626 1.12621 0.03927 -1.12665 0.25576 -0.78073 -0.60085 -1.54697 -1.36072 0.72009 0.11439
-0.65721 1.28947 -0.29581 -0.52082 0.87451 1.08938 1.84820 0.12297 1.28424 -0.43189 -1.26051 0.34148 -1.04560 -0.07682
-0.47932 2.92629 2.00873 -0.85766 0.32799 -0.81061 -0.27009 0.56015 -0.14055 -0.41307 -0.20897 1.87279 -0.16604
1.65667 -1.83025 0.77083 -0.36463 0.40323 -0.14672 0.02227 0.29687 -2.63910 -0.86336 0.15441 0.12992 0.29489 0.66384
1.86560 -0.38334 -2.34182 1.02277 -1.77343 -0.31734 1.57357 -0.30367 -1.37596 -0.03696 0.09029 0.53743 -0.24631
-0.19583 1.07713 -0.10235 0.43037 0.54188 0.39281 -0.70296 1.39845 0.88628 0.71074 0.19144 -0.18022 2.01605 -1.59887
1.88698 2.15825 0.06988 -0.43368"""
SECOND = """
-3.85869 -2.19880 1.95643 -0.74428 0.75080 2.42944 1.64382 -0.37314 -3.16321 -0.36462 1.04521 -0.00572 -1.44794
0.88478 0.93292 -0.72663 1.15960 -0.88202 2.55577 1.45428 -0.20686 -1.14495 -2.69078 -1.79027 -0.07955 -1.77632
1.89468 1.22920 -2.46511 2.77720 -2.50648 -0.15959 0.57332 1.98593 1.68316 2.66416 0.82831 -0.69039 -0.79242 0.79183
0.48823 0.54538 -3.50949 3.87491 1.47654 -3.97665 -0.25142 1.57311 1.77712 -0.81156 0.81672 0.81427 0.47301 1.23286
-2.62353 1.64932 -3.16995 -0.36152 0.29431 2.51529 1.16132 0.23248 -0.40394 -2.96887 -4.51141 -2.01784 0.64794 2.68780
1.50544 1.91627 -1.75855 -3.75296 -0.02073 1.38371 -1.96247 1.69541 -0.54698 -1.33254 -0.46095 -0.17590 2.50698
-0.71946 -0.94970 1.04285 -0.39770 0.13072 0.76531 -2.02609 0.00264 0.89671 -0.75907 -1.03287 -1.47916 0.23830
-1.64307 -0.70031 -0.61294 3.55896 -0.26718 -2.90129"""


def errors() -> tuple[np.ndarray, np.ndarray]:
    return np.array(FIRST.split(), float), np.array(SECOND.split(), float)


def pair(n_series: int, n_times: int, gain: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    losses = np.abs(random.normal(size=(n_series, n_times)))
    return losses, losses + gain + 0.2 * random.normal(size=losses.shape)


def expect_same(found: Paired, expected: Paired) -> None:
    assert (found.method, found.verdict) == (expected.method, expected.verdict)
    for name in ("difference", "relative", "low", "high", "p"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-6)


def statistic_and_p(differences, lead: int) -> tuple[float, float]:
    spread, mean = diebold_mariano(differences, lead), float(differences.mean())
    return mean / spread.error, spread.p(mean)


@pytest.mark.parametrize(
    ("power", "lead", "statistic", "p"),
    [  # R/data/diebold_mariano.csv of the same repository: forecast::dm.test(e1, e2, h = lead, power = power)
        (2, 1, -5.19425848151562, 1.10163618973918e-06),
        (1, 1, -5.68608096176618, 1.3175500842911e-07),
        (2, 3, -5.47560424036964, 3.30643651414324e-07),
    ],
)
def test_diebold_mariano_equals_that_of_r(power: int, lead: int, statistic: float, p: float) -> None:
    first, second = errors()
    found = statistic_and_p(np.abs(first) ** power - np.abs(second) ** power, lead)
    assert found[0] == pytest.approx(statistic, rel=1e-5)
    assert found[1] == pytest.approx(p, rel=1e-4)


def test_diebold_mariano_equals_published_short_examples() -> None:
    # tests/dieboldmarianotest.py of edoannunziata/dieboldmariano: squared errors of 0..5 and 0, 2, 3, 3, 5, 6
    first, second = np.arange(6.0), np.array([0.0, 2, 3, 3, 5, 6])
    statistic, p = statistic_and_p(first**2 - second**2, 1)
    assert (round(statistic, 4), round(p, 5)) == (-2.4905, 0.05513)


@pytest.mark.parametrize(("n", "lead"), [(6, 1), (12, 3), (12, 6), (48, 5)])
def test_diebold_mariano_equals_a_slow_twin(n: int, lead: int) -> None:
    d = np.random.default_rng(n + lead).normal(0.3, 1, n)
    d[1:] += 0.5 * d[:-1]
    mean, total = sum(d) / n, 0.0
    for lag in range(-lead + 1, lead):
        total += sum((d[t] - mean) * (d[t - abs(lag)] - mean) for t in range(abs(lag), n)) / n
    factor = np.sqrt((n + 1 - 2 * lead + lead * (lead - 1) / n) / n)  # Harvey, Leybourne and Newbold (1997), eq. 9
    expected = factor * mean / np.sqrt(total / n)
    statistic, p = statistic_and_p(d, lead)
    assert statistic == pytest.approx(expected, rel=1e-10)
    assert p == pytest.approx(2 * stats.t.sf(abs(expected), n - 1), rel=1e-9)


def test_lead_one_is_the_paired_t_test() -> None:
    d = np.random.default_rng(1).normal(0.3, 1, 14)
    assert statistic_and_p(d, 1) == pytest.approx(tuple(stats.ttest_1samp(d, 0)), rel=1e-9)


def test_a_variance_that_is_not_positive_is_that_of_lead_one() -> None:
    d = np.tile([1.0, -0.5], 6)
    assert statistic_and_p(d, 2) == statistic_and_p(d, 1)


@pytest.mark.parametrize("lead", [0, 6, 7])
def test_an_impossible_lead_is_refused(lead: int) -> None:
    with pytest.raises(ValueError, match="found lead"):
        diebold_mariano(np.arange(6.0), lead)


@pytest.mark.parametrize("df", [1, 1.7, 2, 5, 11, 47, 400])
def test_tails_and_quantiles_equal_those_of_scipy(df: float) -> None:
    spread = Spread.student(2.0, df)
    for statistic in (0.01, 0.5, 2, 6, 30):
        assert spread.beyond(statistic) == pytest.approx(2 * stats.t.sf(statistic, df), rel=1e-5)
    assert spread.half_width() == pytest.approx(2 * stats.t.ppf(0.975, df), rel=1e-6)


def test_unequal_loads_give_the_published_value_for_power_two() -> None:
    # Kiefer and Vogelsang (2002): with Bartlett's kernel over all lags the 97.5 % quantile is 4.771
    loads = 2 / (np.pi * np.arange(1, 3000)) ** 2
    assert Spread(1.0, loads, np.ones(2999)).beyond(4.771) == pytest.approx(0.05, abs=2e-4)


@pytest.mark.parametrize("n", [4, 12, 101, 130])
def test_whole_path_equals_a_slow_twin(n: int) -> None:
    d = np.random.default_rng(n).normal(size=n).cumsum()
    waves = range(1, min(n - 1, 100) + 1)
    shares = {k: k**-2.5 / sum(j**-2.5 for j in waves) for k in waves}
    variance = 0.0
    for k in waves:
        wave = np.sqrt(2 / n) * sum(d[t] * np.cos(np.pi * k * (t + 0.5) / n) for t in range(n))
        variance += shares[k] * wave**2
    spread = whole_path(d)
    assert spread.error == pytest.approx(np.sqrt(variance / n), rel=1e-9)
    assert spread.loads == pytest.approx(list(shares.values()))


@pytest.mark.parametrize("n", [4, 12])
def test_whole_path_is_exact_for_independent_normal_differences(n: int) -> None:
    random = np.random.default_rng(n)
    draws = random.normal(size=(2000, n))
    assert np.mean([whole_path(d).p(d.mean()) < 0.05 for d in draws]) == pytest.approx(0.05, abs=0.015)


def test_a_drift_that_suits_a_random_walk_is_luck() -> None:
    random, called, at_lead_one = np.random.default_rng(3), 0, 0
    step = np.arange(1, 13)
    for _ in range(400):
        walk = random.normal(size=112).cumsum()
        rest, slope = walk[100:] - walk[99], (walk[99] - walk[0]) / 99
        d = np.abs(rest) - np.abs(rest - slope * step)
        called += d.mean() > 0 and whole_path(d).p(d.mean()) < 0.05
        at_lead_one += d.mean() > 0 and statistic_and_p(d, 1)[1] < 0.05
    assert called < 12
    assert at_lead_one > 80  # what the test is there for


def slow_bootstrap(d: np.ndarray, block: int, draws: int) -> tuple[float, float]:
    d = d[np.argsort(np.nanmean(d, axis=1), kind="stable")]
    n_series, n_times = d.shape
    random = np.random.default_rng(0)
    first = random.integers(0, n_times, (draws, -(-n_times // block), 1))
    rows = random.integers(0, n_series, (draws, n_series))
    both, time = [], []
    for draw in range(draws):
        drawn = [(start + k) % n_times for start in first[draw, :, 0] for k in range(block)][:n_times]
        means = [np.nanmean(series[drawn]) if np.isfinite(series[drawn]).any() else np.nan for series in d]
        both.append(np.nanmean([means[row] for row in rows[draw]]))
        time.append(np.nanmean(means))
    ratio = n_times / block
    series = np.nanmean(d, axis=1).var() / n_series
    enlarged_series, enlarged_time = series * n_series / (n_series - 1), np.var(time) * ratio / (ratio - 1)
    factor = (enlarged_series + enlarged_time) / (series + np.var(time))
    df = (enlarged_series + enlarged_time) ** 2 / (enlarged_series**2 / (n_series - 1) + enlarged_time**2 / (ratio - 1))
    return np.sqrt(np.var(both) * factor), df


@pytest.mark.parametrize("holes", [False, True])
def test_the_bootstrap_equals_a_slow_twin(holes: bool) -> None:
    losses, others = pair(6, 10, 0.1)
    d = others - losses
    if holes:
        d[0, 2:] = np.nan
        d[3, 5] = np.nan
    error, df = slow_bootstrap(d, 3, 300)
    spread = block_bootstrap(d, 3, draws=300)
    assert spread.error == pytest.approx(error, rel=1e-9)
    assert spread.counts[0] == pytest.approx(df, rel=1e-9)


def test_the_bootstrap_repeats_and_ignores_the_order_of_series() -> None:
    losses, others = pair(40, 12, 0.05)
    shuffled = np.random.default_rng(0).permutation(40)
    found = compare(losses, others)
    assert found == compare(losses, others)
    assert found.p == compare(losses[shuffled], others[shuffled]).p
    assert found.method == "bootstrap"


def test_the_method_is_the_test_that_gave_the_p() -> None:
    """On one path the less certain of two tests counts: where all series err together, that is not the bootstrap."""
    rng = np.random.default_rng(0)
    shared = np.abs(rng.normal(size=12)).cumsum() + np.abs(0.01 * rng.normal(size=(40, 12)))
    apart = np.abs(rng.normal(1, 1, size=(40, 12)))
    for others, losses in ((shared, np.full((40, 12), 2.0)), (apart, np.full((40, 12), 0.7))):
        found = compare(losses, others)
        drawn = block_bootstrap(others - losses, 3).p(float((others - losses).mean()))
        assert found.p is not None
        assert (found.method == "bootstrap") == (found.p == pytest.approx(drawn))
    methods = {compare(np.full((40, 12), level), one).method for level in (0.7, 2.0) for one in (shared, apart)}
    assert methods == {"bootstrap", "Diebold-Mariano"}


def test_the_bootstrap_in_small_parts_tells_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    losses, others = pair(40, 12, 0.05)
    whole = block_bootstrap(others - losses, 3, draws=3000)
    monkeypatch.setattr(significance, "BLOCK_NUMBERS", 999)
    assert block_bootstrap(others - losses, 3, draws=3000).error == pytest.approx(whole.error, rel=0.1)


def test_intervals_hold_where_series_share_shocks() -> None:
    random, inside = np.random.default_rng(4), 0
    for _ in range(100):
        d = random.normal(size=(1, 18)) + random.normal(size=(50, 18))
        found = compare(np.zeros(d.shape), d)
        inside += found.low < 0 < found.high
    assert inside >= 90  # draws of series alone would hold in about 20


@pytest.mark.parametrize(
    ("n_series", "n_times", "windows"), [(1, 12, 1), (5, 12, 1), (5, 20, 5), (40, 12, 1), (40, 20, 5)]
)
def test_swapped_models_swap_the_answer_and_units_do_not_matter(n_series: int, n_times: int, windows: int) -> None:
    losses, others = pair(n_series, n_times, 0.1)
    found, back, large = (
        compare(losses, others, windows),
        compare(others, losses, windows),
        compare(1e6 * losses, 1e6 * others, windows),
    )
    assert found.verdict == "better" or n_series == 1
    assert back.verdict == "not better"
    assert back.difference == pytest.approx(-found.difference)
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low), rel=0.05)
    assert back.p == pytest.approx(found.p, rel=0.5 if n_series >= MANY_SERIES else 1e-9)
    assert (large.p, large.relative) == pytest.approx((found.p, found.relative))
    assert large.low == pytest.approx(1e6 * found.low)


def test_windows_are_compared_by_their_means() -> None:
    losses, others = pair(3, 30, 0.1)
    expected = stats.ttest_1samp((others - losses).mean(axis=0).reshape(5, 6).mean(axis=1), 0)
    found = compare(losses, others, windows=5)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval()), rel=1e-6)
    few = compare(losses, others, windows=3)
    assert few == compare(losses, others)


def test_a_series_alone_is_compared_along_its_path() -> None:
    losses, others = pair(1, 12, 0.1)
    d = (others - losses)[0]
    found = compare(losses, others)
    assert found.method == "Diebold-Mariano"
    assert found.p == whole_path(d).p(d.mean())
    assert found.relative == pytest.approx(d.mean() / others.mean())


@pytest.mark.parametrize("n_series", [4, 40])
def test_pairs_with_a_missing_loss_are_left_out(n_series: int) -> None:
    losses, others = pair(n_series, 12, 0.1)
    losses[0, 3], others[1, 7:], others[2] = np.nan, np.nan, np.nan
    losses[:, 5] = np.nan
    d = others - losses
    found = compare(losses, others)
    means = [np.nanmean(row) for row in d if np.isfinite(row).any()]
    assert found.difference == pytest.approx(np.mean(means))
    known = np.where(np.isnan(d), np.nan, others)
    assert found.relative == pytest.approx(np.mean(means) / np.nanmean(np.nanmean(np.delete(known, 2, 0), axis=1)))
    assert found.verdict == "better"
    rest = [k for k in range(12) if k != 5]
    expect_same(found, compare(np.delete(losses, 2, 0)[:, rest], np.delete(others, 2, 0)[:, rest]))


def test_windows_without_any_pair_do_not_count() -> None:
    losses, others = pair(3, 30, 0.1)
    losses[:, 6:12] = np.nan
    rest = np.r_[0:6, 12:30]
    expect_same(compare(losses, others, windows=5), compare(losses[:, rest], others[:, rest], windows=4))
    losses[:, 12:18] = np.nan
    rest = np.r_[0:6, 18:30]
    expect_same(compare(losses, others, windows=5), compare(losses[:, rest], others[:, rest]))


@pytest.mark.parametrize("n_series", [1, 40])
def test_no_difference_is_no_win_and_a_constant_one_is_certain(n_series: int) -> None:
    losses = np.ones((n_series, 12))
    same = compare(losses, losses)
    assert (same.difference, same.low, same.high, same.p, same.verdict) == (0, 0, 0, 1, "not better")
    always = compare(losses, losses + 1)
    assert (always.difference, always.low, always.high, always.p, always.verdict) == (1, 1, 1, 0, "better")
    assert [diebold_mariano(size * np.ones(6), 2).p(size) for size in (0.0, -1.0)] == [1, 0]


def test_the_three_verdicts() -> None:
    losses, others = pair(1, 24, 0.4)
    assert compare(losses, others).verdict == "better"
    assert compare(others, losses).verdict == "not better"
    noise = np.random.default_rng(5).normal(0.05, 1, (1, 24))
    unclear = compare(np.zeros((1, 24)), noise - noise.mean() + 0.05)
    assert unclear.verdict == "cannot tell"
    assert unclear.p > 0.05
    assert unclear.low < 0 < unclear.high


@pytest.mark.parametrize("n_series", [1, 40])
def test_too_few_times_say_nothing(n_series: int) -> None:
    losses, others = pair(n_series, MIN_TIMES - 1, 0.4)
    better, worse = compare(losses, others), compare(others, losses)
    assert (better.verdict, better.p, better.low, better.method) == ("cannot tell", None, None, None)
    assert (worse.verdict, worse.p) == ("not better", None)
    assert better.difference == pytest.approx(-worse.difference)


def test_nothing_to_compare_is_said_in_plain_json() -> None:
    found = compare(np.full((2, 12), np.nan), np.ones((2, 12)))
    assert found == Paired(None, None, None, None, None, None, "cannot tell")
    assert json.loads(encoded(compare(*pair(40, 12, 0.1))))["verdict"] == "better"
    assert compare(np.zeros((1, 4)), np.zeros((1, 4))).relative is None


@pytest.mark.parametrize(("shape", "windows"), [((2, 11), 1), ((2, 12), 5)])
def test_losses_that_are_no_pairs_are_refused(shape: tuple[int, int], windows: int) -> None:
    with pytest.raises(ValueError, match="expected two equal shapes"):
        compare(np.zeros((2, 12)), np.zeros(shape), windows)


def test_scipy_is_not_loaded() -> None:
    light = (
        "import sys, gruforecast.evaluation.significance as _; assert not {'scipy', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", light], check=True)


def test_a_shock_that_all_series_share_is_no_win() -> None:
    """A path of one common random walk: the bootstrap alone would call every fifth such panel better."""
    wins = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        paths = 0.9 * rng.normal(size=12).cumsum() + 0.44 * rng.normal(size=(60, 12)).cumsum(axis=1)
        naive, drift = np.abs(paths), np.abs(paths - 0.2 * np.arange(1, 13))
        wins += compare(drift, naive).verdict == "better"
    assert wins <= 4


@pytest.mark.parametrize("n_series", [1, MANY_SERIES - 1, MANY_SERIES])
def test_exactly_four_times_are_enough(n_series: int) -> None:
    assert MIN_TIMES == 4  # as the documents say
    losses, others = pair(n_series, 4, 0.4)
    found = compare(losses, others)
    assert found.p is not None
    assert found.low is not None
    assert found.low < found.difference < found.high
    assert found.difference - found.low == pytest.approx(found.high - found.difference)
    losses[:, 2] = np.nan  # three are left
    assert compare(losses, others).p is None


def test_exactly_four_windows_are_compared_by_their_means() -> None:
    losses, others = pair(3, 20, 0.1)
    expected = stats.ttest_1samp((others - losses).mean(axis=0).reshape(4, 5).mean(axis=1), 0)
    assert compare(losses, others, windows=4).p == pytest.approx(expected.pvalue, rel=1e-9)


@pytest.mark.parametrize(("n_series", "method"), [(MANY_SERIES - 1, "Diebold-Mariano"), (MANY_SERIES, "bootstrap")])
def test_thirty_series_are_drawn_anew(n_series: int, method: str) -> None:
    losses, others = pair(n_series, 20, 0.1)
    assert compare(losses, others, windows=5).method == method  # with windows the bootstrap stands alone
    expected = block_bootstrap(others - losses, 4).error if n_series == MANY_SERIES else None
    found = compare(losses, others, windows=5)
    spread = block_bootstrap(others - losses, 4)
    assert (found.high - found.difference == pytest.approx(spread.half_width())) == (expected is not None)


@pytest.mark.parametrize(("n_times", "block"), [(4, 2), (5, 2), (6, 3), (8, 3), (12, 3), (13, 4), (48, 12)])
def test_a_block_of_a_path_is_a_quarter_of_it_and_three_times_at_least(n_times: int, block: int) -> None:
    losses, others = pair(40, n_times, 0.1)
    others += np.arange(40)[:, None] - 19.5  # series far apart: the bootstrap is the less certain of both
    drawn = block_bootstrap(others - losses, block)
    found = compare(losses, others)
    assert found.method == "bootstrap"
    assert found.p == pytest.approx(drawn.p(found.difference), rel=1e-12)


def test_a_p_at_the_bound_is_no_better_than_luck() -> None:
    """The verdict and the interval say the same: zero lies outside where p is below 0.05, and nowhere else."""
    for shift in np.linspace(0.0, 1.0, 21):
        noise = np.random.default_rng(8).normal(0, 1, (1, 16))
        found = compare(np.zeros((1, 16)), noise - noise.mean() + shift)
        assert (found.verdict == "better") == (found.low > 0) == (found.p < 0.05 and shift > 0), shift
        assert (found.verdict == "not better") == (shift <= 1e-12)


def test_series_of_unequal_length_count_equally_along_the_path() -> None:
    losses = np.zeros((3, 6))
    others = np.array(
        [[1.0, 2, 3, 4, 5, 6], [10.0, np.nan, np.nan, np.nan, np.nan, np.nan], [2.0, 2, 2, 2, np.nan, np.nan]]
    )
    found = compare(losses, others)
    means = [3.5, 10.0, 2.0]
    assert found.difference == pytest.approx(np.mean(means))
    assert found.relative == pytest.approx(1.0)
    total = np.mean(means)
    counts = np.isfinite(others).sum(axis=1)
    added = [
        sum((others[k, t] - means[k]) / counts[k] for k in range(3) if np.isfinite(others[k, t])) / 3 for t in range(6)
    ]
    expected = whole_path(total + 6 * np.array(added))
    assert found.p == pytest.approx(expected.p(total), rel=1e-9)
    assert found.high - total == pytest.approx(expected.half_width(), rel=1e-9)


def test_refusals_say_what_was_found() -> None:
    with pytest.raises(
        ValueError, match=r"found losses \(2, 12\) and \(2, 12\) in 5 windows; expected two equal shapes "
    ):
        compare(np.zeros((2, 12)), np.zeros((2, 12)), 5)
    with pytest.raises(ValueError, match="found lead 6 with 6 differences; expected 1 to 5"):
        diebold_mariano(np.arange(6.0), 6)
    assert np.isfinite(statistic_and_p(np.arange(6.0) ** 2 % 7, 5)).all()
    with pytest.raises(ValueError, match="expected two equal shapes"):
        compare(np.zeros(12), np.zeros(12))


def test_a_relative_difference_needs_a_loss_above_zero() -> None:
    assert compare(np.ones((1, 4)), np.zeros((1, 4))).relative is None
    assert compare(np.ones((1, 4)), np.array([[0.0, 0.0, 0.0, 2.0]])).relative == pytest.approx(-1.0)

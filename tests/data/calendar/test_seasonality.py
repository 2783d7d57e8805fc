"""The season is tested on the data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import f, kstest
from statsmodels.regression.linear_model import OLS

from gruforecast.data.calendar.frequency import DAY, Frequency
from gruforecast.data.calendar.seasonality import (
    autocorrelation,
    find_seasons,
    season_chance,
    season_strength,
    strength,
    usual_seasons,
)

HOURLY, DAILY, MONTHLY, QUARTERLY = Frequency("s", 3600), Frequency("s", DAY), Frequency("M", 1), Frequency("M", 3)
AIR = [
    112,
    118,
    132,
    129,
    121,
    135,
    148,
    148,
    136,
    119,
    104,
    118,
    115,
    126,
    141,
    135,
    125,
    149,
    170,
    170,
    158,
    133,
    114,
    140,
]  # thousands of air passengers, 1949 and 1950
BEER = [284, 213, 227, 308, 262, 228, 236, 320, 272, 233, 237, 313]  # Australian beer by quarter, 1956 to 1958


def find(y, freq: Frequency, indptr=None) -> list[int]:
    return find_seasons(np.asarray(y, float), np.array(indptr if indptr is not None else [0, len(y)]), freq)


def detect(y, freq: Frequency, indptr=None) -> int:
    return find(y, freq, indptr)[0]


def wave(length: int, rows: int, noise: float = 0.3):
    generator = np.random.default_rng(length)
    return 10 + np.sin(2 * np.pi * np.arange(rows) / length) + noise * generator.normal(size=rows)


@pytest.mark.parametrize(("length", "rows", "freq"), [(24, 24 * 14, HOURLY), (7, 120, DAILY), (12, 100, MONTHLY)])
def test_a_usual_season_is_found(length: int, rows: int, freq: Frequency) -> None:
    assert detect(wave(length, rows), freq) == length


def test_an_unusual_season_is_found() -> None:
    shape = np.random.default_rng(3).normal(size=10)
    y = np.tile(shape, 30) + 0.2 * np.random.default_rng(4).normal(size=300)
    assert detect(y, DAILY) == 10


def test_noise_has_no_season_more_often_than_chance() -> None:
    generator = np.random.default_rng(0)
    found = [detect(np.cumsum(generator.normal(size=200)), DAILY) for _ in range(200)]
    assert np.mean([length != 1 for length in found]) < 0.05


def test_a_quarter_of_the_series_is_enough_for_a_panel() -> None:
    generator = np.random.default_rng(1)
    seasonal = [wave(12, 96, 0.1) for _ in range(3)]
    others = [10 + np.cumsum(generator.normal(size=96)) for _ in range(6)]
    series = seasonal + others
    assert detect(np.concatenate(series), MONTHLY, np.arange(10) * 96) == 12
    assert detect(np.concatenate(others), MONTHLY, np.arange(7) * 96) == 1


def test_missing_values_and_short_or_constant_series_do_no_harm() -> None:
    y = wave(12, 96, 0.1)
    y[[4, 40, 41]] = np.nan
    assert detect(y, MONTHLY) == 12
    assert detect([1.0, 2.0], MONTHLY) == 1
    assert detect(np.full(100, 5.0), MONTHLY) == 1


def test_autocorrelation_equals_the_sum_of_products() -> None:
    x = np.random.default_rng(5).normal(size=50)
    c = x - x.mean()
    slow = [(c[lag:] * c[: 50 - lag]).sum() / (c * c).sum() for lag in range(8)]
    np.testing.assert_allclose(autocorrelation(x, 7), slow, atol=1e-12)


def test_usual_seasons() -> None:
    assert usual_seasons(Frequency("s", 1800)) == [48, 336]
    assert usual_seasons(Frequency("s", DAY // 2)) == [2, 14]
    assert usual_seasons(DAILY) == [7]
    assert usual_seasons(Frequency("s", 7 * DAY)) == [52]
    assert usual_seasons(Frequency("s", 5 * 3600)) == usual_seasons(Frequency("s", 2 * DAY)) == []
    assert usual_seasons(Frequency("B", 1)) == [5]
    assert usual_seasons(MONTHLY) == [12]
    assert usual_seasons(Frequency("M", 3)) == [4]
    assert usual_seasons(Frequency("M", 12)) == usual_seasons(Frequency("M", 24)) == []


def repeated(length: int, rows: int = 300):
    shape = np.random.default_rng(length).normal(size=length)
    return np.resize(shape, rows) + 0.2 * np.random.default_rng(rows).normal(size=rows)


def test_the_most_frequent_unusual_season_wins() -> None:
    series = [repeated(9), repeated(10), repeated(10), repeated(10, 299), repeated(9, 298)]
    indptr = np.r_[0, np.cumsum([len(one) for one in series])]
    assert detect(np.concatenate(series), DAILY, indptr) == 10
    halves = [repeated(11), repeated(9), repeated(9), repeated(11)]
    assert detect(np.concatenate(halves), DAILY, np.arange(5) * 300) == 9  # equally often: the shorter one


def test_an_unusual_season_takes_half_of_the_series() -> None:
    generator = np.random.default_rng(6)
    walks = [np.cumsum(generator.normal(size=300)) for _ in range(3)]
    assert detect(np.concatenate([repeated(10), repeated(10), *walks[:2]]), DAILY, np.arange(5) * 300) == 10
    assert detect(np.concatenate([repeated(10), repeated(10), *walks]), DAILY, np.arange(6) * 300) == 1


@pytest.mark.parametrize(("rows", "found"), [(24, 12), (25, 1)])
def test_series_of_two_periods_or_less_have_no_vote_beside_longer_ones(rows: int, found: int) -> None:
    walks = [np.cumsum(np.random.default_rng(k).normal(size=rows)) for k in range(4)]
    panel = np.concatenate([*walks, wave(12, 120, 0.1), wave(12, 120, 0.1)])
    shorter = np.concatenate([*walks, wave(12, 120, 0.1)])
    assert detect(panel, MONTHLY, np.r_[np.arange(5) * rows, len(shorter), len(panel)]) == 12
    assert detect(shorter, MONTHLY, np.r_[np.arange(5) * rows, len(shorter)]) == found


def test_one_of_a_few_series_must_be_surer_than_one_alone() -> None:
    walks = [np.cumsum(np.random.default_rng(k).normal(size=96)) for k in range(2)]
    weak, strong = wave(12, 96, 1.8), wave(12, 96, 0.3)  # the chance of the weak one is half of what is allowed
    assert detect(weak, MONTHLY) == 12
    assert detect(np.concatenate([*walks, weak]), MONTHLY, np.arange(4) * 96) == 1
    assert detect(np.concatenate([*walks, strong]), MONTHLY, np.arange(4) * 96) == 12
    assert detect(np.concatenate([*walks, weak, weak]), MONTHLY, np.arange(5) * 96) == 12


@pytest.mark.parametrize("rows", [18, 20, 24])
def test_the_season_of_two_years_is_found(rows: int) -> None:
    assert find(AIR[:rows], MONTHLY) == [12]
    assert find(BEER, QUARTERLY) == [4]


def test_five_pairs_are_too_few_from_one_row_less_on() -> None:
    assert find(AIR[:17], MONTHLY) == [1]


def noise(kind: str, rows: int, generator: np.random.Generator):
    e = generator.normal(size=rows + 50)
    if kind == "white":
        return e[50:]
    if kind == "walk":
        return np.cumsum(e)[50:]
    if kind == "bend":  # half a wave, and a walk around it
        return 30 * np.sin(np.pi * np.arange(rows) / rows * generator.uniform(0.5, 2)) + np.cumsum(e)[50:]
    return lfilter([1.0], [1.0, -float(kind)], e)[50:]


@pytest.mark.parametrize("kind", ["white", "walk", "0.9", "-0.6", "bend"])
@pytest.mark.parametrize(("freq", "horizon"), [(MONTHLY, 12), (QUARTERLY, 8)])
def test_short_series_without_a_season_get_one_rarely(kind: str, freq: Frequency, horizon: int) -> None:
    """Of 200 series of 20 to 60 rows, less the test set; the correlation of differences alone gives up to 70 %."""
    generator = np.random.default_rng(11)
    rows = generator.integers(20, 61, size=200) - horizon
    false = sum(find(noise(kind, int(n), generator), freq) != [1] for n in rows)
    assert false <= 14


def test_the_chance_of_noise_is_uniform() -> None:
    generator = np.random.default_rng(12)
    chances = [season_chance(noise("0.5", 60, generator), 7) for _ in range(500)]
    assert kstest(chances, "uniform").pvalue > 0.01


@pytest.mark.parametrize("rows", [30, 41, 97])
@pytest.mark.parametrize("shorter", [(), (3,), (6,)])
def test_the_chance_is_that_of_an_f_test_between_two_regressions(rows: int, shorter: tuple[int, ...]) -> None:
    """Of statsmodels: line and row before, with and without a dummy for each phase."""
    generator = np.random.default_rng(rows)
    y = np.cumsum(generator.normal(size=rows)) + np.resize(generator.normal(size=12), rows)
    clean = y
    for known in shorter:
        whole = clean - clean.mean()
        clean = (
            whole
            - np.array([whole[np.arange(rows) % known == k].mean() for k in range(known)])[np.arange(rows) % known]
        )
    dummies = np.eye(12)[(np.arange(1, rows)) % 12]
    small = np.column_stack([np.ones(rows - 1), np.arange(rows - 1), clean[:-1]])
    large = np.column_stack([small[:, 1:], dummies])
    without, within = OLS(clean[1:], small).fit(), OLS(clean[1:], large).fit()
    lost = sum(known - 1 for known in shorter)  # directions of the dummies that nothing is left in
    free, phases = within.df_resid, 11 - lost
    expected = f.sf((without.ssr - within.ssr) / phases / (within.ssr / free), phases, free)
    assert season_chance(y, 12, shorter) == pytest.approx(expected, rel=1e-6)


def test_an_exact_pattern_has_a_season_of_any_size_and_a_line_or_constant_none() -> None:
    profile = np.array([10.0, 12, 15, 14, 20, 35, 30])
    for level in (0.0, 1e15, -40.0):
        assert find(level + np.resize(profile, 60), DAILY) == [7]
    for still in (0.1 * np.arange(60), 3 - 1e-3 * np.arange(60), np.full(60, 0.1)):
        assert find(still, DAILY) == find(still, MONTHLY) == [1]


def test_two_seasons_are_found_and_a_week_that_only_repeats_the_day_is_none() -> None:
    generator = np.random.default_rng(13)
    t = np.arange(24 * 7 * 6)
    day = 50 + 5 * np.sin(2 * np.pi * t / 24) + generator.normal(size=len(t))
    assert find(day, HOURLY) == [24]
    assert find(day + 3 * ((t // 24) % 7 >= 5), HOURLY) == [24, 168]


def test_the_year_of_daily_rows_is_never_the_main_season() -> None:
    generator = np.random.default_rng(14)
    t = np.arange(3 * 365)
    year = 10 * np.sin(2 * np.pi * t / 365) + noise("0.7", len(t), generator)
    assert find(year, DAILY) == [1, 365]
    assert find(year + 4 * (t % 7 >= 5), DAILY) == [7, 365]
    assert find((year + 4 * (t % 7 >= 5))[:730], DAILY) == [7]  # two years are too few


def strengths(y, lengths: list[int], indptr=None) -> list[float | None]:
    y = np.asarray(y, float)
    bounds = np.array(indptr if indptr is not None else [0, len(y)])
    return [season_strength(y, bounds, length) for length in lengths]


def test_the_strength_of_a_strong_a_weak_and_no_season() -> None:
    t = np.arange(24 * 7 * 6)
    y = 50 + np.sin(2 * np.pi * t / 24) + 5 * ((t // 24) % 7 >= 5) + 0.3 * np.random.default_rng(7).normal(size=len(t))
    weak, strong = strengths(y, [24, 168])
    assert weak is not None
    assert strong is not None
    assert 0 < weak < 0.5
    assert strong > 0.9


@pytest.mark.parametrize("rows", [36, 48])
def test_noise_has_no_strength_however_few_its_seasons(rows: int) -> None:
    """Without degrees of freedom the median would be 0.5 on three years, and 0.3 on four."""
    generator = np.random.default_rng(9)
    found = [strength(generator.normal(size=rows), 12) for _ in range(300)]
    assert np.median(found) < 0.1


def test_less_than_three_seasons_have_no_strength() -> None:
    assert strengths(AIR, [12]) == [None]
    assert strengths([*AIR, *AIR[:12]], [12]) != [None]


def test_the_strength_of_a_panel_is_the_median_of_its_series() -> None:
    one, other = wave(12, 120, 0.05), wave(12, 96, 0.5)
    panel = np.concatenate([other, one, one])
    found, single, weaker = strengths(panel, [12], [0, 96, 216, 336])[0], *strengths(one, [12]), *strengths(other, [12])
    assert found == single
    assert single is not None
    assert weaker is not None
    assert single > weaker


@pytest.mark.parametrize("length", [4, 5])
def test_strength_is_that_of_the_classical_decomposition(length: int) -> None:
    generator = np.random.default_rng(8)
    y = 0.1 * np.arange(41) + np.resize(generator.normal(size=length), 41) + 0.4 * generator.normal(size=41)
    half = length // 2
    ends = 0.5 if length % 2 == 0 else 1.0
    around = []
    for k in range(half, 41 - half):
        near = y[k - half : k + half + 1].copy()
        near[[0, -1]] *= ends
        around.append(y[k] - near.sum() / length)
    rest = [one - np.mean(around[k % length :: length]) for k, one in enumerate(around)]
    unbiased = np.sum(np.square(rest)) / (len(rest) - length) / np.var(around, ddof=1)
    assert strength(y, length) == pytest.approx(1 - unbiased, rel=1e-9)


def test_a_pure_season_has_all_the_strength_and_a_line_none() -> None:
    assert strength(np.tile([1.0, 5.0, 2.0, 8.0], 6), 4) == pytest.approx(1, abs=1e-12)
    assert strength(np.arange(32.0), 4) == 0.0

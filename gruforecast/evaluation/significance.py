"""Whether a lower loss is more than luck: paired tests of two forecasters on the same rows.

Losses are (n_series, n_times) scaled absolute errors, so that means are MASE. Times are the steps of one test set, or
the steps of several windows in order. A pair with a NaN in it is left out. Every series counts equally: the loss of a
model is the mean over series of the mean over the times of each. Differences are other minus model: positive is better.

No scipy: one integral gives the tails of Student's t and of its kin with unequal loads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from gruforecast.arrays import Bools, Floats, Ints
from gruforecast.serialization import Record

Method = Literal["Diebold-Mariano", "bootstrap"]
Verdict = Literal["better", "not better", "cannot tell"]

ALPHA = 0.05  # two-sided; the intervals are of 95 %
MIN_TIMES = 4  # times, or windows, that are needed to know how far their mean may be off
MANY_SERIES = 30  # from which on they are drawn anew, too
DECLINE = 2.5  # power by which slower waves count more, see `whole_path`
WAVES = 100
DRAWS = 1000
BLOCK_NUMBERS = 1_000_000


class Paired(Record, frozen=True):
    """How a model compares with another on the same rows.

    Attributes:
        method: the test that gave interval and p; None where there was too little to test.
        difference: mean loss of the other minus that of the model, in MASE; None where no pair was seen.
        relative: the difference as a share of the other's mean loss.
        low: lower end of the 95 % confidence interval of the difference.
        high: upper end of it.
        p: two-sided chance of such a difference if both were equally good.
        verdict: "better" is a lower loss with p below 0.05, "cannot tell" a lower loss that may be luck.
    """

    method: Method | None
    difference: float | None
    relative: float | None
    low: float | None
    high: float | None
    p: float | None
    verdict: Verdict


@dataclass(frozen=True)
class Spread:
    """How far a mean may be off.

    Attributes:
        error: its standard error, in the unit of the mean.
        loads: (n,) what the square of `error` is made of if v is the true one: v times the sum of `loads` times
            independent chi-squared numbers. Student's t has a single load, 1 / df.
        counts: (n,) their degrees of freedom.
    """

    error: float
    loads: Floats
    counts: Floats

    @classmethod
    def student(cls, error: float, df: float) -> Spread:
        """Return that of Student's t; `df` need not be whole."""
        return cls(error, np.array([1 / df]), np.array([float(df)]))

    def beyond(self, statistic: float) -> float:
        """Return the two-sided chance of at least this ratio of mean and error.

        Craig's integral (1991) of the normal tail, averaged over the error.
        """
        angle, weight = _nodes()
        ratio = np.multiply.outer((statistic / np.sin(angle)) ** 2, self.loads)  # (n_nodes, n)
        return float(weight @ np.exp(-0.5 * np.log1p(ratio) @ self.counts))

    def p(self, mean: float) -> float:
        """Return the two-sided chance of such a mean where the true one is zero."""
        if mean == 0:
            return 1.0
        return self.beyond(mean / self.error) if self.error > 0 else 0.0

    def half_width(self, alpha: float = ALPHA) -> float:
        """Return half of the confidence interval, found by bisection."""
        low, high = 0.0, 1.0
        while self.beyond(high) > alpha:
            low, high = high, 2 * high
        for _ in range(45):
            middle = (low + high) / 2
            low, high = (middle, high) if self.beyond(middle) > alpha else (low, middle)
        return high * self.error


def compare(losses: Floats, others: Floats, windows: int = 1) -> Paired:
    """Return how the model with `losses` compares with the one with `others`, both (n_series, n_times).

    Fewer than `MANY_SERIES`: a test of Diebold and Mariano on the mean over series at each time, by `whole_path`, or
    from `MIN_TIMES` windows on by `diebold_mariano` with lead 1 on the means of windows. From `MANY_SERIES` on
    `block_bootstrap`, in blocks of a window or of a quarter of the path; on a single path the less certain of both,
    since blocks of it understate how far all series may wander together.

    Args:
        windows: how many forecasts of equal length, without overlap, stand one after the other in the times.
    """
    if losses.ndim != 2 or losses.shape != others.shape or losses.shape[1] % windows:
        raise ValueError(
            f"found losses {losses.shape} and {others.shape} in {windows} windows; expected two equal shapes "
            "(n_series, windows * steps)"
        )
    differences = others - losses
    rows = ~np.isnan(differences).all(axis=1)
    if not rows.any():
        return Paired(None, None, None, None, None, None, "cannot tell")
    differences = differences[rows]
    difference = float(_means(differences).mean())
    other = float(_means(np.where(np.isnan(differences), np.nan, others[rows])).mean())
    relative = difference / other if other > 0 else None
    differences, windows = _seen_only(differences, windows)
    if differences.shape[1] < MIN_TIMES:
        return Paired(None, difference, relative, None, None, None, _verdict(difference, None))
    many = len(differences) >= MANY_SERIES
    spreads: dict[Method, Spread] = {}
    if many:
        spreads["bootstrap"] = block_bootstrap(differences, _block(differences, windows))
    if not many or windows == 1:
        spreads["Diebold-Mariano"] = _along(differences, windows)
    method, spread = max(spreads.items(), key=lambda one: one[1].p(difference))
    p, half = spread.p(difference), spread.half_width()
    return Paired(method, difference, relative, difference - half, difference + half, p, _verdict(difference, p))


def diebold_mariano(differences: Floats, lead: int) -> Spread:
    """Return the spread of the mean of (n,) differences by the test of Diebold and Mariano (1995).

    With rectangular kernel, the correction of Harvey, Leybourne and Newbold (1997) for small samples, and their t
    distribution of n - 1 degrees of freedom. A variance that is not positive is replaced by that of lead 1, as
    `dm.test` of R's forecast does. Equal differences have no spread.

    Args:
        differences: (n,) in order of time, n at least 2.
        lead: steps ahead of the forecasts, less than n; autocovariances count up to lag lead - 1.
    """
    n = len(differences)
    if not 1 <= lead < n:
        raise ValueError(f"found lead {lead} with {n} differences; expected 1 to {n - 1}")
    apart = differences - differences.mean()
    covariances = [float(apart[lag:] @ apart[: n - lag]) / n for lag in range(lead)]
    variance = covariances[0] + 2 * sum(covariances[1:])
    if variance <= 0 and lead > 1:
        return diebold_mariano(differences, 1)
    correction = (n + 1 - 2 * lead + lead * (lead - 1) / n) / n
    return Spread.student(float(np.sqrt(variance / n / correction)), n - 1)


def whole_path(differences: Floats) -> Spread:
    """Return the spread of the mean of (n,) differences along one forecast path, or a few of them, n at least 2.

    Errors add up along a path, so the losses wander, and a steady drift of the differences has to count as luck; no
    lead of `diebold_mariano` does that at all horizons. Here the variance is a weighted mean of the squared cosine
    sums of Lazarus et al. (2018), wave k with a share like k ** -`DECLINE`, since slow waves tell how far a mean may
    wander. Its distribution is exact for independent normal differences at any n: smoothing is fixed, as Coroneo and
    Iacone (2020) advise for short samples. Power 2 would be the test of Kiefer and Vogelsang (2002).

    On random walks a model that was picked on the rows before is called better in 2.1, 2.7, 3.1, 2.9 and 3.5 of 100
    tests at horizons 6, 12, 14, 24 and 48; with lead 1 in 19 to 24, with lead h / 3 in 9 to 15, with lead h / 2 in 2.4,
    4.0, 4.2, 5.3 and 7.2. A model with 0.4 times the error of a seasonal naive forecast is called better in 56, 80, 85,
    96 and 100 (benchmarks/paired_tests.py).
    """
    n = len(differences)
    wave = np.arange(1, min(n, WAVES + 1))
    share = wave**-DECLINE / (wave**-DECLINE).sum()  # (n_waves,)
    cosines = np.cos(np.pi / n * np.multiply.outer(wave, np.arange(n) + 0.5))  # (n_waves, n)
    sums = cosines @ (differences - differences.mean())
    return Spread(float(np.sqrt(2 * share @ sums**2)) / n, share, np.ones(len(wave)))


def block_bootstrap(differences: Floats, block: int, draws: int = DRAWS, seed: int = 0) -> Spread:
    """Return the spread of the mean of (n_series, n_times) differences, series and blocks of time both drawn anew.

    Series are drawn with replacement, and circular blocks of times (Politis and Romano 1992), the same for all series
    because series of one panel share shocks. Drawing both is on the safe side (Owen 2007, the pigeonhole bootstrap).
    With few blocks in the times the percentiles of the draws are too narrow, so only their standard deviation is used,
    with the degrees of freedom of Satterthwaite (1946). The order of the series does not matter.

    Args:
        differences: two rows or more, a number in each row.
        block: times in a block, at most half of them.
    """
    differences = differences[np.argsort(_means(differences), kind="stable")]
    n_series, n_times = differences.shape
    drawn = np.concatenate(list(_draw(differences, block, draws, seed)), axis=1)  # (2, draws)
    both, time = np.nanvar(drawn, axis=1)
    blocks = n_times / block
    series = float(_means(differences).var()) / n_series
    by_series, by_time = series * n_series / (n_series - 1), time * blocks / (blocks - 1)
    if both <= 0 or by_series + by_time <= 0:
        return Spread.student(0.0, blocks - 1)
    df = (by_series + by_time) ** 2 / (by_series**2 / (n_series - 1) + by_time**2 / (blocks - 1))
    return Spread.student(float(np.sqrt(both * (by_series + by_time) / (series + time))), df)


def _draw(differences: Floats, block: int, draws: int, seed: int) -> Iterator[Floats]:
    """Mean differences of draws, (2, n): of series and times, and of times alone; n at a time, to bound memory.

    A draw counts each series w and each time v. Its mean is w' m / w' 1, where m are the means of the series over the
    times, weighted with v.
    """
    random = np.random.default_rng(seed)
    n_series, n_times = differences.shape
    seen = (~np.isnan(differences)).astype(float)
    filled = np.nan_to_num(differences)
    size = max(1, BLOCK_NUMBERS // max(n_series, n_times))
    for begin in range(0, draws, size):
        n = min(size, draws - begin)
        first = random.integers(0, n_times, (n, -(-n_times // block), 1))
        v = _counts((first + np.arange(block)).reshape(n, -1)[:, :n_times] % n_times, n_times)  # (n, n_times)
        w = _counts(random.integers(0, n_series, (n, n_series)), n_series)  # (n, n_series)
        weight = v @ seen.T  # (n, n_series)
        mean = v @ filled.T / np.maximum(weight, 1)
        yield np.stack([_weighted(mean, w * (weight > 0)), _weighted(mean, (weight > 0).astype(float))])


def _weighted(values: Floats, weights: Floats) -> Floats:
    """Return the mean of each row (n,); NaN without any weight."""
    total = weights.sum(axis=1)
    return (values * weights).sum(axis=1) / np.where(total > 0, total, np.nan)


def _counts(drawn: Ints, n: int) -> Floats:
    """Return how often each of n was drawn in each row, (n_rows, n)."""
    rows = len(drawn)
    flat = drawn + n * np.arange(rows)[:, None]
    return np.bincount(flat.ravel(), minlength=rows * n).reshape(rows, n).astype(float)


def _along(differences: Floats, windows: int) -> Spread:
    """Return the spread of the mean over series along time.

    Each time holds the overall mean plus what it adds to that; without missing values this is the mean over series.
    """
    means = _means(differences)
    apart = (differences - means[:, None]) / (~np.isnan(differences)).sum(axis=1)[:, None]
    added = np.nan_to_num(apart).sum(axis=0) / len(means)  # (n_times,)
    if windows == 1:
        return whole_path(means.mean() + len(added) * added)
    return diebold_mariano(means.mean() + windows * added.reshape(windows, -1).sum(axis=1), lead=1)


def _seen_only(differences: Floats, windows: int) -> tuple[Floats, int]:
    """Return the differences without windows, or times, that no series has, and the number of windows; 1 is a path."""
    seen: Bools = np.any(~np.isnan(differences), axis=0)
    whole: Bools = np.any(seen.reshape(windows, -1), axis=1)
    if whole.sum() < MIN_TIMES:
        return differences[:, seen], 1
    return differences[:, np.repeat(whole, differences.shape[1] // windows)], int(whole.sum())


def _block(differences: Floats, windows: int) -> int:
    """Return the times in a block: a window, or a quarter of the path, but three times if two blocks are left."""
    n_times = differences.shape[1]
    return n_times // windows if windows > 1 else max(-(-n_times // 4), min(3, n_times // 2))


def _means(differences: Floats) -> Floats:
    """Return the mean of each series (n_series,) over what it has."""
    return np.asarray(np.nanmean(differences, axis=1))


def _verdict(difference: float, p: float | None) -> Verdict:
    if not difference > 0:
        return "not better"
    return "better" if p is not None and p < ALPHA else "cannot tell"


@cache
def _nodes() -> tuple[Floats, Floats]:
    """Return the angles from zero to a right angle, and weights that add up to one (Gauss and Legendre)."""
    place, weight = np.polynomial.legendre.leggauss(200)
    return (place + 1) * np.pi / 4, weight / 2

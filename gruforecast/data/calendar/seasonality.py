"""The seasons of a panel, tested on the data: a table of usual lengths only says where to look first."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from gruforecast.arrays import Floats, Ints
from gruforecast.data.calendar.f_distribution import f_tail
from gruforecast.data.calendar.frequency import DAY, Frequency

MAX_SERIES = 500  # a sample this large decides for the panel
MAX_ROWS = 4_000  # newest rows of each series that are read
LEVEL, FEW_ROWS = 0.05, 60  # of the test of one series; stricter with more rows, which show more
SHARE = 0.25  # of the series that must show the season: far above what chance gives
PERIODS = 3  # seasons that a series must have for an unusual length to be tested
PAIRS = 5  # rows with a row one season before them, of differences, that a usual season is tested on
ROUNDING = 1e-15  # what is left of rows of size 1 is no more than this where a line explains them
DAYS, YEAR = Frequency("s", DAY), 365


def usual_seasons(freq: Frequency) -> list[int]:
    """Return the season lengths worth testing for a frequency, shortest first."""
    if freq.unit == "M":
        return [12 // freq.step] if freq.step < 12 else []
    if freq.unit == "s" and freq.step < DAY and DAY % freq.step == 0:
        return [DAY // freq.step, 7 * DAY // freq.step]
    return {("B", 1): [5], ("s", DAY): [7], ("s", 7 * DAY): [52]}.get((freq.unit, freq.step), [])


def find_seasons(y: Floats, indptr: Ints, freq: Frequency) -> list[int]:
    """Return the seasons that the series of a panel show, shortest first; 1 before others where there is no main one.

    The first is the main one, of seasonal naive and MASE. The year of daily rows never is: more than a year of rows
    would be needed for each forecast. A usual length counts when at least a quarter of the series that can tell pass
    the test of `season_chance`, at 5 % up to 60 rows and less beyond; one of several, where that is a quarter, must be
    surer by as much as there are others. Where no usual length does, another one is looked for: a peak of the
    autocorrelation that comes back at twice the lag, and passes the same test.

    Args:
        y: (n_rows,) values that may be looked at, NaN = missing; indptr: (n_series + 1,).
    """
    filled = _longest(y, indptr)
    found: list[int] = []
    for length in usual_seasons(freq):
        if _shown(filled, length, found):
            found.append(length)
    main = found or [_unusual(filled)]
    return [*main, YEAR] if freq == DAYS and _shown(filled, YEAR, found) else main


def _shown(filled: list[Floats], length: int, shorter: list[int]) -> bool:
    """Return whether enough series show a season; those of two seasons or less speak where there are no longer ones."""
    able = [x for x in filled if len(x) >= length + 1 + PAIRS]
    able = [x for x in able if len(x) > 2 * length] or (able if length != YEAR else [])
    doubts = [season_chance(x, length, shorter) / _level(x) for x in able]  # below 1 where a series shows it
    enough, count = SHARE * len(able), sum(one < 1 for one in doubts)
    return count >= max(enough, 2) or (count == 1 and enough <= 1 and min(doubts) * len(able) < 1)


def _level(values: Floats) -> float:
    return LEVEL * min(1.0, FEW_ROWS / len(values))


def _unusual(filled: list[Floats]) -> int:
    """Return the season of no usual length that half of the series show, the shorter one of two; 1 for none."""
    peaks = Counter(peak for peak in (_peak(x) for x in filled) if peak is not None)
    length, count = max(peaks.items(), key=lambda pair: (pair[1], -pair[0]), default=(1, 0))
    return length if count >= max(1, len(filled) / 2) else 1


def season_chance(values: Floats, length: int, shorter: Sequence[int] = ()) -> float:
    """Return how probable it is that a series without a season of `length` rows looks as seasonal as this one, 0 to 1.

    An F test: does the phase in the season explain what a line and the row before do not? The row before stands for all
    that wanders, bends or swings back; a phase seen once says nothing. Seasons that are known are taken out first.

    Args:
        values: (n,) as `_filled` gives them; shorter: lengths of the known seasons.
    """
    shared = sum(math.gcd(length, known) - 1 for known in shorter)
    phases = length - 1 - shared
    free = len(values) - 3 - length - sum(known - 1 for known in shorter) + shared
    size = float(np.std(values))
    if free < 1 or phases < 1 or size <= ROUNDING:
        return 1.0
    floor, values = len(values) * (ROUNDING / size) ** 2, (values - values.mean()) / size
    for known in shorter:
        values = values - _phase_means(values[:, None], known)[:, 0]
    rows = np.stack([np.linspace(-1, 1, len(values) - 1), values[:-1], values[1:]], axis=1)  # line, row before, row
    without, rest = (_unexplained(rows - _phase_means(rows, m)) for m in (1, length))
    if without <= floor:
        return 1.0
    return f_tail(phases, free, max(without - rest, 0.0) / phases / max(rest / free, 1e-300))


def _phase_means(rows: Floats, length: int) -> Floats:
    """Return for each row (n, columns) the mean of all rows at its phase of the season."""
    phase = np.arange(len(rows)) % length
    totals = np.stack([np.bincount(phase, column, length) for column in rows.T], axis=1)
    return (totals / np.maximum(np.bincount(phase, minlength=length), 1)[:, None])[phase]


def _unexplained(rows: Floats) -> float:
    """Return the sum of squares of the last column that the others leave."""
    others, y = rows[:, :-1], rows[:, -1]
    return float(np.sum((y - others @ np.linalg.lstsq(others, y, rcond=None)[0]) ** 2))


def _longest(y: Floats, indptr: Ints) -> list[Floats]:
    """Return the newest rows of the longest series, see `_filled`."""
    longest = np.argsort(-np.diff(indptr), kind="stable")[:MAX_SERIES]
    return [_filled(y[indptr[k] : indptr[k + 1]][-MAX_ROWS:]) for k in longest]


def _around_trend(values: Floats, length: int) -> Floats:
    """Return a series less its centred moving average over one season, without the ends that have none."""
    weights = np.ones(length + 1 - length % 2)
    weights[[0, -1]] = 1.0 if length % 2 else 0.5
    half = len(weights) // 2
    return values[half : len(values) - half] - np.convolve(values, weights / length, "valid")


def autocorrelation(x: Floats, lags: int) -> Floats:
    """Return the sample autocorrelation of `x` at lags 0 … `lags`; zeros for a constant."""
    size = 1 << (2 * len(x) - 1).bit_length()
    spectrum = np.fft.rfft(x - x.mean(), size)
    covariance = np.fft.irfft(spectrum * np.conj(spectrum), size)[: lags + 1]
    return (
        covariance / covariance[0]
        if covariance[0] > 1e-12 * max(1.0, float(np.abs(x).max()) ** 2)
        else np.zeros(lags + 1)
    )


def _filled(values: Floats) -> Floats:
    """Return the values with missing ones as the last one; empty for under three.

    Where all are positive as logarithms, taken around the first so that a large level costs no digits; else in units of
    the largest.
    """
    seen = np.flatnonzero(~np.isnan(values))
    if len(seen) < 3:
        return np.zeros(0)
    values = values[seen[0] :]
    filled = values[np.maximum.accumulate(np.where(np.isnan(values), 0, np.arange(len(values))))]
    if filled.min() > 0.5 * filled[0] > 0:
        return np.log1p((filled - filled[0]) / filled[0])
    if filled.min() > 0:
        return np.log(filled)
    return filled / max(float(np.abs(filled).max()), 1e-300)


def _peak(values: Floats) -> int | None:
    """Return the lag of the highest clear peak of the autocorrelation, if it comes back at twice the lag.

    The test is stricter by the number of lags that were looked through.
    """
    x = np.diff(values)
    longest = min(len(x) // PERIODS, 400)
    if longest < 4:
        return None
    correlation = autocorrelation(x, 2 * longest)
    lags = np.arange(2, longest)
    top = (correlation[lags] > correlation[lags - 1]) & (correlation[lags] >= correlation[lags + 1])
    again = np.array([correlation[max(2 * k - 1, 1) : 2 * k + 2].max() for k in lags])
    clear = lags[top & (correlation[lags] > 0.3) & (again > 0.2)]
    clear = clear[np.argsort(-correlation[clear], kind="stable")]
    return next((int(k) for k in clear if season_chance(values, int(k)) < _level(values) / longest), None)


def season_strength(y: Floats, indptr: Ints, length: int) -> float | None:
    """Return the strength of a season, the median over the series of three seasons or more; None where there are none.

    Between 0 and 1: `1 - var(remainder) / var(season + remainder)` of the classical decomposition, at least 0 (Wang,
    Smith and Hyndman 2006), but of unbiased variances: on two seasons of noise the other ones give 1.
    """
    strengths = [strength(x, length) for x in _longest(y, indptr) if len(x) >= PERIODS * length]
    return float(np.median(strengths)) if strengths else None


def strength(values: Floats, length: int) -> float:
    """Return the strength of the season of `length` rows in a series of more than two, between 0 and 1."""
    around = _around_trend(values, length)
    total = float(np.var(around, ddof=1))
    rest = float(np.sum((around - _phase_means(around[:, None], length)[:, 0]) ** 2)) / (len(around) - length)
    return max(0.0, 1.0 - rest / total) if total > 0 else 0.0

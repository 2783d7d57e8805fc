"""The length of the season, tested on the data: a table of usual lengths only says where to look first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from gruforecast.arrays import Floats, Ints
from gruforecast.data.calendar.frequency import DAY, Frequency

MAX_SERIES = 200  # a sample this large decides for the panel
MAX_ROWS = 4_000  # newest rows of each series that are read
Z = 2.33  # one-sided 1 % level of a single series
SHARE = 0.25  # of the series that must show the season: far above the 1 % that chance gives
PERIODS = 3  # seasons that a series must have for an unusual length to be tested
DEFAULT_PERIODS = 2  # and for a usual one


def usual_seasons(freq: Frequency) -> list[int]:
    """Return the season lengths worth testing for a frequency, the most common one first."""
    if freq.unit == "M":
        return [12 // freq.step] if freq.step < 12 else []
    if freq.unit == "s" and freq.step < DAY and DAY % freq.step == 0:
        return [DAY // freq.step, 7 * DAY // freq.step]
    return {("B", 1): [5], ("s", DAY): [7], ("s", 7 * DAY): [52]}.get((freq.unit, freq.step), [])


def detect_season(y: Floats, indptr: Ints, freq: Frequency) -> int:
    """Return the season length that the series of a panel show, 1 when there is none.

    A usual length counts when at least a quarter of the series that are long enough pass the test of `shows_season`.
    Other lengths must be a peak of the autocorrelation that comes back at twice the lag.

    Args:
        y: (n_rows,) values that may be looked at, NaN = missing; indptr: (n_series + 1,).
    """
    filled = _longest(y, indptr)
    for length, _ in _usual_shown(filled, freq):
        return length
    peaks = Counter(peak for peak in (_peak(np.diff(x)) for x in filled) if peak is not None)
    length, count = max(peaks.items(), key=lambda pair: (pair[1], -pair[0]), default=(1, 0))
    return length if count >= max(1, len(filled) / 2) else 1


def _usual_shown(filled: list[Floats], freq: Frequency) -> Iterator[tuple[int, list[Floats]]]:
    """Yield the usual season lengths that enough series show, each with the series long enough to tell."""
    for length in usual_seasons(freq):
        long = [x for x in filled if len(x) > DEFAULT_PERIODS * length]
        if long and np.mean([shows_season(x, length) for x in long]) >= SHARE:
            yield length, long


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


def shows_season(values: Floats, length: int) -> bool:
    """Return whether a series has a season of `length` rows once its trend is out.

    The trend is taken out in two ways, by first differences and by a centred moving average over one season: the first
    is blind to slow seasons under noise, the second to those of series with few seasons. Either may show the season.
    """
    return any(is_seasonal(x, length) for x in (np.diff(values), _around_trend(values, length)) if len(x) > length + 1)


def is_seasonal(x: Floats, length: int) -> bool:
    """Return whether the autocorrelation of `x` at lag `length` is above chance.

    The bound is Bartlett's, `Z * sqrt((1 + 2 * sum of squares of the lower lags) / n)`, as in the seasonality test of
    the Theta method (Assimakopoulos and Nikolopoulos 2000).
    """
    correlation = autocorrelation(x, length)
    return bool(correlation[length] > Z * np.sqrt((1 + 2 * np.sum(correlation[1:length] ** 2)) / len(x)))


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
    """Return logarithms where all values are positive, missing ones as the last one; empty for under three values."""
    seen = np.flatnonzero(~np.isnan(values))
    if len(seen) < 3:
        return np.zeros(0)
    values = values[seen[0] :]
    filled = values[np.maximum.accumulate(np.where(np.isnan(values), 0, np.arange(len(values))))]
    return np.log(filled) if filled.min() > 0 else filled


def _peak(x: Floats) -> int | None:
    """Return the lag of the highest clear peak of the autocorrelation, if it comes back at twice the lag."""
    longest = min(len(x) // PERIODS, 400)
    if longest < 4:
        return None
    correlation = autocorrelation(x, 2 * longest)
    lags = np.arange(2, longest)
    top = (correlation[lags] > correlation[lags - 1]) & (correlation[lags] >= correlation[lags + 1])
    again = np.array([correlation[max(2 * k - 1, 1) : 2 * k + 2].max() for k in lags])
    clear = lags[top & (correlation[lags] > 0.3) & (again > 0.2)]
    clear = np.array([k for k in clear if is_seasonal(x, int(k))], dtype=int)
    return int(clear[np.argmax(correlation[clear])]) if len(clear) else None


def season_strengths(y: Floats, indptr: Ints, freq: Frequency) -> list[tuple[int, float]]:
    """Return the usual seasons that the series show, with their strength, strongest first.

    The strength is `1 - var(remainder) / var(season + remainder)` of the classical decomposition, at least 0 (Wang,
    Smith and Hyndman 2006), as the median over the series that are long enough.
    """
    seasons = _usual_shown(_longest(y, indptr), freq)
    strengths = [(length, float(np.median([strength(x, length) for x in long]))) for length, long in seasons]
    return sorted(strengths, key=lambda pair: -pair[1])


def strength(values: Floats, length: int) -> float:
    """Return the strength of the season of `length` rows in a series, between 0 and 1."""
    around = _around_trend(values, length)
    phase = np.arange(len(around)) % length
    means = np.bincount(phase, around, length) / np.maximum(np.bincount(phase, minlength=length), 1)
    total = float(np.var(around))
    return max(0.0, 1.0 - float(np.var(around - means[phase])) / total) if total > 0 else 0.0

"""The tail of the F distribution without SciPy, whose import takes longer than a forecast."""

from __future__ import annotations

import math

TINY, PRECISION, MAX_TERMS = 1e-300, 1e-15, 10_000


def f_tail(d1: float, d2: float, x: float) -> float:
    """Return the probability that a ratio of the F distribution with `d1` and `d2` degrees of freedom exceeds `x`.

    It is the regularised incomplete beta function at d2 / (d2 + d1 x).

    >>> round(f_tail(2, 10, 4.103), 4)
    0.05
    """
    below = d1 * x / (d2 + d1 * x) if d1 * x < math.inf else 1.0
    above = d2 / (d2 + d1 * x)
    a, b = d2 / 2, d1 / 2
    if below <= 0 or above <= 0:
        return 1.0 if below <= 0 else 0.0
    logs = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(above) + b * math.log(below)
    if above < (a + 1) / (a + b + 2):  # where the fraction converges quickly, otherwise that of the complement does
        return math.exp(logs) * _fraction(a, b, above) / a
    return 1.0 - math.exp(logs) * _fraction(b, a, below) / b


def _fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of the incomplete beta function (DLMF 8.17.22) by the method of Lentz."""
    upper, lower = 1.0, 1.0 / _away_from_zero(1 - (a + b) * x / (a + 1))
    value = lower
    for m in range(1, MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            upper, lower = _away_from_zero(1 + term / upper), 1.0 / _away_from_zero(1 + term * lower)
            value *= upper * lower
        if abs(upper * lower - 1) < PRECISION:
            break
    return value


def _away_from_zero(x: float) -> float:
    return x if abs(x) > TINY else TINY

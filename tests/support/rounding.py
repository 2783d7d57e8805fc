"""How far numbers in single precision may be apart that were added up in another order, as every processor may."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

EPS = float(np.finfo(np.float32).eps)
TERMS = 100  # on the way to a forecast of one of the small networks of these tests


def rounding(terms: int = TERMS) -> float:
    """Return the relative error allowed to a sum of so many terms: four times that of roundings as a random walk."""
    return 4 * EPS * math.sqrt(terms)


def assert_close32(found: Any, expected: Any, *, terms: int = TERMS, axis: int | None = None) -> None:
    """Fail where numbers differ by more than single precision explains, or where only one is missing.

    Args:
        terms: summed up or multiplied one after the other on the way to a number.
        axis: along which a number is measured against the largest expected one; of all numbers without it.
    """
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    size = np.nan_to_num(np.abs(expected)).max(axis=axis, keepdims=True, initial=0.0)
    allowed, apart = rounding(terms) * size, np.nan_to_num(np.abs(found - expected))
    worst = np.unravel_index((apart - allowed).argmax(), apart.shape) if apart.size else ()
    assert (apart <= allowed).all(), (
        f"{found[worst]} is not {expected[worst]} at {worst}: {allowed.max():.2g} is allowed"
    )

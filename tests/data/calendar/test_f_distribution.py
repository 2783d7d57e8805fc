"""The tail of the F distribution against SciPy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import fdtrc

from gruforecast.data.calendar.f_distribution import f_tail

DEGREES = st.integers(1, 4_000)


@given(DEGREES, DEGREES, st.floats(0, 1e4))
def test_it_is_the_tail_that_scipy_gives(d1: int, d2: int, x: float) -> None:
    assert f_tail(d1, d2, x) == pytest.approx(fdtrc(d1, d2, x), rel=1e-8, abs=1e-290)


@pytest.mark.parametrize(("x", "expected"), [(0.0, 1.0), (1e308, 0.0), (float("inf"), 0.0)])
def test_its_ends(x: float, expected: float) -> None:
    assert f_tail(11, 100, x) == pytest.approx(expected, abs=1e-300)


def test_a_table() -> None:
    """Five per cent points of F, as textbooks print them."""
    for d1, d2, point in ((1, 10, 4.9646), (5, 20, 2.7109), (10, 60, 1.9926)):
        assert f_tail(d1, d2, point) == pytest.approx(0.05, abs=5e-5)

"""The tolerance of the other tests: it has to let roundings through and to catch mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from rounding import assert_close32

GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize("terms", [4, 100, 10_000])
def test_sums_in_another_order_are_alike_and_a_lost_term_shows(terms: int) -> None:
    parts = GENERATOR.normal(size=(50, terms)).astype(np.float32)
    one, other = np.zeros((2, 50), np.float32)
    for k in range(terms):
        one, other = one + parts[:, k], other + parts[:, -1 - k]
    assert_close32(one, other, terms=terms)
    with pytest.raises(AssertionError):
        assert_close32(one, other - parts[:, 0], terms=terms)


def test_size_is_of_the_row_and_missing_is_no_number() -> None:
    expected = np.array([[1e6, 2.0], [1.0, np.nan], [0.0, 0.0]])
    assert_close32(expected, expected, axis=1)
    moved = expected + np.array([[0.1, 0.1], [0.0, 0.0], [0.0, 0.0]])
    assert_close32(moved, expected, axis=1)
    assert_close32(moved, expected)
    for place in ((1, 0), (2, 1)):
        wrong = expected.copy()
        wrong[place] += 0.001
        with pytest.raises(AssertionError):
            assert_close32(wrong, expected, axis=1)
    with pytest.raises(AssertionError):
        assert_close32(np.nan_to_num(expected), expected)

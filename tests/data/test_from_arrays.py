"""Series that come as numbers: what is refused before memory is taken for it."""

from __future__ import annotations

import numpy as np
import pytest
from makers import MONTHLY

from gruforecast.data.from_arrays import _check_spans
from gruforecast.errors import DataError

STAMPS = np.array(["2000-01", "2000-02", "1990-01", "2000-12", "2001-01"], "datetime64[s]")
LENGTHS = np.array([2, 2, 1])  # 2 months, 132 months, 1 month


def test_as_many_steps_as_may_be_are_taken() -> None:
    _check_spans(STAMPS, LENGTHS, MONTHLY, 135, "ds")


def test_one_step_more_is_refused_at_the_longest_series() -> None:
    with pytest.raises(DataError) as caught:
        _check_spans(STAMPS, LENGTHS, MONTHLY, 134, "ds")
    error = caught.value
    assert error.message == "there are 135 steps of 'M' from the first stamps to the last ones, 134 may be."
    assert (error.code, error.line, error.column, error.remedy) == ("GF-D53", 2, "ds", "Give fewer rows.")

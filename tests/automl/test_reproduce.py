"""What a report says of the command that it comes from."""

from __future__ import annotations

import numpy as np
import pytest
from makers import panel_of

from gruforecast.automl.options import FitOptions
from gruforecast.automl.reproduce import reproduction
from gruforecast.report.report import Reproduction


def reproduced(**options: object) -> Reproduction:
    return reproduction("/a/place/data.csv", FitOptions(**options), panel_of(np.arange(5.0)), 3)


@pytest.mark.parametrize(
    ("options", "left_out", "limited"),
    [
        ({}, [], False),
        ({"horizon": 3, "prune": False}, [], False),
        ({"stats": False}, ["--no-stats"], False),
        ({"compare": "none", "blend": False, "max_time": 90.0}, ["--compare=none", "--no-blend"], True),
        ({"compare": "full", "trial_time": 60.0}, [], True),
    ],
)
def test_what_was_left_out_and_whether_a_clock_could_end_it(
    options: dict[str, object], left_out: list[str], limited: bool
) -> None:
    made = reproduced(**options)
    assert (made.left_out, made.limited) == (left_out, limited)


def test_it_names_the_file_but_not_its_place() -> None:
    made = reproduced(horizon=3)
    assert made.command == "gruforecast fit data.csv --horizon=3 --seed 0 --workers 3"
    assert (made.file, made.machine.workers) == ("data.csv", 3)
    assert made.data_digest == panel_of(np.arange(5.0)).digest()

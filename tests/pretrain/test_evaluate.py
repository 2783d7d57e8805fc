"""Scores of the pretrained network on panels: the split, the views, known errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tools.pretrain.evaluate import BLOCK, Case, Panel, both_views, held_out, official, scores, views

PANEL = Panel("made", "made_", 3, 2)


def write(path: Path, series: dict[str, list[float | None]]) -> None:
    rows = [f"{name},2020,{'' if y is None else y}" for name, values in series.items() for y in values]
    path.write_text("\n".join(["unique_id,ds,y", *rows, ""]))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write(
        tmp_path / "made_train.csv",
        {"a": [float(k) for k in range(12)], "b": [1.0, None, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]},
    )
    write(tmp_path / "made_test.csv", {"a": [12.0, 13.0, 14.0], "b": [9.0, 10.0, 11.0]})
    return tmp_path


def test_the_last_horizons_of_the_training_part_are_held_out(data: Path) -> None:
    cases = held_out(PANEL, data)
    assert [len(case.past) for case in cases] == [9, 6, 5]  # of b, the second one would have two rows of a past
    assert [list(case.future) for case in cases] == [[9, 10, 11], [6, 7, 8], [6, 7, 8]]
    assert np.isnan(cases[2].past[1])


def test_held_out_cases_need_no_test_part(data: Path) -> None:
    (data / "made_test.csv").unlink()
    assert held_out(PANEL, data)
    with pytest.raises(FileNotFoundError):
        official(PANEL, data)


def test_official_cases(data: Path) -> None:
    assert [(len(past), list(future)) for past, future in official(PANEL, data)] == [
        (12, [12, 13, 14]),
        (8, [9, 10, 11]),
    ]


def test_scores_of_known_errors() -> None:
    case = Case(np.array([0.0, 1, 4, 5, 8, 9]), np.array([10.0, 11.0]))  # a mean seasonal difference of four
    quantiles = np.array([[[0, 9, 12, 20, 30], [0, 2, 5, 7, 30]]], float)
    constant = Case(np.ones(9), np.ones(2))  # has no scale
    found = scores(np.concatenate([quantiles, quantiles]), [case, constant], 2)
    assert found.mase == pytest.approx((2 + 6) / 2 / 4)
    assert found.inside80 == 50
    assert found.inside95 == 100


def test_two_views_are_averaged_on_the_scale_they_share() -> None:
    np.testing.assert_allclose(both_views(np.array([4.0, 2.0, 3.0]), np.array([9.0, -2.0, 0.0])), [6, 0, 1.5])


def test_blocks_hold_every_case_once() -> None:
    cases = [Case(np.arange(k + 2.0), np.zeros(3)) for k in range(BLOCK + 5)]
    blocks = views(cases, PANEL, log=True)
    assert [k for k, _ in blocks] == [0, BLOCK]
    assert not blocks[0][1].log[:159].any()  # a window of all rows begins with zero, 160 are looked at
    assert blocks[0][1].log[159:].all()
    level = np.concatenate([features.level[:, 0] for _, features in views(cases, PANEL, log=False)])
    np.testing.assert_allclose(level, [case.past[-2:].mean() for case in cases])

"""An option is declared once, and checked by what is declared."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pytest

from gruforecast.automl.options import FitOptions
from gruforecast.data.option import Option, Options
from gruforecast.errors import UsageError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Few(Options):
    """One option of each kind."""

    word: Annotated[str | None, Option("A word.", choices=("mean", "sum"))] = None
    words: Annotated[Sequence[str], Option("Words.")] = ()
    count: Annotated[int | None, Option("A count.", low=0, high=9, effect="none")] = None
    share: Annotated[float | Sequence[float], Option("Shares.", effect="after")] = ()
    on: Annotated[bool, Option("On.")] = False
    off: Annotated[bool, Option("Not off.")] = True
    time: Annotated[str | float | None, Option("Time.", unit="seconds")] = "1m"
    size: Annotated[str | int | None, Option("Size.", unit="bytes")] = None


def refusal(**given: Any) -> tuple[str, str, str]:
    with pytest.raises(UsageError) as caught:
        Few(**given)
    return caught.value.code, caught.value.message, caught.value.remedy


def test_what_fields_declare() -> None:
    facts = {one.name: (one.kind, one.several, one.optional, one.flag, one.negated) for one in Few.declared}
    assert facts == {
        "word": (str, False, True, "--word", None),
        "words": (str, True, False, "--words", None),
        "count": (int, False, True, "--count", None),
        "share": (float, True, False, "--share", None),
        "on": (bool, False, False, "--on", None),
        "off": (bool, False, False, "--off", "--no-off"),
        "time": (float, False, True, "--time", None),
        "size": (int, False, True, "--size", None),
    }
    assert Options.declared == ()


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ({}, "time", 60.0),
        ({"words": "one"}, "words", ("one",)),
        ({"words": ["a", "b"]}, "words", ("a", "b")),
        ({"words": pd.Index(["a", "b"])}, "words", ("a", "b")),
        ({"words": None}, "words", ()),
        ({"word": "sum"}, "word", "sum"),
        ({"word": None}, "word", None),
        ({"count": np.int64(9)}, "count", 9),
        ({"count": 0}, "count", 0),
        ({"share": 80}, "share", (80.0,)),
        ({"share": (np.float32(0.5), np.int8(2))}, "share", (0.5, 2.0)),
        ({"on": True}, "on", True),
        ({"time": "90s"}, "time", 90.0),
        ({"time": "10m"}, "time", 600.0),
        ({"time": " 2 h "}, "time", 7200.0),
        ({"time": "45"}, "time", 45.0),
        ({"time": "1.5m"}, "time", 90.0),
        ({"time": 5}, "time", 5.0),
        ({"time": None}, "time", None),
        ({"size": "1500MB"}, "size", 1_572_864_000),
        ({"size": "2gib"}, "size", 2_147_483_648),
        ({"size": 7}, "size", 7),
    ],
)
def test_values_are_brought_into_one_form(given: dict[str, Any], name: str, value: Any) -> None:
    found = getattr(Few(**given), name)
    assert found == value
    assert type(found) is type(value)
    if isinstance(found, tuple):
        assert [type(one) for one in found] == [type(one) for one in value]


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        ({"word": "summ"}, "GF-U13", "`word` 'summ' is unknown. Did you mean 'sum'?"),
        ({"word": 3}, "GF-U14", "`word` takes a text, not 3."),
        ({"words": 3}, "GF-U14", "`words` takes a text, not 3."),
        ({"words": {"a", "b"}}, "GF-U14", None),  # which has no order
        ({"words": ["a", None]}, "GF-U14", "`words` takes a text, not None."),
        ({"count": "12"}, "GF-U14", "`count` takes a whole number, not '12'."),
        ({"count": 1.0}, "GF-U14", "`count` takes a whole number, not 1.0."),
        ({"count": True}, "GF-U14", "`count` takes a whole number, not True."),
        ({"count": 10}, "GF-U12", "`count` 10 is out of range."),
        ({"count": -1}, "GF-U12", "`count` -1 is out of range."),
        ({"share": float("nan")}, "GF-U12", "`share` nan is out of range."),
        ({"share": "80"}, "GF-U14", "`share` takes a number, not '80'."),
        ({"on": 1}, "GF-U14", "`on` takes True or False, not 1."),
        ({"on": None}, "GF-U14", "`on` takes True or False, not None."),
        ({"time": "soon"}, "GF-U11", "`time` 'soon' is no duration."),
        ({"time": "2x"}, "GF-U11", "`time` '2x' is no duration."),
        ({"time": "0s"}, "GF-U11", "`time` '0s' is no duration."),
        ({"time": -1.0}, "GF-U11", "`time` -1.0 is no duration."),
        ({"time": float("inf")}, "GF-U11", "`time` inf is no duration."),
        ({"time": True}, "GF-U14", "`time` takes a number, not True."),
        ({"size": "2"}, "GF-U15", "`size` '2' is no size."),
        ({"size": "2h"}, "GF-U15", "`size` '2h' is no size."),
    ],
)
def test_what_is_refused(given: dict[str, Any], code: str, message: str | None) -> None:
    found = refusal(**given)
    assert found[0] == code
    assert message in (None, found[1])


def test_remedies_name_what_is_allowed() -> None:
    assert refusal(count=10)[2] == "Pass a whole number from 0 to 9."
    assert refusal(word="x")[2] == "Use mean, sum."
    long = refusal(word=list(range(10_000)))
    assert len(long[1]) < 100


def test_values_by_what_follows_from_them() -> None:
    few = Few(words="a", count=3, share=0.5)
    assert few.values("none") == {"count": 3}
    assert few.values("after", "none") == {"count": 3, "share": (0.5,)}
    assert list(few.values("data")) == ["word", "words", "on", "off", "time", "size"]


def test_the_default_of_every_option_is_one_that_may_be_given() -> None:
    default = FitOptions()
    assert FitOptions(**{one.name: getattr(default, one.name) for one in FitOptions.declared}) == default
    assert [one.name for one in FitOptions.declared] == [one.name for one in dataclasses.fields(FitOptions)]


def test_what_fit_makes_of_its_options(tmp_path: Path) -> None:
    options = FitOptions(output=tmp_path / "m.v2", level=[80, 95], max_time="2m", worker_memory="1GB")
    assert (options.output, options.run_folder) == (str(tmp_path / "m.v2"), tmp_path / "m.v2.run")
    assert (options.levels, FitOptions(level=90).levels, FitOptions().levels) == ((80.0, 95.0), (90.0,), ())
    assert (options.max_seconds, options.trial_seconds, options.worker_bytes) == (120.0, 1800.0, 2**30)
    nothing = FitOptions(trial_time=None, run_dir=tmp_path)
    assert (nothing.max_seconds, nothing.trial_seconds, nothing.worker_bytes) == (None, None, None)
    assert nothing.run_folder == tmp_path


@pytest.mark.parametrize("level", [0, 100, 100.5, -80])
def test_a_level_is_a_percentage(level: float) -> None:
    with pytest.raises(UsageError, match=r"`level` .* is no percentage"):
        FitOptions(level=level)


@pytest.mark.parametrize("sep", [";;", "", '"', "\n"])
def test_a_mark_between_fields_is_one_character(sep: str) -> None:
    with pytest.raises(UsageError, match="cannot be a mark between fields"):
        FitOptions(sep=sep)


def test_tabs_have_a_name() -> None:
    assert [FitOptions(sep=sep).layout.delimiter for sep in ("tab", "\\t", "\t", ";", None)] == ["\t"] * 3 + [";", None]


def test_limits_reach_the_reader() -> None:
    limits = FitOptions(max_rows=1, max_columns=2, max_bytes=3, max_field=4).layout.limits
    assert (limits.rows, limits.columns, limits.bytes, limits.field) == (1, 2, 3, 4)

"""A function with an argument for each declared option."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import pytest

from gruforecast.data.keywords import with_keywords
from gruforecast.data.option import Option, Options
from gruforecast.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Baking(Options):
    minutes: Annotated[int, Option("How long.", low=1, high=90)] = 30
    toppings: Annotated[Sequence[str], Option("What lies on it.")] = ()


@with_keywords(Baking, Baking.declared)
def bake(dough: str, options: Baking) -> tuple[str, Baking]:
    """Return a pizza."""
    return dough, options


def test_options_come_as_they_are_declared() -> None:
    assert bake("thin") == ("thin", Baking())
    assert bake("thin", minutes=12, toppings="basil") == ("thin", Baking(minutes=12, toppings=("basil",)))
    with pytest.raises(UsageError, match="`minutes` 91 is out of range"):
        bake("thin", minutes=91)


def test_help_says_all_of_it() -> None:
    assert str(inspect.signature(bake)).startswith("(data, /, *, minutes: int = 30, toppings: ")
    assert inspect.getdoc(bake) == "Return a pizza.\n\nOptions:\n    minutes: How long.\n    toppings: What lies on it."
    assert bake.__name__ == "bake"


def test_what_is_no_option_is_refused() -> None:
    with pytest.raises(
        TypeError, match=r"bake\(\) got an unexpected keyword argument 'minute'. Did you mean 'minutes'"
    ):
        bake("thin", minute=12)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"bake\(\) takes its options by name"):
        bake("thin", 12)  # type: ignore[call-arg]

"""A function with an argument for each declared option: for people who read its help, and for type checkers."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar, get_type_hints

from gruforecast.data.option import Declared, Options
from gruforecast.errors import did_you_mean

P = ParamSpec("P")
Owner = TypeVar("Owner")
Data = TypeVar("Data")
Given_co = TypeVar("Given_co", bound=Options, covariant=True)
Result = TypeVar("Result")


def with_keywords(
    options: Callable[P, Given_co], declared: Sequence[Declared]
) -> Callable[[Callable[[Data, Given_co], Result]], Callable[Concatenate[Data, P], Result]]:
    """Return what gives a function of data and options each option as a keyword, for help pages and type checkers.

    Its signature and its docstring say all of them, in the order in which they are `declared`.
    """

    def decorated(run: Callable[[Data, Given_co], Result]) -> Callable[Concatenate[Data, P], Result]:
        @functools.wraps(run)
        def call(data: Data, /, *args: P.args, **given: P.kwargs) -> Result:
            _check(run.__name__, options, args, given)
            return run(data, options(*args, **given))

        _describe(call, options, declared, "data")
        return call

    return decorated


def method_with_keywords(
    options: Callable[P, Given_co], declared: Sequence[Declared]
) -> Callable[[Callable[[Owner, Data, Given_co], Result]], Callable[Concatenate[Owner, Data, P], Result]]:
    """Return the same for a method of data and options."""

    def decorated(run: Callable[[Owner, Data, Given_co], Result]) -> Callable[Concatenate[Owner, Data, P], Result]:
        @functools.wraps(run)
        def call(self: Owner, data: Data, /, *args: P.args, **given: P.kwargs) -> Result:
            _check(run.__name__, options, args, given)
            return run(self, data, options(*args, **given))

        _describe(call, options, declared, "self", "data")
        return call

    return decorated


def _check(name: str, options: Callable[..., object], args: Sequence[object], given: Mapping[str, object]) -> None:
    """Refuse options without a name, and names that are none."""
    known = inspect.signature(options).parameters
    if args:
        raise TypeError(f"{name}() takes its options by name: {name}(data, horizon=12).")
    for one in given:
        if one not in known:
            raise TypeError(f"{name}() got an unexpected keyword argument {one!r}.{did_you_mean(one, list(known))}")


def _describe(
    call: Callable[..., Any], options: Callable[..., object], declared: Sequence[Declared], *first: str
) -> None:
    """Say in signature and docstring which options there are, after what comes `first`."""
    known, hints = inspect.signature(options).parameters, get_type_hints(options)
    before = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in first]
    parameters = [known[one.name].replace(annotation=hints[one.name]) for one in declared]
    call.__signature__ = inspect.Signature([*before, *parameters])  # type: ignore[attr-defined]
    lines = [f"    {one.name}: {one.option.help}" for one in declared]
    call.__doc__ = "\n".join([str(inspect.getdoc(call)), "", "Options:", *lines])

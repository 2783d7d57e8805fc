"""A function with an argument for each declared option: for people who read its help, and for type checkers."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, TypeVar, get_type_hints

from gruforecast.data.option import Declared, Options
from gruforecast.errors import did_you_mean

P = ParamSpec("P")
Data = TypeVar("Data")
Given_co = TypeVar("Given_co", bound=Options, covariant=True)
Result = TypeVar("Result")


def with_keywords(
    options: Callable[P, Given_co], declared: Sequence[Declared]
) -> Callable[[Callable[[Data, Given_co], Result]], Callable[Concatenate[Data, P], Result]]:
    """Return what gives a function of data and options each option as a keyword, for help pages and type checkers.

    Its signature and its docstring say all of them, in the order in which they are `declared`.
    """
    known = inspect.signature(options).parameters
    hints = get_type_hints(options)

    def decorated(run: Callable[[Data, Given_co], Result]) -> Callable[Concatenate[Data, P], Result]:
        @functools.wraps(run)
        def call(data: Data, /, *args: P.args, **given: P.kwargs) -> Result:
            if args:
                raise TypeError(f"{run.__name__}() takes its options by name: {run.__name__}(data, horizon=12).")
            for name in given:
                if name not in known:
                    text = f"{run.__name__}() got an unexpected keyword argument {name!r}."
                    raise TypeError(f"{text}{did_you_mean(name, list(known))}")
            return run(data, options(*args, **given))

        first = inspect.Parameter("data", inspect.Parameter.POSITIONAL_ONLY)
        parameters = [known[one.name].replace(annotation=hints[one.name]) for one in declared]
        call.__signature__ = inspect.Signature([first, *parameters])  # type: ignore[attr-defined]
        lines = [f"    {one.name}: {one.option.help}" for one in declared]
        call.__doc__ = "\n".join([str(inspect.getdoc(run)), "", "Options:", *lines])
        return call

    return decorated

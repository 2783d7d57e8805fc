"""How an option is declared: once, as a field with `Annotated` metadata, for Python, command line and documents."""

from __future__ import annotations

import collections.abc
import math
import re
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from numbers import Integral, Real
from os import PathLike, fspath
from types import UnionType
from typing import Annotated, ClassVar, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from gruforecast.errors import UsageError, did_you_mean, shorten

Effect = Literal["data", "search", "after", "extent", "none"]
One: TypeAlias = str | float
Value: TypeAlias = One | Sequence[One] | None
MEASURE = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.ASCII)
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
BYTES = {f"{letter}{rest}": size for letter, size in (("m", 2**20), ("g", 2**30)) for rest in ("", "b", "i", "ib")}
EXAMPLES: Mapping[type[object], str] = {float: ", such as 80", int: ", such as 12"}
KINDS: Mapping[type[object], str] = {str: "a text", bool: "True or False", float: "a number", int: "a whole number"}


@dataclass(frozen=True)
class Option:
    """What is declared of an option beside its name, type and default.

    Attributes:
        help: one line for the help page and the reference.
        panel: of the help page.
        names: further flags, such as `-o`.
        low, high: bounds of a number, both allowed.
        choices: the texts that are allowed.
        unit: what is counted where a text such as `10m` or `2GB` may stand for a number.
        effect: what follows from it: how `data` are read; what the `search` finds; only what comes `after` the
            search; the `extent` to which a search goes, which may change while it goes on; `none`: no result.
        without: the value that leaves a part of the fit out.
        several: what to do instead of giving several values where one is taken.
    """

    help: str
    panel: str | None = None
    names: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    unit: Literal["seconds", "bytes"] | None = None
    effect: Effect = "data"
    without: One | None = None
    several: str = ""


@dataclass(frozen=True)
class Declared:
    """An option, with what its field says of it.

    Attributes:
        kind: type of the value, or of each of several.
        optional: whether None is a value of its own.
    """

    name: str
    option: Option
    kind: type[object]
    several: bool
    optional: bool
    default: Value

    @property
    def flag(self) -> str:
        """The option on the command line."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def repeated(self) -> bool:
        """Whether the command line collects what is given, so that a second value is refused and never wins unsaid."""
        return self.several or (self.kind is str and self.optional and self.option.effect == "data")

    @property
    def negated(self) -> str | None:
        """The flag that switches off what is on, or found, if it is not given."""
        return f"--no-{self.flag[2:]}" if self.kind is bool and self.default is not False else None

    def checked(self, given: object) -> Value:
        """Return the value as the inside uses it: a tuple where several are allowed, numbers as Python's own.

        Raises:
            UsageError: it is of another type, out of range, or none of the choices.
        """
        if not self.several:
            return None if given is None and self.optional else self._one(given)
        if isinstance(given, Iterable) and not isinstance(given, (str, AbstractSet, Mapping)):
            return tuple(map(self._one, given))
        return () if given is None else (self._one(given),)

    def _one(self, given: object) -> One:
        if self.option.unit is not None and isinstance(given, (str, int, float)) and not isinstance(given, bool):
            given = measured(given, self.option.unit, self.name)
        value, option = self._typed(given), self.option
        if isinstance(value, str):
            if option.choices and value not in option.choices:
                raise UsageError(
                    f"`{self.name}` {value!r} is unknown.{did_you_mean(value, list(option.choices))}",
                    remedy=f"Use {', '.join(option.choices)}.",
                    code="GF-U13",
                )
        elif not option.low <= value <= option.high:
            raise UsageError(
                f"`{self.name}` {value} is out of range.",
                remedy=f"Pass {KINDS[self.kind]} from {option.low} to {option.high}.",
                code="GF-U12",
            )
        return value

    def _typed(self, given: object) -> One:
        """Return the value as the type of the option."""
        if isinstance(given, bool):
            if self.kind is bool:
                return given
        elif self.kind is str and isinstance(given, (str, PathLike)):
            return str(fspath(given))
        elif self.kind is int and isinstance(given, Integral):
            return int(given)
        elif self.kind is float and isinstance(given, Real):
            return float(given)
        if isinstance(given, (list, tuple)) and len(given) > 1:
            text = f"`{self.name}` is given {len(given)} times: {shorten(list(map(str, given)))}."
            raise UsageError(text, remedy=f"Give one. {self.option.several}".rstrip(), code="GF-U14")
        text = f"`{self.name}` takes {KINDS[self.kind]}, not {reprlib.repr(given)}."
        raise UsageError(text, remedy=f"Pass {KINDS[self.kind]}{EXAMPLES.get(self.kind, '')}.", code="GF-U14")


class Options:
    """Base of frozen dataclasses whose fields are options: they are brought into form and checked when they are made.

    A field is `name: Annotated[type, Option(help, …)] = default`; its name is the parameter and, with dashes, the flag.
    """

    declared: ClassVar[tuple[Declared, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls.declared = tuple(
            _declared(name, hint, getattr(cls, name))
            for name, hint in get_type_hints(cls, include_extras=True).items()
            if get_origin(hint) is Annotated
        )

    def __post_init__(self) -> None:
        for one in self.declared:
            object.__setattr__(self, one.name, one.checked(getattr(self, one.name)))

    def values(self, *effects: Effect) -> dict[str, Value]:
        """Return the values of the options with one of these effects by their names."""
        return {one.name: getattr(self, one.name) for one in self.declared if one.option.effect in effects}


def _declared(name: str, hint: object, default: Value) -> Declared:
    given, option = get_args(hint)
    kinds = get_args(given) if get_origin(given) in (Union, UnionType) else (given,)
    many = [kind for kind in kinds if get_origin(kind) is collections.abc.Sequence]
    single = get_args(many[0])[0] if many else next(kind for kind in (float, int, bool, str) if kind in kinds)
    return Declared(name, option, single, bool(many), type(None) in kinds, default)


def measured(given: str | float, unit: Literal["seconds", "bytes"], name: str) -> float:
    """Return the seconds of a text such as `90s`, `10m`, `2h` or `45`, or the bytes of one such as `1500MB` or `2GB`.

    Raises:
        UsageError: what is given for option `name` is neither that nor a number above 0.
    """
    seconds = unit == "seconds"
    number = given if not isinstance(given, str) else _counted(given, SECONDS if seconds else BYTES)
    if not 0 < number < math.inf:
        what, how, code = ("duration", "90s, 10m or 2h", "GF-U11") if seconds else ("size", "1500MB or 2GB", "GF-U15")
        raise UsageError(f"`{name}` {given!r} is no {what}.", remedy=f"Write {how}.", code=code)
    return number if seconds else int(number)


def _counted(text: str, factors: Mapping[str, int]) -> float:
    """Return a number with a unit; 0 where the text is none."""
    match = MEASURE.fullmatch(text.strip().lower())
    return float(match[1]) * factors.get(match[2], 0) if match else 0.0


def whole(name: str, given: object) -> int | None:
    """Return a whole number as Python's own, or None.

    Raises:
        UsageError: it is none.
    """
    if given is None:
        return None
    if not isinstance(given, bool) and isinstance(given, Integral):
        return int(given)
    text = f"`{name}` takes a whole number, not {reprlib.repr(given)}."
    raise UsageError(text, remedy="Pass a whole number, such as 12.", code="GF-U14")


def numbers(name: str, given: object) -> tuple[float, ...]:
    """Return one number, or several.

    Raises:
        UsageError: one is none.
    """
    found: list[float] = []
    for one in _listed(given):
        if isinstance(one, bool) or not isinstance(one, Real):
            text = f"`{name}` takes a number, not {reprlib.repr(one)}."
            raise UsageError(text, remedy="Pass a number, such as 80.", code="GF-U14")
        found.append(float(one))
    return tuple(found)


def texts(name: str, given: object) -> tuple[str, ...]:
    """Return one text, or several; a whole number is the text that is written so.

    Raises:
        UsageError: one is neither.
    """
    found = _listed(given)
    for one in found:
        if isinstance(one, bool) or not isinstance(one, (str, Integral)):
            text = f"`{name}` takes a text, not {reprlib.repr(one)}."
            raise UsageError(text, remedy="Pass a text, or several.", code="GF-U14")
    return tuple(map(str, found))


def one_text(name: str, given: object) -> str:
    """Return a single text.

    Raises:
        UsageError: it is none.
    """
    if isinstance(given, str):
        return given
    raise UsageError(f"`{name}` takes one text, not {reprlib.repr(given)}.", remedy="Pass a name.", code="GF-U14")


def _listed(given: object) -> list[object]:
    """Return one value, or several, or none."""
    if isinstance(given, Iterable) and not isinstance(given, (str, bytes)):
        return list(given)
    return [] if given is None else [given]

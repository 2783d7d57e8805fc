"""Records and configurations to plain JSON types and back, unknown keys refused.

A record is what one program writes as JSON and another reads: a report, the result of a trial, a message to a worker.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Sized
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import msgspec

from gruforecast.errors import ModelError, did_you_mean

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MAX_SHOWN = 1_000  # characters of a wrong text that a message repeats

JsonValue: TypeAlias = bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"] | None
Json: TypeAlias = Mapping[str, JsonValue]  # an object of plain JSON types
_T = TypeVar("_T")
_Config = TypeVar("_Config", bound="DataclassInstance")


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is written as JSON and read back: typed fields, and no others.

    A number that is not finite is written as null, so a field that may lack a number is `float | None`.
    """


def check_lengths(what: str, count: int, *parts: Sized) -> None:
    """Check that parts of a record that belong together are as long.

    Raises:
        ValueError: one is not.
    """
    if any(len(part) != count for part in parts):
        raise ValueError(f"the lengths of {what} differ")


def encoded(value: object) -> bytes:
    """Return a record, or anything made of records and plain types, as JSON."""
    return msgspec.json.encode(value)


def plain(value: object) -> JsonValue:
    """Return the plain JSON types of a record or of plain values: what is no finite number becomes None."""
    return _finite(msgspec.to_builtins(value))


def record(kind: type[_T], value: object, file: str) -> _T:
    """Return a record of class `kind` made of plain JSON types.

    Args:
        file: where they come from, for the message.

    Raises:
        ModelError: a key is unknown or missing, or a value is of another type or out of its bounds.
    """
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise ModelError(
            f"{str(error)[:MAX_SHOWN]}.",
            remedy="The file is damaged or from another version; fit the model again.",
            code="GF-M03",
            file=file,
        ) from error


def to_dict(config: DataclassInstance) -> dict[str, JsonValue]:
    """Return the fields of a configuration as plain JSON types."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(config).items()}


def from_dict(kind: type[_Config], mapping: Json, file: str) -> _Config:
    """Return a configuration of class `kind` read back from plain JSON types.

    Raises:
        ModelError: a key is unknown or missing, or a value is impossible.
    """
    known = [field.name for field in fields(kind)]
    remedy = "The folder is damaged or from another version; fit the model again."
    for name in mapping:
        if name not in known:
            raise ModelError(
                f"unknown key {str(name)[:MAX_SHOWN]!r}.{did_you_mean(name, known)}",
                remedy=remedy,
                code="GF-M03",
                file=file,
            )
    try:
        return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in mapping.items()})
    except (TypeError, ValueError) as error:
        raise ModelError(str(error)[:MAX_SHOWN], remedy=remedy, code="GF-M03", file=file) from error


def _finite(value: JsonValue) -> JsonValue:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value

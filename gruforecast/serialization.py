"""Dataclasses to plain JSON types and back, unknown keys refused."""

from __future__ import annotations

import math
from dataclasses import asdict, fields
from typing import Any, TypeVar

from gruforecast.errors import ModelError, did_you_mean

MAX_SHOWN = 1_000  # characters of a wrong text that a message repeats

_Config = TypeVar("_Config")


def to_dict(config: Any) -> dict[str, Any]:
    """Return the fields of a configuration as plain JSON types."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(config).items()}


def from_dict(kind: type[_Config], mapping: dict[str, Any], file: str) -> _Config:
    """Return a configuration of class `kind` read back from plain JSON types.

    Raises:
        ModelError: a key is unknown or missing, or a value is impossible.
    """
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    remedy = "The folder is damaged or from another version; fit the model again."
    for name in mapping:
        if name not in known:
            text = f"unknown key {str(name)[:MAX_SHOWN]!r}.{did_you_mean(name, known)}"
            raise ModelError(text, remedy=remedy, code="GF-M03", file=file)
    try:
        return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in mapping.items()})
    except (TypeError, ValueError) as error:
        raise ModelError(str(error)[:MAX_SHOWN], remedy=remedy, code="GF-M03", file=file) from error


def plain(value: Any) -> Any:
    """Return the plain JSON types: what is no finite number becomes None."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value

"""What is answered when a request is not: a status, a code, and which field is at fault."""

from __future__ import annotations

import json
from collections.abc import Mapping

from gruforecast.errors import GruforecastError
from gruforecast.serialization import JsonValue

Headers = Mapping[str, str]


class Refusal(Exception):  # noqa: N818 - it is an answer
    """An answer other than a forecast.

    Args:
        status: of HTTP.
        message: what was found and what was expected, without any path or version of this machine.
        field: place in the request, such as `series[0].y[3]`.
        close: whether the connection ends with the answer, because the rest of the request is not read.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str | None = None,
        headers: Headers | None = None,
        close: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.headers = headers or {}
        self.close = close

    @classmethod
    def of(cls, error: GruforecastError, field: str | None) -> Refusal:
        """Return the answer to an error of the package, without its remedy, which is for the command line."""
        return cls(422, error.code, error.message, field=field)

    def body(self) -> bytes:
        """Return the answer as JSON."""
        field = {} if self.field is None else {"field": self.field}
        return json.dumps({"error": {"code": self.code, "message": self.message, **field}}).encode()


def invalid(field: str, message: str, code: str = "GF-H09") -> Refusal:
    """Return the answer to a field that cannot be used."""
    return Refusal(422, code, message, field=field)


def shown(value: JsonValue, longest: int = 60) -> str:
    """Return a value of a request as short text for a message, written as in JSON."""
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= longest else f"{text[:longest]}…"

"""What reading a file has to say: a fact that was inferred, or something odd."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Level = Literal["info", "warning"]


@dataclass(frozen=True)
class Finding:
    """A sentence about the data, with what it is about.

    Attributes:
        code: stable identifier such as `GF-W21`, shown before the text; empty where nobody asks for it.
        line: physical line of the file; column: name; both where the finding is about one.
        level: `info` for what was inferred rather than given, `warning` for what is odd or was changed on the way.
    """

    text: str
    code: str = ""
    line: int | None = None
    column: str | None = None
    level: Level = "warning"

    def __str__(self) -> str:
        return f"{self.code} {self.text}".lstrip()


Findings: TypeAlias = tuple[Finding, ...]


def shown(findings: Iterable[Finding], level: Level) -> list[str]:
    """Return the findings of one level as they are shown to the user."""
    return [str(one) for one in findings if one.level == level]

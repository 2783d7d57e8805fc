"""What did not come out as it should in a fit, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Cause = Literal["limit", "crash", "other"]  # the limit of time of one training, a process that died, anything else


@dataclass(frozen=True)
class Note:
    """A warning, and its cause."""

    text: str
    cause: Cause


@dataclass
class Notes:
    """What the stages of a fit have to tell, each thing once.

    Attributes:
        given_up: what the time budget did not allow for.
        warnings: what else did not come out as it should.
    """

    given_up: list[str] = field(default_factory=list)
    warnings: list[Note] = field(default_factory=list)

    def give_up(self, part: str) -> None:
        """Note that time did not allow for a part."""
        self.given_up += [part] * (part not in self.given_up)

    def warn(self, text: str, cause: Cause = "other") -> None:
        """Note a warning."""
        note = Note(text, cause)
        self.warnings += [note] * (note not in self.warnings)

    @property
    def texts(self) -> list[str]:
        """The warnings, in words."""
        return [one.text for one in self.warnings]

    def has(self, *causes: Cause) -> bool:
        """Return whether a warning has one of these causes."""
        return any(one.cause in causes for one in self.warnings)


def cause_of(status: str, *, late: bool = False) -> Cause:
    """Return why a job did not give what it should."""
    return "limit" if late else "crash" if status == "crashed" else "other"

"""Where a command may write: not over what it reads, not into a model folder, which stays as `fit` made it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gruforecast.errors import UsageError


def check_places(model: str, read: Mapping[str, str | None], written: Mapping[str, str | None]) -> None:
    """Whether every file that is `written` can go where it is asked for.

    Args:
        model: the model folder.
        read: files that are read, by what the user calls them; written: by option. None: there is none.

    Raises:
        UsageError: one is no file name, lies in the model folder, or is a file that is read or written, too.
    """
    taken = {Path(path).resolve(): name for name, path in read.items() if path not in (None, "-") and path}
    for option, place in written.items():
        if place is None:
            continue
        if not place or Path(place).is_dir():
            raise UsageError(f"{option} {place!r} is no file name.", remedy="Give a file name.", code="GF-U22")
        target = Path(place).resolve()
        if (other := taken.get(target)) is not None:
            raise UsageError(f"{other} and {option} name one file.", remedy="Write to another file.", code="GF-U45")
        if target.is_relative_to(Path(model).resolve()):
            text = f"{option} {place!r} is in the model folder: a model never changes after fit."
            raise UsageError(text, remedy="Choose another place.", code="GF-U60")
        taken[target] = option

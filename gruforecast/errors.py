"""Typed errors: raised anywhere, public in Python, turned into words and exit codes in `cli/` only."""

from __future__ import annotations

import errno


class GruforecastError(Exception):
    """Base of all errors that a user can mend; the text of the exception is place, message and remedy.

    Options are written in backticks by the name of their parameter: `` `horizon` ``.

    Args:
        message: what was found and what was expected, without file, line or column.
        remedy: what to do.
        code: stable identifier such as `GF-D07`; `docs/errors.md` has all of them.
        file: name of the file that is refused, or path of a folder.
        line: physical line of the file; the header is line 1.
        column: name of the column.
        value: the cell as it stands there.

    Attributes:
        exit_code: with which the command line ends.
        row: the row of a data frame in words, its position and label, in the place of a line.

    >>> try:
    ...     raise DataError("'oops' is not a number.", remedy="Correct the cell.", code="GF-D30", file="a.csv", line=3)
    ... except GruforecastError as error:
    ...     print(error, error.code, error.line)
    a.csv line 3: 'oops' is not a number. Correct the cell. GF-D30 3
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        remedy: str,
        code: str,
        file: str | None = None,
        line: int | None = None,
        column: str | None = None,
        value: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.code = code
        self.file = file
        self.line = line
        self.row: str | None = None
        self.column = column
        self.value = value

    def __str__(self) -> str:
        place = self.file or ""
        if self.line is not None:
            place += f" line {self.line}" if self.row is None else f" row {self.row}"
        if self.column is not None:
            place += f'{"," if place else ""} column "{self.column}"'
        text = f"{place.strip()}: {self.message}" if place else self.message
        return f"{text} {self.remedy}"

    def to_dict(self) -> dict[str, str | int | None]:
        """Return the error as plain JSON types, the form of CLI option `--json`."""
        return {name: getattr(self, name) for name in ("code", "message", "file", "line", "column", "value", "remedy")}


class GruforecastWarning(UserWarning):
    """What is odd about data or a result, and no error."""


class UsageError(GruforecastError):
    """An option is impossible, or options do not fit together, to the data or to the model. Exit code 2."""

    exit_code = 2


class MissingCovariatesError(UsageError):
    """The model needs covariates for the steps ahead (`future`), and none are given."""


class DataError(GruforecastError):
    """The data are refused, because they cannot be read without guessing or are too few. Exit code 3."""

    exit_code = 3


class RepeatedRowError(DataError):
    """Rows of one series have the same time stamp, but different values."""


class FormError(DataError):
    """The input file has another form than the rest of it, or than the data that a model was fitted on."""


class ModelError(GruforecastError):
    """A model or run folder is refused: damaged, of another version, or not to be replaced. Exit code 4."""

    exit_code = 4


class ResourceError(GruforecastError):
    """The machine is at fault: disk, memory, permission, a lock, or a missing package. Exit code 5."""

    exit_code = 5


class SearchError(GruforecastError):
    """The search ended without a usable model: trials crashed, diverged or had no time. Exit code 6."""

    exit_code = 6


ENVIRONMENT_NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOMEM, errno.EMFILE, errno.EROFS)


def environment_error(error: BaseException) -> GruforecastError | None:
    """Return the error as one of ours if the machine is at fault: disk, memory, permission, a missing package."""
    if isinstance(error, ResourceError):
        return error
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        remedy = "Pass a smaller `workers`, or give fewer series or rows."
        return ResourceError("the memory of this machine is not enough.", remedy=remedy, code="GF-E06")
    if isinstance(error, ImportError):
        remedy = "Install gruforecast again with all its dependencies."
        return ResourceError(f"a package is missing or broken: {error}.", remedy=remedy, code="GF-E11")
    if isinstance(error, OSError) and (error.errno in ENVIRONMENT_NUMBERS or isinstance(error, PermissionError)):
        remedy = "Make room, or choose another place."
        file = str(error.filename) if error.filename else None
        return ResourceError(f"{error.strerror or error}.", remedy=remedy, code="GF-E07", file=file)
    return None


def did_you_mean(wrong: str, known: list[str]) -> str:
    """` Did you mean 'x'?` for the closest known name, or an empty string."""
    import difflib

    if len(wrong) > 100:  # no slip of the pen, and long texts take long to compare
        return ""
    close = difflib.get_close_matches(wrong, known, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def shorten(names: list[str], keep: int = 5) -> str:
    """Return the names as a comma list, cut after `keep` with the number of further ones."""
    text = ", ".join(repr(name) for name in names[:keep])
    rest = len(names) - keep
    return f"{text} and {rest} more" if rest > 0 else text

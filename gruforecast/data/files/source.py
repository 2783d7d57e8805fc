"""From a local file to text: limits, compression, encoding. Nothing is opened that is not on this machine."""

from __future__ import annotations

import codecs
import gzip
import io
import lzma
import os
import re
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, TypeAlias

from gruforecast.data.finding import Finding, Findings
from gruforecast.errors import DataError, UsageError

if TYPE_CHECKING:
    import pandas as pd

MAGIC = {
    b"PK\x03\x04": "a zip or Excel file",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "gzip data without the ending .gz",
    b"SQLite format 3": "an SQLite database",
}
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
MAC = re.compile(r"(^|/)(__MACOSX/|\._|\.DS_Store$)")  # what a Mac adds to a zip file
KANA = re.compile(b"[\x81\x82\x83\x8d\x8f\x90\x9d]")  # first bytes of kana, or of kanji and no letters in the West
BLOCK = 1 << 20
DAMAGED = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile, RuntimeError)
MIN_BOMB, MAX_RATIO = 100_000_000, 100  # what is unpacked may be so large, or so many times the packed size


class ArrowTable(Protocol):
    """A table of another library, such as polars or pyarrow."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the table as a stream that all libraries of Arrow read."""


Data: TypeAlias = "str | os.PathLike[str] | pd.DataFrame | pd.Series | ArrowTable"


@dataclass(frozen=True)
class Limits:
    """What a file may be at most; each has an option of its own.

    Attributes:
        bytes: of text, after unpacking.
        field: characters of one cell.
    """

    bytes: int = 2_000_000_000
    rows: int = 50_000_000
    columns: int = 2_000
    field: int = 1_000_000


def read_bytes(path: str, limits: Limits) -> bytes:
    """Return the content of a local file, unpacked; `-` is standard input.

    Raises:
        UsageError: `path` is not a local file.
        DataError: it is no regular file, cannot be read, is larger than allowed, or changes meanwhile.
    """
    require_local_file(path)
    name = name_of(path)
    if path == "-":
        return _up_to(sys.stdin.buffer, limits.bytes, name) if sys.stdin else b""
    target = Path(path)
    if not target.is_file():
        raise DataError("this is not a regular file.", remedy="Give a CSV file.", code="GF-D03", file=name)
    try:
        before = target.stat()
        with _opened(target, name) as stream:
            packed = target.suffix.lower() in (".gz", ".zip")
            most = max(MIN_BOMB, MAX_RATIO * before.st_size) if packed else limits.bytes
            raw = _up_to(stream, min(limits.bytes, most), name)
        after = target.stat()
    except DAMAGED as error:
        raise DataError(
            f"the packed data are damaged ({error}).", remedy="Copy it again.", code="GF-D04", file=name
        ) from error
    except OSError as error:
        raise DataError(
            f"it cannot be read: {error.strerror}.",
            remedy="Give yourself the right to read it, or copy it to another place.",
            code="GF-D05",
            file=name,
        ) from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise DataError(
            "the file changed while it was read.",
            remedy="Wait until whatever writes it has ended, or copy it first.",
            code="GF-D51",
            file=name,
        )
    return raw


def require_local_file(path: str) -> None:
    """Refuse a path that is not on this machine; `-` is standard input.

    Raises:
        UsageError: it is an address, or there is nothing of that name.
    """
    if "://" in path:
        raise UsageError(
            f"{path} is not a local file.", remedy="Download it first and give the path of a local file.", code="GF-U01"
        )
    if path != "-" and not os.path.lexists(path):
        raise UsageError("there is no such file.", remedy="Check the path.", code="GF-U02", file=str(path))


def name_of(data: Data) -> str:
    """Return the name of data for messages: that of a file, without where it is."""
    if not isinstance(data, (str, os.PathLike)):
        return "data frame"
    return "stdin" if data == "-" else Path(data).name


@contextmanager
def _opened(target: Path, name: str) -> Iterator[IO[bytes]]:
    if target.suffix.lower() == ".zip":
        with zipfile.ZipFile(target) as archive:
            members = [info for info in archive.infolist() if not (info.is_dir() or MAC.search(info.filename))]
            if len(members) != 1:
                raise DataError(
                    f"the zip file holds {len(members)} files.",
                    remedy="Unpack it and pass one of them.",
                    code="GF-D52",
                    file=name,
                )
            with archive.open(members[0]) as stream:
                yield stream
    else:
        with gzip.open(target) if target.suffix.lower() == ".gz" else target.open("rb") as stream:
            yield stream  # type: ignore[misc]


def _up_to(stream: IO[bytes], limit: int, name: str) -> bytes:
    whole = io.BytesIO()
    while block := stream.read(BLOCK):
        whole.write(block)
        if whole.tell() > limit:
            raise DataError(
                f"there are more than {limit} bytes.",
                remedy="Split or aggregate the file first, or pass a larger `max_bytes` (packed files: unpack them"
                " first).",
                code="GF-D06",
                file=name,
            )
    return whole.getvalue()


def decode(raw: bytes, name: str, encoding: str | None) -> tuple[str, Findings]:
    """Return the text of a file, and findings.

    UTF-8, and UTF-16 with its mark, are read as they are. For others the encoding is inferred from the bytes, with a
    warning: digits, signs and separators are the same in all of them, only letters may differ.

    Args:
        encoding: the user's choice; it must fit every byte.

    Raises:
        DataError: this is no text, or not in that encoding.
    """
    for magic, kind in MAGIC.items():
        if raw.startswith(magic):
            raise DataError(
                f"this is {kind}, not text.", remedy="Save it as CSV and pass that file.", code="GF-D07", file=name
            )
    text, findings = _decoded(raw, name, encoding)
    if "\0" in text:
        raise DataError(
            "there is a NUL byte.",
            remedy="Remove it; the file may be damaged, or UTF-16 without its mark (`encoding='utf-16-le'`).",
            code="GF-D09",
            file=name,
            line=len(text[: text.index("\0")].splitlines(keepends=True)) or 1,
        )
    return text.removeprefix("\ufeff"), findings


def _decoded(raw: bytes, name: str, encoding: str | None) -> tuple[str, Findings]:
    if encoding or raw.startswith(UTF16):
        chosen = encoding or "utf-16"
        try:
            return raw.decode(chosen), () if encoding else (Finding("read as UTF-16"),)
        except UnicodeDecodeError as error:
            raise _not_in(chosen, raw, name, error) from error
        except (LookupError, UnicodeError) as error:
            what = "is unknown" if isinstance(error, LookupError) else f"does not fit: {error}"
            raise UsageError(
                f"`encoding` {chosen!r} {what}.",
                remedy="Use utf-8, utf-16, latin-1, cp1252 or shift-jis, for example.",
                code="GF-U30",
            ) from error
    try:
        return raw.decode("utf-8-sig"), ()
    except UnicodeDecodeError as error:
        guess = _guessed(raw)
        if guess is None:
            raise _not_in("utf-8", raw, name, error) from error
        line = _line_at(raw, error.start)
        text = f"line {line} is not UTF-8 (byte 0x{raw[error.start]:02x}): read as {guess}; `encoding` names another"
        return raw.decode(guess), (Finding(text, line=line),)


def _guessed(raw: bytes) -> str | None:
    """Return the encoding that the bytes that are not ASCII speak for; None where this does not look like text."""
    high = sum(byte > 127 for byte in raw[:BLOCK])
    control = sum(byte < 32 and byte not in b"\t\n\r\f" for byte in raw[:BLOCK])
    if control or not high or (b"\n" not in raw[:BLOCK] and b"\r" not in raw[:BLOCK]):
        return None
    for encoding in ("shift_jis", "cp1252", "latin-1"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding != "shift_jis" or (KANA.search(raw) and _is_japanese(text)):
            return encoding
    return None


def _is_japanese(text: str) -> bool:
    """Return whether most letters beyond ASCII are kana or kanji of two bytes, rarely so where Western text is read."""
    foreign = [mark for mark in text[:BLOCK] if ord(mark) > 127]
    wide = sum("\u3040" <= mark <= "\u30ff" or "\u4e00" <= mark <= "\u9fff" for mark in foreign)
    return 10 * wide >= 9 * len(foreign)


def _not_in(encoding: str, raw: bytes, name: str, error: UnicodeDecodeError) -> DataError:
    return DataError(
        f"byte 0x{raw[error.start]:02x} is not {encoding.upper()}.",
        remedy="Pass the right one with `encoding`, or save the file as UTF-8.",
        code="GF-D08",
        file=name,
        line=_line_at(raw, error.start),
    )


def _line_at(raw: bytes, place: int) -> int:
    """Return the physical line of a byte, whatever ends lines."""
    return len(re.findall(b"\r\n|\r|\n", raw[:place])) + 1

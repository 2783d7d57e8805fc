"""Reading what a stranger may have written: plain files of known size, as strict JSON and plain arrays.

Nothing here can do more than fail. A file is opened only if it is a regular one with a single name, below its folder
and reached through no link. What is read and allocated is bounded before it is read and allocated.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import IO, TypeVar

import msgspec
import numpy as np

from gruforecast.arrays import Array
from gruforecast.errors import ModelError, did_you_mean
from gruforecast.serialization import JsonValue, Record

REMEDY = "The folder is damaged; fit the model again."
MAX_JSON = 64_000_000  # bytes of one JSON file: a million series with ids of 40 characters
MAX_VALUES = 2_500_000  # values in it: those series again, each a list in a list
MAX_DIGITS = 20  # of a whole number
HEADER = re.compile(
    rb"\{'descr': '(?P<type><f8|<f4|<i8|[|]b1)', 'fortran_order': (?P<fortran>True|False),"
    rb" 'shape': \((?P<shape>[\d, ]*)\),? \} *\n"
)
MAX_HEADER = 4096  # bytes that an array file has before its numbers, at most
MAX_NAME = 200  # characters of a file's name; also those of hostile text that a message repeats
Wanted = Mapping[str, tuple[tuple[int, ...], str]]  # shape and type of each array
_Record = TypeVar("_Record", bound=Record)


@contextlib.contextmanager
def opened(folder: Path, name: str) -> Iterator[tuple[int, int]]:
    """Descriptor and size of the regular file `name`, a path with `/` that `check_name` allows, below `folder`.

    Raises:
        ModelError: it is missing, or a link, FIFO, device or folder stands in its place.
    """
    file = str(folder / name)
    with contextlib.ExitStack() as stack:
        try:
            *folders, last = name.split("/")
            here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, here)
            for part in folders:
                here = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
                stack.callback(os.close, here)
            _require_plain(os.stat(last, dir_fd=here, follow_symlinks=False), file)  # opening a device may do something
            descriptor = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=here)
            stack.callback(os.close, descriptor)
            facts = os.fstat(descriptor)
            _require_plain(facts, file)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENAMETOOLONG):
                raise damaged("the file is missing.", "GF-M07", file) from error
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise _no_plain_file("a link stands in its place", file) from error
            raise
        yield descriptor, facts.st_size


def _require_plain(facts: os.stat_result, file: str) -> None:
    if not stat.S_ISREG(facts.st_mode):
        kinds = ((stat.S_ISLNK, "link"), (stat.S_ISDIR, "folder"), (stat.S_ISFIFO, "FIFO"), (stat.S_ISSOCK, "socket"))
        kind = next((name for test, name in kinds if test(facts.st_mode)), "device")
        raise _no_plain_file(f"a {kind} stands in its place", file)
    if facts.st_nlink != 1:
        raise _no_plain_file(f"the same file has {facts.st_nlink} names (hard links)", file)


def _no_plain_file(reason: str, file: str) -> ModelError:
    remedy = "If you trust the folder, make a plain copy of it (cp -rL)." if "link" in reason else REMEDY
    return ModelError(f"this is no plain file: {reason}.", remedy=remedy, code="GF-M20", file=file)


def check_name(name: str, file: str) -> str:
    """Return a file's name below its folder, if it is plain: parts joined by `/`, none of them special.

    Raises:
        ModelError: it is not.
    """
    if 0 < len(name) <= MAX_NAME and name.isprintable():
        parts = name.split("/")
        if not ("\\" in name or ":" in name or any(part in ("", ".", "..") for part in parts)):
            return name
    raise damaged(f"{repr(name)[:MAX_NAME]} is no plain name of a file.", "GF-M21", file)


def read_plain(folder: Path, name: str, max_size: int, sha256: str | None = None) -> bytes:
    """Return the content of a plain file of at most `max_size` bytes, with this digest where one is given.

    Raises:
        ModelError: it is missing, no plain file, larger, or another one.
    """
    file = str(folder / name)
    with opened(folder, name) as (descriptor, size):
        if size > max_size:
            raise damaged(
                f"the file has {size:,} bytes, {max_size:,} at most fit to the rest.",
                "GF-M22",
                file,
            )
        with open(descriptor, "rb", closefd=False) as stream:
            content = stream.read(size)
    if len(content) != size or (sha256 is not None and hashlib.sha256(content).hexdigest() != sha256):
        raise changed(file)
    return content


def damaged(message: str, code: str, file: str) -> ModelError:
    """Return the error about a file that is not as this package writes it."""
    return ModelError(message, remedy=REMEDY, code=code, file=file)


def changed(file: str) -> ModelError:
    """Return the error about a file that has another digest than it should."""
    return damaged("the file is not the one that was saved.", "GF-M08", file)


def parse_json(content: bytes, file: str) -> JsonValue:
    """Return what strict JSON says: UTF-8, no key twice, finite numbers, whole ones of few digits, writable text.

    Raises:
        ModelError: it is something else, or holds too many values.
    """
    try:
        values = values_in(content)
        if len(content) > MAX_JSON or values > MAX_VALUES:
            raise ValueError(f"{len(content):,} bytes and {values:,} values are too many")  # noqa: TRY301 - worded below
        parsed: JsonValue = json.loads(
            content.decode(),
            object_pairs_hook=_unique,
            parse_constant=_no_number,
            parse_float=_finite,
            parse_int=_whole,
        )
        if b"\\u" in content:
            json.dumps(parsed, ensure_ascii=False).encode()  # half of a pair of surrogates is no text
    except (ValueError, RecursionError) as error:
        raise damaged(f"this is no readable JSON ({str(error)[:MAX_NAME]}).", "GF-M09", file) from error
    return parsed


def values_in(content: bytes) -> int:
    """Return how many values JSON has at most."""
    return sum(content.count(mark) for mark in (b",", b"[", b"{"))


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in mapping if names.count(name) > 1) if len(pairs) < 1000 else "?"
        raise ValueError(f"the key {twice[:MAX_NAME]!r} stands there twice")
    return mapping


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:MAX_DIGITS]} is too large")
    return number


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a whole number has {len(text)} digits")
    return int(text)


def typed(kind: type[_Record], value: JsonValue, file: str) -> _Record:
    """Return a record of class `kind` made of what was parsed.

    Raises:
        ModelError: a key is missing or unknown, or a value is of another type or out of its bounds.
    """
    if not isinstance(value, dict):
        raise damaged(f"there should be keys and values, not {type(value).__name__}.", "GF-M03", file)
    required = {field.encode_name: field.required for field in msgspec.structs.fields(kind)}
    for name in value:
        if name not in required:
            raise damaged(f"unknown key {name[:MAX_NAME]!r}.{did_you_mean(name, list(required))}", "GF-M03", file)
    for name, must in required.items():
        if must and name not in value:
            raise damaged(f"the key {name!r} is missing.", "GF-M03", file)
    try:
        return msgspec.convert(value, kind)
    except ValueError as error:
        text = f"a value is of another kind than it should be: {str(error)[:MAX_NAME]}."
        raise damaged(text, "GF-M05", file) from error


def require(fits: bool, text: str) -> None:
    """Refuse contents that do not fit together; the caller says in which file.

    Raises:
        ValueError: with this text.
    """
    if not fits:
        raise ValueError(text)


def max_bytes(wanted: Wanted) -> int:
    """Return the bytes that a file with these arrays has at most."""
    return 1000 + sum(_bytes(*kind) + MAX_HEADER + 8 * len(name.encode()) for name, kind in wanted.items())


def _bytes(shape: tuple[int, ...], kind: str) -> int:
    return math.prod(shape) * np.dtype(kind).itemsize


def arrays_of(content: bytes, wanted: Wanted, file: str, may_miss: Collection[str] = ()) -> dict[str, Array]:
    """Return the arrays of an `.npz` file, which must have exactly the `wanted` names, shapes and types.

    Numbers must be finite; arrays in `may_miss` may hold NaN.

    Raises:
        ModelError: something else is there.
    """
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            infos = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            files = sorted(info.filename for info in archive.infolist())
            text = f"its arrays are {[file.removesuffix('.npy') for file in files]}"
            require(files == sorted(f"{name}.npy" for name in wanted), text)
            stored = all(info.compress_type == zipfile.ZIP_STORED for info in infos.values())
            require(stored, "they are compressed, and might become any size")
            arrays = {name: _array(archive, info, *wanted[name]) for name, info in infos.items()}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise damaged(f"the arrays cannot be read ({str(error)[:MAX_NAME]}).", "GF-M10", file) from error
    for name, array in arrays.items():
        if np.isinf(array).any() if name in may_miss else not np.isfinite(array).all():
            raise damaged(f"array {name!r} is not finite.", "GF-M06", file)
    return arrays


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, shape: tuple[int, ...], kind: str) -> Array:
    """Return one array of known shape and type; size and header are compared before any number is read."""
    wrong = ValueError(f"{info.filename[:MAX_NAME]} does not have the shape {shape}")
    if info.file_size > _bytes(shape, kind) + MAX_HEADER:
        raise wrong
    with archive.open(info) as stream:
        stored, fortran, dtype = _header(stream)
        if stored != shape or dtype != np.dtype(kind):
            raise wrong
        raw = stream.read(_bytes(shape, kind) + 1)
    if len(raw) != _bytes(shape, kind) or (kind == "b1" and max(raw, default=0) > 1):
        raise wrong
    return np.array(np.frombuffer(raw, dtype=dtype).reshape(shape, order="F" if fortran else "C"), order="C")


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Return the shape, order and type before an array's numbers, read by a pattern: numpy would parse a literal."""
    width = {b"\x93NUMPY\x01\x00": 2, b"\x93NUMPY\x02\x00": 4}.get(stream.read(8))
    length = int.from_bytes(stream.read(width or 0), "little")
    match = HEADER.fullmatch(stream.read(length)) if length <= MAX_HEADER else None
    if match is None:
        raise ValueError("an array has no header that is read here")
    shape = tuple(int(part) for part in match["shape"].split(b",") if part.strip())
    return shape, match["fortran"] == b"True", np.dtype(match["type"].decode())

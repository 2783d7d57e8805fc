"""The manifest of a model folder: what it is, who wrote it, and the digest of every file, its own included."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gruforecast.artifact.safe_reading import (
    changed,
    check_keys,
    check_name,
    damaged,
    opened,
    parse_json,
    read_plain,
)
from gruforecast.errors import ModelError
from gruforecast.execution.atomic_files import file_digest, write_file
from gruforecast.version import __version__

FORMAT = 1
NAME = "manifest.json"
MAX_MANIFEST = 1_000_000  # bytes; a real one has some thousand
MAX_FILES = 1_000
LIGHT = ("model.json", "weights.npz", "calibration.npz", "context.npz")  # what a forecast needs; bounded by the model
MAX_BYTES = 400_000_000  # of all other files together: more would be read for seconds only to be checked
DIGEST = re.compile(r"[0-9a-f]{64}")
NO_DIGEST = "0" * 64
MUST = ("format", "gruforecast", "files", "sha256")
# what `fit` adds: what it was, how it went, and whether it is the same again
MAY = ("fingerprint", "trials", "audit", "cut_at", "late_at", "versions", "data", "chosen", "scores", "evidence",
       "verdict", "parity", "saved_model")  # fmt: skip


def json_bytes(content: Any) -> bytes:
    """Return strict JSON (no NaN) for people to read."""
    return (json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode()


def seal(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write the manifest with `facts`, keys of `MAY`, and the digest of every file; no folder without it is a model."""
    files = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": file_digest(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / NAME
    }
    content = json_bytes({"format": FORMAT, "gruforecast": __version__, **facts, "files": files, "sha256": NO_DIGEST})
    before, _, after = content.rpartition(NO_DIGEST.encode())
    write_file(folder / NAME, before + hashlib.sha256(content).hexdigest().encode() + after)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a model folder, as it was written; the files it names are not looked at.

    Raises:
        ModelError: there is no such folder, it is no model, was changed, or is from a newer version.
    """
    place, file = str(folder), str(folder / NAME)
    if not folder.is_dir():
        raise ModelError(
            "there is no such model folder.",
            remedy="Give the folder that gruforecast fit wrote (gruforecast_model by default).",
            code="GF-M01",
            file=place,
        )
    if not (folder / NAME).exists() and not (folder / NAME).is_symlink():
        raise ModelError(
            "there is no manifest.json: this is no model folder.",
            remedy="Give a folder that gruforecast fit wrote.",
            code="GF-M02",
            file=place,
        )
    content = read_plain(folder, NAME, MAX_MANIFEST)
    manifest = parse_json(content, file)
    _check_format(manifest, place)
    check_keys(manifest, MUST, file, MAY)
    digest = manifest["sha256"]
    if not _is_digest(digest):
        raise changed(file)
    before, _, after = content.rpartition(digest.encode())
    if hashlib.sha256(before + NO_DIGEST.encode() + after).hexdigest() != digest:
        raise changed(file)
    _check_facts(manifest, file)
    _check_list(manifest["files"], file)
    return manifest


def _check_format(manifest: Any, place: str) -> None:
    number = manifest.get("format") if isinstance(manifest, dict) else None
    if number == FORMAT and not isinstance(number, bool):
        return
    by = str(manifest.get("gruforecast", "?") if isinstance(manifest, dict) else "?")[:40]
    text = f"the model was written by gruforecast {by} in another format; this is {__version__}."
    remedy = "Fit it again with this version, or use that one."
    if isinstance(number, int) and number > FORMAT:
        text = f"the model was written by gruforecast {by} in format {number}; "
        text += f"you have {__version__}, for format {FORMAT}."
        remedy = f"Upgrade: pip install 'gruforecast>={by}'."
    raise ModelError(text, remedy=remedy, code="GF-M04", file=place)


def _check_list(files: Any, file: str) -> None:
    """Refuse a list of files that is none: plain names, sizes and digests."""
    if not isinstance(files, dict) or len(files) > MAX_FILES:
        raise damaged(f"the list of files is none, or names more than {MAX_FILES}.", "GF-M05", file)
    total = 0
    for name, facts in files.items():
        check_name(name, file)
        size = check_keys(facts, ("bytes", "sha256"), file)["bytes"]
        if not isinstance(size, int) or isinstance(size, bool) or size < 0 or not _is_digest(facts["sha256"]):
            raise damaged(f"size or digest of {name!r} is impossible.", "GF-M05", file)
        total += 0 if name in LIGHT else size
    if total > MAX_BYTES:
        raise damaged(
            f"export and report have {total:,} bytes; at most {MAX_BYTES:,} are read.",
            "GF-M22",
            file,
        )


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_value(value: object) -> bool:
    return value is None or isinstance(value, (int, float, str))


def _is_table(value: object) -> bool:
    """Return whether these are names with single values, or with names with single values."""
    return isinstance(value, dict) and all(
        all(map(_is_value, one.values())) if isinstance(one, dict) else _is_value(one) for one in value.values()
    )


def _is_shallow(value: object, depth: int = 8) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth > 0 and all(_is_shallow(part, depth - 1) for part in parts)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


KINDS: dict[str, Callable[[object], bool]] = {
    "gruforecast": _is_text,
    "fingerprint": _is_text,
    "trials": _is_count,
    "audit": _is_text,
    "cut_at": lambda value: value is None or _is_number(value),
    "late_at": lambda value: value is None or _is_number(value),
    "versions": lambda value: isinstance(value, dict) and all(map(_is_text, value.values())),
    "data": _is_table,
    "chosen": _is_table,
    "scores": lambda value: isinstance(value, dict) and all(map(_is_table, value.values())),
    "evidence": lambda value: value is None or _is_table(value),
    "verdict": _is_text,
    "parity": _is_number,
    "saved_model": _is_shallow,
}


def _check_facts(manifest: dict[str, Any], file: str) -> None:
    for name, is_right in KINDS.items():
        if name in manifest and not is_right(manifest[name]):
            raise damaged(f"{name!r} is of another kind than it should be.", "GF-M05", file)


def check_files(folder: Path, manifest: dict[str, Any]) -> None:
    """Compare every file that the manifest names with its size and digest.

    Raises:
        ModelError: one is missing, no plain file, or was changed.
    """
    for name in manifest["files"]:
        check_file(folder, manifest, name)


def check_file(folder: Path, manifest: dict[str, Any], name: str) -> None:
    """Compare one file with its size and digest.

    Raises:
        ModelError: it is not in the manifest, missing, no plain file, or was changed.
    """
    wanted = listed(folder, manifest, name)
    with opened(folder, name) as (descriptor, size):
        if size != wanted["bytes"]:
            raise changed(str(folder / name))
        with open(descriptor, "rb", closefd=False) as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != wanted["sha256"]:
        raise changed(str(folder / name))


def listed(folder: Path, manifest: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the size and digest of a file that a model cannot be without.

    Raises:
        ModelError: the manifest does not name it.
    """
    wanted: dict[str, Any] | None = manifest["files"].get(name)
    if wanted is None:
        raise damaged("the manifest does not name this file.", "GF-M07", str(folder / name))
    return wanted

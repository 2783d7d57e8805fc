"""The manifest of a model folder: what it is, who wrote it, and the digest of every file, its own included."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gruforecast.artifact.safe_reading import changed, check_name, damaged, opened, parse_json, read_plain, typed
from gruforecast.errors import ModelError
from gruforecast.execution.atomic_files import file_digest, write_file
from gruforecast.serialization import Json, JsonValue, Record
from gruforecast.version import __version__

FORMAT = 1
NAME = "manifest.json"
MAX_MANIFEST = 1_000_000  # bytes; a real one has some thousand
MAX_FILES = 1_000
LIGHT = ("model.json", "weights.npz", "calibration.npz", "context.npz")  # what a forecast needs; bounded by the model
MAX_BYTES = 400_000_000  # of all other files together: more would be read for seconds only to be checked
NO_DIGEST = "0" * 64
Digest: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Count: TypeAlias = Annotated[int, Meta(ge=0)]
Value: TypeAlias = bool | int | float | str | None
Table: TypeAlias = dict[str, Value | dict[str, Value]]


class TensorRecord(Record, omit_defaults=True, frozen=True):
    """One input or output of an exported graph, for people who call it.

    Attributes:
        meaning: in words; column: the user's name; categories: texts whose place in this list is what is passed.
    """

    name: str
    dtype: str
    shape: str
    meaning: str = msgspec.field(name="is", default="")
    column: str = ""
    categories: list[str] = []


class SignatureRecord(Record, omit_defaults=True, frozen=True):
    """What an exported graph takes and gives.

    Attributes:
        signature: its name; not set in formats where signatures have none.
        quantile_levels: ascending shares; 0.5 stands for the point forecast.
        parity: largest relative difference between its forecasts and those of `predict`, where it was compared.
    """

    signature: str | UnsetType
    inputs: list[TensorRecord]
    outputs: list[TensorRecord]
    quantile_levels: list[float]
    horizon: int
    lookback: int
    parity: float | None = None


class ShownFacts(Record, kw_only=True, frozen=True):
    """What `fit` says of a model in its manifest, and `show` repeats; a model that was made otherwise may lack it.

    Attributes:
        verdict: what the test set says, in words; evidence: the test behind it, None where the naive forecast has won.
        scores: of the winner and of what it was compared with.
        chosen: the best network; data: what the model was fitted on.
        audit: which leak audit was run; parity: difference between SavedModel and `predict`, see `SignatureRecord`.
    """

    verdict: str | UnsetType = UNSET
    scores: dict[str, Table] | UnsetType = UNSET
    evidence: Table | UnsetType | None = UNSET
    chosen: Table | UnsetType = UNSET
    data: Table | UnsetType = UNSET
    trials: Count | UnsetType = UNSET
    audit: str | UnsetType = UNSET
    parity: float | UnsetType = UNSET
    versions: dict[str, str] | UnsetType = UNSET
    saved_model: SignatureRecord | UnsetType = UNSET


class FitFacts(ShownFacts, kw_only=True, frozen=True):
    """All that `fit` says of a model in its manifest.

    Attributes:
        fingerprint: digest of data, options and version, by which the same command finds its model again.
        cut_at, late_at: seconds of the limits that cut the search or a training; None for those that did not.
    """

    fingerprint: str | UnsetType = UNSET
    cut_at: float | UnsetType | None = UNSET
    late_at: float | UnsetType | None = UNSET


NO_FACTS = FitFacts()


class FileFacts(Record, frozen=True):
    """Size and digest of one file."""

    bytes: Count
    sha256: Digest


class Manifest(FitFacts, kw_only=True, frozen=True):
    """The manifest of a model folder.

    Attributes:
        gruforecast: the version that wrote it; files: all of the folder but the manifest itself.
        sha256: of the manifest, with zeros in this place.
    """

    format: int
    gruforecast: str
    files: dict[str, FileFacts]
    sha256: str


def json_bytes(content: Record | JsonValue) -> bytes:
    """Return strict JSON (no NaN) for people to read."""
    plain = msgspec.to_builtins(content)
    return (json.dumps(plain, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode()


def seal(folder: Path, facts: FitFacts = NO_FACTS) -> None:
    """Write the manifest with `facts` and the digest of every file; no folder without it is a model."""
    files = {
        path.relative_to(folder).as_posix(): FileFacts(path.stat().st_size, file_digest(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / NAME
    }
    known = {name: getattr(facts, name) for name in FitFacts.__struct_fields__}
    manifest = Manifest(format=FORMAT, gruforecast=__version__, **known, files=files, sha256=NO_DIGEST)
    content = json_bytes(manifest)
    before, _, after = content.rpartition(NO_DIGEST.encode())
    write_file(folder / NAME, before + hashlib.sha256(content).hexdigest().encode() + after)


def read_manifest(folder: Path) -> Manifest:
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
    parsed = parse_json(content, file)
    facts = _of_known_format(parsed, place)
    if "sha256" in facts and not _is_own_digest(str(facts["sha256"]), content):
        raise changed(file)
    manifest = typed(Manifest, parsed, file)
    _check_list(manifest.files, file)
    return manifest


def _of_known_format(manifest: JsonValue, place: str) -> Json:
    facts = manifest if isinstance(manifest, Mapping) else {}
    number, by = facts.get("format"), str(facts.get("gruforecast", "?"))[:40]
    if number == FORMAT and not isinstance(number, bool):
        return facts
    text = f"the model was written by gruforecast {by} in another format; this is {__version__}."
    remedy = "Fit it again with this version, or use that one."
    if isinstance(number, int) and number > FORMAT:
        text = f"the model was written by gruforecast {by} in format {number}; "
        text += f"you have {__version__}, for format {FORMAT}."
        remedy = f"Upgrade: pip install 'gruforecast>={by}'."
    raise ModelError(text, remedy=remedy, code="GF-M04", file=place)


def _is_own_digest(digest: str, content: bytes) -> bool:
    before, found, after = content.rpartition(digest.encode() or NO_DIGEST.encode())
    return bool(found) and hashlib.sha256(before + NO_DIGEST.encode() + after).hexdigest() == digest


def _check_list(files: dict[str, FileFacts], file: str) -> None:
    """Refuse names that lead elsewhere, and more files or bytes than are read."""
    if len(files) > MAX_FILES:
        raise damaged(f"the list of files names more than {MAX_FILES}.", "GF-M05", file)
    total = sum(facts.bytes for name, facts in files.items() if check_name(name, file) not in LIGHT)
    if total > MAX_BYTES:
        text = f"export and report have {total:,} bytes; at most {MAX_BYTES:,} are read."
        raise damaged(text, "GF-M22", file)


def check_files(folder: Path, manifest: Manifest) -> None:
    """Compare every file that the manifest names with its size and digest.

    Raises:
        ModelError: one is missing, no plain file, or was changed.
    """
    for name in manifest.files:
        check_file(folder, manifest, name)


def check_same(folder: Path, loaded: Manifest) -> None:
    """Check that a folder still holds what was loaded.

    Raises:
        ModelError: it is gone, or another model took its place.
    """
    if read_manifest(folder).sha256 != loaded.sha256:
        text = "another model took the place of the one that was loaded."
        raise ModelError(text, remedy="Load it again with gruforecast.load.", code="GF-M32", file=str(folder))


def check_file(folder: Path, manifest: Manifest, name: str) -> None:
    """Compare one file with its size and digest.

    Raises:
        ModelError: it is not in the manifest, missing, no plain file, or was changed.
    """
    wanted = listed(folder, manifest, name)
    with opened(folder, name) as (descriptor, size):
        if size != wanted.bytes:
            raise changed(str(folder / name))
        with open(descriptor, "rb", closefd=False) as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != wanted.sha256:
        raise changed(str(folder / name))


def listed(folder: Path, manifest: Manifest, name: str) -> FileFacts:
    """Return the size and digest of a file that a model cannot be without.

    Raises:
        ModelError: the manifest does not name it.
    """
    wanted = manifest.files.get(name)
    if wanted is None:
        raise damaged("the manifest does not name this file.", "GF-M07", str(folder / name))
    return wanted

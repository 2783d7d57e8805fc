"""The report in a model folder, and the explanation that is a part of it."""

from __future__ import annotations

import contextlib
from pathlib import Path

from gruforecast.artifact.manifest import check_files, read_manifest
from gruforecast.artifact.safe_reading import MAX_JSON, parse_json, read_plain
from gruforecast.errors import ModelError
from gruforecast.explain.records import Explanation
from gruforecast.report.report import Report
from gruforecast.serialization import JsonValue, record

REPORT = "report.json"


def stored_report(folder: str | Path) -> Report:
    """Return the report in a model folder, all of whose files are as they were saved.

    Raises:
        ModelError: the folder is refused, or holds no report, or that of another version.
    """
    content, file = _content(Path(folder))
    try:
        return record(Report, content, file)
    except ModelError as error:  # the file is as it was written, so whoever wrote it is another
        text = f"another version of gruforecast wrote this report: {error.message}"
        raise ModelError(text, remedy="Fit again with --overwrite.", code="GF-M30", file=file) from error


def stored_explanation(folder: str | Path) -> Explanation | None:
    """Return the part `explain` of the report; None where no row may be shown, or where another version wrote it.

    Raises:
        ModelError: the folder is refused, or holds no report.
    """
    content, file = _content(Path(folder))
    with contextlib.suppress(ModelError):
        return record(Report, content, file).explain
    return None


def _content(folder: Path) -> tuple[JsonValue, str]:
    """Return what the report's file holds, and its name."""
    manifest, file = read_manifest(folder), str(folder / REPORT)
    if REPORT not in manifest.files:
        remedy = "Give the folder that gruforecast fit wrote."
        raise ModelError("this folder holds no report.", remedy=remedy, code="GF-M31", file=str(folder))
    check_files(folder, manifest)
    return parse_json(read_plain(folder, REPORT, MAX_JSON, manifest.files[REPORT].sha256), file), file

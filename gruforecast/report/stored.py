"""The report in a model folder, and the explanation that is a part of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gruforecast.artifact.manifest import check_files, read_manifest
from gruforecast.artifact.safe_reading import MAX_JSON, parse_json, read_plain
from gruforecast.errors import ModelError

REPORT = "report.json"
FORMAT = 1
KEYS = ("network", "gates", "memory", "resets")


def stored_report(folder: str | Path) -> dict[str, Any]:
    """Return the report in a model folder, all of whose files are as they were saved.

    Raises:
        ModelError: the folder is refused, or holds no report.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    if REPORT not in manifest["files"]:
        remedy = "Give the folder that gruforecast fit wrote."
        raise ModelError("this folder holds no report.", remedy=remedy, code="GF-M31", file=str(folder))
    check_files(folder, manifest)
    content = read_plain(folder, REPORT, MAX_JSON, manifest["files"][REPORT]["sha256"])
    report = parse_json(content, str(folder / REPORT))
    if not isinstance(report, dict):
        raise ModelError(
            "the report is no JSON object.", remedy="Fit the model again.", code="GF-M30", file=str(folder / REPORT)
        )
    return report


def stored_explanation(folder: str | Path) -> dict[str, Any] | None:
    """Return the part `explain` of the report; None where there is none.

    Raises:
        ModelError: the folder is refused, or holds no report.
    """
    explained = stored_report(folder).get("explain")
    if not isinstance(explained, dict) or explained.get("format") != FORMAT:
        return None
    return explained if all(isinstance(explained.get(key), dict) for key in KEYS) else None

"""What `fit` has found inside the chosen network, read back from the report in a model folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gruforecast.artifact.folder import read_manifest
from gruforecast.durable import file_digest

FORMAT = 1
MOST_BYTES = 500_000_000
KEYS = ("network", "gates", "memory", "resets")


def stored_explanation(folder: str | Path) -> dict[str, Any] | None:
    """The part `explain` of `report.json`; None where there is none, or where the file is not the one that was saved.

    Raises:
        ModelError: the folder holds no model.
    """
    path = Path(folder) / "report.json"
    digest = read_manifest(Path(folder))["files"].get("report.json")
    if not path.is_file() or path.stat().st_size > MOST_BYTES or file_digest(path) != digest:
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8")).get("explain")
    except (ValueError, AttributeError, RecursionError):
        return None
    whole = isinstance(found, dict) and found.get("format") == FORMAT
    return found if whole and all(isinstance(found.get(key), dict) for key in KEYS) else None

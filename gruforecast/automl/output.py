"""Where a `fit` writes: whether the model is already there, and whether the place may be taken."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

from msgspec import UNSET, structs

from gruforecast.artifact.folder import may_be_replaced
from gruforecast.artifact.manifest import Manifest, read_manifest
from gruforecast.artifact.safe_reading import MAX_JSON, MAX_VALUES
from gruforecast.automl.options import FitOptions
from gruforecast.data.panel import Panel
from gruforecast.errors import DataError, ModelError, ResourceError, UsageError
from gruforecast.execution.atomic_files import check_place
from gruforecast.models.pretrained.model import card
from gruforecast.models.statistical import installed
from gruforecast.report.report import Report
from gruforecast.report.stored import stored_report
from gruforecast.serialization import Json, JsonValue
from gruforecast.version import __version__

ROOM = 2_000_000  # bytes of `model.json` that are no keys
MODEL_BYTES = 15_000_000  # room on disk that a model folder needs; the page alone takes 5 to 8 MB


def facts_of(options: FitOptions, panel: Panel) -> dict[str, JsonValue]:
    """Return what a result follows from: this version and its pretrained network, the data as parsed, some options."""
    return {
        "gruforecast": __version__,
        "pretrained": card().sha256,
        "data": panel.digest(),
        "options": options.values("data", "search", "after"),
    }


def fingerprint_of(facts: Json, *, stats: bool) -> str:
    """Return the SHA-256 of facts, and of the statsforecast that takes part, if `stats` may."""
    content = {**facts, "statsforecast": installed() if stats else None}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def check_keys_fit(panel: Panel) -> None:
    """Check that the keys of all series fit into a model folder that can be read again, before hours of work.

    Raises:
        DataError: they do not.
    """
    parts = max(len(panel.plan.names.ids), 1)
    size = sum(len(part.encode()) for key in panel.ids for part in key) + len(panel) * (10 + 8 * parts)
    if size > MAX_JSON - ROOM or len(panel) * (1 + parts) > MAX_VALUES - ROOM // 10:
        raise DataError(
            f"{len(panel):,} series with {size:,} bytes of ids are more than one model folder holds.",
            remedy="Fit several models, each on a part of the series.",
            code="GF-D75",
        )


def finished_report(output: Path, fingerprint: str, options: FitOptions, trials: int) -> Report | None:
    """Return the report of an earlier run of the same command with as many trials, None when there is work to do.

    Raises:
        ModelError: `output` exists and holds something else.
        ResourceError: `output` cannot be written.
    """
    if not output.name or output.name == "..":
        raise UsageError(
            f"`output` {str(output)!r} has no name of its own.",
            remedy="Pass `output` with a folder that fit may make.",
            code="GF-U22",
        )
    if output.exists() or output.is_symlink():
        manifest = None
        with contextlib.suppress(ModelError):
            manifest = read_manifest(output)
        same = manifest is not None and manifest.fingerprint == fingerprint
        wanted = not (options.overwrite or options.fresh)
        if manifest is not None and same and wanted and _enough(manifest, options, trials):
            return structs.replace(stored_report(output), model_dir=str(output))
        if not same and not options.overwrite:
            raise ModelError(
                "the folder exists and was not made by this command with these data and options.",
                remedy="Choose another folder with `output`, or pass `overwrite=True`.",
                code="GF-M11",
                file=str(output),
            )
        if manifest is None and not may_be_replaced(output):
            raise ModelError(
                "this holds something else than a model: it is not replaced.",
                remedy="Choose another name with `output`.",
                code="GF-M12",
                file=str(output),
            )
    parent = output.absolute().parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise ResourceError(
            "this folder is missing or cannot be written.",
            remedy="Create it, or choose another place with `output`.",
            code="GF-E02",
            file=str(parent),
        )
    check_place(parent, MODEL_BYTES)
    return None


def _enough(made: Manifest, options: FitOptions, trials: int) -> bool:
    """Return whether an earlier run did all that is asked: trials, audit, and no smaller limit of time that cut it."""
    limits = ((options.max_seconds, made.cut_at), (options.trial_seconds, made.late_at))
    in_time = all(asked is not None and asked <= limit for asked, limit in limits if isinstance(limit, (int, float)))
    audited = made.audit in (("whole",) if options.audit else ("whole", "cheap"))
    return made.trials is not UNSET and made.trials >= trials and in_time and audited


def make_run_dir(options: FitOptions) -> Path:
    """Return the run folder, made if need be."""
    run_dir = options.run_folder
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(
            f"cannot make it: {error.strerror}.",
            remedy="Choose another place with `run_dir`.",
            code="GF-E03",
            file=str(run_dir),
        ) from error
    return run_dir

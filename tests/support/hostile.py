"""What a stranger could do who makes model folders: seal anything, and see what a command makes of it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

WATCHED = """
import json, sys, time
from gruforecast.cli import main
sys.argv = ["gruforecast", *sys.argv[1:]]
try:
    main()
except SystemExit as done:
    code = done.code
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
loaded = sorted({name.split(".")[0] for name in sys.modules} & {"tensorflow", "keras", "sklearn"})
print(json.dumps([code or 0, time.process_time(), int(peak.split()[1]) * 1024, loaded]), file=sys.stderr)
"""


ALONE = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # no waiting for busy cores


class Watched(NamedTuple):
    """How a command ended: exit code, seconds of a core, peak of memory in bytes, heavy packages, what it printed."""

    code: int
    seconds: float
    peak: int
    heavy: list[str]
    stdout: str
    stderr: str


def watched(*arguments: str, before: str = "", cwd: Path | None = None) -> Watched:
    """A command in a process of its own, after the statements `before`."""
    command = [sys.executable, "-c", before + WATCHED, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=600, env=ALONE)
    *lines, last = done.stderr.splitlines()
    return Watched(*json.loads(last), done.stdout, "\n".join(lines))


def write_manifest(folder: Path, change: Callable[[dict[str, Any]], None] | None = None) -> None:
    """Write the manifest anew, with right digests of all that is there; `change` may alter it before it is sealed."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_bytes()) if path.exists() else {"format": 1, "gruforecast": "0.1.0"}
    files = [one for one in sorted(folder.rglob("*")) if one.is_file() and not one.is_symlink() and one != path]
    manifest["files"] = {one.relative_to(folder).as_posix(): facts(one) for one in files if one.stat().st_size < 3e8}
    manifest["sha256"] = "0" * 64
    if change is not None:
        change(manifest)
    text = json.dumps(manifest)
    digest = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(text.replace("0" * 64, digest))


def facts(path: Path) -> dict[str, Any]:
    """What a manifest says of a file."""
    content = path.read_bytes()
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def change_model(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Alter `model.json` and seal the folder again."""
    path = folder / "model.json"
    model = json.loads(path.read_bytes())
    change(model)
    path.write_text(json.dumps(model))
    write_manifest(folder)

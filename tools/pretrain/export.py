"""The package's weights and their card from a training: `python -m tools.pretrain.export OUT`.

It takes the moving average of the newest checkpoint in OUT. Steps, windows and minutes are those of all runs, each of
which began where the one before ended; seed and commit are those of the last one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

import gruforecast.models.pretrained as package
from gruforecast.execution.atomic_files import file_digest, npz, read_npz, write_file
from tools.pretrain.evaluate import average

FOLDER = Path(package.__file__).parent


def export(out: Path, folder: Path) -> None:
    """Write `weights.npz` and `card.json` into `folder`."""
    checkpoint = read_npz(out / "checkpoint.npz")
    weights = average(checkpoint)
    options = json.loads((out / "options.json").read_text())
    path = folder / "weights.npz"
    write_file(path, npz(dict(sorted(weights.items()))))
    card = {
        "trained_on": "synthetic series of tools/pretrain/series.py and nothing else",
        "steps": int(checkpoint["count"]),  # of the optimizer, over all runs
        "windows": int(checkpoint["windows"]),
        "minutes": round(float(checkpoint["seconds"]) / 60),
        "seed": options["seed"],
        "width": options["width"],
        "parameters": sum(one.size for one in weights.values()),
        "bytes": path.stat().st_size,
        "commit": options["commit"],
        "sha256": file_digest(path),
    }
    (folder / "card.json").write_text(json.dumps(card, indent=2) + "\n")


def commit() -> str:
    """Return the commit of the working tree."""
    return subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()


def main() -> None:
    """Export the run of a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    export(parser.parse_args().out, FOLDER)


if __name__ == "__main__":
    main()

"""The package's weights and their card from a training: `python -m tools.pretrain.export OUT`.

It takes the moving average of the newest checkpoint in OUT.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

import numpy as np

import gruforecast.models.pretrained as package
from gruforecast.execution.atomic_files import file_digest, npz, write_file
from tools.pretrain.evaluate import load

FOLDER = Path(package.__file__).parent


def export(out: Path, folder: Path) -> None:
    """Write `weights.npz` and `card.json` into `folder`."""
    checkpoint = out / "checkpoint.npz"
    weights = load(checkpoint)
    with np.load(checkpoint, allow_pickle=False) as file:
        steps, seconds = int(file["step"]), float(file["seconds"])
    options = json.loads((out / "options.json").read_text())
    path = folder / "weights.npz"
    write_file(path, npz(dict(sorted(weights.items()))))
    card = {
        "trained_on": "synthetic series of tools/pretrain/series.py and nothing else",
        "steps": steps,
        "windows": steps * options["batch"],
        "minutes": round(seconds / 60),
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

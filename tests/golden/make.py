"""Write the golden folder of the present format: a model made by a real, small `fit`, and what it forecasts.

    python tests/golden/make.py

`format-N/` holds `model/`, a model of the air passengers, and the forecasts of each of its members by this version,
from the end of the training data; `networks-from-data.csv` and `winner-from-data.csv` are from
`sample_data/air_passengers.csv`. Every later version has to read it and forecast the same. Once a version is released,
its folder is never made anew.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from gruforecast.artifact.manifest import FORMAT, read_manifest, seal

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "sample_data" / "air_passengers.csv"
FIT = ("--horizon", "6", "--trials", "2", "--compare", "none", "--no-stats", "--seed", "0")
FROM_DATA = ("networks", "winner")


def gruforecast(*arguments: str, cwd: str) -> str:
    """What a command prints; its failure ends this program."""
    command = [sys.executable, "-m", "gruforecast", *arguments]
    done = subprocess.run(command, cwd=cwd, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"gruforecast {' '.join(arguments)}: exit {done.returncode}")
    return done.stdout


def without_page(model: Path) -> None:
    """Leave out report.html, most of which is the script of a library, and seal what is left."""
    facts = read_manifest(model)
    (model / "report.html").unlink()
    seal(model, facts)


def main() -> None:
    """Make everything in a temporary folder, then put it in its place."""
    target = HERE / f"format-{FORMAT}"
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        gruforecast("fit", str(DATA), *FIT, "-o", "model", "--run-dir", "run", "-q", cwd=scratch)
        for name in ["winner", *json.loads(gruforecast("show", "model", "--json", cwd=scratch))["members"]]:
            arguments = ("predict", "model", "--member", name, "-q")
            (made / f"{name}.csv").write_text(gruforecast(*arguments, cwd=scratch))
        for name in FROM_DATA:
            arguments = ("predict", "model", str(DATA), "--member", name, "-q")
            (made / f"{name}-from-data.csv").write_text(gruforecast(*arguments, cwd=scratch))
        without_page(Path(scratch) / "model")
        shutil.move(Path(scratch) / "model", made / "model")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(made, target)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    sys.stdout.write(f"{target.name}: {size:,} bytes\n")


if __name__ == "__main__":
    main()

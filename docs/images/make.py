"""The picture of the README: the report page of a run on the sample data.

    python docs/images/make.py

Needs chromium in the PATH.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "sample_data" / "air_passengers.csv"
BROWSER = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=8000")


def main() -> None:
    """Fit, then take the picture."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        command = [
            sys.executable,
            "-m",
            "gruforecast",
            "fit",
            str(DATA),
            "--horizon",
            "12",
            "--no-stats",
            "-o",
            str(model),
        ]
        subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)  # noqa: S603 - our own
        page, picture = (model / "report.html").as_uri(), HERE / "report.png"
        browser = [*BROWSER, "--window-size=1280,1500", f"--screenshot={picture}", page]
        subprocess.run(browser, check=True, capture_output=True)  # noqa: S603 - fixed words


if __name__ == "__main__":
    main()

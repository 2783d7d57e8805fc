"""The pictures of the README: the report page and the terminal, both from one run on the sample data.

    python docs/images/make.py

Needs chromium in the PATH.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "sample_data" / "air_passengers.csv"
COLUMNS = 96
BROWSER = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=8000")


def main() -> None:
    """Fit, then take both pictures."""
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
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)  # noqa: S603 - our own
        page, picture = (model / "report.html").as_uri(), HERE / "report.png"
        browser = [*BROWSER, "--window-size=1280,1500", f"--screenshot={picture}", page]
        subprocess.run(browser, check=True, capture_output=True)  # noqa: S603 - fixed words
    shown = done.stdout.partition(str(model))[0].rpartition("\n")[0]  # not where this machine put it
    with Path("/dev/null").open("w") as nowhere:
        console = Console(width=COLUMNS, record=True, file=nowhere)
        console.print(Text("$ gruforecast fit sample_data/air_passengers.csv --horizon 12", style="bold"))
        console.print(Text(shown.rstrip()))
        picture = console.export_svg(title="gruforecast")
    fonts = re.compile(r"@font-face {.*?}\s*", re.DOTALL)  # they would be fetched from elsewhere
    (HERE / "terminal.svg").write_text(fonts.sub("", picture))


if __name__ == "__main__":
    main()

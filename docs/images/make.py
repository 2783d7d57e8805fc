"""The pictures of the README: a run on the sample data as its terminal shows it, and the report page that it leaves.

    python docs/images/make.py

Needs chromium in the PATH, and the packages of the extra `dev`.
"""

from __future__ import annotations

import html
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browser import Browser  # noqa: E402 - lies among the tests
from pseudoterminal import Shown, shown  # noqa: E402

DATA = ROOT / "sample_data" / "air_passengers.csv"
OPTIONS = ("--horizon", "12", "--no-stats")
WIDTH = 760
NAMES = {"yellow"}  # colours of six letters that are no number
WHEN = re.compile(r"\b([89]|10|11) of 16 trials")  # of the search; the last such moment is shown
COLOURS = {"cyan": "#4fc4d8", "brown": "#e0c050", "brightblack": "#8a8a8a"}  # as pyte names them
PAGE = """<!doctype html><html data-drawn="yes"><meta charset="utf-8"><style>
body {{ margin: 0; background: #fff; width: {width}px }}
pre {{ margin: 0 0 14px; padding: 14px 18px; background: #16181c; border-radius: 8px; color: #d8d8d8;
  font: 14px/18px "DejaVu Sans Mono", monospace; white-space: pre }}
</style><body>{body}"""


def main() -> None:
    """Fit, then take the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / DATA.name).write_bytes(DATA.read_bytes())
        seen = shown([sys.executable, "-m", "gruforecast", "fit", DATA.name, *OPTIONS], cwd=Path(folder))
        if seen.status:
            raise SystemExit(seen.last)
        command = f"$ gruforecast fit {DATA.name} {' '.join(OPTIONS)}"
        terminal = Path(folder) / "terminal.html"
        body = "".join(f"<pre>{html.escape(command)}\n{part}</pre>" for part in _moments(seen))
        terminal.write_text(PAGE.format(width=WIDTH, body=body), encoding="utf-8")
        with Browser() as browser:
            browser.open(terminal, width=WIDTH)
            browser.shot(HERE / "terminal.png")
            browser.open(Path(folder) / "gruforecast_model" / "report.html")
            browser.shot(HERE / "report.png", height=1500)


def _moments(seen: Shown) -> list[str]:
    """The screen in the middle of the search, and at the end, as HTML."""
    middle, last = "", ""
    for _, screen in seen.screens():
        if any(map(WHEN.search, screen.display)):
            middle = _written(screen)
        last = screen
    if not middle:
        raise SystemExit(f"nothing was shown of {WHEN.pattern}")
    return [middle, _written(last)]


def _written(screen: Any) -> str:
    rows = [*screen.history.top, *(screen.buffer[y] for y in range(screen.lines))]
    texts = ["".join(_cell(row[x]) for x in range(screen.columns)).rstrip() for row in rows]
    return "\n".join(texts).rstrip()


def _cell(cell: Any) -> str:
    """One character in its colour."""
    colour = COLOURS.get(cell.fg, f"#{cell.fg}" if len(cell.fg) == 6 and cell.fg not in NAMES else "")
    text = html.escape(cell.data)
    style = (f"color: {colour};" if colour else "") + ("font-weight: bold;" if cell.bold else "")
    return f'<span style="{style}">{text}</span>' if style else text


if __name__ == "__main__":
    main()

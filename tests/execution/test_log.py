"""What libraries say goes to a file, what we say to the user."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import logging, os, sys, warnings
from pathlib import Path
from gruforecast.execution.log import own_stderr, stderr_to
with own_stderr() as user:
    with stderr_to(Path(sys.argv[1])):
        os.write(2, b"native line\\n")
        logging.getLogger("tensorflow").warning("logged line")
        warnings.warn("warned line")
        print("for the user", file=user)
print("afterwards", file=sys.stderr)
"""


def test_only_our_own_lines_reach_the_user(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    done = subprocess.run([sys.executable, "-c", CODE, str(log)], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == ["for the user", "afterwards"]
    text = log.read_text()
    for words in ("native line", "logged line", "warned line"):
        assert words in text

"""Install gruforecast the light way in a fresh environment, and see that a model made elsewhere forecasts there.

    python tests/torture/light_install.py MODEL DATA

What is run is what README and Dockerfile say: the pinned requirements/predict.txt, then the package without its
dependencies. Ends with 0 if all is well, 1 if not, 77 where packages cannot be installed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
SKIPPED = 77


def install(folder: Path) -> str | None:
    """Make the environment; the last line of what pip says where it cannot."""
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "-r", str(ROOT / "requirements" / "predict.txt")], check=False, capture_output=True, text=True
    )
    if done.returncode:
        return done.stderr.strip().splitlines()[-1]
    subprocess.run([*pip, "--no-deps", str(ROOT)], check=True)
    return None


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`gruforecast` of the environment."""
    program = str(folder / "bin" / "gruforecast")
    return subprocess.run([program, *arguments], check=False, capture_output=True, text=True, cwd=folder)


def check_serve(folder: Path, model: str) -> None:
    """Start a server, ask it, and stop it."""
    command = [str(folder / "bin" / "gruforecast"), "serve", model, "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        request = urllib.request.Request(f"{url}/v1/forecast", b"{}", {"content-type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            found = json.load(answer)
        process.terminate()
        assert process.wait(30) == 0
    assert found["forecast"][0]["y_hat"], found
    print(f"serve: {len(found['forecast'])} series, first forecast {found['forecast'][0]['y_hat'][0]:.3f}")


def main() -> int:
    """Install, run every command that the light install offers, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("data")
    given = parser.parse_args()
    model, data = str(Path(given.model).absolute()), str(Path(given.data).absolute())
    with tempfile.TemporaryDirectory() as place:
        folder, begin = Path(place), time.monotonic()
        if (trouble := install(folder)) is not None:
            print(f"skipped: packages cannot be installed here ({trouble})")
            return SKIPPED
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        print(f"installed in {time.monotonic() - begin:.0f} s, {size / 1e6:.0f} MB")
        python = str(folder / "bin" / "python")
        for name in ("tensorflow", "keras", "scipy", "sklearn"):
            assert subprocess.run(
                [python, "-c", f"import {name}"], check=False, capture_output=True, cwd=folder
            ).returncode, name
        check = subprocess.run([python, "-m", "pip", "check"], check=False, capture_output=True, text=True)
        wrong = [line for line in check.stdout.splitlines() if not line.startswith("gruforecast ")]
        assert wrong in ([], ["No broken requirements found."]), wrong  # its own are left out on purpose
        for arguments in (["predict", model], ["predict", model, data], ["show", model], ["predict", model, "--json"]):
            done = run(folder, *arguments)
            if arguments[0] == "show" and "No such command" in done.stderr:
                print("show: not there yet")
                continue
            assert done.returncode == 0, done.stderr
            print(f"{arguments[0]}: {len(done.stdout.splitlines())} lines")
        check_serve(folder, model)
    return 0


if __name__ == "__main__":
    sys.exit(main())

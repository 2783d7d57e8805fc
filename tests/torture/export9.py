"""Kill an export over an existing one at random moments, and use what is there.

    python tests/torture/export9.py MODEL --kills 50 [--format litert]

The process gets SIGKILL at a random moment of `gruforecast export --overwrite`. At any time a whole export has to be at
its place: one that answers like the first. The last export, which nobody kills, has to succeed.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

ENDINGS = {"litert": "model.tflite", "onnx": "model.onnx"}


def answer(path: Path) -> Any:
    """What the export forecasts of a window; it has to be whole for that."""
    if path.suffix == ".onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return session.run(["y_hat"], {"y": np.arange(1.0, 61.0)[None]})[0]
    from ai_edge_litert.interpreter import Interpreter

    call = Interpreter(str(path)).get_signature_runner()
    rows = call.get_input_details()["y"]["shape"][1]
    return call(y=np.arange(1.0, rows + 1, dtype=np.float32)[None])["y_hat"]


def main() -> None:
    """Export once, kill many, look after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--format", choices=sorted(ENDINGS), default="litert")
    args = parser.parse_args()
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / ENDINGS[args.format]
        command = [sys.executable, "-m", "gruforecast", "export", args.model, "-o", str(target), "--overwrite", "-q"]
        begin = time.time()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        usual, first = time.time() - begin, answer(target)
        for _ in range(args.kills):
            before = target.stat().st_ino
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
            time.sleep(random.uniform(0.0, usual))
            found["ended before"] += child.poll() is not None
            os.killpg(child.pid, signal.SIGKILL) if child.poll() is None else None
            child.wait()
            same = np.allclose(answer(target), first, rtol=1e-4)
            found["whole" if same else "strange"] += 1
            found["new"] += target.stat().st_ino != before
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        left = [path.name for path in Path(folder).iterdir() if path.name.startswith(".")]
    print(f"{args.kills} kills within {usual:.1f} s: {dict(found)}; left over after the last: {left}")
    sys.exit(bool(found["strange"] or left))


if __name__ == "__main__":
    main()

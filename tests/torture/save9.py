"""Kill a save over an existing model, at random moments and at each of its steps, and load what is there.

    python tests/torture/save9.py --kills 50 --steps

A step is a call that changes a file or a folder; the process dies once before it and once after it. One whole model has
to be at its place at any time, the old one or the new one, and the next save has to clear away what the kill has left.
`--two-renames` takes the exchange of names away, as on systems that have none: then the model may be gone for a moment,
and the next save has to bring it back.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from made_networks import make_forecaster
from makers import panel_of

from gruforecast.artifact.folder import load_with_manifest, publish, save
from gruforecast.artifact.manifest import FitFacts, seal
from gruforecast.errors import ModelError
from gruforecast.execution import atomic_files as durable
from gruforecast.execution.atomic_files import clear_leftovers

CALLS = {"open", "write", "fsync", "rename", "replace", "unlink", "rmdir", "mkdir"}
BAD = ("unreadable", "leftovers", "strange")
FORECASTER = make_forecaster(panel_of(*([float(k % 12) + one for k in range(60)] for one in (5.0, 7.0))))


def save_version(target: Path, version: int) -> None:
    """What `fit` does at its end: a new model in the place of the old one."""
    clear_leftovers(target)
    built = target.with_name(f".{target.name}.tmp-{os.getpid()}")
    (built / "saved_model").mkdir(parents=True)
    save(FORECASTER, built)
    (built / "saved_model" / "saved_model.pb").write_bytes(bytes([version % 256]) * 100_000)
    (built / "report.json").write_text("{}")
    seal(built, FitFacts(trials=version))
    publish(built, target)


def version_at(target: Path) -> int | None:
    """The version of the whole model at `target`; None if there is none."""
    try:
        return int(load_with_manifest(target)[1].trials or 0)
    except ModelError as error:
        print(error, file=sys.stderr)
        return None


def die_at(step: int) -> Callable[[FrameType, str, Any], None]:
    """A profile function that kills this process at the step of this number, from 0; before and after count."""
    seen = 0

    def profile(frame: FrameType, event: str, called: Any) -> None:
        nonlocal seen
        native = event in ("c_call", "c_return") and getattr(called, "__name__", "") in CALLS
        if native or (event in ("call", "return") and frame.f_code is EXCHANGE):
            if seen == step:
                os.kill(os.getpid(), signal.SIGKILL)
            seen += 1

    return profile


EXCHANGE = durable.exchange.__code__


def in_child(act: Callable[[], None], wait: float | None = None) -> bool:
    """Run `act` in a fork, killed after `wait` seconds; whether it came to its end."""
    pid = os.fork()
    if pid == 0:
        act()
        os._exit(0)
    if wait is not None:
        time.sleep(wait)
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


class Torture:
    """A model that is saved over again and again."""

    def __init__(self, root: Path, *, exchange: bool) -> None:
        self.target, self.exchange, self.version, self.done = root / "model", exchange, 0, Counter[str]()
        if not exchange:
            durable.exchange = lambda one, other: False  # type: ignore[assignment]
        save_version(self.target, 0)

    def once(self, *, wait: float | None = None, step: int | None = None) -> bool:
        """One save that is killed, and what is there then; whether it came to its end before."""
        new = self.version + 1

        def act() -> None:
            if step is not None:
                sys.setprofile(die_at(step))
            save_version(self.target, new)
            sys.setprofile(None)

        ended = in_child(act, wait)
        self.done["saves" if ended else "kills"] += 1
        if not self.exchange:
            clear_leftovers(self.target)
        found = version_at(self.target)
        self.done["unreadable"] += found is None
        self.done["strange"] += found not in (None, self.version, new)
        self.done["old"] += found == self.version
        self.done["new"] += found == new
        self.version = found if found is not None else self.version
        return ended

    def clear(self) -> None:
        """A save that nobody disturbs: nothing else may be there afterwards."""
        self.version += 1
        in_child(lambda: save_version(self.target, self.version))
        self.done["leftovers"] += [path.name for path in self.target.parent.iterdir()] != ["model"]


def main() -> None:
    """Run from the command line; exit 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="kills at random moments")
    parser.add_argument("--steps", action="store_true", help="also before and after each step")
    parser.add_argument("--every", type=int, default=1, help="only every so many steps")
    parser.add_argument("--two-renames", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    generator = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="save9-") as root:
        torture = Torture(Path(root), exchange=not args.two_renames)
        begin = time.perf_counter()
        torture.clear()
        seconds = time.perf_counter() - begin
        while torture.done["kills"] < args.kills:
            torture.once(wait=generator.uniform(0, seconds))
            if generator.random() < 0.3:
                torture.clear()
        step = 0
        while args.steps and not torture.once(step=step):
            step += args.every
        torture.clear()
    print(
        f"{step} steps, " + ", ".join(f"{name} {torture.done[name]}" for name in ("kills", "saves", "old", "new", *BAD))
    )
    sys.exit(any(torture.done[name] for name in BAD))


if __name__ == "__main__":
    main()

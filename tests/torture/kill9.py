"""Kill a search again and again at random moments, start it again, and see that nothing is lost, doubled or different.

    python tests/torture/kill9.py --kills 200

The trainer and the proposer are fakes, so it is the journal, the workers and the order of telling that are tested.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

BAD = ("unreadable", "lost", "doubled", "different", "orphans")
sys.path.insert(0, str(Path(__file__).parents[1] / "support"))


def child(folder: Path) -> None:
    """One search in `folder`, from where it stands to its end."""
    import fakes

    import gruforecast.automl.search.loop

    gruforecast.automl.search.loop.RUN_TRIAL = "fakes:trial"
    with fakes.open_jobs(folder) as jobs:
        board = fakes.leaderboard(fakes.run(jobs))
    (folder / "board.json").write_text(json.dumps(board))


def start(folder: Path) -> subprocess.Popen[str]:
    """A search in a process of its own."""
    command = [sys.executable, __file__, "--child", str(folder)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def undisturbed(folder: Path) -> tuple[list[object], float]:
    """The leaderboard of a search that nobody kills, and the seconds it takes."""
    folder.mkdir()
    begin = time.perf_counter()
    process = start(folder)
    _, error = process.communicate()
    assert process.returncode == 0, error
    return json.loads((folder / "board.json").read_text()), time.perf_counter() - begin


def recorded(folder: Path) -> Counter[str]:
    """How often each trial ended, as the journal has it."""
    lines = (folder / "journal.jsonl").read_text().splitlines()
    records = [json.loads(line[9:]) for line in lines]
    return Counter(record["name"] for record in records if record["kind"] == "end")


def torture(root: Path, kills: int, seed: int = 0) -> dict[str, int]:
    """Kill searches `kills` times; how many searches ended, and what went wrong."""
    generator = random.Random(seed)
    wanted, seconds = undisturbed(root / "undisturbed")
    names = set(recorded(root / "undisturbed"))
    done = {"kills": 0, "searches": 0, "unreadable": 0, "lost": 0, "doubled": 0, "different": 0, "orphans": 0}
    while done["kills"] < kills:
        folder = root / f"search-{done['searches']}"
        folder.mkdir()
        before: Counter[str] = Counter()
        while True:
            process = start(folder)
            try:
                _, error = process.communicate(timeout=generator.uniform(0.3, 1.1) * seconds)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                _, error = process.communicate()
                done["kills"] += 1
            if process.returncode not in (0, -signal.SIGKILL):
                done["unreadable"] += 1
                print(error, file=sys.stderr)
                break
            done["orphans"] += orphans(folder)
            after = recorded_if_whole(folder) or before
            done["lost"] += sum(name not in after for name in before)
            before = after
            if process.returncode == 0:
                break
        done["searches"] += 1
        if process.returncode == 0:
            found = recorded(folder)
            done["lost"] += len(names - set(found))
            done["doubled"] += sum(count > 1 for count in found.values())
            done["different"] += json.loads((folder / "board.json").read_text()) != wanted
    return done


def orphans(folder: Path) -> int:
    """How many workers are still there a while after their parent has ended."""
    path = folder / "ran.txt"
    pids = {line.split()[1] for line in path.read_text().splitlines()} if path.exists() else set()
    deadline = time.time() + 60
    while (left := [pid for pid in pids if Path(f"/proc/{pid}").exists()]) and time.time() < deadline:
        time.sleep(0.02)
    return len(left)


def recorded_if_whole(folder: Path) -> Counter[str] | None:
    """What whole lines of a journal record, None before there is one."""
    path = folder / "journal.jsonl"
    if not path.exists():
        return None
    whole = path.read_bytes().rpartition(b"\n")[0].splitlines()
    records = [json.loads(line[9:]) for line in whole]
    return Counter(record["name"] for record in records if record["kind"] == "end")


def main() -> None:
    """Run from the command line; exit 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args.child)
        return
    with tempfile.TemporaryDirectory(prefix="kill9-") as root:
        done = torture(Path(root), args.kills, args.seed)
    print(", ".join(f"{name} {count}" for name, count in done.items()))
    sys.exit(any(done[name] for name in BAD))


if __name__ == "__main__":
    main()

"""Mixed load on `gruforecast serve` from a second process, on loopback.

    python benchmarks/serve_load.py MODEL --seconds 120 --clients 8

Two of three requests bring rows of their own (40 to 400 of them, sometimes several series), the third asks for the
training data's end; now and then one looks at /health or sends what must be refused. Prints requests per second,
percentiles of the time to an answer, errors, and the server's memory at the start, after a tenth, and at the end.
"""

from __future__ import annotations

import argparse
import http.client
import json
import math
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

PAGE = 4096


def body(dice: random.Random, start: str) -> tuple[bytes, int]:
    """A request and the status that it must have."""
    if dice.random() < 0.02:
        return b'{"series": [{"y": [NaN]}]}', 422
    if dice.random() < 1 / 3:
        return json.dumps({"horizon": 1 + dice.randrange(6)}).encode(), 200
    series = []
    for k in range(dice.choice((1, 1, 1, 1, 5, 20))):
        rows = [round(100 + 10 * math.sin(t / 2) + dice.random(), 3) for t in range(dice.randrange(40, 400))]
        series.append({"id": f"series {k}", "start": start, "y": rows})
    return json.dumps({"series": series}).encode(), 200


class Client(threading.Thread):
    """One connection that asks without a pause."""

    def __init__(self, port: int, end: float, seed: int, start: str) -> None:
        super().__init__()
        self.port, self.until, self.dice = port, end, random.Random(seed)  # noqa: S311 - no secrets
        self.start_stamp = start
        self.took: list[float] = []
        self.errors: Counter[str] = Counter()

    def run(self) -> None:
        """Ask until the time is over."""
        prepared = [body(self.dice, self.start_stamp) for _ in range(200)]
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while time.monotonic() < self.until:
            asked, wanted = self.dice.choice(prepared)
            begin = time.perf_counter()
            try:
                if self.dice.random() < 0.05:
                    wanted = 200
                    connection.request("GET", "/health")
                else:
                    connection.request("POST", "/v1/forecast", asked, {"content-type": "application/json"})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.errors[type(error).__name__] += 1
                connection.close()
                continue
            self.took.append(time.perf_counter() - begin)
            if answer.status != wanted:
                self.errors[str(answer.status)] += 1


def memory(pid: int) -> float:
    """Megabytes that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE / 1e6


def processor(pid: int) -> float:
    """Seconds that a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(port: int, seconds: float, clients: int, start: str) -> None:
    """The process that asks; prints what it saw as JSON."""
    end = time.monotonic() + seconds
    threads = [Client(port, end, seed, start) for seed in range(clients)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    took = sorted(value for one in threads for value in one.took)
    errors = sum((one.errors for one in threads), Counter())
    print(json.dumps({"took": took, "errors": errors}))


def main() -> None:
    """Start a server, load it, and print what became of both."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--start", default="2020-01-01", help="stamp of the first row, as the model's data write it")
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.port:
        load(given.port, given.seconds, given.clients, given.start)
        return
    command = [
        sys.executable,
        "-m",
        "gruforecast",
        "serve",
        given.model,
        "--port",
        "0",
        "--json",
        "--max-queue",
        "1000",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - this very program
        assert server.stdout is not None  # noqa: S101 - it was asked for
        port = json.loads(server.stdout.readline())["url"].rpartition(":")[2]
        sizes, busy = [memory(server.pid)], processor(server.pid)
        again = [sys.executable, __file__, given.model, "--port", port, "--start", given.start]
        again += ["--seconds", str(given.seconds), "--clients", str(given.clients)]
        with subprocess.Popen(again, stdout=subprocess.PIPE, text=True) as other:  # noqa: S603
            time.sleep(given.seconds / 10)
            sizes.append(memory(server.pid))
            found = json.loads(other.communicate()[0])
        sizes.append(memory(server.pid))
        busy = processor(server.pid) - busy
        connection = http.client.HTTPConnection("127.0.0.1", int(port))
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        counts = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        server.terminate()
    took = found["took"]
    rate = len(took) / given.seconds
    print(f"{len(took)} requests by {given.clients} clients in {given.seconds:g} s: {rate:.0f} a second")
    print(f"the server computed for {busy:.1f} s: {1000 * busy / len(took):.2f} ms a request")
    spread = [1000 * took[min(int(share * len(took)), len(took) - 1)] for share in (0.5, 0.9, 0.99, 1)]
    print("p50 {:.1f} ms, p90 {:.1f} ms, p99 {:.1f} ms, longest {:.1f} ms".format(*spread))
    calls, answered = (int(counts[f"gruforecast_model_call{name}_total"]) for name in ("s", "_requests"))
    print(f"errors: {found['errors'] or 'none'}; {answered / max(calls, 1):.1f} requests a call of the model")
    print("memory: {:.0f} MB at the start, {:.0f} MB after a tenth, {:.0f} MB at the end".format(*sizes))


if __name__ == "__main__":
    main()

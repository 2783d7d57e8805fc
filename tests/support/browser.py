"""Chromium without a window, spoken to over two pipes (the DevTools protocol): no package, no port, no download."""

from __future__ import annotations

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any, Self

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--no-first-run", "--hide-scrollbars",
    "--remote-debugging-pipe",
)  # fmt: skip
PATIENCE = 120.0  # seconds for one answer, on a busy machine
COMPLAINTS = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
NO_REQUEST = ("data:", "blob:", "about:")


def _start(command: list[str], hears: int, says: int) -> int:
    """Number of a process that hears on descriptor 3 and answers on 4; this one's ends of the pipes are closed."""
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (hears, says)]
    actions: list[tuple[Any, ...]] = [(os.POSIX_SPAWN_DUP2, high[0], 3), (os.POSIX_SPAWN_DUP2, high[1], 4)]
    actions += [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
    number = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
    for end in (hears, says, *high):
        os.close(end)
    return number


class Browser:
    """One page of a browser of its own."""

    def __init__(self) -> None:
        assert CHROMIUM is not None
        self._profile = tempfile.mkdtemp(prefix="gruforecast-chromium-")
        hears, self._write = os.pipe()
        self._read, says = os.pipe()
        self._process = _start([CHROMIUM, *FLAGS, f"--user-data-dir={self._profile}", "about:blank"], hears, says)
        self._rest, self._numbers, self._session = b"", itertools.count(1), ""
        self.events: list[dict[str, Any]] = []
        self._address = "about:blank"
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._write)
        os.close(self._read)
        shutil.rmtree(self._profile, ignore_errors=True)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer to one call; what happens meanwhile goes into `events`."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self.events.append(answer)

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while b"\0" not in self._rest:
            left = end - time.monotonic()
            assert left > 0, "the browser is silent"
            if select.select([self._read], [], [], left)[0]:
                got = os.read(self._read, 1 << 20)
                assert got, "the browser has ended"
                self._rest += got
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def open(self, path: Path, *, width: int = 1280, scheme: str = "light") -> None:
        """Show a report and wait until its script has come to its end, or has complained."""
        self.events.clear()
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self._address = path.absolute().as_uri()
        for url in ("about:blank", self._address):  # so that what is seen is never the page before
            self.call("Page.navigate", url=url)
        end = time.monotonic() + PATIENCE
        drawn = f"location.href === '{self._address}' && document.documentElement?.dataset.drawn === 'yes'"
        while not self.run(drawn) and time.monotonic() < end:
            if self.complaints:
                return
            time.sleep(0.05)

    def run(self, expression: str) -> Any:
        """The value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def shot(self, path: Path, height: int | None = None) -> None:
        """Write a picture of the whole page, or of so many of its pixels."""
        width, whole = self.run("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": height or whole, "scale": 1}
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(found["data"]))

    @property
    def complaints(self) -> list[dict[str, Any]]:
        """What was written to the console, and errors."""
        return [event for event in self.events if event.get("method") in COMPLAINTS]

    @property
    def requests(self) -> list[str]:
        """Addresses asked for but the page itself and what it carries."""
        urls = [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith((self._address, *NO_REQUEST))]

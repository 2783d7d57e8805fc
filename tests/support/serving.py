"""A running server for tests, and raw requests to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from gruforecast.artifact.folder import save
from gruforecast.artifact.manifest import FitFacts, seal
from gruforecast.data.panel import Panel
from gruforecast.models.conformal import Calibration
from gruforecast.models.end_forecasts import EndForecasts
from gruforecast.models.forecaster import Forecaster
from gruforecast.models.networks.config import NetworkConfig
from gruforecast.models.networks.covariates import Scaling
from gruforecast.models.networks.inference import Network, weight_shapes
from gruforecast.serve.loaded_model import opened
from gruforecast.serve.server import serve
from gruforecast.serve.service import Service
from gruforecast.serve.settings import Settings, bind

JSON = {"content-type": "application/json"}
CLIENT = httpx.Client(trust_env=False, timeout=60, limits=httpx.Limits(max_keepalive_connections=0))


@dataclass
class Server:
    """`gruforecast serve` in a process of its own, and where it listens."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def ask(self, **query: Any) -> httpx.Response:
        return self.post(json.dumps(query).encode())

    def post(self, body: Any, **headers: str) -> httpx.Response:
        given = {**JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return CLIENT.post(f"{self.url}/v1/forecast", content=body, headers=given)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return CLIENT.get(self.url + path, headers=headers)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def served(folder: Path, *options: str) -> Iterator[Server]:
    """A server of the model in `folder`, until the end of the block."""
    log = folder.parent / f"serve-{time.monotonic_ns()}.log"
    with log.open("w") as stream:
        command = [sys.executable, "-m", "gruforecast", "serve", str(folder), "--port", "0", "--json", "-v", *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stream, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, log.read_text()
    url = json.loads(line)["url"].replace("//0.0.0.0", "//127.0.0.1")
    try:
        yield Server(process, url, log)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def served_here(folder: Path, settings: Settings | None = None) -> Iterator[tuple[Service, Server]]:
    """A server in a thread of this process, whose model a test may break."""
    settings = settings or Settings(drain=0)
    service = Service(settings, str(folder), opened(str(folder)))
    listener = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    thread = threading.Thread(target=serve, args=(service, listener))
    thread.start()
    try:
        yield service, Server(None, url, folder)  # type: ignore[arg-type]
    finally:
        service.stop()
        thread.join(30)
        assert not thread.is_alive()


def raw(port: int, request: bytes, *, wait: float = 10, half_close: bool = False) -> bytes:
    """What a server answers to these bytes, until it ends the connection or `wait` seconds are over."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as connection:
        connection.sendall(request)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        return rest_of(connection)


def rest_of(connection: socket.socket) -> bytes:
    found = b""
    try:
        while chunk := connection.recv(65536):
            found += chunk
    except (TimeoutError, ConnectionResetError):
        pass
    return found


def folder_of(forecaster: Forecaster, folder: Path) -> Path:
    """A model folder with this forecaster."""
    folder.mkdir(parents=True)
    save(forecaster, folder)
    seal(folder, FitFacts(fingerprint="x", trials=1))
    return folder


def small_model(panel: Panel, horizon: int = 6, season: int = 12) -> Forecaster:
    """A model of random weights that sees all covariates."""
    config = NetworkConfig(
        horizon=horizon,
        lookback=24,
        season_length=season,
        units=4,
        log_unit=0.5,
        inputs=panel.plan.inputs,
        use_inputs="all" if panel.plan.inputs else "none",
    )
    generator = np.random.default_rng(3)
    shapes = weight_shapes(config)
    weights = {name: (0.2 * generator.normal(size=shape)).astype(np.float32) for name, shape in shapes.items()}
    networks = (Network("gru", config, weights, 1.0),)
    calibration = Calibration((80.0, 95.0), np.linspace(1, 2, 2 * horizon).reshape(horizon, 2))
    rows = np.ones(len(panel.y), bool)
    return Forecaster(
        networks=networks,
        blend={"networks": 0.5, "theta": 0.5},
        winner="blend",
        calibrations=dict.fromkeys(("networks", "gru", "theta", "blend"), calibration),
        plan=panel.plan,
        context=panel,
        ends=EndForecasts.of(panel, ["theta"], (networks[0].config.horizon, networks[0].config.season_length)),
        scaling=Scaling.of(panel.x, rows, panel.plan.inputs),
    )


def numbers(rows: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """The numbers of an answer by column, one series after the other."""
    names = [name for name in rows[0] if name not in ("id", "ds")]
    return {name: np.array([value for row in rows for value in row[name]], float) for name in names}


def resident(pid: int) -> int:
    """Bytes of memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def processor_seconds(pid: int) -> float:
    """Seconds of a core that a process has used until now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

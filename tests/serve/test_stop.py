"""How a server ends, and how it takes a new model, under load (R89)."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from made_networks import make_forecaster
from makers import eventually, panel_of
from serving import Server, folder_of, raw, served, served_here

from gruforecast.data.panel import Forecast
from gruforecast.models.forecaster import Forecaster
from gruforecast.serve.settings import Settings

BODY = json.dumps({"series": [{"start": "2020-01", "y": list(range(40))}]}).encode()
ASK = (
    b"POST /v1/forecast HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%s\r\n%s"
)


def model(folder: Path, shift: float = 0.0) -> Path:
    return folder_of(make_forecaster(panel_of(shift + np.arange(60.0) % 12, np.arange(40.0))), folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model(tmp_path_factory.mktemp("model") / "model")


def answer_of(connection: socket.socket) -> bytes:
    """One whole answer from a connection."""
    found = b""
    while b"\r\n\r\n" not in found:
        chunk = connection.recv(65536)
        if not chunk:
            return found
        found += chunk
    head, _, body = found.partition(b"\r\n\r\n")
    length = int(
        next(line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    )
    while len(body) < length:
        chunk = connection.recv(65536)
        if not chunk:
            return b""
        body += chunk
    return head + b"\r\n\r\n" + body


class Load:
    """Clients that ask without end, some on a connection each, some on one that stays."""

    def __init__(self, server: Server, *, clients: int) -> None:
        self.found: Counter[str] = Counter()
        self.lost: list[str] = []
        self._port = server.port
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(k % 2 == 0,)) for k in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, stays: bool) -> None:
        request = ASK % (len(BODY), b"" if stays else b"connection: close\r\n", BODY)
        while not self._end.is_set():
            try:
                connection = socket.create_connection(("127.0.0.1", self._port), timeout=30)
            except ConnectionRefusedError:
                self.found["refused"] += 1
                return
            with connection:
                try:
                    while not self._end.is_set():
                        connection.sendall(request)
                        answer = answer_of(connection)
                        if not answer:
                            raise ConnectionResetError
                        self.found[answer[9:12].decode()] += 1
                        if b"connection: close" in answer.lower():
                            break
                except OSError as error:
                    self.lost.append(f"{'same' if stays else 'own'} connection: {type(error).__name__}")


@pytest.mark.parametrize("delay", [0.2, *(pytest.param(one, marks=pytest.mark.slow) for one in (0.5, 0.9))])
def test_no_accepted_request_is_lost_when_it_stops_under_load(folder: Path, delay: float) -> None:
    with served(folder, "--drain", "0.3") as server, Load(server, clients=8) as load:
        assert eventually(lambda: load.found["200"] > 20)
        time.sleep(delay)
        status = server.stop()
        log = server.log.read_text()
    assert load.lost == []
    assert set(load.found) <= {"200", "refused"}
    assert load.found["refused"] >= 1
    assert status == 0
    assert f"stopped: {load.found['200']} requests were answered" in log
    assert "ERROR" not in log


def test_it_is_not_ready_before_it_stops_to_listen(folder: Path) -> None:
    with served(folder, "--drain", "3") as server:
        server.process.send_signal(signal.SIGTERM)
        assert eventually(lambda: server.get("/ready").status_code == 503)
        ready = server.get("/ready")
        assert ready.headers["connection"] == "close"
        assert server.get("/health").status_code == 200
        assert server.ask().status_code == 200
        assert server.process.wait(60) == 0
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), timeout=5)


def test_a_request_whose_end_comes_late_is_answered(folder: Path) -> None:
    request = ASK % (len(BODY), b"", BODY)
    with served(folder, "--drain", "0") as server:
        cuts = [5, len(request) - len(BODY) - 2, len(request) - 3]
        half = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in cuts]
        for connection, cut in zip(half, cuts, strict=True):
            connection.sendall(request[:cut])
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(1.0)
        for connection, cut in zip(half, cuts, strict=True):
            connection.sendall(request[cut:])
            assert answer_of(connection).startswith(b"HTTP/1.1 200")
            connection.close()
        assert server.process.wait(60) == 0


def test_what_takes_longer_than_the_grace_is_cut_and_said(folder: Path) -> None:
    with served(folder, "--drain", "0", "--grace", "1") as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as half:
            half.sendall(ASK[:20])
            time.sleep(0.3)
            assert server.stop() == 143
        assert "--grace was over" in server.log.read_text()
    with served(folder, "--drain", "20") as server:
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)  # the second one does not wait
        assert server.process.wait(60) in (0, 143)


def test_a_slow_forecast_is_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right, begun = Forecaster.predict, threading.Event()

    def slow(self: Forecaster, *arguments: Any, **options: Any) -> Forecast:
        begun.set()
        time.sleep(1.0)
        return right(self, *arguments, **options)

    with served_here(folder, Settings(drain=0)) as (service, server):
        monkeypatch.setattr(Forecaster, "predict", slow)
        found: list[bytes] = []
        asking = threading.Thread(target=lambda: found.append(raw(server.port, ASK % (len(BODY), b"", BODY), wait=60)))
        asking.start()
        assert begun.wait(60)
        service.stop()
        asking.join()
    assert found[0].startswith(b"HTTP/1.1 200")


def test_a_new_model_takes_the_place_of_the_old_one_and_a_broken_one_does_not(tmp_path: Path) -> None:
    place = tmp_path / "current"
    old, new = model(tmp_path / "old"), model(tmp_path / "new", shift=1000.0)
    shutil.copytree(old, place)
    with served(place) as server:
        before = server.ask(series=[{"id": "s0"}]).json()["forecast"][0]["y_hat"]
        with Load(server, clients=2) as load:
            shutil.rmtree(place)
            server.process.send_signal(signal.SIGHUP)
            assert wait_for(server, "not loaded again")
            assert server.ask(series=[{"id": "s0"}]).json()["forecast"][0]["y_hat"] == before
            shutil.copytree(new, place)
            server.process.send_signal(signal.SIGHUP)
            assert wait_for(server, "the model was loaded again")
        after = server.ask(series=[{"id": "s0"}]).json()["forecast"][0]["y_hat"]
        assert min(after) > max(before) + 500
        assert load.lost == []
        assert set(load.found) == {"200"}


def wait_for(server: Server, words: str) -> bool:
    return eventually(lambda: words in server.log.read_text())

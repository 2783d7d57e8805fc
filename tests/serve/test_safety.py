"""Requests that mean harm, against a running server (R80 to R88)."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from made_networks import make_forecaster
from makers import eventually, panel_of, run
from serving import CLIENT, Server, folder_of, processor_seconds, raw, resident, rest_of, served, served_here

from gruforecast.data.panel import Forecast
from gruforecast.models.forecaster import Forecaster
from gruforecast.serve.request import Bounds
from gruforecast.serve.settings import Settings

TOKEN = "correct-horse-battery-staple"  # noqa: S105 - opens nothing
TIMEOUT = 2.0
SMALL = ("--max-body", "100000", "--max-series", "20", "--max-rows", "3000", "--request-timeout", str(TIMEOUT))
POST = b"POST /v1/forecast HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
OK = b"HTTP/1.1 200 OK"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    panel = panel_of(np.arange(60.0) % 12, np.arange(40.0), np.arange(3.0))
    return folder_of(make_forecaster(panel), tmp_path_factory.mktemp("model") / "model")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with served(folder, *SMALL) as found:
        yield found


@pytest.fixture(scope="module")
def guarded(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that needs a token, at all addresses of this machine."""
    file = tmp_path_factory.mktemp("secret") / "token"
    file.write_text(TOKEN + "\n")
    file.chmod(0o644)
    with served(folder, "--host", "0.0.0.0", "--token-file", str(file), "--allow-host", "forecast.example") as found:  # noqa: S104
        yield found


def code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])


# who can reach it (R80)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104
def test_others_can_only_reach_it_with_a_token_or_in_so_many_words(folder: Path, host: str) -> None:
    done = run("serve", str(folder), "--host", host, "--port", "0")
    assert done.returncode == 2
    assert "GF-U70" in done.stderr
    assert "--token-file" in done.stderr


def test_by_default_it_listens_on_loopback_only(server: Server) -> None:
    assert server.url.startswith("http://127.0.0.1:")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        own = probe.getsockname()[0]
    if not own.startswith("127."):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((own, server.port), timeout=5)


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--token-file", "{tmp}/none"], 2, "GF-U71"),
        (["--token-file", "{tmp}/empty"], 2, "GF-U71"),
        (["--token-file", "{tmp}/words"], 2, "GF-U71"),
        (["--token-file", "/dev/zero"], 2, "GF-U71"),
        (["--token-file", "{tmp}/good", "--insecure-no-auth"], 2, "contradict"),
        (["--host", "no.such.host.invalid"], 2, "GF-U73"),
        (["--port", "70000"], 2, "GF-U72"),
        (["--max-queue", "0"], 2, "GF-U72"),
        (["--grace", "1", "--drain", "2"], 2, "GF-U72"),
        (["--port", "{taken}"], 5, "GF-E31"),
    ],
)
def test_options_that_cannot_be(folder: Path, tmp_path: Path, options: list[str], status: int, words: str) -> None:
    for name, text in (("empty", " \n"), ("words", "two words\n"), ("good", TOKEN)):
        (tmp_path / name).write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        given = [one.format(tmp=tmp_path, taken=taken.getsockname()[1]) for one in options]
        done = run("serve", str(folder), *given)
    assert done.returncode == status, done.stderr
    assert words in done.stderr
    assert TOKEN not in done.stderr


def test_without_its_packages_it_says_what_to_install(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "fastapi.py").write_text("raise ImportError('no')\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = run("serve", str(folder), env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == 5
    assert "pip install 'gruforecast[serve]'" in done.stderr
    assert run("serve", str(tmp_path / "none")).returncode == 4


# the token (R81)


def test_a_token_is_needed_and_is_never_logged(guarded: Server) -> None:
    wrong = [{}, {"authorization": f"Bearer {TOKEN}x"}, {"authorization": TOKEN}, {"authorization": f"Basic {TOKEN}"}]
    wrong += [{"authorization": "Bearer"}, {"authorization": "Bearer \xff"}, {"cookie": f"token={TOKEN}"}]
    for headers in wrong:
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
            answer = CLIENT.request(
                method, guarded.url + "/v1/forecast", headers={k: v.encode("latin-1") for k, v in headers.items()}
            )
            assert (answer.status_code, code(answer)) == (401, "GF-H02")
            assert answer.headers["www-authenticate"] == "Bearer"
    for path in ("/v1/model", "/metrics", "/docs", "/openapi.json", "/nothing", f"/v1/model?token={TOKEN}"):
        assert guarded.get(path).status_code == 401
    twice = [("authorization", f"Bearer {TOKEN}"), ("authorization", "Bearer other")]
    assert CLIENT.get(guarded.url + "/v1/model", headers=twice).status_code == 401
    assert guarded.post(b"{}", authorization=f"Bearer {TOKEN}").status_code == 200
    assert guarded.get("/v1/model", authorization=f"bearer {TOKEN}").status_code == 200
    assert guarded.get("/health").status_code == guarded.get("/ready").status_code == 200
    log = guarded.log.read_text()
    assert TOKEN not in log
    assert "chmod 600" in log


# bodies without measure (R82)


def test_bodies_that_are_too_large_are_refused_by_what_comes(server: Server) -> None:
    big = b"x" * 100_001
    assert (server.post(big).status_code, code(server.post(big))) == (413, "GF-H06")
    declared = raw(server.port, POST + b"content-length: 10000000000\r\nexpect: 100-continue\r\n\r\n")
    assert declared.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in declared

    def endless() -> Iterator[bytes]:
        while True:
            yield b" " * 4096

    with contextlib.suppress(httpx.WriteError, httpx.ReadError):  # sent away in the middle of what has no end
        assert server.post(endless()).status_code == 413
    assert server.ask().status_code == 200


def test_a_length_that_lies_harms_nobody(server: Server) -> None:
    short = raw(server.port, POST + b"content-length: 100\r\n\r\n{}", half_close=True, wait=TIMEOUT + 8)
    assert not short.startswith(OK)
    longer = raw(server.port, POST + b"content-length: 2\r\n\r\n{}GARBAGE\r\n\r\n")
    assert longer.startswith(OK)
    assert b"400" in longer[len(OK) :]
    for lie in (b"content-length: -1", b"content-length: 1e3", b"content-length: 2\r\ncontent-length: 3"):
        assert raw(server.port, POST + lie + b"\r\n\r\n{}").startswith(b"HTTP/1.1 400")
    assert server.ask().status_code == 200


@pytest.mark.parametrize("begin", [b"POST /v1/fore", POST + b"x: ", POST + b"content-length: 50\r\n\r\n{"])
def test_whoever_is_slow_is_sent_away_and_others_are_served_meanwhile(server: Server, begin: bytes) -> None:
    start = time.monotonic()
    slow = [socket.create_connection(("127.0.0.1", server.port), timeout=0.3) for _ in range(5)]
    for one in slow:
        one.sendall(begin)
    answered, ended = 0, set()
    while len(ended) < len(slow) and time.monotonic() - start < 120:
        for one in set(slow) - ended:
            try:
                one.sendall(b" ")
                if one.recv(4096)[:12] in (b"HTTP/1.1 408", b""):
                    ended.add(one)
            except TimeoutError:
                pass
            except OSError:
                ended.add(one)
        answered += server.ask().status_code == 200
    for one in slow:
        one.close()
    assert len(ended) == len(slow)
    assert time.monotonic() - start >= TIMEOUT
    assert answered


def test_a_connection_that_says_nothing_or_too_much_is_ended(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as silent:
        assert rest_of(silent) == b""
    endless = raw(server.port, b"GET /health HTTP/1.1\r\nhost: localhost\r\n" + b"x: y\r\n" * 10_000)
    assert endless.startswith(b"HTTP/1.1 400") or endless == b""
    body = raw(
        server.port, b"POST /health HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999\r\n\r\n" + b"x" * 5000
    )
    assert body.startswith(b"HTTP/1.1 405")
    assert b"connection: close" in body
    for garbage in (
        b"\x00" * 100,
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n" * 50,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ):
        assert not raw(server.port, garbage, half_close=True).startswith(OK)
    assert server.get("/health").status_code == 200


def test_a_client_that_never_reads_holds_nothing(server: Server) -> None:
    before = resident(server.process.pid)
    clients = []
    request = POST + b"content-length: 2\r\n\r\n{}"
    for _ in range(20):
        client = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        client.sendall(request * 50)
        clients.append(client)
    assert server.ask().status_code == 200
    time.sleep(TIMEOUT)
    assert server.ask().status_code == 200
    assert resident(server.process.pid) < before + 50e6
    for client in clients:
        client.close()


# strict JSON (R83)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 400, None),
        (b"{", 400, None),
        (b"{}{}", 400, None),
        (b"[]", 422, ""),
        (b'"x"', 422, ""),
        (b'{"series":[{"y":[NaN]}]}', 422, "series[0].y[0]"),
        (b'{"series":[{"y":[1,-Infinity]}]}', 422, "series[0].y[1]"),
        (b'{"series":[{"y":[1e999]}]}', 422, "series[0].y[0]"),
        (b'{"series":[{"y":[0,true]}]}', 422, "series[0].y[1]"),
        (b'{"series":[{"y":["3"]}]}', 422, "series[0].y[0]"),
        (b'{"series":[{"y":[[3]]}]}', 422, "series[0].y[0]"),
        (b'{"series":[{"y":1,"y":2}]}', 400, "y"),
        (b'{"series":[{"y":[1],"Y":[1]}]}', 422, "series[0].Y"),
        (b'{"serie":[]}', 422, "serie"),
        (b'{"series":[]}', 422, "series"),
        (b'{"series":null,"horizon":"3"}', 422, "horizon"),
        (b'{"horizon":1.5}', 422, "horizon"),
        (b'{"horizon":0}', 422, "horizon"),
        (b'{"levels":[NaN]}', 422, "levels[0]"),
        (b'{"levels":["80"]}', 422, "levels[0]"),
        (b'{"member":1}', 422, "member"),
        (b'{"series":[{"y":[' + b"9" * 90_000 + b"]}]}", 422, "series[0].y[0]"),
        (b'{"horizon":' + b"9" * 90_000 + b"}", 422, "horizon"),
        (b"[" * 90_000, 400, None),
        (b'{"a":' * 15_000, 400, None),
        ('{"horizon":1}'.encode("utf-16"), 400, None),
        ('{"horizon":1}'.encode("utf-32-le"), 400, None),
        (b"\xef\xbb\xbf{}", 400, None),
        (b'{"member":"\xff"}', 400, None),
        (b'{"member":"\\ud800"}', 400, None),
        (b'{"series":[{"id":"a","start":"2024-01","y":[1],"static":{"__proto__":{}}}]}', 422, "series[0].static.__proto__"),  # noqa: E501
        (b"{" + b",".join(b'"k%d":1' % k for k in range(8000)) + b"}", 422, None),
    ],
    ids=str,
)  # fmt: skip
def test_json_is_read_strictly_and_the_field_is_named(
    server: Server, body: bytes, status: int, field: str | None
) -> None:
    before = processor_seconds(server.process.pid)
    answer = server.post(body)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"].get("field") == field, answer.text
    assert len(answer.content) < 700
    assert processor_seconds(server.process.pid) - before < 5  # hundredths


# R84 and R88: what goes wrong inside


def test_a_forecast_that_is_not_finite_is_null_and_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Forecaster.predict

    def diverging(self: Forecaster, *arguments: Any, **options: Any) -> Forecast:
        found = right(self, *arguments, **options)
        mean = found.mean.copy()
        mean[0, 0], mean[0, 1] = np.nan, np.inf
        return replace(found, mean=mean, upper=np.full_like(found.upper, np.inf))

    monkeypatch.setattr(Forecaster, "predict", diverging)
    with served_here(folder) as (_, server):
        answer = server.ask()
    assert answer.status_code == 200
    assert not re.search("NaN|Infinity", answer.text)
    found = answer.json()
    assert found["forecast"][0]["y_hat"][:2] == [None, None]
    assert found["forecast"][0]["hi-80"] == [None] * 6
    assert any("not finite" in text for text in found["warnings"])


def test_a_failure_says_an_id_and_the_log_says_the_rest(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from gruforecast.serve.log import start_log

    def broken(self: Forecaster, panel: Any = None, **options: Any) -> Forecast:
        if panel is not None and (panel.y[panel.indptr[:-1]] == 13).any():
            raise RuntimeError("/secret/path \x1b]0;pwn\x07 \n2026-01-01 INFO forged [red]x[/red]")
        return right(self, panel, **options)

    right = Forecaster.predict
    with served_here(folder) as (service, server):
        start_log(quiet=False, verbose=False)
        monkeypatch.setattr(Forecaster, "predict", broken)
        good, bad = ({"series": [{"start": "2024-01", "y": [first, *range(30)]}]} for first in (1, 13))
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda query: server.ask(**query), [good, bad] * 6))
        monkeypatch.setattr(service, "forecast", None)
        outside = server.ask()
    assert [one.status_code for one in answers] == [200, 500] * 6  # one cannot harm those it is forecast with
    log = capsys.readouterr().err
    for answer in (*answers[1::2], outside):
        assert set(answer.json()) == {"error"}
        name = re.fullmatch(r"an error of the server; its log has the id (\w{32})\.", answer.json()["error"]["message"])
        assert name is not None
        assert name[1] in log
        assert not {"server", "x-powered-by"} & set(answer.headers)
    assert "/secret/path" in log
    assert "\x1b" not in log
    assert "\n2026-01-01 INFO forged" not in log


# Paths to nowhere: R85


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/../../etc/passwd",
        "/v1/%2e%2e%2f%2e%2e%2fetc/passwd",
        "/v1/..%5c..%5cwindows",
        "//etc/passwd",
        "/v1/model/",
        "/v1/model%00",
        "/v1/mod%65l/x",
        "/" + 300 * "a",
        "/CON",
        "/v1/mode\u0301l",
        "/V1/model",
        "http://evil.example/v1/nothing",
        "*",
    ],
)
def test_unknown_paths_are_not_there(server: Server, path: str) -> None:
    target = "".join(mark if mark.isascii() else "".join(f"%{byte:02x}" for byte in mark.encode()) for mark in path)
    answer = raw(server.port, f"GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404"), answer
    assert b"GF-H03" in answer


# too much (R86)


def test_bounds_of_a_request(server: Server) -> None:
    for query in (
        {"horizon": 1_000_000},
        {"series": [{}] * 21},
        {"series": [{"start": "2020-01", "y": [1] * 1501}, {"start": "2020-01", "y": [1] * 1500}]},
        {"series": [{"ds": ["2000-01", "2100-01"], "y": [1, 2]}] * 3},
    ):
        answer = server.ask(**query)
        assert answer.status_code == 422, answer.text
        assert code(answer) in ("GF-H10", "GF-D53", "GF-D38", "GF-D46", "GF-H09"), answer.text


def test_bounds_of_the_answer_and_of_the_horizon(folder: Path) -> None:
    settings = Settings(drain=0, bounds=Bounds(2, 10, 4))
    with served_here(folder, settings) as (_, server):
        assert server.ask().json()["error"]["message"].startswith("the model has 3 series, 2 may be")
        assert code(server.ask(series=[{"id": "s0"}], horizon=5)) == "GF-H10"
        assert len(server.ask(series=[{"id": "s0"}]).json()["forecast"][0]["ds"]) == 4
        assert "2 may be" in server.ask(series=[{"id": "s0"}] * 3).json()["error"]["message"]
        assert "10 rows" not in server.ask(series=[{"id": "s0"}] * 2).text
        far = {"series": [{"ds": ["2000-01", "2000-02", "2030-01"], "y": [1, 2, 3]}], "horizon": 1}
        assert code(server.ask(**far)) == "GF-D53"


def test_a_full_queue_sends_away_and_health_answers_meanwhile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right, release = Forecaster.predict, threading.Event()

    def slow(self: Forecaster, *arguments: Any, **options: Any) -> Forecast:
        assert release.wait(120)
        return right(self, *arguments, **options)

    with served_here(folder, Settings(drain=0, queue=3, timeout=60)) as (service, server):
        monkeypatch.setattr(Forecaster, "predict", slow)
        with ThreadPoolExecutor(16) as pool:
            asked = [pool.submit(server.ask, horizon=1 + k % 6) for k in range(16)]
            assert eventually(lambda: sum(one.done() for one in asked) >= 10)
            assert server.get("/health").status_code == 200  # no forecast is done yet
            release.set()
            answers = [one.result() for one in asked]
        monkeypatch.undo()
        counts = {status: sum(one.status_code == status for one in answers) for status in (200, 503)}
        assert counts[503] >= 10
        assert counts[200] + counts[503] == 16
        assert counts[200] >= 1
        assert {code(one) for one in answers if one.status_code == 503} <= {"GF-H11", "GF-H12"}
        assert all(one.headers["retry-after"] == "1" for one in answers if one.status_code == 503)
        assert eventually(lambda: service.held == service.metrics.in_flight == 0)


def test_bodies_share_a_bounded_memory(folder: Path) -> None:
    with served_here(folder, Settings(drain=0, body=10_000, timeout=5)) as (service, server):
        half = POST + b"content-length: 9999\r\n\r\n" + b" " * 9000
        clients = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(12)]
        for client in clients:
            client.sendall(half)
        time.sleep(0.5)
        assert service.held <= 90_000
        refused = 0
        for client in clients:
            refused += client.recv(100).startswith(b"HTTP/1.1 503")
            client.close()
        assert refused >= 3
        assert eventually(lambda: service.held == 0)
        assert server.ask().status_code == 200


# other sites (R87)


def test_requests_that_another_site_can_make_are_refused(server: Server, guarded: Server) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        assert server.post(b"{}", content_type=kind).status_code == 415
    for kind in ("application/json; charset=utf-16", "application/json, text/plain", "application/jsonx"):
        assert server.post(b"{}", content_type=kind).status_code == 415
    assert server.post(b"{}", content_type="application/json; charset=UTF-8").status_code == 200
    assert server.post(b"{}", content_encoding="gzip").status_code == 415
    for host in (
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:80",
        "",
        "[::1",
        "a@localhost",
        "localhost:x",
    ):
        answer = server.get("/v1/model", host=host)
        assert answer.status_code == 421, host
    for host in ("localhost", "LOCALHOST:1234", "127.0.0.1", "[::1]:80", "localhost."):
        assert server.get("/health", host=host).status_code == 200, host
    assert guarded.get("/health", host="forecast.example").status_code == 200
    assert guarded.get("/health", host="evil.example").status_code == 421
    assert raw(server.port, b"GET /health HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 421")


@pytest.mark.parametrize(
    "method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "CONNECT", "BREW"]
)
def test_no_method_is_open_to_another_site(server: Server, method: str) -> None:
    allowed = {"/v1/forecast": "POST"}
    for path in ("/v1/forecast", "/v1/model", "/health", "/ready", "/metrics", "/openapi.json", "/docs"):
        headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}
        answer = CLIENT.request(method, server.url + path, headers=headers)
        expected = (415 if path == "/v1/forecast" else 200) if method == allowed.get(path, "GET") else 405
        assert answer.status_code == expected, (method, path)
        assert not [name for name in answer.headers if name.startswith("access-control")]
    evil = CLIENT.request(method, server.url + "/v1/forecast", headers={"host": "evil.example"})
    assert evil.status_code == 421


def test_nothing_of_all_this_was_a_bug(server: Server, guarded: Server) -> None:
    for one in (server, guarded):
        assert "ERROR" not in one.log.read_text(), one.log.read_text()
        assert "Traceback" not in one.log.read_text()
        assert "\x1b" not in one.log.read_text()
    assert json.loads(json.dumps(server.ask().json()))

"""The gate before all routes: who may ask, how much of a body is read and for how long, and what a failure says."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from gruforecast.serve.errors import Refusal
from gruforecast.serve.log import LOGGER
from gruforecast.serve.service import Service

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
OPEN = ("/health", "/ready")  # what a supervisor asks without a token
ROUTES = {"/v1/forecast", "/v1/model", "/health", "/ready", "/metrics", "/openapi.json", "/docs"}
LINGER = 1.0  # seconds in which the rest of a refused body is thrown away, so that its sender hears the answer
SAFE = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]


class Body:
    """The body of one request, counted while it comes."""

    def __init__(self, scope: Message, receive: Receive, service: Service) -> None:
        self._receive = receive
        self._service = service
        self._held = 0
        headers = dict(scope["headers"])
        self._declared = headers.get(b"content-length", b"")
        self._expects = b"expect" in headers
        self.whole = not (b"transfer-encoding" in headers or self._declared.strip(b"0"))

    async def read(self) -> bytes:
        """Return all of it.

        Raises:
            Refusal: it is too large, too slow, or there is no room for it.
        """
        limit = self._service.settings.body
        if self._declared.isdigit() and int(self._declared[:20]) > limit:
            raise self._too_large(limit)
        chunks: list[bytes] = []
        try:
            async with asyncio.timeout(self._service.settings.timeout):
                while not self.whole:
                    chunks.append(await self._next())
                    if self._held > limit:
                        raise self._too_large(limit)
        except Refusal:
            chunks.clear()
            self.release()
            raise
        except TimeoutError:
            raise Refusal(
                408, "GF-H07", f"the body took more than {self._service.settings.timeout:g} seconds.", close=True
            ) from None
        return b"".join(chunks)

    async def discard(self) -> None:
        """Throw away what still comes, for a moment."""
        if self._expects:  # the sender waits to hear whether it should go on
            return
        count = 0
        try:
            async with asyncio.timeout(LINGER):
                while not self.whole and count < 2 * self._service.settings.body:
                    count += len(await self._next(hold=False))
        except (TimeoutError, Refusal):
            return

    def release(self) -> None:
        """Say that the body is no longer in memory."""
        self._service.held -= self._held
        self._held = 0

    async def _next(self, *, hold: bool = True) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.whole = True
            raise Refusal(400, "GF-H08", "the body ended before its end.", close=True)
        chunk: bytes = message.get("body", b"")
        self.whole = not message.get("more_body", False)
        if hold:
            self._held += len(chunk)
            self._service.held += len(chunk)
            if self._service.held > self._service.settings.max_held:
                raise Refusal(
                    503, "GF-H11", "the bodies of other requests fill the memory.", headers={"retry-after": "1"}
                )
        return chunk

    @staticmethod
    def _too_large(limit: int) -> Refusal:
        return Refusal(413, "GF-H06", f"the body has more than {limit} bytes.", close=True)


class Gate:
    """An ASGI application around another one."""

    def __init__(self, app: App, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or let the application do so."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send, self._service)
        scope["state"] = {**scope.get("state", {}), "body": exchange.body}
        self._service.metrics.in_flight += 1
        try:
            self._check(scope)
            await self._app(scope, receive, exchange.send)
        except Refusal as refusal:
            await exchange.refuse(refusal)
        except Exception as error:  # noqa: BLE001 - the edge of the server
            await exchange.fail(error)
        finally:
            self._service.metrics.in_flight -= 1
            exchange.end()

    def _check(self, scope: Message) -> None:
        """Refuse a request that is not addressed to this server, or does not carry its token."""
        host = _values(scope, b"host")
        if len(host) != 1 or not _is_known(host[0].decode("latin-1"), self._service.settings.hosts):
            raise Refusal(421, "GF-H01", "this server is not known by that name; --allow-host adds names.")
        token = self._service.settings.token
        if token is None or scope["path"] in OPEN:
            return
        sent = _values(scope, b"authorization")
        kind, _, word = sent[0].partition(b" ") if len(sent) == 1 else (b"", b"", b"")
        if kind.lower() != b"bearer" or not _equal(word.strip(), token):
            raise Refusal(
                401, "GF-H02", "a token is needed: Authorization: Bearer TOKEN.", headers={"www-authenticate": "Bearer"}
            )


class Exchange:
    """One request and its answer."""

    def __init__(self, scope: Message, receive: Receive, send: Send, service: Service) -> None:
        self._scope = scope
        self._send = send
        self._service = service
        self._begin = time.perf_counter()
        self._status = 0
        self._close = False
        self.body = Body(scope, receive, service)

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer; the connection ends with it where a body is not read, or the server stops."""
        if message["type"] == "http.response.start":
            if not self.body.whole and message["status"] != 408:
                await self.body.discard()
            self._status = message["status"]
            headers = [*message.get("headers", []), *SAFE]
            if self._close or not self.body.whole or self._service.stopping:
                headers.append((b"connection", b"close"))
            message["headers"] = headers
        await self._send(message)

    async def refuse(self, refusal: Refusal) -> None:
        """Answer with a refusal."""
        self._close = refusal.close
        body = refusal.body()
        headers = {"content-type": "application/json", "content-length": str(len(body)), **refusal.headers}
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": refusal.status, "headers": encoded})
        await self.send({"type": "http.response.body", "body": body})

    async def fail(self, error: Exception) -> None:
        """Answer a failure, unless that was done or begun."""
        if self._status == 0:
            await self.refuse(failed(error))
        elif self._status != 500:  # a part of another answer is out: end the connection
            failed(error)
            raise error

    def end(self) -> None:
        """Count the exchange, and forget its body."""
        self.body.release()
        seconds = time.perf_counter() - self._begin
        path = self._scope["path"]
        self._service.metrics.answered(path if path in ROUTES else "other", self._status, seconds)
        LOGGER.info("%s %s %d %.1f ms", self._scope["method"], path, self._status, 1000 * seconds)


def failed(error: Exception) -> Refusal:
    """Return the answer to a failure: an id that stands in the log, and nothing else."""
    name = uuid.uuid4().hex
    LOGGER.error("request %s failed: %s", name, type(error).__name__, exc_info=error)
    return Refusal(500, "GF-BUG", f"an error of the server; its log has the id {name}.")


def _values(scope: Message, name: bytes) -> list[bytes]:
    return [value for key, value in scope["headers"] if key == name]


def _equal(one: bytes, other: bytes) -> bool:
    """Return whether two secrets are equal, in a time that says nothing of where they differ or how long they are."""
    return hmac.compare_digest(hashlib.sha256(one).digest(), hashlib.sha256(other).digest())


def _is_known(host: str, names: Iterable[str]) -> bool:
    """Return whether a request is for a known name, or for an address, which no name server can turn elsewhere."""
    name, _, port = host.rpartition(":") if not host.endswith("]") and ":" in host else (host, "", "")
    if port and not (port.isascii() and port.isdigit()):
        return False
    name = name.lower().removesuffix(".")
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return name in names
    return True

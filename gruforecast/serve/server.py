"""The server's connections: time limits where uvicorn has none, and an end that loses no request."""

from __future__ import annotations

import asyncio
import contextlib
import select
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from gruforecast.serve.app import make_app
from gruforecast.serve.service import Service

MAX_CONNECTIONS = 500
MAX_HEADER = 16_384  # bytes
KEEP_ALIVE = 5  # seconds in which a connection may wait for the next request
SETTLE = 0.2  # seconds for requests of connections that were accepted last
SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
FULL = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n"


def serve(service: Service, listener: socket.socket, started: Callable[[], None] = lambda: None) -> bool:
    """Answer requests until a signal comes; return whether all of them could be finished then.

    Args:
        started: called when requests and signals are heard.
    """
    settings = service.settings
    config = uvicorn.Config(
        make_app(service),
        http=type("TimedProtocol", (_Timed,), {"limit": settings.timeout}),
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=MAX_HEADER,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=max(settings.grace - settings.drain - SETTLE, 0),  # type: ignore[arg-type] # as wait_for
    )
    server = _Server(config, service, started)
    service.stop = server.stop
    server.run(sockets=[listener])
    return server.finished


class _Server(uvicorn.Server):
    """A server whose end loses no request that reached it."""

    def __init__(self, config: uvicorn.Config, service: Service, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._started = started
        self._service = service
        self._hurry = asyncio.Event()
        self.finished = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and read the model again on SIGHUP."""
        await super().startup(sockets)
        if hasattr(signal, "SIGHUP") and threading.current_thread() is threading.main_thread():
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGHUP, lambda: self._keep(loop.create_task(self._service.reload())))
        self._started()

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._reloading = task  # a task that nobody holds may vanish

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as it is called
        """Begin to stop, at a signal."""
        self.stop()

    def stop(self) -> None:
        """Begin to stop; at once when called a second time."""
        self._service.stopping = True
        if self.should_exit:
            self.force_exit = True
            self._hurry.set()
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take requests a moment longer, then only finish those that are there."""
        await self._wait(self._service.settings.drain)
        await self._accept_last(sockets or [])
        await self._wait(SETTLE)
        await super().shutdown(sockets)
        self.finished = not self.server_state.connections and not self.server_state.tasks

    async def _wait(self, seconds: float) -> None:
        """Wait, but not after a second signal."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()

    async def _accept_last(self, sockets: list[socket.socket]) -> None:
        """Accept the connections that the system has taken for us already, then listen no more."""
        loop = asyncio.get_running_loop()
        accepted = []
        for listener in sockets:
            with contextlib.suppress(OSError):  # none is left
                while True:
                    accepted.append(listener.accept()[0])
        for server in self.servers:  # at once: whoever comes between is not told
            server.close()
        for connection in accepted:
            connection.setblocking(False)
            with contextlib.suppress(OSError):
                await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        kind: Any = self.config.http_protocol_class
        return kind(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)


class _Timed(H11Protocol):
    """HTTP on one connection, with a limit for a request's header, for what follows an answer, and for its reading."""

    limit = 30.0  # seconds
    _deadline: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless there are too many connections."""
        super().connection_made(transport)  # type: ignore[arg-type]
        if len(self.connections) > MAX_CONNECTIONS:
            self.transport.write(FULL)
            self.transport.close()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """End all waiting."""
        for timer in (self._deadline, self._stalled):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self.transport.is_closing():
            return
        try:
            super().data_received(data)
        except h11.LocalProtocolError:  # garbage after an answer
            self.transport.abort()
            return
        self._watch()

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self.limit, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """No further request came; whoever has not read the last answer by now loses it."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def shutdown(self) -> None:
        """End an idle connection; one on which something has come is left to be answered."""
        if self._is_answering or not self._has_begun():
            super().shutdown()

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _has_begun(self) -> bool:
        """Return whether a request has come in part, or waits to be read."""
        if self.conn.trailing_data[0]:
            return True
        waiting = select.poll()
        try:
            waiting.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
            return bool(waiting.poll(0))
        except (OSError, ValueError):
            return False

    def _watch(self) -> None:
        """Limit the time until a request is there whole; the application limits the rest."""
        if self._is_answering and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        elif not self._is_answering and self._deadline is None:
            self._deadline = self.loop.call_later(self.limit, self._expire)

    def _expire(self) -> None:
        self._deadline = None
        if self._is_answering or self.transport.is_closing():
            return
        if self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
            self.transport.write(SLOW)
        self.transport.close()

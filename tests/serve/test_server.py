"""What `serve/server.py` takes for granted of uvicorn and h11: attributes that no documentation promises."""

from __future__ import annotations

import asyncio
import inspect
import re
import socket
import tomllib

import h11
import uvicorn
from makers import ROOT
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

SERVER = ("startup", "shutdown", "handle_exit", "run")
SERVER_VALUES = ("config", "server_state", "should_exit", "force_exit")
PROTOCOL = ("connection_made", "connection_lost", "data_received", "pause_writing", "resume_writing", "shutdown")
PROTOCOL_VALUES = ("config", "conn", "cycle", "connections", "loop", "timeout_keep_alive_handler")
CONFIG = ("http", "loop", "ws", "lifespan", "log_config", "access_log", "server_header", "proxy_headers")
CONFIG += ("h11_max_incomplete_event_size", "timeout_keep_alive", "timeout_graceful_shutdown")


async def application(scope: object, receive: object, send: object) -> None:
    """Answers nothing."""


def loaded() -> uvicorn.Config:
    config = uvicorn.Config(application, http=H11Protocol, loop="asyncio", lifespan="off", log_config=None)
    config.load()
    return config


def test_the_server_has_what_is_overridden_and_used() -> None:
    server = uvicorn.Server(loaded())
    for name in SERVER:
        assert callable(getattr(uvicorn.Server, name)), name
    for name in SERVER_VALUES:
        assert hasattr(server, name), name
    for name in ("startup", "shutdown"):
        assert "sockets" in inspect.signature(getattr(uvicorn.Server, name)).parameters
    assert server.should_exit is server.force_exit is False
    assert server.server_state.connections == server.server_state.tasks == set()
    assert server.config.http_protocol_class is H11Protocol
    assert set(CONFIG) <= set(inspect.signature(uvicorn.Config).parameters)


def test_a_started_server_has_its_listeners_and_its_lifespan() -> None:
    async def started() -> tuple[list[asyncio.Server], object]:
        server = uvicorn.Server(loaded())
        server.lifespan = server.config.lifespan_class(server.config)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            await server.startup([listener])
            found = list(server.servers), server.lifespan.state
            await server.shutdown([listener])
        return found

    servers, state = asyncio.run(started())
    assert len(servers) == 1
    assert hasattr(servers[0], "close")
    assert state == {}


def test_a_connection_has_what_is_overridden_and_used() -> None:
    async def made() -> H11Protocol:
        return H11Protocol(config=loaded(), server_state=ServerState(), app_state={})

    protocol = asyncio.run(made())
    for name in PROTOCOL:
        assert callable(getattr(H11Protocol, name)), name
    for name in PROTOCOL_VALUES:
        assert hasattr(protocol, name), name
    assert protocol.cycle is None
    assert protocol.conn.our_state is h11.IDLE
    assert protocol.conn.trailing_data == (b"", False)
    assert "response_complete" in inspect.getsource(inspect.getmodule(H11Protocol).RequestResponseCycle)  # type: ignore[union-attr]


def test_only_versions_that_were_tried_are_installed() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for extra in ("serve", "dev"):
        wanted = next(one for one in extras[extra] if one.startswith("uvicorn"))
        assert re.fullmatch(r"uvicorn>=0\.\d+,<0\.\d+", wanted), wanted

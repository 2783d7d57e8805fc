"""How a server is set up: where it listens, who may ask, and what is too much."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass, field
from pathlib import Path

from gruforecast.errors import ResourceError, UsageError
from gruforecast.serve.request import Bounds

MAX_TOKEN = 4096  # bytes of a token file
SHORT_TOKEN = 16  # characters; fewer can be guessed
LOCAL = frozenset({"localhost"})
BODIES = 8  # bodies of the largest size that may be in memory at a time


@dataclass(frozen=True)
class Settings:
    """How a server is set up.

    Attributes:
        token: that requests must carry; None where none is needed.
        hosts: names, beside addresses, that requests may be addressed to.
        body: most bytes of a request; queue: most requests that wait.
        timeout: seconds for a header, for a body, and for an answer.
        grace: seconds in which requests are finished at the end; drain: seconds of them in which new ones are taken.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: bytes | None = None
    hosts: frozenset[str] = LOCAL
    body: int = 8_000_000
    queue: int = 64
    timeout: float = 30.0
    grace: float = 20.0
    drain: float = 0.5
    bounds: Bounds = field(default_factory=lambda: Bounds(10_000, 500_000))

    def __post_init__(self) -> None:
        limits = {
            "--max-body": (self.body, 1, 2**31),
            "--max-queue": (self.queue, 1, 100_000),
            "--max-series": (self.bounds.series, 1, 10_000_000),
            "--max-rows": (self.bounds.rows, 1, 1_000_000_000),
            "--max-horizon": (self.bounds.horizon or 1, 1, 1_000_000),
            "--request-timeout": (self.timeout, 0.1, 86_400),
            "--grace": (self.grace, 0, 86_400),
            "--drain": (self.drain, 0, 86_400),
            "--port": (self.port, 0, 65_535),
        }
        for name, (value, low, high) in limits.items():
            if not low <= value <= high:
                raise UsageError(
                    f"{name} {value} is out of range.", remedy=f"Pass a number from {low} to {high}.", code="GF-U72"
                )
        if self.drain > self.grace:
            raise UsageError(
                f"--drain {self.drain:g} is longer than --grace {self.grace:g}, of which it is a part.",
                remedy="Pass a longer --grace.",
                code="GF-U72",
            )

    @property
    def max_held(self) -> int:
        """Bytes of bodies that may be in memory at a time."""
        return BODIES * self.body


def check_exposure(host: str, *, token: bool, insecure: bool) -> None:
    """Refuse to listen where others can reach the server unless they need a token.

    Raises:
        UsageError: there is no such address, or it is not this machine's own loopback and there is no token.
    """
    addresses = _addresses(host)
    if token or insecure or all(ipaddress.ip_address(one).is_loopback for one in addresses):
        return
    raise UsageError(
        f"--host {host} can be reached from other machines, and requests would need no token.",
        remedy="Pass --token-file FILE, or --insecure-no-auth where something else keeps strangers out.",
        code="GF-U70",
    )


def _addresses(host: str) -> list[str]:
    try:
        addresses = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise UsageError(
            f"--host {host!r} is no address.",
            remedy="Pass an address of this machine, such as 127.0.0.1.",
            code="GF-U73",
        ) from error
    return [str(one[4][0]).partition("%")[0] for one in addresses]


def read_token(path: str) -> tuple[bytes, list[str]]:
    """Return the token in a file, and warnings about it.

    Raises:
        UsageError: the file cannot be read, or holds no single word.
    """
    try:
        with Path(path).open("rb") as stream:
            mode = Path(path).stat().st_mode
            token = stream.read(MAX_TOKEN + 1).strip()
    except (OSError, ValueError) as error:
        raise UsageError(
            f"cannot read --token-file {path}.", remedy="Pass a file with one line of text.", code="GF-U71"
        ) from error
    if not token or len(token) > MAX_TOKEN or not all(33 <= mark <= 126 for mark in token):
        raise UsageError(
            f"--token-file {path} holds no token.",
            remedy="Write one line of letters and digits, such as openssl rand -hex 32 gives.",
            code="GF-U71",
        )
    warnings = []
    if mode & 0o004:
        warnings.append(f"{path} can be read by every user of this machine: chmod 600 {path}")
    if len(token) < SHORT_TOKEN:
        warnings.append(f"the token has {len(token)} characters only: openssl rand -hex 32 gives a good one")
    return token, warnings


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        ResourceError: the port is taken or not allowed.
    """
    address = _addresses(host)[0]
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(1024)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ResourceError(
            f"cannot listen at {host} port {port}: {error.strerror or error}.",
            remedy="Pass another --port; 0 takes a free one.",
            code="GF-E31",
        ) from error
    return listener

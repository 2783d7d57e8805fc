"""The log of a server: one harmless line a record, on standard error."""

from __future__ import annotations

import logging
import sys

from gruforecast.text import harmless

LOGGER = logging.getLogger("gruforecast.serve")


class _Harmless(logging.Formatter):
    """Every line of a record with what a terminal could obey written as an escape; no line of a record is a new one."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return "\n    ".join(map(harmless, text.split("\n") if record.exc_info else [text]))


def start_log(*, quiet: bool, verbose: bool) -> None:
    """Write the server's records to standard error: each request if verbose, only errors if quiet."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Harmless("%(asctime)s %(levelname)s %(message)s"))
    LOGGER.setLevel(logging.ERROR if quiet else logging.INFO if verbose else logging.WARNING)
    LOGGER.handlers = [handler]
    LOGGER.propagate = False
    for name in ("uvicorn", "uvicorn.error", "asyncio"):
        other = logging.getLogger(name)
        other.handlers, other.propagate = [handler], False
        other.setLevel(logging.ERROR)  # whoever sends garbage could fill the log with warnings

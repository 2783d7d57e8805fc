"""Foreign text made harmless: nothing a terminal or a log could obey."""

from __future__ import annotations


def harmless(text: str) -> str:
    """Return the text with every character that a terminal could obey, line ends included, written as an escape."""
    return "".join(mark if mark.isprintable() else mark.encode("unicode_escape").decode() for mark in text)


def harmless_lines(text: str) -> str:
    """Return the same for each line of a text whose line ends are its own."""
    return "\n".join(map(harmless, text.split("\n")))

"""Writes `options.md` and `errors.md` from what the program declares: python docs/make_reference.py."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from gruforecast.automl.options import FitOptions
from gruforecast.data.option import Declared
from gruforecast.error_codes import ERROR_CODES, KINDS

NOTE = "<!-- Made by docs/make_reference.py: do not edit. -->"
TYPES = {str: "text", bool: "True or False", int: "whole number", float: "number"}
UNITS = {"seconds": "seconds, or text such as 10m", "bytes": "bytes, or text such as 2GB"}
EFFECTS = {
    "data": "how the data are read",
    "search": "the search",
    "after": "what comes after the search",
    "extent": "how far the search goes",
    "none": "no result",
}
OPTIONS = """\
What `fit` takes: in Python by the name of the parameter, on the command line by the flag. `check` takes what says how
the data are read, `horizon` and `season`. What is not given is found, and said.

The last column says what an option decides. A search goes on where the options that decide about data and search are
the same. Those that decide about no result may change, and so may
{names}."""
ERRORS = """\
An error says what was found, where, and what to do; its code says which one it is:
`error[GF-D30] sales.csv line 17, column "sales": "oops" is not a number. Correct the cell, …`. In Python it is the
attribute `code`; the command line ends with the exit code of the group."""


def options_page() -> str:
    """Return the reference of the options of `fit`."""
    names = ", ".join(f"`{one.name}`" for one in FitOptions.declared if one.option.effect in ("after", "extent"))
    panels: dict[str, list[Declared]] = {}
    for one in FitOptions.declared:
        panels.setdefault(one.option.panel or "Model folder", []).append(one)
    lines = ["# Options", "", NOTE, "", *OPTIONS.format(names=names).splitlines()]
    for panel, options in panels.items():
        lines += ["", f"## {panel}", "", "| parameter | flag | takes | default | meaning | decides |"]
        lines += ["|---|---|---|---|---|---|", *map(_row, options)]
    return "\n".join(lines) + "\n"


def _row(one: Declared) -> str:
    flags = " ".join(f"`{flag}`" for flag in (*one.option.names, one.flag, one.negated) if flag)
    default = f"{one.default:,}" if type(one.default) is int else repr(one.default)
    default = "" if one.default in (None, ()) else f"`{default}`"
    meaning = one.option.help.replace("<", "&lt;")
    cells = (f"`{one.name}`", flags, _takes(one), default, meaning, EFFECTS[one.option.effect])
    return f"| {' | '.join(cells)} |"


def _takes(one: Declared) -> str:
    low, high = one.option.low, one.option.high
    text = UNITS[one.option.unit] if one.option.unit else TYPES[one.kind]
    if one.option.choices:
        text = ", ".join(f"`{choice}`" for choice in one.option.choices)
    elif low > float("-inf"):
        text += f" from {low:,} to {high:,}"
    return f"{text}; one or several" if one.several else text


def errors_page() -> str:
    """Return the reference of the codes of errors and warnings."""
    lines = ["# Error codes", "", NOTE, "", *ERRORS.splitlines()]
    for kind, codes in itertools.groupby(ERROR_CODES, kind_of):
        title, exit_code = KINDS[kind]
        lines += ["", f"## {title}{f' (exit code {exit_code})' if exit_code is not None else ''}", ""]
        lines += ["| code | meaning |", "|---|---|", *map(_code_row, codes)]
    return "\n".join(lines) + "\n"


def kind_of(code: str) -> str:
    """Return the key of a code's kind: `D` of `GF-D30`."""
    return code.removeprefix("GF-").rstrip("0123456789")


def _code_row(code: str) -> str:
    texts: Sequence[str] = [text for text in ERROR_CODES[code] if text]
    return f"| {code} | {' '.join(texts)} |"


PAGES = {"options.md": options_page, "errors.md": errors_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (Path(__file__).parent / name).write_text(page(), encoding="utf-8")

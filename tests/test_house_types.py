"""How much of the package is typed: plain dicts and `Any` stay where a stranger's JSON and foreign objects are."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "gruforecast"
PLAIN = {f"{kind}[str, {value}]" for kind in ("dict", "Mapping") for value in ("Any", "object")}
MAX_PLAIN = 20
MAX_ANY = 0.02  # share of annotations
KNOWN = """
from typing import Any
Facts = dict[str, Any]
def one(facts: Facts, more: Mapping[str, object], *, name: str) -> list[Any]: ...
count: int = cast("int", one)
"""


@cache
def trees() -> tuple[ast.Module, ...]:
    return tuple(ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py")))


def annotations(tree: ast.Module) -> Iterator[ast.expr]:
    """All annotations of arguments, results and variables."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.arg, ast.AnnAssign)) and node.annotation is not None:
            yield node.annotation
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns is not None:
            yield node.returns


def aliases(tree: ast.Module) -> set[str]:
    """Names that stand for a plain dict."""
    return {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.value) in PLAIN
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def counted(sources: tuple[ast.Module, ...]) -> tuple[int, int, int]:
    """How many plain dicts, annotations that say nothing (casts count as such), and annotations there are."""
    names = set().union(*map(aliases, sources))
    plain, nothing, total = len(names), 0, 0
    for tree in sources:
        for one in annotations(tree):
            parts = [ast.unparse(part) for part in ast.walk(one)]
            dicts = sum(part in PLAIN or part in names for part in parts)
            plain, total = plain + dicts, total + 1
            nothing += dicts > 0 or not {"Any", "object"}.isdisjoint(parts)
        nothing += sum(isinstance(node, ast.Call) and ast.unparse(node.func) == "cast" for node in ast.walk(tree))
    return plain, nothing, total


def test_the_count_sees_aliases_objects_and_casts() -> None:
    assert counted((ast.parse(KNOWN),)) == (3, 4, 5)


def test_results_have_types() -> None:
    plain, nothing, total = counted(trees())
    assert total > 5_000
    assert plain <= MAX_PLAIN
    assert nothing <= MAX_ANY * total

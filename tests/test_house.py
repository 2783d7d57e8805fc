"""The shape of the house: sizes, and words that must not occur. Import rules are checked by `make check`."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

import gruforecast

PACKAGE = ROOT / "gruforecast"
MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_rooms_and_halls_are_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            length = body[-1].end_lineno - body[0].lineno + 1 if body else 0  # type: ignore[operator]
            assert length <= 40, f"{node.name} has {length} lines"


def test_nothing_can_execute_what_it_reads() -> None:
    words = ("pickle.", "joblib", "marshal", "eval(", "exec(", "yaml.load", "allow_pickle=True", "safe_mode=False")
    for path in MODULES:
        text = path.read_text()
        for word in words:
            assert word not in text, f"{word} in {path}"
        if path.name != "export.py":
            assert "saved_model.load" not in text


def test_there_is_no_room_without_a_subject() -> None:
    assert not {path.stem for path in MODULES} & {"utils", "helpers", "common", "misc"}


def test_the_public_names_are_there_and_load_late() -> None:
    light = "import sys, gruforecast; assert not {'numpy', 'pandas', 'tensorflow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", light], check=True)
    for name in gruforecast.__all__:
        if name != "GRUHyperModel":  # loads TensorFlow; tested with the search
            assert getattr(gruforecast, name) is not None
    with pytest.raises(AttributeError):
        gruforecast.nothing  # noqa: B018 - the access is the test

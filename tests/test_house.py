"""Words that must not occur, and the public names. The shape of the house is in test_house_rules."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest
from makers import ROOT

import gruforecast

PACKAGE = ROOT / "gruforecast"
MODULES = sorted(PACKAGE.rglob("*.py"))


def test_records_cannot_be_changed() -> None:
    """But for those that gather something while a command runs."""
    changing = {
        "Jobs",
        "Metrics",
        "Notes",
        "Once",
        "Pending",
        "Service",
        "_Loop",
        "_Worker",
    }
    found = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            for mark in node.decorator_list if isinstance(node, ast.ClassDef) else ():
                words = {one.arg: ast.unparse(one.value) for one in mark.keywords} if isinstance(mark, ast.Call) else {}
                name = ast.unparse(mark.func if isinstance(mark, ast.Call) else mark)
                if name == "dataclass" and words.get("frozen") != "True":
                    found.add(node.name)
    assert found == changing


def test_nothing_can_execute_what_it_reads() -> None:
    """Neither the words, wherever they stand, nor the modules, however they are imported."""
    words = ("pickle.", "joblib", "marshal", "eval(", "exec(", "yaml.load", "allow_pickle=True", "safe_mode=False")
    words += ("custom_objects", "load_model", "dill", "shelve", "__import__", "runpy", "enable_unsafe_deserialization")
    modules = {
        "pickle",
        "cPickle",
        "marshal",
        "shelve",
        "dill",
        "cloudpickle",
        "joblib",
        "yaml",
        "code",
        "runpy",
        "imp",
    }
    for path in MODULES:
        text = path.read_text()
        for word in words:
            assert word not in text, f"{word} in {path}"
        if path != PACKAGE / "artifact" / "export" / "saved_model.py":
            assert "saved_model.load" not in text
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
                assert not {name.split(".")[0] for name in names} & modules, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "compile", "__import__"), path
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant), path
                assert node.value.value is False, path


def test_arrays_are_never_loaded_with_numpys_default() -> None:
    """`np.load` forbids objects by default since 1.16.3; it says so here all the same."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.load", "numpy.load"):
                assert "allow_pickle" in {keyword.arg for keyword in node.keywords}, f"{path} line {node.lineno}"


def test_the_public_names_are_there_and_load_late() -> None:
    light = "import sys, gruforecast; assert not {'numpy', 'pandas', 'tensorflow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", light], check=True)
    for name in gruforecast.__all__:
        if name != "GRUHyperModel":  # loads TensorFlow; tested with the search
            assert getattr(gruforecast, name) is not None
    with pytest.raises(AttributeError):
        gruforecast.nothing  # noqa: B018 - the access is the test

"""One registry of codes, one declaration of options, and pages that are made of them."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

import gruforecast.errors
from gruforecast.error_codes import ERROR_CODES, KINDS

ROOT = Path(__file__).parents[1]
REGISTRY = ROOT / "gruforecast" / "error_codes.py"
CODE = re.compile(r"GF-(?:[A-Z]\d\d|BUG)")
EXIT_CODES = {"UsageError": 2, "DataError": 3, "ModelError": 4, "ResourceError": 5, "SearchError": 6}
LETTERS = {2: "U", 3: "D", 4: "MJ", 5: "E", 6: "S"}


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs" / "make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def codes_in(source: str) -> list[str]:
    """The codes that stand in a module as texts of their own."""
    texts = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return [text for text in texts if isinstance(text, str) and CODE.fullmatch(text)]


def given_twice(source: str) -> list[str]:
    """The keys that a dictionary of a module names twice: what runs sees the last one only."""
    keys = [
        key.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Dict)
        for key in node.keys if isinstance(key, ast.Constant)
    ]  # fmt: skip
    return [key for key, count in Counter(keys).items() if count > 1]


def test_every_code_in_the_source_is_registered_and_every_registered_one_is_used() -> None:
    sources = [path for path in (ROOT / "gruforecast").rglob("*.py") if path != REGISTRY]
    used = {code for path in sources for code in codes_in(path.read_text(encoding="utf-8"))}
    assert used - set(ERROR_CODES) == set()
    assert set(ERROR_CODES) - used == set()


def test_no_code_is_given_twice() -> None:
    source = REGISTRY.read_text(encoding="utf-8")
    assert given_twice(source) == []
    line = '    "GF-U02": Meaning("There is no such file."),\n'
    assert line in source
    assert given_twice(source.replace(line, line + line.replace("no such", "another"))) == ["GF-U02"]


def test_no_two_codes_mean_the_same() -> None:
    titles = Counter(meaning.title for meaning in ERROR_CODES.values())
    assert [title for title, count in titles.items() if count > 1] == []
    assert all(text.endswith(".") for meaning in ERROR_CODES.values() for text in meaning if text)


def test_the_letter_of_a_code_says_how_the_program_ends() -> None:
    wrong = []
    for path in (ROOT / "gruforecast").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in EXIT_CODES:
                codes = [
                    one.value.value
                    for one in node.keywords
                    if one.arg == "code" and isinstance(one.value, ast.Constant)
                ]
                letters = LETTERS[EXIT_CODES[node.func.id]]
                wrong += [(path.name, code) for code in codes if code[3] not in letters]
    assert wrong == []
    for name, number in EXIT_CODES.items():
        assert getattr(gruforecast.errors, name).exit_code == number
        assert {KINDS[letter].exit_code for letter in LETTERS[number]} == {number}


@pytest.mark.parametrize("name", ["options.md", "errors.md"])
def test_pages_are_current(name: str, reference: ModuleType) -> None:
    found = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert found == reference.PAGES[name](), "run: python docs/make_reference.py"


def test_pages_name_every_option_and_every_code(reference: ModuleType) -> None:
    page = reference.options_page()
    assert "| `level` | `--level` | number; one or several |  | Interval level" in page
    assert "| `output` | `-o` `--output` | text |  |" in page
    assert "| `header` | `--header` `--no-header` | True or False |  |" in page
    assert "| `horizon` | `--horizon` | whole number from 1 to 10,000 |" in page
    assert "| `compare` | `--compare` | `short`, `full`, `none` | `'short'` |" in page
    assert "| `max_time` | `--max-time` | seconds, or text such as 10m |" in page
    errors = reference.errors_page()
    assert all(f"| {code} | {meaning.title}" in errors for code, meaning in ERROR_CODES.items())
    assert "(exit code 3)\n\n| code | meaning |\n|---|---|\n| GF-D01 | The file is empty. |" in errors
    assert [kind for kind in KINDS if errors.count(f"## {KINDS[kind].title}") != 1] == []

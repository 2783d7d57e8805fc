"""The rules that hold the shape of the house. The order of the packages is checked by import-linter (`make check`)."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

import gruforecast

PACKAGE = Path(gruforecast.__file__).parent
ROOT = PACKAGE.parent
TESTS = ROOT / "tests"
PACKAGES = {"cli", "serve", "automl", "report", "artifact", "online", "explain", "evaluation", "models", "data"}
PACKAGES |= {"execution"}
UNDER_THE_CONTRACT = {"api", "serialization", "text", "errors", "error_codes", "arrays"}  # modules at the root
AT_THE_ROOT = UNDER_THE_CONTRACT | {"__init__", "__main__", "version"}
TENSORFLOW = ("models.training", "artifact.export", "automl.search.hypermodel")  # the only places that may load it
GOLDEN = TESTS / "golden" / "format-1" / "model"


def name_of(path: Path) -> str:
    """The dotted name of a module, without the name of the whole package: `models.forecaster`."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@functools.cache
def tree_of(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text())


def running(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below `node` but what only type checkers see; bodies of functions count."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            for other in child.orelse:
                yield from (other, *running(other))
        else:
            yield from (child, *running(child))


@functools.cache
def imports_of(name: str) -> frozenset[str]:
    """Full names of everything that a module imports anywhere, `package.name` for `from package import name`."""
    here = f"gruforecast.{name}" if MODULES[name].stem == "__init__" else f"gruforecast.{name}".rpartition(".")[0]
    found = set()
    for node in running(tree_of(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), here)
            found |= {f"{source}.{alias.name}" for alias in node.names}
    return frozenset(found)


@functools.cache
def modules_in(name: str) -> frozenset[str]:
    """The modules of this package that a module imports."""
    inside = {one.removeprefix("gruforecast.") for one in imports_of(name) if one.startswith("gruforecast.")}
    return frozenset(one if one in MODULES else one.rpartition(".")[0] or "__init__" for one in inside)


def reached_from(*names: str) -> set[str]:
    """What these modules import, and what those import, and so on."""
    found, waiting = set(names), list(names)
    while waiting:
        new = modules_in(waiting.pop()) - found
        found |= new
        waiting += new
    return found


def within(name: str, *packages: str) -> bool:
    return any(f"{name}.".startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("name", MODULES)
def test_modules_have_under_400_lines_and_functions_under_40(name: str) -> None:
    assert MODULES[name].read_text().count("\n") < 400
    for node in ast.walk(tree_of(name)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            assert length < 40, f"{node.name} has {length} lines"


def test_the_root_has_the_packages_and_modules_of_the_plan_and_no_others() -> None:
    top = {path.relative_to(PACKAGE).parts[0] for path in MODULES.values()}
    assert {name for name in top if not name.endswith(".py")} | {"online"} == PACKAGES  # online comes later
    assert {name.removesuffix(".py") for name in top if name.endswith(".py")} <= AT_THE_ROOT


def test_every_module_has_a_subject() -> None:
    stems = {part for name in MODULES for part in name.split(".")}
    assert not stems & {"utils", "util", "helpers", "common", "misc", "base", "core"}


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter({name: modules_in(name) - {name} for name in MODULES}).prepare()
    except CycleError as circle:
        pytest.fail(" <- ".join(circle.args[1]))


def test_the_contract_names_every_package_and_has_no_exception() -> None:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = [one for contract in linter["contracts"] if contract["type"] == "layers" for one in contract["layers"]]
    named = re.findall(r"\w+", " ".join(layers))
    assert sorted(named) == sorted(PACKAGES | AT_THE_ROOT - {"__init__"})
    assert not any("ignore_imports" in contract for contract in linter["contracts"])


def test_tensorflow_and_keras_tuner_stay_in_their_rooms() -> None:
    for name in MODULES:
        tops = {one.partition(".")[0] for one in imports_of(name)}
        assert not tops & {"tensorflow", "keras"} or within(name, *TENSORFLOW), name
        assert "keras_tuner" not in tops or within(name, "automl.search"), name


def test_what_forecasts_never_reaches_tensorflow() -> None:
    light = ("models.forecaster", "artifact.folder", "artifact.describe", "data.read", "report.files.table")
    light += ("evaluation.backtest", "explain.model", *(name for name in MODULES if within(name, "serve")))
    assert {name for name in reached_from(*light) if within(name, *TENSORFLOW)} == set()


def test_the_server_reaches_neither_training_nor_what_fit_decides() -> None:
    reached = reached_from(*(name for name in MODULES if within(name, "serve")))
    assert {name for name in reached if within(name, "automl", "explain", "models.training")} == set()


def loaded_by(code: str, *arguments: str) -> set[str]:
    """The packages that are loaded after `code` has run in a process of its own."""
    code = f"import sys\ntry: {code}\nfinally: print(*(n.partition('.')[0] for n in sys.modules), file=sys.stderr)"
    ended = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    loaded = set(ended.stderr.splitlines()[-1].split())
    assert "gruforecast" in loaded, ended.stderr
    return loaded


def test_the_command_line_starts_light() -> None:
    loaded = loaded_by("import gruforecast.cli.app")
    assert loaded & {"tensorflow", "keras", "pandas", "numpy", "plotly"} == set()


def test_predict_loads_neither_tensorflow_nor_keras() -> None:
    loaded = loaded_by("from gruforecast.cli.app import main; main()", "predict", str(GOLDEN), "--format", "csv")
    assert "numpy" in loaded  # it has forecast
    assert loaded & {"tensorflow", "keras", "keras_tuner", "sklearn", "scipy", "pandas"} == set()


def test_names_in_texts_are_there() -> None:
    """Calls of other processes and public names are written as texts, which no type checker follows."""
    for name in MODULES:
        for node in ast.walk(tree_of(name)):
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            if found := re.fullmatch(r"gruforecast\.([\w.]+)(?::(\w+))?", text):
                assert found[1] in MODULES, f"{name}: {text}"
                top = {getattr(one, "name", None) for one in tree_of(found[1]).body}
                assert found[2] is None or found[2] in top, f"{name}: {text}"


def described() -> tuple[set[str], set[str]]:
    """What docs/architecture.md names: modules of the list by folder, and all other paths."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    listed = set()
    for line in re.finditer(r"^- \*\*`([\w/]+/)`\*\*((?:.|\n(?!- |\n))*)", text, flags=re.MULTILINE):
        listed |= {f"{line[1]}{name}" for name in re.findall(r"`(\w+\.(?:py|css|js|html\.j2))`", line[2])}
    paths = set(re.findall(r"`([\w.-]+/[\w./-]*)`", text))
    return listed, paths | set(re.findall(r"`(\w+\.py)`", text.partition("At the root:")[2]))


def test_every_path_in_the_description_of_the_house_is_there() -> None:
    listed, paths = described()
    assert len(listed) > 100
    assert len(paths) > 30
    missing = {path for path in listed if not (PACKAGE / path).is_file()}
    assert missing == set()
    missing = {path for path in paths if not (PACKAGE / path).exists() and not (ROOT / path).exists()}
    assert missing == set()


def test_every_module_is_in_the_description_of_the_house() -> None:
    named = set().union(*described())
    there = {str(path.relative_to(PACKAGE)) for path in MODULES.values() if not path.stem.startswith("__")}
    assert there - named == set()


def test_tests_mirror_the_packages() -> None:
    for path in TESTS.rglob("test_*.py"):
        folder, subject = path.relative_to(TESTS).parent, path.stem.removeprefix("test_")
        assert (PACKAGE / folder).is_dir() or (ROOT / "tools" / folder).is_dir() or folder == Path("support"), path
        assert folder != Path() or subject in AT_THE_ROOT or subject.startswith("house"), path
    for path in TESTS.rglob("*.py"):
        assert not re.search(r"^\s*(from|import) conftest\b", path.read_text(), flags=re.MULTILINE), path

"""The faults that `benchmarks/planted_faults.py` plants: exact edits, and the lines a test must run to meet them."""

from __future__ import annotations

import runpy
from typing import Any

import pytest
from makers import ROOT

FINDER = runpy.run_path(str(ROOT / "benchmarks" / "fault_finder.py"))


def edits(source: str) -> list[str]:
    data = source.encode()
    return [fault.planted(data).decode() for fault in FINDER["faults"](data)]


def found(source: str) -> list[Any]:
    return FINDER["faults"](source.encode())


@pytest.mark.parametrize(
    ("source", "faulty"),
    [
        ("a < b", ["a <= b", "a > b"]),
        ("(a) == (  # ==\n b)", ["(a) != (  # ==\n b)"]),
        ("a <= b is  not c", ["a < b is  not c", "a > b is  not c", "a <= b is c"]),
        ("a not in b", ["a in b"]),
        ("x[0]", ["x[1]", "x[-1]"]),
        ("-2.5", ["-3.5", "-1.5", "-5.0"]),
        ("1e30", ["2e+30"]),
        ("a or b and c", ["a and b and c", "(b and c)", "a", "a or b or c", "a or c", "a or b"]),
        ("if not (a):\n    b", ["if (a):\n    b"]),
        ("a = any(b)", ["a = all(b)"]),
        ("a = np.minimum(b, c)", ["a = np.maximum(b, c)"]),
        ("a = math.floor(b)", ["a = math.ceil(b)"]),
        ("a - b * c", ["a + b * c", "a - b / c"]),
        ("a = sorted(b, key=c)", ["a = list(b)"]),
        (
            "a if b else (c or d)",
            ["(c or d) if b else (a)", "a if b else (c and d)", "a if b else (d)", "a if b else (c)"],
        ),
        ("a = f((b), *c)", []),
        ("a = f(b, 'ä', g=c)", ["a = f('ä', b, g=c)"]),
        (
            "a.sum(axis=0) + b.sum(axis=-1)",
            ["a.sum(axis=0) - b.sum(axis=-1)", "a.sum(axis=1) + b.sum(axis=-1)", "a.sum(axis=0) + b.sum(axis=0)"],
        ),
        ("a(b)", ["pass"]),
        ("a += b", ["pass", "a -= b"]),
        ("a.b = c", ["pass"]),
        ("raise a", ["pass"]),
        ("for a in b:\n    continue", ["for a in b:\n    pass"]),
        ("def f(*, a: bool = True): ...", ["def f(*, a: bool = False): ..."]),
    ],
)
def test_each_fault_is_one_edit(source: str, faulty: list[str]):
    assert edits(source) == faulty


@pytest.mark.parametrize(
    "source",
    [
        "'a' + b",
        "f'{a + 1}' % b",
        "a: Literal[1, 2]",
        "@cache(8)\ndef f(a: b | 1) -> c[2]: ...",
        "'''1 + 1'''",
        "a = os.kill(b, 0)",
        "a / 'b'",
    ],
)
def test_what_is_left_alone(source: str):
    assert edits(source) == []


def test_tests_of_the_statement_meet_its_fault_and_tests_of_any_function_what_an_import_does():
    source = "A = 1\ndef f(a=2):\n    if (a\n            > 3):\n        return 4\n    return a\n"
    lines = {(fault.kind, source[fault.start]): set(fault.lines) for fault in found(source)}
    assert lines == {
        ("number", "1"): {3, 4, 5, 6},
        ("number", "2"): {3, 4, 5, 6},
        ("comparison", ">"): {3, 4},
        ("number", "3"): {3, 4},
        ("number", "4"): {5},
    }


def test_a_sample_is_of_all_kinds_one_a_line_and_the_same_for_the_same_seed():
    source = "a < b + 1\n" * 20 + "not a\n"
    drawn, again, other = (FINDER["sample"]({"m.py": source.encode()}, 9, seed) for seed in ("0", "0", "1"))
    assert drawn == again != other
    assert {fault.kind for _, fault in drawn} == {"arithmetic", "comparison", "not removed", "number"}
    assert len({fault.shown(source.encode())[0] for _, fault in drawn}) == len(drawn) == 9


def test_a_fault_is_shown_by_the_first_line_that_differs():
    source = "b\nif a and (\n    c\n):\n    d\n"
    shown = [fault.shown(source.encode()) for fault in found(source)]
    assert shown == [(2, "if a and ( → if a or ("), (2, "if a and ( → if c:"), (2, "if a and ( → if a:")]

"""Faults that can be planted in Python source: one edit each, at an exact place, so that all else keeps its form.

Left alone are strings, f-strings (what they hold has no exact place before Python 3.12), annotations and decorators.
"""

from __future__ import annotations

import ast
import itertools
import random
import re
from collections import defaultdict
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], tuple[str, ...]] = {
    ast.Lt: ("<", "<=", ">"),
    ast.LtE: ("<=", "<", ">"),
    ast.Gt: (">", ">=", "<"),
    ast.GtE: (">=", ">", "<"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
}
PAIRS = (("any", "all"), ("min", "max"), ("minimum", "maximum"), ("argmin", "argmax"), ("floor", "ceil"))
TWINS = {one: other for pair in PAIRS for one, other in (pair, pair[::-1])}
UNSWAPPED = {"min", "max", "minimum", "maximum"}  # order says nothing
UNSWAPPED |= {"isinstance", "issubclass", "getattr", "hasattr", "setattr", "cast"}  # nothing runs any longer
DANGEROUS = {"kill", "killpg", "rmtree", "unlink", "rmdir"}  # a fault must not reach beyond the tests
SEQUENCES = (ast.JoinedStr, ast.List, ast.Tuple, ast.ListComp)  # can be added and repeated, nothing else
LOOSE = (ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Lambda, ast.NamedExpr, ast.Await, ast.Yield)


@dataclass(frozen=True)
class Fault:
    """An edit: the bytes from `start` to `end` become `text`.

    Attributes:
        kind: what is done, in a word or two.
        lines: a test that runs one of these lines runs the faulty code.
    """

    kind: str
    start: int
    end: int
    text: str
    lines: frozenset[int]

    def planted(self, source: bytes) -> bytes:
        """Return the source with the fault."""
        return source[: self.start] + self.text.encode() + source[self.end :]

    def shown(self, source: bytes) -> tuple[int, str]:
        """Return the number of the first line that differs, and `before → after` of that line."""
        before, after = source.decode().splitlines(), self.planted(source).decode().splitlines()
        changed = [a != b for a, b in itertools.zip_longest(before, after)].index(True)
        return changed + 1, " → ".join(
            lines[changed].strip() if changed < len(lines) else "" for lines in (before, after)
        )


def faults(source: bytes) -> list[Fault]:
    """Return every fault that can be planted in the source of a module."""
    return Finder(source).found


def sample(modules: dict[str, bytes], count: int, seed: str) -> list[tuple[str, Fault]]:
    """Return at most `count` faults of modules by path: kinds take turns, and no line has two."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    sites: dict[str, dict[tuple[str, int, int], list[Fault]]] = defaultdict(lambda: defaultdict(list))
    for path, source in modules.items():
        for fault in faults(source):
            sites[fault.kind][path, fault.start, fault.end].append(fault)
    turns = [
        dice.sample(sorted(sites[kind].items(), key=lambda site: site[0]), len(sites[kind])) for kind in sorted(sites)
    ]
    dice.shuffle(turns)
    found: dict[tuple[str, int], Fault] = {}
    for (path, *_), variants in filter(None, itertools.chain.from_iterable(itertools.zip_longest(*turns))):
        if len(found) == count:
            break
        fault = dice.choice(variants)
        line, _ = fault.shown(modules[path])
        if (path, line) not in found and _is_sound(fault.planted(modules[path])):
            found[path, line] = fault
    return [(path, fault) for (path, _), fault in found.items()]


def _is_sound(source: bytes) -> bool:
    try:
        compile(source, "faulty", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


class Finder(ast.NodeVisitor):
    """Walks the tree of a module and notes faults in `found`."""

    def __init__(self, source: bytes) -> None:
        self.found: list[Fault] = []
        self._source, tree = source, ast.parse(source)
        self._begins = [0, *itertools.accumulate(map(len, source.splitlines(keepends=True)))]
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        self._lines = self._everywhere = frozenset(line for node in functions for line in _body(node))
        self._in_function = False
        self.visit(tree)

    def visit(self, node: ast.AST) -> None:
        """Keep the lines of the innermost statement; while a module is imported no test runs, so all of them count."""
        outer = self._lines
        if isinstance(node, ast.stmt):
            self._lines = frozenset(_own_lines(node)) if self._in_function else self._everywhere
        super().visit(node)
        self._lines = outer

    def _add(self, kind: str, start: int, end: int, *texts: str) -> None:
        self.found += [Fault(kind, start, end, text, self._lines) for text in texts]

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None  # noqa: S101 - for the type checker
        assert node.end_col_offset is not None  # noqa: S101
        return self._begins[node.lineno - 1] + node.col_offset, self._begins[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: ast.expr) -> str:
        start, end = self._span(node)
        text = self._source[start:end].decode()
        return f"({text})" if isinstance(node, LOOSE) else text

    def _operator(self, kind: str, left: ast.expr, right: ast.expr, words: tuple[str, ...]) -> None:
        """Note that the operator between two operands, `words[0]`, becomes one of the others."""
        (_, start), (end, _) = self._span(left), self._span(right)
        gap = re.sub(rb"#[^\n]*", lambda comment: b" " * len(comment[0]), self._source[start:end])
        match = re.search(r"\s+".join(map(re.escape, words[0].split())).encode(), gap)
        if match:
            self._add(kind, start + match.start(), start + match.end(), *words[1:])

    def _swapped(self, kind: str, first: ast.expr, second: ast.expr) -> None:
        (start, middle), (resumed, end) = self._span(first), self._span(second)
        one, other, between = self._text(first), self._text(second), self._source[middle:resumed].decode()
        if one != other:
            self._add(kind, start, end, other + between + one)

    def _removed(self, node: ast.stmt) -> None:
        self._add("statement removed", *self._span(node), "pass")

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Defaults belong to the tests of the body."""
        self._lines = frozenset(_body(node))
        self.visit(node.args)
        outer, self._in_function = self._in_function, True
        for statement in node.body:
            self.visit(statement)
        self._in_function = outer

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Only the body."""
        for statement in node.body:
            self.visit(statement)

    def visit_arguments(self, node: ast.arguments) -> None:
        """Only the defaults."""
        for default in filter(None, [*node.defaults, *node.kw_defaults]):
            self._default(default)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Only the value: of a dataclass it is a default."""
        if node.value:
            self._default(node.value)

    def _default(self, node: ast.expr) -> None:
        if isinstance(node, ast.Constant) and isinstance(node.value, bool):
            self._add("flag turned", *self._span(node), str(not node.value))
        self.visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Nothing: places are wrong here before Python 3.12."""

    def visit_Constant(self, node: ast.Constant) -> None:
        """Numbers, one up, one down, and doubled."""
        value = node.value
        if isinstance(value, int | float) and not isinstance(value, bool):
            others = dict.fromkeys(other for other in (value + 1, value - 1, 2 * value) if other != value)
            self._add("number", *self._span(node), *map(repr, others))

    def visit_keyword(self, node: ast.keyword) -> None:
        """The axis; any other value as usual."""
        if node.arg == "axis" and isinstance(node.value, ast.Constant | ast.UnaryOp):
            self._add("axis", *self._span(node.value), "1" if self._text(node.value) == "0" else "0")
        else:
            self.visit(node.value)

    def visit_Compare(self, node: ast.Compare) -> None:
        """Each comparison turned or shifted."""
        operands = itertools.pairwise([node.left, *node.comparators])
        for (left, right), sign in zip(operands, node.ops, strict=True):
            self._operator("comparison", left, right, COMPARISONS[type(sign)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """The operator, and each operand dropped."""
        words = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in itertools.pairwise(node.values):
            self._operator("and, or", left, right, words)
        for dropped in node.values:
            kept = [self._text(value) for value in node.values if value is not dropped]
            self._add("operand dropped", *self._span(node), f" {words[0]} ".join(kept))
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        """`not` removed."""
        start, end = self._span(node)
        if isinstance(node.op, ast.Not):
            self._add("not removed", start, end, self._source[start + len("not") : end].decode().lstrip())
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Plus and minus, times and divided by."""
        sides = (node.left, node.right)
        texts = any(isinstance(side, ast.Constant) and isinstance(side.value, str | bytes) for side in sides)
        if type(node.op) in ARITHMETIC and not texts and not any(isinstance(side, SEQUENCES) for side in sides):
            self._operator("arithmetic", node.left, node.right, ARITHMETIC[type(node.op)])
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        """Branches swapped."""
        self._swapped("branches swapped", node.body, node.orelse)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Its name, its arguments in another order, `sorted` left out."""
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        _, end = self._span(node.func)
        if name in DANGEROUS:
            return
        if name in TWINS:
            self._add("call", end - len(name), end, TWINS[name])
        if name == "sorted":
            self._add("unsorted", *self._span(node), f"list({self._text(node.args[0])})")
        for first, second in itertools.pairwise(node.args):
            if name not in UNSWAPPED and not isinstance(first, ast.Starred) and not isinstance(second, ast.Starred):
                self._swapped("arguments swapped", first, second)
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        """A call for its effect."""
        if isinstance(node.value, ast.Call | ast.Await):
            self._removed(node)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        """To an attribute or an item."""
        if isinstance(node.targets[0], ast.Attribute | ast.Subscript):
            self._removed(node)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """Removed, and with the opposite operator."""
        self._removed(node)
        if type(node.op) in ARITHMETIC:
            self._operator("arithmetic", node.target, node.value, ARITHMETIC[type(node.op)])
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """An error that is not raised."""
        self._removed(node)
        self.generic_visit(node)

    def visit_Continue(self, node: ast.Continue) -> None:
        """A round that is not cut short."""
        self._removed(node)


def _body(node: ast.FunctionDef | ast.AsyncFunctionDef) -> range:
    return range(node.body[0].lineno, (node.end_lineno or 0) + 1)


def _own_lines(node: ast.stmt) -> range:
    """Return the lines of a statement, without those of the statements in it."""
    inner = [child.lineno for child in ast.walk(node) if isinstance(child, ast.stmt) and child is not node]
    return range(node.lineno, max(node.lineno + 1, min(inner, default=(node.end_lineno or 0) + 1)))

"""The faults that can be put into a module: each is its source with one place changed.

Not touched are annotations, decorators, docstrings, texts of messages, assertions and the `strict`
of `zip`, which guard what holds in a correct program.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
}
OTHER_FUNCTION = {"min": "max", "max": "min", "any": "all", "all": "any"}
FIXED_ORDER = {"isinstance", "hasattr", "getattr", "min", "max"}
"""Calls whose swapped arguments no run survives, or none notices."""
DOCUMENTATION = {"description"}
"""Keywords that no result depends on."""


Place = ast.expr | ast.stmt


@dataclass(frozen=True, order=True)
class Mutant:
    """One fault: the name of its kind, where it is, and the whole changed source.

    `first` and `last` are the lines of the statement, of a compound one those of its head;
    `within` is whether it is in a function, and so does nothing when the module is imported.
    """

    module: str
    line: int
    column: int
    kind: str
    source: str
    first: int
    last: int
    within: bool


def mutants_of(module: str, source: str) -> list[Mutant]:
    """Return every fault that can be put into a module, in the order of its lines.

    Args:
        module: its path, kept with each fault.
        source: its text.
    """
    text = source.encode()
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found: dict[str, Mutant] = {}
    for lines, node in _nodes(ast.parse(source), (1, 1, False)):
        for kind, old, new in _changes(node):
            first = starts[old.lineno - 1] + old.col_offset
            last = starts[(old.end_lineno or 0) - 1] + (old.end_col_offset or 0)
            shown = ast.unparse(new)
            if isinstance(new, ast.expr) and not (isinstance(new, ast.Slice) or shown.isalnum()):
                shown = f"({shown})"
            changed = (text[:first] + shown.encode() + text[last:]).decode()
            found.setdefault(
                changed, Mutant(module, old.lineno, old.col_offset, kind, changed, *lines)
            )
    return sorted(found.values())


Lines = tuple[int, int, bool]
"""First and last line of a statement, and whether it is in a function."""


def _nodes(node: ast.AST, lines: Lines) -> Iterator[tuple[Lines, Place]]:
    """Yield the statements and expressions that may be changed, each with its statement's lines."""
    if isinstance(node, ast.stmt | ast.ExceptHandler):
        body = getattr(node, "body", None)
        last = body[0].lineno - 1 if body else node.end_lineno or node.lineno
        lines = node.lineno, max(node.lineno, last), lines[2]
    if isinstance(node, ast.expr | ast.stmt):
        yield lines, node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_comment"):
            continue
        is_body = isinstance(node, ast.FunctionDef) and name == "body"
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_left_out(child):
                yield from _nodes(child, (*lines[:2], lines[2] or is_body))


def _is_left_out(node: ast.AST) -> bool:
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    for_checkers = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    guard = isinstance(node, ast.keyword) and node.arg in {"strict", *DOCUMENTATION}
    return is_text or for_checkers or guard or isinstance(node, ast.JoinedStr | ast.Assert)


def _changes(node: Place) -> Iterator[tuple[str, Place, ast.AST]]:
    """Yield (kind, the node that is replaced, what stands in its place)."""
    found = _of_statement(node) if isinstance(node, ast.stmt) else _of_expression(node)
    for kind, new in found:
        yield kind, node, new
    if isinstance(node, ast.If | ast.While | ast.IfExp) and _is_plain(node.test):
        yield "condition", node.test, ast.UnaryOp(ast.Not(), node.test)


def _of_statement(node: ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.AugAssign):
        if type(node.op) in ARITHMETIC:
            yield "arithmetic", _with(node, op=ARITHMETIC[type(node.op)]())
        yield "removed statement", ast.Pass()
    elif isinstance(node, ast.Return) and node.value is not None:
        if not (isinstance(node.value, ast.Constant) and node.value.value is None):
            yield "returned value", ast.Return(ast.Constant(None))
    elif _does_something(node):
        yield "removed statement", ast.Pass()


def _does_something(node: ast.stmt) -> bool:
    """Whether a module without a statement still has all its names."""
    if isinstance(node, ast.Assign):
        return isinstance(node.targets[0], ast.Subscript | ast.Attribute)
    is_call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    return is_call or isinstance(node, ast.Break | ast.Continue | ast.Raise)


def _of_expression(node: ast.expr) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            ops: list[ast.cmpop] = list(node.ops)
            ops[place] = COMPARISONS[type(operator)]()
            yield "comparison", _with(node, ops=ops)
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        yield "arithmetic", _with(node, op=ARITHMETIC[type(node.op)]())
    elif isinstance(node, ast.BoolOp):
        yield "boolean", _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield "boolean" if isinstance(node.op, ast.Not) else "arithmetic", node.operand
    elif isinstance(node, ast.Constant):
        yield from _of_constant(node)
    elif isinstance(node, ast.Slice):
        for bound in ("lower", "upper", "step"):
            if getattr(node, bound) is not None:
                yield "slice", _with(node, **{bound: None})
    elif isinstance(node, ast.Call):
        yield from _of_call(node)


def _of_constant(node: ast.Constant) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node.value, bool):
        yield "constant", ast.Constant(not node.value)
    elif isinstance(node.value, int | float):
        yield "constant", ast.Constant(node.value + 1)
        yield "constant", ast.Constant(node.value - 1)


def _of_call(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name in OTHER_FUNCTION:
        yield "function", _with(node, func=ast.Name(OTHER_FUNCTION[name], ast.Load()))
    first_two = node.args[:2]
    if len(first_two) == 2 and name not in FIXED_ORDER:
        starred = any(isinstance(argument, ast.Starred) for argument in first_two)
        if not starred and ast.dump(first_two[0]) != ast.dump(first_two[1]):
            yield "swapped arguments", _with(node, args=[*first_two[::-1], *node.args[2:]])
    for place, keyword in enumerate(node.keywords):
        if keyword.arg is not None and not _is_left_out(keyword):
            others = [*node.keywords[:place], *node.keywords[place + 1 :]]
            yield "keyword left out", _with(node, keywords=others)


def _is_plain(condition: ast.expr) -> bool:
    """Whether no other kind of fault turns a condition round."""
    return not isinstance(condition, ast.Compare | ast.BoolOp | ast.UnaryOp)


def _with(node: ast.AST, **changed: object) -> ast.AST:
    new = copy.copy(node)
    for name, value in changed.items():
        setattr(new, name, value)
    return new

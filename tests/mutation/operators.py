"""The mutation operators: each changes one place of a module's syntax tree.

Original and mutant are both written from the tree (`ast.unparse`), so only that place differs.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from operator import delitem, setitem

# Each comparison and what replaces it: the bound moved by one, and the opposite.
_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_DROPPED = {"ifs": "filter", "keywords": "keyword"}  # fields, and the operators that drop from them
_ANNOTATIONS = ("annotation", "returns")  # no module evaluates its annotations
_SAME_BEHAVIOUR = ("slots", "maxsize")  # keywords that change memory and speed only

Mutation = tuple[str, int, Callable[[], object]]  # operator, line, and what changes the tree


@dataclass(frozen=True)
class Mutant:
    operator: str
    line: int  # in the original file
    source: str
    diff: tuple[str, ...]  # the lines that differ, with - or + in front


def count_mutants(source: str) -> int:
    return sum(1 for _ in find_mutations(ast.parse(source)))


def make_mutant(source: str, number: int) -> Mutant:
    """Make mutant `number` of a module, counted from 0. Raises IndexError if there is none."""
    tree = ast.parse(source)
    before = ast.unparse(tree)
    operator, line, change = list(find_mutations(tree))[number]
    change()
    after = ast.unparse(ast.fix_missing_locations(tree))
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))
    diff = tuple(text for text in lines[2:] if not text.startswith("@@"))
    return Mutant(operator, line, after, diff)


def find_mutations(node: ast.AST, *, in_function: bool = False) -> Iterator[Mutation]:
    """Find every mutation below a node, in an order that the source alone decides."""
    yield from _change(node)
    in_function = in_function or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    for field, value in ast.iter_fields(node):
        for index, child in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(child, ast.AST) or field in _ANNOTATIONS or _is_skipped(child):
                continue
            put = partial(setattr, node, field)
            if isinstance(value, list):
                put = partial(setitem, value, index)
                if field in _DROPPED:
                    yield _DROPPED[field], _line(child), partial(delitem, value, index)
            for operator, new in _replace(child, in_function=in_function):
                yield operator, _line(child), partial(put, new)
            yield from find_mutations(child, in_function=in_function)


def _change(node: ast.AST) -> Iterator[Mutation]:
    """The changes that keep a node and replace a part of it."""
    match node:
        case ast.Compare(ops=ops):
            for index, comparison in enumerate(ops):
                for other in _COMPARISONS[type(comparison)]:
                    yield "comparison", _line(node), partial(setitem, ops, index, other())
        case ast.BoolOp(op=op):
            swapped = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield "and/or", _line(node), partial(setattr, node, "op", swapped)
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            negated = ast.UnaryOp(ast.Not(), test)
            yield "negation", _line(test), partial(setattr, node, "test", negated)


def _replace(child: ast.AST, *, in_function: bool) -> Iterator[tuple[str, ast.AST]]:
    """The nodes that can take the place of a child, each with its operator."""
    match child:
        case ast.Constant(value=bool(value)):
            yield "boolean", ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield "number", ast.Constant(value + 1)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "negation", operand
        case ast.Raise():
            yield "raise", ast.Pass()
        case ast.Expr() | ast.Assign() | ast.AugAssign() | ast.AnnAssign(value=ast.AST()):
            if in_function:  # elsewhere it makes the module or the class
                yield "statement", ast.Pass()


def _is_skipped(node: ast.AST) -> bool:
    """Whether no mutant of a node can behave differently, or none can matter."""
    match node:
        case ast.Expr(value=ast.Constant()):  # a docstring, or ...
            return True
        case ast.If(test=ast.Name(id=name)) | ast.If(test=ast.Attribute(attr=name)):
            return name == "TYPE_CHECKING"
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name == "__all__"
        case ast.keyword(arg=name):
            return name in _SAME_BEHAVIOUR
    return False


def _line(node: ast.AST) -> int:
    return int(getattr(node, "lineno", 0))

# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers and short texts that modules name in capitals, put where they are used: a board looks no name up, and keeps
none.
"""

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator

from ganglion.firmware.shrink_scope import binds
from ganglion.firmware.trees import walk

_NAME = re.compile(r"_?[A-Z][A-Z0-9_]*$")
#: A board has larger numbers in objects, of which one is enough.
_MOST = 1 << 30
#: Letters of a text that MicroPython keeps once, however often it stands in a module.
_SHORT = 10
_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: int.__add__,
    ast.Sub: int.__sub__,
    ast.Mult: int.__mul__,
    ast.FloorDiv: int.__floordiv__,
    ast.LShift: int.__lshift__,
}


def insert(trees: dict[str, ast.Module]) -> None:
    """Puts them in; who names them first stays, and may be taken out as unused."""
    known = _Known(trees)
    for module, tree in trees.items():
        _Numbers(known.of(module), known.aliases(module), known).visit(tree)


class _Known:
    """The numbers and short texts that each module names."""

    def __init__(self, trees: dict[str, ast.Module]) -> None:
        self._trees = trees
        self._found: dict[str, dict[str, int | str]] = {}

    def of(self, module: str) -> dict[str, int | str]:
        """By name, with those that it imports by their names."""
        if module not in self._found:
            self._found[module] = found = {}
            tree = self._trees.get(module)
            if tree is not None:
                bound = Counter(_bound(tree))
                once = {name for name in bound if bound[name] == 1 and _NAME.match(name)}
                for node in walk(tree):
                    if isinstance(node, ast.ImportFrom) and node.module in self._trees:
                        theirs = self.of(node.module)
                        names = ((alias.asname or alias.name, alias.name) for alias in node.names)
                        found.update({mine: theirs[name] for mine, name in names if name in theirs and mine in once})
                aliases = self.aliases(module)
                for statement in tree.body:
                    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                        name = statement.targets[0].id
                        value = self._value(statement.value, found, aliases)
                        if name in once and _is_small(value):
                            assert value is not None
                            found[name] = value
        return self._found[module]

    def aliases(self, module: str) -> dict[str, str]:
        """The modules that a module imports, by what they are called in it."""
        return {
            alias.asname or alias.name: f"{node.module}.{alias.name}"
            for node in walk(self._trees[module])
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if f"{node.module}.{alias.name}" in self._trees
        }

    def _value(self, node: ast.expr, found: dict[str, int | str], aliases: dict[str, str]) -> int | str | None:
        if isinstance(node, ast.Constant) and type(node.value) in (int, str):
            return node.value  # type: ignore[return-value]
        if isinstance(node, ast.Name):
            return found.get(node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            return self.of(aliases[node.value.id]).get(node.attr)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            value = self._value(node.operand, found, aliases)
            return -value if isinstance(value, int) else None
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            left, right = self._value(node.left, found, aliases), self._value(node.right, found, aliases)
            if isinstance(left, int) and isinstance(right, int):
                return _OPERATORS[type(node.op)](left, right)
        return None


def _is_small(value: int | str | None) -> bool:
    return len(value) <= _SHORT if isinstance(value, str) else value is not None and abs(value) < _MOST


class _Numbers(ast.NodeTransformer):
    """Puts numbers and texts in the places of their names."""

    def __init__(self, numbers: dict[str, int | str], aliases: dict[str, str], known: _Known) -> None:
        self._numbers = numbers
        self._aliases = aliases
        self._known = known

    def visit_Name(self, node: ast.Name) -> ast.AST:
        known = isinstance(node.ctx, ast.Load) and node.id in self._numbers
        return ast.Constant(self._numbers[node.id]) if known else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Name) and node.value.id in self._aliases:
            number = self._known.of(self._aliases[node.value.id]).get(node.attr)
            if number is not None:
                return ast.Constant(number)
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        self.generic_visit(node)
        node.values = [_said(each) for each in node.values]
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.Call(ast.Attribute(ast.Constant(str(text)), "format"), [_, *_], []):
                values = [each.value for each in node.args if isinstance(each, ast.Constant)]
                if len(values) == len(node.args):
                    return ast.Constant(text.format(*values))
        return node


def _said(part: ast.expr) -> ast.expr:
    """A part of an f-string as its text, where that is known."""
    match part:
        case ast.FormattedValue(ast.Constant(value), -1, None):
            return ast.Constant(str(value))
    return part


def _bound(tree: ast.Module) -> Iterator[str]:
    """Every name that is bound anywhere in a module, as often as it is."""
    for node in walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        else:
            yield from binds(node)

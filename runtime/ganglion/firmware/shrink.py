# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of a whole application made small for a board, before it is compiled; it does what it did before.

A board keeps the functions of a module, its names and the names of arguments in its heap. As all modules are known
here, what nobody asks for is left out: what only a type checker reads, `__slots__` (MicroPython has none) and
`__all__`; functions, classes and methods that no module names; names of numbers, which stand where they are used
(`shrink_numbers`). Arguments, private attributes and what a module keeps for itself get shorter names
(`shrink_names`), and what is in the same package is imported by its last name.
"""

import ast
from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from ganglion.firmware.shrink_link import link
from ganglion.firmware.shrink_names import shorten
from ganglion.firmware.shrink_numbers import insert
from ganglion.firmware.trees import walk

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def bare(source: str) -> str:
    """The source of one module without what MicroPython does not use."""
    return _written(_parsed(source))


def shrink(
    sources: dict[str, str],
    roots: Iterable[str],
    *,
    keep: Iterable[str] = (),
    groups: Mapping[str, Iterable[str]] = MappingProxyType({}),
) -> dict[str, str]:
    """The small source of each module.

    Args:
        sources: By the full names of modules: all that import each other.
        roots: Functions and classes that others ask for, by their names alone.
        keep: Modules whose arguments keep their names, as somebody passes `**` to them.
        groups: Modules that become one with that by whose name they are (`shrink_link`).
    """
    trees = {name: _parsed(source) for name, source in sources.items()}
    insert(trees)
    kept = frozenset(roots)
    while _without_unused(trees, kept):
        pass
    link(trees, groups)
    shorten(trees, frozenset(keep))
    for name, tree in trees.items():
        _beside(tree, name.rpartition(".")[0])
    return {name: _written(tree) for name, tree in trees.items()}


def _beside(tree: ast.Module, package: str) -> None:
    """Has a module import those of its own package by the names that they have in it, which are shorter."""
    for node in ast.walk(tree):
        of = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
        if isinstance(node, ast.ImportFrom) and package and of.startswith(f"{package}."):
            node.level, node.module = 1, of[len(package) + 1 : -1] or None


def _parsed(source: str) -> ast.Module:
    tree = ast.parse(source)
    _Bare().visit(tree)
    return tree


def _written(tree: ast.Module) -> str:
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


class _Bare(ast.NodeTransformer):
    """Takes out what MicroPython does not use."""

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        is_for_types = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return node.orelse if is_for_types else node

    def visit_Assign(self, node: ast.Assign) -> ast.AST | list[ast.Assign] | None:
        names = {target.id for target in node.targets if isinstance(target, ast.Name)}
        return None if names & {"TYPE_CHECKING", "__all__", "__slots__"} else _numbered(node) or node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        return None if node.value is None else ast.Assign(targets=[node.target], value=node.value)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self._with_a_body(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self._with_a_body(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._with_a_body(node)

    def _with_a_body(self, node: _Definition) -> ast.AST:
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node


def _numbered(node: ast.Assign) -> list[ast.Assign]:
    """`A, B = range(2)` and `A, B = 1, "two"` name by name: `shrink_numbers` puts these where they are used.

    Empty for every other assignment.
    """
    match node:
        case ast.Assign([ast.Tuple(names)], ast.Call(ast.Name("range"), [ast.Constant(int(count))], [])):
            values: list[ast.expr] = [ast.Constant(i) for i in range(count)]
        case ast.Assign([ast.Tuple(names)], ast.Tuple(values)) if all(
            isinstance(each, ast.Constant) for each in values
        ):
            pass
        case _:
            return []
    if len(values) != len(names) or not all(isinstance(name, ast.Name) for name in names):
        return []
    return [ast.Assign([name], value) for name, value in zip(names, values, strict=True)]


def _without_unused(trees: dict[str, ast.Module], roots: frozenset[str]) -> bool:
    """Takes out what nobody names; whether there was anything."""
    within = {module: list(walk(tree)) for module, tree in trees.items()}
    nodes = [node for each in within.values() for node in each]
    # Who reads an attribute may mean any that is called so, and who has its name in a text may ask by getattr
    asked = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)} | roots
    asked |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    imported = Counter(
        (node.module, alias.name) for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    )
    found = False
    for module, tree in trees.items():
        inside = within[module]
        loads = {node.id for node in inside if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        changed = [node.target for node in inside if isinstance(node, ast.AugAssign)]
        loads |= {target.id for target in changed if isinstance(target, ast.Name)}
        unused = _Unused(asked | loads | {name for of, name in imported if of == module})
        unused.visit(tree)
        found = found or unused.found
    return found


class _Unused(ast.NodeTransformer):
    """Takes out of a module what is not wanted.

    Attributes:
        found: Whether there was anything.
    """

    def __init__(self, wanted: set[str]) -> None:
        self.found = False
        self._wanted = wanted

    def visit_Module(self, node: ast.Module) -> ast.AST:
        node.body = [each for each in node.body if not self._is_unused(each)]
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.body = [each for each in node.body if not self._is_unused(each)] or [ast.Pass()]
        return self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        left = [alias for alias in node.names if (alias.asname or alias.name) in self._wanted]
        self.found = self.found or len(left) < len(node.names)
        node.names = left
        return node if left else None

    def _is_unused(self, node: ast.stmt) -> bool:
        name = _bound(node)
        unused = bool(name) and name not in self._wanted and not name.startswith("__")
        self.found = self.found or unused
        return unused


def _bound(node: ast.stmt) -> str:
    """The name that a definition binds, or an assignment that does nothing else; empty where neither is one."""
    if isinstance(node, _Definition):
        return node.name
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        does = any(isinstance(each, ast.Call | ast.Await | ast.Yield) for each in walk(node.value))
        return "" if does else node.targets[0].id
    return ""

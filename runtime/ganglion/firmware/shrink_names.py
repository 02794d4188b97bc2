# SPDX-License-Identifier: GPL-3.0-or-later
"""Shorter names where nobody outside of an application sees them: arguments, private attributes, and what a module
keeps at its top for itself.

Functions keep theirs, which tracebacks show.
"""

import ast
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from string import ascii_letters

from ganglion.firmware.shrink_scope import binds
from ganglion.firmware.trees import walk

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def shorten(trees: dict[str, ast.Module], keep: frozenset[str] = frozenset()) -> None:
    """Renames in all modules together, so that what they share stays shared.

    Args:
        keep: Modules whose arguments keep their names.
    """
    _private(trees.values())
    _own(trees)
    nodes = [node for tree in trees.values() for node in walk(tree)]
    by_keyword = {node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg} | {"self"}
    for module, tree in trees.items():
        taken = {name for node in walk(tree) for name in _names(node)}
        letters = [letter for letter in ascii_letters if letter not in taken]
        for function in () if module in keep else _outermost([tree]):
            _arguments(function, letters, by_keyword)


def _private(trees: Iterable[ast.Module]) -> None:
    nodes = [node for tree in trees for node in walk(tree)]
    functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    taken = {name for node in nodes for name in _names(node)}
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    private = {name for name in attributes if name.startswith("_") and not name.startswith("__") and len(name) > 2}
    short: dict[str, str] = {}
    for name in sorted(private - functions - texts):
        short[name] = new = next(each for each in _candidates(name) if each not in taken)
        taken.add(new)
    for node in nodes:
        if isinstance(node, ast.Attribute):
            node.attr = short.get(node.attr, node.attr)


def _own(trees: Mapping[str, ast.Module]) -> None:
    """Renames what a module binds once, at its top, and no other module asks for."""
    nodes = [node for tree in trees.values() for node in walk(tree)]
    asked = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    asked |= {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    asked |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    for tree in trees.values():
        inside = list(walk(tree))
        bound = Counter(name for node in inside for name in _bound(node))
        taken = {name for node in inside for name in _names(node)} | asked
        short: dict[str, str] = {}
        for statement in tree.body:
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            for name in [target.id for target in targets if isinstance(target, ast.Name) and len(target.id) > 2]:
                if bound[name] == 1 and name not in asked:
                    short[name] = next(each for each in _candidates(name) if each not in taken)
                    taken.add(short[name])
        for node in inside:
            if isinstance(node, ast.Name):
                node.id = short.get(node.id, node.id)


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that a node binds."""
    if not isinstance(node, ast.Name):
        yield from binds(node)
    elif not isinstance(node.ctx, ast.Load):
        yield node.id


def _candidates(name: str) -> Iterator[str]:
    """Names of two letters and of three, the first by the name itself: others that come or go hardly change it."""
    start = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    for size in (1, 2):
        names = ["_" + "".join(letters) for letters in product(ascii_letters, repeat=size)]
        yield from (names[(start + i) % len(names)] for i in range(len(names)))


def _outermost(nodes: Iterable[ast.AST]) -> Iterator[_Function]:
    for node in nodes:
        if isinstance(node, _Function):
            yield node
        else:
            yield from _outermost(ast.iter_child_nodes(node))


def _arguments(function: _Function, letters: list[str], by_keyword: set[str]) -> None:
    """Renames the arguments of a function, and then those of the functions in it, by letters that are left."""
    body: list[ast.AST] = [function.body] if isinstance(function, ast.Lambda) else [*function.body]
    inside = [node for part in body for node in walk(part)]
    # What is bound there but by an assignment has a scope of its own, or a name that cannot be changed here
    bound = {name for node in inside if not isinstance(node, ast.Name | ast.Attribute) for name in _names(node)}
    left = iter(letters)
    new: dict[str, str] = {}
    for argument in [*function.args.posonlyargs, *function.args.args]:
        if len(argument.arg) > 1 and argument.arg not in by_keyword | bound:
            new[argument.arg] = argument.arg = next(left, argument.arg)
    for node in inside:
        if isinstance(node, ast.Name):
            node.id = new.get(node.id, node.id)
    rest = list(left)
    for child in _outermost(body):
        _arguments(child, rest, by_keyword)


def _names(node: ast.AST) -> Iterator[str]:
    """The names in a node itself."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    else:
        yield from binds(node)
    if isinstance(node, ast.Global | ast.Nonlocal):
        yield from node.names

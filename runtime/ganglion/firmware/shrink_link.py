# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that are always needed together made one: each has its own table of names, and a place in the heap.

What a module names at its top keeps its name, unless another module of the group, or Python, has one like it.
"""

import ast
import builtins
from collections.abc import Iterable, Iterator, Mapping

from ganglion.firmware.shrink_scope import Renamed, aliases, bound
from ganglion.firmware.trees import walk


def link(trees: dict[str, ast.Module], groups: Mapping[str, Iterable[str]]) -> None:
    """Puts the modules of each group into the one that it is called after; those that are not there are left out.

    Raises:
        ValueError: a module of a group is used as an object, which is none any more; it imports a name that it has
            itself; or a module outside would import the group that imports it.
    """
    for target, members in groups.items():
        inside = _ordered([name for name in (target, *members) if name in trees], trees)
        if target not in trees:
            continue
        _refuse_circles(inside, trees)
        moved = _joined(target, inside, trees)
        for name in inside:
            if name != target:
                del trees[name]
        for tree in trees.values():
            _follow(tree, target, moved)


def _refuse_circles(inside: list[str], trees: Mapping[str, ast.Module]) -> None:
    seen: set[str] = set(inside)
    waiting = [(name, "") for name in inside]
    while waiting:
        name, by = waiting.pop()
        for each in {each for node in trees[name].body for each in _imported(node) if each in trees}:
            if by and each in inside:
                raise ValueError(f"{by} is needed by a group that has {each}, which it needs: put it in as well")
            if each not in seen:
                seen.add(each)
                waiting.append((each, by or each))


def _ordered(names: list[str], trees: Mapping[str, ast.Module]) -> list[str]:
    """Each after those that it imports."""
    found: list[str] = []

    def add(name: str) -> None:
        for node in trees[name].body:
            for each in _imported(node):
                if each in names and each not in found and each != name:
                    add(each)
        if name not in found:
            found.append(name)

    for name in names:
        add(name)
    return found


def _imported(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _joined(target: str, inside: list[str], trees: dict[str, ast.Module]) -> dict[str, dict[str, str]]:
    """Makes the target of the modules; the new names of what each has at its top."""
    taken = set(dir(builtins))
    moved: dict[str, dict[str, str]] = {}
    brought: dict[tuple[str, str], str] = {}  # by what is imported from outside
    inner = {name: set(_inner(trees[name])) for name in inside}
    for name in [target, *(each for each in inside if each != target)]:
        moved[name] = own = {}
        used = {node.id for node in walk(trees[name]) if isinstance(node, ast.Name)}
        # What others call a value of theirs would hide it from them
        hidden = {each for other in inside if name not in (other, target) for each in inner[other]}
        for mine, source in _top(trees[name], inside):
            if mine in own:
                continue
            if source in brought:
                own[mine] = brought[source]
                continue
            new, stem = mine, name.rpartition(".")[2]
            while new in taken or new in hidden or (new != mine and new in used):
                new += "_" + stem
            own[mine] = new
            taken.add(new)
            if source[0]:
                brought[source] = new
    for name in inside:
        for node in trees[name].body:
            if isinstance(node, ast.ImportFrom) and node.module in moved:
                moved[name].update({each.asname or each.name: moved[node.module][each.name] for each in node.names})
    body: list[ast.stmt] = []
    there: set[str] = set()
    for name in inside:
        body += _moved(name, trees[name], moved, there)
    trees[target].body = body
    return moved


def _top(tree: ast.Module, inside: list[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """The names at the top of a module, and for those from outside of the group what they are."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if node.module not in inside and f"{node.module}.{alias.name}" not in inside:
                    yield alias.asname or alias.name, (node.module or "", alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name, (alias.name, "")
    for name in sorted(bound(tree.body) - {name for node in tree.body for name in aliases(node)}):
        yield name, ("", "")


def _inner(tree: ast.Module) -> Iterator[str]:
    """The names that are bound below the top of a module."""
    for node in walk(tree):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from bound(node.body)
        elif isinstance(node, ast.comprehension):
            yield from bound([node.target])


def _moved(name: str, tree: ast.Module, moved: dict[str, dict[str, str]], there: set[str]) -> list[ast.stmt]:
    """The statements of a module with the new names, and without what others have brought."""
    own = dict(moved[name])
    modules: dict[str, dict[str, str]] = {}
    for node in walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in list(node.names):
                mine = alias.asname or alias.name
                if node.module in moved:
                    new = moved[node.module][alias.name]
                    if own.setdefault(mine, new) != new:
                        raise ValueError(f"{name} has a name {mine} of its own, and imports another in a function")
                elif f"{node.module}.{alias.name}" in moved:
                    modules[mine] = moved[f"{node.module}.{alias.name}"]
                else:
                    continue
                node.names.remove(alias)
    _Emptied().visit(tree)
    body: list[ast.stmt] = []
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom | ast.Import):
            for alias in list(statement.names):
                new = own[alias.asname or alias.name]
                if new in there:
                    statement.names.remove(alias)
                there.add(new)
                alias.asname = new if new != alias.name else None
            if not statement.names:
                continue
        body.append(Renamed(own, modules, name).visit(statement))
    return body


class _Emptied(ast.NodeTransformer):
    """Takes imports of nothing out."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return node if node.names else None


def _follow(tree: ast.Module, target: str, moved: Mapping[str, Mapping[str, str]]) -> None:
    """Has a module import from the target what was in another."""
    package, _, leaf = target.rpartition(".")
    modules: dict[str, Mapping[str, str]] = {}
    for node in walk(tree):
        if isinstance(node, ast.ImportFrom):
            of = node.module or ""
            for alias in node.names:
                if of in moved:
                    alias.asname = alias.asname or alias.name
                    alias.name = moved[of][alias.name]
                elif f"{of}.{alias.name}" in moved:
                    modules[alias.asname or alias.name] = moved[f"{of}.{alias.name}"]
                    alias.asname = alias.asname or alias.name
                    alias.name = leaf
                    assert of == package, "a group is of one package"
                if alias.asname == alias.name:
                    alias.asname = None
            node.module = target if of in moved else of
    for node in walk(tree) if modules else ():
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            node.attr = modules[node.value.id].get(node.attr, node.attr)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names a scope of Python binds, and names of a module's top renamed where no scope hides them."""

import ast
from collections.abc import Iterable, Iterator, Mapping

from ganglion.firmware.trees import walk

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def aliases(node: ast.AST) -> Iterator[str]:
    """The names that an import binds."""
    if isinstance(node, ast.ImportFrom | ast.Import):
        yield from (alias.asname or alias.name for alias in node.names)


def binds(node: ast.AST) -> Iterator[str]:
    """The names that a node binds by itself, where it is no assignment."""
    yield from aliases(node)
    if isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler) and node.name:
        yield node.name


def bound(body: Iterable[ast.AST]) -> set[str]:
    """The names that are bound in a scope, without those of scopes in it."""
    found: set[str] = set()
    for node in body:
        found |= set(aliases(node))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.Lambda | _Comprehension):
            continue
        else:
            if isinstance(node, ast.ExceptHandler) and node.name:
                found.add(node.name)
            found |= bound(ast.iter_child_nodes(node))
    return found


class Renamed(ast.NodeTransformer):
    """Gives names of the top of a module their new ones."""

    def __init__(self, names: Mapping[str, str], modules: Mapping[str, Mapping[str, str]], where: str) -> None:
        self._names = names
        self._modules = modules
        self._where = where
        self._hidden: list[set[str]] = []

    def _sees(self, name: str) -> bool:
        return not any(name in names for names in self._hidden)

    def _new(self, name: str) -> str:
        return self._names.get(name, name) if self._sees(name) else name

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self._modules and self._sees(node.id):
            raise ValueError(f"{self._where} uses the module {node.id} as an object")
        node.id = self._new(node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        of = node.value
        if isinstance(of, ast.Name) and of.id in self._modules and self._sees(of.id):
            return ast.Name(id=self._modules[of.id][node.attr], ctx=node.ctx)
        return self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> ast.AST:
        node.names = [self._names.get(name, name) for name in node.names]
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        node.name = self._new(node.name) if node.name else None
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self._new(node.name)
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.name = self._new(node.name)
        return self._function(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return self._function(node)

    def _function(self, node: _Function) -> ast.AST:
        args = node.args
        args.defaults = [self.visit(each) for each in args.defaults]
        args.kw_defaults = [self.visit(each) if each is not None else None for each in args.kw_defaults]
        names = {
            each.arg for each in [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg] if each
        }
        if isinstance(node, ast.Lambda):
            self._hidden.append(names)
            node.body = self.visit(node.body)
        else:
            node.decorator_list = [self.visit(each) for each in node.decorator_list]
            outer = {name for each in walk(node) if isinstance(each, ast.Global | ast.Nonlocal) for name in each.names}
            self._hidden.append(names | bound(node.body) - outer)
            node.body = [self.visit(each) for each in node.body]
        self._hidden.pop()
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = self._new(node.name)
        node.bases = [self.visit(each) for each in node.bases]
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        for i, each in enumerate(node.body):
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                each.decorator_list = [self.visit(name) for name in each.decorator_list]
                self._function(each)
            elif isinstance(each, ast.Assign):
                each.value = self.visit(each.value)
            else:
                node.body[i] = self.visit(each)
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if not isinstance(node, _Comprehension):
            return super().generic_visit(node)
        first = node.generators[0]
        first.iter = self.visit(first.iter)
        iterated, first.iter = first.iter, ast.Constant(None)
        self._hidden.append(bound(each.target for each in node.generators))
        super().generic_visit(node)
        self._hidden.pop()
        first.iter = iterated
        return node

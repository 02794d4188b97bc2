# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiles a script's source, with what MicroPython's errors and bytes need otherwise in its tree."""

import ast
import gc
from inspect import CO_GENERATOR, CO_ITERABLE_COROUTINE
from types import CodeType

#: The built-in that stands for `OSError(number)`.
OS_ERROR = "__oserror__"
#: Those that stand for `%` and `format` of bytes.
PERCENT, FORMAT = "__bytes_percent__", "__bytes_format__"


class _Differences(ast.NodeTransformer):
    """`OSError(19)` has an `errno` on MicroPython, on CPython only `OSError(19, text)` does; and bytes format text."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "OSError" and len(node.args) == 1 and not node.keywords:
            node.func.id = OS_ERROR
        elif isinstance(node.func, ast.Attribute) and node.func.attr == "format" and _is_bytes(node.func.value):
            node.args.insert(0, node.func.value)
            node.func = ast.copy_location(ast.Name(FORMAT, ast.Load()), node.func)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Mod) and _is_bytes(node.left):
            name = ast.copy_location(ast.Name(PERCENT, ast.Load()), node.left)
            return ast.copy_location(ast.Call(name, [node.left, node.right], []), node)
        return node


def _is_bytes(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, bytes)


def compiled(source: str | bytes, path: str) -> CodeType:
    """The code of a script.

    Raises:
        SyntaxError: it is not Python.
    """
    collects = gc.isenabled()
    # An object that dies while CPython 3.11 makes a tree, and whose end makes one too, spoils the first
    gc.disable()
    try:
        tree = ast.parse(source, path)
    finally:
        if collects:
            gc.enable()
    tree = _Differences().visit(tree)
    return _awaitable(compile(tree, path, "exec", dont_inherit=True))


def _awaitable(code: CodeType) -> CodeType:
    """The same code, whose generators can be awaited and await: there a coroutine is nothing else."""
    inner = tuple(_awaitable(each) if isinstance(each, CodeType) else each for each in code.co_consts)
    flags = code.co_flags | (CO_ITERABLE_COROUTINE if code.co_flags & CO_GENERATOR else 0)
    return code.replace(co_consts=inner, co_flags=flags)

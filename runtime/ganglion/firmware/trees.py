# SPDX-License-Identifier: GPL-3.0-or-later
"""Goes through the syntax trees of what is compiled for boards, which most of the time of a build goes into."""

import ast
from collections.abc import Iterator
from functools import cache


def walk(root: ast.AST) -> Iterator[ast.AST]:
    """All nodes in the order of `ast.walk`, without the third that only says whether a name is written."""
    found = [root]
    for node in found:  # which grows
        for field in _fields(type(node)):
            value = getattr(node, field, None)
            if isinstance(value, list):
                found += [each for each in value if isinstance(each, ast.AST)]
            elif isinstance(value, ast.AST):
                found.append(value)
        yield node


@cache
def _fields(kind: type[ast.AST]) -> tuple[str, ...]:
    return tuple(field for field in kind._fields if field != "ctx")

# SPDX-License-Identifier: GPL-3.0-or-later
"""Goes through the syntax trees of what is compiled for boards, which most of the time of a build goes into."""

import ast
from collections.abc import Iterator


def walk(root: ast.AST) -> Iterator[ast.AST]:
    """All nodes in the order of `ast.walk`, without the third that only says whether a name is written."""
    found = [root]
    for node in found:  # which grows
        for field in _FIELDS[type(node)]:
            value = getattr(node, field, None)
            if isinstance(value, list):
                found += [each for each in value if isinstance(each, ast.AST)]
            elif isinstance(value, ast.AST):
                found.append(value)
        yield node


class _Fields(dict[type, tuple[str, ...]]):
    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        fields = self[kind] = tuple(field for field in kind._fields if field != "ctx")
        return fields


_FIELDS = _Fields()

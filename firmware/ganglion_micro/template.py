# SPDX-License-Identifier: GPL-3.0-or-later
"""Fills the placeholders of a plan's templates. `ganglion.mova.template` parses them.

A template is `[CONST, value]`, `[VALUE, path, text]` (one placeholder alone: the value keeps its type), `[TEXT, parts]`
(constants and `[path, text]` in turn), `[LIST, templates]` or `[MAP, [key, template, …]]`. A placeholder whose variable
is missing is left as it was written, and named in `missing`. `[SEALED, parts]` is a text that has `[name]` of a secret
among its parts; it becomes a `SecretText`.
"""

from ganglion_micro.expression import MISSING, lookup
from ganglion_micro.secret_text import SecretText
from ganglion_micro.text import text

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

CONST = 0
VALUE = 1
TEXT = 2
LIST = 3
MAP = 4
SEALED = 5


def render(template: "list[Any]", scope: "dict[str, Any]", data: "dict[str, Any]", missing: "list[str]") -> "Any":
    """The value that a template stands for."""
    kind = template[0]
    if kind == CONST:
        return template[1]
    if kind == VALUE:
        value = lookup(template[1], scope, data)
        if value is MISSING:
            missing.append(template[2])
            return template[2]
        return value
    if kind == MAP:
        pairs = template[1]
        made = {}
        for i in range(0, len(pairs), 2):
            made[pairs[i]] = render(pairs[i + 1], scope, data, missing)
        return made
    if kind == LIST:
        return [render(each, scope, data, missing) for each in template[1]]
    parts = []
    before: "list[str]" = []
    for part in template[1]:
        if type(part) is str:
            parts.append(part)
            continue
        if len(part) == 1:
            before.append("".join(parts))
            before.append(part[0])
            parts = []
            continue
        value = lookup(part[0], scope, data)
        if value is MISSING:
            missing.append(part[1])
            parts.append(part[1])
        else:
            parts.append(text(value))
    if kind == SEALED:
        before.append("".join(parts))
        return SecretText(before)
    return "".join(parts)

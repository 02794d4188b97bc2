# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses the placeholders of MOVA, `{name}` and `{session.data.name}`, at any depth, for `ganglion_micro.template`.

`{secret.NAME}` is one of a tool's request alone, and is parsed where `secrets` says so.
"""

import re
from typing import Any

from ganglion_micro import template as t

#: A path of names; braces around anything else are text, as in a prompt that shows JSON.
PLACEHOLDER = re.compile(r"\{([^\W\d][\w-]*(?:\.[\w-]+|\[\d+\])*)\}")
_PART = re.compile(r"[\w-]+")
_SECRET = re.compile(r"secret\.([\w-]+)")


def parse(value: Any, *, secrets: bool = False) -> list[Any]:
    """The template of a value; a constant where it holds no placeholder."""
    made = _node(value, secrets)
    return [t.CONST, value] if made is None else made


def path(text: str) -> list[Any]:
    """The parts of a path such as `session.data.items[0].name`."""
    return _PART.findall(text)


def placeholders(text: str) -> list[str]:
    """The paths that a text has placeholders for."""
    return PLACEHOLDER.findall(text)


def secret(path: str) -> str:
    """The name of the secret that the path of a placeholder stands for; "" where it is another."""
    match = _SECRET.fullmatch(path)
    return match[1] if match else ""


def _node(value: Any, secrets: bool) -> list[Any] | None:
    if isinstance(value, str):
        return _text(value, secrets) if "{" in value else None
    if isinstance(value, dict):
        parts = {key: _node(item, secrets) for key, item in value.items()}
        if all(part is None for part in parts.values()):
            return None
        pairs: list[Any] = []
        for key, part in parts.items():
            pairs += [key, [t.CONST, value[key]] if part is None else part]
        return [t.MAP, pairs]
    if isinstance(value, list):
        items = [_node(item, secrets) for item in value]
        if all(item is None for item in items):
            return None
        return [
            t.LIST,
            [[t.CONST, each] if item is None else item for each, item in zip(value, items, strict=True)],
        ]
    return None


def _text(value: str, secrets: bool) -> list[Any] | None:
    sealed = secrets and any(secret(each) for each in placeholders(value))
    if not sealed and (match := PLACEHOLDER.fullmatch(value)):
        return [t.VALUE, path(match[1]), value]
    parts: list[Any] = []
    end = 0
    for match in PLACEHOLDER.finditer(value):
        if match.start() > end:
            parts.append(value[end : match.start()])
        parts.append([secret(match[1])] if sealed and secret(match[1]) else [path(match[1]), match[0]])
        end = match.end()
    if not end:
        return None
    if end < len(value):
        parts.append(value[end:])
    return [t.SEALED if sealed else t.TEXT, parts]

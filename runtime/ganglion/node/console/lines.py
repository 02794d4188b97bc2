# SPDX-License-Identifier: GPL-3.0-or-later
"""What a line says that somebody enters at a console: a word and what follows it. Pure."""

import json
import shlex
from typing import Any

from ganglion.errors import InvalidError
from ganglion.mesh.parameters import given
from ganglion.mova.exposure import is_secret

#: Letters of a line.
LONGEST = 4096
#: What stands in a record for what is not kept.
HIDDEN = "(hidden)"
#: Names of what is secret on a node, beside those that a document has.
_SECRET = frozenset(("psk", "pin", "key_material", "wpa"))


def words(line: str) -> list[str]:
    """The words of a line, quoted as in a shell.

    Raises:
        InvalidError: it is too long, or a quote does not end.
    """
    if len(line) > LONGEST:
        raise InvalidError(f"a line has at most {LONGEST} letters")
    try:
        return shlex.split(line)
    except ValueError as error:
        raise InvalidError(f'{str(error).lower()}: quote as in a shell, as in where=\'{{"topic": "a"}}\'') from None


def parameters(said: list[str]) -> dict[str, Any]:
    """The parameters that `KEY=VALUE …` are.

    Raises:
        InvalidError: a word is none.
    """
    return dict(given(word) for word in said)


def shown(line: str) -> str:
    """The line as it may be kept: without secrets; only its first word where it is not understood."""
    try:
        first, *rest = words(line)
        pairs = [given(word) for word in rest if "=" in word]
    except (InvalidError, ValueError):
        return " ".join([*line.split()[:1], HIDDEN])[:LONGEST]
    known = dict(pairs)
    said = [_shown(word, known) if "=" in word else word for word in rest]
    return " ".join([first, *said])


def _shown(word: str, known: dict[str, Any]) -> str:
    name = word.partition("=")[0]
    value = _without(name, known[name])
    return f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"


def _without(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(key, each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without(name, each) for each in value]
    text = value if isinstance(value, str) else json.dumps(value)
    return HIDDEN if name.lower() in _SECRET or is_secret(name, text) else value

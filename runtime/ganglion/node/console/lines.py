# SPDX-License-Identifier: GPL-3.0-or-later
"""What a line says that somebody enters at a console: a word and what follows it. Pure."""

import json
import re
import shlex
from typing import Any

from ganglion.errors import InvalidError
from ganglion.mesh.parameters import given
from ganglion.mova.exposure import is_secret
from ganglion.node.console.tail import LEVELS
from ganglion.redacted import HIDDEN, is_name, spoken

#: Letters of a line.
LONGEST = 4096
#: A word that may be that of a method.
_METHOD = re.compile(r"[A-Za-z][\w.-]{0,63}")
#: What is between the words of a document.
_MARKS = re.compile(r"[\[\]{},:\"'\s]+")


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
    """The line as it may be kept, without what is secret in it.

    That is a parameter whose name or value says so; every other one beside one whose value is the name of a secret, as
    in `key=wifi_password value=…`; and all but the first word of a line that is not understood, which is one with a
    word that is no parameter. A line without any of it stays as it is.
    """
    try:
        first, *rest = words(line)
        pairs = [_pair(word) for word in rest]
        if None in pairs and not _is_own(first, rest):
            raise InvalidError("no parameter")
    except (InvalidError, ValueError):
        first, rest, pairs = (line.split() or [""])[0], [""], [None]
    if not _METHOD.fullmatch(first) or spoken(first) != first:
        return HIDDEN
    names = [pair is not None and _names(pair[1]) for pair in pairs]
    said, hides = [first], is_name(first)
    for i, (word, pair) in enumerate(zip(rest, pairs, strict=True)):
        if pair is None:
            said.append(HIDDEN if hides or not word else spoken(word))
            hides = hides or is_name(word)
            continue
        name, value = pair
        others = any(names[:i] + names[i + 1 :])
        kept = HIDDEN if others else _without(name, value)
        hides = hides or others or kept != value or names[i]
        text = kept if isinstance(kept, str) else json.dumps(kept, ensure_ascii=False)
        said.append(word if kept == value and spoken(name) == name else f"{spoken(name)}={text}")
    return line if said == [first, *rest] else " ".join(said)


def _is_own(first: str, rest: list[str]) -> bool:
    """Whether it is one of the console's own lines, whose word is no parameter."""
    return len(rest) == 1 and (first == "help" or (first == "log" and rest[0] in LEVELS))


def _pair(word: str) -> tuple[str, Any] | None:
    return given(word) if "=" in word else None


def _names(value: Any) -> bool:
    """Whether a value is the name of a secret, and what is beside it the secret."""
    return isinstance(value, str) and is_name(value)


def _without(name: str, value: Any) -> Any:
    if is_name(name) or is_secret(name, ""):
        return HIDDEN
    if isinstance(value, dict):
        named = [key for key, each in value.items() if _names(each)]
        return {
            (HIDDEN if spoken(key) != key else key): HIDDEN if set(named) - {key} else _without(key, each)
            for key, each in value.items()
        }
    if isinstance(value, list):
        kept = [_without(name, each) for each in value]
        first = next((i for i, each in enumerate(value) if _names(each)), len(value))
        return kept[: first + 1] + [HIDDEN for _ in kept[first + 1 :]]
    text = value if isinstance(value, str) else json.dumps(value)
    if text.lstrip()[:1] in ("{", "[") and any(is_name(word) for word in _MARKS.split(text)):
        return HIDDEN  # a document whose quotes the shell's rules have taken
    return HIDDEN if is_secret(name, text) or spoken(text) != text else value

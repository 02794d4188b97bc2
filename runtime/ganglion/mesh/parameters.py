# SPDX-License-Identifier: GPL-3.0-or-later
"""Which parameters a method takes: said where it reads them, and every other is refused before it is called."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ganglion.errors import InvalidError
from ganglion.settings import nearest

_Handler = TypeVar("_Handler", bound=Callable[..., Any])


def takes(*names: str) -> Callable[[_Handler], _Handler]:
    """Marks a handler of requests with all the parameters that it reads, needed or not.

    One that is not marked gets whatever comes, as what members of several versions ask each other.
    """

    def marked(handler: _Handler) -> _Handler:
        handler.__dict__["takes"] = names
        return handler

    return marked


def taken_by(handler: Callable[..., Any]) -> tuple[str, ...] | None:
    """The parameters that a handler was marked with; None where it was not."""
    names: tuple[str, ...] | None = getattr(handler, "takes", None)
    return names


def check(method: str, handler: Callable[..., Any], params: Mapping[Any, object]) -> None:
    """Sees that a method reads all that it is given: one letter wrong, and an actuator would stay on.

    Raises:
        InvalidError: it does not; the nearest right name is in the sentence.
    """
    names = taken_by(handler)
    if names is None:
        return
    for name in params:
        if name not in names:
            meant = nearest(str(name), names) if names else f"; {method} takes none"
            raise InvalidError(f"unknown parameter {name!r}{meant}")


def given(word: str) -> tuple[str, Any]:
    """A parameter as people write it, `KEY=VALUE`, its value JSON or else text.

    Raises:
        InvalidError: it is none.
    """
    key, equals, text = word.partition("=")
    if not key or not equals:
        raise InvalidError(f"{word}: write KEY=VALUE, as in value=8.5")
    try:
        return key, json.loads(text)
    except (ValueError, RecursionError):
        return key, text

# SPDX-License-Identifier: GPL-3.0-or-later
"""`collections`: CPython's, with MicroPython's `deque`, which has a length that it may refuse to exceed."""

import collections as _collections
from collections.abc import Iterable
from typing import Any


def __getattr__(name: str) -> Any:
    return getattr(_collections, name)


def namedtuple(name: str, fields: Any) -> Any:
    made: Any = _collections.namedtuple(name, fields)  # type: ignore[misc] # the script names it
    made.__module__ = "builtins"  # it prints its own name alone
    return made


class OrderedDict(_collections.OrderedDict[Any, Any]):
    """CPython's, which prints as a dictionary."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)})"


class deque(_collections.deque[Any]):
    """A queue of at most `maxlen` items.

    Args:
        iterable: What is in it.
        maxlen: Its longest length.
        flags: 1: who adds to a full one gets an IndexError; otherwise an item falls out at the other end.
    """

    def __init__(self, iterable: Iterable[Any], maxlen: int, flags: int = 0) -> None:
        if maxlen < 0:
            raise ValueError
        super().__init__((), maxlen)
        self._full_is_an_error = bool(flags & 1)
        for each in iterable:
            self.append(each)

    def append(self, item: Any) -> None:
        self._room()
        super().append(item)

    def appendleft(self, item: Any) -> None:
        self._room()
        super().appendleft(item)

    def extend(self, items: Iterable[Any]) -> None:
        for each in items:
            self.append(each)

    def popleft(self) -> Any:
        if not self:
            raise IndexError("empty")
        return super().popleft()

    def pop(self) -> Any:  # type: ignore[override] # a deque's has no index either
        if not self:
            raise IndexError("empty")
        return super().pop()

    def __delitem__(self, index: Any) -> None:
        raise TypeError("'deque' object doesn't support item deletion")

    def _room(self) -> None:
        if self._full_is_an_error and len(self) == self.maxlen:
            raise IndexError("full")

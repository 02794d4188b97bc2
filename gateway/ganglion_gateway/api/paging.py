# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of lists that are told apart by a name: those that the database counts have a number instead."""

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ganglion.errors import InvalidError
from ganglion.sentences import say

Row = dict[str, Any]
T = TypeVar("T")


def read_key(cursor: str | None) -> str:
    """What the page before ended with; "" for the first.

    Raises:
        InvalidError: it is none of ours.
    """
    if cursor is None:
        return ""
    try:
        text = base64.b64decode(
            cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True
        ).decode()
    except (binascii.Error, ValueError):
        text = ""
    if not text or "\x00" in text:
        raise InvalidError(say("is no cursor: use `next` of the page before"), where="cursor")
    return text


def write_key(key: str) -> str:
    """Where the next page begins, in letters that say nothing."""
    return base64.urlsafe_b64encode(key.encode()).rstrip(b"=").decode()


def keyed_page(name: str, rows: list[Row], documents: list[Row], key: str, limit: int) -> Row:
    """A page of rows that were asked for from behind the key of the last, and where the next one begins."""
    return {name: documents, "next": write_key(rows[-1][key]) if len(rows) == limit else None}


def slice_of(rows: Iterable[T], key: Callable[[T], str], cursor: str | None, limit: int) -> tuple[list[T], str | None]:
    """A page of what is in memory, in the order of its keys, which are different; and where the next one begins."""
    after = read_key(cursor)
    found = sorted((row for row in rows if key(row) > after), key=key)[: limit + 1]
    return found[:limit], write_key(key(found[limit - 1])) if len(found) > limit else None


def page_of(name: str, rows: Iterable[Row], key: Callable[[Row], str], cursor: str | None, limit: int) -> Row:
    """As `slice_of`, of documents: `{name: [...], "next": cursor}`."""
    found, following = slice_of(rows, key, cursor, limit)
    return {name: found, "next": following}

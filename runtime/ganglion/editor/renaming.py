# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a name is given, where it is used, and what changes when it gets another one."""

import json
import re
from collections.abc import Iterable, Iterator

from ganglion.editor.buffer import Buffer
from ganglion.editor.names import Mention, form
from ganglion.editor.quoting import in_brackets
from ganglion.editor.tree import Style
from ganglion.errors import InvalidError
from ganglion.mova.shape import IDENTIFIER

_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")


def under(mentions: Iterable[Mention], offset: int) -> Mention | None:
    """The name that an offset is in or at the end of."""
    return next((each for each in mentions if each.node.start <= offset <= each.node.end), None)


def definitions(buffer: Buffer, offset: int) -> list[Mention]:
    """Where the name at an offset is given."""
    return [each for each in references(buffer, offset) if each.given is not None]


def references(buffer: Buffer, offset: int) -> list[Mention]:
    """Every place of the name at an offset, that where it is given among them."""
    mention = under(buffer.mentions, offset)
    return [] if mention is None else [each for each in buffer.mentions if each.same(mention)]


def span(buffer: Buffer, mention: Mention) -> tuple[int, int]:
    """Where a name stands, with its quotes, without an anchor or tag before it."""
    node = mention.node
    properties = _PROPERTIES.match(buffer.text, node.start, node.end)
    assert properties is not None  # it matches nothing, too
    return properties.end(), node.start + len(buffer.text[node.start : node.end].rstrip())


def renamed(buffer: Buffer, offset: int, name: str) -> Iterator[tuple[int, int, str]]:
    """The edits that give the name at an offset another one: start, end and new text of each.

    Raises:
        InvalidError: there is no name, the document is broken, or the new name is taken or cannot be one.
    """
    if not buffer.whole:
        raise InvalidError("the document cannot be read: mend it before you rename a part of it")
    mention = under(buffer.mentions, offset)
    if mention is None or not any(each.given is not None for each in references(buffer, offset)):
        raise InvalidError("no part of the document is named here")
    _refuse(buffer, mention, name)
    for each in references(buffer, offset):
        start, end = span(buffer, each)
        text = each.before + name
        in_quotes = buffer.is_json or each.node.style is not Style.PLAIN
        yield start, end, json.dumps(text, ensure_ascii=False) if in_quotes else in_brackets(text)


def _refuse(buffer: Buffer, mention: Mention, name: str) -> None:
    if not name.strip() or name != name.strip() or not name.isprintable():
        raise InvalidError(f"{name!r} cannot be a name: it has nothing, spaces at its ends, or what cannot be seen")
    allowed = name.replace(".", "") if mention.what == "tool" else name
    if form(buffer.tree)[0] == "classes" and mention.what != "preset" and not IDENTIFIER.fullmatch(allowed):
        raise InvalidError(
            f"{name!r} cannot be a name in a document with classes: it may have A to Z, digits and _ only"
        )
    same = (each for each in buffer.mentions if each.given is not None and each.what == mention.what)
    if name != mention.name and any(each.name == name and each.scope == mention.scope for each in same):
        raise InvalidError(f"there is a {mention.what} {name!r} already")

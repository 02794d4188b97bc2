# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads JSON that `ganglion.mova.json_source` accepts into a tree that remembers how it was written."""

import json
import re
from collections.abc import Iterator

from ganglion.editor.tree import Collection, Entry, Node, Scalar, Style

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/) | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<sign>[{}\[\],:]) | (?P<word>[^\s\ufeff{}\[\],:"'/]+)""",
    re.VERBOSE | re.DOTALL,
)


def comments(text: str) -> bool:
    """Whether a comment stands in it, which strict JSON has no place for."""
    return any(found.lastgroup == "comment" for found in _TOKEN.finditer(text))


def read(text: str) -> Collection:
    """The tree of a text, without its comments.

    Raises:
        ValueError: its top level is not a map.
    """
    tokens = (found for found in _TOKEN.finditer(text) if found.lastgroup != "comment")
    root = _value(next(tokens), tokens, text)
    if not isinstance(root, Collection) or not root.keyed:
        raise ValueError("the document is not a map")
    return root


def _value(token: re.Match[str], tokens: Iterator[re.Match[str]], text: str) -> Node:
    if token.lastgroup != "sign":
        return _scalar(token)
    made = Collection(start=token.start(), keyed=token[0] == "{")
    token = next(tokens)
    while token[0] not in ("}", "]"):
        key = None
        if made.keyed:
            key = _scalar(token)
            key.style = Style.QUOTED
            next(tokens)
            token = next(tokens)
        made.entries.append(Entry(key=key, value=_value(token, tokens, text)))
        token = next(tokens)
        if token[0] == ",":
            token = next(tokens)
    made.end = token.end()
    made.flow = "\n" not in text[made.start : made.end]
    return made


def _scalar(token: re.Match[str]) -> Scalar:
    word = token[0]
    start, end = token.span()
    if token.lastgroup == "word":
        return Scalar(start=start, end=end, text=word, style=Style.WORD)
    if word[0] == "'":
        word = '"' + word[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'
    return Scalar(start=start, end=end, text=json.loads(word, strict=False), style=Style.QUOTED)

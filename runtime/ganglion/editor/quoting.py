# SPDX-License-Identifier: GPL-3.0-or-later
"""How a scalar is written in YAML: text that was quoted stays quoted, in the quotes that need no escapes."""

import re

from ganglion.editor.tree import Scalar, Style
from ganglion.mova.values import WrongNumberError
from ganglion.mova.yaml_source import plain_value

#: What YAML does not print as it is (1.2.2, 5.1), and what some readers take for the end of a line.
_HIDDEN = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
_SIGNS = "?:-,[]{}#&*!|>'\"%@`"


def on_one_line(scalar: Scalar, *, flow: bool) -> str:
    """A scalar on one line; `flow` says that it stands in brackets."""
    if scalar.style is Style.WORD or (scalar.style is Style.PLAIN and _plain(scalar.text, flow)):
        return scalar.text
    text = scalar.text
    if ('"' in text or "\\" in text) and "'" not in text and not _HIDDEN.search(text):
        return f"'{text}'"
    escaped = re.sub(r'["\\]', lambda found: _ESCAPES[found[0]], text)
    return f'"{_HIDDEN.sub(_escape, escaped)}"'


def in_brackets(text: str) -> str:
    """Text that fits wherever YAML has a value, in quotes only where it would be something else without."""
    try:
        is_text = isinstance(plain_value(text), str)
    except WrongNumberError:
        is_text = False
    return on_one_line(Scalar(text=text, style=Style.PLAIN if is_text else Style.QUOTED), flow=True)


def in_block(scalar: Scalar) -> tuple[str, list[str]] | None:
    """The mark and the lines of a text that stands below its key; None where it cannot stand so, or did not."""
    text = scalar.text
    if scalar.style not in (Style.LITERAL, Style.FOLDED) or not text.strip("\n"):
        return None
    content = text.rstrip("\n")
    ends = len(text) - len(content)
    chomp = "-" if ends == 0 else "" if ends == 1 else "+"
    empty = [""] * (ends - 1)
    if scalar.style is Style.FOLDED:
        return ">" + chomp, [*scalar.lines, *empty]
    if _HIDDEN.search(content.replace("\n", "")):
        return None
    lines = content.split("\n")
    spaced = next(line for line in lines if line)[0] == " "
    return ("|2" if spaced else "|") + chomp, [*lines, *empty]


def _escape(found: re.Match[str]) -> str:
    letter = found[0]
    code = ord(letter)
    return _ESCAPES.get(letter) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def _plain(text: str, flow: bool) -> bool:
    """Whether text that was written without quotes still can be (1.2.2, 7.3.3)."""
    if not text or text != text.strip() or _HIDDEN.search(text) or re.search(r": |:$| #", text):
        return False
    if flow and re.search(r"[,?\[\]{}]|:$", text):
        return False
    return text[0] not in _SIGNS or (text[0] in ("-" if flow else "-:?") and text[1:2] not in ("", " "))

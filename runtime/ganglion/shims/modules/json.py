# SPDX-License-Identifier: GPL-3.0-or-later
"""`json`: CPython's with MicroPython's spelling of text, its ValueError, and what it takes for JSON."""

import json as _json
import re as _re
from typing import Any, NoReturn

from ganglion.shims.buffers import readable as _readable

#: One part of a document. Commas and colons are between parts as spaces are.
_PART = _re.compile(
    r'[,: \t\n\r]*(?:(?P<word>null|true|false)|(?P<number>[-0-9][-+.eE0-9]*)|"(?P<text>[^"\\]*(?:\\.[^"\\]*)*)"'
    r"|(?P<open>[\[{])|(?P<close>[\]}]))",
    _re.DOTALL | _re.ASCII,
)
_WORDS = {"null": None, "true": True, "false": False}
_ESCAPE = _re.compile(r"\\(?:u([0-9a-fA-F]{4})|(?!u)(.))", _re.DOTALL)
_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WRONG = "syntax error in JSON"
_NO_KEY = object()


def __getattr__(name: str) -> Any:
    return getattr(_json, name)


def dumps(value: Any, separators: tuple[str, str] | None = None) -> str:
    """JSON of a value; text is not escaped where it needs not be, and what JSON has not is written as `str` does."""
    return _json.dumps(value, separators=separators, ensure_ascii=False, default=_text)


def _text(value: Any) -> str:
    return bytes(value).decode() if isinstance(value, bytes | bytearray | memoryview) else str(value)


def dump(value: Any, stream: Any, separators: tuple[str, str] | None = None) -> None:
    stream.write(dumps(value, separators))


def loads(text: Any) -> Any:
    """A value from JSON: text, or its bytes in UTF-8.

    Raises:
        ValueError: it is none, nor what MicroPython takes for it, such as `[1 2}` for a list.
    """
    document = text if isinstance(text, str) else bytes(_readable(text)).decode()
    try:
        return _json.loads(document, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return _loose(document)


def load(stream: Any) -> Any:
    return loads(stream.read())


def _refuse(_: str) -> NoReturn:
    """For NaN and Infinity, which CPython takes."""
    raise ValueError(_WRONG)


def _loose(document: str) -> Any:
    """A value by MicroPython's rules: either bracket closes either, a list or a dictionary.

    A key whose value is missing waits for the next that comes in a dictionary, even another. What is left open at the
    end is refused, as in MicroPython 1.27; 1.25 took it where it was the outermost alone.
    """
    document = document.partition("\0")[0]  # where a stream ends there
    place, key = 0, _NO_KEY
    inside: list[Any] = []
    while (part := _PART.match(document, place)) is not None:
        place = part.end()
        if part["close"]:
            if not inside:
                raise ValueError(_WRONG)
            value = inside.pop()
        else:
            value = _value(part)
            if inside and isinstance(inside[-1], list):
                inside[-1].append(value)
            elif inside and key is not _NO_KEY:
                inside[-1][key] = value
                key = _NO_KEY
            elif inside and part["open"]:
                raise ValueError(_WRONG)
            elif inside:
                key = value
            if part["open"]:
                inside.append(value)
        if not inside:
            if document[place:].strip(" \t\n\v\f\r"):
                raise ValueError(_WRONG)
            return value
    raise ValueError(_WRONG)


def _value(part: "_re.Match[str]") -> Any:
    if part["open"]:
        return [] if part["open"] == "[" else {}
    if part["word"]:
        return _WORDS[part["word"]]
    return _number(part["number"]) if part["number"] else _unescaped(part["text"])


def _number(text: str) -> int | float:
    sign, digits = ("-", text[1:]) if text[0] == "-" else ("", text)
    if set(text) & set(".eE"):
        try:
            return float(f"{sign}0{digits}")  # there no digit is needed before a point
        except ValueError:
            raise ValueError("invalid syntax for number") from None
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"invalid syntax for integer with base 10: '{digits}'") from None


def _unescaped(text: str) -> str:
    if "\\" in _ESCAPE.sub("", text):
        raise ValueError(_WRONG)
    made = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else _LETTERS.get(found[2], found[2]), text)
    # Two surrogates are one character, as where CPython reads them
    return made.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")

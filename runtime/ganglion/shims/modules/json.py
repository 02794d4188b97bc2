# SPDX-License-Identifier: GPL-3.0-or-later
"""`json`: CPython's with MicroPython's spelling of text and its ValueError."""

import json as _json
from typing import Any


def __getattr__(name: str) -> Any:
    return getattr(_json, name)


def dumps(value: Any, separators: tuple[str, str] | None = None) -> str:
    """JSON of a value; text is not escaped where it needs not be, and what JSON has not is written as `str` does."""
    return _json.dumps(value, separators=separators, ensure_ascii=False, default=_text)


def _text(value: Any) -> str:
    return bytes(value).decode() if isinstance(value, bytes | bytearray | memoryview) else str(value)


def dump(value: Any, stream: Any, separators: tuple[str, str] | None = None) -> None:
    stream.write(dumps(value, separators))


def loads(text: str | bytes | bytearray) -> Any:
    """A value from JSON.

    Raises:
        ValueError: it is none.
    """
    try:
        return _json.loads(text)
    except ValueError as error:
        raise ValueError("syntax error in JSON") from error


def load(stream: Any) -> Any:
    return loads(stream.read())

# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys as text that a person carries: what they are by their first letters, and a check that finds a wrong letter."""

from hashlib import sha256

from ganglion_micro import gl1

#: Bytes by which a letter that was mistyped is found: 1 of 2^32 is not.
_CHECK = 4


def text(prefix: str, body: bytes) -> str:
    """A key as text."""
    return prefix + gl1.base32(body + sha256(body).digest()[:_CHECK])


def parse(prefix: str, size: int, text: str) -> bytes:
    """The key in a text; empty where it is none of this kind and of so many bytes, or a letter is wrong."""
    if not text.startswith(prefix):
        return b""
    try:
        data = gl1.from_base32(text[len(prefix) :])
    except ValueError:
        return b""
    body = data[:-_CHECK]
    return body if len(body) == size and sha256(body).digest()[:_CHECK] == data[-_CHECK:] else b""

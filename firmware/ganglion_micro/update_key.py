# SPDX-License-Identifier: GPL-3.0-or-later
"""The public key by which a board knows whose updates are to be taken, as the text that goes onto it with its own."""

from hashlib import sha256

from ganglion_micro import cbor, gl1

_PREFIX = "up1_"
#: Bytes by which a letter that was mistyped is found.
_CHECK = 4


def text(public: bytes) -> str:
    """`up1_` and 58 letters, of an Ed25519 public key; it is no secret."""
    return _PREFIX + gl1.base32(public + sha256(public).digest()[:_CHECK])


def parse(text: str) -> bytes:
    """The 32 bytes of the key in a text.

    Raises:
        ValueError: it is none, or a letter is wrong.
    """
    data = b""
    if text.startswith(_PREFIX):
        try:
            data = gl1.from_base32(text[len(_PREFIX) :])
        except ValueError:
            pass
    public = data[:-_CHECK]
    if len(public) != 32 or sha256(public).digest()[:_CHECK] != data[-_CHECK:]:
        raise ValueError("this is no key of updates: it begins with up1_ and has 58 letters more; copy it whole")
    return public


def aad(mesh: bytes) -> bytes:
    """What both sides of a seal know and nobody sends, for the id of a mesh, 8 bytes."""
    return cbor.encode(["gl1", mesh, "update"])

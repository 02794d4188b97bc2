# SPDX-License-Identifier: GPL-3.0-or-later
"""The public key by which a board knows whose updates are to be taken, as the text that goes onto it with its own."""

from ganglion_micro import cbor, key_text

_PREFIX = "up1_"


def text(public: bytes) -> str:
    """`up1_` and 58 letters, of an Ed25519 public key; it is no secret."""
    return key_text.text(_PREFIX, public)


def parse(text: str) -> bytes:
    """The 32 bytes of the key in a text.

    Raises:
        ValueError: it is none, or a letter is wrong.
    """
    public = key_text.parse(_PREFIX, 32, text)
    if not public:
        raise ValueError("this is no key of updates: it begins with up1_ and has 58 letters more; copy it whole")
    return public


def aad(mesh: bytes) -> bytes:
    """What both sides of a seal know and nobody sends, for the id of a mesh, 8 bytes."""
    return cbor.encode(["gl1", mesh, "update"])

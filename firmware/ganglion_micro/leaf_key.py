# SPDX-License-Identifier: GPL-3.0-or-later
"""The key that a leaf and its parent share, the text in which a person carries it, and what the key is called.

Both ends use the one key. What keeps a message from being taken for one of the other direction is the external data,
["gl1", mesh, "leaf"] for what a leaf says and ["gl1", mesh, "parent"] for what its parent says.
"""

from hashlib import sha256

from ganglion_micro import cbor, gl1, key_text
from ganglion_micro.cose_common import KID_SIZE

#: Bytes of a key; as many as HMAC with SHA-256 makes.
KEY_SIZE = 32
#: Bytes of a mesh's id.
MESH_SIZE = 8

_PREFIX = "lf1_"


class LeafKey:
    """A pairwise key.

    Attributes:
        mesh: The id of the mesh that it is for, 8 bytes.
        key: 32 bytes from a random source.
        kid: What it is called: the first 8 bytes of its thumbprint (RFC 9679), which say nothing of the key.
        up: External data of what the leaf says.
        down: External data of what the parent says.

    Raises:
        ValueError: a mesh's id or a key of another length.
    """

    __slots__ = ("down", "key", "kid", "mesh", "up")

    def __init__(self, mesh: bytes, key: bytes) -> None:
        if len(mesh) != MESH_SIZE or len(key) != KEY_SIZE:
            raise ValueError("a leaf has a key of 32 bytes and a mesh's id of 8")
        self.mesh = mesh
        self.key = key
        self.kid = sha256(cbor.encode({1: 4, -1: key})).digest()[:KID_SIZE]
        self.up = cbor.encode(["gl1", mesh, "leaf"])
        self.down = cbor.encode(["gl1", mesh, "parent"])

    def text(self) -> str:
        """`lf1_` and 71 letters: whoever has it can speak as the leaf, and as its parent to it."""
        return key_text.text(_PREFIX, self.mesh + self.key)

    def __repr__(self) -> str:
        return "<LeafKey {}>".format(gl1.base32(self.kid))


def parse(text: str) -> LeafKey:
    """The key that a text begins with; on its second line may be that of updates (see `update_key`).

    Raises:
        ValueError: it is none, or a letter is wrong; the message does not repeat it.
    """
    body = key_text.parse(_PREFIX, MESH_SIZE + KEY_SIZE, (text.split() or [""])[0].lower())
    if not body:
        raise ValueError("this is no key of a leaf: it begins with lf1_ and has 71 letters more; copy it whole")
    return LeafKey(body[:MESH_SIZE], body[MESH_SIZE:])

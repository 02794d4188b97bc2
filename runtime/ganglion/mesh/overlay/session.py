# SPDX-License-Identifier: GPL-3.0-or-later
"""The key that two neighbours share on one link: X25519 of two ephemeral keys, each from a signed hello.

A session is confirmed by the first frame whose MAC holds: nobody makes one who does not own the ephemeral secret of
the hello and know ours of this boot. That is the echo of a nonce, without a field for it: a hello of yesterday, played
again, begins a session that nothing ever confirms.
"""

from ganglion.mesh import crypto
from ganglion_micro import cbor
from ganglion_micro.replay import FRESH, Window


class Session:
    """One key.

    Attributes:
        ephemeral: The neighbour's public key of the link.
        confirmed: Whether a MAC held.
    """

    __slots__ = ("_key", "_window", "confirmed", "ephemeral")

    def __init__(self, key: bytes, ephemeral: bytes) -> None:
        self._key = key
        self._window = Window()
        self.ephemeral = ephemeral
        self.confirmed = False

    def mac(self, data: bytes) -> bytes:
        """The MAC over a head and a body, 8 bytes."""
        return crypto.mac8(self._key, data)

    def fresh(self, counter: int) -> bool:
        """Whether a counter was not seen; it is from now on. To be asked after the MAC held."""
        return self._window.add(counter + 1) == FRESH

    def latest(self, counter: int) -> bool:
        """Whether nothing newer was seen: whoever holds a frame back proves nothing of now by it."""
        return counter + 1 == self._window.top


class Ephemeral:
    """This node's own ephemeral key of a link.

    Args:
        secret: 32 random bytes.
    """

    __slots__ = ("_kid", "_mesh", "_secret", "public")

    def __init__(self, secret: bytes, kid: bytes, mesh: str) -> None:
        self._secret = secret
        self._kid = kid
        self._mesh = mesh
        self.public = crypto.x25519_public(secret)

    def session(self, kid: bytes, ephemeral: bytes) -> Session | None:
        """The session with a neighbour; None where its key is none."""
        shared = crypto.x25519(self._secret, ephemeral)
        if shared is None:
            return None
        sides = sorted([[self._kid, self.public], [kid, ephemeral]])
        return Session(crypto.hkdf(shared, cbor.encode(["gl1-link", self._mesh, *sides])), ephemeral)

# SPDX-License-Identifier: GPL-3.0-or-later
"""A key of Ed25519 in a file, and the names that follow from it: key id, node id."""

import os
from pathlib import Path

from ganglion.errors import InvalidError, NotFoundError
from ganglion.mesh import crypto, files
from ganglion_micro import cbor, cose, gl1


class Identity:
    """Who a node, a gateway, an issuer or a root is.

    The file is a COSE_Key with its private part (RFC 9053 section 7.2: -4 is the seed), readable by its owner alone.

    Args:
        seed: 32 bytes from the system's random source.

    Attributes:
        public: The public key, 32 bytes.
        thumbprint: SHA-256 of the public COSE_Key (RFC 9679).
        kid: The key id in messages, 8 bytes.
        node_id: The name in topics, 26 letters.
    """

    __slots__ = ("_secret", "_seed", "kid", "node_id", "public", "thumbprint")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != 32:
            raise InvalidError(f"the seed of an identity is 32 bytes, not {len(seed)}")
        self._seed = seed
        self.public, self._secret = crypto.key_pair(seed)
        self.thumbprint = cose.thumbprint(self.public)
        self.kid = self.thumbprint[: cose.KID_SIZE]
        self.node_id = gl1.node_id(self.thumbprint)

    def __repr__(self) -> str:
        return f"<Identity {self.node_id}>"

    def sign(self, message: bytes) -> bytes:
        """The signature over exactly these bytes, 64 bytes."""
        return crypto.sign(message, self._secret)

    @classmethod
    def create(cls) -> "Identity":
        """A new one, kept nowhere yet."""
        return cls(os.urandom(32))

    @classmethod
    def load(cls, path: Path) -> "Identity":
        """The one in a file.

        Raises:
            NotFoundError: there is no file.
            InvalidError: it holds no identity.
        """
        data = files.read(path)
        if data is None:
            raise NotFoundError(f"no identity in {path}: make one with `ganglion id new`")
        try:
            key = cbor.decode(data)
            seed = key[-4]
            identity = cls(seed)
            sound = key == {**cose.key(identity.public), -4: seed}
        except (ValueError, TypeError, LookupError):
            sound = False
        if not sound:
            raise InvalidError("this is no identity: restore the file, or remove it and enrol anew", where=str(path))
        return identity

    @classmethod
    def load_or_create(cls, path: Path) -> "Identity":
        """The one in a file, made at the first call.

        Raises:
            InvalidError: the file holds no identity.
        """
        try:
            return cls.load(path)
        except NotFoundError:
            identity = cls.create()
            identity.save(path)
            return identity

    def save(self, path: Path) -> None:
        """Writes the file (0600)."""
        files.write(path, cbor.encode({**cose.key(self.public), -4: self._seed}))

# SPDX-License-Identifier: GPL-3.0-or-later
"""A member's two keys in a file, one of Ed25519 and one of X25519, and the names that follow: key id, node id."""

import os
from pathlib import Path

from ganglion.errors import InvalidError, NotFoundError
from ganglion.mesh import crypto, files, keywrap
from ganglion_micro import cbor, cose, gl1


def fingerprint(node_id: str) -> str:
    """What two people compare of a key: the first 16 letters of the node id in groups, 80 bits."""
    return "-".join(node_id[at : at + 4] for at in range(0, 16, 4))


class Identity:
    """Who a node, a gateway, an issuer or a root is.

    The file is a COSE_Key with its private part (RFC 9053 section 7.2: -4 is the seed) and, under `x25519`, the secret
    key by which others give it secrets; readable by its owner alone. In one file, both are replaced at once.

    Args:
        seed: 32 bytes from the system's random source.
        agreement: The secret key of X25519, 32 bytes from there too; random where none is given.

    Attributes:
        x25519: The public key of X25519, 32 bytes.
        public: The public key, 32 bytes.
        thumbprint: SHA-256 of the public COSE_Key (RFC 9679).
        kid: The key id in messages, 8 bytes.
        node_id: The name in topics, 26 letters.
    """

    __slots__ = ("_agreement", "_secret", "_seed", "kid", "node_id", "public", "thumbprint", "x25519")

    def __init__(self, seed: bytes, agreement: bytes | None = None) -> None:
        agreement = os.urandom(32) if agreement is None else agreement
        if len(seed) != 32 or len(agreement) != 32:
            raise InvalidError(f"the secrets of an identity have 32 bytes, not {len(seed)} and {len(agreement)}")
        self._seed = seed
        self._agreement = agreement
        self.x25519 = crypto.x25519_public(agreement)
        self.public, self._secret = crypto.key_pair(seed)
        self.thumbprint = cose.thumbprint(self.public)
        self.kid = self.thumbprint[: cose.KID_SIZE]
        self.node_id = gl1.node_id(self.thumbprint)

    def __repr__(self) -> str:
        return f"<Identity {self.node_id}>"

    def sign(self, message: bytes) -> bytes:
        """The signature over exactly these bytes, 64 bytes."""
        return crypto.sign(message, self._secret)

    def unwrap(self, data: bytes, aad: bytes) -> bytes:
        """What was wrapped for this member alone.

        Raises:
            SealError: it is not for this key, was changed, or is no such message.
        """
        return keywrap.unwrap(data, self._agreement, aad=aad)

    @property
    def client_id(self) -> str:
        """What a broker knows this member by: 23 letters (MQTT 3.1.1 section 3.1.3.1).

        The same at every start, so that the broker ends a connection of ours that it still believes in; and no one
        else's to guess, for a broker ends the connection of whoever has the client identifier of a newcomer.
        """
        return gl1.base32(crypto.hkdf(self._seed, b"gl1 mqtt client id", 14))

    @classmethod
    def create(cls) -> "Identity":
        """A new one, kept nowhere yet."""
        return cls(os.urandom(32))

    @classmethod
    def load(cls, path: Path) -> "Identity":
        """The one in a file. Where that has no key of X25519, each call gives another one.

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
            agreement = key.pop("x25519", None)  # files of before there were two keys have none
            identity = cls(seed, agreement)
            sound = key == {**cose.key(identity.public), -4: seed}
        except (ValueError, TypeError, LookupError):
            sound = False
        if not sound:
            raise InvalidError("this is no identity: restore the file, or remove it and enrol anew", where=str(path))
        return identity

    @classmethod
    def load_or_create(cls, path: Path) -> "Identity":
        """The one in a file, made at the first call; what it lacks is made too.

        Raises:
            InvalidError: the file holds no identity.
        """
        try:
            identity = cls.load(path)
        except NotFoundError:
            identity = cls.create()
        if files.read(path) != identity._packed():
            identity.save(path)
        return identity

    def save(self, path: Path) -> None:
        """Writes the file (0600)."""
        files.write(path, self._packed())

    def _packed(self) -> bytes:
        return cbor.encode({**cose.key(self.public), -4: self._seed, "x25519": self._agreement})

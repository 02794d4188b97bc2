# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of groups as they are in the database: under a key of the state folder, so that a copy of it gives none away."""

import os

from ganglion.mesh import crypto
from ganglion.mesh.aead import NONCE_SIZE, SealError, seal, unseal
from ganglion_micro import cbor


class KeysAtRest:
    """Seals and unseals them.

    Args:
        secret: The file `group-secret`.
    """

    def __init__(self, secret: bytes) -> None:
        self._key = crypto.hkdf(secret, b"gl1 keys of groups at rest")

    def seal(self, key: bytes, group: str, number: int) -> bytes:
        """A key of a group, for the database."""
        nonce = os.urandom(NONCE_SIZE)
        return nonce + seal(key, key=self._key, nonce=nonce, aad=_aad(group, number))

    def unseal(self, data: bytes, group: str, number: int) -> bytes:
        """A key out of the database.

        Raises:
            SealError: it was sealed under another secret, for another group or number, or was changed.
        """
        if len(data) < NONCE_SIZE:
            raise SealError("shorter than its own nonce")
        return unseal(data[NONCE_SIZE:], key=self._key, nonce=data[:NONCE_SIZE], aad=_aad(group, number))


def _aad(group: str, number: int) -> bytes:
    return cbor.encode(["gl1-group-at-rest", group, number])

# SPDX-License-Identifier: GPL-3.0-or-later
"""Sealing bytes under a key, bound to where they stand: ChaCha20-Poly1305 by libsodium (PyNaCl)."""

from nacl import bindings
from nacl.exceptions import CryptoError

KEY_SIZE = 32
NONCE_SIZE = 12
#: Bytes that `seal` adds.
TAG_SIZE = 16


class SealError(ValueError):
    """What is sealed was sealed by another key, for another place, or was changed; or a key is none."""


def seal(plain: bytes, *, key: bytes, nonce: bytes, aad: bytes) -> bytes:
    """ChaCha20-Poly1305 (RFC 8439 section 2.8). A nonce is for one message under a key, or both are given away."""
    return bindings.crypto_aead_chacha20poly1305_ietf_encrypt(plain, aad, nonce, key)


def unseal(sealed: bytes, *, key: bytes, nonce: bytes, aad: bytes) -> bytes:
    """What was sealed.

    Raises:
        SealError: it was not sealed so.
    """
    if len(sealed) < TAG_SIZE:
        raise SealError("shorter than its own tag")
    try:
        return bindings.crypto_aead_chacha20poly1305_ietf_decrypt(sealed, aad, nonce, key)
    except CryptoError:
        raise SealError("not sealed by this key, or changed since") from None

# SPDX-License-Identifier: GPL-3.0-or-later
"""Ed25519 and X25519 by libsodium (PyNaCl), with the checks that libraries differ in made here; the rest by hashlib."""

import hashlib
import hmac

from nacl.bindings import (
    crypto_scalarmult,
    crypto_scalarmult_base,
    crypto_sign,
    crypto_sign_open,
    crypto_sign_seed_keypair,
)
from nacl.exceptions import BadSignatureError, CryptoError

#: Order of the base point (RFC 8032 section 5.1).
_L = 2**252 + 27742317777372353535851937790883648493
_P = 2**255 - 19
#: The y coordinates of the points of order 1, 2, 4 and 8, without the sign of x. A signature under such a key
#: verifies for messages that nobody signed.
_ORDER_8 = int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
_SMALL_ORDER = frozenset((0, 1, _P - 1, _ORDER_8, _P - _ORDER_8))


def key_pair(seed: bytes) -> tuple[bytes, bytes]:
    """Public key (32 bytes) and what `sign` takes (64) for a seed of 32 bytes (RFC 8032 section 5.1.5)."""
    return crypto_sign_seed_keypair(seed)


def sign(message: bytes, secret: bytes) -> bytes:
    """The signature, 64 bytes."""
    return crypto_sign(message, secret)[:64]


def verify(message: bytes, signature: bytes, public: bytes) -> bool:
    """Whether the key signed exactly this. The key must have passed `acceptable`."""
    if len(signature) != 64 or int.from_bytes(signature[32:], "little") >= _L:
        return False
    try:
        crypto_sign_open(signature + message, public)
    except BadSignatureError:
        return False
    return True


def acceptable(public: bytes) -> bool:
    """Whether a public key is 32 bytes, in canonical form and of no small order."""
    if len(public) != 32:
        return False
    y = int.from_bytes(public, "little") & (2**255 - 1)
    return y < _P and y not in _SMALL_ORDER


def hkdf(secret: bytes, info: bytes, length: int = 32) -> bytes:
    """HKDF with SHA-256 and no salt (RFC 5869), at most 255 * 32 bytes."""
    key = hmac.digest(bytes(32), secret, hashlib.sha256)
    made = block = b""
    count = 1
    while len(made) < length:
        block = hmac.digest(key, block + info + bytes((count,)), hashlib.sha256)
        made += block
        count += 1
    return made[:length]


def x25519_public(secret: bytes) -> bytes:
    """The public key of a secret of 32 bytes (RFC 7748 section 6.1)."""
    return crypto_scalarmult_base(secret)


def x25519(secret: bytes, public: bytes) -> bytes | None:
    """What both sides share, 32 bytes; None where the other's key is none or forces a result (RFC 7748 section 6.1)."""
    try:
        shared = crypto_scalarmult(secret, public)
    except (CryptoError, TypeError, ValueError):
        return None
    return None if shared == bytes(32) else shared


def mac8(key: bytes, data: bytes) -> bytes:
    """Keyed BLAKE2b with a digest of 8 bytes (RFC 7693 section 2.9). For frames on one hop, never for what is kept.

    Args:
        key: 32 bytes, used for nothing else.
    """
    return hashlib.blake2b(data, key=key, digest_size=8).digest()

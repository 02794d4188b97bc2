# SPDX-License-Identifier: GPL-3.0-or-later
"""HMAC with SHA-256 (RFC 2104) and what is derived by it (RFC 5869), which MicroPython has not."""

from hashlib import sha256

#: Bytes that SHA-256 takes at a time (RFC 2104 section 2: B).
_BLOCK = 64


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """HMAC with SHA-256, 32 bytes (RFC 2104)."""
    if len(key) > _BLOCK:
        key = sha256(key).digest()
    key = key + bytes(_BLOCK - len(key))
    inner = sha256(bytes([byte ^ 0x36 for byte in key]))
    inner.update(message)
    outer = sha256(bytes([byte ^ 0x5C for byte in key]))
    outer.update(inner.digest())
    return outer.digest()


def hkdf(secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF without a salt (RFC 5869), 32 bytes at most: one block is all that is asked for here."""
    return hmac_sha256(hmac_sha256(bytes(32), secret), info + b"\x01")[:length]

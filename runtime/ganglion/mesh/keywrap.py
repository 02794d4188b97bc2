# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret for one member: COSE_Encrypt to its X25519 key, by a key made for this once.

RFC 9052 section 5.1 with one recipient; direct key agreement ECDH-ES + HKDF-256 (RFC 9053 section 6.3.1), its context
(section 5.2), and ChaCha20/Poly1305 (section 4.3). Who sent it, the GL1 message around it says.
"""

import os

from ganglion.mesh import crypto
from ganglion.mesh.aead import NONCE_SIZE, SealError, seal, unseal
from ganglion_micro import cbor

_ALG, _IV, _EPHEMERAL = 1, 5, -1
_CHACHA20_POLY1305, _ECDH_ES_HKDF_256 = 24, -25
_KTY, _CRV, _X, _OKP, _X25519 = 1, -1, -2, 1, 4
_PROTECTED = cbor.encode({_ALG: _CHACHA20_POLY1305})
_RECIPIENT = cbor.encode({_ALG: _ECDH_ES_HKDF_256})
#: Tag of COSE_Encrypt.
TAG = 96


def wrap(plain: bytes, public: bytes, *, aad: bytes, secret: bytes | None = None, iv: bytes | None = None) -> bytes:
    """The tagged message.

    Args:
        public: The receiver's X25519 key, 32 bytes.
        aad: What both sides know and nobody sends.
        secret, iv: For this message alone, 32 and 12 bytes; random where not given.

    Raises:
        SealError: the key is none, or of small order.
    """
    secret = os.urandom(32) if secret is None else secret
    iv = os.urandom(NONCE_SIZE) if iv is None else iv
    key = _key(secret, public)
    sealed = seal(plain, key=key, nonce=iv, aad=_structure(aad))
    ephemeral = {_KTY: _OKP, _CRV: _X25519, _X: crypto.x25519_public(secret)}
    recipient = [_RECIPIENT, {_EPHEMERAL: ephemeral}, b""]
    return cbor.encode(cbor.Tag(TAG, [_PROTECTED, {_IV: iv}, sealed, [recipient]]))


def unwrap(data: bytes, secret: bytes, *, aad: bytes) -> bytes:
    """What was wrapped for the owner of a secret key.

    Raises:
        SealError: it is not for this key, was changed, or is no such message.
    """
    try:
        message = cbor.decode(data)
    except cbor.CBORError as error:
        raise SealError(f"not a COSE_Encrypt: {error}") from None
    match message:
        case cbor.Tag(
            number=96,
            value=[bytes(protected), {5: bytes(iv)} as open_, bytes(sealed), [[bytes(how), {-1: key} as sender, b""]]],
        ) if protected == _PROTECTED and how == _RECIPIENT and len(open_) == len(sender) == 1 and len(iv) == NONCE_SIZE:
            x = _x(key)
        case _:
            raise SealError("not a COSE_Encrypt to one X25519 key")
    return unseal(sealed, key=_key(secret, x), nonce=iv, aad=_structure(aad))


def _x(key: object) -> bytes:
    match key:
        case {1: 1, -1: 4, -2: bytes(x), **more} if not more:
            return x
    raise SealError("the sender's key is no COSE_Key of X25519")


def _key(secret: bytes, public: bytes) -> bytes:
    """The key that both derive, with a COSE_KDF_Context (RFC 9053 section 5.2) that names nobody: the aad does."""
    shared = crypto.x25519(secret, public)
    if shared is None:
        raise SealError("not a public key of X25519, or one of small order")
    nobody = [None, None, None]
    return crypto.hkdf(shared, cbor.encode([_CHACHA20_POLY1305, nobody, nobody, [256, _RECIPIENT]]))


def _structure(aad: bytes) -> bytes:
    """Enc_structure (RFC 9052 section 5.3)."""
    return cbor.encode(["Encrypt", _PROTECTED, aad])

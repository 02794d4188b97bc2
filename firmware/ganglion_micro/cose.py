# SPDX-License-Identifier: GPL-3.0-or-later
"""COSE_Sign1 with one fixed shape, and the keys it is signed with. It makes no signature: `sign` is handed in.

The shape (RFC 9052 section 4.2) is tag 18 over [protected {1: -19, 4: kid}, unprotected {}, payload, signature], in
deterministic CBOR. Algorithm -19 is Ed25519 (RFC 9864 section 2.2). Since every header is fixed, parsing is comparing
bytes, and another algorithm, a header more, a detached payload or another encoding of the same message is malformed.
"""

from hashlib import sha256

from ganglion_micro import cbor
from ganglion_micro.cbor_write import head
from ganglion_micro.cose_common import KID_SIZE as KID_SIZE
from ganglion_micro.cose_common import COSEError as COSEError

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Ed25519 and nothing else (RFC 9864 section 2.2); -8, EdDSA, is deprecated there.
ED25519 = -19

# d2 tag 18 · 84 array of 4 · 4d bstr of 13 · a2 map of 2 · 01 32 alg: -19 · 04 48 kid: bstr of 8
_START = b"\xd2\x84\x4d\xa2\x01\x32\x04\x48"
# 84 array of 4 · 6a text of 10
_CONTEXT = b"\x84\x6aSignature1"
# What is signed up to the key id: context, and 4d bstr of 13 with the protected header
_SIGNED = _CONTEXT + _START[2:]
# a3 map of 3 · 01 01 kty: OKP · 20 06 crv: Ed25519 · 21 58 20 x: bstr of 32
_KEY = b"\xa3\x01\x01\x20\x06\x21\x58\x20"


class Sign1:
    """A parsed message whose signature nobody has looked at yet.

    Attributes:
        kid: The key id it names, 8 bytes.
        payload: What is signed.
        signature: 64 bytes.
    """

    __slots__ = ("kid", "payload", "signature")

    def __init__(self, kid: bytes, payload: bytes, signature: bytes) -> None:
        self.kid = kid
        self.payload = payload
        self.signature = signature

    def signed(self, aad: bytes) -> bytes:
        """The bytes that `signature` is over."""
        return _signed(self.kid, aad, self.payload)


def protected(kid: bytes) -> bytes:
    """The protected header, encoded (RFC 9052 section 3)."""
    return b"\xa2\x01\x32\x04\x48" + kid


def sig_structure(header: bytes, aad: bytes, payload: bytes) -> bytes:
    """Sig_structure of a COSE_Sign1 (RFC 9052 section 4.4).

    Args:
        header: The protected header, encoded.
        aad: What both sides know and nobody sends.
    """
    return _CONTEXT + _octets(header) + _octets(aad) + _octets(payload)


def _signed(kid: bytes, aad: bytes, payload: bytes) -> bytes:
    """`sig_structure` of a message of our one shape."""
    return _SIGNED + kid + _octets(aad) + _octets(payload)


def _octets(data: bytes) -> bytes:
    """A byte string, encoded: what `cbor.encode` makes of it, without asking what it is."""
    return head(0x40, len(data)) + data


def sign1(payload: bytes, kid: bytes, aad: bytes, sign: "Callable[[bytes], bytes]") -> bytes:
    """The tagged message.

    Args:
        sign: Ed25519 over the bytes given, 64 bytes back (RFC 8032 section 5.1.6).

    Raises:
        CBORError: larger than `cbor.MAX_SIZE`.
    """
    data = _START + kid + b"\xa0" + _octets(payload) + b"\x58\x40" + sign(_signed(kid, aad, payload))
    if len(data) > cbor.MAX_SIZE:
        raise COSEError(f"{len(data)} bytes, and {cbor.MAX_SIZE} is the limit")
    return data


def parse(data: bytes) -> Sign1:
    """Takes a message apart; whether the signature holds is the next question.

    Raises:
        COSEError: it has another shape, or is larger than `cbor.MAX_SIZE`.
    """
    size = len(data)
    if size > cbor.MAX_SIZE:
        raise COSEError(f"{size} bytes, and {cbor.MAX_SIZE} is the limit")
    # 8 start, 8 kid, 1 unprotected, 1 to 3 head of the payload, 2 head of the signature, 64 signature
    if size < 84 or data[:8] != _START or data[16] != 0xA0:
        raise COSEError("not a COSE_Sign1 under Ed25519 with exactly the headers alg and kid")
    head = data[17]
    if head < 0x58:
        length, at, ok = head - 0x40, 18, head >= 0x40
    elif head == 0x58:
        length, at = data[18], 19
        ok = length > 23
    elif head == 0x59:
        length, at = data[18] << 8 | data[19], 20
        ok = length > 255
    else:
        length, at, ok = 0, 18, False
    end = at + length
    if not ok or size != end + 66 or data[end : end + 2] != b"\x58\x40":
        raise COSEError("a payload and a signature of 64 bytes have to follow, and nothing more")
    return Sign1(data[8:16], data[at:end], data[end + 2 :])


def key(public: bytes) -> "dict[int, Any]":
    """The COSE_Key of an Ed25519 public key: kty OKP, crv Ed25519, x (RFC 9053 section 7.2)."""
    return {1: 1, -1: 6, -2: public}


def public(key: "Any") -> bytes:
    """The public key inside a COSE_Key.

    Raises:
        COSEError: it is no Ed25519 public key, or has fields beyond the three that are hashed.
    """
    x = key.get(-2) if isinstance(key, dict) else None
    if type(x) is not bytes or len(x) != 32 or cbor.encode(key) != _KEY + x:
        raise COSEError("not the COSE_Key of an Ed25519 public key")
    return x


def thumbprint(public: bytes) -> bytes:
    """SHA-256 over the COSE_Key's required fields in deterministic CBOR (RFC 9679 section 3)."""
    return sha256(_KEY + public).digest()


def kid(public: bytes) -> bytes:
    """The key id: the first 8 bytes of the thumbprint."""
    return thumbprint(public)[:KID_SIZE]

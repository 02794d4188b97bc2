# SPDX-License-Identifier: GPL-3.0-or-later
"""COSE_Mac0 with one fixed shape: what a leaf that cannot sign says to the one parent that shares its key.

The shape (RFC 9052 section 6.2) is tag 17 over [protected {1: alg, 4: kid}, unprotected {}, payload, tag], in
deterministic CBOR; alg is HMAC 256/64 or HMAC 256/256 (RFC 9053 section 3.1). As in `cose`, every header is fixed,
so parsing is comparing bytes.
"""

from ganglion_micro import cbor
from ganglion_micro.cose_common import KID_SIZE, COSEError
from ganglion_micro.hmac_sha256 import hmac_sha256 as hmac_sha256

#: HMAC with SHA-256, of which the first 8 bytes are sent.
HMAC_256_64 = 4
#: HMAC with SHA-256, all 32 bytes.
HMAC_256_256 = 5
#: Bytes of the tag of each algorithm.
TAG_SIZES = {HMAC_256_64: 8, HMAC_256_256: 32}

# d1 tag 17 · 84 array of 4 · 4d bstr of 13 · a2 map of 2 · 01 alg
_START = b"\xd1\x84\x4d\xa2\x01"
# 04 48 kid: bstr of 8
_KID = b"\x04\x48"
# 84 array of 4 · 64 text of 4
_CONTEXT = b"\x84\x64MAC0"


class Mac0:
    """A parsed message whose tag nobody has looked at yet.

    Attributes:
        alg: HMAC_256_64 or HMAC_256_256.
        kid: The key id it names, 8 bytes.
        payload: What is authenticated.
        tag: 8 or 32 bytes, as the algorithm has it.
    """

    __slots__ = ("alg", "kid", "payload", "tag")

    def __init__(self, alg: int, kid: bytes, payload: bytes, tag: bytes) -> None:
        self.alg = alg
        self.kid = kid
        self.payload = payload
        self.tag = tag

    def holds(self, key: bytes, aad: bytes) -> bool:
        """Whether whoever holds the key said exactly this."""
        return same(hmac_sha256(key, mac_structure(protected(self.alg, self.kid), aad, self.payload)), self.tag)


def protected(alg: int, kid: bytes) -> bytes:
    """The protected header, encoded (RFC 9052 section 3)."""
    return _START[3:] + bytes((alg,)) + _KID + kid


def mac_structure(header: bytes, aad: bytes, payload: bytes) -> bytes:
    """MAC_structure of a COSE_Mac0 (RFC 9052 section 6.3).

    Args:
        header: The protected header, encoded.
        aad: What both sides know and nobody sends.
    """
    return _CONTEXT + cbor.encode(header) + cbor.encode(aad) + cbor.encode(payload)


def mac0(payload: bytes, kid: bytes, aad: bytes, key: bytes, alg: int = HMAC_256_64) -> bytes:
    """The tagged message.

    Args:
        kid: Which key it is, 8 bytes.
        key: Shared by the two, 32 bytes from a random source.

    Raises:
        CBORError: larger than `cbor.MAX_SIZE`, another algorithm, or a key id that is not 8 bytes.
    """
    if alg not in TAG_SIZES or len(kid) != KID_SIZE:
        raise COSEError("HMAC 256/64 (4) or 256/256 (5) under a key id of 8 bytes")
    header = protected(alg, kid)
    body = cbor.encode(payload)
    tag = hmac_sha256(key, _CONTEXT + b"\x4d" + header + cbor.encode(aad) + body)[: TAG_SIZES[alg]]
    data = _START[:3] + header + b"\xa0" + body + cbor.encode(tag)
    if len(data) > cbor.MAX_SIZE:
        raise COSEError(f"{len(data)} bytes, and {cbor.MAX_SIZE} is the limit")
    return data


def parse(data: bytes) -> Mac0:
    """Takes a message apart; whether the tag holds is the next question.

    Raises:
        CBORError: it has another shape, or is larger than `cbor.MAX_SIZE`.
    """
    size = len(data)
    if size > cbor.MAX_SIZE:
        raise COSEError(f"{size} bytes, and {cbor.MAX_SIZE} is the limit")
    # 5 start, 1 alg, 2 and 8 kid, 1 unprotected
    wrong = size < 17 or data[:5] != _START or data[5] not in TAG_SIZES or data[6:8] != _KID or data[16] != 0xA0
    if wrong:
        raise COSEError("not a COSE_Mac0 under HMAC 256/64 or 256/256 with exactly the headers alg and kid")
    payload, at = cbor.decode_at(data, 17)
    tag, end = cbor.decode_at(data, at)
    if type(payload) is not bytes or type(tag) is not bytes or len(tag) != TAG_SIZES[data[5]] or end != size:
        raise COSEError("a payload and the algorithm's tag have to follow, and nothing more")
    return Mac0(data[5], data[8:16], payload, tag)


def same(whole: bytes, tag: bytes) -> bool:
    """Whether a tag is the start of the whole one; it takes as long wherever they differ."""
    difference = 0
    for at, byte in enumerate(tag):
        difference |= byte ^ whole[at]
    return difference == 0

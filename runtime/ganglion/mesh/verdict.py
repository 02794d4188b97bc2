# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a COSE_Sign1 or COSE_Mac0 under an algorithm of the mesh is valid, whoever made it: for people, not nodes.

A node takes one shape and no other (`ganglion_micro.cose`, `ganglion_micro.mac0`). Here whatever RFC 9052 allows is
judged, and `notes` say what a node would have against it.
"""

import hashlib
import hmac
from dataclasses import dataclass, field

from ganglion.errors import InvalidError
from ganglion.mesh import crypto
from ganglion.mesh.foreign import SHAPES, Foreign, read
from ganglion_micro import cbor, cose, gl1, mac0

#: Bytes of the largest message that is looked at; the mesh has none above 64 KiB.
MAX_SIZE = 16 * 1024 * 1024

#: EdDSA, for Ed25519 deprecated by RFC 9864 section 2.2; public vectors and other implementations have it still.
EDDSA = -8
#: Algorithm -> name, tag of the messages that it is for, bytes of what it makes.
_ALGORITHMS: dict[int | str | None, tuple[str, int, int]] = {
    cose.ED25519: ("Ed25519", 18, 64),
    EDDSA: ("EdDSA", 18, 64),
    mac0.HMAC_256_64: ("HMAC 256/64", 17, 8),
    mac0.HMAC_256_256: ("HMAC 256/256", 17, 32),
}
_TAKEN = ", ".join(f"{name} ({alg})" for alg, (name, _, _) in _ALGORITHMS.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to be said of a message.

    Attributes:
        found: What is in it.
        error: Why it is not valid; "" where its signature or tag holds under the key that was given.
        notes: Of a valid one, what a node would have against it.
    """

    found: Foreign = field(default_factory=Foreign)
    error: str
    notes: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether it may be believed."""
        return not self.error

    @property
    def algorithm(self) -> str:
        """What its algorithm is called, or ""."""
        return _ALGORITHMS.get(self.found.alg, ("", 0, 0))[0]


def judge(data: bytes, *, key: bytes | None = None, secret: bytes | None = None, aad: bytes = b"") -> Verdict:
    """Judges one message. It never fails.

    Args:
        key: The signer's public key, 32 bytes.
        secret: What both ends of a COSE_Mac0 hold.
        aad: External data, which both sides know and nobody sends (RFC 9052 section 4.3).
    """
    if len(data) > MAX_SIZE:
        return Verdict(error=f"more than {MAX_SIZE} bytes, and the mesh has no message above {cbor.MAX_SIZE}")
    found = read(data)
    try:
        _verify(found, key, secret, aad)
    except InvalidError as error:
        return Verdict(found=found, error=str(error))
    return Verdict(found=found, error="", notes=_notes(found, data))


def _verify(found: Foreign, key: bytes | None, secret: bytes | None, aad: bytes) -> None:
    if found.unfit:
        raise InvalidError(found.unfit)
    if found.alg is None:
        raise InvalidError(f"no algorithm in its headers: the mesh uses {_TAKEN}")
    if found.alg not in _ALGORITHMS:
        raise InvalidError(f"algorithm {found.alg}: the mesh uses {_TAKEN}")
    name, tag, size = _ALGORITHMS[found.alg]
    if tag != found.tag:
        raise InvalidError(f"{name} ({found.alg}) in a {found.shape}: it is for a {SHAPES[tag]}")
    if found.payload is None:
        raise InvalidError("a detached payload: what was signed is not in the message")
    if len(found.proof) != size:
        raise InvalidError(f"a {_proof(found)} of {len(found.proof)} bytes, and {name} makes {size}")
    signs = found.shape == "COSE_Sign1"
    under = _public(key, secret) if signs else _shared(key, secret)
    over = _structure("Signature1" if signs else "MAC0", found.header, aad, found.payload)
    if signs:
        holds = crypto.verify(over, found.proof, under)
    else:
        holds = hmac.compare_digest(hmac.digest(under, over, hashlib.sha256)[:size], found.proof)
    if not holds:
        why = "another key, other external data (--aad), or altered on its way"
        if not aad and _is_gl1(found.payload):
            why += "; the external data of the mesh is 8263676c3148 and the 8 bytes of its id"
        raise InvalidError(f"the {_proof(found)} does not hold: {why}")


def _proof(found: Foreign) -> str:
    return "signature" if found.shape == "COSE_Sign1" else "tag"


def _public(key: bytes | None, secret: bytes | None) -> bytes:
    if key is None:
        why = "a COSE_Sign1 has no secret" if secret is not None else "not verified"
        raise InvalidError(f"{why}: give the signer's public key with --key")
    if len(key) != 32:
        raise InvalidError(f"--key has {len(key)} bytes, and a public key of Ed25519 has 32")
    if not crypto.acceptable(key):
        raise InvalidError("--key is no public key of Ed25519 that proves anything: not canonical, or of small order")
    return key


def _shared(key: bytes | None, secret: bytes | None) -> bytes:
    if secret is None:
        why = "a COSE_Mac0 has no public key" if key is not None else "not verified"
        raise InvalidError(f"{why}: give the key that both ends hold with --secret")
    if not secret:
        raise InvalidError("--secret is empty")
    return secret


def _structure(context: str, header: bytes, aad: bytes, payload: bytes) -> bytes:
    """Sig_structure (RFC 9052 section 4.4) or MAC_structure (section 6.3), larger than the mesh's own too."""
    parts = [b"\x84", cbor.encode(context)]
    for part in (header, aad, payload):
        parts += [_head(len(part)), part]
    return b"".join(parts)


def _head(size: int) -> bytes:
    """The head of a byte string of at most 4 GiB."""
    if size < 24:
        return bytes((0x40 | size,))
    if size < 0x100:
        return bytes((0x58, size))
    return b"\x59" + size.to_bytes(2, "big") if size < 0x10000 else b"\x5a" + size.to_bytes(4, "big")


def _is_gl1(payload: bytes) -> bool:
    try:
        gl1.unpack(payload)
    except cbor.CBORError:
        return False
    return True


def _notes(found: Foreign, data: bytes) -> tuple[str, ...]:
    try:
        if found.shape == "COSE_Sign1":
            cose.parse(data)
        else:
            mac0.parse(data)
    except cbor.CBORError as error:
        return (f"no node takes it: {error}",)
    return ()

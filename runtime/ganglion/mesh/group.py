# SPDX-License-Identifier: GPL-3.0-or-later
"""Confidential topics: bodies that only the members of a group read, under keys that change with its members. Pure.

Encrypted, then signed: the body of a GL1 message is a COSE_Encrypt0 (RFC 9052 section 5.2), bound to the fields around
it and to its sender, so that one who signs it anew gets nothing that opens. Each sender and class has a key of its own,
derived from the group's, and epoch and sequence are the nonce: no pair of them comes twice, and none is on the wire.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from ganglion.mesh import crypto, keywrap
from ganglion.mesh.aead import KEY_SIZE, SealError, seal, unseal
from ganglion.mesh.identity import Identity
from ganglion_micro import cbor, gl1

#: The number of a key is that of seconds since 1970, or one more than the last: an authority that comes back from a
#: backup goes on above what it had given out before.
_SECOND = 1_000_000_000
#: Tag of COSE_Encrypt0.
TAG = 16
_ALG, _KID, _CHACHA20_POLY1305 = 1, 4, 24
#: Keys of one group that a member remembers, for what was sealed before a change and comes late.
REMEMBERED = 8


class NoKeyError(SealError):
    """The key that it takes is not here, or not yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a body stands: what a receiver reads in the open, and what the sealed body is bound to.

    Attributes:
        mesh: Its id, 8 bytes.
        sender: The key id of who signs, 8 bytes.
        kind, dst, epoch, seq: Of the message.
    """

    mesh: bytes
    sender: bytes
    kind: int
    dst: bytes | str | None
    epoch: int
    seq: int

    @property
    def aad(self) -> bytes:
        """The external data."""
        return cbor.encode(["gl1", self.mesh, self.sender, self.kind, self.dst, self.epoch, self.seq])

    @property
    def nonce(self) -> bytes:
        """12 bytes that this sender uses once in each class."""
        return self.epoch.to_bytes(4, "big") + self.seq.to_bytes(8, "big")

    @property
    def role(self) -> bytes:
        """What the sender's own key is derived with. Both classes count from 1, so each has a key of its own."""
        return cbor.encode(["gl1-snd", self.sender, "C" if self.kind in gl1.CLASS_C else "D"])


class GroupKeys:
    """The keys of one group, as a member has them.

    Args:
        remembered: How many; the oldest is forgotten first. None forgets none.
    """

    def __init__(self, remembered: int | None = REMEMBERED) -> None:
        self._remembered = remembered
        self._keys: dict[int, bytes] = {}
        self._derived: dict[tuple[int, bytes], bytes] = {}

    @property
    def number(self) -> int:
        """Of the newest key; 0 where there is none."""
        return max(self._keys, default=0)

    @property
    def all(self) -> list[tuple[int, bytes]]:
        """Numbers and keys, the oldest first."""
        return sorted(self._keys.items())

    def add(self, number: int, key: bytes) -> None:
        """Takes a key. A number that is there keeps the key that it has."""
        if number not in self._keys:
            self._keys[number] = key
            while self._remembered is not None and len(self._keys) > self._remembered:
                oldest = min(self._keys)
                del self._keys[oldest]
                self._derived = {known: made for known, made in self._derived.items() if known[0] != oldest}

    def encrypt(self, body: Any, place: Place) -> cbor.Tag:
        """The sealed body, under the newest key.

        Raises:
            NoKeyError: there is no key yet.
            CBORError: the body has no deterministic encoding, or is too large.
        """
        number = self.number
        if not number:
            raise NoKeyError("this member has no key of the group")
        protected = cbor.encode({_ALG: _CHACHA20_POLY1305, _KID: number.to_bytes(4, "big")})
        key = self._own(number, place.role)
        sealed = seal(cbor.encode(body, 2), key=key, nonce=place.nonce, aad=_structure(protected, place.aad))
        return cbor.Tag(TAG, [protected, {}, sealed])

    def decrypt(self, body: Any, place: Place) -> Any:
        """What was sealed at this place.

        Raises:
            NoKeyError: it is sealed under a key that is not here.
            SealError: it is no sealed body, sealed by another or elsewhere, or changed.
        """
        match body:
            case cbor.Tag(number=16, value=[bytes(protected), {**open_}, bytes(sealed)]) if not open_:
                pass
            case _:
                raise SealError("not a COSE_Encrypt0")
        number = _number(protected)
        if number not in self._keys:
            raise NoKeyError(f"the key {number} of the group is not here, and {self.number} is the newest")
        key = self._own(number, place.role)
        plain = unseal(sealed, key=key, nonce=place.nonce, aad=_structure(protected, place.aad))
        try:
            return cbor.decode(plain)
        except cbor.CBORError as error:
            raise SealError(f"what was sealed is no body: {error}") from None

    def _own(self, number: int, role: bytes) -> bytes:
        """The key of one sender and class."""
        known = (number, role)
        key = self._derived.get(known)
        if key is None:
            key = self._derived[known] = crypto.hkdf(self._keys[number], role)
        return key


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """A group's key, as the authority gives it to each member: the body of a KEY.

    Attributes:
        group: Its name.
        number: Rises with each key.
        key: 32 bytes.
        members: Who gets it: the first 16 bytes of their keys' thumbprints, which is a node id in bytes.
    """

    group: str
    number: int
    key: bytes = field(repr=False)
    members: tuple[bytes, ...]

    def wrapped(self, public: bytes, *, mesh: bytes, receiver: bytes) -> bytes:
        """Sealed to the member's X25519 key.

        Raises:
            SealError: the key is none.
        """
        return keywrap.wrap(self.packed(), public, aad=_handover(mesh, receiver))

    def packed(self) -> bytes:
        """In the clear: for the disk of who has it."""
        return cbor.encode([self.group, self.number, self.key, list(self.members)])

    @classmethod
    def read(cls, data: bytes, receiver: Identity, *, mesh: bytes) -> "Handover":
        """What was handed over to a member.

        Raises:
            SealError: it is not for this member, or no key.
        """
        return cls.unpack(receiver.unwrap(data, _handover(mesh, receiver.kid)))

    @classmethod
    def unpack(cls, data: bytes) -> "Handover":
        """What `packed` made.

        Raises:
            SealError: it is none.
        """
        try:
            body = cbor.decode(data)
        except cbor.CBORError as error:
            raise SealError(f"what was sealed is no key of a group: {error}") from None
        match body:
            case [str(group), int(number), bytes(key), [*members]] if (
                gl1.level(group)
                and type(number) is int
                and 0 < number < 1 << 32
                and len(key) == KEY_SIZE
                and all(type(member) is bytes and len(member) == 16 for member in members)
            ):
                return cls(group=group, number=number, key=key, members=tuple(members))
        raise SealError("what was sealed is no key of a group")


def renew(group: str, members: Collection[str], *, last: int, now: int) -> Handover:
    """A new key of a group: for all that are members now.

    Args:
        group: Letters, digits, `_` and `-`, 1 to 32: a level of topics.
        members: Node ids.
        last: Number of the last key that was ever made for it; 0 for none.
        now: Nanoseconds since the Unix epoch.

    Raises:
        ValueError: a name that cannot be a level of a topic.
    """
    if not gl1.level(group):
        raise ValueError(f"{group!r} cannot be a level of a topic: use 1 to 32 of a-z A-Z 0-9 _ -")
    number = max(last + 1, now // _SECOND)
    ids = tuple(sorted(gl1.from_base32(member) for member in members))
    return Handover(group=group, number=number, key=os.urandom(KEY_SIZE), members=ids)


def _handover(mesh: bytes, receiver: bytes) -> bytes:
    return cbor.encode(["gl1-key", mesh, receiver])


def _structure(protected: bytes, aad: bytes) -> bytes:
    """Enc_structure (RFC 9052 section 5.3)."""
    return cbor.encode(["Encrypt0", protected, aad])


def _number(protected: bytes) -> int:
    """The number of the key in a protected header that has the algorithm and the key, and nothing else."""
    try:
        header = cbor.decode(protected)
    except cbor.CBORError as error:
        raise SealError(f"a header that is none: {error}") from None
    match header:
        case {1: 24, 4: bytes(kid)} if len(header) == 2 and len(kid) == 4:
            return int.from_bytes(kid, "big")
    raise SealError("another algorithm than ChaCha20/Poly1305, or another header")

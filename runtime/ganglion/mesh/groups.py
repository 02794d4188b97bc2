# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups that one member is in: seals bodies for them, opens those of their members. Pure."""

from typing import Any

from ganglion.mesh import keywrap
from ganglion.mesh.aead import SealError
from ganglion.mesh.group import REMEMBERED, GroupKeys, Handover, NoKeyError, Place
from ganglion.mesh.identity import Identity
from ganglion_micro import cbor, gl1

#: Groups of one member. More are a mistake of whoever makes them.
LIMIT = 256


class StrangerError(SealError):
    """Sealed under a key of the group by who is in it no more."""


class Groups:
    """Keys and members, by group.

    Args:
        reads_all: Whether to read what those have sealed who have left since: a gateway does, and forgets no key.
    """

    def __init__(self, *, reads_all: bool = False) -> None:
        self._reads_all = reads_all
        self._keys: dict[str, GroupKeys] = {}
        self._newest: dict[str, Handover] = {}
        self._members: frozenset[bytes] = frozenset()

    @property
    def newest(self) -> dict[str, Handover]:
        """What was handed over last, by group."""
        return dict(self._newest)

    def keys(self, group: str) -> list[tuple[int, bytes]]:
        """Numbers and keys of a group, the oldest first."""
        return self._keys[group].all if group in self._keys else []

    def has(self, kid: bytes) -> bool:
        """Whether a member is in any of the groups."""
        return kid in self._members

    def is_in(self, node: str, group: str) -> bool:
        """Whether a node gets the newest key of a group."""
        return group in self._newest and gl1.from_base32(node) in self._newest[group].members

    def take(self, handover: Handover) -> bool:
        """Takes a key; whether it is a newer one than those that are here."""
        group = handover.group
        known = self._newest.get(group)
        if known is None and len(self._newest) >= LIMIT:
            return False
        self.remember(group, handover.number, handover.key)
        if known is not None and handover.number <= known.number:
            return False
        self._newest[group] = handover
        self._members = frozenset(member[:8] for each in self._newest.values() for member in each.members)
        return True

    def remember(self, group: str, number: int, key: bytes) -> None:
        """Takes a key to read by."""
        if group not in self._keys:
            self._keys[group] = GroupKeys(None if self._reads_all else REMEMBERED)
        self._keys[group].add(number, key)

    def encrypt(self, group: str, body: Any, place: Place) -> cbor.Tag:
        """The sealed body, under the newest key.

        Raises:
            NoKeyError: there is no key of this group.
            CBORError: the body has no deterministic encoding, or is too large.
        """
        if group not in self._newest:
            raise NoKeyError(f"this member has no key of the group {group}")
        return self._keys[group].encrypt(body, place)

    def decrypt(self, body: Any, place: Place) -> Any:
        """What was sealed at this place, for the group that it names as its receiver.

        Raises:
            NoKeyError: it is sealed under a key that is not here.
            StrangerError: its sender is in the group no more.
            SealError: it is no sealed body, sealed by another or elsewhere, or changed.
        """
        group = str(place.dst)
        if group not in self._keys:
            raise NoKeyError(f"this member has no key of the group {group}")
        plain = self._keys[group].decrypt(body, place)
        if not self._reads_all and place.sender not in {member[:8] for member in self._newest[group].members}:
            raise StrangerError(f"{place.sender.hex()} is in the group {group} no more")
        return plain


def seal_for(public: bytes, body: Any, place: Place) -> cbor.Tag:
    """A body that one member alone reads.

    Args:
        public: Its X25519 key.

    Raises:
        SealError: the key is none.
        CBORError: the body has no deterministic encoding, or is too large.
    """
    wrapped = cbor.decode(keywrap.wrap(cbor.encode(body, 2), public, aad=_alone(place)))
    assert isinstance(wrapped, cbor.Tag)
    return wrapped


def open_for(receiver: Identity, body: cbor.Tag, place: Place) -> Any:
    """What `seal_for` sealed for this member.

    Raises:
        SealError: it is for another, sealed by another or elsewhere, or was changed.
    """
    plain = receiver.unwrap(cbor.encode(body), _alone(place))
    try:
        return cbor.decode(plain)
    except cbor.CBORError as error:
        raise SealError(f"what was sealed is no body: {error}") from None


def _alone(place: Place) -> bytes:
    return cbor.encode(["gl1-one", place.aad])

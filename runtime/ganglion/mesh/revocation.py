# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that hold no more: the list that the authority signs, and the register it signs it from.

The list is a GL1 message of kind 13 under the issuer's key; its sequence is the version, which only rises. An entry
gives two times: from when commands (class C) and from when anything else of a key is refused. A revoked key has both in
the past; a key that was rotated has them a little ahead, so that what is under way still arrives.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ganglion.errors import RefusedError
from ganglion.mesh import statement
from ganglion.mesh.credential import CredentialError, Trust
from ganglion.mesh.identity import Identity
from ganglion.mesh.statement import Kept, Register
from ganglion.units import SECOND
from ganglion_micro import gl1

_log = logging.getLogger(__name__)

_HOUR = 3600 * SECOND
_DAY = 24 * _HOUR
#: A node that has seen no newer list for so long takes no commands (design: E5).
MAX_STALE = 30 * _DAY
#: How long a key that was rotated still holds: for commands, and for what waits in a spool.
OVERLAP_C = _HOUR
OVERLAP_D = 7 * _DAY
#: The list is signed anew when it is this old, though nothing has changed: an old one says nothing of today.
REFRESH = _DAY
#: Every credential of a key has ended this long after the key was revoked, so the entry may go.
KEEP = 90 * _DAY
#: Entries of a list; each is 20 bytes of the 64 KiB that a message has. Boards take 4: they go by `mesh.gateways`.
LIMIT = 3000

_Until = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationList:
    """A verified list.

    Attributes:
        version: Only rises.
        issued: When it was signed, in nanoseconds since the Unix epoch.
        until: Key id to the times from which class C and everything else of it are refused, in nanoseconds.
        data: The message it was read from.
    """

    version: int
    issued: int
    until: Mapping[bytes, _Until]
    data: bytes

    @property
    def order(self) -> tuple[int, bytes]:
        """Two of one version are equally new: a gateway that hears both makes one of them, which is newer."""
        return self.version, b""

    def refuses(self, kid: bytes, kind: int, now: int) -> bool:
        """Whether a message of this kind under this key is to be refused. It is never earlier than `issued`."""
        until = self.until.get(kid)
        return until is not None and max(now, self.issued) >= until[0 if kind in gl1.CLASS_C else 1]

    def disowns(self, kid: bytes) -> bool:
        """Whether this key was revoked, and not only replaced: then whatever replaced it is refused too."""
        c, d = self.until.get(kid, (0, 1))
        return c == d


def read(data: bytes, trust: Trust) -> RevocationList:
    """The list in a message.

    Raises:
        MisplacedError: it does not even claim to be the issuer's, or is no list.
        CredentialError: it is none that this mesh's issuer has signed.
    """
    msg = statement.verified(data, trust, kind=gl1.REVOCATION, what="revocation list")
    if type(msg.body) is not list:
        raise CredentialError("not a revocation list")
    until: dict[bytes, _Until] = {}
    for entry in msg.body:
        if type(entry) is not list or [type(field) for field in entry] != [bytes, int, int] or len(entry[0]) != 8:
            raise CredentialError("a revocation list with an entry that is none")
        until[entry[0]] = (entry[1] * SECOND, entry[2] * SECOND)
    return RevocationList(version=msg.seq, issued=msg.ts, until=until, data=data)


def sign(issuer: Identity, mesh: bytes, *, version: int, now: int, until: Mapping[bytes, _Until]) -> bytes:
    """The message of a list.

    Args:
        mesh: The mesh's id, 8 bytes.
    """
    body = [[kid, c // SECOND, d // SECOND] for kid, (c, d) in sorted(until.items())]
    return statement.sign(issuer, mesh, kind=gl1.REVOCATION, version=version, now=now, body=body)


class Revocations(Register[RevocationList]):
    """What the authority has revoked.

    Args:
        path: The file.
        issuer: Signs.
        mesh: The mesh's id, 8 bytes.
    """

    def __init__(self, path: Path, issuer: Identity, mesh: bytes) -> None:
        super().__init__(path, read)
        self._issuer = issuer
        self._mesh = mesh

    def current(self, trust: Trust, *, now: int) -> RevocationList:
        """The newest list, signed anew where it is old, without the entries whose time is over."""
        known = self.newest(trust)
        if known is None or not known.issued <= now < known.issued + REFRESH:
            return self._sign({} if known is None else _kept(known.until, now), trust, now)
        return known

    def listed(self, kid: bytes, trust: Trust, *, now: int) -> bool:
        """Whether a key is on the list, and so gets no credential any more."""
        return kid in self.current(trust, now=now).until

    def revoke(self, kid: bytes, trust: Trust, *, now: int) -> RevocationList:
        """A list on which this key holds for nothing.

        Raises:
            RefusedError: there is no room.
        """
        return self._add(kid, (now, now), trust, now)

    def supersede(self, kid: bytes, trust: Trust, *, now: int) -> RevocationList:
        """A list on which this key, which was rotated, holds for a while. One that is listed stays as it is.

        Raises:
            RefusedError: there is no room.
        """
        known = self.current(trust, now=now)
        return known if kid in known.until else self._add(kid, (now + OVERLAP_C, now + OVERLAP_D), trust, now)

    def take(self, data: bytes, trust: Trust, *, now: int) -> bool:
        """A list that was heard: another gateway's, or one from before a backup. Whether ours is another one now.

        Nobody who was revoked anywhere is forgotten: where either list says more than the other, both are united, and
        the result is signed anew if it is not what was heard.
        """
        known = self.newest(trust)
        try:
            heard = read(data, trust)
        except CredentialError:
            return False
        if known is None:
            self._keep(heard)
            return True
        until = _united(known.until, heard.until, now)
        if until == heard.until and heard.version > known.version:
            self._keep(heard)
        elif until != known.until or heard.version > known.version:
            self._sign(until, trust, now, above=heard.version)
        elif until == heard.until and heard.version == known.version and data > known.data:
            self._keep(heard)  # they say the same: both gateways end with the same one
        else:
            return False
        return True

    def _add(self, kid: bytes, until: _Until, trust: Trust, now: int) -> RevocationList:
        known = _kept(self.current(trust, now=now).until, now)
        if kid not in known and len(known) >= LIMIT:
            raise RefusedError(f"{LIMIT} keys are revoked, and no more fit: an entry goes after {KEEP // _DAY} days")
        return self._sign({**known, kid: until}, trust, now)

    def _sign(self, until: dict[bytes, _Until], trust: Trust, now: int, *, above: int = 0) -> RevocationList:
        def signed(version: int) -> bytes:
            return sign(self._issuer, self._mesh, version=max(version, above + 1), now=now, until=until)

        return self.put(signed, trust, now=now)


def _kept(until: Mapping[bytes, _Until], now: int) -> dict[bytes, _Until]:
    return {kid: times for kid, times in until.items() if max(times) + KEEP > now}


def _united(one: Mapping[bytes, _Until], other: Mapping[bytes, _Until], now: int) -> dict[bytes, _Until]:
    """What two lists say together. Of one key, what revokes it goes before what replaces it, and then the earlier."""
    both = dict(one)
    for kid, times in other.items():
        both[kid] = min(times, both.get(kid, times), key=lambda until: (until[0] != until[1], until))
    both = _kept(both, now)
    if len(both) > LIMIT:
        _log.error("%d keys are revoked, and %d fit into the list: the oldest entries go.", len(both), LIMIT)
        both = dict(sorted(both.items(), key=lambda entry: (max(entry[1]), entry[0]))[-LIMIT:])
    return both


class KeptList(Kept[RevocationList]):
    """The newest list that a member has heard, on its disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, read, "revocation list")

# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway's part in confidential topics: gives each member of a group its newest key, until it is acknowledged."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from ganglion.mesh.aead import SealError
from ganglion.mesh.group import Handover
from ganglion.mesh.member import Cause, Member, Peer, Received, Sealed
from ganglion_micro import gl1

_log = logging.getLogger(__name__)

#: Seconds until a member that has not answered is given its key again: the first pause, and the longest.
_AGAIN = (2.0, 300.0)


@dataclass(slots=True)
class _Due:
    """A member that has yet to say that it has the newest key."""

    at: float
    pause: float


class KeyOffice:
    """Hands out keys. Runs on one event loop.

    Args:
        member: The gateway's; it gets every key too.
        clock: Nanoseconds since the Unix epoch.
        publish: Sends a sealed message at QoS 1.
    """

    def __init__(self, member: Member, *, clock: Callable[[], int], publish: Callable[[Sealed], None]) -> None:
        self._member = member
        self._clock = clock
        self._publish = publish
        self._due: dict[tuple[str, bytes], _Due] = {}
        self._wake = asyncio.Event()

    def issue(self, handover: Handover) -> None:
        """A new key: for its members, and for nobody who got the one before and is not among them."""
        if not self._member.groups.take(handover):
            return
        for each in [each for each in self._due if each[0] == handover.group]:
            del self._due[each]
        for node in handover.members:
            self._due[handover.group, node[:8]] = _Due(0.0, _AGAIN[0])
        self._wake.set()

    def waits(self, group: str, node: str) -> bool:
        """Whether a member has yet to say that it has the newest key of a group."""
        return (group, gl1.kid_of(node)) in self._due

    def able(self, node: str) -> bool:
        """Whether a member can be given keys: it is known, and its credential names a key for secrets."""
        peer = self._member.peers.get(gl1.kid_of(node))
        return peer is not None and bool(peer.credential.x25519)

    def born(self, peer: Peer) -> None:
        """A member is there (again): it is given at once what it lacks."""
        for group, kid in self._due:
            if kid == peer.kid:
                self._due[group, kid] = _Due(0.0, _AGAIN[0])
                self._wake.set()

    def acknowledged(self, received: Received) -> None:
        """A member says which key it has."""
        match received.body.get("key"):
            case [str(group), int(number)] if type(number) is int:
                newest = self._member.groups.newest.get(group)
                if newest is not None and number >= newest.number and received.peer is not None:
                    self._due.pop((group, received.peer.kid), None)
            case _:
                self._member.reject(Cause.MALFORMED, f"{received.node_id} has a key that is none")

    async def run(self) -> None:
        """Hands out, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            for at in self._send(now, list(self._due.items())):
                at.at, at.pause = now + at.pause, min(2 * at.pause, _AGAIN[1])
            self._wake.clear()
            later = min((due.at for due in self._due.values()), default=None)
            with suppress(TimeoutError):
                async with asyncio.timeout(None if later is None else max(0.05, later - loop.time())):
                    await self._wake.wait()

    def _send(self, now: float, due: Iterable[tuple[tuple[str, bytes], _Due]]) -> list[_Due]:
        """Seals and sends what is due; what was looked at."""
        looked = []
        newest = self._member.groups.newest
        for (group, kid), each in due:
            if each.at > now:
                continue
            looked.append(each)
            peer = self._member.peers.get(kid)
            if peer is None or not peer.credential.x25519 or self._member.standing.revoked(kid):
                continue  # its birth, with a credential that names its key, brings it up again
            mesh = gl1.from_base32(self._member.mesh)
            try:
                body = newest[group].wrapped(peer.credential.x25519, mesh=mesh, receiver=kid)
            except SealError as error:
                _log.error("%s (%s) cannot be given a key: %s.", peer.name, peer.node_id, error)
                continue
            self._publish(self._member.seal(gl1.KEY, body, now=self._clock(), to=peer.node_id))
        return looked

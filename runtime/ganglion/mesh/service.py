# SPDX-License-Identifier: GPL-3.0-or-later
"""What a gateway does for a mesh beyond being a member of it: bundle, enrolments, renewals, and taking events in."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ganglion.mesh.authority import GATEWAY_LIFETIME, NODE_LIFETIME, Authority
from ganglion.mesh.credential import GATEWAY, NODE, Credential
from ganglion.mesh.enrol import Enroller, KeyStore
from ganglion.mesh.identity import Identity
from ganglion.mesh.ingest import Ingest
from ganglion.mesh.member import Member, Peer, Received, Sealed
from ganglion_micro import gl1

_log = logging.getLogger(__name__)

#: Enrolments that may wait for the database. Beyond, they are dropped: the node asks again.
_WAITING = 256
#: Seconds between looks at the gateway's own credential and the issuer's.
_LOOK = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayRole:
    """What a gateway hands to `MeshClient`: the authority it signs with, and where things go.

    Attributes:
        authority: Issues credentials.
        keys: Knows the enrol keys.
        on_events: Gets EVENTs in batches and returns when they are committed; only then are they acknowledged. It must
            not store one twice: (node_id, epoch, seq) says which it is.
        on_frames: Gets BATCHes, those of one read together. Telemetry: none comes twice, some may be lost.
        on_birth: A member was born, or its birth was retained (`retained`: it may be gone by now), or it said something
            new of itself in the same boot (same epoch). Members repeat their births; a repetition is not told.
        on_death: A member's will, of its current boot. A later birth or message of it says otherwise.
        lifetime: Nanoseconds that a node's credential holds.
    """

    authority: Authority
    keys: KeyStore
    on_events: Callable[[list[Received]], Awaitable[None]]
    on_frames: Callable[[list[Received]], None]
    on_birth: Callable[[Received], None]
    on_death: Callable[[Received], None]
    lifetime: int = NODE_LIFETIME


class Service:
    """A gateway's part of a `MeshClient`.

    Args:
        role: See there.
        identity: The gateway's.
        name: What its credential calls it.
        member: Seals answers.
        clock: Nanoseconds since the Unix epoch.
        publish: Sends a sealed message at a QoS.

    Attributes:
        credential: The gateway's own, issued by the authority beside it.
        ingest: Stores events.
        failed: Enrolments that the key store could not answer.
    """

    def __init__(
        self,
        role: GatewayRole,
        *,
        identity: Identity,
        name: str,
        member: Member,
        clock: Callable[[], int],
        publish: Callable[[Sealed, int], None],
    ) -> None:
        self._role = role
        self._identity = identity
        self._name = name
        self._member = member
        self._clock = clock
        self._publish = publish
        self._enroller = Enroller(role.authority, role.keys, lifetime=role.lifetime)
        self._enrolments: deque[Received] = deque()
        self._wake = asyncio.Event()
        self.ingest = Ingest(member, store=role.on_events, publish=lambda sealed: publish(sealed, 0), clock=clock)
        self.failed = 0
        self.credential = self._certify()

    def _certify(self) -> Credential:
        authority = self._role.authority
        data = authority.issue(
            self._identity.public, name=self._name, roles=[GATEWAY], now=self._clock(), lifetime=GATEWAY_LIFETIME
        )
        trust = authority.trust(now=self._clock())
        self._member.adopt(trust)
        return trust.verify(data)

    @property
    def filters(self) -> list[tuple[str, int]]:
        """What it subscribes besides its inbox, with QoS. Births first: nothing can be verified without them."""
        prefix = f"gl1/{self._member.mesh}/n/+/"
        return [
            (prefix + "birth", 1),
            (prefix + "death", 1),
            (prefix + "enrol", 1),
            (prefix + "e/+", 1),
            (prefix + "d/+", 0),
        ]

    def bundle(self) -> tuple[str, bytes]:
        """Topic and payload to be retained."""
        return gl1.bundle_topic(self._member.mesh), self._role.authority.bundle(now=self._clock())

    def take(self, received: list[Received]) -> None:
        """What one read brought, in order."""
        frames = []
        for one in received:
            if one.kind == gl1.BATCH:
                frames.append(one)
            elif one.kind == gl1.EVENT:
                self.ingest.take(one)
            elif one.kind == gl1.BIRTH and not one.repeated:
                self._role.on_birth(one)
            elif one.kind == gl1.DEATH:
                self._role.on_death(one)
            elif one.kind == gl1.ENROL and len(self._enrolments) < _WAITING:
                self._enrolments.append(one)
                self._wake.set()
        if frames:
            self._role.on_frames(frames)

    async def renew(self, params: dict[str, Any], peer: Peer) -> bytes:
        """The method `credential.renew`: the same claims, a new time."""
        held = peer.credential
        data = self._role.authority.issue(
            held.public, name=held.name, roles=[NODE], tags=held.tags, now=self._clock(), lifetime=self._role.lifetime
        )
        _log.info("Renewed the credential of %s (%s).", held.name, held.node_id)
        return data

    async def run(self, announce: Callable[[], None]) -> None:
        """Answers enrolments, stores events, renews what has an end, until cancelled.

        Args:
            announce: Publishes bundle and birth again.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.ingest.run())
            tasks.create_task(self._answer())
            tasks.create_task(self._keep_valid(announce))

    async def _answer(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._enrolments:
                received = self._enrolments.popleft()
                try:
                    body = await self._enroller.answer(received, self._clock())
                except Exception:
                    self.failed += 1
                    _log.exception("The enrolment of %s was not answered; it asks again.", received.node_id)
                    continue
                if body is None:
                    continue
                _log.info(
                    "Enrolment of %s: %s.", received.node_id, "granted" if body["ok"] else body["error"]["message"]
                )
                self._publish(self._member.seal(gl1.CREDENTIAL, body, now=self._clock(), to=received.node_id), 1)

    async def _keep_valid(self, announce: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(_LOOK)
            if self._clock() >= self.credential.renewal:
                self.credential = self._certify()
                announce()

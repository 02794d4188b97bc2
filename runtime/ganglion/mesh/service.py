# SPDX-License-Identifier: GPL-3.0-or-later
"""What a gateway does for a mesh beyond being a member: what the authority states, enrolments, renewals, events."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ganglion.errors import InvalidError, RefusedError
from ganglion.mesh import credential
from ganglion.mesh.authority import GATEWAY_LIFETIME, NODE_LIFETIME, Authority
from ganglion.mesh.credential import GATEWAY, NODE, Credential, CredentialError
from ganglion.mesh.enrol import Enroller, KeyStore
from ganglion.mesh.identity import Identity
from ganglion.mesh.ingest import Ingest
from ganglion.mesh.keyoffice import KeyOffice
from ganglion.mesh.member import Cause, Member, Peer, Received, Sealed
from ganglion.mesh.pending import LIMIT, Approvals
from ganglion.mesh.policy import Policy
from ganglion.mesh.rights import Rights
from ganglion.mesh.rotation import reissue
from ganglion.mesh.screening import Screening
from ganglion.mesh.signed_config import FORMS, POLICIES, D, Form, SignedConfig
from ganglion.sentences import say
from ganglion_micro import cose, gl1

_log = logging.getLogger(__name__)

#: Enrolments that may wait for the database. Beyond, they are dropped: the node asks again.
_WAITING = 256
#: Seconds between looks at the gateway's own credential, the issuer's and the revocation list.
_LOOK = 3600.0
#: Bytes of revocation list, policy and limits that go to a newcomer together with the credential, in this order.
_ENCLOSED = 32 * 1024
#: Seconds between two corrections of a retained statement that somebody else changed.
_CORRECT = 1.0


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
        on_reissued: Gets the node ids before and after, and returns when they are committed; only then has the node the
            credential for its new key.
        approvals: Where nodes wait that ask without a key; None refuses them.
        lifetime: Nanoseconds that a node's credential holds.
    """

    authority: Authority
    keys: KeyStore
    on_events: Callable[[list[Received]], Awaitable[None]]
    on_frames: Callable[[list[Received]], None]
    on_birth: Callable[[Received], None]
    on_death: Callable[[Received], None]
    on_reissued: Callable[[str, str], Awaitable[None]] | None = None
    approvals: Approvals | None = None
    lifetime: int = NODE_LIFETIME


class Service:
    """A gateway's part of a `MeshClient`.

    Args:
        role: See there.
        identity: The gateway's.
        name: What its credential calls it.
        member: Seals answers.
        rights: What others may do here, by the authority's policy.
        clock: Nanoseconds since the Unix epoch.
        publish: Sends a sealed message at a QoS.
        relisted: Called when somebody more was put out, by this gateway.
        spread: Has what the authority says published at once, and again until everybody has heard it.

    Attributes:
        credential: The gateway's own, issued by the authority beside it.
        ingest: Stores events.
        keys: Gives members the keys of their groups.
        failed: Enrolments that the key store could not answer.
    """

    def __init__(
        self,
        role: GatewayRole,
        *,
        identity: Identity,
        name: str,
        member: Member,
        rights: Rights,
        clock: Callable[[], int],
        publish: Callable[[Sealed, int], None],
        relisted: Callable[[], None],
        spread: Callable[[], None],
    ) -> None:
        self._role = role
        self._identity = identity
        self._name = name
        self._member = member
        self._rights = rights
        self._clock = clock
        self._publish = publish
        self._relisted = relisted
        self._spread = spread
        self._enroller = Enroller(role.authority, role.keys, approvals=role.approvals, lifetime=role.lifetime)
        self._enrolments: deque[Received] = deque()
        self._undecided: dict[str, Received] = {}
        self._correction: asyncio.TimerHandle | None = None
        self._wake = asyncio.Event()
        self._screening = Screening(member, rights, publish=lambda sealed: publish(sealed, 0))
        self.ingest = Ingest(member, store=role.on_events, publish=lambda sealed: publish(sealed, 0), clock=clock)
        self.keys = KeyOffice(member, clock=clock, publish=lambda sealed: publish(sealed, 1))
        self.failed = 0
        self.credential = self._certify()
        if (stated := role.authority.config(POLICIES, now=clock())) is not None:
            rights.policy = stated.config

    def _certify(self) -> Credential:
        authority = self._role.authority
        data = authority.issue(
            self._identity.public,
            name=self._name,
            roles=[GATEWAY],
            now=self._clock(),
            lifetime=GATEWAY_LIFETIME,
            x25519=self._identity.x25519,
        )
        trust = authority.trust(now=self._clock())
        self._member.adopt(trust)
        self._member.enforce(authority.revocations(now=self._clock()))
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
            (f"gl1/{self._member.mesh}/g/+/+/e/+", 1),
            (f"gl1/{self._member.mesh}/g/+/+/d/+", 0),
            (gl1.revoked_topic(self._member.mesh), 1),
            (gl1.gateway_topic(self._member.mesh, gl1.ALL), 1),
            *((gl1.config_topic(self._member.mesh, form.what), 1) for form in FORMS),
        ]

    def retained(self) -> list[tuple[str, bytes]]:
        """Topics and payloads of what the authority says."""
        authority, now = self._role.authority, self._clock()
        stated = [
            (gl1.config_topic(self._member.mesh, form.what), known.data)
            for form in FORMS
            if (known := authority.config(form, now=now)) is not None
        ]
        return [
            (gl1.bundle_topic(self._member.mesh), authority.bundle(now=now)),
            (gl1.gateway_topic(self._member.mesh, gl1.ALL), authority.gateways(now=now).data),
            (gl1.revoked_topic(self._member.mesh), authority.revocations(now=now).data),
            *stated,
        ]

    def set_config(self, form: Form[D], config: D) -> D:
        """Has this document hold, and everybody know it; safe on the disk when it returns what holds now.

        Raises:
            InvalidError: it does not fit into a message.
        """
        stated = self._role.authority.set_config(form, config, now=self._clock())
        self._adopt(stated)
        self._spread()
        return stated.config

    def _adopt(self, stated: SignedConfig[Any]) -> None:
        if isinstance(stated.config, Policy):
            self._rights.adopt(stated.config)

    def revoke(self, node_id: str) -> None:
        """Believes a node no more and has everybody know it; safe on the disk when it returns.

        Raises:
            RefusedError: it is this gateway, or the list is full.
        """
        if node_id == self._identity.node_id:
            raise RefusedError(say("a gateway does not revoke itself: what it says would not be believed"))
        self._member.enforce(self._role.authority.revoke(node_id, now=self._clock()))
        self._relisted()
        self._spread()

    def take_bundle(self, data: bytes) -> None:
        """A newer bundle of a neighbour: another gateway with the same keys has renewed the issuer, or this one has."""
        self._role.authority.take_bundle(data, now=self._clock())
        self._member.adopt(self._role.authority.trust(now=self._clock()))

    def config(self, form: Form[D]) -> SignedConfig[D] | None:
        """The newest of the authority; None before any."""
        return self._role.authority.config(form, now=self._clock())

    def take_revocations(self, data: bytes) -> None:
        """What is retained as the list: ours, a newer one of another gateway, or nonsense that is put right."""
        authority, now = self._role.authority, self._clock()
        if data == authority.revocations(now=now).data:
            return
        if authority.take_revocations(data, now=now):
            known = authority.revocations(now=now)
            self._member.enforce(known)
            if known.data != data:
                self._spread()  # what was heard and what we knew, as one
        else:
            self._object(data, "revocation list")

    def take_gateways(self, data: bytes) -> None:
        """What is retained as the list of gateways: see `take_revocations`."""
        try:
            complete = bool(data) and self._role.authority.take_gateways(data, now=self._clock())
        except CredentialError:
            self._object(data, "list of gateways")
        else:
            if not complete:
                self._object(b"", "list of gateways")

    def take_config(self, form: Form[Any], data: bytes) -> None:
        """What is retained as the policy, or the like: see `take_revocations`."""
        authority, now = self._role.authority, self._clock()
        known = authority.config(form, now=now)
        if data == (b"" if known is None else known.data):
            return
        if authority.take_config(form, data, now=now) and (heard := authority.config(form, now=now)) is not None:
            self._adopt(heard)
        else:
            self._object(data, form.title)

    def _object(self, data: bytes, what: str) -> None:
        """Something else stands in the place of what the authority states: it is stated again."""
        if data:
            self._member.reject(Cause.STALE, f"the retained {what} is not the newest, or none of ours")
        if self._correction is None:
            self._correction = asyncio.get_running_loop().call_later(_CORRECT, self._correct)

    def _correct(self) -> None:
        self._correction = None
        self._spread()

    def decided(self, node_id: str) -> None:
        """An operator has decided: the node that waits is answered now."""
        if (received := self._undecided.pop(node_id, None)) is not None:
            self._enrolments.append(received)
            self._wake.set()

    def take(self, received: list[Received]) -> None:
        """What one read brought, in order."""
        frames = []
        for one in received:
            if one.kind == gl1.BATCH:
                frames.append(self._screening.readings(one))
            elif one.kind == gl1.EVENT:
                if self._screening.takes(one):
                    self.ingest.take(one)
            elif one.kind == gl1.BIRTH and not one.repeated:
                self._retire(one)
                if one.peer is not None and one.peer.is_gateway:
                    if self._role.authority.meets(one.peer.kid, now=self._clock()):
                        self._object(b"", "list of gateways")
                elif one.peer is not None:
                    self.keys.born(one.peer)
                    if not one.retained:
                        self._greet(one)
                self._role.on_birth(one)
            elif one.kind == gl1.DEATH:
                self._role.on_death(one)
            elif one.kind == gl1.ENROL and len(self._enrolments) < _WAITING:
                self._enrolments.append(one)
                self._wake.set()
        self._screening.answer(self._clock())
        if frames:
            self._role.on_frames(frames)

    def _greet(self, birth: Received) -> None:
        """An acknowledgement of nothing: it proves to the node what time it is, whatever its own clock says."""
        self._publish(self._member.seal(gl1.REPLY, {"stored": []}, now=self._clock(), to=birth.node_id), 0)

    def _retire(self, birth: Received) -> None:
        """A node under a new key was born: the one before holds only for what is on its way."""
        former = "" if birth.peer is None else birth.peer.credential.former
        authority, now = self._role.authority, self._clock()
        try:
            if former and authority.holds(former, now=now):
                self._member.enforce(authority.supersede(former, now=now))
                self._relisted()
                self._spread()
        except RefusedError as error:
            _log.error("The key of %s before its rotation goes on holding: %s.", birth.node_id, error)

    async def rotate(self, params: dict[str, Any], peer: Peer) -> bytes:
        """The method `credential.rotate`: the same claims for another key."""
        data = reissue(self._role.authority, params, peer, now=self._clock(), lifetime=self._role.lifetime)
        if self._role.on_reissued is not None:
            await self._role.on_reissued(peer.node_id, gl1.node_id(cose.thumbprint(credential.subject(data))))
        _log.info("Issued a credential for a new key of %s (%s).", peer.name, peer.node_id)
        return data

    async def renew(self, params: dict[str, Any], peer: Peer) -> bytes:
        """The method `credential.renew`: the same claims, a new time, and the key for secrets that it names."""
        held = peer.credential
        x25519 = params.get("x25519", held.x25519)
        if type(x25519) is not bytes:
            raise InvalidError("a key of X25519 has 32 bytes", where="params.x25519")
        data = self._role.authority.issue(
            held.public,
            name=held.name,
            roles=[NODE],
            tags=held.tags,
            now=self._clock(),
            lifetime=self._role.lifetime,
            x25519=x25519,
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
            tasks.create_task(self.keys.run())

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
                self._remember(received, pending=not body["ok"] and body["error"]["code"] == "pending")
                listed = self._role.authority.revocations(now=self._clock()).data
                said = received.body.get("room", _ENCLOSED)  # a board has less
                room = min(said if type(said) is int else 0, _ENCLOSED)
                if len(listed) > room and "room" in received.body:
                    listed = self._role.authority.gateways(now=self._clock()).data
                if body["ok"] and len(listed) <= room:
                    body["revoked"] = listed  # a broker that shows newcomers an old list gains nothing by it
                    room -= len(listed)
                    for form in FORMS:
                        if (known := self.config(form)) is not None and len(known.data) <= room:
                            body[form.what] = known.data
                            room -= len(known.data)
                _log.info(
                    "Enrolment of %s: %s.", received.node_id, "granted" if body["ok"] else body["error"]["message"]
                )
                self._publish(self._member.seal(gl1.CREDENTIAL, body, now=self._clock(), to=received.node_id), 1)

    def _remember(self, received: Received, *, pending: bool) -> None:
        """The last question of each node that waits, which is the one that it takes an answer to."""
        self._undecided.pop(received.node_id, None)
        if pending:
            self._undecided[received.node_id] = received
            if len(self._undecided) > LIMIT:
                del self._undecided[next(iter(self._undecided))]

    async def _keep_valid(self, announce: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(_LOOK)
            known = self._member.standing.revocations
            if self._clock() >= self.credential.renewal:
                self.credential = self._certify()
                announce()
            else:
                self._member.enforce(self._role.authority.revocations(now=self._clock()))
            if self._member.standing.revocations is not known:
                self._relisted()

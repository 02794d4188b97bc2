# SPDX-License-Identifier: GPL-3.0-or-later
"""A member of the mesh on a broker: the shell around `Member`, for nodes and, with a `GatewayRole`, for the gateway.

It keeps the member's state folder, says when it is born and leaves a will, gathers readings, delivers events that must
arrive, asks and answers. What is decided is decided in the parts it puts together.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion.errors import LocalProtocolError
from ganglion.mesh import signed_config
from ganglion.mesh.calls import Calls, Ticket, UnansweredError
from ganglion.mesh.credential import GATEWAY, NODE, Credential
from ganglion.mesh.delivery import Delivery
from ganglion.mesh.enrol import EnrolKey
from ganglion.mesh.epoch import next_epoch
from ganglion.mesh.floor import Floor, FloorFile
from ganglion.mesh.identity import Identity
from ganglion.mesh.incoming import Incoming
from ganglion.mesh.keyholder import Confidential, KeyHolder
from ganglion.mesh.looking import Looking
from ganglion.mesh.member import Member, Peer, Received, Sealed
from ganglion.mesh.membership import Membership
from ganglion.mesh.methods import Handler, Methods
from ganglion.mesh.outgoing import UPTIME, Outgoing
from ganglion.mesh.presence import Presence
from ganglion.mesh.progress import Tell
from ganglion.mesh.replication import Replication
from ganglion.mesh.revocation import MAX_STALE
from ganglion.mesh.rights import Rights
from ganglion.mesh.rotation import Former, Rotation, settle
from ganglion.mesh.screening import Screening
from ganglion.mesh.service import GatewayRole, Service
from ganglion.mesh.signed_config import D, Form, SignedConfig
from ganglion.mesh.spool import DEFAULT_BYTES, Key
from ganglion.mesh.standing import Cause, Standing
from ganglion.mesh.statistics import MeshStatistics
from ganglion.mesh.subscriptions import Subscriptions
from ganglion.mesh.transport import Message, Transport, carry
from ganglion.mesh.ways import Ways
from ganglion.units import SECOND
from ganglion_micro import gl1

if TYPE_CHECKING:
    from ganglion.mesh.links.overlay import Overlay
    from ganglion.mesh.links.spec import LinkSpec

_log = logging.getLogger(__name__)

#: Seconds between heartbeats. The broker needs up to 16 s to notice a node that hangs (design: E6).
HEARTBEAT = 10.0


class MeshClient:
    """One member. Made and used on one event loop.

    Args:
        transport: The way to a broker; this client runs it.
        state: Folder with identity, epoch, credential and spool; made where there is none.
        name: What people call this member; an enrolled one keeps the name in its credential.
        enrol_key: Text of an enrol key, for a node that has no credential.
        mesh: Id of the mesh, to be sure of it, or to ask it for an approval; "" takes that of the key or the state.
        root: Thumbprint of the mesh's root key, 16 or 32 bytes, to be surer of it than by 8; b"" for none.
        max_stale: Nanoseconds for which a revocation list is new enough to obey commands by.
        birth: More fields for the birth: `board`, `sw`, `caps`. Called at each birth.
        gateway: Makes this member the gateway.
        links: The links beside its broker, `lan` for one; None for a member that has no neighbours.
        follow: Node ids whose births to hear, besides the gateways': those it asks or is asked by. `+` is everyone.
        spool_bytes: Bound of the spool.
        heartbeat: Seconds between readings of `system/uptime`; 0 for none.
        confidential: What a node says to a group alone.
        clock: Nanoseconds since the Unix epoch.

    Attributes:
        identity: Whose key signs.
        member: Seals and opens.
        state: What all members share.
        looking: Who is there, and by which way.
        on_stored: Called with the id of each event that the gateway has stored.
        on_group: Called with each event and frame that another member has sealed for a group of this node.
        on_limits: Called when `limits` may be others.

    Raises:
        InvalidError: no way into a mesh (neither key nor credential), or a state of another mesh.
    """

    def __init__(
        self,
        *,
        transport: Transport,
        state: Path,
        name: str,
        enrol_key: str | None = None,
        mesh: str | None = None,
        root: bytes = b"",
        max_stale: int = MAX_STALE,
        birth: Callable[[], dict[str, Any]] = dict,
        gateway: GatewayRole | None = None,
        links: "Sequence[LinkSpec] | None" = None,
        follow: Iterable[str] = (),
        spool_bytes: int = DEFAULT_BYTES,
        heartbeat: float = HEARTBEAT,
        confidential: Confidential = Confidential(),  # noqa: B008 - frozen
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._transport = transport
        self._name = name
        self._birth = birth
        self._wall = clock
        self._floor = FloorFile(state / "floor") if gateway is None else None
        self._standing = Standing(self._floor.floor if self._floor else Floor(), max_stale=max_stale)
        if self._floor is not None:
            # What a node says of the time is never earlier than what is proved; a gateway is who proves it.
            clock = self._floor.over(clock)
        self._clock = clock
        self._rights = Rights(lambda: self.credential, clock=clock, changed=self._policy_changed)
        self._heartbeat = heartbeat
        self._said_of_clock: dict[str, Any] = {}
        self.on_stored: Callable[[str], None] | None = None
        self.on_group: Callable[[Received], None] | None = None
        self.on_limits: Callable[[], None] = lambda: None
        self._state = state
        settle(state)
        used = (state / "identity").exists()
        self.identity = Identity.load_or_create(state / "identity")
        self._membership: Membership | None = None
        if gateway is None:
            self._membership = Membership(
                identity=self.identity,
                state=state,
                key=EnrolKey.parse(enrol_key) if enrol_key else None,
                mesh=mesh or "",
                root=root,
                name=name,
                standing=self._standing,
                rights=self._rights,
                limited=lambda: self.on_limits(),
                clock=clock,
            )
            mesh_id = self._membership.mesh
        else:
            mesh_id = gateway.authority.mesh_id
        if self._of_clock():
            _log.warning("This clock is wrong by what the mesh has signed, and judges nothing: set it right.")
        epoch = next_epoch(state / "epoch", lost=clock() // SECOND if used else 1)
        self.member = Member(
            self.identity, mesh=mesh_id, epoch=epoch, gateway=gateway is not None, standing=self._standing
        )
        if self._membership is not None and self._membership.trust is not None:
            self.member.adopt(self._membership.trust)
        self._ways = Ways(self.member, transport)
        self.state = Replication(
            self.member,
            state / "state.db",
            ways=self._ways,
            credential=lambda: self.credential,
            ready=lambda: self._ready,
            clock=clock,
        )
        self._calls = Calls(self.member, publish=self._ways.send_now, clock=clock)
        self._methods = Methods(self.member, publish=self._ways.send_now, clock=clock, rights=self._rights)
        self._service = (
            None
            if gateway is None
            else Service(
                gateway,
                identity=self.identity,
                name=name,
                member=self.member,
                rights=self._rights,
                clock=clock,
                publish=self._ways.send,
                spread=lambda: self._presence.refresh(),
                relisted=lambda: self._relisted(),
            )
        )
        self._delivery = Delivery(
            state / "spool.db",
            publish=self._ways.event,
            on_stored=self._stored,
            on_silence=self._silence,
            limit=spool_bytes,
        )
        if self._service is not None:
            self.on_request(
                "credential.renew", self._service.renew, roles=[NODE], summary="a credential that holds longer"
            )
            self.on_request(
                "credential.rotate", self._service.rotate, roles=[NODE], summary="a credential for a new key"
            )
        self._keys = KeyHolder(
            self.member,
            state,
            confidential=confidential,
            clock=clock,
            publish=self._ways.send_now,
            subscribe=transport.subscribe,
            post=self._delivery.post,
            saved=self._delivery.flush,
        )
        self.member.private = bool(confidential.group)
        self._screening = Screening(self.member, self._rights)
        self._outgoing = Outgoing(
            self.member,
            ways=self._ways,
            delivery=self._delivery,
            keys=self._keys,
            ready=lambda: self._ready,
            clock=clock,
        )
        self._presence = Presence(
            self.member,
            transport,
            clock=clock,
            birth=self._birth_body,
            authority=None if self._service is None else self._service.retained,
            on_said=self._said,
            on_born=self._opened,
            on_repeated=self._seek_gateway,
        )
        self._rekeyed = asyncio.Event()
        self._rotation = Rotation(
            state,
            node_id=self.identity.node_id,
            request=lambda method, params: self.request(method, params),
            ready=lambda: self._ready and self.member.gateway is not None,
            leaving=self._leaving,
            trust=lambda: self.member.trust,
            become=self._become,
            waits=self._delivery.upto,
            publish=self._say_former,
        )
        if self._rotation.former is not None:
            self.member.remember(self._rotation.former.node_id)
        if self._service is None:
            self.on_request("identity.rotate", self._rotation.asked, summary="take a new key; answers its node id")
        self._subscriptions = Subscriptions(
            transport,
            self.member,
            follow=follow,
            served=None if self._service is None else self._service.filters,
        )
        self._incoming = Incoming(
            self.member,
            keys=self._keys,
            on_group=self._heard_in_group,
            ways=self._ways,
            calls=self._calls,
            methods=self._methods,
            delivery=self._delivery,
            presence=self._presence,
            membership=self._membership,
            service=self._service,
            shared=self.state.take,
            clock=self._wall,
            trusted=self._subscriptions.gateways,
            restarted=self.announce,
            relisted=self._relisted,
        )
        self._overlay = self._overlaid(links) if links is not None else None
        self._ways.overlay = self._overlay
        self.looking = Looking(
            self.member, self._ways, credential=lambda: self.credential, request=self.request, serve=self.on_request
        )
        transport.on_messages = self._receive
        transport.on_connected = self._connected
        transport.on_disconnected = self._disconnected
        former = self._rotation.former
        self._subscriptions.begin(None if former is None else former.node_id)
        if self._service is None:
            self._keys.subscribe()

    def _overlaid(self, links: "Sequence[LinkSpec]") -> "Overlay":
        from ganglion.mesh.links.overlay import Overlay  # costs memory, and many members have none
        from ganglion.mesh.links.statements import Statements
        from ganglion.mesh.overlay.update import BUNDLE, LIMITS, POLICY, REVOCATIONS

        heard = self._incoming
        forms: dict[bytes, Form[Any]] = {POLICY: signed_config.POLICIES, LIMITS: signed_config.LIMITS}
        return Overlay(
            self.member,
            self._transport,
            links,
            Statements(
                self._standing,
                config=lambda statement: self._config(forms[statement]),
                take={
                    REVOCATIONS: heard.revocations,
                    BUNDLE: heard.bundle,
                    **{statement: partial(heard.config, form) for statement, form in forms.items()},
                },
            ),
            credential=lambda: None if self.credential is None else self.credential.data,
            clock=self._clock,
            on_message=self._incoming.brought,
            on_birth=self._incoming.birth,
            on_met=self._met,
            on_change=self._rerouted,
        )

    @property
    def overlay(self) -> "Overlay | None":
        """Its links and routes, to look at; None for a member that has no neighbours."""
        return self._overlay

    @property
    def leads(self) -> bool:
        """Whether there is a way to the gateway now, by the broker or by neighbours."""
        return self._ready and self._ways.leads

    @property
    def connected(self) -> bool:
        """Whether it is at its broker."""
        return self._transport.connected

    @property
    def mesh(self) -> str:
        """Id of the mesh, 13 letters."""
        return self.member.mesh

    @property
    def credential(self) -> Credential | None:
        """This member's, once it is enrolled."""
        return self._service.credential if self._service is not None else self._mine().credential

    def _mine(self) -> Membership:
        assert self._membership is not None
        return self._membership

    @property
    def _ready(self) -> bool:
        """Whether others hear and believe this member now."""
        return self._ways.open and (self._service is not None or self._mine().valid)

    async def run(self) -> None:
        """Connects, joins and takes part until cancelled; then says goodbye and commits what is not on the disk."""
        transport = asyncio.create_task(carry(self._transport, again=self._rekeyed))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._delivery.run())
                tasks.create_task(self._presence.run())
                tasks.create_task(self.state.run())
                if self._overlay is not None:
                    self._overlay.begin()
                    tasks.create_task(self._overlay.run())
                if self._service is not None:
                    tasks.create_task(self._service.run(self._joined))
                else:
                    tasks.create_task(self._beat())
                    tasks.create_task(self._rotation.run())
                    tasks.create_task(
                        self._mine().run(
                            self.member,
                            publish=self._ways.send_now,
                            renew=lambda: self.request(
                                "credential.renew", {"x25519": self.identity.x25519}, timeout=30.0
                            ),
                            joined=self._joined,
                        )
                    )
                await asyncio.shield(transport)  # never ends by itself; an error of it ends everything
        finally:
            try:
                await self._methods.aclose()
                self.flush()
                if self._ready:
                    await self._presence.leave()
            finally:
                transport.cancel()
                with suppress(asyncio.CancelledError):
                    await transport
                if self._floor is not None:
                    self._floor.close()

    @property
    def desk(self) -> Service:
        """As the gateway: what decides who is in the mesh, and what they may.

        Raises:
            LocalProtocolError: this is no gateway.
        """
        if self._service is None:
            raise LocalProtocolError("a node decides on nobody")
        return self._service

    @property
    def rights(self) -> Rights:
        """What others may do here, by the policy that holds."""
        return self._rights

    def _config(self, form: Form[D]) -> SignedConfig[D] | None:
        return (self._service or self._mine()).config(form)

    @property
    def limits(self) -> tuple[int, list[Mapping[str, Any]]]:
        """Which of the fleet's limits are for this node: their version, 0 before any was heard, and their tables."""
        stated = self._config(signed_config.LIMITS)
        tables = [] if self._membership is None else self._membership.limits
        return 0 if stated is None else stated.version, tables

    @property
    def lost(self) -> dict[str, str]:
        """See `Membership.lost`."""
        return {} if self._membership is None else self._membership.lost

    def _policy_changed(self) -> None:
        self._methods.recheck()
        self.announce()  # the birth says which policy holds here

    def _leaving(self) -> Former:
        birth = self._presence.last
        topic = gl1.topic(self.mesh, gl1.BIRTH, self.identity.node_id)
        return Former(
            node_id=self.identity.node_id,
            epoch=self.member.epoch,
            topic=topic,
            birth=b"" if birth is None else birth.payload,
        )

    def _say_former(self, topic: str, birth: bytes) -> None:
        """The birth under the key before, to whoever cannot verify what still waits; b"" has the broker forget it."""
        self._transport.publish(topic, birth, qos=1, retain=True)
        if birth and self._overlay is not None:
            self._overlay.flood(birth)

    def _become(self, identity: Identity, credential: Credential) -> None:
        """Goes on under another key, with a new epoch: what the spool has is told apart by it."""
        self.flush()
        self.identity = identity
        self.member.become(identity, next_epoch(self._state / "epoch", lost=self._clock() // SECOND))
        self._mine().become(identity, credential)
        self.state.become()
        self._presence.rekeyed()
        self._subscriptions.own()
        self._rekeyed.set()
        if self._overlay is not None:
            self._overlay.begin()

    def _silence(self, unanswered: Sequence[bytes]) -> None:
        """Events are not acknowledged: perhaps the gateway does not know who sends them."""
        self._presence.repeat()
        if self._transport.connected:
            self._rotation.repeat()
        if self._overlay is not None and (destination := self._ways.over) is not None:
            self._overlay.unanswered(destination, unanswered)

    def _joined(self) -> None:
        """There is another credential: neighbours and everyone else are to see it."""
        if self._overlay is not None:
            self._overlay.begin()
        self.announce()
        self.state.met()

    def _relisted(self) -> None:
        self.state.recheck()
        if self._overlay is not None:
            self._overlay.revoked()

    def _met(self) -> None:
        self.state.met()
        if self._presence.last is None:
            self.announce()

    def _rerouted(self) -> None:
        """The way to the gateway over neighbours is another."""
        if self._ways.over is not None:
            self._opened()
        elif not self._transport.connected:
            self._delivery.disconnected()

    def _opened(self) -> None:
        if self._ready and self._ways.leads:
            self._delivery.connected()
            self._keys.release()
            self._calls.changed()

    def announce(self) -> None:
        """Publishes the birth (again): after a change of what `birth` says."""
        self._presence.announce()

    def _birth_body(self) -> dict[str, Any] | None:
        credential, member = self.credential, self.member
        if not self._ready or credential is None:
            return None
        self._said_of_clock = self._of_clock()
        return {
            **self._birth(),
            **self._said_of_clock,
            "name": credential.name,
            "nonce": member.nonce,
            "epoch": member.epoch,
            "policy": self._rights.policy.version,
            "credential": credential.data,
        }

    def _seek_gateway(self) -> None:
        """Asks for the retained messages again, as long as the gateway's or the list is missing; time has passed."""
        if self._floor is not None:
            self._floor.advance()
        if self._of_clock() != self._said_of_clock:
            self.announce()
        missing = self.member.gateway is None or self._standing.revocations is None
        if self._membership is not None and self._transport.connected and missing:
            self._subscriptions.again()

    def _said(self, birth: Sealed) -> None:
        if self._overlay is not None:
            self._overlay.born(birth.payload)

    def _connected(self) -> None:
        if self._overlay is not None:
            self._overlay.connected()
        if self._membership is not None:
            self._membership.connected(True)
        self._rotation.repeat()
        self._presence.connected()
        self.state.met()

    def _disconnected(self) -> None:
        if self._membership is not None:
            self._membership.connected(False)
        if self._overlay is not None:
            self._overlay.disconnected()
        if self._ways.over is None:
            self._delivery.disconnected()
        else:
            self._rerouted()

    # Saying

    def publish_reading(self, stream: str, value: Any, timestamp: int, *, topic: str = "") -> None:
        """Sends a reading in the next frame: within 20 ms, or when it is full. Dropped and counted when nobody hears.

        Args:
            topic: Which says whether it is confidential; the stream where it is empty. The heartbeat never is.

        Raises:
            InvalidError: the value has no place in CBOR.
        """
        self._outgoing.reading(stream, value, timestamp, topic)

    def flush(self) -> None:
        """Sends the readings gathered so far."""
        self._outgoing.readings.flush()

    def publish_event(self, cls: str, body: Mapping[str, Any], *, must_arrive: bool = True) -> str:
        """Signs an event and sends it at once, after the readings that came before it.

        Args:
            cls: Its class, a level of its topic: `alert`, `episode`.
            must_arrive: Keep it in the spool until the gateway has acknowledged it.

        Returns:
            Its id, `<node>-<epoch>-<sequence>`; "" while it is confidential and there is no key, for it has none yet.

        Raises:
            InvalidError: the class cannot be a level of a topic, or the body is no CBOR or too large.
            LocalProtocolError: this is the gateway, which has nobody to send events to.
        """
        if self._service is not None:
            raise LocalProtocolError("a gateway stores its events itself")
        return self._outgoing.event(cls, {**body, **self._of_clock()}, must_arrive=must_arrive)

    async def saved(self) -> None:
        """Returns when every event so far is safe on the disk."""
        await self._delivery.flush()

    async def request(
        self,
        method: str,
        params: dict[str, Any],
        *,
        to: str = GATEWAY,
        called: str = "",
        timeout: float = 30.0,
        on_progress: Tell | None = None,
        ticket: Ticket | None = None,
    ) -> Any:
        """Asks a member and waits for its answer; it is done at most once. Cancelled, it is ended there too.

        Of several gateways the one is asked that was born last, and another one after it has not answered.

        Args:
            to: `gateway`, a node id, or a name from a credential.
            called: What errors call it; `to` where it is empty.
            timeout: Seconds, 300 at most.
            on_progress: Called with what the member says of how far it is.
            ticket: See `Calls.request`.

        Raises:
            UnreachableError: no answer in time, or it has restarted; whether it was done is unknown.
            InvalidError: the parameters are too large or too deep for a message, or no CBOR.
            RefusedError, NotFoundError, InvalidError: what the member answered.
        """
        member, asked = self.member, None

        def find() -> Peer | None:
            nonlocal asked
            if not self._ready:
                return None
            asked = member.gateway if to == GATEWAY else member.find(to)
            return asked

        try:
            return await self._calls.request(find, called or to, method, params, timeout, on_progress, ticket)
        except UnansweredError:
            if asked is not None:
                asked.silent = True
            raise

    def withdraw(self, ticket: Ticket) -> None:
        """See `Calls.withdraw`."""
        self._calls.withdraw(ticket)

    def on_request(
        self, method: str, handler: Handler, *, roles: Collection[str] | None = None, summary: str = ""
    ) -> None:
        """Serves a method.

        Args:
            handler: Gets the parameters and who asks; what it returns is the answer, a `GanglionError` the refusal. It
                is cancelled when its time is over or who asked cancels; `progress.report` says how far it is.
            roles: For whom it is made, of whom the policy says who may ask; by default everybody.
            summary: A line for people who look for it.
        """
        self._methods.serve(method, handler, roles=roles, summary=summary)

    async def perform(self, method: str, params: dict[str, Any], peer: Peer) -> Any:
        """See `Methods.perform`."""
        return await self._methods.perform(method, params, peer)

    def permit(self, method: str, params: dict[str, Any], peer: Peer) -> None:
        """See `Methods.permitted`."""
        self._methods.permitted(method, params, peer)

    def statistics(self) -> MeshStatistics:
        """What happened so far."""
        rejected = dict(self.member.rejected)
        if oversize := self._transport.statistics().oversize:
            rejected[Cause.OVERSIZE] = oversize
        return MeshStatistics(
            connected=self._transport.connected,
            enrolled=self._service is not None or self._mine().valid,
            refusal="" if self._membership is None else self._membership.refusal,
            pending=self._membership is not None and self._membership.pending,
            revocations=0 if self._standing.revocations is None else self._standing.revocations.version,
            policy=self._rights.policy.version,
            limits=self.limits[0],
            lost=self.lost,
            epoch=self.member.epoch,
            peers=len(self.member.peers),
            frames=self._outgoing.readings.frames,
            readings_dropped=self._outgoing.readings.dropped,
            delivery=self._delivery.statistics(),
            rejected=rejected,
            requests_failed=self._methods.failed,
            confidential={} if self._service is not None else self._keys.document(),
            state=self.state.statistics(),
        )

    # Hearing

    def _receive(self, messages: list[Message]) -> None:
        if self._overlay is not None:
            messages = [message for message in messages if not self._overlay.take(message)]
        self._incoming.messages(messages)

    def _heard_in_group(self, received: Received) -> None:
        if (
            self.on_group is not None
            and not received.repeated
            and (kept := self._screening.heard(received)) is not None
        ):
            self.on_group(kept)

    # Small change

    def _stored(self, key: Key) -> None:
        if self.on_stored is not None:
            self.on_stored(self._outgoing.event_id(key))

    def _of_clock(self) -> dict[str, Any]:
        """What a node says of its clock where that is known to be wrong: its times are not to be relied on."""
        return {"clock": "bad"} if self._floor is not None and self._floor.floor.wrong(self._wall()) else {}

    async def _beat(self) -> None:
        began = time.monotonic()
        while self._heartbeat > 0:
            if self._ready:
                self.publish_reading(UPTIME, round(time.monotonic() - began, 3), self._clock())
            await asyncio.sleep(self._heartbeat)

# SPDX-License-Identifier: GPL-3.0-or-later
"""A member of the mesh on a broker: the shell around `Member`, for nodes and, with a `GatewayRole`, for the gateway.

It keeps the member's state folder, says when it is born and leaves a will, gathers readings, delivers events that must
arrive, asks and answers. What is decided is decided in the parts it puts together.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion.errors import LocalProtocolError
from ganglion.mesh import signed_config
from ganglion.mesh.calls import Ticket, UnansweredError
from ganglion.mesh.credential import GATEWAY, Credential
from ganglion.mesh.identity import Identity
from ganglion.mesh.keyholder import Confidential
from ganglion.mesh.life import Life
from ganglion.mesh.looking import Looking
from ganglion.mesh.member import Peer, Received
from ganglion.mesh.methods import Handler
from ganglion.mesh.parts import Parts
from ganglion.mesh.progress import Tell
from ganglion.mesh.revocation import MAX_STALE
from ganglion.mesh.rights import Rights
from ganglion.mesh.screening import Screening
from ganglion.mesh.spool import DEFAULT_BYTES, Key
from ganglion.mesh.standing import Cause
from ganglion.mesh.statistics import MeshStatistics
from ganglion.mesh.transport import Message, Transport

if TYPE_CHECKING:
    from ganglion.mesh.links.overlay import Overlay
    from ganglion.mesh.links.spec import LinkSpec
    from ganglion.mesh.service import GatewayRole, Service

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
        gateway: "GatewayRole | None" = None,
        links: "Sequence[LinkSpec] | None" = None,
        follow: Iterable[str] = (),
        spool_bytes: int = DEFAULT_BYTES,
        heartbeat: float = HEARTBEAT,
        confidential: Confidential = Confidential(),  # noqa: B008 - frozen
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.on_stored: Callable[[str], None] | None = None
        self.on_group: Callable[[Received], None] | None = None
        self.on_limits: Callable[[], None] = lambda: None
        self._parts = parts = Parts(
            transport=transport,
            state=state,
            name=name,
            enrol_key=enrol_key,
            mesh=mesh,
            root=root,
            max_stale=max_stale,
            birth=birth,
            gateway=gateway,
            links=links,
            follow=follow,
            spool_bytes=spool_bytes,
            confidential=confidential,
            clock=clock,
            request=self.request,
            on_stored=self._stored,
            on_group=self._heard_in_group,
            limited=lambda: self.on_limits(),
        )
        self._transport = transport
        self._membership, self._service = parts.membership, parts.service
        self._calls, self._methods = parts.calls, parts.methods
        self._delivery, self._incoming = parts.delivery, parts.incoming
        self._life = Life(parts, request=self.request, heartbeat=heartbeat)
        self._screening = Screening(parts.member, parts.rights)
        self.member = parts.member
        self.state = parts.state
        self.looking = Looking(
            parts.member, parts.ways, credential=lambda: self.credential, request=self.request, serve=self.on_request
        )
        transport.on_messages = self._receive

    @property
    def identity(self) -> Identity:
        """Whose key signs."""
        return self.member.identity

    @property
    def overlay(self) -> "Overlay | None":
        """Its links and routes, to look at; None for a member that has no neighbours."""
        return self._parts.overlay

    @property
    def leads(self) -> bool:
        """Whether there is a way to the gateway now, by the broker or by neighbours."""
        return self._parts.ready and self._parts.ways.leads

    @property
    def gateways(self) -> frozenset[tuple[bytes, int]]:
        """The gateways that were heard of, each with its boot: one that has started again is another one here."""
        return frozenset((peer.kid, peer.epoch) for peer in self.member.peers.values() if peer.is_gateway)

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
        return self._parts.credential

    async def run(self) -> None:
        """Connects, joins and takes part until cancelled; then says goodbye and commits what is not on the disk."""
        await self._life.run()

    @property
    def desk(self) -> "Service":
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
        return self._parts.rights

    @property
    def limits(self) -> tuple[int, list[Mapping[str, Any]]]:
        """Which of the fleet's limits are for this node: their version, 0 before any was heard, and their tables."""
        stated = self._parts.config(signed_config.LIMITS)
        tables = [] if self._membership is None else self._membership.limits
        return 0 if stated is None else stated.version, tables

    @property
    def lost(self) -> dict[str, str]:
        """See `Membership.lost`."""
        return {} if self._membership is None else self._membership.lost

    def announce(self) -> None:
        """Publishes the birth (again): after a change of what `birth` says."""
        self._parts.presence.announce()

    # Saying

    def publish_reading(self, stream: str, value: Any, timestamp: int, *, topic: str = "") -> None:
        """Sends a reading in the next frame: within 20 ms, or when it is full. Dropped and counted when nobody hears.

        Args:
            topic: Which says whether it is confidential; the stream where it is empty. The heartbeat never is.

        Raises:
            InvalidError: the value has no place in CBOR.
        """
        self._parts.outgoing.reading(stream, value, timestamp, topic)

    def flush(self) -> None:
        """Sends the readings gathered so far."""
        self._parts.outgoing.readings.flush()

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
        return self._parts.outgoing.event(cls, {**body, **self._parts.birth.of_clock()}, must_arrive=must_arrive)

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
            if not self._parts.ready:
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
        revocations, keys = self._parts.standing.revocations, self._parts.keys
        return MeshStatistics(
            connected=self._transport.connected,
            enrolled=self._service is not None or self._parts.node.valid,
            refusal="" if self._membership is None else self._membership.refusal,
            pending=self._membership is not None and self._membership.pending,
            revocations=0 if revocations is None else revocations.version,
            policy=self.rights.policy.version,
            limits=self.limits[0],
            lost=self.lost,
            epoch=self.member.epoch,
            peers=len(self.member.peers),
            frames=self._parts.outgoing.readings.frames,
            readings_dropped=self._parts.outgoing.readings.dropped,
            delivery=self._delivery.statistics(),
            rejected=rejected,
            requests_failed=self._methods.failed,
            confidential={} if self._service is not None else keys.document(),
            state=self.state.statistics(),
        )

    # Hearing

    def _receive(self, messages: list[Message]) -> None:
        if (overlay := self._parts.overlay) is not None:
            messages = [message for message in messages if not overlay.take(message)]
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
            self.on_stored(self._parts.outgoing.event_id(key))

# SPDX-License-Identifier: GPL-3.0-or-later
"""A member of the mesh on a broker: the shell around `Member`, for nodes and, with a `GatewayRole`, for the gateway.

It keeps the member's state folder, says when it is born and leaves a will, gathers readings, delivers events that must
arrive, asks and answers. What is decided is decided in the parts it puts together.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganglion.errors import InvalidError, LocalProtocolError
from ganglion.mesh.calls import Calls, Handler
from ganglion.mesh.credential import GATEWAY, NODE, Credential
from ganglion.mesh.delivery import Delivery, DeliveryStatistics
from ganglion.mesh.enrol import EnrolKey
from ganglion.mesh.epoch import next_epoch
from ganglion.mesh.frames import FRAME_SECONDS, Gatherer
from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Cause, Member, Peer, Received, Sealed
from ganglion.mesh.membership import Membership
from ganglion.mesh.presence import Presence
from ganglion.mesh.service import GatewayRole, Service
from ganglion.mesh.spool import DEFAULT_BYTES, Key
from ganglion.mesh.transport import Message, Transport
from ganglion.units import SECOND
from ganglion_micro import gl1

_log = logging.getLogger(__name__)

#: Seconds between heartbeats. The broker needs up to 16 s to notice a node that hangs (design: E6).
HEARTBEAT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshStatistics:
    """What happened since the start.

    Attributes:
        connected: Whether there is a broker now.
        enrolled: Whether this member has a credential that holds now.
        refusal: Why the gateway does not enrol it, in its words; "" where it does.
        epoch: Of this boot.
        peers: Members heard of.
        frames: Signed frames of readings sent.
        readings_dropped: Readings while there was no broker or no credential: telemetry is not kept.
        delivery: Events that must arrive.
        rejected: Messages dropped, by cause; causes that did not occur are missing.
        requests_failed: Requests whose handler ended in an error that is ours.
    """

    connected: bool
    enrolled: bool
    refusal: str
    epoch: int
    peers: int
    frames: int
    readings_dropped: int
    delivery: DeliveryStatistics
    rejected: Mapping[Cause, int]
    requests_failed: int


class MeshClient:
    """One member. Made and used on one event loop.

    Args:
        transport: The way to a broker; this client runs it.
        state: Folder with identity, epoch, credential and spool; made where there is none.
        name: What people call this member; an enrolled one keeps the name in its credential.
        enrol_key: Text of an enrol key, for a node that has no credential.
        mesh: Id of the mesh, to be sure of it; "" takes that of the key or the state.
        birth: More fields for the birth: `board`, `sw`, `caps`. Called at each birth.
        gateway: Makes this member the gateway.
        follow: Node ids whose births to hear, besides the gateways': those it asks or is asked by. `+` is everyone.
        spool_bytes: Bound of the spool.
        heartbeat: Seconds between readings of `system/uptime`; 0 for none.
        clock: Nanoseconds since the Unix epoch.

    Attributes:
        identity: Whose key signs.
        member: Seals and opens.
        on_stored: Called with the id of each event that the gateway has stored.

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
        birth: Callable[[], dict[str, Any]] = dict,
        gateway: GatewayRole | None = None,
        follow: Iterable[str] = (),
        spool_bytes: int = DEFAULT_BYTES,
        heartbeat: float = HEARTBEAT,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._transport = transport
        self._name = name
        self._birth = birth
        self._clock = clock
        self._heartbeat = heartbeat
        self.on_stored: Callable[[str], None] | None = None
        used = (state / "identity").exists()
        self.identity = Identity.load_or_create(state / "identity")
        self._membership: Membership | None = None
        if gateway is None:
            self._membership = Membership(
                identity=self.identity,
                state=state,
                key=EnrolKey.parse(enrol_key) if enrol_key else None,
                mesh=mesh or "",
                name=name,
                clock=clock,
            )
            mesh_id = self._membership.mesh
        else:
            mesh_id = gateway.authority.mesh_id
        epoch = next_epoch(state / "epoch", lost=clock() // SECOND if used else 1)
        self.member = Member(self.identity, mesh=mesh_id, epoch=epoch, gateway=gateway is not None)
        if self._membership is not None and self._membership.trust is not None:
            self.member.adopt(self._membership.trust)
        self._calls = Calls(
            self.member, publish=self._send_once, clock=clock, roles=None if gateway is not None else [GATEWAY]
        )
        self._service = (
            None
            if gateway is None
            else Service(
                gateway, identity=self.identity, name=name, member=self.member, clock=clock, publish=self._send
            )
        )
        self._delivery = Delivery(
            state / "spool.db",
            publish=lambda topic, payload: transport.publish(topic, payload, qos=1),
            on_stored=self._stored,
            on_silence=lambda: self._presence.repeat(),
            limit=spool_bytes,
        )
        if self._service is not None:
            self._calls.on_request("credential.renew", self._service.renew, roles=[NODE])
        self._gatherer = Gatherer()
        self._flush_timer: asyncio.TimerHandle | None = None
        self._frames = self._readings_dropped = 0
        self._gateway_nonce = b""
        self._presence = Presence(
            self.member,
            transport,
            clock=clock,
            birth=self._birth_body,
            bundle=None if self._service is None else self._service.bundle,
            on_born=self._born,
            on_repeated=self._seek_gateway,
        )
        self._subscribe(follow)

    def _subscribe(self, follow: Iterable[str]) -> None:
        transport, member = self._transport, self.member
        self._bundle_topic = gl1.bundle_topic(member.mesh)
        own = f"gl1/{member.mesh}/n/{self.identity.node_id}/"
        transport.on_messages = self._receive
        transport.on_connected = self._connected
        transport.on_disconnected = self._disconnected
        # In this order the broker makes them: whoever hears of a gateway can be answered by it.
        transport.subscribe(own + "r", 1)
        transport.subscribe(own + "q", 1)
        if self._service is not None:
            for topic, qos in self._service.filters:
                transport.subscribe(topic, qos)
        else:
            transport.subscribe(own + "death", 1)
            transport.subscribe(self._bundle_topic, 1)
            for node in follow:
                transport.subscribe(f"gl1/{member.mesh}/n/{node}/birth", 1)
            self._hear_gateways()

    def _hear_gateways(self) -> None:
        # Retained births come once a subscription: asked for before there is a root to verify them with, they are lost.
        if self.member.trust is not None:
            self._transport.subscribe(gl1.gateway_topic(self.member.mesh, "+"), 1)

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
        return self._transport.connected and (self._service is not None or self._mine().valid)

    async def run(self) -> None:
        """Connects, joins and takes part until cancelled; then says goodbye and commits what is not on the disk."""
        transport = asyncio.create_task(self._transport.run())
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._delivery.run())
                tasks.create_task(self._presence.run())
                if self._service is not None:
                    tasks.create_task(self._service.run(self.announce))
                else:
                    tasks.create_task(self._beat())
                    tasks.create_task(
                        self._mine().run(
                            self.member,
                            publish=self._send_once,
                            renew=lambda: self.request("credential.renew", {}, timeout=30.0),
                            joined=self.announce,
                        )
                    )
                await asyncio.shield(transport)  # never ends by itself; an error of it ends everything
        finally:
            try:
                await self._calls.aclose()
                self.flush()
                if self._ready:
                    await self._presence.leave()
            finally:
                transport.cancel()
                with suppress(asyncio.CancelledError):
                    await transport

    def announce(self) -> None:
        """Publishes the birth (again): after a change of what `birth` says."""
        self._presence.announce()

    def _birth_body(self) -> dict[str, Any] | None:
        credential, member = self.credential, self.member
        if not self._ready or credential is None:
            return None
        return {
            **self._birth(),
            "name": credential.name,
            "nonce": member.nonce,
            "epoch": member.epoch,
            "credential": credential.data,
        }

    def _seek_gateway(self) -> None:
        """Asks for the retained messages again, as long as the gateway's is missing."""
        if self._membership is not None and self._transport.connected and self.member.gateway is None:
            self._transport.subscribe(self._bundle_topic, 1)
            self._hear_gateways()

    def _born(self) -> None:
        if self._ready:
            self._delivery.connected()
            self._calls.changed()

    def _connected(self) -> None:
        if self._membership is not None:
            self._membership.connected(True)
        self._presence.connected()

    def _disconnected(self) -> None:
        if self._membership is not None:
            self._membership.connected(False)
        self._delivery.disconnected()

    # Saying

    def publish_reading(self, stream: str, value: Any, timestamp: int) -> None:
        """Sends a reading in the next frame: within 20 ms, or when it is full. Dropped and counted when nobody hears.

        Raises:
            InvalidError: the value has no place in CBOR.
        """
        try:
            full = self._gatherer.add(stream, timestamp, value)
        except ValueError as error:
            raise InvalidError(f"the reading cannot be sent: {error}", where=stream) from error
        if full:
            self.flush()
        elif self._flush_timer is None:
            self._flush_timer = asyncio.get_running_loop().call_later(FRAME_SECONDS, self.flush)

    def flush(self) -> None:
        """Sends the readings gathered so far."""
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        readings = self._gatherer.take()
        if not readings:
            return
        if not self._ready:
            self._readings_dropped += len(readings)
            return
        self._frames += 1
        self._send(self.member.seal(gl1.BATCH, readings, now=self._clock()), 0)

    def publish_event(self, cls: str, body: Mapping[str, Any], *, must_arrive: bool = True) -> str:
        """Signs an event and sends it at once, after the readings that came before it.

        Args:
            cls: Its class, a level of its topic: `alert`, `episode`.
            must_arrive: Keep it in the spool until the gateway has acknowledged it.

        Returns:
            Its id, `<node>-<epoch>-<sequence>`.

        Raises:
            InvalidError: the class cannot be a level of a topic, or the body is no CBOR or too large.
            LocalProtocolError: this is the gateway, which has nobody to send events to.
        """
        if self._service is not None:
            raise LocalProtocolError("a gateway stores its events itself")
        try:
            sealed = self.member.seal(gl1.EVENT, {**body, "class": cls}, now=self._clock(), name=cls)
        except ValueError as error:
            raise InvalidError(f"the event cannot be sent: {error}", where=cls) from error
        self.flush()
        if must_arrive:
            self._delivery.post(sealed)
        elif self._ready:
            self._send(sealed, 1)
        return self._event_id((sealed.epoch, sealed.seq))

    async def saved(self) -> None:
        """Returns when every event so far is safe on the disk."""
        await self._delivery.flush()

    async def request(self, method: str, params: dict[str, Any], *, to: str = GATEWAY, timeout: float = 30.0) -> Any:
        """Asks a member and waits for its answer.

        Args:
            to: `gateway`, a node id, or a name from a credential.
            timeout: Seconds, 300 at most.

        Raises:
            UnreachableError: no answer in time; whether it was done is unknown.
            RefusedError, NotFoundError, InvalidError: what the member answered.
        """
        member = self.member

        def find() -> Peer | None:
            if not self._ready:
                return None
            return member.gateway if to == GATEWAY else member.find(to)

        return await self._calls.request(find, to, method, params, timeout)

    def on_request(self, method: str, handler: Handler, *, roles: Collection[str] | None = None) -> None:
        """Serves a method.

        Args:
            handler: Gets the parameters and who asks; what it returns is the answer, a `GanglionError` the refusal.
            roles: Who may ask: by default gateways may ask a node, and everyone the gateway.
        """
        self._calls.on_request(method, handler, roles=roles)

    def statistics(self) -> MeshStatistics:
        """What happened so far."""
        return MeshStatistics(
            connected=self._transport.connected,
            enrolled=self._service is not None or self._mine().valid,
            refusal="" if self._membership is None else self._membership.refusal,
            epoch=self.member.epoch,
            peers=len(self.member.peers),
            frames=self._frames,
            readings_dropped=self._readings_dropped,
            delivery=self._delivery.statistics(),
            rejected=dict(self.member.rejected),
            requests_failed=self._calls.failed,
        )

    # Hearing

    def _receive(self, messages: list[Message]) -> None:
        now = self._clock()
        believed = []
        for message in messages:
            if message.topic == self._bundle_topic:
                self._take_bundle(message.payload)
            elif received := self.member.open(message.topic, message.payload, now=now, retained=message.retain):
                if received.kind == gl1.REQUEST:
                    self._calls.take_request(received)
                elif received.kind == gl1.REPLY:
                    self._take_reply(received)
                elif received.kind == gl1.CREDENTIAL and self._membership is not None:
                    self._membership.take_answer(received)
                elif received.kind == gl1.DEATH and received.node_id == self.identity.node_id:
                    self._presence.outlive()
                else:
                    if received.kind == gl1.BIRTH:
                        self._take_birth(received)
                    believed.append(received)
        if self._service is not None and believed:
            self._service.take(believed)

    def _take_bundle(self, data: bytes) -> None:
        if self._membership is not None and data and self._membership.take_bundle(data, self.member):
            self._hear_gateways()

    def _take_birth(self, received: Received) -> None:
        if received.repeated:
            return
        self._calls.changed()
        peer = received.peer
        if self._membership is not None and peer is not None and peer.is_gateway:
            self._membership.changed()
            known, self._gateway_nonce = self._gateway_nonce, peer.nonce
            if known not in (b"", peer.nonce):
                # It has restarted: it may have lost what was on its way, and must know us before that comes again.
                self.announce()

    def _take_reply(self, received: Received) -> None:
        body, peer = received.body, received.peer
        if type(body) is not dict or "stored" not in body:
            self._calls.take_reply(received)
        elif peer is None or not peer.is_gateway:
            self.member.reject(Cause.UNAUTHORISED, f"{received.node_id} acknowledges events, and is no gateway")
        else:
            keys = body["stored"]
            if type(keys) is list and all(type(key) is list and [type(n) for n in key] == [int, int] for key in keys):
                self._delivery.arrived((key[0], key[1]) for key in keys)
            else:
                self.member.reject(Cause.MALFORMED, f"an acknowledgement of {received.node_id} that names no events")

    # Small change

    def _stored(self, key: Key) -> None:
        if self.on_stored is not None:
            self.on_stored(self._event_id(key))

    def _event_id(self, key: Key) -> str:
        return f"{self.identity.node_id}-{key[0]}-{key[1]}"

    def _send(self, sealed: Sealed, qos: int) -> None:
        self._transport.publish(sealed.topic, sealed.payload, qos=qos)

    def _send_once(self, sealed: Sealed) -> None:
        """At QoS 1, where there is a connection: what waits for one is sealed anew when there is."""
        if self._transport.connected:
            self._send(sealed, 1)

    async def _beat(self) -> None:
        began = time.monotonic()
        while self._heartbeat > 0:
            if self._ready:
                self.publish_reading("system/uptime", round(time.monotonic() - began, 3), self._clock())
            await asyncio.sleep(self._heartbeat)

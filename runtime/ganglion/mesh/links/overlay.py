# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell around the router: its links, its clock, and what it asks for, carried out.

The router begins when this member has a credential to show, and anew under each new key. What it delivers goes to the
member; what the member has to say goes out through `send` and `flood`.
"""

import asyncio
import hashlib
import logging
import os
import random
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from ganglion.mesh.credential import Credential
from ganglion.mesh.links.broker import BrokerLink
from ganglion.mesh.links.lan import Lan
from ganglion.mesh.links.sink import Send
from ganglion.mesh.links.spec import LinkSpec
from ganglion.mesh.links.weighing import weigh
from ganglion.mesh.member import Cause, Member, Received
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.overlay import signed
from ganglion.mesh.overlay.effects import (
    Deliver,
    Effect,
    NeighbourChanged,
    RouteChanged,
    Transmit,
    Undeliverable,
)
from ganglion.mesh.overlay.link import Link
from ganglion.mesh.overlay.origin import Beacons
from ganglion.mesh.overlay.router import GATEWAY, Router
from ganglion.mesh.overlay.trust import AuthorityStatements, MemberTrust
from ganglion.mesh.transport import Message, Transport
from ganglion.units import SECOND
from ganglion_micro import gl1

_log = logging.getLogger(__name__)

#: Seconds between a gateway's beacons: one may be lost.
_BEACON = 4.0
#: Seconds between looks at which brokers are needed.
_LOOK = 1.0
#: What the gateway is from itself.
_HERE = 1


class Overlay:
    """The overlay of one member. Runs on one event loop.

    Args:
        member: Whose it is.
        transport: The way to its own broker.
        links: The others.
        statements: What the authority states to everybody.
        credential: This member's, as a CWT; None while it has none.
        clock: Nanoseconds since the Unix epoch.
        on_message: Gets the messages that are for this member, as they were signed.
        on_birth: Gets births that came this way.
        on_met: Called when a neighbour is there.
        on_change: Called when there is a way to the gateway where there was none, or none any more, or another.

    Attributes:
        gateway: The destination that is the gateway, whichever.
        undeliverable: Messages of this member that nobody took; those that must arrive are in the spool still.
    """

    def __init__(
        self,
        member: Member,
        transport: Transport,
        links: Sequence[LinkSpec],
        statements: AuthorityStatements,
        *,
        credential: Callable[[], bytes | None],
        clock: Callable[[], int],
        on_message: Callable[[bytes], None],
        on_birth: Callable[[Received], None],
        on_met: Callable[[], None],
        on_change: Callable[[], None],
    ) -> None:
        self._member = member
        self._statements = statements
        self._credential = credential
        self._clock = clock
        self._on_message = on_message
        self._on_birth = on_birth
        self._on_met = on_met
        self._on_change = on_change
        self._router: Router | None = None
        self._trust: MemberTrust | None = None
        self._ports: dict[str, tuple[Link, Send]] = {}
        self._timer: asyncio.Handle | None = None
        self._wakes = 0.0  # when it is due: not every loop has handles that know it
        self._birth = b""
        self._judge: Beacons | None = None
        self._transport = transport
        self._own = self._broker("broker", transport)
        self._lans = [Lan(gl1.from_base32(member.mesh), spec.interface, self) for spec in links if not spec.brokers]
        self._others = [self._other(spec) for spec in links if spec.brokers]
        self.gateway = GATEWAY
        self.undeliverable = 0

    def _broker(self, name: str, transport: Transport) -> BrokerLink:
        return BrokerLink(
            name,
            transport,
            mesh=self._member.mesh,
            gateway=self._member.is_gateway,
            node_id=lambda: self._member.identity.node_id,
            find=self._node_id,
            sink=self,
        )

    def _other(self, spec: LinkSpec) -> tuple[BrokerLink, MqttTransport]:
        # Another name than on its own broker, which may be the same cluster: a broker ends the older of two of a name.
        name = hashlib.sha256(f"{self._member.identity.client_id} {spec.brokers[0]}".encode()).digest()
        transport = MqttTransport(spec.brokers, client_id=gl1.base32(name[:14]))
        link = self._broker(f"broker/{transport.url}", transport)

        def hear(messages: list[Message]) -> None:
            for message in messages:
                self.take(message, link)

        transport.on_messages = hear
        transport.on_connected = lambda: self.connected(link)
        transport.on_disconnected = lambda: self.disconnected(link)
        return link, transport

    def credential_of(self, kid: bytes) -> Credential | None:
        """What a member has shown here, by its birth or a hello."""
        return None if self._trust is None else self._trust.credential_of(kid)

    def _node_id(self, kid: bytes) -> str:
        credential = self.credential_of(kid)
        return "" if credential is None else credential.node_id

    async def run(self) -> None:
        """Keeps links and time, until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for lan in self._lans:
                    tasks.create_task(lan.run())
                if self._lans:
                    tasks.create_task(weigh(lambda: self._router, self._do, self._now))
                for _, transport in self._others:
                    tasks.create_task(transport.run())
                if self._member.is_gateway:
                    tasks.create_task(self._beacons())
                while True:
                    self._settle()
                    await asyncio.sleep(_LOOK)
        finally:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    # What happens to the member

    def begin(self) -> None:
        """There is a credential: the first, another, or one for another key."""
        credential = self._credential()
        if credential is None or self._member.trust is None:
            return
        if self._trust is not None and self._trust.kid == self._member.identity.kid:
            self._trust.credential = credential
            return
        now = self._now()
        self._trust = MemberTrust(self._member, credential, self._statements, on_birth=self._on_birth)
        self._trust.offset = self._clock() - now
        self._judge = Beacons(self._trust)
        if self._birth:
            self._trust.born(self._birth)
        self._router = Router(self._trust, random=random.random, entropy=os.urandom, now=now)
        for link, _ in self._ports.values():
            self._do(self._router.link_up(link, now))

    def born(self, birth: bytes) -> None:
        """This member's birth, as it is said to everyone from now on."""
        self._birth = birth
        if self._trust is not None and self._router is not None:
            self._trust.born(birth)
            self.flood(birth)

    def revoked(self) -> None:
        """There is a newer list of who was put out, from elsewhere."""
        if self._router is not None:
            self._do(self._router.revoked(self._now()))

    # The broker's side

    def connected(self, link: BrokerLink | None = None) -> None:
        """A broker is there: the member's own, or another."""
        (link or self._own).connected(self._now())
        self._settle()

    def disconnected(self, link: BrokerLink | None = None) -> None:
        """It is gone."""
        (link or self._own).disconnected()

    def take(self, message: Message, link: BrokerLink | None = None) -> bool:
        """Whether a message of a broker was the overlay's own affair."""
        link = link or self._own
        if message.topic == gl1.beacon_topic(self._member.mesh):
            if self._is_beacon(message.payload):
                link.beacon(self._now())
            return True
        return link.take(message)

    def _is_beacon(self, data: bytes) -> bool:
        if self._judge is None:
            return False
        cause = self._judge.judge(data, self._tick())
        if cause is not None and cause is not Cause.UNENROLLED:  # a gateway whose birth is on its way
            self._member.reject(cause, "a beacon")
        return cause is None

    async def _beacons(self) -> None:
        """As the gateway: says that it is there, to its broker and to its own router."""
        while True:
            if self._router is not None and self._trust is not None:
                now = self._tick()
                data = self._trust.seal(signed.beacon(), now)
                self._do(self._router.beacon(data, _HERE, now))
                if self._transport.connected:
                    self._transport.publish(gl1.beacon_topic(self._member.mesh), data, qos=0)
            await asyncio.sleep(_BEACON)

    def _settle(self) -> None:
        now = self._now()
        up = {each.link.name for each in self._router.neighbours} if self._router is not None else set()
        for link in (self._own, *(link for link, _ in self._others)):
            link.settle(self._router is not None and bool(up - {link.link.name}), now)

    # Saying

    @property
    def broker_leads(self) -> bool:
        """Whether a gateway is to be reached over the member's own broker."""
        return self._own.alive(self._now())

    @property
    def met(self) -> bool:
        """Whether there is any neighbour."""
        return self._router is not None and bool(self._router.neighbours)

    def reaches(self, destination: bytes) -> bool:
        """Whether there is a way: to a key id, or `GATEWAY`."""
        return self._router is not None and self._router.next_hop(destination) is not None

    def send(self, destination: bytes, data: bytes) -> None:
        """Sends a message of this member to a key id, or `GATEWAY`."""
        if self._router is not None:
            _, effects = self._router.send(destination, data, self._tick())
            self._do(effects)

    def flood(self, data: bytes) -> None:
        """Sends a message of this member to every member there is a way to."""
        if self._router is not None and self._router.neighbours:
            _, effects = self._router.flood(data, self._tick())
            self._do(effects)

    def unanswered(self, destination: bytes, messages: Sequence[bytes]) -> None:
        """What was sent there is not answered: where somebody took it, another way is tried."""
        if self._router is not None:
            self._do(self._router.unanswered(destination, messages, self._tick()))

    # The router's side

    @property
    def router(self) -> Router | None:
        """To look at; None before there is a credential."""
        return self._router

    def up(self, link: Link, send: Send) -> None:
        """See `Sink`."""
        self._ports[link.name] = (link, send)
        if self._router is not None:
            self._do(self._router.link_up(link, self._tick()))

    def down(self, name: str) -> None:
        """See `Sink`."""
        self._ports.pop(name, None)
        if self._router is not None:
            self._do(self._router.link_down(name, self._tick()))

    def heard(self, name: str, address: Hashable | None, data: bytes) -> None:
        """See `Sink`."""
        if self._router is not None:
            self._do(self._router.receive(name, address, data, self._tick()))

    def _due(self) -> None:
        self._timer = None
        if self._router is not None:
            self._do(self._router.tick(self._tick()))

    def _now(self) -> int:
        return time.monotonic_ns()

    def _tick(self) -> int:
        """The time, which the trust relates to the date."""
        now = self._now()
        if self._trust is not None:
            self._trust.offset = self._clock() - now
        return now

    def _do(self, effects: list[Effect]) -> None:
        for effect in effects:
            try:
                self._carry_out(effect)
            except Exception:  # of whoever was told: the router's clock goes on
                _log.exception("What the mesh brought was not taken")
        self._wind()

    def _wind(self) -> None:
        """Sets the clock for what is due next."""
        assert self._router is not None
        loop = asyncio.get_running_loop()
        deadline = self._router.deadline / SECOND
        if self._timer is None or deadline < self._wakes:
            if self._timer is not None:
                self._timer.cancel()
            self._wakes = deadline
            self._timer = loop.call_at(deadline, self._due)

    def _carry_out(self, effect: Any) -> None:
        if isinstance(effect, Transmit):
            if (port := self._ports.get(effect.link)) is not None:  # else it went meanwhile
                port[1](effect.address, effect.data, effect.kid)
        elif isinstance(effect, Deliver):
            self._on_message(effect.data)
        elif isinstance(effect, RouteChanged):
            if effect.destination == GATEWAY:
                self._on_change()
        elif isinstance(effect, NeighbourChanged):
            self._settle()
            if effect.up:
                self._on_met()
        elif isinstance(effect, Undeliverable):
            self.undeliverable += effect.ours
            _log.debug("Not delivered: %s.", effect.why)

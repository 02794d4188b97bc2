# SPDX-License-Identifier: GPL-3.0-or-later
"""A broker as a link: frames on topics of their own, and only as long as somebody needs them.

    gl1/<mesh>/l/<node>   frames for one
    gl1/<mesh>/l/_        what nodes say to everyone; gateways hear it, and nodes where no gateway is to be heard
    gl1/<mesh>/l/gw       what gateways say to everyone
    gl1/<mesh>/c/beacon   a gateway is there: signed, every few seconds

Where a gateway is, a broker is a star: its members hear the gateway and it hears them, so that their number costs each
of them nothing. Where none is, everyone hears everyone. A node whom the broker gives all it wants, and whom nobody
hears anywhere else, stays out of it altogether: it does not even subscribe.
"""

from collections.abc import Callable, Hashable

from ganglion.mesh.links.sink import Sink
from ganglion.mesh.overlay.link import Link
from ganglion.mesh.overlay.origin import BEACON_AGE
from ganglion.mesh.transport import Message, Transport
from ganglion.units import SECOND
from ganglion_micro import gl1

#: A broker is a hop, and more than one by radio.
_COST = 384
#: Bytes that most brokers take in a message.
_MTU = 65000
#: A link that nobody needs any more is kept so long.
_LINGER = 60 * SECOND


class BrokerLink:
    """One broker.

    Args:
        name: Of the link.
        transport: The way to it.
        mesh: The mesh's id as text.
        gateway: Whether this member is the gateway: the middle of the star.
        node_id: Of this member, as it is now.
        find: The node id of a neighbour by its key id; "" where it is not known.
        sink: Gets the link and what arrives.
    """

    def __init__(
        self,
        name: str,
        transport: Transport,
        *,
        mesh: str,
        gateway: bool,
        node_id: Callable[[], str],
        find: Callable[[bytes], str],
        sink: Sink,
    ) -> None:
        self.link = Link(name=name, mtu=_MTU, cost_floor=_COST, multi_access=True, wan=True)
        self._transport = transport
        self._prefix = f"gl1/{mesh}/l/"
        self._beacon = gl1.beacon_topic(mesh)
        self._gateway = gateway
        self._node_id = node_id
        self._find = find
        self._sink = sink
        self._filters: set[str] = set()
        self._used = False
        self._needed = 0
        self._heard: int | None = None

    def connected(self, now: int) -> None:
        """There is a connection. The gateway is taken to be there until there was time for its beacon."""
        self._heard = now
        if not self._gateway:
            self._transport.subscribe(self._beacon, 0)

    def disconnected(self) -> None:
        """It is gone."""
        self._heard = None
        self._leave()

    def beacon(self, now: int) -> None:
        """A gateway's beacon was heard here, and is one."""
        self._heard = now

    def alive(self, now: int) -> bool:
        """Whether a gateway can be reached over this broker, as far as anyone knows."""
        return self._heard is not None and now - self._heard <= BEACON_AGE

    def settle(self, needed: bool, now: int) -> None:
        """Takes part or stays out.

        Args:
            needed: Whether there are neighbours elsewhere, to whom this broker is a way.
        """
        if self._heard is None:
            return
        alive = self.alive(now)
        if needed or self._gateway or not alive:
            self._needed = now
        if now - self._needed > _LINGER:
            self._leave()
        elif self._needed == now or self._used:
            self._take_part(alone=not alive and not self._gateway)

    def _take_part(self, *, alone: bool) -> None:
        wanted = {self._prefix + self._node_id()}
        wanted |= {self._prefix + "_"} if self._gateway or alone else set()
        wanted |= {self._prefix + "gw"}
        for filter in sorted(wanted - self._filters):
            self._transport.subscribe(filter, 0)
        for filter in self._filters - wanted:
            self._transport.unsubscribe(filter)
        self._filters = wanted
        if not self._used:
            self._used = True
            self._sink.up(self.link, self._send)

    def _leave(self) -> None:
        for filter in self._filters:
            self._transport.unsubscribe(filter)
        self._filters = set()
        if self._used:
            self._used = False
            self._sink.down(self.link.name)

    def take(self, message: Message) -> bool:
        """Whether a message was a frame of this link; then it has been passed on."""
        if not message.topic.startswith(self._prefix):
            return False
        self._sink.heard(self.link.name, None, message.payload)
        return True

    def _send(self, address: Hashable | None, data: bytes, kid: bytes | None) -> None:
        to = ("gw" if self._gateway else "_") if kid is None else self._find(kid)
        if to and self._transport.connected:
            self._transport.publish(self._prefix + to, data, qos=0)

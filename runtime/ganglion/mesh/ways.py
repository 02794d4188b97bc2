# SPDX-License-Identifier: GPL-3.0-or-later
"""How what a member says leaves: over its broker while that leads to the gateway, else over its neighbours.

Who was heard on the broker is answered there, everybody else where neighbours lead to them. What is sent on a way that
turns out to be none is no more lost than on a broker that dies: events stay in the spool until the gateway has them,
requests are asked again.
"""

from typing import TYPE_CHECKING

from ganglion.mesh.member import Member, Sealed
from ganglion.mesh.transport import Transport

if TYPE_CHECKING:
    from ganglion.mesh.links.overlay import Overlay


class Ways:
    """Those of one member.

    Attributes:
        overlay: None for a member that has no link but its broker.
    """

    def __init__(self, member: Member, transport: Transport) -> None:
        self._member = member
        self._transport = transport
        self._groups = f"gl1/{member.mesh}/g/"
        self._beside: dict[bytes, bool] = {}  # how each was heard last
        self.overlay: Overlay | None = None

    @property
    def open(self) -> bool:
        """Whether what is said now is heard by anybody."""
        return self._transport.connected or (self.overlay is not None and self.overlay.met)

    @property
    def leads(self) -> bool:
        """Whether there is a way to the gateway, as far as anyone knows."""
        return self._transport.connected or self.over is not None

    @property
    def over(self) -> bytes | None:
        """Where to on the overlay what is for the gateway goes now; None where it goes to the broker."""
        return self.over_to(None)

    @property
    def broker(self) -> bool:
        """Whether there is a broker now."""
        return self._transport.connected

    def heard(self, kid: bytes, *, beside: bool) -> None:
        """A message of this member was believed, and came just now over the overlay (`beside`) or the broker."""
        self._beside[kid] = beside

    def lost(self, kid: bytes) -> None:
        """The broker says that this member is not on it any more."""
        self._beside.pop(kid, None)

    def send(self, sealed: Sealed, qos: int, *, lasting: bool = True) -> None:
        """To its receiver, or to the gateway where it names none; what is for a group, to its members as well.

        A broker gives it to both. Neighbours carry it to the gateway, which acknowledges it, and pass it on to all.
        """
        destination = self.over_to(sealed.to)
        if destination is None:
            self._transport.publish(sealed.topic, sealed.payload, qos=qos, lasting=lasting)
        else:
            assert self.overlay is not None
            self.overlay.send(destination, sealed.payload)
            if sealed.topic.startswith(self._groups):
                self.overlay.flood(sealed.payload)

    def send_now(self, sealed: Sealed) -> None:
        """At QoS 1, where there is a way: what waits for one is sealed anew when there is."""
        if self._transport.connected or self.over_to(sealed.to) is not None:
            self.send(sealed, 1)

    def everyone(self, sealed: Sealed) -> None:
        """To every member that is on the broker or that neighbours reach; what is not heard is compared later."""
        if self._transport.connected:
            self._transport.publish(sealed.topic, sealed.payload, qos=1)
        if self.overlay is not None:
            self.overlay.flood(sealed.payload)

    def event(self, topic: str, payload: bytes) -> None:
        """An event of this member, to the gateway. It is said anew on each connection, so that it comes in its turn."""
        self.send(Sealed(topic, payload, 0, 0), 1, lasting=False)

    def over_to(self, to: bytes | None) -> bytes | None:
        """Where to on the overlay what is for a key id, or None the gateway, goes now; None where it does not."""
        overlay = self.overlay
        if overlay is None:
            return None
        gateway = self._member.gateway
        if to is None or (gateway is not None and to == gateway.kid and not self._beside.get(to)):
            on_broker = overlay.broker_leads
        else:
            on_broker = self._beside.get(to) is False and overlay.broker_leads
        destination = overlay.gateway if to is None else to
        if (on_broker and self._transport.connected) or not overlay.reaches(destination):
            return None
        return destination

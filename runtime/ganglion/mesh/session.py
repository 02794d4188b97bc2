# SPDX-License-Identifier: GPL-3.0-or-later
"""A member's session: what becomes of its parts when something happens to one of them.

A way to others comes or goes, there is another credential, key, policy or list of the revoked, events are not
acknowledged: which parts have to know of it is said here. What they make of it is decided in them.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganglion.mesh.credential import Credential
from ganglion.mesh.epoch import next_epoch
from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Sealed
from ganglion.mesh.rotation import Former
from ganglion.units import SECOND
from ganglion_micro import gl1

if TYPE_CHECKING:
    from ganglion.mesh.parts import Parts


class Session:
    """That of one member.

    Args:
        parts: All of the member, which need not be there before something happens.
    """

    def __init__(self, parts: "Parts") -> None:
        self._parts = parts

    def policy_changed(self) -> None:
        """The policy that holds here is another."""
        self._parts.methods.recheck()
        self._parts.presence.announce()  # the birth says which policy holds here

    def leaving(self) -> Former:
        """What is to be known of this member under the key of now, once it has another."""
        birth = self._parts.presence.last
        topic = gl1.topic(self._parts.member.mesh, gl1.BIRTH, self._parts.member.identity.node_id)
        return Former(
            node_id=self._parts.member.identity.node_id,
            epoch=self._parts.member.epoch,
            topic=topic,
            birth=b"" if birth is None else birth.payload,
        )

    def say_former(self, topic: str, birth: bytes) -> None:
        """The birth under the key before, to whoever cannot verify what still waits; b"" has the broker forget it."""
        self._parts.transport.publish(topic, birth, qos=1, retain=True)
        if birth and self._parts.overlay is not None:
            self._parts.overlay.flood(birth)

    def become(self, identity: Identity, credential: Credential) -> None:
        """Goes on under another key, with a new epoch: what the spool has is told apart by it."""
        self._parts.outgoing.readings.flush()
        self._parts.member.become(
            identity, next_epoch(self._parts.folder / "epoch", lost=self._parts.clock() // SECOND)
        )
        self._parts.node.become(identity, credential)
        self._parts.state.become()
        self._parts.presence.rekeyed()
        self._parts.subscriptions.own()
        self._parts.rekeyed.set()
        if self._parts.overlay is not None:
            self._parts.overlay.begin()

    def silence(self, unanswered: Sequence[bytes]) -> None:
        """Events are not acknowledged: perhaps the gateway does not know who sends them."""
        self._parts.presence.repeat()
        if self._parts.transport.connected:
            self._parts.rotation.repeat()
        if self._parts.overlay is not None and (destination := self._parts.ways.over) is not None:
            self._parts.overlay.unanswered(destination, unanswered)

    def joined(self) -> None:
        """There is another credential: neighbours and everyone else are to see it."""
        if self._parts.overlay is not None:
            self._parts.overlay.begin()
        self._parts.presence.announce()
        self._parts.state.met()

    def relisted(self) -> None:
        """Somebody more was put out of the mesh."""
        self._parts.state.recheck()
        if self._parts.overlay is not None:
            self._parts.overlay.revoked()

    def met(self) -> None:
        """There is a neighbour."""
        self._parts.state.met()
        if self._parts.presence.last is None:
            self._parts.presence.announce()

    def rerouted(self) -> None:
        """The way to the gateway over neighbours is another."""
        if self._parts.ways.over is not None:
            self.opened()
        elif not self._parts.transport.connected:
            self._parts.delivery.disconnected()

    def opened(self) -> None:
        """There may be a way to the gateway now: what waited for one leaves."""
        if self._parts.ready and self._parts.ways.leads:
            self._parts.delivery.connected()
            self._parts.keys.release()
            self._parts.calls.changed()

    def seek_gateway(self) -> None:
        """Asks for the retained messages again, as long as the gateway's or the list is missing; time has passed."""
        if self._parts.floor is not None:
            self._parts.floor.advance()
        if self._parts.birth.is_over:
            self._parts.presence.announce()
        missing = self._parts.member.gateway is None or self._parts.standing.revocations is None
        if self._parts.membership is not None and self._parts.transport.connected and missing:
            self._parts.subscriptions.again()

    def said(self, birth: Sealed) -> None:
        """There is a new birth: neighbours hear it, too."""
        if self._parts.overlay is not None:
            self._parts.overlay.born(birth.payload)

    def connected(self) -> None:
        """There is a connection to the broker."""
        if self._parts.overlay is not None:
            self._parts.overlay.connected()
        if self._parts.membership is not None:
            self._parts.membership.connected(True)
        self._parts.rotation.repeat()
        self._parts.presence.connected()
        self._parts.state.met()

    def disconnected(self) -> None:
        """The connection to the broker is gone."""
        if self._parts.membership is not None:
            self._parts.membership.connected(False)
        if self._parts.overlay is not None:
            self._parts.overlay.disconnected()
        if self._parts.ways.over is None:
            self._parts.delivery.disconnected()
        else:
            self.rerouted()

# SPDX-License-Identifier: GPL-3.0-or-later
"""What a member asks a broker for, in the order in which it matters."""

from collections.abc import Iterable

from ganglion.mesh.member import Member
from ganglion.mesh.signed_config import FORMS
from ganglion.mesh.transport import Transport
from ganglion_micro import gl1

#: A node's own topics, first where answers come; a gateway has use for the first three.
_INBOX = ("r", "q", "sync", "credential", "key", "death")


class Subscriptions:
    """Those of one member.

    Args:
        follow: Node ids whose births a node hears.
        served: What a gateway hears besides its inbox, with QoS; None for a node.
    """

    def __init__(
        self, transport: Transport, member: Member, *, follow: Iterable[str], served: list[tuple[str, int]] | None
    ) -> None:
        self._transport = transport
        self._member = member
        self._follow = list(follow)
        self._served = served
        self._bundle = gl1.bundle_topic(member.mesh)
        self._node = self._former = ""

    def begin(self, former: str | None) -> None:
        """Asks for everything.

        Args:
            former: The node id before the key was rotated, to which answers still come.
        """
        subscribe = self._transport.subscribe
        if former is not None:
            self._former = former
            subscribe(self._inbox(former) + "r", 1)
        # In this order the broker makes them: whoever hears of a gateway can be answered by it.
        self.own()
        if self._served is not None:
            for topic, qos in self._served:
                subscribe(topic, qos)
            self._shared()
            return
        subscribe(self._bundle, 1)
        for node in self._follow:
            subscribe(f"gl1/{self._member.mesh}/n/{node}/birth", 1)
        self.gateways()

    def own(self) -> None:
        """The inbox, under the node id of now. Under the one before, only answers are heard."""
        node, parts = self._member.identity.node_id, _INBOX if self._served is None else _INBOX[:3]
        for part in parts:
            self._transport.subscribe(self._inbox(node) + part, 1)
        if self._node not in ("", node):
            for part in parts[1:]:
                self._transport.unsubscribe(self._inbox(self._node) + part)
            if self._former:
                self._transport.unsubscribe(self._inbox(self._former) + "r")
            self._former = self._node
        self._node = node

    def _inbox(self, node: str) -> str:
        return f"gl1/{self._member.mesh}/n/{node}/"

    def gateways(self) -> None:
        """Births of gateways, the list of the revoked, policy and limits, and what all members share.

        What is retained comes once a subscription: asked for before there is a root to verify it with, it is lost.
        """
        if self._member.trust is not None:
            self._transport.subscribe(gl1.revoked_topic(self._member.mesh), 1)
            for form in FORMS:
                self._transport.subscribe(gl1.config_topic(self._member.mesh, form.what), 1)
            self._transport.subscribe(gl1.gateway_topic(self._member.mesh, "+"), 1)
            self._shared()

    def _shared(self) -> None:
        self._transport.subscribe(f"gl1/{self._member.mesh}/n/+/s", 1)

    def again(self) -> None:
        """What is retained comes anew."""
        self._transport.subscribe(self._bundle, 1)
        self.gateways()

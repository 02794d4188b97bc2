# SPDX-License-Identifier: GPL-3.0-or-later
"""Where messages end: verified, and handed to the shell once, or once more where their sender asks again."""

from collections import Counter

from ganglion.mesh.member import Cause
from ganglion.mesh.overlay.control import Control
from ganglion.mesh.overlay.effects import Deliver, Effect, MessageId
from ganglion.mesh.overlay.neighbour import Neighbour
from ganglion.mesh.overlay.routes import GATEWAY, OWN
from ganglion.mesh.overlay.seen import Seen
from ganglion.mesh.overlay.trust import Opened, Trust
from ganglion_micro import cbor, cose, gl1


class Delivery:
    """What arrived here.

    Args:
        trust: Whose node it is, and whom it believes.
        control: Who asks for the births of unknown signers.
        out: Where effects go.
        refused: Where refusals are counted.

    Attributes:
        seen: Messages that were for this node or for all.
    """

    def __init__(self, trust: Trust, control: Control, out: list[Effect], refused: Counter[Cause]) -> None:
        self._trust = trust
        self._control = control
        self._out = out
        self._refused = refused
        self.seen: Seen[MessageId] = Seen()

    def verified(self, neighbour: Neighbour, data: bytes, now: int) -> Opened | None:
        """The message, if its signature is a member's. The birth of one unknown, or expired, is asked for."""
        opened = self._trust.open(data, now)
        if isinstance(opened, Cause):
            self._refused[opened] += 1
            if opened in (Cause.UNENROLLED, Cause.EXPIRED):
                self._control.unknown(neighbour, cose.parse(data).kid, now)
            return None
        return opened

    def unicast(self, identity: MessageId, destination: bytes, data: bytes, now: int) -> None:
        """A message to this node, or to the gateway through it: what all were told goes there all the same."""
        if destination == self._trust.kid:
            self.seen.add(identity, now)
        self._out.append(Deliver(data, identity.kid))

    def broadcast(self, identity: MessageId, kind: int, data: bytes, now: int) -> None:
        """A message to all. The trust has taken births in already; what a group hears, the gateway is sent besides."""
        if not self.seen.add(identity, now) or kind == gl1.BIRTH:
            return
        if kind not in (gl1.EVENT, gl1.BATCH) or self._control.routes.selected.get(GATEWAY) != OWN:
            self._out.append(Deliver(data, identity.kid))

    def expire(self, now: int) -> None:
        """Forgets what is old."""
        self.seen.expire(now)


def identify(data: bytes) -> MessageId:
    """What a message says it is.

    Raises:
        CBORError: it is none, or one that stays on its link.
    """
    message = cose.parse(data)
    msg = gl1.unpack(message.payload)
    if msg.kind == gl1.HELLO:
        raise cbor.CBORError("a hello stays on its link")
    return MessageId(message.kid, msg.kind in gl1.CLASS_C, msg.epoch, msg.seq)

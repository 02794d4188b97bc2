# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages to everyone: passed on once, kept for a minute, and pulled where they were missed."""

from collections import Counter
from collections.abc import Callable

from ganglion.mesh.member import Cause
from ganglion.mesh.overlay import flood, frame, repair
from ganglion.mesh.overlay.adjacency import Adjacency
from ganglion.mesh.overlay.control import Control
from ganglion.mesh.overlay.delivery import Delivery, identify
from ganglion.mesh.overlay.effects import MessageId
from ganglion.mesh.overlay.fanout import Fanout
from ganglion.mesh.overlay.flood import Flood
from ganglion.mesh.overlay.frame import Frame
from ganglion.mesh.overlay.neighbour import Neighbour, by_link
from ganglion.mesh.overlay.repair import Repair
from ganglion_micro import cose, gl1


class Broadcast:
    """The floods of one node.

    Args:
        kid: Its key id.
        random: Uniform in [0, 1).
        adjacency: Its neighbours.
        control: What learns of births on their way.
        delivery: Where messages end.
        refused: Where refusals are counted.
    """

    def __init__(
        self,
        kid: bytes,
        random: Callable[[], float],
        adjacency: Adjacency,
        control: Control,
        delivery: Delivery,
        refused: Counter[Cause],
        now: int,
    ) -> None:
        self._hint = kid[: frame.HINT_SIZE]
        self._adjacency = adjacency
        self._control = control
        self._delivery = delivery
        self._refused = refused
        self._fanout = Fanout(adjacency)
        self.flooding = Flood(random)
        self.repair = Repair(random, now)

    def send(self, data: bytes, now: int) -> MessageId:
        """Sends a message of ours to everyone."""
        identity = identify(data)
        self._delivery.seen.add(identity, now)
        self.repair.keep(identity, data, flood.TTL - 1, now)
        self._fanout.spread(frame.FLOOD, flood.TTL, data, {self._hint}, now)
        return identity

    def receive(self, neighbour: Neighbour, got: Frame, data: bytes, now: int) -> None:
        """A FLOOD came."""
        identity = identify(data)
        covered = {hint for hint, _ in got.tags} | {neighbour.kid[: frame.HINT_SIZE]}
        if identity in self._delivery.seen:
            self.flooding.covered(identity, covered)
            return
        kind = gl1.unpack(cose.parse(data).payload).kind
        if kind == gl1.BIRTH:
            self._control.record(data, now)
        if self._delivery.verified(neighbour, data, now) is None:
            return
        if not self.flooding.allowed(identity.kid, now):
            self._refused[Cause.LIMITED] += 1
            return
        ttl = min(got.ttl, flood.TTL) - 1
        self._delivery.broadcast(identity, kind, data, now)
        self.repair.keep(identity, data, ttl, now)
        self.flooding.put(identity, data, ttl, covered, now)

    def summary(self, neighbour: Neighbour, body: bytes, now: int) -> None:
        """A neighbour says what can be had of it."""
        for pull in self.repair.missing(body, self._delivery.seen.__contains__, now):
            self._adjacency.transmit(frame.PULL, 1, pull, [neighbour], now)

    def pull(self, neighbour: Neighbour, body: bytes, now: int) -> None:
        """A neighbour lacks messages."""
        for identity in repair.parse_pull(body):
            found = self.repair.get(identity)
            if found is not None and found[1] > 0:
                self._fanout.send(frame.FLOOD, found[1], found[0], [neighbour], now)
        self.repair.trickle.reset(now)

    def records(self, neighbour: Neighbour, records: list[bytes], now: int) -> None:
        """Sends births, or what the authority states, to the neighbour that asked."""
        for record in records:
            self._fanout.send(frame.RECORD, 1, record, [neighbour], now)

    @property
    def deadline(self) -> int | None:
        """When there is something to be done."""
        return min((due for due in (self.flooding.deadline, self.repair.deadline) if due is not None), default=None)

    def tick(self, now: int) -> None:
        """Passes on what is due, and says what can be had."""
        for pending in self.flooding.tick(now):
            self._fanout.spread(frame.FLOOD, pending.ttl, pending.data, pending.covered, now)
        due = self.repair.deadline
        if due is None or due > now:
            return
        self.repair.expire(now)
        self.repair.trickle.spoken()
        for to in by_link(self._adjacency.up()):
            for body in self.repair.summaries(self._adjacency.room(to[0].link, len(to)), now):
                self._adjacency.transmit(frame.SUMMARY, 1, body, to, now)

    def expire(self, now: int) -> None:
        """Forgets what is old."""
        self.repair.expire(now)
        self.flooding.expire(now)

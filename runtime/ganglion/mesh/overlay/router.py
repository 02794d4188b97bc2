# SPDX-License-Identifier: GPL-3.0-or-later
"""One node of the mesh without I/O: frames and time in, effects out. It puts the parts of this package together.

A shell gives it the links, feeds what arrives to `receive`, calls `tick` at `deadline`, and carries out the effects
that every call returns.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable

from ganglion.mesh.member import Cause
from ganglion.mesh.overlay import custody, frame, update
from ganglion.mesh.overlay.adjacency import Adjacency, Change
from ganglion.mesh.overlay.broadcast import Broadcast
from ganglion.mesh.overlay.control import Control
from ganglion.mesh.overlay.delivery import Delivery
from ganglion.mesh.overlay.effects import Effect, MessageId
from ganglion.mesh.overlay.forwarding import Forwarding
from ganglion.mesh.overlay.frame import Frame, FrameError
from ganglion.mesh.overlay.link import Link
from ganglion.mesh.overlay.neighbour import Neighbour
from ganglion.mesh.overlay.routes import GATEWAY, OWN
from ganglion.mesh.overlay.trust import Trust
from ganglion.mesh.overlay.update import BodyError
from ganglion.units import SECOND
from ganglion_micro import cbor

#: Old things are thrown out, and members looked at again.
_HOUSEKEEPING = SECOND
_SWEEP = 10

__all__ = ["GATEWAY", "Router"]


class Router:
    """The router of one node.

    Args:
        trust: Whose node it is, and whom it believes.
        random: Uniform in [0, 1), for jitter.
        entropy: Secret random bytes, for the ephemeral keys of links: `os.urandom`.
        now: Nanoseconds that never go back or jump, as everywhere here: `time.monotonic_ns`. The trust knows the date.

    Attributes:
        refused: Frames and messages that were not believed, by cause.
    """

    def __init__(self, trust: Trust, *, random: Callable[[], float], entropy: Callable[[int], bytes], now: int) -> None:
        self._trust = trust
        self._out: list[Effect] = []
        self.refused: Counter[Cause] = Counter()
        self._adjacency = Adjacency(trust, random, entropy, self._out, self.refused)
        self._control = Control(trust, self._adjacency, self._out, self.refused, now)
        self._delivery = Delivery(trust, self._control, self._out, self.refused)
        self._forwarding = Forwarding(
            trust, random, self._adjacency, self._control, self._delivery, self._out, self.refused, now
        )
        self._broadcast = Broadcast(
            trust.kid, random, self._adjacency, self._control, self._delivery, self.refused, now
        )
        self._housekeeping = now + _HOUSEKEEPING
        self._rounds = 0

    @property
    def deadline(self) -> int:
        """When `tick` must be called."""
        parts = (self._adjacency, self._control, self._forwarding, self._broadcast)
        due = [self._housekeeping, *[part.deadline for part in parts]]
        return min(time for time in due if time is not None)

    # What there is to see

    @property
    def neighbours(self) -> list[Neighbour]:
        """Those that can be reached now."""
        return self._adjacency.up()

    @property
    def known(self) -> list[Neighbour]:
        """Those whose hello was heard, whether they can be reached now or not."""
        return list(self._adjacency.neighbours.values())

    @property
    def destinations(self) -> list[bytes]:
        """Key ids, and perhaps `GATEWAY`, that there is a way to now, without this node's own."""
        return [destination for destination in self._control.routes if destination != self._trust.kid]

    def next_hop(self, destination: bytes) -> tuple[bytes, str] | None:
        """The neighbour and the link that a message takes; this node's key id and "" for itself or its own uplink."""
        via = self._control.routes.selected.get(destination)
        return (self._trust.kid, "") if via == OWN else via

    def metric(self, destination: bytes) -> int:
        """The distance; 65535 where there is no way."""
        return self._control.routes.entry(destination).metric

    @property
    def exhausted(self) -> int:
        """Unicasts whose hops were used up."""
        return self._forwarding.exhausted

    @property
    def sizes(self) -> dict[str, int]:
        """Entries of every table that others can make grow."""
        forwarding, control, broadcast = self._forwarding, self._control, self._broadcast
        return {
            "neighbours": len(self._adjacency.neighbours),
            "routes": len(control.routes),
            "sources": len(control.routes.sources),
            "statements": len(control.statements),
            "requests": len(control.requests),
            "updates": len(control.reliable),
            "parcels": len(forwarding.custody),
            "seen": len(self._delivery.seen),
            "passed": len(forwarding.passed),
            "flooding": len(broadcast.flooding),
            "kept": len(broadcast.repair),
        }

    # What happens

    def link_up(self, link: Link, now: int) -> list[Effect]:
        """A link can be used."""
        self._adjacency.link_up(link, now)
        return self._settled(now)

    def link_down(self, name: str, now: int) -> list[Effect]:
        """A link is gone: the carrier, the broker. Its neighbours are not waited for."""
        self._adjacency.link_down(name, now)
        return self._settled(now)

    def beacon(self, data: bytes, cost: int, now: int) -> list[Effect]:
        """A gateway's beacon was heard over an uplink. Ten seconds after the last one the uplink ends.

        Args:
            data: GL1, as `signed.beacon` has it.
            cost: Of the uplink, as links cost.
        """
        self._control.beacon(data, cost, now)
        return self._settled(now)

    def send(self, destination: bytes, data: bytes, now: int) -> tuple[MessageId, list[Effect]]:
        """Sends a message of this node to one receiver.

        Args:
            destination: Key id, or `GATEWAY`.
            data: GL1. What was undeliverable may be sent again as it is.

        Raises:
            CBORError: it is no GL1 message.
        """
        identity = self._forwarding.send(destination, data, now)
        return identity, self._settled(now)

    def flood(self, data: bytes, now: int) -> tuple[MessageId, list[Effect]]:
        """Sends a message of this node to every member.

        Raises:
            CBORError: it is no GL1 message.
        """
        identity = self._broadcast.send(data, now)
        return identity, self._settled(now)

    def unanswered(self, destination: bytes, messages: Iterable[bytes], now: int) -> list[Effect]:
        """The receiver's answer to messages that were sent there never came.

        Where the next hop had acknowledged one of them, the way is held to be dearer for a minute, so that another one
        is taken where there is one: against a relay that takes everything and passes nothing on.

        Raises:
            CBORError: one is no GL1 message.
        """
        self._forwarding.unanswered(destination, messages, now)
        return self._settled(now)

    def measured(self, via: tuple[bytes, str], cost: int | None, now: int) -> list[Effect]:
        """Somebody else knows what the way to a neighbour costs: batman-adv, babeld. It replaces the router's estimate.

        Args:
            via: Key id and name of the link, as `Neighbour.via` has them; one that is gone is ignored.
            cost: 1 to 65535, 256 for one perfect radio hop; None when it is not known any more. The link's penalty
                is added. The hellos alone say whether the neighbour is there.
        """
        self._adjacency.weighed(via, cost, now)
        return self._settled(now)

    def revoked(self, now: int) -> list[Effect]:
        """The trust knows a newer list of revoked members, from elsewhere than this router."""
        self._control.sweep(now)
        return self._settled(now)

    def receive(self, link: str, address: Hashable | None, data: bytes, now: int) -> list[Effect]:
        """A frame came. Nothing in it is believed before its MAC, and no message before its signature.

        Args:
            link: Its name; a frame of one that is not up is ignored.
            address: Where an answer goes; None where the link has none.
        """
        if any(known.name == link for known in self._adjacency.links):
            try:
                self._receive(link, address, frame.parse(data), data, now)
            except (FrameError, BodyError, cbor.CBORError):
                self.refused[Cause.MALFORMED] += 1
        return self._settled(now)

    def _receive(self, link: str, address: Hashable | None, got: Frame, data: bytes, now: int) -> None:
        if got.sender == self._trust.kid:
            return  # our own, from a medium that echoes
        if got.kind == frame.HELLO:
            if got.tags:
                raise FrameError("a hello with tags")
            self._adjacency.hello(link, address, got.body, now)
            return
        found = self._adjacency.open(link, address, got, now)
        if found is None:
            return
        self._changes(now)
        neighbour, tag = found
        if got.kind == frame.ALIVE:
            alive = update.parse_alive(got.body)
            self._adjacency.alive(neighbour, alive, tag, now)
            self._changes(now)
            if neighbour.up:
                self._control.compare(neighbour, alive.versions, now)
        elif neighbour.up:
            self._dispatch(neighbour, got, now)

    def _dispatch(self, neighbour: Neighbour, got: Frame, now: int) -> None:
        control, forwarding, broadcast = self._control, self._forwarding, self._broadcast
        body = got.body
        if got.flags & frame.FRAGMENT:
            whole = neighbour.reassembly.add(got.kind, frame.piece(body), now)
            if whole is None:
                if got.kind == frame.UNICAST:
                    self._acknowledge(neighbour, got, now)
                return
            body = whole
        match got.kind:
            case frame.UPDATE:
                control.update(neighbour, body, got.counter, now)
            case frame.ACK:
                for counter in update.parse_counters(body):
                    self._adjacency.acknowledged(neighbour, counter, now)
                    control.reliable.acknowledged(neighbour.via, counter)
                    forwarding.acknowledged(neighbour, counter, now)
            case frame.REQUEST:
                control.request(neighbour, body, now)
            case frame.WANT:
                broadcast.records(neighbour, control.want(neighbour, body, now), now)
            case frame.RECORD:
                control.record(body, now)
            case frame.UNICAST | frame.SCOUT:
                if len(body) < custody.HEAD_SIZE:
                    raise BodyError("a unicast that is cut short")
                if forwarding.unicast(neighbour, got, body, now) and got.kind == frame.UNICAST:
                    self._acknowledge(neighbour, got, now)
            case frame.FLOOD:
                broadcast.receive(neighbour, got, body, now)
            case frame.SUMMARY:
                broadcast.summary(neighbour, body, now)
            case frame.PULL:
                broadcast.pull(neighbour, body, now)
            case _:
                raise FrameError(f"kind {got.kind} of frame")

    def _acknowledge(self, neighbour: Neighbour, got: Frame, now: int) -> None:
        self._adjacency.transmit(frame.ACK, 1, update.pack_counters([got.counter]), [neighbour], now)

    def tick(self, now: int) -> list[Effect]:
        """Does what is due. Call it at `deadline`; earlier or later does no harm."""
        self._adjacency.tick(now)
        self._changes(now)
        self._control.tick(now)
        self._forwarding.tick(now)
        self._broadcast.tick(now)
        if self._housekeeping <= now:
            self._housekeeping = now + _HOUSEKEEPING
            self._rounds += 1
            self._control.routes.expire(now)
            self._delivery.expire(now)
            self._forwarding.expire(now)
            self._broadcast.expire(now)
            if self._rounds % _SWEEP == 0:
                self._control.sweep(now)
        return self._settled(now)

    def _changes(self, now: int) -> None:
        changes = self._adjacency.changes
        while changes:
            neighbour, change = changes.pop(0)
            self._control.changed(neighbour, change, now)
            if change is Change.DOWN:
                self._forwarding.gone(neighbour.via, now)

    def _settled(self, now: int) -> list[Effect]:
        self._changes(now)
        self._control.settle(now)
        if self._control.rerouted:
            self._forwarding.rerouted(self._control.rerouted, now)
            self._control.rerouted.clear()
        out = list(self._out)
        self._out.clear()
        return out

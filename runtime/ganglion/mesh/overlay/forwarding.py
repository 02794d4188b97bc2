# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages to one receiver on their way: offered to the next hop, to another, to all around, and given back."""

from collections import Counter
from collections.abc import Callable, Iterable

from ganglion.mesh.member import Cause
from ganglion.mesh.overlay import custody, frame
from ganglion.mesh.overlay.adjacency import Adjacency
from ganglion.mesh.overlay.bucket import Bucket
from ganglion.mesh.overlay.control import Control
from ganglion.mesh.overlay.custody import Custody, Parcel, ParcelId
from ganglion.mesh.overlay.delivery import Delivery, identify
from ganglion.mesh.overlay.effects import Effect, MessageId, Undeliverable
from ganglion.mesh.overlay.fanout import Fanout
from ganglion.mesh.overlay.frame import Frame
from ganglion.mesh.overlay.neighbour import Neighbour
from ganglion.mesh.overlay.routes import GATEWAY, OWN, Via
from ganglion.mesh.overlay.seen import Seen
from ganglion.mesh.overlay.trust import Trust
from ganglion.units import SECOND

#: How long a relay keeps what it has no way for: routes are found again within that time.
_STRANDED = 3 * SECOND
#: Last resorts a second, and at once.
_SCOUT_RATE = 10.0
_SCOUT_BURST = 20.0
#: Messages of ours of which it is known who took them.
_HANDED = 1024


class Forwarding:
    """The unicasts of one node.

    Args:
        trust: Whose node it is, and whom it believes.
        random: Uniform in [0, 1).
        adjacency: Its neighbours.
        control: Its routes.
        delivery: Where messages end.
        out: Where effects go.
        refused: Where refusals are counted.

    Attributes:
        exhausted: Messages whose hops were used up: a loop, or a mesh too wide.
    """

    def __init__(
        self,
        trust: Trust,
        random: Callable[[], float],
        adjacency: Adjacency,
        control: Control,
        delivery: Delivery,
        out: list[Effect],
        refused: Counter[Cause],
        now: int,
    ) -> None:
        self._trust = trust
        self._random = random
        self._adjacency = adjacency
        self._control = control
        self._out = out
        self._refused = refused
        self.custody = Custody()
        self._fanout = Fanout(adjacency)
        self._delivery = delivery
        self.passed: Seen[ParcelId] = Seen()
        self.exhausted = 0
        self._handed: dict[MessageId, Via] = {}
        self._stranded: dict[ParcelId, tuple[Parcel, int]] = {}
        self._scouts = Bucket(_SCOUT_RATE, _SCOUT_BURST, now)

    # Ours

    def send(self, destination: bytes, data: bytes, now: int) -> MessageId:
        """Sends a message of ours to one receiver."""
        identity = identify(data)
        if self._here(destination):
            self._delivery.unicast(identity, destination, data, now)
            return identity
        attempt = int(self._random() * 0x10000).to_bytes(2, "big")
        parcel = Parcel((identity, attempt), destination, data, custody.TTL, None)
        self.passed.add(parcel.id, now)
        if not self._control.routes.successors(destination):
            self._undeliverable(parcel, "no way to the receiver is known")
        elif not self.custody.put(parcel):
            self._undeliverable(parcel, "too many messages are on their way")
        else:
            self._next(parcel, now)
        return identity

    def unanswered(self, destination: bytes, messages: Iterable[bytes], now: int) -> None:
        """No answer to messages of ours has come. The way is to blame where its next hop had taken one of them."""
        taken = {self._handed.pop(identify(data), None) for data in messages}
        if self._control.routes.selected.get(destination, OWN) in taken:
            self._control.routes.mistrust(destination, now)

    # Others'

    def unicast(self, neighbour: Neighbour, got: Frame, body: bytes, now: int) -> bool:
        """A UNICAST, or a SCOUT, came; whether this node answers for it now, so that it is to be acknowledged."""
        destination, attempt, data = body[:8], body[8 : custody.HEAD_SIZE], body[custody.HEAD_SIZE :]
        identity = identify(data)
        parcel = Parcel((identity, attempt), destination, data, got.ttl - 1, neighbour.kid)
        scout = got.kind == frame.SCOUT
        here = self._here(destination)
        mark = (identity, attempt + b"s" if scout and not here else attempt)
        if mark in self.passed:
            return True
        opened = self._delivery.verified(neighbour, data, now)
        if opened is None:
            return False
        if type(opened.dst) is bytes and destination not in (opened.dst, GATEWAY):
            self._refused[Cause.MISADDRESSED] += 1
            return True
        if here:
            self._delivery.unicast(identity, destination, data, now)
        elif parcel.ttl < 1:
            self.exhausted += not scout
        elif scout:
            self._scout(parcel, {kid[: frame.HINT_SIZE] for kid in (neighbour.kid, self._trust.kid)}, now)
        elif self.custody.put(parcel):
            self._next(parcel, now)
        else:
            return False
        self.passed.add(mark, now)
        return True

    def acknowledged(self, neighbour: Neighbour, counter: int, now: int) -> None:
        """A neighbour has a piece of a parcel."""
        parcel = self.custody.acknowledged(neighbour.via, counter)
        if parcel is None:
            return
        following = self.custody.release(parcel)
        self.custody.remove(parcel)
        if parcel.source is None:
            if len(self._handed) >= _HANDED:
                del self._handed[next(iter(self._handed))]
            self._handed[parcel.id[0]] = neighbour.via
        for other in following:
            self._transmit(other, now)

    def gone(self, via: Via, now: int) -> None:
        """A neighbour cannot be reached any more: what it was offered goes elsewhere."""
        held = self.custody.held_by(via)
        for parcel in reversed(held):
            self.custody.release(parcel)  # the last first, so that none takes another's place
        for parcel in held:
            parcel.tried.add(via)
            self._next(parcel, now)

    def rerouted(self, destinations: Iterable[bytes], now: int) -> None:
        """There may be a way now for what had none."""
        wanted = set(destinations)
        for key, (parcel, _) in list(self._stranded.items()):
            if parcel.destination in wanted and self._successors(parcel):
                del self._stranded[key]
                self._next(parcel, now)

    def _here(self, destination: bytes) -> bool:
        return destination == self._trust.kid or (
            destination == GATEWAY and self._control.routes.selected.get(GATEWAY) == OWN
        )

    def _successors(self, parcel: Parcel) -> list[Via]:
        return [
            via
            for via in self._control.routes.successors(parcel.destination)
            if via not in parcel.tried and via[0] != parcel.source and via != OWN
        ]

    def _next(self, parcel: Parcel, now: int) -> None:
        """Offers a parcel to the next hop that was not tried, or gives it up."""
        if self._here(parcel.destination):
            self.custody.remove(parcel)
            self._delivery.unicast(parcel.id[0], parcel.destination, parcel.data, now)
            return
        body = parcel.body
        for via in self._successors(parcel):
            neighbour = self._adjacency.neighbours.get(via)
            if neighbour is None or not neighbour.up:
                continue
            room = self._adjacency.room(neighbour.link, 1)
            if self.custody.offer(parcel, via, [body] if len(body) <= room else frame.split(body, room)):
                self._transmit(parcel, now)
            return
        if parcel.tried:
            self.custody.remove(parcel)
            if self._scouts.take(now):
                self._scout(parcel, {self._trust.kid[: frame.HINT_SIZE]}, now)
            self._undeliverable(parcel, "no next hop took it")
        elif parcel.source is None:
            self.custody.remove(parcel)
            self._undeliverable(parcel, "no way to the receiver is known")
        else:
            self._stranded[parcel.id] = (parcel, now + _STRANDED)

    def _transmit(self, parcel: Parcel, now: int) -> None:
        assert parcel.via is not None
        neighbour = self._adjacency.neighbours[parcel.via]
        parcel.tries += 1
        flags = frame.FRAGMENT if parcel.frames > 1 else 0
        for index, piece in parcel.pieces.items():
            counter = self._adjacency.transmit(frame.UNICAST, parcel.ttl, piece, [neighbour], now, flags)
            self._adjacency.timed(neighbour.link.name, counter, now)
            self.custody.sent(parcel, index, counter, now, now + neighbour.timeout)

    def _scout(self, parcel: Parcel, covered: set[bytes], now: int) -> None:
        """The last resort: everyone within three hops."""
        ttl = min(parcel.ttl, custody.SCOUT_TTL)
        self.passed.add((parcel.id[0], parcel.id[1] + b"s"), now)
        self._fanout.spread(frame.SCOUT, ttl, parcel.body, covered, now)

    def _undeliverable(self, parcel: Parcel, why: str) -> None:
        ours = parcel.source is None
        self._out.append(Undeliverable(parcel.id[0], parcel.destination, parcel.data, ours, why))

    # Time

    @property
    def deadline(self) -> int | None:
        """When there is something to be done."""
        due = [self.custody.deadline]
        due += [until for _, until in self._stranded.values()]
        return min((time for time in due if time is not None), default=None)

    def tick(self, now: int) -> None:
        """Sends what is due, and gives up what is hopeless."""
        for parcel in self.custody.due(now):
            if parcel.tries < custody.TRIES:
                self._transmit(parcel, now)
                continue
            assert parcel.via is not None
            parcel.tried.add(parcel.via)
            following = self.custody.release(parcel)
            for other in following:
                self._transmit(other, now)
            self._next(parcel, now)
        for key, (parcel, until) in list(self._stranded.items()):
            if until <= now:
                del self._stranded[key]
                self.custody.remove(parcel)
                self._undeliverable(parcel, "no way to the receiver was found in time")

    def expire(self, now: int) -> None:
        """Forgets what is old."""
        self.passed.expire(now)

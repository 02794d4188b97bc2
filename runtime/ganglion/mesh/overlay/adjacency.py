# SPDX-License-Identifier: GPL-3.0-or-later
"""Links and the neighbours on them: hellos, keep-alives, and the MAC on every frame.

The only bytes of a stranger that are looked at are a signed hello, so many a second on a link. Its sender becomes a
neighbour once the signature is a member's; frames pass once a MAC has shown that it is there now.
"""

import hmac
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import Enum

from ganglion.mesh.member import Cause
from ganglion.mesh.overlay import frame, signed, update
from ganglion.mesh.overlay.bucket import Bucket
from ganglion.mesh.overlay.cost import INFINITY
from ganglion.mesh.overlay.effects import Effect, Transmit
from ganglion.mesh.overlay.frame import Frame
from ganglion.mesh.overlay.link import Link
from ganglion.mesh.overlay.neighbour import Neighbour
from ganglion.mesh.overlay.routes import Via
from ganglion.mesh.overlay.session import Ephemeral
from ganglion.mesh.overlay.trust import Trust
from ganglion.units import MILLISECOND, SECOND
from ganglion_micro import cbor, cose, gl1

#: Between signed hellos; the first few, and those to a neighbour that has not confirmed its session, come faster.
_HELLO = 4 * SECOND
_HELLO_FAST = SECOND
_FIRST = 5
#: Neighbours on one link. More members than that on one broker are divided over several.
_NEIGHBOURS = 64
#: Signatures of strangers that are checked a second on a link, and at once.
_RATE = 50.0
_BURST = 200.0
#: Frames whose acknowledgement would measure a round trip.
_TIMED = 512


class Change(Enum):
    """What became of a neighbour."""

    UP = "up"
    DOWN = "down"
    COST = "cost"


@dataclass(slots=True)
class _Port:
    link: Link
    ephemeral: Ephemeral
    bucket: Bucket
    alive_due: int
    hello_due: int
    counter: int = 0
    alive_seq: int = 0
    hellos: int = 0


class Adjacency:
    """The links of one node.

    Args:
        trust: Whose node it is, and whom it believes.
        random: Uniform in [0, 1).
        entropy: Secret random bytes.
        out: Where effects go.
        refused: Where refusals are counted.

    Attributes:
        neighbours: By key id and link.
        changes: What became of neighbours since the caller last emptied it.
    """

    def __init__(
        self,
        trust: Trust,
        random: Callable[[], float],
        entropy: Callable[[int], bytes],
        out: list[Effect],
        refused: Counter[Cause],
    ) -> None:
        self._trust = trust
        self._random = random
        self._entropy = entropy
        self._out = out
        self._refused = refused
        self._hint = trust.kid[: frame.HINT_SIZE]
        self._ports: dict[str, _Port] = {}
        self._timed: dict[tuple[str, int], int] = {}
        self.neighbours: dict[Via, Neighbour] = {}
        self.changes: list[tuple[Neighbour, Change]] = []

    @property
    def links(self) -> list[Link]:
        """Those that are up."""
        return [port.link for port in self._ports.values()]

    def link_up(self, link: Link, now: int) -> None:
        """A link can be used. Known already, it begins anew."""
        self.link_down(link.name, now)
        ephemeral = Ephemeral(self._entropy(32), self._trust.kid, self._trust.mesh)
        start = now + int(self._random() * 50 * MILLISECOND)
        self._ports[link.name] = _Port(link, ephemeral, Bucket(_RATE, _BURST, now), start, start)

    def link_down(self, name: str, now: int) -> None:
        """A link is gone, with its neighbours."""
        if self._ports.pop(name, None) is not None:
            for neighbour in [n for n in self.neighbours.values() if n.link.name == name]:
                self._remove(neighbour)

    def up(self) -> list[Neighbour]:
        """Neighbours that can be reached."""
        return [n for n in self.neighbours.values() if n.up]

    def sweep(self, now: int) -> None:
        """Removes neighbours that are no members any more."""
        for neighbour in list(self.neighbours.values()):
            if not self._trust.allowed(neighbour.kid, now):
                self._remove(neighbour)

    def _remove(self, neighbour: Neighbour) -> None:
        self.neighbours.pop(neighbour.via, None)
        self._lower(neighbour)

    def _lower(self, neighbour: Neighbour) -> None:
        if neighbour.up:
            neighbour.up = False
            self.changes.append((neighbour, Change.DOWN))

    # Sending

    def room(self, link: Link, receivers: int) -> int:
        """Bytes that a body may have."""
        return link.mtu - frame.HEAD_SIZE - frame.TAG_SIZE * receivers

    def transmit(self, kind: int, ttl: int, body: bytes, to: Sequence[Neighbour], now: int, flags: int = 0) -> int:
        """Sends one frame to neighbours on the same link; its counter.

        Args:
            body: Of at most `room` bytes.
        """
        tags = [(neighbour, neighbour.sessions[0]) for neighbour in to]
        port = self._ports[to[0].link.name]
        port.counter += 1
        head = frame.head(kind, ttl, flags, len(tags), self._trust.kid, port.counter)
        macs = [(n.kid[: frame.HINT_SIZE], session.mac(head + body)) for n, session in tags]
        one = to[0] if len(to) == 1 else None
        address, kid = (one.address, one.kid) if one else (None, None)
        self._out.append(Transmit(port.link.name, address, kid, frame.pack(head, macs, body)))
        return port.counter

    def timed(self, link: str, counter: int, now: int) -> None:
        """The acknowledgement of this frame tells the round trip."""
        if len(self._timed) >= _TIMED:
            del self._timed[next(iter(self._timed))]
        self._timed[link, counter] = now

    def acknowledged(self, neighbour: Neighbour, counter: int, now: int) -> None:
        """A neighbour has a frame."""
        at = self._timed.get((neighbour.link.name, counter))
        if at is not None:
            neighbour.measured(now - at)

    def _say_alive(self, port: _Port, now: int) -> None:
        port.alive_due = now + port.link.interval - int(self._random() * port.link.interval / 10)
        port.alive_seq = port.alive_seq + 1 & 0xFFFF
        to = [(n, session) for n in self.neighbours.values() if n.link is port.link for session in n.sessions]
        size = (port.link.mtu - frame.HEAD_SIZE - update.ALIVE_OVERHEAD) // (frame.TAG_SIZE + 2)
        for at in range(0, len(to), size):
            part = to[at : at + size]
            costs = [n.rxcost if session.confirmed else INFINITY for n, session in part]
            interval = port.link.interval // MILLISECOND
            body = update.pack_alive(update.Alive(port.alive_seq, self._trust.versions, interval, costs))
            port.counter += 1
            head = frame.head(frame.ALIVE, 1, 0, len(part), self._trust.kid, port.counter)
            macs = [(n.kid[: frame.HINT_SIZE], session.mac(head + body)) for n, session in part]
            self._out.append(Transmit(port.link.name, None, None, frame.pack(head, macs, body)))

    def _say_hello(self, port: _Port, now: int) -> None:
        here = [n for n in self.neighbours.values() if n.link is port.link]
        waiting = any(len(n.sessions) > 1 or not n.up for n in here)
        port.hellos += 1
        fast = port.hellos < _FIRST or any(not n.up and now - n.heard < 10 * SECOND for n in here)
        port.hello_due = now + (_HELLO_FAST if fast else _HELLO) - int(self._random() * _HELLO_FAST / 4)
        credential = self._trust.credential if waiting or not here else None
        body = signed.hello(port.ephemeral.public, credential)
        port.counter += 1
        head = frame.head(frame.HELLO, 1, 0, 0, self._trust.kid, port.counter)
        self._out.append(Transmit(port.link.name, None, None, head + self._trust.seal(body, now)))

    # Hearing

    def hello(self, link: str, address: Hashable | None, data: bytes, now: int) -> None:
        """A frame of kind HELLO came."""
        port = self._ports[link]
        if not port.bucket.take(now):
            self._refused[Cause.LIMITED] += 1
            return
        cause = self._hello(port, address, data, now)
        if cause is not None:
            self._refused[cause] += 1

    def _hello(self, port: _Port, address: Hashable | None, data: bytes, now: int) -> Cause | None:
        try:
            credential = signed.credential(gl1.unpack(cose.parse(data).payload).body)
        except cbor.CBORError:
            return Cause.MALFORMED
        opened = self._trust.open(data, now, credential)
        if isinstance(opened, Cause):
            return opened
        said = signed.parse(opened.body)
        if opened.kind != gl1.HELLO or opened.dst is not None or not isinstance(said, signed.Hello):
            return Cause.MALFORMED
        order = (opened.id.epoch, opened.id.seq)
        neighbour = self.neighbours.get((opened.id.kid, port.link.name))
        if neighbour is not None and order <= neighbour.order:
            return Cause.REPLAYED
        if neighbour is not None and neighbour.knows(said.ephemeral, order):
            return None
        session = port.ephemeral.session(opened.id.kid, said.ephemeral)
        if session is None:
            return Cause.MALFORMED
        if neighbour is None:
            if not self._place(port.link):
                return Cause.LIMITED
            neighbour = Neighbour(opened.id.kid, port.link, address, now)
            self.neighbours[neighbour.via] = neighbour
        neighbour.offer(session, order)
        soon = now + int((10 + self._random() * 30) * MILLISECOND)
        port.hello_due, port.alive_due = min(port.hello_due, soon), min(port.alive_due, soon)
        return None

    def _place(self, link: Link) -> bool:
        """Whether there is room for a neighbour more; one that never showed itself makes room."""
        here = [n for n in self.neighbours.values() if n.link.name == link.name]
        if len(here) < _NEIGHBOURS:
            return True
        idle = min((n for n in here if not n.up), key=lambda n: (n.confirmed, n.heard), default=None)
        if idle is None:
            return False
        self._remove(idle)
        return True

    def open(self, link: str, address: Hashable | None, got: Frame, now: int) -> tuple[Neighbour, int] | None:
        """The neighbour that a frame is from, and which of its tags is ours; None where no MAC holds."""
        neighbour = self.neighbours.get((got.sender, link))
        if neighbour is None:
            self._refused[Cause.UNENROLLED] += 1
            return None
        covered = got.head + got.body
        ours = [(i, mac) for i, (hint, mac) in enumerate(got.tags) if hint == self._hint]
        for session in neighbour.sessions:
            right = session.mac(covered)
            for i, mac in ours:
                if not hmac.compare_digest(mac, right):
                    continue
                if not session.fresh(got.counter):
                    self._refused[Cause.REPLAYED] += 1
                    return None
                if session.latest(got.counter):
                    neighbour.address, neighbour.heard = address, now
                if neighbour.confirm(session):
                    self._lower(neighbour)  # what it said before it began anew does not hold
                    port = self._ports[link]
                    port.alive_due = min(port.alive_due, now + int(self._random() * 20 * MILLISECOND))
                return neighbour, i
        if ours:
            self._refused[Cause.FORGED] += 1
        return None

    def alive(self, neighbour: Neighbour, said: update.Alive, tag: int, now: int) -> None:
        """A keep-alive of a neighbour."""
        if tag < len(said.costs) and 0 < said.interval <= 60_000:
            neighbour.hello(said.seq, said.interval * MILLISECOND, said.costs[tag], now)
            self._judge(neighbour, now)

    def weighed(self, via: Via, measured: int | None, now: int) -> None:
        """What the way to a neighbour costs was measured elsewhere."""
        neighbour = self.neighbours.get(via)
        if neighbour is not None:
            neighbour.weighed(measured)
            self._judge(neighbour, now)

    def _judge(self, neighbour: Neighbour, now: int) -> None:
        reachable = neighbour.reachable(now) and neighbour.cost < INFINITY
        if reachable and not neighbour.up:
            neighbour.up = True
            neighbour.settled = neighbour.cost
            self.changes.append((neighbour, Change.UP))
        elif neighbour.up and not reachable:
            self._lower(neighbour)
        elif neighbour.up and abs(neighbour.cost - neighbour.settled) * 16 >= neighbour.settled:
            neighbour.settled = neighbour.cost
            self.changes.append((neighbour, Change.COST))

    # Time

    @property
    def deadline(self) -> int | None:
        """When something is to be said, or somebody overdue."""
        due = [time for port in self._ports.values() for time in (port.alive_due, port.hello_due)]
        due += [time for n in self.neighbours.values() if (time := n.deadline) is not None]
        return min(due, default=None)

    def tick(self, now: int) -> None:
        """Says what is due and judges who is overdue."""
        for neighbour in list(self.neighbours.values()):
            due = neighbour.deadline
            if due is not None and due <= now:
                neighbour.overdue(now)
                self._judge(neighbour, now)
                if neighbour.probe(now):
                    self.transmit(frame.UPDATE, 1, update.pack_update([], []), [neighbour], now)
            if neighbour.forgotten(now):
                self._remove(neighbour)
        for port in self._ports.values():
            if port.hello_due <= now:
                self._say_hello(port, now)
            if port.alive_due <= now:
                self._say_alive(port, now)

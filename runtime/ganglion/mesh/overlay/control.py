# SPDX-License-Identifier: GPL-3.0-or-later
"""The routing protocol between neighbours: updates, acknowledgements, requests, and births that prove who is who."""

from collections import Counter
from collections.abc import Iterable

from ganglion.mesh.member import Cause
from ganglion.mesh.overlay import frame, update
from ganglion.mesh.overlay.adjacency import Adjacency, Change
from ganglion.mesh.overlay.cost import INFINITY
from ganglion.mesh.overlay.effects import Effect, NeighbourChanged
from ganglion.mesh.overlay.fanout import Fanout
from ganglion.mesh.overlay.neighbour import Neighbour, by_link
from ganglion.mesh.overlay.origin import Origin, Stated, Statements
from ganglion.mesh.overlay.reliable import Reliable
from ganglion.mesh.overlay.requests import Requests
from ganglion.mesh.overlay.routes import GATEWAY, Routes
from ganglion.mesh.overlay.trust import Trust
from ganglion.mesh.overlay.update import Entry, Versions
from ganglion.mesh.overlay.wants import Wants
from ganglion.units import MILLISECOND, SECOND
from ganglion_micro import cbor

#: Everything is told anew to everyone.
_REFRESH = 30 * SECOND
#: On a link whose delay counts, how often it is measured.
_PROBE = 4 * SECOND
#: Records that are asked for at a time, and bytes after which an answer ends: the rest is asked for again.
_KIDS = 32
_ANSWER = cbor.MAX_SIZE
#: A request makes the origin sign a newer number at most so often.
_ADVANCE = 100 * MILLISECOND


class Control:
    """The control plane of one node.

    Args:
        trust: Whose node it is, and whom it believes.
        adjacency: Its neighbours.
        out: Where effects go.
        refused: Where refusals are counted.

    Attributes:
        rerouted: Destinations whose way changed since the caller last emptied it.
    """

    def __init__(
        self, trust: Trust, adjacency: Adjacency, out: list[Effect], refused: Counter[Cause], now: int
    ) -> None:
        self._trust = trust
        self._adjacency = adjacency
        self._fanout = Fanout(adjacency)
        self._out = out
        self._refused = refused
        self.routes = Routes(trust.kid)
        self.requests = Requests(self.routes)
        self.reliable = Reliable()
        self.statements = Statements(trust)
        self.origin = Origin(trust, now)
        self.rerouted: dict[bytes, None] = {}
        self.wants = Wants()
        self._refresh = now + _REFRESH
        self._probe = now + _PROBE
        self._advanced = 0
        self._originate(now)

    def _originate(self, now: int) -> None:
        seqno = self.origin.stated.seqno
        self.routes.originate(self._trust.kid, seqno, 0, now)
        self.routes.originate(GATEWAY, seqno, self.origin.cost, now)

    def beacon(self, data: bytes, cost: int, now: int) -> bool:
        """A gateway was heard over an uplink; whether it is believed."""
        cause = self.origin.beacon(data, cost, now)
        if cause is not None:
            self._refused[cause] += 1
            return False
        self._originate(now)
        return True

    def changed(self, neighbour: Neighbour, change: Change, now: int) -> None:
        """A neighbour came, went, or costs another price."""
        via = neighbour.via
        if change is Change.DOWN:
            self.reliable.drop(via)
            self.wants.drop(via)
            self.routes.drop(via, now)
            self._out.append(NeighbourChanged(*via, False))
            return
        self.routes.recost(via, neighbour.settled, now)
        if change is Change.UP:
            self.reliable.add(via)
            # What was taken back while nobody listened counts as told still: so it is said, too.
            self.reliable.owe(via, [*self.routes, *self.routes.told], now)
            self._out.append(NeighbourChanged(*via, True))

    def sweep(self, now: int) -> None:
        """Whoever is no member any more is no neighbour and no destination either, and is told: nobody will later."""
        listed = self._trust.record(update.REVOCATIONS)
        for neighbour in self._adjacency.up():
            if listed is not None and not self._trust.allowed(neighbour.kid, now):
                self._fanout.send(frame.RECORD, 1, listed, [neighbour], now)
        self._adjacency.sweep(now)
        for kid in self.statements.sweep(now):
            self.routes.forget(kid, now)

    def _introduce(self, neighbour: Neighbour, now: int) -> None:
        """Whoever routes through here to this neighbour will ask for its birth, so it has to be there."""
        if self._trust.record(neighbour.kid) is None or self._trust.outdated(neighbour.kid, neighbour.order[0]):
            self._ask(neighbour, [neighbour.kid], now)

    # Hearing

    def update(self, neighbour: Neighbour, body: bytes, counter: int, now: int) -> None:
        """An UPDATE. It is acknowledged unless something is missing that the neighbour will send."""
        entries, statements = update.parse_update(body)
        self._introduce(neighbour, now)
        unknown, outdated, refused = [], [], set()
        for data in statements:
            kid, cause = self.statements.accept(data, now)
            if cause in (Cause.UNENROLLED, Cause.EXPIRED):  # perhaps it was renewed since
                unknown.append(kid)
            elif cause is not None:
                self._refused[cause] += 1
                refused.add(kid)
            elif (stated := self.statements.get(kid)) is not None and self._trust.outdated(kid, stated.seqno >> 32):
                outdated.append(kid)
        complete = not unknown
        for entry in entries:
            if entry.metric < INFINITY and entry.router != self._trust.kid:
                stated = self.statements.get(entry.router)
                if entry.destination not in (entry.router, GATEWAY) or entry.router in refused:
                    continue
                if stated is None or stated.seqno < entry.seqno:
                    complete = False
                    continue
                if entry.destination == GATEWAY and not stated.gateway:
                    entry = entry._replace(metric=INFINITY)
            self.routes.update(neighbour.via, entry, counter, now)
        if unknown or outdated:
            self._ask(neighbour, [*unknown, *outdated], now)
        if complete:
            self._adjacency.transmit(frame.ACK, 1, update.pack_counters([counter]), [neighbour], now)

    def request(self, neighbour: Neighbour, body: bytes, now: int) -> None:
        """A REQUEST (RFC 8966 section 3.8.1.2)."""
        request = update.parse_request(body)
        route = self.routes.selected_route(request.destination)
        if request.router == self._trust.kid:
            if request.seqno > self.origin.stated.seqno and now - self._advanced >= _ADVANCE:
                self._advanced = now
                self.origin.advance(now)
                self._originate(now)
            self.reliable.owe(neighbour.via, [request.destination], now)
        elif route is not None and (route.router != request.router or route.seqno >= request.seqno):
            self.reliable.owe(neighbour.via, [request.destination], now)
        else:
            self.requests.forward(neighbour.kid, request, now)

    def want(self, neighbour: Neighbour, body: bytes, now: int) -> list[bytes]:
        """The records that a WANT asks for."""
        found: list[bytes] = []
        for kid in update.parse_kids(body)[:_KIDS]:
            record = self._trust.record(kid)
            if record is not None and sum(map(len, found)) < _ANSWER:
                found.append(record)
        return found

    def record(self, data: bytes, now: int) -> None:
        """A RECORD: a birth, or what the authority states."""
        learned = self._trust.learn(data, now)
        if learned is not None:
            self.wants.answered(learned)
        if learned == update.REVOCATIONS:
            self.sweep(now)

    def compare(self, neighbour: Neighbour, theirs: Versions, now: int) -> None:
        """A neighbour says which of the authority's statements it has; newer ones are asked for."""
        held = zip(update.STATEMENTS, theirs, self._trust.versions, strict=True)
        behind = [kid for kid, there, here in held if there > here]
        self._ask(neighbour, [kid for kid in behind if self.wants.turn(kid, neighbour.via, now)], now)

    def unknown(self, neighbour: Neighbour, kid: bytes, now: int) -> None:
        """A message of somebody came whose birth was never heard."""
        self._ask(neighbour, [kid], now)

    def _ask(self, neighbour: Neighbour, kids: Iterable[bytes], now: int) -> None:
        missing = [kid for kid in list(kids)[:_KIDS] if self.wants.ask(kid, neighbour.via, now)]
        if missing:
            self._adjacency.transmit(frame.WANT, 1, b"".join(missing), [neighbour], now)

    # Time

    @property
    def deadline(self) -> int | None:
        """When there is something to be done."""
        due = [self._refresh, self._probe, self.reliable.deadline, self.requests.deadline, self.origin.deadline]
        return min(time for time in due if time is not None)

    def tick(self, now: int) -> None:
        """Sends what is due."""
        if self.origin.silence(now):
            self._originate(now)
        if self._refresh <= now:
            self._refresh = now + _REFRESH
            for neighbour in self._adjacency.up():
                self.reliable.owe(neighbour.via, self.routes, now)
        if self._probe <= now:
            self._probe = now + _PROBE
            for neighbour in self._adjacency.up():
                self._introduce(neighbour, now)
                if neighbour.link.wan:
                    self._send([neighbour], [], {}, now)
        self.settle(now)
        for via, request in self.requests.tick(now):
            asked = self._adjacency.neighbours.get(via)
            if asked is not None and asked.up:
                self._adjacency.transmit(frame.REQUEST, 1, update.pack_request(request), [asked], now)
        if self.reliable.tick(now):
            self._flush(now)

    def settle(self, now: int) -> None:
        """What follows from routes that changed."""
        routes = self.routes
        for destination in list(routes.wanted):
            self.requests.answered(destination)
        for destination in routes.lost:
            self.requests.lost(destination, now)
        routes.lost.clear()
        if routes.owed:
            for via in self.reliable.owed:
                self.reliable.owe(via, routes.owed, now, urgent=any(routes.owed.values()))
            routes.owed.clear()
        self.rerouted.update(dict.fromkeys(change.destination for change in routes.changes))
        self._out += routes.changes
        routes.changes.clear()

    def _flush(self, now: int) -> None:
        for owing in by_link(n for n in self._adjacency.up() if self.reliable.owed.get(n.via)):
            destinations = dict.fromkeys(d for n in owing for d in self.reliable.owed[n.via])
            for neighbour in owing:
                self.reliable.owed[neighbour.via].clear()
            self._tell(owing, destinations, now)

    def _tell(self, to: list[Neighbour], destinations: Iterable[bytes], now: int) -> None:
        room = self._adjacency.room(to[0].link, len(to)) - update.UPDATE_OVERHEAD
        entries: list[Entry] = []
        stated: dict[bytes, Stated] = {}
        size = 0
        for destination in destinations:
            entry = self.routes.tell(destination, now)
            needed = self._needed(entry, to)
            more = update.ENTRY_SIZE
            if needed is not None and entry.router not in stated:
                more += update.STATEMENT_OVERHEAD + len(needed.data)
            if entries and (size + more > room or len(entries) >= update.MAX_ENTRIES):
                self._send(to, entries, stated, now)
                entries, stated, size = [], {}, 0
                more = update.ENTRY_SIZE + (update.STATEMENT_OVERHEAD + len(needed.data) if needed else 0)
            entries.append(entry)
            size += more
            if needed is not None:
                stated[entry.router] = needed
        if entries:
            self._send(to, entries, stated, now)

    def _needed(self, entry: Entry, to: list[Neighbour]) -> Stated | None:
        """The statement that has to go along, because a receiver does not have it."""
        if entry.metric >= INFINITY:
            return None
        if entry.router == self._trust.kid:
            stated: Stated | None = self.origin.stated
        else:
            stated = self.statements.get(entry.router)
        if all(n.kid == entry.router or self.reliable.heard[n.via].get(entry.router, -1) >= entry.seqno for n in to):
            return None
        return stated

    def _send(self, to: list[Neighbour], entries: list[Entry], stated: dict[bytes, Stated], now: int) -> None:
        body = update.pack_update(entries, [statement.data for statement in stated.values()])
        counter = self._adjacency.transmit(frame.UPDATE, 1, body, to, now)
        link = to[0].link.name
        self._adjacency.timed(link, counter, now)
        self.reliable.sent(
            counter,
            {entry.destination: entry.router for entry in entries},
            {router: statement.seqno for router, statement in stated.items()},
            {n.via for n in to},
            now,
            max(n.timeout for n in to),
        )

# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes a node heard of and the one it follows to each destination: a subset of Babel (RFC 8966 section 3.5, 3.6).

A destination is a member's key id, or the anycast `GATEWAY` that every node with an uplink originates. An origin's
sequence number has its epoch in the upper half, so it only grows, over reboots too, and is compared as an integer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter

from ganglion.mesh.overlay.cost import INFINITY
from ganglion.mesh.overlay.effects import RouteChanged
from ganglion.mesh.overlay.sources import Sources
from ganglion.mesh.overlay.update import Entry
from ganglion.units import SECOND

#: A neighbour: its key id and the link. The same neighbour on two links is two ways.
Via = tuple[bytes, str]

#: Whoever has an uplink to the gateway: eight zeros, which no key's thumbprint begins with in practice.
GATEWAY = bytes(8)
#: This node itself, among the ways to the gateway.
OWN: Via = (b"", "")

#: Neighbours tell everything anew every 30 s; a route that was not told for three and a half times that is gone
#: (RFC 8966 appendix B).
_LIFETIME = 105 * SECOND
#: How long a better route must have been better.
_PATIENCE = 2 * SECOND
#: What a way costs more, and for how long, on which messages vanish.
_MISTRUST = 1024
_MISTRUSTED = 60 * SECOND
#: Change of a metric that neighbours are told before the next refresh: this much, and a quarter.
_NOTABLE = 128
_DESTINATIONS = 1024


@dataclass(slots=True)
class Route:
    """What a neighbour said of a destination.

    Attributes:
        router: The origin.
        seqno: The origin's.
        refmetric: The neighbour's distance.
        heard: When.
        counter: Of the frame, so that one that was overtaken changes nothing.
        stale: It is followed as it was; what the neighbour says now is not feasible.
    """

    router: bytes
    seqno: int
    refmetric: int
    heard: int
    counter: int
    stale: bool = False


class Routes:
    """The route table.

    Args:
        kid: This node's key id.

    Attributes:
        sources: Feasibility distances.
        selected: The way to each destination that has one.
        told: What neighbours were told last of each destination.
        changes: Since the caller last emptied it.
        owed: Destinations of which neighbours have to be told, and whether at once; emptied by the caller.
        wanted: Origin and sequence number asked for, by destination: a route that has it goes before a nearer one.
        lost: Destinations that have routes and none that is feasible: a newer sequence number is needed.
    """

    def __init__(self, kid: bytes) -> None:
        self._kid = kid
        self._routes: dict[bytes, dict[Via, Route]] = {}
        self._costs: dict[Via, int] = {OWN: 0}
        self._better: dict[bytes, tuple[Via, int]] = {}
        self._mistrusted: dict[tuple[bytes, Via], int] = {}
        self.sources = Sources()
        self.selected: dict[bytes, Via] = {}
        self.told: dict[bytes, Entry] = {}
        self.changes: list[RouteChanged] = []
        self.owed: dict[bytes, bool] = {}
        self.wanted: dict[bytes, tuple[bytes, int]] = {}
        self.lost: dict[bytes, None] = {}

    def __len__(self) -> int:
        return sum(map(len, self._routes.values()))

    def originate(self, destination: bytes, seqno: int, metric: int | None, now: int) -> None:
        """This node is a way to the destination itself, at this metric; or with None no more."""
        table = self._routes.setdefault(destination, {})
        if metric is None:
            table.pop(OWN, None)
        else:
            table[OWN] = Route(self._kid, seqno, metric, now, 0)
        self.choose(destination, now)

    def update(self, via: Via, entry: Entry, counter: int, now: int) -> None:
        """A neighbour told of a destination (RFC 8966 section 3.5.3)."""
        destination, router, seqno, metric = entry
        if via not in self._costs or destination == self._kid:
            return
        if router == self._kid:
            metric = INFINITY  # our own word come back: no route
        table = self._routes.get(destination)
        if table is None:
            if metric >= INFINITY or len(self._routes) >= _DESTINATIONS or self.sources.full:
                return
            table = self._routes[destination] = {}
        route = table.get(via)
        if route is None:
            if metric >= INFINITY:
                return
            table[via] = Route(router, seqno, metric, now, counter)
        elif counter < route.counter:
            return
        elif not route.stale and entry == (destination, route.router, route.seqno, route.refmetric):
            route.heard, route.counter = now, counter  # a refresh: all that N neighbours say of N destinations
            return
        elif (
            self.selected.get(destination) == via
            and route.router == router
            and not self.sources.feasible(destination, router, seqno, metric)
        ):
            route.heard, route.counter, route.stale = now, counter, True
        else:
            route.router, route.seqno, route.refmetric = router, seqno, metric
            route.heard, route.counter, route.stale = now, counter, False
            if self.selected.get(destination) == via and not self._feasible(destination, route):
                del self.selected[destination]  # another origin, which may lead back here
                self._changed(destination, None)
        self.choose(destination, now)

    def recost(self, via: Via, cost: int, now: int) -> None:
        """A neighbour costs this much from now on; it is new, or another, or dearer."""
        if self._costs.get(via) == cost:
            return
        self._costs[via] = cost
        for destination, table in self._routes.items():
            if via in table:
                self.choose(destination, now)

    def drop(self, via: Via, now: int) -> None:
        """A neighbour is gone with all its routes."""
        self._costs.pop(via, None)
        for destination, table in list(self._routes.items()):
            if table.pop(via, None) is not None:
                self.choose(destination, now)
                if not table:
                    self._routes.pop(destination)

    def forget(self, router: bytes, now: int) -> None:
        """An origin is no member any more."""
        for destination, table in list(self._routes.items()):
            gone = [via for via, route in table.items() if route.router == router and via != OWN]
            for via in gone:
                del table[via]
            if gone:
                self.choose(destination, now)

    def mistrust(self, destination: bytes, now: int) -> None:
        """What goes there the way that is followed is not answered, though every hop acknowledges: a black hole."""
        via = self.selected.get(destination)
        if via not in (None, OWN) and len(self._mistrusted) < _DESTINATIONS:
            self._mistrusted[destination, via] = now
            self.choose(destination, now)

    def selected_route(self, destination: bytes) -> Route | None:
        """What is followed to a destination."""
        via = self.selected.get(destination)
        return None if via is None else self._routes[destination][via]

    def metric(self, destination: bytes, via: Via) -> int:
        """The distance through a neighbour."""
        route = self._routes.get(destination, {}).get(via)
        return INFINITY if route is None else self._distance(destination, via, route)

    def _distance(self, destination: bytes, via: Via, route: Route) -> int:
        mistrust = _MISTRUST if self._mistrusted and (destination, via) in self._mistrusted else 0
        return min(INFINITY, route.refmetric + self._costs.get(via, INFINITY) + mistrust)

    def finite(self, destination: bytes) -> list[tuple[Via, Route]]:
        """Every route that leads somewhere, feasible or not, nearest first."""
        table = self._routes.get(destination, {}).items()
        found = [(self._distance(destination, via, route), via, route) for via, route in table]
        found.sort(key=itemgetter(0, 1))
        return [(via, route) for metric, via, route in found if metric < INFINITY]

    def successors(self, destination: bytes) -> list[Via]:
        """The neighbours a message may be given to without closing a loop: the one that is followed, then others."""
        followed = self.selected.get(destination)
        if followed is None:
            return []
        others = [
            via
            for via, route in self.finite(destination)
            if via not in (followed, OWN) and self._feasible(destination, route)
        ]
        return [followed, *others]

    def _feasible(self, destination: bytes, route: Route) -> bool:
        return not route.stale and self.sources.feasible(destination, route.router, route.seqno, route.refmetric)

    def choose(self, destination: bytes, now: int) -> None:
        """Selects the way to a destination (RFC 8966 section 3.6 and appendix A.3)."""
        current = self.selected.get(destination)
        wanted = self.wanted.get(destination)
        best: Via | None = None
        nearest = (True, INFINITY, OWN)
        usable = leads = False
        # One look at each: among N neighbours on a LAN this runs N * N times a refresh
        for via, route in self._routes.get(destination, {}).items():
            metric = self._distance(destination, via, route)
            if metric >= INFINITY:
                continue
            leads = True
            if via == current:
                usable = True
            elif via != OWN and not self._feasible(destination, route):
                continue
            fits = wanted is not None and route.router == wanted[0] and route.seqno >= wanted[1]
            if (rank := (not fits, metric, via)) < nearest:
                best, nearest = via, rank
        answered = best is not None and not nearest[0]
        if usable and not answered and best is not None and best != current:
            best = self._patient(destination, current, best, now)
        else:
            self._better.pop(destination, None)
        if best is None:
            self.selected.pop(destination, None)
        else:
            self.selected[destination] = best
        if best != current:
            self._changed(destination, best)
        self._weigh(destination)
        followed = self.selected_route(destination)
        if followed.stale if followed is not None else leads:
            self.lost[destination] = None

    def _patient(self, destination: bytes, current: Via | None, best: Via, now: int) -> Via | None:
        """The better way, if it is half as far, or a tenth better for a while; else the current one."""
        assert current is not None
        new, old = self.metric(destination, best), self.metric(destination, current)
        if 2 * new <= old:
            return best
        if 10 * new > 9 * old:
            self._better.pop(destination, None)
            return current
        since = self._better.get(destination)
        if since is None or since[0] != best:
            self._better[destination] = (best, now)
            return current
        if now - since[1] < _PATIENCE:
            return current
        del self._better[destination]
        return best

    def _changed(self, destination: bytes, best: Via | None) -> None:
        if destination == self._kid:
            return
        if best is None:
            change = RouteChanged(destination, None, "", INFINITY)
        else:
            change = RouteChanged(destination, best[0] or self._kid, best[1], self.metric(destination, best))
        self.changes.append(change)

    def _weigh(self, destination: bytes) -> None:
        """Whether neighbours must hear of it now (RFC 8966 section 3.7.2)."""
        told = self.told.get(destination)
        entry = self.entry(destination)
        if told is None:
            urgent = entry.metric < INFINITY
        elif entry.metric >= INFINITY or told.metric >= INFINITY:
            urgent = entry.metric != told.metric
        else:
            urgent = (
                entry.router != told.router
                or entry.seqno > told.seqno
                or not told.metric < 2 * entry.metric < 4 * told.metric
            )
            if not urgent and abs(entry.metric - told.metric) >= max(_NOTABLE, told.metric // 4):
                self.owed.setdefault(destination, False)
        if urgent:
            self.owed[destination] = True

    def entry(self, destination: bytes) -> Entry:
        """What there is to tell of a destination now."""
        via = self.selected.get(destination)
        if via is None:
            told = self.told.get(destination)
            return Entry(destination, told.router if told else self._kid, told.seqno if told else 0, INFINITY)
        route = self._routes[destination][via]
        return Entry(destination, route.router, route.seqno, self.metric(destination, via))

    def tell(self, destination: bytes, now: int) -> Entry:
        """What there is to tell, which from now on counts as told."""
        entry = self.entry(destination)
        self.sources.tell(*entry, now)
        self.told[destination] = entry
        return entry

    def expire(self, now: int) -> None:
        """Drops what was not told for long, and gives routes that became better their turn."""
        for destination, table in list(self._routes.items()):
            old = [via for via, route in table.items() if via != OWN and now - route.heard > _LIFETIME]
            for via in old:
                del table[via]
            if old:
                self.choose(destination, now)
            if not table:
                del self._routes[destination]
        for key in [key for key, since in self._mistrusted.items() if now - since > _MISTRUSTED]:
            del self._mistrusted[key]
        for destination in list(self._better):
            self.choose(destination, now)
        for destination in [d for d, entry in self.told.items() if entry.metric >= INFINITY and d not in self._routes]:
            del self.told[destination]
        self.sources.expire(now)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.selected)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Wishes for newer sequence numbers, asked every half second until they are answered (RFC 8966 section 3.8.2.1).

A destination may have routes of which none is feasible. Only its origin can change that, by a newer sequence number.
A wish that is lost and never said again leaves the destination unreachable: so who wishes asks again, and so does
every node that passes the wish on.
"""

from dataclasses import dataclass

from ganglion.mesh.overlay.routes import OWN, Routes, Via
from ganglion.mesh.overlay.update import Request
from ganglion.units import MILLISECOND, SECOND

INTERVAL = 500 * MILLISECOND
#: How long a wish of another's is repeated here after it was last heard.
_FORWARDED = 5 * SECOND
#: Nodes that a wish passes (RFC 8966 section 3.8.1.2 asks for a bound).
_HOPS = 32
_LIMIT = 1024


@dataclass(slots=True)
class _Wish:
    router: bytes
    seqno: int
    hops: int
    due: int
    until: int | None
    asker: bytes


class Requests:
    """What was asked and not answered, by destination.

    Args:
        routes: Where answers show.
    """

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._wishes: dict[bytes, _Wish] = {}

    def __len__(self) -> int:
        return len(self._wishes)

    @property
    def deadline(self) -> int | None:
        """When something has to be asked again."""
        return min((wish.due for wish in self._wishes.values()), default=None)

    def _put(self, destination: bytes, wish: _Wish) -> None:
        if destination in self._wishes or len(self._wishes) < _LIMIT:
            self._wishes[destination] = wish
            self._routes.wanted[destination] = (wish.router, wish.seqno)

    def _remove(self, destination: bytes) -> None:
        del self._wishes[destination]
        del self._routes.wanted[destination]

    def lost(self, destination: bytes, now: int) -> None:
        """A destination has no feasible route, or follows one that is so no more."""
        found = self._routes.selected_route(destination)
        if found is None:
            finite = self._routes.finite(destination)
            if not finite:
                return
            found = finite[0][1]
        seqno = self._routes.sources.seqno(destination, found.router) + 1
        wish = self._wishes.get(destination)
        if wish is not None and wish.router == found.router and wish.seqno >= seqno:
            wish.until = None
        else:
            self._put(destination, _Wish(found.router, seqno, _HOPS, now, None, b""))

    def forward(self, asker: bytes, request: Request, now: int) -> None:
        """A neighbour wishes for what only the origin can give."""
        destination, router, seqno, hops = request
        if hops < 2:
            return
        wish = self._wishes.get(destination)
        if wish is None or wish.router != router or wish.seqno < seqno:
            self._put(destination, _Wish(router, seqno, hops - 1, now, now + _FORWARDED, asker))
        elif wish.until is not None:
            wish.until = now + _FORWARDED
            wish.asker = asker

    def answered(self, destination: bytes) -> bool:
        """Whether the route that is followed fulfils the wish; it is over then."""
        wish = self._wishes.get(destination)
        route = self._routes.selected_route(destination)
        if wish is None or route is None or route.stale:
            return False
        if route.seqno < wish.seqno and route.router == wish.router:
            return False
        self._remove(destination)
        return True

    def tick(self, now: int) -> list[tuple[Via, Request]]:
        """What to ask whom now."""
        asked: list[tuple[Via, Request]] = []
        for destination, wish in list(self._wishes.items()):
            if wish.due > now:
                continue
            targets = self._targets(destination, wish)
            if not targets or (wish.until is not None and now >= wish.until):
                self._remove(destination)
                continue
            wish.due = now + INTERVAL
            asked += [(via, Request(destination, wish.router, wish.seqno, wish.hops)) for via in targets]
        return asked

    def _targets(self, destination: bytes, wish: _Wish) -> list[Via]:
        """For our own wish everyone with a way there, once each; for another's the nearest that is not the asker."""
        finite = [via for via, _ in self._routes.finite(destination) if via != OWN and via[0] != wish.asker]
        if wish.until is None:
            return list({via[0]: via for via in reversed(finite)}.values())
        selected = self._routes.selected.get(destination)
        return [selected] if selected in finite else finite[:1]

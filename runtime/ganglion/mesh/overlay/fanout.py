# SPDX-License-Identifier: GPL-3.0-or-later
"""One body to several neighbours, or to one in several frames: who is sent what over which link."""

from ganglion.mesh.overlay import frame
from ganglion.mesh.overlay.adjacency import Adjacency
from ganglion.mesh.overlay.neighbour import Neighbour, by_link


class Fanout:
    """Sends bodies of any size.

    Args:
        adjacency: The neighbours.
    """

    def __init__(self, adjacency: Adjacency) -> None:
        self._adjacency = adjacency

    def spread(self, kind: int, ttl: int, body: bytes, covered: set[bytes], now: int) -> None:
        """Sends to each neighbour whose hint is not covered, over its cheapest link."""
        nearest: dict[bytes, Neighbour] = {}
        for neighbour in self._adjacency.up():
            if neighbour.kid[: frame.HINT_SIZE] in covered:
                continue
            known = nearest.get(neighbour.kid)
            if known is None or neighbour.settled < known.settled:
                nearest[neighbour.kid] = neighbour
        for to in by_link(nearest.values()):
            self.send(kind, ttl, body, to, now)

    def send(self, kind: int, ttl: int, body: bytes, to: list[Neighbour], now: int) -> None:
        """Sends to neighbours on one link; to fewer at a time where their tags leave too little room for a body."""
        room = self._adjacency.room(to[0].link, len(to))
        if len(body) <= room:
            self._adjacency.transmit(kind, ttl, body, to, now)
            return
        if len(to) > 1 and not frame.fits(body, room):
            half = len(to) // 2
            self.send(kind, ttl, body, to[:half], now)
            self.send(kind, ttl, body, to[half:], now)
            return
        for piece in frame.split(body, room):
            self._adjacency.transmit(kind, ttl, piece, to, now, frame.FRAGMENT)
